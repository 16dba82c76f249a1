//! The working set: what is written, what lines say, and that a fault leaves it as it was.

use koi_core::command::{Call, Command};
use koi_core::coupon::Coupon;
use koi_core::decide::decide;
use koi_core::fault::Fault;
use koi_core::id::{CampaignNo, Cell, CouponId, QuoteId, TransferId};
use koi_core::idempotency::Key;
use koi_core::ledger::{Account, Movement, Reason, Transfer};
use koi_core::quote::{Phase, Quote};
use koi_core::rows::{Cells, Changes, Counters, Done, Rows, Slice, Table, Write};

use crate::books::Books;
use crate::stage::{MINUTE, Scan, Stage, nzd, plain, splittable};

#[test]
fn a_table_knows_what_must_be_written() {
    let mut table: Table<u8, &str> = Table::default();
    assert!(!table.is_changed() && !table.has(1) && table.get(1).is_none());
    table.load(2, "stored");
    table.load(9, "stored and never changed");
    assert!(!table.is_changed() && table.has(2));
    assert_eq!(table.changed().count(), 0, "what is as stored is not written");
    table.put(2, "changed");
    table.put(2, "changed again");
    table.put(1, "new");
    table.put(1, "new, then changed");
    assert!(table.is_changed());
    assert_eq!((table.get(1), table.get(2)), (Some(&"new, then changed"), Some(&"changed again")));
    let expected = [(1, &"new, then changed", Write::Insert), (2, &"changed again", Write::Update)];
    assert_eq!(table.changed().collect::<Vec<_>>(), expected, "each once, in the order of the keys");
}

/// The rows as the store gives them back.
fn reloaded(rows: &Rows) -> Rows {
    let books = Books::of_rows(rows);
    let mut fresh = Rows::new(rows.cell, rows.counters);
    books.slices.into_iter().for_each(|(_, number, slice)| fresh.slices.load(number, slice));
    for coupon in books.coupons {
        fresh.shoppers.entry(coupon.shopper).or_default().push(coupon.id);
        fresh.load_coupon(coupon);
    }
    for quote in books.quotes {
        if let (Some(coupon), Phase::Open) = (quote.coupon, quote.phase) {
            fresh.holds.entry(coupon).or_default().push(quote.id);
        }
        fresh.load_quote(quote);
    }
    books.payments.into_iter().for_each(|payment| fresh.load_payment(payment));
    books.refunds.into_iter().for_each(|refund| fresh.load_refund(refund));
    fresh
}

#[test]
fn rows_that_were_stored_know_every_key_that_was_used() {
    let mut stage = Stage::of(splittable(88_000, 3));
    let scan = Scan::default().command();
    stage.call_as("wallet", "claim", scan.clone()).expect("a coupon");
    let coupon = stage.rows().coupons.changed().next().expect("a coupon").0;
    let [paid, cancelled, refunded, open] = [(); 4].map(|()| stage.quote("A", 1000).id);
    let payment = |id| koi_core::id::PaymentId::of(id);
    stage.call(Command::Pay(refunded)).expect("paid");
    let calls = [
        ("claim", scan, Done::Claim(coupon)),
        ("pay", Command::Pay(paid), Done::Pay(paid)),
        ("cancel", Command::CancelPayment(payment(paid)), Done::CancelPayment(payment(paid))),
        ("cancel", Command::CancelQuote(cancelled), Done::CancelQuote(cancelled)),
        (
            "refund",
            Command::Refund(payment(refunded), nzd(1)),
            Done::Refund(koi_core::id::RefundId { payment: payment(refunded), number: 1 }),
        ),
        ("void", Command::Void(coupon), Done::Void(coupon)),
    ];
    for (key, command, _) in calls.iter().skip(1) {
        assert!(!stage.call_as("wallet", key, command.clone()).expect("done").1);
    }
    let rows = reloaded(stage.rows());
    assert!(!rows.is_changed());
    for (key, command, done) in &calls {
        let asked = stage.asked("wallet", key, command);
        assert_eq!(rows.done(asked.key), Some((asked.fingerprint, *done)));
        assert_eq!(stage.rows().done(asked.key), rows.done(asked.key));
    }
    let quote = rows.quotes.get(open).expect("the quote");
    assert_eq!(rows.done(quote.asked.key), Some((quote.asked.fingerprint, Done::Quote(open))));
    assert_eq!(rows.done(Key(0)), None);
}

