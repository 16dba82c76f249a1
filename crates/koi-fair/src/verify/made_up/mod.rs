//! Made-up logs, for who writes a verifier: three campaigns run by the rules side by side, all in one log with its keys.
//!
//! The same arguments give the same bytes. One thing can be made wrong, and the log signs it all the same: only who draws
//! the packets again finds it. Everybody knows the keys.
//!
//! ```
//! use koi_fair::verify::made_up::{MadeUp, Mistake};
//!
//! let honest = MadeUp::new(50, 7, None)?;
//! let other = MadeUp::new(50, 7, Some(Mistake::Face))?;
//! assert_eq!(honest.leaves.len(), other.leaves.len());
//! assert_eq!(honest.leaves.iter().zip(&other.leaves).filter(|(one, other)| one != other).count(), 1);
//! # Ok::<(), koi_fair::verify::made_up::NotMade>(())
//! ```

mod dice;
mod history;
mod run;

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

pub use run::{Plan, Run};

use crate::canonical::NotCanonical;
use crate::log::{
    AppendError, Checkpoint, CheckpointError, CosignTime, CosignerKey, Folder, KeyError, Leaves, Note, NoteError,
    SignedCheckpoint, SignerKey, TileWriter, TimeOutOfRange, TlogProof, TreeHash, inclusion,
};
use crate::statement::{Receipt, Statement};

/// The log's origin.
pub const ORIGIN: &str = "made-up.example/log";
/// The witnesses that cosign it.
pub const WITNESSES: [&str; 2] = ["press.example/witness", "rival.example/witness"];

/// What is wrong in a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mistake {
    /// A receipt says another face than the stock gives.
    Face,
    /// The ordinals of two receipts of a cell are swapped.
    Ordinal,
    /// A receipt is missing.
    Missing,
}

/// A log, and what a shopper was given.
#[derive(Clone, Debug)]
pub struct MadeUp {
    /// The statements, in order.
    pub leaves: Vec<Vec<u8>>,
    /// The claim that the shopper's files are of; the one that is wrong, if one is. This is what it took by the rules.
    pub promised: Receipt,
    /// The shopper's receipt.
    pub receipt: String,
    /// The shopper's proof, of the log as it had to be.
    pub proof: String,
}

