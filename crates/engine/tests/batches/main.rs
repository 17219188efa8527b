//! Batches through the engine's public interface, against what a naive program would do.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "the numbers are small, and a test says what it expects by failing"
)]

mod apply;
mod diff;
mod digests;
mod scan;
mod support;
