//! Names of files as JavaScript strings.
//!
//! A name is bytes, and need not be UTF-8. In a string, a byte that is no part of UTF-8 is a lone surrogate from U+DC80 to U+DCFF, as in
//! Python (PEP 383): so that every name is a string of its own, and the usual ones look as usual. `src/native/names.ts` is the other side.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use napi::{Env, JsString, Result};

use crate::arguments::invalid;

/// U+DC00 and a byte above 0x7F stand for that byte.
const ESCAPE: u16 = 0xdc00;

/// The path that a string names.
///
/// # Errors
/// For a string that stands for no bytes, or for what no path can have.
pub(crate) fn to_path(name: JsString<'_>) -> Result<PathBuf> {
    // What napi hands out ends with a zero that is no part of the string.
    let length = name.utf16_len()?;
    let units = name.into_utf16()?;
    let mut bytes = Vec::with_capacity(length);
    for unit in char::decode_utf16(units.as_slice().iter().copied().take(length)) {
        match unit.map_err(|lone| byte_of(lone.unpaired_surrogate())) {
            Ok('\0') => return Err(invalid("a name has a zero byte")),
            Ok(character) => {
                bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
            Err(Some(byte)) => bytes.push(byte),
            Err(None) => return Err(invalid("a name is neither text nor bytes")),
        }
    }
    Ok(OsString::from_vec(bytes).into())
}

/// The string that names a path.
pub(crate) fn from_path<'env>(env: &'env Env, path: &Path) -> Result<JsString<'env>> {
    let mut units = Vec::new();
    for chunk in path.as_os_str().as_bytes().utf8_chunks() {
        units.extend(chunk.valid().encode_utf16());
        units.extend(chunk.invalid().iter().map(|&byte| ESCAPE + u16::from(byte)));
    }
    env.create_string_utf16(units)
}

fn byte_of(surrogate: u16) -> Option<u8> {
    let byte = u8::try_from(surrogate.checked_sub(ESCAPE)?).ok()?;
    (byte >= 0x80).then_some(byte)
}
