//! Which of several sorted sources comes next: a winner tree over the times of their heads.
//!
//! Ties go to the source with the smaller index, so the order never depends on timing. Changing one head costs
//! log2(n) comparisons without a branch.

/// Time of a source that has ended.
const ENDED: i64 = i64::MAX;

/// The head of a source.
#[derive(Debug, Clone, Copy)]
struct Head {
    time: i64,
    source: u32,
}

/// A winner tree over the heads of `n` sources.
#[derive(Debug, Clone)]
pub struct Heads {
    /// Node 1 is the root, the children of node `i` are `2 i` and `2 i + 1`, the last half are the sources.
    nodes: Vec<Head>,
    leaves: usize,
}

impl Heads {
    /// A tree over `sources` sources, all of them ended.
    pub fn new(sources: usize) -> Self {
        let leaves = sources.next_power_of_two().max(1);
        let head = |node: usize| Head { time: ENDED, source: node.saturating_sub(leaves) as u32 };
        Self { nodes: (0..2 * leaves).map(head).collect(), leaves }
    }

    /// The source with the earliest head and its time; `None` when all have ended.
    #[inline]
    pub fn first(&self) -> Option<(usize, i64)> {
        let Head { time, source } = self.nodes[1];
        (time != ENDED).then_some((source as usize, time))
    }

    /// The last time with which a source would still come first; `i64::MAX` when the others have ended.
    #[inline]
    pub fn leads_until(&self, source: usize) -> i64 {
        let (mut node, mut until) = (self.leaves + source, ENDED);
        while node > 1 {
            // The left one of two equals wins.
            let time = self.nodes[node ^ 1].time;
            until = until.min(if time == ENDED { ENDED } else { time - (node & 1) as i64 });
            node /= 2;
        }
        until
    }

    /// Sets the time of a source's head; `None` ends the source.
    #[inline]
    pub fn set(&mut self, source: usize, time: Option<i64>) {
        let mut node = self.leaves + source;
        let mut winner = Head { time: time.unwrap_or(ENDED), source: source as u32 };
        self.nodes[node] = winner;
        while node > 1 {
            let sibling = self.nodes[node ^ 1];
            // The left one of two equals wins.
            if sibling.time - ((node & 1) as i64) < winner.time {
                winner = sibling;
            }
            node /= 2;
            self.nodes[node] = winner;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn merging_equals_a_stable_sort(sources in proptest::collection::vec(
            proptest::collection::vec(0i64..20, 0..15), 1..9)) {
            let mut sources = sources;
            for s in &mut sources { s.sort_unstable(); }
            let mut expected: Vec<(i64, usize)> = sources
                .iter()
                .enumerate()
                .flat_map(|(i, s)| s.iter().map(move |t| (*t, i)))
                .collect();
            expected.sort_unstable();

            let mut heads = Heads::new(sources.len());
            let mut at = vec![0usize; sources.len()];
            for (i, s) in sources.iter().enumerate() {
                heads.set(i, s.first().copied());
            }
            let mut merged = Vec::new();
            while let Some((i, key)) = heads.first() {
                merged.push((key, i));
                let others = sources.iter().zip(&at).enumerate().filter(|(other, _)| *other != i);
                let last = others.filter_map(|(other, (s, at))| Some(s.get(*at)? - i64::from(other < i))).min();
                prop_assert_eq!(heads.leads_until(i), last.unwrap_or(i64::MAX));
                at[i] += 1;
                heads.set(i, sources[i].get(at[i]).copied());
            }
            prop_assert_eq!(merged, expected);
        }
    }
}
