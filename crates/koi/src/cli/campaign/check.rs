//! `koi campaign check`: what a campaign would cost and when it would run, before anybody sees it.

use std::path::PathBuf;

use anyhow::{Context, anyhow};
use koi_core::money::Money;
use koi_core::rules::Rules;
use koi_core::time::{Time, Zone, windows};
use serde_json::{Value, json};

use super::super::flags::WalletFlags;
use super::super::{Ended, Ending, terminal};
use super::file;
use crate::settings::environment::Environment;

const AFTER_HELP: &str = "\
Nothing is sent anywhere. A mistake is named as FILE:LINE: FIELD.

Example:
  koi campaign check campaigns/nz-summer-2018.toml --zone Pacific/Auckland

Exit status:
  0  the campaign is right
  1  it is not; the first mistake is said
  2  it was called wrongly, or the file cannot be read";

/// Checks a campaign's file; shows its budget, odds and windows
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(in crate::cli) struct Check {
    /// The campaign, in TOML
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The time zone of the stores
    #[arg(long, value_name = "ZONE", default_value = "Pacific/Auckland")]
    zone: String,
    /// Writes JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    flags: WalletFlags,
}

impl Check {
    pub(in crate::cli) fn run(self, environment: &Environment) -> Ended {
        let zone =
            Zone::parse(&self.zone).with_context(|| format!("--zone: {} is no IANA time zone", self.zone))?;
        let wallet = self.flags.0.load(environment)?.wallet_currency().map_err(|why| anyhow!(why))?;
        let rules = match file::open(&self.file, Some(wallet))? {
            Ok(read) => read.rules,
            Err(mistakes) => {
                file::say(&self.file, &mistakes);
                return Ok(Ending::NotWell);
            }
        };
        if self.json {
            terminal::print_json(&as_json(&rules, &zone))?;
        } else {
            terminal::print(&as_text(&rules, &zone))?;
        }
        Ok(Ending::Well)
    }
}

/// `numerator / denominator` in lowest terms.
fn lowest(numerator: u64, denominator: u64) -> (u64, u64) {
    let (mut a, mut b) = (numerator, denominator);
    while b > 0 {
        (a, b) = (b, a % b);
    }
    let divisor = a.max(1);
    (numerator / divisor, denominator / divisor)
}

/// `numerator / denominator`, half up.
fn rounded(numerator: u64, denominator: u64) -> u64 {
    let (numerator, denominator) = (u128::from(numerator), u128::from(denominator.max(1)));
    u64::try_from((2 * numerator + denominator) / (2 * denominator)).unwrap_or(u64::MAX)
}

/// A share in percent to four places, half up: `4.5100 %`.
fn percent(count: u64, of: u64) -> String {
    let parts = rounded(count.saturating_mul(1_000_000), of);
    format!("{}.{:04} %", parts / 10_000, parts % 10_000)
}

/// What one coupon costs on average if every packet is issued and spent: exact, in minor units.
fn expected_cost(rules: &Rules) -> (u64, u64) {
    lowest(rules.budget().unsigned_abs(), rules.packet_count())
}

fn money(rules: &Rules, value: i64) -> Money {
    Money { currency: rules.currency, value }
}

