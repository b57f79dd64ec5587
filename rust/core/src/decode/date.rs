//! Dates with a time of day, in the calendar of everybody.

const DAY: i64 = 86_400_000_000_000;

/// Nanoseconds since 1970, UTC, of `2024-08-08T00:00:00.123456Z`, with a blank or a D for the T, an offset for the Z or
/// neither.
pub(super) fn date_time(text: &[u8]) -> Option<i64> {
    let number = |from: usize, to: usize| {
        let digits = text.get(from..to)?;
        digits.iter().all(u8::is_ascii_digit).then_some(())?;
        Some(digits.iter().fold(0i64, |sum, digit| sum * 10 + i64::from(digit - b'0')))
    };
    let marks = |places: &[(usize, u8)]| places.iter().all(|(at, mark)| text.get(*at) == Some(mark));
    if !marks(&[(4, b'-'), (7, b'-'), (13, b':'), (16, b':')])
        || !matches!(text.get(10), Some(b'T' | b' ' | b'D'))
    {
        return None;
    }
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 => 28 + i64::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=days).contains(&day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let (mut at, mut fraction) = (19, 0);
    if text.get(at) == Some(&b'.') {
        let places = text[at + 1..].iter().take_while(|c| c.is_ascii_digit()).count();
        // Beyond nanoseconds nothing is kept.
        let kept = places.min(9);
        fraction = number(at + 1, at + 1 + kept)? * 10i64.pow(9 - kept as u32);
        at += 1 + places;
    }
    let offset = match text.get(at..)? {
        b"" | b"Z" | b"z" | b" UTC" => 0,
        [sign @ (b'+' | b'-'), zone @ ..] => {
            let (start, minutes) = (at + 1, if zone.contains(&b':') { at + 4 } else { at + 3 });
            let minute = if zone.len() == 2 { 0 } else { number(minutes, minutes + 2)? };
            let length = if zone.len() == 2 { start + 2 } else { minutes + 2 };
            (length == text.len()).then_some(())?;
            let minutes = number(start, start + 2)? * 60 + minute;
            if *sign == b'+' { minutes } else { -minutes }
        }
        _ => return None,
    };
    // Days since 1970 by the rule of the Gregorian calendar, years counted from March on.
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 719_469;
    let seconds = (hour * 60 + minute - offset) * 60 + second;
    days.checked_mul(DAY)?.checked_add(seconds * 1_000_000_000)?.checked_add(fraction)
}
