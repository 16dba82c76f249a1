//! An honest log is without a word; whatever is changed is named.

mod files;
mod statements;

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;

use super::*;
use crate::log::{Quorum, WitnessKey};
use crate::verify::made_up::{self, MadeUp, Mistake};
use crate::verify::{Campaign, State};

type Files = BTreeMap<String, Vec<u8>>;

fn witnesses() -> Vec<WitnessKey> {
    made_up::cosigners().unwrap().iter().map(|cosigner| cosigner.witness()).collect()
}

/// Both witnesses are needed, the key is known.
fn strict() -> Asked {
    Asked {
        key: Some(made_up::signer().unwrap().verifier()),
        quorum: Quorum::new(witnesses(), 2).unwrap(),
        campaigns: BTreeSet::new(),
        papers: Vec::new(),
        coupons: Vec::new(),
        threads: NonZeroUsize::MIN,
    }
}

/// The log's own key, no witnesses.
fn trusting() -> Asked {
    Asked { key: None, quorum: Quorum::new(vec![], 0).unwrap(), ..strict() }
}

fn check(files: &Files, asked: &Asked) -> Checked {
    let checked = check_log("log", files, asked, &|_, _, _| {}).unwrap();
    assert_eq!(checked.ok, checked.findings_count == 0);
    checked
}

/// What is found: code, campaign, cell and ordinal.
type Named<'a> = (&'static str, Option<&'a str>, Option<u16>, Option<u64>);

fn named(checked: &Checked) -> Vec<Named<'_>> {
    let name = |finding: &'_ Finding| (finding.code, finding.cell, finding.ordinal);
    checked
        .findings
        .iter()
        .map(|finding| {
            let (code, cell, ordinal) = name(finding);
            (code, finding.campaign.as_deref(), cell, ordinal)
        })
        .collect()
}

fn codes(checked: &Checked) -> Vec<&'static str> {
    checked.findings.iter().map(|finding| finding.code).collect()
}

fn campaign<'a>(checked: &'a Checked, name: &str) -> &'a Campaign {
    checked.campaigns.iter().flatten().find(|campaign| campaign.campaign == name).unwrap()
}

#[test]
fn an_honest_log_is_without_a_word() {
    for (claims, seed) in [(20, 1), (255, 2), (700, 3), (2500, 4)] {
        let made = MadeUp::new(claims, seed, None).unwrap();
        let checked = check(&made.files().unwrap(), &strict());
        assert_eq!(named(&checked), [], "{claims} {seed}");
        assert_eq!(checked.size, Some(made.leaves.len() as u64));
        let states: Vec<_> = checked.campaigns.iter().flatten().map(|campaign| campaign.state).collect();
        assert_eq!(states, [State::Running, State::Replayed, State::Replayed]);
        let replayed: u64 =
            checked.campaigns.iter().flatten().map(|campaign| campaign.numbers.as_ref().unwrap().claims).sum();
        assert_eq!(replayed, claims);
        assert_eq!(checked.cosigned.as_ref().unwrap().len(), 2);
        assert_eq!(checked.caveats, [Caveat::TimesBelieved, Caveat::LocalRandomness, Caveat::Running]);
    }
}

#[test]
fn what_is_only_believed_is_said() {
    let files = MadeUp::new(20, 1, None).unwrap().files().unwrap();
    let checked = check(&files, &trusting());
    assert!(checked.ok);
    assert_eq!(checked.key_from, Some(KeyFrom::Log));
    let said = [Caveat::KeyBelieved, Caveat::NoWitnesses, Caveat::TimesBelieved, Caveat::LocalRandomness];
    assert_eq!(checked.caveats[..4], said);
}

/// The three that a log signs as honestly as all else.
#[test]
fn a_mistake_is_named_with_its_campaign_cell_and_ordinal() {
    for seed in 0..8 {
        for claims in [20, 300] {
            let found = |mistake| {
                let made = MadeUp::new(claims, seed, Some(mistake)).unwrap();
                let checked = check(&made.files().unwrap(), &strict());
                let all: Vec<_> = named(&checked)
                    .into_iter()
                    .map(|(code, campaign, cell, ordinal)| {
                        assert_eq!((campaign, cell), (Some("spring"), Some(made.promised.cell)));
                        (code, ordinal.unwrap() - made.promised.ordinal)
                    })
                    .collect();
                assert_eq!(campaign(&checked, "spring").findings, all.len() as u64);
                assert_eq!(campaign(&checked, "lantern").findings, 0);
                all
            };
            assert_eq!(found(Mistake::Face), [("face", 0)], "{seed}");
            assert_eq!(found(Mistake::Missing), [("missing", 0)], "{seed}");
            let mut swapped = found(Mistake::Ordinal);
            // The two faces may be the same.
            swapped.retain(|found| *found != ("face", 1));
            assert_eq!(swapped, [("missing", 0), ("twice", 0)], "{seed}");
        }
    }
}

