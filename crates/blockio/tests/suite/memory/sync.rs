//! Guarantees of a sync.

use blockcopy_blockio::{Direct, Fault, Kind, Memory, Operation, Sink};
use proptest::prelude::*;

use super::{EIO, ENOSPC, MIB, assert_same, cases, memory, sink};
use crate::support::pattern;

#[test]
fn a_failed_sync_fails_forever() {
    for (kind, direct) in [(Kind::File, Direct::Off), (Kind::Device, Direct::Auto)] {
        for operation in [Operation::Sync, Operation::Writeback] {
            let fault = Fault::everywhere(operation, EIO).once();
            let memory = memory(kind, &vec![0; MIB], Some(512)).with_fault(fault);
            let sink = Sink::in_memory(&memory, direct).unwrap();
            sink.write_run(&[&pattern(100_000)], 5).unwrap();
            for _ in 0..3 {
                let error = sink.sync().unwrap_err();
                assert_eq!((error.code(), error.errno()), ("sync", Some(EIO)));
            }
            sink.write_run(&[&pattern(100_000)], 5).unwrap();
            assert_eq!(sink.sync().unwrap_err().code(), "sync");
        }
    }
}

#[test]
fn zeros_at_the_end_extend_a_file_at_the_sync() {
    let memory = Memory::file(pattern(10_000));
    let sink = sink(&memory);
    sink.zero(9000, 3 << 20).unwrap();
    assert_eq!(memory.content().len(), 10_000);
    sink.sync().unwrap();
    let mut expected = pattern(10_000)[..9000].to_vec();
    expected.resize(9000 + 3 * MIB, 0);
    assert_same(&memory.durable(), &expected, "on the disk");
    // No space is allocated for it.
    assert_eq!(memory.allocated(), 3 * 4096);
    assert_eq!(sink.size(), 10_000);
}

#[test]
fn a_file_that_is_long_enough_keeps_its_length() {
    let memory = Memory::file(pattern(10_000));
    let sink = sink(&memory);
    sink.zero(20_000, 5000).unwrap();
    sink.write_run(&[&pattern(5000)], 40_000).unwrap();
    sink.sync().unwrap();
    assert_eq!(memory.durable().len(), 45_000);
    let lengthened = |(operation, _): &_| *operation == Operation::SetLen;
    assert!(!memory.operations().iter().any(lengthened));
}

#[test]
fn a_failure_to_extend_a_file_is_reported() {
    let fault = Fault::everywhere(Operation::SetLen, ENOSPC).once();
    let memory = Memory::file(pattern(10_000)).with_fault(fault);
    let sink = sink(&memory);
    sink.zero(10_000, 5000).unwrap();
    let error = sink.sync().unwrap_err();
    let expected = "cannot extend memory: No space left on device (ENOSPC)";
    assert_eq!(error.to_string(), expected);
    // Unlike a failure of the sync itself, this can be retried.
    sink.sync().unwrap();
    assert_eq!(memory.durable().len(), 15_000);
}

proptest! {
    #![proptest_config(cases(100))]

    /// Also if the kernel writes back by itself before, wherever it fails.
    #[test]
    fn failures_of_the_disk_are_reported(
        place in 0..4 * MIB,
        starts in prop::collection::vec(0..4 * MIB - 200_000, 1..8),
        direct in prop_oneof![Just(Direct::Auto), Just(Direct::Off)],
        early in any::<bool>(),
    ) {
        let fault = Fault::new(Operation::Writeback, place as u64..place as u64 + 1, EIO).once();
        let memory = Memory::device(vec![0; 4 * MIB]).with_fault(fault);
        let sink = Sink::in_memory(&memory, direct).unwrap();
        let mut content = vec![0; 4 * MIB];
        for start in starts {
            let data = pattern(150_001);
            sink.write_run(&[&data], start as u64).unwrap();
            super::overwrite(&mut content, &data, start);
            if early {
                memory.write_back();
            }
        }
        match sink.sync() {
            Ok(()) => assert_same(&memory.durable(), &content, "on the disk"),
            Err(error) => {
                prop_assert_eq!(error.code(), "sync");
                prop_assert_eq!(sink.sync().unwrap_err().code(), "sync");
            }
        }
    }
}
