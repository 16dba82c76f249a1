//! Payments, their cancels and their refunds.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use koi_core::command::{Answer as Answered, Call, Command};
use koi_core::fault::Fault;
use koi_core::id::{CouponId, PaymentId, QuoteId};
use koi_core::idempotency::Key;
use koi_core::payment::{Payment, Refund};
use koi_core::quote::Quote;
use koi_store::Want;
use serde::{Deserialize, Serialize};

use crate::engine::keys::Role;
use crate::fields::{MoneyIn, MoneyOut};
use crate::http::body::Posted;
use crate::http::campaigns::Nothing;
use crate::http::coupons::{created, fault, or_absent};
use crate::http::door::{Named, READERS};
use crate::http::problem::Problem;
use crate::http::{Answer, App, json, marked};
use crate::schema::{DecimalRate, Instant, Name, PaymentStatus};

#[derive(Debug, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewPayment)]
pub(crate) struct PayIn {
    /// The quote to pay.
    #[schema(example = "quo_000000000001")]
    quote: String,
}

#[derive(Debug, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewRefund)]
pub(crate) struct RefundIn {
    /// In the payment's currency.
    #[schema(value_type = MoneyOut)]
    amount: MoneyIn,
}

/// A payment.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Payment)]
pub(crate) struct PaymentOut {
    #[schema(pattern = "^pay_[0-9A-HJKMNP-TV-Z]{12}$", example = "pay_000000000001")]
    id: String,
    #[schema(value_type = PaymentStatus)]
    status: &'static str,
    #[schema(pattern = "^quo_[0-9A-HJKMNP-TV-Z]{12}$", example = "quo_000000000001")]
    quote: String,
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
    paid: MoneyOut,
    coupon: Option<String>,
    merchant: SettlementOut,
    funded_by: Vec<FundedOut>,
    /// Refunded so far, in the payment's currency.
    refunded: MoneyOut,
    #[schema(value_type = Instant)]
    paid_at: String,
}

/// What the merchant is settled: the same with and without a coupon.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Settlement)]
struct SettlementOut {
    gross: MoneyOut,
    fee: MoneyOut,
    net: MoneyOut,
}

/// Who pays for the deduction.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = FundedBy)]
struct FundedOut {
    #[schema(value_type = Name)]
    funder: String,
    #[schema(value_type = Name)]
    campaign: String,
    amount: MoneyOut,
}

/// A refund.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Refund)]
pub(crate) struct RefundOut {
    #[schema(pattern = "^ref_[0-9A-HJKMNP-TV-Z]{12}-[1-9][0-9]*$", example = "ref_000000000001-1")]
    id: String,
    payment: String,
    /// In the payment's currency.
    amount: MoneyOut,
    /// What the shopper gets, in the wallet's currency.
    shopper: MoneyOut,
    /// What goes to the funder.
    funder: MoneyOut,
}

impl RefundOut {
    fn new(quote: &Quote, refund: &Refund) -> Self {
        let wallet = |value: i64| MoneyOut::new(quote.gross.currency, value);
        Self {
            id: refund.id.to_string(),
            payment: refund.id.payment.to_string(),
            amount: MoneyOut::new(quote.amount.currency, refund.amount),
            shopper: wallet(refund.shopper),
            funder: wallet(refund.funder),
        }
    }
}

impl App {
    fn payment_out(&self, quote: &Quote, payment: &Payment) -> Result<PaymentOut, Problem> {
        let local = |value: i64| MoneyOut::new(quote.amount.currency, value);
        let wallet = |value: i64| MoneyOut::new(quote.gross.currency, value);
        let funded_by = match quote.coupon {
            None => Vec::new(),
            Some(coupon) => {
                let catalog = self.catalog();
                let campaign = catalog.campaign_numbered(coupon.campaign()).ok_or_else(|| {
                    tracing::error!(fault = %Fault::Missing("a payment's campaign"), payment = %payment.id);
                    fault()
                })?;
                vec![FundedOut {
                    funder: campaign.rules.funder.to_string(),
                    campaign: campaign.rules.id.to_string(),
                    amount: wallet(quote.deduction),
                }]
            }
        };
        Ok(PaymentOut {
            id: payment.id.to_string(),
            status: if payment.cancelled.is_some() { "cancelled" } else { "paid" },
            quote: quote.id.to_string(),
            account: quote.account.to_string(),
            person: quote.person.to_string(),
            store: quote.store.to_string(),
            amount: quote.amount.into(),
            rate: quote.rate.to_string(),
            gross: quote.gross.into(),
            deduction: wallet(quote.deduction),
            paid: quote.payable().into(),
            coupon: quote.coupon.as_ref().map(CouponId::to_string),
            merchant: SettlementOut {
                gross: local(quote.amount.value),
                fee: local(payment.fee),
                net: local(quote.amount.value - payment.fee),
            },
            funded_by,
            refunded: local(payment.refunded),
            paid_at: payment.paid_at.to_string(),
        })
    }
}

