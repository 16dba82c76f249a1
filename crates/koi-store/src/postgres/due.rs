//! What falls due: coupons that expired, quotes that ran out. Nothing is locked.
//!
//! First it is looked when the next thing falls due in each part, which is one step down an index for each; then what
//! is due is named, the parts that have waited longest first.

use koi_core::id::{CampaignNo, Cell, CouponId};
use koi_core::time::Time;
use rustc_hash::{FxHashMap, FxHashSet};

use super::form::place;
use super::link::Link;
use super::session::{Param, Reply, Request};
use super::table::{Fields, coupon, quote};
use crate::Due;
use crate::error::StoreError;

/// How many times as many quotes are looked at when those so far hold parts of too few coupons.
const FURTHER: usize = 4;

/// A cell of which an open quote runs out next.
struct Holding {
    cell: i16,
    next: Time,
}

/// A campaign's part of a cell of which something expires next.
struct Part {
    cell: i16,
    campaign: i64,
    judged: Time,
    next: Time,
}

pub(super) fn due(
    link: &mut Link,
    cells: &[Cell],
    now: Time,
    judged: &[(CampaignNo, Time)],
    limit: usize,
) -> Result<Due, StoreError> {
    let mut cells: Vec<i16> = cells.iter().map(|cell| place(*cell)).collect();
    cells.sort_unstable();
    cells.dedup();
    if cells.is_empty() {
        return Ok(Due::default());
    }
    let (holdings, parts) = upcoming(link, &cells, judged)?;
    // While a campaign is paused, what expires after the pause's start waits for its end.
    let awaited = parts.iter().filter(|part| part.judged == now || part.next <= part.judged).map(|part| part.next);
    let next = holdings.iter().map(|holding| holding.next).chain(awaited).min();

    let cells: Vec<i16> =
        holdings.iter().filter(|holding| holding.next <= now).map(|holding| holding.cell).collect();
    let mut coupons = of_quotes_due(link, &cells, now, limit)?;
    let room = limit.saturating_sub(coupons.len());
    let parts: Vec<Part> = parts.into_iter().filter(|part| part.next <= part.judged).collect();
    coupons.extend(of_coupons_due(link, &parts, room)?);
    coupons.sort_unstable();
    coupons.dedup();
    Ok(Due { coupons, next })
}

/// The cells of which an open quote runs out next, and the parts of which a coupon expires next.
fn upcoming(
    link: &mut Link,
    cells: &[i16],
    judged: &[(CampaignNo, Time)],
) -> Result<(Vec<Holding>, Vec<Part>), StoreError> {
    let campaigns: Vec<i64> = judged.iter().map(|(campaign, _)| campaign.0.into()).collect();
    let groups = || link.spread().of_cells(cells).into_iter();
    let mut requests: Vec<Request> = groups().map(|group| group.request(&quote::NEXT_DUE, Vec::new())).collect();
    let of_quotes = requests.len();
    requests.extend(groups().map(|group| group.request(&coupon::NEXT_DUE, vec![Box::new(&campaigns)])));
    let replies = link.once(&requests)?;
    let (of_quotes, of_coupons) = replies.split_at(of_quotes.min(replies.len()));
    Ok((holdings(of_quotes)?, parts(of_coupons, judged)?))
}

/// The cells that have open quotes, and when the next one of each runs out; the oldest first.
fn holdings(replies: &[Reply]) -> Result<Vec<Holding>, StoreError> {
    let mut holdings = Vec::new();
    for row in replies.iter().flat_map(|reply| &reply.rows) {
        let mut fields = Fields::of(row);
        holdings.push(Holding { cell: fields.next()?, next: fields.time()? });
    }
    holdings.sort_unstable_by_key(|holding| (holding.next, holding.cell));
    Ok(holdings)
}

/// The parts that have something to expire; the oldest first.
fn parts(replies: &[Reply], judged: &[(CampaignNo, Time)]) -> Result<Vec<Part>, StoreError> {
    let judged: FxHashMap<i64, Time> = judged.iter().map(|(campaign, at)| (campaign.0.into(), *at)).collect();
    let mut parts = Vec::new();
    for row in replies.iter().flat_map(|reply| &reply.rows) {
        let mut fields = Fields::of(row);
        let (cell, campaign, next) = (fields.next()?, fields.next()?, fields.time()?);
        if let Some(judged) = judged.get(&campaign).copied() {
            parts.push(Part { cell, campaign, judged, next });
        }
    }
    parts.sort_unstable_by_key(|part| (part.next, part.cell, part.campaign));
    Ok(parts)
}

/// The coupons of which quotes ran out, the oldest first. Many quotes may hold parts of one coupon: it is looked further
/// until there are enough coupons, so that a few that cannot be booked do not hide all others.
fn of_quotes_due(link: &mut Link, cells: &[i16], now: Time, limit: usize) -> Result<Vec<CouponId>, StoreError> {
    if cells.is_empty() || limit == 0 {
        return Ok(Vec::new());
    }
    let mut most = limit;
    loop {
        let values = || vec![Box::new(now.ms()) as Param, Box::new(bound(most))];
        let groups = link.spread().of_cells(cells).into_iter();
        let requests: Vec<Request> = groups.map(|group| group.request(&quote::DUE, values())).collect();
        let quotes = ids(&link.once(&requests)?)?;
        let is_all = quotes.len() < most;
        let mut seen = FxHashSet::default();
        let mut coupons: Vec<CouponId> = quotes.into_iter().filter(|coupon| seen.insert(*coupon)).collect();
        if is_all || coupons.len() >= limit {
            coupons.truncate(limit);
            return Ok(coupons);
        }
        most = most.saturating_mul(FURTHER);
    }
}

fn of_coupons_due(link: &mut Link, parts: &[Part], limit: usize) -> Result<Vec<CouponId>, StoreError> {
    if parts.is_empty() || limit == 0 {
        return Ok(Vec::new());
    }
    let cells: Vec<i16> = parts.iter().map(|part| part.cell).collect();
    let of_part: Vec<(i64, i64)> = parts.iter().map(|part| (part.campaign, part.judged.ms())).collect();
    let groups = link.spread().groups(&cells, &of_part).into_iter();
    let requests = groups.map(|group| {
        let (campaigns, judged): (Vec<i64>, Vec<i64>) = group.rows.iter().copied().unzip();
        group.request(&coupon::DUE, vec![Box::new(campaigns), Box::new(judged), Box::new(bound(limit))])
    });
    let requests: Vec<Request> = requests.collect();
    let mut coupons = ids(&link.once(&requests)?)?;
    coupons.truncate(limit);
    Ok(coupons)
}

fn bound(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

fn ids(replies: &[Reply]) -> Result<Vec<CouponId>, StoreError> {
    let rows = replies.iter().flat_map(|reply| &reply.rows);
    rows.map(|row| Fields::of(row).next().map(CouponId::of_number)).collect()
}
