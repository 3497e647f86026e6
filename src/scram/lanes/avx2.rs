//! The SHA-2 family in the lanes of AVX2's vectors, each of which has one word of each state: eight states of
//! SHA-256, four of SHA-512.

#![expect(
    clippy::indexing_slicing,
    reason = "indexes are below 16 by the modulo, or end with the loop"
)]

use core::arch::x86_64::*;

/// The compression function of a hash, by what its module has: words, constants and functions of one word
/// in each lane.
macro_rules! in_lanes {
    () => {
        /// Digests as the outer hashes of HMACs take them: then a bit, zeros, and how many bits there are
        /// with the key's block.
        #[inline]
        #[target_feature(enable = "avx2")]
        pub(in crate::scram) fn padded_digest(
            [a, b, c, d, e, f, g, h]: [__m256i; 8],
        ) -> [__m256i; 16] {
            let (end, zero, bits) = (splat(END), splat(0), splat(BITS));
            [a, b, c, d, e, f, g, h, end, zero, zero, zero, zero, zero, zero, bits]
        }

        /// FIPS 180-4, sections 6.2.2 and 6.4.2. The schedule is made while the rounds use it.
        #[inline]
        #[target_feature(enable = "avx2")]
        pub(in crate::scram) fn compress(state: &mut [__m256i; 8], mut w: [__m256i; 16]) {
            let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = *state;
            for begin in (0..K.len()).step_by(16) {
                for i in 0..16 {
                    if begin > 0 {
                        let (two, fifteen) = (w[(i + 14) % 16], w[(i + 1) % 16]);
                        let t = add(w[i], small_sigma_0(fifteen));
                        w[i] = add(t, add(w[(i + 9) % 16], small_sigma_1(two)));
                    }
                    let choice = xor(g, and(e, xor(f, g)));
                    let t = add(add(h, big_sigma_1(e)), choice);
                    let t = add(t, add(w[i], splat(K[begin + i])));
                    let majority = xor(b, and(xor(a, b), xor(b, c)));
                    (h, g, f, e) = (g, f, e, add(d, t));
                    (d, c, b, a) = (c, b, a, add(t, add(big_sigma_0(a), majority)));
                }
            }
            for (word, more) in state.iter_mut().zip([a, b, c, d, e, f, g, h]) {
                *word = add(*word, more);
            }
        }
    };
}

#[inline]
#[target_feature(enable = "avx2")]
pub(in crate::scram) fn xor(a: __m256i, b: __m256i) -> __m256i {
    _mm256_xor_si256(a, b)
}

#[inline]
#[target_feature(enable = "avx2")]
fn and(a: __m256i, b: __m256i) -> __m256i {
    _mm256_and_si256(a, b)
}

#[inline]
#[target_feature(enable = "avx2")]
fn xor_of_three(a: __m256i, b: __m256i, c: __m256i) -> __m256i {
    xor(xor(a, b), c)
}

pub(in crate::scram) mod sha_256 {
    use super::super::constants::SHA_256_ROUNDS as K;
    use super::*;

    pub(in crate::scram) const LANES: usize = 8;
    const END: u32 = 1 << 31;
    /// Of a key's block and a digest.
    const BITS: u32 = (64 + 32) * 8;

    in_lanes!();

