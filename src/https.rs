//! Requests over HTTPS: whoever asks has an end, and gets an answer of bounded length.

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use ureq::http::Response;
use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};
use ureq::{Agent, Body};
use zeroize::Zeroizing;

use crate::audit::loggable;
use crate::tls;

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
    authorities: &[CertificateDer<'_>],
    plain_http: PlainHttp,
    limits: Limits,
    user_agent: &'static str,
) -> Agent {
    let roots: Vec<_> =
        authorities.iter().map(|der| Certificate::from_der(der).to_owned()).collect();
    let tls = TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .unversioned_rustls_crypto_provider(Arc::new(tls::provider()))
        .root_certs(RootCerts::new_with_certs(&roots))
        .build();
    Agent::config_builder()
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
        .build()
        .new_agent()
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
        ureq::Error::Rustls(error) => explain(error),
        ureq::Error::Io(error) => match tls_error(error) {
            Some(error) => explain(error),
            None => loggable(&error.to_string()),
        },
        // None of the others has a word of what was sent or received.
        other => loggable(&other.to_string()),
    }
}

/// rustls passes its errors through those of input and output.
fn tls_error(error: &std::io::Error) -> Option<&rustls::Error> {
    let inner = error.get_ref()?;
    inner.downcast_ref().or_else(|| inner.source()?.downcast_ref())
}
