//! What the agent must remember of the tokens that it has made: one text, replaced as a whole, in a file or
//! in a Secret of Kubernetes.

mod file;
mod secret;

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use zeroize::Zeroizing;

use self::file::JournalFile;
use self::secret::JournalSecret;
use super::clock::SavedClock;
use super::config::{Asked, JournalPlace};
use super::life::{Held, Life, Retired};
use crate::token::Token;
use crate::{error::Error, random};

/// The keys that a journal has in a Secret.
pub(super) const SECRET_KEYS: [&str; 2] = [secret::KEY, secret::MARK_KEY];

/// Where it is kept; this process is the only writer.
#[derive(Debug)]
pub(super) enum Journal {
    File(JournalFile),
    Secret(JournalSecret),
}

/// What it holds.
#[derive(Default, Debug)]
pub(super) struct Contents {
    pub(super) clock: Option<SavedClock>,
    pub(super) tokens: BTreeMap<String, Entry>,
}

/// One token by its name.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) asked: Asked,
    pub(super) current: Option<Held>,
    pub(super) successor: Option<Held>,
    pub(super) retired: Vec<Retired>,
    /// Of which token and expiry commands and signals have told.
    pub(super) announced: Option<(String, i64)>,
}

impl Entry {
    pub(super) fn of(life: &Life, asked: &Asked, announced: Option<&(String, i64)>) -> Self {
        Self {
            asked: asked.clone(),
            current: life.current().cloned(),
            successor: life.successor().cloned(),
            retired: life.retired().to_vec(),
            announced: announced.cloned(),
        }
    }

    /// Whether some of its tokens may still log in.
    pub(super) fn is_alive(&self, broker_ms: i64) -> bool {
        let retired = self.retired.iter().map(|retired| &retired.held);
        let mut all = self.current.iter().chain(&self.successor).chain(retired);
        all.any(|held| held.expiry_ms() > broker_ms)
    }
}

impl Journal {
    /// Opens the journal, which may not be there yet.
    ///
    /// # Errors
    ///
    /// `IO` (of a Secret it may pass), `PERMISSIONS`; `INVALID_STATE` while another agent has it;
    /// `CORRUPT`.
    pub(super) fn open(place: &JournalPlace) -> Result<(Self, Contents), Error> {
        let (mut journal, contents) = match place {
            JournalPlace::File(path) => {
                let (file, contents) = JournalFile::open(path)?;
                (Self::File(file), contents)
            }
            JournalPlace::Secret(secret) => {
                let (secret, contents) = JournalSecret::open(secret)?;
                (Self::Secret(secret), contents)
            }
        };
        // What can be refused is refused before a token is made.
        journal.write(&contents)?;
        Ok((journal, contents))
    }

    /// Replaces what it holds.
    ///
    /// # Errors
    ///
    /// `IO`, `PERMISSIONS`; `INVALID_STATE` where another agent has taken a Secret over.
    pub(super) fn write(&mut self, contents: &Contents) -> Result<(), Error> {
        let text = text(contents);
        match self {
            Self::File(file) => file.write(text.as_bytes()),
            Self::Secret(secret) => secret.write(text.as_bytes()),
        }
    }

    /// Whether writing it may take as long as a request.
    pub(super) fn is_remote(&self) -> bool {
        matches!(self, Self::Secret(_))
    }
}

fn text(contents: &Contents) -> Zeroizing<String> {
    // Whole from the beginning, again.
    let mut text = Zeroizing::new(String::with_capacity(256 + 2560 * contents.tokens.len()));
    text.push_str(&format!("{{\"version\":{VERSION}"));
    if let Some(SavedClock { boot, offset_ms }) = &contents.clock {
        let boot = quoted(boot);
        text.push_str(&format!(",\"clock\":{{\"boot\":{boot},\"offset_ms\":{offset_ms}}}"));
    }
    text.push_str(",\"tokens\":{");
    for (index, (name, entry)) in contents.tokens.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        text.push_str(&format!("{comma}\n{}:{{\"asked\":{}", quoted(name), asked(&entry.asked)));
        for (key, held) in [("current", &entry.current), ("successor", &entry.successor)] {
            if let Some(held) = held {
                text.push_str(&format!(",\"{key}\":"));
                push_held(&mut text, held, None);
            }
        }
        text.push_str(",\"retired\":[");
        for (index, retired) in entry.retired.iter().enumerate() {
            text.push_str(if index == 0 { "" } else { "," });
            push_held(&mut text, &retired.held, retired.end_ms);
        }
        text.push(']');
        if let Some((id, expiry_ms)) = &entry.announced {
            let id = quoted(id);
            text.push_str(&format!(",\"announced\":[{id},{expiry_ms}]"));
        }
        text.push('}');
    }
    text.push_str("}}\n");
    text
}

