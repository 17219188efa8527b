//! Whether to go past the page cache.

use std::str::FromStr;

/// Whether a file or device is accessed past the page cache (`O_DIRECT`, see open(2)).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Direct {
    /// Where that is possible, and for reads where it is the faster way.
    #[default]
    Auto,
    /// Always; where it is not possible that is an error.
    On,
    /// Never.
    Off,
}

impl Direct {
    /// Whether to open anything for it.
    pub(crate) fn is_wanted(self) -> bool {
        self != Self::Off
    }
}

impl FromStr for Direct {
    type Err = ();

    /// The names of the command line.
    fn from_str(name: &str) -> Result<Self, ()> {
        match name {
            "auto" => Ok(Self::Auto),
            "on" => Ok(Self::On),
            "off" => Ok(Self::Off),
            _ => Err(()),
        }
    }
}
