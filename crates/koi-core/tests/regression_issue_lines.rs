//! Found by the simulation (seed 89): claim, void, claim in one batch of a stock of one packet. The second coupon
//! was added to the first one's line, before the void that gave it its money: read in order, the ledger went below zero.

use koi_core::id::{CampaignNo, Cell, CouponId};
use koi_core::ledger::{Account, Buckets, Movement, Reason};
use koi_core::rows::{Changes, Counters, Rows, Slice};
use koi_core::time::Time;

const CAMPAIGN: CampaignNo = CampaignNo(1);
const FACE: i64 = 888;

fn changes(debit: Account, credit: Account, reason: Reason, ordinal: u32) -> Changes {
    let coupon = CouponId::new(Cell(0), CAMPAIGN, ordinal);
    let subject = coupon.number();
    let movement = Movement { debit, credit, amount: FACE, reason, subject, part: 0, coupon: Some(coupon) };
    Changes { movements: vec![(CAMPAIGN, movement)], ..Changes::default() }
}

#[test]
fn a_line_that_issues_coupons_ends_where_their_money_comes_from_another_line() {
    let buckets = Buckets::default()
        .after(&Movement {
            debit: Account::Funder,
            credit: Account::Free,
            amount: FACE,
            reason: Reason::Fund,
            subject: 1,
            part: 0,
            coupon: None,
        })
        .unwrap();
    let mut rows = Rows::new(Cell(0), Counters { quote: 1, transfer: 1 });
    rows.slices.load(CAMPAIGN, Slice { next_ordinal: 0, left: vec![1], buckets });
    for (debit, credit, reason, ordinal) in [
        (Account::Free, Account::Committed, Reason::Issue, 0),
        (Account::Committed, Account::Free, Reason::Void, 0),
        (Account::Free, Account::Committed, Reason::Issue, 1),
    ] {
        rows.apply(changes(debit, credit, reason, ordinal), Time::EARLIEST).unwrap();
    }
    let told = rows.transfers.iter().try_fold(buckets, |told, line| told.after(&line.movement));
    assert_eq!(told.as_ref(), Ok(&rows.slices.get(CAMPAIGN).unwrap().buckets));
}
