//! Damaged balances.

use koi_core::audit::{Audit, Known};
use koi_core::catalog::Catalog;
use koi_core::id::{CampaignNo, Cell};
use koi_core::ledger::{Account, Buckets};
use koi_core::rows::Slice;

use super::{check, healthy};

#[test]
fn a_balance_that_no_line_makes() {
    for (account, text) in [
        (
            Account::Free,
            &[
                "summer: account free holds 3501, its transfers make 3500",
                "summer: the buckets do not add up to what was funded",
            ][..],
        ),
        (
            Account::Committed,
            &[
                "summer: account committed holds 1001, its transfers make 1000",
                "summer: the buckets do not add up to what was funded",
                "summer: account committed holds 1001, its rows make 1000",
            ],
        ),
        (
            Account::Reserved,
            &[
                "summer: account reserved holds 201, its transfers make 200",
                "summer: the buckets do not add up to what was funded",
                "summer: account reserved holds 201, its rows make 200",
            ],
        ),
        (
            Account::Spent,
            &[
                "summer: account spent holds 801, its transfers make 800",
                "summer: the buckets do not add up to what was funded",
                "summer: account spent holds 801, its rows make 800",
            ],
        ),
        (
            Account::Recovered,
            &[
                "summer: account recovered holds 201, its transfers make 200",
                "summer: the buckets do not add up to what was funded",
                "summer: account recovered holds 201, its rows make 200",
            ],
        ),
        (
            Account::Funder,
            &[
                "summer: it is open, its stock is worth 5500, and 5499 was funded",
                "summer: account funder holds -5499, its transfers make -5500",
                "summer: the buckets do not add up to what was funded",
            ],
        ),
    ] {
        check(
            "a fen more",
            |books| {
                let mut balances = books.slices[0].2.buckets.balances();
                balances[usize::from(account.number())] += 1;
                books.slices[0].2.buckets = Buckets::stored(balances);
            },
            text,
        );
    }
    check(
        "a fen moved past the ledger",
        |books| {
            let mut balances = books.slices[0].2.buckets.balances();
            balances[1] -= 1;
            balances[2] += 1;
            books.slices[0].2.buckets = Buckets::stored(balances);
        },
        &[
            "summer: account free holds 3499, the packets left are worth 3500",
            "summer: account free holds 3499, its transfers make 3500",
            "summer: account committed holds 1001, its transfers make 1000",
            "summer: account committed holds 1001, its rows make 1000",
        ],
    );
}

#[test]
fn a_slice_is_named_by_its_campaign_and_its_cell() {
    let check = |cell: u16, catalog: &Catalog, number: u32, name: &str| {
        // All packets begin in the treasury.
        let left = if cell == 0 { vec![1, 9] } else { vec![0, 0] };
        let slice = Slice { next_ordinal: 0, left, buckets: Buckets::stored([0, 5, 0, 0, 0, 0, 0, 0, 0]) };
        let slices = [(Cell(cell), CampaignNo(number), slice)];
        let mut audit = Audit::new(Known { catalog, rates: &[], slices: &slices, counters: &[], cells: 4 }, 9);
        audit.balances();
        let expected = [
            format!("{name}: account free holds 5, its transfers make 0"),
            format!("{name}: the buckets do not add up to what was funded"),
        ];
        assert_eq!(audit.finish().broken, expected);
    };
    let (stage, _) = healthy();
    check(0, &stage.catalog, 1, "nz-summer-2018");
    check(3, &stage.catalog, 1, "nz-summer-2018 in cell 3");
    check(0, &stage.catalog, 7, "campaign number 7");
    check(3, &stage.catalog, 7, "campaign number 7 in cell 3");
}
