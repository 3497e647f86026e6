//! Servers with the same names, looked up in each way that there is, and logins that they refuse.

use std::ffi::{CStr, CString, c_char, c_void};
use std::time::{Duration, Instant};
use std::{ptr, slice};

use scramtoken::ffi::*;
use tempfile::TempDir;

use crate::abi::{Credential, Server, ServerConfig, Store};
use crate::welch::Random;

pub(crate) const MECHANISMS: [&CStr; 2] = [c"SCRAM-SHA-256", c"SCRAM-SHA-512"];
const SALT: &[u8] = b"sixteen bytes...";
/// So many names of each.
const NAMES: usize = 64;
const OWNER: &[u8] = b"alice";

/// What the client asks to be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    User,
    Token,
    /// As a user, where the listener has implicit tokens.
    Either,
}

/// Whose names.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    User,
    /// Users of the other mechanism alone.
    UserOfTheOther,
    Token,
    ExpiredToken,
    /// Tokens of a secret key that was removed.
    RemovedToken,
    /// No names of users.
    Nobody,
    /// No ids of tokens.
    NoToken,
}

impl Asked {
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::User => "as a user",
            Self::Token => "as a token",
            Self::Either => "as either",
        }
    }
}

impl Who {
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::User => "a user",
            Self::UserOfTheOther => "a user of the other mechanism",
            Self::Token => "a token",
            Self::ExpiredToken => "an expired token",
            Self::RemovedToken => "a token of a removed key",
            Self::Nobody => "nobody",
            Self::NoToken => "no token",
        }
    }
}

/// One mechanism, with one way to look names up.
pub(crate) struct Listener {
    pub(crate) name: &'static str,
    mechanism: &'static CStr,
    explicit: ServerConfig,
    implicit: ServerConfig,
    names: Names,
    credential: Box<Credential>,
    _store: Option<(Store, TempDir)>,
}

/// Names that are told apart by their first letter in a lookup of our own.
struct Names([Vec<String>; 7]);

impl Listener {
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let ways = ["suspended", "callback", "memory", "lmdb"];
        ways.into_iter().flat_map(|name| MECHANISMS.map(|mechanism| Self::new(name, mechanism)))
    }

    fn new(name: &'static str, mechanism: &'static CStr) -> Self {
        let [mut explicit, mut implicit] = [ServerConfig::new(), ServerConfig::new()];
        let credential = Box::new(Credential::derive(mechanism, b"pencil", SALT, 4096));
        let mut names = Names::new();
        let mut kept = None;
        match name {
            "suspended" => {}
            "callback" => {
                for config in [&explicit, &implicit] {
                    let userdata = ptr::from_ref(&*credential).cast_mut().cast();
                    // SAFETY: the credential lives as long as the config, in the same struct.
                    unsafe {
                        scramtoken_server_config_set_lookup(config.0, Some(look_up), userdata, None)
                    };
                }
            }
            _ => {
                let directory = tempfile::tempdir().unwrap();
                let path = directory.path().join("store");
                let uri = if name == "memory" {
                    "memory:".to_owned()
                } else {
                    format!("lmdb:{}", path.display())
                };
                let store = Store::open(&CString::new(uri).unwrap());
                names.fill(&store, mechanism, &credential);
                explicit.set_store(&store);
                implicit.set_store(&store);
                kept = Some((store, directory));
            }
        }
        // SAFETY: the config lives.
        unsafe { scramtoken_server_config_set_implicit_tokens(implicit.0, true) };
        Self { name, mechanism, explicit, implicit, names, credential, _store: kept }
    }

    pub(crate) fn mechanism_name(&self) -> &str {
        self.mechanism.to_str().unwrap()
    }

    /// A login with a wrong proof: how long the challenge took, and the refusal.
    pub(crate) fn refuse(
        &self,
        asked: Asked,
        who: Who,
        random: &mut Random,
    ) -> (Duration, Duration) {
        let names = &self.names.0[who as usize];
        let name = &names[random.below(names.len())];
        let extension = if asked == Asked::Token { ",tokenauth=true" } else { "" };
        let client_first = format!("n,,n={name},r=abcdefgh{extension}");
        let config = if asked == Asked::Either { &self.implicit } else { &self.explicit };

        let begin = Instant::now();
        let mut server = Server::new(config, self.mechanism);
        let (mut status, mut challenge) = server.step(client_first.as_bytes());
        if status == SCRAMTOKEN_NEED_CREDENTIAL {
            self.supply(&mut server);
            (status, challenge) = server.step(b"");
        }
        let first = begin.elapsed();
        assert_eq!(status, SCRAMTOKEN_CONTINUE);
        let challenge = std::str::from_utf8(challenge.unwrap()).unwrap();
        let (nonce, _) = challenge.split_once(',').unwrap();
        let proof = if self.mechanism == MECHANISMS[0] { 32 } else { 64 };
        let proof = "A".repeat(proof * 4 / 3) + if proof == 32 { "A=" } else { "A==" };
        let client_final = format!("c=biws,{nonce},p={proof}");
        let begin = Instant::now();
        let (status, refusal) = server.step(client_final.as_bytes());
        let last = begin.elapsed();
        assert!(status < 0 && refusal == Some(b"e=invalid-proof"));
        (first, last)
    }

    fn supply(&self, server: &mut Server) {
        let (name, kind) = server.identity().unwrap();
        let status = match found(name, kind) {
            Found::User => server.supply_user(&self.credential),
            Found::Token(expiry_ms) => server.supply_token(&self.credential, OWNER, expiry_ms),
            Found::Nobody => server.supply_unknown(),
        };
        assert_eq!(status, SCRAMTOKEN_OK);
    }
}

