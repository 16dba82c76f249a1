//! Single calls, for everything that is not load: setting the stage, reading metrics, asking for health.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use anyhow::{Context, bail, ensure};
use serde_json::Value;

use crate::limits::{ANSWER_BYTES_MAX, CALL_MAX};
use crate::load::parse;

/// Asks for a path without a key.
///
/// # Errors
/// No connection, no answer in time, or one that is no HTTP.
pub(crate) fn get(address: SocketAddr, path: &str) -> anyhow::Result<(u16, String)> {
    exchange(address, "GET", path, "", None)
}

/// Sends JSON (nothing for null) as a principal and expects one status; answers the body.
///
/// # Errors
/// As for [`get`], and any other status.
pub(crate) fn send(
    address: SocketAddr,
    method: &str,
    path: &str,
    token: &str,
    body: &Value,
    expected: u16,
) -> anyhow::Result<Value> {
    // Each call is made once, so its own words are a key that nobody else uses.
    let key = path.replace('/', "-");
    let headers = format!("authorization: Bearer {token}\r\nidempotency-key: bench{key}\r\n");
    let body = (!body.is_null()).then(|| body.to_string());
    let (status, text) = exchange(address, method, path, &headers, body.as_deref())?;
    ensure!(status == expected, "{method} {path} answered {status}, not {expected}: {}", first(&text));
    if text.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_str(&text).with_context(|| format!("{method} {path} answered no JSON: {}", first(&text)))
}

fn exchange(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &str,
    body: Option<&str>,
) -> anyhow::Result<(u16, String)> {
    let what = || format!("{method} {path}");
    let mut stream = TcpStream::connect_timeout(&address, CALL_MAX).with_context(what)?;
    stream.set_read_timeout(Some(CALL_MAX))?;
    stream.set_write_timeout(Some(CALL_MAX))?;
    let mut request = format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{headers}");
    if let Some(body) = body {
        request += &format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len());
    }
    request += "\r\n";
    request += body.unwrap_or_default();
    stream.write_all(request.as_bytes()).with_context(what)?;

    let mut received = Vec::new();
    let mut piece = vec![0; 16 << 10];
    while received.len() <= ANSWER_BYTES_MAX {
        let length = stream.read(&mut piece).with_context(what)?;
        ensure!(length > 0, "{method} {path}: the connection ended before the answer");
        received.extend_from_slice(&piece[..length]);
        match parse(&received) {
            Ok(None) => {}
            Ok(Some(answer)) => {
                return Ok((answer.status, String::from_utf8_lossy(&received[answer.body]).into_owned()));
            }
            Err(error) => bail!("{method} {path}: {error}"),
        }
    }
    bail!("{method} {path}: an answer of more than {ANSWER_BYTES_MAX} bytes")
}

fn first(text: &str) -> String {
    text.chars().take(400).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake_server::FakeServer;

    #[test]
    fn a_call_reads_the_answer_and_names_what_it_did_not_expect() {
        let server = FakeServer::start();
        assert_eq!(get(server.address, "/healthz").expect("an answer").0, 200);
        let refused =
            send(server.address, "POST", "/nowhere", "sandbox_wallet", &Value::Null, 201).expect_err("404");
        assert!(refused.to_string().starts_with("POST /nowhere answered 404, not 201"), "{refused}");
    }
}
