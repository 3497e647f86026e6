//! HMAC-SHA-512 by two keys, in lanes.

use core::arch::x86_64::*;
use core::array;

use multiversion::multiversion;
use multiversion::target::match_target;

use crate::scram::blocks::Blocks;
use crate::scram::keys::Key;
use crate::scram::lanes::SHA_512_INITIAL;
use crate::scram::lanes::avx2::sha_512::{compress, lanes, padded_digest, splat, vector};

/// None where the processor cannot, or for keys of another length than a digest's.
#[multiversion(targets("x86_64+avx2"))]
pub(super) fn macs(keys: [&[u8]; 2], message: &[&[u8]]) -> Option<[Key; 2]> {
    match_target! {
        "x86_64+avx2" => {
            let [Ok(one), Ok(other)] = keys.map(<&[u8; 64]>::try_from) else { return None };
            Some(in_lanes([one, other], message))
        }
        _ => { let _ = (keys, message); None }
    }
}

#[target_feature(enable = "avx2")]
fn in_lanes(keys: [&[u8; 64]; 2], message: &[&[u8]]) -> [Key; 2] {
    let initial = SHA_512_INITIAL.map(|word| splat(word));
    // The states after the keys' blocks (RFC 2104, section 2): inside, in two lanes, and outside.
    let pads = vector([INNER, INNER, OUTER, OUTER]);
    let [one, other] = keys.map(|key| words::<8>(key));
    let mut keyed = initial;
    let block = array::from_fn(|place| match (one.get(place), other.get(place)) {
        (Some(one), Some(other)) => _mm256_xor_si256(vector([*one, *other, *one, *other]), pads),
        _ => pads,
    });
    compress(&mut keyed, block);

    let mut inner = keyed;
    for block in Blocks::<128>::new(message) {
        compress(&mut inner, words::<16>(&block).map(|word| splat(word)));
    }

    let mut outer = keyed.map(|word| _mm256_permute4x64_epi64::<0b11_10_11_10>(word));
    compress(&mut outer, padded_digest(inner));

    let mut digests = [[0; 64]; 2];
    let [one, other] = digests.each_mut().map(|digest| digest.as_chunks_mut().0.iter_mut());
    for (word, (one, other)) in outer.into_iter().zip(one.zip(other)) {
        let [of_one, of_other, ..] = lanes(word);
        (*one, *other) = (of_one.to_be_bytes(), of_other.to_be_bytes());
    }
    digests.map(|digest| Key::copy_of(&digest))
}

const INNER: u64 = 0x3636_3636_3636_3636;
const OUTER: u64 = 0x5c5c_5c5c_5c5c_5c5c;

fn words<const WORDS: usize>(bytes: &[u8]) -> [u64; WORDS] {
    let mut words = [0; WORDS];
    for (word, bytes) in words.iter_mut().zip(bytes.as_chunks().0) {
        *word = u64::from_be_bytes(*bytes);
    }
    words
}
