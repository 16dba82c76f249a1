//! Cells: a campaign's stock begins in the treasury and moves between cells, with the money that backs it.

use std::collections::BTreeMap;

use koi_core::campaign::State;
use koi_core::cells::{grant_size, half, move_packets};
use koi_core::command::{Answer, No, Order};
use koi_core::fault::Fault;
use koi_core::id::{CampaignNo, Cell, Principal, TransferId};
use koi_core::ledger::{Account, Buckets, CONTINUES, Reason, Transfer, Way};
use koi_core::office;
use koi_core::refusal::Refusal;
use koi_core::rows::{Cells, Changes, Counters, Move, Rows, Slice};
use koi_core::scene::Pick;

use crate::books::Books;
use crate::stage::{CAMPAIGN, DAY, MINUTE, Stage, at, code, id, money, plain, planted, shopper, splittable};

const ONE: CampaignNo = CampaignNo(1);

/// Three cells, with two packets of 8.00 and four of 5.00 in the treasury.
fn stage() -> Stage {
    Stage::open_in(3, |rules| rules.packets = vec![plain(800, 2), plain(500, 4)])
}

/// An account whose person lives in a cell.
pub(crate) fn account_in(stage: &Stage, cell: u16) -> &'static str {
    const ACCOUNTS: [&str; 26] = [
        "A", "B", "C", "D", "E", "F", "G", "H", "I", "J", "K", "L", "M", "N", "O", "P", "Q", "R", "S", "T", "U",
        "V", "W", "X", "Y", "Z",
    ];
    let lives_there = |account: &&&str| shopper(account, "").key.cell(stage.settings.cells) == Cell(cell);
    ACCOUNTS.iter().find(lives_there).expect("somebody lives in every cell")
}

fn left(stage: &Stage) -> Vec<Vec<u64>> {
    stage.slices().map(|slice| slice.left.clone()).collect()
}

fn balances(stage: &Stage, account: Account) -> Vec<i64> {
    stage.slices().map(|slice| slice.buckets.get(account)).collect()
}

/// A line's cell, sequence, accounts, amount, reason, subject, tier and count.
fn told(line: &Transfer) -> (u16, i64, &'static str, &'static str, i64, &'static str, i64, u32, u32) {
    let movement = &line.movement;
    let sequence = line.id.number() - TransferId::new(line.id.cell(), 0).number();
    let (debit, credit, reason) = (movement.debit.name(), movement.credit.name(), movement.reason.name());
    let cell = line.id.cell().0;
    (cell, sequence, debit, credit, movement.amount, reason, movement.subject, movement.part, line.count)
}

#[test]
fn stock_and_money_begin_in_the_treasury() {
    let mut stage = Stage::bare_of(3);
    let mut rules = crate::stage::rules();
    rules.packets = vec![plain(800, 2), plain(500, 4)];
    let Answer::Campaign(_, answered) = stage.must(Order::Draft(Box::new(rules), [7; 32])) else { panic!() };
    assert_eq!(answered, [2, 4]);
    assert_eq!(left(&stage), [[2, 4], [0, 0], [0, 0]]);
    stage.must(Order::Submit(id()));
    stage.approve(&id()).expect("approved");
    stage.must(Order::Fund(id(), money("CNY", 3600)));
    assert_eq!(stage.campaign().state, State::Open);
    assert_eq!(balances(&stage, Account::Free), [3600, 0, 0]);
    assert_eq!(stage.ledger.iter().map(|line| line.id.cell()).collect::<Vec<_>>(), [Cell::TREASURY]);
}

