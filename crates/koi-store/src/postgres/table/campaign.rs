//! Campaigns with their tiers and pauses. Few rows: an order writes its campaign whole.

use std::sync::{Arc, LazyLock};

use koi_core::campaign::{Beacon, Campaign, Pause, Scope, Seal, State};
use koi_core::id::{CampaignId, CampaignNo, FunderId, MerchantId, Principal};
use koi_core::money::Currency;
use koi_core::packet::Tier;
use koi_core::rules::{Bilingual, Country, CouponRules, Eligibility, Limits, Rules, Threshold};
use koi_core::time::{Time, Zone};
use rustc_hash::FxHashMap;

use super::Fields;
use crate::error::{StoreError, damaged};
use crate::postgres::form::{Table, Value, changing, key};
use crate::postgres::session::{Param, Reply, Request};

/// A campaign as it is written, its lists as texts.
pub(crate) struct Whole {
    campaign: Arc<Campaign>,
    id_countries: String,
    not_in_countries: String,
    merchants: Option<String>,
}

impl Whole {
    pub(crate) fn of(campaign: &Arc<Campaign>) -> Self {
        let rules = &campaign.rules;
        Self {
            campaign: campaign.clone(),
            id_countries: joined(rules.eligibility.id_countries.iter().map(Country::code)),
            not_in_countries: joined(rules.eligibility.not_in_countries.iter().map(Country::code)),
            merchants: rules.merchants.as_ref().map(|list| joined(list.iter().map(MerchantId::as_str))),
        }
    }

    fn number(&self) -> i64 {
        self.campaign.number.0.into()
    }

    fn rules(&self) -> &Rules {
        &self.campaign.rules
    }

    fn seal(&self) -> Option<&Seal> {
        self.campaign.seal.as_ref()
    }

    fn state(&self) -> Stored<'_> {
        stored(&self.campaign.state)
    }
}

fn joined<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(" ")
}

static TABLE: Table<Whole> = Table {
    name: "campaign",
    columns: &[
        key("number", Value::Big(Whole::number)),
        changing("id", Value::Name(|whole| whole.rules().id.as_str())),
        changing("revision", Value::Big(|whole| whole.campaign.revision.into())),
        changing("state", Value::Small(|whole| whole.state().number)),
        changing("state_scope", Value::FlagOrNone(|whole| whole.state().scope)),
        changing("state_at", Value::BigOrNone(|whole| whole.state().at)),
        changing("state_reason", Value::TextOrNone(|whole| whole.state().reason)),
        changing("submitted_by", Value::NameOrNone(|whole| Some(whole.campaign.submitted_by.as_ref()?.as_str()))),
        changing("approved_by", Value::NameOrNone(|whole| Some(whole.campaign.approved_by.as_ref()?.as_str()))),
        changing("pool_secret", Value::Bytes(|whole| &whole.campaign.pool_secret)),
        changing("seal_stated_at", Value::BigOrNone(|whole| Some(whole.seal()?.stated_at.ms()))),
        changing("seal_chain", Value::BytesOrNone(|whole| Some(&whole.seal()?.chain))),
        // Rounds of three seconds fill no 63 bits.
        changing("seal_round", Value::BigOrNone(|whole| Some(whole.seal()?.round.cast_signed()))),
        changing("seal_randomness", Value::BytesOrNone(|whole| Some(&whole.campaign.beacon()?.randomness))),
        changing("seal_signature", Value::BytesOrNone(|whole| Some(&whole.campaign.beacon()?.signature))),
        changing("title_en", Value::Text(|whole| &whole.rules().title.en)),
        changing("title_zh", Value::Text(|whole| &whole.rules().title.zh)),
        changing("currency", Value::Name(|whole| whole.rules().currency.code())),
        changing("funder", Value::Name(|whole| whole.rules().funder.as_str())),
        changing("time_zone", Value::Name(|whole| whole.rules().zone.name())),
        changing("starts_at", Value::Big(|whole| whole.rules().starts_at.ms())),
        changing("ends_at", Value::Big(|whole| whole.rules().ends_at.ms())),
        changing("verified", Value::Flag(|whole| whole.rules().eligibility.verified)),
        changing("id_countries", Value::Name(|whole| &whole.id_countries)),
        changing("not_in_countries", Value::Name(|whole| &whole.not_in_countries)),
        changing("window_days", Value::Big(|whole| whole.rules().limits.window_days.into())),
        changing("per_window", Value::Big(|whole| whole.rules().limits.per_window.into())),
        changing("live", Value::Big(|whole| whole.rules().limits.live.into())),
        changing("valid_days", Value::Big(|whole| whole.rules().coupon.valid_days.into())),
        changing("threshold", Value::Flag(|whole| whole.rules().coupon.threshold == Threshold::Reaches)),
        changing("min_shopper_pays", Value::Big(|whole| whole.rules().coupon.min_shopper_pays)),
        changing("refund_returns", Value::Flag(|whole| whole.rules().coupon.refund_returns_coupon)),
        changing("restock_expired", Value::Flag(|whole| whole.rules().coupon.restock_expired)),
        changing("quote_valid_s", Value::Big(|whole| whole.rules().quote_valid_s.into())),
        changing("merchants", Value::NameOrNone(|whole| whole.merchants.as_deref())),
        changing("terms_en", Value::Text(|whole| &whole.rules().terms.en)),
        changing("terms_zh", Value::Text(|whole| &whole.rules().terms.zh)),
    ],
};

