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

    /// An argument is invalid: NULL, a wrong length, an empty name.
    INVALID_ARGUMENT = -1;
    /// Not now: a step after the end, a supply nobody asked for, a setting after the first step, a
    /// lookup that did not answer once, a step whose callback freed its own object; a signing key
    /// that another manager removed; a store that is for reading only, follows a cluster, was opened
    /// before a fork, or is open in a process of the same id.
    INVALID_STATE = -2;
    /// A fault of the library's own.
    INTERNAL = -3;
    /// The login was cancelled by its owner.
    CANCELLED = -4;
    /// The system gives no random numbers, a source or store cannot be read or written, or a callback
    /// said so.
    IO = -5;
    /// A source's file, or a store, fails its own checks.
    CORRUPT = -6;
    /// A secret or store that others can read.
    PERMISSIONS = -7;
    /// Neither SCRAM-SHA-256 nor SCRAM-SHA-512.
    UNSUPPORTED_MECHANISM = -8;

    /// The peer's message breaks the grammar of RFC 5802.
    MALFORMED = -20;
    /// A message over 4096 bytes.
    TOO_LONG = -21;
    /// Not exactly the nonce that was agreed.
    NONCE = -22;
    /// The client wants channel binding, or its `c=` is not what it promised.
    CHANNEL_BINDING = -23;
    /// An iteration count outside the accepted range.
    ITERATIONS = -24;
    /// A mandatory extension (`m=`), or one given twice.
    EXTENSION = -25;
    /// The client may not act as the identity it asked for.
    AUTHZID = -26;
    /// Wrong password or HMAC.
    INVALID_PROOF = -27;
    /// The server does not know the credential.
    SERVER_SIGNATURE = -28;
    /// The server sent `e=`.
    SERVER_REFUSED = -29;
    /// The name that the client gave is no user's.
    UNKNOWN_USER = -30;
    /// A store that follows a cluster has not heard of it for longer than its tokens are good for.
    TOKENS_STALE = -31;

    /// The server does not do tokens.
    ///
    /// Kafka's DELEGATION_TOKEN_AUTH_DISABLED (61).
    TOKEN_AUTH_DISABLED = -1061;
    /// No such token.
    ///
    /// Kafka's DELEGATION_TOKEN_NOT_FOUND (62).
    TOKEN_NOT_FOUND = -1062;
    /// Neither its owner nor a renewer.
    ///
    /// Kafka's DELEGATION_TOKEN_OWNER_MISMATCH (63).
    TOKEN_OWNER_MISMATCH = -1063;
    /// The requester itself logged in with a token.
    ///
    /// Kafka's DELEGATION_TOKEN_REQUEST_NOT_ALLOWED (64).
    TOKEN_REQUEST_NOT_ALLOWED = -1064;
    /// The requester may not do this for that owner.
    ///
    /// Kafka's DELEGATION_TOKEN_AUTHORIZATION_FAILED (65).
    TOKEN_AUTHORIZATION_FAILED = -1065;
    /// The token has ended.
    ///
    /// Kafka's DELEGATION_TOKEN_EXPIRED (66).
    TOKEN_EXPIRED = -1066;
    /// A principal of another type than `User`.
    ///
    /// Kafka's INVALID_PRINCIPAL_TYPE (67).
    INVALID_PRINCIPAL_TYPE = -1067;
    /// No such SCRAM user.
    ///
    /// Kafka's RESOURCE_NOT_FOUND (91).
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
