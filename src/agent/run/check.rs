//! Whether brokers still accept what they accepted once: others may have ended a token, or changed the
//! secret key that all tokens are made with.

use super::{Agent, Wake};
use crate::agent::clock::steady_ms;
use crate::agent::life::Honoured;
use crate::token::Token;

impl Agent {
    /// Asks every broker about all tokens by one request, once in a while.
    pub(super) fn check(&mut self, wake: &mut Wake) {
        if self.once_until_ms.is_some() {
            return;
        }
        let now_ms = steady_ms();
        if now_ms >= self.check_ms && self.gate.not_before_ms() <= now_ms {
            self.check_ms = now_ms.saturating_add(self.config.check_interval_ms);
            self.ask_about_all();
            wake.at(Some(steady_ms()));
        }
        wake.at(Some(self.check_ms.max(self.gate.not_before_ms())));
    }

    fn ask_about_all(&mut self) {
        let published = self.keepers.iter().enumerate().filter_map(|(index, keeper)| {
            // A successor is under way where there is one.
            let current = keeper.life.current().filter(|_| keeper.life.successor().is_none())?;
            Some((index, current.token.clone()))
        });
        let (indexes, tokens): (Vec<usize>, Vec<Token>) = published.unzip();
        if tokens.is_empty() {
            return;
        }
        let suspects = match self.brokers.suspects(&tokens) {
            Ok(suspects) => suspects,
            Err(error) => {
                if let Some(first) = indexes.first() {
                    self.failed(*first, "check", &error, |_, _, _| ());
                }
                return;
            }
        };
        for (place, (index, token)) in indexes.into_iter().zip(&tokens).enumerate() {
            if suspects.contains(&place) {
                self.doubt(index, token);
            } else if let Some(keeper) = self.keepers.get_mut(index) {
                let all = Honoured { by: 1, of: 1 };
                keeper.life.looked(&token.id, all);
            }
        }
    }

    /// A broker does not know the token as we do: whether it lets it in is what counts.
    fn doubt(&mut self, index: usize, token: &Token) {
        self.systemd.alive();
        let Some(keeper) = self.keepers.get_mut(index) else { return };
        let probe = match self.brokers.probe(token, keeper.config.mechanism) {
            Ok(probe) => probe,
            Err(error) => return self.failed(index, "check", &error, |_, _, _| ()),
        };
        let honoured =
            Honoured { by: probe.accepted, of: probe.accepted.saturating_add(probe.refused) };
        if !keeper.life.looked(&token.id, honoured) {
            return;
        }
        let text = format!(
            "the token {} is not accepted any more: it was ended by others, or \
             delegation.token.secret.key has changed; another one is tried: {}",
            token.id,
            probe.missing.join("; ")
        );
        self.log.warn(Some(&keeper.config.name), text);
    }
}
