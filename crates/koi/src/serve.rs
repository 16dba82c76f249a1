//! Builds a server from its settings and runs it until it is told to stop.

use std::net::SocketAddr;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use axum::Router;
use koi_core::catalog::Catalog;
use koi_core::id::Cell;
use koi_core::time::{DAY_MS, Time};
use koi_fair::beacon::relay::Relays;
use koi_store::sqlite::Lock;
use koi_store::{Installation, Store, StoreError, Wanted, Writer};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::engine::beacons::Beacons;
use crate::engine::clock::Clock;
use crate::engine::freshness::Freshness;
use crate::engine::keys::KeyRing;
use crate::engine::pipeline::Pipeline;
use crate::engine::readers::{LongReads, Readers};
use crate::engine::{Engine, Writers};
use crate::http::peer_claims::{self, Behind};
use crate::http::{App, router, server};
use crate::jobs::beacon::{self, Bringer, Randomness};
use crate::limits;
use crate::metrics::Metrics;
use crate::pages;
use crate::public_log::place::Address;
use crate::public_log::{self, Identity, Place, PublicLog, Publisher};
use crate::settings::{Beacon, Serve};
use crate::source::Source;

/// How often the stored keys are looked at for changes that the command line made.
const KEYS_EVERY: Duration = Duration::from_millis(500);
/// Once in so many of these looks the last use of keys is stored: once a minute.
const LOOKS_PER_STORED_USE: u64 = 120;
/// The exit status of a server that was told to stop twice, and did not wait for what was under way.
const TOLD_TWICE: i32 = 1;

/// Serves until `stop` ends; an error of it is the server's. `ready` is told the address once it answers.
pub(crate) async fn serve(
    settings: &Serve,
    ready: impl FnOnce(SocketAddr),
    stop: impl Future<Output = anyhow::Result<()>>,
) -> anyhow::Result<()> {
    let routes = |app| router(app).merge(pages::router());
    serve_routes(settings, randomness(settings), routes, ready, stop).await
}

/// What seals the campaigns that are approved, by the settings.
fn randomness(settings: &Serve) -> Randomness {
    let beacons = match settings.beacon {
        Beacon::Quicknet => Beacons::quicknet(),
        Beacon::Local => Beacons::local(),
    };
    Randomness { beacons, relays: Relays::new(&settings.beacon_relays), pace: beacon::PACE }
}

