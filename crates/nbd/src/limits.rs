//! Limits of time.

use std::time::Duration;

/// Limits of time for a server.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// For connecting, names looked up included.
    pub connect: Duration,
    /// For the whole handshake.
    pub handshake: Duration,
    /// For a connection with requests without a reply, on which no reply is completed and hardly anything arrives.
    pub idle: Duration,
}

impl Default for Limits {
    /// A server may have to wake a disk, or wait for a failover, before it answers a request.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(30),
            handshake: Duration::from_secs(30),
            idle: Duration::from_secs(300),
        }
    }
}
