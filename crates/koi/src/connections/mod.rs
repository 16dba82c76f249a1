//! Connections that are served, whoever serves what on them: a bounded number, time-outs for slow ones, an orderly stop.
//!
//! [`body`] reads what a request carries, [`outlet`] sees to it that answers are taken.

pub(crate) mod body;
mod outlet;

use std::convert::Infallible;
use std::sync::Arc;

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

use crate::connections::outlet::Outlet;
use crate::limits;

/// Serves so many connections at once until `stop` says so; then open requests may finish, for a while. What `opened` gives
/// is held as long as a connection is open. When this returns, nothing of `answer` is left.
pub(crate) async fn serve<A, F, O, G>(
    listener: TcpListener,
    places: usize,
    answer: A,
    opened: O,
    mut stop: watch::Receiver<bool>,
) where
    A: Fn(Request) -> F + Send + Sync + 'static,
    F: Future<Output = Response> + Send + 'static,
    O: Fn() -> G,
    G: Send + 'static,
{
    let places = Arc::new(Semaphore::new(places));
    let answer = Arc::new(answer);
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
                connections.spawn(connection(stream, answer.clone(), stop.clone(), (place, opened())));
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

async fn connection<A, F, H>(stream: TcpStream, answer: Arc<A>, mut stop: watch::Receiver<bool>, _held: H)
where
    A: Fn(Request) -> F + Send + Sync + 'static,
    F: Future<Output = Response> + Send + 'static,
{
    let _ = stream.set_nodelay(true);
    let stream = Outlet::new(stream, limits::WRITE_TIME);
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let answered = answer(request.map(Body::new));
        async move { Ok::<_, Infallible>(answered.await) }
    });
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
