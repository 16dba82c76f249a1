//! Lists come in pages: `?limit=` entries, then a cursor that only we understand.

use axum::extract::{Query, Request};
use serde::Serialize;

use crate::http::problem::{Problem, Text};
use crate::limits;

/// The parameters of a list.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) limit: usize,
    pub(crate) cursor: Option<String>,
    /// What the list is narrowed to, by the names that the list knows.
    filters: Vec<(&'static str, String)>,
}

impl Page {
    /// Reads `?limit=`, `?cursor=` and the filters that this list has. Each may be there once.
    pub(crate) fn of(request: &Request, filters: &[&'static str]) -> Result<Self, Problem> {
        let mut page = Self { limit: limits::PAGE_DEFAULT, cursor: None, filters: Vec::new() };
        let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(request.uri())
            .map_err(|_| invalid("", "is not UTF-8 in percent-encoding", "不是百分号编码的 UTF-8"))?;
        for (place, (name, value)) in pairs.iter().enumerate() {
            if pairs[..place].iter().any(|(other, _)| other == name) {
                return Err(invalid(name, "is there twice", "重复出现"));
            }
            match name.as_str() {
                "limit" => page.limit = limit(value)?,
                "cursor" => page.cursor = Some(value.clone()),
                other => match filters.iter().find(|filter| **filter == other) {
                    Some(filter) => page.filters.push((filter, value.clone())),
                    None => return Err(invalid(other, "there is no such parameter", "没有该参数")),
                },
            }
        }
        Ok(page)
    }

    /// The value of a filter.
    pub(crate) fn filter(&self, name: &str) -> Option<&str> {
        self.filters.iter().find(|(filter, _)| *filter == name).map(|(_, value)| value.as_str())
    }

    /// The number after which the page begins; −1 without a cursor.
    pub(crate) fn after(&self) -> Result<i64, Problem> {
        match &self.cursor {
            None => Ok(-1),
            Some(cursor) => number(cursor).ok_or_else(bad_cursor),
        }
    }
}

fn limit(value: &str) -> Result<usize, Problem> {
    let digits = value.bytes().all(|byte| byte.is_ascii_digit());
    let limit = value.parse().ok().filter(|limit| digits && (1..=limits::PAGE).contains(limit));
    limit.ok_or_else(|| {
        let most = limits::PAGE;
        let why = Text::new(format!("must be from 1 to {most}"), format!("应在 1 至 {most} 之间"));
        Problem::invalid("?limit".into(), &why)
    })
}

fn invalid(name: &str, en: &'static str, zh: &'static str) -> Problem {
    Problem::invalid(format!("?{name}"), &Text::new(en, zh))
}

/// A cursor that no earlier answer gave.
pub(crate) fn bad_cursor() -> Problem {
    invalid("cursor", "must be the `next` of an earlier answer", "应为先前响应中的 next 值")
}

/// A page of a list.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = List)]
pub(crate) struct ListOut<T> {
    data: Vec<T>,
    /// The cursor of the next page; null on the last.
    next: Option<String>,
}

impl<T> ListOut<T> {
    /// A page, and the cursor of the next one when more follow.
    pub(crate) fn new(data: Vec<T>, next: Option<String>) -> Self {
        Self { data, next }
    }
}

/// The letters of cursors: a number in base 36.
const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// A number as part of a cursor.
pub(crate) fn cursor(number: i64) -> String {
    let mut rest = number.unsigned_abs();
    let mut digits = Vec::new();
    loop {
        digits.push(char::from(DIGITS[usize::try_from(rest % 36).unwrap_or(0)]));
        rest /= 36;
        if rest == 0 {
            return digits.iter().rev().collect();
        }
    }
}

/// The number that part of a cursor stands for; only as [`cursor`] writes it.
pub(crate) fn number(text: &str) -> Option<i64> {
    i64::from_str_radix(text, 36).ok().filter(|number| *number >= 0 && cursor(*number) == text)
}

/// A cursor of two numbers.
pub(crate) fn cursor_of(first: i64, second: i64) -> String {
    format!("{}.{}", cursor(first), cursor(second))
}

/// The two numbers of a cursor; only as [`cursor_of`] writes them.
pub(crate) fn pair(text: &str) -> Option<(i64, i64)> {
    let (first, second) = text.split_once('.')?;
    Some((number(first)?, number(second)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_and_has_one_form() {
        for value in [0, 1, 35, 36, 1_000_000, i64::MAX] {
            assert_eq!(number(&cursor(value)), Some(value));
        }
        for wrong in ["", "-1", "+1", "01", "A", "1z141z4z1z4z1z4z", "é", "1.5", " 1"] {
            assert_eq!(number(wrong), None, "{wrong:?}");
        }
    }
}
