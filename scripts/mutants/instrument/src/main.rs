//! Puts all mutants of a list into the files of a copy of the crates, each after a switch: one build then has all of them.
//!
//! Usage: `instrument TREE LIST`. LIST is what `cargo mutants --list --json` prints, with an `id` for each mutant.
//! Prints the mutants that no switch can select, one id a line: those of constants, whose value the compiler needs.

mod edits;
mod sites;

use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;
use std::{env, error, fs};

/// A mutant as cargo-mutants lists it.
#[derive(Deserialize)]
struct Mutant {
    id: u32,
    file: String,
    genre: String,
    replacement: String,
    span: Span,
}

#[derive(Deserialize)]
struct Span {
    start: Position,
}

/// Both count from 1.
#[derive(Deserialize, PartialEq, Eq, PartialOrd, Ord, Clone, Copy)]
struct Position {
    line: usize,
    column: usize,
}

fn main() -> Result<(), Box<dyn error::Error>> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let [tree, list] = arguments.as_slice() else {
        return Err("usage: instrument TREE LIST".into());
    };
    let mutants: Vec<Mutant> = serde_json::from_str(&fs::read_to_string(list)?)?;
    let mut files = BTreeMap::<&str, Vec<&Mutant>>::new();
    for mutant in &mutants {
        files.entry(&mutant.file).or_default().push(mutant);
    }
    for (file, mutants) in files {
        let path = Path::new(tree).join(file);
        let source = fs::read_to_string(&path)?;
        let (edits, missed) =
            sites::edits(&source, &mutants).map_err(|e| format!("{file}: {e}"))?;
        fs::write(&path, edits::apply(&source, edits))?;
        for id in missed {
            println!("{id}");
        }
    }
    Ok(())
}