#[test]
fn each_kind_of_row_makes_a_batch_worth_writing() {
    let check = |what: &str, changed: &dyn Fn(&mut Rows, &Stage)| {
        let mut stage = Stage::of(plain(8800, 3));
        stage.claim("A").expect("a coupon");
        let payment = stage.purchase("A", 4590);
        stage.refund(payment.id, 1).expect("a refund");
        let mut rows = reloaded(stage.rows());
        assert!(!rows.is_changed(), "{what}");
        changed(&mut rows, &stage);
        assert!(rows.is_changed(), "{what}");
    };
    let books = |stage: &Stage| Books::of(stage);
    check("a coupon", &|rows, stage| {
        let coupon = books(stage).coupons[0].clone();
        rows.coupons.put(coupon.id, coupon);
    });
    check("a quote", &|rows, stage| {
        let quote = books(stage).quotes[0].clone();
        rows.quotes.put(quote.id, quote);
    });
    check("a payment", &|rows, stage| {
        let payment = books(stage).payments[0].clone();
        rows.payments.put(payment.id, payment);
    });
    check("a refund", &|rows, stage| {
        let refund = books(stage).refunds[0].clone();
        rows.refunds.put(refund.id, refund);
    });
    check("a slice", &|rows, stage| {
        let (_, number, slice) = books(stage).slices[0].clone();
        rows.slices.put(number, slice);
    });
    check("a line", &|rows, stage| rows.transfers.push(stage.ledger[0]));
    check("an entry", &|rows, stage| {
        rows.entries.push(koi_core::catalog::Entry::Campaign(stage.campaign()));
    });
}

#[test]
fn coupons_that_follow_each_other_in_a_batch_share_a_line() {
    let mut stage = Stage::open(|rules| rules.packets = vec![plain(500, 2), plain(88, 9)]);
    let mut autumn = crate::stage::rules();
    autumn.id = koi_core::id::CampaignId::stored("autumn");
    stage.launch(autumn);
    let claim = |stage: &mut Stage, account, campaign| {
        let command = Scan { account, campaign, ..Scan::default() }.command();
        let asked = stage.asked("wallet", campaign, &command);
        stage.scene(|rows, scene| decide(rows, scene, &Call { command, asked })).expect("a coupon");
    };
    // One batch: two claims, one of another campaign, a quote, two more claims.
    claim(&mut stage, "A", crate::stage::CAMPAIGN);
    claim(&mut stage, "B", crate::stage::CAMPAIGN);
    claim(&mut stage, "C", "autumn");
    claim(&mut stage, "C", crate::stage::CAMPAIGN);
    claim(&mut stage, "D", "autumn");
    let lines: Vec<Transfer> = stage.rows().transfers.clone();
    let told: Vec<_> = lines.iter().map(|line| (line.campaign.0, line.count, line.movement.amount)).collect();
    assert_eq!(told, [(1, 3, 500 + 500 + 88), (2, 2, 8800 + 8800)]);
    assert_eq!(lines[0].movement.subject, CouponId::new(Cell(0), CampaignNo(1), 0).number());
    assert_eq!(lines[0].movement.coupon, Some(CouponId::new(Cell(0), CampaignNo(1), 0)));
    stage.book_due();

    // The next batch begins a line of its own.
    claim(&mut stage, "E", crate::stage::CAMPAIGN);
    assert_eq!(stage.rows().transfers.len(), 1);
    assert_eq!(stage.rows().transfers[0].count, 1);
    assert_eq!(stage.rows().transfers[0].id.number(), lines[1].id.number() + 1);
    stage.book_due();
}

fn issue(ordinal: u32, amount: i64) -> Movement {
    let id = CouponId::new(Cell(0), CampaignNo(1), ordinal);
    Movement {
        debit: Account::Free,
        credit: Account::Committed,
        amount,
        reason: Reason::Issue,
        subject: id.number(),
        part: 0,
        coupon: Some(id),
    }
}

fn moving(movement: Movement) -> Changes {
    Changes { movements: vec![(CampaignNo(1), movement)], ..Changes::default() }
}