const TIER: &str = "tier";
const PAUSE: &str = "pause";

static PUT: LazyLock<String> = LazyLock::new(|| TABLE.put());
static AFTER: LazyLock<String> = LazyLock::new(|| TABLE.after());
static TIERS: LazyLock<String> = LazyLock::new(|| list_after(TIER, "face, stored.count, stored.split"));
static PAUSES: LazyLock<String> = LazyLock::new(|| list_after(PAUSE, "\"from\", stored.\"until\""));
static CLEAR_TIERS: LazyLock<String> = LazyLock::new(|| format!("DELETE FROM {TIER} WHERE campaign = ANY($1)"));
static CLEAR_PAUSES: LazyLock<String> = LazyLock::new(|| format!("DELETE FROM {PAUSE} WHERE campaign = ANY($1)"));
static PUT_TIERS: LazyLock<String> = LazyLock::new(|| {
    format!(
        "INSERT INTO {TIER} (campaign, place, face, count, split) \
         SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::boolean[])"
    )
});
static PUT_PAUSES: LazyLock<String> = LazyLock::new(|| {
    format!(
        "INSERT INTO {PAUSE} (campaign, place, \"from\", \"until\") \
         SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[])"
    )
});

/// A state as its columns.
struct Stored<'a> {
    number: i16,
    scope: Option<bool>,
    at: Option<i64>,
    reason: Option<&'a str>,
}

fn stored(state: &State) -> Stored<'_> {
    let plain = |number| Stored { number, scope: None, at: None, reason: None };
    match state {
        State::Draft => plain(0),
        State::InReview => plain(1),
        State::Approved => plain(2),
        State::Open => plain(3),
        State::Paused { scope, since, reason } => {
            Stored { number: 4, scope: Some(*scope == Scope::All), at: Some(since.ms()), reason: Some(reason) }
        }
        State::Ended { at, reason } => Stored { at: Some(at.ms()), reason: Some(reason), ..plain(5) },
        State::Closed { at } => Stored { at: Some(at.ms()), ..plain(6) },
    }
}

fn state(fields: &mut Fields) -> Result<State, StoreError> {
    let (number, scope): (i16, Option<bool>) = (fields.next()?, fields.next()?);
    let (at, reason) = (fields.time_or_none()?, fields.text_or_none()?);
    let wrong = || damaged("a campaign's state");
    let (at, reason) = (at.ok_or_else(wrong), reason.ok_or_else(wrong));
    match number {
        0 => Ok(State::Draft),
        1 => Ok(State::InReview),
        2 => Ok(State::Approved),
        3 => Ok(State::Open),
        4 => {
            let scope = if scope.ok_or_else(wrong)? { Scope::All } else { Scope::Issuing };
            Ok(State::Paused { scope, since: at?, reason: reason? })
        }
        5 => Ok(State::Ended { at: at?, reason: reason? }),
        6 => Ok(State::Closed { at: at? }),
        _ => Err(wrong()),
    }
}

/// Reads a list of the campaigns that were written after a revision: each campaign's is looked up by its key.
fn list_after(name: &str, columns: &str) -> String {
    format!(
        "SELECT found.* FROM {} AS changed CROSS JOIN LATERAL (SELECT stored.campaign, stored.place, stored.{columns} \
         FROM {name} AS stored WHERE stored.campaign = changed.number ORDER BY stored.campaign, stored.place) AS found \
         WHERE changed.revised > $1",
        TABLE.name
    )
}

