//! A client's configuration, from the properties that Kafka's own tools take (--command-config).

use core::time::Duration;

use super::login::{self, Login};
use super::property::{invalid, milliseconds, number, value};
use super::tls;
use crate::error::Error;
use crate::properties::{Properties, SecurityProtocol};
use crate::scram::{ClientCredential, Mechanism};
use crate::tls::Tls;

/// How to reach brokers and as whom. The names of Kafka's properties stand at the fields.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    /// `security.protocol`.
    protocol: SecurityProtocol,
    /// `security.protocol`, `ssl.*`: None is plaintext.
    pub(super) tls: Option<Tls>,
    /// `security.protocol`, `sasl.*`: None is no SASL.
    pub(super) login: Option<Login>,
    /// `client.id`.
    pub(super) client_id: String,
    /// `socket.connection.setup.timeout.ms`: the most that one address of a host may take.
    pub(super) setup_timeout: Duration,
    /// `request.timeout.ms`: the most that one try may take.
    pub(super) request_timeout: Duration,
    /// `default.api.timeout.ms`: the most that all tries may take.
    pub(super) api_timeout: Duration,
    /// `retries`.
    pub(super) retries: u32,
    /// `retry.backoff.ms`.
    pub(super) backoff: Duration,
    /// `retry.backoff.max.ms`.
    pub(super) backoff_max: Duration,
}

impl Config {
    /// Reads properties; the second part says what was left unheeded. A `credential` takes the place
    /// of `sasl.jaas.config`.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` or `CORRUPT`, with the key, for a value that is none or cannot be
    /// honoured; errors of the files that are named. No secret is in the text.
    pub(crate) fn from_properties(
        properties: &Properties,
        credential: Option<ClientCredential>,
    ) -> Result<(Self, Vec<String>), Error> {
        let mut warnings = look_over_keys(properties)?;
        let protocol = protocol(properties)?;
        let login = match credential {
            Some(credential) if protocol.uses_sasl() => {
                Some(Login::with_credential(credential, properties)?)
            }
            Some(_) => {
                let what = "SASL_PLAINTEXT or SASL_SSL is wanted, to log in with a credential";
                return Err(invalid("security.protocol", what));
            }
            None => (protocol.uses_sasl())
                .then(|| Login::from_properties(properties, &mut warnings))
                .transpose()?,
        };
        if let (SecurityProtocol::SaslPlaintext, Some(login)) = (protocol, &login) {
            warnings.extend(login.sends_secret().map(|secret| {
                format!(
                    "security.protocol is SASL_PLAINTEXT: {} sends {secret} in clear text, for whoever \
                     listens to take; use SASL_SSL",
                    login.mechanism()
                )
            }));
        }
        let ms = |key, default| milliseconds(properties, key, default);
        let config = Self {
            protocol,
            tls: (protocol.uses_tls())
                .then(|| tls::from_properties(properties, &mut warnings))
                .transpose()?,
            login,
            client_id: value(properties, "client.id").unwrap_or("scramtoken").to_owned(),
            setup_timeout: ms("socket.connection.setup.timeout.ms", 10_000)?,
            request_timeout: ms("request.timeout.ms", 30_000)?,
            api_timeout: ms("default.api.timeout.ms", 60_000)?,
            retries: number(properties, "retries", i32::MAX.unsigned_abs())?,
            backoff: ms("retry.backoff.ms", 100)?,
            backoff_max: ms("retry.backoff.max.ms", 1000)?,
        };
        Ok((config, warnings))
    }

    /// `security.protocol`.
    pub(crate) fn protocol(&self) -> SecurityProtocol {
        self.protocol
    }

    /// The same brokers in the same way, but logged in to by this credential.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` where `security.protocol` has no SASL.
    pub(crate) fn with_credential(
        &self,
        mechanism: Mechanism,
        credential: ClientCredential,
    ) -> Result<Self, Error> {
        if self.login.is_none() {
            let what = "SASL_PLAINTEXT or SASL_SSL is wanted, to log in with a token";
            return Err(invalid("security.protocol", what));
        }
        let login = Login::scram(mechanism, credential);
        Ok(Self { login: Some(login), ..self.clone() })
    }

    /// Whoever has other things to do waits no longer than this for anything, and does little else.
    pub(crate) fn impatient(self, most: Duration) -> Self {
        Self {
            // A host may have several addresses, of which the first leads nowhere.
            setup_timeout: self.setup_timeout.min(most / 3),
            request_timeout: self.request_timeout.min(most),
            api_timeout: self.api_timeout.min(most),
            ..self
        }
    }

