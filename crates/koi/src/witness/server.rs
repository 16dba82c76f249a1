//! What a witness answers over HTTP: `POST /add-checkpoint`, and what anybody may look at.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use koi_fair::log::{AddCheckpoint, Answer};
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::rate::Rate;
use super::{CONNECTIONS, REQUEST_BYTES, REQUESTS_AT_ONCE, REQUESTS_PER_SECOND, Witness};
use crate::connections;
use crate::connections::body::{self, Unread};
use crate::engine::clock::Clock;

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// What all connections share.
struct Front {
    witness: Witness,
    clock: Clock,
    rate: Rate,
}

/// Serves until `stop` ends; an error of it is the server's. `ready` is told the address once it answers.
pub(crate) async fn serve(
    witness: Witness,
    clock: Clock,
    listen: &str,
    ready: impl FnOnce(SocketAddr),
    stop: impl Future<Output = anyhow::Result<()>>,
) -> anyhow::Result<()> {
    let listener = TcpListener::bind(listen)
        .await
        .with_context(|| format!("cannot listen on {listen}: is it in use? Choose another with --listen"))?;
    let address = listener.local_addr()?;
    let rate = Rate::new(REQUESTS_PER_SECOND, REQUESTS_AT_ONCE, Instant::now());
    let front = Arc::new(Front { witness, clock, rate });
    let (stopping, stopped) = watch::channel(false);
    let answered = move |request| answer(front.clone(), request);
    let serving = tokio::spawn(connections::serve(listener, CONNECTIONS, answered, || (), stopped));
    ready(address);
    let why = stop.await;
    tracing::info!("stopping: open requests may finish");
    stopping.send_replace(true);
    serving.await?;
    why
}

async fn answer(front: Arc<Front>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path();
    let reads = matches!(parts.method, Method::GET | Method::HEAD);
    match (path, log_of(path)) {
        ("/add-checkpoint", _) if parts.method == Method::POST => add_checkpoint(front, body).await,
        ("/add-checkpoint", _) => allowed("POST"),
        ("/" | "/healthz", _) | (_, Some(_)) if !reads => allowed("GET, HEAD"),
        ("/", _) => aside(front, |front| said(StatusCode::OK, page(&front.witness))).await,
        ("/healthz", _) => aside(front, |front| health(&front.witness)).await,
        (_, Some(hash)) => {
            let hash = hash.to_owned();
            aside(front, move |front| match front.witness.checkpoint(&hash) {
                Some(checkpoint) => said(StatusCode::OK, checkpoint),
                None => said(StatusCode::NOT_FOUND, "nothing of this log was cosigned here\n"),
            })
            .await
        }
        _ => said(StatusCode::NOT_FOUND, "there is nothing here\n"),
    }
}

/// `/HASH/checkpoint`: the SHA-256 of a log's origin.
fn log_of(path: &str) -> Option<&str> {
    path.strip_prefix('/')?.strip_suffix("/checkpoint").filter(|hash| hash.len() == 64)
}

async fn add_checkpoint(front: Arc<Front>, body: Body) -> Response {
    let bytes = match body::read(body, REQUEST_BYTES).await {
        Ok(bytes) => bytes,
        Err(Unread::TooLarge) => {
            return said(StatusCode::PAYLOAD_TOO_LARGE, format!("at most {REQUEST_BYTES} bytes are taken here\n"));
        }
        Err(Unread::TooSlow) => return said(StatusCode::REQUEST_TIMEOUT, "the request did not arrive in time\n"),
        Err(Unread::Broken) => return of_witness(&Answer::BadRequest, None),
    };
    if !front.rate.take(Instant::now()) {
        let mut response = said(StatusCode::TOO_MANY_REQUESTS, "too many requests: come again in a second\n");
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        return response;
    }
    let read = std::str::from_utf8(&bytes).map_err(|_| "it is not text".to_owned());
    let read = read.and_then(|text| text.parse::<AddCheckpoint>().map_err(|why| why.to_string()));
    let request = match read {
        Ok(request) => request,
        Err(why) => return of_witness(&Answer::BadRequest, Some(&why)),
    };
    aside(front, move |front| match front.witness.add(&request, || front.clock.now()) {
        Ok(answer) => of_witness(&answer, None),
        Err(fault) => {
            tracing::error!(error = %fault, origin = request.checkpoint.claimed_origin(), "nothing was cosigned");
            // What is wrong with its disk is nobody's business but its owner's.
            said(StatusCode::INTERNAL_SERVER_ERROR, "this witness cannot cosign now; its owner was told\n")
        }
    })
    .await
}

/// Answers on a thread that may wait for a disk.
async fn aside(front: Arc<Front>, work: impl FnOnce(&Front) -> Response + Send + 'static) -> Response {
    let done = tokio::task::spawn_blocking(move || work(&front)).await;
    done.unwrap_or_else(|error| {
        tracing::error!(%error, "an answer failed");
        said(StatusCode::INTERNAL_SERVER_ERROR, "this witness cannot answer that\n")
    })
}

fn of_witness(answer: &Answer, why: Option<&str>) -> Response {
    let status = StatusCode::from_u16(answer.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut text = answer.body();
    if let Some(why) = why {
        text = format!("{}: {why}\n", text.trim_end());
    }
    let mut response = said(status, text);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(answer.content_type()));
    response
}

/// Who it is, and what it saw last of each log.
fn page(witness: &Witness) -> String {
    let mut page = format!(
        "This is {}, a witness of public logs (https://c2sp.org/tlog-witness).\n\
         It cosigns what only grows. It does not look at what the entries say.\n\n\
         key: {}\n\nPOST /add-checkpoint\nGET /SHA256-OF-ORIGIN/checkpoint\n\n",
        witness.name(),
        witness.key()
    );
    for (origin, seen) in witness.seen() {
        let line = match seen {
            Some(seen) => format!("{origin}: {} entries, root {}\n", seen.size, seen.root),
            None => format!("{origin}: nothing yet\n"),
        };
        page += &line;
    }
    page
}

fn health(witness: &Witness) -> Response {
    if witness.is_well() {
        said(StatusCode::OK, "ok\n")
    } else {
        said(StatusCode::SERVICE_UNAVAILABLE, "the last cosignature could not be stored: its owner was told\n")
    }
}

fn allowed(methods: &'static str) -> Response {
    let mut response = said(StatusCode::METHOD_NOT_ALLOWED, format!("only {methods} is answered here\n"));
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(methods));
    response
}

fn said(status: StatusCode, text: impl Into<String>) -> Response {
    let mut response = Response::new(Body::from(text.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, TEXT);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff"));
    response
}
