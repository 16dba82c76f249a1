//! The sandbox's clock.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use koi_core::time::Time;
use serde::{Deserialize, Serialize};

use crate::engine::work::{Done, Work};
use crate::fields::Field;
use crate::http::body;
use crate::http::coupons::fault;
use crate::http::problem::Problem;
use crate::http::{Answer, App, json};
use crate::schema::Instant;

#[derive(Debug, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Clock)]
pub(crate) struct ClockIn {
    /// RFC 3339 with an offset; at or after the time at which the clock stands.
    #[schema(value_type = Instant)]
    now: Field<Time>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ClockNow)]
pub(crate) struct ClockOut {
    #[schema(value_type = Instant)]
    now: String,
}

/// Moves the frozen clock forward.
///
/// Answers once all work due by then has been done.
#[utoipa::path(
    put,
    path = "/v1/sandbox/clock",
    operation_id = "set_clock",
    tag = "Sandbox",
    request_body = ClockIn,
    responses((status = 200, description = "Where the clock stands.", body = ClockOut)),
    extensions(
        ("x-roles" = json!(["operator", "approver", "wallet", "acquirer", "auditor"])),
        ("x-codes" = json!(["clock_backwards"])),
    ),
)]
pub(crate) async fn set_clock(State(app): State<Arc<App>>, request: Request) -> Answer {
    app.anyone(request.headers())?;
    let to = body::put::<ClockIn>(request).await?.now.0;
    match app.engine.submit(Work::SetClock(to)).await {
        Ok(Done::Clock(now)) => Ok(json(StatusCode::OK, &ClockOut { now: now.to_string() })),
        Ok(Done::Call { .. } | Done::Office { .. }) => Err(fault()),
        Err(failure) => Err(Problem::from(&failure)),
    }
}

/// Tells the time of the sandbox.
#[utoipa::path(
    get,
    path = "/v1/sandbox/clock",
    operation_id = "get_clock",
    tag = "Sandbox",
    responses((status = 200, description = "Where the clock stands.", body = ClockOut)),
    extensions(("x-roles" = json!(["operator", "approver", "wallet", "acquirer", "auditor"]))),
)]
pub(crate) async fn get_clock(State(app): State<Arc<App>>, request: Request) -> Answer {
    app.anyone(request.headers())?;
    app.see().await?;
    Ok(json(StatusCode::OK, &ClockOut { now: app.now().to_string() }))
}
