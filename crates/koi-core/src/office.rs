//! Orders of the office: they change campaigns, merchants, stores, codes and rates.
//!
//! A campaign lives in all cells: its whole stock and its money begin in the treasury, and what is left of both is
//! there again at the close. What an order looks at, and answers, is the sum over all cells.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::campaign::{Beacon, Campaign};
use crate::catalog::{Code, Entry};
use crate::command::{Answer, By, Decision, No, Order};
use crate::fault::Fault;
use crate::id::{CampaignId, Cell, MAX_CAMPAIGNS};
use crate::ledger::{Account, Buckets, Movement, Reason, Way};
use crate::limits;
use crate::money::Money;
use crate::packet;
use crate::refusal::Refusal;
use crate::rows::{Cells, Changes, Slice};
use crate::scene::Scene;

/// What an order changes in each cell, and what it is answered.
struct Decided {
    changes: BTreeMap<Cell, Changes>,
    answer: Answer,
}

/// Decides an order and applies it to the working sets: of all cells when it is about a campaign, else of the
/// treasury. The decision's changes are in the working sets when it is answered, and no longer in it. The catalog is
/// changed by who owns it, after the commit, from the treasury's entries.
pub fn order(cells: &mut Cells, scene: &Scene, order: &Order, by: By) -> Result<Decision, No> {
    let Decided { changes, answer } = decided(cells, scene, order, by)?;
    cells.apply(changes, scene.now)?;
    Ok(Decision::new(Changes::default(), answer))
}

fn decided(cells: &Cells, scene: &Scene, order: &Order, by: By) -> Result<Decided, No> {
    let catalog = scene.catalog;
    let now = scene.now;
    match order {
        Order::Draft(rules, secret) => draft(scene, rules, *secret),
        Order::Submit(id) => step(cells, scene, id, |campaign| campaign.submit(by)),
        Order::Approve(id) => {
            let rules = &scene.catalog.campaign(id).ok_or(Refusal::NotFound)?.rules;
            let seal = scene.luck.seal(rules, now)?;
            step(cells, scene, id, |campaign| campaign.approve(by, seal))
        }
        Order::Unseal(id, round, beacon) => unseal(cells, scene, id, *round, beacon),
        Order::Fund(id, amount) => fund(cells, scene, id, *amount),
        Order::Pause(id, scope, reason) => {
            step(cells, scene, id, |campaign| campaign.pause(*scope, reason.clone(), now))
        }
        Order::Resume(id) => step(cells, scene, id, |campaign| campaign.resume(now)),
        Order::End(id, reason) => step(cells, scene, id, |campaign| campaign.end(reason.clone(), now)),
        Order::Close(id) => close(cells, scene, id),
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

fn entered(entry: Entry, answer: Answer) -> Decided {
    let changes = Changes { entries: vec![entry], ..Changes::default() };
    Decided { changes: BTreeMap::from([(Cell::TREASURY, changes)]), answer }
}

fn draft(scene: &Scene, rules: &crate::rules::Rules, secret: [u8; 32]) -> Result<Decided, No> {
    if scene.catalog.campaign(&rules.id).is_some() {
        return Err(Refusal::AlreadyExists.into());
    }
    let number = scene.catalog.next_campaign();
    if number.0 > MAX_CAMPAIGNS {
        return Err(Refusal::TooManyCampaigns.into());
    }
    let stock: Vec<u64> = rules.packets.iter().map(|tier| tier.count).collect();
    let mut decided = campaign_entered(Campaign::draft(number, rules.clone(), secret), stock.clone());
    for cell in scene.cells() {
        let left = if cell == Cell::TREASURY { stock.clone() } else { vec![0; stock.len()] };
        let slice = Slice { next_ordinal: 0, left, buckets: Buckets::default() };
        decided.changes.entry(cell).or_default().slice = Some((number, slice));
    }
    Ok(decided)
}

fn campaign_entered(campaign: Campaign, left: Vec<u64>) -> Decided {
    let campaign = Arc::new(campaign);
    entered(Entry::Campaign(campaign.clone()), Answer::Campaign(campaign, left))
}

/// A campaign with what it holds in all cells together.
struct Found<'a> {
    campaign: Campaign,
    left: Vec<u64>,
    buckets: Buckets,
    /// Its slices in other cells than the treasury.
    others: Vec<(Cell, &'a Slice)>,
}

fn found<'a>(cells: &'a Cells, scene: &Scene, id: &CampaignId) -> Result<Found<'a>, No> {
    let campaign = scene.catalog.campaign(id).ok_or(Refusal::NotFound)?.as_ref().clone();
    let treasury = cells.slice(Cell::TREASURY, campaign.number)?;
    let (mut left, mut buckets) = (treasury.left.clone(), treasury.buckets);
    let mut others = Vec::new();
    for cell in scene.cells().filter(|cell| *cell != Cell::TREASURY) {
        let slice = cells.slice(cell, campaign.number)?;
        packet::add(&mut left, &slice.left)?;
        buckets = buckets.plus(&slice.buckets)?;
        others.push((cell, slice));
    }
    Ok(Found { campaign, left, buckets, others })
}

