//! Draws every packet again from what the server's public log would say, as a stranger would who was told the secrets.

use koi::engine::leaves::{Campaigns, Limits, after, between, nothing};
use koi_core::id::CampaignId;
use koi_fair::beacon::Chain;
use koi_fair::replay::{Findings, Outlines, Replay};
use koi_fair::statement::Statement;
use koi_store::StoreError;

use crate::server::Server;

/// The first thing that the replays of all campaigns find wrong, in words.
pub(crate) fn unfair(server: &Server) -> Result<Option<String>, StoreError> {
    let leaves = leaves(server)?;
    let mut findings = Findings::new(1);
    let mut outlines = Outlines::new(vec![Chain::local()]);
    for (index, leaf) in &leaves {
        findings.at(Some(*index), leaf.campaign());
        outlines.take(leaf, &mut findings);
    }
    let catalog = server.reader.catalog()?;
    for outline in outlines.campaigns().filter(|outline| outline.opening().is_some()) {
        let campaign = CampaignId::parse(outline.campaign()).and_then(|id| catalog.campaign(&id));
        let Some(campaign) = campaign else {
            return Ok(Some(format!("campaign {} is not in the catalog", outline.campaign())));
        };
        let mut replay = match Replay::with_secret(outline, &campaign.pool_secret) {
            Ok(replay) => replay,
            Err(wrong) => return Ok(Some(format!("campaign {}: {wrong}", outline.campaign()))),
        };
        for (index, leaf) in leaves.iter().filter(|(_, leaf)| leaf.campaign() == outline.campaign()) {
            findings.at(Some(*index), leaf.campaign());
            replay.take(leaf, &mut findings);
        }
        findings.at(None, outline.campaign());
        let replayed = replay.finish(&mut findings);
        let left = server.reader.totals(campaign.number)?.map(|totals| totals.left);
        if left.as_ref() != Some(&replayed.left) {
            return Ok(Some(format!(
                "the log of {} leaves {:?}, {left:?} is stored",
                outline.campaign(),
                replayed.left
            )));
        }
    }
    Ok(findings.kept.first().map(ToString::to_string))
}

/// Leaves of a step, and lines that it looks at: so few that runs have many steps, and some that end in the middle of a
/// cell's lines.
const LIMITS: Limits = Limits { leaves: 7, lines: 40 };

/// The leaves, in steps; each is read again between the two steps around it.
fn leaves(server: &Server) -> Result<Vec<(u64, Statement)>, StoreError> {
    let reader = &server.reader;
    let (mut campaigns, mut from) = (Campaigns::default(), nothing(reader.cells()));
    let mut leaves = Vec::new();
    loop {
        let (reached, step) = after(reader, &mut campaigns, &from, LIMITS)?;
        if between(reader, &mut campaigns, &from, &reached)? != step {
            return Err(StoreError::Damaged(format!("leaves differ between {from:?} and {reached:?}")));
        }
        if reached == from {
            return Ok(leaves);
        }
        for leaf in step {
            let statement = Statement::parse(&leaf).map_err(|why| StoreError::Damaged(why.to_string()))?;
            leaves.push((leaves.len() as u64, statement));
        }
        from = reached;
    }
}
