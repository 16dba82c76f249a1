//! What a person's proof shows, as values and in words.

use std::fmt;

use super::{Bound, Exclusions, Outcome};

/// What a proof shows, once everything in it held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What bound the operator before the round.
    pub bound: Bound,
    /// The draw.
    pub draw: String,
    /// The number of entries that were sealed.
    pub entries: u64,
    /// The index of the person's entry, from 0. People are told the number, which is one more.
    pub index: u64,
    /// Who won.
    pub outcome: Outcome,
    /// What became of the person's entry.
    pub place: Place,
    /// The round that decided.
    pub round: u64,
    /// Whether it was believed which entries are excluded, since the list was not at hand.
    pub exclusions_believed: bool,
}

/// What became of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// It won.
    Winner,
    /// It moves up when those before it are silent: 1 is the first reserve.
    Reserve(usize),
    /// It took no part.
    Excluded,
    /// It was not drawn.
    None,
}

impl Place {
    pub(super) fn of(index: u64, outcome: &Outcome, exclusions: &Exclusions) -> Self {
        let reserve = outcome.reserves.iter().position(|reserve| *reserve == index);
        match reserve {
            _ if outcome.winner == index => Self::Winner,
            Some(place) => Self::Reserve(place + 1),
            None if exclusions.contains(index) => Self::Excluded,
            None => Self::None,
        }
    }

    /// The place as reports name it.
    pub fn code(self) -> &'static str {
        match self {
            Self::Winner => "winner",
            Self::Reserve(_) => "reserve",
            Self::Excluded => "excluded",
            Self::None => "none",
        }
    }
}

impl Verdict {
    /// What must be said beside the outcome, if anything.
    pub fn notice(&self) -> Option<&'static str> {
        self.bound.chain.notice()
    }
}

/// In words for the person whose proof it is.
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (number, entries) = (grouped(self.index + 1), grouped(self.entries));
        let winner = grouped(self.outcome.winner + 1);
        write!(f, "You were number {number} of {entries}; ")?;
        match self.place {
            Place::Winner => write!(f, "you are the winner."),
            Place::Reserve(place) => write!(f, "the winner is number {winner}, you are reserve {place}."),
            Place::Excluded => write!(f, "the winner is number {winner}. Your entry was excluded."),
            Place::None => write!(f, "the winner is number {winner}."),
        }
    }
}

/// A number with a comma before each three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_three() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (2_169_284, "2,169,284"),
            (u64::MAX, "18,446,744,073,709,551,615"),
        ] {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn an_entry_has_one_place() {
        let outcome = Outcome { winner: 7, reserves: vec![3, 9] };
        let exclusions = Exclusions::of(vec![4]).unwrap();
        for (index, place) in [
            (7, Place::Winner),
            (3, Place::Reserve(1)),
            (9, Place::Reserve(2)),
            (4, Place::Excluded),
            (5, Place::None),
        ] {
            assert_eq!(Place::of(index, &outcome, &exclusions), place, "{index}");
        }
    }
}
