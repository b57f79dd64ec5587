//! Which of several sorted sources comes next: a winner tree over their head keys.
//!
//! Keys are compared as a whole; ties go to the source with the smaller index, so the order never depends on
//! timing. Changing one head costs log2(n) comparisons.

/// A winner tree over the heads of `n` sources.
#[derive(Debug, Clone)]
pub struct Heads<K> {
    /// `keys[i]` is the head of source `i`; absent when it has ended.
    keys: Vec<Option<K>>,
    /// Inner nodes of the tree, `winners[1]` is the root; leaves are the sources.
    winners: Vec<u32>,
    leaves: usize,
}

impl<K: Ord + Copy> Heads<K> {
    /// A tree over `sources` sources, all without a head.
    pub fn new(sources: usize) -> Self {
        let leaves = sources.next_power_of_two().max(1);
        let mut heads = Self { keys: vec![None; leaves], winners: vec![0; leaves], leaves };
        for node in (1..leaves).rev() {
            heads.replay_node(node);
        }
        heads
    }

    /// The source with the smallest head and that head; `None` when all have ended.
    #[inline]
    pub fn first(&self) -> Option<(usize, K)> {
        let winner = if self.leaves == 1 { 0 } else { self.winners[1] as usize };
        self.keys[winner].map(|key| (winner, key))
    }

    /// The head of a source.
    #[inline]
    pub fn get(&self, source: usize) -> Option<K> {
        self.keys[source]
    }

    /// The smallest head of all sources but the winner `first`; ties do not matter to the caller.
    pub fn runner_up(&self, first: usize) -> Option<K> {
        let mut best: Option<K> = None;
        let mut node = self.leaves + first;
        while node > 1 {
            let sibling = node ^ 1;
            let source =
                if sibling >= self.leaves { sibling - self.leaves } else { self.winners[sibling] as usize };
            if let Some(key) = self.keys[source] {
                best = Some(best.map_or(key, |b| b.min(key)));
            }
            node /= 2;
        }
        best
    }

    /// Sets the head of a source; `None` ends it.
    #[inline]
    pub fn set(&mut self, source: usize, key: Option<K>) {
        self.keys[source] = key;
        let mut node = usize::midpoint(self.leaves, source);
        while node >= 1 && self.leaves > 1 {
            self.replay_node(node);
            node /= 2;
        }
    }

    #[inline]
    fn replay_node(&mut self, node: usize) {
        let candidate = |child: usize| {
            if child >= self.leaves { child - self.leaves } else { self.winners[child] as usize }
        };
        let (left, right) = (candidate(2 * node), candidate(2 * node + 1));
        let right_wins = match (self.keys[left], self.keys[right]) {
            (Some(a), Some(b)) => b < a,
            (None, Some(_)) => true,
            _ => false,
        };
        self.winners[node] = if right_wins { right } else { left } as u32;
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
                at[i] += 1;
                heads.set(i, sources[i].get(at[i]).copied());
            }
            prop_assert_eq!(merged, expected);
        }
    }
}
