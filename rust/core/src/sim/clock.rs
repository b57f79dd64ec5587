//! Two stamps, two places: when a message acts at the venue and when a strategy may see it.

use std::sync::Arc;

use super::custom::ModelFailure;
use super::latency::{Draws, LatencyModel, Traffic};
use crate::event::ClockStep;
use crate::random::Random;

/// A feed latency, and the messages that count for it.
#[derive(Debug)]
struct Feed {
    draws: Draws,
    traffic: Traffic,
    counts: bool,
}

/// So much longer than the fastest message may take, ns.
const LONGER_NS: i64 = 1_000_000_000;

/// Places messages on one timeline, the strategy's clock.
///
/// * at the venue: `ts_event` minus the venue clock's lead over ours, as it was in that hour. A stamp that is still after
///   the receipt is wrong, if only by little (see [`crate::event::StampMender`]): the message acts as long before its receipt
///   as the fastest of the hour took. Never earlier than the message before it;
/// * at the strategy: the recorded receipt, or a feed latency after the venue time.
///
/// So a message is never visible before it happened, whatever the two clocks said, and a wrong stamp moves no other message.
#[derive(Debug)]
pub struct FeedClock {
    step: ClockStep,
    /// The receipt from which the next step counts.
    until: i64,
    /// Apart: mostly there is none, and a run may have a thousand clocks.
    feed: Option<Box<Feed>>,
    last: i64,
    /// All steps, and how many of them have begun.
    steps: Arc<[ClockStep]>,
    begun: usize,
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
    /// A clock of a venue whose clock stands to ours as these steps say, in order of time; `feed` replaces the recorded
    /// latency, and draws from `random`.
    pub fn new(steps: Arc<[ClockStep]>, feed: Option<LatencyModel>, random: Random) -> Self {
        let feed = feed.map(|model| {
            let window = model.window();
            Box::new(Feed {
                draws: Draws::new(model, random),
                traffic: Traffic::new(window),
                counts: window > 0,
            })
        });
        let step = ClockStep::fixed(0);
        Self { step, until: i64::MIN, feed, last: i64::MIN, steps, begun: 0 }
    }

    /// How the venue's clock is taken to stand to ours.
    pub fn steps(&self) -> &[ClockStep] {
        &self.steps
    }

    /// The stamp of the next message.
    #[inline]
    pub fn stamp(&mut self, ts_event: i64, ts_recv: i64) -> Stamp {
        let venue = self.happened(ts_event, ts_recv).max(self.last);
        self.last = venue;
        Stamp { venue, visible: self.seen(venue, ts_recv) }
    }

    /// How a feed latency of somebody else's failed, if it did and nobody has been told.
    pub fn take_failure(&mut self) -> Option<ModelFailure> {
        self.feed.as_mut()?.draws.take_failure()
    }

    /// Whether a feed latency replaces the recorded one.
    pub fn has_feed(&self) -> bool {
        self.feed.is_some()
    }

    /// The longest a message is taken to have been on its way where its order is not that of the receipts, ns: what is
    /// stamped longer ago acts so long before its receipt.
    pub fn longest(&self) -> i64 {
        let least = self.steps.iter().map(|step| step.least_ns).max().unwrap_or(0);
        least.saturating_add(LONGER_NS)
    }

    /// When the next message received happened, whatever the others did.
    #[inline]
    pub fn happened(&mut self, ts_event: i64, ts_recv: i64) -> i64 {
        if ts_recv >= self.until {
            self.go_on(ts_recv);
        }
        let corrected = ts_event.saturating_sub(self.step.lead_ns);
        if corrected > ts_recv { ts_recv.saturating_sub(self.step.least_ns) } else { corrected }
    }

    /// When the next message to act, at `venue`, is seen.
    #[inline]
    pub(crate) fn seen(&mut self, venue: i64, ts_recv: i64) -> i64 {
        match &mut self.feed {
            None => ts_recv,
            Some(feed) => {
                if feed.counts {
                    feed.traffic.note(venue);
                }
                feed.draws.arrival(venue, &feed.traffic)
            }
        }
    }

    #[cold]
    fn go_on(&mut self, ts_recv: i64) {
        while let Some(step) = self.steps.get(self.begun).filter(|step| step.from <= ts_recv) {
            self.step = *step;
            self.begun += 1;
        }
        self.until = self.steps.get(self.begun).map_or(i64::MAX, |step| step.from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn clock(lead_ns: i64, feed: Option<LatencyModel>) -> FeedClock {
        FeedClock::new([ClockStep::fixed(lead_ns)].into(), feed, Random::new(1, 1))
    }

    #[test]
    fn a_fast_venue_clock_is_set_back() {
        let stamp = clock(1_270, None).stamp(2_280, 1_020);
        assert_eq!(stamp, Stamp { venue: 1_010, visible: 1_020 });
        // Uncorrected, the message counts as seen the moment it happened, not before.
        let stamp = clock(0, None).stamp(2_280, 1_020);
        assert_eq!(stamp, Stamp { venue: 1_020, visible: 1_020 });
    }

    #[test]
    fn each_step_counts_from_its_time_on() {
        let steps = [
            ClockStep { from: i64::MIN, lead_ns: 5, least_ns: 0 },
            ClockStep { from: 100, lead_ns: 0, least_ns: 3 },
            ClockStep { from: 200, lead_ns: 40, least_ns: 0 },
        ];
        let mut clock = FeedClock::new(steps.into(), None, Random::new(1, 1));
        let venue: Vec<i64> = [(20, 99), (95, 100), (250, 199), (230, 200)]
            .map(|(event, recv)| clock.stamp(event, recv).venue)
            .into();
        assert_eq!(venue, [15, 95, 196, 196]);
    }

    #[test]
    fn a_wrong_stamp_moves_no_other_message() {
        const MS: i64 = 1_000_000;
        let steps = [ClockStep { from: i64::MIN, lead_ns: 0, least_ns: 5 * MS }];
        let stamps = |bad: i64| {
            let mut clock = FeedClock::new(steps.into(), None, Random::new(1, 1));
            let event = |at: i64| 10 * at - 5 + if at % 10 == 4 { bad * at } else { 0 };
            (1..30).map(|at| clock.stamp(event(at) * MS, 10 * at * MS)).collect::<Vec<_>>()
        };
        let sound = stamps(0);
        assert_eq!(stamps(50), sound);
        // A stamp that lies far back waits for the message before it.
        assert_eq!(stamps(-900).iter().zip(&sound).filter(|(a, b)| a != b).count(), 3);
    }

    proptest! {
        #[test]
        fn nothing_is_seen_before_it_happened_and_time_never_goes_back(
            steps in proptest::collection::vec((0i64..200, 0i64..50, 0i64..20), 0..5),
            feed in proptest::option::of(0i64..50),
            gaps in proptest::collection::vec((0i64..20, -60i64..60), 1..50),
        ) {
            let mut from = 900;
            let steps: Vec<_> = steps.into_iter().map(|(gap, lead_ns, least_ns)| {
                from += gap;
                ClockStep { from, lead_ns, least_ns }
            }).collect();
            let mut clock = FeedClock::new(steps.into(), feed.map(LatencyModel::Constant), Random::new(1, 1));
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
