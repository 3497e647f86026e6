//! The four messages of RFC 5802, section 7: bytes are parsed into types, and only those are used.
//!
//! Parsing borrows from the message and serialising writes it back unchanged.

mod attributes;
mod client_final;
mod client_first;
mod extensions;
#[cfg(fuzzing)]
pub mod fuzzing;
mod gs2;
mod name;
mod out;
mod server_final;
mod server_first;

pub(crate) use attributes::{MessageName, check_length, is_printable};
pub(crate) use client_final::{ClientFinal, ClientFinalWithoutProof, write_proof};
pub(crate) use client_first::{ClientFirst, claimed_name};
pub(crate) use extensions::Extensions;
pub(crate) use gs2::{ChannelBinding, Gs2Header};
pub(crate) use name::check_name;
pub(crate) use out::Out;
pub(crate) use server_final::{ServerFinal, refusal};
pub(crate) use server_first::{ServerFirst, begin_server_first, end_server_first};

/// The longest message, in bytes, that is read or written.
pub const MAX_MESSAGE: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scram::mechanism::Mechanism;
    use crate::status::Status;

    // RFC 5802, section 5, a login by SCRAM-SHA-1: its keys are not ours, but its grammar is.
    const CLIENT_FIRST: &str = "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL";
    const SERVER_FIRST: &str =
        "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096";
    const CLIENT_FINAL: &str =
        "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=";
    const SERVER_FINAL: &str = "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=";

    fn client_first_again(message: &str) -> String {
        let parsed = ClientFirst::parse(message.as_bytes()).unwrap();
        let mut out = Vec::new();
        parsed.gs2_header.write(&mut out);
        parsed.write_bare(&mut out);
        String::from_utf8(out).unwrap()
    }

    fn server_first_again(message: &str, client_nonce: &str) -> String {
        let mut out = Vec::new();
        ServerFirst::parse(message.as_bytes(), client_nonce).unwrap().write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn rfc_5802_section_5() {
        let client_first = ClientFirst::parse(CLIENT_FIRST.as_bytes()).unwrap();
        assert_eq!(client_first.name, "user");
        assert_eq!(client_first.nonce, "fyko+d2lbbFgONRv9qkxdawL");
        assert_eq!(client_first.gs2_header.authzid, None);
        let server_first = ServerFirst::parse(SERVER_FIRST.as_bytes(), client_first.nonce).unwrap();
        assert_eq!(server_first.server_nonce, "3rfcNHYJY1ZVvWVs7j");
        assert_eq!(server_first.iterations, 4096);
        assert_eq!(server_first.salt.len(), 12);
        // A proof by SHA-1 has 20 bytes.
        let error =
            ClientFinal::parse(CLIENT_FINAL.as_bytes(), Mechanism::ScramSha256).unwrap_err();
        assert_eq!(error.status(), Status::INVALID_PROOF);
        let error =
            ServerFinal::parse(SERVER_FINAL.as_bytes(), Mechanism::ScramSha256).unwrap_err();
        assert_eq!(error.status(), Status::SERVER_SIGNATURE);
    }

    #[test]
    fn what_is_parsed_is_written_back() {
        for message in [
            CLIENT_FIRST,
            "y,,n=user,r=x",
            "n,a=us=2Cer=3D,n=us=2Cer=3D,r=x",
            "n,,n=user,r=x,tokenauth=true",
            "n,,n=user,r=x,tokenauth=TRUE,other=a=b",
            "n,,n=\u{e9}\u{1f600},r=!~",
        ] {
            assert_eq!(client_first_again(message), message);
        }
        for message in [SERVER_FIRST, "r=fyko!,s=AA==,i=1,x=y"] {
            assert_eq!(server_first_again(message, "fyko"), message);
        }
        let proof = "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
        for covered in ["c=biws,r=x", "c=eSws,r=x", "c=bixhPXVzZXIs,r=x,ext=y"] {
            let message = format!("{covered},p={proof}");
            let parsed = ClientFinal::parse(message.as_bytes(), Mechanism::ScramSha256).unwrap();
            assert_eq!(parsed.covered, covered.as_bytes());
            let mut out = Vec::new();
            parsed.without_proof.write(&mut out);
            write_proof(&parsed.proof, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), message);
        }
        for extensions in ["", ",x=y"] {
            let message = format!("v={proof}{extensions}");
            let mut out = Vec::new();
            ServerFinal::parse(message.as_bytes(), Mechanism::ScramSha256).unwrap().write(&mut out);
            assert_eq!(String::from_utf8(out).unwrap(), message);
        }
    }

    #[test]
    fn a_claimed_name_is_only_for_show() {
        assert_eq!(claimed_name(b"n,,n=\xffeve,r=").as_deref(), Some("\u{fffd}eve"));
        assert_eq!(claimed_name(b"n,,n"), None);
        assert_eq!(claimed_name(b""), None);
    }
}
