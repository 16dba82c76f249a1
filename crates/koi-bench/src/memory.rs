//! How much memory a server holds, as the kernel counts it.

use serde::Serialize;

use crate::machine::{kib_in_mib, value_of};

/// Memory of one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Memory {
    /// Resident now.
    pub(crate) resident_mib: u64,
    /// Most that was ever resident.
    pub(crate) peak_mib: u64,
    /// The part of the resident memory that is its own, without mapped files.
    pub(crate) anonymous_mib: u64,
}

impl Memory {
    /// Of a running process; `None` where the kernel does not tell.
    pub(crate) fn of(process: u32) -> Option<Memory> {
        Memory::parse(&std::fs::read_to_string(format!("/proc/{process}/status")).ok()?)
    }

    fn parse(status: &str) -> Option<Memory> {
        let mib = |name| value_of(status, name).and_then(|text| kib_in_mib(&text));
        Some(Memory {
            resident_mib: mib("VmRSS")?,
            peak_mib: mib("VmHWM")?,
            anonymous_mib: mib("RssAnon").unwrap_or(0),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_read_and_a_zombie_has_none() {
        let status = "Name:\tkoi\nVmHWM:\t  409600 kB\nVmRSS:\t  204800 kB\nRssAnon:\t  102400 kB\n";
        let memory = Memory { resident_mib: 200, peak_mib: 400, anonymous_mib: 100 };
        assert_eq!(Memory::parse(status), Some(memory));
        assert_eq!(Memory::parse("Name:\tkoi\nState:\tZ (zombie)\n"), None);
    }

    #[test]
    fn this_process_has_memory() {
        let memory = Memory::of(std::process::id()).expect("a running process");
        assert!(memory.peak_mib >= memory.resident_mib);
    }
}
