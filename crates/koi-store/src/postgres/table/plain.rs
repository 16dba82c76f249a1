//! Text that PostgreSQL can store. It refuses one character that JSON and SQLite have: U+0000.

use std::borrow::Cow;

/// Stands in front of a character that is written in another way. (Unicode's SUBSTITUTE; it is in no text that people
/// write.)
const INSTEAD: char = '\u{1A}';
/// What follows it for U+0000, and for itself.
const NUL: char = '0';
const ITSELF: char = '1';

/// A text as it is stored: as it is, but for these two characters.
pub(in crate::postgres) fn stored_text(text: &str) -> Cow<'_, str> {
    if !text.contains(['\0', INSTEAD]) {
        return Cow::Borrowed(text);
    }
    let mut stored = String::with_capacity(text.len() + 1);
    for letter in text.chars() {
        match letter {
            '\0' => stored.extend([INSTEAD, NUL]),
            INSTEAD => stored.extend([INSTEAD, ITSELF]),
            _ => stored.push(letter),
        }
    }
    Cow::Owned(stored)
}

/// A text that was stored, mostly as it is.
pub(in crate::postgres) fn read_text(stored: &str) -> Cow<'_, str> {
    if stored.contains(INSTEAD) { Cow::Owned(plain_text(stored)) } else { Cow::Borrowed(stored) }
}

/// A text that was stored.
pub(in crate::postgres) fn plain_text(stored: &str) -> String {
    let mut text = String::with_capacity(stored.len());
    let mut letters = stored.chars();
    while let Some(letter) = letters.next() {
        match letter {
            INSTEAD => text.push(if letters.next() == Some(NUL) { '\0' } else { INSTEAD }),
            _ => text.push(letter),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_read_back_and_none_stored_with_a_nul() {
        for text in ["", "红包 \u{10FFFF}", "\0", "\u{1A}", "\u{1A}0", "a\0b\u{1A}1\u{1A}\0"] {
            let stored = stored_text(text);
            assert!(!stored.contains('\0'));
            assert_eq!(plain_text(&stored), text, "{stored:?}");
            assert_eq!(read_text(&stored), text, "{stored:?}");
        }
    }

    #[test]
    fn an_ordinary_text_is_stored_as_it_is() {
        assert!(matches!(stored_text("Kiwi Honey & Söhne 蜂蜜 'O;--\n"), Cow::Borrowed(_)));
    }
}
