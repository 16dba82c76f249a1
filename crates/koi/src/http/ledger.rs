//! The ledger: its lines, and the check that recomputes everything.

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
use crate::http::list::{ListOut, Page, bad_cursor, cursor, number};
use crate::http::problem::Problem;
use crate::http::{Answer, App, json};
use crate::schema::{Instant, LedgerAccount, Name, TransferReason};

const AUDITOR: &[Role] = &[Role::Auditor];

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

/// Recomputes everything from the transfers, and names what does not agree.
#[utoipa::path(
    get,
    path = "/v1/ledger/check",
    operation_id = "check_ledger",
    tag = "Ledger",
    responses((status = 200, description = "What was found.", body = CheckOut)),
    extensions(("x-roles" = json!(["auditor"]))),
)]
pub(crate) async fn check_all(State(app): State<Arc<App>>, request: Request) -> Answer {
    app.caller(request.headers(), AUDITOR)?;
    let checked = app.readers.read(|reader| check(reader, &|_, _| {})).await?;
    Ok(json(StatusCode::OK, &CheckOut::from(checked)))
}

/// A line of the ledger. Coupons that were issued in one batch are listed one by one.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Transfer)]
pub(crate) struct TransferOut {
    #[schema(pattern = "^trf_[0-9A-HJKMNP-TV-Z]{12}(-[1-9][0-9]*)?$", example = "trf_000000000001")]
    id: String,
    #[schema(value_type = Name)]
    campaign: String,
    /// The account that the money leaves.
    #[schema(value_type = LedgerAccount)]
    debit: &'static str,
    /// The account that it enters.
    #[schema(value_type = LedgerAccount)]
    credit: &'static str,
    amount: MoneyOut,
    #[schema(value_type = TransferReason)]
    reason: &'static str,
    /// The coupon, quote, payment, refund or campaign that it is about.
    subject: String,
    #[schema(value_type = Instant)]
    at: String,
}

/// The lines that a stored line stands for: itself, or one for each coupon that it issued.
type Lines = Vec<(Transfer, Option<i64>)>;

/// Lists the transfers, the oldest first.
#[utoipa::path(
    get,
    path = "/v1/ledger/transfers",
    operation_id = "list_transfers",
    tag = "Ledger",
    params(("campaign" = Option<Name>, Query, description = "Only the transfers of this campaign.")),
    responses((status = 200, description = "A page of transfers.", body = ListOut<TransferOut>)),
    extensions(("x-roles" = json!(["auditor"])), ("x-codes" = json!(["not_found"])), ("x-paged" = json!(true))),
)]
pub(crate) async fn transfers(State(app): State<Arc<App>>, request: Request) -> Answer {
    app.caller(request.headers(), AUDITOR)?;
    let page = Page::of(&request, &["campaign"])?;
    let campaign = page.filter("campaign").map(|name| routed(&app, name, "not_found")).transpose()?;
    let wanted = campaign.map(|campaign| campaign.number);
    let (from, skip) = match page.cursor.as_deref() {
        None => (0, 0),
        Some(cursor) => resume(cursor).ok_or_else(bad_cursor)?,
    };
    let limit = page.limit;
    let (lines, next) = app.readers.read(move |reader| page_of(reader, wanted, from, skip, limit)).await?;
    let data = lines.iter().map(|(line, face)| shown(&app, line, *face)).collect::<Result<Vec<_>, _>>()?;
    let next = next.map(|(line, shown)| format!("{}.{}", cursor(line), cursor(i64::from(shown))));
    Ok(json(StatusCode::OK, &ListOut::new(data, next)))
}

/// Where a page goes on: the number of a line, and how many of its coupons were shown.
fn resume(text: &str) -> Option<(i64, u32)> {
    let (line, shown) = text.split_once('.')?;
    Some((number(line)?, u32::try_from(number(shown)?).ok()?))
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
