//! Compressing blocks that are in memory already.

use blockcopy_engine::{Codec, Compression, Extent, Level, Packed, Preset, Slab, codec};
use proptest::prelude::*;

use crate::support::{ENGINE, MIB, cases, content, slab, wait};

fn compression() -> impl Strategy<Value = Compression> {
    prop_oneof![
        Just(Compression::None),
        Just(Compression::Lz4),
        Just(Compression::Zstd(Level::new(3).unwrap())),
        Just(Compression::Xz(Preset::DEFAULT)),
    ]
}

proptest! {
    #![proptest_config(cases(48))]

    #[test]
    fn each_block_decodes_to_itself(
        blocks in prop::collection::vec((1u32..150_000, any::<bool>()), 0..12),
        compression in compression(),
    ) {
        let slab = slab();
        let mut slot = slab.take(0).unwrap();
        let mut at = 0;
        let mut extents = Vec::new();
        for &(length, compressible) in &blocks {
            let end = at + length as usize;
            slot[at..end].copy_from_slice(&content(length as usize, at as u64));
            if compressible {
                slot[at..end].iter_mut().for_each(|byte| *byte &= 1);
            }
            extents.push(Extent { position: at as u64, length });
            at = end;
        }
        let before = slot.to_vec();
        let packed = wait(|done| ENGINE.pack(slot, &extents, compression, done)).unwrap();
        let after = slab.take(0).expect("the slot is free again");
        prop_assert_eq!(packed.len(), extents.len());
        for (&Packed { codec, length }, extent) in packed.iter().zip(&extents) {
            let (at, whole) = (extent.position as usize, extent.length as usize);
            let block = codec::decode(codec, &after[at..at + length], Some(whole)).unwrap();
            prop_assert!(*block == before[at..at + whole]);
            prop_assert!(codec == compression.codec() || codec == Codec::Raw);
            prop_assert!((codec == Codec::Raw) == (length == whole));
        }
        if compression != Compression::None && blocks.iter().any(|&(length, fits)| fits && length > 10_000) {
            prop_assert!(packed.iter().any(|block| block.codec != Codec::Raw));
        }
    }
}

#[test]
fn blocks_that_do_not_fit_are_refused() {
    let slab = Slab::new(1, MIB).unwrap();
    let extents = vec![
        Extent {
            position: 0,
            length: MIB as u32,
        },
        Extent {
            position: MIB as u64,
            length: 1,
        },
    ];
    let slot = slab.take(0).unwrap();
    let error = wait(|done| ENGINE.pack(slot, &extents, Compression::Lz4, done)).unwrap_err();
    assert!(error.to_string().contains("do not fit"), "{error}");
    assert!(slab.take(0).is_some(), "the slot is free again");
}
