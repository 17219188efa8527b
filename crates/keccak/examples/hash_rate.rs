//! Hashes 128 KiB blocks for a given time on one thread, and prints the number of bytes and seconds. The third argument is the number
//! of blocks in each call: with fewer than the lanes of a kernel, or one more, it shows what idle lanes cost.
//!
//! `scripts/bench-hash/` runs one process per contender, so that all of them are measured in the same way from outside. Without
//! arguments it prints the contenders: the kernels of this CPU, and the `sha3` crate.
//!
//! ```text
//! $ hash_rate
//! {"kernels":[{"name":"avx2","lanes":4},{"name":"portable","lanes":1}],"others":["sha3 crate"]}
//! $ hash_rate avx2 1.5
//! {"bytes":1602224128,"seconds":1.503}
//! $ hash_rate avx2 1.5 9
//! {"bytes":1201078272,"seconds":1.501}
//! ```

use std::env;
use std::error::Error;
use std::hint::black_box;
use std::num::NonZero;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use blockcopy_keccak::{DIGEST_LEN, Digest, Sha3_512, Simd};
use sha3::Digest as _;

/// Default length of a block in bytes.
const BLOCK: usize = 128 * 1024;

/// Blocks per call unless told otherwise: a multiple of the lanes of every kernel, and 8 MiB in total, more than the caches of one core hold.
const BLOCKS: usize = 64;

/// Name of the contender from another crate.
const SHA3_CRATE: &str = "sha3 crate";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let result = match arguments.as_slice() {
        [] => {
            list();
            Ok(())
        }
        [name, seconds] => measure(name, seconds, BLOCKS),
        [name, seconds, blocks] => number(blocks).and_then(|blocks| measure(name, seconds, blocks)),
        _ => Err("usage: hash_rate [NAME SECONDS [BLOCKS]]".into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ERROR (hash_rate): {error}");
            ExitCode::FAILURE
        }
    }
}

/// Prints the contenders as JSON.
fn list() {
    let kernels: Vec<String> = Simd::ALL
        .into_iter()
        .filter_map(Sha3_512::with)
        .map(|hash| {
            let (name, lanes) = (hash.simd().name(), hash.lanes());
            format!(r#"{{"name":"{name}","lanes":{lanes}}}"#)
        })
        .collect();
    let kernels = kernels.join(",");
    println!(r#"{{"kernels":[{kernels}],"others":["{SHA3_CRATE}"]}}"#);
}

/// Returns a number of blocks.
fn number(blocks: &str) -> Result<usize, Box<dyn Error>> {
    Ok(blocks.parse::<NonZero<usize>>()?.get())
}

/// Hashes with the contender `name` for at least that time, `blocks` in each call, and prints the rate as JSON.
fn measure(name: &str, seconds: &str, blocks: usize) -> Result<(), Box<dyn Error>> {
    let at_least = Duration::try_from_secs_f64(seconds.parse()?)?;
    if name == SHA3_CRATE {
        run(at_least, blocks, |messages, digests| {
            for (message, digest) in messages.iter().zip(digests) {
                *digest = sha3::Sha3_512::digest(message).into();
            }
        });
        return Ok(());
    }
    let simd: Simd = name.parse()?;
    let hash = Sha3_512::with(simd).ok_or_else(|| format!("this CPU has no {simd}"))?;
    run(at_least, blocks, |messages, digests| {
        hash.digest_many(messages, digests);
    });
    Ok(())
}

/// Calls `digest_many` repeatedly until `at_least` has passed. Zero means no call, to measure the cost of the process without hashing.
fn run(at_least: Duration, blocks: usize, digest_many: impl Fn(&[&[u8]], &mut [Digest])) {
    // Not zeros: the system could map all pages of zeros to a single page of memory.
    let data = vec![0xa5; blocks * BLOCK];
    let messages: Vec<&[u8]> = data.chunks_exact(BLOCK).collect();
    let mut digests = vec![[0; DIGEST_LEN]; blocks];

    let mut bytes = 0;
    let begin = Instant::now();
    while begin.elapsed() < at_least {
        digest_many(black_box(&messages), &mut digests);
        black_box(&digests);
        bytes += data.len();
    }
    let seconds = begin.elapsed().as_secs_f64();
    println!(r#"{{"bytes":{bytes},"seconds":{seconds}}}"#);
}
