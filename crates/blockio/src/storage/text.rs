//! A description of storage as text, for the other end of a copy.

use std::fmt;
use std::str::FromStr;

use super::{How, Layer, Storage};

/// Word for each relation to a layer.
const HOWS: [(How, &str); 7] = [
    (How::Itself, "itself"),
    (How::Partition, "partition"),
    (How::Loop, "loop"),
    (How::Path, "path"),
    (How::Stack, "stack"),
    (How::File, "file"),
    (How::Deeper, "deeper"),
];

/// Number of words per layer: how, id, start, end, grip and name.
const WORDS: usize = 6;

/// Placeholder for an unknown end and for an omitted name.
const NOTHING: &str = "-";

/// Layers whose names are written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Named {
    All,
    First,
}

impl Storage {
    /// Limit for the length in bytes: it must fit into a hello.
    pub const MAX_LEN: usize = 2500;

    /// Limit for the length of a name; a longer one is cut off.
    const LONGEST_NAME: usize = 256;

    fn boot_and(&self, layers: usize, named: Named) -> String {
        let mut text = self.boot.clone();
        for (place, layer) in self.layers.iter().take(layers).enumerate() {
            text.push(' ');
            let is_named = named == Named::All || place == 0;
            text.push_str(&layer.to_text(if is_named { &layer.name } else { "" }));
        }
        text
    }
}

/// Printable ASCII, at most [`Storage::MAX_LEN`] bytes: `BOOT`, then ` HOW ID START END GRIP NAME` for each layer.
///
/// If a stack has too many devices, the names are omitted first, and then the deepest layers.
impl fmt::Display for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.layers.len();
        let named = self.boot_and(all, Named::All);
        if named.len() <= Self::MAX_LEN {
            return f.write_str(&named);
        }
        let fitting = (0..=all)
            .rev()
            .map(|layers| self.boot_and(layers, Named::First));
        let text = fitting.into_iter().find(|text| text.len() <= Self::MAX_LEN);
        f.write_str(&text.unwrap_or_default())
    }
}

/// Error for text that does not describe storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a description of storage")]
pub struct NoStorage;

impl FromStr for Storage {
    type Err = NoStorage;

    fn from_str(text: &str) -> Result<Self, NoStorage> {
        if text.len() > Self::MAX_LEN {
            return Err(NoStorage);
        }
        let mut words = text.split(' ');
        let boot = words.next().filter(|boot| !boot.is_empty());
        let boot = boot.ok_or(NoStorage)?.to_owned();
        let words: Vec<_> = words.collect();
        let chunks = words.chunks(WORDS).map(Layer::from_words);
        let layers: Option<Vec<_>> = chunks.collect();
        let layers = layers.filter(|layers| !layers.is_empty());
        Ok(Self {
            boot,
            layers: layers.ok_or(NoStorage)?,
        })
    }
}

impl Layer {
    fn to_text(&self, name: &str) -> String {
        let how = HOWS.iter().find(|(how, _)| *how == self.how);
        let how = how.map_or(NOTHING, |(_, word)| word);
        let end = match self.extent.end {
            u64::MAX => NOTHING.to_owned(),
            end => end.to_string(),
        };
        let grip = if self.exact { "exact" } else { "within" };
        let name = if name.is_empty() { NOTHING } else { name };
        // Words are ASCII, so any byte is the end of a character.
        let name = name.get(..Storage::LONGEST_NAME).unwrap_or(name);
        let (id, start) = (&self.id, self.extent.start);
        format!("{how} {id} {start} {end} {grip} {name}")
    }

    fn from_words(words: &[&str]) -> Option<Self> {
        let [how, id, start, end, grip, name] = *words else {
            return None;
        };
        let printable = |word: &&str| word.bytes().all(|byte| byte.is_ascii_graphic());
        let (how, _) = *HOWS.iter().find(|(_, word)| *word == how)?;
        let end = match end {
            NOTHING => u64::MAX,
            end => end.parse().ok()?,
        };
        Some(Self {
            how,
            id: Some(id).filter(printable)?.to_owned(),
            extent: start.parse().ok()?..end,
            exact: match grip {
                "exact" => true,
                "within" => false,
                _ => return None,
            },
            name: match Some(name).filter(printable)? {
                NOTHING => String::new(),
                name => name.to_owned(),
            },
        })
    }
}
