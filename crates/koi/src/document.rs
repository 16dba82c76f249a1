//! The campaign document: the same shape as JSON in the API and as TOML in a file.

use koi_core::campaign::{Campaign, Seal};
use koi_core::id::{CampaignId, FunderId, MerchantId};
use koi_core::money::Currency;
use koi_core::packet::Tier;
use koi_core::rules::{Bilingual, Country, CouponRules, Eligibility, Limits, Rules, Threshold};
use koi_core::time::{Time, Zone};
use koi_fair::beacon::local;
use serde::{Deserialize, Serialize};

use crate::fields::{Field, words};
use crate::schema::{
    self, CampaignKind, CampaignStatus, CountryCode, CurrencyCode, Instant, MinorUnits, Name, PauseScope, ZoneName,
};

/// A campaign document.
#[derive(Clone, Debug, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CampaignDocument {
    /// The campaign's name: 1 to 64 of `A-Z a-z 0-9 _ . -`.
    #[schema(value_type = Name)]
    pub(crate) id: Field<CampaignId>,
    #[schema(value_type = CampaignKind)]
    kind: Field<Kind>,
    title: Both,
    /// The server's wallet currency.
    #[schema(value_type = CurrencyCode)]
    currency: Field<Currency>,
    /// Who pays for the coupons.
    #[schema(value_type = Name)]
    funder: Field<FunderId>,
    /// The zone in which windows are counted.
    #[schema(value_type = ZoneName)]
    time_zone: Field<Zone>,
    /// The first instant.
    #[schema(value_type = Instant)]
    starts_at: Field<Time>,
    /// The first instant after it.
    #[schema(value_type = Instant)]
    ends_at: Field<Time>,
    /// The finite stock: each face once, or twice when one of the two splits.
    #[schema(min_items = 1, max_items = 100)]
    packets: Vec<PacketDocument>,
    eligibility: EligibilityDocument,
    limits: LimitsDocument,
    coupon: CouponDocument,
    quote: QuoteDocument,
    /// The merchants that take part, each once; absent: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Name>>, nullable = false, max_items = 100_000)]
    merchants: Option<Vec<Field<MerchantId>>>,
    /// The terms, in Markdown.
    terms: Both,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    RedPacket,
}

words! { Kind: "\"red_packet\"" " \"red_packet\"", "red_packet" Kind::RedPacket }

/// The same text in English and in Chinese.
#[derive(Clone, Debug, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Bilingual)]
struct Both {
    en: String,
    zh: String,
}

#[derive(Clone, Debug, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PacketTier)]
struct PacketDocument {
    /// What a coupon of this tier is worth, in minor units.
    #[schema(value_type = MinorUnits)]
    face: i64,
    /// How many packets.
    #[schema(minimum = 1, maximum = 4294967295_u64, example = 4510)]
    count: u64,
    /// Whether a coupon may be spent over several purchases.
    #[serde(default)]
    split: bool,
}

#[derive(Clone, Debug, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Eligibility)]
struct EligibilityDocument {
    /// Whether the wallet must have checked the person against an ID.
    verified: bool,
    /// Countries whose IDs are eligible (ISO 3166-1), each once; empty: all.
    #[schema(value_type = Vec<CountryCode>, max_items = 250)]
    id_countries: Vec<Field<Country>>,
    /// Countries whose stores are not, each once.
    #[schema(value_type = Vec<CountryCode>, max_items = 250)]
    not_in_countries: Vec<Field<Country>>,
}

#[derive(Clone, Debug, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Limits)]
struct LimitsDocument {
    /// Calendar days of a window, in the campaign's zone.
    #[schema(minimum = 1, maximum = 3660)]
    window_days: u32,
    /// Coupons that a person may receive in one window.
    #[schema(minimum = 1, maximum = 1000)]
    per_window: u32,
    /// Coupons that a person may hold at once.
    #[schema(minimum = 1, maximum = 1000)]
    live: u32,
}

#[derive(Clone, Debug, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CouponRules)]
struct CouponDocument {
    /// Days of 24 hours from collection.
    #[schema(minimum = 1, maximum = 3660)]
    valid_days: u32,
    #[schema(value_type = schema::Threshold)]
    threshold: Field<Threshold>,
    /// The least that the shopper pays of a purchase, in minor units.
    #[schema(minimum = 0, maximum = 9007199254740991_i64)]
    min_shopper_pays: i64,
    /// Whether a single refund of the whole amount gives a plain coupon back.
    refund_returns_coupon: bool,
    /// Whether an expired coupon of which nothing was spent puts its packet back into the stock.
    restock_expired: bool,
}

