//! A report in words: what was checked, what that shows, and what it does not.

use koi_core::money::{Currency, Money};
use koi_fair::verify::{Campaign, Caveat, Checked, Finding, KeyFrom, Kind, Report, State};

use crate::cli::terminal::{self, Paint, WIDTH};

/// The whole report.
pub(super) fn of(report: &Report, paint: Paint) -> String {
    let inputs: Vec<String> = report.inputs.iter().map(|input| Page { input, paint }.written()).collect();
    let verdict = match (report.ok, report.inputs.iter().map(|input| input.findings_count).sum::<u64>()) {
        (true, _) => paint.green("All of it holds."),
        (false, 1) => paint.red("One thing is wrong."),
        (false, count) => paint.red(&format!("{} things are wrong.", number(count))),
    };
    format!("{}\n{}\n", inputs.join("\n"), paint.bold(&verdict))
}

/// What is said of one input.
struct Page<'a> {
    input: &'a Checked,
    paint: Paint,
}

impl Page<'_> {
    fn written(&self) -> String {
        let kind = match self.input.kind {
            Kind::Log => "a log",
            Kind::Receipt => "a receipt",
            Kind::CouponProof => "a coupon's proof",
            Kind::DrawProof => "a proof of a draw",
            Kind::Unknown => "unknown",
        };
        let mut page = format!("{}  {}\n", self.paint.bold(&self.input.input), self.paint.faint(kind));
        for said in [self.checked(), self.campaigns(), self.findings()] {
            page.push_str(&said);
        }
        page.push_str(&self.list("What this shows", &self.shows()));
        page.push_str(&self.list("What it does not show", &self.shows_not()));
        page
    }

    /// What held, line by line.
    fn checked(&self) -> String {
        let input = self.input;
        let mut lines = Vec::new();
        if let Some(origin) = &input.origin {
            let by = match input.key_from {
                Some(KeyFrom::Log) => " (by its own word)",
                Some(KeyFrom::Option) | None => "",
            };
            lines.push(format!("signed by {origin}{by}"));
        }
        if let Some(receipt) = &input.receipt {
            let split = if receipt.split { ", splittable" } else { "" };
            lines.push(format!("coupon {}: {} minor units{split}", receipt.coupon, number(receipt.face)));
            lines.push(format!(
                "campaign {}, cell {}, claim {} of the cell, at {}",
                receipt.campaign, receipt.cell, receipt.ordinal, receipt.at
            ));
        }
        if let Some(draw) = &input.draw {
            lines.push(draw.detail.clone());
            lines.push(format!("draw {}, decided by round {}", draw.draw, number(draw.round)));
        }
        match (input.leaf, input.size, &input.root) {
            (Some(leaf), Some(size), _) => lines.push(format!("leaf {} of {}", number(leaf), number(size))),
            (None, Some(size), Some(root)) => lines.push(format!("{} statements, root {root}", number(size))),
            _ => {}
        }
        for cosigned in input.cosigned.iter().flatten() {
            lines.push(format!("cosigned by {} at {}", cosigned.name, cosigned.at));
        }
        for found in &input.receipts {
            let name = found.receipt.as_ref().map_or_else(String::new, |name| format!("{name}: "));
            lines.push(format!("{name}coupon {} is leaf {} of the log", found.coupon, number(found.leaf)));
        }
        let tick = self.paint.green("✓");
        lines.iter().map(|line| format!("  {tick} {line}\n")).collect()
    }

    fn campaigns(&self) -> String {
        let Some(campaigns) = self.input.campaigns.as_ref().filter(|campaigns| !campaigns.is_empty()) else {
            return String::new();
        };
        let header = ["Campaign", "Packets", "Claims", "Put back", "Moved", "Cells", "Issued", "Wrong"];
        let mut table = terminal::table(header, &[2, 3, 4, 5, 6, 7]);
        for campaign in campaigns {
            table.add_row(row(campaign));
        }
        let lines = terminal::written(&table);
        let lines: String = lines.lines().map(|line| format!(" {line}\n")).collect();
        format!("\n{lines}")
    }

    fn findings(&self) -> String {
        let input = self.input;
        if input.findings.is_empty() {
            return String::new();
        }
        let cross = self.paint.red("✗");
        let mut lines = String::from("\n");
        for finding in &input.findings {
            let text = wrapped(&in_words(finding), 4);
            lines.push_str(&format!("  {cross} {}  {}\n", text, self.paint.faint(finding.code)));
        }
        let kept = input.findings.len() as u64;
        if input.findings_count > kept {
            lines.push_str(&format!("    … and {} more\n", number(input.findings_count - kept)));
        }
        lines
    }

    fn list(&self, title: &str, lines: &[String]) -> String {
        if lines.is_empty() {
            return String::new();
        }
        let lines: String = lines.iter().map(|line| format!("  · {}\n", wrapped(line, 4))).collect();
        format!("\n  {}\n{lines}", self.paint.bold(title))
    }

    /// What holds, for who does not know what a log is.
    fn shows(&self) -> Vec<String> {
        let input = self.input;
        match input.kind {
            Kind::Log => self.log_shows(),
            Kind::Receipt if input.ok => {
                vec!["The log's key signed this receipt: it promised that the log will have it.".to_owned()]
            }
            Kind::CouponProof if input.ok => vec![
                "The log has this receipt, at this place; it cannot be taken out or changed without everybody seeing it."
                    .to_owned(),
            ],
            Kind::DrawProof if input.ok => vec![
                "Your entry was among those that were sealed before the round, and the round's randomness drew the winner from them: nobody chose."
                    .to_owned(),
            ],
            Kind::Receipt | Kind::CouponProof | Kind::DrawProof | Kind::Unknown => Vec::new(),
        }
    }

    fn log_shows(&self) -> Vec<String> {
        let input = self.input;
        let Some(campaigns) = &input.campaigns else { return Vec::new() };
        let mut shown = vec![
            "The log is whole: its key signed one root, and every statement and every file belongs to it."
                .to_owned(),
        ];
        let clean = |state: State| {
            campaigns.iter().filter(|campaign| campaign.state == state && campaign.findings == 0).count()
        };
        match clean(State::Replayed) {
            0 => {}
            1 => shown.push(format!("One campaign is closed, and {DRAWN}")),
            count => shown.push(format!("{count} campaigns are closed, and {DRAWN}")),
        }
        if clean(State::Running) > 0 {
            shown.push(
                "Of what is not closed yet: no claim is missing or twice, nothing was taken outside of its time, and it was paid for first."
                    .to_owned(),
            );
        }
        shown
    }

    fn shows_not(&self) -> Vec<String> {
        let mut not: Vec<String> = self.input.caveats.iter().map(|caveat| of_caveat(*caveat).to_owned()).collect();
        if self.input.campaigns.as_ref().is_some_and(|campaigns| !campaigns.is_empty()) {
            not.push(
                "That nobody timed a claim: who has a secret knows which place in the queue has the large packet."
                    .to_owned(),
            );
        }
        if self.input.campaigns.is_some() && self.input.receipts.is_empty() {
            not.push("That a receipt you hold is in it: look it up with --receipt FILE.".to_owned());
        }
        not
    }
}

