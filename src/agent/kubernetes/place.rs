//! Where a Secret is, and how its API server is reached: as told, or as a pod finds it.

use core::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ureq::http::Uri;

use crate::files::read_public;

/// What the table `[kubernetes]` of the configuration says.
#[derive(Clone, Default, Debug)]
pub(in crate::agent) struct Given {
    pub(in crate::agent) api_server: Option<String>,
    pub(in crate::agent) ca: Option<PathBuf>,
    pub(in crate::agent) token_file: Option<PathBuf>,
    pub(in crate::agent) namespace: Option<String>,
}

/// An API server, and who we are for it.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Api {
    /// `https://host:port`, perhaps with a path, without a slash at its end.
    pub(super) server: String,
    pub(super) ca: PathBuf,
    pub(super) token_file: PathBuf,
}

/// One Secret by its name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::agent) struct Secret {
    pub(super) api: Arc<Api>,
    pub(super) namespace: String,
    pub(super) name: String,
}

impl Given {
    /// A Secret in this namespace, or in the one that the configuration or the pod names.
    ///
    /// # Errors
    ///
    /// A sentence.
    pub(in crate::agent) fn secret(
        &self,
        name: String,
        namespace: Option<String>,
    ) -> Result<Secret, String> {
        if !is_name(&name, 253, true) {
            return Err(format!(
                "{name:?} is no name of a Secret: use small letters, digits and -"
            ));
        }
        let api = Api {
            server: self.server()?,
            ca: self.ca.clone().unwrap_or_else(|| in_pod("ca.crt")),
            token_file: self.token_file.clone().unwrap_or_else(|| in_pod("token")),
        };
        let namespace = match namespace.or_else(|| self.namespace.clone()) {
            Some(namespace) => namespace,
            None => own_namespace()?,
        };
        Ok(Secret { api: Arc::new(api), namespace, name })
    }

    fn server(&self) -> Result<String, String> {
        if let Some(server) = &self.api_server {
            return Ok(server.clone());
        }
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        match (variable("KUBERNETES_SERVICE_HOST"), variable("KUBERNETES_SERVICE_PORT")) {
            (Some(host), Some(port)) if host.contains(':') => {
                Ok(format!("https://[{host}]:{port}"))
            }
            (Some(host), Some(port)) => Ok(format!("https://{host}:{port}")),
            _ => Err("no API server is known, for this is no pod (KUBERNETES_SERVICE_HOST and \
                      KUBERNETES_SERVICE_PORT are not set): add [kubernetes] with api_server = \
                      \"https://10.0.0.1:6443\", ca, token_file and namespace"
                .to_owned()),
        }
    }
}

/// The address of an API server as people write it.
///
/// # Errors
///
/// A sentence.
pub(in crate::agent) fn check_server(text: &str) -> Result<String, String> {
    let is_right = text.parse::<Uri>().is_ok_and(|uri| {
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        uri.scheme_str() == Some("https")
            && !authority.is_empty()
            && !authority.contains('@')
            && uri.query().is_none()
    });
    if is_right && !text.contains('#') {
        return Ok(text.trim_end_matches('/').to_owned());
    }
    Err(format!("{text:?} is no address of an API server: write it as \"https://10.0.0.1:6443\""))
}

/// A namespace as people write it.
///
/// # Errors
///
/// A sentence.
pub(in crate::agent) fn check_namespace(text: &str) -> Result<(), String> {
    if is_name(text, 63, false) {
        return Ok(());
    }
    Err(format!("{text:?} is no namespace: use small letters, digits and -"))
}

/// A key of a Secret's data.
///
/// # Errors
///
/// A sentence.
pub(in crate::agent) fn check_key(text: &str) -> Result<(), String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let is_path = text == "." || text.starts_with("..");
    if !text.is_empty() && text.len() <= 253 && text.bytes().all(is_plain) && !is_path {
        return Ok(());
    }
    Err(format!("{text:?} is no key of a Secret: use letters, digits, -, _ and ."))
}

/// RFC 1123's labels, one or several.
fn is_name(text: &str, most: usize, with_dots: bool) -> bool {
    let is_label = |label: &str| {
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        label.bytes().all(|byte| is_plain(byte) || byte == b'-')
            && label.bytes().next().is_some_and(is_plain)
            && label.bytes().last().is_some_and(is_plain)
    };
    text.len() <= most && text.split('.').all(is_label) && (with_dots || !text.contains('.'))
}

fn own_namespace() -> Result<String, String> {
    let path = in_pod("namespace");
    let bytes = read_public(&path, MAX_NAMESPACE)
        .map_err(|error| format!("{error}: name the namespace, as namespace = \"jobs\""))?;
    let text = String::from_utf8_lossy(&bytes).trim().to_owned();
    check_namespace(&text).map_err(|why| format!("{}: {why}", path.display()))?;
    Ok(text)
}

fn in_pod(file: &str) -> PathBuf {
    Path::new("/var/run/secrets/kubernetes.io/serviceaccount").join(file)
}

impl Secret {
    /// The namespace and the name, for a place that is written by one alone.
    pub(in crate::agent) fn key(&self, key: &str) -> String {
        format!("the key {key} of the Secret {self}")
    }
}

impl fmt::Display for Secret {
    /// `namespace/name`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

const MAX_NAMESPACE: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers() {
        for (text, expected) in [
            ("https://10.0.0.1:6443", Some("https://10.0.0.1:6443")),
            ("https://api.example/", Some("https://api.example")),
            ("https://[fd00::1]:443", Some("https://[fd00::1]:443")),
            ("https://rancher/k8s/clusters/c-1", Some("https://rancher/k8s/clusters/c-1")),
            ("http://10.0.0.1:8001", None),
            ("https://user:pass@10.0.0.1", None),
            ("https://10.0.0.1?x", None),
            ("https://10.0.0.1/#x", None),
            ("10.0.0.1:6443", None),
            ("https://", None),
            ("https://a b", None),
        ] {
            assert_eq!(check_server(text).ok().as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn names() {
        for name in ["a", "kafka-token", "a.b", "1"] {
            assert!(is_name(name, 253, true), "{name}");
        }
        for name in ["", "-a", "a-", "A", "a_b", "a/b", "../a", "a..b", ".", "a%2f"] {
            assert!(!is_name(name, 253, true), "{name}");
        }
        assert!(check_namespace("a.b").is_err());
        for (key, is_right) in
            [("token.json", true), ("a_B-1", true), ("..", false), ("..a", false), ("a/b", false)]
        {
            assert_eq!(check_key(key).is_ok(), is_right, "{key}");
        }
    }
}
