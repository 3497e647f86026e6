//! A table of the configuration file, read key by key. Every error names file, line and key.

use core::fmt::Display;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::agent::kubernetes::check_namespace;
use crate::service::duration;
use crate::{error::Error, status::Status};

/// The file as a whole.
#[derive(Clone, Copy)]
pub(in crate::agent) struct Text<'a> {
    pub(in crate::agent) path: &'a Path,
    pub(in crate::agent) text: &'a str,
}

impl Text<'_> {
    pub(in crate::agent) fn line(&self, offset: usize) -> usize {
        let before = self.text.as_bytes().get(..offset).unwrap_or(self.text.as_bytes());
        before.iter().filter(|byte| **byte == b'\n').count() + 1
    }

    pub(in crate::agent) fn error(&self, offset: usize, what: impl Display) -> Error {
        let (path, line) = (self.path.display(), self.line(offset));
        Error::new(Status::INVALID_ARGUMENT, format!("{path}:{line}: {what}"))
    }
}

/// A value, and where it stands.
pub(in crate::agent) struct Found<T> {
    pub(in crate::agent) value: T,
    pub(in crate::agent) key: String,
    offset: usize,
}

impl<T> Found<T> {
    /// What is wrong with the value.
    pub(in crate::agent) fn error(&self, file: &Text<'_>, what: impl Display) -> Error {
        file.error(self.offset, format_args!("{}: {what}", self.key))
    }
}

/// One table. What was not asked for when it is [`finish`](Self::finish)ed is unknown.
pub(in crate::agent) struct Section<'a> {
    pub(in crate::agent) file: Text<'a>,
    /// What stands before the keys in errors: empty, `token.` or `token.target.`.
    prefix: &'static str,
    /// Where the table begins.
    offset: usize,
    table: DeTable<'a>,
    asked: Vec<&'static str>,
}

impl<'a> Section<'a> {
    pub(in crate::agent) fn new(
        file: Text<'a>,
        prefix: &'static str,
        offset: usize,
        table: DeTable<'a>,
    ) -> Self {
        Self { file, prefix, offset, table, asked: Vec::new() }
    }

    /// What is wrong with the table as a whole.
    pub(in crate::agent) fn error(&self, what: impl Display) -> Error {
        let table = self.prefix.trim_end_matches('.');
        if table.is_empty() {
            return self.file.error(self.offset, what);
        }
        self.file.error(self.offset, format_args!("[[{table}]]: {what}"))
    }

