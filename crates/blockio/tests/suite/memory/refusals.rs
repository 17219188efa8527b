//! Operations that the kernel does not support, or refuses later.

use blockcopy_blockio::{Direct, Error, Fault, Kind, Memory, Operation, Restore, Sink, Source};

use super::{EINVAL, EIO, EOPNOTSUPP, MIB, assert_same, memory, sink};
use crate::support::{assert_reads, pattern, read};

fn count(memory: &Memory, operation: Operation) -> usize {
    let calls = memory.operations().into_iter();
    calls.filter(|(done, _)| *done == operation).count()
}

#[test]
fn opening_fails_if_direct_access_is_required_and_not_possible() {
    for kind in [Kind::File, Kind::Device] {
        let memory = memory(kind, &[0; 4096], None);
        let errors = [
            Sink::in_memory(&memory, Direct::On).unwrap_err(),
            Source::in_memory(&memory, Direct::On).unwrap_err(),
        ];
        for error in errors {
            assert!(matches!(error, Error::NotDirect { .. }), "{error}");
            assert_eq!(error.code(), "not-direct");
        }
        assert!(!Sink::in_memory(&memory, Direct::Auto).unwrap().is_direct());
    }
}

#[test]
fn access_fails_if_direct_access_is_required_and_then_refused() {
    for errno in [EINVAL, EOPNOTSUPP] {
        let memory = Memory::file(pattern(MIB))
            .with_fault(Fault::everywhere(Operation::DirectWrite, errno))
            .with_fault(Fault::everywhere(Operation::DirectRead, errno));
        let sink = Sink::in_memory(&memory, Direct::On).unwrap();
        let error = sink.write_run(&[&[1; 8192]], 4096).unwrap_err();
        assert!(matches!(error, Error::NotDirect { .. }), "{error}");
        assert!(sink.is_direct());
        assert_same(&memory.content(), &pattern(MIB), "content");

        let source = Source::in_memory(&memory, Direct::On).unwrap();
        let error = read(&source, 0, 4096).unwrap_err();
        assert!(matches!(error, Error::NotDirect { .. }), "{error}");
        assert_eq!(count(&memory, Operation::Read), 0);
    }
}

#[test]
fn a_reader_is_not_opened_if_the_first_direct_read_is_refused() {
    for errno in [EINVAL, EOPNOTSUPP] {
        let refused = Fault::everywhere(Operation::DirectRead, errno);
        let memory = Memory::file(pattern(MIB)).with_fault(refused);
        let sink = Sink::in_memory(&memory, Direct::Auto).unwrap();
        let error = sink.reader(Direct::On).unwrap_err();
        assert!(matches!(error, Error::NotDirect { .. }), "{error}");
        assert_reads(&sink.reader(Direct::Off).unwrap(), &pattern(MIB), 0, MIB);
    }
    // Another failure is named by the read that needs the data.
    let failing = Fault::everywhere(Operation::DirectRead, EIO);
    let memory = Memory::file(pattern(MIB)).with_fault(failing);
    let sink = Sink::in_memory(&memory, Direct::Auto).unwrap();
    let error = read(&sink.reader(Direct::On).unwrap(), 0, 4096).unwrap_err();
    assert_eq!(error.errno(), Some(EIO));
}

#[test]
fn access_falls_back_to_the_page_cache_if_direct_access_is_refused() {
    let data = pattern(3 * MIB);
    for (kind, errno) in [(Kind::File, EINVAL), (Kind::Device, EOPNOTSUPP)] {
        let memory = memory(kind, &vec![0; 4 * MIB], Some(512))
            .with_fault(Fault::everywhere(Operation::DirectWrite, errno))
            .with_fault(Fault::everywhere(Operation::DirectRead, errno));
        let sink = sink(&memory);
        assert!(sink.is_direct());
        sink.write_run(&[&data], 1000).unwrap();
        assert!(!sink.is_direct());
        sink.sync().unwrap();
        assert_same(
            &memory.durable()[1000..][..data.len()],
            &data,
            "on the disk",
        );
        // A refused direct write is not tried again.
        let asked = count(&memory, Operation::DirectWrite);
        sink.write_run(&[&data], 4096).unwrap();
        assert_eq!(count(&memory, Operation::DirectWrite), asked);
        sink.sync().unwrap();

        let source = Source::in_memory(&memory, Direct::Auto).unwrap();
        assert_reads(&source, &memory.content(), 0, 2 * MIB);
        assert!(!source.is_direct());
        assert_reads(&source, &memory.content(), 2 * MIB, 2 * MIB);
        assert_eq!(count(&memory, Operation::DirectRead), 1);
    }
}

