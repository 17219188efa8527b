//! Checks that hold for all identities.

use std::path::Path;
use std::thread;
use std::time::Duration;

use blockcopy_blockio::{Direct, Error, Identity, Source};

pub(super) fn try_identity(path: impl AsRef<Path>) -> Result<Identity, Error> {
    let identity = Source::open(path, Direct::Auto).unwrap().identity()?;
    let text = identity.as_str();
    assert!(text.len() <= Identity::MAX_LEN, "{text}");
    assert!(
        text.bytes().all(|byte| matches!(byte, b' '..=b'~')),
        "{text}"
    );
    assert_eq!(identity.to_string(), text);
    Ok(identity)
}

pub(super) fn identity(path: impl AsRef<Path>) -> String {
    try_identity(path).unwrap().to_string()
}

/// Waits for the clock of change times, which has a resolution of up to 10 ms.
pub(super) fn wait_for_the_clock() {
    thread::sleep(Duration::from_millis(25));
}
