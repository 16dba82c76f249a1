//! Names of tiles and bundles: where their files are, below the address of a log.

use std::fmt;

use super::WIDTH;

/// The highest level of tiles: 256⁸ leaves are more than 2⁶³.
const LEVEL_MAX: u8 = 7;

/// A tile, or a bundle of leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TileName {
    /// The tile's level, 0 at the bottom; `None`: a bundle of leaves.
    pub level: Option<u8>,
    /// Its number among those of its level.
    pub index: u64,
    /// How many hashes or leaves it has: 1–256.
    pub width: usize,
}

/// A text is no name of a tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a tile is named like tile/0/x001/067 or tile/entries/000.p/17")]
pub struct Unnamed;

impl TileName {
    /// Reads a path such as `tile/0/x001/067` or `tile/entries/000.p/17`; every other spelling is refused.
    pub fn parse(path: &str) -> Result<Self, Unnamed> {
        let rest = path.strip_prefix("tile/").ok_or(Unnamed)?;
        let (level, rest) = rest.split_once('/').ok_or(Unnamed)?;
        let level = match level {
            "entries" => None,
            level => Some(level.parse().ok().filter(|level| *level <= LEVEL_MAX).ok_or(Unnamed)?),
        };
        let (index, width) = match rest.split_once(".p/") {
            Some((index, width)) => (index, width.parse().map_err(|_| Unnamed)?),
            None => (rest, WIDTH),
        };
        let digits: String = index.split('/').map(|group| group.strip_prefix('x').unwrap_or(group)).collect();
        let name = Self { level, index: digits.parse().map_err(|_| Unnamed)?, width };
        // Whatever was read leniently is written in one way only.
        if (1..=WIDTH).contains(&width) && name.to_string() == path { Ok(name) } else { Err(Unnamed) }
    }

    /// The full tile of the same place.
    #[must_use]
    pub fn full(self) -> Self {
        Self { width: WIDTH, ..self }
    }
}

impl fmt::Display for TileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.level {
            Some(level) => write!(f, "tile/{level}/")?,
            None => write!(f, "tile/entries/")?,
        }
        let mut groups = vec![self.index % 1000];
        let mut rest = self.index / 1000;
        while rest > 0 {
            groups.push(rest % 1000);
            rest /= 1000;
        }
        for group in groups.iter().skip(1).rev() {
            write!(f, "x{group:03}/")?;
        }
        write!(f, "{:03}", self.index % 1000)?;
        if self.width < WIDTH { write!(f, ".p/{}", self.width) } else { Ok(()) }
    }
}
