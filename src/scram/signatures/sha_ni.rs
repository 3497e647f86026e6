//! HMAC-SHA-256 by two keys, side by side.

use core::arch::x86_64::*;

use multiversion::multiversion;
use multiversion::target::match_target;

use crate::scram::blocks::Blocks;
use crate::scram::keys::Key;
use crate::scram::lanes::sha_ni::{State, compress, words};

/// None where the processor cannot, or for keys of another length than a digest's.
#[multiversion(targets("x86_64+sha+sse4.1"))]
pub(super) fn macs(keys: [&[u8]; 2], message: &[&[u8]]) -> Option<[Key; 2]> {
    match_target! {
        "x86_64+sha+sse4.1" => {
            let [Ok(one), Ok(other)] = keys.map(<&[u8; 32]>::try_from) else { return None };
            Some(side_by_side([one, other], message))
        }
        _ => { let _ = (keys, message); None }
    }
}

#[target_feature(enable = "sha,sse4.1")]
fn side_by_side(keys: [&[u8; 32]; 2], message: &[&[u8]]) -> [Key; 2] {
    // The states after the keys' blocks, inside and outside (RFC 2104, section 2): all four at once.
    let mut states = [State::initial(); 4];
    let [one, other] = keys;
    let mut blocks =
        [padded(one, INNER), padded(other, INNER), padded(one, OUTER), padded(other, OUTER)];
    compress(&mut states, &mut blocks);

    let [one, other, ..] = states;
    let mut inner = [one, other];
    for block in Blocks::<64>::new(message) {
        let (halves, _) = block.as_chunks::<32>();
        let [Some(first), Some(second)] = [halves.first(), halves.last()] else { break };
        let ([a, b], [c, d]) = (read(first), read(second));
        compress(&mut inner, &mut [[a, b, c, d]]);
    }

    let [_, _, one, other] = states;
    let mut outer = [one, other];
    compress(&mut outer, &mut inner.map(|state| state.padded_digest()));
    outer.map(|state| {
        let mut digest = [0; 32];
        for (to, word) in digest.as_chunks_mut().0.iter_mut().zip(state.store()) {
            *to = word.to_be_bytes();
        }
        Key::copy_of(&digest)
    })
}

const INNER: u32 = 0x3636_3636;
const OUTER: u32 = 0x5c5c_5c5c;

#[inline]
#[target_feature(enable = "sse4.1")]
fn padded(key: &[u8; 32], pad: u32) -> [__m128i; 4] {
    let pad = words([pad; 4]);
    let [first, second] = read(key);
    [_mm_xor_si128(first, pad), _mm_xor_si128(second, pad), pad, pad]
}

/// Two times four words.
#[inline]
#[target_feature(enable = "sse4.1")]
fn read(bytes: &[u8; 32]) -> [__m128i; 2] {
    let mut read = [0; 8];
    for (word, bytes) in read.iter_mut().zip(bytes.as_chunks().0) {
        *word = u32::from_be_bytes(*bytes);
    }
    let [a, b, c, d, e, f, g, h] = read;
    [words([a, b, c, d]), words([e, f, g, h])]
}
