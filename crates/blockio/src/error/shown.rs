//! File names in messages.

use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Path as text that works in `$'…'` of a shell: valid UTF-8 as it is, each other byte as `\xNN`.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a>(&'a [u8]);

impl<'a> Shown<'a> {
    /// Shows bytes that need not be a path, such as the name of a command.
    #[must_use]
    pub fn bytes(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Shows a path.
    #[must_use]
    pub fn path(path: &'a Path) -> Self {
        Self(path.as_os_str().as_bytes())
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            f.write_str(chunk.valid())?;
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_byte_that_is_not_utf_8_is_shown_and_the_rest_is_kept() {
        for (bytes, shown) in [
            (&b"/srv/a b"[..], "/srv/a b"),
            (b"gr\xf6\xdfe.img", "gr\\xf6\\xdfe.img"),
            ("größe \u{fffd}".as_bytes(), "größe \u{fffd}"),
            (b"\xe2\x82", "\\xe2\\x82"),
            (b"\xed\xb3\xb6", "\\xed\\xb3\\xb6"),
            (b"", ""),
        ] {
            assert_eq!(Shown::bytes(bytes).to_string(), shown);
        }
    }
}
