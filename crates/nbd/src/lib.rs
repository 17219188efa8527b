//! Client for exports of NBD servers.
//!
//! - [`Uri`] names an export;
//! - [`Client`] reads, writes, zeroes and flushes one, over one or more connections;
//! - [`Pending`] and [`receive`] match replies with requests, from any stream of bytes.
//!
//! It speaks the fixed newstyle handshake and simple or structured replies, as described in `doc/proto.md` of
//! <https://github.com/NetworkBlockDevice/nbd>. Everything that a server sends is checked: a length, offset or cookie that does not belong
//! to a request ends the connection.

mod client;
mod connection;
mod coverage;
mod error;
mod handshake;
mod lent;
mod limits;
mod opening;
mod pending;
mod pool;
mod reply;
mod stream;
mod tls;
mod transport;
mod trust;
mod uri;
mod wire;

pub use client::Client;
pub use error::Error;
pub use handshake::{BlockSizes, Context, Export, negotiate};
pub use lent::Lent;
pub use limits::Limits;
pub use pending::{Answer, Pending, Ticket, Want};
pub use reply::{Failure, receive};
pub use uri::{Address, Tls, Uri, is_uri};
pub use wire::{Extent, MAX_PAYLOAD};
