//! Use of direct I/O.

use std::str::FromStr;

/// Use of direct I/O, past the page cache (`O_DIRECT`, see open(2)).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Direct {
    /// Direct I/O where it is possible, and for reads where it is faster.
    #[default]
    Auto,
    /// Always; fails where it is not possible.
    On,
    /// Never.
    Off,
}

impl Direct {
    /// Returns true if a descriptor for direct I/O must be opened.
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