#[test]
fn coupons_that_do_not_follow_each_other_have_lines_of_their_own() {
    let mut stage = Stage::of(plain(500, 9));
    let now = stage.now;
    for ordinal in [0, 1, 3, 4] {
        stage.rows_mut().apply(moving(issue(ordinal, 500)), now).expect("applied");
    }
    let told: Vec<_> =
        stage.rows().transfers.iter().map(|line| (line.movement.subject & 0xFF, line.count)).collect();
    assert_eq!(told, [(0, 2), (3, 2)]);
    // Another reason never shares a line, even of the number that follows.
    let mut expiry = issue(5, 500);
    (expiry.reason, expiry.debit, expiry.credit) = (Reason::Expire, Account::Committed, Account::Free);
    stage.rows_mut().apply(moving(expiry), now).expect("applied");
    assert_eq!(stage.rows().transfers.len(), 3);
    stage.rows_mut().apply(moving(issue(5, 500)), now).expect("applied");
    let counts: Vec<u32> = stage.rows().transfers.iter().map(|line| line.count).collect();
    assert_eq!(counts, [2, 2, 1, 1], "another line of the campaign between them ends a line");
}

#[test]
fn a_packet_that_comes_back_and_is_claimed_again_within_a_batch_is_issued_after_it_came_back() {
    // Broke once: both claims shared the first line, which then issued more than the stock held.
    let mut stage = Stage::of(plain(500, 1));
    let decided = |stage: &mut Stage, command: Command| {
        let asked = stage.asked("wallet", "k", &command);
        stage.scene(|rows, scene| decide(rows, scene, &Call { command, asked })).expect("decided");
    };
    decided(&mut stage, Scan { account: "A", ..Scan::default() }.command());
    decided(&mut stage, Command::Void(CouponId::new(Cell(0), CampaignNo(1), 0)));
    decided(&mut stage, Scan { account: "B", ..Scan::default() }.command());
    let told: Vec<_> = stage.rows().transfers.iter().map(|line| (line.movement.reason, line.count)).collect();
    assert_eq!(told, [(Reason::Issue, 1), (Reason::Void, 1), (Reason::Issue, 1)]);
    stage.book_due();
}

#[test]
fn lines_are_numbered_one_by_one() {
    let mut stage = Stage::of(plain(500, 9));
    stage.claim("A").expect("a coupon");
    stage.purchase("A", 4590);
    let numbers: Vec<i64> = stage.ledger.iter().map(|line| line.id.number()).collect();
    assert_eq!(numbers, (1..=4).collect::<Vec<_>>());
    assert_eq!(stage.rows().counters.transfer, 5);
    assert_eq!(stage.ledger[0].id, TransferId::new(Cell(0), 1));
}

#[test]
fn quotes_are_numbered_one_by_one_and_a_changed_one_takes_no_number() {
    let mut stage = Stage::of(plain(500, 9));
    let numbers = [1, 2, 3].map(|_| {
        let quote = stage.quote("A", 100);
        stage.cancel_quote(quote.id).expect("cancelled");
        quote.id
    });
    assert_eq!(numbers, [1, 2, 3].map(|sequence| QuoteId::new(Cell(0), sequence)));
    assert_eq!(stage.rows().counters, Counters { quote: 4, transfer: 2 });
}

#[test]
fn a_fault_leaves_the_working_set_as_it_was() {
    let check = |what: &str, changes: &dyn Fn(&Stage) -> Changes, fault: Fault| {
        let mut stage = Stage::of(plain(500, 1));
        stage.claim("A").expect("the only packet");
        let (before, counters) = (Books::of(&stage), stage.rows().counters);
        let mut changes = changes(&stage);
        let quote = Quote { id: QuoteId::new(Cell(0), 9), ..a_quote(&stage) };
        changes.quotes.push(quote);
        let now = stage.now;
        assert_eq!(stage.rows_mut().apply(changes, now), Err(fault), "{what}");
        assert_eq!((Books::of(&stage), stage.rows().counters), (before, counters), "{what}");
        assert!(stage.rows().transfers.is_empty(), "{what}");
    };
    check("more than is free", &|_| moving(issue(1, 1)), Fault::Negative);
    check("nothing", &|_| moving(issue(1, 0)), Fault::Broken("a transfer moves nothing"));
    check(
        "of a campaign that is not there",
        &|_| Changes { movements: vec![(CampaignNo(7), issue(1, 1))], ..Changes::default() },
        Fault::Missing("a campaign's slice"),
    );
    check(
        "a packet that is not left",
        &|_| Changes { taken: Some((CampaignNo(1), 0)), ..Changes::default() },
        Fault::Negative,
    );
    check(
        "a tier that is not there",
        &|_| Changes { taken: Some((CampaignNo(1), 5)), ..Changes::default() },
        Fault::Missing("a packet's tier"),
    );
    check(
        "put back into a tier that is not there",
        &|_| Changes { put_back: Some((CampaignNo(1), 5)), ..Changes::default() },
        Fault::Missing("a packet's tier"),
    );
    check(
        "put back into a campaign that is not there",
        &|_| Changes { put_back: Some((CampaignNo(7), 0)), ..Changes::default() },
        Fault::Missing("a campaign's slice"),
    );
}

