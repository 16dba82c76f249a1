//! Repeats: the same key and body is answered as the first was, whatever happened since; another body is refused.

use koi_core::campaign::Scope;
use koi_core::command::{Answer, Command, Purchase};
use koi_core::id::StoreId;
use koi_core::packet::Tier;
use koi_core::refusal::Refusal;

use crate::stage::{DAY, MINUTE, Scan, Stage, nzd, plain, shopper, splittable};

fn buy(cents: i64) -> Command {
    Command::Quote(Purchase { shopper: shopper("A", ""), store: StoreId::stored("queen-st"), amount: nzd(cents) })
}

/// What callers see of an answer. Of a coupon: not whether its packet went back, nor how its pauses are kept.
fn seen(answer: &Answer) -> Answer {
    match answer {
        Answer::Coupon(coupon) => {
            let mut coupon = coupon.clone();
            (coupon.restocked, coupon.pauses_seen) = (false, 0);
            Answer::Coupon(coupon)
        }
        other => other.clone(),
    }
}

/// A first call under a key, then `after`, then the same again: it must be answered as the first was and change
/// nothing. Another body under the key is refused.
fn check(what: &str, tier: Tier, act: impl Fn(&mut Stage) -> Command, other: Command, after: impl Fn(&mut Stage)) {
    let mut stage = Stage::open(|rules| {
        rules.packets = vec![tier];
        rules.coupon.refund_returns_coupon = true;
    });
    let command = act(&mut stage);
    let (first, replayed) = stage.call_as("wallet", "k", command.clone()).expect(what);
    assert!(!replayed, "{what}");
    let again = |stage: &mut Stage| {
        let before = (crate::books::Books::of(stage), stage.rows().counters);
        let (repeat, replayed) = stage.call_as("wallet", "k", command.clone()).expect(what);
        assert!(replayed, "{what}: a repeat says that it is one");
        assert_eq!(seen(&repeat), seen(&first), "{what}: the repeat is answered as the first");
        assert_eq!((crate::books::Books::of(stage), stage.rows().counters), before, "{what}: it changes nothing");
        let reused = stage.call_as("wallet", "k", other.clone());
        assert_eq!(reused.expect_err(what), Refusal::KeyReused, "{what}");
    };
    again(&mut stage);
    after(&mut stage);
    again(&mut stage);
}

fn quote_of(stage: &Stage) -> koi_core::id::QuoteId {
    stage.rows().quotes.changed().next().expect("a quote").0
}

fn payment_of(stage: &Stage) -> koi_core::id::PaymentId {
    stage.rows().payments.changed().next().expect("a payment").0
}

#[test]
fn a_repeat_of_a_claim_shows_the_coupon_as_it_was_issued() {
    let scan = |_: &mut Stage| Scan::default().command();
    let other = || Scan { id_country: "HK", ..Scan::default() }.command();
    check("then used", plain(8800, 2), scan, other(), |stage| {
        stage.purchase("A", 4590);
    });
    check("then expired", plain(8800, 2), scan, other(), |stage| stage.pass(8 * DAY));
    check("then in part spent", splittable(88_000, 2), scan, other(), |stage| {
        stage.purchase("A", 4590);
    });
    check("then reserved", plain(8800, 2), scan, other(), |stage| drop(stage.quote("A", 4590)));
    check("then paused", plain(8800, 2), scan, other(), |stage| {
        stage.pause(Scope::All);
        stage.pass(DAY);
        stage.resume();
        stage.pass(7 * DAY);
    });
    check("then void", plain(8800, 2), scan, other(), |stage| {
        let coupon = stage.rows().coupons.changed().next().expect("a coupon").0;
        stage.void(coupon).expect("void");
    });
    check("then another", plain(8800, 2), scan, other(), |stage| {
        stage.pass(8 * DAY);
        stage.claim("A").expect("another");
    });
}

#[test]
fn claims_and_quotes_of_a_shopper_share_their_keys() {
    check("claim", plain(8800, 2), |_| Scan::default().command(), buy(4590), |_| ());
    check("quote", plain(8800, 2), |_| buy(4590), Scan::default().command(), |_| ());
    let mut stage = Stage::of(plain(8800, 2));
    stage.call_as("wallet", "k", Scan::default().command()).expect("a coupon");
    let other_person = Scan { account: "B", ..Scan::default() }.command();
    assert!(!stage.call_as("wallet", "k", other_person).expect("another shopper's key").1);
    let other_caller = stage.call_as("other-wallet", "k", Scan::default().command());
    assert!(matches!(other_caller, Err(Refusal::CouponAlreadyHeld(..))), "another principal's key");
}

#[test]
fn a_repeat_of_a_quote_shows_it_as_it_was_opened() {
    let quote = |stage: &mut Stage| {
        stage.claim("A").expect("a coupon");
        buy(4590)
    };
    check("nothing", plain(8800, 2), quote, buy(4591), |_| ());
    check("then paid", plain(8800, 2), quote, buy(4591), |stage| {
        stage.pay(quote_of(stage)).expect("paid");
    });
    check("then cancelled", plain(8800, 2), quote, buy(4591), |stage| {
        stage.cancel_quote(quote_of(stage)).expect("cancelled");
    });
    check("then run out", plain(8800, 2), quote, buy(4591), |stage| stage.pass(3 * MINUTE));
    check("then another rate", plain(8800, 2), quote, buy(4591), |stage| stage.rate("9.9"));
}

