//! The leaf of an entry.

use sha2::{Digest, Sha256};
use thiserror::Error;

/// An id of a draw that has a newline, so that where it ends could be read in two ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the draw's id has a newline, which ends it in the leaf")]
pub struct IdWithNewline;

/// `SHA256("koi/entry/v1\n" ‖ draw_id ‖ 0x0A ‖ salt ‖ external_id)`: what the entry log has of an entry.
///
/// The salt is the entrant's own. Who knows it can open the leaf; when it is forgotten, nobody can tell whose entry it was.
///
/// # Errors
///
/// [`IdWithNewline`].
///
/// ```
/// use koi_fair::draw::entry_leaf;
///
/// let leaf = entry_leaf("spring", &[7; 32], "person-1")?;
/// assert_ne!(leaf, entry_leaf("spring", &[8; 32], "person-1")?);
/// # Ok::<(), koi_fair::draw::IdWithNewline>(())
/// ```
pub fn entry_leaf(draw_id: &str, salt: &[u8; 32], external_id: &str) -> Result<[u8; 32], IdWithNewline> {
    if draw_id.contains('\n') {
        return Err(IdWithNewline);
    }
    let tagged = Sha256::new().chain_update(b"koi/entry/v1\n").chain_update(draw_id).chain_update(b"\n");
    Ok(tagged.chain_update(salt).chain_update(external_id).finalize().into())
}
