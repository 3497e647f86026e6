//! The keys `mode`, `owner` and `group` of targets that write files.

use std::fs;

use crate::agent::config::Section;
use crate::error::Error;
use crate::files::Access;

/// Reads the three keys.
///
/// # Errors
///
/// `INVALID_ARGUMENT`.
pub(super) fn access(section: &mut Section<'_>) -> Result<Access, Error> {
    let mut access = Access::default();
    if let Some(found) = section.text("mode")? {
        access.mode = mode(&found.value).ok_or_else(|| {
            let what = format!(
                "{:?} is no mode for a secret: write \"0600\", or \"0640\" for a group; others may \
                 neither read nor write it",
                found.value
            );
            found.error(&section.file, what)
        })?;
    }
    for (key, place, list) in
        [("owner", &mut access.owner, "/etc/passwd"), ("group", &mut access.group, "/etc/group")]
    {
        let Some(found) = section.text(key)? else { continue };
        let id = found.value.parse().ok().or_else(|| look_up(list, &found.value));
        *place = Some(id.ok_or_else(|| {
            let value = &found.value;
            let what = format!("{value:?} is not in {list}: give a name from there, or a number");
            found.error(&section.file, what)
        })?);
    }
    Ok(access)
}

/// Octal; the owner reads, a group may, and nobody else does anything.
fn mode(text: &str) -> Option<u32> {
    let mode = u32::from_str_radix(text, 8).ok()?;
    (mode & !0o640 == 0 && mode & 0o400 != 0).then_some(mode)
}

/// The id of a name in a file of the form `name:x:id:...`.
fn look_up(list: &str, name: &str) -> Option<u32> {
    let text = fs::read(list).ok()?;
    let text = String::from_utf8_lossy(&text);
    text.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(name)).then(|| fields.nth(1)?.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes() {
        for (text, expected) in [
            ("0600", Some(0o600)),
            ("640", Some(0o640)),
            ("0400", Some(0o400)),
            ("0440", Some(0o440)),
        ] {
            assert_eq!(mode(text), expected, "{text}");
        }
        for text in ["0644", "0660", "0700", "0000", "0200", "rw", "", "4600", "0040"] {
            assert_eq!(mode(text), None, "{text}");
        }
    }

    #[test]
    fn root_is_known() {
        assert_eq!(look_up("/etc/passwd", "root"), Some(0));
        assert_eq!(look_up("/etc/passwd", "no such user"), None);
        assert_eq!(look_up("/no/such/file", "root"), None);
    }
}
