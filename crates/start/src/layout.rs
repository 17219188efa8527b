//! The places of the parts of the executable in memory.
use core::ptr::{addr_of, read_volatile};
use core::slice::from_raw_parts;

/// Number of values in [`TABLE`].
const LENGTH: usize = 16;

/// Addresses as they are in the file, and lengths: scripts/single/assemble.ts finds the table by its first value and fills it in.
static TABLE: [usize; LENGTH] = {
    let mut table = [0; LENGTH];
    table[0] = 0x5bc0_ffee_0b10_ccc1;
    table
};

/// Something that becomes a file.
pub(crate) struct Part {
    pub(crate) bytes: &'static [u8],
    /// The name by which the dynamic linker looks for it: its path is written there.
    pub(crate) needed: Option<*mut u8>,
}

/// The places of the parts of the executable in memory.
pub(crate) struct Layout {
    /// Program headers of Node.
    pub(crate) headers: usize,
    pub(crate) headers_count: usize,
    /// The entry of Node, for musl to go on at.
    pub(crate) entry: usize,
    pub(crate) linker: usize,
    pub(crate) linker_entry: usize,
    /// The distance between addresses in memory and those in the file.
    bias: usize,
}

impl Layout {
    /// Finds all parts.
    pub(crate) fn here() -> Self {
        let bias = addr_of!(TABLE).addr().wrapping_sub(value(1));
        let at = |index| value(index).wrapping_add(bias);
        Self {
            headers: at(2),
            headers_count: value(3),
            entry: at(4),
            linker: at(5),
            linker_entry: at(6),
            bias,
        }
    }

    /// Returns what becomes a file: two libraries, and the engine.
    pub(crate) fn files(&self) -> [Part; 3] {
        [
            self.part(7, Some(9)),
            self.part(10, Some(12)),
            self.part(13, None),
        ]
    }

    fn part(&self, index: usize, needed: Option<usize>) -> Part {
        let pointer = |index| value(index).wrapping_add(self.bias) as *mut u8;
        Part {
            // SAFETY: the table says where they are. Nothing writes there.
            bytes: unsafe { from_raw_parts(pointer(index), value(index + 1)) },
            needed: needed.map(pointer),
        }
    }
}

/// Returns a value of the table: not what the compiler sees, but what was put into the file.
fn value(index: usize) -> usize {
    // SAFETY: all indexes in this file are in the table.
    unsafe { read_volatile(addr_of!(TABLE).cast::<usize>().add(index)) }
}
