//! When the venue's book was locked or crossed, however shortly.

use crate::types::Moments;

/// What a market is told after each of its messages.
#[derive(Debug, Clone)]
pub(super) struct Crossed {
    /// Whether the book is locked or crossed.
    is_on: bool,
    /// When that changed last, ns: what a market that goes back hears again before is known.
    changed: i64,
    /// Nothing up to here is new, ns.
    known: i64,
    found: Moments,
}

impl Default for Crossed {
    fn default() -> Self {
        Self { is_on: false, changed: i64::MIN, known: i64::MIN, found: Moments::default() }
    }
}

impl Crossed {
    /// Looks at the book after a message at `now`.
    #[inline(always)]
    pub(super) fn look(&mut self, is_crossed: bool, now: i64) {
        if is_crossed != self.is_on {
            self.change(now);
        }
    }

    #[cold]
    fn change(&mut self, now: i64) {
        if now <= self.known || now < self.changed {
            return;
        }
        if self.is_on && now > self.changed {
            self.found.add(self.changed, now);
        }
        (self.is_on, self.changed) = (!self.is_on, now);
    }

    /// The market goes back to what has happened by `now`.
    pub(super) fn go_back(&mut self, now: i64) {
        self.known = now;
    }

    /// What was found by `end`.
    pub(super) fn told(&self, end: i64) -> Moments {
        let mut found = self.found.clone();
        if self.is_on && end > self.changed {
            found.add(self.changed, end);
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looked(crossed: &mut Crossed, looks: &[(bool, i64)]) {
        for (is_crossed, now) in looks {
            crossed.look(*is_crossed, *now);
        }
    }

    #[test]
    fn moments_last_until_the_book_is_sound_or_the_run_ends() {
        let mut crossed = Crossed::default();
        looked(&mut crossed, &[(false, 1), (true, 2), (true, 3), (false, 5), (true, 9)]);
        let told = crossed.told(10);
        assert_eq!((told.times, told.total_ns, told.longest_ns), (2, 4, 3));
        assert_eq!(told.kept, [(2, 5), (9, 10)]);
        looked(&mut crossed, &[(false, 9), (true, 9), (false, 12)]);
        assert_eq!(crossed.told(20).kept, [(2, 5), (9, 12)], "what has no length is none");
    }

    #[test]
    fn a_market_that_goes_back_finds_the_same() {
        let looks = [(true, 2), (false, 5), (true, 9), (true, 10), (false, 12), (true, 15)];
        for ahead in 0..=looks.len() {
            for back in 0..=ahead {
                let mut crossed = Crossed::default();
                looked(&mut crossed, &looks[..ahead]);
                // What is known is said again, all at once.
                let now = looks[..back].last().map_or(0, |look| look.1);
                crossed.go_back(now);
                for (is_crossed, _) in &looks[..back] {
                    crossed.look(*is_crossed, now);
                }
                looked(&mut crossed, &looks[back..]);
                assert_eq!(crossed.told(16).kept, [(2, 5), (9, 12), (15, 16)], "{ahead} {back}");
            }
        }
    }
}
