//! Bars in the units of an instrument, for whoever reads them.

use super::builder::Bar;
use super::number::Exact;
use super::spec::BarSpec;
use crate::types::{Decimal, Instrument};

/// The numbers of a bar in units of its instrument: prices in quote currency, quantities in contracts (spot: base units).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BarFloats {
    /// First price.
    pub open: f64,
    /// Highest price.
    pub high: f64,
    /// Lowest price.
    pub low: f64,
    /// Last price.
    pub close: f64,
    /// Quantity traded.
    pub volume: f64,
    /// Sum of price times quantity.
    pub quote_volume: f64,
    /// Quantity of buying aggressors.
    pub buy_volume: f64,
    /// Quantity of selling aggressors.
    pub sell_volume: f64,
    /// Quote volume by volume; NaN without a quantity.
    pub vwap: f64,
}

impl BarFloats {
    /// Names in their order.
    pub const NAMES: [&'static str; 9] =
        ["open", "high", "low", "close", "volume", "quote_volume", "buy_volume", "sell_volume", "vwap"];

    /// Values in the order of their names.
    pub fn values(self) -> [f64; 9] {
        let Self { open, high, low, close, volume, quote_volume, buy_volume, sell_volume, vwap } = self;
        [open, high, low, close, volume, quote_volume, buy_volume, sell_volume, vwap]
    }
}

impl Bar<i64> {
    /// In units of an instrument, of whose bars it is one.
    pub fn to_floats(&self, spec: &BarSpec, instrument: &Instrument) -> BarFloats {
        let Instrument { price_increment, qty_increment, .. } = instrument;
        let parts = spec.price_parts() as f64;
        let price = |steps: i64| price_increment.to_f64(steps) / parts;
        let qty = |steps: i64| qty_increment.to_f64(steps);
        let (price_unit, qty_unit) = (price_increment.value(), qty_increment.value());
        // One rounding for the count, one for the unit.
        let unit =
            Decimal::new(price_unit.mantissa() * qty_unit.mantissa(), price_unit.scale() + qty_unit.scale());
        let quote_volume =
            self.quote_volume as f64 * unit.mantissa() as f64 / libm::exp10(f64::from(unit.scale()));
        let volume = qty(self.volume);
        BarFloats {
            open: price(self.open),
            high: price(self.high),
            low: price(self.low),
            close: price(self.close),
            volume,
            quote_volume,
            buy_volume: qty(self.buy_volume),
            sell_volume: qty(self.sell_volume),
            vwap: if self.volume == 0 { f64::NAN } else { quote_volume / volume },
        }
    }
}

impl Bar<f64> {
    /// As they are.
    pub fn to_floats(&self) -> BarFloats {
        // What one trade was is known.
        let sum = |sum: Exact| if self.trades > 1 { sum.decimal() } else { sum.value() };
        let (volume, quote_volume) = (sum(self.volume), self.quote_volume.value());
        BarFloats {
            open: self.open,
            high: self.high,
            low: self.low,
            close: self.close,
            volume,
            quote_volume,
            buy_volume: sum(self.buy_volume),
            sell_volume: sum(self.sell_volume),
            vwap: if volume == 0.0 { f64::NAN } else { quote_volume / volume },
        }
    }
}
