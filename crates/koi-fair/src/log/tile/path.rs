//! Which file holds what: `tile/<L>/<N>[.p/<W>]` and `tile/entries/<N>[.p/<W>]`.

use std::fmt;
use std::str::FromStr;

use crate::log::text;

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TileKind {
    /// Hashes of complete subtrees, 8 · level levels above the leaves. The level is 0 to 63.
    Hashes(u8),
    /// The entries themselves.
    Entries,
}

/// The place of a tile or a bundle of entries.
///
/// ```
/// use koi_fair::log::{TileKind, TilePath};
///
/// let path = TilePath::new(TileKind::Hashes(0), 1_234_067, 112).unwrap();
/// assert_eq!(path.to_string(), "tile/0/x001/x234/067.p/112");
/// assert_eq!("tile/entries/x001/x234/067".parse(), Ok(TilePath::full(TileKind::Entries, 1_234_067)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TilePath {
    kind: TileKind,
    index: u64,
    width: u16,
}

/// Why something is not the path of a tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TilePathError {
    /// It is not `tile/`, a level from 0 to 63 or `entries`, and an index.
    #[error("the path is not that of a tile")]
    Shape,
    /// The index is not in groups of three digits, all but the last after an `x`, in its shortest form, or it is
    /// above 2⁶⁴ − 1.
    #[error("the index of a tile is not in its one spelling")]
    Index,
    /// The width is not 1 to 256; in a path, where a full tile has none, not 1 to 255.
    #[error("the width of a tile is out of range")]
    Width,
}

impl TilePath {
    /// How many hashes or entries are in a full tile.
    pub const WIDTH: u16 = 256;
    /// How many levels of the tree a tile spans.
    pub const HEIGHT: u8 = 8;
    /// The highest level of a tile.
    pub const LEVEL_MAX: u8 = 63;

    /// The tile of a kind with an index (from 0, from the left) and a width (1 to 256).
    ///
    /// # Errors
    ///
    /// If level or width are out of range.
    pub fn new(kind: TileKind, index: u64, width: u16) -> Result<Self, TilePathError> {
        if matches!(kind, TileKind::Hashes(level) if level > Self::LEVEL_MAX) {
            return Err(TilePathError::Shape);
        }
        if !(1..=Self::WIDTH).contains(&width) {
            return Err(TilePathError::Width);
        }
        Ok(Self { kind, index, width })
    }

    /// A full tile. A level above 63 counts as 63.
    pub fn full(kind: TileKind, index: u64) -> Self {
        let kind = match kind {
            TileKind::Hashes(level) => TileKind::Hashes(level.min(Self::LEVEL_MAX)),
            TileKind::Entries => TileKind::Entries,
        };
        Self { kind, index, width: Self::WIDTH }
    }

    /// The tile of a kind with an index as it is in a log of `size` entries, full or partial; `None` if the log
    /// has no such tile.
    pub fn in_log(kind: TileKind, index: u64, size: u64) -> Option<Self> {
        let level = match kind {
            TileKind::Hashes(level) => level,
            TileKind::Entries => 0,
        };
        let in_level = hashes_in_level(level, size);
        let width = in_level.saturating_sub(index.checked_mul(u64::from(Self::WIDTH))?);
        let width = u16::try_from(width).unwrap_or(Self::WIDTH).min(Self::WIDTH);
        Self::new(kind, index, width).ok()
    }

    /// The partial tiles and the partial bundle of a log of `size` entries: at most nine.
    pub fn partial_in_log(size: u64) -> Vec<Self> {
        let levels = (0..8).map(TileKind::Hashes).chain([TileKind::Entries]);
        let tiles = levels.filter_map(|kind| {
            let level = if let TileKind::Hashes(level) = kind { level } else { 0 };
            Self::in_log(kind, hashes_in_level(level, size) / u64::from(Self::WIDTH), size)
        });
        tiles.collect()
    }

    /// What the file holds.
    pub fn kind(&self) -> TileKind {
        self.kind
    }

    /// Its place among those of its kind, from 0, from the left.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// How many hashes or entries it holds: 1 to 256.
    pub fn width(&self) -> u16 {
        self.width
    }

    /// Whether it will be followed by a wider one.
    pub fn is_partial(&self) -> bool {
        self.width < Self::WIDTH
    }
}

/// How many hashes all tiles of a level have together in a log of `size` entries.
pub(crate) fn hashes_in_level(level: u8, size: u64) -> u64 {
    size.checked_shr(u32::from(level) * u32::from(TilePath::HEIGHT)).unwrap_or(0)
}

impl fmt::Display for TilePath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            TileKind::Hashes(level) => write!(out, "tile/{level}")?,
            TileKind::Entries => write!(out, "tile/entries")?,
        }
        let digits = self.index.to_string();
        let digits = format!("{}{digits}", "0".repeat(digits.len().next_multiple_of(3) - digits.len()));
        let groups = digits.len() / 3;
        for group in 0..groups {
            let marker = if group + 1 < groups { "x" } else { "" };
            write!(out, "/{marker}{}", &digits[3 * group..3 * group + 3])?;
        }
        if self.is_partial() { write!(out, ".p/{}", self.width) } else { Ok(()) }
    }
}

impl FromStr for TilePath {
    type Err = TilePathError;

    fn from_str(path: &str) -> Result<Self, TilePathError> {
        let rest = path.strip_prefix("tile/").ok_or(TilePathError::Shape)?;
        let (kind, rest) = rest.split_once('/').ok_or(TilePathError::Shape)?;
        let kind = match kind {
            "entries" => TileKind::Entries,
            level => {
                let level = text::number(level).ok().and_then(|level| u8::try_from(level).ok());
                TileKind::Hashes(level.ok_or(TilePathError::Shape)?)
            }
        };
        let (index, width) = match rest.split_once(".p/") {
            Some((index, width)) => {
                let width = text::number(width).ok().and_then(|width| u16::try_from(width).ok());
                (index, width.filter(|width| *width < Self::WIDTH).ok_or(TilePathError::Width)?)
            }
            None => (rest, Self::WIDTH),
        };
        let digits = index.replace("/x", "");
        let digits = digits.strip_prefix('x').unwrap_or(&digits).replace('/', "");
        let digits = Some(digits.trim_start_matches('0')).filter(|digits| !digits.is_empty()).unwrap_or("0");
        let made = Self::new(kind, text::number(digits).map_err(|_| TilePathError::Index)?, width)?;
        // The index was read with leniency, to be compared with its one spelling.
        if made.to_string() == path { Ok(made) } else { Err(TilePathError::Index) }
    }
}
