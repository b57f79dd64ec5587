//! Things in transit: what was sent first arrives first among equals.

use std::collections::VecDeque;

/// Things on their way, with the time each arrives, earliest first.
pub(super) struct Channel<T>(VecDeque<(i64, T)>);

impl<T> Default for Channel<T> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<T> Channel<T> {
    /// Sends something that arrives at `at`.
    #[inline]
    pub(super) fn send(&mut self, at: i64, payload: T) {
        // Nearly always it is the last to arrive.
        if self.0.back().is_none_or(|(last, _)| *last <= at) {
            self.0.push_back((at, payload));
        } else {
            self.overtake(at, payload);
        }
    }

    #[cold]
    fn overtake(&mut self, at: i64, payload: T) {
        let place = self.0.partition_point(|(earlier, _)| *earlier <= at);
        self.0.insert(place, (at, payload));
    }

    /// When the next thing arrives.
    #[inline]
    pub(super) fn next(&self) -> Option<i64> {
        self.0.front().map(|(at, _)| *at)
    }

    /// The next thing that has arrived by `until`, with its time.
    #[inline]
    pub(super) fn receive(&mut self, until: i64) -> Option<(i64, T)> {
        if self.next()? > until {
            return None;
        }
        self.0.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_sent_arrives_in_order_of_time_and_then_of_sending(
            sent in proptest::collection::vec((0i64..20, proptest::option::of(0i64..20)), 0..60),
        ) {
            let (mut channel, mut waiting) = (Channel::default(), Vec::new());
            for (number, (at, until)) in sent.into_iter().enumerate() {
                channel.send(at, number);
                waiting.push((at, number));
                waiting.sort_unstable();
                prop_assert_eq!(channel.next(), waiting.first().map(|(at, _)| *at));
                while let Some(got) = until.and_then(|until| channel.receive(until)) {
                    prop_assert_eq!(got, waiting.remove(0));
                }
                prop_assert!(until.is_none_or(|until| waiting.iter().all(|(at, _)| *at > until)));
            }
        }
    }
}
