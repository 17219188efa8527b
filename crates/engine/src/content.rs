//! The content of blocks. A disk has many that are all zeros: they need not be read, sent or digested, and have a digest that is known.

/// Bytes that are looked at together: some vectors of any instruction set.
const STEP: usize = 128;

/// What zeros are written from.
static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];

/// Whether `data` is all zeros.
///
/// Data that is not differs near its beginning nearly always, so the question costs nothing then.
pub(crate) fn is_zero(data: &[u8]) -> bool {
    let (steps, rest) = data.as_chunks::<STEP>();
    let any = |bytes: &[u8]| bytes.iter().fold(0, |any, byte| any | byte);
    steps.iter().all(|step| any(step) == 0) && any(rest) == 0
}

/// What is in a block.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Content<'a> {
    /// Bytes, which may all be zero.
    Bytes(&'a [u8]),
    /// That many zeros.
    Zeros(usize),
}

impl<'a> Content<'a> {
    /// Looks whether `data` is all zeros.
    pub(crate) fn of(data: &'a [u8]) -> Self {
        if is_zero(data) {
            Self::Zeros(data.len())
        } else {
            Self::Bytes(data)
        }
    }

    /// The same, known to be zeros if it is.
    pub(crate) fn looked(self) -> Self {
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

    /// Whether it is all zeros.
    pub(crate) fn is_zero(self) -> bool {
        match self {
            Self::Bytes(bytes) => is_zero(bytes),
            Self::Zeros(_) => true,
        }
    }

    /// The bytes, unless it is known to be zeros.
    pub(crate) fn bytes(&self) -> Option<&'a [u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::Zeros(_) => None,
        }
    }

    /// The first `at` bytes, and what is behind them.
    pub(crate) fn split_at(self, at: usize) -> (Self, Self) {
        match self {
            Self::Bytes(bytes) => {
                let (part, behind) = bytes.split_at(at);
                (Self::Bytes(part), Self::Bytes(behind))
            }
            Self::Zeros(len) => (Self::Zeros(at), Self::Zeros(len - at)),
        }
    }

    /// The bytes in parts, one after the other. Zeros take no memory of their own, however many they are.
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
    fn one_bit_anywhere_is_not_zero() {
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
