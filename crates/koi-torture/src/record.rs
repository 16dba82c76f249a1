//! Reads a tracer's record: which calls the data files take, from which threads, and in which order.
//!
//! Two things are learned from it. The plan: for each kind of call, how far its numbers go. And, from
//! the order alone, the part of the promise that no kill of a process can test (the kernel keeps what
//! was written but not synced): that nobody is answered before the write-ahead log is synced.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Calls that change a data file and are worth a kill.
pub(crate) const CHANGING_CALLS: &[&str] = &[
    "fdatasync",
    "fsync",
    "pwrite64",
    "pwritev",
    "pwritev2",
    "write",
    "ftruncate",
    "fallocate",
    "unlink",
    "unlinkat",
    "rename",
    "renameat",
    "renameat2",
];
/// Calls that open a data file; they can fail.
pub(crate) const OPENING_CALLS: &[&str] = &["openat"];
/// Calls that read a data file; they can fail.
pub(crate) const READING_CALLS: &[&str] = &["pread64"];
/// Calls by which an answer may leave.
const SENDING_CALLS: &[&str] = &["sendto", "sendmsg", "writev"];

/// How SQLite names its write-ahead log.
const LOG_SUFFIX: &str = "-wal";

/// Everything that a record must hold.
pub(crate) fn recorded_calls() -> Vec<&'static str> {
    [CHANGING_CALLS, OPENING_CALLS, READING_CALLS, SENDING_CALLS].concat()
}

/// What one stretch of a server's life did to its data files.
#[derive(Clone, Debug, Default)]
pub(crate) struct Footprint {
    /// Calls by kind, and of each kind by thread.
    counts: BTreeMap<String, BTreeMap<u32, u32>>,
    /// Names of the files, relative to the data folder.
    pub(crate) files: BTreeSet<String>,
}

impl Footprint {
    /// The numbers from 1 to this one meet a call of the kind: the most that one thread makes.
    pub(crate) fn reach(&self, call: &str) -> u32 {
        self.counts.get(call).and_then(|threads| threads.values().max()).copied().unwrap_or_default()
    }

    /// Calls whose number another thread reaches first: the tracer cannot single them out.
    pub(crate) fn shadowed(&self, call: &str) -> u32 {
        let all: u32 = self.counts.get(call).map(|threads| threads.values().sum()).unwrap_or_default();
        all - self.reach(call)
    }
}

/// One line of a record.
struct Line<'a> {
    thread: u32,
    call: &'a str,
    rest: &'a str,
    /// The second half of a call that another thread's line cut in two.
    resumed: bool,
}

impl<'a> Line<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let (thread, rest) = line.split_once(' ')?;
        let (thread, rest) = (thread.parse().ok()?, rest.trim_start());
        if let Some(resumed) = rest.strip_prefix("<... ") {
            let (call, rest) = resumed.split_once(" resumed>")?;
            return Some(Self { thread, call, rest, resumed: true });
        }
        let (call, rest) = rest.split_once('(')?;
        Some(Self { thread, call, rest, resumed: false })
    }

    /// The data file that the call is about: behind its descriptor, or named in its arguments.
    fn file(&self, data: &str) -> Option<String> {
        let start = self.rest.find(data)? + data.len();
        let name = self.rest[start..].strip_prefix('/')?;
        let end = name.find(['>', '"'])?;
        Some(name[..end].trim_end_matches(" (deleted)").to_owned())
    }

    fn is_finished(&self) -> bool {
        !self.rest.ends_with("<unfinished ...>")
    }
}

pub(crate) fn footprint(record: &str, data: &Path) -> Footprint {
    let data = data.to_string_lossy();
    let mut footprint = Footprint::default();
    for line in record.lines().filter_map(Line::parse).filter(|line| !line.resumed) {
        if let Some(file) = line.file(&data) {
            footprint.files.insert(file);
            *footprint.counts.entry(line.call.to_owned()).or_default().entry(line.thread).or_default() += 1;
        }
    }
    footprint
}