#[test]
fn packets_take_the_money_along_that_backs_them() {
    let mut stage = stage();
    // Of 8.00 8.00 5.00 5.00 5.00 5.00: the fourth, then the first, then the last.
    stage.picks.borrow_mut().extend([3, 0, 3]);
    assert_eq!(stage.move_packets(0, 2, 3), 3);
    assert_eq!(left(&stage), [[1, 2], [0, 0], [1, 2]]);
    assert_eq!(balances(&stage, Account::Free), [1800, 0, 1800]);
    assert_eq!(balances(&stage, Account::Moved), [1800, 0, -1800]);
    let expected = [
        (0, 2, "free", "moved", 800, "move", 2, 0, 1),
        (0, 3, "free", "moved", 1000, "move", 2, 1 | CONTINUES, 2),
        (2, 1, "moved", "free", 800, "move", 0, 0, 1),
        (2, 2, "moved", "free", 1000, "move", 0, 1 | CONTINUES, 2),
    ];
    assert_eq!(stage.ledger[1..].iter().map(told).collect::<Vec<_>>(), expected);
    assert!(stage.ledger[1..].iter().all(|line| line.at == stage.now && line.movement.coupon.is_none()));
    let move_of =
        |cell, sequence, place| Pick::Move { line: TransferId::new(Cell(cell), sequence).number(), place };
    let asked = [(move_of(0, 2, 0), 6), (move_of(0, 2, 1), 5), (move_of(0, 2, 2), 4)];
    assert_eq!(stage.luck_asked.take(), asked, "each packet is drawn from those that are left");

    assert_eq!(stage.move_packets(2, 1, 1), 1);
    assert_eq!(stage.luck_asked.take(), [(move_of(2, 3, 0), 3)], "lines are numbered by the cell that gives");
    assert_eq!(left(&stage), [[1, 2], [1, 0], [0, 2]]);
}

#[test]
fn as_many_packets_move_as_there_are() {
    let mut stage = stage();
    assert_eq!(stage.move_packets(0, 1, 99), 6);
    assert_eq!((left(&stage), stage.ledger.len()), (vec![vec![0, 0], vec![2, 4], vec![0, 0]], 5));
    assert_eq!(stage.move_packets(0, 1, 99), 0, "nothing is there");
    assert_eq!(stage.move_packets(1, 0, 0), 0, "nothing is asked for");
    assert_eq!(stage.ledger.len(), 5, "nothing that moves has no line");
}

#[test]
fn a_claim_takes_from_its_own_cell() {
    let mut stage = stage();
    let accounts = [0, 1, 2].map(|cell| account_in(&stage, cell));
    assert_eq!(code(stage.claim(accounts[1])), "sold_out", "the engine moves packets before it believes that");
    stage.move_packets(0, 1, 2);
    let coupon = stage.claim(accounts[1]).expect("a coupon");
    assert_eq!((coupon.id.cell(), coupon.id.ordinal(), coupon.face), (Cell(1), 0, 800));
    assert_eq!(code(stage.claim(accounts[2])), "sold_out");
    let coupon = stage.claim(accounts[0]).expect("a coupon");
    assert_eq!((coupon.id.cell(), coupon.id.ordinal(), coupon.face), (Cell(0), 0, 500), "ordinals are by cell");
    assert_eq!((left(&stage), stage.left()), (vec![vec![0, 3], vec![1, 0], vec![0, 0]], vec![1, 3]));
}

#[test]
fn a_packet_that_comes_back_stays_in_its_cell() {
    let mut stage = stage();
    stage.move_packets(0, 1, 1);
    let account = account_in(&stage, 1);
    stage.claim(account).expect("a coupon");
    stage.pass(8 * DAY);
    assert_eq!(left(&stage), [[1, 4], [1, 0], [0, 0]]);
    assert_eq!(stage.move_packets(1, 0, half(1)), 1);
    assert_eq!(left(&stage), [[2, 4], [0, 0], [0, 0]]);
    assert_eq!(balances(&stage, Account::Moved), [0, 0, 0]);
}

#[test]
fn a_close_gathers_what_is_free_in_every_cell() {
    let mut stage = stage();
    stage.move_packets(0, 1, 2);
    stage.move_packets(0, 2, 1);
    let account = account_in(&stage, 2);
    stage.claim(account).expect("a coupon");
    stage.must(Order::Fund(id(), money("CNY", 7)));
    stage.end();
    assert_eq!(code(stage.close()), "invalid_transition", "a coupon is committed in another cell");
    let quote = stage.quote(account, 4590);
    assert_eq!(code(stage.close()), "invalid_transition", "a quote reserves it");
    stage.pay(quote.id).expect("paid");
    let lines = stage.ledger.len();
    let Answer::Campaign(_, answered) = stage.close().expect("closed") else { panic!() };
    assert_eq!(answered, [2, 3], "what is left in all cells");
    let expected = [
        (0, 5, "moved", "free", 1600, "gather", 1, 0, 1),
        (0, 6, "free", "returned", 3107, "close", 1, 0, 1),
        (1, 2, "free", "moved", 1600, "gather", 0, 0, 1),
    ];
    assert_eq!(stage.ledger[lines..].iter().map(told).collect::<Vec<_>>(), expected, "and nothing from cell 2");
    assert_eq!(stage.budget(), [0, 0, 0, 500, 3107, 0]);
    let account = account_in(&stage, 1);
    assert_eq!(code(stage.claim(account)), "campaign_ended");
}

