//! How many commands shared a commit: two counters of the server's own, read before and after.

use std::net::SocketAddr;

use crate::call;

const BATCHES: &str = "koi_batches_total";
const COMMANDS: &str = "koi_batched_commands_total";

/// The counters at one instant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Batches {
    batches: f64,
    commands: f64,
}

impl Batches {
    /// `None` where the server has no such counters.
    pub(crate) fn read(address: SocketAddr) -> Option<Batches> {
        match call::get(address, "/metrics") {
            Ok((200, text)) => Batches::parse(&text),
            _ => None,
        }
    }

    fn parse(text: &str) -> Option<Batches> {
        Some(Batches { batches: counter(text, BATCHES)?, commands: counter(text, COMMANDS)? })
    }

    /// Commands per batch since an earlier reading.
    pub(crate) fn mean_since(self, earlier: Batches) -> Option<f64> {
        let batches = self.batches - earlier.batches;
        (batches > 0.0).then(|| (self.commands - earlier.commands) / batches)
    }
}

/// A counter in the Prometheus text format, added up over its labels.
fn counter(text: &str, name: &str) -> Option<f64> {
    text.lines()
        .filter_map(|line| {
            let rest = line.strip_prefix(name)?;
            let value = match rest.strip_prefix('{') {
                Some(labelled) => labelled.rsplit_once('}')?.1,
                None => rest.strip_prefix(' ')?,
            };
            value.split_whitespace().next()?.parse::<f64>().ok()
        })
        .fold(None, |sum, value| Some(sum.unwrap_or(0.0) + value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_add_up_over_their_labels() {
        let text = "# TYPE koi_batches counter\nkoi_batches_total{cell=\"0\"} 3\nkoi_batches_total{cell=\"1\"} 4\n\
                    koi_batched_commands_total 700 1520879607.789\nkoi_batches_total_other 99\n";
        assert_eq!(Batches::parse(text), Some(Batches { batches: 7.0, commands: 700.0 }));
        assert_eq!(Batches::parse("koi_batches_total 1\n"), None);
    }

    #[test]
    fn a_mean_needs_a_batch() {
        let at = |batches, commands| Batches { batches, commands };
        assert_eq!(at(12.0, 1_500.0).mean_since(at(2.0, 500.0)), Some(100.0));
        assert_eq!(at(2.0, 500.0).mean_since(at(2.0, 500.0)), None);
    }
}
