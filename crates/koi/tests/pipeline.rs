//! The pipeline while very much falls due at once: nobody is told "sold out" too early, and nobody waits for all of it.
//! And the pipeline beside another one on the same database.

#[allow(dead_code, reason = "shared with the tests of the store")]
#[path = "../../koi-store/tests/postgres/server.rs"]
mod postgres;
#[allow(dead_code, reason = "shared with other tests")]
mod stage;

use std::sync::{Arc, Mutex};

use koi::engine::beacons::{Beacons, Unaccepted};
use koi::engine::work::{Done, Failure, OfficeWork, Outcome, Work};
use koi::limits;
use koi_core::campaign::Beacon;
use koi_core::catalog::{Merchant, Store};
use koi_core::command::{Answer, Command, Order};
use koi_core::id::{CampaignId, CodeText, Medium, MerchantId, Principal, StoreId};
use koi_core::id::{CampaignNo, Cell};
use koi_core::idempotency::Key;
use koi_core::money::Currency;
use koi_core::refusal::Refusal;
use koi_core::rows::Cells;
use koi_core::rules::{Country, Rules};
use koi_core::time::{DAY_MS, Time, Zone};
use koi_store::{Begun, Due, Installation, Left, News, Notes, Store as Door, StoreError, Wanted, Writer};

use crate::stage::*;

/// More than is booked while a claim waits.
const MANY: usize = limits::DUE * (limits::CATCH_UP + 1) + 1;

#[test]
fn a_packet_that_is_due_back_is_had_however_much_else_is_due() {
    let mut stage = Stage::new().sold_out(rules("large", MANY, true)).sold_out(rules("small", 1, true));
    stage.wait(3 * DAY_MS);
    let outcomes = stage.call(vec![claim("small", "late")]);
    assert!(is_coupon(&outcomes[0]), "{outcomes:?}");
}

#[test]
fn a_stock_that_nothing_comes_back_to_is_sold_out_however_much_is_due() {
    let mut stage = Stage::new().sold_out(rules("gone", MANY, false));
    stage.wait(3 * DAY_MS);
    let outcomes = stage.call(vec![claim("gone", "late"), claim("gone", "later")]);
    assert_eq!(outcomes, vec![Err(Failure::Refused(Refusal::SoldOut)); 2]);
}

#[test]
fn claims_get_as_many_packets_as_are_due_back_and_the_rest_is_sold_out() {
    let mut stage = Stage::new().sold_out(rules("back", 3, true));
    stage.wait(3 * DAY_MS);
    let outcomes = stage.call((0..5).map(|n| claim("back", &format!("late-{n}"))).collect());
    assert_eq!(outcomes.iter().filter(|outcome| is_coupon(outcome)).count(), 3);
    let sold_out = outcomes.iter().filter(|outcome| **outcome == Err(Failure::Refused(Refusal::SoldOut)));
    assert_eq!(sold_out.count(), 2);
}

#[test]
fn a_stock_that_is_really_empty_is_not_taken_for_one_that_fills_again() {
    let mut stage = Stage::new().sold_out(rules("late", MANY, true)).sold_out(rules("gone", 1, false));
    stage.wait(3 * DAY_MS);
    // Both in one batch: what is due of the first is no reason to keep the second waiting.
    let outcomes = stage.call(vec![claim("late", "late-again"), claim("gone", "other")]);
    assert!(is_coupon(&outcomes[0]), "{outcomes:?}");
    assert_eq!(outcomes[1], Err(Failure::Refused(Refusal::SoldOut)));
}

#[test]
fn what_is_due_of_a_campaign_is_booked_before_it_is_closed_or_it_is_closed_later() {
    let id = || CampaignId::stored("much");
    let mut stage = Stage::new().sold_out(rules("much", MANY, true));
    stage.wait(61 * DAY_MS);
    let close = |stage: &mut Stage| {
        let render = Box::new(|_: &Answer, _| (200, String::new()));
        let by = Principal::stored("operator");
        let work = OfficeWork { order: Order::Close(id()), by, asked: None, detail: String::new(), render };
        stage.run(vec![Work::Office(Box::new(work))]).remove(0)
    };
    assert_eq!(close(&mut stage), Err(Failure::CatchingUp));
    let closed = close(&mut stage);
    assert!(matches!(closed, Ok(Done::Office { .. })), "{closed:?}");
}

