//! What the HTTP layer of bar 3 calls: the function, on a few connections that take turns.

use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Context;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, NoTls, Statement};

use super::CLAIM_CALL;
use crate::peer::PeerClaim;

/// As many connections as there are cores: with more, they get in each other's way at the campaign's row (on two cores 2
/// did 4,600 transactions/s, 4 did 3,900 and 16 did 2,100).
fn connections() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from)
}

/// A database that has its stage already. On each connection one transaction follows the other.
#[derive(Debug)]
pub struct PostgresPeer {
    clients: Vec<(Client, Statement)>,
    turn: AtomicUsize,
}

impl PostgresPeer {
    /// Connects, within the runtime that is to drive the connections.
    ///
    /// # Errors
    /// A server that does not answer, and a database without the function.
    pub async fn connect(address: &str) -> anyhow::Result<PostgresPeer> {
        let mut clients = Vec::new();
        for _ in 0..connections() {
            let connected = tokio_postgres::connect(address, NoTls).await;
            let (client, connection) = connected.context("connecting to PostgreSQL")?;
            // Whoever asks next is told when it has ended.
            tokio::spawn(connection);
            let statement = client.prepare(CLAIM_CALL).await.context("preparing the claim")?;
            clients.push((client, statement));
        }
        Ok(PostgresPeer { clients, turn: AtomicUsize::new(0) })
    }

    /// One claim in one transaction; the two words of a [`crate::PeerOutcome`].
    ///
    /// # Errors
    /// What the server refuses, and a connection that is lost.
    pub async fn claim(&self, claim: &PeerClaim<'_>) -> anyhow::Result<(String, String)> {
        let (client, statement) = &self.clients[self.turn.fetch_add(1, Ordering::Relaxed) % self.clients.len()];
        let (now_ms, luck) = (i64::try_from(claim.now_ms)?, i64::try_from(claim.luck_53())?);
        let PeerClaim { campaign, code, account, person, idempotency_key, fingerprint, coupon_id, .. } = claim;
        let params: [&(dyn ToSql + Sync); 9] =
            [campaign, code, account, person, idempotency_key, fingerprint, coupon_id, &now_ms, &luck];
        let row = client.query_one(statement, &params).await?;
        Ok((row.try_get(0)?, row.try_get(1)?))
    }
}
