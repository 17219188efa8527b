//! Repeats the checks for the kept inputs, which are all that a fuzzer has found worth keeping.

#![allow(clippy::expect_used)]

use std::fs;
use std::path::Path;

use blockcopy_hostile::TARGETS;

/// Returns the inputs of a target: one per line, in hexadecimal.
fn kept(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/kept");
    let text = fs::read_to_string(folder.join(format!("{target}.txt"))).expect(target);
    let byte = |digits: &[u8]| {
        let digits = str::from_utf8(digits).expect("ASCII");
        u8::from_str_radix(digits, 16).expect("hexadecimal digits")
    };
    let input = |line: &str| line.as_bytes().chunks(2).map(byte).collect();
    text.lines().map(input).collect()
}

#[test]
fn no_kept_input_breaks_a_promise() {
    for (target, check) in TARGETS {
        let inputs = kept(target);
        assert!(!inputs.is_empty(), "{target} has no inputs");
        for (number, input) in inputs.iter().enumerate() {
            let outcome = std::panic::catch_unwind(|| check(input));
            assert!(
                outcome.is_ok(),
                "line {} of fuzz/kept/{target}.txt",
                number + 1
            );
        }
    }
}
