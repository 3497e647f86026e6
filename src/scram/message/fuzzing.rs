//! What the fuzz targets do to the parsers: whatever one of them accepts, it writes back unchanged.

use super::{ClientFinal, ClientFirst, ServerFinal, ServerFirst, write_proof};
use crate::scram::mechanism::Mechanism;

/// Reads bytes as each of the four messages in turn.
///
/// # Panics
///
/// When a message that was accepted is written back otherwise.
pub fn round_trips(message: &[u8], client_nonce: &str) {
    let mut written = Vec::new();
    if let Ok(parsed) = ClientFirst::parse(message) {
        parsed.gs2_header.write(&mut written);
        parsed.write_bare(&mut written);
        assert_eq!(written, message);
    }
    if let Ok(parsed) = ServerFirst::parse(message, client_nonce) {
        written.clear();
        parsed.write(&mut written);
        assert_eq!(written, message);
    }
    for mechanism in Mechanism::ALL {
        if let Ok(parsed) = ClientFinal::parse(message, mechanism) {
            written.clear();
            parsed.without_proof.write(&mut written);
            assert_eq!(written, parsed.covered);
            write_proof(&parsed.proof, &mut written);
            assert_eq!(written, message);
        }
        if let Ok(parsed) = ServerFinal::parse(message, mechanism) {
            written.clear();
            parsed.write(&mut written);
            assert_eq!(written, message);
        }
    }
}
