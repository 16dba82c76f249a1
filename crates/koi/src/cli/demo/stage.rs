//! The stage of the demo: a live campaign, merchants, stores, codes and rates, all made through the API.

use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use koi_core::time::Time;
use serde_json::{Value, json};

use super::document::moved_to;
use crate::cli::client::{Answer, Client};

/// The campaign's id.
pub(super) const CAMPAIGN: &str = "nz-summer-2018";
/// How long the campaign may take to open.
const PATIENCE: Duration = Duration::from_secs(5);

/// A store of the demo.
pub(super) struct Place {
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    merchant: &'static str,
    country: &'static str,
    zone: &'static str,
    pub(super) currency: &'static str,
}

const MERCHANTS: [(&str, &str, &str, &str, u32); 4] = [
    ("kiwi-honey", "Kiwi Honey Ltd", "NZ", "NZD", 160),
    ("harbour-wool", "Harbour Wool", "NZ", "NZD", 150),
    ("southern-lakes", "Southern Lakes Outdoor", "NZ", "NZD", 140),
    ("sumida-tea", "Sumida Tea", "JP", "JPY", 180),
];

pub(super) const STORES: [Place; 5] = [
    Place {
        id: "queen-st",
        name: "Queen Street, Auckland",
        merchant: "kiwi-honey",
        country: "NZ",
        zone: "Pacific/Auckland",
        currency: "NZD",
    },
    Place {
        id: "lambton-quay",
        name: "Lambton Quay, Wellington",
        merchant: "kiwi-honey",
        country: "NZ",
        zone: "Pacific/Auckland",
        currency: "NZD",
    },
    Place {
        id: "viaduct",
        name: "Viaduct Harbour, Auckland",
        merchant: "harbour-wool",
        country: "NZ",
        zone: "Pacific/Auckland",
        currency: "NZD",
    },
    Place {
        id: "queenstown",
        name: "The Mall, Queenstown",
        merchant: "southern-lakes",
        country: "NZ",
        zone: "Pacific/Auckland",
        currency: "NZD",
    },
    Place {
        id: "asakusa",
        name: "Asakusa, Tokyo",
        merchant: "sumida-tea",
        country: "JP",
        zone: "Asia/Tokyo",
        currency: "JPY",
    },
];

/// What one whole unit of a currency is in whole yuan.
const RATES: [(&str, &str); 2] = [("NZD-CNY", "4.58170000"), ("JPY-CNY", "0.04850000")];

/// The stage, set.
pub(super) struct Stage {
    pub(super) url: String,
    /// Whether this run made the campaign, or found it.
    pub(super) fresh: bool,
    /// The code on the window of each store, in the order of [`STORES`].
    pub(super) codes: Vec<String>,
}

impl Stage {
    /// A client with the sandbox's key of a role.
    pub(super) fn client(&self, role: &str) -> Client {
        client(&self.url, role)
    }

    /// Sets it. Every call has a key of its own that is always the same: on a folder that is kept, a second run gets
    /// the first one's answers.
    pub(super) fn set(url: &str, now: Time) -> anyhow::Result<Self> {
        let (operator, approver, acquirer) =
            (client(url, "operator"), client(url, "approver"), client(url, "acquirer"));
        let campaign = format!("/v1/campaigns/{CAMPAIGN}");
        let fresh = operator.get(&campaign)?.status == 404;
        if fresh {
            let document = moved_to(now)?;
            let drafted = done(operator.post("/v1/campaigns", "demo-draft", &document)?)?;
            let budget = json!({"amount": {"currency": "CNY", "value": drafted["budget_needed"]}});
            done(operator.post(&format!("{campaign}/submit"), "demo-submit", &json!({}))?)?;
            done(approver.post(&format!("{campaign}/approve"), "demo-approve", &json!({}))?)?;
            done(operator.post(&format!("{campaign}/fund"), "demo-fund", &budget)?)?;
        }
        for (id, name, country, currency, fee_bps) in MERCHANTS {
            let merchant =
                json!({"id": id, "name": name, "country": country, "currency": currency, "fee_bps": fee_bps});
            done(acquirer.post("/v1/merchants", &format!("demo-{id}"), &merchant)?)?;
        }
        for (pair, rate) in RATES {
            done(acquirer.put(&format!("/v1/rates/{pair}"), &json!({"rate": rate}))?)?;
        }
        let mut codes = Vec::new();
        for store in &STORES {
            let path = format!("/v1/merchants/{}/stores", store.merchant);
            let body =
                json!({"id": store.id, "name": store.name, "country": store.country, "time_zone": store.zone});
            done(acquirer.post(&path, &format!("demo-{}", store.id), &body)?)?;
            let path = format!("/v1/stores/{}/codes", store.id);
            let code = done(acquirer.post(&path, "demo-a5", &json!({"medium": "a5_sticker"}))?)?;
            done(acquirer.post(&path, "demo-a6", &json!({"medium": "a6_sticker"}))?)?;
            codes.push(code["code"].as_str().unwrap_or_default().to_owned());
        }
        let stage = Self { url: url.to_owned(), fresh, codes };
        if fresh {
            stage.await_live(&operator, &campaign)?;
        }
        Ok(stage)
    }

    fn await_live(&self, operator: &Client, campaign: &str) -> anyhow::Result<()> {
        let began = Instant::now();
        while operator.get(campaign)?.body["status"] != "live" {
            ensure!(began.elapsed() < PATIENCE, "the campaign does not open");
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }
}

fn client(url: &str, role: &str) -> Client {
    Client::new(url, &format!("sandbox_{role}"))
}

/// The body of an answer that had to succeed.
pub(super) fn done(answer: Answer) -> anyhow::Result<Value> {
    if answer.status >= 300 {
        bail!("{}", answer.problem());
    }
    Ok(answer.body)
}
