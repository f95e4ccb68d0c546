//! A small TCP proxy that can cut the link.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Passes bytes between its own address and a target, unless it is cut.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    is_open: watch::Sender<bool>,
}

impl Proxy {
    /// Listens on a free loopback port; ends when dropped.
    ///
    /// # Panics
    /// When it cannot listen.
    pub async fn start(target: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port is free");
        let address = listener.local_addr().expect("it has an address");
        let (is_open, seen) = watch::channel(true);
        tokio::spawn(accept(listener, target, seen));
        Self { address, is_open }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Breaks every connection and takes no new one.
    pub fn cut(&self) {
        self.is_open.send_replace(false);
    }

    /// Takes connections again.
    pub fn mend(&self) {
        self.is_open.send_replace(true);
    }
}

async fn accept(listener: TcpListener, target: SocketAddr, mut is_open: watch::Receiver<bool>) {
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => accepted.expect("a listener accepts").0,
            gone = is_open.changed() => match gone {
                Ok(()) => continue,
                Err(_) => return,
            },
        };
        if *is_open.borrow() {
            tokio::spawn(pass(stream, target, is_open.clone()));
        }
    }
}

async fn pass(mut near: TcpStream, target: SocketAddr, mut is_open: watch::Receiver<bool>) {
    let Ok(mut far) = TcpStream::connect(target).await else { return };
    tokio::select! {
        // A connection that breaks is what this is for.
        _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
        _ = is_open.wait_for(|open| !open) => {}
    }
}
