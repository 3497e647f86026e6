//! Salts as Kafka writes them.

/// The most digits that a number of 130 bits has in base 36.
pub(super) const MAX_BASE36_LEN: usize = 26;

/// How many random bytes [`base36`] takes: 130 bits.
pub(crate) const BASE36_RANDOM: usize = 17;

/// Kafka's salts: a random number of 130 bits in base 36, as `new BigInteger(130, random).toString(36)`
/// gives it. Of the random bytes the first [`BASE36_RANDOM`] count.
pub(crate) fn base36(random: &[u8]) -> impl Iterator<Item = u8> {
    let mut number = [0; BASE36_RANDOM];
    for (to, from) in number.iter_mut().zip(random) {
        *to = *from;
    }
    number[0] &= 0b11;
    let mut digits = [b'0'; MAX_BASE36_LEN];
    for digit in digits.iter_mut().rev() {
        *digit = char::from_digit(divide_by_36(&mut number), 36).map_or(b'0', |digit| digit as u8);
    }
    let zeros = digits.iter().take(MAX_BASE36_LEN - 1).take_while(|digit| **digit == b'0').count();
    digits.into_iter().skip(zeros)
}

/// Divides a big-endian number and returns the remainder.
fn divide_by_36(number: &mut [u8]) -> u32 {
    let mut rest = 0;
    for byte in number {
        let value = rest << 8 | u32::from(*byte);
        *byte = u8::try_from(value / 36).unwrap_or_default(); // below 256, since rest is below 36
        rest = value % 36;
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(random: &[u8]) -> String {
        base36(random).map(char::from).collect()
    }

    #[test]
    fn numbers_are_written_as_java_does() {
        // new BigInteger(1, bytes).mod(BigInteger.TWO.pow(130)).toString(36) of OpenJDK 17.
        let mut bytes = [0; 17];
        assert_eq!(text(&bytes), "0");
        bytes[16] = 35;
        assert_eq!(text(&bytes), "z");
        bytes[15] = 255;
        assert_eq!(text(&bytes), "1eeb");
        assert_eq!(text(&[255; 32]), "1omfro7zwmumr3umxudzyj6scf");
    }
}
