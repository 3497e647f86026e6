//! The manager over a store in memory: what the rules do not say by themselves.

use core::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use super::*;
use crate::audit::{Event, Operation};
use crate::scram::Mechanism;
use crate::store::{Store, tokens};
use crate::token::{Principal, Token};
use crate::{error::Error, random, status::Status};

const NOW: i64 = 1_700_000_000_000;
const DAY: i64 = 86_400_000;
const SECRET: &[u8] = b"a secret key of the tests";

fn store() -> Store {
    Store::open("memory:").unwrap()
}

/// Signs with a key of this name, which is also its secret; deriving takes as little as it may.
fn manager(store: &Store, key: &str) -> TokenManager {
    let mut manager = TokenManager::new(store);
    manager.set_iterations(Mechanism::ScramSha512, 0).unwrap();
    manager.add_secret_key(key, &secret(key)).unwrap();
    manager
}

fn secret(key: &str) -> Vec<u8> {
    [SECRET, key.as_bytes()].concat()
}

fn user(name: &str) -> Requester {
    Requester::new(principal(&format!("User:{name}")))
}

fn principal(text: &str) -> Principal {
    text.parse().unwrap()
}

fn create(manager: &TokenManager, requester: &str, new: NewToken) -> Result<Token, Error> {
    manager.create(&user(requester), &new, NOW, random::bytes)
}

fn for_owner(owner: &str) -> NewToken {
    NewToken { owner: Some(principal(owner)), ..NewToken::default() }
}

fn renewed_by(renewers: &[&str]) -> NewToken {
    let renewers = renewers.iter().map(|renewer| principal(renewer)).collect();
    NewToken { renewers, ..NewToken::default() }
}

fn hmac(token: &Token) -> &[u8] {
    token.hmac.as_ref().unwrap().as_bytes()
}

fn described(
    manager: &TokenManager,
    requester: &str,
    owners: Option<&[&str]>,
) -> Result<Vec<Token>, Error> {
    let owners: Option<Vec<_>> =
        owners.map(|owners| owners.iter().map(|owner| principal(owner)).collect());
    let mut tokens = Vec::new();
    manager.describe(&user(requester), owners.as_deref(), |token| {
        tokens.push(token);
        ControlFlow::Continue(())
    })?;
    Ok(tokens)
}

fn status<T>(result: Result<T, Error>) -> Status {
    result.err().unwrap().status()
}

#[test]
fn a_token_and_what_is_kept_of_it() {
    let store = store();
    let manager = manager(&store, "k");
    let token = create(&manager, "alice", renewed_by(&["User:bob"])).unwrap();
    assert_eq!(token.id.len(), 22);
    assert_eq!(hmac(&token).len(), 88);
    assert_eq!(
        (token.owner.as_deref(), token.requester.as_deref()),
        (Some("User:alice"), Some("User:alice"))
    );
    assert_eq!(token.renewers, ["User:bob"]);
    assert_eq!(
        (token.issue_ms, token.expiry_ms, token.max_ms),
        (Some(NOW), Some(NOW + DAY), Some(NOW + 7 * DAY))
    );
    assert_eq!(described(&manager, "alice", None).unwrap(), std::slice::from_ref(&token));

    let stored = store.read(|read| tokens::by_id(read, &token.id)).unwrap().unwrap();
    let [credential] = stored.credentials.as_slice() else { panic!("{stored:?}") };
    assert_eq!((credential.mechanism, credential.iterations), (Mechanism::ScramSha256, 4096));
    let keys =
        crate::StoredKeys::derive(Mechanism::ScramSha256, hmac(&token), &credential.salt, 4096);
    assert_eq!(credential.keys.stored_key(), keys.unwrap().stored_key());
}

