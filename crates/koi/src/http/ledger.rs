//! The ledger: its lines, and the check that recomputes everything. And the pages of lists.

use std::ops::ControlFlow;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use koi_core::id::{CampaignNo, CouponId, PaymentId, QuoteId, RefundId, TransferId};
use koi_core::ledger::{Reason, Transfer};
use serde::Serialize;

use crate::check::{Checked, check};
use crate::engine::keys::Role;
use crate::fields::MoneyOut;
use crate::http::campaigns::routed;
use crate::http::problem::{Problem, Text};
use crate::http::{Answer, App, json};
use crate::limits;

const AUDITOR: &[Role] = &[Role::Auditor];

/// `?limit=` and `?cursor=` of a list, and `?campaign=`.
pub(crate) struct Page {
    pub(crate) limit: usize,
    cursor: Option<String>,
    campaign: Option<String>,
}

impl Page {
    pub(crate) fn of(request: &Request) -> Result<Self, Problem> {
        let mut page = Self { limit: limits::PAGE_DEFAULT, cursor: None, campaign: None };
        let invalid = |name: &str, en: &'static str, zh: &'static str| {
            Problem::invalid(format!("?{name}"), &Text::new(en, zh))
        };
        for pair in request.uri().query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match name {
                "limit" => {
                    let limit = value.parse().ok().filter(|limit| (1..=limits::PAGE).contains(limit));
                    page.limit =
                        limit.ok_or_else(|| invalid("limit", "must be from 1 to 1000", "应在 1 至 1000 之间"))?;
                }
                "cursor" => page.cursor = Some(value.to_owned()),
                "campaign" => page.campaign = Some(value.to_owned()),
                other => return Err(invalid(other, "there is no such parameter", "没有该参数")),
            }
        }
        Ok(page)
    }

    /// The number after which the page begins; −1 without a cursor.
    pub(crate) fn after(&self) -> Result<i64, Problem> {
        let Some(cursor) = &self.cursor else { return Ok(-1) };
        let number = i64::from_str_radix(cursor, 36).ok().filter(|number| *number >= 0);
        number.ok_or_else(|| {
            let why = Text::new("must be the `next` of an earlier answer", "应为先前响应中的 next 值");
            Problem::invalid("?cursor".into(), &why)
        })
    }
}

/// A page of a list.
#[derive(Debug, Serialize)]
pub(crate) struct ListOut<T> {
    data: Vec<T>,
    /// The cursor of the next page; null on the last.
    next: Option<String>,
}

impl<T> ListOut<T> {
    /// A page, and the number of its last entry when more follow.
    pub(crate) fn new(data: Vec<T>, next: Option<i64>) -> Self {
        Self { data, next: next.map(cursor) }
    }
}

/// A number in base 36.
fn cursor(number: i64) -> String {
    let mut rest = number.unsigned_abs();
    let mut digits = Vec::new();
    loop {
        digits.push(char::from_digit(u32::try_from(rest % 36).unwrap_or(0), 36).unwrap_or('0'));
        rest /= 36;
        if rest == 0 {
            return digits.iter().rev().collect();
        }
    }
}

/// What the check found.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = LedgerCheck)]
pub(crate) struct CheckOut {
    ok: bool,
    transfers: u64,
    accounts: u64,
    /// What does not agree, in words that name it.
    broken: Vec<String>,
}

impl From<Checked> for CheckOut {
    fn from(checked: Checked) -> Self {
        Self {
            ok: checked.broken.is_empty(),
            transfers: checked.transfers,
            accounts: checked.accounts,
            broken: checked.broken,
        }
    }
}

pub(crate) async fn check_all(State(app): State<Arc<App>>, request: Request) -> Answer {
    app.caller(request.headers(), AUDITOR)?;
    let checked = app.readers.read(|reader| check(reader, &|_, _| {})).await?;
    Ok(json(StatusCode::OK, &CheckOut::from(checked)))
}

/// A line of the ledger. Coupons that were issued in one batch are listed one by one.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Transfer)]
pub(crate) struct TransferOut {
    #[schema(example = "trf_000000000001")]
    id: String,
    campaign: String,
    /// The account that the money leaves.
    debit: &'static str,
    /// The account that it enters.
    credit: &'static str,
    amount: MoneyOut,
    reason: &'static str,
    /// The coupon, quote, payment, refund or campaign that it is about.
    subject: String,
    at: String,
}

/// The lines that a stored line stands for: itself, or one for each coupon that it issued.
type Lines = Vec<(Transfer, Option<i64>)>;

