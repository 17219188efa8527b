//! Names, selection of a kernel, and refused calls.

use std::collections::BTreeSet;

use blockcopy_keccak::{DIGEST_LEN, Sha3_512, Simd};

use crate::kernels::kernels;

/// Returns true if the CPU has the instructions, according to the standard library.
fn cpu_has(simd: Simd) -> bool {
    match simd {
        Simd::Portable => true,
        #[cfg(target_arch = "x86_64")]
        Simd::Avx2 => is_x86_feature_detected!("avx2"),
        #[cfg(target_arch = "x86_64")]
        Simd::Avx512 => is_x86_feature_detected!("avx512f"),
        #[cfg(target_arch = "aarch64")]
        Simd::Neon => std::arch::is_aarch64_feature_detected!("sha3"),
        #[allow(unreachable_patterns, reason = "reached on some targets only")]
        _ => false,
    }
}

#[test]
fn names_are_those_of_the_environment_variable() {
    let names = BTreeSet::from(Simd::ALL.map(Simd::name));
    assert_eq!(names, ["avx2", "avx512", "neon", "portable"].into());
    for simd in Simd::ALL {
        assert_eq!(simd.to_string(), simd.name());
        assert_eq!(simd.name().parse(), Ok(simd));
    }
}

#[test]
fn the_error_for_an_unknown_name_lists_the_known_ones() {
    for name in ["", "sse2", "avx", "avx5120", " avx2", "portable\n"] {
        let refusal = name.parse::<Simd>().expect_err(name).to_string();
        for simd in Simd::ALL {
            assert!(refusal.contains(simd.name()), "{name:?}: {refusal}");
        }
    }
}

#[test]
fn selects_the_requested_kernel() {
    for simd in Simd::ALL {
        let lanes = match simd {
            Simd::Portable => 1,
            Simd::Avx2 => 4,
            Simd::Avx512 => 8,
            Simd::Neon => 2,
        };
        let given = Sha3_512::with(simd).map(|sha3| (sha3.simd(), sha3.lanes()));
        let expected = cpu_has(simd).then_some((simd, lanes));
        assert_eq!(given, expected);
    }
}

#[test]
fn picks_the_widest_kernel() {
    let widest = kernels().iter().max_by_key(|sha3| sha3.lanes());
    assert_eq!(widest.map(Sha3_512::simd), Some(Sha3_512::new().simd()));
    let widths: BTreeSet<usize> = kernels().iter().map(Sha3_512::lanes).collect();
    assert_eq!(widths.len(), kernels().len(), "no two of the same width");
}

#[test]
#[should_panic(expected = "one digest per message: 2 messages, 3 digests")]
fn refuses_slices_of_different_length() {
    Sha3_512::new().digest_many(&[b"one", b"two"], &mut [[0; DIGEST_LEN]; 3]);
}

#[test]
fn is_shared_between_threads() {
    fn shared<T: Copy + Send + Sync + 'static>(_: T) {}
    shared(Sha3_512::new());
    shared(Simd::Portable);
}
