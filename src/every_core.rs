//! Work that takes milliseconds for each of many things, as hashing does, on every processor.

use std::num::NonZeroUsize;
use std::thread;

use crate::{error::Error, status::Status};

/// What `work` makes of the items, in their order; each processor gives it a share of them.
///
/// # Errors
///
/// `INTERNAL` where it panics.
pub(crate) fn map<T: Sync, R: Send>(
    items: &[T],
    work: impl Fn(&[T]) -> Vec<R> + Sync,
) -> Result<Vec<R>, Error> {
    let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let share = items.len().div_ceil(threads).max(1);
    let work = &work;
    thread::scope(|scope| {
        let shares = items.chunks(share).map(|share| {
            // Where no thread is to be had, this one has to do.
            thread::Builder::new().spawn_scoped(scope, move || work(share)).map_err(|_| share)
        });
        let shares: Vec<_> = shares.collect();
        // All of them, before one that panicked is an error.
        let done: Vec<_> = shares
            .into_iter()
            .map(|thread| match thread {
                Ok(thread) => thread.join(),
                Err(share) => Ok(work(share)),
            })
            .collect();
        let mut all = Vec::with_capacity(items.len());
        for done in done {
            all.extend(done.map_err(|_| {
                Error::new(Status::INTERNAL, "a fault while many things were hashed at once")
            })?);
        }
        Ok(all)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_panics_is_an_error() {
        let error = map(&[1, 2, 3, 4], |_| -> Vec<u32> { panic!("in every share") }).unwrap_err();
        assert_eq!(error.status(), Status::INTERNAL);
    }

    #[test]
    fn order_stays() {
        for count in [0, 1, 2, 7, 1000] {
            let items: Vec<u32> = (0..count).collect();
            let doubled: Vec<u32> = items.iter().map(|item| item * 2).collect();
            let double = |share: &[u32]| share.iter().map(|item| item * 2).collect();
            assert_eq!(map(&items, double), Ok(doubled));
        }
    }
}
