//! A campaign that was run by the rules replays without a word; whatever is changed in its statements is named.

mod run;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::beacon::Chain;
use crate::statement::{Change, Opening, Pause, Rules, Scope};
use run::{Run, STARTS, campaign};

/// A run with everything in it.
fn whole() -> Vec<Statement> {
    let mut run = Run::new(3);
    (0..10).for_each(|_| run.claim(0));
    run.send(0, 1, 30);
    (0..20).for_each(|_| run.claim(1));
    run.put_back(1, 3);
    run.send(1, 2, 5);
    (0..3).for_each(|_| run.claim(2));
    run.put_back(0, 0);
    (0..99).for_each(|_| run.claim(0));
    run.close()
}

/// What is found, without where; and what was replayed.
fn replay(statements: &[Statement]) -> (Vec<Finding>, Option<Replayed>) {
    let mut findings = Findings::new(100);
    let mut outlines = Outlines::new(vec![Chain::local()]);
    for (index, statement) in (0..).zip(statements) {
        findings.at(Some(index), statement.campaign());
        outlines.take(statement, &mut findings);
    }
    let Some(outline) = outlines.campaigns().next() else { return (findings.kept, None) };
    let mut replay = match Replay::new(outline) {
        Ok(replay) => replay,
        Err(wrong) => {
            findings.at(None, outline.campaign());
            findings.add(None, wrong);
            return (findings.kept, None);
        }
    };
    for (index, statement) in (0..).zip(statements) {
        findings.at(Some(index), statement.campaign());
        replay.take(statement, &mut findings);
    }
    findings.at(None, outline.campaign());
    let replayed = replay.finish(&mut findings);
    (findings.kept, Some(replayed))
}

#[test]
fn a_campaign_that_was_run_by_the_rules_replays_without_a_word() {
    let statements = whole();
    let (findings, replayed) = replay(&statements);
    assert_eq!(findings, []);
    let replayed = replayed.unwrap();
    assert_eq!((replayed.moved, replayed.put_back, replayed.cells), (35, 2, 3));
    let receipts = statements.iter().filter(|statement| matches!(statement, Statement::Receipt(_))).count();
    assert_eq!(replayed.claims, receipts as u64);
    let Some(Statement::Close(close)) = statements.iter().rev().nth(1) else { panic!() };
    assert_eq!(replayed.left, close.left);
}

/// The places of the receipts, and where the one at `place` of them stands.
fn receipt(statements: &mut [Statement], place: usize) -> &mut Receipt {
    let receipts = statements.iter_mut().filter_map(|statement| match statement {
        Statement::Receipt(receipt) => Some(receipt),
        _ => None,
    });
    receipts.into_iter().nth(place).expect("so many receipts")
}

fn place_of(statements: &[Statement], is_it: impl Fn(&Statement) -> bool) -> usize {
    statements.iter().position(is_it).expect("such a statement")
}

/// What is found once something is changed.
fn check(what: &str, change: impl FnOnce(&mut Vec<Statement>), expected: &[Wrong]) {
    let mut statements = whole();
    change(&mut statements);
    let found: Vec<Wrong> = replay(&statements).0.into_iter().map(|finding| finding.wrong).collect();
    assert_eq!(found, expected, "{what}");
}

fn packet(face: i64) -> Packet {
    Packet { face, split: false }
}

#[test]
fn a_changed_receipt_is_one_finding() {
    let mut statements = whole();
    let face = receipt(&mut statements, 12).face;
    let other = if face == 888 { 8800 } else { 888 };
    check(
        "another face",
        |statements| receipt(statements, 12).face = other,
        &[Wrong::Face { ordinal: 2, expected: packet(face), found: packet(other) }],
    );
    check(
        "a receipt that is missing",
        |statements| {
            let place = place_of(
                statements,
                |statement| matches!(statement, Statement::Receipt(receipt) if receipt.cell == 1 && receipt.ordinal == 7),
            );
            statements.remove(place);
        },
        &[Wrong::Missing { ordinal: 7 }],
    );
    check(
        "two ordinals that are swapped",
        |statements| {
            receipt(statements, 12).ordinal = 3;
            receipt(statements, 13).ordinal = 2;
        },
        &swapped(),
    );
    check(
        "a receipt that comes twice",
        |statements| {
            let again = receipt(statements, 4).clone();
            let place = place_of(statements, |statement| matches!(statement, Statement::Sent(_)));
            statements.insert(place, Statement::Receipt(again));
        },
        &[Wrong::Twice { ordinal: 4 }],
    );
    check(
        "a receipt before the start",
        |statements| receipt(statements, 0).at = Instant(STARTS.0 - 1),
        &[Wrong::Backwards { at: Instant(STARTS.0 - 1) }, Wrong::OutsideOfTime { at: Instant(STARTS.0 - 1) }],
    );
}

