//! One price of a bar.

use super::spec::{Spec, VALUE, spec};
use super::state::state;
use super::stream::Indicator;

#[derive(Debug, Clone)]
struct OfRow<const I: usize>(fn([f64; I]) -> f64);

state!(OfRow<2> {});
state!(OfRow<3> {});
state!(OfRow<4> {});

impl<const I: usize> Indicator<I, 1> for OfRow<I>
where
    Self: super::state::State,
{
    fn update(&mut self, row: [f64; I]) -> Option<[f64; 1]> {
        Some([(self.0)(row)])
    }
}

pub(super) const SPECS: &[Spec] = &[
    spec!(p; "avgprice" "AVGPRICE" OHLC [] -> [VALUE];
        "Average price." "``(open + high + low + close) / 4``."; 0; OfRow(|[o, h, l, c]: [f64; 4]| (o + h + l + c) / 4.0)),
    spec!(p; "medprice" "MEDPRICE" HL [] -> [VALUE];
        "Middle price." "``(high + low) / 2``."; 0; OfRow(|[h, l]: [f64; 2]| f64::midpoint(h, l))),
    spec!(p; "typprice" "TYPPRICE" HLC [] -> [VALUE];
        "Typical price." "``(high + low + close) / 3``."; 0; OfRow(|[h, l, c]: [f64; 3]| (h + l + c) / 3.0)),
    spec!(p; "wclprice" "WCLPRICE" HLC [] -> [VALUE];
        "Weighted close." "``(high + low + 2 close) / 4``."; 0; OfRow(|[h, l, c]: [f64; 3]| (h + l + 2.0 * c) / 4.0)),
];