/// The same with other routes, or other randomness.
pub(crate) async fn serve_routes(
    settings: &Serve,
    randomness: Randomness,
    routes: impl FnOnce(Arc<App>) -> Router,
    ready: impl FnOnce(SocketAddr),
    stop: impl Future<Output = anyhow::Result<()>>,
) -> anyhow::Result<()> {
    let installation = settings.installation();
    if settings.beacon == Beacon::Local && !settings.sandbox {
        tracing::warn!(
            "campaigns that are approved now are sealed with local randomness, which everybody can foresee: no public draw. \
             For real ones leave out --beacon local"
        );
    }
    let mut stop = std::pin::pin!(stop);
    let opened = tokio::select! {
        opened = open(settings, &installation) => opened?,
        why = &mut stop => return why,
    };
    // The lock is held to the end: it says that the folder is served.
    let Opened { writers, lock, clock, catalog, cells, keys, readers, identity } = opened;
    let (clock, catalog) = (Arc::new(clock), Arc::new(RwLock::new(catalog)));
    let metrics = Arc::new(Metrics::default());
    let public_log = {
        let place = place(settings, &installation, &identity)?;
        PublicLog::new(identity, place)
    };
    let rules = settings.rules(cells);
    let lanes = writers.len();
    let pipelines = writers.into_iter().enumerate().map(|(lane, writer)| {
        let (catalog, clock, beacons) = (catalog.clone(), clock.clone(), randomness.beacons.clone());
        Pipeline::new(Box::new(writer), catalog, rules.clone(), clock, beacons, metrics.clone(), (lane, lanes))
    });
    let (engine, writers) =
        Engine::start(pipelines.collect(), cells).context("a writer thread could not be started")?;

    let listener = TcpListener::bind(&settings.listen).await.with_context(|| {
        format!("cannot listen on {}: is it in use? Choose another with --listen", settings.listen)
    })?;
    let address = listener.local_addr()?;
    let bringer = Bringer {
        engine: engine.clone(),
        catalog: catalog.clone(),
        clock: clock.clone(),
        freshness: Freshness::new(installation.is_shared()),
        readers: readers.clone(),
        randomness,
        metrics: metrics.clone(),
        source: Source::system(),
    };
    let app = App {
        engine,
        freshness: Freshness::new(installation.is_shared()),
        readers,
        long_reads: LongReads::new(&installation),
        catalog,
        clock,
        settings: rules,
        keys: keys.ring.clone(),
        metrics: metrics.clone(),
        source: Source::system(),
        public_url: settings.public_url.clone().unwrap_or_else(|| format!("http://{address}")),
        sandbox: settings.sandbox,
        folder: (!installation.is_shared()).then(|| settings.data.clone()),
        public_log: public_log.clone(),
    };
    let (stopping, stopped) = watch::channel(false);
    let following = tokio::spawn(keys.follow(stopped.clone()));
    let bringing = tokio::spawn(bringer.follow(stopped.clone()));
    let every = Duration::from_secs(settings.public_log_s.into());
    let publisher = Publisher::new(installation.clone(), public_log, settings.witnesses.clone());
    let publishing = tokio::spawn(public_log::follow(publisher, every, metrics.clone(), stopped.clone()));
    let routes = routes(Arc::new(app));
    let serving = tokio::spawn(server::serve(listener, routes, metrics, stopped));
    ready(address);
    let why = until(stop, &writers).await;
    tracing::info!("stopping: open requests may finish");
    stopping.send_replace(true);
    let ended = async {
        serving.await?;
        // Nothing writes any more when the lock is given back.
        following.await?;
        bringing.await?;
        // The engine ends when nobody can reach it any more; what was taken is finished first.
        writers.all_ended().await;
        // Last, since its place may be away.
        publishing.await?;
        anyhow::Ok(())
    };
    match tokio::time::timeout(limits::SHUTDOWN_TIME, ended).await {
        Ok(ended) => ended?,
        // A storage that is silent may be so for as long as it likes. Nobody was answered what it did not confirm: it is as
        // if the process was killed now. What waits may still write, so that the lock ends with the process.
        Err(_) => {
            tracing::warn!("the storage does not answer: what it was asked for is given up");
            std::mem::forget(lock);
            return why;
        }
    }
    match writers.panicked() {
        Some(words) => Err(anyhow!("the writer panicked: {words}")),
        None => why,
    }
}

/// An installation that is open for serving, and what is known of it in memory.
struct Opened {
    writers: Vec<Writer>,
    lock: Option<Lock>,
    clock: Clock,
    catalog: Catalog,
    cells: u16,
    keys: Keys,
    readers: Readers,
    identity: Identity,
}

/// Opens an installation. A database that is away is waited for: whoever starts both need not know which one is faster.
async fn open(settings: &Serve, installation: &Installation) -> anyhow::Result<Opened> {
    for wait in limits::WAITS_FOR_DATABASE.iter().chain(std::iter::repeat(&limits::LONGEST_WAIT_FOR_DATABASE)) {
        let (settings, opened) = (settings.clone(), installation.clone());
        match blocking(move || open_now(&settings, &opened)).await? {
            Err(error) if installation.is_shared() && is_away(&error) => {
                tracing::warn!(%installation, error = %format!("{error:#}"), ?wait, "the database is away: waiting for it");
                tokio::time::sleep(*wait).await;
            }
            opened => return opened,
        }
    }
    bail!("the database is away")
}

fn is_away(error: &anyhow::Error) -> bool {
    error.downcast_ref().is_some_and(StoreError::may_heal)
}

