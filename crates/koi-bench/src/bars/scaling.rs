//! How the cost of a claim on PostgreSQL grows with cells and servers, on this machine.

use anyhow::ensure;

use super::contender::{Contender, Turns};
use crate::limits::{CELLS_MAX, SERVERS_MAX};
use crate::postgres::Postgres;
use crate::report::Compared;
use crate::run::Run;

/// Which numbers of cells and of servers are put beside each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scaling {
    /// Each 1 to [`CELLS_MAX`].
    pub cells: Vec<u16>,
    /// Each 1 to [`SERVERS_MAX`].
    pub servers: Vec<usize>,
}

impl Scaling {
    /// Refuses what cannot be measured.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        ensure!(
            !self.cells.is_empty() && self.cells.iter().all(|cells| (1..=CELLS_MAX).contains(cells)),
            "cells: 1 to {CELLS_MAX}"
        );
        ensure!(
            !self.servers.is_empty() && self.servers.iter().all(|servers| (1..=SERVERS_MAX).contains(servers)),
            "servers: 1 to {SERVERS_MAX}"
        );
        Ok(())
    }

    fn combinations(&self) -> impl Iterator<Item = (u16, usize)> {
        self.cells.iter().flat_map(|cells| self.servers.iter().map(|servers| (*cells, *servers)))
    }
}

/// Each combination in its turn, on a database of its own that begins empty; the first is what the others are compared
/// with.
pub(crate) fn measure(run: &Run<'_>, scaling: &Scaling) -> anyhow::Result<Vec<Compared>> {
    let Some(programs) = Postgres::programs() else { anyhow::bail!("PostgreSQL is not installed") };
    let postgres = Postgres::start(&programs, &run.options().parent())?;
    let mut all: Vec<Turns> = scaling.combinations().map(|_| Turns::default()).collect();
    for (number, round) in run.rounds().enumerate() {
        for ((cells, servers), turns) in scaling.combinations().zip(&mut all) {
            let what = format!("Koi on PostgreSQL, cells: {cells}, servers: {servers}");
            run.say(&format!("{round}: {what}"));
            let name = format!("scaling_{number}_{cells}_{servers}");
            let opened = run.open_on(&name, &postgres.create(&name)?, Some(cells), servers)?;
            let mut contender = Contender::new(what, opened).before(postgres.id());
            contender.claim()?;
            turns.join(contender.turns);
        }
    }
    Ok(all.iter().map(|turns| turns.compared(&all[0])).collect())
}
