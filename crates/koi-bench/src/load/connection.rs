//! One socket, and what is under way on it.

use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::Instant;

use mio::net::TcpStream;

use super::answer::{Answer, parse};
use crate::limits::{ANSWER_BYTES_MAX, CALL_MAX};

/// Room for an ordinary answer; it grows where one is larger.
const ANSWER_BYTES: usize = 4_096;

/// A connection that carries one request at a time.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) stream: TcpStream,
    /// When the request under way should have been sent; `None` while the connection is idle.
    pub(super) awaiting: Option<Instant>,
    /// Closed or broken; it is not used again.
    pub(super) lost: bool,
    /// What the socket has not taken yet. Practically always empty.
    unsent: Vec<u8>,
    received: Vec<u8>,
    received_length: usize,
}

/// What a look at the socket brought.
#[derive(Debug)]
pub(super) enum Received {
    Whole(Answer),
    NotYet,
    Lost(String),
}

impl Connection {
    pub(super) fn open(address: SocketAddr) -> io::Result<Connection> {
        let stream = std::net::TcpStream::connect_timeout(&address, CALL_MAX)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        Ok(Connection {
            stream: TcpStream::from_std(stream),
            awaiting: None,
            lost: false,
            unsent: Vec::new(),
            received: vec![0; ANSWER_BYTES],
            received_length: 0,
        })
    }

    /// Sends a request; what the socket does not take at once follows in [`Connection::flush`].
    pub(super) fn send(&mut self, bytes: &[u8], intended: Instant) -> io::Result<()> {
        self.awaiting = Some(intended);
        self.received_length = 0;
        let taken = write_some(&mut self.stream, bytes)?;
        self.unsent.extend_from_slice(&bytes[taken..]);
        Ok(())
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        if !self.unsent.is_empty() {
            let taken = write_some(&mut self.stream, &self.unsent)?;
            self.unsent.drain(..taken);
        }
        Ok(())
    }

    /// Reads until the answer is whole or nothing more is there. It may stop before the socket is empty only
    /// after a whole answer; the next one then raises a new edge.
    pub(super) fn receive(&mut self) -> Received {
        loop {
            if self.received_length == self.received.len() {
                if self.received.len() >= ANSWER_BYTES_MAX {
                    return Received::Lost("an answer that is too long".to_owned());
                }
                self.received.resize(self.received.len() * 2, 0);
            }
            match self.stream.read(&mut self.received[self.received_length..]) {
                Ok(0) => return Received::Lost("closed by the server".to_owned()),
                Ok(_) if self.awaiting.is_none() => {
                    return Received::Lost("an answer to no request".to_owned());
                }
                Ok(length) => self.received_length += length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Received::NotYet,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Received::Lost(error.kind().to_string()),
            }
            match parse(&self.received[..self.received_length]) {
                Ok(Some(answer)) => return Received::Whole(answer),
                Ok(None) => {}
                Err(error) => return Received::Lost(error),
            }
        }
    }

    pub(super) fn body(&self, answer: &Answer) -> &[u8] {
        &self.received[answer.body.clone()]
    }
}

/// Writes what the socket takes now, which may be nothing.
fn write_some(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<usize> {
    match stream.write(bytes) {
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(0),
        other => other,
    }
}
