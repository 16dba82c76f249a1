//! Quotes: what a purchase will cost.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use koi_core::command::{Answer as Answered, Call, Command, Purchase, Shopper};
use koi_core::id::{AccountId, CouponId, PersonId, QuoteId, StoreId};
use koi_core::quote::{NoDeduction, Quote};
use koi_core::time::Time;
use koi_store::Want;
use serde::{Deserialize, Serialize};

use crate::engine::keys::Role;
use crate::fields::{Field, MoneyIn, MoneyOut};
use crate::http::body::Posted;
use crate::http::campaigns::Nothing;
use crate::http::coupons::{created, fault, or_absent};
use crate::http::door::{Named, READERS};
use crate::http::problem::Problem;
use crate::http::{Answer, App, json, marked};
use crate::schema::{DecimalRate, Instant, Name, NoDeductionReason, QuoteStatus};

#[derive(Debug, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Purchase)]
pub(crate) struct PurchaseIn {
    shopper: BuyerIn,
    #[schema(value_type = Name)]
    store: Field<StoreId>,
    #[schema(value_type = MoneyOut)]
    amount: MoneyIn,
}

#[derive(Debug, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Buyer)]
struct BuyerIn {
    #[schema(value_type = Name)]
    account: Field<AccountId>,
    #[schema(value_type = Name)]
    person: Field<PersonId>,
}

/// A quote.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Quote)]
pub(crate) struct QuoteOut {
    #[schema(pattern = "^quo_[0-9A-HJKMNP-TV-Z]{12}$", example = "quo_000000000001")]
    id: String,
    #[schema(value_type = QuoteStatus)]
    status: &'static str,
    #[schema(value_type = Name)]
    account: String,
    #[schema(value_type = Name)]
    person: String,
    #[schema(value_type = Name)]
    store: String,
    amount: MoneyOut,
    #[schema(value_type = DecimalRate)]
    rate: String,
    gross: MoneyOut,
    deduction: MoneyOut,
    payable: MoneyOut,
    coupon: Option<String>,
    #[schema(value_type = Option<NoDeductionReason>)]
    no_deduction: Option<&'static str>,
    #[schema(value_type = Instant)]
    expires_at: String,
}

impl QuoteOut {
    fn new(quote: &Quote, now: Time) -> Self {
        Self {
            id: quote.id.to_string(),
            status: quote.phase_at(now).name(),
            account: quote.account.to_string(),
            person: quote.person.to_string(),
            store: quote.store.to_string(),
            amount: quote.amount.into(),
            rate: quote.rate.to_string(),
            gross: quote.gross.into(),
            deduction: MoneyOut::new(quote.gross.currency, quote.deduction),
            payable: quote.payable().into(),
            coupon: quote.coupon.as_ref().map(CouponId::to_string),
            no_deduction: quote.no_deduction.map(NoDeduction::name),
            expires_at: quote.expires_at.to_string(),
        }
    }
}

/// Says what a purchase will cost, and reserves its deduction until the quote is paid, cancelled or expires.
///
/// A quote without a deduction is a good quote too: `no_deduction` says why.
#[utoipa::path(
    post,
    path = "/v1/quotes",
    operation_id = "create_quote",
    tag = "Paying",
    request_body = PurchaseIn,
    responses((status = 201, description = "The quote.", body = QuoteOut)),
    extensions(
        ("x-roles" = json!(["wallet"])),
        ("x-codes" = json!(["not_found", "invalid_amount", "no_rate"])),
    ),
)]
pub(crate) async fn create(State(app): State<Arc<App>>, request: Request) -> Answer {
    let caller = app.caller(request.headers(), &[Role::Wallet])?;
    let posted = Posted::<PurchaseIn>::read(request).await?;
    let asked = posted.asked(&caller, posted.body.shopper.person.0.as_str());
    let PurchaseIn { shopper, store, amount } = posted.body;
    let shopper = Shopper::new(shopper.person.0, shopper.account.0);
    let command = Command::Quote(Purchase { shopper, store: store.0, amount: amount.money() });
    match app.call(Call { command, asked }).await? {
        // A repeat is answered as the first call was: the quote was open then.
        (Answered::Quote(quote), replayed) => Ok(created(replayed, &QuoteOut::new(&quote, quote.created_at))),
        _ => Err(fault()),
    }
}

/// Shows a quote.
#[utoipa::path(
    get,
    path = "/v1/quotes/{id}",
    operation_id = "get_quote",
    tag = "Paying",
    params(("id" = String, Path, description = "The quote.")),
    responses((status = 200, description = "The quote as it stands now.", body = QuoteOut)),
    extensions(("x-roles" = json!(["wallet", "operator", "auditor"])), ("x-codes" = json!(["not_found"]))),
)]
pub(crate) async fn get(State(app): State<Arc<App>>, Named(name): Named, request: Request) -> Answer {
    app.caller(request.headers(), READERS)?;
    let id = QuoteId::parse(&name).ok_or_else(|| Problem::plain("not_found"))?;
    let rows = app.settled(Want::Quote(id), |_| Vec::new()).await?;
    let quote = rows.quotes.get(id).ok_or_else(|| Problem::plain("not_found"))?;
    Ok(json(StatusCode::OK, &QuoteOut::new(quote, app.now())))
}

/// Cancels an open quote and gives its reservation back.
#[utoipa::path(
    post,
    path = "/v1/quotes/{id}/cancel",
    operation_id = "cancel_quote",
    tag = "Paying",
    params(("id" = String, Path, description = "The quote.")),
    request_body = Nothing,
    responses((status = 200, description = "The quote, cancelled.", body = QuoteOut)),
    extensions(
        ("x-roles" = json!(["wallet"])),
        ("x-codes" = json!(["not_found", "quote_not_open", "quote_expired"])),
    ),
)]
pub(crate) async fn cancel(State(app): State<Arc<App>>, Named(name): Named, request: Request) -> Answer {
    let caller = app.caller(request.headers(), &[Role::Wallet])?;
    let id = QuoteId::parse(&name).ok_or_else(|| Problem::plain("not_found"))?;
    let posted = match Posted::<Nothing>::read_document(request, crate::limits::BODY_BYTES).await {
        Ok(posted) => posted,
        Err(problem) => return Err(or_absent(&app, Want::Quote(id), problem).await),
    };
    let asked = posted.asked(&caller, &name);
    match app.call(Call { command: Command::CancelQuote(id), asked }).await? {
        (Answered::Quote(quote), replayed) => {
            Ok(marked(json(StatusCode::OK, &QuoteOut::new(&quote, quote.created_at)), replayed))
        }
        _ => Err(fault()),
    }
}
