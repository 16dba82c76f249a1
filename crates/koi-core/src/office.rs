//! Orders of the office: they change campaigns, merchants, stores, codes and rates.

use std::sync::Arc;

use crate::campaign::Campaign;
use crate::catalog::{Code, Entry};
use crate::command::{Answer, By, Decision, No, Order};
use crate::fault::Fault;
use crate::id::{CampaignId, MAX_CAMPAIGNS};
use crate::ledger::{Account, Buckets, Movement, Reason};
use crate::limits;
use crate::money::Money;
use crate::refusal::Refusal;
use crate::rows::{Changes, Rows, Slice};
use crate::scene::Scene;
use crate::settle::moving;

/// Decides an order and applies it to the working set. The catalog is changed by who owns it, after the
/// commit, from the decision's entries.
pub fn order(rows: &mut Rows, scene: &Scene, order: &Order, by: By) -> Result<Decision, No> {
    let decision = decided(rows, scene, order, by)?;
    rows.apply(decision.changes.clone(), scene.now)?;
    Ok(decision)
}

fn decided(rows: &Rows, scene: &Scene, order: &Order, by: By) -> Result<Decision, No> {
    let catalog = scene.catalog;
    let now = scene.now;
    match order {
        Order::Draft(rules, secret) => draft(scene, rules, *secret),
        Order::Submit(id) => step(rows, scene, id, |campaign| campaign.submit(by)),
        Order::Approve(id) => step(rows, scene, id, |campaign| campaign.approve(by)),
        Order::Fund(id, amount) => fund(rows, scene, id, *amount),
        Order::Pause(id, scope, reason) => {
            step(rows, scene, id, |campaign| campaign.pause(*scope, reason.clone(), now))
        }
        Order::Resume(id) => step(rows, scene, id, |campaign| campaign.resume(now)),
        Order::End(id, reason) => step(rows, scene, id, |campaign| campaign.end(reason.clone(), now)),
        Order::Close(id) => close(rows, scene, id),
        Order::AddMerchant(merchant) => {
            if catalog.merchant(&merchant.id).is_some() {
                return Err(Refusal::AlreadyExists.into());
            }
            let merchant = Arc::new(merchant.clone());
            Ok(entered(Entry::Merchant(merchant.clone()), Answer::Merchant(merchant)))
        }
        Order::AddStore(store) => {
            catalog.merchant(&store.merchant).ok_or(Refusal::NotFound)?;
            if catalog.store(&store.id).is_some() {
                return Err(Refusal::AlreadyExists.into());
            }
            let store = Arc::new(store.clone());
            Ok(entered(Entry::Store(store.clone()), Answer::Store(store)))
        }
        Order::AddCode(store, medium, text) => {
            catalog.store(store).ok_or(Refusal::NotFound)?;
            if catalog.code(text).is_some() {
                return Err(Fault::Broken("a new code has the characters of another").into());
            }
            let code = Code { text: text.clone(), store: store.clone(), medium: medium.clone(), revoked: None };
            let code = Arc::new(code);
            Ok(entered(Entry::Code(code.clone()), Answer::Code(code)))
        }
        Order::RevokeCode(text, reason) => {
            let code = catalog.code(text).ok_or(Refusal::NotFound)?;
            if code.revoked.is_some() {
                return Err(Refusal::CodeRevoked.into());
            }
            let code = Arc::new(Code { revoked: Some((now, reason.clone())), ..code.as_ref().clone() });
            Ok(entered(Entry::Code(code.clone()), Answer::Code(code)))
        }
        Order::SetRate(from, into, rate) => {
            Ok(entered(Entry::Rate((*from, *into), *rate), Answer::Rate(*from, *into, *rate)))
        }
    }
}

fn entered(entry: Entry, answer: Answer) -> Decision {
    Decision::new(Changes { entries: vec![entry], ..Changes::default() }, answer)
}

fn draft(scene: &Scene, rules: &crate::rules::Rules, secret: [u8; 32]) -> Result<Decision, No> {
    if scene.catalog.campaign(&rules.id).is_some() {
        return Err(Refusal::AlreadyExists.into());
    }
    let number = scene.catalog.next_campaign();
    if number.0 > MAX_CAMPAIGNS {
        return Err(Refusal::TooManyCampaigns.into());
    }
    let left: Vec<u64> = rules.packets.iter().map(|tier| tier.count).collect();
    let campaign = Campaign::draft(number, rules.clone(), secret);
    let slice = Slice { next_ordinal: 0, left: left.clone(), buckets: Buckets::default() };
    let mut decision = campaign_entered(campaign, left);
    decision.changes.slice = Some((number, slice));
    Ok(decision)
}

fn campaign_entered(campaign: Campaign, left: Vec<u64>) -> Decision {
    let campaign = Arc::new(campaign);
    entered(Entry::Campaign(campaign.clone()), Answer::Campaign(campaign, left))
}

fn found<'a>(rows: &'a Rows, scene: &Scene, id: &CampaignId) -> Result<(Campaign, &'a Slice), No> {
    let campaign = scene.catalog.campaign(id).ok_or(Refusal::NotFound)?;
    let slice = rows.slices.get(campaign.number).ok_or(Fault::Missing("a campaign's slice"))?;
    Ok((campaign.as_ref().clone(), slice))
}

fn step(
    rows: &Rows,
    scene: &Scene,
    id: &CampaignId,
    next: impl FnOnce(Campaign) -> Result<Campaign, Refusal>,
) -> Result<Decision, No> {
    let (campaign, slice) = found(rows, scene, id)?;
    Ok(campaign_entered(next(campaign)?, slice.left.clone()))
}

fn fund(rows: &Rows, scene: &Scene, id: &CampaignId, amount: Money) -> Result<Decision, No> {
    let (campaign, slice) = found(rows, scene, id)?;
    let sum = slice.buckets.funded().checked_add(amount.value);
    let fits = amount.value > 0 && sum.is_some_and(|sum| sum <= limits::MONEY);
    if !fits || amount.currency != campaign.rules.currency {
        return Err(Refusal::InvalidAmount.into());
    }
    campaign.takes_funds()?;
    let movement = office_movement(&campaign, Account::Funder, Account::Free, amount.value, Reason::Fund);
    let after = slice.buckets.after(&movement)?;
    let money = moving(&campaign, movement);
    let mut decision = campaign_entered(campaign.funded(after.get(Account::Free)), slice.left.clone());
    decision.changes.movements = money.movements;
    Ok(decision)
}

fn close(rows: &Rows, scene: &Scene, id: &CampaignId) -> Result<Decision, No> {
    let (campaign, slice) = found(rows, scene, id)?;
    let free = slice.buckets.get(Account::Free);
    let closed = campaign.close(&slice.buckets, scene.now)?;
    let movement = office_movement(&closed, Account::Free, Account::Returned, free, Reason::Close);
    let money = if free > 0 { moving(&closed, movement) } else { Changes::default() };
    let mut decision = campaign_entered(closed, slice.left.clone());
    decision.changes.movements = money.movements;
    Ok(decision)
}

fn office_movement(campaign: &Campaign, debit: Account, credit: Account, amount: i64, reason: Reason) -> Movement {
    Movement { debit, credit, amount, reason, subject: i64::from(campaign.number.0), part: 0, coupon: None }
}
