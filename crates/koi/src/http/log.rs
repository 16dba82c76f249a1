//! The public log: its files, for everybody, and what people keep of it.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use koi_core::id::CouponId;
use koi_fair::log::{TileKind, TilePath};
use koi_store::{Issued, Reader, StoreError, Want};
use serde::Serialize;

use crate::engine::leaves::receipt_of;
use crate::engine::work::Failure;
use crate::http::door::{Named, READERS};
use crate::http::problem::{Problem, Text};
use crate::http::{Answer, App, json};
use crate::public_log::proof;
use crate::public_log::publisher::{Unpublished, published};
use crate::public_log::{CHECKPOINT, KEY};

/// How far the public log is, and where.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PublicLog)]
pub(crate) struct LogOut {
    /// The log's name.
    #[schema(example = "koi.example.com/log")]
    origin: String,
    /// The key that checks its signatures, as C2SP signed-note writes one.
    key: String,
    /// Where its files begin (C2SP tlog-tiles): `checkpoint`, `key` and `tile/…` follow.
    #[schema(example = "https://koi.example.com/log/")]
    url: String,
    /// The number of leaves that are published.
    size: u64,
    /// The root over them, in base64; absent while there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    root: Option<String>,
}

/// Shows how far the public log is.
#[utoipa::path(
    get,
    path = "/v1/log",
    operation_id = "get_log",
    tag = "Public log",
    responses((status = 200, description = "Its name, its key, and how far it is published.", body = LogOut)),
)]
pub(crate) async fn get(State(app): State<Arc<App>>) -> Answer {
    let log = app.public_log.clone();
    let standing = reading(&app, move || published(&log)).await?;
    Ok(json(
        StatusCode::OK,
        &LogOut {
            origin: app.public_log.identity.origin().to_owned(),
            key: app.public_log.identity.key(),
            url: format!("{}/log/", app.public_url),
            size: standing.as_ref().map_or(0, |standing| standing.size),
            root: standing.map(|standing| standing.root.to_string()),
        },
    ))
}

/// Proves that a leaf is in the public log.
///
/// The answer is a C2SP tlog-proof whose `extra` is the leaf.
#[utoipa::path(
    get,
    path = "/v1/log/leaves/{index}/proof",
    operation_id = "get_leaf_proof",
    tag = "Public log",
    params(("index" = u64, Path, description = "The leaf's index, from 0.")),
    responses((status = 200, description = "The proof.", body = String, content_type = "text/plain")),
    extensions(("x-codes" = json!(["not_found"]))),
)]
pub(crate) async fn leaf(State(app): State<Arc<App>>, Named(index): Named) -> Answer {
    let index = index.parse().map_err(|_| Problem::plain("not_found"))?;
    let log = app.public_log.clone();
    let proof = reading(&app, move || proof::of_index(&log, index)).await?;
    Ok(text(proof.ok_or_else(|| Problem::plain("not_found"))?.to_string()))
}

/// Serves a file of the public log.
///
/// `checkpoint` says how far the log is and is signed; `key` checks the signature; `tile/…` are the hashes and the leaves. The
/// formats are C2SP tlog-checkpoint and tlog-tiles.
#[utoipa::path(
    get,
    path = "/log/{*path}",
    operation_id = "get_log_file",
    tag = "Public log",
    params(("path" = String, Path, description = "The file, such as `checkpoint` or `tile/entries/000`.")),
    responses((status = 200, description = "The file.", body = String, content_type = "text/plain")),
    extensions(("x-codes" = json!(["not_found"]))),
)]
pub(crate) async fn file(State(app): State<Arc<App>>, Named(path): Named) -> Answer {
    let absent = || Problem::plain("not_found");
    let kind = Kind::of(&path).ok_or_else(absent)?;
    let _seat = app.public_log.seat().await.ok_or_else(|| Problem::from(&Failure::Busy))?;
    let found = match kind {
        Kind::Key => Ok(Some(app.public_log.identity.key_file())),
        Kind::Checkpoint | Kind::Tile(_) => app.public_log.place.find(&path).await,
    };
    let found = found.map_err(|error| failed(&Unpublished::Place(error)))?;
    let bytes = found.ok_or_else(absent)?;
    let headers: [(HeaderName, HeaderValue); 4] = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind.media_type())),
        (header::CACHE_CONTROL, HeaderValue::from_static(kind.caching())),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        // Whoever checks may do so from a page of their own.
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
    ];
    Ok((headers, bytes).into_response())
}

/// What a file of the log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// It grows.
    Checkpoint,
    Key,
    /// It never changes.
    Tile(TileKind),
}

impl Kind {
    fn of(path: &str) -> Option<Self> {
        match path {
            CHECKPOINT => Some(Self::Checkpoint),
            KEY => Some(Self::Key),
            tile => tile.parse().ok().map(|tile: TilePath| Self::Tile(tile.kind())),
        }
    }

    fn media_type(self) -> &'static str {
        match self {
            Self::Checkpoint | Self::Key => "text/plain; charset=utf-8",
            Self::Tile(_) => "application/octet-stream",
        }
    }

    fn caching(self) -> &'static str {
        match self {
            Self::Checkpoint => "no-cache",
            Self::Key => "public, max-age=3600",
            Self::Tile(_) => "public, max-age=31536000, immutable",
        }
    }
}

