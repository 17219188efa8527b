//! Failures to write or zero: reported with their offset, and never lost.

use std::ops::Range;

use blockcopy_blockio::{Direct, Error, Fault, Kind, Operation, Sink};
use proptest::prelude::*;

use super::{
    EINVAL, EIO, ENOSPC, EOPNOTSUPP, PAGE, assert_same, cases, granularity, kind, memory,
    overwrite, placed, sink,
};
use crate::support::pattern;

const SIZE: usize = 200_704;

/// Parts of a write, in the order in which they are written, each with its way.
fn ways(run: &Range<usize>, direct: bool) -> Vec<(Operation, Range<usize>)> {
    if !direct {
        return vec![(Operation::Write, run.clone())];
    }
    let first = run.start.next_multiple_of(PAGE).min(run.end);
    let last = (run.end - run.end % PAGE).max(first);
    vec![
        (Operation::Write, run.start..first),
        (Operation::DirectWrite, first..last),
        (Operation::Write, last..run.end),
    ]
}

/// Returns the offset at which a write fails because of this fault, if it does.
fn fails_at(run: &Range<usize>, fault: &Fault, granularity: Option<usize>) -> Option<usize> {
    let range = usize::try_from(fault.range.start).ok()?..usize::try_from(fault.range.end).ok()?;
    let hit = |(operation, part): (Operation, Range<usize>)| {
        let met =
            operation == fault.operation && range.start.max(part.start) < range.end.min(part.end);
        let at = range.start.max(part.start);
        match operation {
            // A failed direct write is repeated in steps of the granularity, and all of them succeed.
            Operation::DirectWrite if fault.once => None,
            Operation::DirectWrite => met.then_some(at - at % granularity.unwrap_or(1)),
            _ => met.then_some(at),
        }
    };
    ways(run, granularity.is_some()).into_iter().find_map(hit)
}

proptest! {
    #![proptest_config(cases(600))]

    #[test]
    fn the_first_byte_not_written_is_reported(
        kind in kind(),
        granularity in granularity(),
        operation in prop_oneof![Just(Operation::Write), Just(Operation::DirectWrite)],
        place in 0..SIZE,
        extent in 1..20_000_usize,
        errno in prop_oneof![Just(EIO), Just(ENOSPC)],
        once in any::<bool>(),
        longest in prop_oneof![Just(usize::MAX), 600..50_000_usize],
        start in 0..SIZE / 2,
        lens in prop::collection::vec((0..30_000_usize, 0..3_usize), 1..4),
    ) {
        let fault = Fault {
            operation,
            range: place as u64..(place + extent) as u64,
            errno,
            once,
        };
        let mut content = vec![0xEE; SIZE];
        let memory = memory(kind, &content, granularity)
            .with_longest_transfer(longest)
            .with_fault(fault.clone());
        let sink = sink(&memory);
        let data = pattern(lens.iter().map(|(len, _)| len).sum());
        let run = start..start + data.len();
        let mut rest = &data[..];
        let mut parts = Vec::new();
        for (len, shift) in lens {
            let (part, after) = rest.split_at(len);
            parts.push(placed(part, shift * 512));
            rest = after;
        }
        let parts: Vec<&[u8]> = parts.iter().map(|part| &part[..]).collect();
        match (sink.write_run(&parts, start as u64), fails_at(&run, &fault, granularity)) {
            (Ok(()), None) => {
                overwrite(&mut content, &data, start);
                sink.sync().unwrap();
                assert_same(&memory.durable(), &content, "on the disk");
            }
            (Err(error), Some(at)) => {
                prop_assert_eq!((error.code(), error.errno()), ("io", Some(errno)));
                prop_assert_eq!(error.offset(), Some(at as u64));
                let found = memory.content();
                assert_same(&found[start..at], &data[..at - start], "what is before it");
                let untouched = |range: Range<usize>| found[range].iter().all(|&byte| byte == 0xEE);
                prop_assert!(untouched(0..start));
                prop_assert!(untouched(run.end.min(SIZE)..SIZE));
            }
            (result, expected) => prop_assert!(false, "{result:?}, expected {expected:?}"),
        }
    }

    /// If no failure is reported, the content is right, whatever fails, wherever and how often.
    #[test]
    fn no_failure_counts_as_success(
        kind in kind(),
        granularity in granularity(),
        direct in prop_oneof![Just(Direct::Auto), Just(Direct::Off)],
        faults in prop::collection::vec(fault(), 1..4),
        steps in prop::collection::vec((0..SIZE / 2, 0..SIZE / 3, 0..4_u8), 1..20),
    ) {
        let mut content = vec![0xEE; SIZE];
        let memory = memory(kind, &content, granularity);
        for fault in faults {
            memory.inject(fault);
        }
        let sink = Sink::in_memory(&memory, direct).unwrap();
        let work = || -> Result<(), Error> {
            for (start, len, how) in steps {
                let data = if how == 0 { vec![0; len] } else { pattern(len) };
                match how {
                    0 => sink.zero(start as u64, len as u64)?,
                    1 => memory.write_back(),
                    _ => sink.write_run(&[&data], start as u64)?,
                }
                if how != 1 {
                    overwrite(&mut content, &data, start);
                }
            }
            sink.sync()
        };
        match work() {
            Ok(()) => {
                assert_same(&memory.content(), &content, "content");
                assert_same(&memory.durable(), &content, "on the disk");
            }
            // Data that the disk refused is missing, even if later writes succeed.
            Err(Error::Sync { .. }) => {
                memory.heal();
                prop_assert_eq!(sink.sync().unwrap_err().code(), "sync");
            }
            Err(_) => {}
        }
    }
}

