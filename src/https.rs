//! Requests over HTTPS: whoever asks has an end, and gets an answer of bounded length.

use std::io::{self, Read};
use std::sync::Arc;
use std::time::Duration;

use ureq::config::Config;
use ureq::http::{Response, Uri};
use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, Body};
use zeroize::Zeroizing;

use crate::audit::loggable;
use crate::tls::{self, Signers};

/// How long a request may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) connect: Duration,
    pub(crate) whole: Duration,
}

/// Whether a request may leave without TLS.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum PlainHttp {
    Never,
    /// What never leaves this machine.
    ToLoopback,
}

/// Makes requests to servers whose certificates one of these has signed. Redirects are not followed, and
/// no proxy is asked: what is sent is for one server alone.
pub(crate) fn agent(
    authorities: &Signers,
    plain_http: PlainHttp,
    limits: Limits,
    user_agent: &'static str,
) -> Agent {
    let roots = authorities.certificates().iter();
    let roots: Vec<_> = roots.map(|der| Certificate::from_der(der).to_owned()).collect();
    let tls = TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .unversioned_rustls_crypto_provider(Arc::new(tls::provider()))
        .root_certs(RootCerts::new_with_certs(&roots))
        .build();
    let config = Agent::config_builder()
        .tls_config(tls)
        .https_only(plain_http == PlainHttp::Never)
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(None)
        .user_agent(user_agent)
        .timeout_connect(Some(limits.connect))
        .timeout_global(Some(limits.whole))
        .max_response_header_size(16 * 1024)
        .input_buffer_size(16 * 1024)
        .output_buffer_size(16 * 1024)
        .build();
    match plain_http {
        PlainHttp::Never => config.new_agent(),
        PlainHttp::ToLoopback => {
            Agent::with_parts(config, DefaultConnector::new(), LoopbackAlone::default())
        }
    }
}

/// Resolves no name that leads away from this machine, whatever the name is.
#[derive(Default, Debug)]
struct LoopbackAlone(DefaultResolver);

impl Resolver for LoopbackAlone {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let addresses = self.0.resolve(uri, config, timeout)?;
        match addresses.iter().find(|address| !address.ip().is_loopback()) {
            None => Ok(addresses),
            Some(elsewhere) => {
                let what = format!(
                    "http is for this machine alone, and the host's address is {}: write https",
                    elsewhere.ip()
                );
                Err(io::Error::new(io::ErrorKind::InvalidInput, what).into())
            }
        }
    }
}

/// The status code and the body, of `max` bytes at most.
pub(crate) fn whole(
    answer: Response<Body>,
    max: u64,
) -> Result<(u16, Zeroizing<String>), ureq::Error> {
    let status = answer.status().as_u16();
    let body = answer.into_body();
    let len = body.content_length().unwrap_or(max);
    if len > max {
        return Err(ureq::Error::BodyExceedsLimit(max));
    }
    // Whole from the beginning: growing would leave copies of secrets behind.
    let capacity = usize::try_from(len).unwrap_or_default() + 1;
    let mut text = Zeroizing::new(String::with_capacity(capacity));
    let mut reader = body.into_reader().take(max + 1);
    reader.read_to_string(&mut text)?;
    if text.len() as u64 > max {
        return Err(ureq::Error::BodyExceedsLimit(max));
    }
    Ok((status, text))
}

/// Why nothing came back that could be read, to stand behind the name of who was asked. `kind` is what
/// that is, such as "API server"; `explain` finds words for an error of TLS.
pub(crate) fn no_answer(
    error: &ureq::Error,
    limit: Duration,
    kind: &str,
    explain: impl FnOnce(&rustls::Error) -> String,
) -> String {
    match error {
        ureq::Error::Timeout(_) if limit.subsec_millis() == 0 => {
            format!("it does not answer within {} s", limit.as_secs())
        }
        ureq::Error::Timeout(_) => format!("it does not answer within {} ms", limit.as_millis()),
        ureq::Error::HostNotFound => "no such host is known".to_owned(),
        ureq::Error::BodyExceedsLimit(_) | ureq::Error::LargeResponseHeader(..) => {
            format!("its answer is longer than that of any {kind}")
        }
        ureq::Error::Protocol(_) => "its answer is no HTTP".to_owned(),
        ureq::Error::RequireHttpsOnly(_) | ureq::Error::BadUri(_) => {
            "its address is none that can be asked".to_owned()
        }
        other => match (tls_error(other), other) {
            (Some(error), _) => explain(error),
            (None, ureq::Error::Io(error)) => loggable(&error.to_string()),
            // What is left has no words of the address, nor of what was sent or received.
            (None, other) => loggable(&other.to_string()),
        },
    }
}

/// Whether another try may do better.
pub(crate) fn may_pass(error: &ureq::Error) -> bool {
    match error {
        ureq::Error::BodyExceedsLimit(_)
        | ureq::Error::LargeResponseHeader(..)
        | ureq::Error::RequireHttpsOnly(_)
        | ureq::Error::BadUri(_) => false,
        ureq::Error::Io(error) if error.kind() == io::ErrorKind::InvalidInput => false,
        other => !matches!(tls_error(other), Some(rustls::Error::InvalidCertificate(_))),
    }
}

/// rustls passes its errors through those of input and output.
fn tls_error(error: &ureq::Error) -> Option<&rustls::Error> {
    match error {
        ureq::Error::Rustls(error) => Some(error),
        ureq::Error::Io(error) => {
            let inner = error.get_ref()?;
            inner.downcast_ref().or_else(|| inner.source()?.downcast_ref())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_stays_on_this_machine() {
        let second = Duration::from_secs(1);
        let limits = Limits { connect: second, whole: second };
        let agent = agent(&Signers::default(), PlainHttp::ToLoopback, limits, "test");
        for (host, why) in [
            ("192.0.2.1", "the host's address is 192.0.2.1: write https"),
            ("[2001:db8::1]", "the host's address is 2001:db8::1: write https"),
            ("0.0.0.0", "the host's address is 0.0.0.0: write https"),
            // Nobody listens there.
            ("127.0.0.1", "Connection refused"),
            ("localhost", "Connection refused"),
        ] {
            let error = agent.get(format!("http://{host}:1/")).call().unwrap_err();
            let text = no_answer(&error, second, "server", |_| String::new());
            assert!(text.contains(why), "{text}");
            assert_eq!(may_pass(&error), why.starts_with("Connection"), "{text}");
        }
    }

    #[test]
    fn no_address_is_shown() {
        let second = Duration::from_secs(1);
        let limits = Limits { connect: second, whole: second };
        let agent = agent(&Signers::default(), PlainHttp::Never, limits, "test");
        for url in ["http://a.invalid/?s3cret", "s3cret", "/?s3cret", "ftp://a/?s3cret"] {
            let error = agent.get(url).call().unwrap_err();
            let text = no_answer(&error, second, "server", |_| String::new());
            assert!(!text.contains("s3cret"), "{error:?}: {text}");
        }
    }
}
