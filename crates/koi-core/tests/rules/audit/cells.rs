//! Damage to what moves between cells.

use koi_core::audit::{Audit, Known};
use koi_core::id::{CampaignId, CampaignNo, Cell, CouponId, QuoteId, TransferId};
use koi_core::ledger::{Account, Buckets, CONTINUES, Reason, Transfer};

use crate::books::Books;
use crate::cells::account_in;
use crate::stage::{MINUTE, Stage, plain, rules, shopper, splittable};

/// Three cells, between which packets moved; money of a second campaign was gathered.
pub(super) fn healthy() -> (Stage, Books) {
    let mut stage = Stage::open_in(3, |rules| {
        rules.packets = vec![splittable(1000, 2), plain(500, 8)];
        rules.limits.per_window = 99;
    });
    let mut autumn = rules();
    (autumn.id, autumn.packets) = (CampaignId::stored("autumn"), vec![plain(100, 9)]);
    stage.launch(autumn);
    stage.rate("1");
    // One of 10.00 and three of 5.00 go to cell 1, from there one of 5.00 to cell 2.
    stage.picks.borrow_mut().extend([0, 2, 2, 2, 3]);
    stage.move_packets(0, 1, 4);
    stage.move_packets(1, 2, 1);
    let other = stage.catalog.campaign(&CampaignId::stored("autumn")).expect("a campaign").clone();
    stage.move_packets_of(&other, Cell(0), Cell(2), 4);
    for cell in [0, 1, 2] {
        let account = account_in(&stage, cell);
        stage.claim(account).expect("a coupon");
        stage.purchase(account, 301);
        stage.wait(MINUTE);
    }
    stage.buy(shopper(account_in(&stage, 2), ""), "queen-st", crate::stage::nzd(400)).expect("a quote");
    stage.must(koi_core::command::Order::End(other.rules.id.clone(), "why".into()));
    stage.must(koi_core::command::Order::Close(other.rules.id.clone()));
    let paid = stage.rows().payments.changed().next().expect("a payment").0;
    stage.refund(paid, 100).expect("a refund");
    let books = Books::of(&stage);
    (stage, books)
}

/// What is found after a damage. Lines are called by their cells and numbers, the only coupon of a cell and its first
/// quote by their cell.
fn check(what: &str, damage: impl FnOnce(&mut Books), expected: &[&str]) {
    let (stage, mut books) = healthy();
    damage(&mut books);
    let found = books.findings(&stage.catalog, 1000, 100);
    let named: Vec<String> = found.broken.iter().map(|text| short(text)).collect();
    assert_eq!(named, expected, "{what}");
    let mut in_passes = books.findings(&stage.catalog, 2, 100).broken;
    let mut at_once = found.broken;
    in_passes.sort_unstable();
    at_once.sort_unstable();
    assert_eq!(in_passes, at_once, "{what}: passes change nothing but the order");
}

fn short(text: &str) -> String {
    let mut text = text.replace("nz-summer-2018", "summer");
    for (cell, number) in (0..3).flat_map(|cell| (1..20).map(move |number| (cell, number))) {
        let id = TransferId::new(Cell(cell), number).to_string();
        text = text.replace(&id, &format!("#{cell}.{number}"));
    }
    for cell in 0..3 {
        let coupon = CouponId::new(Cell(cell), CampaignNo(1), 0).to_string();
        let quote = QuoteId::new(Cell(cell), 1).to_string();
        text = text.replace(&coupon, &format!("in cell {cell}")).replace(&quote, &format!("in cell {cell}"));
    }
    text
}

/// The line of a cell that moves so many packets of a tier of the first campaign.
fn line(books: &mut Books, cell: u16, tier: u32, count: u32) -> &mut Transfer {
    let is_it = |line: &&mut Transfer| {
        let movement = &line.movement;
        line.id.cell() == Cell(cell)
            && line.campaign == CampaignNo(1)
            && movement.reason == Reason::Move
            && (movement.tier(), line.count) == (tier as usize, count)
    };
    books.lines.iter_mut().find(is_it).expect("such a line")
}

/// The line of a cell that gathers.
fn gather(books: &mut Books, cell: u16) -> &mut Transfer {
    let is_it = |line: &&mut Transfer| line.id.cell() == Cell(cell) && line.movement.reason == Reason::Gather;
    books.lines.iter_mut().find(is_it).expect("such a line")
}

/// Changes balances of the first campaign in a cell.
fn balances(books: &mut Books, cell: usize, change: impl Fn(&mut [i64; 9])) {
    let place = books.slices.iter().position(|(at, number, _)| (at.0 as usize, number.0) == (cell, 1));
    let slice = &mut books.slices[place.expect("a slice")].2;
    let mut balances = slice.buckets.balances();
    change(&mut balances);
    slice.buckets = Buckets::stored(balances);
}

