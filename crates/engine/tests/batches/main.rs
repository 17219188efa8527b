//! Batches through the public interface of the engine, compared with simple models.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "the numbers are small, and a test says what it expects by failing"
)]

mod apply;
mod apply_failures;
mod check;
mod diff;
mod digests;
mod every_call;
mod frames;
mod holes;
mod options;
mod pack;
mod scan;
mod sides;
mod slots;
mod sparse;
mod support;
mod update;
mod update_failures;
mod zero_frames;
mod zeros;
