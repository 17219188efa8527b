//! Names from the kernel as words of printable ASCII.

use std::fmt::Write;

/// Returns `bytes` as one word: bytes that are not printable, or look like the end of the word, are escaped.
pub(crate) fn word(bytes: &[u8]) -> String {
    let mut word = String::with_capacity(bytes.len());
    for &byte in bytes {
        if byte.is_ascii_graphic() && byte != b'\\' {
            word.push(byte.into());
        } else {
            // Writing to a String cannot fail.
            let _ = write!(word, "\\x{byte:02x}");
        }
    }
    word
}

#[cfg(target_os = "linux")]
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_printable_and_none_is_like_another() {
        assert_eq!(word(b"LVM-a_B.9"), "LVM-a_B.9");
        assert_eq!(word(b"a b"), "a\\x20b");
        assert_eq!(word(b"a\\x20b"), "a\\x5cx20b");
        assert_eq!(
            word(b"\0\n\x7f\xff\xc3\xa9"),
            "\\x00\\x0a\\x7f\\xff\\xc3\\xa9"
        );
        assert_eq!(word(b""), "");
    }

    #[test]
    fn hexadecimal_keeps_zeros() {
        assert_eq!(hexadecimal(&[0, 0x0f, 0xa0, 0xff]), "000fa0ff");
    }
}
