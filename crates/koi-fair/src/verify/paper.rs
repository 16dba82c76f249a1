//! What a shopper keeps: a receipt, or a proof of the log. One small file each.

use super::code;
use super::report::{Caveat, Checked, Finding, Kind};
use super::{FILE_BYTES_MAX, Trust};
use crate::log::{Note, Policy, TlogProof, VerifierKey};
use crate::statement::{Receipt, Statement};

/// What a file is, by its bytes.
pub fn kind_of(bytes: &[u8]) -> Kind {
    let Ok(text) = std::str::from_utf8(bytes) else { return Kind::Unknown };
    let first = text.split('\n').next().unwrap_or_default();
    match bytes.first() {
        _ if bytes.len() > FILE_BYTES_MAX => Kind::Unknown,
        _ if first == "c2sp.org/tlog-proof@v1" && text.len() > first.len() => Kind::CouponProof,
        Some(b'{') => Kind::DrawProof,
        _ if first.ends_with("/receipt") => Kind::Receipt,
        _ => Kind::Unknown,
    }
}

/// What is said of a file that is neither.
pub fn no_paper(input: &str, bytes: &[u8]) -> Checked {
    Checked::refused(input, kind_of(bytes), unknown(bytes))
}

fn unknown(bytes: &[u8]) -> Finding {
    if bytes.len() > FILE_BYTES_MAX {
        return Finding::new("input_too_long", format!("a file may have {FILE_BYTES_MAX} bytes"));
    }
    Finding::new(
        "input_unknown",
        "it is neither a receipt nor a proof: perhaps it was changed, or it is something else",
    )
}

/// Checks a receipt or a coupon's proof by the log's key.
pub fn check_file(input: &str, bytes: &[u8], trust: &Trust) -> Checked {
    let kind = kind_of(bytes);
    let mut checked = Checked::new(input, kind);
    match open(bytes, trust) {
        Ok(held) => say(&mut checked, held, trust),
        Err(finding) => checked.refuse(finding),
    }
    checked
}

fn say(checked: &mut Checked, held: Held, trust: &Trust) {
    match &held.proof {
        None => {
            checked.origin = Some(trust.key.name().to_string());
            checked.caveat(Caveat::NotInLog);
        }
        Some(proof) => {
            checked.say_log(&trust.key, proof.size, proof.root);
            checked.leaf = Some(proof.index);
            checked.cosigned = Some(proof.cosignatures.iter().map(Into::into).collect());
            if trust.quorum.needed() == 0 {
                checked.caveat(Caveat::NoWitnesses);
            }
        }
    }
    checked.caveat(Caveat::FaceNotDrawn);
    checked.receipt = Some(held.receipt);
}

/// What a file of a shopper says, once it is checked.
pub(super) struct Held {
    pub(super) receipt: Receipt,
    pub(super) proof: Option<crate::log::Proved>,
}

/// Opens a file of a shopper, whichever it is.
pub(super) fn open(bytes: &[u8], trust: &Trust) -> Result<Held, Finding> {
    match (kind_of(bytes), std::str::from_utf8(bytes)) {
        (Kind::Receipt, Ok(text)) => receipt(text, &trust.key).map(|receipt| Held { receipt, proof: None }),
        (Kind::CouponProof, Ok(text)) => proof(text, trust),
        _ => Err(unknown(bytes)),
    }
}

fn receipt(text: &str, key: &VerifierKey) -> Result<Receipt, Finding> {
    let of_note = |why| Finding::new(code::of_note(why), why);
    let note: Note = text.parse().map_err(of_note)?;
    let said = note.open(std::slice::from_ref(key)).map_err(of_note)?;
    let mut lines = said.split_terminator('\n');
    if lines.next() != Some(&format!("{}/receipt", key.name())) {
        return Err(Finding::new(
            "receipt_origin",
            "it is signed by the log, but its first line is not the log's",
        ));
    }
    match (lines.next(), lines.next()) {
        (Some(leaf), None) => of_leaf(leaf.as_bytes()),
        _ => Err(Finding::new(
            "receipt_shape",
            "a receipt has two lines above its signature: whose it is, and one leaf",
        )),
    }
}

fn proof(text: &str, trust: &Trust) -> Result<Held, Finding> {
    let proof: TlogProof = text.parse().map_err(|why| Finding::new(code::of_proof_text(why), why))?;
    let policy = Policy {
        origin: trust.key.name().to_string(),
        keys: vec![trust.key.clone()],
        quorum: trust.quorum.clone(),
        before: None,
    };
    let refused = |why| Finding::new(code::of_proof(&why), why);
    policy.accept(&proof.checkpoint).map_err(refused)?;
    let leaf = proof.extra.as_deref();
    let leaf =
        leaf.ok_or_else(|| Finding::new("proof_no_leaf", "the proof does not hold the leaf that it is of"))?;
    let proved = proof.verify(leaf, &policy).map_err(refused)?;
    Ok(Held { receipt: of_leaf(leaf)?, proof: Some(proved) })
}

fn of_leaf(leaf: &[u8]) -> Result<Receipt, Finding> {
    match Statement::parse(leaf).map_err(|why| Finding::new(code::of_statement(&why), why))? {
        Statement::Receipt(receipt) => Ok(receipt),
        _ => Err(Finding::new("receipt_kind", "its leaf is a statement, but not of a packet that was taken")),
    }
}

#[cfg(test)]
mod tests;
