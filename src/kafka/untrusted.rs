//! What a broker says, made fit to be shown: nothing of it reaches a terminal as a command.

/// The text with control and other invisible characters escaped.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '"' | '\'' | '\\' => out.push(character),
            _ => out.extend(character.escape_debug()),
        }
    }
    out
}

/// What a peer says, unless it repeats a secret of ours: it would end up in logs.
pub(super) fn unless_secret<'a, S: AsRef<str>>(text: &'a str, secrets: &[S]) -> &'a str {
    let repeats = |secret: &S| !secret.as_ref().is_empty() && text.contains(secret.as_ref());
    if secrets.iter().any(repeats) { LEFT_OUT } else { text }
}

const LEFT_OUT: &str = "its words are left out, for a secret that was sent is in them";

/// As [`escape`], cut to what fits into a sentence.
pub(super) fn excerpt(text: &str) -> String {
    const MAX: usize = 300;
    match text.char_indices().nth(MAX) {
        None => escape(text),
        Some((end, _)) => escape(text.get(..end).unwrap_or_default()) + "...",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_cannot_be_seen_is_escaped() {
        assert_eq!(escape("\u{1b}[2J a\"b'c\\ \u{e9}\n"), "\\u{1b}[2J a\"b'c\\ \u{e9}\\n");
        assert_eq!(excerpt(&"\u{e9}".repeat(301)), "\u{e9}".repeat(300) + "...");
        assert_eq!(excerpt("short"), "short");
    }

    #[test]
    fn secrets_are_not_repeated() {
        assert_eq!(unless_secret("no s3cre", &["s3cret", ""]), "no s3cre");
        assert_eq!(unless_secret("no", &[] as &[&str]), "no");
        let long = "x".repeat(1000) + "s3cret";
        assert_eq!(unless_secret(&long, &["a", "s3cret"]), LEFT_OUT);
    }
}