/// What two receipts with swapped ordinals are: one is missing, the first has the other's packet, the second comes late.
fn swapped() -> Vec<Wrong> {
    let mut statements = whole();
    let (two, three) = (receipt(&mut statements, 12).face, receipt(&mut statements, 13).face);
    let mut expected = vec![Wrong::Missing { ordinal: 2 }];
    if two != three {
        expected.push(Wrong::Face { ordinal: 3, expected: packet(three), found: packet(two) });
    }
    expected.push(Wrong::Twice { ordinal: 2 });
    expected
}

#[test]
fn a_changed_stock_is_found() {
    check(
        "a packet that went back twice",
        |statements| {
            let place = place_of(statements, |statement| matches!(statement, Statement::PutBack(_)));
            let again = statements[place].clone();
            statements.insert(place, again);
        },
        &[Wrong::PutBack { ordinal: 3 }],
    );
    check(
        "a move that is not received",
        |statements| {
            let place = place_of(
                statements,
                |statement| matches!(statement, Statement::Received(received) if received.cell == 2),
            );
            let Statement::Received(received) = &mut statements[place] else { panic!() };
            received.from = 0;
        },
        &[Wrong::Between { from: 0, into: 2 }, Wrong::Between { from: 1, into: 2 }],
    );
    let mut statements = whole();
    let place = place_of(&statements, |statement| matches!(statement, Statement::Sent(_)));
    let Statement::Sent(sent) = &mut statements[place] else { panic!() };
    sent.line += 1;
    let found = replay(&statements).0;
    let is_named = |wrong: &Wrong| matches!(wrong, Wrong::Move { .. });
    assert!(found.iter().any(|finding| is_named(&finding.wrong) && finding.cell == Some(0)), "{found:?}");
}

/// That what is found first, once something is changed, is this.
fn first(what: &str, change: impl FnOnce(&mut Vec<Statement>), is_it: impl Fn(&Wrong) -> bool) {
    let mut statements = whole();
    change(&mut statements);
    let found = replay(&statements).0;
    assert!(found.first().is_some_and(|finding| is_it(&finding.wrong)), "{what}: {found:?}");
}

fn rules(statements: &mut [Statement]) -> &mut Rules {
    let Statement::Rules(rules) = &mut statements[0] else { panic!("rules come first") };
    rules
}

fn opening(statements: &mut [Statement]) -> &mut Opening {
    let Statement::Opening(opening) = &mut statements[2] else { panic!("the third is the opening") };
    opening
}

fn close(statements: &mut [Statement]) -> &mut Close {
    let Some(Statement::Close(close)) = statements.iter_mut().rev().nth(1) else {
        panic!("the close is the last but one")
    };
    close
}

#[test]
fn what_a_campaign_said_of_itself_is_checked() {
    let stated = rules(&mut whole()).beacon.round;
    first(
        "another round",
        |all| rules(all).beacon.round += 1,
        |wrong| *wrong == Wrong::Round { expected: stated, stated: stated + 1 },
    );
    first(
        "another round of the opening",
        |all| opening(all).round += 1,
        |wrong| *wrong == Wrong::Round { expected: stated, stated: stated + 1 },
    );
    first(
        "rules that were stated late have a later round",
        |all| rules(all).at = STARTS,
        |wrong| *wrong == Wrong::Round { expected: stated + 21, stated },
    );
    first("a public draw that is none", |all| rules(all).beacon.local = false, |wrong| *wrong == Wrong::Chain);
    first("a chain that nobody knows", |all| rules(all).beacon.chain.0[0] ^= 1, |wrong| *wrong == Wrong::Chain);
    first(
        "another signature",
        |all| opening(all).signature = "08".repeat(48),
        |wrong| matches!(wrong, Wrong::Randomness(_)),
    );
    first(
        "other randomness",
        |all| opening(all).randomness.0[5] ^= 1,
        |wrong| matches!(wrong, Wrong::Randomness(_)),
    );
    first("two openings", |all| all.insert(3, all[2].clone()), |wrong| *wrong == Wrong::Opening);
    first("no opening", |all| drop(all.remove(2)), |wrong| *wrong == Wrong::Opening);
    first("no rules", |all| drop(all.remove(0)), |wrong| *wrong == Wrong::NoRules);
    first(
        "a second revision at once",
        |all| rules(all).revision = 2,
        |wrong| *wrong == Wrong::Revision { expected: 1, found: 2 },
    );
    first("another commitment", |all| rules(all).pool.0[0] ^= 1, |wrong| *wrong == Wrong::Secret);
    first("no secret", |all| drop(all.pop()), |wrong| *wrong == Wrong::NotRevealed);
    first(
        "a secret too early",
        |all| {
            let reveal = all.pop().unwrap();
            all.insert(3, reveal);
        },
        |wrong| *wrong == Wrong::RevealedEarly,
    );
    first(
        "no stock",
        |all| rules(all).document["packets"] = json!([]),
        |wrong| *wrong == Wrong::Document("packets"),
    );
}

