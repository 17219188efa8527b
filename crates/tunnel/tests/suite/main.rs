//! Tunnels between two threads of this process.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test says what it expects by failing"
)]

mod ends;
mod keyless;
mod losses;
mod peers;
mod streams;
