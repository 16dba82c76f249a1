//! How much processor time servers take, as the kernel counts it: a figure that hardly feels what else the machine does.

use std::time::Duration;

use rustix::param::clock_ticks_per_second;

/// What a process and those that it started have used so far, also those of them that ended.
pub(crate) fn used_by(process: u32) -> Duration {
    let own = Ticks::of(process).map_or(0, |ticks| ticks.own + ticks.ended);
    let running: u64 = children_of(process).map(|ticks| ticks.own + ticks.ended).sum();
    let ticks_per_second = clock_ticks_per_second().max(1);
    Duration::from_secs_f64((own + running) as f64 / ticks_per_second as f64)
}

/// Processor time of a process, in the kernel's ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ticks {
    parent: u32,
    own: u64,
    /// Of children that ended.
    ended: u64,
}

impl Ticks {
    fn of(process: u32) -> Option<Ticks> {
        Ticks::parse(&std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?)
    }

    /// The name of a program is in brackets and may hold anything; what follows it is numbers.
    fn parse(stat: &str) -> Option<Ticks> {
        let (_, rest) = stat.rsplit_once(')')?;
        let columns: Vec<&str> = rest.split_whitespace().collect();
        let number = |column: usize| columns.get(column)?.parse::<u64>().ok();
        Some(Ticks {
            parent: columns.get(1)?.parse().ok()?,
            own: number(11)? + number(12)?,
            ended: number(13)? + number(14)?,
        })
    }
}

fn children_of(process: u32) -> impl Iterator<Item = Ticks> {
    let all = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbers = all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    numbers.filter_map(Ticks::of).filter(move |ticks| ticks.parent == process)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stat_is_read_whatever_the_program_is_called() {
        let stat = "7 (a) b (c)) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 3 4 20 0 1 0 100 0";
        assert_eq!(Ticks::parse(stat), Some(Ticks { parent: 1, own: 300, ended: 7 }));
        assert_eq!(Ticks::parse("7 (koi) S 1"), None);
    }

    #[test]
    fn children_count_while_they_run_and_when_they_have_ended() {
        let work = "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done";
        let before = used_by(std::process::id());
        assert!(std::process::Command::new("sh").args(["-c", work]).status().expect("a shell").success());
        assert!(used_by(std::process::id()) > before);
    }
}
