//! Two stamps, two places: when a message acts at the venue and when a strategy may see it.

use super::latency::LatencyModel;

/// Places messages on one timeline, the strategy's clock.
///
/// * at the venue: `ts_event` minus the venue clock's lead over ours, never later than the receipt and never
///   earlier than the message before it;
/// * at the strategy: the recorded receipt, or a feed latency after the venue time.
///
/// So a message is never visible before it happened, whatever the two clocks said.
#[derive(Debug, Clone, PartialEq)]
pub struct FeedClock {
    venue_lead_ns: i64,
    feed: Option<LatencyModel>,
    last: i64,
}

/// When a message acts and when it is seen, ns on the strategy's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// At the venue.
    pub venue: i64,
    /// At the strategy.
    pub visible: i64,
}

impl FeedClock {
    /// A clock for a venue that runs `venue_lead_ns` ahead of ours; `feed` replaces the recorded latency.
    pub fn new(venue_lead_ns: i64, feed: Option<LatencyModel>) -> Self {
        Self { venue_lead_ns, feed, last: i64::MIN }
    }

    /// How far the venue's clock is taken to run ahead of ours, ns.
    pub fn venue_lead_ns(&self) -> i64 {
        self.venue_lead_ns
    }

    /// The stamp of the next message.
    #[inline]
    pub fn stamp(&mut self, ts_event: i64, ts_recv: i64) -> Stamp {
        let venue = ts_event.saturating_sub(self.venue_lead_ns).min(ts_recv).max(self.last);
        self.last = venue;
        let visible = match &mut self.feed {
            None => ts_recv,
            // A constant keeps the order of the messages, for venue times never go back.
            Some(feed) => venue.saturating_add(feed.draw()),
        };
        Stamp { venue, visible }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_fast_venue_clock_is_set_back() {
        let mut clock = FeedClock::new(1_270, None);
        assert_eq!(clock.stamp(2_280, 1_020), Stamp { venue: 1_010, visible: 1_020 });
        // Uncorrected, the message counts as seen the moment it happened, not before.
        let mut clock = FeedClock::new(0, None);
        assert_eq!(clock.stamp(2_280, 1_020), Stamp { venue: 1_020, visible: 1_020 });
    }

    proptest! {
        #[test]
        fn nothing_is_seen_before_it_happened_and_time_never_goes_back(
            lead in 0i64..50,
            feed in proptest::option::of(0i64..50),
            gaps in proptest::collection::vec((0i64..20, -60i64..60), 1..50),
        ) {
            let mut clock = FeedClock::new(lead, feed.map(LatencyModel::Constant));
            let (mut recv, mut before) = (1_000, Stamp { venue: i64::MIN, visible: i64::MIN });
            for (gap, latency) in gaps {
                recv += gap;
                let stamp = clock.stamp(recv - latency, recv);
                prop_assert!(stamp.venue <= stamp.visible);
                prop_assert!(stamp.venue >= before.venue && stamp.visible >= before.visible);
                before = stamp;
            }
        }
    }
}
