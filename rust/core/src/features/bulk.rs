//! VPIN where nobody says who was the aggressor: buckets are classified in bulk, by the change of the price over each.
//!
//! Easley, López de Prado and O'Hara, "Flow Toxicity and Liquidity in a High-Frequency World" (2012) and "Discerning
//! Information from Trade Data" (2016): of a bucket the share `F(dp / s)` was bought, with `F` the standard normal
//! distribution or Student's with 0.25 degrees of freedom, and `s` the sample deviation of the changes in the window.

use std::collections::VecDeque;

use super::trades::Buckets;
use crate::types::{Decoded, Reader, Writer};

/// Degrees of freedom of Student's distribution.
const FREEDOM: f64 = 0.25;
/// The beta function of 1/2 and `FREEDOM` / 2: gamma(1/2) gamma(1/8) / gamma(5/8).
const BETA: f64 = 9.308_740_569_746_151;
/// Terms of a series whose terms are halved at the least.
const TERMS: u32 = 64;

/// How changes of the price are spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spread {
    Normal,
    StudentT,
}

impl Spread {
    /// How far apart bought and sold are, `|2 F(x) - 1|`.
    fn apart(self, x: f64) -> f64 {
        match self {
            Self::Normal => libm::erf(x.abs() * core::f64::consts::FRAC_1_SQRT_2),
            Self::StudentT => {
                let rest = FREEDOM / (FREEDOM + x * x);
                if rest > 0.5 {
                    incomplete_beta(x * x / (FREEDOM + x * x), 0.5, FREEDOM / 2.0)
                } else {
                    1.0 - incomplete_beta(rest, FREEDOM / 2.0, 0.5)
                }
            }
        }
    }
}

/// The regularised incomplete beta function of `z` up to a half, of the two parameters in either order.
fn incomplete_beta(z: f64, a: f64, b: f64) -> f64 {
    let (mut factor, mut sum) = (1.0, 1.0 / a);
    for n in 1..TERMS {
        let n = f64::from(n);
        factor *= (n - b) / n * z;
        sum += factor / (a + n);
    }
    libm::pow(z, a) * sum / BETA
}

/// VPIN over buckets of equal volume, classified in bulk.
#[derive(Debug, Clone)]
pub(super) struct BulkVpin {
    buckets: Buckets,
    spread: Spread,
    /// The price with which the last bucket ended.
    ended: Option<i64>,
    /// Changes of the price over the buckets in the window.
    changes: VecDeque<i64>,
    value: Option<f64>,
    is_old: bool,
}

impl BulkVpin {
    pub(super) fn new(bucket: i64, window: usize, spread: Spread) -> Self {
        let (buckets, changes) = (Buckets::new(bucket, window), VecDeque::new());
        Self { buckets, spread, ended: None, changes, value: None, is_old: false }
    }

    pub(super) fn push(&mut self, price: i64, qty: i64) {
        let (_, ended) = self.buckets.take(qty);
        for _ in 0..ended {
            self.end(price);
        }
    }

    fn end(&mut self, price: i64) {
        self.is_old = true;
        let Some(before) = self.ended.replace(price) else { return };
        self.changes.push_back(price - before);
        if self.changes.len() > self.buckets.window {
            self.changes.pop_front();
        }
    }

    pub(super) fn value(&mut self) -> Option<f64> {
        if self.is_old {
            self.is_old = false;
            self.value = (self.changes.len() == self.buckets.window).then(|| self.mean_apart());
        }
        self.value
    }

    fn mean_apart(&self) -> f64 {
        let n = self.buckets.window as f64;
        let changes = || self.changes.iter().map(|change| *change as f64);
        let mean = changes().sum::<f64>() / n;
        let deviation =
            (changes().map(|change| (change - mean) * (change - mean)).sum::<f64>() / (n - 1.0)).sqrt();
        let apart = |change: f64| {
            if deviation > 0.0 {
                self.spread.apart(change / deviation)
            } else {
                f64::from(u8::from(change != 0.0))
            }
        };
        changes().map(apart).sum::<f64>() / n
    }

    pub(super) fn save(&self, w: &mut Writer<'_>) {
        self.buckets.save(w);
        w.option(self.ended, Writer::i64);
        w.list(self.changes.iter(), |w, change| w.i64(*change));
    }

    pub(super) fn load(&mut self, r: &mut Reader<'_>) -> Decoded<()> {
        self.buckets.load(r)?;
        self.ended = r.option(Reader::i64)?;
        self.changes = r.list(Reader::i64)?.into();
        self.is_old = true;
        let is_sound =
            self.changes.len() <= self.buckets.window && (self.ended.is_some() || self.changes.is_empty());
        if is_sound { Ok(()) } else { r.error("the state of a VPIN in bulk") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_those_of_the_distributions() {
        // Twice the share of scipy's `norm` and `t(0.25)`, less one.
        for (x, normal, student) in [
            (0.0, 0.0, 0.0),
            (1e-9, 7.978_845_608_028_655e-10, 4.297_036_715_149_4e-10),
            (0.5, 0.382_924_922_548_026, 0.183_800_021_315_987_16),
            (-1.2, 0.769_860_659_556_583, 0.317_288_046_891_893_27),
            (2.0, 0.954_499_736_103_642, 0.394_876_415_563_227_83),
        ] {
            assert!((Spread::Normal.apart(x) - normal).abs() < 1e-12, "{x}");
            assert!((Spread::StudentT.apart(x) - student).abs() < 1e-12, "{x}");
        }
        for far in [1e8, 1e150, f64::MAX.sqrt()] {
            let apart = [Spread::Normal.apart(far), Spread::StudentT.apart(far)];
            assert!(apart.iter().all(|apart| (0.9..=1.0).contains(apart)), "{apart:?}");
        }
    }

    #[test]
    fn a_trade_as_large_as_the_world_fills_no_more_buckets_than_are_held() {
        let mut vpin = BulkVpin::new(1, 3, Spread::Normal);
        vpin.push(100, 1 << 60);
        assert_eq!((vpin.changes.len(), vpin.value()), (3, Some(0.0)));
        vpin.push(101, 1);
        assert_eq!(Vec::from(vpin.changes.clone()), [0, 0, 1]);
    }

    #[test]
    fn a_price_that_only_rises_was_bought_alone() {
        let mut vpin = BulkVpin::new(2, 2, Spread::StudentT);
        for (price, qty) in [(10, 1), (11, 1), (12, 2), (13, 1)] {
            vpin.push(price, qty);
            assert_eq!(vpin.value(), None);
        }
        vpin.push(13, 1);
        assert_eq!((Vec::from(vpin.changes.clone()), vpin.value()), (vec![1, 1], Some(1.0)));
    }
}
