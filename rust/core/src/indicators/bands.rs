//! Bands around a price.

use super::spec::{CLOSE, Param, Spec, period};
use super::state::state;
use super::stream::{Indicator, guarded};
use super::windows::Moments;

#[derive(Debug, Clone)]
struct Bollinger {
    window: Moments,
    std: f64,
}

state!(Bollinger { window });

impl Indicator<1, 3> for Bollinger {
    #[inline(always)]
    fn update(&mut self, [x]: [f64; 1]) -> Option<[f64; 3]> {
        let (mean, variance) = self.window.push(x)?;
        let width = self.std * variance.sqrt();
        Some([mean + width, mean, mean - width])
    }
}

const WIDTHS: (f64, f64) = (0.0, 1e6);
const STD: Param = Param::number("std", WIDTHS, 2.0, "Standard deviations from the middle to a band.");

pub(super) const SPECS: &[Spec] = &[Spec {
    name: "bbands",
    class: "BBANDS",
    summary: "Bollinger bands.",
    notes: "``middle = SMA(close, period)``; ``upper`` and ``lower`` lie ``std`` standard deviations of the \
            population (divided by ``period``) away.",
    inputs: CLOSE,
    params: &[period(2, 20), STD],
    ascending: &[],
    outputs: &[("upper", "The upper band."), ("middle", "The mean."), ("lower", "The lower band.")],
    warm_up: |p| p.n(0) - 1,
    build: |nan, p| guarded(nan, Bollinger { window: Moments::new(p.n(0)), std: p.x(1) }),
}];
