//! The entries of a tile in one file: each after its length, in two big-endian bytes.

use super::path::TilePath;

/// The most bytes of an entry: what its length in a bundle can say.
pub(crate) const ENTRY_BYTES_MAX: usize = 0xFFFF;

/// Why bytes are not a bundle of entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// The bytes end within an entry or its length.
    #[error("the bundle ends within entry {entry} of it")]
    Cut {
        /// Which entry of the bundle, from 0.
        entry: u16,
    },
    /// Bytes follow the last entry.
    #[error("{bytes} bytes follow the last entry of the bundle")]
    Trailing {
        /// How many.
        bytes: usize,
    },
}

/// A bundle of entries; `None` if one has more than 65,535 bytes.
pub fn bundle_of<E: AsRef<[u8]>>(entries: &[E]) -> Option<Vec<u8>> {
    let mut bundle = Vec::with_capacity(entries.iter().map(|entry| 2 + entry.as_ref().len()).sum());
    entries.iter().try_for_each(|entry| add(entry.as_ref(), &mut bundle))?;
    Some(bundle)
}

/// Adds an entry to a bundle; `None`, and nothing added, if it is too long.
pub(crate) fn add(entry: &[u8], bundle: &mut Vec<u8>) -> Option<()> {
    let length = u16::try_from(entry.len()).ok()?;
    bundle.extend_from_slice(&length.to_be_bytes());
    bundle.extend_from_slice(entry);
    Some(())
}

/// The entries of a bundle, exactly as many as the path says.
///
/// # Errors
///
/// If there are fewer or more.
pub fn entries_of<'a>(path: &TilePath, bundle: &'a [u8]) -> Result<Vec<&'a [u8]>, BundleError> {
    let mut rest = bundle;
    let mut entries = Vec::with_capacity(usize::from(path.width()));
    for entry in 0..path.width() {
        let cut = BundleError::Cut { entry };
        let (length, after) = rest.split_first_chunk::<2>().ok_or(cut)?;
        let (bytes, after) = after.split_at_checked(usize::from(u16::from_be_bytes(*length))).ok_or(cut)?;
        entries.push(bytes);
        rest = after;
    }
    if rest.is_empty() { Ok(entries) } else { Err(BundleError::Trailing { bytes: rest.len() }) }
}
