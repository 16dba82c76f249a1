//! What operators and their machines look at: health, readiness, metrics.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::http::problem::{KINDS, Problem};
use crate::http::{Answer, App, json};

#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Health)]
pub(crate) struct HealthOut {
    status: &'static str,
    version: &'static str,
}

const HEALTHY: HealthOut = HealthOut { status: "ok", version: env!("CARGO_PKG_VERSION") };

/// 200 when the store answers.
pub(crate) async fn health(State(app): State<Arc<App>>) -> Answer {
    app.readers.read(|reader| reader.data_version()).await.map_err(Problem::from)?;
    Ok(json(StatusCode::OK, &HEALTHY))
}

/// Prometheus' text form.
pub(crate) async fn metrics(State(app): State<Arc<App>>) -> Response {
    let text = app.metrics.text(app.engine.queue_len());
    let kind = HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}

/// What the `type` of a problem leads to: all of them, in both languages.
pub(crate) async fn problems() -> Response {
    let rows: String = KINDS
        .iter()
        .map(|kind| {
            let retry = if kind.retryable { "yes · 是" } else { "no · 否" };
            format!(
                "<tr id=\"{0}\"><td><code>{0}</code></td><td>{1}</td><td>{2}</td><td>{3}</td><td>{retry}</td></tr>\n",
                kind.code, kind.status, kind.en, kind.zh
            )
        })
        .collect();
    let page = PROBLEMS.replace("{rows}", &rows);
    ([(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"))], page).into_response()
}

const PROBLEMS: &str = include_str!("problems.html");
