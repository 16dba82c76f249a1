//! Compares what the server shows with what the model knows.

use anyhow::Result;
use serde_json::{Value, json};

use crate::client::Client;
use crate::deed::{CAMPAIGN_CURRENCY, MERCHANT_CURRENCY, Role, cny, nzd};
use crate::failure::{broken, excerpt, same};
use crate::model::buckets::{Buckets, Outlay};
use crate::model::coupon::QuoteState;
use crate::model::fields::Fields;
use crate::model::rules::Rules;
use crate::model::world::World;
use crate::moment::Moment;

/// The server's own recomputation of every balance must agree with itself.
pub(crate) async fn check_ledger(client: &mut Client) -> Result<()> {
    let check = client.read("/v1/ledger/check", Role::Auditor).await?;
    if check["ok"] == json!(true) && check["broken"] == json!([]) {
        return Ok(());
    }
    Err(broken("the ledger check is ok and names nothing broken", excerpt(&check.to_string())))
}

/// Reads the buckets of a campaign, which must add up whatever happened.
pub(crate) async fn read_buckets(client: &mut Client, campaign: &str) -> Result<Buckets> {
    let body = client.read(&format!("/v1/campaigns/{campaign}/budget"), Role::Operator).await?;
    let budget = Fields { what: "the budget", body: &body };
    let bucket = |name: &str| budget.money(name, CAMPAIGN_CURRENCY);
    let buckets = Buckets {
        funded: bucket("funded")?,
        free: bucket("free")?,
        committed: bucket("committed")?,
        reserved: bucket("reserved")?,
        spent: bucket("spent")?,
        returned: bucket("returned")?,
        recovered: bucket("recovered")?,
    };
    if !buckets.add_up() {
        return Err(broken(
            format!("{campaign}: funded = free + committed + reserved + spent + returned, none below zero"),
            format!("{buckets:?}"),
        ));
    }
    Ok(buckets)
}

pub(crate) async fn check_buckets(client: &mut Client, campaign: &str, promised: &Buckets) -> Result<()> {
    let found = read_buckets(client, campaign).await?;
    same(&format!("the budget of {campaign}"), promised, &found)
}

/// The packets left of each tier are those that nobody holds.
pub(crate) async fn check_stock(client: &mut Client, rules: &Rules, outlay: &Outlay) -> Result<()> {
    let body = client.read(&format!("/v1/campaigns/{}", rules.id), Role::Operator).await?;
    let shown = |face: i64, split: bool| {
        let tiers = body["packets"].as_array().map(Vec::as_slice).unwrap_or_default();
        let is_tier =
            |tier: &&Value| tier["face"] == json!(face) && tier["split"].as_bool().unwrap_or(false) == split;
        tiers.iter().find(is_tier).and_then(|tier| tier["left"].as_i64())
    };
    for tier in &rules.tiers {
        let out = outlay.packets.get(&(tier.face, tier.split)).copied().unwrap_or_default();
        let what = format!("{}: packets left of the face {}", rules.id, tier.face);
        same(&what, &Some(tier.count - out), &shown(tier.face, tier.split))?;
    }
    Ok(())
}

pub(crate) async fn check_coupon(client: &mut Client, world: &World, id: &str, now: Moment) -> Result<()> {
    let Some(coupon) = world.coupons.get(id) else { return Ok(()) };
    let body = client.read(&format!("/v1/coupons/{id}"), Role::Wallet).await?;
    let what = format!("coupon {id} at {now}");
    let shown = Fields { what: &what, body: &body };
    let standing = world.standing(coupon, now);
    shown.must_be("face", &cny(coupon.face))?;
    shown.must_be_moment("collected_at", coupon.collected_at)?;
    if let Some(status) = standing.status() {
        shown.must_be("status", &json!(status))?;
        shown.must_be("remaining", &cny(standing.committed))?;
        if standing.is_live() {
            shown.must_be_moment("expires_at", coupon.expires_at)?;
        }
    }
    Ok(())
}

pub(crate) async fn check_quote(client: &mut Client, world: &World, id: &str, now: Moment) -> Result<()> {
    let Some(quote) = world.quotes.get(id) else { return Ok(()) };
    let body = client.read(&format!("/v1/quotes/{id}"), Role::Wallet).await?;
    let what = format!("quote {id} at {now}");
    let shown = Fields { what: &what, body: &body };
    shown.must_be("deduction", &cny(quote.deduction))?;
    shown.must_be("gross", &cny(quote.gross))?;
    match quote.state {
        QuoteState::Paid => shown.must_be("status", &json!("paid")),
        QuoteState::Cancelled => shown.must_be("status", &json!("cancelled")),
        QuoteState::Open if now < quote.expires_at => shown.must_be("status", &json!("open")),
        QuoteState::Open => shown.must_be("status", &json!("expired")),
    }
}

pub(crate) async fn check_payment(client: &mut Client, world: &World, id: &str) -> Result<()> {
    let Some(payment) = world.payments.get(id) else { return Ok(()) };
    let body = client.read(&format!("/v1/payments/{id}"), Role::Wallet).await?;
    let what = format!("payment {id}");
    let shown = Fields { what: &what, body: &body };
    shown.must_be("deduction", &cny(payment.deduction))?;
    shown.must_be("refunded", &nzd(payment.refunded))?;
    shown.must_be_moment("paid_at", payment.paid_at)?;
    same(&what, &payment.paid.amount, &shown.money("amount", MERCHANT_CURRENCY)?)?;
    let cancelled = shown.text("status")? == "cancelled";
    same(&format!("{what} is cancelled"), &payment.cancelled, &cancelled)
}

/// Every object of a world, one by one.
pub(crate) async fn check_objects(client: &mut Client, world: &World, now: Moment) -> Result<()> {
    for id in world.coupons.keys() {
        check_coupon(client, world, id, now).await?;
    }
    for id in world.quotes.keys() {
        check_quote(client, world, id, now).await?;
    }
    for id in world.payments.keys() {
        check_payment(client, world, id).await?;
    }
    Ok(())
}

/// Everything about a world that one history knows completely.
pub(crate) async fn check_world(client: &mut Client, world: &World, now: Moment) -> Result<()> {
    check_ledger(client).await?;
    for (id, campaign) in &world.campaigns {
        check_buckets(client, id, &world.buckets(id, now)?).await?;
        check_stock(client, &campaign.rules, &world.outlay(id, now)).await?;
    }
    check_objects(client, world, now).await
}