#[test]
fn answers_and_limits_look_at_all_cells_together() {
    let mut stage = stage();
    stage.move_packets(0, 1, 2);
    let Answer::Campaign(_, answered) =
        stage.must(Order::Pause(id(), koi_core::campaign::Scope::Issuing, "why".into()))
    else {
        panic!()
    };
    assert_eq!(answered, [2, 4]);
    let most = koi_core::limits::MONEY - 3600;
    assert_eq!(stage.order(Order::Fund(id(), money("CNY", most + 1))), Err(Refusal::InvalidAmount));
    stage.must(Order::Fund(id(), money("CNY", most)));
    assert_eq!(balances(&stage, Account::Funder), [-koi_core::limits::MONEY, 0, 0]);
}

#[test]
fn an_order_about_a_campaign_needs_its_slice_in_every_cell() {
    let check = |what: &str, damage: &dyn Fn(&mut Stage), fault: Fault| {
        for order in [Order::End(id(), "why".into()), Order::Fund(id(), money("CNY", 1)), Order::Close(id())] {
            let mut stage = stage();
            damage(&mut stage);
            let by = Principal::stored("operator");
            let outcome = stage.scene_of_all(|cells, scene| office::order(cells, scene, &order, &by));
            assert_eq!(
                outcome.map(|decision| decision.answer),
                Err(No::Fault(fault.clone())),
                "{what}: {order:?}"
            );
        }
    };
    let without = |stage: &mut Stage, cell: u16| {
        let kept = stage.cells.iter().filter(|rows| rows.cell != Cell(cell)).cloned().collect();
        stage.cells = Cells::new(kept);
    };
    check("no cell 2", &|stage| without(stage, 2), Fault::Missing("a cell's working set"));
    check("no treasury", &|stage| without(stage, 0), Fault::Missing("a cell's working set"));
    check(
        "no slice",
        &|stage| *stage.cells.get_mut(Cell(1)).expect("a cell") = Rows::new(Cell(1), FIRST),
        Fault::Missing("a campaign's slice"),
    );
    check(
        "other tiers",
        &|stage| {
            let mut slice = stage.cells.slice(Cell(1), ONE).expect("a slice").clone();
            slice.left.push(0);
            stage.cells.get_mut(Cell(1)).expect("a cell").slices.put(ONE, slice);
        },
        Fault::Broken("the slices of a campaign have different tiers"),
    );
}

const FIRST: Counters = Counters { quote: 1, transfer: 1 };

#[test]
fn an_order_about_no_campaign_needs_the_treasury_alone() {
    let mut stage = Stage::bare_of(3);
    stage.cells = Cells::new(vec![stage.rows().clone()]);
    let order = Order::AddMerchant(crate::stage::merchant_of("fiji-sun", "FJ", "FJD"));
    let by = Principal::stored("acquirer");
    let decision = stage.scene_of_all(|cells, scene| office::order(cells, scene, &order, &by)).expect("added");
    assert!(matches!(decision.answer, Answer::Merchant(_)));
    assert_eq!(stage.rows().entries.len(), 1);
}