fn open_now(settings: &Serve, installation: &Installation) -> anyhow::Result<Opened> {
    let mut served = installation.serve(settings.cells, settings.writers)?;
    clocks_must_agree(installation)?;
    let writer = served.writers.first_mut().context("there is no writer")?;
    must_be_the_same(settings, installation, writer)?;
    let clock = sandbox_clock(settings, installation, writer)?;
    let identity = identity(settings, writer)?;
    let (catalog, cells) = (writer.load_catalog()?, writer.cells());
    let keys = Keys::open(installation, settings.sandbox)?;
    let readers = Readers::open(installation, served.recent, limits::READERS, limits::READER_TIME)?;
    Ok(Opened { writers: served.writers, lock: served.lock, clock, catalog, cells, keys, readers, identity })
}

/// Who signs the public log. An installation keeps what it was first served with.
fn identity(settings: &Serve, writer: &mut Writer) -> anyhow::Result<Identity> {
    let source = Source::system();
    let random = || source.bytes().context("the system has no randomness to give");
    let origin = match (&settings.public_log_origin, &settings.public_url) {
        (Some(origin), _) => origin.clone(),
        (None, Some(url)) => format!("{}/log", url.split_once("://").map_or(url.as_str(), |(_, host)| host)),
        (None, None) => format!("koi-{}.invalid/log", hex::encode(&random()?[..8])),
    };
    let identity = Identity::settle(writer, &origin, random()?)?;
    if let Some(asked) = settings.public_log_origin.as_ref().filter(|asked| *asked != identity.origin()) {
        bail!(
            "the public log of this installation is called {}, and stays that: those who check it know it so. Leave \
             public_log_origin out, or set it to that, not to {asked}",
            identity.origin()
        );
    }
    Ok(identity)
}

/// Where the public log's files are. A folder of its own, and of the servers of one database: each may serve several.
fn place(settings: &Serve, installation: &Installation, identity: &Identity) -> anyhow::Result<Place> {
    let folder = || {
        let folder = settings.data.join("log");
        Address::Folder(if installation.is_shared() { folder.join(identity.short()) } else { folder })
    };
    if installation.is_shared() && settings.public_log.is_none() {
        tracing::warn!(
            "this server keeps a copy of the public log of its own: with several servers give all of them one place \
             (public_log), so that what one has published is never contradicted by another"
        );
    }
    let address = settings.public_log.clone().unwrap_or_else(folder);
    Place::open(&address, Handle::current()).context("the public log has no place")
}

/// Who writes beside others must not be far from their time: what falls due by it is booked for good.
pub(crate) fn clocks_must_agree(installation: &Installation) -> anyhow::Result<()> {
    let Some(there) = installation.reader()?.server_time()? else { return Ok(()) };
    let here = Clock::running().now();
    if here.since_ms(there).abs() > limits::CLOCKS_APART_MS {
        bail!(
            "this machine's clock says {here}, that of the database {there}: set them right (time synchronisation), since \
             coupons expire by them"
        );
    }
    Ok(())
}

/// Some things an installation stays that it was first served as.
fn must_be_the_same(settings: &Serve, installation: &Installation, writer: &mut Writer) -> anyhow::Result<()> {
    let another = if installation.is_shared() { "--database" } else { "--data" };
    let wanted = if settings.sandbox { "sandbox" } else { "live" };
    let mode = writer.mode(wanted)?;
    if mode != wanted {
        bail!(
            "{installation} was first served as {mode}, and stays that: sandbox money and real money do not mix. {}, \
             or choose another {another}.",
            if settings.sandbox { "Leave out --sandbox" } else { "Add --sandbox" }
        );
    }
    let wallet = settings.wallet_currency.code();
    let first = writer.wallet_currency(wallet)?;
    if first != wallet {
        bail!(
            "{installation} was first served with the wallet currency {first}, and stays that: its coupons are in \
             {first}. Set --wallet-currency {first}, or choose another {another}."
        );
    }
    Ok(())
}

