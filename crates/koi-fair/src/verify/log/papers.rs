//! Receipts, proofs and coupons that a log must have.

use super::super::Trust;
use super::super::paper;
use super::super::report::{Checked, Finding, Found};
use super::Asked;
use crate::log::{Frontier, Proved, TreeHash};
use crate::statement::{Receipt, Statement};

/// All that is looked for.
pub(super) struct Papers(Vec<Sought>);

/// One of them.
struct Sought {
    name: Option<String>,
    coupon: String,
    /// What was promised; of a coupon by its name alone nothing was.
    receipt: Option<Receipt>,
    proof: Option<Proved>,
    found: Option<u64>,
    /// Another leaf that has its place or its coupon.
    other: Option<u64>,
    /// The log's root at the size of the proof.
    root: Option<TreeHash>,
}

impl Papers {
    /// What is asked for; a file that is not right by itself is said.
    pub(super) fn new(asked: &Asked, trust: &Trust, checked: &mut Checked) -> Self {
        let mut sought = Vec::new();
        for file in &asked.papers {
            let name = Some(file.name.clone());
            match paper::open(&file.bytes, trust) {
                Ok(held) => sought.push(Sought {
                    name,
                    coupon: held.receipt.coupon.clone(),
                    receipt: Some(held.receipt),
                    proof: held.proof,
                    ..Sought::nothing()
                }),
                Err(finding) => checked.refuse(Finding { file: name, ..finding }),
            }
        }
        let coupons = asked.coupons.iter().map(|coupon| Sought { coupon: coupon.clone(), ..Sought::nothing() });
        sought.extend(coupons);
        Self(sought)
    }

    /// Remembers the root of the size of each proof.
    pub(super) fn take_root(&mut self, frontier: &Frontier) {
        for sought in &mut self.0 {
            if sought.proof.as_ref().is_some_and(|proof| proof.size == frontier.size()) {
                sought.root = Some(frontier.root());
            }
        }
    }

    /// Looks at a statement of the log.
    pub(super) fn take(&mut self, index: u64, statement: &Statement) {
        let Statement::Receipt(said) = statement else { return };
        for sought in &mut self.0 {
            let is_it = match &sought.receipt {
                Some(receipt) => receipt == said,
                None => sought.coupon == said.coupon,
            };
            let place = |receipt: &Receipt| {
                (receipt.cell, receipt.ordinal) == (said.cell, said.ordinal) && receipt.campaign == said.campaign
            };
            if is_it {
                sought.found.get_or_insert(index);
            } else if sought.coupon == said.coupon || sought.receipt.as_ref().is_some_and(place) {
                sought.other.get_or_insert(index);
            }
        }
    }

    /// Says what was found and what was not, in a log of this size and root.
    pub(super) fn finish(self, size: u64, root: TreeHash, checked: &mut Checked) {
        for mut sought in self.0 {
            if sought.proof.as_ref().is_some_and(|proof| proof.size == size) {
                sought.root = Some(root);
            }
            let wrong = sought.wrong(size);
            if let (Some(leaf), true) = (sought.found, wrong.is_empty()) {
                checked.receipts.push(Found { receipt: sought.name.clone(), coupon: sought.coupon.clone(), leaf });
            }
            for finding in wrong {
                let finding = match &sought.receipt {
                    Some(receipt) => finding.of_claim(receipt),
                    None => finding,
                };
                checked.refuse(Finding { file: sought.name.clone(), ..finding });
            }
        }
    }
}

impl Sought {
    fn nothing() -> Self {
        Self {
            name: None,
            coupon: String::new(),
            receipt: None,
            proof: None,
            found: None,
            other: None,
            root: None,
        }
    }

    /// Everything that is wrong: of a proof two things may be.
    fn wrong(&self, size: u64) -> Vec<Finding> {
        let coupon = &self.coupon;
        let mut wrong = Vec::new();
        match (self.found, self.other, &self.receipt) {
            (Some(found), _, _) => {
                if let Some(proof) = self.proof.as_ref().filter(|proof| proof.index != found) {
                    let detail =
                        format!("the proof says that it is leaf {}, in the log it is leaf {found}", proof.index);
                    wrong.push(Finding { leaf: Some(found), ..Finding::new("proof_index", detail) });
                }
            }
            (None, _, None) => {
                wrong.push(Finding::new(
                    "coupon_missing",
                    format!("the log has no receipt of the coupon {coupon}"),
                ));
            }
            (None, Some(other), Some(_)) => {
                let detail = format!(
                    "the receipt of the coupon {coupon} that was given out is not in the log; leaf {other} stands in its place and says something else"
                );
                wrong.push(Finding { leaf: Some(other), ..Finding::new("receipt_contradicted", detail) });
            }
            (None, None, Some(_)) => {
                let detail = format!(
                    "the receipt of the coupon {coupon} was promised but is missing from the log (if it is only seconds old, try again)"
                );
                wrong.push(Finding::new("receipt_missing", detail));
            }
        }
        match (&self.proof, self.root) {
            (Some(proof), None) => {
                let detail = format!("the log has {size} leaves; it had {} when it made the proof", proof.size);
                wrong.push(Finding::new("log_behind", detail));
            }
            (Some(proof), Some(root)) if root != proof.root => {
                let detail = format!(
                    "the log signed two histories: at {} leaves its root is {root}, in the proof {}",
                    proof.size, proof.root
                );
                wrong.push(Finding::new("history_differs", detail));
            }
            _ => {}
        }
        wrong
    }
}
