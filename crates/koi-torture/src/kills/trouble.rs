//! What befalls a round: the blows that fall while the load is on, drawn from the seed.
//!
//! One server on a data folder is killed, always. Where several work on one database, some of them are killed, one is
//! stopped for a while, or the database server dies under all of them, and now and then several of that at once. Where
//! the database server has a standby, it dies in every round, and the standby takes its place.

use std::time::Duration;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::limits::{
    AFTERMATH_US, DATABASE_AWAY_MS, FAILOVER_AFTERMATH, FAILOVER_TIMEOUT, LONG_PAUSE_MS, SHORT_PAUSE_MS,
};
use crate::pair::{Failover, Rebuild};
use crate::postgres::Crash;
use crate::seed::Seed;

/// One blow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Blow {
    /// A server is killed.
    Kill(usize),
    /// A server is stopped (SIGSTOP), and goes on after a while.
    Pause(usize, Duration),
    /// The database server dies, and is started again after a while.
    Database(Crash, Duration),
    /// The primary dies, and its standby takes its place.
    Failover(Failover),
}

/// The blows of a round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trouble {
    pub(crate) blows: Vec<Blow>,
    /// For so long the load goes on after them, where anybody is left to serve it.
    pub(crate) aftermath: Duration,
}

/// What there is to be struck.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Targets {
    pub(crate) servers: usize,
    /// The database server that is ours to kill.
    pub(crate) database: OwnDatabase,
}

/// A database server of our own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OwnDatabase {
    /// There is none.
    No,
    /// One that is started again when it died.
    Alone,
    /// One with a standby.
    WithStandby,
}

impl Trouble {
    pub(crate) fn plan(round: u32, targets: Targets, seed: Seed) -> Self {
        if targets == (Targets { servers: 1, database: OwnDatabase::No }) {
            return Self { blows: vec![Blow::Kill(0)], aftermath: Duration::ZERO };
        }
        let mut stream = seed.stream("trouble", u64::from(round));
        let aftermath = Duration::from_micros(stream.random_range(AFTERMATH_US));
        let struck = stream.random_range(0..targets.servers);
        if targets.database == OwnDatabase::WithStandby {
            let blows = failover(&mut stream, struck);
            return Self { blows, aftermath: aftermath + FAILOVER_AFTERMATH };
        }
        let blows = match stream.random_range(0..20) {
            0..8 => kills(&mut stream, targets, struck),
            8..12 => vec![pause(&mut stream, struck)],
            // Both at once: who is left finds out what became of what the others did.
            12..15 => [database(&mut stream, targets), vec![Blow::Kill(struck)]].concat(),
            15 => [vec![pause(&mut stream, struck)], database(&mut stream, targets)].concat(),
            _ if targets.database == OwnDatabase::Alone => database(&mut stream, targets),
            _ => kills(&mut stream, targets, struck),
        };
        Self { blows, aftermath }
    }

    /// One server stands still for long, and nothing else happens.
    pub(crate) fn long_pause(time: Duration) -> Self {
        Self { blows: vec![Blow::Pause(0, time)], aftermath: Duration::from_secs(1) }
    }

    /// The longest time for which a server stands still, or may.
    pub(crate) fn longest_pause(&self) -> Duration {
        let times = self.blows.iter().map(|blow| match blow {
            Blow::Pause(_, time) => *time,
            // Commits stand still until there is a standby again.
            Blow::Failover(_) => FAILOVER_TIMEOUT,
            Blow::Kill(_) | Blow::Database(..) => Duration::ZERO,
        });
        times.max().unwrap_or_default()
    }
}

/// One server mostly, and now and then all of them.
fn kills(stream: &mut ChaCha8Rng, targets: Targets, struck: usize) -> Vec<Blow> {
    if stream.random_ratio(1, 4) {
        (0..targets.servers).map(Blow::Kill).collect()
    } else {
        vec![Blow::Kill(struck)]
    }
}

/// Mostly for a moment; sometimes for longer than the database waits for who holds its locks.
fn pause(stream: &mut ChaCha8Rng, struck: usize) -> Blow {
    let times = if stream.random_ratio(1, 8) { LONG_PAUSE_MS } else { SHORT_PAUSE_MS };
    Blow::Pause(struck, Duration::from_millis(stream.random_range(times)))
}

fn database(stream: &mut ChaCha8Rng, targets: Targets) -> Vec<Blow> {
    if targets.database == OwnDatabase::No {
        return Vec::new();
    }
    let how = match stream.random_range(0..5) {
        0..3 => Crash::Whole,
        3 => Crash::Immediate,
        _ => Crash::Connection,
    };
    vec![Blow::Database(how, Duration::from_millis(stream.random_range(DATABASE_AWAY_MS)))]
}

/// Now and then a server dies with the primary.
fn failover(stream: &mut ChaCha8Rng, struck: usize) -> Vec<Blow> {
    let rebuild = if stream.random_ratio(2, 3) { Rebuild::Rewind } else { Rebuild::Copy };
    let unnoticed = Duration::from_millis(stream.random_range(DATABASE_AWAY_MS));
    let failover = Blow::Failover(Failover { rebuild, strict: stream.random(), unnoticed });
    if stream.random_ratio(1, 3) { vec![failover, Blow::Kill(struck)] } else { vec![failover] }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Targets = Targets { servers: 3, database: OwnDatabase::Alone };

    fn plans(targets: Targets, seed: u64) -> Vec<Trouble> {
        (0..200).map(|round| Trouble::plan(round, targets, Seed(seed))).collect()
    }

    #[test]
    fn the_same_seed_gives_the_same_trouble() {
        assert_eq!(plans(ALL, 7), plans(ALL, 7));
        assert_ne!(plans(ALL, 7), plans(ALL, 8));
    }

    #[test]
    fn something_happens_in_every_round_and_everything_in_some() {
        let blows: Vec<Blow> = plans(ALL, 1).into_iter().flat_map(|trouble| trouble.blows).collect();
        assert!(plans(ALL, 1).iter().all(|trouble| !trouble.blows.is_empty()));
        for server in 0..3 {
            assert!(blows.contains(&Blow::Kill(server)));
            assert!(blows.iter().any(|blow| matches!(blow, Blow::Pause(paused, _) if *paused == server)));
        }
        for crash in [Crash::Whole, Crash::Immediate, Crash::Connection] {
            assert!(blows.iter().any(|blow| matches!(blow, Blow::Database(how, _) if *how == crash)));
        }
    }

    #[test]
    fn a_standby_takes_over_in_every_round() {
        let pair = plans(Targets { servers: 3, database: OwnDatabase::WithStandby }, 1);
        assert!(pair.iter().all(|trouble| matches!(trouble.blows[0], Blow::Failover(_))));
        for rebuild in [Rebuild::Rewind, Rebuild::Copy] {
            for strict in [true, false] {
                let is_it = |how: &Failover| how.rebuild == rebuild && how.strict == strict;
                assert!(pair.iter().any(|trouble| matches!(&trouble.blows[0], Blow::Failover(how) if is_it(how))));
            }
        }
    }

    #[test]
    fn what_is_not_ours_is_not_struck() {
        let alone = plans(Targets { servers: 1, database: OwnDatabase::No }, 1);
        assert!(alone.iter().all(|trouble| trouble.blows == [Blow::Kill(0)]));
        let several = plans(Targets { servers: 4, database: OwnDatabase::No }, 1);
        let is_database = |blow: &Blow| matches!(blow, Blow::Database(..));
        assert!(several.iter().all(|trouble| !trouble.blows.is_empty() && !trouble.blows.iter().any(is_database)));
    }
}
