//! An input as a script: a line of options, then a line for each thing that happens.
//!
//! Lines that begin with `!` are calls of the host's; all others are messages from the peer, in
//! which a placeholder stands for what only somebody with the password can compute, and `{forged}`
//! for something that is almost that.

use base64::{Engine, engine::general_purpose::STANDARD};

pub struct Script<'a> {
    options: &'a [u8],
    pub lines: Vec<&'a [u8]>,
}

impl<'a> Script<'a> {
    pub fn new(input: &'a [u8]) -> Self {
        let mut lines = input.split(|byte| *byte == b'\n');
        let options = lines.next().unwrap_or_default();
        Self { options, lines: lines.take(MAX_LINES).collect() }
    }

    /// Options are single letters.
    pub fn has(&self, option: u8) -> bool {
        self.options.contains(&option)
    }
}

/// Nothing new comes of longer scripts.
const MAX_LINES: usize = 12;

/// The line with its placeholder replaced by `genuine`, which is base64, or `{forged}` by the same
/// with its last bit flipped; `genuine` is given the text before the placeholder.
pub fn fill_in(line: &[u8], placeholder: &str, genuine: impl Fn(&[u8]) -> String) -> Vec<u8> {
    if let Some((before, after)) = around(line, placeholder.as_bytes()) {
        return [before, genuine(before).as_bytes(), after].concat();
    }
    if let Some((before, after)) = around(line, b"{forged}") {
        let mut forged = STANDARD.decode(genuine(before)).unwrap();
        *forged.last_mut().unwrap() ^= 1;
        return [before, STANDARD.encode(forged).as_bytes(), after].concat();
    }
    line.to_vec()
}

/// The text before a placeholder and after it.
fn around<'a>(line: &'a [u8], placeholder: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = line.windows(placeholder.len()).position(|window| window == placeholder)?;
    Some((&line[..at], &line[at + placeholder.len()..]))
}