#[derive(Clone, Debug, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = QuoteRules)]
struct QuoteDocument {
    /// How long a quote with a coupon of this campaign holds.
    #[schema(minimum = 1, maximum = 86400)]
    valid_seconds: u32,
}

impl CampaignDocument {
    /// The document of rules.
    pub(crate) fn of(rules: &Rules) -> Self {
        let both = |texts: &Bilingual| Both { en: texts.en.to_string(), zh: texts.zh.to_string() };
        let countries = |list: &[Country]| list.iter().copied().map(Field).collect();
        let packet = |tier: &Tier| PacketDocument { face: tier.face, count: tier.count, split: tier.split };
        Self {
            id: Field(rules.id.clone()),
            kind: Field(Kind::RedPacket),
            title: both(&rules.title),
            currency: Field(rules.currency),
            funder: Field(rules.funder.clone()),
            time_zone: Field(rules.zone.clone()),
            starts_at: Field(rules.starts_at),
            ends_at: Field(rules.ends_at),
            packets: rules.packets.iter().map(packet).collect(),
            eligibility: EligibilityDocument {
                verified: rules.eligibility.verified,
                id_countries: countries(&rules.eligibility.id_countries),
                not_in_countries: countries(&rules.eligibility.not_in_countries),
            },
            limits: LimitsDocument {
                window_days: rules.limits.window_days,
                per_window: rules.limits.per_window,
                live: rules.limits.live,
            },
            coupon: CouponDocument {
                valid_days: rules.coupon.valid_days,
                threshold: Field(rules.coupon.threshold),
                min_shopper_pays: rules.coupon.min_shopper_pays,
                refund_returns_coupon: rules.coupon.refund_returns_coupon,
                restock_expired: rules.coupon.restock_expired,
            },
            quote: QuoteDocument { valid_seconds: rules.quote_valid_s },
            merchants: rules.merchants.as_ref().map(|list| list.iter().cloned().map(Field).collect()),
            terms: both(&rules.terms),
        }
    }

    /// The rules that the document states; whether they make sense together is theirs to check.
    pub(crate) fn rules(&self) -> Rules {
        let both = |texts: &Both| Bilingual { en: texts.en.as_str().into(), zh: texts.zh.as_str().into() };
        let countries = |list: &[Field<Country>]| list.iter().map(|country| country.0).collect();
        let Kind::RedPacket = self.kind.0;
        Rules {
            id: self.id.0.clone(),
            title: both(&self.title),
            currency: self.currency.0,
            funder: self.funder.0.clone(),
            zone: self.time_zone.0.clone(),
            starts_at: self.starts_at.0,
            ends_at: self.ends_at.0,
            packets: self
                .packets
                .iter()
                .map(|tier| Tier { face: tier.face, count: tier.count, split: tier.split })
                .collect(),
            eligibility: Eligibility {
                verified: self.eligibility.verified,
                id_countries: countries(&self.eligibility.id_countries),
                not_in_countries: countries(&self.eligibility.not_in_countries),
            },
            limits: Limits {
                window_days: self.limits.window_days,
                per_window: self.limits.per_window,
                live: self.limits.live,
            },
            coupon: CouponRules {
                valid_days: self.coupon.valid_days,
                threshold: self.coupon.threshold.0,
                min_shopper_pays: self.coupon.min_shopper_pays,
                refund_returns_coupon: self.coupon.refund_returns_coupon,
                restock_expired: self.coupon.restock_expired,
            },
            quote_valid_s: self.quote.valid_seconds,
            merchants: self
                .merchants
                .as_ref()
                .map(|list| list.iter().map(|merchant| merchant.0.clone()).collect()),
            terms: both(&self.terms),
        }
    }
}