/// Runs what may block on a thread for that.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> anyhow::Result<T> {
    tokio::task::spawn_blocking(work).await.context("a thread of the server panicked")
}

/// Where that is what `koi bench` compares with.
pub(crate) enum PeerPlace {
    /// A Redis.
    Redis(SocketAddr),
    /// A PostgreSQL database.
    Postgres(String),
}

/// The server that `koi bench` compares with: the same HTTP layer, with claims out of something else. The server behind
/// that layer is there in full, and idle.
pub(crate) async fn serve_peer(
    settings: &Serve,
    place: PeerPlace,
    ready: impl FnOnce(SocketAddr),
) -> anyhow::Result<()> {
    let behind = match place {
        PeerPlace::Redis(address) => Behind::redis(address).await?,
        PeerPlace::Postgres(address) => Behind::postgres(&address).await?,
    };
    let routes = |app| peer_claims::router(app, behind);
    serve_routes(settings, randomness(settings), routes, ready, told_to_stop()).await
}

/// Waits until the server is to stop, or has lost its writer: without one it can answer nothing but 503, and whoever
/// watches over the process should start it anew.
async fn until(stop: impl Future<Output = anyhow::Result<()>>, writers: &Writers) -> anyhow::Result<()> {
    tokio::select! {
        why = stop => why,
        () = writers.one_ended() => {
            tracing::error!("the writer ended by itself; the server stops");
            Err(anyhow!("the writer ended by itself"))
        }
    }
}

/// The clock of the settings: the machine's; in a sandbox frozen where it was left, or set by `--clock`. That cannot
/// lie before anything that is stored: a sandbox that ran on real time has entries, and no clock that was left.
fn sandbox_clock(settings: &Serve, installation: &Installation, writer: &mut Writer) -> anyhow::Result<Clock> {
    let stored = if settings.sandbox { writer.sandbox_clock()? } else { None };
    let latest = writer.latest()?;
    let Some(asked) = settings.clock else {
        return stored.map_or_else(|| running_clock(latest), |stored| Ok(Clock::frozen(stored)));
    };
    if let Some(reached) = stored.max(latest).filter(|reached| asked < *reached) {
        bail!(
            "the sandbox in {installation} stands at {reached}; --clock {asked} would go backwards. Give a later time \
             or another installation"
        );
    }
    // All cells: nothing is decided on another time meanwhile, by whichever server.
    let cells: Vec<Wanted> = (0..writer.cells()).map(|cell| (Cell(cell), Vec::new())).collect();
    let begun = writer.begin(&cells, None)?;
    if let Some(reached) = begun.clock.max(begun.latest).filter(|reached| asked < *reached) {
        writer.rollback();
        bail!(
            "the sandbox in {installation} was moved to {reached} just now; give a later time than --clock {asked}"
        );
    }
    writer.commit(&begun.cells, &koi_store::Notes { sandbox_clock: Some(asked), ..Default::default() })?;
    Ok(Clock::frozen(asked))
}

/// The machine's clock, but never before what is stored: then it stands still until it has caught up.
fn running_clock(latest: Option<Time>) -> anyhow::Result<Clock> {
    let Some(latest) = latest else { return Ok(Clock::running()) };
    let machine = Clock::running().now();
    if latest.since_ms(machine) > DAY_MS {
        bail!(
            "the machine's clock says {machine}, but the last entry of the ledger was written at {latest}: set the \
             machine's clock right, and see `koi doctor` and `koi check`"
        );
    }
    if machine < latest {
        tracing::warn!(
            %machine,
            %latest,
            "the machine's clock is behind the last entry of the ledger: until it has caught up time stands still"
        );
    }
    Ok(Clock::running_from(latest))
}

/// The keys of the API as they are stored, looked at on a connection of their own: a revoked key is refused in time
/// whatever else is read.
struct Keys {
    ring: Arc<KeyRing>,
    reader: Readers,
    installation: Installation,
}

