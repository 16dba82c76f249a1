//! Promises: every command that was answered as done, and what was answered.
//!
//! A promise holds for as long as the campaign exists: the same key with the same body must answer the
//! same status and the same body, and say that it is a repeat.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result};
use serde_json::Value;
use tokio::task::JoinSet;

use crate::answer::Answer;
use crate::client::Client;
use crate::deed::Command;
use crate::failure::broken;
use crate::limits::VERIFIERS;

/// A command and what it was answered.
#[derive(Debug)]
pub(crate) struct Promise {
    pub(crate) command: Command,
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Promise {
    pub(crate) fn new(command: Command, answer: Answer) -> Arc<Self> {
        Arc::new(Self { command, status: answer.status, body: answer.body })
    }

    fn check(&self, repeat: &Answer) -> Result<()> {
        let promised = || format!("{:?} is answered {} {}", self.command, self.status, self.body);
        let same_body = || -> Result<bool> {
            let promised: Value = serde_json::from_str(&self.body)?;
            Ok(promised == repeat.json()?)
        };
        if repeat.status != self.status || !same_body()? {
            return Err(broken(promised(), format!("the repeat is answered {}", repeat.shown())));
        }
        if !repeat.replayed {
            return Err(broken(promised(), "the repeat does not say Idempotent-Replayed: true".to_owned()));
        }
        Ok(())
    }
}

/// Repeats promised commands on several connections and compares the answers.
pub(crate) async fn verify_promises(address: SocketAddr, promises: &[Arc<Promise>]) -> Result<()> {
    let mut verifiers = JoinSet::new();
    let share = promises.len().div_ceil(VERIFIERS).max(1);
    for part in promises.chunks(share) {
        let part = part.to_vec();
        verifiers.spawn(async move {
            let mut client = Client::new(address);
            for promise in part {
                let repeat = client.persist(&promise.command).await.context("while a promise was repeated")?;
                promise.check(&repeat)?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(verified) = verifiers.join_next().await {
        verified??;
    }
    Ok(())
}
