//! What changes rarely and is read all the time: campaigns, merchants, stores, codes, rates.
//!
//! The catalog is held in memory as a value. A change is decided on it, written, and only then applied.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::campaign::Campaign;
use crate::id::{CampaignId, CampaignNo, CodeText, Medium, MerchantId, StoreId};
use crate::money::{Currency, Rate};
use crate::rules::Country;
use crate::time::{Time, Zone};

/// A merchant, who is settled in its own currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merchant {
    /// Its name at the acquirer.
    pub id: MerchantId,
    /// What people call it.
    pub name: Arc<str>,
    /// Where it is registered.
    pub country: Country,
    /// What it is settled in, and what its stores charge in.
    pub currency: Currency,
    /// The fee in basis points of the amount.
    pub fee_bps: u32,
}

/// A store of a merchant.
#[derive(Clone, Debug, PartialEq)]
pub struct Store {
    /// Its name at the acquirer.
    pub id: StoreId,
    /// Whose store it is.
    pub merchant: MerchantId,
    /// What people call it.
    pub name: Arc<str>,
    /// Where it stands.
    pub country: Country,
    /// Its clock.
    pub zone: Zone,
}

/// One printed QR code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    /// Its characters.
    pub text: CodeText,
    /// The store it hangs in.
    pub store: StoreId,
    /// What it is printed on.
    pub medium: Medium,
    /// When and why it was revoked, if it was.
    pub revoked: Option<(Time, Arc<str>)>,
}

/// A pair of currencies: what one whole unit of the first is in the second.
pub type Pair = (Currency, Currency);

/// Everything that changes rarely.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    campaigns: FxHashMap<CampaignId, Arc<Campaign>>,
    numbers: FxHashMap<CampaignNo, CampaignId>,
    merchants: FxHashMap<MerchantId, Arc<Merchant>>,
    stores: FxHashMap<StoreId, Arc<Store>>,
    codes: FxHashMap<CodeText, Arc<Code>>,
    rates: FxHashMap<Pair, Rate>,
    /// Which state of the stored catalog this is: a number that every change of it raises.
    pub revision: u64,
}

/// One change of the catalog: the new value replaces the old one.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// A campaign.
    Campaign(Arc<Campaign>),
    /// A merchant.
    Merchant(Arc<Merchant>),
    /// A store.
    Store(Arc<Store>),
    /// A code.
    Code(Arc<Code>),
    /// A rate, in force from now on.
    Rate(Pair, Rate),
}

impl Catalog {
    /// Puts an entry in the place of the one before.
    pub fn apply(&mut self, entry: Entry) {
        match entry {
            Entry::Campaign(campaign) => {
                self.numbers.insert(campaign.number, campaign.rules.id.clone());
                self.campaigns.insert(campaign.rules.id.clone(), campaign);
            }
            Entry::Merchant(merchant) => {
                self.merchants.insert(merchant.id.clone(), merchant);
            }
            Entry::Store(store) => {
                self.stores.insert(store.id.clone(), store);
            }
            Entry::Code(code) => {
                self.codes.insert(code.text.clone(), code);
            }
            Entry::Rate(pair, rate) => {
                self.rates.insert(pair, rate);
            }
        }
    }

    /// The campaign of a name.
    pub fn campaign(&self, id: &CampaignId) -> Option<&Arc<Campaign>> {
        self.campaigns.get(id)
    }

    /// The campaign of a number.
    pub fn campaign_numbered(&self, number: CampaignNo) -> Option<&Arc<Campaign>> {
        self.numbers.get(&number).and_then(|id| self.campaigns.get(id))
    }

    /// The merchant of a name.
    pub fn merchant(&self, id: &MerchantId) -> Option<&Arc<Merchant>> {
        self.merchants.get(id)
    }

    /// The store of a name.
    pub fn store(&self, id: &StoreId) -> Option<&Arc<Store>> {
        self.stores.get(id)
    }

    /// The code of its characters.
    pub fn code(&self, text: &CodeText) -> Option<&Arc<Code>> {
        self.codes.get(text)
    }

    /// The rate of a pair; a currency is one to one with itself.
    pub fn rate(&self, from: Currency, into: Currency) -> Option<Rate> {
        if from == into { Some(Rate::ONE) } else { self.rates.get(&(from, into)).copied() }
    }

    /// All campaigns, in no order.
    pub fn campaigns(&self) -> impl Iterator<Item = &Arc<Campaign>> {
        self.campaigns.values()
    }

    /// All merchants, in no order.
    pub fn merchants(&self) -> impl Iterator<Item = &Arc<Merchant>> {
        self.merchants.values()
    }

    /// All stores, in no order.
    pub fn stores(&self) -> impl Iterator<Item = &Arc<Store>> {
        self.stores.values()
    }

    /// All codes, in no order.
    pub fn codes(&self) -> impl Iterator<Item = &Arc<Code>> {
        self.codes.values()
    }

    /// The number for the next campaign.
    pub fn next_campaign(&self) -> CampaignNo {
        CampaignNo(u32::try_from(self.campaigns.len()).unwrap_or(u32::MAX).saturating_add(1))
    }
}