    /// The same login, as librdkafka before 2.6.1 would do it.
    pub(crate) fn doubling_nonce(&self) -> Self {
        Self { login: self.login.clone().map(Login::doubling_nonce), ..self.clone() }
    }

    /// One try for each request.
    pub(crate) fn without_retries(self) -> Self {
        Self { retries: 0, ..self }
    }

    /// The same, but each of so many bootstrap servers gets one try.
    pub(crate) fn trying_each(self, servers: usize) -> Self {
        let retries = u32::try_from(servers.saturating_sub(1)).unwrap_or(u32::MAX);
        Self { retries, ..self }
    }

    /// The same brokers, but not logged in to.
    pub(super) fn without_login(&self) -> Self {
        Self { login: None, ..self.clone() }
    }

    /// The mechanism of its login, where that is SCRAM.
    pub(crate) fn scram_mechanism(&self) -> Option<Mechanism> {
        self.login.as_ref()?.scram_mechanism()
    }

    /// How it logs in; None without SASL.
    pub(crate) fn login(&self) -> Option<&Login> {
        self.login.as_ref()
    }
}

fn protocol(properties: &Properties) -> Result<SecurityProtocol, Error> {
    let Some(name) = value(properties, "security.protocol") else {
        return Ok(SecurityProtocol::Plaintext);
    };
    SecurityProtocol::from_name(name).ok_or_else(|| {
        let what = "it is not PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL";
        invalid("security.protocol", what)
    })
}

/// Names keys that are not heeded; refuses those that must not be ignored.
fn look_over_keys(properties: &Properties) -> Result<Vec<String>, Error> {
    let (mut irrelevant, mut unknown) = (Vec::new(), Vec::new());
    for key in properties.keys() {
        if login::heeds(properties, key)? {
            continue;
        }
        let is_provider = key.starts_with("config.providers.");
        let key_or_group = if is_provider { "config.providers" } else { key };
        if let Some(refused) = REFUSED.into_iter().find(|refused| *refused == key_or_group) {
            let what = "it runs classes of a JVM, and there is none here; remove it";
            return Err(invalid(refused, what));
        }
        if key == "bootstrap.controllers" {
            let what = "brokers are asked, not controllers; use --bootstrap-server";
            return Err(invalid(key, what));
        }
        if HEEDED.contains(&key) {
            continue;
        }
        if IRRELEVANT.contains(&key) {
            irrelevant.push(key.to_owned());
        } else if IRRELEVANT_PREFIXES.iter().any(|prefix| key.starts_with(prefix)) {
            irrelevant.push(shown_key(properties, key));
        } else {
            unknown.push(shown_key(properties, key));
        }
    }
    let mut warnings = Vec::new();
    if !unknown.is_empty() {
        warnings.push(format!("not known, so ignored: {}", unknown.join(", ")));
    }
    if !irrelevant.is_empty() {
        warnings.push(format!("of no effect here, so ignored: {}", irrelevant.join(", ")));
    }
    Ok(warnings)
}

/// A key, where it looks like one and has a value; else its line, for it may be a secret: where the
/// backslash that continues a line is missing, a piece of the JAAS line is a key.
fn shown_key(properties: &Properties, key: &str) -> String {
    let is_plain = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'_')
    };
    let has_value = value(properties, key).is_some();
    if key.contains('.') && key.bytes().all(is_plain) && has_value {
        key.to_owned()
    } else {
        format!("the key in line {}", properties.line(key).unwrap_or_default())
    }
}

const REFUSED: [&str; 7] = [
    "config.providers",
    "sasl.client.callback.handler.class",
    "sasl.login.callback.handler.class",
    "sasl.login.class",
    "security.providers",
    "ssl.engine.factory.class",
    "ssl.provider",
];

const HEEDED: [&str; 29] = [
    "bootstrap.servers", // what the command line says counts, as with Kafka's tools
    "client.id",
    "default.api.timeout.ms",
    "request.timeout.ms",
    "retries",
    "retry.backoff.max.ms",
    "retry.backoff.ms",
    "sasl.jaas.config",
    "sasl.kerberos.service.name",
    "sasl.mechanism",
    "security.protocol",
    "socket.connection.setup.timeout.ms",
    "ssl.cipher.suites",
    "ssl.enabled.protocols",
    "ssl.endpoint.identification.algorithm",
    "ssl.key.password",
    "ssl.keystore.certificate.chain",
    "ssl.keystore.key",
    "ssl.keystore.location",
    "ssl.keystore.password",
    "ssl.keystore.type",
    "ssl.protocol",
    "ssl.truststore.certificates",
    "ssl.truststore.location",
    "ssl.truststore.password",
    "ssl.truststore.type",
    // Every address of a host is tried anyway.
    "client.dns.lookup",
    // A process that asks once and ends has no use for these, and nobody wants to hear of it.
    "connections.max.idle.ms",
    "metadata.max.age.ms",
];