const FREE: usize = Account::Free as usize;
const MOVED: usize = Account::Moved as usize;

#[test]
fn a_healthy_set_of_cells_is_silent_and_counted() {
    check("nothing", |_| (), &[]);
    let (stage, books) = healthy();
    let found = books.findings(&stage.catalog, 1000, 100);
    assert_eq!((found.accounts, found.coupons, found.payments), (9 * 6, 3, 3));
    assert_eq!(found.transfers, books.lines.len() as u64, "a line that moves packets is one");
}

#[test]
fn balances_between_cells_that_do_not_cancel() {
    check(
        "a fen more",
        |books| balances(books, 1, |balances| balances[MOVED] += 1),
        &[
            "summer: account moved holds 1 in all cells together",
            "summer in cell 1: account moved holds -1999, its transfers make -2000",
            "summer in cell 1: the buckets do not add up to what was funded",
        ],
    );
    check(
        "a fen that one cell gave and none took",
        |books| {
            balances(books, 1, |balances| {
                balances[MOVED] -= 1;
                balances[FREE] += 1;
            });
        },
        &[
            "summer: account moved holds -1 in all cells together",
            "summer in cell 1: account free holds 1001, its transfers make 1000",
            "summer in cell 1: account moved holds -2001, its transfers make -2000",
        ],
    );
    check(
        "a fen that went from cell to cell past the ledger",
        |books| {
            balances(books, 1, |balances| balances[FREE] -= 1);
            balances(books, 0, |balances| balances[FREE] += 1);
        },
        &[
            "summer in cell 1: account free holds 999, the packets left are worth 1000",
            "summer: account free holds 2501, its transfers make 2500",
            "summer: the buckets do not add up to what was funded",
            "summer in cell 1: account free holds 999, its transfers make 1000",
            "summer in cell 1: the buckets do not add up to what was funded",
        ],
    );
}

#[test]
fn a_packet_that_went_from_cell_to_cell_past_the_ledger() {
    check(
        "from cell 1 to cell 2",
        |books| {
            let at =
                |cell: u16| move |place: &(Cell, CampaignNo, _)| (place.0, place.1) == (Cell(cell), CampaignNo(1));
            let [one, two] = [1, 2].map(|cell| books.slices.iter().position(at(cell)).expect("a slice"));
            books.slices[one].2.left[1] -= 1;
            books.slices[two].2.left[1] += 1;
        },
        &[
            "summer in cell 2: account free holds 0, the packets left are worth 500",
            "summer in cell 1: tier 1 has 1 packets left and 0 out, of 2",
            "summer in cell 2: tier 1 has 1 packets left and 1 out, of 1",
        ],
    );
}

