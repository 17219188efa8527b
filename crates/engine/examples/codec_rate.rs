//! Measures the speed and ratio of each codec on the blocks of a file, with one thread: `codec_rate FILE [BLOCK_LENGTH]`.

use std::error::Error;
use std::time::{Duration, Instant};

use blockcopy_engine::codec::{decode, encode};
use blockcopy_engine::{Codec, Compression, Level, Preset};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments
        .next()
        .ok_or("usage: codec_rate FILE [BLOCK_LENGTH]")?;
    let block_len = arguments
        .next()
        .map_or(Ok(131_072), |length| length.parse())?;
    let content = std::fs::read(&file)?;
    let zstd = |level| Level::new(level).map(|it| (format!("zstd {level}"), Compression::Zstd(it)));
    let others = [
        ("lz4".to_owned(), Compression::Lz4),
        ("xz".to_owned(), Compression::Xz(Preset::DEFAULT)),
        ("xz, legacy".to_owned(), Compression::Xz(Preset::Legacy)),
    ];
    println!("{file}: {} bytes in blocks of {block_len}", content.len());
    println!(
        "{:10} {:>8} {:>10} {:>10} {:>12}",
        "", "ratio", "MB/s", "decoding", "compressed"
    );
    for (name, compression) in [1, 3, 9].into_iter().filter_map(zstd).chain(others) {
        measure(&name, compression, &content, block_len)?;
    }
    Ok(())
}

fn measure(
    name: &str,
    compression: Compression,
    content: &[u8],
    block_len: usize,
) -> Result<(), String> {
    let (mut encoding, mut decoding) = (Duration::ZERO, Duration::ZERO);
    let (mut sent, mut shrunk) = (0, 0);
    for block in content.chunks(block_len) {
        let start = Instant::now();
        let encoded = encode(block, compression)?;
        encoding += start.elapsed();
        shrunk += usize::from(encoded.is_some());
        let (codec, payload) = match &encoded {
            Some(payload) => (compression.codec(), &payload[..]),
            None => (Codec::Raw, block),
        };
        sent += payload.len();
        let start = Instant::now();
        let decoded = decode(codec, payload, Some(block.len()))?;
        decoding += start.elapsed();
        if decoded != block {
            return Err(format!("{name}: a block decodes to another"));
        }
    }
    let rate = |time: Duration| mega(content.len()) / time.as_secs_f64().max(1e-9);
    let blocks = content.len().div_ceil(block_len);
    println!(
        "{name:10} {:8.3} {:10.1} {:10.1} {:>12}",
        mega(content.len()) / mega(sent).max(1e-9),
        rate(encoding),
        rate(decoding),
        format!("{shrunk}/{blocks}"),
    );
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "a figure to look at")]
fn mega(bytes: usize) -> f64 {
    bytes as f64 / 1e6
}
