//! Ports for servers that are told which one to take, and take it a moment later: or again, after they were killed.
//!
//! A port of those that the system itself gives away, to listeners on port 0 and to every connection that is made, may be
//! given to somebody else meanwhile. These lie below them.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU16, Ordering};

/// Linux gives away those from 32768 on, macOS from 49152.
const FIRST: u16 = 18_000;
const COUNT: u16 = 14_000;

/// A port that nobody listens on, and that is given to no other server of this process before all others were.
///
/// # Panics
/// When none is free.
pub(super) fn free_port() -> u16 {
    // Processes that run at once begin at different places.
    static NEXT: LazyLock<AtomicU16> = LazyLock::new(|| {
        let begin = std::process::id().wrapping_mul(211) % u32::from(COUNT);
        AtomicU16::new(u16::try_from(begin).unwrap_or_default())
    });
    let next = || {
        let step = |at: u16| Some((at + 1) % COUNT);
        let at = NEXT.fetch_update(Ordering::Relaxed, Ordering::Relaxed, step);
        FIRST + at.unwrap_or_default()
    };
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    (0..COUNT).map(|_| next()).find(is_free).expect("a port is free")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_port_is_given_twice_or_while_somebody_listens() {
        let mut given: Vec<u16> = (0..200).map(|_| free_port()).collect();
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, FIRST + (given[199] - FIRST + 1) % COUNT));
        given.push(free_port());
        if let Ok(taken) = taken {
            assert_ne!(given[200], taken.local_addr().unwrap().port());
        }
        assert!(given.iter().all(|port| (FIRST..FIRST + COUNT).contains(port)));
        given.sort_unstable();
        given.dedup();
        assert_eq!(given.len(), 201);
    }
}