#[test]
fn a_fault_of_a_move_leaves_both_cells_as_they_were() {
    let check = |what: &str, damage: &dyn Fn(&mut Stage), (from, into): (u16, u16), fault: Fault| {
        let mut stage = stage();
        stage.move_packets(0, 1, 2);
        damage(&mut stage);
        let before = (Books::of_cells(&stage.cells), counters(&stage));
        let campaign = stage.campaign();
        let outcome =
            stage.scene_of_all(|cells, scene| move_packets(cells, scene, &campaign, Cell(from), Cell(into), 3));
        assert_eq!(outcome, Err(fault), "{what}");
        assert_eq!((Books::of_cells(&stage.cells), counters(&stage)), before, "{what}");
        assert!(stage.cells.iter().all(|rows| rows.transfers.is_empty()), "{what}");
    };
    let put = |stage: &mut Stage, cell: u16, change: &dyn Fn(&mut Slice)| {
        let mut slice = stage.cells.slice(Cell(cell), ONE).expect("a slice").clone();
        change(&mut slice);
        stage.cells.get_mut(Cell(cell)).expect("a cell").slices.put(ONE, slice);
    };
    check("to itself", &|_| (), (1, 1), Fault::Broken("packets move from a cell to itself"));
    check("from nowhere", &|_| (), (7, 1), Fault::Missing("a cell's working set"));
    check("to nowhere", &|_| (), (0, 7), Fault::Missing("a cell's working set"));
    check(
        "less is free than the packets are worth",
        &|stage| put(stage, 0, &|slice| slice.buckets = Buckets::stored([-999, 999, 0, 0, 0, 0, 0, 0, 0])),
        (0, 1),
        Fault::Negative,
    );
    check(
        "the cell that takes lacks a tier",
        &|stage| put(stage, 2, &|slice| slice.left.truncate(0)),
        (0, 2),
        Fault::Missing("a packet's tier"),
    );
    check(
        "the cell that takes has as many as can be",
        &|stage| put(stage, 2, &|slice| slice.left = vec![u64::MAX; 2]),
        (0, 2),
        Fault::Overflow,
    );
    check(
        "the cell that gives has a tier that the rules lack",
        &|stage| put(stage, 1, &|slice| slice.left = vec![0, 0, 1]),
        (1, 0),
        Fault::Missing("a packet's tier"),
    );
    check(
        "no money backs a draft",
        &|stage| planted(stage, |campaign| campaign.state = State::Draft),
        (0, 1),
        Fault::Broken("packets move that no money backs"),
    );
    for state in [State::InReview, State::Approved, State::Closed { at: at(crate::stage::DAY1) }] {
        check(
            "no money backs them",
            &|stage| planted(stage, |campaign| campaign.state = state.clone()),
            (0, 1),
            Fault::Broken("packets move that no money backs"),
        );
    }
}

fn counters(stage: &Stage) -> Vec<Counters> {
    stage.cells.iter().map(|rows| rows.counters).collect()
}

#[test]
fn packets_move_while_a_campaign_is_paused_and_after_its_end() {
    let mut stage = stage();
    stage.pause(koi_core::campaign::Scope::All);
    assert_eq!(stage.move_packets(0, 1, 1), 1);
    stage.end();
    assert_eq!(stage.move_packets(1, 2, 1), 1);
}

#[test]
fn changes_of_several_cells_are_computed_before_any_is_made() {
    let mut stage = stage();
    let now = stage.now;
    let moved = |tier, count, amount, way| Changes {
        moved: vec![Move { campaign: ONE, tier, count, amount, way, continues: false }],
        ..Changes::default()
    };
    let before = Books::of_cells(&stage.cells);
    let mut check = |what: &str, taker: Changes, fault: Fault| {
        let giver = moved(0, 1, 800, Way::Into(Cell(2)));
        let changes = BTreeMap::from([(Cell(0), giver), (Cell(2), taker)]);
        assert_eq!(stage.cells.apply(changes, now), Err(fault), "{what}");
        assert_eq!(Books::of_cells(&stage.cells), before, "{what}");
    };
    check("no such tier", moved(9, 1, 800, Way::From(Cell(0))), Fault::Missing("a packet's tier"));
    check("more than there are", moved(0, 1, 800, Way::Into(Cell(0))), Fault::Negative);
    let nothing = Fault::Broken("a transfer moves nothing");
    check("worth nothing", moved(0, 1, 0, Way::From(Cell(0))), nothing);
}

