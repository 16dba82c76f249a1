//! The rules of a red-packet campaign, as its document states them, and what makes a document wrong.
//!
//! The rules are settings with the original's values: see `limits` for the ranges.

use std::hash::Hash;
use std::sync::Arc;

use rustc_hash::FxHashSet;

use crate::id::{CampaignId, FunderId, MerchantId};
use crate::limits;
use crate::money::Currency;
use crate::packet::{Tier, budget};
use crate::time::{Time, Zone};

/// The same text in both languages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bilingual {
    /// English.
    pub en: Arc<str>,
    /// Chinese.
    pub zh: Arc<str>,
}

/// A country, by the two letters of ISO 3166-1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Country([u8; 2]);

impl Country {
    /// Reads two upper-case letters.
    pub fn parse(text: &str) -> Option<Self> {
        let letters: [u8; 2] = text.as_bytes().try_into().ok()?;
        letters.iter().all(u8::is_ascii_uppercase).then_some(Self(letters))
    }

    /// The two letters.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("ZZ")
    }
}

/// When an amount is large enough for a plain coupon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threshold {
    /// The amount must be more than the face.
    Exceeds,
    /// The amount must be at least the face.
    Reaches,
}

impl Threshold {
    /// Whether a purchase of `gross` is large enough for `face`.
    pub fn admits(self, gross: i64, face: i64) -> bool {
        match self {
            Threshold::Exceeds => gross > face,
            Threshold::Reaches => gross >= face,
        }
    }
}

/// Who may take part, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Eligibility {
    /// Whether the shopper must have been checked against an ID.
    pub verified: bool,
    /// Countries whose IDs are eligible; empty: all.
    pub id_countries: Vec<Country>,
    /// Countries whose stores are not.
    pub not_in_countries: Vec<Country>,
}

/// How many coupons a person may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Calendar days of a window, in the campaign's zone.
    pub window_days: u32,
    /// Coupons received in one window.
    pub per_window: u32,
    /// Coupons held at once.
    pub live: u32,
}

/// What a coupon is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CouponRules {
    /// Validity in days of 24 hours, from collection; it runs past the campaign's end.
    pub valid_days: u32,
    /// When an amount is large enough.
    pub threshold: Threshold,
    /// The least that the shopper pays of a purchase, in minor units of the campaign's currency.
    pub min_shopper_pays: i64,
    /// Whether a single refund of the whole amount gives a plain coupon back.
    pub refund_returns_coupon: bool,
    /// Whether the packet of an expired coupon goes back into the stock when nothing of it was spent.
    pub restock_expired: bool,
}

/// A campaign's rules. Once a campaign has left `draft` they never change.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// The campaign's name.
    pub id: CampaignId,
    /// What people see as its title.
    pub title: Bilingual,
    /// The currency of the faces: the server's wallet currency.
    pub currency: Currency,
    /// Who pays.
    pub funder: FunderId,
    /// The zone in which windows are counted.
    pub zone: Zone,
    /// The first instant of the campaign.
    pub starts_at: Time,
    /// The first instant after it.
    pub ends_at: Time,
    /// The stock.
    pub packets: Vec<Tier>,
    /// Who may take part.
    pub eligibility: Eligibility,
    /// How often.
    pub limits: Limits,
    /// What a coupon is good for.
    pub coupon: CouponRules,
    /// How long a quote with a coupon of this campaign holds, in seconds.
    pub quote_valid_s: u32,
    /// The merchants that take part; `None`: all.
    pub merchants: Option<Vec<MerchantId>>,
    /// The terms, in Markdown.
    pub terms: Bilingual,
}

/// One thing that is wrong with a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// The JSON pointer of the field (RFC 6901), such as `/packets/0/face`.
    pub pointer: String,
    /// What is wrong with it.
    pub why: Why,
}

/// What can be wrong with a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// It is needed and not there.
    Missing,
    /// There is no such field.
    Unknown,
    /// It does not have the type or form that is said here, in English and in Chinese.
    Form(&'static str, &'static str),
    /// It is a number outside `least..=most`.
    Range {
        /// The least value.
        least: i64,
        /// The greatest value.
        most: i64,
    },
    /// A list or text with fewer or more entries or characters than allowed.
    Length {
        /// The least length.
        least: usize,
        /// The greatest length.
        most: usize,
    },
    /// The currency is not the server's wallet currency.
    WalletCurrency(Currency),
    /// The campaign ends at or before its start.
    EndBeforeStart,
    /// Two entries are the same.
    Repeated,
    /// The packets sum to more than money may be.
    BudgetTooLarge,
    /// The text did not parse; the parser's own words follow.
    Unreadable(String),
}

impl Rules {
    /// The exact value of the stock.
    pub fn budget(&self) -> i64 {
        budget(&self.packets).unwrap_or(i64::MAX)
    }

    /// Packets in the stock.
    pub fn packet_count(&self) -> u64 {
        self.packets.iter().map(|tier| tier.count).sum()
    }

