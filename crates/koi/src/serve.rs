//! Builds a server from its settings and runs it until it is told to stop.

use std::sync::{Arc, RwLock};

use anyhow::{Context, bail};
use axum::Router;
use koi_core::time::Time;
use koi_store::Store;
use koi_store::sqlite::Folder;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::engine::Engine;
use crate::engine::clock::Clock;
use crate::engine::keys::KeyRing;
use crate::engine::pipeline::Pipeline;
use crate::engine::readers::Readers;
use crate::http::{App, router, server};
use crate::limits;
use crate::metrics::Metrics;
use crate::settings::Serve;
use crate::source::Source;

/// How often the stored keys are looked at for changes that the command line made.
const KEYS_EVERY: std::time::Duration = std::time::Duration::from_millis(500);
/// Once in so many of these looks the last use of keys is stored: once a minute.
const LOOKS_PER_STORED_USE: u64 = 120;

/// Serves until `stop` ends; an error of it is the server's. `ready` is told the address once it answers.
pub(crate) async fn serve(
    settings: &Serve,
    ready: impl FnOnce(std::net::SocketAddr),
    stop: impl Future<Output = anyhow::Result<()>>,
) -> anyhow::Result<()> {
    serve_routes(settings, router, ready, stop).await
}

/// The same with other routes: the benchmark puts something else behind the same HTTP layer.
pub(crate) async fn serve_routes(
    settings: &Serve,
    routes: impl FnOnce(Arc<App>) -> Router,
    ready: impl FnOnce(std::net::SocketAddr),
    stop: impl Future<Output = anyhow::Result<()>>,
) -> anyhow::Result<()> {
    let folder = Folder::new(&settings.data);
    // Held to the end: the lock says that the folder is served.
    let (mut writer, _lock) = folder.serve()?;
    let wanted = if settings.sandbox { "sandbox" } else { "live" };
    let mode = writer.mode(wanted)?;
    if mode != wanted {
        bail!(
            "{} was first served as {mode}, and stays that: sandbox money and real money do not mix. {}",
            settings.data.display(),
            if settings.sandbox {
                "Leave out --sandbox, or choose another --data."
            } else {
                "Add --sandbox, or choose another --data."
            }
        );
    }
    let clock = Arc::new(sandbox_clock(settings, &mut writer)?);
    let catalog = Arc::new(RwLock::new(writer.load_catalog()?));
    let shoppers = writer.shoppers();
    let metrics = Arc::new(Metrics::default());
    let rules = settings.rules();
    let pipeline = Pipeline::new(Box::new(writer), catalog.clone(), rules.clone(), clock.clone(), metrics.clone());
    let (engine, thread) = Engine::start(pipeline).context("the writer thread could not be started")?;
    let readers = Readers::open(&folder, &shoppers, limits::READERS)?;
    let keys = Arc::new(KeyRing::new(settings.sandbox));
    keys.replace(readers.read(|reader| reader.keys()).await?);
    tokio::spawn(follow_keys(readers.clone(), keys.clone(), folder));

    let listener = TcpListener::bind(&settings.listen).await.with_context(|| {
        format!("cannot listen on {}: is it in use? Choose another with --listen", settings.listen)
    })?;
    let address = listener.local_addr()?;
    let app = App {
        engine,
        readers,
        catalog,
        clock,
        settings: rules,
        keys,
        metrics: metrics.clone(),
        source: Source::system(),
        public_url: settings.public_url.clone().unwrap_or_else(|| format!("http://{address}")),
        sandbox: settings.sandbox,
        folder: settings.data.clone(),
    };
    let (stopping, stopped) = watch::channel(false);
    let routes = routes(Arc::new(app));
    let serving = tokio::spawn(server::serve(listener, routes, metrics, stopped));
    ready(address);
    let why = stop.await;
    tracing::info!("stopping: open requests may finish");
    stopping.send_replace(true);
    serving.await?;
    // The engine ends when nobody can reach it any more; what was taken is finished first.
    let _ = tokio::task::spawn_blocking(move || thread.join()).await;
    why
}

/// The clock of the settings: the machine's; in a sandbox frozen where it was left, or set by `--clock`.
fn sandbox_clock(settings: &Serve, writer: &mut koi_store::sqlite::Writer) -> anyhow::Result<Clock> {
    let stored = if settings.sandbox { writer.sandbox_clock()? } else { None };
    let asked: Option<Time> = settings.clock;
    match (stored, asked) {
        (Some(stored), Some(asked)) if asked < stored => bail!(
            "the sandbox in {} stands at {stored}; --clock {asked} would go backwards. Give a later time or another --data",
            settings.data.display()
        ),
        (_, Some(asked)) => {
            let rows = writer.begin(&[])?;
            writer.commit(&rows, &koi_store::Notes { sandbox_clock: Some(asked), ..Default::default() })?;
            Ok(Clock::frozen(asked))
        }
        (Some(stored), None) => Ok(Clock::frozen(stored)),
        (None, None) => Ok(Clock::running()),
    }
}

/// Keys that the command line makes or revokes work, or stop working, within a moment; when they were last used is
/// stored now and then.
async fn follow_keys(readers: Readers, keys: Arc<KeyRing>, folder: Folder) {
    for look in 1_u64.. {
        tokio::time::sleep(KEYS_EVERY).await;
        match readers.read(|reader| reader.keys()).await {
            Ok(stored) => keys.replace(stored),
            Err(error) => tracing::warn!(%error, "the keys could not be read again"),
        }
        let used = if look % LOOKS_PER_STORED_USE == 0 { keys.used() } else { Vec::new() };
        if !used.is_empty() {
            let folder = folder.clone();
            let stored = tokio::task::spawn_blocking(move || folder.administer()?.keys_used(&used)).await;
            // What could not be stored is told again the next time.
            if let Ok(Err(error)) = stored {
                tracing::debug!(%error, "the last use of keys could not be stored");
            }
        }
    }
}

/// Ends when the process is told to stop: by SIGTERM, or by Ctrl-C.
pub(crate) async fn told_to_stop() -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => {}
        interrupted = tokio::signal::ctrl_c() => interrupted?,
    }
    Ok(())
}