#[test]
fn working_sets_are_found_by_their_cells() {
    let cells = || Cells::new([5, 0, 3].map(|cell| Rows::new(Cell(cell), FIRST)).to_vec());
    let found = cells();
    assert_eq!(found.iter().map(|rows| rows.cell.0).collect::<Vec<_>>(), [0, 3, 5]);
    assert_eq!(found.get(Cell(3)).map(|rows| rows.cell), Some(Cell(3)));
    assert!(found.get(Cell(4)).is_none());
    assert_eq!(found.treasury().map(|rows| rows.cell), Ok(Cell(0)));
    assert!(!found.is_changed());
    for cell in [0, 3, 5] {
        let mut changed = cells();
        let slice = Slice { next_ordinal: 0, left: Vec::new(), buckets: Buckets::default() };
        changed.get_mut(Cell(cell)).expect("a cell").slices.put(ONE, slice);
        assert!(changed.is_changed(), "cell {cell}");
    }
    assert!(matches!(Cells::new(Vec::new()).treasury(), Err(Fault::Missing(_))));
    assert_eq!(cells().slice(Cell(3), ONE), Err(Fault::Missing("a campaign's slice")));
}

#[test]
fn a_move_ends_the_line_that_issues_coupons() {
    let mut stage = Stage::open_in(2, |rules| rules.packets = vec![plain(500, 2)]);
    let account = account_in(&stage, 0);
    let claim = |stage: &mut Stage, account, key| {
        let command = crate::stage::Scan { account, ..Default::default() }.command();
        let asked = stage.asked("wallet", key, &command);
        let call = koi_core::command::Call { command, asked };
        stage.scene(|rows, scene| koi_core::decide::decide(rows, scene, &call)).expect("a coupon");
    };
    claim(&mut stage, account, "one");
    let campaign = stage.campaign();
    stage.scene_of_all(|cells, scene| {
        assert_eq!(move_packets(cells, scene, &campaign, Cell(0), Cell(1), 1), Ok(1));
        assert_eq!(move_packets(cells, scene, &campaign, Cell(1), Cell(0), 1), Ok(1));
    });
    let other = ["A", "B", "C", "D", "E", "F"]
        .into_iter()
        .find(|other| *other != account && shopper(other, "").key.cell(2) == Cell(0));
    claim(&mut stage, other.expect("somebody else"), "two");
    let reasons: Vec<Reason> = stage.rows().transfers.iter().map(|line| line.movement.reason).collect();
    assert_eq!(reasons, [Reason::Issue, Reason::Move, Reason::Move, Reason::Issue]);
    stage.book_due();
}

#[test]
fn the_last_packet_is_found_wherever_it_is() {
    let mut stage = Stage::open_in(5, |rules| rules.packets = vec![splittable(500, 9)]);
    let mut claimed = 0;
    // As the engine will: a grant from the treasury, else half of what another cell has.
    for cell in [1, 2, 3, 4, 0].into_iter().cycle().take(10) {
        let account = account_in(&stage, cell);
        let amounts: Vec<u64> = stage.slices().map(|slice| slice.left[0]).collect();
        if amounts[usize::from(cell)] == 0 {
            let grant = grant_size(amounts[0], 5);
            let richest = (1..5).max_by_key(|cell| amounts[usize::from(*cell)]).expect("a cell");
            let (from, count) =
                if grant > 0 { (0, grant) } else { (richest, half(amounts[usize::from(richest)])) };
            stage.move_packets(from, cell, count);
        }
        match stage.claim(account) {
            Ok(coupon) => {
                claimed += 1;
                stage.void(coupon.id).expect("so that it can be claimed again");
                stage.wait(MINUTE);
            }
            Err(refusal) => panic!("{refusal:?}"),
        }
    }
    assert_eq!((claimed, stage.left()), (10, vec![9]));
}

#[test]
fn an_installation_of_many_cells_opens_and_closes() {
    let mut stage = Stage::open_in(1024, |rules| rules.packets = vec![plain(500, 3000), plain(88, 5000)]);
    assert_eq!(stage.catalog.campaigns().count(), 1);
    for cell in [1, 77, 1023] {
        let size = grant_size(stage.slices().next().expect("the treasury").left.iter().sum(), 1024);
        assert_eq!((size, stage.move_packets(0, cell, size)), (4, 4));
    }
    assert_eq!(stage.campaign().rules.id.as_str(), CAMPAIGN);
    stage.end();
    stage.close().expect("closed");
    assert_eq!(stage.budget(), [0, 0, 0, 0, 3000 * 500 + 5000 * 88, 0]);
    assert_eq!(balances(&stage, Account::Moved).into_iter().filter(|moved| *moved != 0).count(), 0);
}
