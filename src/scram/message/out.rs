//! Where messages are written to.

use base64::{Engine, engine::general_purpose::STANDARD};

/// Memory that grows.
pub(crate) trait Out {
    fn put(&mut self, bytes: &[u8]);

    fn put_base64(&mut self, bytes: &[u8]) {
        for some in bytes.chunks(48) {
            let mut text = [0; 64];
            // The room is enough.
            let len = STANDARD.encode_slice(some, &mut text).unwrap_or_default();
            self.put(text.get(..len).unwrap_or_default());
        }
    }

    fn put_number(&mut self, mut number: u32) {
        let mut digits = [0; 10];
        let mut begin = digits.len();
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + (number % 10) as u8;
            number /= 10;
            begin -= 1;
            if number == 0 {
                break;
            }
        }
        self.put(digits.get(begin..).unwrap_or_default());
    }
}

impl Out for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_decimal() {
        for number in [0, 1, 9, 10, 4096, 1_000_000, u32::MAX] {
            let mut out = Vec::new();
            out.put_number(number);
            assert_eq!(out, number.to_string().into_bytes());
        }
    }
}
