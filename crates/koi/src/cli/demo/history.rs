//! The history of the demo: shoppers who claim, buy, change their minds and bring things back.
//!
//! The shoppers do the same in every run; which amounts they get is drawn by the server. They call the real API and
//! nothing else, so everything that they leave behind ties to the ledger.

use serde_json::{Value, json};

use super::stage::{CAMPAIGN, STORES, Stage, done};
use crate::cli::client::Client;
use crate::cli::terminal;
use crate::settings::environment::Environment;

/// Shoppers who come by.
const SHOPPERS: u32 = 60;

/// What a shopper does after the claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Plan {
    /// Keeps the coupon for later.
    Wait,
    /// Pays.
    Pay,
    /// Leaves the till.
    WalkAway,
    /// Pays, and the cashier cancels.
    Cancel,
    /// Pays, and brings half of it back.
    Return,
}

/// Most pay; the others are there so that everybody has been seen.
fn plan(number: u32) -> Plan {
    match number % 20 {
        3 | 11 => Plan::Wait,
        7 => Plan::WalkAway,
        13 => Plan::Cancel,
        17 => Plan::Return,
        _ => Plan::Pay,
    }
}

/// The amount of a purchase in minor units: NZD 12.00 to 186.00, JPY 1,200 to 18,600.
fn amount(number: u32, currency: &str) -> u64 {
    let hundreds = 12 + u64::from(number) * 53 % 175;
    // A store's prices do not end in 00 all the time.
    hundreds * 100 + if currency == "JPY" { 0 } else { u64::from(number) * 35 % 100 }
}

/// Plays it, with a progress bar on standard error.
pub(super) fn play(stage: &Stage, environment: &Environment) -> anyhow::Result<()> {
    let wallet = stage.client("wallet");
    let bar = terminal::bar(environment, "shoppers", u64::from(SHOPPERS));
    for number in 1..=SHOPPERS {
        visit(stage, &wallet, number)?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(())
}

fn visit(stage: &Stage, wallet: &Client, number: u32) -> anyhow::Result<()> {
    let place = usize::try_from(number * 7)? % STORES.len();
    let store = &STORES[place];
    let (account, person) = (format!("account-{number}"), format!("person-{number}"));
    let key = |what: &str| format!("demo-{what}-{number}");
    let claim = json!({
        "code": stage.codes[place],
        "shopper": {"account": account, "person": person, "verified": true, "id_country": "CN"},
    });
    done(wallet.post(&format!("/v1/campaigns/{CAMPAIGN}/claims"), &key("claim"), &claim)?)?;
    let plan = plan(number);
    if plan == Plan::Wait {
        return Ok(());
    }
    let amount = |value: u64| json!({"currency": store.currency, "value": value});
    let whole = self::amount(number, store.currency);
    let wanted = json!({
        "shopper": {"account": account, "person": person}, "store": store.id, "amount": amount(whole),
    });
    let quote = done(wallet.post("/v1/quotes", &key("quote"), &wanted)?)?;
    if plan == Plan::WalkAway {
        let path = format!("/v1/quotes/{}/cancel", id(&quote));
        done(wallet.post(&path, &key("leave"), &json!({}))?)?;
        return Ok(());
    }
    let payment = done(wallet.post("/v1/payments", &key("pay"), &json!({"quote": quote["id"]}))?)?;
    let path = format!("/v1/payments/{}", id(&payment));
    match plan {
        Plan::Cancel => done(wallet.post(&format!("{path}/cancel"), &key("cancel"), &json!({}))?)?,
        Plan::Return => {
            let body = json!({"amount": amount(whole / 2)});
            done(wallet.post(&format!("{path}/refunds"), &key("refund"), &body)?)?
        }
        Plan::Wait | Plan::Pay | Plan::WalkAway => Value::Null,
    };
    Ok(())
}

fn id(body: &Value) -> &str {
    body["id"].as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_plan_is_carried_out_by_somebody() {
        for wanted in [Plan::Wait, Plan::Pay, Plan::WalkAway, Plan::Cancel, Plan::Return] {
            assert!((1..=SHOPPERS).any(|number| plan(number) == wanted), "{wanted:?}");
        }
    }

    #[test]
    fn purchases_are_of_every_size() {
        for number in 1..=SHOPPERS {
            assert!((1_200..=18_700).contains(&amount(number, "NZD")), "{number}");
        }
    }
}