/// Why a log could not be made.
#[derive(Debug, thiserror::Error)]
pub enum NotMade {
    /// Fewer claims than it takes to make one wrong.
    #[error("too few claims: ask for 20 or more")]
    TooFew,
    /// A statement has no canonical text.
    #[error(transparent)]
    Statement(#[from] NotCanonical),
    /// A key is none.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A note is none.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// A checkpoint is none.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A time is none.
    #[error(transparent)]
    Time(#[from] TimeOutOfRange),
    /// The tree is none.
    #[error("the tree of a log could not be made: {0}")]
    Tree(String),
}

impl MadeUp {
    /// A log of so many claims, at least 20.
    ///
    /// # Errors
    ///
    /// [`NotMade`].
    pub fn new(claims: u64, seed: u64, mistake: Option<Mistake>) -> Result<Self, NotMade> {
        let mut statements = history::history(claims, seed);
        let place = middle(&statements).ok_or(NotMade::TooFew)?;
        let Statement::Receipt(promised) = statements[place].clone() else { return Err(NotMade::TooFew) };
        let leaf = statements[place].leaf()?;
        let honest: Vec<_> = statements.iter().map(Statement::leaf).collect::<Result<_, _>>()?;
        let proof = proof_of(&honest, place)?.to_string();
        let note = format!("{ORIGIN}/receipt\n{}\n", String::from_utf8_lossy(&leaf));
        let receipt = Note::sign(&note, &[&signer()?])?.to_string();
        let leaves = match mistake {
            None => honest,
            Some(mistake) => {
                make(&mut statements, place, mistake).ok_or(NotMade::TooFew)?;
                statements.iter().map(Statement::leaf).collect::<Result<_, _>>()?
            }
        };
        Ok(Self { leaves, promised, receipt, proof })
    }

    /// Its files by their names, and beside them `receipt.txt` and `proof.txt`, which the shopper was given.
    ///
    /// # Errors
    ///
    /// [`NotMade`].
    pub fn files(&self) -> Result<BTreeMap<String, Vec<u8>>, NotMade> {
        let mut files = files(&self.leaves)?;
        files.insert("receipt.txt".into(), self.receipt.clone().into_bytes());
        files.insert("proof.txt".into(), self.proof.clone().into_bytes());
        Ok(files)
    }
}

/// The files of a log of these leaves, honestly signed and cosigned whatever they say: `checkpoint`, `key`, `tile/…`, and in
/// `witnesses` the keys of those that cosigned.
///
/// # Errors
///
/// [`NotMade`].
pub fn files(leaves: &[Vec<u8>]) -> Result<BTreeMap<String, Vec<u8>>, NotMade> {
    let (mut writer, folder) = (TileWriter::new(), Folder::default());
    writer.append(leaves, &folder).map_err(|why: AppendError<_>| NotMade::Tree(why.to_string()))?;
    let Ok(()) = writer.write_partial(&folder);
    let witnesses: String = cosigners()?.iter().map(|cosigner| format!("{}\n", cosigner.witness())).collect();
    let mut files = BTreeMap::from([
        ("checkpoint".to_owned(), checkpoint(writer.size(), writer.root())?.to_string().into_bytes()),
        ("key".to_owned(), format!("{}\n", signer()?.verifier()).into_bytes()),
        ("witnesses".to_owned(), witnesses.into_bytes()),
    ]);
    for path in folder.paths() {
        files.extend(folder.remove(&path).map(|bytes| (path.to_string(), bytes)));
    }
    Ok(files)
}

/// The key that signs every made-up log.
///
/// # Errors
///
/// None: its name is a right one.
pub fn signer() -> Result<SignerKey, KeyError> {
    SignerKey::from_seed(ORIGIN, secret(ORIGIN))
}

/// The keys of the witnesses.
///
/// # Errors
///
/// None: their names are right ones.
pub fn cosigners() -> Result<Vec<CosignerKey>, KeyError> {
    WITNESSES.iter().map(|name| CosignerKey::from_seed(name, secret(name))).collect()
}

fn secret(name: &str) -> [u8; 32] {
    Sha256::new().chain_update(b"koi/made-up-key/v1\n").chain_update(name).finalize().into()
}

/// A signed checkpoint, cosigned by both witnesses.
///
/// # Errors
///
/// [`NotMade`].
pub fn checkpoint(size: u64, root: TreeHash) -> Result<SignedCheckpoint, NotMade> {
    let mut signed = Checkpoint::new(ORIGIN, size, root)?.sign(&[&signer()?])?;
    for (place, cosigner) in (0..).zip(cosigners()?) {
        // 2019-08-01T00:00:00Z: every campaign's statements are older.
        let cosignature = cosigner.cosign(&signed, CosignTime::of_seconds(1_564_617_600 + place)?);
        signed = signed.with(cosignature)?;
    }
    Ok(signed)
}

/// The proof that a leaf is in a log of these leaves.
///
/// # Errors
///
/// [`NotMade`], also if there is no such leaf.
pub fn proof_of(leaves: &[Vec<u8>], place: usize) -> Result<TlogProof, NotMade> {
    let tree = Leaves(leaves.iter().map(|leaf| TreeHash::of_leaf(leaf)).collect());
    let (index, size) = (place as u64, leaves.len() as u64);
    let hashes = inclusion(index, size, &tree).map_err(|why| NotMade::Tree(why.to_string()))?;
    Ok(TlogProof {
        extra: leaves.get(place).cloned(),
        index,
        hashes,
        checkpoint: checkpoint(size, tree.root(size))?,
    })
}

/// The receipt in the middle of the first campaign that is followed by the next one of its cell: nothing happens to the stock
/// in between.
fn middle(statements: &[Statement]) -> Option<usize> {
    let receipts: Vec<usize> = (0..statements.len())
        .filter(|place| matches!(&statements[*place], Statement::Receipt(receipt) if receipt.campaign == "spring"))
        .collect();
    let (before, after) = receipts.split_at(receipts.len() / 2);
    let mut in_turn = after.iter().chain(before);
    in_turn.find(|place| next_in_cell(statements, **place).is_some()).copied()
}

/// What follows a receipt in its cell, if that is a receipt.
fn next_in_cell(statements: &[Statement], place: usize) -> Option<usize> {
    let this = statements.get(place)?;
    let of_cell = |other: &Statement| other.cell() == this.cell() && other.campaign() == this.campaign();
    let next = (place + 1..statements.len()).find(|next| of_cell(&statements[*next]))?;
    matches!(statements[next], Statement::Receipt(_)).then_some(next)
}

/// Makes the receipt at a place wrong.
fn make(statements: &mut Vec<Statement>, place: usize, mistake: Mistake) -> Option<()> {
    match mistake {
        Mistake::Missing => _ = statements.remove(place),
        Mistake::Face => {
            let Some(Statement::Receipt(receipt)) = statements.get_mut(place) else { return None };
            (receipt.face, receipt.split) = if receipt.face == 888 { (8800, false) } else { (888, false) };
        }
        Mistake::Ordinal => {
            let next = next_in_cell(statements, place)?;
            for (place, more) in [(place, true), (next, false)] {
                let Some(Statement::Receipt(receipt)) = statements.get_mut(place) else { return None };
                receipt.ordinal = if more { receipt.ordinal + 1 } else { receipt.ordinal - 1 };
            }
        }
    }
    Some(())
}

#[cfg(test)]
mod tests;
