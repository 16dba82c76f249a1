//! Damaged coupons.

use koi_core::coupon::Phase;
use koi_core::id::CodeText;

use super::{A, E, S, U, V, check, coupon};

#[test]
fn a_coupon_whose_parts_its_lines_do_not_make() {
    check(
        "remaining",
        |books| books.coupons[S].remaining += 1,
        &[
            "coupon S: remaining is 501, its transfers make 500",
            "coupon S: its parts do not make up its face",
            "summer: account committed holds 1000, its rows make 1001",
        ],
    );
    check(
        "reserved",
        |books| books.coupons[S].reserved += 1,
        &[
            "coupon S: reserved is 201, its transfers make 200",
            "coupon S: reserved is 201, its quotes make 200",
            "coupon S: its parts do not make up its face",
            "summer: account reserved holds 200, its rows make 201",
        ],
    );
    check(
        "spent",
        |books| books.coupons[S].spent += 1,
        &[
            "coupon S: spent is 301, its transfers make 300",
            "coupon S: spent is 301, its quotes make 300",
            "coupon S: its parts do not make up its face",
            "summer: account spent holds 800, its rows make 801",
        ],
    );
    check(
        "lapsed",
        |books| books.coupons[S].lapsed += 1,
        &["coupon S: lapsed is 1, its transfers make 0", "coupon S: its parts do not make up its face"],
    );
    check(
        "a part moved",
        |books| {
            books.coupons[S].remaining -= 1;
            books.coupons[S].spent += 1;
        },
        &[
            "coupon S: remaining is 499, its transfers make 500",
            "coupon S: spent is 301, its transfers make 300",
            "coupon S: spent is 301, its quotes make 300",
            "summer: account committed holds 1000, its rows make 999",
            "summer: account spent holds 800, its rows make 801",
        ],
    );
    check(
        "negative",
        |books| {
            books.coupons[S].remaining -= 501;
            books.coupons[S].lapsed += 501;
        },
        &[
            "coupon S: remaining is -1, its transfers make 500",
            "coupon S: lapsed is 501, its transfers make 0",
            "coupon S: its parts do not make up its face",
            "summer: account committed holds 1000, its rows make 499",
        ],
    );
}

#[test]
fn a_coupon_whose_phase_does_not_fit() {
    check(
        "held, and nothing is left",
        |books| books.coupons[U].phase = Phase::Held,
        &["coupon U: Held does not fit its parts"],
    );
    check(
        "void, and nobody voided it",
        |books| books.coupons[E].phase = Phase::Void,
        &["coupon E: Void does not fit its parts"],
    );
    check(
        "void, and all of it was spent",
        |books| {
            books.coupons[U].phase = Phase::Void;
            books.coupons[U].voided = books.coupons[V].voided;
        },
        &["coupon U: Void does not fit its parts"],
    );
    check(
        "expired, and it was voided",
        |books| books.coupons[V].phase = Phase::Expired,
        &["coupon V: Expired does not fit its parts"],
    );
    check(
        "expired, and all of it was spent",
        |books| books.coupons[U].phase = Phase::Expired,
        &["coupon U: Expired does not fit its parts"],
    );
    check(
        "held, and it has ended",
        |books| books.coupons[A].ended_at = books.coupons[U].ended_at,
        &["coupon A: Held does not fit its parts"],
    );
    check(
        "used, and never ended",
        |books| books.coupons[U].ended_at = None,
        &["coupon U: Used does not fit its parts"],
    );
    check(
        "used, and some remains",
        |books| books.coupons[A].phase = Phase::Used,
        &["coupon A: Used does not fit its parts"],
    );
    check(
        "used, and some is reserved",
        |books| books.coupons[S].phase = Phase::Used,
        &["coupon S: Used does not fit its parts"],
    );
    check(
        "used, and some lapsed",
        |books| books.coupons[E].phase = Phase::Used,
        &["coupon E: Used does not fit its parts"],
    );
    check(
        "expired, and some remains",
        |books| books.coupons[A].phase = Phase::Expired,
        &["coupon A: Expired does not fit its parts"],
    );
    check(
        "void, and some remains",
        |books| books.coupons[A].phase = Phase::Void,
        &["coupon A: Void does not fit its parts"],
    );
}

#[test]
fn a_coupon_that_is_not_of_its_tier() {
    check(
        "another tier",
        |books| books.coupons[A].tier = 0,
        &[
            "coupon A: its face is not that of its tier",
            "summer: tier 0 has 0 packets left and 2 out, of 1",
            "summer: tier 1 has 7 packets left and 1 out, of 9",
        ],
    );
    check(
        "no tier",
        |books| books.coupons[A].tier = 9,
        &["coupon A: its face is not that of its tier", "summer: tier 1 has 7 packets left and 1 out, of 9"],
    );
    check("it splits", |books| books.coupons[A].split = true, &["coupon A: its face is not that of its tier"]);
    check(
        "a larger face",
        |books| {
            books.coupons[A].face += 1;
            books.coupons[A].remaining += 1;
        },
        &[
            "coupon A: its face is not that of its tier",
            "transfer #3: its amount and its coupons differ by -1",
            "summer: account committed holds 1000, its rows make 1001",
        ],
    );
    check(
        "it never went back",
        |books| books.coupons[E].restocked = false,
        &[
            "coupon E: its packet is not back in the stock, its transfers put it there 1 times",
            "summer: tier 1 has 7 packets left and 3 out, of 9",
        ],
    );
    check(
        "it went back",
        |books| books.coupons[A].restocked = true,
        &[
            "coupon A: its packet is back in the stock, its transfers put it there 0 times",
            "summer: tier 1 has 7 packets left and 1 out, of 9",
        ],
    );
}

