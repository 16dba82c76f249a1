//! The API's reference, offline: the OpenAPI document, its pages, and the page of problems.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use utoipa_swagger_ui::Config;

use crate::http::door::Named;
use crate::http::openapi;
use crate::http::problem::{KINDS, Problem};
use crate::http::{Answer, App};

/// What the pages may load: only what this server serves.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Serves this document.
#[utoipa::path(
    get,
    path = "/openapi.json",
    operation_id = "get_openapi",
    tag = "Operations",
    responses((status = 200, description = "The OpenAPI document.", body = Object, content_type = "application/json")),
)]
pub(crate) async fn document(State(app): State<Arc<App>>) -> Response {
    page("application/json", openapi::bytes(app.sandbox))
}

/// Leads to the reference.
#[utoipa::path(
    get,
    path = "/docs",
    operation_id = "get_docs",
    tag = "Operations",
    responses((status = 308, description = "The reference is at `/docs/`.")),
)]
pub(crate) async fn moved() -> Response {
    (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, HeaderValue::from_static("/docs/"))]).into_response()
}

/// Serves the reference.
#[utoipa::path(
    get,
    path = "/docs/",
    operation_id = "get_reference",
    tag = "Operations",
    responses((status = 200, description = "A page.", body = String, content_type = "text/html")),
)]
pub(crate) async fn start() -> Answer {
    asset("index.html")
}

/// Serves a file of the reference.
#[utoipa::path(
    get,
    path = "/docs/{file}",
    operation_id = "get_reference_file",
    tag = "Operations",
    params(("file" = String, Path, description = "The file, such as `swagger-ui.css`.")),
    responses((status = 200, description = "The file, in its own media type.")),
    extensions(("x-codes" = json!(["not_found"]))),
)]
pub(crate) async fn file(Named(name): Named) -> Answer {
    asset(&name)
}

fn asset(name: &str) -> Answer {
    let config = Config::from("/openapi.json").use_base_layout().try_it_out_enabled(true).deep_linking(true);
    match utoipa_swagger_ui::serve(name, Arc::new(config)) {
        Ok(Some(file)) => Ok(page(&file.content_type, file.bytes.into_owned())),
        Ok(None) => Err(Problem::plain("not_found")),
        Err(error) => {
            tracing::error!(%error, name, "a file of the reference cannot be served");
            Err(crate::http::coupons::fault())
        }
    }
}

/// Lists all problems, in both languages: what the `type` of a problem leads to.
#[utoipa::path(
    get,
    path = "/docs/problems",
    operation_id = "get_problems",
    tag = "Operations",
    responses((status = 200, description = "A page with an anchor for each code.", body = String, content_type = "text/html")),
)]
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
    page("text/html; charset=utf-8", PROBLEMS.replace("{rows}", &rows))
}

const PROBLEMS: &str = include_str!("problems.html");

fn page(kind: &str, body: impl IntoResponse) -> Response {
    let kind = HeaderValue::from_str(kind).unwrap_or(HeaderValue::from_static("application/octet-stream"));
    let headers: [(HeaderName, HeaderValue); 4] = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    (headers, body).into_response()
}