/// Signs what the public log will say of a coupon.
///
/// It is there as soon as the coupon is: a promise, which the log keeps within seconds. A C2SP signed note.
#[utoipa::path(
    get,
    path = "/v1/coupons/{id}/receipt",
    operation_id = "get_receipt",
    tag = "Public log",
    params(("id" = String, Path, description = "The coupon.")),
    responses((status = 200, description = "The receipt.", body = String, content_type = "text/plain")),
    extensions(("x-roles" = json!(["wallet", "operator", "auditor"])), ("x-codes" = json!(["not_found"]))),
)]
pub(crate) async fn receipt(State(app): State<Arc<App>>, Named(name): Named, request: Request) -> Answer {
    app.caller(request.headers(), READERS)?;
    let (coupon, campaign) = app.coupon_of(&name).await?;
    let signed = receipt_of(campaign, &coupon).map_err(|error| failed(&error.into())).and_then(|leaf| {
        let leaf = String::from_utf8_lossy(&leaf).into_owned();
        let note = app.public_log.identity.receipt(&leaf);
        note.map_err(|error| failed(&StoreError::Damaged(format!("a receipt: {error}")).into()))
    })?;
    Ok(text(signed.to_string()))
}

/// Proves that a coupon's receipt is in the public log.
///
/// The answer is a C2SP tlog-proof whose `extra` is the leaf: the one file that its holder needs to keep.
#[utoipa::path(
    get,
    path = "/v1/coupons/{id}/proof",
    operation_id = "get_coupon_proof",
    tag = "Public log",
    params(("id" = String, Path, description = "The coupon.")),
    responses((status = 200, description = "The proof.", body = String, content_type = "text/plain")),
    extensions(
        ("x-roles" = json!(["wallet", "operator", "auditor"])),
        ("x-codes" = json!(["not_found", "not_published"])),
    ),
)]
pub(crate) async fn coupon_proof(State(app): State<Arc<App>>, Named(name): Named, request: Request) -> Answer {
    app.caller(request.headers(), READERS)?;
    let (coupon, campaign) = app.coupon_of(&name).await?;
    let log = app.public_log.clone();
    let standing = reading(&app, move || published(&log)).await?.ok_or_else(not_published)?;
    // A place may be slow. Who reads from the database meanwhile does not wait for it.
    let log = app.public_log.clone();
    let found = app.readers.read(move |reader| proof::find(&log, reader, &campaign, &coupon));
    let found = found.await.map_err(Problem::from)?;
    let (index, leaf) = found.filter(|(index, _)| *index < standing.size).ok_or_else(not_published)?;
    let log = app.public_log.clone();
    let proof = reading(&app, move || proof::of(&log, standing, index, leaf)).await?;
    Ok(text(proof.to_string()))
}

fn not_published() -> Problem {
    Problem::new(
        "not_published",
        Text::new(
            "The coupon is not in a checkpoint of the public log yet: ask again in a few seconds.",
            "该红包尚未写入公开日志的检查点，请数秒后重试。",
        ),
    )
}

impl App {
    /// A coupon as it was issued, and the name of its campaign.
    async fn coupon_of(&self, name: &str) -> Result<(Issued, String), Problem> {
        let absent = || Problem::plain("not_found");
        let id = CouponId::parse(name).ok_or_else(absent)?;
        let find = move |reader: &Reader| {
            let rows = reader.rows(&[(id.cell(), vec![Want::Coupon(id)])])?;
            Ok(rows.get(id.cell()).and_then(|rows| rows.coupons.get(id).map(Issued::from)))
        };
        // A cell that there is not has no rows to look at.
        if id.cell().0 >= self.settings.cells {
            return Err(absent());
        }
        let coupon = self.readers.read(find).await.map_err(Problem::from)?.ok_or_else(absent)?;
        let named = |catalog: &koi_core::catalog::Catalog| {
            catalog.campaign_numbered(id.campaign()).map(|campaign| campaign.rules.id.to_string())
        };
        let campaign = self.known(named, "not_found").await?;
        Ok((coupon, campaign))
    }
}

/// Reads from the log on a thread that may block, in a seat of its own.
async fn reading<T: Send + 'static>(
    app: &App,
    work: impl FnOnce() -> Result<T, Unpublished> + Send + 'static,
) -> Result<T, Problem> {
    let seat = app.public_log.seat().await.ok_or_else(|| Problem::from(&Failure::Busy))?;
    let done = tokio::task::spawn_blocking(move || {
        let _seat = seat;
        work()
    });
    let done = done.await;
    done.map_err(|_| Problem::from(&Failure::Fault))?.map_err(|error| failed(&error))
}

/// The log cannot be read now.
fn failed(error: &Unpublished) -> Problem {
    tracing::error!(%error, "the public log cannot be read");
    match error {
        Unpublished::Store(StoreError::Damaged(_)) => Problem::from(&Failure::Fault),
        _ => Problem::from(&Failure::Unavailable),
    }
}

fn text(body: String) -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"))], body).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_the_log_are_served() {
        for (path, kind) in [
            ("checkpoint", Some(Kind::Checkpoint)),
            ("key", Some(Kind::Key)),
            ("tile/0/000", Some(Kind::Tile(TileKind::Hashes(0)))),
            ("tile/1/x001/234.p/7", Some(Kind::Tile(TileKind::Hashes(1)))),
            ("tile/entries/000", Some(Kind::Tile(TileKind::Entries))),
            ("tile/0/0", None),
            ("tile/0/../../key", None),
            ("../koi.db", None),
            ("", None),
        ] {
            assert_eq!(Kind::of(path), kind, "{path}");
        }
    }
}