pub(crate) async fn transfers(State(app): State<Arc<App>>, request: Request) -> Answer {
    app.caller(request.headers(), AUDITOR)?;
    let page = Page::of(&request)?;
    let campaign = page.campaign.as_ref().map(|name| routed(&app, name, "not_found")).transpose()?;
    let wanted = campaign.map(|campaign| campaign.number);
    // A cursor is the number of the next line and how many of its coupons were shown.
    let (from, skip) = match page.cursor.as_deref() {
        None => (0, 0),
        Some(cursor) => resume(cursor)?,
    };
    let limit = page.limit;
    let (lines, next) = app.readers.read(move |reader| page_of(reader, wanted, from, skip, limit)).await?;
    let data = lines.iter().map(|(line, face)| shown(&app, line, *face)).collect::<Result<Vec<_>, _>>()?;
    let next = next.map(|(line, shown)| format!("{}.{}", cursor(line), cursor(i64::from(shown))));
    Ok(json(StatusCode::OK, &ListOut { data, next }))
}

fn resume(text: &str) -> Result<(i64, u32), Problem> {
    let parts = text.split_once('.').and_then(|(line, shown)| {
        let line = i64::from_str_radix(line, 36).ok().filter(|line| *line >= 0)?;
        Some((line, u32::from_str_radix(shown, 36).ok()?))
    });
    parts.ok_or_else(|| {
        let why = Text::new("must be the `next` of an earlier answer", "应为先前响应中的 next 值");
        Problem::invalid("?cursor".into(), &why)
    })
}

fn page_of(
    reader: &koi_store::sqlite::Reader,
    campaign: Option<CampaignNo>,
    from: i64,
    skip: u32,
    limit: usize,
) -> Result<(Lines, Option<(i64, u32)>), koi_store::StoreError> {
    let mut stored = Vec::new();
    let mut count = 0;
    reader.for_each_transfer(TransferId::of_number(from), |line| {
        if campaign.is_none_or(|number| number == line.campaign) {
            count += line.count as usize;
            stored.push(line);
        }
        // The lines that the first one has shown already do not count; one more tells whether a page follows.
        if count > limit + skip as usize { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    let mut lines: Lines = Vec::new();
    for line in stored {
        let already = if line.id.number() == from { skip } else { 0 };
        let faces = if line.movement.reason == Reason::Issue { faces(reader, &line)? } else { vec![None] };
        for (place, face) in faces.into_iter().enumerate().skip(already as usize) {
            let place = u32::try_from(place).unwrap_or(u32::MAX);
            if lines.len() == limit {
                return Ok((lines, Some((line.id.number(), place))));
            }
            lines.push((single(&line, place, face), face));
        }
    }
    Ok((lines, None))
}

/// The faces of the coupons that a line issued.
fn faces(reader: &koi_store::sqlite::Reader, line: &Transfer) -> Result<Vec<Option<i64>>, koi_store::StoreError> {
    let mut faces = Vec::with_capacity(line.count as usize);
    let first = line.movement.subject;
    reader.for_each_coupon(first, first + i64::from(line.count), |coupon| faces.push(Some(coupon.face)))?;
    Ok(faces)
}

/// One coupon's part of a line.
fn single(line: &Transfer, place: u32, face: Option<i64>) -> Transfer {
    let mut part = *line;
    if let Some(face) = face {
        part.movement.amount = face;
        part.movement.subject += i64::from(place);
        part.count = place;
    }
    part
}

fn shown(app: &App, line: &Transfer, face: Option<i64>) -> Result<TransferOut, Problem> {
    let catalog = app.catalog();
    let campaign = catalog.campaign_numbered(line.campaign).ok_or_else(crate::http::coupons::fault)?;
    let movement = &line.movement;
    let id = match face {
        Some(_) => format!("{}-{}", line.id, line.count + 1),
        None => line.id.to_string(),
    };
    let subject = match movement.reason {
        Reason::Fund | Reason::Close => campaign.rules.id.to_string(),
        Reason::Issue | Reason::Expire | Reason::Void => CouponId::of_number(movement.subject).to_string(),
        Reason::Reserve | Reason::Release => QuoteId::of_number(movement.subject).to_string(),
        Reason::Spend | Reason::Cancel => PaymentId::of_number(movement.subject).to_string(),
        Reason::Recover | Reason::Restore => {
            RefundId { payment: PaymentId::of_number(movement.subject), number: movement.part }.to_string()
        }
    };
    Ok(TransferOut {
        id,
        campaign: campaign.rules.id.to_string(),
        debit: movement.debit.name(),
        credit: movement.credit.name(),
        amount: MoneyOut::new(campaign.rules.currency, movement.amount),
        reason: movement.reason.name(),
        subject,
        at: line.at.to_string(),
    })
}