#[test]
fn a_move_that_was_changed() {
    check(
        "a fen more",
        |books| line(books, 0, 1, 3).movement.amount += 1,
        &[
            "transfer #0.4: it moves 1501 with 3 packets, which are worth 1500",
            "summer: account free holds 2500, its transfers make 2499",
            "summer: account moved holds 2500, its transfers make 2501",
            "summer: what it gave to other cells is not what they took",
        ],
    );
    check(
        "a packet less",
        |books| line(books, 1, 1, 3).count -= 1,
        &[
            "transfer #1.2: it moves 1500 with 2 packets, which are worth 1000",
            "summer: what it gave to other cells is not what they took",
            "summer in cell 1: tier 1 has 2 packets left and 0 out, of 1",
        ],
    );
    check(
        "no packets",
        |books| line(books, 1, 1, 3).count = 0,
        &[
            "transfer #1.2: move cannot be about 0 packets of tier 1 and cell 0 in this way",
            "transfer #1.2: it moves 1500 with 0 packets, which are worth 0",
            "summer: what it gave to other cells is not what they took",
            "summer in cell 1: tier 1 has 2 packets left and 0 out, of -1",
        ],
    );
    check(
        "another tier",
        |books| line(books, 0, 0, 1).movement.part = 1,
        &[
            "transfer #0.3: it moves 1000 with 1 packets, which are worth 500",
            "transfer #0.4: move cannot be about 3 packets of tier 1 and cell 1 in this way",
            "summer: what it gave to other cells is not what they took",
            "summer: tier 0 has 0 packets left and 1 out, of 2",
            "summer: tier 1 has 5 packets left and 0 out, of 4",
        ],
    );
    check(
        "no tier",
        |books| line(books, 0, 0, 1).movement.part = 2,
        &[
            "transfer #0.3: move cannot be about 1 packets of tier 2 and cell 1 in this way",
            "transfer #0.4: move cannot be about 3 packets of tier 1 and cell 1 in this way",
            "summer: what it gave to other cells is not what they took",
            "summer: tier 0 has 0 packets left and 1 out, of 2",
        ],
    );
    check(
        "another cell",
        |books| line(books, 0, 1, 3).movement.subject = 2,
        &[
            "transfer #0.4: move cannot be about 3 packets of tier 1 and cell 2 in this way",
            "summer: what it gave to other cells is not what they took",
        ],
    );
    check(
        "its own cell",
        |books| line(books, 2, 1, 1).movement.subject = 2,
        &[
            "transfer #2.1: move cannot be about 1 packets of tier 1 and cell 2 in this way",
            "summer in cell 1: what it gave to other cells is not what they took",
            "summer in cell 2: what it gave to other cells is not what they took",
        ],
    );
    check(
        "no cell of the installation",
        |books| line(books, 2, 1, 1).movement.subject = 3,
        &[
            "transfer #2.1: move cannot be about 1 packets of tier 1 and cell 3 in this way",
            "summer in cell 1: what it gave to other cells is not what they took",
            "summer in cell 3: what it gave to other cells is not what they took",
        ],
    );
    check(
        "no cell at all",
        |books| line(books, 2, 1, 1).movement.subject = -1,
        &[
            "transfer #2.1: move cannot be about 1 packets of tier 1 and cell -1 in this way",
            "summer in cell 1: what it gave to other cells is not what they took",
            "summer in cell 2: tier 1 has 0 packets left and 1 out, of 0",
        ],
    );
    check(
        "another time",
        |books| {
            let line = line(books, 2, 1, 1);
            line.at = line.at.plus_ms(1);
        },
        &["summer in cell 1: what it gave to other cells is not what they took"],
    );
    check(
        "another campaign",
        |books| line(books, 0, 1, 3).campaign = CampaignNo(2),
        &[
            "transfer #0.4: an amount would go below zero",
            "transfer #0.4: move cannot be about 3 packets of tier 1 and cell 1 in this way",
            "summer: account free holds 2500, its transfers make 4000",
            "summer: account moved holds 2500, its transfers make 1000",
            "summer: what it gave to other cells is not what they took",
            "autumn: what it gave to other cells is not what they took",
            "summer: tier 1 has 5 packets left and 0 out, of 8",
        ],
    );
    check(
        "another reason",
        |books| line(books, 0, 0, 1).movement.reason = Reason::Gather,
        &[
            "transfer #0.3: gather cannot be about cell 1 in this way",
            "transfer #0.4: move cannot be about 3 packets of tier 1 and cell 1 in this way",
            "summer: what it gave to other cells is not what they took",
            "summer: tier 0 has 0 packets left and 1 out, of 2",
        ],
    );
    check(
        "from another account",
        |books| line(books, 0, 0, 1).movement.debit = Account::Spent,
        &[
            "transfer #0.3: an amount would go below zero",
            "transfer #0.3: move does not move spent to moved",
            "transfer #0.4: move cannot be about 3 packets of tier 1 and cell 1 in this way",
            "summer: account free holds 2500, its transfers make 3500",
            "summer: account moved holds 2500, its transfers make 1500",
            "summer: what it gave to other cells is not what they took",
            "summer: tier 0 has 0 packets left and 1 out, of 2",
        ],
    );
    check(
        "the other way",
        |books| {
            let movement = &mut line(books, 2, 1, 1).movement;
            (movement.debit, movement.credit) = (movement.credit, movement.debit);
        },
        &[
            "transfer #2.1: an amount would go below zero",
            "transfer #2.3: an amount would go below zero",
            "summer in cell 2: account committed holds 500, its transfers make 0",
            "summer in cell 2: account moved holds -500, its transfers make 0",
            "summer in cell 1: what it gave to other cells is not what they took",
            "summer in cell 2: what it gave to other cells is not what they took",
            "summer in cell 2: tier 1 has 0 packets left and 1 out, of -1",
        ],
    );
    check(
        "of a coupon",
        |books| {
            let coupon = books.coupons[0].id;
            line(books, 0, 0, 1).movement.coupon = Some(coupon);
        },
        &[
            "transfer #0.3: move cannot be about 1 packets of tier 0 and cell 1 in this way",
            "coupon in cell 0: remaining is 700, its transfers make 1700",
            "coupon in cell 0: lapsed is 0, its transfers make -1000",
        ],
    );
    check(
        "lost in one cell",
        |books| {
            let id = line(books, 2, 1, 1).id;
            books.lines.retain(|line| line.id != id);
        },
        &[
            "transfer #2.1 is missing before #2.2",
            "transfer #2.3: an amount would go below zero",
            "summer in cell 2: account committed holds 500, its transfers make 0",
            "summer in cell 2: account moved holds -500, its transfers make 0",
            "summer in cell 1: what it gave to other cells is not what they took",
            "summer in cell 2: tier 1 has 0 packets left and 1 out, of 0",
        ],
    );
}

