//! A whole draw, audited from its public files.

use koi_fair::draw::audit::{Audited, DrawFiles, audit};
use koi_fair::log::{Checkpoint, Leaves, SignedCheckpoint, TileKind, TilePath, TileSink, TileSource};
use koi_fair::statement::{DrawStatement, DrawVoid, Instant};

use super::*;

/// What an audit says of a draw whose statements, entries and exclusions are these.
fn audited(statements: &[Vec<u8>], entries: &Folder, list: &str) -> Result<Audited, &'static str> {
    let draw = &*DRAW;
    // Whatever the operator states, it signs; the early checkpoint stays.
    let log = Leaves(statements.iter().map(|leaf| TreeHash::of_leaf(leaf)).collect());
    let size = statements.len() as u64;
    let latest = signed(size, log.root(size));
    let files = DrawFiles { early: &draw.held.in_log.checkpoint, latest: &latest, entries, exclusions: list };
    let threads = NonZeroUsize::new(2).unwrap();
    audit("made-up", statements, &files, &draw.plan.trust().unwrap(), threads).map_err(|why| why.code())
}

fn signed(size: u64, root: TreeHash) -> SignedCheckpoint {
    let signer = DRAW.plan.signer().unwrap();
    Checkpoint::new("made-up.example/log", size, root).unwrap().sign(&[&signer]).unwrap()
}

fn leaf(statement: &DrawStatement) -> Vec<u8> {
    statement.leaf().unwrap()
}

/// The statements after the early checkpoint may be others without anybody noticing that.
fn after_the_seal(change: impl FnOnce(&mut Vec<Vec<u8>>)) -> Result<Audited, &'static str> {
    let draw = &*DRAW;
    let mut statements = draw.held.statements.clone();
    change(&mut statements);
    audited(&statements, &draw.entries, &draw.held.exclusions)
}

#[test]
fn an_honest_draw_holds() {
    let draw = &*DRAW;
    let audited = after_the_seal(|_| ()).unwrap();
    assert_eq!(audited.seal, draw.held.seal);
    let verdict = verified(draw, &file(&document(draw, 5)), None).unwrap();
    assert_eq!(audited.outcome, verdict.outcome);
}

/// What is done to the statements of a log.
type Change<'a> = Box<dyn FnOnce(&mut Vec<Vec<u8>>) + 'a>;

