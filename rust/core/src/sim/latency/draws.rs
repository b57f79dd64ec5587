//! What a latency model takes, one thing after the other.

use std::collections::VecDeque;

use super::LatencyModel;
use crate::random::Random;
use crate::sim::custom::{LatencyInUse, ModelFailure};

/// Messages of a market that still count.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Traffic {
    window: i64,
    /// When some came, and how many; rising.
    came: VecDeque<(i64, i64)>,
}

impl Traffic {
    /// None yet; each counts for `window`, ns.
    pub fn new(window: i64) -> Self {
        Self { window, came: VecDeque::new() }
    }

    /// A message comes.
    pub fn note(&mut self, at: i64) {
        match self.came.back_mut() {
            Some((last, times)) if *last == at => *times += 1,
            _ => self.came.push_back((at, 1)),
        }
        let gone = at.saturating_sub(self.window);
        while self.came.front().is_some_and(|(first, _)| *first <= gone) {
            self.came.pop_front();
        }
    }

    /// How many came in a span of time up to `at`, which is at most the one that counts.
    fn within(&self, window: i64, at: i64) -> i64 {
        let from = at.saturating_sub(window);
        let in_span = self.came.iter().rev().skip_while(|(came, _)| *came > at);
        in_span.take_while(|(came, _)| *came > from).map(|(_, times)| times).sum()
    }
}

/// What one leg takes, thing by thing, of a seed.
#[derive(Debug)]
pub struct Draws {
    model: LatencyModel,
    random: Random,
    custom: Option<LatencyInUse>,
    /// When the last thing arrived.
    last: i64,
}

impl Draws {
    /// Those of a model.
    pub fn new(model: LatencyModel, random: Random) -> Self {
        let custom = match &model {
            LatencyModel::Custom(source) => Some(LatencyInUse::new(source.clone())),
            _ => None,
        };
        Self { model, random, custom, last: i64::MIN }
    }

    /// How a model of somebody else's failed, if it did and nobody has been told.
    pub fn take_failure(&mut self) -> Option<ModelFailure> {
        self.custom.as_mut()?.outcome().untold.take()
    }

    /// What something sent at `at` takes, ns.
    #[inline]
    pub fn draw(&mut self, at: i64, traffic: &Traffic) -> i64 {
        match &self.model {
            LatencyModel::Constant(ns) => *ns,
            LatencyModel::Custom(_) => self.custom.as_mut().map_or(0, |model| model.draw(at)),
            model => draw(model, &mut self.random, at, traffic),
        }
    }

    /// When something sent at `at` arrives: not before what was sent earlier, and not before it may.
    #[inline]
    pub fn arrival(&mut self, at: i64, traffic: &Traffic) -> i64 {
        let arrives = at.saturating_add(self.draw(at, traffic)).max(self.last);
        self.last = arrives;
        arrives
    }
}

/// What a model takes at a time, ns.
fn draw(model: &LatencyModel, random: &mut Random, at: i64, traffic: &Traffic) -> i64 {
    match model {
        LatencyModel::Constant(ns) => *ns,
        LatencyModel::Lognormal { median, sigma, least } => {
            let spread = (median - least) as f64 * libm::exp(sigma * random.normal());
            least.saturating_add(spread as i64)
        }
        LatencyModel::Mixture(parts) => {
            let mut left = random.unit();
            for (weight, part) in parts {
                if left < *weight {
                    return draw(part, random, at, traffic);
                }
                left -= weight;
            }
            parts.last().map_or(0, |(_, part)| draw(part, random, at, traffic))
        }
        LatencyModel::Series { measured, .. } => interpolated(measured, at),
        LatencyModel::Load { base, each, window } => {
            let load = traffic.within(*window, at).saturating_mul(*each);
            draw(base, random, at, traffic).saturating_add(load)
        }
        // Texts name none, so none is part of another one.
        LatencyModel::Custom(source) => source.0.least(),
    }
}