/// Pays a quote.
///
/// The merchant is settled the full amount, the funder pays for the coupon, the shopper pays the rest.
#[utoipa::path(
    post,
    path = "/v1/payments",
    operation_id = "create_payment",
    tag = "Paying",
    request_body = PayIn,
    responses((status = 201, description = "The payment.", body = PaymentOut)),
    extensions(
        ("x-roles" = json!(["wallet"])),
        ("x-codes" = json!(["not_found", "quote_not_open", "quote_expired"])),
    ),
)]
pub(crate) async fn create(State(app): State<Arc<App>>, request: Request) -> Answer {
    let caller = app.caller(request.headers(), &[Role::Wallet])?;
    let posted = Posted::<PayIn>::read(request).await?;
    let id = QuoteId::parse(&posted.body.quote).ok_or_else(|| Problem::plain("not_found"))?;
    let asked = posted.asked(&caller, &posted.body.quote);
    match app.call(Call { command: Command::Pay(id), asked }).await? {
        (Answered::Payment(quote, payment), replayed) => {
            Ok(created(replayed, &app.payment_out(&quote, &payment)?))
        }
        _ => Err(fault()),
    }
}

/// Shows a payment.
#[utoipa::path(
    get,
    path = "/v1/payments/{id}",
    operation_id = "get_payment",
    tag = "Paying",
    params(("id" = String, Path, description = "The payment.")),
    responses((status = 200, description = "The payment as it stands now.", body = PaymentOut)),
    extensions(("x-roles" = json!(["wallet", "operator", "auditor"])), ("x-codes" = json!(["not_found"]))),
)]
pub(crate) async fn get(State(app): State<Arc<App>>, Named(name): Named, request: Request) -> Answer {
    app.caller(request.headers(), READERS)?;
    let id = PaymentId::parse(&name).ok_or_else(|| Problem::plain("not_found"))?;
    let rows = app.settled(Want::Quote(id.quote()), |_| Vec::new()).await?;
    let found = rows.quotes.get(id.quote()).zip(rows.payments.get(id));
    let (quote, payment) = found.ok_or_else(|| Problem::plain("not_found"))?;
    Ok(json(StatusCode::OK, &app.payment_out(quote, payment)?))
}

/// Cancels a payment of the same trading day.
///
/// Everything is undone, and the coupon lives again with its own expiry.
#[utoipa::path(
    post,
    path = "/v1/payments/{id}/cancel",
    operation_id = "cancel_payment",
    tag = "Paying",
    params(("id" = String, Path, description = "The payment.")),
    request_body = Nothing,
    responses((status = 200, description = "The payment, cancelled.", body = PaymentOut)),
    extensions(
        ("x-roles" = json!(["wallet"])),
        ("x-codes" = json!(["not_found", "payment_cancelled", "already_refunded", "cancel_window_closed"])),
    ),
)]
pub(crate) async fn cancel(State(app): State<Arc<App>>, Named(name): Named, request: Request) -> Answer {
    let caller = app.caller(request.headers(), &[Role::Wallet])?;
    let id = PaymentId::parse(&name).ok_or_else(|| Problem::plain("not_found"))?;
    let posted = match Posted::<Nothing>::read_document(request, crate::limits::BODY_BYTES).await {
        Ok(posted) => posted,
        Err(problem) => return Err(or_absent(&app, Want::Payment(id, Key(0)), problem).await),
    };
    let asked = posted.asked(&caller, &name);
    match app.call(Call { command: Command::CancelPayment(id), asked }).await? {
        (Answered::Payment(quote, payment), replayed) => {
            Ok(marked(json(StatusCode::OK, &app.payment_out(&quote, &payment)?), replayed))
        }
        _ => Err(fault()),
    }
}

/// Refunds part or all of a payment.
///
/// Shares are computed on the sum of all refunds, at the rate of the payment, so that they add up exactly.
#[utoipa::path(
    post,
    path = "/v1/payments/{id}/refunds",
    operation_id = "refund_payment",
    tag = "Paying",
    params(("id" = String, Path, description = "The payment.")),
    request_body = RefundIn,
    responses((status = 201, description = "The refund.", body = RefundOut)),
    extensions(
        ("x-roles" = json!(["wallet"])),
        ("x-codes" = json!([
            "not_found", "invalid_amount", "payment_cancelled", "refund_window_closed",
            "refund_exceeds_payment"
        ])),
    ),
)]
pub(crate) async fn refund(State(app): State<Arc<App>>, Named(name): Named, request: Request) -> Answer {
    let caller = app.caller(request.headers(), &[Role::Wallet])?;
    let id = PaymentId::parse(&name).ok_or_else(|| Problem::plain("not_found"))?;
    let posted = match Posted::<RefundIn>::read(request).await {
        Ok(posted) => posted,
        Err(problem) => return Err(or_absent(&app, Want::Payment(id, Key(0)), problem).await),
    };
    let asked = posted.asked(&caller, &name);
    let command = Command::Refund(id, posted.body.amount.money());
    match app.call(Call { command, asked }).await? {
        (Answered::Refund(quote, refund), replayed) => Ok(created(replayed, &RefundOut::new(&quote, &refund))),
        _ => Err(fault()),
    }
}
