//! Runs the check of `blockcopy-hostile` that `BLOCKCOPY_FUZZ_TARGET` names: see `npm run fuzz`.

#![no_main]

use std::env;
use std::sync::LazyLock;

use blockcopy_hostile::{Check, named};
use libfuzzer_sys::fuzz_target;

static CHECK: LazyLock<Check> =
    LazyLock::new(|| named(&env::var("BLOCKCOPY_FUZZ_TARGET").unwrap_or_default()));

fuzz_target!(|bytes: &[u8]| CHECK(bytes));
