//! Things in transit: what was sent first arrives first among equals.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A command or an update on its way: arrival time, order of sending, payload.
struct InFlight<T> {
    at: i64,
    sequence: u64,
    payload: T,
}

impl<T> PartialEq for InFlight<T> {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.sequence) == (other.at, other.sequence)
    }
}
impl<T> Eq for InFlight<T> {}
impl<T> PartialOrd for InFlight<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<T> Ord for InFlight<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.sequence).cmp(&(other.at, other.sequence))
    }
}

/// Things on their way, earliest first.
pub(super) struct Channel<T> {
    heap: BinaryHeap<Reverse<InFlight<T>>>,
    sequence: u64,
}

impl<T> Default for Channel<T> {
    fn default() -> Self {
        Self { heap: BinaryHeap::new(), sequence: 0 }
    }
}

impl<T> Channel<T> {
    /// Sends something that arrives at `at`.
    pub(super) fn send(&mut self, at: i64, payload: T) {
        self.sequence += 1;
        self.heap.push(Reverse(InFlight { at, sequence: self.sequence, payload }));
    }

    /// When the next thing arrives.
    pub(super) fn next(&self) -> Option<i64> {
        self.heap.peek().map(|Reverse(item)| item.at)
    }

    /// The next thing that has arrived by `until`, with its time.
    pub(super) fn receive(&mut self, until: i64) -> Option<(i64, T)> {
        if self.next()? > until {
            return None;
        }
        self.heap.pop().map(|Reverse(item)| (item.at, item.payload))
    }
}
