//! Which entries are skipped, and why: one published list.
//!
//! Its text is what is hashed, so that `sha256sum` says the same as the seal. The first line is the tag:
//!
//! ```text
//! koi/exclusions/v1
//! 17 employee
//! 4711 double_entry
//! ```
//!
//! Then one line for each excluded entry: its index in decimal without leading zeros, a space, the code of its reason
//! (1 to 64 of `a`–`z`, `0`–`9` and `_`). Indices ascend. Every line ends in one newline (0x0A), also the last;
//! without exclusions the first line stands alone. The hash is the SHA-256 of all these bytes.

use std::fmt::Write;

use sha2::{Digest, Sha256};
use thiserror::Error;

/// The first line of a list, with its newline: the tag of its hash.
pub const EXCLUSIONS_HEADING: &str = "koi/exclusions/v1\n";

/// The longest code of a reason, in bytes.
const REASON_BYTES_MAX: usize = 64;

/// An entry that is skipped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exclusion {
    /// The index of the entry.
    pub index: u64,
    /// The code of the reason: 1 to 64 of `a`–`z`, `0`–`9` and `_`.
    pub reason: String,
}

/// The indices of entries that are skipped: ascending, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exclusions(Vec<u64>);

/// What is wrong with a list, and in which line (from 1).
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum WrongExclusion {
    /// Not an index in decimal, or one with leading zeros.
    #[error("line {line}: {found:?} is no index: write a number from 0 on, without sign, spaces or leading zeros")]
    NotAnIndex {
        /// The line.
        line: usize,
        /// What stands there.
        found: String,
    },
    /// The same index as in the line before.
    #[error("line {line}: entry {index} stands twice: leave one out")]
    Twice {
        /// The line of the second.
        line: usize,
        /// The index.
        index: u64,
    },
    /// A smaller index than in the line before.
    #[error("line {line}: {index} comes after {before}: sort the indices as numbers (sort -n)")]
    Unsorted {
        /// The line.
        line: usize,
        /// Its index.
        index: u64,
        /// The one before.
        before: u64,
    },
    /// No reason, or letters that no code has.
    #[error("line {line}: {found:?} is no code of a reason: write 1 to 64 of a-z, 0-9 and _")]
    Reason {
        /// The line.
        line: usize,
        /// What stands there.
        found: String,
    },
    /// A published list whose last line does not end.
    #[error("the last line does not end in a newline")]
    Unended,
}

impl Exclusions {
    /// Nobody is excluded.
    pub fn none() -> Self {
        Self::default()
    }

    /// The exclusions with these indices.
    ///
    /// # Errors
    ///
    /// [`WrongExclusion::Twice`] and [`WrongExclusion::Unsorted`], with the place as its line.
    pub fn of(indices: Vec<u64>) -> Result<Self, WrongExclusion> {
        for (place, pair) in indices.windows(2).enumerate() {
            follows(pair[0], pair[1], place + 2)?;
        }
        Ok(Self(indices))
    }

    /// Reads a list: the published one, which begins with its heading, or plain indices, one a line.
    ///
    /// # Errors
    ///
    /// Every [`WrongExclusion`].
    ///
    /// ```
    /// use koi_fair::draw::Exclusions;
    ///
    /// let plain = Exclusions::read("17\n4711\n")?;
    /// assert_eq!(plain, Exclusions::read("koi/exclusions/v1\n17 employee\n4711 double_entry\n")?);
    /// assert!(plain.contains(17));
    /// # Ok::<(), koi_fair::draw::WrongExclusion>(())
    /// ```
    pub fn read(text: &str) -> Result<Self, WrongExclusion> {
        if text.starts_with(EXCLUSIONS_HEADING) {
            return Ok(Self(Self::read_published(text)?.into_iter().map(|exclusion| exclusion.index).collect()));
        }
        let mut indices: Vec<u64> = Vec::new();
        for (place, line) in text.lines().enumerate() {
            let index = index(line, place + 1)?;
            if let Some(before) = indices.last() {
                follows(*before, index, place + 1)?;
            }
            indices.push(index);
        }
        Ok(Self(indices))
    }

    /// Reads a published list with its reasons, strictly: its text is the one that [`published`](Self::published) makes of it.
    ///
    /// # Errors
    ///
    /// Every [`WrongExclusion`].
    pub fn read_published(text: &str) -> Result<Vec<Exclusion>, WrongExclusion> {
        let no_heading =
            || WrongExclusion::NotAnIndex { line: 1, found: text.lines().next().unwrap_or("").to_owned() };
        let rest = text.strip_prefix(EXCLUSIONS_HEADING).ok_or_else(no_heading)?;
        let mut exclusions: Vec<Exclusion> = Vec::new();
        for (place, line) in rest.split_inclusive('\n').enumerate() {
            let number = place + 2;
            let line = line.strip_suffix('\n').ok_or(WrongExclusion::Unended)?;
            let (digits, reason) = line.split_once(' ').unwrap_or((line, ""));
            let index = index(digits, number)?;
            if let Some(before) = exclusions.last() {
                follows(before.index, index, number)?;
            }
            exclusions.push(Exclusion { index, reason: checked_reason(reason, number)?.to_owned() });
        }
        Ok(exclusions)
    }

