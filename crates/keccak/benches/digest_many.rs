//! Throughput of each kernel of this CPU and of the `sha3` crate: `cargo bench -p blockcopy-keccak`.
//!
//! Kernels are fastest with full lanes; the other groups show the cost of idle lanes. The `sha3` crate hashes one message after the
//! other and is the baseline.

use std::hint::black_box;
use std::time::Duration;

use blockcopy_keccak::{DIGEST_LEN, Digest, Sha3_512, Simd};
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, SamplingMode, Throughput};
use sha3::Digest as _;

/// Default length of a block in bytes.
const BLOCK: usize = 128 * 1024;

/// Lengths in bytes of the messages that each benchmark hashes in one call.
const GROUPS: [(&str, &[usize]); 6] = [
    ("1 message of 128 KiB", &[BLOCK]),
    ("2 messages of 128 KiB", &[BLOCK; 2]),
    ("9 messages of 128 KiB", &[BLOCK; 9]),
    ("16 messages of 128 KiB", &[BLOCK; 16]),
    ("64 messages of 4 KiB", &[4096; 64]),
    ("20 messages of 128 KiB and a short one", &{
        let mut lengths = [BLOCK; 21];
        lengths[20] = 5000;
        lengths
    }),
];

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .configure_from_args();
    for (name, lengths) in GROUPS {
        let mut group = criterion.benchmark_group(name);
        bench_group(&mut group, lengths);
        group.finish();
    }
    criterion.final_summary();
}

/// Hashes messages of these lengths, in bytes, with each contender.
fn bench_group(group: &mut BenchmarkGroup<'_, WallTime>, lengths: &[usize]) {
    let bytes = vec![0xa5; lengths.iter().sum()];
    let messages = split(&bytes, lengths);
    let mut digests: Vec<Digest> = vec![[0; DIGEST_LEN]; messages.len()];
    // A call takes milliseconds: more calls per sample would take longer without more precision.
    group.sampling_mode(SamplingMode::Flat);
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    for hash in Simd::ALL.into_iter().filter_map(Sha3_512::with) {
        group.bench_function(hash.simd().name(), |bencher| {
            bencher.iter(|| hash.digest_many(black_box(&messages), black_box(&mut digests)));
        });
    }
    group.bench_function("sha3 crate", |bencher| {
        bencher.iter(|| {
            for (message, digest) in black_box(&messages).iter().zip(&mut digests) {
                *digest = sha3::Sha3_512::digest(message).into();
            }
            black_box(&mut digests);
        });
    });
}

/// Cuts `bytes` into messages of these lengths, one after the other.
fn split<'a>(mut bytes: &'a [u8], lengths: &[usize]) -> Vec<&'a [u8]> {
    let mut messages = Vec::with_capacity(lengths.len());
    for &length in lengths {
        let (message, rest) = bytes.split_at(length);
        messages.push(message);
        bytes = rest;
    }
    messages
}
