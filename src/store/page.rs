//! Listings in pages, so that no transaction lasts while foreign code looks at an entry.

use core::ops::ControlFlow;

use super::backend::{Read, Table};
use crate::error::Error;

/// A part of a listing: at most as many items as were asked for.
#[derive(Debug)]
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    /// Where the next page begins; None after the last.
    pub(crate) next: Option<Vec<u8>>,
}

/// Reads entries from a key on, until there are `limit` of them or `item` gives None.
pub(super) fn page<T>(
    read: &dyn Read,
    table: Table,
    from: &[u8],
    limit: usize,
    mut item: impl FnMut(&[u8], &[u8]) -> Result<Option<T>, Error>,
) -> Result<Page<T>, Error> {
    let mut page = Page { items: Vec::new(), next: None };
    read.scan(table, from, &mut |key, record| {
        let Some(item) = item(key, record)? else { return Ok(ControlFlow::Break(())) };
        if page.items.len() == limit {
            page.next = Some(key.to_vec());
            return Ok(ControlFlow::Break(()));
        }
        page.items.push(item);
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(page)
}
