//! Compares what the server stores with the model: totals after every batch, and now and then every row.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use koi_core::audit::Purchase;
use koi_core::catalog::Catalog;
use koi_core::id::{CampaignId, CouponId, QuoteId};
use koi_core::ledger::Account;
use koi_core::scene::{NoLuck, Scene};
use koi_core::settle::settle;
use koi_store::{StoreError, Want};

use crate::model::{Buckets, Coupon, Model};
use crate::server::Server;
use crate::translate::{coupon_shown, payment_shown, quote_shown};

/// The first campaign whose totals differ, in words.
pub(crate) fn totals(server: &Server, model: &Model) -> Result<Option<String>, StoreError> {
    let catalog = server.catalog()?;
    for (id, campaign) in &model.campaigns {
        let number = CampaignId::parse(id).and_then(|id| catalog.campaign(&id).map(|campaign| campaign.number));
        let Some(number) = number else { return Ok(Some(format!("campaign {id} is not in the catalog"))) };
        let Some(stored) = server.reader.totals(number)? else {
            return Ok(Some(format!("campaign {id} has no totals")));
        };
        let of = |account| stored.buckets.get(account);
        let buckets = Buckets {
            funded: stored.buckets.funded(),
            free: of(Account::Free),
            committed: of(Account::Committed),
            reserved: of(Account::Reserved),
            spent: of(Account::Spent),
            returned: of(Account::Returned),
            recovered: of(Account::Recovered),
        };
        if buckets != campaign.buckets {
            return Ok(Some(format!(
                "the buckets of {id} are\n  {buckets:?}, they had to be\n  {:?}",
                campaign.buckets
            )));
        }
        if stored.left != campaign.left {
            return Ok(Some(format!(
                "of {id} {:?} packets are left, it had to be {:?}",
                stored.left, campaign.left
            )));
        }
    }
    Ok(None)
}

/// The first object that differs as it is read, in words.
pub(crate) fn objects(server: &Server, model: &Model) -> Result<Option<String>, StoreError> {
    let catalog = server.catalog()?;
    for coupon in model.coupons.values() {
        if let Some(wrong) = coupon_differs(server, &catalog, coupon)? {
            return Ok(Some(wrong));
        }
    }
    let mut stored = BTreeSet::new();
    server.reader.for_each_coupon(0, i64::MAX, |coupon| {
        stored.insert(coupon.id.to_string());
    })?;
    if !stored.iter().eq(model.coupons.keys()) {
        return Ok(Some(format!("the stored coupons are {stored:?}")));
    }
    let now = server.now()?;
    for quote in model.quotes.values() {
        let Some(id) = QuoteId::parse(&quote.id) else { return Ok(Some(format!("{} is no id", quote.id))) };
        let rows = server.rows(Want::Quote(id))?;
        let shown = rows.quotes.get(id).map(|stored| quote_shown(stored, now));
        let expected = quote.shown(model.settings.wallet_currency);
        if shown.as_ref() != Some(&expected) {
            return Ok(Some(format!("stored is\n  {shown:?}, it had to be\n  {expected:?}")));
        }
    }
    payments(server, model)
}

fn payments(server: &Server, model: &Model) -> Result<Option<String>, StoreError> {
    let mut wrong = None;
    let mut seen = BTreeSet::new();
    server.reader.for_each_purchase(QuoteId::FIRST, |purchase| {
        let Purchase { id, quote, payment, refunds } = purchase;
        let Some(payment) = payment else { return ControlFlow::Continue(()) };
        seen.insert(payment.id.to_string());
        let Some(quote) = quote else {
            wrong = Some(format!("{id} has no quote"));
            return ControlFlow::Break(());
        };
        let Some(expected) = model.payments.get(&payment.id.to_string()) else {
            wrong = Some(format!("payment {} should not be", payment.id));
            return ControlFlow::Break(());
        };
        let shown = payment_shown(&quote, &payment);
        let refunds: Vec<_> =
            refunds.iter().map(|refund| (refund.amount, refund.shopper, refund.funder)).collect();
        let expected_refunds: Vec<_> =
            expected.refunds.iter().map(|refund| (refund.amount, refund.shopper, refund.funder)).collect();
        let expected_shown = expected.shown(&model.quotes[&expected.quote]);
        if shown != expected_shown
            || refunds != expected_refunds
            || payment.coupon_returned != expected.coupon_returned
        {
            wrong = Some(format!(
                "stored is\n  {shown:?} {refunds:?}, it had to be\n  {expected_shown:?} {expected_refunds:?}"
            ));
        }
        ControlFlow::Continue(())
    })?;
    if wrong.is_none() && !seen.iter().eq(model.payments.keys()) {
        wrong = Some(format!("the stored payments are {seen:?}"));
    }
    Ok(wrong)
}

/// Reads a coupon as `GET /v1/coupons/{id}` does.
fn coupon_differs(server: &Server, catalog: &Catalog, expected: &Coupon) -> Result<Option<String>, StoreError> {
    let Some(id) = CouponId::parse(&expected.id) else { return Ok(Some(format!("{} is no id", expected.id))) };
    let now = server.now()?;
    let mut rows = server.rows(Want::Coupon(id))?;
    if rows.coupons.get(id).is_none() {
        return Ok(Some(format!("coupon {id} is not stored")));
    }
    let scene = Scene { catalog, settings: &server.settings, now, luck: &NoLuck };
    if let Err(fault) = settle(&mut rows, &scene, id) {
        return Ok(Some(format!("coupon {id} cannot be brought up to date: {fault}")));
    }
    let Some(coupon) = rows.coupons.get(id) else { return Ok(Some(format!("coupon {id} is gone"))) };
    let pauses =
        catalog.campaign_numbered(id.campaign()).map(|campaign| campaign.pauses.clone()).unwrap_or_default();
    let shown = coupon_shown(&coupon.clone().with_pauses(&pauses), catalog);
    let parts = (coupon.remaining, coupon.reserved, coupon.spent, coupon.lapsed, coupon.restocked);
    let expected_parts =
        (expected.remaining, expected.reserved, expected.spent, expected.lapsed, expected.restocked);
    let expected_shown = expected.shown();
    Ok((shown != expected_shown || parts != expected_parts).then(|| {
        format!("stored is\n  {shown:?} {parts:?}, it had to be\n  {expected_shown:?} {expected_parts:?}")
    }))
}
