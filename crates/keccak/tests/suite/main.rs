//! What a caller may rely on, on every kernel that this CPU has.

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
