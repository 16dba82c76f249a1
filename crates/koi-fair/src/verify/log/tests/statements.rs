//! Statements that are changed, in logs that sign them honestly: only the replay can find them.

use serde_json::{Value, json};

use super::*;
use crate::canonical;

fn values(made: &MadeUp) -> Vec<Value> {
    made.leaves.iter().map(|leaf| serde_json::from_slice(leaf).unwrap()).collect()
}

/// The log of these statements, signed.
fn log_of(values: &[Value]) -> Files {
    let leaves: Vec<Vec<u8>> = values.iter().map(|value| canonical::text(value).unwrap().into_bytes()).collect();
    made_up::files(&leaves).unwrap()
}

fn is_of(value: &Value, kind: &str, campaigns: &[&str]) -> bool {
    value["kind"] == kind && campaigns.iter().any(|campaign| value["campaign"] == *campaign)
}

const CLOSED: [&str; 2] = ["spring", "lantern"];

/// Every statement of a kind in the closed campaigns, changed by itself; `expected` sees what is found.
fn each(
    kind: &str,
    change: impl Fn(&mut Vec<Value>, usize) -> bool,
    expected: impl Fn(&Value, &[Named<'_>]),
) -> u32 {
    let honest = values(&MadeUp::new(120, 21, None).unwrap());
    let mut tried = 0;
    for place in 0..honest.len() {
        if !is_of(&honest[place], kind, &CLOSED) {
            continue;
        }
        let mut changed = honest.clone();
        if !change(&mut changed, place) {
            continue;
        }
        let checked = check(&log_of(&changed), &strict());
        let found = named(&checked);
        assert!(!found.is_empty(), "{} was changed, and nothing is found", honest[place]);
        expected(&honest[place], &found);
        tried += 1;
    }
    assert!(tried > 0, "{kind}");
    tried
}

/// The first thing that is found has this code, in the statement's campaign.
fn first_is(codes: &'static [&'static str]) -> impl Fn(&Value, &[Named<'_>]) {
    move |value, found| {
        assert!(codes.contains(&found[0].0), "{value}: {found:?}");
        assert_eq!(Some(found[0].1.unwrap()), value["campaign"].as_str());
    }
}

fn name_of<'a>(value: &'a Value, code: &'static str) -> Named<'a> {
    let number = |name: &str| value[name].as_u64();
    (code, value["campaign"].as_str(), number("cell").map(|cell| u16::try_from(cell).unwrap()), number("ordinal"))
}

#[test]
fn every_face_is_drawn_again() {
    for (face, split) in [(288_800, true), (8800, false), (888, false), (888, true), (1, false)] {
        let tried = each(
            "receipt",
            |all, place| {
                let before = all[place].clone();
                (all[place]["face"], all[place]["split"]) = (json!(face), json!(split));
                before != all[place]
            },
            |value, found| assert_eq!(found, [name_of(value, "face")]),
        );
        assert!(tried > 10);
    }
}

#[test]
fn every_receipt_must_be_there_once() {
    each(
        "receipt",
        |all, place| {
            all.remove(place);
            true
        },
        // It shows by the next one of its cell, or else by what is left; what happened to the stock before that is named, too.
        |value, found| {
            assert!(found.contains(&name_of(value, "missing")) || found.last().unwrap().0 == "left", "{found:?}");
        },
    );
    each(
        "receipt",
        |all, place| {
            all.insert(place, all[place].clone());
            true
        },
        |value, found| assert_eq!(found, [name_of(value, "twice")]),
    );
    each(
        "receipt",
        |all, place| {
            all[place]["ordinal"] = json!(all[place]["ordinal"].as_u64().unwrap() + 1);
            true
        },
        |value, found| assert_eq!(found[0], name_of(value, "missing")),
    );
    each(
        "receipt",
        |all, place| {
            all[place]["ordinal"] = json!(1_u64 << 40);
            true
        },
        |value, found| assert_eq!(found[0], name_of(value, "missing")),
    );
    each(
        "receipt",
        |all, place| {
            all[place]["cell"] = json!(9);
            true
        },
        |_, found| assert!(["missing", "empty"].contains(&found[0].0), "{found:?}"),
    );
}

/// A receipt that is followed by the next one of its cell: nothing happened to the stock before it is missed.
#[test]
fn a_missing_receipt_is_one_finding() {
    let honest = values(&MadeUp::new(120, 22, None).unwrap());
    let mut tried = 0;
    for place in 0..honest.len() {
        let this = &honest[place];
        let of_cell = |value: &&Value| value["campaign"] == this["campaign"] && value["cell"] == this["cell"];
        let next = honest[place + 1..].iter().find(of_cell);
        let (true, Some(next)) = (is_of(this, "receipt", &CLOSED), next) else { continue };
        if next["kind"] == "receipt" {
            let mut changed = honest.clone();
            changed.remove(place);
            assert_eq!(named(&check(&log_of(&changed), &strict())), [name_of(this, "missing")]);
            tried += 1;
        }
    }
    assert!(tried > 50, "{tried}");
}

#[test]
fn what_goes_back_and_what_moves_is_replayed() {
    let remove = |all: &mut Vec<Value>, place| {
        all.remove(place);
        true
    };
    let twice = |all: &mut Vec<Value>, place: usize| {
        all.insert(place, all[place].clone());
        true
    };
    let more = |name: &'static str| {
        move |all: &mut Vec<Value>, place: usize| {
            all[place][name] = json!(all[place][name].as_u64().unwrap() + 1);
            true
        }
    };
    each("put_back", remove, |_, _| {});
    each("put_back", twice, |value, found| assert_eq!(found[0], name_of(value, "put_back")));
    each(
        "put_back",
        |all, place| {
            all[place]["ordinal"] = json!(1 << 20);
            true
        },
        |_, found| assert_eq!((found[0].0, found[0].3), ("put_back", Some(1 << 20))),
    );
    each("put_back", more("face"), |value, found| assert_eq!(found[0], name_of(value, "put_back")));
    each("sent", remove, |_, _| {});
    each("sent", twice, first_is(&["continues", "move"]));
    // One more of a move is drawn after the others: it may be the right one, but it never came in.
    each("sent", more("count"), |_, found| assert!(found.iter().any(|found| found.0 == "between")));
    each("sent", more("face"), first_is(&["no_such_tier"]));
    each("received", remove, |_, _| {});
    each("received", twice, |_, _| {});
    each("received", more("count"), |_, _| {});
    each("received", more("face"), first_is(&["no_such_tier"]));
}

#[test]
fn what_the_operator_says_must_fit() {
    let set = |name: &'static str, value: Value| {
        move |all: &mut Vec<Value>, place: usize| {
            let before = std::mem::replace(&mut all[place][name], value.clone());
            before != value
        }
    };
    let remove = |all: &mut Vec<Value>, place| {
        all.remove(place);
        true
    };
    let zeros = json!("0".repeat(64));
    each("fund", remove, first_is(&["underfunded", "money"]));
    each("fund", set("amount", json!({ "currency": "USD", "value": 1 })), first_is(&["amount"]));
    each("fund", set("amount", json!({ "currency": "CNY", "value": 0 })), first_is(&["amount"]));
    each("opening", remove, first_is(&["before_opening", "not_open"]));
    each("opening", set("randomness", zeros.clone()), first_is(&["randomness"]));
    each("opening", set("signature", json!("00")), first_is(&["randomness"]));
    each("opening", set("signature", json!("0")), first_is(&["randomness"]));
    each("opening", set("round", json!(7)), first_is(&["round"]));
    each("reveal", remove, first_is(&["not_revealed"]));
    each("reveal", set("secret", zeros.clone()), |value, found| assert_eq!(found, [name_of(value, "secret")]));
    each("close", remove, first_is(&["revealed_early"]));
    each("close", set("left", json!([])), first_is(&["left"]));
    each("close", set("left", json!([0, 0, 0])), first_is(&["left"]));
    each("close", set("spent", json!({ "currency": "CNY", "value": 1 })), first_is(&["money"]));
    each("close", set("returned", json!({ "currency": "CNY", "value": -1 })), first_is(&["amount"]));
    each("close", set("at", json!("2018-07-15T00:00:00.000Z")), first_is(&["backwards"]));
    each("end", remove, first_is(&["order"]));
    each("rules", remove, first_is(&["no_rules", "revision", "face"]));
    each("rules", set("revision", json!(9)), first_is(&["revision"]));
    each("rules", set("pool", zeros), first_is(&["rules_changed", "secret"]));
    each("rules", set("document", json!({})), first_is(&["document"]));
    each("rules", set("at", json!("2019-07-15T00:00:00.000Z")), first_is(&["round", "backwards"]));
    let beacon = |name: &'static str, value: Value| {
        move |all: &mut Vec<Value>, place: usize| {
            all[place]["beacon"][name] = value.clone();
            true
        }
    };
    each("rules", beacon("local", json!(false)), first_is(&["chain", "rules_changed"]));
    each("rules", beacon("chain", json!("1".repeat(64))), first_is(&["chain", "rules_changed"]));
    each("rules", beacon("round", json!(1)), first_is(&["round", "rules_changed"]));
}

