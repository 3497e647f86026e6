//! Times and dates as people say them.

use std::time::Duration;

use crate::cli::token_table::date;

/// `in 23 h (2026-11-23T10:41)`, `2 days ago (2026-11-23T10:41)`.
pub(super) fn until(at_ms: i64, now_ms: i64) -> String {
    let span = Duration::from_millis(at_ms.abs_diff(now_ms));
    let date = date(Some(at_ms));
    if at_ms > now_ms {
        format!("in {} ({date})", span_of(span))
    } else {
        ago(span) + &format!(" ({date})")
    }
}

/// `3 min ago`.
pub(super) fn ago(span: Duration) -> String {
    format!("{} ago", span_of(span))
}

/// Rounded to the largest unit of which there are several.
pub(super) fn span_of(span: Duration) -> String {
    let seconds = span.as_secs();
    let units =
        [(60, 120, "min"), (3_600, 48, "h"), (86_400, 21, "days"), (604_800, u64::MAX, "weeks")];
    if seconds < 120 {
        return format!("{seconds} s");
    }
    units
        .into_iter()
        .map(|(length, most, unit)| ((seconds + length / 2) / length, most, unit))
        .find(|(count, most, _)| count < most)
        .map_or_else(String::new, |(count, _, unit)| format!("{count} {unit}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_in_a_unit_of_which_there_are_several() {
        for (seconds, text) in [
            (0, "0 s"),
            (119, "119 s"),
            (120, "2 min"),
            (7_160, "119 min"),
            (7_199, "2 h"),
            (86_390, "24 h"),
            (172_800, "2 days"),
            (604_000, "7 days"),
            (1_814_400, "3 weeks"),
        ] {
            assert_eq!(span_of(Duration::from_secs(seconds)), text);
        }
        assert!(until(60_000, 0).starts_with("in 60 s (1970-01-01T"));
        assert!(until(0, 60_000).starts_with("60 s ago (1970-01-01T"));
    }
}