#[test]
fn a_receipt_that_was_promised_must_be_in_the_log() {
    let papers = |made: &MadeUp| {
        let paper = |name: &str, text: &str| Paper { name: name.into(), bytes: text.as_bytes().to_vec() };
        vec![paper("receipt.txt", &made.receipt), paper("proof.txt", &made.proof)]
    };
    let found = |mistake, coupons: Vec<String>| {
        let made = MadeUp::new(200, 9, mistake).unwrap();
        let asked = Asked { papers: papers(&made), coupons, ..strict() };
        let checked = check(&made.files().unwrap(), &asked);
        let of_papers =
            checked.findings.iter().filter(|finding| finding.file.is_some() || finding.code == "coupon_missing");
        let codes: Vec<_> = of_papers.map(|finding| finding.code).collect();
        (codes, checked.receipts.len(), made.promised.coupon)
    };
    let (codes, receipts, coupon) = found(None, vec![]);
    assert_eq!((codes, receipts), (vec![], 2));
    assert_eq!(found(None, vec![coupon.clone()]).1, 3);
    assert_eq!(found(None, vec!["cpn_of_nobody".into()]).0, ["coupon_missing"]);
    assert_eq!(found(Some(Mistake::Missing), vec![]).0, ["receipt_missing", "receipt_missing", "log_behind"]);
    assert_eq!(found(Some(Mistake::Missing), vec![coupon]).0[3..], ["coupon_missing"]);
    for mistake in [Mistake::Face, Mistake::Ordinal] {
        let expected = ["receipt_contradicted", "receipt_contradicted", "history_differs"];
        assert_eq!(found(Some(mistake), vec![]).0, expected);
    }
}

#[test]
fn a_file_that_is_not_right_is_said_beside_the_log() {
    let made = MadeUp::new(20, 1, None).unwrap();
    let changed = made.receipt.replace("\"ordinal\":", "\"ordinal\":1");
    let asked = Asked { papers: vec![Paper { name: "mine".into(), bytes: changed.into_bytes() }], ..strict() };
    let checked = check(&made.files().unwrap(), &asked);
    assert_eq!(codes(&checked), ["signature_wrong"]);
    assert_eq!(checked.findings[0].file.as_deref(), Some("mine"));
}

#[test]
fn an_older_proof_belongs_to_the_same_history() {
    let made = MadeUp::new(300, 2, None).unwrap();
    for size in [1, 100, 256, 300, made.leaves.len()] {
        let older = &made.leaves[..size];
        let place = older
            .iter()
            .rposition(|leaf| leaf.starts_with(b"{\"at\":") && leaf.windows(9).any(|part| part == b"\"receipt\""));
        let Some(place) = place else { continue };
        let proof = made_up::proof_of(older, place).unwrap().to_string();
        let asked = Asked { papers: vec![Paper { name: "old".into(), bytes: proof.into_bytes() }], ..strict() };
        assert_eq!(codes(&check(&made.files().unwrap(), &asked)), [""; 0], "{size}");
        // The same proof of another history.
        let other = MadeUp::new(300, 3, None).unwrap();
        let asked = Asked { papers: asked.papers, ..strict() };
        let found = check(&other.files().unwrap(), &asked);
        assert!(codes(&found).contains(&"history_differs") || codes(&found).contains(&"log_behind"), "{size}");
    }
}

#[test]
fn some_campaigns_can_be_chosen() {
    let made = MadeUp::new(100, 5, Some(Mistake::Face)).unwrap();
    let files = made.files().unwrap();
    let of = |names: &[&str]| {
        let campaigns = names.iter().map(ToString::to_string).collect();
        check(&files, &Asked { campaigns, ..strict() })
    };
    assert!(of(&["lantern"]).ok);
    assert_eq!(of(&["lantern", "harbour"]).campaigns.unwrap().len(), 2);
    assert_eq!(codes(&of(&["spring"])), ["face"]);
    assert_eq!(named(&of(&["nowhere"])), [("campaign_absent", Some("nowhere"), None, None)]);
}

#[test]
fn draws_are_counted_and_said_not_to_be_checked() {
    let mut leaves = MadeUp::new(30, 1, None).unwrap().leaves;
    let void =
        br#"{"at":"2018-07-15T00:00:00.000Z","draw":"koi","kind":"draw_void","reason":"not_cosigned","v":1}"#;
    leaves.insert(10, void.to_vec());
    let checked = check(&made_up::files(&leaves).unwrap(), &strict());
    assert_eq!((codes(&checked), checked.leaves.unwrap()["draw_void"]), (vec![], 1));
    assert!(checked.caveats.contains(&Caveat::DrawsNotChecked));
}

#[test]
fn who_watches_hears_every_step_to_its_end() {
    let files = MadeUp::new(700, 1, None).unwrap().files().unwrap();
    let heard = std::sync::Mutex::new(Vec::new());
    let watch = |step: Step, done: u64, of: u64| heard.lock().unwrap().push((format!("{step:?}"), done, of));
    check_log("log", &files, &strict(), &watch).unwrap();
    let heard = heard.into_inner().unwrap();
    for step in ["Files", "Statements", "Replay"] {
        let (_, done, of) = heard.iter().rfind(|(name, _, _)| name == step).unwrap();
        assert!(done == of || step == "Files", "{step}: {done} of {of}");
    }
}
