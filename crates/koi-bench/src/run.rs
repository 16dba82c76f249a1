//! One run: a folder for everything, the stages in order, the report.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

use crate::bars::{compare, hot_path, public_log, scaling, stored};
use crate::disk;
use crate::machine::Machine;
use crate::options::Options;
use crate::process::Server;
use crate::progress::Progress;
use crate::report::{Bar, Compared, Report, rounded};
use crate::site::Site;
use crate::stage::Stage;

/// Measures what is asked for. A bar that cannot be measured is in the report with the reason; the others
/// are measured all the same.
///
/// # Errors
/// Options out of range, and a folder in which nothing can be written.
pub fn run(options: &Options, progress: &dyn Fn(Progress<'_>)) -> anyhow::Result<Report> {
    options.check()?;
    let folder = temporary_folder(options)?;
    let run = Run { options, program: options.program()?, folder: folder.path(), progress };
    let machine = Machine::read(run.folder);
    run.say("timing fdatasync");
    let fsync_us = disk::sync_us(run.folder)?;

    let (bars, compared, batch) = match &options.scaling {
        Some(scaling) => (Vec::new(), scaling::measure(&run, scaling)?, None),
        None => measure_bars(&run),
    };

    Ok(Report {
        machine,
        fsync_us: Some(rounded(fsync_us)),
        batch: batch.map(rounded),
        brief: options.brief,
        coupons: options.coupons,
        seconds: options.seconds,
        rounds: options.rounds,
        connections: options.connections,
        generator_threads: options.threads(),
        kept: options.keep.then(|| folder.keep().display().to_string()),
        bars,
        compared,
    })
}

/// The bars in the order of their numbers, those that were put beside Koi, and the batch that claims reached.
fn measure_bars(run: &Run<'_>) -> (Vec<Bar>, Vec<Compared>, Option<f64>) {
    let (mut bars, batch) = hot_path::measure(run);
    let (beside, compared) = compare::measure(run);
    bars.extend(beside);
    bars.extend(stored::measure(run));
    bars.extend(public_log::measure(run));
    bars.sort_by_key(|bar| bar.bar);
    (bars, compared, batch)
}

fn temporary_folder(options: &Options) -> anyhow::Result<tempfile::TempDir> {
    let parent = options.parent();
    std::fs::create_dir_all(&parent)
        .and_then(|()| tempfile::Builder::new().prefix("koi-bench-").tempdir_in(&parent))
        .with_context(|| format!("making a folder in {}", parent.display()))
}

/// What every stage of a run needs.
pub(crate) struct Run<'a> {
    options: &'a Options,
    program: PathBuf,
    folder: &'a Path,
    progress: &'a dyn Fn(Progress<'_>),
}

impl Run<'_> {
    pub(crate) fn options(&self) -> &Options {
        self.options
    }

    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    /// The folder of the whole run.
    pub(crate) fn folder(&self) -> &Path {
        self.folder
    }

    /// The data folder of the server of this name.
    pub(crate) fn data(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub(crate) fn tell(&self, progress: Progress<'_>) {
        (self.progress)(progress);
    }

    pub(crate) fn say(&self, step: &str) {
        self.tell(Progress::Step(step));
    }

    /// Those of these bars that were asked for.
    pub(crate) fn wanted(&self, bars: &[u8]) -> Vec<u8> {
        bars.iter().copied().filter(|&bar| self.options.wants(bar)).collect()
    }

    /// The names of the rounds.
    pub(crate) fn rounds(&self) -> impl Iterator<Item = String> + use<> {
        let rounds = self.options.rounds;
        (1..=rounds).map(move |round| format!("round {round} of {rounds}"))
    }

    /// What came of one bar: judged, or failed with its reason.
    pub(crate) fn settle(&self, bar: u8, result: anyhow::Result<Bar>) -> Bar {
        result.unwrap_or_else(|error| Bar::failed(bar, &error)).judge(self.options.brief)
    }

    /// Starts `koi serve` on a data folder and waits until it is ready.
    pub(crate) fn serve(&self, data: &Path) -> anyhow::Result<Server> {
        self.serve_so(data, &[])
    }

    fn serve_so(&self, data: &Path, settings: &[&str]) -> anyhow::Result<Server> {
        std::fs::create_dir_all(data).with_context(|| format!("making {}", data.display()))?;
        let data_is = ["--data".as_ref(), data.as_os_str()];
        self.serve_with(data_is.into_iter().chain(settings.iter().map(OsStr::new)), &data.with_extension("log"))
    }

    fn serve_with<'a>(
        &self,
        arguments: impl IntoIterator<Item = &'a OsStr>,
        log: &Path,
    ) -> anyhow::Result<Server> {
        let mut command = Command::new(&self.program);
        command.args(["serve", "--sandbox", "--listen", "127.0.0.1:0"]).args(arguments);
        command.args(&self.options.serve_arguments);
        Server::start(&mut command, log).context("starting koi serve")
    }

    /// A fresh server on a data folder, with its stage set.
    pub(crate) fn open(&self, name: &str) -> anyhow::Result<(Server, Site)> {
        self.open_with(name, &[])
    }

    /// The same with settings of its own.
    pub(crate) fn open_with(&self, name: &str, settings: &[&str]) -> anyhow::Result<(Server, Site)> {
        let server = self.serve_so(&self.data(name), settings)?;
        let site = Site::new(vec![server.address], staged(&server)?, self.options);
        Ok((server, site))
    }

    /// Servers on a fresh database, in so many cells if that is said, with their stage set.
    pub(crate) fn open_on(
        &self,
        name: &str,
        database: &str,
        cells: Option<u16>,
        servers: usize,
    ) -> anyhow::Result<(Vec<Server>, Site)> {
        let cells = cells.map(|cells| cells.to_string());
        let mut arguments = vec!["--database".as_ref(), OsStr::new(database)];
        arguments.extend(cells.iter().flat_map(|cells| ["--cells".as_ref(), OsStr::new(cells)]));
        let serve = |number: usize| {
            // For what is not in the database: the files of the public log.
            let data = self.folder.join(format!("{name}-{number}"));
            let own = ["--data".as_ref(), data.as_os_str()];
            self.serve_with(arguments.iter().copied().chain(own), &data.with_extension("log"))
        };
        let servers: Vec<Server> = (1..=servers).map(serve).collect::<anyhow::Result<_>>()?;
        let first = servers.first().context("no server")?;
        let site = Site::new(servers.iter().map(|server| server.address).collect(), staged(first)?, self.options);
        Ok((servers, site))
    }
}

fn staged(server: &Server) -> anyhow::Result<Stage> {
    Stage::set(server.address).with_context(|| format!("setting the stage{}", server.process.last_words()))
}