#[test]
fn a_campaign_that_runs_is_checked_as_far_as_it_can_be() {
    let honest = values(&MadeUp::new(900, 31, None).unwrap());
    let of_harbour = |kind: &str| {
        (0..honest.len()).filter(|place| is_of(&honest[*place], kind, &["harbour"])).collect::<Vec<_>>()
    };
    let receipts = of_harbour("receipt");
    let found = |change: &dyn Fn(&mut Vec<Value>)| {
        let mut changed = honest.clone();
        change(&mut changed);
        let checked = check(&log_of(&changed), &strict());
        assert_eq!(campaign(&checked, "harbour").state, State::Running);
        codes(&checked)
    };
    let place = receipts[3];
    assert_eq!(found(&|_| {}), [""; 0]);
    assert_eq!(found(&|all| drop(all.remove(place))), ["missing"]);
    assert_eq!(found(&|all| all.insert(place, all[place].clone())), ["twice"]);
    assert_eq!(found(&|all| all[place]["face"] = json!(5)), ["no_such_tier"]);
    assert_eq!(
        found(&|all| all[place]["at"] = json!("2017-01-01T00:00:00.000Z")),
        ["backwards", "outside_of_time"]
    );
    // More of the largest than there are: somewhere the cell has none left.
    let greedy = found(&|all| {
        for place in &receipts {
            (all[*place]["face"], all[*place]["split"]) = (json!(288_800), json!(true));
        }
    });
    assert!(greedy.contains(&"empty"), "{greedy:?}");
    let back = of_harbour("put_back")[0];
    assert_eq!(found(&|all| all[back]["face"] = json!(7)), ["put_back"]);
    let sent = of_harbour("sent")[0];
    assert_eq!(found(&|all| all[sent]["count"] = json!(4096))[0], "move_of_more");
    assert_eq!(found(&|all| all[sent]["count"] = json!(4097))[0], "no_move");
    // A claim of a running campaign may say any face that is left: nobody can know yet.
    let is_first = |place: &&usize| honest[**place]["cell"] == 0;
    let place = *receipts.iter().find(is_first).unwrap();
    let other = if honest[place]["face"] == 888 { 8800 } else { 888 };
    assert_eq!(found(&|all| (all[place]["face"], all[place]["split"]) = (json!(other), json!(false))), [""; 0]);
}

