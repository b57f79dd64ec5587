//! A file of acknowledged orders, as lines of `sent_ns,acted_ns,received_ns`: when each was sent, when it took effect at
//! the venue and when that was known, ns.

use super::{Leg, Measured};
use crate::decode::not_in_ns;

/// The first line.
pub const SERIES_HEADER: &str = "sent_ns,acted_ns,received_ns";

/// A line that is no acknowledged order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct BadSeries {
    /// Its number, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub problem: String,
}

/// What one leg took, as a file measured it, by when each way began. An order that was refused, which has no time at the
/// venue (0), is left out.
///
/// # Errors
/// [`BadSeries`].
pub fn read_series(text: &str, leg: Leg) -> Result<Measured, BadSeries> {
    let bad = |line: usize, problem: String| BadSeries { line: line as u64 + 1, problem };
    let mut lines = text.lines().enumerate();
    let head = lines.next().map_or("", |(_, head)| head.trim());
    if head != SERIES_HEADER {
        return Err(bad(0, format!("expected {SERIES_HEADER}, got {head:?}")));
    }
    let mut measured = Vec::new();
    for (line, row) in lines.filter(|(_, row)| !row.trim().is_empty()) {
        let times: Vec<i64> = row.split(',').map_while(|time| time.trim().parse().ok()).collect();
        let [sent, acted, received] = times[..] else {
            return Err(bad(line, format!("expected three times in ns, got {row:?}")));
        };
        if acted == 0 {
            continue;
        }
        if let Some(problem) = not_in_ns(sent).filter(|_| measured.is_empty()) {
            return Err(bad(line, problem));
        }
        let (from, to) = match leg {
            Leg::Entry => (sent, acted),
            Leg::Response => (acted, received),
        };
        let took = to.checked_sub(from).filter(|took| *took >= 0);
        let Some(took) = took else { return Err(bad(line, format!("{to} is before {from}"))) };
        measured.push((from, took));
    }
    if measured.is_empty() {
        return Err(bad(0, "no order was acknowledged".into()));
    }
    measured.sort_by_key(|(from, _)| *from);
    Ok(measured.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_leg_is_measured_from_where_it_begins() {
        let text = "sent_ns,acted_ns,received_ns\n200,230,290\n100,110,130\n150,0,160\n\n";
        assert_eq!(read_series(text, Leg::Entry).unwrap()[..], [(100, 10), (200, 30)]);
        assert_eq!(read_series(text, Leg::Response).unwrap()[..], [(110, 20), (230, 60)]);
    }

    #[test]
    fn a_line_that_is_wrong_is_named() {
        let told = |text: &str| read_series(text, Leg::Entry).unwrap_err().to_string();
        assert_eq!(told("a,b\n"), "line 1: expected sent_ns,acted_ns,received_ns, got \"a,b\"");
        let head = SERIES_HEADER;
        assert_eq!(told(&format!("{head}\n1,2\n")), "line 2: expected three times in ns, got \"1,2\"");
        assert_eq!(told(&format!("{head}\n1,2,3\n5,4,6\n")), "line 3: 4 is before 5");
        assert_eq!(told(&format!("{head}\n1,0,3\n")), "line 1: no order was acknowledged");
        let in_us = told(&format!("{head}\n1723075200000000,1723075200000400,1723075200000900\n"));
        assert!(in_us.contains("while as us it is 2024-08-08 00:00:00.000000000 UTC"), "{in_us}");
    }
}