fn fault() -> impl Strategy<Value = Fault> {
    use Operation::{
        AskCache, DirectWrite, FinishWriteback, PunchHole, SetLen, StartWriteback, Sync, Write,
        Writeback, ZeroOut, ZeroRange,
    };
    let operations = [
        AskCache,
        DirectWrite,
        FinishWriteback,
        PunchHole,
        SetLen,
        StartWriteback,
        Sync,
        Write,
        Writeback,
        Writeback,
        ZeroOut,
        ZeroRange,
    ];
    let errnos = [EIO, ENOSPC, EINVAL, EOPNOTSUPP];
    let range = prop_oneof![Just((0, usize::MAX)), (0..SIZE, 1..SIZE)];
    let (operation, errno) = (
        prop::sample::select(operations.to_vec()),
        prop::sample::select(errnos.to_vec()),
    );
    (operation, range, errno, any::<bool>()).prop_map(|(operation, (start, len), errno, once)| {
        Fault {
            operation,
            range: start as u64..start.saturating_add(len) as u64,
            errno,
            once,
        }
    })
}

#[test]
fn a_range_that_cannot_be_zeroed_is_named() {
    for kind in [Kind::File, Kind::Device] {
        let fault = Fault::new(Operation::PunchHole, 50_000..50_001, EIO);
        let memory = memory(kind, &pattern(SIZE), Some(512)).with_fault(fault);
        let error = sink(&memory).zero(1000, 100_000).unwrap_err();
        let expected = "cannot zero memory at offset 4096: Input/output error (EIO)";
        assert_eq!(error.to_string(), expected);
        assert_eq!((error.code(), error.offset()), ("io", Some(4096)));
    }
}

#[test]
fn a_range_that_does_not_fit_is_refused_before_anything_is_done() {
    let device = memory(Kind::Device, &pattern(SIZE), Some(512));
    let on_device = sink(&device);
    let size = SIZE as u64;
    for offset in [size - 99, size, i64::MAX.cast_unsigned(), u64::MAX] {
        for result in [
            on_device.write_run(&[&[1; 50], &[1; 50]], offset),
            on_device.zero(offset, 100),
        ] {
            let error = result.unwrap_err();
            assert_eq!((error.code(), error.offset()), ("beyond-end", Some(offset)));
        }
    }
    let file = memory(Kind::File, &pattern(SIZE), Some(512));
    let on_file = sink(&file);
    for offset in [i64::MAX.cast_unsigned(), u64::MAX] {
        for result in [on_file.write_run(&[b"x"], offset), on_file.zero(offset, 1)] {
            let error = result.unwrap_err();
            assert_eq!((error.code(), error.offset()), ("io", Some(offset)));
            assert_eq!(error.errno(), Some(27));
        }
    }
    assert!(device.operations().is_empty() && file.operations().is_empty());
}
