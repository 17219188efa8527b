//! Tests of the public interface with every kernel of this CPU.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects by failing"
)]

mod cavp;
mod hex;
mod interface;
mod kernels;
mod known_answers;
mod properties;
