//! Times in nanoseconds, and lengths of time written as people write them: `100ms`, `1s`, `5m`, `1h`, `1d`, `250us`, `10ns`.

use super::decimal::{Decimal, DecimalError};

/// Largest time, ns: in the year 2116. A latency may be added to it.
pub const TIME_LIMIT: i64 = (1 << 62) - 1;

/// Parses a length of time to nanoseconds. A unit is required; the number may have decimals.
///
/// # Errors
/// [`DecimalError::NotANumber`] without a known unit, [`DecimalError::OutOfRange`] past 292 years,
/// [`DecimalError::OffGrid`] for fractions of a nanosecond.
pub fn parse_duration(text: &str) -> Result<i64, DecimalError> {
    let split = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let (scale, factor) = match unit {
        "ns" => (0, 1),
        "us" => (3, 1),
        "ms" => (6, 1),
        "s" => (9, 1),
        "m" => (9, 60),
        "h" => (9, 3_600),
        "d" => (9, 86_400),
        _ => return Err(DecimalError::NotANumber(text.to_owned())),
    };
    let value = Decimal::parse(number.trim_end().as_bytes())
        .map_err(|_| DecimalError::NotANumber(text.to_owned()))?;
    let units = value
        .at_scale(scale)
        .ok_or_else(|| DecimalError::OffGrid { value: text.to_owned(), step: "1ns".to_owned() })?;
    units
        .checked_mul(factor)
        .and_then(|ns| i64::try_from(ns).ok())
        .ok_or_else(|| DecimalError::OutOfRange(text.to_owned()))
}

/// A length of time in the largest unit that divides it: `100ms`, `5m`.
pub fn format_duration(ns: i64) -> String {
    let units = [
        (86_400_000_000_000, "d"),
        (3_600_000_000_000, "h"),
        (60_000_000_000, "m"),
        (1_000_000_000, "s"),
        (1_000_000, "ms"),
        (1_000, "us"),
    ];
    for (unit, name) in units {
        if ns != 0 && ns % unit == 0 {
            return format!("{}{name}", ns / unit);
        }
    }
    format!("{ns}ns")
}

/// Returns a length of time as people say it: seconds of three digits below two minutes, else the two largest units that
/// are not 0.
pub fn format_span(ns: i64) -> String {
    const SECOND: u64 = 1_000_000_000;
    let ns = ns.unsigned_abs();
    if ns < 120 * SECOND {
        let places = 12_usize.saturating_sub(ns.checked_ilog10().unwrap_or(0) as usize + 1).min(9);
        let text = format!("{:.places$}", ns as f64 / SECOND as f64);
        let text = if places > 0 { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
        return format!("{text} s");
    }
    let mut left = (ns + SECOND / 2) / SECOND;
    let mut told = Vec::new();
    for (unit, size) in [("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)] {
        if left >= size && told.len() < 2 {
            told.push(format!("{} {unit}", left / size));
        }
        left %= size;
    }
    told.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_write() {
        for (text, ns) in [
            ("100ms", 100_000_000),
            ("1s", 1_000_000_000),
            ("0.5s", 500_000_000),
            ("5m", 300_000_000_000),
            ("1d", 86_400_000_000_000),
            ("250us", 250_000),
            ("10 ns", 10),
        ] {
            assert_eq!(parse_duration(text), Ok(ns), "{text}");
            assert_eq!(parse_duration(&format_duration(ns)), Ok(ns), "{text}");
        }
        for text in ["", "100", "ms", "1 fortnight", "1.5ns", "x1s", "1s2", "999999999d"] {
            assert!(parse_duration(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn spans_are_said_as_people_do() {
        for (ns, text) in [
            (0, "0 s"),
            (1, "0.000000001 s"),
            (500_000_000, "0.5 s"),
            (1_234_567_890, "1.23 s"),
            (75_000_000_000, "75 s"),
            (99_960_000_000, "100 s"),
            (180_000_000_000, "3 min"),
            (3_661_400_000_000, "1 h 1 min"),
            (86_405_000_000_000, "1 d 5 s"),
            (i64::MAX, "106751 d 23 h"),
        ] {
            assert_eq!(format_span(ns), text);
        }
    }
}