#[test]
fn rules_may_not_change_what_everything_hangs_on() {
    let revised = |change: fn(&mut Rules)| {
        move |all: &mut Vec<Statement>| {
            let mut next = rules(all).clone();
            next.revision = 2;
            change(&mut next);
            all.insert(1, Statement::Rules(next));
        }
    };
    check("another text", revised(|rules| rules.document["terms"] = json!("new")), &[]);
    first("a revision is left out", revised(|rules| rules.revision = 3), |wrong| {
        *wrong == Wrong::Revision { expected: 2, found: 3 }
    });
    let more = revised(|rules| rules.document["packets"][0]["count"] = json!(3));
    first("another stock", more, |wrong| *wrong == Wrong::RulesChanged);
    let longer = revised(|rules| rules.document["ends_at"] = json!("2018-09-16T00:00:00+08:00"));
    first("another end", longer, |wrong| *wrong == Wrong::RulesChanged);
}

#[test]
fn money_and_order_are_checked() {
    first(
        "less money",
        |all| {
            let Statement::Fund(fund) = &mut all[1] else { panic!() };
            fund.amount.value -= 1;
        },
        |wrong| matches!(wrong, Wrong::Underfunded { .. }),
    );
    first(
        "money that is nowhere",
        |all| close(all).spent.value += 1,
        |wrong| matches!(wrong, Wrong::Money { .. }),
    );
    first("packets that are nowhere", |all| close(all).left[1] += 1, |wrong| matches!(wrong, Wrong::Left { .. }));
    let pause = || Pause { at: STARTS, campaign: campaign(), reason: "rain".into(), scope: Scope::Issuing };
    let change = || Change { at: STARTS, campaign: campaign(), reason: String::new() };
    check(
        "a pause between claims",
        |all| {
            all.insert(5, Statement::Pause(pause()));
            all.insert(6, Statement::Resume(change()));
        },
        &[],
    );
    first(
        "a claim during a pause",
        |all| all.insert(5, Statement::Pause(pause())),
        |wrong| *wrong == Wrong::WhilePaused,
    );
    first(
        "a claim after the end",
        |all| all.insert(5, Statement::End(change())),
        |wrong| *wrong == Wrong::AfterEnd,
    );
    first("a claim before the opening", |all| all.swap(2, 3), |wrong| *wrong == Wrong::BeforeOpening);
    first("a resume of nothing", |all| all.insert(5, Statement::Resume(change())), |wrong| *wrong == Wrong::Order);
}