#[test]
fn statements_are_the_logs_and_in_order() {
    let draw = &*DRAW;
    let statements = &draw.held.statements;
    let (seal, outcome) = (statements[41].clone(), statements.last().unwrap().clone());
    let rules = statements[0].clone();
    let at = Instant(draw.held.seal.at.0 + 1);
    let void = leaf(&DrawStatement::Void(DrawVoid { at, draw: "made-up".into(), reason: "not_cosigned".into() }));
    let early = Instant(draw.held.seal.at.0 - 1);
    let earlier =
        leaf(&DrawStatement::Void(DrawVoid { at: early, draw: "made-up".into(), reason: "not_cosigned".into() }));
    let text = String::from_utf8(outcome.clone()).unwrap();
    let other = |from: &str, to: &str| {
        assert!(text.contains(from), "{text}");
        text.replacen(from, to, 1).into_bytes()
    };
    let changes: Vec<(Change<'_>, &str)> = vec![
        (Box::new(|all| all.push(outcome.clone())), "ended_twice"),
        (Box::new(|all| all.push(void.clone())), "ended_twice"),
        (Box::new(|all| all.push(seal.clone())), "ended_twice"),
        (Box::new(|all| all.insert(42, seal.clone())), "seal_twice"),
        (Box::new(|all| all.insert(42, rules.clone())), "rules_twice"),
        (Box::new(|all| all.insert(42, earlier)), "backwards"),
        (Box::new(|all| *all.last_mut().unwrap() = void.clone()), "void"),
        (Box::new(|all| drop(all.pop())), "no_outcome"),
        (Box::new(|all| *all.last_mut().unwrap() = other(r#""v":1"#, r#""v":2"#)), "statement_version"),
        (Box::new(|all| *all.last_mut().unwrap() = other(r#""v":1"#, r#""v":1,"w":1"#)), "statement_member"),
        (Box::new(|all| *all.last_mut().unwrap() = other(r#","v":1"#, r#", "v":1"#)), "statement_not_canonical"),
        (Box::new(|all| *all.last_mut().unwrap() = other(r#""round":"#, r#""round":1"#)), "outcome_round"),
        (Box::new(|all| *all.last_mut().unwrap() = other("T04:00:00.000Z", "T03:59:59.999Z")), "outcome_early"),
        (Box::new(|all| *all.last_mut().unwrap() = other(r#""winner":"#, r#""winner":1"#)), "winner_differs"),
        (
            Box::new(|all| *all.last_mut().unwrap() = other(r#""reserves":["#, r#""reserves":[1"#)),
            "reserves_differ",
        ),
        (Box::new(|all| *all.last_mut().unwrap() = other(r#""signature":"#, r#""signature":"#)), "it holds"),
        // What the witnesses saw before the round cannot be another any more.
        (Box::new(|all| all[0][20] ^= 1), "log_differs"),
        (Box::new(|all| drop(all.remove(3))), "log_differs"),
        (Box::new(|all| all.truncate(30)), "log_differs"),
    ];
    for (place, (change, code)) in changes.into_iter().enumerate() {
        let found = after_the_seal(change).map_or_else(|code| code, |_| "it holds");
        assert_eq!(found, code, "change {place}");
    }
}

#[test]
fn a_changed_signature_of_the_round_is_refused() {
    let statements = &DRAW.held.statements;
    let text = String::from_utf8(statements.last().unwrap().clone()).unwrap();
    let start = text.find(r#""signature":""#).unwrap() + 13;
    for place in 0..96 {
        let digit = if &text[start + place..=start + place] == "0" { "1" } else { "0" };
        let changed = format!("{}{digit}{}", &text[..start + place], &text[start + place + 1..]);
        let refused = after_the_seal(|all| *all.last_mut().unwrap() = changed.into_bytes()).unwrap_err();
        assert!(["beacon_encoding", "beacon_signature"].contains(&refused), "{place}: {refused}");
    }
}

#[test]
fn a_draw_that_the_log_does_not_have_is_none() {
    let draw = &*DRAW;
    let held = &draw.held;
    let files = DrawFiles {
        early: &held.in_log.checkpoint,
        latest: &held.latest,
        entries: &draw.entries,
        exclusions: &held.exclusions,
    };
    let of = |name: &str| {
        let found = audit(name, &held.statements, &files, &draw.plan.trust().unwrap(), NonZeroUsize::MIN);
        found.map_or_else(|why| why.code(), |_| "it holds")
    };
    assert_eq!(of("made-up"), "it holds");
    assert_eq!(of("made-down"), "no_rules");
    assert_eq!(of("another-3"), "no_rules");
    // A checkpoint from before the seal shows nothing of it.
    let log = Leaves(held.statements.iter().map(|leaf| TreeHash::of_leaf(leaf)).collect());
    let before = signed(41, log.root(41));
    let files = DrawFiles { early: &before, ..files };
    let found = audit("made-up", &held.statements, &files, &draw.plan.trust().unwrap(), NonZeroUsize::MIN);
    assert_eq!(found.unwrap_err().code(), "seal_index");
}

#[test]
fn rules_that_the_seal_changed_are_found() {
    let draw = &*DRAW;
    let mut seal = draw.held.seal.clone();
    seal.rules.silent = "They go to us.".into();
    let held = draw.plan.hold_sealed(seal, 1_538_881_260).unwrap();
    let mut statements = held.statements.clone();
    statements[0] = draw.held.statements[0].clone();
    let log = Leaves(statements.iter().map(|leaf| TreeHash::of_leaf(leaf)).collect());
    let size = statements.len() as u64;
    let (early, latest) = (signed(42, log.root(42)), signed(size, log.root(size)));
    let files = DrawFiles { early: &early, latest: &latest, entries: &draw.entries, exclusions: &held.exclusions };
    let found = audit("made-up", &statements, &files, &draw.plan.trust().unwrap(), NonZeroUsize::MIN);
    assert_eq!(found.unwrap_err().code(), "rules_differ");
    // The same without the cosignatures, which the made-up log of this test does not have.
    let files = DrawFiles { early: &held.in_log.checkpoint, latest: &held.latest, ..files };
    let found = audit("made-up", &held.statements, &files, &draw.plan.trust().unwrap(), NonZeroUsize::MIN);
    assert!(found.is_ok(), "{found:?}");
    let files = DrawFiles { early: &signed(42, leaves_root(&held.statements, 42)), ..files };
    let found = audit("made-up", &held.statements, &files, &draw.plan.trust().unwrap(), NonZeroUsize::MIN);
    assert_eq!(found.unwrap_err().code(), "quorum_too_few");
}

fn leaves_root(statements: &[Vec<u8>], size: u64) -> TreeHash {
    Leaves(statements.iter().map(|leaf| TreeHash::of_leaf(leaf)).collect()).root(size)
}

/// The files of the entry log with one changed.
fn with_file(path: &TilePath, change: impl FnOnce(&mut Vec<u8>)) -> Result<Audited, &'static str> {
    let draw = &*DRAW;
    let copy = Folder::default();
    for each in draw.entries.paths() {
        copy.write(&each, &draw.entries.read(&each).unwrap()).unwrap();
    }
    let mut bytes = copy.read(path).unwrap();
    change(&mut bytes);
    copy.write(path, &bytes).unwrap();
    audited(&draw.held.statements, &copy, &draw.held.exclusions)
}

#[test]
fn every_entry_is_the_sealed_one() {
    let draw = &*DRAW;
    let paths = draw.entries.paths();
    assert!(paths.iter().any(|path| path.kind() == TileKind::Entries), "{paths:?}");
    for path in &paths {
        let length = draw.entries.read(path).unwrap().len();
        for place in (0..length).step_by(97) {
            let code = with_file(path, |bytes| bytes[place] ^= 0x10).unwrap_err();
            assert!(["entries_root", "entries_malformed"].contains(&code), "{path} {place}: {code}");
        }
        assert_eq!(with_file(path, |bytes| bytes.truncate(bytes.len() - 1)), Err("entries_malformed"), "{path}");
        let gone = Folder::default();
        for each in paths.iter().filter(|each| *each != path) {
            gone.write(each, &draw.entries.read(each).unwrap()).unwrap();
        }
        let code = audited(&draw.held.statements, &gone, &draw.held.exclusions).unwrap_err();
        assert_eq!(code, "entries_missing", "{path}");
    }
}

#[test]
fn entries_that_nobody_could_open_are_refused() {
    let draw = &*DRAW;
    // A log with an entry that is no hash, sealed as it is.
    let folder = Folder::default();
    let mut writer = koi_fair::log::TileWriter::new();
    let mut all: Vec<Vec<u8>> = (0..1_000).map(|index| draw.plan.entry(index).to_vec()).collect();
    all[700].push(0);
    writer.append(&all, &folder).unwrap();
    writer.write_partial(&folder).unwrap();
    let held = draw.plan.hold(writer.root()).unwrap();
    let files = DrawFiles {
        early: &held.in_log.checkpoint,
        latest: &held.latest,
        entries: &folder,
        exclusions: &held.exclusions,
    };
    let found = audit("made-up", &held.statements, &files, &draw.plan.trust().unwrap(), NonZeroUsize::MIN);
    assert_eq!(found.unwrap_err().code(), "entries_malformed");
}

#[test]
fn entries_that_are_not_there_are_found() {
    let draw = &*DRAW;
    let mut seal = draw.held.seal.clone();
    seal.entries += 1;
    let held = draw.plan.hold_sealed(seal, 1_538_881_260).unwrap();
    let files = DrawFiles {
        early: &held.in_log.checkpoint,
        latest: &held.latest,
        entries: &draw.entries,
        exclusions: &held.exclusions,
    };
    let found = audit("made-up", &held.statements, &files, &draw.plan.trust().unwrap(), NonZeroUsize::MIN);
    assert_eq!(found.unwrap_err().code(), "entries_missing");
}

#[test]
fn exclusions_after_the_round_are_found() {
    let draw = &*DRAW;
    let list = draw.held.exclusions.as_str();
    let winner = verified(draw, &file(&document(draw, 5)), None).unwrap().outcome.winner;
    let mut more = koi_fair::draw::Exclusions::read_published(list).unwrap();
    let at = more.partition_point(|exclusion| exclusion.index < winner);
    more.insert(at, koi_fair::draw::Exclusion { index: winner, reason: "employee".into() });
    let more = koi_fair::draw::Exclusions::published(&more).unwrap();
    for (list, code) in [
        (more, "exclusions_hash"),
        (list.replacen("0 employee\n", "", 1), "exclusions_hash"),
        (list.to_owned() + "no line", "exclusions_malformed"),
    ] {
        assert_eq!(audited(&draw.held.statements, &draw.entries, &list), Err(code));
    }
}
