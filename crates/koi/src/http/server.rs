//! What the API does on its connections: it counts them, gives every request an id, and answers in its language.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tower::ServiceExt;

use crate::connections;
use crate::http::door::in_language;
use crate::http::language::Language;
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
    stop: watch::Receiver<bool>,
) {
    let front = Arc::new(Front { router, metrics: metrics.clone(), ids: RequestIds::new(&Source::system()) });
    let answer = move |request| answer(front.clone(), request);
    let opened = || Counted::new(&metrics);
    connections::serve(listener, limits::CONNECTIONS, answer, opened, stop).await;
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

async fn answer(front: Arc<Front>, request: Request) -> Response {
    let language = Language::of(request.headers());
    let id = front.ids.of(request.headers());
    // For the log, which is quiet unless asked: cheap copies of what the router takes away.
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let response = front.router.clone().oneshot(request).await.unwrap_or_else(|never| match never {});
    let mut response = in_language(response, language, id.to_str().unwrap_or_default());
    let status = response.status().as_u16();
    if status >= 500 {
        tracing::warn!(%method, path = uri.path(), status, request_id = ?id, "answered");
    } else {
        tracing::debug!(%method, path = uri.path(), status, request_id = ?id, "answered");
    }
    response.headers_mut().insert(request_id::HEADER, id);
    front.metrics.answered(status);
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpStream;

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
