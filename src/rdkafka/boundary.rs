//! What every function that librdkafka calls needs: no panic leaves it, and errors go out as C text.

use core::ffi::{CStr, c_char};
use core::ptr;

use crate::error::Error;
/// What a panic leaves behind is dropped with its login, or was not changed yet.
pub(super) use crate::panics::catch as guard;

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
