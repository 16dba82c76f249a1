//! Campaigns with their tiers and pauses. Few rows: an order writes its campaign whole.

use std::sync::Arc;

use koi_core::campaign::{Beacon, Campaign, Pause, Scope, Seal, State};
use koi_core::id::{CampaignId, CampaignNo, FunderId, MerchantId, Principal};
use koi_core::money::Currency;
use koi_core::packet::Tier;
use koi_core::rules::{Bilingual, Country, CouponRules, Eligibility, Limits, Rules, Threshold};
use koi_core::time::{Time, Zone};
use rusqlite::{Connection, Row, named_params, params};

use crate::error::{StoreError, damaged};

const ALL: &str = "SELECT * FROM campaign ORDER BY number";
const TIERS: &str = "SELECT face, count, split FROM tier WHERE campaign = ?1 ORDER BY place";
const PAUSES: &str = "SELECT \"from\", \"until\" FROM pause WHERE campaign = ?1 ORDER BY place";
const PUT: &str = "INSERT OR REPLACE INTO campaign VALUES (:number, :id, :revision, :state, :state_scope, :state_at, \
    :state_reason, :submitted_by, :approved_by, :pool_secret, :seal_stated_at, :seal_chain, :seal_round, :seal_randomness, :seal_signature, :title_en, :title_zh, :currency, :funder, :time_zone, \
    :starts_at, :ends_at, :verified, :id_countries, :not_in_countries, :window_days, :per_window, :live, :valid_days, \
    :threshold, :min_shopper_pays, :refund_returns, :restock_expired, :quote_valid_s, :merchants, :terms_en, :terms_zh)";
const CLEAR_TIERS: &str = "DELETE FROM tier WHERE campaign = ?1";
const PUT_TIER: &str = "INSERT INTO tier VALUES (?1, ?2, ?3, ?4, ?5)";
const CLEAR_PAUSES: &str = "DELETE FROM pause WHERE campaign = ?1";
const PUT_PAUSE: &str = "INSERT INTO pause VALUES (?1, ?2, ?3, ?4)";

pub(crate) fn all(connection: &Connection) -> Result<Vec<Campaign>, StoreError> {
    let mut statement = connection.prepare(ALL)?;
    let mut rows = statement.query([])?;
    let mut campaigns = Vec::new();
    while let Some(row) = rows.next()? {
        campaigns.push(read(connection, row)?);
    }
    Ok(campaigns)
}

fn text(row: &Row, column: &str) -> Result<Arc<str>, StoreError> {
    Ok(row.get::<_, String>(column)?.into())
}

fn read(connection: &Connection, row: &Row) -> Result<Campaign, StoreError> {
    let number = CampaignNo(row.get("number")?);
    let rules = rules(connection, row, number)?;
    let mut campaign = Campaign::draft(number, rules, row.get("pool_secret")?);
    campaign.revision = row.get("revision")?;
    campaign.state = state(row)?;
    campaign.seal = seal(row)?;
    let principal = |column: &str| -> Result<Option<Principal>, StoreError> {
        Ok(row.get::<_, Option<String>>(column)?.as_deref().map(Principal::stored))
    };
    campaign.submitted_by = principal("submitted_by")?;
    campaign.approved_by = principal("approved_by")?;
    let mut pauses = connection.prepare_cached(PAUSES)?;
    let pauses = pauses.query_map([number.0], |row| {
        let until: Option<i64> = row.get(1)?;
        Ok(Pause { from: Time::of_ms(row.get(0)?), until: until.map(Time::of_ms) })
    })?;
    campaign.pauses = pauses.collect::<Result<_, _>>()?;
    Ok(campaign)
}

fn rules(connection: &Connection, row: &Row, number: CampaignNo) -> Result<Rules, StoreError> {
    let mut tiers = connection.prepare_cached(TIERS)?;
    let tiers = tiers
        .query_map([number.0], |row| Ok(Tier { face: row.get(0)?, count: row.get(1)?, split: row.get(2)? }))?;
    let merchants: Option<String> = row.get("merchants")?;
    Ok(Rules {
        id: CampaignId::stored(&text(row, "id")?),
        title: Bilingual { en: text(row, "title_en")?, zh: text(row, "title_zh")? },
        currency: Currency::parse(&text(row, "currency")?).ok_or_else(|| damaged("a campaign's currency"))?,
        funder: FunderId::stored(&text(row, "funder")?),
        zone: Zone::parse(&text(row, "time_zone")?).ok_or_else(|| damaged("a campaign's time zone"))?,
        starts_at: Time::of_ms(row.get("starts_at")?),
        ends_at: Time::of_ms(row.get("ends_at")?),
        packets: tiers.collect::<Result<_, _>>()?,
        eligibility: Eligibility {
            verified: row.get("verified")?,
            id_countries: countries(&text(row, "id_countries")?)?,
            not_in_countries: countries(&text(row, "not_in_countries")?)?,
        },
        limits: Limits {
            window_days: row.get("window_days")?,
            per_window: row.get("per_window")?,
            live: row.get("live")?,
        },
        coupon: CouponRules {
            valid_days: row.get("valid_days")?,
            threshold: if row.get("threshold")? { Threshold::Reaches } else { Threshold::Exceeds },
            min_shopper_pays: row.get("min_shopper_pays")?,
            refund_returns_coupon: row.get("refund_returns")?,
            restock_expired: row.get("restock_expired")?,
        },
        quote_valid_s: row.get("quote_valid_s")?,
        merchants: merchants.map(|list| list.split_whitespace().map(MerchantId::stored).collect()),
        terms: Bilingual { en: text(row, "terms_en")?, zh: text(row, "terms_zh")? },
    })
}

