//! What the figures were measured on. Without it they mean nothing.

use std::path::Path;

use serde::Serialize;

/// The machine, as far as `/proc` tells. What it does not tell is `unknown` or 0.
#[derive(Debug, Clone, Serialize)]
pub struct Machine {
    /// Cores that this process may use.
    pub cores: usize,
    /// The processor's model.
    pub cpu: String,
    /// The kernel and its release.
    pub kernel: String,
    /// Memory of the machine.
    pub memory_mib: u64,
    /// The kind of file system that holds the data folder: an fsync of a `tmpfs` costs nothing.
    pub file_system: String,
}

impl Machine {
    /// Reads what the kernel says, and on which file system a folder is.
    #[must_use]
    pub fn read(data: &Path) -> Machine {
        let file = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        Machine {
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            cpu: value_of(&file("/proc/cpuinfo"), "model name").unwrap_or_else(unknown),
            kernel: kernel(&file("/proc/sys/kernel/ostype"), &file("/proc/sys/kernel/osrelease")),
            memory_mib: value_of(&file("/proc/meminfo"), "MemTotal")
                .and_then(|text| kib_in_mib(&text))
                .unwrap_or(0),
            file_system: data
                .canonicalize()
                .ok()
                .and_then(|data| file_system(&file("/proc/self/mounts"), &data))
                .unwrap_or_else(unknown),
        }
    }
}

fn unknown() -> String {
    "unknown".to_owned()
}

fn kernel(name: &str, release: &str) -> String {
    let kernel = format!("{} {}", name.trim(), release.trim());
    if kernel.trim().is_empty() { unknown() } else { kernel }
}

/// The value of the first line `name : value`.
pub(crate) fn value_of(text: &str, name: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then(|| value.trim().to_owned())
    })
}

/// `/proc` gives sizes as `1234 kB`, and means KiB.
pub(crate) fn kib_in_mib(text: &str) -> Option<u64> {
    text.strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib / 1024)
}

/// The kind of the innermost mount that holds this path.
fn file_system(mounts: &str, path: &Path) -> Option<String> {
    mounts
        .lines()
        .filter_map(|line| {
            let mut columns = line.split(' ');
            let (_device, folder, kind) = (columns.next()?, columns.next()?, columns.next()?);
            path.starts_with(folder).then_some((folder.len(), kind))
        })
        .max_by_key(|&(length, _)| length)
        .map(|(_, kind)| kind.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_their_whole_name() {
        let text = "model\t\t: 143\nmodel name\t: Some CPU: 3 GHz\nMemTotal:       24682416 kB\n";
        assert_eq!(value_of(text, "model name").as_deref(), Some("Some CPU: 3 GHz"));
        assert_eq!(value_of(text, "MemTotal").and_then(|text| kib_in_mib(&text)), Some(24_103));
        assert_eq!(value_of(text, "name"), None);
    }

    #[test]
    fn the_innermost_mount_decides() {
        let mounts = "/dev/a / ext4 rw 0 0\ntmpfs /tmp tmpfs rw 0 0\n/dev/b /tmpfiles xfs rw 0 0\n";
        let check =
            |path: &str, kind: &str| assert_eq!(file_system(mounts, Path::new(path)).as_deref(), Some(kind));
        check("/tmp/koi", "tmpfs");
        check("/tmpfiles/koi", "xfs");
        check("/home", "ext4");
    }
}
