//! The servers of a run: one on a data folder, or several on one database. They are struck and started again.

use std::time::Duration;

use anyhow::{Context, Result};
use tokio::time::sleep;

use crate::client::Client;
use crate::failure::broken;
use crate::kills::post::Post;
use crate::kills::trouble::{Blow, Targets, Trouble};
use crate::moment::Moment;
use crate::postgres::Cluster;
use crate::server::{Installation, Server, Start};

/// The database of a run that starts its own database server.
const DATABASE: &str = "koi_kills";

/// What was done to the servers.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Struck {
    pub(crate) kills: u32,
    pub(crate) pauses: u32,
    pub(crate) crashes: u32,
}

/// All servers of a run.
pub(crate) struct Fleet {
    installation: Installation,
    servers: Vec<Server>,
    cluster: Option<Cluster>,
    pub(crate) struck: Struck,
}

impl Fleet {
    /// Starts so many servers, with a database server of their own if there is to be one.
    pub(crate) async fn start(
        installation: Installation,
        servers: usize,
        own_database: bool,
        clock: Moment,
    ) -> Result<Self> {
        let cluster = if own_database { Some(Cluster::start_new(&[]).await?) } else { None };
        let installation = match &cluster {
            Some(cluster) => {
                cluster.create(DATABASE)?;
                installation.on(Some(cluster.url(DATABASE)))
            }
            None => installation,
        };
        let servers = Server::several(&installation, servers, clock).await?;
        Ok(Self { installation, servers, cluster, struck: Struck::default() })
    }

    pub(crate) fn targets(&self) -> Targets {
        Targets { servers: self.servers.len(), database: self.cluster.is_some() }
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
                    rests.push((*time, Blow::Pause(*number, *time)));
                }
                Blow::Database(how, time) => {
                    self.cluster.as_ref().context("no database server of our own")?.crash(*how).await?;
                    self.struck.crashes += 1;
                    rests.push((*time, Blow::Database(*how, *time)));
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
                Blow::Database(..) => self.restart_database().await?,
                Blow::Kill(_) => {}
            }
        }
        Ok(())
    }

    async fn restart_database(&mut self) -> Result<()> {
        let Some(cluster) = &mut self.cluster else { return Ok(()) };
        if cluster.is_running() { cluster.wait_ready().await } else { cluster.start().await }
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
