//! One price of a bar.

use super::said::{Said, Same};
use super::spec::{Spec, VALUE, spec};

pub(super) const SPECS: &[Spec] = &[
    spec!(p; "avgprice" "AVGPRICE" OHLC [] -> [VALUE];
        "Average price." "``(open + high + low + close) / 4``."; 0; Said::of(Same, |[o, h, l, c]: [f64; 4]| [(o + h + l + c) / 4.0])),
    spec!(p; "medprice" "MEDPRICE" HL [] -> [VALUE];
        "Middle price." "``(high + low) / 2``."; 0; Said::of(Same, |[h, l]: [f64; 2]| [f64::midpoint(h, l)])),
    spec!(p; "typprice" "TYPPRICE" HLC [] -> [VALUE];
        "Typical price." "``(high + low + close) / 3``."; 0; Said::of(Same, |[h, l, c]: [f64; 3]| [(h + l + c) / 3.0])),
    spec!(p; "wclprice" "WCLPRICE" HLC [] -> [VALUE];
        "Weighted close." "``(high + low + 2 close) / 4``."; 0; Said::of(Same, |[h, l, c]: [f64; 3]| [(h + l + 2.0 * c) / 4.0])),
];
