//! Tests with servers in this process. Some break the protocol.

#![allow(clippy::unwrap_used, clippy::panic)]

mod client;
mod handshake;
mod replies;
mod server;