#[test]
fn an_id_never_begins_with_a_hyphen_and_is_never_given_twice() {
    let manager = manager(&store(), "k");
    let create = |draws: &[u8]| {
        let mut draws = draws.iter().map(|draw| [*draw; TOKEN_ENTROPY]);
        let random = || Ok(draws.next().unwrap_or([0xf8; TOKEN_ENTROPY]));
        manager.create(&user("alice"), &NewToken::default(), NOW, random)
    };
    assert!(create(&[0xf8, 0xfb, 1]).unwrap().id.starts_with("AQEB"));
    assert_eq!(status(create(&[1])), Status::INTERNAL);
    assert_eq!(status(create(&[])), Status::INTERNAL);
    assert_eq!(described(&manager, "alice", None).unwrap().len(), 1);
}

#[test]
fn checks_are_made_in_kafkas_order() {
    let store = store();
    let off = TokenManager::new(&store);
    let by_token = Requester { by_token: true, ..user("alice") };
    let of_other = NewToken { renewers: vec![principal("Group:x")], ..for_owner("User:bob") };
    let of_own = renewed_by(&["User:bob", "Group:x"]);
    let made = |requester: &Requester, new: &NewToken| {
        status(off.create(requester, new, NOW, random::bytes))
    };
    assert_eq!(made(&by_token, &of_other), Status::TOKEN_REQUEST_NOT_ALLOWED);
    assert_eq!(made(&user("alice"), &of_other), Status::TOKEN_AUTHORIZATION_FAILED);
    assert_eq!(made(&user("alice"), &of_own), Status::INVALID_PRINCIPAL_TYPE);
    assert_eq!(made(&user("alice"), &NewToken::default()), Status::TOKEN_AUTH_DISABLED);
    for requester in [&by_token, &user("alice")] {
        let expected = match requester.by_token {
            true => Status::TOKEN_REQUEST_NOT_ALLOWED,
            false => Status::TOKEN_AUTH_DISABLED,
        };
        assert_eq!(status(off.renew(requester, b"", 1, NOW)), expected);
        assert_eq!(status(off.expire(requester, b"", -1, NOW)), expected);
        let described = off.describe(requester, Some(&[]), |_| ControlFlow::Continue(()));
        assert_eq!(status(described), expected);
    }
    assert_eq!(status(off.sweep(NOW)), Status::TOKEN_AUTH_DISABLED);
    let on = manager(&store, "k");
    assert_eq!(status(on.renew(&user("alice"), b"", 1, NOW)), Status::TOKEN_NOT_FOUND);
    assert_eq!(status(on.expire(&user("alice"), b"x", 1, NOW)), Status::TOKEN_NOT_FOUND);
}

#[test]
fn a_clock_before_1970_makes_no_token_that_never_ends() {
    let manager = manager(&store(), "k");
    let token = create(&manager, "alice", NewToken::default()).unwrap();
    let created = manager.create(&user("alice"), &NewToken::default(), -1, random::bytes);
    assert_eq!(status(created), Status::INVALID_STATE);
    assert_eq!(status(manager.renew(&user("alice"), hmac(&token), 1, -2)), Status::INVALID_STATE);
    assert_eq!(status(manager.expire(&user("alice"), hmac(&token), 0, -1)), Status::INVALID_STATE);
    assert_eq!(manager.sweep(-1).unwrap(), 0);
}

#[test]
fn an_owner_of_another_type_would_become_somebody_else() {
    let mut manager = manager(&store(), "k");
    manager.set_authorizer(|_| true);
    assert_eq!(
        status(create(&manager, "alice", for_owner("Group:bob"))),
        Status::INVALID_PRINCIPAL_TYPE
    );
    let group = Requester::new(principal("Group:x"));
    let created = manager.create(&group, &NewToken::default(), NOW, random::bytes);
    assert_eq!(status(created), Status::INVALID_PRINCIPAL_TYPE);
    let token = manager.create(&group, &for_owner("User:bob"), NOW, random::bytes).unwrap();
    assert_eq!(token.requester.as_deref(), Some("Group:x"));
}

