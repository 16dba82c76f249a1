//! Guesses what a wrong name was meant to be.

/// The candidate closest to a name, if one is close enough to have been meant.
pub(crate) fn closest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A third of the letters may be wrong: "lisen" is `listen`, "port" is nothing of ours.
    let most = (name.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (distance(&name.to_lowercase(), &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Letters to add, take away, replace or swap with their neighbour (restricted Damerau–Levenshtein distance).
fn distance(from: &str, into: &str) -> usize {
    let (from, into): (Vec<char>, Vec<char>) = (from.chars().collect(), into.chars().collect());
    let mut rows = vec![(0..=into.len()).collect::<Vec<_>>()];
    for (row, letter) in from.iter().enumerate() {
        let mut next = vec![row + 1];
        for (place, other) in into.iter().enumerate() {
            let mut best = (rows[row][place] + usize::from(letter != other))
                .min(rows[row][place + 1] + 1)
                .min(next[place] + 1);
            if row > 0 && place > 0 && *letter == into[place - 1] && from[row - 1] == *other {
                best = best.min(rows[row - 1][place - 1] + 1);
            }
            next.push(best);
        }
        rows.push(next);
    }
    rows[from.len()][into.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_is_recognised() {
        let names = ["data", "listen", "public_url", "sandbox", "settlement_zone"];
        for (name, expected) in [
            ("lisen", Some("listen")),
            ("LISTEN", Some("listen")),
            ("sanbdox", Some("sandbox")),
            ("public-url", Some("public_url")),
            ("settlement_zones", Some("settlement_zone")),
            ("dta", Some("data")),
            ("port", None),
            ("", None),
        ] {
            assert_eq!(closest(name, names), expected, "{name:?}");
        }
    }
}
