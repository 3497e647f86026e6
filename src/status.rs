//! What a call came to, as one number that every door hands out unchanged.

use core::fmt;

/// A status: zero or more is a success, less is an error.
///
/// An integer and not an enum, because callbacks of foreign code return statuses too, and a value
/// that nobody has heard of must be an error there and not undefined behaviour.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct Status(i32);

macro_rules! statuses {
    ($($(#[$doc:meta])* $name:ident = $value:literal;)*) => {
        impl Status {
            $($(#[$doc])* pub const $name: Self = Self($value);)*

            /// The name without its prefix, such as `TOKEN_EXPIRED`; `UNKNOWN` for a value that is
            /// none of ours.
            pub fn name(self) -> &'static core::ffi::CStr {
                const fn name(text: &'static str) -> &'static core::ffi::CStr {
                    match core::ffi::CStr::from_bytes_with_nul(text.as_bytes()) {
                        Ok(name) => name,
                        Err(_) => c"UNKNOWN",
                    }
                }
                match self.0 {
                    $($value => const { name(concat!(stringify!($name), "\0")) },)*
                    _ => c"UNKNOWN",
                }
            }

            /// Whether the value is one of the constants here.
            pub fn is_known(self) -> bool {
                matches!(self.0, $($value)|*)
            }
        }
    };
}

statuses! {
    /// Done; of a server's step: if and only if the peer is authenticated.
    OK = 0;
    /// Send the output, step again with the answer.
    CONTINUE = 1;
    /// The server needs a credential to go on.
    NEED_CREDENTIAL = 2;

    /// The caller passed something that cannot be.
    INVALID_ARGUMENT = -1;
    /// A step after the end, a supply nobody asked for.
    INVALID_STATE = -2;
    /// A fault of this library's own.
    INTERNAL = -3;
    /// The login was cancelled by its owner.
    CANCELLED = -4;
    /// A store or source cannot be read or written.
    IO = -5;
    /// A store or token file fails its own checks.
    CORRUPT = -6;
    /// A secret that others can read.
    PERMISSIONS = -7;
    /// Neither SCRAM-SHA-256 nor SCRAM-SHA-512.
    UNSUPPORTED_MECHANISM = -8;

    /// The peer's message breaks the grammar of RFC 5802, section 7.
    MALFORMED = -20;
    /// A message over [`MAX_MESSAGE`](crate::MAX_MESSAGE) bytes.
    TOO_LONG = -21;
    /// Not exactly the nonce that was agreed.
    NONCE = -22;
    /// `c=` is not what the GS2 header promised, or channel binding was asked for.
    CHANNEL_BINDING = -23;
    /// An iteration count outside the accepted range.
    ITERATIONS = -24;
    /// A mandatory extension (`m=`), or one given twice.
    EXTENSION = -25;
    /// The peer may not act as the identity it asked for.
    AUTHZID = -26;
    /// Wrong password or HMAC, or nobody of that name.
    INVALID_PROOF = -27;
    /// The server does not know the credential.
    SERVER_SIGNATURE = -28;
    /// The server sent `e=`.
    SERVER_REFUSED = -29;

    /// Kafka's DELEGATION_TOKEN_AUTH_DISABLED (61).
    TOKEN_AUTH_DISABLED = -1061;
    /// Kafka's DELEGATION_TOKEN_NOT_FOUND (62).
    TOKEN_NOT_FOUND = -1062;
    /// Kafka's DELEGATION_TOKEN_OWNER_MISMATCH (63).
    TOKEN_OWNER_MISMATCH = -1063;
    /// Kafka's DELEGATION_TOKEN_REQUEST_NOT_ALLOWED (64).
    TOKEN_REQUEST_NOT_ALLOWED = -1064;
    /// Kafka's DELEGATION_TOKEN_AUTHORIZATION_FAILED (65).
    TOKEN_AUTHORIZATION_FAILED = -1065;
    /// Kafka's DELEGATION_TOKEN_EXPIRED (66).
    TOKEN_EXPIRED = -1066;
    /// Kafka's INVALID_PRINCIPAL_TYPE (67).
    INVALID_PRINCIPAL_TYPE = -1067;
    /// Kafka's RESOURCE_NOT_FOUND (91), of a SCRAM user.
    USER_NOT_FOUND = -1091;
}

impl Status {
    /// A status as foreign code gave it, known or not.
    pub const fn from_raw(value: i32) -> Self {
        Self(value)
    }

    /// The number that crosses the C boundary.
    pub const fn to_raw(self) -> i32 {
        self.0
    }

    /// Whether this is an error, known or not.
    pub const fn is_error(self) -> bool {
        self.0 < 0
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name().to_str().unwrap_or("UNKNOWN"))
    }
}

impl fmt::Debug for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_constants_without_prefix() {
        assert_eq!(Status::TOKEN_EXPIRED.name(), c"TOKEN_EXPIRED");
        assert_eq!(Status::OK.to_string(), "OK");
        assert_eq!(Status::from_raw(-12345).name(), c"UNKNOWN");
        assert!(!Status::from_raw(3).is_known());
    }
}