#[test]
fn the_authorizer_is_asked_about_others_alone() {
    let store = store();
    let mut manager = manager(&store, "k");
    let asked = Arc::new(Mutex::new(Vec::new()));
    let asked_by = Arc::clone(&asked);
    manager.set_authorizer(move |question| {
        asked_by.lock().unwrap().push(format!("{question:?}"));
        question.owner == "User:bob"
    });
    create(&manager, "alice", NewToken::default()).unwrap();
    assert!(asked.lock().unwrap().is_empty());
    let bobs = create(&manager, "alice", for_owner("User:bob")).unwrap();
    assert_eq!(bobs.owner.as_deref(), Some("User:bob"));
    assert_eq!(
        status(create(&manager, "alice", for_owner("User:eve"))),
        Status::TOKEN_AUTHORIZATION_FAILED
    );
    assert_eq!(asked.lock().unwrap().len(), 2);
    // It was alice who asked for it, so she may see it.
    assert_eq!(described(&manager, "alice", None).unwrap().len(), 2);
    assert_eq!(asked.lock().unwrap().len(), 2);
    assert_eq!(described(&manager, "eve", None).unwrap(), [bobs]);
    assert_eq!(asked.lock().unwrap().len(), 4);
}

#[test]
fn who_sees_what() {
    let store = store();
    let manager = manager(&store, "k");
    let first =
        create(&manager, "alice", renewed_by(&["User:bob", "User:carol", "User:bob"])).unwrap();
    let second = create(&manager, "bob", NewToken::default()).unwrap();
    let ids = |requester: &str, owners: Option<&[&str]>| {
        let tokens = described(&manager, requester, owners).unwrap();
        let mut ids: Vec<String> = tokens.into_iter().map(|token| token.id).collect();
        ids.sort();
        ids
    };
    let both = {
        let mut both = [first.id.clone(), second.id.clone()];
        both.sort();
        both
    };
    assert_eq!(ids("alice", None), [first.id.as_str()]);
    assert_eq!(ids("bob", None), both);
    assert_eq!(ids("eve", None), [""; 0]);
    assert_eq!(ids("bob", Some(&[])), [""; 0]);
    // Owners stand for all that a token concerns, and each token is seen once.
    assert_eq!(ids("bob", Some(&["User:alice"])), [first.id.as_str()]);
    assert_eq!(ids("bob", Some(&["User:bob"])), both);
    assert_eq!(ids("bob", Some(&["User:carol", "User:bob", "User:alice", "User:carol"])), both);
    assert_eq!(ids("eve", Some(&["User:alice", "User:bob"])), [""; 0]);
}