impl Names {
    /// 22 letters each: ids of tokens have as many.
    fn new() -> Self {
        let name = |who: usize, number: usize| {
            let letter = char::from(b"uotxrnk"[who]);
            // Users' names have not the form of a token's id.
            let mark = if matches!(letter, 'u' | 'o' | 'n') { '.' } else { '-' };
            format!("{letter}{mark}{number:020}")
        };
        Self(std::array::from_fn(|who| (0..NAMES).map(|number| name(who, number)).collect()))
    }

    /// Puts the users and makes the tokens, whose ids are then the names.
    fn fill(&mut self, store: &Store, mechanism: &CStr, credential: &Credential) {
        let other = if mechanism == MECHANISMS[0] { MECHANISMS[1] } else { MECHANISMS[0] };
        let others = Credential::derive(other, b"pencil", SALT, 4096);
        for name in &self.0[Who::User as usize] {
            store.put_credential(mechanism, name.as_bytes(), credential);
        }
        for name in &self.0[Who::UserOfTheOther as usize] {
            store.put_credential(other, name.as_bytes(), &others);
        }
        let manager = Manager::new(store);
        manager.add_secret_key(c"removed");
        self.0[Who::RemovedToken as usize] = (0..NAMES).map(|_| manager.create(-1)).collect();
        manager.replace_secret_key(c"removed", c"second");
        self.0[Who::Token as usize] = (0..NAMES).map(|_| manager.create(-1)).collect();
        self.0[Who::ExpiredToken as usize] = (0..NAMES).map(|_| manager.create(1)).collect();
        // From another store, so that they are like real ones.
        let elsewhere = Store::open(c"memory:");
        let manager = Manager::new(&elsewhere);
        manager.add_secret_key(c"elsewhere");
        self.0[Who::NoToken as usize] = (0..NAMES).map(|_| manager.create(-1)).collect();
    }
}

enum Found {
    User,
    Token(i64),
    Nobody,
}

/// What a host's own lookup would do.
fn found(name: &[u8], kind: i32) -> Found {
    match (name[0], kind) {
        (b'u', SCRAMTOKEN_IDENTITY_USER | SCRAMTOKEN_IDENTITY_EITHER) => Found::User,
        (b't', SCRAMTOKEN_IDENTITY_TOKEN | SCRAMTOKEN_IDENTITY_EITHER) => Found::Token(-1),
        (b'x', SCRAMTOKEN_IDENTITY_TOKEN | SCRAMTOKEN_IDENTITY_EITHER) => Found::Token(1),
        _ => Found::Nobody,
    }
}

unsafe extern "C" fn look_up(
    userdata: *mut c_void,
    _mechanism: *const c_char,
    name: *const u8,
    name_len: usize,
    kind: i32,
    reply: *mut scramtoken_lookup_reply,
) -> scramtoken_status {
    // SAFETY: the name is valid within the callback, userdata is the credential that was set.
    unsafe {
        let credential = (*userdata.cast::<Credential>()).to_c();
        match found(slice::from_raw_parts(name, name_len), kind) {
            Found::User => scramtoken_lookup_reply_user(reply, &raw const credential),
            Found::Token(expiry_ms) => scramtoken_lookup_reply_token(
                reply,
                &raw const credential,
                OWNER.as_ptr(),
                OWNER.len(),
                expiry_ms,
            ),
            Found::Nobody => scramtoken_lookup_reply_unknown(reply),
        }
    }
}

/// A token manager, as C has it.
struct Manager(*mut scramtoken_token_manager);

impl Manager {
    fn new(store: &Store) -> Self {
        let mut manager = ptr::null_mut();
        // SAFETY: the store lives, the manager may be written.
        succeed(unsafe { scramtoken_token_manager_new(store.0, &raw mut manager) });
        Self(manager)
    }

    fn add_secret_key(&self, name: &CStr) {
        let secret = [name.to_bytes(), b" sixteen bytes or more"].concat();
        // SAFETY: the manager lives, and so do name and secret.
        succeed(unsafe {
            scramtoken_token_manager_add_secret_key(
                self.0,
                name.as_ptr(),
                secret.as_ptr(),
                secret.len(),
            )
        });
    }

    fn replace_secret_key(&self, old: &CStr, new: &CStr) {
        self.add_secret_key(new);
        // SAFETY: the manager lives, and so do the names.
        unsafe {
            succeed(scramtoken_token_manager_set_signing_key(self.0, new.as_ptr()));
            succeed(scramtoken_token_manager_remove_secret_key(
                self.0,
                old.as_ptr(),
                ptr::null_mut(),
            ));
        }
    }

    /// The id of a new token.
    fn create(&self, max_lifetime_ms: i64) -> String {
        let mut token = ptr::null_mut();
        // SAFETY: the manager lives, the token may be written and is freed once.
        unsafe {
            succeed(scramtoken_token_create(
                self.0,
                c"User:alice".as_ptr(),
                SCRAMTOKEN_IDENTITY_USER,
                ptr::null(),
                ptr::null(),
                0,
                max_lifetime_ms,
                &raw mut token,
            ));
            let id = CStr::from_ptr(scramtoken_token_id(token)).to_str().unwrap().to_owned();
            scramtoken_token_free(token);
            id
        }
    }
}

impl Drop for Manager {
    fn drop(&mut self) {
        // SAFETY: the manager is freed once.
        unsafe { scramtoken_token_manager_free(self.0) };
    }
}

fn succeed(status: scramtoken_status) {
    assert_eq!(status, SCRAMTOKEN_OK);
}
