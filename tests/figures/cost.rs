//! What processes cost, as the kernel tells (`/proc`, so on Linux only).

use std::fs::read_to_string;

/// Clock ticks are a hundredth of a second in everything that `/proc` shows.
const TICK_MICROS: u64 = 10_000;

/// CPU time that a process has had since it began, in microseconds.
pub(crate) fn cpu_micros(process: u32) -> u64 {
    let stat = read_to_string(format!("/proc/{process}/stat")).expect("the process is there");
    // The name may hold spaces; behind it, user and system time are the twelfth and thirteenth word.
    let (_, rest) = stat.rsplit_once(')').expect("a name in brackets");
    let ticks = rest.split_whitespace().skip(11).take(2).map(|word| word.parse::<u64>().expect("a number"));
    ticks.sum::<u64>() * TICK_MICROS
}

/// The same, exactly, of its threads that still run: what many idle processes take in a while is far below a tick each.
pub(crate) fn on_cpu_micros(process: u32) -> u64 {
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).expect("the process is there");
    let nanos = threads.filter_map(|thread| {
        // A thread may end meanwhile.
        let told = read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        told.split_whitespace().next()?.parse::<u64>().ok()
    });
    nanos.sum::<u64>() / 1000
}

/// Memory of a process, in KiB.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Memory {
    /// Resident, what it shares with others included.
    pub(crate) resident: u64,
    /// Of this process alone.
    pub(crate) private: u64,
}

/// What a process holds now.
pub(crate) fn memory(process: u32) -> Memory {
    let rollup = read_to_string(format!("/proc/{process}/smaps_rollup")).expect("the process is there");
    let status = read_to_string(format!("/proc/{process}/status")).expect("the process is there");
    Memory {
        resident: kib(&status, "VmRSS:"),
        private: kib(&rollup, "Private_Clean:") + kib(&rollup, "Private_Dirty:"),
    }
}

/// The most that a process ever held, in KiB, what it shares with others included.
pub(crate) fn peak(process: u32) -> u64 {
    let status = read_to_string(format!("/proc/{process}/status")).expect("the process is there");
    kib(&status, "VmHWM:")
}

fn kib(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name)).expect("the kernel tells it");
    line.split_whitespace().next().and_then(|word| word.parse().ok()).expect("a number")
}

/// The middle one, the lower of two.
pub(crate) fn median(values: &[u64]) -> u64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len().saturating_sub(1) / 2).copied().unwrap_or_default()
}
