//! Writing and zeroing with all combinations of supported operations.

use blockcopy_blockio::{Direct, Fault, Kind, Memory, Operation, Sink};
use proptest::prelude::*;

use super::{
    EINVAL, EOPNOTSUPP, MIB, assert_same, cases, granularity, kind, memory, overwrite, placed,
};
use crate::support::pattern;

#[derive(Debug, Clone)]
enum Step {
    /// Parts, each with its length and the offset of its memory from an aligned address.
    Write(usize, Vec<(usize, usize)>),
    Zero(usize, usize),
    Sync,
    Cache(usize, usize),
}

const SIZE: usize = 300_032;

fn offset() -> impl Strategy<Value = usize> {
    prop_oneof![
        0..SIZE,
        (0..SIZE / 512).prop_map(|sector| sector * 512),
        (0..SIZE / 4096).prop_map(|page| page * 4096),
    ]
}

fn len() -> impl Strategy<Value = usize> {
    prop_oneof![
        10 => 0..10_000_usize,
        10 => (0..8_usize).prop_map(|pages| pages * 4096),
        10 => (0..20_usize).prop_map(|sectors| sectors * 512),
        // More than one write.
        1 => MIB - 100..MIB + 10_000,
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let part = (len(), prop_oneof![Just(0), Just(512), 0..5000_usize]);
    prop_oneof![
        6 => (offset(), prop::collection::vec(part, 1..5)).prop_map(|(at, parts)| Step::Write(at, parts)),
        4 => (offset(), len()).prop_map(|(at, len)| Step::Zero(at, len)),
        1 => Just(Step::Sync),
        1 => (offset(), len()).prop_map(|(at, len)| Step::Cache(at, len)),
    ]
}

/// A simulated kernel: the operations that it refuses, and its limit for the length of the others.
#[derive(Debug, Clone)]
struct Kernel {
    granularity: Option<usize>,
    longest: usize,
    refused: Vec<Operation>,
    /// The first direct write is refused although opening with direct I/O succeeded.
    deceptive: bool,
}

fn kernel() -> impl Strategy<Value = Kernel> {
    use Operation::{AskCache, PunchHole, StartWriteback, ZeroOut, ZeroRange};
    let refused = vec![PunchHole, ZeroRange, ZeroOut, AskCache, StartWriteback];
    let refused = prop::sample::subsequence(refused, 0..=5);
    let longest = prop_oneof![Just(usize::MAX), 1..100_000_usize, 5000..6000_usize];
    let deceptive = prop::bool::weighted(0.2);
    (granularity(), longest, refused, deceptive).prop_map(
        |(granularity, longest, refused, deceptive)| Kernel {
            granularity,
            // Writing a mebibyte byte by byte takes long.
            longest: longest.max(200),
            refused,
            deceptive,
        },
    )
}

fn restricted(memory: Memory, kernel: &Kernel) -> Memory {
    let memory = memory.with_longest_transfer(kernel.longest);
    for operation in &kernel.refused {
        memory.inject(Fault::everywhere(*operation, EOPNOTSUPP));
    }
    if kernel.deceptive {
        memory.inject(Fault::everywhere(Operation::DirectWrite, EINVAL));
    }
    memory
}

fn direct() -> impl Strategy<Value = Direct> {
    prop_oneof![2 => Just(Direct::Auto), 1 => Just(Direct::Off)]
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn written_and_zeroed_ranges_have_the_right_content_and_are_on_the_disk(
        kind in kind(),
        kernel in kernel(),
        direct in direct(),
        steps in prop::collection::vec(step(), 1..12),
    ) {
        let mut content = pattern(if kind == Kind::File { SIZE / 2 + 77 } else { 5 * MIB });
        let memory = restricted(memory(kind, &content, kernel.granularity), &kernel);
        let sink = Sink::in_memory(&memory, direct).unwrap();
        let offered = kernel.granularity.is_some() && direct != Direct::Off;
        prop_assert_eq!(sink.is_direct(), offered);
        for step in steps {
            match step {
                Step::Write(offset, shape) => {
                    let lens = shape.iter().map(|(len, _)| len);
                    let data = pattern(lens.sum::<usize>() + 8)[8..].to_vec();
                    let mut rest = &data[..];
                    let mut parts = Vec::new();
                    for (len, shift) in shape {
                        let (part, after) = rest.split_at(len);
                        parts.push(placed(part, shift));
                        rest = after;
                    }
                    let parts: Vec<&[u8]> = parts.iter().map(|part| &part[..]).collect();
                    sink.write_run(&parts, offset as u64).unwrap();
                    overwrite(&mut content, &data, offset);
                }
                Step::Zero(offset, len) => {
                    sink.zero(offset as u64, len as u64).unwrap();
                    // A file need not have that length before the sync.
                    overwrite(&mut content, &vec![0; len], offset);
                }
                Step::Sync => {
                    sink.sync().unwrap();
                    assert_same(&memory.content(), &content, "content");
                    assert_same(&memory.durable(), &content, "on the disk");
                }
                Step::Cache(offset, len) => {
                    let range = offset as u64..(offset + len) as u64;
                    drop(memory.clone().with_cached(range));
                }
            }
        }
        sink.sync().unwrap();
        assert_same(&memory.content(), &content, "content");
        assert_same(&memory.durable(), &content, "on the disk");
        prop_assert_eq!(memory.dirty(), 0);
        // Only refused operations are not used again.
        let tried = memory.operations().iter().any(|(done, _)| *done == Operation::DirectWrite);
        prop_assert_eq!(sink.is_direct(), offered && !(tried && kernel.deceptive));
    }
}

#[test]
fn nothing_is_durable_before_a_sync() {
    let data = placed(&pattern(2 * MIB), 0);
    for direct in [Direct::Auto, Direct::Off] {
        let memory = Memory::device(vec![1; 2 * MIB]);
        let sink = Sink::in_memory(&memory, direct).unwrap();
        sink.write_run(&[&data], 0).unwrap();
        assert_same(&memory.content(), &data, "content");
        assert_same(&memory.durable(), &vec![1; 2 * MIB], "on the disk");
        sink.sync().unwrap();
        assert_same(&memory.durable(), &data, "on the disk");
    }
}

#[test]
fn many_threads_write_and_zero_at_the_same_time() {
    const BLOCK: usize = 100_000;
    let expected: Vec<u8> = (0..64_u8)
        .flat_map(|block| vec![if block % 5 == 4 { 0 } else { block + 1 }; BLOCK])
        .collect();
    for kind in [Kind::File, Kind::Device] {
        let len = expected.len().next_multiple_of(4096);
        let memory = memory(kind, &vec![0xFF; len], Some(512));
        let sink = super::sink(&memory);
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let (sink, expected) = (&sink, &expected);
                scope.spawn(move || {
                    for block in (thread..64).step_by(4) {
                        let start = block * BLOCK;
                        let data = &expected[start..start + BLOCK];
                        if block % 5 == 4 {
                            sink.zero(start as u64, BLOCK as u64).unwrap();
                        } else {
                            let (low, high) = data.split_at(33_333);
                            sink.write_run(&[low, high], start as u64).unwrap();
                        }
                    }
                });
            }
        });
        sink.sync().unwrap();
        let durable = memory.durable();
        assert_same(&durable[..expected.len()], &expected, "on the disk");
        assert!(durable[expected.len()..].iter().all(|&byte| byte == 0xFF));
    }
}
