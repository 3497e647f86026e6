//! Whether brokers still accept what they accepted once: others may have ended a token, or changed the
//! secret key that all tokens are made with.

use std::collections::BTreeSet;

use super::{Agent, Wake};
use crate::agent::life::Honoured;
use crate::error::Error;
use crate::kafka::Address;
use crate::service::steady_ms;
use crate::token::Token;

/// A look at all tokens on all brokers, one request in each round of the loop.
pub(super) enum Check {
    /// Until then, in steady ms.
    Waits(i64),
    Asks(Questions),
    /// Some broker does not list these as we have them: whether it lets them in is what counts.
    Doubts(Vec<Published>),
}

/// A token that is published, and its name in the configuration.
pub(super) type Published = (String, Token);

/// Brokers that are still to be asked, and what the others said.
pub(super) struct Questions {
    tokens: Vec<Published>,
    brokers: Vec<Address>,
    /// Places in `tokens`.
    suspects: BTreeSet<usize>,
    answered: usize,
    error: Option<Error>,
}

impl Agent {
    /// Goes on with a check that is under way, or begins one that is due. Whether a request was made.
    pub(super) fn check(&mut self, wake: &mut Wake) -> bool {
        if self.once_until_ms.is_some() {
            return false;
        }
        let now_ms = steady_ms();
        match std::mem::replace(&mut self.check, Check::Waits(now_ms)) {
            Check::Waits(until_ms) if until_ms.max(self.gate.not_before_ms()) > now_ms => {
                wake.at(Some(until_ms.max(self.gate.not_before_ms())));
                self.check = Check::Waits(until_ms);
                return false;
            }
            Check::Waits(_) => self.check = self.begin(),
            Check::Asks(questions) => self.check = self.ask(questions),
            Check::Doubts(mut tokens) => match tokens.pop() {
                Some((name, token)) => {
                    self.doubt(&name, &token);
                    self.check = Check::Doubts(tokens);
                }
                None => self.check = self.next_check(),
            },
        }
        true
    }

    /// A shorter interval counts at once.
    pub(super) fn hasten_check(&mut self) {
        if let (Check::Waits(until_ms), Check::Waits(soonest_ms)) = (&self.check, self.next_check())
        {
            self.check = Check::Waits(soonest_ms.min(*until_ms));
        }
    }

    fn next_check(&self) -> Check {
        Check::Waits(steady_ms().saturating_add(self.config.check_interval_ms))
    }

    fn begin(&mut self) -> Check {
        let published = self.keepers.iter().filter_map(|keeper| {
            // A successor is under way where there is one.
            let current = keeper.life.current().filter(|_| keeper.life.successor().is_none())?;
            Some((keeper.config.name.clone(), current.token.clone()))
        });
        let tokens: Vec<_> = published.collect();
        if tokens.is_empty() {
            return self.next_check();
        }
        match self.brokers.addresses() {
            Ok(brokers) => {
                self.brokers_answer();
                let (suspects, error) = (BTreeSet::new(), None);
                Check::Asks(Questions { tokens, brokers, suspects, answered: 0, error })
            }
            Err(error) => {
                self.brokers_fail("check", &error);
                Check::Waits(steady_ms()) // as soon as they may be asked again
            }
        }
    }

    fn ask(&mut self, mut questions: Questions) -> Check {
        let Some(address) = questions.brokers.pop() else { return self.judge(questions) };
        let tokens: Vec<&Token> = questions.tokens.iter().map(|(_, token)| token).collect();
        match self.brokers.suspects(&address, &tokens) {
            Ok(suspects) => {
                questions.answered += 1;
                questions.suspects.extend(suspects);
            }
            // Whoever is away is asked again the next time.
            Err(error) => questions.error = Some(error),
        }
        Check::Asks(questions)
    }

    fn judge(&mut self, questions: Questions) -> Check {
        let Questions { tokens, suspects, answered, error, .. } = questions;
        if let (0, Some(error)) = (answered, &error)
            && self.may_say("check")
        {
            let text = format!("no broker could be asked whether it still accepts tokens: {error}");
            self.log.warn(None, text);
        }
        let mut doubted = Vec::new();
        for (place, (name, token)) in tokens.into_iter().enumerate() {
            if suspects.contains(&place) {
                doubted.push((name, token));
            } else if error.is_none() {
                let keeper = self.keepers.iter_mut().find(|keeper| keeper.config.name == name);
                if let Some(keeper) = keeper {
                    keeper.life.looked(&token.id, Honoured { by: 1, of: 1 });
                }
            }
        }
        Check::Doubts(doubted)
    }

    fn doubt(&mut self, name: &str, token: &Token) {
        let Some(index) = self.keepers.iter().position(|keeper| keeper.config.name == name) else {
            return;
        };
        let Some(keeper) = self.keepers.get_mut(index) else { return };
        let probe = match self.brokers.probe(token, keeper.config.mechanism) {
            Ok(probe) => probe,
            Err(error) => return self.brokers_fail("check", &error),
        };
        let of = probe.accepted.saturating_add(probe.refused);
        let is_news = keeper.life.looked(&token.id, Honoured { by: probe.accepted, of });
        self.brokers_answer();
        if is_news && self.may_say(&format!("check {name}")) {
            let text = format!(
                "the token {} is not accepted any more: it was ended by others, or \
                 delegation.token.secret.key has changed; another one is tried: {}",
                token.id,
                probe.missing.join("; ")
            );
            self.log.warn(Some(name), text);
        }
    }
}