    /// Everything that is wrong with the rules as a whole, given the server's wallet currency. Each
    /// field has been read already.
    pub fn check(&self, wallet: Currency) -> Vec<Wrong> {
        let mut wrong = Wrongs::default();
        if self.currency != wallet {
            wrong.say("/currency", Why::WalletCurrency(wallet));
        }
        self.check_times(&mut wrong);
        self.check_texts(&mut wrong);
        self.check_packets(&mut wrong);
        self.check_ranges(&mut wrong);
        let Eligibility { id_countries, not_in_countries, .. } = &self.eligibility;
        wrong.list("/eligibility/id_countries", id_countries, limits::COUNTRIES);
        wrong.list("/eligibility/not_in_countries", not_in_countries, limits::COUNTRIES);
        if let Some(merchants) = &self.merchants {
            wrong.list("/merchants", merchants, limits::MERCHANTS_LISTED);
        }
        wrong.0
    }

    fn check_times(&self, wrong: &mut Wrongs) {
        if self.ends_at <= self.starts_at {
            wrong.say("/ends_at", Why::EndBeforeStart);
        } else if self.ends_at.since_ms(self.starts_at) > limits::CAMPAIGN_DAYS * crate::time::DAY_MS {
            wrong.say("/ends_at", Why::Form("at most ten years after the start", "不晚于开始后十年"));
        }
    }

    fn check_texts(&self, wrong: &mut Wrongs) {
        for (pointer, text, most) in [
            ("/title/en", &self.title.en, limits::TITLE_CHARS),
            ("/title/zh", &self.title.zh, limits::TITLE_CHARS),
            ("/terms/en", &self.terms.en, limits::TERMS_CHARS),
            ("/terms/zh", &self.terms.zh, limits::TERMS_CHARS),
        ] {
            if text.trim().is_empty() || text.chars().count() > most {
                wrong.say(pointer, Why::Length { least: 1, most });
            }
        }
    }

    fn check_packets(&self, wrong: &mut Wrongs) {
        if self.packets.is_empty() || self.packets.len() > limits::TIERS {
            // Looking at each of a list that is too long would be work that anybody can ask for.
            return wrong.say("/packets", Why::Length { least: 1, most: limits::TIERS });
        }
        let mut seen = FxHashSet::default();
        for (place, tier) in self.packets.iter().enumerate() {
            if !(1..=limits::MONEY).contains(&tier.face) {
                wrong.say(&format!("/packets/{place}/face"), Why::Range { least: 1, most: limits::MONEY });
            }
            if tier.count < 1 || i64::try_from(tier.count).map_or(true, |count| count > limits::PACKETS) {
                wrong.say(&format!("/packets/{place}/count"), Why::Range { least: 1, most: limits::PACKETS });
            }
            if !seen.insert((tier.face, tier.split)) {
                wrong.say(&format!("/packets/{place}/face"), Why::Repeated);
            }
        }
        let packets = self.packets.iter().try_fold(0_u64, |sum, tier| sum.checked_add(tier.count));
        let fits = packets.and_then(|sum| i64::try_from(sum).ok()).is_some_and(|sum| sum <= limits::PACKETS);
        if !fits || budget(&self.packets).is_none_or(|sum| sum > limits::MONEY) {
            wrong.say("/packets", Why::BudgetTooLarge);
        }
    }

    fn check_ranges(&self, wrong: &mut Wrongs) {
        for (pointer, value, least, most) in [
            ("/limits/window_days", i64::from(self.limits.window_days), 1, limits::CAMPAIGN_DAYS),
            ("/limits/per_window", i64::from(self.limits.per_window), 1, limits::PER_WINDOW),
            ("/limits/live", i64::from(self.limits.live), 1, limits::PER_WINDOW),
            ("/coupon/valid_days", i64::from(self.coupon.valid_days), 1, limits::CAMPAIGN_DAYS),
            ("/coupon/min_shopper_pays", self.coupon.min_shopper_pays, 0, limits::MONEY),
            ("/quote/valid_seconds", i64::from(self.quote_valid_s), 1, limits::QUOTE_VALID_S),
        ] {
            if !(least..=most).contains(&value) {
                wrong.say(pointer, Why::Range { least, most });
            }
        }
    }
}

/// What was found to be wrong.
#[derive(Default)]
struct Wrongs(Vec<Wrong>);

impl Wrongs {
    fn say(&mut self, pointer: &str, why: Why) {
        self.0.push(Wrong { pointer: pointer.into(), why });
    }

    /// A list has so many entries at most, each once. One that is too long is not looked through.
    fn list<T: Eq + Hash>(&mut self, pointer: &str, list: &[T], most: usize) {
        if list.len() > most {
            return self.say(pointer, Why::Length { least: 0, most });
        }
        let mut seen = FxHashSet::default();
        for (place, entry) in list.iter().enumerate() {
            if !seen.insert(entry) {
                self.say(&format!("{pointer}/{place}"), Why::Repeated);
            }
        }
    }
}
