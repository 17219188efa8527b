//! TCP connections with TLS 1.3 between two processes that know each other's one-time keys.
//!
//! Each end makes a key pair for one connection ([`OneTimeKey`]), and learns the public key of the other end over a channel that is
//! authenticated already. One end listens ([`Listener`]), the other one connects ([`connect`]). Both get a [`Link`] if, and only if, the
//! other end has proved that it holds the expected key. [`Link::pump`] then moves bytes between the connection and two pipes.

#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::disallowed_methods))]

mod buffers;
mod connect;
mod control;
mod ends;
mod error;
mod key;
mod listen;
mod pump;
mod session;
mod socket;
mod tls;

pub use connect::{Target, connect};
pub use control::Control;
pub use ends::{Done, Ends, Tunnel, make_pipes, take_standard_streams};
pub use error::Error;
pub use key::{OneTimeKey, PublicKey};
pub use listen::{Listener, Ports};
pub use pump::{Link, Until};
