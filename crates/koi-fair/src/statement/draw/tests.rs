//! Statements of a draw are read back as they were written, and nothing else is read.

use serde_json::json;

use super::*;
use crate::draw::made_up::Plan;

fn rules() -> DrawRules {
    Plan::small().rules()
}

fn seal() -> DrawSeal {
    Plan::small().seal(crate::log::TreeHash([7; 32]))
}

fn statements() -> Vec<DrawStatement> {
    let (at, draw) = (Instant(1_538_884_800_000), "made-up".to_owned());
    let outcome = DrawOutcome {
        at,
        draw: draw.clone(),
        reserves: vec![2, 1],
        round: 9,
        signature: [0xAB; SIGNATURE_BYTES],
        winner: 3,
    };
    vec![
        DrawStatement::Rules(rules()),
        DrawStatement::Seal(Box::new(seal())),
        DrawStatement::Outcome(outcome),
        DrawStatement::Void(DrawVoid { at, draw, reason: "not_cosigned".into() }),
    ]
}

#[test]
fn a_statement_is_read_back_as_it_was_written() {
    for statement in statements() {
        let leaf = statement.leaf().unwrap();
        assert_eq!(DrawStatement::parse(&leaf), Ok(statement.clone()));
        assert_eq!(Leaf::parse(&leaf), Ok(Leaf::Draw(statement)));
    }
}

#[test]
fn the_rules_in_the_seal_are_the_leaf_of_the_rules() {
    let seal = DrawStatement::Seal(Box::new(seal())).value().unwrap();
    let leaf = DrawStatement::Rules(rules()).leaf().unwrap();
    assert_eq!(canonical::text(&seal["rules"]).unwrap().into_bytes(), leaf);
    assert_eq!(rules().hash().unwrap(), crate::draw::rules_hash(&seal["rules"]).unwrap());
}

/// Sets a member, of the rules in the seal, too; null takes it away.
fn changed(statement: &DrawStatement, name: &str, value: &Value) -> Vec<u8> {
    let mut document = statement.value().unwrap();
    let mut at = &mut document;
    let mut names: Vec<&str> = name.split('.').collect();
    let last = names.pop().unwrap();
    for name in names {
        at = &mut at[name];
    }
    let members = at.as_object_mut().unwrap();
    if value.is_null() {
        members.remove(last).unwrap();
    } else {
        members.insert(last.to_owned(), value.clone());
    }
    canonical::text(&document).unwrap().into_bytes()
}

#[test]
fn what_is_out_of_range_is_refused() {
    let [rules, seal, outcome, void] = statements().try_into().unwrap();
    let key = rules.value().unwrap()["witnesses"][0].clone();
    let long = "x".repeat(1_001);
    let many = vec![1; 1_001];
    let seventeen = vec![key.clone(); 17];
    for (statement, name, value) in [
        (&rules, "beacon.chain", json!("00")),
        (&rules, "beacon.local", json!(1)),
        (&rules, "beacon.more", json!(1)),
        (&rules, "claim_s", json!(0)),
        (&rules, "claim_s", json!(1_u64 << 32)),
        (&rules, "close", json!("2018-10-07T00:00:00+08:00")),
        (&rules, "draw", json!("")),
        (&rules, "draw", json!("a b")),
        (&rules, "draw", json!("é")),
        (&rules, "draw", json!("x".repeat(65))),
        (&rules, "eligibility", json!("")),
        (&rules, "eligibility", json!("a\nb")),
        (&rules, "eligibility", json!(long)),
        (&rules, "filter", json!("Strict")),
        (&rules, "margin_s", json!(-1)),
        (&rules, "more", json!(1)),
        (&rules, "quorum", json!(0)),
        (&rules, "quorum", json!(4)),
        (&rules, "reserves", json!(1_001)),
        (&rules, "silent", Value::Null),
        (&rules, "witnesses", json!([])),
        (&rules, "witnesses", json!([key, key])),
        (&rules, "witnesses", json!(seventeen)),
        (&rules, "witnesses", json!(["a", "b", "c"])),
        (&seal, "entries", json!(0)),
        (&seal, "exclusions.count", json!(-1)),
        (&seal, "exclusions.hash", json!("AB")),
        (&seal, "prizes", Value::Null),
        (&seal, "root", json!("ab".repeat(31))),
        (&seal, "rules.kind", json!("draw_void")),
        (&seal, "rules.quorum", json!(9)),
        (&seal, "rules.silent", Value::Null),
        (&outcome, "reserves", json!(many)),
        (&outcome, "signature", json!("AB".repeat(48))),
        (&outcome, "signature", json!("ab".repeat(47))),
        (&outcome, "winner", json!("1")),
        (&void, "reason", json!("no reason")),
        (&void, "kind", json!("draw_voids")),
    ] {
        let leaf = changed(statement, name, &value);
        let refused = DrawStatement::parse(&leaf);
        assert!(matches!(refused, Err(Unreadable::Member(_))), "{name} {value}: {refused:?}");
    }
    for (statement, name, value) in [
        (&rules, "v", json!(2)),
        (&rules, "v", Value::Null),
        (&seal, "v", json!("1")),
        (&seal, "rules.v", json!(2)),
        (&seal, "rules", json!(7)),
        (&seal, "rules", Value::Null),
    ] {
        assert_eq!(DrawStatement::parse(&changed(statement, name, &value)), Err(Unreadable::Version), "{name}");
    }
}

#[test]
fn nothing_is_stated_that_would_not_be_read() {
    let none = DrawStatement::Rules(DrawRules { claim_s: 0, ..rules() });
    assert!(matches!(none.leaf(), Err(Unreadable::Member(_))));
    let none = DrawStatement::Seal(Box::new(DrawSeal { entries: 1 << 53, ..seal() }));
    assert!(matches!(none.leaf(), Err(Unreadable::Member(_))));
    let in_it = DrawSeal { rules: DrawRules { filter: String::new(), ..rules() }, ..seal() };
    assert!(matches!(DrawStatement::Seal(Box::new(in_it)).leaf(), Err(Unreadable::Member(_))));
}

#[test]
fn a_draw_may_have_no_witnesses_but_says_so() {
    let without = DrawRules { witnesses: vec![], quorum: 0, ..rules() };
    let leaf = DrawStatement::Rules(without.clone()).leaf().unwrap();
    assert_eq!(DrawStatement::parse(&leaf), Ok(DrawStatement::Rules(without)));
}

#[test]
fn leaves_of_campaigns_are_read_beside_those_of_draws() {
    let leaf = br#"{"amount":{"currency":"CNY","value":1},"at":"2018-07-15T00:00:00.000Z","campaign":"nz","kind":"fund","v":1}"#;
    assert!(matches!(Leaf::parse(leaf), Ok(Leaf::Campaign(Statement::Fund(_)))));
    assert!(matches!(Leaf::parse(br#"{"kind":"draw","v":1}"#), Err(Unreadable::Member(_))));
    assert_eq!(Leaf::parse(br#"{"kind":"draw_rules"}"#), Err(Unreadable::Version));
}
