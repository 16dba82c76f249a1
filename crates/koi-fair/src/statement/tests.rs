//! Statements are read back as they were written, and nothing else is read.

use super::*;

fn receipt() -> Statement {
    Statement::Receipt(Receipt {
        at: Instant(1_531_620_000_000),
        campaign: "nz".into(),
        cell: 3,
        coupon: "cpn_7".into(),
        face: 888,
        ordinal: 7,
        revision: 1,
        split: false,
    })
}

const RECEIPT: &str = r#"{"at":"2018-07-15T02:00:00.000Z","campaign":"nz","cell":3,"coupon":"cpn_7","face":888,"kind":"receipt","ordinal":7,"revision":1,"split":false,"v":1}"#;

#[test]
fn a_leaf_has_one_spelling() {
    assert_eq!(String::from_utf8(receipt().leaf().unwrap()).unwrap(), RECEIPT);
    assert_eq!(Statement::parse(RECEIPT.as_bytes()), Ok(receipt()));
}

#[test]
fn a_leaf_that_says_anything_else_is_refused() {
    let member = |text: &str| Some(Unreadable::Member(text.into()));
    for (from, to, refusal) in [
        (r#""v":1"#, r#""v":2"#, Some(Unreadable::Version)),
        (r#","v":1"#, "", Some(Unreadable::Version)),
        (r#""kind":"receipt""#, r#""kind":"gift""#, None),
        (r#""split":false,"#, "", member("missing field `split`")),
        (r#""split":false,"#, r#""split":false,"to":1,"#, None),
        ("2018-07-15T02:00:00.000Z", "2018-07-15T02:00:00Z", None),
        ("2018-07-15T02:00:00.000Z", "2018-07-15T04:00:00.000+02:00", None),
        (r#""ordinal":7"#, r#""ordinal":-7"#, None),
        (r#""ordinal":7"#, r#""ordinal":7.5"#, Some(NotCanonical::Number("7.5".into()).into())),
        (r#""cell":3"#, r#""cell":65536"#, None),
        (r#","cell""#, r#", "cell""#, Some(NotCanonical::Otherwise.into())),
    ] {
        let changed = RECEIPT.replacen(from, to, 1);
        assert_ne!(changed, RECEIPT, "{from}");
        let refused = Statement::parse(changed.as_bytes()).expect_err(&changed);
        match refusal {
            Some(refusal) => assert_eq!(refused, refusal, "{changed}"),
            None => assert!(matches!(refused, Unreadable::Member(_)), "{changed}: {refused}"),
        }
    }
}

#[test]
fn hashes_are_written_in_one_way() {
    let text = "00ff".repeat(16);
    assert_eq!(Hex32::parse(&text).unwrap().to_string(), text);
    for wrong in [text.to_uppercase(), text[1..].to_owned(), format!("{text}0"), text.replace('f', "g")] {
        assert_eq!(Hex32::parse(&wrong), None, "{wrong}");
    }
}

#[test]
fn a_receipt_is_written_as_every_statement_is() {
    let texts = ["", "nz", "\u{0}\u{8}\t\n\u{b}\u{c}\r\u{1f} \u{7f}\"\\/é红\u{2028}\u{1f600}"];
    let numbers = [0, 1, -1, canonical::NUMBER_MAX, -canonical::NUMBER_MAX, canonical::NUMBER_MAX + 1, i64::MIN];
    for text in texts {
        for number in numbers {
            let receipt = Statement::Receipt(Receipt {
                at: Instant(number % 1_000_000_000_000),
                campaign: text.into(),
                cell: u16::MAX,
                coupon: text.into(),
                face: number,
                ordinal: number.unsigned_abs(),
                revision: u32::MAX,
                split: number % 2 == 0,
            });
            match (receipt.leaf(), receipt.any_leaf()) {
                (Ok(one), Ok(other)) => assert_eq!(String::from_utf8(one), String::from_utf8(other)),
                (one, other) => assert!(one.is_err() && other.is_err(), "{text:?} {number}"),
            }
        }
    }
}