/// What reads the campaigns that were written after a revision: their rows, their tiers, their pauses.
pub(crate) fn after(revision: i64) -> [Request<'static>; 3] {
    [&AFTER, &TIERS, &PAUSES].map(|sql| Request::with(sql, vec![Box::new(revision)]))
}

/// Reads the answers to [`after`].
pub(crate) fn read(replies: &[Reply]) -> Result<Vec<Campaign>, StoreError> {
    let [campaigns, tiers, pauses] = replies else { return Err(damaged("the campaigns")) };
    let mut tiers = lists(tiers, |fields| {
        let (face, count) = (fields.next()?, fields.number("a tier's count")?);
        Ok(Tier { face, count, split: fields.next()? })
    })?;
    let mut pauses = lists(pauses, |fields| Ok(Pause { from: fields.time()?, until: fields.time_or_none()? }))?;
    let campaign = |row| {
        let mut fields = Fields::of(row);
        let number = fields.number("a campaign's number")?;
        let mut campaign = one(&mut fields, number, tiers.remove(&number).unwrap_or_default())?;
        campaign.pauses = pauses.remove(&number).unwrap_or_default();
        Ok(campaign)
    };
    campaigns.rows.iter().map(campaign).collect()
}

/// Rows that belong to campaigns, in the order of their places.
fn lists<T>(
    reply: &Reply,
    read: impl Fn(&mut Fields) -> Result<T, StoreError>,
) -> Result<FxHashMap<u32, Vec<T>>, StoreError> {
    let mut lists: FxHashMap<u32, Vec<T>> = FxHashMap::default();
    let mut rows = Vec::with_capacity(reply.rows.len());
    for row in &reply.rows {
        let mut fields = Fields::of(row);
        let (campaign, place): (u32, i64) = (fields.number("a campaign's number")?, fields.next()?);
        rows.push((campaign, place, read(&mut fields)?));
    }
    rows.sort_by_key(|(campaign, place, _)| (*campaign, *place));
    for (campaign, _, row) in rows {
        lists.entry(campaign).or_default().push(row);
    }
    Ok(lists)
}

fn one(fields: &mut Fields, number: u32, packets: Vec<Tier>) -> Result<Campaign, StoreError> {
    let (id, revision) = (CampaignId::stored(fields.next()?), fields.number("a campaign's revision")?);
    let state = state(fields)?;
    let (submitted_by, approved_by) = (principal(fields)?, principal(fields)?);
    let secret: &[u8] = fields.next()?;
    let secret = secret.try_into().map_err(|_| damaged("a campaign's pool"))?;
    let seal = seal(fields)?;
    let rules = rules(fields, id, packets)?;
    let draft = Campaign::draft(CampaignNo(number), rules, secret);
    Ok(Campaign { revision, state, submitted_by, approved_by, seal, ..draft })
}

fn seal(fields: &mut Fields) -> Result<Option<Seal>, StoreError> {
    let stated_at = fields.time_or_none()?;
    let (chain, round): (Option<&[u8]>, Option<i64>) = (fields.next()?, fields.next()?);
    let (randomness, signature): (Option<&[u8]>, Option<&[u8]>) = (fields.next()?, fields.next()?);
    let hash = |bytes: &[u8]| bytes.try_into().map_err(|_| damaged("what seals a campaign's stock"));
    let beacon = match (randomness, signature) {
        (Some(randomness), Some(signature)) => {
            Some(Beacon { randomness: hash(randomness)?, signature: signature.into() })
        }
        (None, None) => None,
        _ => return Err(damaged("what seals a campaign's stock")),
    };
    match (stated_at, chain, round) {
        (Some(stated_at), Some(chain), Some(round)) => {
            Ok(Some(Seal { stated_at, chain: hash(chain)?, round: round.cast_unsigned(), beacon }))
        }
        (None, None, None) if beacon.is_none() => Ok(None),
        _ => Err(damaged("what seals a campaign's stock")),
    }
}

fn principal(fields: &mut Fields) -> Result<Option<Principal>, StoreError> {
    Ok(fields.next::<Option<&str>>()?.map(Principal::stored))
}

