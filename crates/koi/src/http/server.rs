//! The connection loop: a bounded number of connections, time-outs for slow ones, an orderly stop.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tower::ServiceExt;

use crate::http::door::in_language;
use crate::http::language::Language;
use crate::http::request_id::{self, RequestIds};
use crate::limits;
use crate::metrics::Metrics;
use crate::source::Source;

/// Serves until `stop` says so; then open requests may finish.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    metrics: Arc<Metrics>,
    mut stop: watch::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(limits::CONNECTIONS));
    let front = Arc::new(Front { router, metrics, ids: RequestIds::new(&Source::system()) });
    loop {
        // A connection waits in the system's own queue until there is a place for it.
        let Ok(place) = places.clone().acquire_owned().await else { return };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = told(&mut stop) => break,
        };
        match accepted {
            Ok((stream, _)) => {
                tokio::spawn(connection(stream, front.clone(), stop.clone(), place));
            }
            Err(error) => {
                // Out of file descriptors, most likely: let some be closed first.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        }
    }
    drop(listener);
    let all = u32::try_from(limits::CONNECTIONS).unwrap_or(u32::MAX);
    if tokio::time::timeout(limits::SHUTDOWN_TIME, places.acquire_many(all)).await.is_err() {
        tracing::warn!("some requests did not finish in time");
    }
}

/// Waits until the server is told to stop.
async fn told(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// What all connections share.
struct Front {
    router: Router,
    metrics: Arc<Metrics>,
    ids: RequestIds,
}

async fn connection(
    stream: TcpStream,
    front: Arc<Front>,
    mut stop: watch::Receiver<bool>,
    _place: OwnedSemaphorePermit,
) {
    front.metrics.connection(1);
    let _ = stream.set_nodelay(true);
    let shared = front.clone();
    let service = service_fn(move |request: Request<Incoming>| answer(shared.clone(), request));
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits::HEAD_TIME)
        .max_buf_size(limits::HEAD_BYTES.max(8192))
        .pipeline_flush(true)
        .serve_connection(TokioIo::new(stream), service);
    let mut serving = std::pin::pin!(serving);
    tokio::select! {
        _ = serving.as_mut() => {}
        () = told(&mut stop) => {
            serving.as_mut().graceful_shutdown();
            let _ = serving.await;
        }
    }
    front.metrics.connection(-1);
}

async fn answer(front: Arc<Front>, request: Request<Incoming>) -> Result<Response, Infallible> {
    let language = Language::of(request.headers());
    let id = front.ids.of(request.headers());
    // For the log, which is quiet unless asked: cheap copies of what the router takes away.
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let response = front.router.clone().oneshot(request.map(Body::new)).await?;
    let mut response = in_language(response, language, id.to_str().unwrap_or_default());
    let status = response.status().as_u16();
    if status >= 500 {
        tracing::warn!(%method, path = uri.path(), status, request_id = ?id, "answered");
    } else {
        tracing::debug!(%method, path = uri.path(), status, request_id = ?id, "answered");
    }
    response.headers_mut().insert(request_id::HEADER, id);
    front.metrics.answered(status);
    Ok(response)
}
