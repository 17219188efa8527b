//! All that can go wrong with a call, and what must follow from it.

use std::ops::Range;

use blockcopy_blockio::{Operation, Trouble};
use blockcopy_engine::Error;

/// Call of a medium and its range in bytes.
pub(crate) type Call = (Operation, Range<u64>);

/// Error numbers that a call can fail with, by their names in errno(3).
const ERRNOS: [(&str, i32); 15] = [
    ("EPERM", 1),
    ("EINTR", 4),
    ("EIO", 5),
    ("ENXIO", 6),
    ("EAGAIN", 11),
    ("ENOMEM", 12),
    ("EINVAL", 22),
    ("ENOTTY", 25),
    ("EFBIG", 27),
    ("ENOSPC", 28),
    ("EROFS", 30),
    ("ENOSYS", 38),
    ("ENODATA", 61),
    ("EOPNOTSUPP", 95),
    ("EDQUOT", 122),
];
const ENXIO: i32 = 6;

/// Most bytes that a call transfers.
const SHORT: [usize; 4] = [0, 1, 512, 16_383];

/// True if the operation must go on, with the same result, after this trouble with this call.
pub(crate) fn is_harmless((call, range): &Call, end: u64, trouble: Trouble) -> bool {
    use Operation::{
        AskCache, DirectRead, DirectWrite, DropCache, PunchHole, Read, ReadCache, Seek,
        StartWriteback, Write, ZeroOut, ZeroRange,
    };
    let is_refusal = |errno| ["EOPNOTSUPP", "ENOSYS", "EINVAL", "EPERM"].contains(&name_of(errno));
    match (call, trouble) {
        // A query only makes it faster. Direct access is repeated in smaller steps, or through the page cache.
        (Seek | AskCache | ReadCache | DropCache, _)
        | (DirectRead | DirectWrite, Trouble::Fails(_)) => true,
        // There are other ways.
        (PunchHole | ZeroRange | ZeroOut, Trouble::Fails(errno)) => {
            is_refusal(errno) || name_of(errno) == "ENOTTY"
        }
        (StartWriteback, Trouble::Fails(errno)) => is_refusal(errno),
        // A read of nothing is the end of the source.
        (Read | DirectRead, Trouble::Short(0)) => range.start >= end,
        // A write of nothing would be repeated for ever.
        (Write, Trouble::Short(0)) | (_, Trouble::Fails(_)) => false,
        (_, Trouble::Short(_)) => true,
    }
}

fn name_of(errno: i32) -> &'static str {
    let found = ERRNOS.iter().find(|(_, number)| *number == errno);
    found.map_or("?", |(name, _)| name)
}

/// Returns all that can happen to a call.
pub(crate) fn troubles(call: Operation) -> Vec<Trouble> {
    use Operation::{DirectRead, DirectWrite, Read, ReadCache, Seek, Write};
    // ENXIO of a seek is not a failure: it says that no more data follows.
    let errnos = ERRNOS.iter().map(|(_, errno)| *errno);
    let errnos = errnos.filter(|errno| !(call == Seek && *errno == ENXIO));
    let mut all: Vec<_> = errnos.map(Trouble::Fails).collect();
    if matches!(call, Read | Write | DirectRead | DirectWrite | ReadCache) {
        all.extend(SHORT.map(Trouble::Short));
    }
    all
}

/// Checks that an error says what failed, and where.
pub(crate) fn assert_told(error: &Error, (call, range): &Call, trouble: Trouble) {
    let text = error.to_string();
    assert!(text.contains("memory"), "{text}");
    if let Trouble::Fails(errno) = trouble {
        // An error of opening may have a code of its own, which implies the number.
        assert!(
            error.code() == "read-only" || error.errno() == Some(errno),
            "{text}"
        );
    }
    let action = match call {
        Operation::Read | Operation::DirectRead => "read",
        Operation::Write | Operation::DirectWrite => "write",
        Operation::PunchHole | Operation::ZeroRange | Operation::ZeroOut => "zero",
        Operation::SetLen => "extend",
        Operation::Size => "",
        Operation::Reopen => "open",
        _ => "sync",
    };
    let named = error.action().unwrap_or("");
    assert!(
        named.contains(action) || error.code() == "read-only",
        "{text}"
    );
    if ["read", "write", "zero"].contains(&action) && error.code() != "shrank" {
        let offset = error.offset().expect("an offset");
        assert!(
            range.contains(&offset),
            "{text}: the call was for {range:?}"
        );
    }
}