    fn take(&mut self, key: &'static str) -> Option<Found<DeValue<'a>>> {
        self.asked.push(key);
        let (name, value) = self.table.remove_entry(key)?;
        let key = format!("{}{key}", self.prefix);
        Some(Found { offset: name.span().start, key, value: value.into_inner() })
    }

    fn of_type<T>(
        &mut self,
        key: &'static str,
        wanted: &str,
        read: impl FnOnce(DeValue<'a>) -> Option<T>,
    ) -> Result<Option<Found<T>>, Error> {
        let Some(Found { value, key, offset }) = self.take(key) else { return Ok(None) };
        let is = value.type_str();
        match read(value) {
            Some(value) => Ok(Some(Found { value, key, offset })),
            None => {
                let what = format!("{key}: it is of the type {is}; write {wanted}");
                Err(self.file.error(offset, what))
            }
        }
    }

    /// A text that is not empty.
    pub(in crate::agent) fn text(
        &mut self,
        key: &'static str,
    ) -> Result<Option<Found<String>>, Error> {
        let found = self.of_type(key, "a text in quotes", string)?;
        match found {
            Some(found) if found.value.trim().is_empty() => {
                Err(found.error(&self.file, "it is empty: give a value, or remove the line"))
            }
            found => Ok(found),
        }
    }

    /// A text that must be there.
    pub(in crate::agent) fn required_text(
        &mut self,
        key: &'static str,
        example: &str,
    ) -> Result<Found<String>, Error> {
        match self.text(key)? {
            Some(found) => Ok(found),
            None => Err(self.error(format_args!("{key} is missing: add {key} = {example}"))),
        }
    }

    /// One text or a list of them.
    pub(in crate::agent) fn texts(
        &mut self,
        key: &'static str,
    ) -> Result<Option<Found<Vec<String>>>, Error> {
        self.of_type(key, "a list of texts, as in [\"a\", \"b\"]", |value| match value {
            DeValue::String(text) => Some(vec![text.into_owned()]),
            DeValue::Array(list) => {
                list.into_iter().map(|value| string(value.into_inner())).collect()
            }
            _ => None,
        })
    }

    /// Whether the key is there.
    pub(in crate::agent) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// As [`path`](Self::path), where the key must be there.
    pub(in crate::agent) fn required_path(&mut self, key: &'static str) -> Result<PathBuf, Error> {
        match self.path(key)? {
            Some(path) => Ok(path),
            None => Err(self.error(format_args!("{key} is missing: add {key} = \"/path\""))),
        }
    }

    /// A path, which must be absolute.
    pub(in crate::agent) fn path(&mut self, key: &'static str) -> Result<Option<PathBuf>, Error> {
        self.text(key)?.map(|found| self.as_path(&found)).transpose()
    }

    /// A text as an absolute path.
    pub(in crate::agent) fn as_path(&self, found: &Found<String>) -> Result<PathBuf, Error> {
        let path = Path::new(&found.value);
        if !path.is_absolute() || found.value.contains('\0') || path.file_name().is_none() {
            let text = &found.value;
            let what = format!("{text:?} is no absolute path of a file: begin it with a slash");
            return Err(found.error(&self.file, what));
        }
        // Without a slash at its end, behind which the system would follow a symbolic link.
        Ok(path.components().collect())
    }

    /// A duration in ms, between `least` and `most`.
    pub(in crate::agent) fn duration(
        &mut self,
        key: &'static str,
        least: i64,
        most: i64,
    ) -> Result<Option<i64>, Error> {
        let wanted = "a duration in quotes, such as \"90m\" or \"3d\"";
        let Some(found) = self.of_type(key, wanted, string)? else { return Ok(None) };
        let Some(ms) = duration::parse(&found.value) else {
            let what = format!(
                "{:?} is no duration: write it as \"30s\", \"90m\", \"12h\" or \"3d\"",
                found.value
            );
            return Err(found.error(&self.file, what));
        };
        if ms < least || ms > most {
            let (least, most) = (duration::show(least), duration::show(most));
            let what = format!("{:?} is out of range: give {least} to {most}", found.value);
            return Err(found.error(&self.file, what));
        }
        Ok(Some(ms))
    }

    /// One of some words.
    pub(in crate::agent) fn choice<T: Copy>(
        &mut self,
        key: &'static str,
        choices: &[(&str, T)],
    ) -> Result<Option<T>, Error> {
        let Some(found) = self.text(key)? else { return Ok(None) };
        match choices.iter().find(|(name, _)| *name == found.value) {
            Some((_, choice)) => Ok(Some(*choice)),
            None => {
                let names: Vec<String> =
                    choices.iter().map(|(name, _)| format!("{name:?}")).collect();
                let (value, names) = (&found.value, names.join(" or "));
                Err(found.error(&self.file, format_args!("{value:?} is not known: write {names}")))
            }
        }
    }

    /// A namespace of Kubernetes.
    pub(in crate::agent) fn namespace(&mut self) -> Result<Option<String>, Error> {
        let Some(found) = self.text("namespace")? else { return Ok(None) };
        match check_namespace(&found.value) {
            Ok(()) => Ok(Some(found.value)),
            Err(why) => Err(found.error(&self.file, why)),
        }
    }

    /// A table whose keys are anybody's choice, with texts as values.
    pub(in crate::agent) fn pairs(
        &mut self,
        key: &'static str,
        example: &str,
    ) -> Result<Vec<(String, Found<String>)>, Error> {
        let wanted = format!("a table of texts, such as {example}");
        let found = self.of_type(key, &wanted, table)?;
        let Some(Found { value, key, .. }) = found else { return Ok(Vec::new()) };
        let mut pairs = Vec::new();
        for (name, value) in value {
            let offset = name.span().start;
            let key = format!("{key}.{}", name.get_ref());
            match string(value.into_inner()) {
                Some(value) => {
                    let name = name.into_inner().into_owned();
                    pairs.push((name, Found { value, key, offset }));
                }
                None => {
                    return Err(self.file.error(offset, format_args!("{key}: write {wanted}")));
                }
            }
        }
        Ok(pairs)
    }

    /// One table below this one.
    pub(in crate::agent) fn table(
        &mut self,
        key: &'static str,
        prefix: &'static str,
    ) -> Result<Option<Section<'a>>, Error> {
        let found = self.of_type(key, &format!("[{key}] above its keys"), table)?;
        let file = self.file;
        Ok(found.map(|Found { value, offset, .. }| Section::new(file, prefix, offset, value)))
    }

    /// The tables of a list, such as each `[[token]]`.
    pub(in crate::agent) fn tables(
        &mut self,
        key: &'static str,
        prefix: &'static str,
    ) -> Result<Vec<Section<'a>>, Error> {
        let name = prefix.trim_end_matches('.');
        let wanted = format!("[[{name}]] above its keys");
        let list = self.of_type(key, &wanted, |value| match value {
            DeValue::Array(list) => Some(list),
            _ => None,
        })?;
        let Some(Found { value, key, .. }) = list else { return Ok(Vec::new()) };
        value
            .into_iter()
            .map(|value| {
                let offset = value.span().start;
                match value.into_inner() {
                    DeValue::Table(table) => Ok(Section::new(self.file, prefix, offset, table)),
                    _ => Err(self.file.error(offset, format_args!("{key}: write {wanted}"))),
                }
            })
            .collect()
    }

    /// Everything has been asked for: what is left is a mistake.
    pub(in crate::agent) fn finish(self) -> Result<(), Error> {
        let first = self.table.iter().min_by_key(|(key, _)| key.span().start);
        let Some((key, _)) = first else { return Ok(()) };
        let (key, offset): (&Spanned<_>, _) = (key, key.span().start);
        let name = key.get_ref();
        let mend = match nearest(name, &self.asked) {
            Some(near) => format!("did you mean {near}?"),
            None => format!("remove it; known here are {}", self.asked.join(", ")),
        };
        let prefix = self.prefix;
        Err(self.file.error(offset, format_args!("{prefix}{name}: there is no such key: {mend}")))
    }
}

fn string(value: DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.into_owned()),
        _ => None,
    }
}

fn table(value: DeValue<'_>) -> Option<DeTable<'_>> {
    match value {
        DeValue::Table(table) => Some(table),
        _ => None,
    }
}

/// The known key that differs least, where that is little.
fn nearest(name: &str, known: &[&'static str]) -> Option<&'static str> {
    let nearest = known.iter().map(|key| (distance(name, key), *key)).min()?;
    (nearest.0 <= 1 + name.len() / 4).then_some(nearest.1)
}

/// Levenshtein's distance.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, left) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut last = i + 1;
        let mut next = vec![last];
        for (right, above) in b.chars().zip(row.iter().skip(1)) {
            last = (diagonal + usize::from(left != right)).min(above + 1).min(last + 1);
            diagonal = *above;
            next.push(last);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}