/// Cases that a dishonest operator would try, none of which changes what is left.
#[test]
fn what_could_be_slipped_in_is_found() {
    let put_back =
        |all: &[Statement]| all[place_of(all, |statement| matches!(statement, Statement::PutBack(_)))].clone();
    let sent = |cell, into, count, line| {
        let (at, face, split) = (STARTS, 888, false);
        Statement::Sent(Sent { at, campaign: campaign(), cell, continues: false, count, face, into, line, split })
    };
    let received = |cell, from, count| {
        let (at, face, split) = (STARTS, 888, false);
        Statement::Received(Received { at, campaign: campaign(), cell, count, face, from, split })
    };
    first(
        "a packet that went back after the close",
        |all| all.push(put_back(all)),
        |wrong| *wrong == Wrong::NotOpen,
    );
    first("a move before the opening", |all| all.insert(2, sent(0, 1, 1, 1)), |wrong| *wrong == Wrong::NotOpen);
    first(
        "a move to itself",
        |all| all.insert(4, sent(0, 0, 1, 1)),
        |wrong| matches!(wrong, Wrong::NoMove { .. }),
    );
    first(
        "a move of nothing",
        |all| all.insert(4, sent(0, 1, 0, 1)),
        |wrong| matches!(wrong, Wrong::NoMove { .. }),
    );
    first(
        "a move of too many",
        |all| all.insert(4, received(1, 0, 1 << 53)),
        |wrong| matches!(wrong, Wrong::NoMove { .. }),
    );
    first(
        "a line that no ledger has",
        |all| all.insert(4, sent(0, 1, 1, 1 << 50)),
        |wrong| matches!(wrong, Wrong::Continues { .. }),
    );
    first(
        "a packet that is back already, called nothing",
        |all| {
            let Statement::PutBack(back) = put_back(all) else { panic!() };
            let place = place_of(all, |statement| matches!(statement, Statement::PutBack(_)));
            all.insert(place + 1, Statement::PutBack(PutBack { face: 0, split: false, ..back }));
        },
        |wrong| matches!(wrong, Wrong::PutBack { .. }),
    );
    first(
        "a receipt far beyond the stock",
        |all| receipt(all, 0).ordinal = 1 << 32,
        |wrong| *wrong == Wrong::Missing { ordinal: 0 },
    );
    first(
        "a close of a campaign that runs",
        |all| {
            all.retain(|statement| !matches!(statement, Statement::End(_)));
        },
        |wrong| *wrong == Wrong::Order,
    );
    first(
        "money that goes the other way",
        |all| {
            let close = close(all);
            close.spent.value += close.returned.value + 100;
            close.returned.value = -100;
        },
        |wrong| *wrong == Wrong::Amount,
    );
    first(
        "more spent than was issued",
        |all| {
            let close = close(all);
            close.spent.value += close.returned.value;
            close.returned.value = 0;
        },
        |wrong| matches!(wrong, Wrong::Money { .. }),
    );
    first("another currency", |all| close(all).recovered.currency = "USD".into(), |wrong| *wrong == Wrong::Amount);
    first(
        "rules that are said to be older than what came before",
        |all| {
            let Statement::Fund(fund) = &mut all[1] else { panic!() };
            fund.at = Instant(fund.at.0 - 1);
        },
        |wrong| matches!(wrong, Wrong::Backwards { .. }),
    );
    first(
        "revisions without end",
        |all| {
            rules(all).revision = u32::MAX;
            all.insert(1, all[0].clone());
        },
        |wrong| matches!(wrong, Wrong::Revision { .. }),
    );
    first(
        "a stock without end",
        |all| rules(all).document["packets"][0]["count"] = json!(1_u64 << 33),
        |wrong| *wrong == Wrong::Document("packets"),
    );
}

/// What a campaign may go through.
#[derive(Clone, Debug)]
enum Step {
    Claim(usize),
    PutBack(usize, usize),
    Send(usize, usize, u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let cell = || 0..3_usize;
    let step = prop_oneof![
        4 => cell().prop_map(Step::Claim),
        1 => (cell(), any::<usize>()).prop_map(|(cell, which)| Step::PutBack(cell, which)),
        1 => (cell(), cell(), 1..20_u64).prop_map(|(from, into, count)| Step::Send(from, into, count)),
    ];
    proptest::collection::vec(step, 1..200)
}

fn run(steps: &[Step]) -> Vec<Statement> {
    let mut run = Run::new(3);
    for step in steps {
        match *step {
            Step::Claim(cell) => run.claim(cell),
            Step::PutBack(cell, which) => run.put_back(cell, which),
            Step::Send(from, into, count) => run.send(from, into, count),
        }
    }
    run.close()
}

proptest! {
    #[test]
    fn every_campaign_that_was_run_by_the_rules_replays(steps in steps()) {
        let statements = run(&steps);
        let (findings, replayed) = replay(&statements);
        prop_assert_eq!(findings, []);
        let Statement::Close(close) = &statements[statements.len() - 2] else { panic!() };
        prop_assert_eq!(replayed.map(|replayed| replayed.left), Some(close.left.clone()));
    }

    #[test]
    fn a_statement_less_is_found(steps in steps(), which in any::<proptest::sample::Index>()) {
        let mut statements = run(&steps);
        statements.remove(which.index(statements.len()));
        prop_assert_ne!(replay(&statements).0, []);
    }

    #[test]
    fn a_statement_more_is_found(steps in steps(), which in any::<proptest::sample::Index>()) {
        let mut statements = run(&steps);
        let which = which.index(statements.len());
        statements.insert(which, statements[which].clone());
        prop_assert_ne!(replay(&statements).0, []);
    }

    #[test]
    fn another_packet_is_found(steps in steps(), which in any::<proptest::sample::Index>()) {
        let mut statements = run(&steps);
        let receipts = statements.iter().filter(|statement| matches!(statement, Statement::Receipt(_))).count();
        prop_assume!(receipts > 0);
        let receipt = receipt(&mut statements, which.index(receipts));
        receipt.face = if receipt.face == 888 { 8800 } else { 888 };
        receipt.split = false;
        prop_assert_ne!(replay(&statements).0, []);
    }
}