const IRRELEVANT: [&str; 18] = [
    "auto.include.jmx.reporter",
    "enable.metrics.push",
    "metadata.recovery.rebootstrap.trigger.ms",
    "metadata.recovery.strategy",
    "metric.reporters",
    "metrics.num.samples",
    "metrics.recording.level",
    "metrics.sample.window.ms",
    "receive.buffer.bytes",
    "reconnect.backoff.max.ms",
    "reconnect.backoff.ms",
    "sasl.login.connect.timeout.ms",
    "sasl.login.read.timeout.ms",
    "send.buffer.bytes",
    "socket.connection.setup.timeout.max.ms",
    "ssl.keymanager.algorithm",
    "ssl.secure.random.implementation",
    "ssl.trustmanager.algorithm",
];

const IRRELEVANT_PREFIXES: [&str; 5] = [
    "sasl.kerberos.",
    "sasl.login.refresh.",
    "sasl.login.retry.",
    "sasl.oauthbearer.",
    "metrics.context.",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(Config, Vec<String>), Error> {
        Config::from_properties(&Properties::parse(text.as_bytes()).unwrap(), None)
    }

    fn refused(text: &str) -> String {
        read(text).unwrap_err().text().to_owned()
    }

    const SCRAM: &str = "security.protocol=SASL_PLAINTEXT\nsasl.mechanism=SCRAM-SHA-512\n";
    const JAAS: &str = "sasl.jaas.config=a.ScramLoginModule required username=\"alice\" \
                        password=\"s3cret\";\n";

    #[test]
    fn logins() {
        assert!(read("").unwrap().0.login.is_none());
        let login = read(&format!("{SCRAM}{JAAS}")).unwrap().0.login.unwrap();
        assert_eq!((login.mechanism(), login.name()), ("SCRAM-SHA-512", "alice"));
        assert!(!login.is_token());
        assert!(!format!("{login:?}").contains("s3cret"));
        let token = JAAS.replace(';', " tokenauth=true;");
        assert!(read(&format!("{SCRAM}{token}")).unwrap().0.login.unwrap().is_token());
        let plain = format!("{SCRAM}{JAAS}").replace("SCRAM-SHA-512", "PLAIN");
        let plain = plain.replace("ScramLogin", "PlainLogin");
        assert_eq!(read(&plain).unwrap().0.login.unwrap().mechanism(), "PLAIN");
    }

    #[test]
    fn logins_by_kerberos() {
        let read = |text: &str| {
            let sasl = "security.protocol=SASL_SSL\nsasl.kerberos.service.name=kafka\n";
            super::tests::read(&format!("{sasl}{text}"))
        };
        let jaas = "sasl.jaas.config=com.sun.security.auth.module.Krb5LoginModule required ";
        let tickets = format!("{jaas}useTicketCache=true principal=\"alice@A\";");
        for (text, name) in [("", ""), ("sasl.mechanism=GSSAPI", ""), (&tickets, "alice@A")] {
            let (config, warnings) = read(text).unwrap();
            let login = config.login.unwrap();
            assert_eq!((login.mechanism(), login.name()), ("GSSAPI", name));
            assert!(!login.is_token() && login.is_mutual());
            assert!(config.protocol.uses_tls() && warnings.is_empty());
        }
        let unread = read(&format!("{jaas}useKeyTab=true keyTab=\"/no/k\" principal=alice;"));
        let error = unread.unwrap_err();
        assert_eq!(error.status(), crate::status::Status::CORRUPT);
        assert!(error.text().starts_with("sasl.jaas.config: keyTab: /no/k: "), "{error}");
    }

    #[test]
    fn what_goes_out_in_clear_text_is_told() {
        let scram = format!("{SCRAM}{JAAS}");
        let plain = scram.replace("SCRAM-SHA-512", "PLAIN").replace("ScramLogin", "PlainLogin");
        let bearer = "security.protocol=SASL_PLAINTEXT\nsasl.mechanism=OAUTHBEARER\n\
                      sasl.oauthbearer.token.endpoint.url=file:/no/such/file\n\
                      sasl.jaas.config=a.OAuthBearerLoginModule required;\n";
        let told = |text: &str| read(text).unwrap().1;
        assert!(told(&scram).is_empty());
        for (text, what) in
            [(plain.as_str(), "PLAIN sends the password"), (bearer, "OAUTHBEARER sends the access")]
        {
            assert!(told(text)[0].contains(what), "{text}");
            assert!(told(&text.replace("SASL_PLAINTEXT", "SASL_SSL")).is_empty(), "{text}");
        }
        // Of the other mechanisms' properties nothing is heeded.
        let scram = format!("{scram}\nsasl.oauthbearer.scope=a\nsasl.login.read.timeout.ms=1\n");
        assert!(told(&scram)[0].starts_with("of no effect here, so ignored: sasl.login.read"));
    }

    #[test]
    fn a_credential_takes_the_place_of_the_jaas_line() {
        let read = |text: &str| {
            let credential = ClientCredential::token(b"id", b"aG1hYw==").unwrap();
            Config::from_properties(&Properties::parse(text.as_bytes()).unwrap(), Some(credential))
        };
        let login = read(SCRAM).unwrap().0.login.unwrap();
        assert_eq!((login.name(), login.is_token()), ("id", true));
        assert!(read("").unwrap_err().text().contains("security.protocol"));
        let plain = read(&SCRAM.replace("SCRAM-SHA-512", "PLAIN")).unwrap_err();
        assert!(plain.text().contains("sasl.mechanism"), "{plain}");
    }

    #[test]
    fn what_cannot_be_honoured_is_named() {
        for (text, why) in [
            ("security.protocol=TLS", "security.protocol: it is not PLAINTEXT"),
            ("security.protocol=SASL_PLAINTEXT", "sasl.mechanism is GSSAPI, Kerberos, where"),
            ("security.protocol=SASL_PLAINTEXT\nsasl.mechanism=X", "PLAIN or OAUTHBEARER"),
            (SCRAM, "sasl.jaas.config: it is missing"),
            ("ssl.engine.factory.class=X", "ssl.engine.factory.class: it runs classes"),
            ("config.providers.file.class=X", "config.providers: it runs classes"),
            ("bootstrap.controllers=h:1", "--bootstrap-server"),
            ("retries=-1", "retries: it is not a whole number"),
            ("request.timeout.ms=soon", "request.timeout.ms: it is not a whole number"),
        ] {
            let said = refused(text);
            assert!(said.contains(why), "{text}: {said}");
        }
        let said = refused(&format!("{SCRAM}{JAAS}").replace("SCRAM-SHA-512", "PLAIN"));
        assert!(said.contains("wants PlainLoginModule"), "{said}");
        assert!(!said.contains("s3cret"), "{said}");
    }

    #[test]
    fn what_may_be_a_secret_is_not_named() {
        let broken = "sasl.jaas.config=a.ScramLoginModule required \\\n  username=\"alice\"\n  \
                      password=\"s3cret\";\ns3cret\nx.s3cret\nS3cret=x\nS3cret.x=y\n";
        let (_, warnings) = read(broken).unwrap();
        let lines = ["3", "4", "5", "6", "7"].map(|line| format!("the key in line {line}"));
        let mut named: Vec<&str> = warnings[0].rsplit(": ").next().unwrap().split(", ").collect();
        named.sort_unstable();
        assert_eq!(named, lines);
        // A backslash at the end of a line makes the next one part of the value.
        for key in [
            "security.protocol",
            "request.timeout.ms",
            "retries",
            "security.protocol=SASL_SSL\nsasl.mechanism",
            "security.protocol=SSL\nssl.endpoint.identification.algorithm",
            "security.protocol=SSL\nssl.protocol",
            "security.protocol=SSL\nssl.enabled.protocols",
            "security.protocol=SSL\nssl.cipher.suites",
        ] {
            let said = refused(&format!("{key}=\\\nssl.keystore.password=s3cret\n"));
            assert!(said.contains(": it ") || said.contains("none of its"), "{said}");
            assert!(!said.contains("s3cret"), "{said}");
        }
    }

    #[test]
    fn ignored_keys_are_named_without_their_values() {
        let (_, warnings) = read("group.id=x\nmetric.reporters=y\nsasl.kerberos.a=z").unwrap();
        assert_eq!(
            warnings,
            [
                "not known, so ignored: group.id",
                "of no effect here, so ignored: metric.reporters, sasl.kerberos.a"
            ]
        );
    }
}