/// A campaign as it goes out: its document, and where it stands.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Campaign)]
pub(crate) struct CampaignOut {
    #[schema(value_type = Name)]
    id: String,
    #[schema(value_type = CampaignKind)]
    kind: Field<Kind>,
    title: Both,
    #[schema(value_type = CampaignStatus)]
    status: &'static str,
    /// The revision of the rules.
    revision: u32,
    #[schema(value_type = CurrencyCode)]
    currency: String,
    #[schema(value_type = Name)]
    funder: String,
    #[schema(value_type = ZoneName)]
    time_zone: String,
    #[schema(value_type = Instant)]
    starts_at: String,
    #[schema(value_type = Instant)]
    ends_at: String,
    packets: Vec<PacketOut>,
    /// The exact value of the whole stock, in minor units: what must be funded.
    budget_needed: i64,
    eligibility: EligibilityDocument,
    limits: LimitsDocument,
    coupon: CouponDocument,
    quote: QuoteDocument,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Name>>, nullable = false)]
    merchants: Option<Vec<String>>,
    terms: Both,
    submitted_by: Option<String>,
    approved_by: Option<String>,
    /// What a pause stops, since when and why; null when not paused.
    pause: Option<PauseOut>,
    /// SHA-256 that commits to the secret of the sealed stock, in hex.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    pool_commitment: String,
    /// The public randomness that seals the stock; null until the campaign is approved.
    seal: Option<SealOut>,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Seal)]
struct SealOut {
    /// When the rules were stated: the round follows from this and from the start.
    #[schema(value_type = Instant)]
    stated_at: String,
    /// The hash of the chain, in hex.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    chain: String,
    /// The round of the chain.
    round: u64,
    /// What came of the round, in hex; null until it is known here. Before that nothing can be drawn.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    randomness: Option<String>,
    /// Said of a chain whose rounds anybody can sign ahead.
    #[schema(example = "local randomness: not a public draw")]
    notice: Option<&'static str>,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Pause)]
struct PauseOut {
    #[schema(value_type = PauseScope)]
    scope: &'static str,
    #[schema(value_type = Instant)]
    since: String,
    reason: String,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PacketTierLeft)]
struct PacketOut {
    face: i64,
    count: u64,
    split: bool,
    /// Packets of this tier that are not issued.
    left: u64,
    /// The tier's share of the whole stock.
    #[schema(pattern = "^[0-9]+/[0-9]+$", example = "4510/100000")]
    odds: String,
}

impl CampaignOut {
    /// A campaign with what is left of each tier, at a time.
    pub(crate) fn new(campaign: &Campaign, left: &[u64], now: Time) -> Self {
        let rules = &campaign.rules;
        let document = CampaignDocument::of(rules);
        let all = rules.packet_count();
        let packets = rules.packets.iter().zip(left).map(|(tier, left)| PacketOut {
            face: tier.face,
            count: tier.count,
            split: tier.split,
            left: *left,
            odds: format!("{}/{all}", tier.count),
        });
        Self {
            id: rules.id.to_string(),
            kind: Field(Kind::RedPacket),
            title: document.title,
            status: campaign.status(now).name(),
            revision: campaign.revision,
            currency: rules.currency.code().to_owned(),
            funder: rules.funder.to_string(),
            time_zone: rules.zone.name().to_owned(),
            starts_at: rules.starts_at.to_string(),
            ends_at: rules.ends_at.to_string(),
            packets: packets.collect(),
            budget_needed: rules.budget(),
            eligibility: document.eligibility,
            limits: document.limits,
            coupon: document.coupon,
            quote: document.quote,
            merchants: rules.merchants.as_ref().map(|list| list.iter().map(ToString::to_string).collect()),
            terms: document.terms,
            submitted_by: campaign.submitted_by.as_ref().map(ToString::to_string),
            approved_by: campaign.approved_by.as_ref().map(ToString::to_string),
            pause: pause_out(campaign),
            pool_commitment: hex::encode(koi_fair::packet::commitment(rules.id.as_str(), &campaign.pool_secret)),
            seal: campaign.seal.as_ref().map(seal_out),
        }
    }
}

fn pause_out(campaign: &Campaign) -> Option<PauseOut> {
    match &campaign.state {
        koi_core::campaign::State::Paused { scope, since, reason } => {
            Some(PauseOut { scope: scope.name(), since: since.to_string(), reason: reason.to_string() })
        }
        _ => None,
    }
}

fn seal_out(seal: &Seal) -> SealOut {
    SealOut {
        stated_at: seal.stated_at.to_string(),
        chain: hex::encode(seal.chain),
        round: seal.round,
        randomness: seal.beacon.as_ref().map(|beacon| hex::encode(beacon.randomness)),
        notice: local::notice_of(&seal.chain),
    }
}
