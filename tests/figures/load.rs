//! The load: requests that were made before, sent over so many connections that stay. It parses as little as it can,
//! since it shares the machine with what it measures.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Instant;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::LocalSet;

/// Connections, all busy all the time.
pub(crate) const CONNECTIONS: usize = 32;

/// How it went.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    /// Requests in a second.
    pub(crate) per_second: u64,
    /// Half were answered within, in microseconds.
    pub(crate) p50: u64,
    /// Of a hundred, all but one were answered within, in microseconds.
    pub(crate) p99: u64,
}

struct Shared {
    requests: Rc<Vec<Vec<u8>>>,
    next: Cell<usize>,
    took: RefCell<Vec<u64>>,
}

/// Sends all and waits for each answer; every one must be 200.
pub(crate) async fn send(address: SocketAddr, requests: &Rc<Vec<Vec<u8>>>) -> Run {
    let mut streams = Vec::new();
    for _ in 0..CONNECTIONS {
        let stream = TcpStream::connect(address).await.expect("the server listens");
        stream.set_nodelay(true).expect("the connection is there");
        streams.push(stream);
    }
    let took = RefCell::new(Vec::with_capacity(requests.len()));
    let shared = Rc::new(Shared { requests: Rc::clone(requests), next: Cell::new(0), took });
    let senders = LocalSet::new();
    let begun = Instant::now();
    for stream in streams {
        senders.spawn_local(keep_sending(stream, Rc::clone(&shared)));
    }
    senders.await;
    let whole = micros(begun);
    let mut took = shared.took.take();
    assert_eq!(took.len(), requests.len(), "every request was answered");
    took.sort_unstable();
    let count = u64::try_from(took.len()).expect("a count");
    let at = |hundredth: usize| took.get(took.len() * hundredth / 100).copied().unwrap_or_default();
    Run { per_second: count * 1_000_000 / whole.max(1), p50: at(50), p99: at(99) }
}

async fn keep_sending(mut stream: TcpStream, shared: Rc<Shared>) {
    let mut answer = [0; 1024];
    loop {
        let nth = shared.next.get();
        let Some(request) = shared.requests.get(nth) else { return };
        shared.next.set(nth + 1);
        let begun = Instant::now();
        stream.write_all(request).await.expect("the server reads");
        read_answer(&mut stream, &mut answer).await;
        shared.took.borrow_mut().push(micros(begun));
    }
}

/// Reads an answer of a head alone; it must be a good one.
async fn read_answer(stream: &mut TcpStream, buffer: &mut [u8; 1024]) {
    let mut length = 0;
    while !buffer[..length].ends_with(b"\r\n\r\n") {
        let read = stream.read(&mut buffer[length..]).await.expect("the server answers");
        assert!(read > 0, "the server hung up: {}", String::from_utf8_lossy(&buffer[..length]));
        length += read;
    }
    assert!(buffer.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&buffer[..length]));
}

fn micros(begun: Instant) -> u64 {
    u64::try_from(begun.elapsed().as_micros()).expect("a short time")
}