#[test]
fn gathered_money_that_was_changed() {
    check(
        "a fen more",
        |books| gather(books, 2).movement.amount += 1,
        &[
            "transfer #2.4: an amount would go below zero",
            "autumn in cell 2: account free holds 0, its transfers make 400",
            "autumn in cell 2: account moved holds 0, its transfers make -400",
            "autumn in cell 2: what it gave to other cells is not what they took",
        ],
    );
    check(
        "to another cell",
        |books| gather(books, 2).movement.subject = 1,
        &[
            "transfer #2.4: gather cannot be about cell 1 in this way",
            "autumn in cell 2: what it gave to other cells is not what they took",
        ],
    );
    check(
        "from another cell",
        |books| gather(books, 0).movement.subject = 1,
        &[
            "autumn in cell 1: what it gave to other cells is not what they took",
            "autumn in cell 2: what it gave to other cells is not what they took",
        ],
    );
    check(
        "of a tier",
        |books| gather(books, 2).movement.part = 1,
        &[
            "transfer #2.4: gather cannot be about cell 0 in this way",
            "autumn in cell 2: what it gave to other cells is not what they took",
        ],
    );
    check(
        "of packets",
        |books| gather(books, 2).count = 2,
        &[
            "transfer #2.4: gather cannot be about cell 0 in this way",
            "autumn in cell 2: what it gave to other cells is not what they took",
        ],
    );
    check(
        "another reason",
        |books| gather(books, 2).movement.reason = Reason::Move,
        &[
            "transfer #2.4: it moves 400 with 1 packets, which are worth 100",
            "autumn in cell 2: what it gave to other cells is not what they took",
            "autumn in cell 2: tier 0 has 4 packets left and 0 out, of 3",
        ],
    );
}

#[test]
fn a_slice_that_is_not_there_or_in_no_cell() {
    check(
        "lost",
        |books| books.slices.retain(|(cell, number, _)| (cell.0, number.0) != (2, 2)),
        &[
            "autumn: it has a slice in 2 of 3 cells",
            "transfer #2.2 is of campaign 2, which has no slice",
            "transfer #2.4 is of campaign 2, which has no slice",
            "autumn: what it gave to other cells is not what they took",
            "autumn in cell 2: what it gave to other cells is not what they took",
        ],
    );
    let (stage, books) = healthy();
    let (slices, counters) = (&books.slices, &books.counters);
    let known = Known { catalog: &stage.catalog, rates: &books.rates, slices, counters, cells: 2 };
    let mut audit = Audit::new(known, 9);
    audit.campaigns();
    let named: Vec<String> = audit.finish().broken.iter().take(2).map(|text| short(text)).collect();
    let expected = ["summer in cell 2: a slice without a cell", "autumn in cell 2: a slice without a cell"];
    assert_eq!(named, expected);
}

#[test]
fn rows_in_another_cell_than_their_shoppers() {
    let (stage, _) = healthy();
    let other = shopper(account_in(&stage, 0), "");
    check(
        "a coupon",
        |books| {
            let coupon = &mut books.coupons[1];
            (coupon.person, coupon.shopper) = (other.person.clone(), other.key);
        },
        &[
            "coupon in cell 1: it is not in its shopper's cell",
            "coupon in cell 1: a quote of another account takes something off it",
        ],
    );
    check(
        "a quote",
        |books| {
            let quote = &mut books.quotes[1];
            (quote.person, quote.shopper) = (other.person.clone(), other.key);
        },
        &[
            "coupon in cell 1: a quote of another account takes something off it",
            "quote in cell 1: it is not in its shopper's cell",
        ],
    );
}

#[test]
fn a_line_that_continues_no_move() {
    let misplaced = |cell: u16, tier: u32, count: u32| {
        move |books: &mut Books| {
            line(books, cell, tier, count).movement.part = tier | CONTINUES;
        }
    };
    check(
        "the first line of a move",
        misplaced(0, 0, 1),
        &[
            "transfer #0.3: move cannot be about 1 packets of tier 0 and cell 1 in this way",
            "summer: what it gave to other cells is not what they took",
        ],
    );
}
