//! A signal to a process that a pid file names.

use core::fmt;
use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::PathBuf;

use rustix::fs::OFlags;
use rustix::process::{Pid, Signal as Number, kill_process};

use super::Delivered;
use crate::agent::config::Section;
use crate::paths::{io, refused};
use crate::{error::Error, status::Status};

#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::agent) struct Signal {
    number: Number,
    name: &'static str,
    pid_file: PathBuf,
}

const SIGNALS: [(&str, (Number, &str)); 4] = [
    ("HUP", (Number::HUP, "HUP")),
    ("USR1", (Number::USR1, "USR1")),
    ("USR2", (Number::USR2, "USR2")),
    ("TERM", (Number::TERM, "TERM")),
];

impl Signal {
    pub(super) fn from_section(section: &mut Section<'_>) -> Result<Self, Error> {
        let choice = section.choice("signal", &SIGNALS)?;
        let (number, name) = choice.unwrap_or((Number::HUP, "HUP"));
        Ok(Self { number, name, pid_file: section.required_path("pid_file")? })
    }

    pub(super) fn deliver(&self) -> Result<Delivered, Error> {
        let path = &self.pid_file;
        let pid = self.pid()?;
        kill_process(pid, self.number).map_err(|errno| {
            let pid = pid.as_raw_nonzero();
            io(path, format_args!("SIG{} to the process {pid}: {errno}", self.name))
        })?;
        Ok(Delivered::Changed)
    }

    /// Whoever could write the file could have anybody's process signalled.
    fn pid(&self) -> Result<Pid, Error> {
        const MAX_BYTES: u64 = 64;
        let path = &self.pid_file;
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let flags = i32::try_from(flags.bits()).unwrap_or_default();
        let file = OpenOptions::new().read(true).custom_flags(flags).open(path);
        let file = file.map_err(|error| io(path, error))?;
        let mode = file.metadata().map_err(|error| io(path, error))?.mode();
        if mode & 0o022 != 0 {
            let text = format!("others may write it: chmod go-w {}", path.display());
            return Err(refused(path, &text));
        }
        let mut text = String::new();
        file.take(MAX_BYTES).read_to_string(&mut text).map_err(|error| io(path, error))?;
        let number = text.trim().parse().ok().filter(|pid: &i32| *pid > 1);
        number.and_then(Pid::from_raw).ok_or_else(|| {
            let text = format!("{}: there is no process id in it", path.display());
            Error::new(Status::CORRUPT, text)
        })
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} by {}", self.name, self.pid_file.display())
    }
}