fn step(
    cells: &Cells,
    scene: &Scene,
    id: &CampaignId,
    next: impl FnOnce(Campaign) -> Result<Campaign, Refusal>,
) -> Result<Decided, No> {
    let found = found(cells, scene, id)?;
    Ok(campaign_entered(next(found.campaign)?, found.left))
}

/// Who comes second with the same randomness is answered the same, and changes nothing: servers do not agree on who
/// brings it.
fn unseal(cells: &Cells, scene: &Scene, id: &CampaignId, round: u64, beacon: &Beacon) -> Result<Decided, No> {
    let Found { campaign, left, .. } = found(cells, scene, id)?;
    if campaign.is_unsealed_by(round, beacon) {
        return Ok(Decided { changes: BTreeMap::new(), answer: Answer::Campaign(Arc::new(campaign), left) });
    }
    Ok(campaign_entered(campaign.unseal(round, beacon.clone())?, left))
}

fn fund(cells: &Cells, scene: &Scene, id: &CampaignId, amount: Money) -> Result<Decided, No> {
    let Found { campaign, left, buckets, .. } = found(cells, scene, id)?;
    let sum = buckets.funded().checked_add(amount.value);
    let fits = amount.value > 0 && sum.is_some_and(|sum| sum <= limits::MONEY);
    if !fits || amount.currency != campaign.rules.currency {
        return Err(Refusal::InvalidAmount.into());
    }
    campaign.takes_funds()?;
    let movement = office_movement(&campaign, Account::Funder, Account::Free, amount.value, Reason::Fund);
    let after = buckets.after(&movement)?;
    let number = campaign.number;
    let mut decided = campaign_entered(campaign.funded(after.get(Account::Free)), left);
    decided.changes.entry(Cell::TREASURY).or_default().movements.push((number, movement));
    Ok(decided)
}

/// What is free in other cells comes to the treasury, and from there all of it goes back to the funder.
fn close(cells: &Cells, scene: &Scene, id: &CampaignId) -> Result<Decided, No> {
    let Found { campaign, left, buckets, others } = found(cells, scene, id)?;
    let closed = campaign.close(&buckets, scene.now)?;
    let number = closed.number;
    let free = buckets.get(Account::Free);
    let returned = office_movement(&closed, Account::Free, Account::Returned, free, Reason::Close);
    let mut decided = campaign_entered(closed, left);
    let mut moves = |cell: Cell, movement: Movement| {
        decided.changes.entry(cell).or_default().movements.push((number, movement));
    };
    for (cell, slice) in others {
        let free = slice.buckets.get(Account::Free);
        if free > 0 {
            let gathered = |way| Movement::between_cells(way, free, Reason::Gather, 0);
            moves(cell, gathered(Way::Into(Cell::TREASURY)));
            moves(Cell::TREASURY, gathered(Way::From(cell)));
        }
    }
    if free > 0 {
        moves(Cell::TREASURY, returned);
    }
    Ok(decided)
}

fn office_movement(campaign: &Campaign, debit: Account, credit: Account, amount: i64, reason: Reason) -> Movement {
    Movement { debit, credit, amount, reason, subject: i64::from(campaign.number.0), part: 0, coupon: None }
}