#[test]
fn a_coupon_that_is_not_there_or_should_not_be() {
    check(
        "lost",
        |books| drop(books.coupons.remove(A)),
        &[
            "coupon A: issued, but not there",
            "transfer #3: its amount and its coupons differ by 500",
            "summer: account committed holds 1000, its rows make 500",
            "summer: tier 1 has 7 packets left and 1 out, of 9",
        ],
    );
    check(
        "the first of its line is lost",
        |books| drop(books.coupons.remove(U)),
        &[
            "coupon U: issued, but not there",
            "transfer #3: its amount and its coupons differ by 500",
            "summer: account spent holds 800, its rows make 300",
            "summer: tier 1 has 7 packets left and 1 out, of 9",
        ],
    );
    check(
        "never issued",
        |books| {
            let mut stray = books.coupons[A].clone();
            stray.id = coupon(5);
            books.coupons.push(stray);
        },
        &["coupon X: its ordinal was never issued"],
    );
    check(
        "an ordinal too many",
        |books| books.slices[0].2.next_ordinal += 1,
        &["coupon X: issued, but not there"],
    );
    check(
        "an ordinal too few",
        |books| books.slices[0].2.next_ordinal -= 1,
        &[
            "transfer #14: issue cannot be about coupon E in this way",
            "transfer #15: expire cannot be about coupon E in this way",
            "coupon E: its ordinal was never issued",
        ],
    );
    check(
        "a packet too many",
        |books| books.slices[0].2.left[1] += 1,
        &[
            "summer: account free holds 3500, the packets left are worth 4000",
            "summer: tier 1 has 8 packets left and 2 out, of 9",
        ],
    );
    check(
        "a packet too few",
        |books| books.slices[0].2.left[1] -= 1,
        &["summer: tier 1 has 6 packets left and 2 out, of 9"],
    );
}

#[test]
fn a_coupon_that_is_not_as_its_line_and_the_rules_made_it() {
    check(
        "another's number",
        |books| books.coupons[A].shopper = books.coupons[S].shopper,
        &[
            "coupon A: its shopper is not its person's number",
            "coupon A: a quote of another account takes something off it",
        ],
    );
    check(
        "another person",
        |books| books.coupons[A].person = books.coupons[S].person.clone(),
        &["coupon A: its shopper is not its person's number"],
    );
    check(
        "another account",
        |books| books.coupons[S].account = books.coupons[A].account.clone(),
        &["coupon S: a quote of another account takes something off it"],
    );
    check(
        "no such code",
        |books| books.coupons[A].code = CodeText::stored("NOSUCH22"),
        &["coupon A: its code is not there"],
    );
    check(
        "collected later",
        |books| books.coupons[A].collected_at = books.coupons[A].collected_at.plus_ms(1),
        &[
            "coupon A: collected at another time than it was issued",
            "coupon A: its expiry is not what the rule makes",
        ],
    );
    check(
        "it expires later",
        |books| books.coupons[S].expires_at = books.coupons[S].expires_at.plus_ms(1),
        &["coupon S: its expiry is not what the rule makes"],
    );
    check(
        "money came back, and it expires later",
        |books| books.coupons[A].expires_at = books.coupons[A].expires_at.plus_ms(1),
        &["coupon A: its expiry is not what the rule makes"],
    );
    check(
        "money came back, and it expires earlier",
        |books| books.coupons[A].expires_at = books.coupons[A].expires_at.plus_ms(-1),
        &["coupon A: its expiry is not what the rule makes"],
    );
    check(
        "it has seen a pause that never was",
        |books| books.coupons[A].pauses_seen = 1,
        &["coupon A: its expiry is not what the rule makes"],
    );
    check(
        "it ended later",
        |books| books.coupons[U].ended_at = books.coupons[U].ended_at.map(|at| at.plus_ms(1)),
        &["coupon U: it did not end when its transfers say"],
    );
    check(
        "of terms to come",
        |books| books.coupons[A].revision = 2,
        &["coupon A: its terms have no such revision"],
    );
    check("of no terms", |books| books.coupons[A].revision = 0, &["coupon A: its terms have no such revision"]);
    check(
        "claimed under another's key",
        |books| books.coupons[V].asked.key = books.coupons[A].asked.key,
        &["coupon V: claimed under the idempotency key of A"],
    );
    check(
        "void by what claimed it",
        |books| books.coupons[V].voided = Some(books.coupons[V].asked),
        &["coupon V: void under the idempotency key of its claim"],
    );
}
