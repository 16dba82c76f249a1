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
use tokio::task::JoinSet;
use tower::ServiceExt;

use crate::http::door::in_language;
use crate::http::language::Language;
use crate::http::outlet::Outlet;
use crate::http::request_id::{self, RequestIds};
use crate::limits;
use crate::metrics::Metrics;
use crate::source::Source;

/// Serves until `stop` says so; then open requests may finish, for a while. When it returns, nothing of the router is
/// left, so that the engine behind it can end.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    metrics: Arc<Metrics>,
    mut stop: watch::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(limits::CONNECTIONS));
    let front = Arc::new(Front { router, metrics, ids: RequestIds::new(&Source::system()) });
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = told(&mut stop) => break,
            // A connection that ended is forgotten; a panic of it was logged where it happened.
            Some(_) = connections.join_next() => continue,
            accepted = accept(&listener, &places) => accepted,
        };
        match accepted {
            Ok((stream, place)) => {
                connections.spawn(connection(stream, front.clone(), stop.clone(), place));
            }
            Err(error) => {
                // Out of file descriptors, most likely: let some be closed first.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(limits::ACCEPT_REST).await;
            }
        }
    }
    drop(listener);
    let all_ended = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(limits::LAST_REQUESTS_TIME, all_ended).await.is_err() {
        tracing::warn!(open = connections.len(), "some requests did not finish in time and are given up");
        connections.shutdown().await;
    }
}

/// The next connection, once there is a place for it: until then it waits in the system's own queue.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> std::io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let place = places.clone().acquire_owned().await.map_err(std::io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    Ok((stream, place))
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

/// Counts a connection as long as it is open, however it ends.
struct Counted(Arc<Metrics>);

impl Counted {
    fn new(metrics: &Arc<Metrics>) -> Self {
        metrics.connection(1);
        Self(metrics.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.connection(-1);
    }
}

async fn connection(
    stream: TcpStream,
    front: Arc<Front>,
    mut stop: watch::Receiver<bool>,
    _place: OwnedSemaphorePermit,
) {
    let _counted = Counted::new(&front.metrics);
    let _ = stream.set_nodelay(true);
    let stream = Outlet::new(stream, limits::WRITE_TIME);
    let service = service_fn(move |request: Request<Incoming>| answer(front.clone(), request));
    // The time for a head also runs between requests: it ends connections that are kept open for nothing. Answers are
    // not gathered while more requests wait (`pipeline_flush`): they would pile up in memory.
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits::HEAD_TIME)
        .max_buf_size(limits::HEAD_BYTES.max(8192))
        .serve_connection(TokioIo::new(stream), service);
    let mut serving = std::pin::pin!(serving);
    tokio::select! {
        _ = serving.as_mut() => {}
        () = told(&mut stop) => {
            serving.as_mut().graceful_shutdown();
            let _ = serving.await;
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;
    use tokio::io::AsyncWriteExt;

    /// What handlers hold, such as the engine.
    struct Held;

    #[tokio::test]
    async fn nothing_is_held_after_the_stop_even_by_a_request_that_never_ends() {
        let held = Arc::new(Held);
        let (theirs, (begun, mut begins)) = (held.clone(), tokio::sync::mpsc::channel(1));
        let router = Router::new().fallback(move || {
            let (theirs, begun) = (theirs.clone(), begun.clone());
            async move {
                let _ = begun.send(()).await;
                std::future::pending::<()>().await;
                drop(theirs);
            }
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = watch::channel(false);
        let metrics = Arc::new(Metrics::default());
        let serving = tokio::spawn(serve(listener, router, metrics.clone(), stopped));
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(b"GET / HTTP/1.1\r\nhost: koi\r\n\r\n").await.unwrap();
        begins.recv().await.unwrap();
        let began = Instant::now();
        stop.send_replace(true);
        serving.await.unwrap();
        assert!(began.elapsed() >= limits::LAST_REQUESTS_TIME, "it was given its time");
        assert_eq!(Arc::strong_count(&held), 1);
        assert!(metrics.text(0).contains("koi_connections 0"), "{}", metrics.text(0));
    }
}