#[test]
fn a_visitor_breaks_off_and_may_ask_the_manager() {
    let manager = manager(&store(), "k");
    for _ in 0..3 {
        create(&manager, "alice", NewToken::default()).unwrap();
    }
    let mut seen = 0;
    let owners = [principal("User:alice"), principal("User:bob")];
    let visit = |token: Token| {
        seen += 1;
        manager.expire(&user("alice"), hmac(&token), -1, NOW).unwrap();
        if seen == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    manager.describe(&user("alice"), Some(&owners), visit).unwrap();
    assert_eq!(seen, 2);
    assert_eq!(described(&manager, "alice", None).unwrap().len(), 1);
}

#[test]
fn more_tokens_than_a_page_and_a_round_of_a_sweep_have() {
    const MANY: usize = 600;
    let store = store();
    let manager = manager(&store, "k");
    let first = create(&manager, "alice", NewToken::default()).unwrap();
    let pattern = store.read(|read| tokens::by_id(read, &first.id)).unwrap().unwrap();
    for number in 1..MANY {
        let id = format!("token-{number}");
        let hmac_digest = tokens::hmac_digest(id.as_bytes());
        let token = tokens::StoredToken { id, hmac_digest, ..pattern.clone() };
        store.write(|write| tokens::put(write, &token)).unwrap();
    }
    assert_eq!(described(&manager, "alice", None).unwrap().len(), MANY);
    assert_eq!(described(&manager, "alice", Some(&["User:alice"])).unwrap().len(), MANY);
    assert_eq!(manager.sweep(NOW + DAY).unwrap(), 0);
    assert_eq!(manager.sweep(NOW + DAY + 1).unwrap(), u64::try_from(MANY).unwrap());
    assert_eq!(described(&manager, "alice", None).unwrap(), []);
}

#[test]
fn secret_keys_rotate() {
    let store = store();
    let (here, there) = (manager(&store, "old"), manager(&store, "old"));
    let old = create(&here, "alice", NewToken::default()).unwrap();
    for manager in [&here, &there] {
        manager.add_secret_key("new", &secret("new")).unwrap();
    }
    assert_eq!(status(here.set_signing_key("newer")), Status::INVALID_ARGUMENT);
    here.set_signing_key("new").unwrap();
    let new = create(&here, "alice", NewToken::default()).unwrap();
    // Each verifies, wherever it was made.
    for token in [&old, &new] {
        assert!(there.renew(&user("alice"), hmac(token), 0, NOW).is_ok());
        assert!(described(&there, "alice", None).unwrap().contains(token));
    }

    assert_eq!(status(here.remove_secret_key("new", NOW)), Status::INVALID_STATE);
    assert_eq!(status(here.remove_secret_key("newer", NOW)), Status::INVALID_ARGUMENT);
    assert_eq!(here.remove_secret_key("old", NOW).unwrap(), 1);
    assert_eq!(here.remove_secret_key("old", NOW).unwrap(), 0);
    assert_eq!(described(&here, "alice", None).unwrap(), std::slice::from_ref(&new));
    assert_eq!(status(there.renew(&user("alice"), hmac(&old), 0, NOW)), Status::TOKEN_NOT_FOUND);
    // The other manager still signs with it, and finds out.
    assert_eq!(status(create(&there, "alice", NewToken::default())), Status::INVALID_STATE);
    there.set_signing_key("new").unwrap();
    create(&there, "alice", NewToken::default()).unwrap();
    for (name, of) in
        [("old", "old"), ("old", "newest"), ("newest", "old"), ("newest", "new"), ("new", "newest")]
    {
        let added = here.add_secret_key(name, &secret(of));
        assert_eq!(status(added), Status::INVALID_ARGUMENT, "{name} {of}");
    }
    here.add_secret_key("new", &secret("new")).unwrap();
}

/// Adds a key, lets it sign, and removes the one before.
fn rotate(manager: &TokenManager, number: u32) {
    let name = |number: u32| format!("key {number}");
    manager.add_secret_key(&name(number + 1), &secret(&name(number + 1))).unwrap();
    manager.set_signing_key(&name(number + 1)).unwrap();
    manager.remove_secret_key(&name(number), NOW).unwrap();
}

#[test]
fn threads_create_while_keys_rotate() {
    let store = store();
    let manager = manager(&store, "key 0");
    std::thread::scope(|scope| {
        let creators: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    for _ in 0..8 {
                        assert!(
                            create(&manager, "alice", NewToken::default()).unwrap().hmac.is_some()
                        );
                    }
                })
            })
            .collect();
        let mut number = 0;
        while creators.iter().any(|creator| !creator.is_finished()) {
            rotate(&manager, number);
            number += 1;
        }
    });
    assert_eq!(store.check(|_, _| ()).unwrap().problems, [""; 0]);
}

#[test]
fn a_token_whose_key_is_elsewhere() {
    let store = store();
    let (here, there) = (manager(&store, "here"), manager(&store, "there"));
    let token = create(&here, "alice", NewToken::default()).unwrap();
    let expected = Token { hmac: None, ..token.clone() };
    assert_eq!(described(&there, "alice", None).unwrap(), [expected]);
    assert!(there.renew(&user("alice"), hmac(&token), 0, NOW).is_ok());
    assert_eq!(there.expire(&user("alice"), hmac(&token), -1, NOW).unwrap(), NOW);
    // Nor does a key have to be here to be removed.
    create(&here, "alice", NewToken::default()).unwrap();
    assert_eq!(there.remove_secret_key("here", NOW).unwrap(), 1);
}

