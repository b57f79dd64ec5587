//! What is missing of trades that their venue numbers one by one, without a hole.

/// Numbers that were passed over.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Holes {
    /// The highest number so far, 0 before the first.
    last: u64,
    /// How often numbers are passed over.
    leaps: u64,
    /// Numbers that are.
    missing: u64,
    /// Receipt of the trade behind the first of them, ns.
    first: Option<i64>,
}

impl Holes {
    /// Takes the number of a trade that was not there before, and when that was received.
    #[inline]
    pub(super) fn pass(&mut self, number: u64, ts_recv: i64) {
        if self.last != 0 && number.checked_sub(1) != Some(self.last) {
            self.leap(number, ts_recv);
        }
        self.last = self.last.max(number);
    }

    #[cold]
    fn leap(&mut self, number: u64, ts_recv: i64) {
        if number > self.last {
            self.leaps += 1;
            self.missing = self.missing.saturating_add(number - self.last - 1);
            self.first.get_or_insert(ts_recv);
        } else if self.missing > 0 {
            // It comes late. Who fills the last place leaves no hole.
            self.missing -= 1;
        } else {
            // A venue that counts anew.
            self.last = 0;
        }
    }

    /// How often numbers are missing.
    pub fn leaps(&self) -> u64 {
        if self.missing == 0 { 0 } else { self.leaps }
    }

    /// How many are.
    pub fn missing(&self) -> u64 {
        self.missing
    }

    /// When the trade behind the first hole was received, ns.
    pub fn first(&self) -> Option<i64> {
        self.first.filter(|_| self.missing > 0)
    }

    /// Counts those of another stream, too.
    pub(super) fn add(&mut self, other: &Self) {
        if other.missing > 0 {
            self.leaps += other.leaps;
            self.missing = self.missing.saturating_add(other.missing);
            self.first = self.first.into_iter().chain(other.first).min();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(numbers: &[u64]) -> (u64, u64, Option<i64>) {
        let mut holes = Holes::default();
        for (at, number) in numbers.iter().enumerate() {
            holes.pass(*number, at as i64);
        }
        (holes.leaps(), holes.missing(), holes.first())
    }

    #[test]
    fn numbers_that_are_passed_over_are_missing_until_they_come() {
        for (numbers, told) in [
            (&[][..], (0, 0, None)),
            (&[7], (0, 0, None)),
            (&[7, 8, 9], (0, 0, None)),
            (&[7, 9, 10, 20], (2, 10, Some(1))),
            (&[7, 9, 8, 10], (0, 0, None)),
            (&[7, 10, 8, 11], (1, 1, Some(1))),
            (&[7, 8, 1, 2, 3], (0, 0, None)),
            (&[7, 8, 1, 3], (1, 1, Some(3))),
            (&[1, u64::MAX], (1, u64::MAX - 2, Some(1))),
        ] {
            assert_eq!(of(numbers), told, "{numbers:?}");
        }
    }
}
