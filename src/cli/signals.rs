//! Ctrl-C and its like, amid the making of a file: nothing of it stays.

use std::fs;
use std::sync::Once;
use std::thread;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

use crate::files::{remove_at_signals, remove_now};

/// From now on a signal that ends the program removes what is temporary first.
pub(super) fn remove_temporaries() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let ignored = ignored();
        let signals = [SIGHUP, SIGINT, SIGTERM].into_iter().filter(|s| !ignored(*s));
        // Without them the program ends as it would anyway, and the next one sweeps.
        let Ok(mut signals) = Signals::new(signals) else { return };
        remove_at_signals();
        thread::spawn(move || {
            if let Some(signal) = signals.forever().next() {
                remove_now();
                let _ = emulate_default_handler(signal);
            }
        });
    });
}

/// Which signals the program is not to hear of, as under nohup.
fn ignored() -> impl Fn(i32) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    move |signal| mask >> (signal - 1) & 1 == 1
}
