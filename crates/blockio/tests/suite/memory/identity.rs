//! Memory is not a file or device of the system and has no identity.

use blockcopy_blockio::{Direct, Kind, Source};

use super::{EOPNOTSUPP, memory};

#[test]
fn memory_has_no_identity() {
    for kind in [Kind::File, Kind::Device] {
        let memory = memory(kind, &[7; 4096], None);
        let source = Source::in_memory(&memory, Direct::Auto).unwrap();
        let error = source.identity().unwrap_err();
        assert_eq!((error.code(), error.errno()), ("io", Some(EOPNOTSUPP)));
    }
}
