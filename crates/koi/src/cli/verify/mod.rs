//! `koi verify`: whether what a server published, or gave to a shopper, is what it must be.

mod input;
mod text;
mod web;

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, bail};
use indicatif::ProgressBar;
use koi_fair::log::{Quorum, VerifierKey, WitnessKey};
use koi_fair::verify::{
    Asked, Caveat, Checked, Kind, Paper, Report, Step, Trust, check_draw_proof, check_file, kind_of, no_paper,
};

use super::{Ended, Ending, terminal};
use crate::settings::environment::Environment;
use input::Input;

/// Files that are asked for at once.
const THREADS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(7);

const AFTER_HELP: &str = "\
What an input is shows in it: a folder or an address with a file `checkpoint` is a log, everything else is what somebody was given. Of a log all is \
checked: its signature, every file, every statement; of each campaign that is closed every packet is drawn again.

Without --key a log is believed about its own key, and that is said. Without witnesses it could show another history to others.

Examples:
  koi verify https://koi.example.com/log
  koi verify ./log --key koi.example.com/log+26ac29f1+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k --receipt receipt.txt
  koi verify proof.txt --key koi.example.com/log+26ac29f1+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k

Exit status:
  0  all of it holds
  1  something is wrong, or is refused; it is said
  2  it was called wrongly, or something could not be read";

/// Verifies a receipt, a proof, or a whole log with every packet drawn again
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Verify {
    /// Receipts, proofs, folders and addresses of logs
    #[arg(value_name = "FILE-OR-URL", required = true)]
    inputs: Vec<String>,
    /// The log's key, from elsewhere than the log
    #[arg(long, value_name = "VKEY", value_parser = vkey::<VerifierKey>)]
    key: Option<VerifierKey>,
    /// A witness's key; may be given several times
    #[arg(long, value_name = "VKEY", value_parser = vkey::<WitnessKey>)]
    witness: Vec<WitnessKey>,
    /// How many of the witnesses must have cosigned; all of them if it is not given
    #[arg(long, value_name = "N", requires = "witness")]
    quorum: Option<usize>,
    /// Replays this campaign only; may be given several times
    #[arg(long, value_name = "ID")]
    campaign: Vec<String>,
    /// A receipt or a coupon's proof that the log must have; may be given several times
    #[arg(long, value_name = "FILE")]
    receipt: Vec<PathBuf>,
    /// A coupon that the log must have; may be given several times
    #[arg(long, value_name = "ID")]
    coupon: Vec<String>,
    /// The published list of a draw's exclusions, for the proof of a draw
    #[arg(long, value_name = "FILE")]
    exclusions: Option<PathBuf>,
    /// Writes one JSON object
    #[arg(long)]
    json: bool,
}

fn vkey<K: std::str::FromStr>(text: &str) -> Result<K, String>
where
    K::Err: ToString,
{
    text.parse().map_err(|why: K::Err| why.to_string())
}

impl Verify {
    pub(super) fn run(self, environment: &Environment) -> Ended {
        let needed = self.quorum.unwrap_or(self.witness.len());
        let quorum = Quorum::new(self.witness.clone(), needed)?;
        let inputs: Vec<(&str, Input)> = self
            .inputs
            .iter()
            .map(|name| Ok((name.as_str(), Input::open(name)?)))
            .collect::<anyhow::Result<_>>()?;
        let asked = self.asked(quorum.clone())?;
        if !inputs.iter().any(|(_, input)| input.is_log()) && asks_of_log(&asked) {
            bail!(
                "--receipt, --coupon and --campaign are looked up in a log: give its folder or its address, too"
            );
        }
        let trusted = Trusted {
            trust: self.trust(&inputs, quorum)?,
            is_believed: self.key.is_none(),
            exclusions: self.exclusions.as_deref().map(input::read_list).transpose()?,
        };
        let progress = Progress { environment, shown: Mutex::new(None) };
        let checked = inputs.iter().map(|(name, input)| check(name, input, &asked, &trusted, &progress));
        let report = Report::new(checked.collect::<anyhow::Result<_>>()?);
        progress.end();
        if self.json {
            terminal::print_json(&report)?;
        } else {
            terminal::print(&text::of(&report, terminal::Paint::of_output(environment)))?;
        }
        Ok(if report.ok { Ending::Well } else { Ending::NotWell })
    }

