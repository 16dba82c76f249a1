//! The HTTP API. A handler reads as: who, what, do, say; it holds no SQL and no rule.

mod beacons;
mod body;
mod campaigns;
mod coupons;
mod door;
mod language;
mod ledger;
mod list;
mod log;
mod merchants;
pub(crate) mod openapi;
mod operations;
mod payments;
pub(crate) mod peer_claims;
pub(crate) mod problem;
mod quotes;
mod rates;
mod reference;
mod request_id;
mod routes;
mod sandbox;
pub(crate) mod server;

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLockReadGuard};

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use koi_core::catalog::Catalog;
use koi_core::scene::Settings;
use koi_core::time::Time;
use serde::Serialize;

use crate::engine::clock::Clock;
use crate::engine::freshness::Freshness;
use crate::engine::keys::KeyRing;
use crate::engine::readers::{LongReads, Readers};
use crate::engine::work::{Done, Failure, Outcome};
use crate::engine::{Engine, SharedCatalog};
use crate::http::problem::Problem;
use crate::metrics::Metrics;
use crate::public_log::PublicLog;
use crate::source::Source;

pub(crate) use routes::router;

/// Everything that handlers need. Built once, in `serve`, and passed down.
pub(crate) struct App {
    pub(crate) engine: Engine,
    pub(crate) readers: Readers,
    pub(crate) freshness: Freshness,
    /// For the check of the ledger.
    pub(crate) long_reads: LongReads,
    pub(crate) catalog: SharedCatalog,
    pub(crate) clock: Arc<Clock>,
    pub(crate) settings: Settings,
    pub(crate) keys: Arc<KeyRing>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) source: Source,
    /// The address that codes lead to, without a slash at its end.
    pub(crate) public_url: String,
    pub(crate) sandbox: bool,
    /// The data folder, if everything is in there: readiness looks at its disk.
    pub(crate) folder: Option<PathBuf>,
    pub(crate) public_log: PublicLog,
}

impl App {
    pub(crate) fn catalog(&self) -> RwLockReadGuard<'_, Catalog> {
        self.catalog.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn now(&self) -> Time {
        self.clock.now()
    }

    /// Finds something in the catalog. What is not there may have been added by another server just now.
    pub(crate) async fn known<T>(&self, find: impl Fn(&Catalog) -> Option<T>, code: &str) -> Result<T, Problem> {
        let found = find(&self.catalog());
        if let Some(found) = found {
            return Ok(found);
        }
        self.see().await?;
        find(&self.catalog()).ok_or_else(|| Problem::plain(code))
    }

    /// Sees to it that catalog and clock are as every server on the same database has answered so far.
    pub(crate) async fn see(&self) -> Result<(), Problem> {
        Ok(self.freshness.see(&self.readers, &self.catalog, &self.clock).await?)
    }
}

/// What a handler answers.
pub(crate) type Answer = Result<Response, Problem>;

/// An answer in JSON.
pub(crate) fn json<T: Serialize>(status: StatusCode, value: &T) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => json_bytes(status, body),
        Err(error) => {
            tracing::error!(%error, "an answer cannot be written as JSON");
            Problem::from(&Failure::Fault).into_response()
        }
    }
}

/// An answer whose JSON is written already.
pub(crate) fn json_bytes(status: StatusCode, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Marks an answer that repeats an earlier one.
pub(crate) fn marked(mut response: Response, replayed: bool) -> Response {
    if replayed {
        response.headers_mut().insert("idempotent-replayed", HeaderValue::from_static("true"));
    }
    response
}

/// The answer to an order of the office.
pub(crate) fn office_answer(outcome: Outcome) -> Answer {
    match outcome {
        Ok(Done::Office { status, body, replayed }) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
            Ok(marked(json_bytes(status, body), replayed))
        }
        Ok(Done::Call { .. } | Done::Clock(_)) => Err(Problem::from(&Failure::Fault)),
        Err(failure) => Err(Problem::from(&failure)),
    }
}
