//! The function against a real PostgreSQL; where none is installed there is nothing to test.

use super::*;
use crate::peer::{PeerClaim, PeerOutcome};

const DATABASE: &str = "claims";

fn play(test: impl FnOnce(&Postgres)) {
    let Some(programs) = Postgres::programs() else {
        eprintln!("skipped: PostgreSQL is not installed");
        return;
    };
    let postgres = Postgres::start(&programs, &std::env::temp_dir()).expect("PostgreSQL starts");
    postgres.create(DATABASE).expect("a database");
    let stage = Stage { codes: vec!["CODE1".into()], stores: vec!["store-1".into()] };
    postgres.set_stage(DATABASE, &stage).expect("the stage is set");
    test(&postgres);
}

fn claim(key: &'static str, coupon_id: &'static str) -> PeerClaim<'static> {
    PeerClaim {
        campaign: CAMPAIGN,
        code: "CODE1",
        account: "a1",
        person: "p1",
        idempotency_key: key,
        fingerprint: "f1",
        coupon_id,
        now_ms: Timestamp::now().as_millisecond() as u64,
        luck: 0,
    }
}

fn send(postgres: &Postgres, claim: PeerClaim<'_>) -> PeerOutcome {
    let texts = [
        claim.campaign,
        claim.code,
        claim.account,
        claim.person,
        claim.idempotency_key,
        claim.fingerprint,
        claim.coupon_id,
    ];
    let mut values: Vec<String> = texts.iter().map(|text| format!("'{text}'")).collect();
    values.extend([claim.now_ms.to_string(), claim.luck_53().to_string()]);
    let execute = format!("PREPARE claim AS {CLAIM_CALL};\nEXECUTE claim({});", values.join(", "));
    let answer = postgres.answer(DATABASE, &execute).expect("an answer");
    let (word, rest) = answer.trim().split_once('|').expect("two words");
    PeerOutcome::parse(word, rest).expect("an outcome")
}

fn field(postgres: &Postgres, name: &str) -> String {
    postgres.answer(DATABASE, &format!("SELECT {name} FROM campaign")).expect("an answer").trim().to_owned()
}

#[test]
fn a_claim_takes_a_packet_and_its_money_once() {
    play(|postgres| {
        let money = |name: &str| field(postgres, name).parse::<u64>().expect("a number");
        let free = money("free");
        let first = claim("k1", "cpn_1");
        let PeerOutcome::Created(coupon) = send(postgres, first) else { panic!("not created") };
        assert_eq!((coupon.id.as_str(), coupon.store.as_str(), coupon.face), ("cpn_1", "store-1", 188));
        assert_eq!(coupon.collected_at_ms, first.now_ms);
        assert_eq!(coupon.expires_at_ms, first.now_ms + 7 * DAY_MS as u64);
        let again = send(postgres, PeerClaim { coupon_id: "cpn_2", ..first });
        assert_eq!(again, PeerOutcome::Replayed(coupon));
        assert_eq!((money("free"), money("committed")), (free - 188, 188));
        assert_eq!(money("counts[1]"), PACKETS[0].1 - 1);
    });
}

#[test]
fn the_luck_reaches_every_tier() {
    play(|postgres| {
        let face = |luck, key, id| match send(postgres, PeerClaim { luck, ..claim(key, id) }) {
            PeerOutcome::Created(coupon) => coupon.face,
            other => panic!("{other:?}"),
        };
        assert_eq!(face(0, "k1", "cpn_1"), 188);
        assert_eq!(face(u64::MAX / 4 * 3, "k2", "cpn_2"), 588);
        assert_eq!(face(u64::MAX, "k3", "cpn_3"), 8_800);
    });
}

#[test]
fn refusals_come_before_any_change() {
    play(|postgres| {
        let refuses = |claim, code: &str| assert_eq!(send(postgres, claim), PeerOutcome::Refused(code.to_owned()));
        let set =
            |change: &str| postgres.psql(DATABASE, &format!("UPDATE campaign SET {change}")).expect("a change");
        let free = field(postgres, "free");
        let good = claim("k1", "cpn_1");
        refuses(PeerClaim { code: "NONE", ..good }, "unknown_code");
        refuses(PeerClaim { campaign: "other", ..good }, "unknown_campaign");
        refuses(PeerClaim { now_ms: 0, ..good }, "campaign_not_started");
        refuses(PeerClaim { now_ms: good.now_ms * 2, ..good }, "campaign_ended");
        set("live = 0");
        refuses(good, "coupon_already_held");
        set("live = 9, per_window = 0");
        refuses(good, "limit_reached");
        set("per_window = 1, counts = '{0,0,0,0}'");
        refuses(good, "sold_out");
        set("counts = '{0,0,0,1}'");
        assert_eq!(field(postgres, "free"), free);
        assert!(matches!(send(postgres, good), PeerOutcome::Created(_)));
        refuses(PeerClaim { fingerprint: "f2", ..good }, "idempotency_key_reused");
        refuses(claim("k2", "cpn_2"), "limit_reached");
    });
}

#[test]
fn users_are_found_by_their_whole_name() {
    let accounts = "root:x:0:0:root:/root:/bin/sh\npostgresql:x:7:8::/:/bin/sh\npostgres:x:106:114::/:/bin/sh\n";
    let found = User::named(accounts, "postgres").map(|user| (user.id, user.group));
    assert_eq!(found, Some((106, 114)));
    assert!(User::named(accounts, "nobody").is_none());
}
