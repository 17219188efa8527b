//! Conversion of numbers, and refusal of invalid arguments.

use napi::{Error, Result};

/// Converts an offset or size for JavaScript. Exact up to 2^53, which is larger than any disk.
#[expect(
    clippy::cast_precision_loss,
    reason = "offsets beyond 2^53 bytes are refused"
)]
pub(crate) fn number(value: u64) -> f64 {
    value as f64
}

/// Converts an offset or size from JavaScript.
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

/// Returns the error for an argument that the program must not pass.
pub(crate) fn invalid(reason: &str) -> Error {
    Error::from_reason(format!("internal error: {reason}"))
}
