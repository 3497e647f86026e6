//! What every function does at the border: catch panics, check pointers, keep the error's text.

use core::cell::RefCell;
use core::ffi::{CStr, c_char};
use std::ffi::CString;
use std::sync::Arc;

use parking_lot::Mutex;

use super::status::scramtoken_status;
use crate::panics::{catch, quietly};
use crate::{error::Error, status::Status};

thread_local! {
    static LAST_ERROR: RefCell<CString> = RefCell::default();
}

/// Runs the body of a function: no panic leaves it, and its error becomes the thread's last one.
pub(super) fn call(body: impl FnOnce() -> Result<Status, Error>) -> scramtoken_status {
    match catch(body) {
        Ok(status) => status.to_raw(),
        Err(error) => {
            let status = error.status().to_raw();
            set_last_error(&error);
            status
        }
    }
}

/// Like [`call`], on an object that remembers its own last error.
///
/// # Safety
///
/// As for [`object`].
pub(super) unsafe fn call_on<T: HasError>(
    what: &str,
    pointer: *const T,
    body: impl FnOnce(&Arc<T>) -> Result<Status, Error>,
) -> scramtoken_status {
    call(|| {
        // SAFETY: the caller's promise.
        let object = unsafe { object(what, pointer)? };
        catch(|| body(&object)).inspect_err(|error| object.error().set(error.text()))
    })
}

/// Like [`call_on`], for a body that runs no code of the host's, which could free the object.
///
/// # Safety
///
/// As for [`lent`].
pub(super) unsafe fn call_on_lent<T: HasError>(
    what: &str,
    pointer: *const T,
    body: impl FnOnce(&T) -> Result<Status, Error>,
) -> scramtoken_status {
    call(|| {
        // SAFETY: the caller's promise.
        let object = unsafe { lent(what, pointer)? };
        catch(|| body(object)).inspect_err(|error| object.error().set(error.text()))
    })
}

/// The text of the thread's last error.
pub(super) fn last_error() -> *const c_char {
    LAST_ERROR.try_with(|text| text.borrow().as_ptr()).unwrap_or(c"".as_ptr())
}

/// A text of an object's for its owner to read: of its last failing call, or a warning. None costs no
/// allocation.
#[derive(Default)]
pub(super) struct LastText(Mutex<Option<CString>>);

impl LastText {
    /// Valid until the next text.
    pub(super) fn as_ptr(&self) -> *const c_char {
        self.0.lock().as_ref().map_or(c"".as_ptr(), |text| text.as_ptr())
    }

    pub(super) fn set(&self, text: &str) {
        *self.0.lock() = Some(c_string(text));
    }
}

/// A type whose objects the caller owns: made by [`hand_out`], ended by [`take_back`].
pub(super) trait Object {}

pub(super) trait HasError: Object {
    fn error(&self) -> &LastText;
}

/// A C string with what would end it early left out.
pub(super) fn c_string(text: &str) -> CString {
    CString::new(text.replace('\0', "\u{fffd}")).unwrap_or_default()
}

pub(super) fn null(what: &str) -> Error {
    Error::new(Status::INVALID_ARGUMENT, format!("{what} is NULL"))
}

/// Holds an object for the length of a call, so that a callback of the call may free it.
///
/// # Safety
///
/// `pointer` is NULL or came from [`hand_out`], and nobody has taken it back.
pub(super) unsafe fn object<T: Object>(what: &str, pointer: *const T) -> Result<Arc<T>, Error> {
    if pointer.is_null() {
        return Err(null(what));
    }
    // SAFETY: `hand_out` made it of an Arc, which lives until it is taken back; the count grows by
    // the reference that is made here.
    unsafe {
        Arc::increment_strong_count(pointer);
        Ok(Arc::from_raw(pointer))
    }
}

/// Whether the caller has freed an object since a call began to hold it.
pub(super) fn was_freed<T: Object>(held: &Arc<T>) -> bool {
    Arc::strong_count(held) == 1
}

