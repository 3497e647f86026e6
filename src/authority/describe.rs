//! To describe tokens: those that the requester may see.

use core::ops::ControlFlow;

use super::manager::{TokenManager, terms};
use super::requests::{Question, Requester, TokenOperation};
use crate::error::Error;
use crate::store::tokens::{self, StoredToken};
use crate::store::{Page, Read, keys};
use crate::token::Principal;
use crate::token::Token;

impl TokenManager {
    /// Hands over the tokens that the requester may see, one by one, until `visit` breaks off:
    /// those that it owns, asked for or may renew, and those that the authorizer lets it see. With
    /// `owners`, only tokens that one of them owns, asked for or may renew; so no owners are no
    /// tokens.
    ///
    /// Expired tokens are among them until they are swept. A token whose secret key this manager
    /// lacks has no HMAC. The store is read in parts, with no transaction open while `visit` runs:
    /// what changes meanwhile may be seen or not.
    ///
    /// # Errors
    ///
    /// `TOKEN_REQUEST_NOT_ALLOWED`, `TOKEN_AUTH_DISABLED`; the store's.
    pub fn describe(
        &self,
        requester: &Requester,
        owners: Option<&[Principal]>,
        mut visit: impl FnMut(Token) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        requester.check_login()?;
        self.check_enabled()?;
        let principal = requester.principal.as_str();
        let see = |token: StoredToken| {
            if terms(&token).concerns(principal) || self.allows(&question(principal, &token)) {
                visit(self.token(token))
            } else {
                ControlFlow::Continue(())
            }
        };
        let seen = match owners {
            Some(owners) => self.walk_of_each(owners, see),
            None if self.has_authorizer() => {
                walk(|from| self.page(|read| tokens::all(read, from, PAGE)), see)
            }
            None => self.walk_of(principal, see),
        };
        seen.map(drop)
    }

    /// The tokens that some principal owns, asked for or may renew, each once.
    fn walk_of_each(
        &self,
        principals: &[Principal],
        mut see: impl FnMut(StoredToken) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, Error> {
        let mut done: Vec<&str> = Vec::new();
        for principal in principals.iter().map(Principal::as_str) {
            if done.contains(&principal) {
                continue;
            }
            let flow = self.walk_of(principal, |token| {
                let terms = terms(&token);
                if done.iter().any(|before| terms.concerns(before)) {
                    return ControlFlow::Continue(());
                }
                see(token)
            })?;
            if flow.is_break() {
                return Ok(flow);
            }
            done.push(principal);
        }
        Ok(ControlFlow::Continue(()))
    }

    /// The tokens that a principal owns, asked for or may renew.
    fn walk_of(
        &self,
        principal: &str,
        see: impl FnMut(StoredToken) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, Error> {
        walk(|from| self.page(|read| tokens::of_principal(read, principal, from, PAGE)), see)
    }

    /// A page without tokens of removed secret keys.
    fn page(
        &self,
        read_page: impl FnOnce(&dyn Read) -> Result<Page<StoredToken>, Error>,
    ) -> Result<Page<StoredToken>, Error> {
        self.store.read(|read| {
            let keys = keys::all(read)?;
            let live: Vec<u32> =
                keys.iter().filter(|key| key.is_live()).map(|key| key.number).collect();
            let mut page = read_page(read)?;
            page.items.retain(|token| live.contains(&token.key_number));
            Ok(page)
        })
    }
}

/// Page after page; nothing is locked while a token is seen.
fn walk(
    mut page: impl FnMut(&[u8]) -> Result<Page<StoredToken>, Error>,
    mut see: impl FnMut(StoredToken) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, Error> {
    let mut next = Some(Vec::new());
    while let Some(from) = next {
        let page = page(&from)?;
        for token in page.items {
            if see(token).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        next = page.next;
    }
    Ok(ControlFlow::Continue(()))
}

fn question<'a>(requester: &'a str, token: &'a StoredToken) -> Question<'a> {
    let operation = TokenOperation::Describe { token_id: &token.id };
    Question { requester, operation, owner: &token.owner }
}

/// How many tokens are read in one transaction.
const PAGE: usize = 256;
