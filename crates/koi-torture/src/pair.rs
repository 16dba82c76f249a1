//! Two database servers: a primary, and a standby that must confirm every commit. What is done here with them is what
//! docs/high-availability.md tells an operator to do.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use tokio::time::sleep;

use crate::limits::{POLL_INTERVAL, READY_TIMEOUT};
use crate::postgres::{Cluster, Crash};

/// The settings of both. Each can be the primary, and waits for the other then.
const SETTINGS: [&str; 3] = ["wal_log_hints=on", "wal_keep_size=512MB", "hot_standby=on"];
/// A commit waits for one of these, of which one is the primary itself.
const WAITS: &str = "synchronous_standby_names = 'ANY 1 (koi_a, koi_b)'";
/// A commit waits for nobody.
const WAITS_NOT: &str = "synchronous_standby_names = ''";

/// How a primary that died becomes the standby.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rebuild {
    /// It is taken back to where the new primary parted from it (`pg_rewind`).
    Rewind,
    /// It is copied anew (`pg_basebackup`).
    Copy,
}

/// What is done once the primary is dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Failover {
    pub(crate) rebuild: Rebuild,
    /// Commits wait until there is a standby again; otherwise the new primary goes on alone meanwhile.
    pub(crate) strict: bool,
    /// How long nobody does anything.
    pub(crate) unnoticed: Duration,
}

/// The two.
pub(crate) struct Pair {
    pub(crate) primary: Cluster,
    standby: Cluster,
}

impl Pair {
    pub(crate) async fn start_new() -> Result<Self> {
        let primary = Cluster::start_new("koi_a", &SETTINGS).await?;
        let standby = Cluster::empty("koi_b")?;
        let mut pair = Self { primary, standby };
        pair.copy()?;
        pair.standby.start().await?;
        pair.standby.configure(WAITS)?;
        pair.wait_for_the_standby().await?;
        Ok(pair)
    }

    /// The address of a database, wherever it takes writes.
    pub(crate) fn url(&self, database: &str) -> String {
        let mut hosts = [self.primary.host(), self.standby.host()];
        hosts.sort();
        format!("postgres://koi@{}/{database}?sslmode=disable", hosts.join(","))
    }

    /// The primary dies.
    pub(crate) async fn lose_the_primary(&self) -> Result<()> {
        self.primary.crash(Crash::Whole).await
    }

    /// The standby becomes the primary; what was the primary becomes the standby, and confirms every commit again.
    pub(crate) async fn fail_over(&mut self, how: Failover) -> Result<()> {
        if !how.strict {
            self.standby.configure(WAITS_NOT)?;
        }
        self.standby.promote()?;
        std::mem::swap(&mut self.primary, &mut self.standby);
        match how.rebuild {
            Rebuild::Rewind => self.standby.rewind_to(&self.primary)?,
            Rebuild::Copy => self.copy()?,
        }
        self.standby.start().await?;
        self.wait_for_the_standby().await
    }

    fn copy(&mut self) -> Result<()> {
        self.standby.copy_of(&self.primary)
    }

    /// Waits until the standby streams, and from then on every commit waits for it.
    async fn wait_for_the_standby(&self) -> Result<()> {
        self.primary.configure(WAITS)?;
        let started = Instant::now();
        while !self
            .primary
            .client("psql", &["-AtXc", "TABLE pg_stat_replication", "postgres"])?
            .contains("|quorum|")
        {
            if started.elapsed() > READY_TIMEOUT {
                bail!("the standby does not stream; its log: {}", self.standby.log_excerpt());
            }
            sleep(POLL_INTERVAL * 10).await;
        }
        Ok(())
    }
}