/// A refusal in the middle of a write, after some of it was written directly.
#[test]
fn direct_access_that_is_refused_later_falls_back_too() {
    let data = pattern(4 * MIB);
    let place = 2_500_000..2_500_001;
    let memory = Memory::device(vec![0; 4 * MIB]).with_fault(Fault::new(
        Operation::DirectWrite,
        place,
        EINVAL,
    ));
    let sink = sink(&memory);
    sink.write_run(&[&data], 0).unwrap();
    assert!(!sink.is_direct());
    sink.sync().unwrap();
    assert_same(&memory.durable(), &data, "on the disk");
}

#[test]
fn an_error_of_the_disk_does_not_count_as_a_refusal() {
    let memory =
        Memory::device(vec![0; MIB]).with_fault(Fault::everywhere(Operation::DirectWrite, EIO));
    let sink = sink(&memory);
    assert_eq!(sink.write_run(&[&[1; 8192]], 0).unwrap_err().code(), "io");
    assert!(sink.is_direct());
    assert_eq!(count(&memory, Operation::Write), 0);
}

#[test]
fn each_way_to_zero_is_used_until_it_is_refused() {
    use Operation::{DirectWrite, PunchHole, Write, ZeroOut, ZeroRange};
    let ways = [PunchHole, ZeroRange, ZeroOut];
    for refused in 0..=3 {
        let memory = Memory::device(vec![1; MIB]);
        for way in &ways[..refused] {
            memory.inject(Fault::everywhere(*way, EOPNOTSUPP));
        }
        let sink = sink(&memory);
        sink.zero(0, 1 << 19).unwrap();
        sink.zero(1 << 19, 1 << 19).unwrap();
        for (index, way) in ways.into_iter().enumerate() {
            let expected = match index {
                _ if index < refused => 1,
                _ if index == refused => 2,
                _ => 0,
            };
            assert_eq!(
                count(&memory, way),
                expected,
                "{way:?}, {refused} are refused"
            );
        }
        assert_eq!(count(&memory, DirectWrite) > 0, refused == 3);
        assert_eq!(count(&memory, Write), 0);
        sink.sync().unwrap();
        assert_same(&memory.durable(), &vec![0; MIB], "on the disk");
    }
}

/// fuse2fs 1.47.0 reports success for a part of a block, and leaves it as it was.
#[test]
fn only_whole_pages_are_zeroed_without_writing_zeros() {
    for kind in [Kind::File, Kind::Device] {
        for range in [100..200, 4096..4097, 100..20_000, 8192..20_000] {
            let memory = memory(kind, &vec![1; 20_480], None);
            let sink = sink(&memory);
            sink.zero(range.start as u64, range.len() as u64).unwrap();
            sink.sync().unwrap();
            for (operation, zeroed) in memory.operations() {
                if operation == Operation::PunchHole {
                    let whole = zeroed.start % 4096 == 0 && zeroed.end % 4096 == 0;
                    assert!(whole, "{zeroed:?} of {range:?}");
                }
            }
            let mut expected = vec![1; 20_480];
            expected[range].fill(0);
            assert_same(&memory.durable(), &expected, "on the disk");
        }
    }
}

#[test]
fn the_metadata_of_a_device_is_not_restored() {
    let memory = Memory::device(pattern(4096));
    let error = sink(&memory).restore(&Restore::default()).unwrap_err();
    let expected = "cannot restore the metadata of memory: Operation not supported (EOPNOTSUPP)";
    assert_eq!(error.to_string(), expected);
    assert_eq!(memory.operations(), []);
}

#[test]
fn a_failure_to_truncate_a_file_is_reported() {
    let fault = Fault::everywhere(Operation::SetLen, EIO);
    let memory = Memory::file(pattern(10_000)).with_fault(fault);
    let what = Restore {
        size: Some(5000),
        ..Restore::default()
    };
    let error = sink(&memory).restore(&what).unwrap_err();
    let expected = "cannot truncate memory: Input/output error (EIO)";
    assert_eq!(error.to_string(), expected);
}