/// The network never came: the campaign ends by the clock, and the money goes back.
#[test]
fn a_campaign_whose_randomness_never_came_is_closed_without_a_word() {
    let taken = ["opening", "receipt", "put_back", "sent", "received", "pause", "resume", "end"];
    let mut all = values(&MadeUp::new(120, 23, None).unwrap());
    all.retain(|value| value["campaign"] != "lantern" || !taken.contains(&value["kind"].as_str().unwrap()));
    let rules = all.iter().find(|value| is_of(value, "rules", &["lantern"])).unwrap();
    let packets = rules["document"]["packets"].as_array().unwrap();
    let left: Vec<Value> = packets.iter().map(|packet| packet["count"].clone()).collect();
    let close = all.iter_mut().find(|value| is_of(value, "close", &["lantern"])).unwrap();
    close["left"] = json!(left);
    (close["spent"], close["returned"]) = (json!({ "currency": "CNY", "value": 0 }), close["funded"].clone());
    let checked = check(&log_of(&all), &strict());
    assert_eq!(named(&checked), []);
    let campaign = campaign(&checked, "lantern");
    assert_eq!((campaign.state, campaign.numbers.as_ref().unwrap().claims), (State::Replayed, 0));
}

#[test]
fn a_missing_packet_may_go_back_while_the_secret_is_not_known() {
    let honest = values(&MadeUp::new(2500, 32, None).unwrap());
    // One that went back after a later claim of its cell.
    let of = |kind: &str, cell: &Value, ordinal: u64| {
        honest.iter().position(|value| {
            is_of(value, kind, &["harbour"]) && value["cell"] == *cell && value["ordinal"] == ordinal
        })
    };
    let is_late = |place: &usize| {
        let (cell, ordinal) = (&honest[*place]["cell"], honest[*place]["ordinal"].as_u64().unwrap_or(0));
        is_of(&honest[*place], "put_back", &["harbour"])
            && of("receipt", cell, ordinal + 1).is_some_and(|next| next < *place)
    };
    let back = &honest[(0..honest.len()).find(is_late).unwrap()];
    let gone = of("receipt", &back["cell"], back["ordinal"].as_u64().unwrap()).unwrap();
    let mut changed = honest.clone();
    changed.remove(gone);
    let checked = check(&log_of(&changed), &strict());
    assert_eq!(named(&checked), [name_of(&honest[gone], "missing")]);
}

