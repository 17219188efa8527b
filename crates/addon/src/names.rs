//! File names as JavaScript strings.
//!
//! A name is bytes, and need not be UTF-8. Each byte that is not part of valid UTF-8 becomes a lone surrogate from U+DC80 to U+DCFF, as in
//! Python (PEP 383). So every name has a string of its own, and names in UTF-8 look as usual. `src/native/names.ts` does the same.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use napi::{Env, JsString, Result};

use crate::arguments::invalid;

/// Added to a byte above 0x7F, gives the surrogate for that byte.
const ESCAPE: u16 = 0xdc00;

/// Returns the path for a string.
///
/// # Errors
/// Fails for a string with other lone surrogates, or with a zero byte.
pub(crate) fn to_path(name: JsString<'_>) -> Result<PathBuf> {
    // napi appends a zero that is not part of the string.
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

/// Returns the string for a path.
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