    /// The text of a list as it is published.
    ///
    /// # Errors
    ///
    /// [`WrongExclusion::Twice`], [`WrongExclusion::Unsorted`] and [`WrongExclusion::Reason`].
    pub fn published(exclusions: &[Exclusion]) -> Result<String, WrongExclusion> {
        let mut text = EXCLUSIONS_HEADING.to_owned();
        let mut before = None;
        for (place, Exclusion { index, reason }) in exclusions.iter().enumerate() {
            let line = place + 2;
            if let Some(before) = before.replace(*index) {
                follows(before, *index, line)?;
            }
            // Writing to a text does not fail.
            _ = writeln!(text, "{index} {}", checked_reason(reason, line)?);
        }
        Ok(text)
    }

    /// The hash of a published list: the SHA-256 of its text, which begins with the tag.
    ///
    /// # Errors
    ///
    /// As [`published`](Self::published).
    pub fn hash(exclusions: &[Exclusion]) -> Result<[u8; 32], WrongExclusion> {
        Ok(Sha256::digest(Self::published(exclusions)?).into())
    }

    /// Whether an entry is excluded.
    pub fn contains(&self, index: u64) -> bool {
        self.0.binary_search(&index).is_ok()
    }

    /// How many entries are excluded.
    pub fn count(&self) -> u64 {
        self.0.len() as u64
    }

    /// The largest excluded index.
    pub(super) fn last(&self) -> Option<u64> {
        self.0.last().copied()
    }
}

fn index(digits: &str, line: usize) -> Result<u64, WrongExclusion> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'));
    let index = digits.parse().ok().filter(|_| plain);
    index.ok_or_else(|| WrongExclusion::NotAnIndex { line, found: digits.to_owned() })
}

fn follows(before: u64, index: u64, line: usize) -> Result<(), WrongExclusion> {
    match index {
        _ if index == before => Err(WrongExclusion::Twice { line, index }),
        _ if index < before => Err(WrongExclusion::Unsorted { line, index, before }),
        _ => Ok(()),
    }
}

fn checked_reason(reason: &str, line: usize) -> Result<&str, WrongExclusion> {
    let letters = reason.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'));
    let fits = letters && (1..=REASON_BYTES_MAX).contains(&reason.len());
    fits.then_some(reason).ok_or_else(|| WrongExclusion::Reason { line, found: reason.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_line_by_line() {
        use WrongExclusion::*;
        let not = |line, found: &str| Err(NotAnIndex { line, found: found.to_owned() });
        let no_reason = |line, found: &str| Err(Reason { line, found: found.to_owned() });
        for (text, expected) in [
            ("", Ok(vec![])),
            ("0", Ok(vec![0])),
            ("0\n7\n18446744073709551615\n", Ok(vec![0, 7, u64::MAX])),
            ("1\r\n2\r\n", Ok(vec![1, 2])),
            ("1\n\n2\n", not(2, "")),
            ("1\n+2\n", not(2, "+2")),
            ("1\n 2\n", not(2, " 2")),
            ("01\n", not(1, "01")),
            ("x\n", not(1, "x")),
            ("18446744073709551616\n", not(1, "18446744073709551616")),
            ("1\n2 employee\n", not(2, "2 employee")),
            ("1\n3\n3\n", Err(Twice { line: 3, index: 3 })),
            ("1\n3\n2\n", Err(Unsorted { line: 3, index: 2, before: 3 })),
            ("koi/exclusions/v1\n", Ok(vec![])),
            ("koi/exclusions/v1\n5 a\n60 b_2\n", Ok(vec![5, 60])),
            ("koi/exclusions/v1\n5 a\n60 b_2", Err(Unended)),
            ("koi/exclusions/v1\n5\n", no_reason(2, "")),
            ("koi/exclusions/v1\n5 a b\n", no_reason(2, "a b")),
            ("koi/exclusions/v1\n5 A\n", no_reason(2, "A")),
            ("koi/exclusions/v1\n5 a\n5 a\n", Err(Twice { line: 3, index: 5 })),
            ("koi/exclusions/v1\n5 a\r\n", no_reason(2, "a\r")),
            ("koi/exclusions/v2\n5 a\n", not(1, "koi/exclusions/v2")),
        ] {
            assert_eq!(Exclusions::read(text), expected.map(Exclusions), "{text:?}");
        }
    }

    #[test]
    fn a_published_list_is_its_own_text() {
        let text = "koi/exclusions/v1\n17 employee\n4711 double_entry\n";
        let list = Exclusions::read_published(text).unwrap();
        assert_eq!(Exclusions::published(&list).unwrap(), text);
        assert_eq!(Exclusions::hash(&list).unwrap(), <[u8; 32]>::from(Sha256::digest(text)));
        let turned: Vec<Exclusion> = list.into_iter().rev().collect();
        assert_eq!(Exclusions::hash(&turned), Err(WrongExclusion::Unsorted { line: 3, index: 17, before: 4711 }));
    }

    #[test]
    fn indices_of_a_caller_are_checked_as_those_of_a_file() {
        assert_eq!(Exclusions::of(vec![1, 2]).map(|of| of.count()), Ok(2));
        assert_eq!(Exclusions::of(vec![1, 1]), Err(WrongExclusion::Twice { line: 2, index: 1 }));
        assert_eq!(Exclusions::of(vec![1, 0]), Err(WrongExclusion::Unsorted { line: 2, index: 0, before: 1 }));
    }
}
