//! Selects one of the mutants that this build has. Not part of the program: scripts/mutants copies it into an instrumented tree.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// The folder with the number of the mutant and with the record.
const FOLDER: &str = env!("BLOCKCOPY_MUTANTS");

static ACTIVE: OnceLock<u32> = OnceLock::new();
static RECORD: OnceLock<Option<File>> = OnceLock::new();
static REACHED: [AtomicBool; 1 << 16] = [const { AtomicBool::new(false) }; 1 << 16];

/// Returns the selected mutant if it is one of these, else 0. Records that this place has been reached, if a record is kept.
pub(crate) fn at(ids: &[u32]) -> u32 {
    record(ids[0]);
    let active = *ACTIVE.get_or_init(|| {
        let text = std::env::var("BLOCKCOPY_MUTANT")
            .or_else(|_| fs::read_to_string(format!("{FOLDER}/active")));
        text.ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
    });
    if ids.contains(&active) { active } else { 0 }
}

/// Keeps a record only if its file exists.
fn record(id: u32) {
    let file = RECORD.get_or_init(|| {
        let path = format!("{FOLDER}/reached");
        OpenOptions::new().append(true).open(path).ok()
    });
    if let (Some(mut file), false) = (file.as_ref(), REACHED[id as usize].swap(true, Relaxed)) {
        let _ = file.write_all(format!("{id}\n").as_bytes());
    }
}
