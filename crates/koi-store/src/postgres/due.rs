//! What falls due: coupons that expired, quotes that ran out. Nothing is locked.
//!
//! First it is looked when the next thing falls due in each part, which is one step down an index for each; then what
//! is due is named, the parts that have waited longest first.

use koi_core::id::{CampaignNo, Cell, CouponId};
use koi_core::time::Time;
use rustc_hash::FxHashMap;

use super::form::{Form, place};
use super::link::Link;
use super::session::{Reply, Request};
use super::table::{Fields, coupon, quote};
use crate::Due;
use crate::error::StoreError;

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
    let form = Form::of(cells.len());
    let campaigns: Vec<i64> = judged.iter().map(|(campaign, _)| campaign.0.into()).collect();
    let replies = link.once(&[
        Request::with(quote::NEXT_DUE.form(form), vec![form.cells(cells.clone())]),
        Request::with(coupon::NEXT_DUE.form(form), vec![form.cells(cells), Box::new(campaigns)]),
    ])?;
    let [of_quotes, of_coupons] = &replies[..] else { return Ok(Due::default()) };
    let quotes = next_of_cells(of_quotes)?;
    let parts = parts(of_coupons, judged)?;

    // While a campaign is paused, what expires after the pause's start waits for its end.
    let awaited = parts.iter().filter(|part| part.judged == now || part.next <= part.judged).map(|part| part.next);
    let next = quotes.iter().map(|(_, next)| *next).chain(awaited).min();
    let mut due = Due { coupons: Vec::new(), next };

    let cells: Vec<i16> = quotes.into_iter().filter(|(_, next)| *next <= now).map(|(cell, _)| cell).collect();
    due.coupons.extend(of_quotes_due(link, cells, now, limit)?);
    let room = limit.saturating_sub(due.coupons.len());
    let parts: Vec<Part> = parts.into_iter().filter(|part| part.next <= part.judged).collect();
    due.coupons.extend(of_coupons_due(link, &parts, room)?);
    due.coupons.sort_unstable();
    due.coupons.dedup();
    Ok(due)
}

/// The cells that have open quotes, and when the next one of each runs out; the oldest first.
fn next_of_cells(reply: &Reply) -> Result<Vec<(i16, Time)>, StoreError> {
    let mut next = Vec::with_capacity(reply.rows.len());
    for row in &reply.rows {
        let mut fields = Fields::of(row);
        next.push((fields.next()?, fields.time()?));
    }
    next.sort_unstable_by_key(|(cell, next)| (*next, *cell));
    Ok(next)
}

/// The parts that have something to expire; the oldest first.
fn parts(reply: &Reply, judged: &[(CampaignNo, Time)]) -> Result<Vec<Part>, StoreError> {
    let judged: FxHashMap<i64, Time> = judged.iter().map(|(campaign, at)| (campaign.0.into(), *at)).collect();
    let mut parts = Vec::with_capacity(reply.rows.len());
    for row in &reply.rows {
        let mut fields = Fields::of(row);
        let (cell, campaign, next) = (fields.next()?, fields.next()?, fields.time()?);
        if let Some(judged) = judged.get(&campaign).copied() {
            parts.push(Part { cell, campaign, judged, next });
        }
    }
    parts.sort_unstable_by_key(|part| (part.next, part.cell, part.campaign));
    Ok(parts)
}

fn of_quotes_due(link: &mut Link, cells: Vec<i16>, now: Time, limit: usize) -> Result<Vec<CouponId>, StoreError> {
    if cells.is_empty() || limit == 0 {
        return Ok(Vec::new());
    }
    let form = Form::of(cells.len());
    let params = vec![form.cells(cells), Box::new(now.ms()), Box::new(most(limit))];
    ids(&link.once(&[Request::with(quote::DUE.form(form), params)])?)
}

fn of_coupons_due(link: &mut Link, parts: &[Part], limit: usize) -> Result<Vec<CouponId>, StoreError> {
    let Some(first) = parts.first().filter(|_| limit > 0) else { return Ok(Vec::new()) };
    let is_one_cell = parts.iter().all(|part| part.cell == first.cell);
    let form = if is_one_cell { Form::Pinned } else { Form::Many };
    let campaigns: Vec<i64> = parts.iter().map(|part| part.campaign).collect();
    let judged: Vec<i64> = parts.iter().map(|part| part.judged.ms()).collect();
    let cells = form.cells(parts.iter().map(|part| part.cell).collect());
    let params = vec![cells, Box::new(campaigns), Box::new(judged), Box::new(most(limit))];
    ids(&link.once(&[Request::with(coupon::DUE.form(form), params)])?)
}

fn most(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

fn ids(replies: &[Reply]) -> Result<Vec<CouponId>, StoreError> {
    let rows = replies.iter().flat_map(|reply| &reply.rows);
    rows.map(|row| Fields::of(row).next().map(CouponId::of_number)).collect()
}
