//! Days of the calendar, UTC.

/// A day, ns.
pub(crate) const DAY: i64 = 86_400_000_000_000;

/// Year, month and day of the month of so many days after 1 January 1970.
pub(crate) fn date(days: i64) -> (i64, i64, i64) {
    // Years begin in March here, so that the leap day is the last one; 1970-01-01 is day 719,468 since 0000-03-01.
    let (era, day) = ((days + 719_468).div_euclid(146_097), (days + 719_468).rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (day, month) = (day - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
    (era * 400 + year + i64::from(month <= 2), month, day)
}