#[test]
fn a_removal_that_was_cut_short_is_finished_by_a_sweep() {
    let store = store();
    let (here, there) = (manager(&store, "here"), manager(&store, "there"));
    let token = create(&here, "alice", NewToken::default()).unwrap();
    let key = store.read(|read| crate::store::keys::by_name(read, "here")).unwrap().unwrap();
    store.write(|write| crate::store::keys::remove(write, &key)).unwrap();
    assert_eq!(described(&there, "alice", None).unwrap(), []);
    assert_eq!(status(here.renew(&user("alice"), hmac(&token), 0, NOW)), Status::TOKEN_NOT_FOUND);
    assert_eq!(there.sweep(NOW).unwrap(), 1);
    assert_eq!(there.sweep(NOW).unwrap(), 0);
    assert!(store.read(|read| tokens::by_id(read, &token.id)).unwrap().is_none());
}

#[test]
fn each_decision_is_audited() {
    let store = store();
    let mut manager = manager(&store, "k");
    let events = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&events);
    manager.set_audit(move |event| told.lock().unwrap().push(event));
    let (alice, eve) = (user("alice"), user("eve\n"));
    let token = create(&manager, "alice", NewToken::default()).unwrap();
    let hmac = hmac(&token);
    let _ = create(&manager, "eve", for_owner("User:alice"));
    let _ = manager.renew(&alice, hmac, 0, NOW + 1);
    let _ = manager.renew(&eve, hmac, 0, NOW + 2);
    let _ = manager.renew(&eve, b"x", 0, NOW + 3);
    let _ = manager.expire(&alice, hmac, 5, NOW + 4);
    let _ = manager.sweep(NOW + 10);
    let _ = manager.sweep(NOW + 11); // finds nothing, so nothing was decided
    let _ = manager.remove_secret_key("k", NOW + 12);
    let _ = described(&manager, "alice", None);
    let events = std::mem::take(&mut *events.lock().unwrap());
    let told: Vec<_> = events
        .iter()
        .map(|Event { time_ms, operation, status, requester, owner, token_id, .. }| {
            let has_id = token_id.as_ref().map(|id| *id == token.id);
            (time_ms - NOW, *operation, *status, requester.as_deref(), owner.as_deref(), has_id)
        })
        .collect();
    let (alice, eve, some) = (Some("User:alice"), Some("User:eve\\u{a}"), Some(true));
    let failed = Status::TOKEN_AUTHORIZATION_FAILED;
    assert_eq!(
        told,
        [
            (0, Operation::TokenCreate, Status::OK, alice, alice, some),
            (0, Operation::TokenCreate, failed, Some("User:eve"), alice, None),
            (1, Operation::TokenRenew, Status::OK, alice, alice, some),
            (2, Operation::TokenRenew, Status::TOKEN_OWNER_MISMATCH, eve, alice, some),
            (3, Operation::TokenRenew, Status::TOKEN_NOT_FOUND, eve, None, None),
            (4, Operation::TokenExpire, Status::OK, alice, alice, some),
            (10, Operation::TokenSweep, Status::OK, None, alice, some),
            (12, Operation::SecretKeyRemove, Status::INVALID_STATE, None, None, None),
        ]
    );
}

#[test]
fn settings_that_cannot_be() {
    let mut manager = TokenManager::new(&store());
    for iterations in [1, 4095, 1_000_001] {
        let set = manager.set_iterations(Mechanism::ScramSha256, iterations);
        assert_eq!(status(set), Status::INVALID_ARGUMENT);
    }
    manager.set_iterations(Mechanism::ScramSha256, 0).unwrap();
    let set = manager.set_iterations(Mechanism::ScramSha512, 0);
    assert_eq!(status(set), Status::INVALID_ARGUMENT);
    manager.set_iterations(Mechanism::ScramSha512, 1_000_000).unwrap();
    for name in ["", "a\0b", &"x".repeat(256)] {
        let added = manager.add_secret_key(name, SECRET);
        assert_eq!(status(added), Status::INVALID_ARGUMENT);
    }
    manager.add_secret_key(&"x".repeat(255), SECRET).unwrap();
    assert_eq!(status(manager.set_lifetimes(0, 1)), Status::INVALID_ARGUMENT);
}
