//! A log: a line for each thing, on standard error.

use core::fmt::Display;
use std::io::Write;

use jiff::Timestamp;
use serde_json::json;

/// A log, by the form of its lines.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Log(pub(crate) LogFormat);

/// How lines are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

impl Log {
    /// Something went as it should.
    pub(crate) fn info(self, token: Option<&str>, text: impl Display) {
        self.line("info", token, &text.to_string());
    }

    /// Something did not, and is tried again.
    pub(crate) fn warn(self, token: Option<&str>, text: impl Display) {
        self.line("warning", token, &text.to_string());
    }

    fn line(self, level: &str, token: Option<&str>, text: &str) {
        let time = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
        let line = match self.0 {
            LogFormat::Json => {
                let mut line = json!({ "time": time, "level": level, "message": text });
                if let (Some(token), Some(object)) = (token, line.as_object_mut()) {
                    object.insert("token".to_owned(), token.into());
                }
                format!("{line}\n")
            }
            LogFormat::Text => {
                let token = token.map_or_else(String::new, |token| format!("{token}: "));
                format!("{time} {level}: {token}{text}\n")
            }
        };
        // In one piece; and without a reader there is nobody to tell.
        let _ = std::io::stderr().lock().write_all(line.as_bytes());
    }
}
