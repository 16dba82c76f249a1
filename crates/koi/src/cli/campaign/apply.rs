//! `koi campaign apply`: a campaign's file becomes a draft on a server. Doing it again changes nothing.

use std::path::PathBuf;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::super::client::{Answer, Client, ServerFlags};
use super::super::{Ended, Ending, terminal};
use super::file;
use crate::settings::environment::Environment;

const AFTER_HELP: &str = "\
The idempotency key is made from the content: applying the same file again changes nothing, and says so. A campaign of \
the same id with other content is refused, naming the fields that differ. An operator's key is needed, in KOI_KEY or in \
the file that KOI_KEY_FILE names.

Example:
  koi campaign apply campaigns/nz-summer-2018.toml --server http://127.0.0.1:8080

Exit status:
  0  the campaign is there as the file says: a new draft, or unchanged
  1  the file is wrong, or the server refused it
  2  it was called wrongly, or the server does not answer";

/// Creates a campaign from its file; again: changes nothing
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(in crate::cli) struct Apply {
    /// The campaign, in TOML
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    server: ServerFlags,
    /// Writes JSON
    #[arg(long)]
    json: bool,
}

impl Apply {
    pub(in crate::cli) fn run(self, environment: &Environment) -> Ended {
        // The server knows its wallet currency; everything else is checked before it is asked.
        let read = match file::open(&self.file, None)? {
            Ok(read) => read,
            Err(mistakes) => {
                file::say(&self.file, &mistakes);
                return Ok(Ending::NotWell);
            }
        };
        let client = self.server.client(environment)?;
        let document = serde_json::to_value(&read.document)?;
        let id = read.rules.id.as_str();
        let answer = client.post("/v1/campaigns", &content_key(&document), &document)?;
        match answer.status {
            201 => self.say(id, if answer.replayed { "unchanged" } else { "created" }),
            409 if answer.body["code"] == "already_exists" => self.compare(id, &client, &document),
            _ => Ok(refused(&answer)),
        }
    }

    /// The id is taken: by the same content, which somebody else sent, or by another.
    fn compare(&self, id: &str, client: &Client, document: &Value) -> Ended {
        let there = client.get(&format!("/v1/campaigns/{id}"))?;
        if there.status != 200 {
            return Ok(refused(&there));
        }
        let differ = differing(document, &there.body);
        if differ.is_empty() {
            return self.say(id, "unchanged");
        }
        eprintln!(
            "koi: refused: a campaign {id} is there already, with other {}. The rules of a campaign do not change once \
             it was created; give the new one an id of its own.",
            differ.join(", ")
        );
        Ok(Ending::NotWell)
    }

    fn say(&self, id: &str, result: &str) -> Ended {
        if self.json {
            terminal::print_json(&json!({"id": id, "result": result}))?;
        } else {
            terminal::print(&format!("{id}: {result}"))?;
        }
        if result == "created" {
            eprintln!("It is a draft. Next: submit it, let an approver approve it, fund it.");
        }
        Ok(Ending::Well)
    }
}

/// Says why the server refused.
pub(super) fn refused(answer: &Answer) -> Ending {
    eprintln!("koi: refused: {}", answer.problem());
    Ending::NotWell
}

fn content_key(document: &Value) -> String {
    let hash = hex::encode(Sha256::digest(document.to_string().as_bytes()));
    format!("apply-{}", &hash[..32])
}

/// The fields of a document that a campaign on the server has otherwise.
fn differing(document: &Value, there: &Value) -> Vec<String> {
    let of_tier = |tier: &Value| (tier["face"].clone(), tier["count"].clone(), tier["split"].clone());
    let tiers = |packets: &Value| packets.as_array().map(|tiers| tiers.iter().map(of_tier).collect::<Vec<_>>());
    let fields = document.as_object().into_iter().flatten();
    let mut differ: Vec<String> = fields
        .filter(|(name, value)| match name.as_str() {
            "packets" => tiers(value) != tiers(&there["packets"]),
            name => **value != there[name],
        })
        .map(|(name, _)| name.clone())
        .collect();
    if document.get("merchants").is_none() && !there["merchants"].is_null() {
        differ.push("merchants".to_owned());
    }
    differ
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_that_differ_are_named() {
        let ours = json!({"id": "a", "packets": [{"face": 1, "count": 2, "split": false}], "title": {"en": "x"}});
        let theirs = |packets: Value, en: &str| json!({"id": "a", "packets": packets, "title": {"en": en}, "status": "draft"});
        let same = json!([{"face": 1, "count": 2, "split": false, "left": 1, "odds": "2/2"}]);
        assert!(differing(&ours, &theirs(same.clone(), "x")).is_empty());
        assert_eq!(differing(&ours, &theirs(same, "y")), ["title"]);
        assert_eq!(differing(&ours, &theirs(json!([]), "x")), ["packets"]);
    }
}