const DRAWN: &str = "every packet was drawn again from the revealed secret and the randomness: each claim got what the stock gave it, \
none is missing or twice, and moves, returns and money add up.";

fn of_caveat(caveat: Caveat) -> &'static str {
    match caveat {
        Caveat::KeyBelieved => {
            "That this is the log you mean: it was believed about its own key. Give --key, from elsewhere than the log."
        }
        Caveat::NoWitnesses => {
            "That others are shown the same log: without witnesses it could show them another history. Give --witness and --quorum."
        }
        Caveat::TimesBelieved => {
            "That its times are true: they are the operator's. Rules that were made up when the public random number was known \
             already, and dated back, would not show here: look for a checkpoint that witnesses cosigned in between."
        }
        Caveat::LocalRandomness => {
            "That the luck was public: the random numbers are of a key that everybody knows (local randomness: not a public draw)."
        }
        Caveat::Running => {
            "The packets of a campaign that is not closed yet: packets can be drawn again once the secret is revealed."
        }
        Caveat::Unrevealed => {
            "The packets of a campaign whose secret is not known: what is wrong with it says why."
        }
        Caveat::ExclusionsBelieved => {
            "That the entries that were passed over are on the list of exclusions, and the winner is not: give it with --exclusions."
        }
        Caveat::DrawsNotChecked => {
            "The draws that the log tells of: each is checked by its entrants' proofs, and by the audit of its entries."
        }
        Caveat::NotInLog => {
            "That the log has it: look it up in the log with --receipt, or get the coupon's proof."
        }
        Caveat::FaceNotDrawn => {
            "That the packet is the one that the stock gave: only that this is what was said. Verify the whole log, once the campaign is closed."
        }
    }
}