fn rules(fields: &mut Fields, id: CampaignId, packets: Vec<Tier>) -> Result<Rules, StoreError> {
    let number = "a number of a campaign's rules";
    let title = Bilingual { en: fields.text()?, zh: fields.text()? };
    let currency = Currency::parse(fields.next()?).ok_or_else(|| damaged("a campaign's currency"))?;
    let funder = FunderId::stored(fields.next()?);
    let zone = Zone::parse(fields.next()?).ok_or_else(|| damaged("a campaign's time zone"))?;
    let (starts_at, ends_at) = (fields.time()?, fields.time()?);
    let eligibility = Eligibility {
        verified: fields.next()?,
        id_countries: countries(fields.next()?)?,
        not_in_countries: countries(fields.next()?)?,
    };
    let limits = Limits {
        window_days: fields.number(number)?,
        per_window: fields.number(number)?,
        live: fields.number(number)?,
    };
    let coupon = CouponRules {
        valid_days: fields.number(number)?,
        threshold: if fields.next()? { Threshold::Reaches } else { Threshold::Exceeds },
        min_shopper_pays: fields.next()?,
        refund_returns_coupon: fields.next()?,
        restock_expired: fields.next()?,
    };
    let quote_valid_s = fields.number(number)?;
    let merchants: Option<&str> = fields.next()?;
    let merchants = merchants.map(|list| list.split_whitespace().map(MerchantId::stored).collect());
    let terms = Bilingual { en: fields.text()?, zh: fields.text()? };
    Ok(Rules {
        id,
        title,
        currency,
        funder,
        zone,
        starts_at,
        ends_at,
        packets,
        eligibility,
        limits,
        coupon,
        quote_valid_s,
        merchants,
        terms,
    })
}

fn countries(list: &str) -> Result<Vec<Country>, StoreError> {
    list.split_whitespace().map(|code| Country::parse(code).ok_or_else(|| damaged("a country"))).collect()
}

/// Writes campaigns, each once, with their lists, at a revision of the catalog.
pub(crate) fn put(campaigns: &[Whole], revised: i64) -> Vec<Request<'_>> {
    let rows: Vec<&Whole> = campaigns.iter().collect();
    let numbers: Vec<i64> = campaigns.iter().map(Whole::number).collect();
    vec![
        Request::with(&PUT, TABLE.values_at(&rows, revised)),
        Request::with(&CLEAR_TIERS, vec![Box::new(numbers.clone())]),
        Request::with(&CLEAR_PAUSES, vec![Box::new(numbers)]),
        Request::with(&PUT_TIERS, tiers(campaigns)),
        Request::with(&PUT_PAUSES, pauses(campaigns)),
    ]
}

fn tiers(campaigns: &[Whole]) -> Vec<Param<'_>> {
    let all = campaigns.iter().flat_map(|whole| {
        let packets = (0_i64..).zip(&whole.rules().packets);
        packets.map(move |(place, tier)| (whole.number(), place, *tier))
    });
    let all: Vec<(i64, i64, Tier)> = all.collect();
    vec![
        Box::new(all.iter().map(|row| row.0).collect::<Vec<_>>()),
        Box::new(all.iter().map(|row| row.1).collect::<Vec<_>>()),
        Box::new(all.iter().map(|row| row.2.face).collect::<Vec<_>>()),
        // A stock has fewer packets than 2³².
        Box::new(all.iter().map(|row| i64::try_from(row.2.count).unwrap_or(i64::MAX)).collect::<Vec<_>>()),
        Box::new(all.iter().map(|row| row.2.split).collect::<Vec<_>>()),
    ]
}

fn pauses(campaigns: &[Whole]) -> Vec<Param<'_>> {
    let all = campaigns.iter().flat_map(|whole| {
        let pauses = (0_i64..).zip(&whole.campaign.pauses);
        pauses.map(move |(place, pause)| (whole.number(), place, *pause))
    });
    let all: Vec<(i64, i64, Pause)> = all.collect();
    vec![
        Box::new(all.iter().map(|row| row.0).collect::<Vec<_>>()),
        Box::new(all.iter().map(|row| row.1).collect::<Vec<_>>()),
        Box::new(all.iter().map(|row| row.2.from.ms()).collect::<Vec<_>>()),
        Box::new(all.iter().map(|row| row.2.until.map(Time::ms)).collect::<Vec<_>>()),
    ]
}
