//! Durations as people write them: `90m`, `3d`, `1h30m`.

/// Milliseconds of a text such as `3d`, `90m` or `1h30m`; None for anything else.
///
/// Units are `ms`, `s`, `m`, `h` and `d`, each with a whole number before it.
pub(crate) fn parse(text: &str) -> Option<i64> {
    let mut total: i64 = 0;
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|character: char| !character.is_ascii_digit())?;
        let (number, after) = rest.split_at_checked(digits)?;
        let letters = after.find(|character: char| !character.is_ascii_alphabetic());
        let (unit, after) = after.split_at_checked(letters.unwrap_or(after.len()))?;
        let ms = number.parse::<i64>().ok()?.checked_mul(unit_ms(unit)?)?;
        total = total.checked_add(ms)?;
        rest = after;
    }
    Some(total)
}

fn unit_ms(unit: &str) -> Option<i64> {
    Some(match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60 * 1000,
        "h" => 60 * 60 * 1000,
        "d" => 24 * 60 * 60 * 1000,
        _ => return None,
    })
}

/// Milliseconds for people, by the two largest units: `2d 3h`, `41s`.
pub(crate) fn show(ms: i64) -> String {
    const UNITS: [(&str, i64); 4] =
        [("d", 24 * 60 * 60 * 1000), ("h", 60 * 60 * 1000), ("m", 60 * 1000), ("s", 1000)];
    let mut rest = ms.max(0);
    let mut text = String::new();
    for (name, unit) in UNITS {
        let parts = text.split(' ').filter(|part| !part.is_empty()).count();
        if rest >= unit && parts < 2 {
            if parts == 1 {
                text.push(' ');
            }
            text.push_str(&format!("{}{name}", rest / unit));
        }
        rest %= unit;
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts() {
        for (text, ms) in [
            ("250ms", 250),
            ("10s", 10_000),
            ("90m", 5_400_000),
            ("1h30m", 5_400_000),
            ("3d", 259_200_000),
            (" 7d ", 604_800_000),
        ] {
            assert_eq!(parse(text), Some(ms), "{text}");
        }
        for text in ["", "3", "d", "3x", "-3d", "3 d", "1.5h", "3d4", "99999999999999999d", "3dd"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn shown() {
        for (ms, text) in
            [(0, "0s"), (999, "0s"), (41_000, "41s"), (183_600_000, "2d 3h"), (3_601_000, "1h 1s")]
        {
            assert_eq!(show(ms), text);
        }
    }
}
