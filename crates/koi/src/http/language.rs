//! The language of an answer: English or Chinese, as `Accept-Language` likes it.

use axum::http::{HeaderMap, header};

/// The language of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    English,
    Chinese,
}

impl Language {
    /// The better liked of the two in an `Accept-Language` header (RFC 9110, 12.5.4); English without one.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let Some(header) = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()) else {
            return Language::English;
        };
        let mut best = (0, Language::English);
        for range in header.split(',') {
            let (tag, weight) = range.split_once(';').unwrap_or((range, "q=1"));
            let primary = tag.trim().split('-').next().unwrap_or_default();
            let language = match primary.to_ascii_lowercase().as_str() {
                "zh" => Language::Chinese,
                "en" | "*" => Language::English,
                _ => continue,
            };
            let weight = thousandths(weight.trim());
            if weight > best.0 {
                best = (weight, language);
            }
        }
        best.1
    }
}

/// A weight such as `q=0.8` in thousandths; one that is not understood weighs nothing.
fn thousandths(weight: &str) -> u32 {
    let Some(value) = weight.strip_prefix("q=") else { return 0 };
    let (whole, places) = value.split_once('.').unwrap_or((value, ""));
    if places.len() > 3 {
        return 0;
    }
    match (whole, format!("{places:0<3}").parse::<u32>()) {
        ("1", _) => 1000,
        ("0", Ok(places)) => places,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn the_language_is_the_better_liked_of_two() {
        for (header, chinese) in [
            ("zh", true),
            ("zh-CN,zh;q=0.9,en;q=0.8", true),
            ("en;q=0.5, zh;q=0.9", true),
            ("en, zh;q=0.9", false),
            ("fr, zh;q=0.1", true),
            ("fr", false),
            ("", false),
            ("zh;q=0", false),
            ("zh;q=x", false),
            ("ZH-Hant", true),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_LANGUAGE, HeaderValue::from_str(header).unwrap());
            assert_eq!(Language::of(&headers) == Language::Chinese, chinese, "{header}");
        }
    }
}
