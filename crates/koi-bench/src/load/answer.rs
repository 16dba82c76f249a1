//! Reads answers: status, length, body. Answers of the contract always carry their length, so there is no
//! chunked encoding here; one without a length is an error rather than a guess.

use std::ops::Range;

use crate::limits::HEADERS_MAX;

/// A whole answer at the front of a buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Where the body lies in the buffer; its end is the end of the answer.
    pub(crate) body: Range<usize>,
}

/// Parses what has arrived so far: a whole answer, or `None` while some of it is missing. It begins at the
/// front each time, which is cheap because an answer nearly always arrives in one piece.
///
/// # Errors
/// Bytes that are no HTTP/1 answer with a length.
pub(crate) fn parse(bytes: &[u8]) -> Result<Option<Answer>, String> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut head = httparse::Response::new(&mut headers);
    let start = match head.parse(bytes) {
        Ok(httparse::Status::Complete(start)) => start,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(error) => return Err(format!("an answer that is no HTTP: {error}")),
    };
    let status = head.code.ok_or("an answer without a status")?;
    let length = head.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let length: usize = match length {
        Some(header) => std::str::from_utf8(header.value)
            .ok()
            .and_then(|text| text.trim().parse().ok())
            .ok_or("an answer whose length is no number")?,
        // RFC 9110, 6.4.1: these never have a body.
        None if status == 204 || status == 304 => 0,
        None => return Err("an answer without a length".to_owned()),
    };
    let end = start.checked_add(length).ok_or("an answer of absurd length")?;
    Ok((bytes.len() >= end).then_some(Answer { status, body: start..end }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CREATED: &[u8] =
        b"HTTP/1.1 201 Created\r\ncontent-type: application/json\r\nContent-LENGTH: 12\r\ndate: x\r\n\r\n{\"id\":\"c_1\"}";

    #[test]
    fn an_answer_split_at_any_byte_is_read_once_it_is_whole() {
        for split in 0..CREATED.len() {
            assert_eq!(parse(&CREATED[..split]), Ok(None), "split at {split}");
        }
        let answer = parse(CREATED).expect("valid").expect("whole");
        assert_eq!(answer.status, 201);
        assert_eq!(&CREATED[answer.body.clone()], br#"{"id":"c_1"}"#);
        assert_eq!(answer.body.end, CREATED.len());
    }

    #[test]
    fn what_follows_an_answer_is_left_alone() {
        let two = [CREATED, CREATED].concat();
        assert_eq!(parse(&two).expect("valid").expect("whole").body.end, CREATED.len());
    }

    #[test]
    fn only_answers_with_a_length_are_read() {
        let check = |bytes: &[u8], expected: Result<Option<u16>, &str>| {
            let got = parse(bytes).map(|answer| answer.map(|answer| answer.status));
            assert_eq!(got, expected.map_err(str::to_owned));
        };
        check(b"HTTP/1.1 204 No Content\r\n\r\n", Ok(Some(204)));
        check(b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n", Ok(Some(503)));
        check(b"HTTP/1.1 200 OK\r\n\r\nbody", Err("an answer without a length"));
        check(b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n", Err("an answer whose length is no number"));
        check(
            b"HTTP/1.1 200 OK\r\ncontent-length: 18446744073709551615\r\n\r\n",
            Err("an answer of absurd length"),
        );
        assert!(parse(b"SSH-2.0-server\r\n").is_err());
    }
}
