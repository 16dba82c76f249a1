//! `koi campaign show`: where a campaign stands.

use koi_core::money::{Currency, Money};
use serde_json::{Value, json};

use super::super::client::ServerFlags;
use super::super::{Ended, Ending, terminal};
use super::apply::refused;
use crate::settings::environment::Environment;

const AFTER_HELP: &str = "\
Any key will do, in KOI_KEY or in the file that KOI_KEY_FILE names.

Example:
  koi campaign show nz-summer-2018 --server http://127.0.0.1:8080

Exit status:
  0  the campaign was shown
  1  the server refused: there is no such campaign, or the key does not work
  2  it was called wrongly, or the server does not answer";

/// Shows a campaign of a server: its status, stock and budget
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(in crate::cli) struct Show {
    /// The campaign's id
    id: String,
    #[command(flatten)]
    server: ServerFlags,
    /// Writes JSON: the API's answers, under `campaign` and `budget`
    #[arg(long)]
    json: bool,
}

impl Show {
    pub(in crate::cli) fn run(self, environment: &Environment) -> Ended {
        if koi_core::id::CampaignId::parse(&self.id).is_none() {
            anyhow::bail!("{:?} is no campaign's id: 1 to 64 of A-Z a-z 0-9 _ . -", self.id);
        }
        let client = self.server.client(environment)?;
        let campaign = client.get(&format!("/v1/campaigns/{}", self.id))?;
        if campaign.status != 200 {
            return Ok(refused(&campaign));
        }
        let budget = client.get(&format!("/v1/campaigns/{}/budget", self.id))?;
        if budget.status != 200 {
            return Ok(refused(&budget));
        }
        if self.json {
            terminal::print_json(&json!({"campaign": campaign.body, "budget": budget.body}))?;
        } else {
            terminal::print(&written(&campaign.body, &budget.body))?;
        }
        Ok(Ending::Well)
    }
}

/// An amount of the API for people.
pub(in crate::cli) fn money(amount: &Value) -> String {
    let currency = amount["currency"].as_str().and_then(Currency::parse);
    match currency.zip(amount["value"].as_i64()) {
        Some((currency, value)) => Money { currency, value }.to_string(),
        None => amount.to_string(),
    }
}

fn written(campaign: &Value, budget: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let face = |tier: &Value| money(&json!({"currency": campaign["currency"], "value": tier["face"]}));
    let mut packets = terminal::table(["Face", "Split", "Packets", "Left", "Odds"], &[0, 2, 3, 4]);
    for tier in campaign["packets"].as_array().into_iter().flatten() {
        packets.add_row([
            face(tier),
            if tier["split"] == true { "yes" } else { "" }.to_owned(),
            tier["count"].to_string(),
            tier["left"].to_string(),
            text(&tier["odds"]),
        ]);
    }
    format!(
        "{}: {} (revision {})\n  {}\n  {}\n  {} to {}\n  {}\n\n{}\n{}",
        text(&campaign["id"]),
        text(&campaign["status"]),
        campaign["revision"],
        text(&campaign["title"]["en"]),
        text(&campaign["title"]["zh"]),
        text(&campaign["starts_at"]),
        text(&campaign["ends_at"]),
        randomness(&campaign["seal"]),
        terminal::written(&packets),
        buckets(budget),
    )
}

/// What seals the stock, in a line.
fn randomness(seal: &Value) -> String {
    if seal.is_null() {
        return "randomness: its round is fixed when the campaign is approved".to_owned();
    }
    let text = |name: &str| seal[name].as_str().unwrap_or_default().to_owned();
    let notice = match text("notice") {
        notice if notice.is_empty() => notice,
        notice => format!(" ({notice})"),
    };
    let known = if seal["randomness"].is_null() { "not known yet".to_owned() } else { text("randomness") };
    format!("randomness: round {} of the chain {}{notice}: {known}", seal["round"], text("chain"))
}

/// A budget as a table.
fn buckets(budget: &Value) -> String {
    let mut table = terminal::table(["Budget", "Amount", ""], &[1]);
    for (name, meaning) in [
        ("funded", "= free + committed + reserved + spent + returned"),
        ("free", "for packets that are not issued"),
        ("committed", "in live coupons"),
        ("reserved", "in open quotes"),
        ("spent", "taken off purchases"),
        ("returned", "given back to the funder at the close"),
        ("recovered", "the funder's share of refunds, apart"),
    ] {
        table.add_row([name.to_owned(), money(&budget[name]), meaning.to_owned()]);
    }
    terminal::written(&table)
}