#[test]
fn a_leaf_that_is_no_statement_is_named() {
    let honest = MadeUp::new(30, 1, None).unwrap().leaves;
    let with = |leaf: &[u8]| {
        let mut leaves = honest.clone();
        leaves.insert(10, leaf.to_vec());
        let checked = check(&made_up::files(&leaves).unwrap(), &strict());
        assert_eq!(checked.findings[0].leaf, Some(10));
        codes(&checked)
    };
    for (leaf, code) in [
        (&b""[..], "statement_not_canonical"),
        (b"\xff", "statement_not_canonical"),
        (b"{", "statement_not_canonical"),
        (b"{ }", "statement_not_canonical"),
        (br#"{"v":1.0}"#, "statement_not_canonical"),
        (br#"{"v":1,"v":1}"#, "statement_not_canonical"),
        (b"[]", "statement_version"),
        (b"{}", "statement_version"),
        (br#"{"v":2}"#, "statement_version"),
        (br#"{"v":"1"}"#, "statement_version"),
        (br#"{"v":1}"#, "statement_member"),
        (br#"{"kind":"gift","v":1}"#, "statement_member"),
        (
            br#"{"at":"2018-07-15T00:00:00.000Z","campaign":"spring","kind":"end","reason":1,"v":1}"#,
            "statement_member",
        ),
        (
            br#"{"at":"2018-07-15T00:00:00Z","campaign":"spring","kind":"end","reason":"","v":1}"#,
            "statement_member",
        ),
        (
            br#"{"at":"2018-02-30T00:00:00.000Z","campaign":"spring","kind":"end","reason":"","v":1}"#,
            "statement_member",
        ),
        (
            br#"{"at":"2018-07-15T00:00:00.000Z","campaign":"spring","kind":"end","more":0,"reason":"","v":1}"#,
            "statement_member",
        ),
    ] {
        assert_eq!(with(leaf), [code], "{}", String::from_utf8_lossy(leaf));
    }
}

#[test]
fn findings_are_kept_for_each_campaign_and_all_are_counted() {
    let mut all = values(&MadeUp::new(600, 41, None).unwrap());
    for value in &mut all {
        if value["kind"] == "receipt" {
            value["face"] = json!(7);
        }
    }
    let checked = check(&log_of(&all), &strict());
    let kept =
        |name: &str| checked.findings.iter().filter(|finding| finding.campaign.as_deref() == Some(name)).count();
    assert_eq!((kept("spring"), kept("lantern"), kept("harbour")), (100, 100, 100));
    let counted = |name: &str| campaign(&checked, name).findings;
    assert!(counted("spring") >= 300 && counted("lantern") >= 200, "{}", counted("spring"));
    assert_eq!(checked.findings_count, counted("spring") + counted("lantern") + counted("harbour"));
}
