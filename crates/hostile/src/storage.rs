//! Descriptions of storage, which come in the hello of another host.

use blockcopy_engine::Storage;

/// Parses two descriptions, with a line feed between them, and compares them.
pub(crate) fn parse(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (one, other) = text.split_once('\n').unwrap_or((&text, &text));
    let parsed = [one, other].map(str::parse::<Storage>);
    for storage in parsed.iter().flatten() {
        let text = storage.to_string();
        assert!(text.len() <= Storage::MAX_LEN, "{} bytes", text.len());
        // Names and layers are left out of a long one. What is left is a description, unless nothing fits.
        if let Ok(again) = text.parse::<Storage>() {
            assert_eq!(again.to_string(), text);
        } else {
            assert!(!text.contains(' '), "{text:?} cannot be parsed");
        }
    }
    if let [Ok(one), Ok(other)] = &parsed {
        let (there, back) = (one.shared_with(other), other.shared_with(one));
        assert_eq!(there.is_some(), back.is_some(), "only one shares bytes");
        for sentence in [there, back].into_iter().flatten() {
            let sentence = sentence.to_string();
            let is_plain = sentence.bytes().all(|byte| matches!(byte, b' '..=b'~'));
            assert!(is_plain, "{sentence:?} goes to a terminal");
        }
    }
}