fn interpolated(measured: &[(i64, i64)], at: i64) -> i64 {
    let next = measured.partition_point(|(began, _)| *began <= at);
    let before = next.checked_sub(1).and_then(|last| measured.get(last));
    match (before, measured.get(next)) {
        (Some((from, a)), Some((to, b))) => {
            let share = i128::from(at - from) * i128::from(b - a);
            a + (share / i128::from(to - from)) as i64
        }
        (Some((_, took)), None) | (None, Some((_, took))) => *took,
        (None, None) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;

    fn drawn(text: &str, seed: u64, times: usize) -> Vec<i64> {
        let mut draws = Draws::new(text.parse().unwrap(), Random::new(seed, 1));
        (0..times).map(|_| draws.draw(0, &Traffic::default())).collect()
    }

    #[test]
    fn half_of_lognormal_latencies_take_no_longer_than_the_median_and_none_less_than_the_least() {
        let mut took = drawn("lognormal(5ms, 0.5, least=3ms)", 7, 20_001);
        took.sort_unstable();
        assert!((took[10_000] - 5 * MS).abs() < MS / 20, "{}", took[10_000]);
        // exp(0.5 × 1.645) = 2.276.
        assert!((took[19_000] - (3 * MS + 4_552_000)).abs() < MS / 5, "{}", took[19_000]);
        assert!(took[0] > 3 * MS);
    }

    #[test]
    fn a_mixture_has_the_tail_of_its_slow_part() {
        let took = drawn("mixture(0.9 4ms, 0.1 200ms)", 1, 10_000);
        let slow = took.iter().filter(|took| **took == 200 * MS).count();
        assert!((900..1_100).contains(&slow) && took.iter().all(|took| [4 * MS, 200 * MS].contains(took)));
    }

    #[test]
    fn the_same_seed_draws_the_same_and_another_one_others() {
        let text = "mixture(0.9 lognormal(4ms, 0.2), 0.1 lognormal(50ms, 1))";
        assert_eq!(drawn(text, 3, 100), drawn(text, 3, 100));
        assert_ne!(drawn(text, 3, 100), drawn(text, 4, 100));
    }

    #[test]
    fn a_series_is_linear_in_time_and_constant_outside_of_it() {
        let model =
            LatencyModel::Series { file: "a.csv".into(), measured: [(100, 10), (200, 13), (300, 5)].into() };
        let mut draws = Draws::new(model, Random::new(0, 0));
        let took = [0, 100, 150, 199, 200, 250, 300, 900].map(|at| draws.draw(at, &Traffic::default()));
        assert_eq!(took, [10, 10, 11, 12, 13, 9, 5, 5]);
    }

    #[test]
    fn a_busy_market_takes_longer_for_as_long_as_its_messages_count() {
        let mut draws = Draws::new("load(4ms, each=1ms, window=10ms)".parse().unwrap(), Random::new(0, 0));
        let mut traffic = Traffic::new(10 * MS);
        for ms in [1, 2, 2, 20] {
            if ms == 20 {
                assert_eq!(draws.draw(3 * MS, &traffic), 7 * MS);
                // A message exactly a window ago does not count any more.
                assert_eq!(draws.draw(11 * MS, &traffic), 6 * MS);
                assert_eq!(draws.draw(12 * MS, &traffic), 4 * MS);
            }
            traffic.note(ms * MS);
        }
        // What came after it does not count, and what lies behind the window is forgotten.
        assert_eq!(draws.draw(19 * MS, &traffic), 4 * MS);
        assert_eq!(draws.draw(20 * MS, &traffic), 5 * MS);
        assert_eq!(traffic.came.len(), 1);
    }

    #[test]
    fn nothing_overtakes_what_was_sent_before_it() {
        let mut draws = Draws::new("mixture(0.5 1ms, 0.5 100ms)".parse().unwrap(), Random::new(5, 5));
        let arrivals: Vec<i64> = (0..200).map(|ms| draws.arrival(ms * MS, &Traffic::default())).collect();
        assert!(arrivals.is_sorted());
        assert!(arrivals.windows(2).any(|pair| pair[0] == pair[1]), "one waits for the one before it");
    }
}