    #[inline]
    #[target_feature(enable = "avx2")]
    pub(in crate::scram) fn splat(word: u32) -> __m256i {
        _mm256_set1_epi32(word.cast_signed())
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    pub(in crate::scram) fn vector(words: [u32; LANES]) -> __m256i {
        let [a, b, c, d, e, f, g, h] = words.map(u32::cast_signed);
        _mm256_set_epi32(h, g, f, e, d, c, b, a)
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    pub(in crate::scram) fn lanes(vector: __m256i) -> [u32; LANES] {
        [
            _mm256_extract_epi32::<0>(vector),
            _mm256_extract_epi32::<1>(vector),
            _mm256_extract_epi32::<2>(vector),
            _mm256_extract_epi32::<3>(vector),
            _mm256_extract_epi32::<4>(vector),
            _mm256_extract_epi32::<5>(vector),
            _mm256_extract_epi32::<6>(vector),
            _mm256_extract_epi32::<7>(vector),
        ]
        .map(i32::cast_unsigned)
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn add(a: __m256i, b: __m256i) -> __m256i {
        _mm256_add_epi32(a, b)
    }

    /// Both counts together are a word's bits.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn rotate<const RIGHT: i32, const LEFT: i32>(x: __m256i) -> __m256i {
        _mm256_or_si256(_mm256_srli_epi32::<RIGHT>(x), _mm256_slli_epi32::<LEFT>(x))
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn big_sigma_0(x: __m256i) -> __m256i {
        xor_of_three(rotate::<2, 30>(x), rotate::<13, 19>(x), rotate::<22, 10>(x))
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn big_sigma_1(x: __m256i) -> __m256i {
        xor_of_three(rotate::<6, 26>(x), rotate::<11, 21>(x), rotate::<25, 7>(x))
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn small_sigma_0(x: __m256i) -> __m256i {
        xor_of_three(rotate::<7, 25>(x), rotate::<18, 14>(x), _mm256_srli_epi32::<3>(x))
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn small_sigma_1(x: __m256i) -> __m256i {
        xor_of_three(rotate::<17, 15>(x), rotate::<19, 13>(x), _mm256_srli_epi32::<10>(x))
    }
}

pub(in crate::scram) mod sha_512 {
    use super::super::constants::SHA_512_ROUNDS as K;
    use super::*;

    pub(in crate::scram) const LANES: usize = 4;
    const END: u64 = 1 << 63;
    /// Of a key's block and a digest.
    const BITS: u64 = (128 + 64) * 8;

    in_lanes!();

    #[inline]
    #[target_feature(enable = "avx2")]
    pub(in crate::scram) fn splat(word: u64) -> __m256i {
        _mm256_set1_epi64x(word.cast_signed())
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    pub(in crate::scram) fn vector(words: [u64; LANES]) -> __m256i {
        let [a, b, c, d] = words.map(u64::cast_signed);
        _mm256_set_epi64x(d, c, b, a)
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    pub(in crate::scram) fn lanes(vector: __m256i) -> [u64; LANES] {
        [
            _mm256_extract_epi64::<0>(vector),
            _mm256_extract_epi64::<1>(vector),
            _mm256_extract_epi64::<2>(vector),
            _mm256_extract_epi64::<3>(vector),
        ]
        .map(i64::cast_unsigned)
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn add(a: __m256i, b: __m256i) -> __m256i {
        _mm256_add_epi64(a, b)
    }

    /// Both counts together are a word's bits.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn rotate<const RIGHT: i32, const LEFT: i32>(x: __m256i) -> __m256i {
        _mm256_or_si256(_mm256_srli_epi64::<RIGHT>(x), _mm256_slli_epi64::<LEFT>(x))
    }

    /// By 8 to the right, for which bytes need no more than to change their places.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn rotate_by_a_byte(x: __m256i) -> __m256i {
        let (upper, lower) = (0x080f_0e0d_0c0b_0a09, 0x0007_0605_0403_0201);
        _mm256_shuffle_epi8(x, _mm256_set_epi64x(upper, lower, upper, lower))
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn big_sigma_0(x: __m256i) -> __m256i {
        xor_of_three(rotate::<28, 36>(x), rotate::<34, 30>(x), rotate::<39, 25>(x))
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn big_sigma_1(x: __m256i) -> __m256i {
        xor_of_three(rotate::<14, 50>(x), rotate::<18, 46>(x), rotate::<41, 23>(x))
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn small_sigma_0(x: __m256i) -> __m256i {
        xor_of_three(rotate::<1, 63>(x), rotate_by_a_byte(x), _mm256_srli_epi64::<7>(x))
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn small_sigma_1(x: __m256i) -> __m256i {
        xor_of_three(rotate::<19, 45>(x), rotate::<61, 3>(x), _mm256_srli_epi64::<6>(x))
    }
}
