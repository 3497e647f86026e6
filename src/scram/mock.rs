//! Made-up challenges, so that a stranger's name looks like anybody's.

use super::keys::hmac;
use super::mechanism::Mechanism;

/// How long a made-up salt is, in bytes; the store's own salts are as long.
pub(crate) const SALT_LEN: usize = 16;

/// What the challenges for unknown names are made from.
///
/// A challenge is a function of the name, the mechanism and the secret, so it stays the same from
/// login to login, and on every server that has the same secret.
pub struct MockChallenges<'a> {
    secret: &'a [u8],
    iterations: u32,
    salts: MockSalts,
}

/// What made-up salts look like: like the real ones of the server that they stand in for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum MockSalts {
    /// 16 random bytes, like this library's own.
    #[default]
    Bytes,
    /// A random number of 130 bits in base 36, nearly always 25 or 26 digits, like Kafka's.
    Base36,
}

impl<'a> MockChallenges<'a> {
    /// The iteration count is what users of the listener usually have; it is never inferred.
    pub fn new(secret: &'a [u8], iterations: u32) -> Self {
        Self { secret, iterations, salts: MockSalts::default() }
    }

    /// The same with salts of another look.
    #[must_use]
    pub fn with_salts(self, salts: MockSalts) -> Self {
        Self { salts, ..self }
    }

    pub(super) fn iterations(&self) -> u32 {
        self.iterations
    }

    pub(super) fn salt(&self, mechanism: Mechanism, name: &[u8]) -> Vec<u8> {
        let parts = [LABEL, mechanism.name().as_bytes(), b"\0", name];
        let mac = hmac(Mechanism::ScramSha256, self.secret, &parts);
        match self.salts {
            MockSalts::Bytes => mac.as_bytes().iter().copied().take(SALT_LEN).collect(),
            MockSalts::Base36 => base36_of_130_bits(mac.as_bytes()),
        }
    }
}

const LABEL: &[u8] = b"scramtoken/mock-salt/v1\0";

/// The first 17 bytes as a big-endian number, of which the lowest 130 bits are written.
fn base36_of_130_bits(bytes: &[u8]) -> Vec<u8> {
    let mut number: Vec<u8> = bytes.iter().copied().take(17).collect();
    if let Some(first) = number.first_mut() {
        *first &= 0b11;
    }
    let mut digits = Vec::with_capacity(26);
    loop {
        let digit = divide_by_36(&mut number);
        digits.extend(char::from_digit(digit, 36).map(|digit| digit as u8));
        if number.iter().all(|byte| *byte == 0) {
            digits.reverse();
            return digits;
        }
    }
}

/// Leaves the quotient in the number and returns the remainder.
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

    #[test]
    fn numbers_are_written_as_java_does() {
        // new BigInteger(1, bytes).mod(BigInteger.TWO.pow(130)).toString(36) of OpenJDK 17.
        let mut bytes = [0; 17];
        assert_eq!(base36_of_130_bits(&bytes), b"0");
        bytes[16] = 35;
        assert_eq!(base36_of_130_bits(&bytes), b"z");
        bytes[15] = 255;
        assert_eq!(base36_of_130_bits(&bytes), b"1eeb");
        assert_eq!(base36_of_130_bits(&[255; 32]), b"1omfro7zwmumr3umxudzyj6scf");
    }

    #[test]
    fn the_look_of_a_salt() {
        let salts = |form| {
            let mock = MockChallenges::new(b"secret", 4096).with_salts(form);
            (0..1000).map(move |number: u32| {
                mock.salt(Mechanism::ScramSha512, number.to_string().as_bytes())
            })
        };
        assert!(salts(MockSalts::Bytes).all(|salt| salt.len() == SALT_LEN));
        let lengths: Vec<usize> = salts(MockSalts::Base36).map(|salt| salt.len()).collect();
        let share = |len| lengths.iter().filter(|is| **is == len).count();
        // 36^25 is 2^129.25, so 2^-0.75 of all numbers have 25 digits or fewer.
        assert!((520..640).contains(&share(25)), "{}", share(25));
        assert!((350..460).contains(&share(26)), "{}", share(26));
    }
}
