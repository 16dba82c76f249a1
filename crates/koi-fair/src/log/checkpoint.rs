//! Checkpoints: how large a log was, and which root it had (C2SP tlog-checkpoint, <https://c2sp.org/tlog-checkpoint>). It is
//! the text of a signed note ([`super::note`]).

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::tree::Hash;

/// A log at some size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log: its unique name, like an address without a scheme.
    pub origin: String,
    /// How many leaves it has.
    pub size: u64,
    /// The root of its tree.
    pub root: Hash,
    /// Lines that follow; none of them is empty.
    pub extensions: Vec<String>,
}

/// A text is no checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a checkpoint has three lines, each with its end: the log's name, its size in decimal, and its root in base64"
)]
pub struct NoCheckpoint;

impl Checkpoint {
    /// Reads the text of a note; every other spelling is refused.
    pub fn parse(text: &str) -> Result<Self, NoCheckpoint> {
        let mut lines = text.strip_suffix('\n').ok_or(NoCheckpoint)?.split('\n');
        let mut next = || lines.next().ok_or(NoCheckpoint);
        let (origin, size, root) = (next()?, next()?, next()?);
        let root = BASE64.decode(root).ok().and_then(|root| root.try_into().ok()).ok_or(NoCheckpoint)?;
        let read = Self {
            origin: origin.to_owned(),
            size: size.parse().map_err(|_| NoCheckpoint)?,
            root,
            extensions: lines.map(str::to_owned).collect(),
        };
        let named = !read.origin.is_empty() && read.extensions.iter().all(|line| !line.is_empty());
        if named && read.to_string() == text { Ok(read) } else { Err(NoCheckpoint) }
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.size, BASE64.encode(self.root))?;
        self.extensions.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The form of the specification's example: go.sum's database.
    const TEXT: &str = "go.sum database tree\n15368405\n31JQUq8EyQx5lpqtKRqryJzA+77WD2xmTyuB4uIlXeE=\n";

    #[test]
    fn a_checkpoint_has_one_spelling() {
        let read = Checkpoint::parse(TEXT).unwrap();
        assert_eq!((read.origin.as_str(), read.size), ("go.sum database tree", 15_368_405));
        assert_eq!(read.to_string(), TEXT);
        let extended = format!("{TEXT}more\nand more\n");
        assert_eq!(Checkpoint::parse(&extended).unwrap().extensions, ["more", "and more"]);
        for wrong in [
            "",
            "go.sum database tree\n15368405\n",
            TEXT.trim_end(),
            &TEXT.replace("15368405", "015368405"),
            &TEXT.replace("15368405", "+15368405"),
            &TEXT.replace("15368405", "-1"),
            &TEXT.replace("15368405", "18446744073709551616"),
            &TEXT.replace("XeE=", "XeF="),
            &TEXT.replace("XeE=", "XeE"),
            &TEXT.replace("31JQ", ""),
            &TEXT.replace("go.sum database tree", ""),
            &format!("{TEXT}\n"),
        ] {
            assert_eq!(Checkpoint::parse(wrong), Err(NoCheckpoint), "{wrong:?}");
        }
    }
}
