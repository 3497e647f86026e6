//! A Kerberos principal as people write it: `primary/instance@REALM`.

use core::fmt;

use crate::kafka::untrusted::excerpt;

/// Components, and a realm where one was written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Principal {
    pub(super) components: Vec<String>,
    pub(super) realm: Option<String>,
}

impl Principal {
    /// As libkrb5 reads it: a backslash takes the meaning off the `/`, `@` or backslash after it. None for
    /// what is no principal.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (mut components, mut realm) = (Vec::new(), None);
        let mut part = String::new();
        let mut characters = text.chars();
        while let Some(character) = characters.next() {
            match character {
                '\\' => part.push(unescaped(characters.next()?)),
                '/' if realm.is_none() => components.push(core::mem::take(&mut part)),
                '@' if realm.is_none() => {
                    components.push(core::mem::take(&mut part));
                    realm = Some(());
                }
                '@' | '\0' => return None,
                other => part.push(other),
            }
        }
        let realm = match realm {
            Some(()) => Some(part),
            None => {
                components.push(part);
                None
            }
        };
        let is_empty = |part: &String| part.is_empty();
        if components.iter().any(is_empty) || realm.as_ref().is_some_and(is_empty) {
            return None;
        }
        Some(Self { components, realm })
    }

    /// Whether a whole name is what this one means; without a realm it may be that of any.
    pub(super) fn means(&self, whole: &Self) -> bool {
        self.components == whole.components && (self.realm.is_none() || self.realm == whole.realm)
    }
}

impl fmt::Display for Principal {
    /// For people: without the escapes of `/` and `@`, and cut.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&excerpt(&self.components.join("/")))?;
        match &self.realm {
            Some(realm) => write!(f, "@{}", excerpt(realm)),
            None => Ok(()),
        }
    }
}

fn unescaped(character: char) -> char {
    match character {
        'n' => '\n',
        't' => '\t',
        'b' => '\u{8}',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn principals() {
        let parse = |text| Principal::parse(text).map(|name| (name.components, name.realm));
        let of = |components: &[&str], realm: Option<&str>| {
            let components = components.iter().map(ToString::to_string).collect();
            Some((components, realm.map(ToOwned::to_owned)))
        };
        assert_eq!(parse("alice"), of(&["alice"], None));
        assert_eq!(parse("alice@A.B"), of(&["alice"], Some("A.B")));
        assert_eq!(parse("kafka/h.b@A/B"), of(&["kafka", "h.b"], Some("A/B")));
        assert_eq!(parse(r"a\/b\@c\\@A"), of(&[r"a/b@c\"], Some("A")));
        for text in ["", "@A", "a@", "a//b", "/a", "a@b@c", "a\\", "a\0"] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn what_a_name_means() {
        let of = |text| Principal::parse(text).unwrap();
        assert!(of("alice").means(&of("alice@A")));
        assert!(of("alice@A").means(&of("alice@A")));
        assert!(!of("alice@A").means(&of("alice@B")));
        assert!(!of("alice").means(&of("alice/admin@A")));
    }
}
