//! The ledger: its lines, and the check that recomputes everything.

use std::ops::ControlFlow;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use koi_core::id::{CampaignNo, CouponId, PaymentId, QuoteId, RefundId, TransferId};
use koi_core::ledger::{Reason, Transfer};
use koi_store::{Reader, StoreError};
use serde::Serialize;

use crate::check::{Checked, check};
use crate::engine::keys::Role;
use crate::fields::MoneyOut;
use crate::http::campaigns::routed;
use crate::http::list::{ListOut, Page, bad_cursor, cursor_of, pair};
use crate::http::problem::Problem;
use crate::http::{Answer, App, json};
use crate::limits;
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
///
/// One check runs at a time.
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
    let checked = app.long_reads.read(|reader| check(reader, &|_, _| {})).await?;
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
    /// The coupon, quote, payment, refund or campaign that it is about, or the other cell.
    subject: String,
    #[schema(value_type = Instant)]
    at: String,
}

/// Lists the transfers, the oldest first.
///
/// A page may have fewer entries than asked for, or none, although others follow: `next` tells.
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
    let wanted = match page.filter("campaign") {
        Some(name) => Some(routed(&app, name, "not_found").await?.number),
        None => None,
    };
    let from = match page.cursor.as_deref() {
        None => Place::default(),
        Some(cursor) => Place::read(cursor).ok_or_else(bad_cursor)?,
    };
    let limit = page.limit;
    let found = app.readers.read(move |reader| page_of(reader, wanted, from, limit)).await?;
    let (lines, next) = found.ok_or_else(bad_cursor)?;
    // Their campaigns may be new.
    app.see().await?;
    let data = lines.iter().map(|(line, face)| shown(&app, line, *face)).collect::<Result<Vec<_>, _>>()?;
    Ok(json(StatusCode::OK, &ListOut::new(data, next.map(Place::written))))
}

/// The lines that a stored line stands for: itself, or one for each coupon that it issued.
type Lines = Vec<(Transfer, Option<i64>)>;

/// Where a page goes on: the number of a line, and how many of its coupons were shown.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    line: i64,
    shown: u32,
}

impl Place {
    fn read(text: &str) -> Option<Self> {
        let (line, shown) = pair(text)?;
        Some(Self { line, shown: u32::try_from(shown).ok()? })
    }

    fn written(self) -> String {
        cursor_of(self.line, i64::from(self.shown))
    }

    /// How many of a line's coupons were shown.
    fn shown_of(self, line: &Transfer) -> u32 {
        if line.id.number() == self.line { self.shown } else { 0 }
    }

    /// Whether a page may go on there, when this is the first line that is stored from there on.
    fn can_be(self, first: Option<&Transfer>) -> bool {
        self.shown == 0 || first.is_some_and(|line| line.id.number() == self.line && self.shown < line.lines())
    }
}

/// A page, and where the next one goes on; `None` when no page goes on at `from`. What is held in memory and what is
/// looked at have limits, whatever is asked for.
fn page_of(
    reader: &Reader,
    campaign: Option<CampaignNo>,
    from: Place,
    limit: usize,
) -> Result<Option<(Lines, Option<Place>)>, StoreError> {
    let mut stored = Vec::new();
    let (mut looked_at, mut count) = (0, 0);
    let mut can_be = from.can_be(None);
    let mut next = None;
    reader.for_each_transfer(TransferId::of_number(from.line).., |line| {
        if looked_at == 0 {
            can_be = from.can_be(Some(&line));
        }
        // One more than the page holds tells where the next one goes on.
        if !can_be || count > limit || looked_at == limits::LINES_LOOKED_AT {
            next = Some(Place { line: line.id.number(), shown: 0 });
            return ControlFlow::Break(());
        }
        looked_at += 1;
        if campaign.is_none_or(|number| number == line.campaign) {
            count += (line.lines() - from.shown_of(&line)).max(1) as usize;
            stored.push(line);
        }
        ControlFlow::Continue(())
    })?;
    if !can_be {
        return Ok(None);
    }
    let mut lines: Lines = Vec::new();
    for line in stored {
        let first = from.shown_of(&line);
        let room = u32::try_from(limit + 1 - lines.len()).unwrap_or(u32::MAX);
        for (place, face) in (first..).zip(faces(reader, &line, first, room)?) {
            if lines.len() == limit {
                return Ok(Some((lines, Some(Place { line: line.id.number(), shown: place }))));
            }
            lines.push((single(&line, place, face), face));
        }
    }
    Ok(Some((lines, next)))
}

/// The faces of the coupons that a line issued, from one on and so many at most; a line about anything else has one
/// part, without a face.
fn faces(reader: &Reader, line: &Transfer, first: u32, most: u32) -> Result<Vec<Option<i64>>, StoreError> {
    if line.movement.reason != Reason::Issue {
        return Ok(vec![None]);
    }
    let last = line.count.min(first.saturating_add(most));
    let number = |place: u32| line.movement.subject + i64::from(place);
    let mut faces = Vec::new();
    reader.for_each_coupon(number(first), number(last), |coupon| faces.push(Some(coupon.face)))?;
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
        Reason::Move | Reason::Gather => format!("cell-{}", movement.subject),
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

#[cfg(test)]
mod tests {
    use super::*;
    use koi_core::id::Cell;
    use koi_core::ledger::{Account, Movement};
    use koi_core::time::Time;
    use koi_store::sqlite::Folder;
    use koi_store::{Notes, Store};

    const BUSY: CampaignNo = CampaignNo(1);
    const QUIET: CampaignNo = CampaignNo(2);

    fn line(number: usize, campaign: CampaignNo) -> Transfer {
        let (debit, credit) = (Account::Funder, Account::Free);
        let movement =
            Movement { debit, credit, amount: 1, reason: Reason::Fund, subject: 0, part: 0, coupon: None };
        let id = TransferId::of_number(i64::try_from(number).unwrap());
        Transfer { id, campaign, movement, count: 1, at: Time::of_ms(0) }
    }

    #[test]
    fn a_page_looks_at_a_bounded_part_of_the_ledger() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::new(place.path());
        let (mut writer, _lock) = folder.serve().unwrap();
        let mut cells = writer.begin(&[], None).unwrap().cells;
        let last = limits::LINES_LOOKED_AT + 10;
        cells.get_mut(Cell::TREASURY).unwrap().transfers =
            (1..last).map(|number| line(number, BUSY)).chain([line(last, QUIET)]).collect();
        writer.commit(&cells, &Notes::default()).unwrap();
        let reader = Reader::Folder(folder.reader().unwrap());

        let (lines, next) = page_of(&reader, Some(QUIET), Place::default(), 5).unwrap().unwrap();
        assert!(lines.is_empty(), "the first page does not reach it");
        let next = next.expect("others follow");
        assert_eq!((next.line, next.shown), (i64::try_from(limits::LINES_LOOKED_AT).unwrap() + 1, 0));
        let (lines, next) = page_of(&reader, Some(QUIET), next, 5).unwrap().unwrap();
        assert_eq!(lines, [(line(last, QUIET), None)]);
        assert!(next.is_none());
    }
}
