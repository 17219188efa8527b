//! Text to be inserted into a file.

use std::cmp::Reverse;

/// Text before or after a piece of code.
pub struct Edit {
    /// Byte at which the text goes in.
    at: usize,
    /// At one byte, what ends there goes before what begins there; an outer piece begins before an inner one, and ends after it.
    order: (bool, Reverse<usize>),
    text: String,
}

impl Edit {
    /// Text before a piece of code of this length.
    pub fn before(at: usize, len: usize, text: String) -> Self {
        Self {
            at,
            order: (true, Reverse(len)),
            text,
        }
    }

    /// Text after a piece of code of this length, which ends here.
    pub fn after(at: usize, len: usize, text: String) -> Self {
        Self {
            at,
            order: (false, Reverse(usize::MAX - len)),
            text,
        }
    }
}

/// Inserts all texts.
pub fn apply(source: &str, mut edits: Vec<Edit>) -> String {
    edits.sort_by_key(|edit| (edit.at, edit.order));
    let mut out = String::new();
    let mut done = 0;
    for edit in edits {
        out.push_str(&source[done..edit.at]);
        out.push_str(&edit.text);
        done = edit.at;
    }
    out.push_str(&source[done..]);
    out
}
