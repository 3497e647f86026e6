//! A command that gets the token on its standard input.

use core::fmt;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{self, Child, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::{Delivered, Publication};
use crate::agent::config::Section;
use crate::error::Error;
use crate::json;
use crate::service::duration;
use crate::source::TokenFile;
use crate::status::Status;

#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::agent) struct Command {
    /// Program and arguments; never empty.
    program: String,
    arguments: Vec<String>,
    timeout_ms: i64,
}

const TIMEOUT_MS: i64 = 30_000;

impl Command {
    pub(super) fn from_section(section: &mut Section<'_>) -> Result<Self, Error> {
        let timeout_ms = section.duration("timeout", 100, 60 * 60 * 1000)?.unwrap_or(TIMEOUT_MS);
        let found = section.texts("command")?;
        match found.as_ref().and_then(|found| found.value.split_first()) {
            Some((program, arguments)) if !program.is_empty() => {
                Ok(Self { program: program.clone(), arguments: arguments.to_vec(), timeout_ms })
            }
            _ => Err(section.error("command is empty: name a program")),
        }
    }

    /// Exit code 0 is done; anything else is tried again.
    pub(super) fn deliver(&self, publication: &Publication) -> Result<Delivered, Error> {
        let mut child = self.start(publication).map_err(|error| self.failed(error))?;
        let json = json::text(&TokenFile(&publication.token, publication.mechanism));
        if let Some(mut stdin) = child.stdin.take() {
            // It fits into the pipe; and who does not read it does not want it.
            let _ = stdin.write_all(json.as_bytes());
        }
        match self.wait(&mut child).map_err(|error| self.failed(error))? {
            Some(status) if status.success() => Ok(Delivered::Changed),
            Some(status) => Err(self.failed(match (status.code(), status.signal()) {
                (Some(code), _) => format!("it exited with {code}"),
                (None, signal) => format!("signal {} ended it", signal.unwrap_or_default()),
            })),
            None => {
                let limit = duration::show(self.timeout_ms);
                Err(self.failed(format!("it was stopped after its timeout of {limit}")))
            }
        }
    }

    fn start(&self, publication: &Publication) -> io::Result<Child> {
        // What it says belongs to the agent's log.
        let log = io::stderr().as_fd().try_clone_to_owned()?;
        process::Command::new(&self.program)
            .args(&self.arguments)
            .env("SCRAMTOKEN_TOKEN_NAME", &publication.name)
            .env("SCRAMTOKEN_TOKEN_ID", &publication.token.id)
            .env_remove("NOTIFY_SOCKET")
            .env_remove("WATCHDOG_USEC")
            .env_remove("WATCHDOG_PID")
            .stdin(Stdio::piped())
            .stdout(log)
            .stderr(Stdio::inherit())
            .process_group(0) // its children end with it
            .spawn()
    }

    /// None where it had to be killed.
    fn wait(&self, child: &mut Child) -> io::Result<Option<ExitStatus>> {
        let limit = Duration::from_millis(u64::try_from(self.timeout_ms).unwrap_or_default());
        let begin = Instant::now();
        let mut pause = Duration::from_millis(1);
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(Some(status));
            }
            if begin.elapsed() >= limit {
                break;
            }
            thread::sleep(pause.min(limit.saturating_sub(begin.elapsed())));
            pause = (pause * 2).min(Duration::from_millis(50));
        }
        if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process_group(group, Signal::KILL);
        }
        child.wait()?;
        Ok(None)
    }

    fn failed(&self, why: impl fmt::Display) -> Error {
        Error::new(Status::IO, format!("{}: {why}", self.program))
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.program)
    }
}
