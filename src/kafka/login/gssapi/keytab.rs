//! Whose keys a keytab has: libkrb5 has the same three words for whatever is wrong with one.

use std::path::Path;

use super::principal::Principal;
use crate::files::read_shared_secret;
use crate::kafka::property::invalid;
use crate::{error::Error, status::Status};

/// Looks whether a keytab can be read and has a key of this principal. The text is a warning: others may
/// read it.
///
/// # Errors
///
/// `CORRUPT` or `PERMISSIONS`, with the path.
pub(super) fn check(path: &Path, wanted: &Principal) -> Result<Option<String>, Error> {
    let of_option = |error: &Error| {
        let status = match error.status() {
            Status::IO => Status::CORRUPT,
            other => other,
        };
        let text = format!("sasl.jaas.config: keyTab: {}", error.text());
        Error::new(status, text)
    };
    let file = read_shared_secret(path, MAX_BYTES).map_err(|error| of_option(&error))?;
    let shown = path.display();
    let corrupt =
        |what: String| invalid("sasl.jaas.config", format_args!("keyTab: {shown} {what}"));
    let mut names = principals(&file.bytes).ok_or_else(|| {
        corrupt("is no keytab, or is cut off; make one by `ktadd` of kadmin".to_owned())
    })?;
    if names.iter().any(|name| wanted.means(name)) {
        return Ok(file.warning);
    }
    names.dedup();
    let there = names.iter().take(MAX_SHOWN).map(ToString::to_string).collect::<Vec<_>>();
    let there = match there.as_slice() {
        [] => "has no keys".to_owned(),
        there => format!("has keys of {}", there.join(", ")),
    };
    Err(corrupt(format!(
        "{there}, and none of {wanted}: name another principal, or add its key by `ktadd` of kadmin"
    )))
}

/// The names in a keytab of version 2, in their order; None where it is none.
fn principals(bytes: &[u8]) -> Option<Vec<Principal>> {
    let mut rest = bytes.strip_prefix(&[5, 2])?;
    let mut names = Vec::new();
    while !rest.is_empty() {
        let len = i32::from_be_bytes(take(&mut rest)?);
        let entry = take_slice(&mut rest, usize::try_from(len.unsigned_abs()).ok()?)?;
        // A negative length is that of a hole, and 0 the end.
        match len {
            0 => break,
            1.. => names.push(principal(entry)?),
            _ => {}
        }
    }
    Some(names)
}

fn principal(mut entry: &[u8]) -> Option<Principal> {
    let count = u16::from_be_bytes(take(&mut entry)?);
    let mut text = || {
        let len = u16::from_be_bytes(take(&mut entry)?);
        let text = take_slice(&mut entry, len.into())?;
        Some(String::from_utf8_lossy(text).into_owned())
    };
    let realm = Some(text()?);
    let components = (0..count).map(|_| text()).collect::<Option<_>>()?;
    Some(Principal { components, realm })
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, left) = rest.split_first_chunk()?;
    *rest = left;
    Some(*taken)
}

fn take_slice<'a>(rest: &mut &'a [u8], len: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(len)?;
    *rest = left;
    Some(taken)
}

const MAX_BYTES: usize = 1024 * 1024;
/// How many names an error shows.
const MAX_SHOWN: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    /// An entry as MIT's "The Kerberos keytab binary file format" has it, without what follows the name.
    fn entry(realm: &str, components: &[&str]) -> Vec<u8> {
        let mut entry = u16::try_from(components.len()).unwrap().to_be_bytes().to_vec();
        for text in [&[realm], components].concat() {
            entry.extend(u16::try_from(text.len()).unwrap().to_be_bytes());
            entry.extend(text.as_bytes());
        }
        entry
    }

    fn keytab(entries: &[(i32, Vec<u8>)]) -> Vec<u8> {
        let mut keytab = vec![5, 2];
        for (sign, entry) in entries {
            keytab.extend((sign * i32::try_from(entry.len()).unwrap()).to_be_bytes());
            keytab.extend(entry);
        }
        keytab
    }

    #[test]
    fn names_of_entries_but_not_of_holes() {
        let keytab = keytab(&[
            (1, entry("A", &["kafka", "h"])),
            (-1, entry("A", &["gone"])),
            (1, entry("B", &["alice"])),
        ]);
        let names: Vec<_> = principals(&keytab).unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(names, ["kafka/h@A", "alice@B"]);
        assert_eq!(principals(&[5, 2]), Some(Vec::new()));
    }

    #[test]
    fn what_is_no_keytab() {
        let whole = keytab(&[(1, entry("A", &["kafka", "h"]))]);
        for len in 0..whole.len() {
            let cut = whole.get(..len).unwrap();
            assert!(len == 2 || principals(cut).is_none(), "{len}");
        }
        for bytes in [&b"krb5"[..], b"\x05\x01", b"\x05\x02\x7f\xff\xff\xff", b"\x05\x02\x80\0\0\0"]
        {
            assert_eq!(principals(bytes), None);
        }
    }
}
