//! Targets, each written by a thread of its own, so that none holds up another.

use std::sync::Arc;
use std::thread;

use super::{Agent, Event, IDLE_MS, STACK, Wake, random};
use crate::agent::keeper::{Keeper, Mark, Next};
use crate::agent::targets::{Delivered, Publication, Target};
use crate::service::steady_ms;
use crate::{error::Error, status::Status};

pub(super) struct Delivery {
    name: String,
    target: Arc<Target>,
    mark: Mark,
    outcome: Result<Delivered, Error>,
}

impl Agent {
    /// Starts a thread for each target that is to be written.
    pub(super) fn write_targets(&mut self, index: usize, wake: &mut Wake) {
        let now = self.clock.now();
        while self.writers < MOST_WRITERS {
            let Some(keeper) = self.keepers.get_mut(index) else { return };
            let target = match keeper.next(now) {
                Next::Write(target) => target,
                Next::Wait(until_ms) => return wake.at(Some(until_ms)),
                Next::Nothing => return,
            };
            let (Some(mark), Some(held)) = (keeper.mark(), keeper.life.current()) else { return };
            let (mechanism, protocol) = match self.brokers.way(keeper.config.mechanism) {
                Ok(way) => way,
                Err(error) => {
                    wake.at(Some(now.steady_ms.saturating_add(IDLE_MS)));
                    return self.failed(index, "publish", &error, |_, _, _| ());
                }
            };
            let name = keeper.config.name.clone();
            let token = held.token.clone();
            let publication = Publication { name: name.clone(), token, mechanism, protocol };
            keeper.started(&target);
            self.writers += 1;
            let sender = self.sender.clone();
            let write = {
                let (name, target, mark) = (name.clone(), Arc::clone(&target), mark.clone());
                move || {
                    let outcome = target.deliver(&publication);
                    let delivery = Delivery { name, target, mark, outcome };
                    let _ = sender.send(Event::Delivered(Box::new(delivery)));
                }
            };
            let spawned = thread::Builder::new().stack_size(STACK).spawn(write);
            if let Err(error) = spawned {
                let outcome = Err(Error::new(Status::IO, format!("no thread to be had: {error}")));
                self.delivered(Delivery { name, target, mark, outcome });
            }
        }
    }

    pub(super) fn delivered(&mut self, delivery: Delivery) {
        let Delivery { name, target, mark, outcome } = delivery;
        self.writers = self.writers.saturating_sub(1);
        let Some(keeper) = self.keepers.iter_mut().find(|keeper| keeper.config.name == name) else {
            return;
        };
        let had_failed = keeper.delivered(&target, mark, &outcome, random());
        self.is_dirty |= target.is_notice() && outcome.is_ok();
        let what = format!("publish {name} {target}");
        match outcome {
            Ok(delivered) => {
                self.said_ms.remove(&what);
                if delivered == Delivered::Changed {
                    self.log.info(Some(&name), format_args!("published to {target}"));
                } else if had_failed {
                    self.log.info(Some(&name), format_args!("{target} is as it should be again"));
                }
            }
            Err(error) => {
                self.shared.write(|view| *view.failures.entry("publish").or_default() += 1);
                if self.may_say(&what) {
                    let text = format!("{target} keeps what it held: {error}");
                    self.log.warn(Some(&name), text);
                }
            }
        }
    }

    /// Once a minute targets are looked at, for others may have changed them.
    pub(super) fn recheck(&mut self, wake: &mut Wake) {
        let now_ms = steady_ms();
        if now_ms >= self.recheck_ms {
            self.recheck_ms = now_ms.saturating_add(RECHECK_MS);
            self.keepers.iter_mut().for_each(Keeper::doubt);
            wake.at(Some(now_ms));
        }
        wake.at(Some(self.recheck_ms));
    }
}

pub(super) const RECHECK_MS: i64 = 60_000;
const MOST_WRITERS: usize = 16;