    fn asked(&self, quorum: Quorum) -> anyhow::Result<Asked> {
        let paper = |path: &PathBuf| {
            let bytes = input::read(path)?;
            Ok(Paper { name: path.display().to_string(), bytes })
        };
        Ok(Asked {
            key: self.key.clone(),
            quorum,
            campaigns: self.campaign.iter().cloned().collect::<BTreeSet<_>>(),
            papers: self.receipt.iter().map(paper).collect::<anyhow::Result<_>>()?,
            coupons: self.coupon.clone(),
            threads: THREADS,
        })
    }

    /// What a shopper's file is checked with: the key that is given, or else that of the first log.
    fn trust(&self, inputs: &[(&str, Input)], quorum: Quorum) -> anyhow::Result<Option<Trust>> {
        let logs = || inputs.iter().filter(|(_, input)| input.is_log());
        let key = match (&self.key, logs().next()) {
            (Some(key), _) => Some(key.clone()),
            (None, Some((name, log))) => log.key().with_context(|| format!("reading the key of {name}"))?,
            (None, None) => None,
        };
        Ok(key.map(|key| Trust { key, quorum }))
    }
}

fn asks_of_log(asked: &Asked) -> bool {
    !asked.campaigns.is_empty() || !asked.papers.is_empty() || !asked.coupons.is_empty()
}

/// What files are checked with.
struct Trusted {
    trust: Option<Trust>,
    /// Whether the key is the word of a log.
    is_believed: bool,
    /// The published list of a draw's exclusions.
    exclusions: Option<String>,
}

fn check(
    name: &str,
    input: &Input,
    asked: &Asked,
    trusted: &Trusted,
    progress: &Progress<'_>,
) -> anyhow::Result<Checked> {
    let bytes = match input {
        Input::File(bytes) => bytes,
        log => return log.check(name, asked, &|step, done, of| progress.say(step, done, of)),
    };
    let kind = kind_of(bytes);
    if matches!(kind, Kind::Log | Kind::Unknown) {
        return Ok(no_paper(name, bytes));
    }
    let Some(trust) = &trusted.trust else {
        bail!("{name} is checked with the log's key: give it with --key VKEY, or the log beside it")
    };
    let mut checked = match kind {
        Kind::DrawProof => check_draw_proof(name, bytes, trust, trusted.exclusions.as_deref()),
        Kind::Receipt | Kind::CouponProof | Kind::Log | Kind::Unknown => check_file(name, bytes, trust),
    };
    if trusted.is_believed {
        checked.caveat(Caveat::KeyBelieved);
    }
    Ok(checked)
}

/// How far the work is, for who watches.
struct Progress<'a> {
    environment: &'a Environment,
    shown: Mutex<Option<(Step, ProgressBar)>>,
}

impl Progress<'_> {
    fn say(&self, step: Step, done: u64, of: u64) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if shown.as_ref().is_none_or(|(before, _)| *before != step) {
            let what = match step {
                Step::Files => "files      ",
                Step::Statements => "statements ",
                Step::Replay => "packets    ",
            };
            if let Some((_, bar)) = shown.replace((step, terminal::bar(self.environment, what, of))) {
                bar.finish_and_clear();
            }
        }
        if let Some((_, bar)) = &*shown {
            bar.set_position(done);
        }
    }

    fn end(&self) {
        if let Some((_, bar)) = self.shown.lock().unwrap_or_else(PoisonError::into_inner).take() {
            bar.finish_and_clear();
        }
    }
}