fn countries(list: &str) -> Result<Vec<Country>, StoreError> {
    list.split_whitespace().map(|code| Country::parse(code).ok_or_else(|| damaged("a country"))).collect()
}

fn state(row: &Row) -> Result<State, StoreError> {
    let at = || -> Result<Time, StoreError> { Ok(Time::of_ms(row.get("state_at")?)) };
    match row.get::<_, u8>("state")? {
        0 => Ok(State::Draft),
        1 => Ok(State::InReview),
        2 => Ok(State::Approved),
        3 => Ok(State::Open),
        4 => Ok(State::Paused {
            scope: if row.get("state_scope")? { Scope::All } else { Scope::Issuing },
            since: at()?,
            reason: text(row, "state_reason")?,
        }),
        5 => Ok(State::Ended { at: at()?, reason: text(row, "state_reason")? }),
        6 => Ok(State::Closed { at: at()? }),
        _ => Err(damaged("a campaign's state")),
    }
}

fn seal(row: &Row) -> Result<Option<Seal>, StoreError> {
    let Some(stated_at) = row.get("seal_stated_at")? else { return Ok(None) };
    let signature: Option<Vec<u8>> = row.get("seal_signature")?;
    let beacon = match signature {
        Some(signature) => Some(Beacon { randomness: row.get("seal_randomness")?, signature: signature.into() }),
        None => None,
    };
    Ok(Some(Seal {
        stated_at: Time::of_ms(stated_at),
        chain: row.get("seal_chain")?,
        round: row.get("seal_round")?,
        beacon,
    }))
}

/// A state as its columns: number, scope, time, reason.
fn state_columns(state: &State) -> (u8, Option<bool>, Option<i64>, Option<&str>) {
    match state {
        State::Draft => (0, None, None, None),
        State::InReview => (1, None, None, None),
        State::Approved => (2, None, None, None),
        State::Open => (3, None, None, None),
        State::Paused { scope, since, reason } => (4, Some(*scope == Scope::All), Some(since.ms()), Some(reason)),
        State::Ended { at, reason } => (5, None, Some(at.ms()), Some(reason)),
        State::Closed { at } => (6, None, Some(at.ms()), None),
    }
}

fn joined<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(" ")
}

pub(crate) fn put(connection: &Connection, campaign: &Campaign) -> Result<(), StoreError> {
    let rules = &campaign.rules;
    let (state, scope, at, reason) = state_columns(&campaign.state);
    let (seal, beacon) = (campaign.seal.as_ref(), campaign.beacon());
    connection.prepare_cached(PUT)?.execute(named_params! {
        ":number": campaign.number.0,
        ":id": rules.id.as_str(),
        ":revision": campaign.revision,
        ":state": state,
        ":state_scope": scope,
        ":state_at": at,
        ":state_reason": reason,
        ":submitted_by": campaign.submitted_by.as_ref().map(Principal::as_str),
        ":approved_by": campaign.approved_by.as_ref().map(Principal::as_str),
        ":pool_secret": campaign.pool_secret,
        ":seal_stated_at": seal.map(|seal| seal.stated_at.ms()),
        ":seal_chain": seal.map(|seal| seal.chain),
        ":seal_round": seal.map(|seal| seal.round),
        ":seal_randomness": beacon.map(|beacon| beacon.randomness),
        ":seal_signature": beacon.map(|beacon| &*beacon.signature),
        ":title_en": &*rules.title.en,
        ":title_zh": &*rules.title.zh,
        ":currency": rules.currency.code(),
        ":funder": rules.funder.as_str(),
        ":time_zone": rules.zone.name(),
        ":starts_at": rules.starts_at.ms(),
        ":ends_at": rules.ends_at.ms(),
        ":verified": rules.eligibility.verified,
        ":id_countries": joined(rules.eligibility.id_countries.iter().map(Country::code)),
        ":not_in_countries": joined(rules.eligibility.not_in_countries.iter().map(Country::code)),
        ":window_days": rules.limits.window_days,
        ":per_window": rules.limits.per_window,
        ":live": rules.limits.live,
        ":valid_days": rules.coupon.valid_days,
        ":threshold": rules.coupon.threshold == Threshold::Reaches,
        ":min_shopper_pays": rules.coupon.min_shopper_pays,
        ":refund_returns": rules.coupon.refund_returns_coupon,
        ":restock_expired": rules.coupon.restock_expired,
        ":quote_valid_s": rules.quote_valid_s,
        ":merchants": rules.merchants.as_ref().map(|list| joined(list.iter().map(MerchantId::as_str))),
        ":terms_en": &*rules.terms.en,
        ":terms_zh": &*rules.terms.zh,
    })?;
    connection.prepare_cached(CLEAR_TIERS)?.execute([campaign.number.0])?;
    let mut statement = connection.prepare_cached(PUT_TIER)?;
    for (place, tier) in rules.packets.iter().enumerate() {
        statement.execute(params![campaign.number.0, place, tier.face, tier.count, tier.split])?;
    }
    connection.prepare_cached(CLEAR_PAUSES)?.execute([campaign.number.0])?;
    let mut statement = connection.prepare_cached(PUT_PAUSE)?;
    for (place, pause) in campaign.pauses.iter().enumerate() {
        statement.execute(params![campaign.number.0, place, pause.from.ms(), pause.until.map(Time::ms)])?;
    }
    Ok(())
}
