//! A data folder that may be read and not written: the server says so, and changes nothing.

use anyhow::Result;

use crate::audit::{check_ledger, read_buckets};
use crate::client::Client;
use crate::failure::{broken, same};
use crate::faults::mount::Mount;
use crate::limits::{SMALL_DISK_BYTES, STOP_TIMEOUT};
use crate::model::buckets::Buckets;
use crate::model::rules::Tier;
use crate::server::{Installation, Server, Start};
use crate::stage::Stage;

pub(crate) const TITLE: &str = "a data folder that may not be written";

pub(crate) async fn run(installation: &Installation) -> Result<String> {
    let mount = Mount::tmpfs(installation.data(), SMALL_DISK_BYTES)?;
    let mut stage = Stage::new("read-only")?;
    let before = serve_once(installation, &mut stage, Visit::First).await?;
    mount.make_read_only()?;
    let mut server = Server::spawn(installation, stage.clock)?;
    let told = match server.wait_ready().await? {
        Start::Died(status) => {
            let log = installation.log_excerpt();
            if status.success() || log.trim().is_empty() {
                return Err(broken("a start that fails says why", format!("{status}; its log: {log:?}")));
            }
            "the start is refused and says why"
        }
        Start::Ready => {
            let (_, claimed) = stage.claim(&mut Client::new(server.address())).await?;
            if !claimed.is_unavailable() {
                return Err(broken("a claim on a read-only folder answers 503", claimed.shown()));
            }
            claimed.check_unavailability()?;
            server.terminate(STOP_TIMEOUT).await?;
            "reads are served, writes answer 503"
        }
    };
    drop(server);
    mount.make_writable()?;
    let after = serve_once(installation, &mut stage, Visit::Later).await?;
    same("the budget after the folder was writable again", &before, &after)?;
    Ok(format!("{TITLE}: {told}"))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Visit {
    First,
    Later,
}

async fn serve_once(installation: &Installation, stage: &mut Stage, visit: Visit) -> Result<Buckets> {
    let mut server = Server::spawn(installation, stage.clock)?;
    server.must_be_ready(installation).await?;
    let mut client = Client::new(server.address());
    if visit == Visit::First {
        stage.set(&mut client).await?;
        stage.open_campaign(&mut client, "read-only", &[Tier { face: 500, count: 10, split: false }]).await?;
        stage.claim(&mut client).await?;
    }
    check_ledger(&mut client).await?;
    let buckets = read_buckets(&mut client, "read-only").await?;
    server.terminate(STOP_TIMEOUT).await?;
    Ok(buckets)
}
