//! What operators and their machines look at: health, readiness, metrics.

use std::path::Path;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use koi_core::command::{Call, Command};
use koi_core::id::{Principal, QuoteId};
use koi_core::idempotency::Asked;
use serde::Serialize;

use crate::engine::work::{Failure, Work};
use crate::http::problem::Problem;
use crate::http::{Answer, App, json};
use crate::limits;

#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Health)]
pub(crate) struct HealthOut {
    status: &'static str,
    version: &'static str,
}

const HEALTHY: HealthOut = HealthOut { status: "ok", version: env!("CARGO_PKG_VERSION") };
const READY: HealthOut = HealthOut { status: "ready", version: env!("CARGO_PKG_VERSION") };

/// Answers when the process runs and its store can be read.
#[utoipa::path(
    get,
    path = "/healthz",
    operation_id = "get_health",
    tag = "Operations",
    responses((status = 200, description = "It does.", body = HealthOut)),
)]
pub(crate) async fn health(State(app): State<Arc<App>>) -> Answer {
    app.readers.read(|reader| reader.data_version()).await.map_err(Problem::from)?;
    Ok(json(StatusCode::OK, &HEALTHY))
}

/// Answers when changes can be taken: the writer answers from inside a transaction, and the disk has room.
///
/// A server that was told to stop takes no new connection.
#[utoipa::path(
    get,
    path = "/readyz",
    operation_id = "get_readiness",
    tag = "Operations",
    responses((status = 200, description = "They can.", body = HealthOut)),
)]
pub(crate) async fn ready(State(app): State<Arc<App>>) -> Answer {
    if let Some(folder) = app.folder.as_deref().filter(|folder| !has_room(folder, limits::DISK_FLOOR_BYTES)) {
        tracing::warn!(folder = %folder.display(), "not ready: the disk is nearly full");
        return Err(Problem::from(&Failure::Unavailable));
    }
    // A call about nothing goes all the way: through the queue and into a transaction.
    let command = Command::CancelQuote(QuoteId::of_number(0));
    let asked = Asked::new(&Principal::stored("readyz"), "", "", "", &[]);
    let work = app.engine.submit(Work::Call(Box::new(Call { command, asked }), None));
    match tokio::time::timeout(limits::READY_TIME, work).await {
        Ok(Ok(_) | Err(Failure::Refused(_))) => Ok(json(StatusCode::OK, &READY)),
        Ok(Err(failure)) => Err(Problem::from(&failure)),
        Err(_) => Err(Problem::from(&Failure::Unavailable)),
    }
}

/// Whether the folder's disk has so much room; one that does not tell has none.
fn has_room(folder: &Path, bytes: u64) -> bool {
    rustix::fs::statvfs(folder).is_ok_and(|disk| disk.f_bavail.saturating_mul(disk.f_frsize) >= bytes)
}

/// Counts, in Prometheus' text form.
#[utoipa::path(
    get,
    path = "/metrics",
    operation_id = "get_metrics",
    tag = "Operations",
    responses((status = 200, description = "The counters.", body = String, content_type = "application/openmetrics-text")),
)]
pub(crate) async fn metrics(State(app): State<Arc<App>>) -> Response {
    let text = app.metrics.text(app.engine.queue_len());
    let kind = HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_has_room_or_has_not() {
        let folder = tempfile::tempdir().unwrap();
        assert!(has_room(folder.path(), 1));
        assert!(!has_room(folder.path(), u64::MAX));
        assert!(!has_room(&folder.path().join("gone"), 1));
    }
}
