//! A connection whose peer has to take what is sent to it.
//!
//! hyper limits the time in which a request arrives, not the time in which its answer is taken: a peer that stops reading
//! would keep its place, and the server from stopping. Here each write that has to wait has a time limit; one
//! that need not wait costs nothing, as the timer is made only then.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// A stream that fails when its peer takes nothing for too long.
#[derive(Debug)]
pub(crate) struct Outlet<S> {
    stream: S,
    patience: Duration,
    /// Runs while a write waits.
    deadline: Option<Pin<Box<Sleep>>>,
}

impl<S> Outlet<S> {
    /// A stream whose writes wait for so long at most, each time.
    pub(crate) fn new(stream: S, patience: Duration) -> Self {
        Self { stream, patience, deadline: None }
    }

    /// Passes on what a write came to; while it waits, the deadline runs.
    fn in_time<T>(&mut self, cx: &mut Context<'_>, came_to: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if came_to.is_ready() {
            self.deadline = None;
            return came_to;
        }
        let patience = self.patience;
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(sleep(patience)));
        ready!(deadline.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the peer takes nothing")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Outlet<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Outlet<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let came_to = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.in_time(cx, came_to)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let came_to = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.in_time(cx, came_to)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let came_to = Pin::new(&mut self.stream).poll_flush(cx);
        self.in_time(cx, came_to)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let came_to = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.in_time(cx, came_to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    const PATIENCE: Duration = Duration::from_millis(50);

    /// A stream with room for four bytes, and its peer.
    fn pair() -> (Outlet<tokio::io::DuplexStream>, tokio::io::DuplexStream) {
        let (ours, peer) = tokio::io::duplex(4);
        (Outlet::new(ours, PATIENCE), peer)
    }

    #[tokio::test]
    async fn a_peer_that_takes_nothing_ends_the_connection() {
        let (mut outlet, _peer) = pair();
        outlet.write_all(b"1234").await.unwrap();
        let error = outlet.write_all(b"5").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_slow_peer_is_waited_for_as_long_as_it_takes_something() {
        let (mut outlet, mut peer) = pair();
        let writing = tokio::spawn(async move { outlet.write_all(&[7; 24]).await });
        let mut taken = [0; 4];
        for _ in 0..6 {
            sleep(PATIENCE / 2).await;
            peer.read_exact(&mut taken).await.unwrap();
        }
        writing.await.unwrap().unwrap();
    }
}
