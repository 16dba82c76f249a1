//! Makes requests: bytes in a buffer that is used again and again.

use std::io::Write;

/// The part of a request's head that never changes.
#[derive(Debug, Clone)]
pub(crate) struct Head(Vec<u8>);

impl Head {
    /// A `POST` by a principal, up to where its idempotency key begins.
    pub(crate) fn post(path: &str, token: &str) -> Head {
        Head(
            format!(
                "POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {token}\r\n\
                 content-type: application/json\r\nidempotency-key: "
            )
            .into_bytes(),
        )
    }
}

/// One request on its way out.
#[derive(Debug, Default)]
pub(crate) struct Request {
    bytes: Vec<u8>,
    body: Vec<u8>,
}

impl Request {
    /// Replaces what was here before. The body is made first: its length stands in the head.
    pub(crate) fn post(&mut self, head: &Head, key: impl FnOnce(&mut Vec<u8>), body: impl FnOnce(&mut Vec<u8>)) {
        self.body.clear();
        body(&mut self.body);
        self.bytes.clear();
        self.bytes.extend_from_slice(&head.0);
        key(&mut self.bytes);
        self.bytes.extend_from_slice(b"\r\ncontent-length: ");
        write!(self.bytes, "{}", self.body.len()).expect("a vector takes every byte");
        self.bytes.extend_from_slice(b"\r\n\r\n");
        self.bytes.extend_from_slice(&self.body);
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_replaces_the_one_before() {
        let head = Head::post("/v1/quotes", "sandbox_wallet");
        let mut request = Request::default();
        request.post(&head, |key| key.extend_from_slice(b"k1"), |body| body.extend_from_slice(b"{\"long\":true}"));
        request.post(&head, |key| key.extend_from_slice(b"k2"), |body| body.extend_from_slice(b"{}"));
        assert_eq!(
            String::from_utf8_lossy(request.bytes()),
            "POST /v1/quotes HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer sandbox_wallet\r\n\
             content-type: application/json\r\nidempotency-key: k2\r\ncontent-length: 2\r\n\r\n{}"
        );
    }
}