/// Answers of success that left too early: while the write-ahead log held something not yet synced, or
/// (where something was created) without any sync since the answer before.
pub(crate) fn answers_before_their_sync(record: &str, data: &Path) -> Vec<String> {
    let data = data.to_string_lossy();
    let (mut unsynced, mut syncing, mut early) = (BTreeSet::new(), BTreeMap::new(), Vec::new());
    let mut synced_since_answer = false;
    for line in record.lines().filter_map(Line::parse) {
        let file = line.file(&data);
        if matches!(line.call, "fdatasync" | "fsync") {
            // A sync that another thread's line cuts in two is done at its second half.
            let done = match (line.resumed, file) {
                (true, _) => syncing.remove(&line.thread),
                (false, Some(file)) if line.is_finished() => Some(file),
                (false, Some(file)) => {
                    syncing.insert(line.thread, file);
                    None
                }
                (false, None) => None,
            };
            if let Some(file) = done {
                synced_since_answer |= file.ends_with(LOG_SUFFIX);
                unsynced.remove(&file);
            }
            continue;
        }
        match (file, Answered::of(line.rest)) {
            (Some(file), _) if file.ends_with(LOG_SUFFIX) && line.call.contains("write") => {
                unsynced.insert(file);
            }
            (None, Some(answered)) => {
                let created_unsynced = answered == Answered::Created && !synced_since_answer;
                if !unsynced.is_empty() || created_unsynced {
                    early.push(line.rest.to_owned());
                }
                synced_since_answer = false;
            }
            (Some(_), _) | (None, None) => {}
        }
    }
    early
}

/// What a sent text says, if it is the beginning of an answer of success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answered {
    /// 201 for the first time.
    Created,
    /// A read, a repeat, or a deed that makes nothing.
    Otherwise,
}

impl Answered {
    fn of(sent: &str) -> Option<Self> {
        let head = &sent[sent.find("\"HTTP/1.1 20")?..];
        let created = head.starts_with("\"HTTP/1.1 201");
        let repeat = head.to_ascii_lowercase().contains("idempotent-replayed");
        Some(if created && !repeat { Self::Created } else { Self::Otherwise })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: &str = "\
10 openat(AT_FDCWD</>, \"/d/koi.db-wal\", O_RDWR|O_CREAT, 0644) = 5</d/koi.db-wal>
11 pwrite64(5</d/koi.db-wal>, \"7\\177\"..., 24, 32) = 24
10 pwrite64(4</d/koi.db>, \"SQ\"..., 4096, 0 <unfinished ...>
11 fdatasync(5</d/koi.db-wal> <unfinished ...>
10 <... pwrite64 resumed>) = 4096
11 <... fdatasync resumed>) = 0
12 sendto(9<socket:[77]>, \"HTTP/1.1 201 Created\\r\\n\"..., 300, MSG_NOSIGNAL, NULL, 0) = 300
11 pwrite64(5</d/koi.db-wal>, \"7\\177\"..., 24, 56) = 24
12 write(3<anon_inode:[eventfd]>, \"\\1\", 8) = 8
11 unlink(\"/d/koi.db-journal\") = 0
";

    #[test]
    fn calls_are_counted_by_thread_and_only_on_data_files() {
        let footprint = footprint(RECORD, Path::new("/d"));
        assert_eq!((footprint.reach("pwrite64"), footprint.shadowed("pwrite64")), (2, 1));
        assert_eq!((footprint.reach("fdatasync"), footprint.reach("write")), (1, 0));
        assert_eq!(footprint.files.iter().collect::<Vec<_>>(), ["koi.db", "koi.db-journal", "koi.db-wal"]);
    }

    #[test]
    fn an_answer_that_overtakes_its_sync_is_found() {
        assert!(answers_before_their_sync(RECORD, Path::new("/d")).is_empty());
        let overtaken =
            format!("{RECORD}12 writev(9<socket:[77]>, [{{iov_base=\"HTTP/1.1 200 OK\"...}}], 2) = 300\n");
        assert_eq!(answers_before_their_sync(&overtaken, Path::new("/d")).len(), 1);
    }

    #[test]
    fn an_answer_that_creates_something_needs_a_sync_of_its_own() {
        let created = "12 sendto(9<socket:[77]>, \"HTTP/1.1 201 Created\\r\\n\"..., 300, 0, NULL, 0) = 300\n";
        let sync = "11 fdatasync(5</d/koi.db-wal>) = 0\n";
        let repeat = created.replace("\\r\\n", "\\r\\nIdempotent-Replayed: true");
        let early = |record: &str| answers_before_their_sync(record, Path::new("/d")).len();
        assert_eq!(early(&format!("{sync}{created}{repeat}")), 0);
        assert_eq!(early(&format!("{sync}{created}{created}")), 1);
    }
}