impl Keys {
    fn open(installation: &Installation, sandbox: bool) -> Result<Self, StoreError> {
        let ring = Arc::new(KeyRing::new(sandbox));
        ring.replace(installation.reader()?.keys()?);
        let reader = Readers::open(installation, None, 1, limits::READER_TIME)?;
        Ok(Self { ring, reader, installation: installation.clone() })
    }

    /// Keys that the command line makes or revokes work, or stop working, within a moment; when they were last used is
    /// stored now and then. Ends when the server stops, between two looks.
    async fn follow(self, mut stop: watch::Receiver<bool>) {
        for look in 1_u64.. {
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                () = tokio::time::sleep(KEYS_EVERY) => {}
            }
            match self.reader.read(|reader| reader.keys()).await {
                Ok(stored) => self.ring.replace(stored),
                Err(error) => tracing::warn!(%error, "the keys could not be read again"),
            }
            if look % LOOKS_PER_STORED_USE == 0 {
                self.store_use().await;
            }
        }
    }

    async fn store_use(&self) {
        let used = self.ring.used();
        if used.is_empty() {
            return;
        }
        let installation = self.installation.clone();
        let stored = tokio::task::spawn_blocking(move || installation.administer()?.keys_used(&used)).await;
        // What could not be stored is told again the next time.
        if let Ok(Err(error)) = stored {
            tracing::debug!(%error, "the last use of keys could not be stored");
        }
    }
}

/// Ends when the process is told to stop: by SIGTERM, or by Ctrl-C. Told a second time, the process ends at once: what
/// was answered is on the disk, and the rest is as after a crash.
pub(crate) async fn told_to_stop() -> anyhow::Result<()> {
    let mut signals = Signals::listen()?;
    signals.next().await;
    tokio::spawn(async move {
        signals.next().await;
        tracing::warn!("told to stop twice: ending at once");
        std::process::exit(TOLD_TWICE);
    });
    Ok(())
}

/// The signals that mean: stop.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_server_that_loses_its_writer_ends_with_an_error() {
        let (engine, writer) = Engine::start_with([|_: &_| panic!("the store cannot be")], 1).unwrap();
        let never = std::future::pending();
        let why = tokio::time::timeout(std::time::Duration::from_secs(5), until(never, &writer)).await;
        assert!(why.unwrap().is_err());
        drop(engine);
    }

    #[tokio::test]
    async fn a_server_that_is_told_to_stop_ends_well() {
        let (_engine, writer) =
            Engine::start_with([|jobs: &crossbeam_channel::Receiver<_>| while jobs.recv().is_ok() {}], 1).unwrap();
        until(std::future::ready(Ok(())), &writer).await.unwrap();
    }

    #[tokio::test]
    async fn the_keys_are_followed_until_the_server_stops() {
        let place = tempfile::tempdir().unwrap();
        let folder = Installation::Folder(koi_store::sqlite::Folder::new(place.path()));
        let mut served = folder.serve(None, 1).unwrap();
        let writer = &mut served.writers[0];
        let keys = Keys::open(&folder, false).unwrap();
        let ring = keys.ring.clone();
        let (stop, stopped) = watch::channel(false);
        let following = tokio::spawn(keys.follow(stopped));
        let key = koi_store::ApiKey {
            id: "key_1".into(),
            hash: crate::engine::keys::hash("secret"),
            principal: koi_core::id::Principal::stored("till-7"),
            role: "wallet".into(),
            created_at: Time::of_ms(0),
            expires_at: None,
            revoked_at: None,
            used_at: None,
        };
        writer.add_key(&key).unwrap();
        while ring.caller("secret", Time::of_ms(1)).is_none() {
            tokio::time::sleep(KEYS_EVERY / 10).await;
        }
        writer.revoke_key("key_1", Time::of_ms(2)).unwrap();
        while ring.caller("secret", Time::of_ms(3)).is_some() {
            tokio::time::sleep(KEYS_EVERY / 10).await;
        }
        stop.send_replace(true);
        tokio::time::timeout(KEYS_EVERY, following).await.expect("it ends between two looks").unwrap();
    }
}
