//! A campaign with a shop, and calls that are decided by the rules themselves.

use koi_core::campaign::{Campaign, Seal};
use koi_core::catalog::{Catalog, Entry};
use koi_core::command::{Answer, Call, Claim, Command, No, Shopper};
use koi_core::decide::decide;
use koi_core::fault::Fault;
use koi_core::id::{AccountId, CampaignId, Cell, CodeText, PersonId, Principal};
use koi_core::idempotency::Asked;
use koi_core::ledger::Buckets;
use koi_core::money::{Currency, Rate};
use koi_core::rows::{Cells, Slice};
use koi_core::rules::{Country, Rules};
use koi_core::scene::{Luck, Pick, Scene, Settings};
use koi_core::time::{Time, Zone};
use koi_store::Want;

use crate::sample;

/// What was answered, and whether it is a repeat; or why not.
pub(crate) type Outcome = Result<(Answer, bool), No>;

/// The campaign, with so many packets of 88.00 and ten that may be split, and everything around it that rarely changes.
pub(crate) fn catalog(packets: u64) -> Catalog {
    let mut catalog = Catalog::default();
    let rules = sample::rules("summer", packets);
    let campaign = Campaign { rules: rules.into(), ..sample::campaign("summer", sample::CAMPAIGN.0) };
    catalog.apply(Entry::Campaign(campaign.into()));
    catalog.apply(Entry::Merchant(sample::merchant("kiwi-honey").into()));
    catalog.apply(Entry::Store(sample::store("akl", "kiwi-honey").into()));
    catalog.apply(Entry::Code(sample::code("23456789", "akl").into()));
    let pair = (Currency::parse("NZD").unwrap(), Currency::CNY);
    catalog.apply(Entry::Rate(pair, Rate::parse("4.5817").unwrap()));
    catalog
}

pub(crate) fn campaign(catalog: &Catalog) -> &Campaign {
    catalog.campaign_numbered(sample::CAMPAIGN).unwrap()
}

/// The first instant at which there are coupons.
pub(crate) fn opening(catalog: &Catalog) -> Time {
    campaign(catalog).rules.starts_at.plus_ms(1)
}

/// A funded slice of so many packets, tier by tier.
pub(crate) fn slice(catalog: &Catalog, left: Vec<u64>) -> Slice {
    let rules = &campaign(catalog).rules;
    let budget =
        rules.packets.iter().zip(&left).map(|(tier, left)| tier.face * i64::try_from(*left).unwrap()).sum();
    let mut balances = Buckets::default().balances();
    (balances[0], balances[1]) = (-i64::abs(budget), budget);
    Slice { next_ordinal: 0, left, buckets: Buckets::stored(balances) }
}

/// A person, by number.
pub(crate) fn shopper(person: u32) -> Shopper {
    let person = format!("P{person}");
    Shopper::new(PersonId::stored(&person), AccountId::stored(&person))
}

pub(crate) fn call(command: Command, scope: &str, key: &str) -> Call {
    let body = format!("{command:?}");
    let asked = Asked::new(&Principal::stored("wallet"), scope, key, "/", &[body.as_bytes()]);
    Call { command, asked }
}

pub(crate) fn claim(person: u32, key: &str) -> Call {
    let shopper = shopper(person);
    let scope = shopper.person.as_str().to_owned();
    let claim = Claim {
        campaign: CampaignId::stored("summer"),
        code: CodeText::stored("23456789"),
        shopper,
        verified: true,
        id_country: Country::parse("CN").unwrap(),
    };
    call(Command::Claim(claim), &scope, key)
}

/// The cell of a call, and what it needs.
pub(crate) fn wants(call: &Call, cells: u16) -> (Cell, Vec<Want>) {
    let asked = Want::QuoteAsked(call.asked.key);
    match &call.command {
        Command::Claim(claim) => {
            let key = claim.shopper.key;
            (key.cell(cells), vec![Want::Shopper(key), asked, Want::Slice(sample::CAMPAIGN)])
        }
        Command::Quote(purchase) => {
            let key = purchase.shopper.key;
            (key.cell(cells), vec![Want::Shopper(key), asked])
        }
        Command::CancelQuote(id) | Command::Pay(id) => (id.cell(), vec![Want::Quote(*id)]),
        Command::CancelPayment(id) | Command::Refund(id, _) => {
            (id.cell(), vec![Want::Payment(*id, call.asked.key)])
        }
        Command::Void(id) => (id.cell(), vec![Want::Coupon(*id)]),
    }
}

/// Luck that takes packets from all over the stock.
struct Spread;

impl Luck for Spread {
    fn pick(&self, _: &Campaign, _: Cell, pick: Pick, total: u64) -> Result<u64, Fault> {
        Ok(match pick {
            Pick::Claim { ordinal } => ordinal.wrapping_mul(0x9E37_79B9_7F4A_7C15) % total,
            Pick::Move { place, .. } => place % total,
        })
    }

    fn seal(&self, _: &Rules, _: Time) -> Result<Seal, Fault> {
        Err(Fault::Broken("no rules are stated here"))
    }
}

/// Decides calls one after the other, each on the rows of its cell.
pub(crate) fn decide_all(
    cells: &mut Cells,
    of: u16,
    catalog: &Catalog,
    now: Time,
    batch: &[Call],
) -> Vec<Outcome> {
    let settings = Settings {
        wallet_currency: Currency::CNY,
        settlement_zone: Zone::parse("Asia/Shanghai").unwrap(),
        quote_valid_s: 180,
        cancel_minutes: 15,
        refund_days: 360,
        cells: of,
    };
    let scene = Scene { catalog, settings: &settings, now, luck: &Spread };
    let one = |call: &Call| {
        let (cell, _) = wants(call, of);
        decide(cells.get_mut(cell).unwrap(), &scene, call).map(|decision| (decision.answer, decision.replayed))
    };
    batch.iter().map(one).collect()
}
