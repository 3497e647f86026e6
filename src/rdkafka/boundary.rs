//! What every function that librdkafka calls needs: no panic leaves it, and errors go out as C text.

use core::ffi::{CStr, c_char};
use core::ptr;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::{error::Error, status::Status};

/// Runs a function of ours; a panic becomes an error.
pub(super) fn guard<T>(run: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    // What a panic leaves behind is dropped with its login, or was not changed yet.
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| {
        Err(Error::new(Status::INTERNAL, "a fault in scramtoken: please report it"))
    })
}

/// A string of librdkafka's; None for NULL.
///
/// # Safety
///
/// NULL or a string that outlives the borrow.
pub(super) unsafe fn string<'a>(text: *const c_char) -> Option<&'a CStr> {
    // SAFETY: it is a string unless it is NULL.
    (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) })
}

/// Hands an error to librdkafka, cut to the room that there is.
///
/// # Safety
///
/// `errstr` is NULL or has `errstr_size` bytes.
pub(super) unsafe fn write_error(error: &Error, errstr: *mut c_char, errstr_size: usize) {
    let Some(room) = errstr_size.checked_sub(1) else { return };
    if errstr.is_null() {
        return;
    }
    let text = format!("scramtoken: {}", error.text());
    let mut length = text.len().min(room);
    while !text.is_char_boundary(length) {
        length -= 1;
    }
    // SAFETY: length + 1 bytes are at most errstr_size, and the text is elsewhere.
    unsafe {
        ptr::copy_nonoverlapping(text.as_ptr().cast(), errstr, length);
        *errstr.add(length) = 0;
    }
}
