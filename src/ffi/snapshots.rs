//! Settings that change while somebody works by them: each call takes them as they are when it begins.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::error::Error;

/// The settings of an object. A call works by one snapshot, whatever its callbacks change meanwhile.
#[derive(Default)]
pub(super) struct Snapshots<T>(Mutex<Arc<T>>);

impl<T: Clone> Snapshots<T> {
    pub(super) fn new(settings: T) -> Self {
        Self(Mutex::new(Arc::new(settings)))
    }

    /// As they are now.
    pub(super) fn current(&self) -> Arc<T> {
        Arc::clone(&self.0.lock())
    }

    /// Changes them for whoever asks from now on; nothing where the change fails.
    pub(super) fn change(
        &self,
        change: impl FnOnce(&mut T) -> Result<(), Error>,
    ) -> Result<(), Error> {
        // The previous settings go last and without the lock: what they drop may be a finalizer,
        // which is foreign code.
        let previous = self.current();
        let mut settings = T::clone(&previous);
        change(&mut settings)?;
        *self.0.lock() = Arc::new(settings);
        Ok(())
    }
}
