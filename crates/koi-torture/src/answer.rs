//! What the server said, and whether a "come back later" was said as promised.

use anyhow::{Context, Result};
use serde_json::Value;

use crate::failure::{broken, excerpt};

/// One complete answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// `Idempotent-Replayed: true`: the server had done this before.
    pub(crate) replayed: bool,
    pub(crate) retry_after: Option<String>,
    pub(crate) content_type: String,
    pub(crate) body: String,
}

/// No complete answer came: the deed may have happened or not.
#[derive(Clone, Debug, thiserror::Error)]
#[error("no answer: {reason}")]
pub(crate) struct NoAnswer {
    pub(crate) reason: String,
    /// The connection stood, and nothing came for the whole time limit.
    pub(crate) hung: bool,
}

impl Answer {
    pub(crate) fn is_done(&self) -> bool {
        (200..300).contains(&self.status)
    }

    pub(crate) fn is_unavailable(&self) -> bool {
        self.status == 503
    }

    pub(crate) fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.body).with_context(|| format!("not JSON: {}", self.shown()))
    }

    /// The stable code of a problem document; empty if there is none.
    pub(crate) fn code(&self) -> String {
        let problem: Value = serde_json::from_str(&self.body).unwrap_or_default();
        problem["code"].as_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn shown(&self) -> String {
        let replayed = if self.replayed { ", replayed" } else { "" };
        format!("{}{replayed} {}", self.status, excerpt(&self.body))
    }

    /// Checks that a 503 is a problem document that says when to come back.
    pub(crate) fn check_unavailability(&self) -> Result<()> {
        let problem: Value = serde_json::from_str(&self.body).unwrap_or_default();
        let as_promised = self.content_type.starts_with("application/problem+json")
            && problem["retryable"] == Value::Bool(true)
            && problem["status"] == 503
            && problem["code"].is_string()
            && self.retry_after.is_some();
        if as_promised {
            return Ok(());
        }
        let found = format!("{} ({}, Retry-After {:?})", self.shown(), self.content_type, self.retry_after);
        Err(broken("a 503 is a problem document with retryable true and a Retry-After", found))
    }
}