fn asked(asked: &Asked) -> String {
    serde_json::json!({
        "owner": asked.owner.as_ref().map(ToString::to_string),
        "renewers": asked.renewers.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "max_lifetime_ms": asked.max_lifetime_ms,
    })
    .to_string()
}

fn push_held(text: &mut String, held: &Held, end_ms: Option<i64>) {
    let Held { token, granted_ms, period_ms, .. } = held;
    let number = |value: Option<i64>| value.map_or("null".to_owned(), |value| value.to_string());
    text.push_str("{\"token_id\":");
    text.push_str(&quoted(&token.id));
    // Base64, or at least printable: see Token. Only quotes and backslashes need care.
    text.push_str(",\"hmac\":\"");
    for character in token.hmac_text().chars() {
        if matches!(character, '"' | '\\') {
            text.push('\\');
        }
        text.push(character);
    }
    text.push_str("\",\"owner\":");
    text.push_str(&token.owner.as_deref().map_or("null".to_owned(), quoted));
    text.push_str(&format!(
        ",\"issue_timestamp_ms\":{},\"expiry_timestamp_ms\":{},\"max_timestamp_ms\":{},\
         \"granted_ms\":{granted_ms},\"period_ms\":{period_ms},\"end_ms\":{}}}",
        number(token.issue_ms),
        number(token.expiry_ms),
        number(token.max_ms),
        number(end_ms),
    ));
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Values stay text in the one buffer that is wiped.
type Object<'a> = BTreeMap<String, &'a RawValue>;

fn parse(text: &str) -> Option<Contents> {
    let object: Object<'_> = serde_json::from_str(text).ok()?;
    if get::<u32>(&object, "version")? != VERSION {
        return None;
    }
    let clock = match object.get("clock") {
        None => None,
        Some(raw) => {
            let clock: Object<'_> = serde_json::from_str(raw.get()).ok()?;
            let (boot, offset_ms) = (get(&clock, "boot")?, get(&clock, "offset_ms")?);
            Some(SavedClock { boot, offset_ms })
        }
    };
    let entries: Object<'_> = serde_json::from_str(object.get("tokens")?.get()).ok()?;
    let tokens = entries.into_iter().map(|(name, raw)| Some((name, entry(raw.get())?)));
    Some(Contents { clock, tokens: tokens.collect::<Option<_>>()? })
}

fn entry(text: &str) -> Option<Entry> {
    let object: Object<'_> = serde_json::from_str(text).ok()?;
    let asked: Object<'_> = serde_json::from_str(object.get("asked")?.get()).ok()?;
    let owner = get::<Option<String>>(&asked, "owner")?;
    let renewers = get::<Vec<String>>(&asked, "renewers")?;
    let asked = Asked {
        owner: owner.map(|owner| owner.parse()).transpose().ok()?,
        renewers: renewers.iter().map(|text| text.parse()).collect::<Result<_, _>>().ok()?,
        max_lifetime_ms: get(&asked, "max_lifetime_ms")?,
    };
    let one = |key: &str| match object.get(key) {
        None => Some(None),
        Some(raw) => held(raw.get()).map(|(held, _)| Some(held)),
    };
    let retired: Vec<&RawValue> = serde_json::from_str(object.get("retired")?.get()).ok()?;
    let retired = retired.into_iter().map(|raw| {
        let (held, end_ms) = held(raw.get())?;
        Some(Retired::new(held, end_ms))
    });
    let announced = match object.get("announced") {
        None => None,
        Some(raw) => Some(serde_json::from_str(raw.get()).ok()?),
    };
    Some(Entry {
        asked,
        current: one("current")?,
        successor: one("successor")?,
        retired: retired.collect::<Option<_>>()?,
        announced,
    })
}

fn held(text: &str) -> Option<(Held, Option<i64>)> {
    let object: Object<'_> = serde_json::from_str(text).ok()?;
    let id: String = get(&object, "token_id")?;
    let hmac = Zeroizing::new(get::<String>(&object, "hmac")?);
    let mut token = Token::new(id.as_bytes(), hmac.as_bytes()).ok()?;
    token.owner = get(&object, "owner")?;
    token.issue_ms = get(&object, "issue_timestamp_ms")?;
    token.expiry_ms = get(&object, "expiry_timestamp_ms")?;
    token.max_ms = get(&object, "max_timestamp_ms")?;
    let (granted_ms, period_ms) = (get(&object, "granted_ms")?, get(&object, "period_ms")?);
    let jitter = u32::from_ne_bytes(random::bytes().ok()?);
    Some((Held::new(token, granted_ms, period_ms, jitter), get(&object, "end_ms")?))
}

fn get<'a, T: serde::Deserialize<'a>>(object: &Object<'a>, key: &str) -> Option<T> {
    serde_json::from_str(object.get(key)?.get()).ok()
}

const VERSION: u32 = 1;

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use super::*;
    use crate::files::write_secret_file;
    use crate::status::Status;

    fn open(path: &Path) -> Result<(Journal, Contents), Error> {
        Journal::open(&JournalPlace::File(path.to_owned()))
    }

    fn contents() -> Contents {
        let held = |id: &str, hmac: &str| {
            let mut token = Token::new(id.as_bytes(), hmac.as_bytes()).unwrap();
            (token.issue_ms, token.expiry_ms, token.max_ms) = (Some(1), Some(-2), None);
            token.owner = Some("User:\"\\\u{e9}".to_owned());
            Held::new(token, 5, 6, 0)
        };
        let entry = Entry {
            asked: Asked {
                owner: Some("User:\"a".parse().unwrap()),
                renewers: vec!["User:b".parse().unwrap()],
                max_lifetime_ms: -1,
            },
            current: Some(held("a", "aG1hYw==")),
            successor: Some(held("b", "\"\\s3cret")),
            retired: vec![
                Retired::new(held("c", "c"), None),
                Retired::new(held("d", "d"), Some(7)),
            ],
            announced: Some(("a".to_owned(), 8)),
        };
        let clock = Some(SavedClock { boot: "b\"oot".to_owned(), offset_ms: -3 });
        let empty = Entry {
            current: None,
            successor: None,
            retired: vec![],
            announced: None,
            ..entry.clone()
        };
        let tokens = [("x".to_owned(), entry), ("y".to_owned(), empty)];
        Contents { clock, tokens: tokens.into() }
    }

    /// Everything but the jitter.
    fn plain(held: &Held) -> (Token, i64, i64) {
        (held.token.clone(), held.granted_ms, held.period_ms)
    }

    #[test]
    fn what_is_written_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("agent.json");
        let (mut journal, empty) = open(&path).unwrap();
        assert!(empty.tokens.is_empty());
        let written = contents();
        journal.write(&written).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
        drop(journal);
        let (_, read) = open(&path).unwrap();
        assert_eq!(read.clock, written.clock);
        assert_eq!(read.tokens.len(), 2);
        for (read, written) in read.tokens.values().zip(written.tokens.values()) {
            assert_eq!((&read.asked, &read.announced), (&written.asked, &written.announced));
            assert_eq!(read.current.as_ref().map(plain), written.current.as_ref().map(plain));
            assert_eq!(read.successor.as_ref().map(plain), written.successor.as_ref().map(plain));
            let retired = |entry: &Entry| -> Vec<_> {
                entry.retired.iter().map(|one| (plain(&one.held), one.end_ms)).collect()
            };
            assert_eq!(retired(read), retired(written));
        }
    }

    #[test]
    fn a_second_agent_is_kept_off() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("agent.json");
        let first = open(&path).unwrap();
        let error = open(&path).unwrap_err();
        assert!(error.text().contains("another agent works with this journal"), "{error}");
        drop(first);
        assert!(open(&path).is_ok());
    }

    #[test]
    fn damage_is_told_and_never_a_panic() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("agent.json");
        let good = text(&contents());
        for end in 0..good.len() - 1 {
            if good.is_char_boundary(end) {
                assert!(parse(&good[..end]).is_none(), "{end}");
            }
        }
        write_secret_file(&path, b"{\"version\":2,\"tokens\":{}}").unwrap();
        let error = open(&path).unwrap_err();
        assert_eq!(error.status(), Status::CORRUPT);
        assert!(error.text().contains("move it away"), "{error}");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(open(&path).unwrap_err().status(), Status::PERMISSIONS);
    }
}
