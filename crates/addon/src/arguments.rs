//! Numbers between JavaScript and the engine, and arguments that are refused.

use napi::{Error, Result};

/// An offset or size as JavaScript counts. Exact up to 2^53, which is more than any disk has.
#[expect(
    clippy::cast_precision_loss,
    reason = "offsets beyond 2^53 bytes are refused on the way in"
)]
pub(crate) fn number(value: u64) -> f64 {
    value as f64
}

/// An offset or size that JavaScript gave.
pub(crate) fn whole(value: f64) -> Result<u64> {
    const MAX_SAFE: f64 = 9_007_199_254_740_991.0;
    if value.fract() != 0.0 || !(0.0..=MAX_SAFE).contains(&value) {
        return Err(invalid(
            "an offset or length is not a whole number below 2^53",
        ));
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked above"
    )]
    Ok(value as u64)
}

/// An argument that the program must not have passed.
pub(crate) fn invalid(reason: &str) -> Error {
    Error::from_reason(format!("internal error: {reason}"))
}