/// Quotes that ran out bring packets back only where they held the last part of a voided coupon, which nobody knows
/// before they are booked.
#[test]
fn a_claim_that_cannot_be_told_in_time_is_asked_to_come_again_and_told_then() {
    let mut stage = Stage::new().sold_out(rules("held", MANY, true));
    let quotes = stage.call((0..MANY).map(|n| quote(&format!("held-{n}"))).collect());
    assert!(quotes.iter().all(|outcome| matches!(outcome, Ok(Done::Call { answer: Answer::Quote(_), .. }))));
    stage.wait(2_000);

    // A batch books a transaction's worth, and a claim waits for some more.
    let outcomes = stage.call(vec![claim("held", "late"), quote("held-0")]);
    assert_eq!(outcomes[0], Err(Failure::CatchingUp));
    assert!(outcomes[1].is_ok(), "others are served meanwhile: {outcomes:?}");

    let outcomes = stage.call(vec![claim("held", "late")]);
    assert_eq!(outcomes[0], Err(Failure::Refused(Refusal::SoldOut)));
}

/// What somebody else does.
type Meanwhile = Arc<Mutex<Option<Box<dyn FnMut() + Send>>>>;

/// A store beside which somebody else is at work: each time before a transaction is begun; and in place of the next
/// commit, which is lost.
struct Interrupted {
    inner: Writer,
    before: Meanwhile,
    meanwhile: Meanwhile,
}

impl Door for Interrupted {
    fn cells(&self) -> u16 {
        self.inner.cells()
    }

    fn is_shared(&self) -> bool {
        self.inner.is_shared()
    }

    fn span(&self) -> usize {
        self.inner.span()
    }

    fn catalog_after(&mut self, known: u64) -> Result<News, StoreError> {
        self.inner.catalog_after(known)
    }

    fn begin(&mut self, wanted: &[Wanted], asked: Option<Key>) -> Result<Begun, StoreError> {
        if let Some(before) = &mut *self.before.lock().unwrap() {
            before();
        }
        self.inner.begin(wanted, asked)
    }

    fn commit(&mut self, cells: &Cells, notes: &Notes) -> Result<(), StoreError> {
        let Some(mut meanwhile) = self.meanwhile.lock().unwrap().take() else {
            return self.inner.commit(cells, notes);
        };
        self.inner.rollback();
        meanwhile();
        Err(StoreError::Conflict("the server ended the session".into()))
    }

    fn rollback(&mut self) {
        self.inner.rollback();
    }

    fn due(
        &mut self,
        cells: &[Cell],
        now: Time,
        judged: &[(CampaignNo, Time)],
        limit: usize,
    ) -> Result<Due, StoreError> {
        self.inner.due(cells, now, judged, limit)
    }

    fn left(&mut self, campaign: CampaignNo) -> Result<Vec<Left>, StoreError> {
        self.inner.left(campaign)
    }
}

fn coupon_of(outcome: &Outcome) -> (koi_core::id::CouponId, bool) {
    match outcome {
        Ok(Done::Call { answer: Answer::Coupon(coupon), replayed }) => (coupon.id, *replayed),
        other => panic!("{other:?}"),
    }
}

