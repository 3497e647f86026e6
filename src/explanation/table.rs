//! The table itself. Kafka's errors come first, then this library's, then what brokers and clients say.

use super::Explanation;

pub(super) const EXPLANATIONS: &[Explanation] = &[
    kafka(
        "DELEGATION_TOKEN_AUTH_DISABLED",
        "TOKEN_AUTH_DISABLED",
        61,
        "the brokers have no delegation.token.secret.key",
        "set it, to the same value, on every broker and controller",
    ),
    kafka(
        "DELEGATION_TOKEN_NOT_FOUND",
        "TOKEN_NOT_FOUND",
        62,
        "no token has this HMAC: it was expired and removed, or it was made a second ago and this broker \
         does not know it yet",
        "give the whole base64 text that creation showed, wait a second, or create a new token",
    ),
    kafka(
        "DELEGATION_TOKEN_OWNER_MISMATCH",
        "TOKEN_OWNER_MISMATCH",
        63,
        "only the token's owner and its renewers may do this",
        "log in as one of them",
    ),
    kafka(
        "DELEGATION_TOKEN_REQUEST_NOT_ALLOWED",
        "TOKEN_REQUEST_NOT_ALLOWED",
        64,
        "tokens are managed only over SASL or mutual TLS, and never by a login that itself used a token",
        "log in as a user: by a password, Kerberos, OAUTHBEARER, or a client's certificate over SSL",
    ),
    kafka(
        "DELEGATION_TOKEN_AUTHORIZATION_FAILED",
        "TOKEN_AUTHORIZATION_FAILED",
        65,
        "the principal may not do this to other people's tokens",
        "grant it the operation CreateTokens or DescribeTokens on the User, or Describe on the token",
    ),
    kafka(
        "DELEGATION_TOKEN_EXPIRED",
        "TOKEN_EXPIRED",
        66,
        "the token's time is over",
        "create a new one",
    ),
    kafka(
        "INVALID_PRINCIPAL_TYPE",
        "INVALID_PRINCIPAL_TYPE",
        67,
        "a principal of another type than User was named",
        "write it as User:name",
    ),
    kafka(
        "RESOURCE_NOT_FOUND",
        "USER_NOT_FOUND",
        91,
        "there is no such SCRAM user, or no credential of this mechanism",
        "look which there are: scramtoken configs --describe --entity-type users",
    ),
    kafkas_own(
        "CLUSTER_AUTHORIZATION_FAILED",
        31,
        "the principal lacks the permission on the cluster",
        "grant it with kafka-acls.sh",
    ),
    kafkas_own(
        "UNSUPPORTED_SASL_MECHANISM",
        33,
        "the listener does not offer the mechanism",
        "name one that it offers in sasl.mechanism, or enable it on the broker \
         (sasl.enabled.mechanisms)",
    ),
    kafkas_own(
        "ILLEGAL_SASL_STATE",
        34,
        "the listener takes no login by SASL",
        "set security.protocol to PLAINTEXT or SSL, or name another listener",
    ),
    kafkas_own(
        "SASL_AUTHENTICATION_FAILED",
        58,
        "the broker refused the login, and tells nobody why",
        "check the user name and the password, or the token's id and HMAC",
    ),
    ours(
        "INVALID_ARGUMENT",
        "an argument, an option or a configuration cannot be right",
        "the text names it; nothing was done",
    ),
    ours(
        "INVALID_STATE",
        "the call comes at the wrong time, or what it is about belongs to another process, or to \
         a cluster, by now",
        "call in the order of the manual; after a fork open the store anew; ask the cluster that a store follows",
    ),
    ours("INTERNAL", "a fault of scramtoken's own", "please report it, with the text"),
    ours("CANCELLED", "the login was cancelled by its owner", "nothing: it was asked for"),
    ours(
        "IO",
        "a file, a store, the network or the system's random numbers cannot be had",
        "the text has the system's own error; try again when that is mended",
    ),
    ours(
        "CORRUPT",
        "a file or a store fails its own checks",
        "write the file anew, whole and by rename; restore the store from a backup",
    ),
    ours(
        "PERMISSIONS",
        "others can get at a secret or a store, or it belongs to another user",
        "take their rights away (the text has the command), and change a secret that others could read",
    ),
    ours(
        "UNSUPPORTED_MECHANISM",
        "the mechanism is neither SCRAM-SHA-256 nor SCRAM-SHA-512; or it is GSSAPI, and the machine has no \
         libgssapi_krb5",
        "configure one of the two; or install the library (Debian: libgssapi-krb5-2, Red Hat: krb5-libs)",
    ),
    ours(
        "MALFORMED",
        "the peer's message is no SCRAM, or an answer cannot be read",
        "look at what is between you and the peer: does the port belong to a Kafka broker, and does the \
         listener speak TLS where you do not, or the other way round?",
    ),
    ours(
        "TOO_LONG",
        "a message has more than 4096 bytes",
        "as of MALFORMED; or the name is too long",
    ),
    ours(
        "NONCE",
        "the peer answered with another nonce than was agreed",
        "a librdkafka before 2.6.1 doubles it: let it in with doubledNonce, or use the plugin; anything \
         else is a replay",
    ),
    ours(
        "CHANNEL_BINDING",
        "the client wants channel binding, which Kafka does not have",
        "configure the client without",
    ),
    ours(
        "ITERATIONS",
        "the server's iteration count is outside of what the client hashes",
        "set the user's password anew with at least 4096 iterations, or change the client's limits",
    ),
    ours(
        "EXTENSION",
        "the peer demands an extension that nobody here knows, or gives one twice",
        "look at what made the message: it is no Kafka client",
    ),
    ours(
        "AUTHZID",
        "the client asks to act as somebody else",
        "ask for no identity, or for the user name or token id itself",
    ),
    ours(
        "INVALID_PROOF",
        "the password or HMAC is wrong",
        "check the client's credential; of a token it is the whole base64 text, as text",
    ),
    ours(
        "SERVER_SIGNATURE",
        "the server could not prove that it knows the credential",
        "distrust it: it is no broker of your cluster, or a broken one",
    ),
    ours(
        "SERVER_REFUSED",
        "the server refused the login by e=",
        "check the credential; the server's own log knows why",
    ),
    ours(
        "UNKNOWN_USER",
        "no user of that name has a credential of the mechanism",
        "check the name and the mechanism; a token has to come with tokenauth=true, or its server allows \
         implicit tokens",
    ),
    ours(
        "TOKENS_STALE",
        "the store follows a Kafka cluster, and has not heard of it for longer than --max-age allows: it \
         refuses tokens until it has, and lets users in",
        "look at scramtoken store stats, and at the log of scramtoken store follow: does it run, and do the \
         brokers answer it?",
    ),
    said(
        "Cannot change principals during re-authentication",
        "the session began as somebody else than the next credential stands for",
        "let the next token have the same owner, or restart the client",
    ),
    said(
        "invalid_token",
        "OAUTHBEARER: the broker does not take the access token: its audience, issuer or signature is not what \
         it expects, or it has ended",
        "compare the token's aud and iss with sasl.oauthbearer.expected.audience and .expected.issuer of the \
         broker, and its kid with the keys at sasl.oauthbearer.jwks.endpoint.url; the broker's log names the claim",
    ),
    said(
        "invalid_client",
        "OAUTHBEARER: the token endpoint does not know the client, or the secret is wrong",
        "look at sasl.oauthbearer.client.credentials.client.id and .secret, or the JAAS options clientId and \
         clientSecret; some endpoints want sasl.oauthbearer.header.urlencode=true",
    ),
    said(
        "libgssapi_krb5",
        "Kerberos: the system's library for it is missing, or the program is linked statically",
        "install it (Debian: libgssapi-krb5-2, Red Hat: krb5-libs), or use the program built for glibc",
    ),
    said(
        "not found in Kerberos database",
        "Kerberos: the KDC knows no such principal; a broker's is made of sasl.kerberos.service.name and the \
         host that one connects to",
        "name brokers in --bootstrap-server and advertised.listeners as in their principals, or give the \
         whole principal as sasl.kerberos.service.name (kafka/host); look into the broker's keytab by klist -k",
    ),
    said(
        "Ticket expired",
        "Kerberos: the ticket in the cache has ended",
        "run kinit, or log in by a keytab",
    ),
    said(
        "No credentials cache found",
        "Kerberos: there is no ticket cache of that name",
        "run kinit, or name the cache as ticketCache or by KRB5CCNAME, or log in by a keytab",
    ),
    said(
        "No Kerberos credentials available",
        "Kerberos: the default ticket cache has no ticket",
        "as of \"No credentials cache found\"",
    ),
    said(
        "Cannot contact any KDC",
        "Kerberos: no KDC of the realm answered",
        "look at kdc in krb5.conf, or the realm's SRV records in DNS, and whether port 88 can be reached",
    ),
    said(
        "Cannot find KDC for realm",
        "Kerberos: neither krb5.conf nor DNS names a KDC of the realm",
        "name one in [realms] of krb5.conf, or correct the principal's realm",
    ),
    said(
        "does not specify default realm",
        "Kerberos: krb5.conf is missing, or has no default_realm",
        "set it, or name KRB5_CONFIG; or write the principal with its realm",
    ),
    said(
        "Clock skew too great",
        "Kerberos: the clocks of the client, the broker and the KDC differ by more than five minutes",
        "set them by NTP",
    ),
    said(
        "Decrypt integrity check failed",
        "Kerberos: the KDC has another key than the keytab, mostly a newer one",
        "make the keytab anew by ktadd of kadmin",
    ),
    said(
        "_AUTHENTICATION",
        "librdkafka: a login failed for good",
        "its text names the cause: look that up here",
    ),
    said(
        "No such configuration property: \"scramtoken.source\"",
        "librdkafka has not loaded the plugin when it meets the property",
        "name plugin.library.paths, before all properties of the plugin",
    ),
    said(
        "TOPIC_AUTHORIZATION_FAILED",
        "the login worked; the token's owner lacks a permission on the topic",
        "grant it to the owner (not to the token's id) with kafka-acls.sh",
    ),
    said(
        "GROUP_AUTHORIZATION_FAILED",
        "the login worked; the token's owner lacks a permission on the consumer group",
        "grant it to the owner (not to the token's id) with kafka-acls.sh",
    ),
];

const fn kafka(
    name: &'static str,
    status: &'static str,
    code: i16,
    means: &'static str,
    mend: &'static str,
) -> Explanation {
    Explanation { name, status: Some(status), code: Some(code), means, mend }
}

/// An error of Kafka's without a status of its own.
const fn kafkas_own(
    name: &'static str,
    code: i16,
    means: &'static str,
    mend: &'static str,
) -> Explanation {
    Explanation { name, status: None, code: Some(code), means, mend }
}

const fn ours(status: &'static str, means: &'static str, mend: &'static str) -> Explanation {
    Explanation { name: status, status: Some(status), code: None, means, mend }
}

/// What brokers and clients say.
const fn said(name: &'static str, means: &'static str, mend: &'static str) -> Explanation {
    Explanation { name, status: None, code: None, means, mend }
}