fn a_quote(stage: &Stage) -> Quote {
    clone_of(stage).quote("B", 100)
}

fn clone_of(stage: &Stage) -> Stage {
    let mut other = Stage::bare();
    (other.catalog, other.cells, other.ledger) =
        (stage.catalog.clone(), stage.cells.clone(), stage.ledger.clone());
    other.now = stage.now;
    other
}

#[test]
fn a_movement_of_one_campaign_leaves_the_others_alone() {
    let mut stage = Stage::of(plain(500, 9));
    let mut autumn = crate::stage::rules();
    autumn.id = koi_core::id::CampaignId::stored("autumn");
    stage.launch(autumn);
    let other = |stage: &Stage| stage.rows().slices.get(CampaignNo(2)).cloned();
    let before = other(&stage);
    stage.claim("A").expect("a coupon");
    stage.purchase("A", 4590);
    assert_eq!(other(&stage), before);
    assert_eq!(before.expect("a slice").left, [100]);
}

#[test]
fn the_last_ordinal_is_not_followed_by_the_first() {
    let mut stage = Stage::of(plain(500, 9));
    let now = stage.now;
    let slice =
        Slice { next_ordinal: u32::MAX, ..stage.rows().slices.get(CampaignNo(1)).expect("a slice").clone() };
    stage.rows_mut().slices.put(CampaignNo(1), slice);
    let taken = Changes { taken: Some((CampaignNo(1), 0)), ..Changes::default() };
    assert_eq!(stage.rows_mut().apply(taken, now), Err(Fault::Overflow));
}

#[test]
fn a_hold_lasts_as_long_as_its_quote_is_open() {
    let mut stage = Stage::of(splittable(88_000, 3));
    let coupon = stage.claim("A").expect("a coupon").id;
    let held = |stage: &Stage| stage.rows().holds.get(&coupon).cloned().unwrap_or_default();
    let [paid, cancelled, lapsing] = [(); 3].map(|()| stage.quote("A", 1000).id);
    assert_eq!(held(&stage), [paid, cancelled, lapsing]);
    stage.pay(paid).expect("paid");
    assert_eq!(held(&stage), [cancelled, lapsing]);
    stage.cancel_quote(cancelled).expect("cancelled");
    assert_eq!(held(&stage), [lapsing]);
    stage.pass(3 * MINUTE);
    assert_eq!(held(&stage), []);
    stage.cancel(koi_core::id::PaymentId::of(paid)).expect("cancelled");
    assert_eq!(held(&stage), []);
}

#[test]
fn a_decision_on_reloaded_rows_is_the_same() {
    let mut stage = Stage::of(splittable(88_000, 3));
    stage.claim("A").expect("a coupon");
    stage.quote("A", 1000);
    stage.purchase("A", 1000);
    let mut other = clone_of(&stage);
    *other.rows_mut() = reloaded(stage.rows());
    let call = |stage: &mut Stage, other: &mut Stage, command: Command| {
        let asked = stage.asked("wallet", "the-key", &command);
        let call = Call { command, asked };
        let one = stage.scene(|rows, scene| decide(rows, scene, &call)).expect("decided").answer;
        let two = other.scene(|rows, scene| decide(rows, scene, &call)).expect("decided").answer;
        assert_eq!(one, two);
    };
    let quote = stage.rows().quotes.changed().next().expect("a quote").0;
    call(&mut stage, &mut other, Command::Pay(quote));
    let coupon: Vec<Coupon> = Books::of_rows(stage.rows()).coupons;
    let (key, row, write) = other.rows().coupons.changed().next().expect("it was changed");
    assert_eq!((key, row, write), (coupon[0].id, &coupon[0], Write::Update));
    let payment = other.rows().payments.changed().next().expect("it is new");
    assert_eq!(payment.2, Write::Insert);
}

#[test]
fn the_rows_of_the_first_cell_are_given_away() {
    let of = |cell| Rows::new(Cell(cell), Counters { quote: 1, transfer: 1 });
    let first = Cells::new(vec![of(9), of(3)]).into_first();
    assert_eq!(first.map(|rows| rows.cell), Some(Cell(3)));
    assert!(Cells::new(Vec::new()).into_first().is_none());
}