/// Borrows what is the caller's own, or was lent to it for the length of a callback.
///
/// # Safety
///
/// `pointer` is NULL or points to a value that nobody writes or ends for as long as the reference
/// lives.
pub(super) unsafe fn lent<'a, T>(what: &str, pointer: *const T) -> Result<&'a T, Error> {
    // SAFETY: the caller's promise is the one that is needed.
    unsafe { pointer.as_ref() }.ok_or_else(|| null(what))
}

/// Gives an object to the caller.
///
/// # Safety
///
/// `out` is not NULL and may be written.
pub(super) unsafe fn hand_out<T: Object>(out: *mut *mut T, object: T) {
    // SAFETY: the caller promises that `out` may be written.
    unsafe { out.write(Arc::into_raw(Arc::new(object)).cast_mut()) };
}

/// Takes an object back. It is dropped when no call holds it any more.
///
/// # Safety
///
/// `pointer` is NULL or came from [`hand_out`], and is not used again.
pub(super) unsafe fn take_back<T: Object>(pointer: *mut T) {
    if !pointer.is_null() {
        // SAFETY: `hand_out` made it of an Arc, and the caller gives up what it has of it.
        quietly(|| drop(unsafe { Arc::from_raw(pointer) }));
    }
}

/// Borrows bytes of the caller's; NULL stands for none where the length is 0.
///
/// # Safety
///
/// `pointer` is NULL or points to `len` bytes that nobody writes for as long as the slice lives.
pub(super) unsafe fn bytes<'a>(
    what: &str,
    pointer: *const u8,
    len: usize,
) -> Result<&'a [u8], Error> {
    if len == 0 {
        return Ok(&[]);
    }
    if pointer.is_null() {
        return Err(null(what));
    }
    if isize::try_from(len).is_err() {
        return Err(Error::new(
            Status::INVALID_ARGUMENT,
            format!("the length of {what} is {len}, which no memory holds"),
        ));
    }
    // SAFETY: not NULL, not longer than a slice may be, and the caller promises the rest.
    Ok(unsafe { core::slice::from_raw_parts(pointer, len) })
}

/// Borrows a NUL-terminated UTF-8 string of the caller's.
///
/// # Safety
///
/// `pointer` is NULL or points to a NUL-terminated string that nobody writes meanwhile.
pub(super) unsafe fn string<'a>(what: &str, pointer: *const c_char) -> Result<&'a str, Error> {
    if pointer.is_null() {
        return Err(null(what));
    }
    // SAFETY: not NULL, and the caller promises the rest.
    unsafe { CStr::from_ptr(pointer) }
        .to_str()
        .map_err(|_| Error::new(Status::INVALID_ARGUMENT, format!("{what} is not UTF-8")))
}

/// Checks an output pointer before any work is done.
pub(super) fn check_out<T>(what: &str, pointer: *const T) -> Result<(), Error> {
    if pointer.is_null() { Err(null(what)) } else { Ok(()) }
}

fn set_last_error(error: &Error) {
    // A thread that is ending has no thread-locals any more, and then nobody reads this either.
    let _ = LAST_ERROR.try_with(|text| text.replace(c_string(error.text())));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn last_error_text() -> String {
        // SAFETY: the pointer is valid until the thread's next failing call.
        unsafe { CStr::from_ptr(last_error()) }.to_str().unwrap().to_owned()
    }

    #[test]
    fn a_panic_becomes_a_status() {
        let status = call(|| panic!("on purpose"));
        assert_eq!(status, Status::INTERNAL.to_raw());
        assert!(last_error_text().contains("please report"));
    }

    #[test]
    fn the_last_error_is_the_threads_own() {
        call(|| Err(null("this")));
        assert_eq!(last_error_text(), "this is NULL");
        std::thread::spawn(|| assert_eq!(last_error_text(), "")).join().unwrap();
        call(|| Ok(Status::OK));
        assert_eq!(last_error_text(), "this is NULL");
    }
}