/// A batch is lost on its way to the database; before it is begun again, one of its calls is repeated by another server.
/// That its key is there says nothing of the rest of the batch.
#[test]
fn what_another_server_did_of_a_lost_batch_is_not_taken_for_all_of_it() {
    let cluster = postgres::Server::shared();
    let url = cluster.url(&cluster.fresh());
    let installation = Installation::Database(Box::new(url.parse().unwrap()));
    let mut served = installation.serve(Some(1), 2).unwrap();
    // One cell has one lane: the other server opens a connection of its own.
    let (one, other) = (served.writers.remove(0), installation.administer().unwrap());
    let meanwhile = Meanwhile::default();
    let mut one =
        Stage::over(Interrupted { inner: one, before: Meanwhile::default(), meanwhile: meanwhile.clone() });
    one.set();
    one.live(rules("red", 10, true));
    let mut two = Stage::over(other);
    let claims = || vec![work(claim("red", "P1"), "k1"), work(claim("red", "P2"), "k2")];
    let seen = Arc::new(Mutex::new(Vec::new()));
    let repeated = seen.clone();
    *meanwhile.lock().unwrap() = Some(Box::new(move || {
        let outcomes = two.run(vec![work(claim("red", "P1"), "k1")]);
        repeated.lock().unwrap().extend(outcomes);
    }));

    let answered = one.run(claims());
    let (first, second) = (coupon_of(&answered[0]), coupon_of(&answered[1]));
    assert_eq!(coupon_of(&seen.lock().unwrap()[0]).0, first.0, "one call, one coupon");
    assert_ne!(first.0, second.0);
    // Whoever asks again is told the same: it is there.
    let again = one.run(claims());
    assert_eq!([coupon_of(&again[0]), coupon_of(&again[1])], [(first.0, true), (second.0, true)]);
    let checked = koi::check::check(&installation.reader().unwrap(), &|_, _| {}).unwrap();
    assert_eq!((checked.coupons, checked.broken), (2, Vec::<String>::new()));
}

/// Another server imports merchants, and is always faster: each transaction finds a catalog that is not known yet.
#[test]
fn nobody_is_kept_waiting_however_often_the_catalog_is_changed_elsewhere() {
    let cluster = postgres::Server::shared();
    let installation = Installation::Database(Box::new(cluster.url(&cluster.fresh()).parse().unwrap()));
    let mut served = installation.serve(Some(4), 1).unwrap();
    let (one, other) = (served.writers.remove(0), installation.administer().unwrap());
    let before = Meanwhile::default();
    let mut one = Stage::over(Interrupted { inner: one, before: before.clone(), meanwhile: Meanwhile::default() });
    one.set();
    one.live(rules("red", 10, true));
    let mut two = Stage::over(other);
    let mut number = 0;
    *before.lock().unwrap() = Some(Box::new(move || {
        number += 1;
        // A campaign that nobody knew when the batch was taken, too: a claim needs rows of it.
        if number == 2 {
            two.live(rules("blue", 10, true));
        }
        two.order(Order::AddMerchant(Merchant {
            id: MerchantId::stored(&format!("m{number}")),
            name: "Shop".into(),
            country: Country::parse("NZ").unwrap(),
            currency: Currency::CNY,
            fee_bps: 60,
        }));
    }));

    for name in ["P1", "P2", "P3"] {
        let outcomes = one.call(vec![claim("red", name), claim("blue", name)]);
        assert!(is_coupon(&outcomes[0]), "{name}: {outcomes:?}");
        assert!(name == "P1" || is_coupon(&outcomes[1]), "{name}: {outcomes:?}");
    }
    // Orders are decided on what the other has just done.
    let store = Store {
        id: StoreId::stored("of-m1"),
        merchant: MerchantId::stored("m1"),
        name: "Queen Street".into(),
        country: Country::parse("NZ").unwrap(),
        zone: Zone::parse("Pacific/Auckland").unwrap(),
    };
    one.order(Order::AddStore(store));
}

/// A failover to a replica that had not received everything: what the old primary had confirmed is gone.
#[test]
fn a_database_that_went_back_is_believed() {
    let cluster = postgres::Server::shared();
    let name = cluster.fresh();
    let installation = Installation::Database(Box::new(cluster.url(&name).parse().unwrap()));
    let mut served = installation.serve(Some(1), 1).unwrap();
    let mut stage = Stage::over(served.writers.remove(0));
    stage.set();
    stage.live(rules("red", 10, true));
    let lost = CodeText::stored("BEJNG222");
    stage.order(Order::AddCode(StoreId::stored("queen-st"), Medium::stored("a5_sticker"), lost.clone()));
    cluster.sql(&name).lose_code(lost.as_str());

    let by_lost_code = match claim("red", "P1") {
        Command::Claim(claim) => Command::Claim(koi_core::command::Claim { code: lost, ..claim }),
        other => other,
    };
    let outcomes = stage.call(vec![by_lost_code, claim("red", "P2")]);
    assert_eq!(outcomes[0], Err(Failure::Refused(Refusal::UnknownCode)));
    assert!(is_coupon(&outcomes[1]), "{outcomes:?}");
}

