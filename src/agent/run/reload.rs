//! SIGHUP: another configuration while the agent runs.

use std::sync::atomic::Ordering;

use super::Agent;
use crate::agent::brokers::Brokers;
use crate::agent::config::{self, Config, OnExit, TokenConfig};
use crate::agent::journal::Entry;
use crate::agent::keeper::Keeper;
use crate::service::Log;
use crate::{error::Error, status::Status};

impl Agent {
    /// SIGHUP: the configuration anew, or the old one where that is broken.
    pub(super) fn reload(&mut self) {
        self.systemd.reloading();
        match self.read_anew() {
            Ok(config) => {
                self.adopt(config);
                self.show();
                self.log.info(None, "the configuration was read anew");
            }
            Err(error) => {
                let text = format!("the configuration stays as it was: {error}");
                self.log.warn(None, text);
            }
        }
        if self.is_ready {
            self.systemd.ready();
        }
    }

    fn read_anew(&self) -> Result<Config, Error> {
        let config = Config::read(&self.path)?;
        config::check_properties(&self.path, &config.cluster)?;
        for (key, is_same) in [
            ("journal", config.journal == self.config.journal),
            ("listen", config.listen == self.config.listen),
        ] {
            if !is_same {
                let text = format!(
                    "{}: {key} has changed, which takes a restart of the agent",
                    self.path.display()
                );
                return Err(Error::new(Status::INVALID_ARGUMENT, text));
            }
        }
        Ok(config)
    }

    fn adopt(&mut self, config: Config) {
        let now = self.clock.now();
        let mut earlier = std::mem::take(&mut self.keepers);
        for token in &config.tokens {
            let known = earlier.iter().position(|keeper| keeper.config.name == token.name);
            let keeper = match known.map(|index| earlier.swap_remove(index)) {
                Some(mut keeper) => {
                    keeper.reconfigure(token.clone());
                    keeper
                }
                None => {
                    let TokenConfig { name, .. } = token;
                    Keeper::new(token.clone(), self.others.remove(name), false, now)
                }
            };
            self.keepers.push(keeper);
        }
        // Tokens that are named no more stay valid, and in the journal, until they end.
        for keeper in earlier {
            let entry = Entry::of(&keeper.life, &keeper.config.asked, keeper.announced());
            self.log.info(Some(&keeper.config.name), "it is kept no longer, and left to its end");
            self.others.insert(keeper.config.name, entry);
        }
        self.log = Log(config.log);
        self.brokers = Brokers::new(config.cluster.clone());
        self.gate.reset();
        self.may_leave.store(config.on_exit == OnExit::Keep, Ordering::Relaxed);
        self.config = config;
        self.hasten_check();
        self.is_dirty = true;
    }
}
