//! Content of blocks. Many blocks of a disk are all zeros: they need not be read, sent or digested.

/// Bytes compared together: a few vectors of any instruction set.
const STEP: usize = 128;

/// Source of the zeros that are written.
static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];

/// Returns true if `data` is all zeros.
///
/// Other data nearly always has a non-zero byte near its beginning, so the test is cheap then.
pub(crate) fn is_zero(data: &[u8]) -> bool {
    let (steps, rest) = data.as_chunks::<STEP>();
    let any = |bytes: &[u8]| bytes.iter().fold(0, |any, byte| any | byte);
    steps.iter().all(|step| any(step) == 0) && any(rest) == 0
}

/// Content of a block.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Content<'a> {
    /// Bytes, possibly all zero.
    Bytes(&'a [u8]),
    /// Zeros; the length in bytes.
    Zeros(usize),
}

impl<'a> Content<'a> {
    /// Wraps `data`, as [`Content::Zeros`] if it is all zeros.
    pub(crate) fn of(data: &'a [u8]) -> Self {
        if is_zero(data) {
            Self::Zeros(data.len())
        } else {
            Self::Bytes(data)
        }
    }

    /// Turns bytes that are all zeros into [`Content::Zeros`].
    pub(crate) fn detect_zeros(self) -> Self {
        match self {
            Self::Bytes(bytes) => Self::of(bytes),
            zeros @ Self::Zeros(_) => zeros,
        }
    }

    /// Length in bytes.
    pub(crate) fn len(self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Zeros(len) => len,
        }
    }

    /// Returns true if all bytes are zeros.
    pub(crate) fn is_zero(self) -> bool {
        match self {
            Self::Bytes(bytes) => is_zero(bytes),
            Self::Zeros(_) => true,
        }
    }

    /// Returns the bytes, or `None` for [`Content::Zeros`].
    pub(crate) fn bytes(&self) -> Option<&'a [u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::Zeros(_) => None,
        }
    }

    /// Returns the first `at` bytes and the rest.
    pub(crate) fn split_at(self, at: usize) -> (Self, Self) {
        match self {
            Self::Bytes(bytes) => {
                let (part, rest) = bytes.split_at(at);
                (Self::Bytes(part), Self::Bytes(rest))
            }
            Self::Zeros(len) => (Self::Zeros(at), Self::Zeros(len - at)),
        }
    }

    /// Returns the bytes in parts, one after the other. Zeros all come from one small buffer.
    pub(crate) fn parts(self) -> impl Iterator<Item = &'a [u8]> {
        let (bytes, zeros) = match self {
            Self::Bytes(bytes) => (Some(bytes), 0),
            Self::Zeros(len) => (None, len),
        };
        let part = move |start| &ZEROS[..ZEROS.len().min(zeros - start)];
        bytes
            .into_iter()
            .chain((0..zeros).step_by(ZEROS.len()).map(part))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_bit_anywhere_is_detected() {
        for len in [0, 1, STEP - 1, STEP, STEP + 1, 3 * STEP + 7] {
            let mut data = vec![0; len];
            assert!(is_zero(&data));
            for at in 0..len {
                data[at] = 0x80 >> (at % 8);
                assert!(!is_zero(&data), "{at} of {len}");
                data[at] = 0;
            }
        }
    }
}
