//! Bytes, as the system and malloc count them.

use std::fs;
use std::path::Path;

/// Pages of this process that are in memory, those of mapped files included.
#[expect(clippy::cast_precision_loss, reason = "nobody has petabytes")]
pub(crate) fn resident() -> f64 {
    let statm = fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = statm.split(' ').nth(1).unwrap().parse().unwrap();
    // SAFETY: reads a constant of the system.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    (pages * u64::try_from(page).unwrap()) as f64
}

/// What malloc has handed out.
#[expect(clippy::cast_precision_loss, reason = "nobody has petabytes")]
pub(crate) fn allocated() -> f64 {
    // SAFETY: reads counters of malloc's.
    let info = unsafe { libc::mallinfo2() };
    (info.uordblks + info.hblkhd) as f64
}

/// Gives the system back what is free, so that it counts when it is used again.
pub(crate) fn give_back() {
    // SAFETY: changes nothing of what is in use.
    unsafe { libc::malloc_trim(0) };
}

/// The store's data file, which has holes where nothing was written.
#[expect(clippy::cast_precision_loss, reason = "nobody has petabytes")]
pub(crate) fn on_disk(store: &Path) -> f64 {
    use std::os::unix::fs::MetadataExt;

    let files = fs::read_dir(store).unwrap();
    let blocks: u64 = files.map(|file| file.unwrap().metadata().unwrap().blocks()).sum();
    (blocks * 512) as f64
}
