//! Exchange rates: what one whole unit of a store's currency is in the wallet's.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use koi_core::command::{Answer as Answered, Order};
use koi_core::money::{Currency, Rate};
use koi_core::time::Time;
use serde::{Deserialize, Serialize};

use crate::engine::keys::Role;
use crate::engine::work::{OfficeWork, Work};
use crate::fields::Field;
use crate::http::body;
use crate::http::door::Named;
use crate::http::problem::{Problem, Text};
use crate::http::{Answer, App, json, office_answer};
use crate::schema::DecimalRate;

#[derive(Debug, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewRate)]
pub(crate) struct RateIn {
    #[schema(value_type = DecimalRate)]
    rate: Field<Rate>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Rate)]
pub(crate) struct RateOut {
    #[schema(pattern = "^[A-Z]{3}-[A-Z]{3}$", example = "NZD-CNY")]
    pair: String,
    #[schema(value_type = DecimalRate)]
    rate: String,
}

fn routed(name: &str) -> Result<(Currency, Currency), Problem> {
    let pair = name.split_once('-').and_then(|(from, into)| Currency::parse(from).zip(Currency::parse(into)));
    pair.ok_or_else(|| {
        Problem::new(
            "not_found",
            Text::new(
                "A pair is two ISO 4217 codes, such as NZD-CNY.",
                "货币对由两个 ISO 4217 代码组成，如 NZD-CNY。",
            ),
        )
    })
}

/// Sets the rate of a pair of currencies, in force from now on.
///
/// It says what one whole unit of the first currency is in whole units of the second.
#[utoipa::path(
    put,
    path = "/v1/rates/{pair}",
    operation_id = "set_rate",
    tag = "Rates",
    params(("pair" = String, Path, description = "Two ISO 4217 codes: the store's currency and the wallet's, such as `NZD-CNY`.")),
    request_body = RateIn,
    responses((status = 200, description = "The rate.", body = RateOut)),
    extensions(("x-roles" = json!(["acquirer"])), ("x-codes" = json!(["not_found"]))),
)]
pub(crate) async fn put(State(app): State<Arc<App>>, Named(name): Named, request: Request) -> Answer {
    let caller = app.caller(request.headers(), &[Role::Acquirer])?;
    let (from, into) = routed(&name)?;
    let rate = body::put::<RateIn>(request).await?.rate.0;
    if from == into {
        let why = Text::new(
            "a currency is one to one with itself; its rate cannot be set",
            "同一币种汇率恒为 1，不可设置",
        );
        return Err(Problem::invalid("/rate".into(), &why));
    }
    let render = Box::new(move |answer: &Answered, _: Time| {
        let body = match answer {
            Answered::Rate(from, into, rate) => {
                serde_json::to_string(&RateOut { pair: format!("{from}-{into}"), rate: rate.to_string() })
            }
            _ => Ok(String::new()),
        };
        (200, body.unwrap_or_default())
    });
    let order = Order::SetRate(from, into, rate);
    let work = OfficeWork { order, by: caller.principal, asked: None, detail: String::new(), render };
    office_answer(app.engine.submit(Work::Office(Box::new(work))).await)
}

/// Shows the rate in force.
#[utoipa::path(
    get,
    path = "/v1/rates/{pair}",
    operation_id = "get_rate",
    tag = "Rates",
    params(("pair" = String, Path, description = "Two ISO 4217 codes: the store's currency and the wallet's, such as `NZD-CNY`.")),
    responses((status = 200, description = "The rate.", body = RateOut)),
    extensions(
        ("x-roles" = json!(["operator", "approver", "wallet", "acquirer", "auditor"])),
        ("x-codes" = json!(["not_found"])),
    ),
)]
pub(crate) async fn get(State(app): State<Arc<App>>, Named(name): Named, request: Request) -> Answer {
    app.anyone(request.headers())?;
    let (from, into) = routed(&name)?;
    app.see().await?;
    let rate = app.catalog().rate(from, into).ok_or_else(|| Problem::plain("not_found"))?;
    Ok(json(StatusCode::OK, &RateOut { pair: format!("{from}-{into}"), rate: rate.to_string() }))
}
