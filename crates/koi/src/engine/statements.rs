//! What the public log will say of an order: made with the order, and stored in its transaction.

use koi_core::campaign::{Beacon, Campaign, Scope};
use koi_core::command::{Answer, Order};
use koi_core::id::Cell;
use koi_core::ledger::{Account, Buckets};
use koi_core::rows::Cells;
use koi_core::time::Time;
use koi_fair::beacon::Chain;
use koi_fair::canonical;
use koi_fair::packet::commitment;
use koi_fair::statement::{
    self, Change, Close, Fund, Hex32, Instant, Money, Opening, Pause, Reveal, Rules, Statement,
};
use koi_store::{Stated, StoreError};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::document::CampaignDocument;

/// The longest leaf that a bundle of the log can hold, in bytes (C2SP tlog-tiles).
const LEAF_BYTES_MAX: usize = 65_535;

/// The statements of an order that was carried out, for its transaction. `cells` are as the order has made them.
pub(super) fn stated(order: &Order, answer: &Answer, cells: &Cells, now: Time) -> Result<Vec<Stated>, StoreError> {
    let Answer::Campaign(campaign, left) = answer else { return Ok(Vec::new()) };
    let statements = statements(order, campaign, left, cells, now)?;
    let lines: Vec<i64> = cells.iter().map(|rows| rows.next_line().number()).collect();
    let stated = |statement: Statement| {
        let leaf = statement.leaf().map_err(|error| unsaid(&error.to_string()))?;
        if leaf.len() > LEAF_BYTES_MAX {
            return Err(unsaid("it is longer than a leaf of the log may be"));
        }
        let body = String::from_utf8(leaf).map_err(|error| unsaid(&error.to_string()))?;
        Ok(Stated { at: now, body, lines: lines.clone() })
    };
    statements.into_iter().map(stated).collect()
}

fn statements(
    order: &Order,
    campaign: &Campaign,
    left: &[u64],
    cells: &Cells,
    now: Time,
) -> Result<Vec<Statement>, StoreError> {
    let (at, name) = (Instant(now.ms()), campaign.rules.id.to_string());
    Ok(match order {
        Order::Approve(_) => {
            let mut statements = vec![Statement::Rules(rules(campaign, at)?)];
            statements.extend(campaign.beacon().map(|beacon| opening(campaign, beacon, at)));
            statements
        }
        Order::Unseal(_, _, beacon) => vec![opening(campaign, beacon, at)],
        Order::Fund(_, amount) => {
            let amount = money(campaign, amount.value);
            vec![Statement::Fund(Fund { amount, at, campaign: name })]
        }
        Order::Pause(_, scope, reason) => {
            let scope = match scope {
                Scope::Issuing => statement::Scope::Issuing,
                Scope::All => statement::Scope::All,
            };
            vec![Statement::Pause(Pause { at, campaign: name, reason: reason.to_string(), scope })]
        }
        Order::Resume(_) => vec![Statement::Resume(Change { at, campaign: name, reason: String::new() })],
        Order::End(_, reason) => {
            vec![Statement::End(Change { at, campaign: name, reason: reason.to_string() })]
        }
        Order::Close(_) => {
            let buckets = buckets(campaign, cells)?;
            let of = |account| money(campaign, buckets.get(account));
            let close = Close {
                at,
                campaign: name.clone(),
                funded: money(campaign, buckets.funded()),
                left: left.to_vec(),
                recovered: of(Account::Recovered),
                returned: of(Account::Returned),
                spent: of(Account::Spent),
            };
            // Nothing can be drawn any more: whoever wants to can do everything again from here on.
            let reveal = Reveal { at, campaign: name, secret: Hex32(campaign.pool_secret) };
            vec![Statement::Close(close), Statement::Reveal(reveal)]
        }
        // Who works at a campaign that is not stated yet says nothing, and neither do merchants.
        Order::Draft(..)
        | Order::Submit(_)
        | Order::AddMerchant(_)
        | Order::AddStore(_)
        | Order::AddCode(..)
        | Order::RevokeCode(..)
        | Order::SetRate(..) => Vec::new(),
    })
}

fn rules(campaign: &Campaign, at: Instant) -> Result<Rules, StoreError> {
    let seal = campaign.seal.as_ref().ok_or_else(|| unsaid("rules without what seals the stock"))?;
    let document = serde_json::to_value(CampaignDocument::of(&campaign.rules));
    let document = document.map_err(|error| unsaid(&error.to_string()))?;
    Ok(Rules {
        at,
        beacon: statement::Beacon {
            chain: Hex32(seal.chain),
            local: seal.chain == *Chain::local().hash(),
            round: seal.round,
        },
        campaign: campaign.rules.id.to_string(),
        document: shortened(document)?,
        pool: Hex32(commitment(campaign.rules.id.as_str(), &campaign.pool_secret)),
        revision: campaign.revision,
    })
}

/// A document whose long parts, which are published elsewhere, are told by their SHA-256: a leaf of the log has at most
/// 65,535 bytes. The terms are hashed as they are, the merchants as canonical JSON.
fn shortened(mut document: Value) -> Result<Value, StoreError> {
    let Some(members) = document.as_object_mut() else { return Err(unsaid("a document that is no object")) };
    let hash = |text: &str| Value::from(Hex32(Sha256::digest(text).into()).to_string());
    if let Some(terms) = members.remove("terms") {
        let of = |language: &str| hash(terms.get(language).and_then(Value::as_str).unwrap_or_default());
        members.insert("terms_sha256".into(), json!({"en": of("en"), "zh": of("zh")}));
    }
    if let Some(merchants) = members.remove("merchants") {
        let text = canonical::text(&merchants).map_err(|error| unsaid(&error.to_string()))?;
        members.insert("merchants_sha256".into(), hash(&text));
    }
    Ok(document)
}

fn opening(campaign: &Campaign, beacon: &Beacon, at: Instant) -> Statement {
    Statement::Opening(Opening {
        at,
        campaign: campaign.rules.id.to_string(),
        randomness: Hex32(beacon.randomness),
        round: campaign.seal.as_ref().map_or(0, |seal| seal.round),
        signature: hex::encode(&beacon.signature),
    })
}

fn money(campaign: &Campaign, value: i64) -> Money {
    Money { currency: campaign.rules.currency.code().to_owned(), value }
}

/// The balances of a campaign in all cells together.
fn buckets(campaign: &Campaign, cells: &Cells) -> Result<Buckets, StoreError> {
    let sum = |sum: Buckets, cell: Cell| sum.plus(&cells.slice(cell, campaign.number)?.buckets);
    let cells_there = cells.iter().map(|rows| rows.cell);
    cells_there.into_iter().try_fold(Buckets::default(), sum).map_err(|fault| unsaid(&fault.to_string()))
}

fn unsaid(why: &str) -> StoreError {
    StoreError::Damaged(format!("an order cannot be said in the public log: {why}"))
}
