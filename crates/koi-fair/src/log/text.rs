//! The pieces that every text of a log is made of: lines, decimal numbers, base64.
//!
//! Each value has exactly one spelling, and every other one is refused. Two spellings of one meaning would be
//! two different bytes under a signature, and room for two programs to disagree on what was said.

use base64ct::{Base64, Encoding};

use super::TreeHash;

/// Why a piece of text is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// The text, or its last line, does not end in a newline.
    #[error("a line does not end in a newline")]
    NoNewline,
    /// A line is missing, or is empty where it may not be.
    #[error("a line is missing or empty")]
    LineMissing,
    /// A line does not begin with the word that belongs there.
    #[error("a line does not begin with its word")]
    WordMissing,
    /// A number is not decimal digits, has a leading zero, or is above 2⁶⁴ − 1.
    #[error("a number is not a decimal without leading zeros, below 2^64")]
    Number,
    /// Base64 that is not the one spelling of its bytes (RFC 4648, sections 3.5 and 4, with padding).
    #[error("base64 is not the one spelling of its bytes")]
    Base64,
    /// A hash is not 32 bytes.
    #[error("a hash is not 32 bytes")]
    HashLength,
}

/// Base64 with padding (RFC 4648, section 4).
pub(crate) fn base64(bytes: &[u8]) -> String {
    Base64::encode_string(bytes)
}

/// The bytes of base64, only in its one spelling.
pub(crate) fn bytes_of_base64(text: &str) -> Result<Vec<u8>, TextError> {
    let bytes = Base64::decode_vec(text).map_err(|_| TextError::Base64)?;
    // The decoder is strict; that spelling is unique is so important that it is checked twice.
    if base64(&bytes) == text { Ok(bytes) } else { Err(TextError::Base64) }
}

/// A decimal number without sign or leading zeros.
pub(crate) fn number(text: &str) -> Result<u64, TextError> {
    let canonical = !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_digit())
        && (text == "0" || !text.starts_with('0'));
    if canonical { text.parse().map_err(|_| TextError::Number) } else { Err(TextError::Number) }
}

/// Splits the first line from a text: the line without its newline, and the rest.
pub(crate) fn line(text: &str) -> Result<(&str, &str), TextError> {
    text.split_once('\n').ok_or(if text.is_empty() { TextError::LineMissing } else { TextError::NoNewline })
}

/// What follows a word and one space on a line.
pub(crate) fn after_word<'a>(line: &'a str, word: &str) -> Result<&'a str, TextError> {
    let rest = line.strip_prefix(word).and_then(|rest| rest.strip_prefix(' '));
    rest.ok_or(TextError::WordMissing)
}

/// Hashes, one on each line, up to an empty line, and what follows it; `None` if there are more than `most`.
pub(crate) fn hashes(mut rest: &str, most: usize) -> Result<Option<(Vec<TreeHash>, &str)>, TextError> {
    let mut hashes = Vec::new();
    loop {
        let (hash, after) = line(rest)?;
        if hash.is_empty() {
            return Ok(Some((hashes, after)));
        }
        if hashes.len() == most {
            return Ok(None);
        }
        hashes.push(hash.parse()?);
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_one_spelling() {
        for (text, value) in [
            ("0", Ok(0)),
            ("7", Ok(7)),
            ("18446744073709551615", Ok(u64::MAX)),
            ("18446744073709551616", Err(TextError::Number)),
            ("", Err(TextError::Number)),
            ("00", Err(TextError::Number)),
            ("07", Err(TextError::Number)),
            ("+7", Err(TextError::Number)),
            ("-7", Err(TextError::Number)),
            (" 7", Err(TextError::Number)),
            ("7\r", Err(TextError::Number)),
            ("٧", Err(TextError::Number)),
        ] {
            assert_eq!(number(text), value, "{text:?}");
        }
    }

    #[test]
    fn base64_has_one_spelling() {
        // The vectors of RFC 4648, section 10.
        for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")] {
            assert_eq!(base64(bytes.as_bytes()), text);
            assert_eq!(bytes_of_base64(text), Ok(bytes.as_bytes().to_vec()), "{text}");
        }
        for text in
            ["Zh==", "Zg", "Zg=", "Zg===", "Zm9=", "Zm9v=", "Zm9v\n", " Zm9v", "Zm-v", "Zm_v", "Zm9vZ", "é"]
        {
            assert_eq!(bytes_of_base64(text), Err(TextError::Base64), "{text:?}");
        }
    }

    #[test]
    fn lines_end_in_newlines() {
        assert_eq!(line("a\nb"), Ok(("a", "b")));
        assert_eq!(line("a"), Err(TextError::NoNewline));
        assert_eq!(line(""), Err(TextError::LineMissing));
        assert_eq!(after_word("old 7", "old"), Ok("7"));
        assert_eq!(after_word("old7", "old"), Err(TextError::WordMissing));
    }
}
