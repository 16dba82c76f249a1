//! The servers of a run: one on a data folder, or several on one database. They are struck and started again.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::time::sleep;

use crate::client::Client;
use crate::failure::broken;
use crate::kills::post::Post;
use crate::kills::trouble::{Blow, OwnDatabase, Targets, Trouble};
use crate::moment::Moment;
use crate::pair::Pair;
use crate::postgres::{Cluster, Crash};
use crate::server::{Installation, Server, Start};

/// The database of a run that starts its own database server.
const DATABASE: &str = "koi_kills";

/// What was done to the servers.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Struck {
    pub(crate) kills: u32,
    pub(crate) pauses: u32,
    pub(crate) crashes: u32,
    pub(crate) failovers: u32,
}

/// All servers of a run.
pub(crate) struct Fleet {
    installation: Installation,
    servers: Vec<Server>,
    database: Option<Running>,
    pub(crate) struck: Struck,
}

/// A database server of our own.
enum Running {
    Alone(Box<Cluster>),
    WithStandby(Box<Pair>),
}

impl Running {
    /// Starts it, if there is to be one, with an empty database; answers the address of that, too.
    async fn start(wanted: OwnDatabase) -> Result<Option<(Self, String)>> {
        Ok(match wanted {
            OwnDatabase::No => None,
            OwnDatabase::Alone => {
                let cluster = Cluster::start_new("koi", &[]).await?;
                cluster.create(DATABASE)?;
                let url = cluster.url(DATABASE);
                Some((Self::Alone(Box::new(cluster)), url))
            }
            OwnDatabase::WithStandby => {
                let pair = Pair::start_new().await?;
                pair.primary.create(DATABASE)?;
                let url = pair.url(DATABASE);
                Some((Self::WithStandby(Box::new(pair)), url))
            }
        })
    }

    /// What strikes it down; it is brought back after a while.
    async fn strike(&self, how: Option<Crash>) -> Result<()> {
        match (self, how) {
            (Self::Alone(cluster), Some(how)) => cluster.crash(how).await,
            (Self::WithStandby(pair), None) => pair.lose_the_primary().await,
            (Self::Alone(_), None) | (Self::WithStandby(_), Some(_)) => bail!("no such database server"),
        }
    }
}

impl Fleet {
    /// Starts so many servers, with a database server of their own if there is to be one.
    pub(crate) async fn start(
        installation: Installation,
        servers: usize,
        own_database: OwnDatabase,
        clock: Moment,
    ) -> Result<Self> {
        let (database, installation) = match Running::start(own_database).await? {
            Some((running, url)) => (Some(running), installation.on(Some(url))),
            None => (None, installation),
        };
        let servers = Server::several(&installation, servers, clock).await?;
        Ok(Self { installation, servers, database, struck: Struck::default() })
    }

    pub(crate) fn targets(&self) -> Targets {
        let database = match self.database {
            None => OwnDatabase::No,
            Some(Running::Alone(_)) => OwnDatabase::Alone,
            Some(Running::WithStandby(_)) => OwnDatabase::WithStandby,
        };
        Targets { servers: self.servers.len(), database }
    }

    /// The servers as their clients see them in the round to come.
    pub(crate) fn posts(&self, trouble: &Trouble) -> Vec<Post> {
        let longest = trouble.longest_pause();
        self.servers.iter().map(|server| Post::new(server.address(), longest)).collect()
    }

    /// A client of one of the servers, which take turns.
    pub(crate) fn client(&self, turn: u32) -> Client {
        Client::new(self.servers[turn as usize % self.servers.len()].address())
    }

    pub(crate) fn log_excerpt(&self) -> String {
        self.installation.log_excerpt()
    }

    pub(crate) fn keep(self) -> std::path::PathBuf {
        drop(self.servers);
        self.installation.keep()
    }

    /// Strikes the blows, all at once; ends when the database server is back and whoever was stopped goes on.
    pub(crate) async fn strike(&mut self, trouble: &Trouble, posts: &[Post]) -> Result<()> {
        for server in &mut self.servers {
            if let Some(status) = server.has_ended()? {
                return Err(broken("the server lives until it is killed", format!("it ended with {status}")));
            }
        }
        let mut rests = Vec::new();
        for blow in &trouble.blows {
            match blow {
                Blow::Kill(number) => {
                    posts[*number].will_be_killed();
                    self.servers[*number].kill()?;
                    self.struck.kills += 1;
                }
                Blow::Pause(number, time) => {
                    posts[*number].stands_still(true);
                    self.servers[*number].hold()?;
                    self.struck.pauses += 1;
                    rests.push((*time, *blow));
                }
                Blow::Database(how, time) => {
                    self.database()?.strike(Some(*how)).await?;
                    self.struck.crashes += 1;
                    rests.push((*time, *blow));
                }
                Blow::Failover(how) => {
                    self.database()?.strike(None).await?;
                    self.struck.failovers += 1;
                    rests.push((how.unnoticed, *blow));
                }
            }
        }
        self.mend(rests, posts).await
    }

    /// Ends the blows that have an end, the shortest first.
    async fn mend(&mut self, mut rests: Vec<(Duration, Blow)>, posts: &[Post]) -> Result<()> {
        rests.sort_by_key(|(time, _)| *time);
        let mut waited = Duration::ZERO;
        for (time, blow) in rests {
            sleep(time.saturating_sub(waited)).await;
            waited = waited.max(time);
            match blow {
                Blow::Pause(number, _) => {
                    self.servers[number].release()?;
                    posts[number].stands_still(false);
                }
                Blow::Database(..) | Blow::Failover(_) => self.bring_back(blow).await?,
                Blow::Kill(_) => {}
            }
        }
        Ok(())
    }

    fn database(&self) -> Result<&Running> {
        self.database.as_ref().context("no database server of our own")
    }

    /// Where everything is.
    pub(crate) fn installation(&self) -> &Installation {
        &self.installation
    }

    /// Brings the database server back: itself, or its standby in its place.
    async fn bring_back(&mut self, blow: Blow) -> Result<()> {
        match (&mut self.database, blow) {
            (Some(Running::Alone(cluster)), _) if cluster.is_running() => cluster.wait_ready().await,
            (Some(Running::Alone(cluster)), _) => cluster.start().await,
            (Some(Running::WithStandby(pair)), Blow::Failover(how)) => pair.fail_over(how).await,
            (Some(Running::WithStandby(_)) | None, _) => Ok(()),
        }
    }

    /// Whether a server waits to be started again.
    pub(crate) fn is_one_down(&mut self) -> Result<bool> {
        for server in &mut self.servers {
            if server.has_ended()?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Starts every server again that was killed.
    pub(crate) async fn restart(&mut self, clock: Moment) -> Result<()> {
        for server in &mut self.servers {
            if server.has_ended()?.is_none() {
                continue;
            }
            *server = Server::spawn(&self.installation, clock)?;
            if let Start::Died(status) = server.wait_ready().await? {
                let found = format!("it ended with {status}; its log: {}", self.installation.log_excerpt());
                return Err(broken("the server starts after a kill", found));
            }
        }
        Ok(())
    }

    /// Begins to start a server, and kills it so long after.
    pub(crate) async fn kill_a_start(&self, clock: Moment, after: Duration) -> Result<()> {
        let mut server = Server::spawn(&self.installation, clock)?;
        sleep(after).await;
        server.kill()
    }

    /// Stops all servers in good order.
    pub(crate) async fn stop(&mut self) -> Result<()> {
        for server in &mut self.servers {
            server.stop().await?;
        }
        Ok(())
    }
}