/// A round of quicknet as api.drand.sh served it, and its time (verify/vectors/beacon.json).
const ROUND: u64 = 30_000_000;
const ROUND_AT: Time = Time::of_ms(1_782_803_364_000);
const SIGNATURE: &str =
    "81d2fc112b91932d9e4074a46b88c4dc78149b859660e0673c0bb9bd0caefdc9cc194e83de980441355b8ef44cc7a355";
const RANDOMNESS: &str = "24fdbb00b10a967c392b5b708967011e996689994a2bf1c5573c3e372c2e844d";

/// Every server brings the round that it has fetched. The first one is heard, each is answered the same, and what is known
/// is said once; anything else is refused by whoever gets it.
#[test]
fn servers_that_bring_the_same_round_do_not_disturb_each_other() {
    let cluster = postgres::Server::shared();
    let installation = Installation::Database(Box::new(cluster.url(&cluster.fresh()).parse().unwrap()));
    let mut served = installation.serve(Some(4), 1).unwrap();
    let (one, other) = (served.writers.remove(0), installation.administer().unwrap());
    let mut stages = [one, other].map(|writer| Stage::sealing_by(Beacons::quicknet(), writer));
    stages[0].set();
    let starts_at = ROUND_AT.plus_ms(60_000);
    stages[0].live(Rules { starts_at, ends_at: starts_at.plus_ms(DAY_MS), ..rules("red", 10, true) });
    let mut randomness = [0; 32];
    hex::decode_to_slice(RANDOMNESS, &mut randomness).unwrap();
    let genuine = Beacon { randomness, signature: hex::decode(SIGNATURE).unwrap().into() };
    let mut forged = genuine.signature.to_vec();
    forged[47] ^= 1;
    let forged = Beacon { signature: forged.into(), ..genuine.clone() };
    let bring = |stage: &mut Stage, round: u64, beacon: &Beacon| {
        stage.try_order("koi-beacon", Order::Unseal(CampaignId::stored("red"), round, beacon.clone()))
    };
    let early = Err(Failure::Unaccepted(Unaccepted::Early(ROUND_AT)));
    assert_eq!(bring(&mut stages[1], ROUND, &genuine), early);
    for stage in &mut stages {
        stage.clock.set(starts_at);
        assert!(matches!(bring(stage, ROUND, &forged), Err(Failure::Unaccepted(Unaccepted::Refused(_)))));
        assert_eq!(stage.call(vec![claim("red", "P1")]), [Err(Failure::Refused(Refusal::CampaignNotLive))]);
    }
    for turn in [1, 0, 1, 0] {
        let outcome = bring(&mut stages[turn], ROUND, &genuine);
        assert!(matches!(outcome, Ok(Done::Office { status: 200, .. })), "{outcome:?}");
        let other = bring(&mut stages[turn], ROUND + 1, &genuine);
        assert!(matches!(other, Err(Failure::Unaccepted(Unaccepted::Refused(_)))), "{other:?}");
    }
    let opened = |(_, stated): &(i64, koi_store::Stated)| stated.body.contains(r#""kind":"opening""#);
    let statements = installation.reader().unwrap().statements(0, 100).unwrap();
    assert_eq!(statements.iter().filter(|stated| opened(stated)).count(), 1, "{statements:?}");
    let [one, two] = &mut stages;
    assert!(is_coupon(&one.call(vec![claim("red", "P1")])[0]));
    assert!(is_coupon(&two.call(vec![claim("red", "P2")])[0]));
}
