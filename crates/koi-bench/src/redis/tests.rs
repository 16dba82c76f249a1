//! The script against a real Redis; without one on the `PATH` there is nothing to test.

use super::*;
use crate::peer::PeerOutcome;

struct Played {
    client: Client,
    _redis: Redis,
    _folder: tempfile::TempDir,
}

fn play(test: impl FnOnce(&mut Played)) {
    let Some(program) = Redis::program() else {
        eprintln!("skipped: no redis-server on the PATH");
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let redis = Redis::start(&program, folder.path()).expect("redis starts");
    let stage = Stage { codes: vec!["CODE1".into()], stores: vec!["store-1".into()] };
    redis.set_stage(&stage).expect("the stage is set");
    let client = Client::connect(redis.address).expect("a connection");
    test(&mut Played { client, _redis: redis, _folder: folder });
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

impl Played {
    fn send(&mut self, claim: PeerClaim<'_>) -> PeerOutcome {
        let (keys, arguments) = (redis_keys(&claim), redis_arguments(&claim));
        let mut words = vec!["EVAL", CLAIM_LUA, "7"];
        words.extend(keys.iter().chain(&arguments).map(String::as_str));
        match self.client.call(&words).expect("an answer") {
            Reply::List(words) => match &words[..] {
                [Reply::Text(word), Reply::Text(rest)] => PeerOutcome::parse(word, rest).expect("an outcome"),
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    }

    fn refuses(&mut self, claim: PeerClaim<'_>, code: &str) {
        assert_eq!(self.send(claim), PeerOutcome::Refused(code.to_owned()));
    }

    fn field(&mut self, name: &str) -> u64 {
        match self.client.call(&["HGET", &redis_keys(&claim("", ""))[2], name]).expect("an answer") {
            Reply::Text(text) => text.parse().expect("a number"),
            other => panic!("{other:?}"),
        }
    }

    fn set(&mut self, name: &str, value: &str) {
        self.client.call(&["HSET", &redis_keys(&claim("", ""))[2], name, value]).expect("an answer");
    }
}

#[test]
fn a_claim_takes_a_packet_and_its_money_once() {
    play(|played| {
        let (free, left) = (played.field("free"), played.field("left"));
        let first = claim("k1", "cpn_1");
        let PeerOutcome::Created(coupon) = played.send(first) else { panic!("not created") };
        assert_eq!((coupon.id.as_str(), coupon.store.as_str(), coupon.face), ("cpn_1", "store-1", 188));
        assert_eq!(coupon.collected_at_ms, first.now_ms);
        assert_eq!(coupon.expires_at_ms, first.now_ms + 7 * DAY_MS as u64);
        assert_eq!(played.send(PeerClaim { coupon_id: "cpn_2", ..first }), PeerOutcome::Replayed(coupon));
        assert_eq!((played.field("free"), played.field("committed")), (free - 188, 188));
        assert_eq!(played.field("left"), left - 1);
    });
}

#[test]
fn the_luck_reaches_every_tier() {
    play(|played| {
        let mut face = |luck, key, id| match played.send(PeerClaim { luck, ..claim(key, id) }) {
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
    play(|played| {
        let free = played.field("free");
        let good = claim("k1", "cpn_1");
        played.refuses(PeerClaim { code: "NONE", ..good }, "unknown_code");
        played.refuses(PeerClaim { campaign: "other", ..good }, "unknown_campaign");
        played.refuses(PeerClaim { now_ms: 0, ..good }, "campaign_not_started");
        played.refuses(PeerClaim { now_ms: good.now_ms * 2, ..good }, "campaign_ended");
        played.set("live", "0");
        played.refuses(good, "coupon_already_held");
        played.set("live", "9");
        played.set("per_window", "0");
        played.refuses(good, "limit_reached");
        played.set("per_window", "1");
        played.set("left", "0");
        played.refuses(good, "sold_out");
        played.set("left", "1000000000");
        assert_eq!(played.field("free"), free);
        assert!(matches!(played.send(good), PeerOutcome::Created(_)));
        played.refuses(PeerClaim { fingerprint: "f2", ..good }, "idempotency_key_reused");
        played.refuses(claim("k2", "cpn_2"), "limit_reached");
    });
}