#[test]
fn pay_and_cancel_of_a_quote_share_their_keys() {
    let first = koi_core::id::QuoteId::new(koi_core::id::Cell(0), 1);
    let pay = |stage: &mut Stage| {
        stage.claim("A").expect("a coupon");
        Command::Pay(stage.quote("A", 4590).id)
    };
    let payment = koi_core::id::PaymentId::of(first);
    check("pay", plain(8800, 2), pay, Command::CancelQuote(first), |_| ());
    check("pay, then cancelled", plain(8800, 2), pay, Command::CancelQuote(first), |stage| {
        stage.cancel(payment).expect("cancelled");
    });
    check("pay, then refunded", plain(8800, 2), pay, Command::CancelQuote(first), |stage| {
        stage.refund(payment, 1000).expect("refunded");
    });
    check("pay, then returned", plain(8800, 2), pay, Command::CancelQuote(first), |stage| {
        stage.refund(payment, 4590).expect("refunded");
    });
    let cancel = |stage: &mut Stage| {
        stage.claim("A").expect("a coupon");
        Command::CancelQuote(stage.quote("A", 4590).id)
    };
    check("cancel", plain(8800, 2), cancel, Command::Pay(first), |stage| stage.pass(3 * MINUTE));
}

#[test]
fn cancel_and_refunds_of_a_payment_share_their_keys() {
    let payment = koi_core::id::PaymentId::of(koi_core::id::QuoteId::new(koi_core::id::Cell(0), 1));
    let paid = |stage: &mut Stage| {
        stage.claim("A").expect("a coupon");
        stage.purchase("A", 4590);
    };
    let cancel = |stage: &mut Stage| {
        paid(stage);
        Command::CancelPayment(payment)
    };
    check("cancel", plain(8800, 2), cancel, Command::Refund(payment, nzd(1)), |stage| {
        stage.pass(2 * DAY);
    });
    let refund = |stage: &mut Stage| {
        paid(stage);
        Command::Refund(payment, nzd(1595))
    };
    check("refund", plain(8800, 2), refund, Command::CancelPayment(payment), |stage| {
        stage.refund(payment_of(stage), 1000).expect("another refund");
        stage.wait(400 * DAY);
    });
    check("refund of another amount", plain(8800, 2), refund, Command::Refund(payment, nzd(1596)), |_| ());
}

#[test]
fn a_repeat_of_a_void_shows_the_void_coupon() {
    let void = |stage: &mut Stage| Command::Void(stage.claim("A").expect("a coupon").id);
    let other = {
        let coupon = koi_core::id::CouponId::new(koi_core::id::Cell(0), koi_core::id::CampaignNo(1), 0);
        Command::Void(coupon)
    };
    let mut stage = Stage::of(plain(8800, 2));
    let command = void(&mut stage);
    let (first, _) = stage.call_as("operator", "k", command.clone()).expect("void");
    stage.pass(9 * DAY);
    let (repeat, replayed) = stage.call_as("operator", "k", other).expect("a repeat");
    assert_eq!((seen(&repeat), replayed), (seen(&first), true));
    assert_eq!(stage.call_as("operator", "k2", command), Err(Refusal::CouponNotActive), "under another key");
}

#[test]
fn a_refusal_is_not_kept_and_the_key_may_succeed_later() {
    let mut stage = Stage::of(plain(8800, 1));
    stage.claim("B").expect("the last packet");
    let scan = || Scan::default().command();
    assert_eq!(stage.call_as("wallet", "k", scan()), Err(Refusal::SoldOut));
    stage.pass(7 * DAY);
    let (_, replayed) = stage.call_as("wallet", "k", scan()).expect("it succeeds now");
    assert!(!replayed);
}

#[test]
fn a_path_that_leads_nowhere_is_told_before_the_key() {
    let mut stage = Stage::of(plain(8800, 1));
    let nowhere = koi_core::id::QuoteId::new(koi_core::id::Cell(0), 77);
    assert_eq!(stage.call_as("wallet", "k", Command::Pay(nowhere)), Err(Refusal::NotFound));
}

#[test]
fn a_key_means_principal_scope_and_key_together() {
    let stage = Stage::of(plain(8800, 1));
    let of = |by, key, command: &Command| stage.asked(by, key, command).key;
    let quote = koi_core::id::QuoteId::new(koi_core::id::Cell(0), 1);
    let (pay, cancel) = (Command::Pay(quote), Command::CancelQuote(quote));
    assert_eq!(of("wallet", "k", &pay), of("wallet", "k", &cancel));
    assert_ne!(of("wallet", "k", &pay), of("wallet", "k2", &pay));
    assert_ne!(of("wallet", "k", &pay), of("other", "k", &pay));
    assert_ne!(stage.asked("wallet", "k", &pay).fingerprint, stage.asked("wallet", "k", &cancel).fingerprint);
}
