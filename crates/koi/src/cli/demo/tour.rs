//! What the demo prints at the end: what is there, what to open, and what to try, as lines to copy.
//!
//! A test runs the printed lines in a shell.

use std::fmt::Write;

use serde_json::Value;

use super::Place;
use super::stage::{CAMPAIGN, STORES, Stage, done};
use crate::cli::campaign::{grouped, money};
use crate::cli::terminal::Paint;

/// A purchase of NZD 99.00 is CNY 453.59: it exceeds every coupon but the 2,888, which splits.
const PURCHASE_CENTS: u64 = 9_900;
const REFUND_CENTS: u64 = 2_500;

/// Everything that the text names.
pub(super) struct Tour<'a> {
    url: &'a str,
    code: &'a str,
    place: &'a Place,
    /// What makes this run's shopper and keys new.
    tag: &'a str,
    campaign: Value,
    budget: Value,
    check: Value,
}

impl<'a> Tour<'a> {
    pub(super) fn of(stage: &'a Stage, place: &'a Place, tag: &'a str) -> anyhow::Result<Self> {
        let auditor = stage.client("auditor");
        let read = |path: &str| done(auditor.get(path)?);
        Ok(Self {
            url: &stage.url,
            code: &stage.codes[0],
            place,
            tag,
            campaign: read(&format!("/v1/campaigns/{CAMPAIGN}"))?,
            budget: read(&format!("/v1/campaigns/{CAMPAIGN}/budget"))?,
            check: read("/v1/ledger/check")?,
        })
    }

    pub(super) fn text(&self, paint: Paint) -> String {
        let mut text = String::new();
        let folder = self.place.data.display();
        let kept = if self.place.kept { "" } else { ", removed at the end (--keep keeps it)" };
        // Writing to a string does not fail.
        let _ = write!(
            text,
            "{}  {}\n\n  Data      {folder}{kept}\n  Campaign  {CAMPAIGN}, {}: {}\n  Budget    {}\n  Ledger    {}\n\n",
            paint.bold("Koi is running at"),
            paint.bold(self.url),
            self.campaign["status"].as_str().unwrap_or_default(),
            self.issued(),
            self.money(),
            self.ledger(),
        );
        let _ = writeln!(text, "{}", paint.bold("Open"));
        for (path, what) in [
            ("/docs", "the API, to read and to try"),
            ("/docs/problems", "every refusal, in English and Chinese"),
            ("/verify", "checks receipts and the log in your browser"),
            ("/metrics", "counters for Prometheus"),
        ] {
            let _ = writeln!(text, "  {:<42} {}", format!("{}{path}", self.url), paint.faint(what));
        }
        let _ = writeln!(text, "\n{}\n", paint.bold("Try, one after the other (copy a block as it is)"));
        for (number, (what, command)) in self.steps().into_iter().enumerate() {
            let _ = writeln!(text, "{}\n{command}\n", paint.faint(&format!("# {}. {what}", number + 1)));
        }
        let _ = writeln!(text, "{}", paint.faint("# Ctrl-C ends the demo. All else: koi --help"));
        text
    }

    fn issued(&self) -> String {
        let of = |name: &str| -> u64 {
            let tiers = self.campaign["packets"].as_array().into_iter().flatten();
            tiers.filter_map(|tier| tier[name].as_u64()).sum()
        };
        format!("{} of {} red packets issued", of("count") - of("left"), grouped(of("count")))
    }

    fn money(&self) -> String {
        let of = |name: &str| money(&self.budget[name]);
        format!(
            "{} = {} free + {} in coupons + {} spent",
            of("funded"),
            of("free").replace("CNY ", ""),
            of("committed").replace("CNY ", ""),
            of("spent").replace("CNY ", "")
        )
    }

    fn ledger(&self) -> String {
        let verdict = if self.check["ok"] == true { "all is well" } else { "BROKEN" };
        format!("{} transfers recomputed: {verdict}", self.check["transfers"])
    }

