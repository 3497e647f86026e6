//! Signals, and how the agent ends.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::{Agent, Event, STACK};
use crate::agent::brokers;
use crate::agent::config::OnExit;
use crate::agent::life::Failure;
use crate::kafka::end_process;
use crate::service::steady_ms;
use crate::token::Token;
use crate::{error::Error, status::Status};

impl Agent {
    /// SIGTERM or SIGINT.
    pub(super) fn end(mut self) -> Result<(), Error> {
        self.systemd.stopping();
        if self.config.on_exit == OnExit::Revoke {
            self.revoke();
        }
        // What is being written is written to its end.
        let until_ms = steady_ms().saturating_add(WRITERS_MS);
        while self.writers > 0 && steady_ms() < until_ms {
            if let Ok(Event::Delivered(delivery)) = self.events.recv_timeout(TICK) {
                self.delivered(*delivery);
            }
        }
        if self.is_dirty {
            self.save_now();
        }
        self.log.info(None, "ended");
        Ok(())
    }

    /// Ends all tokens, for as long as whoever stops us is likely to wait.
    fn revoke(&mut self) {
        let until_ms = steady_ms().saturating_add(REVOKE_MS);
        for index in 0..self.keepers.len() {
            let Some(keeper) = self.keepers.get_mut(index) else { return };
            let name = keeper.config.name.clone();
            let tokens: Vec<Token> = keeper.life.all().cloned().collect();
            for token in tokens {
                if steady_ms() > until_ms {
                    self.log.warn(None, "not all tokens could be ended in time");
                    return;
                }
                let outcome = self.brokers.expire(&token);
                let is_gone =
                    outcome.as_ref().is_err_and(|error| brokers::failure(error) == Failure::Gone);
                match outcome {
                    Err(error) if !is_gone => {
                        let id = &token.id;
                        let text = format!("the token {id} could not be ended: {error}");
                        self.log.warn(Some(&name), text);
                    }
                    _ => {
                        keeper.life.expired(&token.id);
                        self.is_dirty = true;
                        self.log.info(Some(&name), format_args!("ended the token {}", token.id));
                    }
                }
            }
        }
    }

    pub(super) fn catch_signals(&self) -> Result<(), Error> {
        let failed =
            |error: std::io::Error| Error::new(Status::IO, format!("catching signals: {error}"));
        let mut signals = Signals::new([SIGHUP, SIGTERM, SIGINT]).map_err(failed)?;
        let sender = self.sender.clone();
        let may_leave = Arc::clone(&self.may_leave);
        let forward = move || {
            for signal in &mut signals {
                let _ = sender.send(Event::Signal(signal));
                if signal != SIGHUP && may_leave.load(Ordering::Relaxed) {
                    // A request may hold the loop up, anywhere. The journal is as good as after any kill.
                    thread::sleep(LEAVE);
                    end_process(0);
                }
            }
        };
        let builder = thread::Builder::new().name("signals".to_owned()).stack_size(STACK);
        builder.spawn(forward).map_err(failed)?;
        Ok(())
    }
}

const WRITERS_MS: i64 = 2_000;
const TICK: Duration = Duration::from_millis(100);
const REVOKE_MS: i64 = 20_000;
const LEAVE: Duration = Duration::from_secs(3);
