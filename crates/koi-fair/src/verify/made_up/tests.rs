use std::collections::BTreeMap;

use super::*;

fn kinds(leaves: &[Vec<u8>]) -> BTreeMap<String, usize> {
    let mut kinds = BTreeMap::new();
    for leaf in leaves {
        let value: serde_json::Value = serde_json::from_slice(leaf).unwrap();
        *kinds.entry(value["kind"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    kinds
}

#[test]
fn a_log_has_every_kind_of_statement_and_as_many_claims_as_were_asked_for() {
    let made = MadeUp::new(3000, 1, None).unwrap();
    let kinds = kinds(&made.leaves);
    assert_eq!(kinds["receipt"], 3000);
    assert_eq!((kinds["close"], kinds["reveal"], kinds["end"], kinds["opening"]), (2, 2, 1, 3));
    for kind in ["rules", "fund", "put_back", "sent", "received", "pause", "resume"] {
        assert!(kinds.contains_key(kind), "{kind}: {kinds:?}");
    }
}

#[test]
fn the_same_arguments_give_the_same_bytes() {
    let made = |seed| MadeUp::new(100, seed, Some(Mistake::Ordinal)).unwrap();
    assert_eq!(made(5).files().unwrap(), made(5).files().unwrap());
    assert_ne!(made(5).files().unwrap(), made(6).files().unwrap());
}

#[test]
fn a_mistake_is_one_change() {
    let honest = MadeUp::new(200, 3, None).unwrap().leaves;
    let differ = |mistake| {
        let other = MadeUp::new(200, 3, Some(mistake)).unwrap().leaves;
        let same = honest.iter().filter(|leaf| other.contains(leaf)).count();
        (honest.len() - same, other.len())
    };
    assert_eq!(differ(Mistake::Face), (1, honest.len()));
    assert_eq!(differ(Mistake::Ordinal), (2, honest.len()));
    assert_eq!(differ(Mistake::Missing), (1, honest.len() - 1));
}

#[test]
fn a_log_of_too_few_claims_is_refused() {
    assert!(matches!(MadeUp::new(0, 0, None), Err(NotMade::TooFew)));
    assert!(MadeUp::new(20, 0, Some(Mistake::Missing)).is_ok());
}
