//! What somebody may have meant who misspelt a name or a length of time.

/// The name that is nearest to a misspelt one, if it is near.
pub(crate) fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let shown: String = name.to_lowercase().chars().take(64).collect();
    let rated = names.map(|known| (distance(&shown, known), known));
    let is_near = |far: usize, known: &str| {
        let is_part = shown.len() >= 3 && (known.contains(&shown) || shown.contains(known));
        is_part || far <= 1 + known.len() / 3
    };
    rated.filter(|(far, known)| is_near(*far, known)).min().map(|(_, known)| known)
}

/// A hint to put behind an error, nothing where there is none.
pub(crate) fn did_you_mean(near: Option<&str>) -> String {
    near.map_or_else(String::new, |near| format!("; did you mean {near:?}?"))
}

/// Letters to insert, delete or exchange to get from one word to another.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.bytes().enumerate() {
            let changed = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

/// The length of time whose unit was written otherwise: `1min`, `5 seconds`, `2H`.
pub fn nearest_duration(text: &str) -> Option<String> {
    let text: String = text.trim().to_lowercase().chars().take(64).collect();
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = text.split_at(split);
    let names = [
        ("milli", "ms"),
        ("micro", "us"),
        ("nano", "ns"),
        ("min", "m"),
        ("sec", "s"),
        ("h", "h"),
        ("d", "d"),
    ];
    let unit = unit.trim();
    let (_, short) = names.into_iter().find(|(begin, _)| unit.starts_with(begin))?;
    (!number.is_empty()).then(|| format!("{number}{short}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_of_others_are_told_in_ours() {
        for (text, near) in [
            ("1min", Some("1m")),
            ("5 seconds", Some("5s")),
            ("2H", Some("2h")),
            ("1day", Some("1d")),
            ("100 millis", Some("100ms")),
            ("1fortnight", None),
            ("min", None),
            ("60", None),
        ] {
            assert_eq!(nearest_duration(text).as_deref(), near, "{text}");
        }
    }

    #[test]
    fn a_misspelt_name_has_a_near_one_and_another_word_has_none() {
        let names = || ["empty", "late", "grace", "source"].into_iter();
        assert_eq!(nearest("emtpy", names()), Some("empty"));
        assert_eq!(nearest("volatility", names()), None);
    }
}