fn fen(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// The starts of the campaign's windows, and its end.
fn instants(rules: &Rules) -> Vec<Time> {
    windows(rules.starts_at, rules.ends_at, rules.limits.window_days, &rules.zone)
}

/// A number with thousands commas.
pub(in crate::cli) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn as_text(rules: &Rules, zone: &Zone) -> String {
    let (numerator, denominator) = expected_cost(rules);
    let cost = money(rules, fen(rounded(numerator, denominator)));
    let exact = match denominator {
        1 => format!("exactly {} minor units", grouped(numerator)),
        _ => format!("exactly {numerator}/{denominator} minor units"),
    };
    let limits = &rules.limits;
    format!(
        "{} is right.\n\n  {}\n  {}\n  paid by {}, in {}\n\n\
         Budget needed             {}, exactly\nPackets                   {}\n\
         Expected cost per coupon  {cost} ({exact})\n\
         Limits                    {} per person in {} days, {} at once\n\
         Coupons                   valid for {} days; a purchase must {} the face\n\n{}\n{}",
        rules.id,
        rules.title.en,
        rules.title.zh,
        rules.funder,
        rules.currency,
        money(rules, rules.budget()),
        grouped(rules.packet_count()),
        limits.per_window,
        limits.window_days,
        limits.live,
        rules.coupon.valid_days,
        match rules.coupon.threshold {
            koi_core::rules::Threshold::Exceeds => "exceed",
            koi_core::rules::Threshold::Reaches => "reach",
        },
        packets(rules),
        calendar(rules, zone),
    )
}

fn packets(rules: &Rules) -> String {
    let all = rules.packet_count();
    let mut table = terminal::table(["Face", "Split", "Packets", "Odds", "About", "Value"], &[0, 2, 3, 4, 5]);
    for tier in &rules.packets {
        table.add_row([
            money(rules, tier.face).to_string(),
            if tier.split { "yes" } else { "" }.to_owned(),
            grouped(tier.count),
            format!("{}/{all}", tier.count),
            percent(tier.count, all),
            money(rules, tier.face.saturating_mul(fen(tier.count))).to_string(),
        ]);
    }
    terminal::written(&table)
}

fn calendar(rules: &Rules, zone: &Zone) -> String {
    let instants = instants(rules);
    let last = instants.len().saturating_sub(1);
    let header = ["Window".to_owned(), rules.zone.name().to_owned(), zone.name().to_owned(), "UTC".to_owned()];
    let mut table = terminal::table(header, &[]);
    for (place, instant) in instants.iter().enumerate() {
        let name = if place == last { "end".to_owned() } else { format!("{} from", place + 1) };
        table.add_row([name, rules.zone.write(*instant), zone.write(*instant), utc(*instant)]);
    }
    terminal::written(&table)
}

fn utc(time: Time) -> String {
    Zone::parse("Etc/UTC").map_or_else(|| time.to_string(), |zone| zone.write(time))
}

fn as_json(rules: &Rules, zone: &Zone) -> Value {
    let all = rules.packet_count();
    let (numerator, denominator) = expected_cost(rules);
    let tiers: Vec<Value> = rules
        .packets
        .iter()
        .map(|tier| {
            json!({
                "face": tier.face, "count": tier.count, "split": tier.split,
                "odds": format!("{}/{all}", tier.count),
                "value": tier.face.saturating_mul(fen(tier.count)),
            })
        })
        .collect();
    let windows: Vec<Value> = instants(rules)
        .windows(2)
        .map(|pair| {
            let at = |time: Time| {
                json!({"campaign": rules.zone.write(time), "store": zone.write(time), "utc": time.to_string()})
            };
            json!({"from": at(pair[0]), "until": at(pair[1])})
        })
        .collect();
    json!({
        "id": rules.id.as_str(),
        "currency": rules.currency.code(),
        "budget_needed": rules.budget(),
        "packets": all,
        "expected_cost": {
            "numerator": numerator, "denominator": denominator, "rounded": rounded(numerator, denominator),
        },
        "tiers": tiers,
        "zones": {"campaign": rules.zone.name(), "store": zone.name()},
        "windows": windows,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_are_exact_and_rounded_half_up() {
        for (numerator, denominator, terms, round) in
            [(100, 8, (25, 2), 13), (1, 3, (1, 3), 0), (2, 3, (2, 3), 1), (0, 5, (0, 1), 0), (7, 7, (1, 1), 1)]
        {
            assert_eq!(lowest(numerator, denominator), terms);
            assert_eq!(rounded(numerator, denominator), round, "{numerator}/{denominator}");
        }
    }

    #[test]
    fn shares_are_shown_to_four_places() {
        for (count, of, expected) in
            [(4510, 100_000, "4.5100 %"), (1, 3, "33.3333 %"), (2, 3, "66.6667 %"), (1, 1, "100.0000 %")]
        {
            assert_eq!(percent(count, of), expected);
        }
    }

    #[test]
    fn numbers_are_grouped() {
        for (number, expected) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), expected);
        }
    }
}