    fn steps(&self) -> Vec<(String, String)> {
        let shopper = format!("you-{}", self.tag);
        // Written over two lines, so that they stay below a hundred columns.
        let claim = format!(
            "{{\"code\":\"{}\",\n       \"shopper\":{{\"account\":\"{shopper}\",\"person\":\"{shopper}\",\"verified\":true,\
             \"id_country\":\"CN\"}}}}",
            self.code
        );
        let quote = format!(
            "{{\"shopper\":{{\"account\":\"{shopper}\",\"person\":\"{shopper}\"}},\n       \"store\":\"{}\",\
             \"amount\":{{\"currency\":\"NZD\",\"value\":{PURCHASE_CENTS}}}}}",
            STORES[0].id
        );
        let refund = format!("{{\"amount\":{{\"currency\":\"NZD\",\"value\":{REFUND_CENTS}}}}}");
        let rest = format!("{{\"amount\":{{\"currency\":\"NZD\",\"value\":{}}}}}", PURCHASE_CENTS - REFUND_CENTS);
        let claims = format!("/v1/campaigns/{CAMPAIGN}/claims");
        vec![
            (
                format!(
                    "A shopper scans the code in the window of \"{}\": a coupon of some amount",
                    STORES[0].name
                ),
                format!("{} \\\n  -d '{claim}'", self.post(&claims, "claim")),
            ),
            (
                "The same request again, as after a lost connection: the same coupon, not a second one".to_owned(),
                format!("{} \\\n  -d '{claim}'", self.post(&claims, "claim")),
            ),
            (
                "At the till, NZD 99.00: what will it cost? The coupon comes off. It holds for 3 minutes"
                    .to_owned(),
                format!("QUOTE=$({} \\\n  -d '{quote}')\necho \"$QUOTE\"", self.post_anew("/v1/quotes")),
            ),
            (
                "Pay what was quoted. The merchant gets the full NZD 99.00, less the fee".to_owned(),
                format!(
                    "PAYMENT=$({} \\\n  -d \"{{\\\"quote\\\":\\\"{}\\\"}}\")\necho \"$PAYMENT\"",
                    self.post("/v1/payments", "pay"),
                    taken("QUOTE", "quo"),
                ),
            ),
            (
                "NZD 25.00 comes back: the shopper's share and the funder's, to the fen".to_owned(),
                format!(
                    "PAID={}\n{} \\\n  -d '{refund}'",
                    taken("PAYMENT", "pay"),
                    self.post("/v1/payments/$PAID/refunds", "refund").replace('\'', "\""),
                ),
            ),
            (
                "The rest, too: the shopper got back what they paid, the funder what it gave".to_owned(),
                format!(
                    "{} \\\n  -d '{rest}'",
                    self.post("/v1/payments/$PAID/refunds", "rest").replace('\'', "\""),
                ),
            ),
            (
                "Where every fen of the campaign is".to_owned(),
                self.get(&format!("/v1/campaigns/{CAMPAIGN}/budget"), "operator"),
            ),
            ("Is the ledger whole?".to_owned(), self.get("/v1/ledger/check", "auditor")),
            (
                format!("How far the public log is. Anybody can check it: koi verify {}/log", self.url),
                format!("curl -sS -w '\\n' '{}/v1/log'", self.url),
            ),
        ]
    }

    fn post(&self, path: &str, what: &str) -> String {
        format!(
            "curl -sS -w '\\n' '{}{path}' \\\n  -H 'Authorization: Bearer sandbox_wallet' \
             -H 'Idempotency-Key: {what}-{}'",
            self.url, self.tag
        )
    }

    /// With another key whenever it is copied: who comes back later does not get the answer of the first time.
    fn post_anew(&self, path: &str) -> String {
        format!(
            "curl -sS -w '\\n' '{}{path}' \\\n  -H 'Authorization: Bearer sandbox_wallet' \
             -H \"Idempotency-Key: $(date +%s)\"",
            self.url
        )
    }

    fn get(&self, path: &str, role: &str) -> String {
        format!("curl -sS -w '\\n' '{}{path}' \\\n  -H 'Authorization: Bearer sandbox_{role}'", self.url)
    }
}

/// Takes an id out of a JSON answer that a shell variable holds, with what every machine has.
fn taken(variable: &str, prefix: &str) -> String {
    format!("$(echo \"${variable}\" | sed -n 's/.*\"id\":\"\\({prefix}_[^\"]*\\)\".*/\\1/p')")
}