fn row(campaign: &Campaign) -> Vec<String> {
    let state = match campaign.state {
        State::Replayed => "drawn again",
        State::Running => "not closed yet",
        State::Unrevealed => "no secret",
        State::Unknown => "no rules",
    };
    let wrong = if campaign.findings == 0 { "–".to_owned() } else { number(campaign.findings) };
    let mut row = vec![campaign.campaign.clone(), state.to_owned()];
    match &campaign.numbers {
        Some(numbers) => {
            let counts = [numbers.claims, numbers.put_back, numbers.moved, numbers.cells];
            row.extend(counts.map(number));
            row.push(money(&numbers.issued, &numbers.currency));
        }
        None => row.extend(["–"; 5].map(ToOwned::to_owned)),
    }
    row.push(wrong);
    row
}

/// An amount in its currency; in minor units if it is of none, or too large for any.
fn money(minor_units: &str, currency: &str) -> String {
    match (minor_units.parse(), Currency::parse(currency)) {
        (Ok(value), Some(currency)) => Money { currency, value }.to_string(),
        _ => format!("{} minor units", number(minor_units)),
    }
}

/// Where, and what.
fn in_words(finding: &Finding) -> String {
    let mut place = Vec::new();
    place.extend(finding.file.clone());
    place.extend(finding.campaign.as_ref().map(|campaign| format!("campaign {campaign}")));
    place.extend(finding.cell.map(|cell| format!("cell {cell}")));
    place.extend(finding.leaf.map(|leaf| format!("leaf {}", number(leaf))));
    if place.is_empty() { finding.detail.to_string() } else { format!("{}: {}", place.join(", "), finding.detail) }
}

/// A whole number, its digits in groups of three.
fn number(number: impl ToString) -> String {
    let digits = number.to_string();
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits.as_str()), |digits| ("-", digits));
    let mut grouped = String::from(sign);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A text in lines that fit, all but the first with so many spaces in front.
fn wrapped(text: &str, indent: usize) -> String {
    let width = usize::from(WIDTH).saturating_sub(indent);
    let (mut lines, mut length) = (String::new(), 0);
    for word in text.split(' ') {
        let letters = word.chars().count();
        if length > 0 && length + 1 + letters > width {
            lines.push('\n');
            lines.push_str(&" ".repeat(indent));
            length = 0;
        } else if length > 0 {
            lines.push(' ');
            length += 1;
        }
        lines.push_str(word);
        length += letters;
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_in_groups_of_three() {
        for (digits, grouped) in [("0", "0"), ("999", "999"), ("1000", "1,000"), ("-1234567", "-1,234,567")] {
            assert_eq!(number(digits), grouped);
        }
    }

    #[test]
    fn money_is_written_in_its_currency() {
        for (minor_units, currency, words) in [
            ("185780800", "CNY", "CNY 1,857,808.00"),
            ("5", "JPY", "JPY 5"),
            ("1234", "", "1,234 minor units"),
            ("99999999999999999999", "CNY", "99,999,999,999,999,999,999 minor units"),
        ] {
            assert_eq!(money(minor_units, currency), words);
        }
    }

    #[test]
    fn lines_fit() {
        let text = "four and twenty ".repeat(30);
        for line in wrapped(text.trim_end(), 4).lines() {
            assert!(line.chars().count() <= usize::from(WIDTH), "{line}");
        }
        assert_eq!(wrapped("a b", 4), "a b");
        assert_eq!(wrapped(&"x".repeat(300), 2), "x".repeat(300));
    }
}
