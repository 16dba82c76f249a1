//! Sets the stage on a fresh sandbox through the HTTP contract: a live campaign, stores, codes, a rate.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::call;
use crate::limits::LIVE_MAX;

/// The campaign's id.
pub(crate) const CAMPAIGN: &str = "bench";
/// The sandbox's key of the role that claims and pays.
pub(crate) const WALLET: &str = "sandbox_wallet";
/// A purchase of NZD 100.00, which is CNY 458.17 at [`RATE`]: more than the largest face, so that every
/// coupon is applied.
pub(crate) const PURCHASE_CENTS: u64 = 10_000;

const RATE: &str = "4.58170000";
/// Stores, each with one code, that people scan at random.
const STORES: usize = 8;
/// Faces in fen and how many of each: a thousand million packets, more than any run can claim.
pub(crate) const PACKETS: [(u64, u64); 4] =
    [(188, 600_000_000), (588, 300_000_000), (1_888, 90_000_000), (8_800, 10_000_000)];
/// Far above what anybody reaches, so that people may return; each of their claims is checked all the same.
pub(crate) const LIMIT: u64 = 1_000;

/// Of a day, which times of peers are made of.
pub(crate) const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// What the people need to know.
#[derive(Debug, Clone)]
pub(crate) struct Stage {
    pub(crate) codes: Vec<String>,
    pub(crate) stores: Vec<String>,
}

impl Stage {
    /// Sets it, and waits until the campaign is live.
    ///
    /// # Errors
    /// Any call that is answered otherwise than the contract says.
    pub(crate) fn set(address: SocketAddr) -> anyhow::Result<Stage> {
        let post = |role: &str, path: &str, body: Value, expected: u16| {
            call::send(address, "POST", path, &format!("sandbox_{role}"), &body, expected)
        };
        let budget: u64 = PACKETS.iter().map(|(face, count)| face * count).sum();
        let campaign = format!("/v1/campaigns/{CAMPAIGN}");
        post("operator", "/v1/campaigns", document(Timestamp::now()), 201)?;
        post("operator", &format!("{campaign}/submit"), json!({}), 200)?;
        post("approver", &format!("{campaign}/approve"), json!({}), 200)?;
        let funding = json!({"amount": {"currency": "CNY", "value": budget}});
        post("operator", &format!("{campaign}/fund"), funding, 200)?;

        let merchant = json!({"id": "kiwi-honey", "name": "Kiwi Honey Ltd", "country": "NZ", "currency": "NZD",
                              "fee_bps": 160});
        post("acquirer", "/v1/merchants", merchant, 201)?;
        let rate = json!({"rate": RATE});
        call::send(address, "PUT", "/v1/rates/NZD-CNY", "sandbox_acquirer", &rate, 200)?;
        let mut stage = Stage { codes: Vec::new(), stores: Vec::new() };
        for number in 1..=STORES {
            let id = format!("store-{number}");
            let store = json!({"id": id, "name": format!("Queen Street {number}"), "country": "NZ",
                               "time_zone": "Pacific/Auckland"});
            post("acquirer", "/v1/merchants/kiwi-honey/stores", store, 201)?;
            let code = post("acquirer", &format!("/v1/stores/{id}/codes"), json!({"medium": "a5_sticker"}), 201)?;
            stage.codes.push(code["code"].as_str().context("a code without its `code`")?.to_owned());
            stage.stores.push(id);
        }
        await_live(address)?;
        Ok(stage)
    }
}

/// The sandbox runs on real time, so the campaign began before now and ends long after any run.
fn document(now: Timestamp) -> Value {
    let day = SignedDuration::from_hours(24);
    let at = |time: Timestamp| Timestamp::from_second(time.as_second()).unwrap_or(time).to_string();
    json!({
        "id": CAMPAIGN, "kind": "red_packet", "title": {"en": "Benchmark", "zh": "性能测试"},
        "currency": "CNY", "funder": "alipay", "time_zone": "Asia/Shanghai",
        "starts_at": at(now - day * 10), "ends_at": at(now + day * 365),
        "packets": PACKETS.map(|(face, count)| json!({"face": face, "count": count})),
        "eligibility": {"verified": true, "id_countries": ["CN"], "not_in_countries": ["CN"]},
        "limits": {"window_days": 30, "per_window": LIMIT, "live": LIMIT},
        "coupon": {"valid_days": 7, "threshold": "exceeds", "min_shopper_pays": 1,
                   "refund_returns_coupon": false, "restock_expired": true},
        "quote": {"valid_seconds": 180},
        "terms": {"en": "For measurements only.", "zh": "仅供测试。"},
    })
}

fn await_live(address: SocketAddr) -> anyhow::Result<()> {
    let began = Instant::now();
    let path = format!("/v1/campaigns/{CAMPAIGN}");
    loop {
        let campaign = call::send(address, "GET", &path, WALLET, &Value::Null, 200)?;
        match campaign["status"].as_str() {
            Some("live") => return Ok(()),
            status if began.elapsed() >= LIVE_MAX => {
                bail!("the campaign is {status:?} after {LIVE_MAX:?}, not live")
            }
            _ => std::thread::sleep(Duration::from_millis(10)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_campaign_runs_now_and_its_stock_is_allowed() {
        let now: Timestamp = "2018-07-19T22:15:00.123456Z".parse().expect("a time");
        let document = document(now);
        assert_eq!(document["starts_at"], "2018-07-09T22:15:00Z");
        assert_eq!(document["ends_at"], "2019-07-19T22:15:00Z");
        let stock: u64 = PACKETS.iter().map(|(face, count)| face * count).sum();
        assert!(stock < 1 << 53);
    }

    #[test]
    fn a_purchase_exceeds_every_face() {
        let gross = (PURCHASE_CENTS as f64 * RATE.parse::<f64>().expect("a rate")) as u64;
        assert!(PACKETS.iter().all(|&(face, _)| gross > face));
    }
}
