//! What a round will try, drawn from the seed before anything is sent.
//!
//! An intent says what kind of thing to do and carries the luck for choosing its object; which coupon
//! or quote that is, the actor finds out when it gets there, since ids are made by the server.

use std::time::Duration;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::limits::{INTENTS_PER_ROUND, KILL_AFTER_US, START_KILL_AFTER_US};
use crate::moment::{DAY_MS, SECOND_MS};
use crate::seed::Seed;

/// What a client means to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Somebody new claims.
    Claim,
    /// Somebody new claims twice at once, with two keys.
    ClaimTwice,
    /// Somebody who was here before claims again.
    ClaimAgain,
    /// The same human claims through another account.
    ClaimElsewhere,
    Quote,
    Pay,
    /// One quote is paid twice at once, with two keys.
    PayTwice,
    /// A quote that may be paid, cancelled or expired is paid once more.
    PayLate,
    CancelQuote,
    CancelPayment,
    Refund,
}

/// Kinds with their weights; the mix keeps quotes open and payments at hand.
const MIX: &[(Kind, u32)] = &[
    (Kind::Claim, 30),
    (Kind::ClaimTwice, 6),
    (Kind::ClaimAgain, 8),
    (Kind::ClaimElsewhere, 3),
    (Kind::Quote, 30),
    (Kind::Pay, 18),
    (Kind::PayTwice, 4),
    (Kind::PayLate, 3),
    (Kind::CancelQuote, 6),
    (Kind::CancelPayment, 6),
    (Kind::Refund, 10),
];

/// One intent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Intent {
    pub(crate) kind: Kind,
    /// Chooses among the objects at hand.
    pub(crate) choice: usize,
    /// What a quote or a refund is about, in minor units of the merchant's currency.
    pub(crate) amount: i64,
}

/// How the time goes on between two rounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Interval {
    pub(crate) ms: i64,
    /// The clock moves by the restart; otherwise by a call after it.
    pub(crate) by_restart: bool,
}

/// One round: the load, the kill, the restart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Round {
    pub(crate) kill_after: Duration,
    /// The restart is itself killed so long after it began.
    pub(crate) start_kill_after: Option<Duration>,
    pub(crate) interval: Interval,
    /// The operator adds money in this round.
    pub(crate) top_up: bool,
    pub(crate) intents: Vec<Vec<Intent>>,
}

impl Round {
    pub(crate) fn plan(number: u32, clients: usize, seed: Seed) -> Self {
        let mut stream = seed.stream("round", u64::from(number));
        let start_killed = stream.random_range(0..8) == 0;
        Self {
            kill_after: Duration::from_micros(stream.random_range(KILL_AFTER_US)),
            start_kill_after: start_killed
                .then(|| Duration::from_micros(stream.random_range(START_KILL_AFTER_US))),
            interval: Interval { ms: interval_ms(&mut stream), by_restart: stream.random() },
            top_up: stream.random_range(0..4) == 0,
            intents: (0..clients).map(|client| intents(number, client, seed)).collect(),
        }
    }
}

/// Mostly none or a few minutes, so that quotes lapse; now and then days, so that coupons do.
fn interval_ms(stream: &mut ChaCha8Rng) -> i64 {
    match stream.random_range(0..100) {
        0..40 => 0,
        40..75 => stream.random_range(1..200 * SECOND_MS),
        75..92 => stream.random_range(0..DAY_MS / 8),
        92..98 => stream.random_range(0..DAY_MS),
        _ => stream.random_range(3 * DAY_MS..8 * DAY_MS),
    }
}

fn intents(round: u32, client: usize, seed: Seed) -> Vec<Intent> {
    let mut stream = seed.stream("intents", (u64::from(round) << 16) + client as u64);
    (0..INTENTS_PER_ROUND).map(|_| intent(&mut stream)).collect()
}

fn intent(stream: &mut ChaCha8Rng) -> Intent {
    let total = MIX.iter().map(|(_, weight)| weight).sum();
    let mut left: u32 = stream.random_range(0..total);
    let mut kind = Kind::Claim;
    for &(candidate, weight) in MIX {
        kind = candidate;
        match left.checked_sub(weight) {
            Some(rest) => left = rest,
            None => break,
        }
    }
    // Small purchases that no coupon fits, usual ones, and some that drain a big coupon.
    let amount = match stream.random_range(0..10) {
        0..2 => stream.random_range(1..150),
        2..9 => stream.random_range(1_000..9_000),
        _ => stream.random_range(9_000..70_000),
    };
    Intent { kind, choice: stream.random_range(0..usize::from(u16::MAX)), amount }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_round() {
        assert_eq!(Round::plan(12, 4, Seed(99)), Round::plan(12, 4, Seed(99)));
    }

    #[test]
    fn another_seed_another_round_another_client_give_other_intents() {
        let round = |number, seed| Round::plan(number, 4, Seed(seed));
        assert_ne!(round(12, 99), round(12, 98));
        assert_ne!(round(12, 99), round(13, 99));
        assert_ne!(round(12, 99).intents[0], round(12, 99).intents[1]);
    }

    #[test]
    fn every_kind_comes_up_in_a_round() {
        let round = Round::plan(0, 2, Seed(1));
        for (kind, _) in MIX {
            assert!(round.intents.iter().flatten().any(|intent| intent.kind == *kind), "{kind:?}");
        }
    }

    #[test]
    fn the_plan_does_not_change_behind_our_back() {
        // Pinned: a seed in a report must mean the same rounds next year.
        let first = Round::plan(0, 1, Seed(7)).intents[0][0];
        assert_eq!(format!("{first:?}"), "Intent { kind: CancelQuote, choice: 61360, amount: 7440 }");
    }
}
