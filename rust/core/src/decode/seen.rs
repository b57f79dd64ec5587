//! Which ids of a stream have been there.

/// How far back ids are told apart. They grow by one within a stream, so that is how many of them.
const WINDOW: u64 = 1 << 16;

/// The ids of one stream, as far back as the window reaches.
///
/// Two sockets, a reconnect or a copied block bring the same ids again, some of them late. Ids below the window count
/// as seen: within one stream they only grow.
#[derive(Debug, Default)]
pub(super) struct Seen {
    newest: u64,
    /// A bit for each id modulo the window; empty before the first.
    bits: Vec<u64>,
}

impl Seen {
    /// Whether the id is there for the first time; from now on it has been.
    pub(super) fn is_new(&mut self, id: u64) -> bool {
        if self.bits.is_empty() {
            self.bits = vec![0; (WINDOW / 64) as usize];
            self.newest = id;
        }
        if id > self.newest {
            if id - self.newest >= WINDOW {
                self.bits.fill(0);
            } else {
                (self.newest + 1..id).for_each(|between| *self.word(between) &= !bit(between));
                *self.word(id) &= !bit(id);
            }
            self.newest = id;
        } else if self.newest - id >= WINDOW {
            return false;
        }
        let word = self.word(id);
        let is_new = *word & bit(id) == 0;
        *word |= bit(id);
        is_new
    }

    fn word(&mut self, id: u64) -> &mut u64 {
        &mut self.bits[(id % WINDOW / 64) as usize]
    }
}

fn bit(id: u64) -> u64 {
    1 << (id % 64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn an_id_is_new_once_and_late_ones_are_taken() {
        let mut seen = Seen::default();
        let ids = [7, 7, 9, 8, 8, 9, 7 + WINDOW, 8, 7, 10, 3 * WINDOW, 2 * WINDOW + 1, 2 * WINDOW];
        let new = [true, false, true, true, false, false, true, false, false, true, true, true, false];
        assert_eq!(ids.map(|id| seen.is_new(id)), new);
        assert!(seen.is_new(u64::MAX) && !seen.is_new(u64::MAX) && !seen.is_new(0));
    }

    proptest! {
        #[test]
        fn the_window_is_the_set_of_what_was_there(steps in proptest::collection::vec((-70_000i64..70_000, 0..8u8), 1..200)) {
            let (mut seen, mut set, mut newest) = (Seen::default(), BTreeSet::new(), 1_000_000u64);
            seen.is_new(newest);
            set.insert(newest);
            for (step, near) in steps {
                // Most steps are small, as they are in a stream.
                let id = newest.saturating_add_signed(if near > 0 { step % 10 } else { step });
                let expected = newest.saturating_sub(id) < WINDOW && set.insert(id);
                prop_assert_eq!(seen.is_new(id), expected);
                newest = newest.max(id);
            }
        }
    }
}
