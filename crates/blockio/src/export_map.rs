//! Maps of exports.

use std::fmt;

use blockcopy_nbd::Extent;

/// Map of an export that its server tells of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExportMap {
    /// Ranges that have changed since the dirty bitmap of QEMU with this name was begun.
    DirtyBitmap(String),
    /// Ranges that are allocated, or that may not read as zeros.
    Allocation,
}

impl fmt::Display for ExportMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DirtyBitmap(name) => write!(f, "the dirty bitmap {name}"),
            Self::Allocation => f.write_str("the allocation"),
        }
    }
}

impl ExportMap {
    /// Returns true if the map names the range of an extent; `None` for flags that it cannot have.
    pub(crate) fn names(&self, extent: &Extent) -> Option<bool> {
        match self {
            Self::DirtyBitmap(_) => extent.is_dirty(),
            Self::Allocation => Some(!extent.is_unallocated()),
        }
    }
}
