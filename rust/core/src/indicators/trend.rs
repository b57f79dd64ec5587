//! Which way a price goes, and where that would be over.

use super::extremes::{Channel, Since};
use super::momentum::ratio;
use super::ranges::{Atr, TrueRange};
use super::spec::{Param, Spec, VALUE, period, spec};
use super::state::{Count, state};
use super::stream::Indicator;
use super::windows::{Ring, Sum};

#[derive(Debug, Clone)]
struct Aroon {
    n: f64,
    high: Since,
    low: Since,
}

state!(Aroon { high, low });

impl Aroon {
    fn new(n: usize) -> Self {
        Self { n: n as f64, high: Since::highest(n + 1), low: Since::lowest(n + 1) }
    }
}

impl Indicator<2, 2> for Aroon {
    #[inline(always)]
    fn update(&mut self, [high, low]: [f64; 2]) -> Option<[f64; 2]> {
        let high = self.high.push(high);
        let low = self.low.push(low)?;
        Some([low, high?].map(|since| 100.0 * (self.n - since) / self.n))
    }
}

#[derive(Debug, Clone)]
struct Aroonosc(Aroon);

state!(Aroonosc { 0 });

impl Indicator<2, 1> for Aroonosc {
    #[inline(always)]
    fn update(&mut self, row: [f64; 2]) -> Option<[f64; 1]> {
        self.0.update(row).map(|[down, up]| [up - down])
    }
}

#[derive(Debug, Clone)]
struct Sar {
    step: f64,
    most: f64,
    /// Rows taken, up to 2.
    rows: Count,
    is_long: bool,
    stop: f64,
    best: f64,
    speed: f64,
    /// High and low of the row before.
    last: [f64; 2],
}

state!(Sar { rows, is_long, stop, best, speed, last }; |_| None);

impl Sar {
    /// Moves the stop on, but not into the last two rows.
    fn advance(&mut self, highs: f64, lows: f64) {
        self.stop += self.speed * (self.best - self.stop);
        self.stop = if self.is_long { self.stop.min(lows) } else { self.stop.max(highs) };
    }
}

impl Indicator<2, 1> for Sar {
    #[inline(always)]
    fn update(&mut self, [high, low]: [f64; 2]) -> Option<[f64; 1]> {
        let [last_high, last_low] = std::mem::replace(&mut self.last, [high, low]);
        let rows = self.rows.done();
        if self.rows.next() == 1 {
            return None;
        }
        let (mut highs, mut lows) = (high.max(last_high), low.min(last_low));
        if rows == 1 {
            let (rise, fall) = (high - last_high, last_low - low);
            self.is_long = !(fall > 0.0 && fall > rise);
            (self.best, self.stop) = if self.is_long { (high, last_low) } else { (low, last_high) };
            self.speed = self.step;
            (highs, lows) = (high, low);
        }
        let is_hit = if self.is_long { low <= self.stop } else { high >= self.stop };
        if is_hit {
            self.is_long = !self.is_long;
            self.stop = if self.is_long { self.best.min(lows) } else { self.best.max(highs) };
            let out = self.stop;
            self.speed = self.step;
            self.best = if self.is_long { high } else { low };
            self.advance(highs, lows);
            return Some([out]);
        }
        let out = self.stop;
        let is_better = if self.is_long { high > self.best } else { low < self.best };
        if is_better {
            self.best = if self.is_long { high } else { low };
            self.speed = (self.speed + self.step).min(self.most);
        }
        self.advance(highs, lows);
        Some([out])
    }
}

#[derive(Debug, Clone)]
struct Supertrend {
    range: Atr,
    width: f64,
    has_bands: bool,
    is_up: bool,
    upper: f64,
    lower: f64,
    last: f64,
}

state!(Supertrend { range, has_bands, is_up, upper, lower, last }; |_| None);

impl Indicator<3, 2> for Supertrend {
    #[inline(always)]
    fn update(&mut self, [high, low, close]: [f64; 3]) -> Option<[f64; 2]> {
        let last = std::mem::replace(&mut self.last, close);
        let width = self.width * self.range.push(high, low, close)?;
        let middle = f64::midpoint(high, low);
        let (upper, lower) = (middle + width, middle - width);
        if std::mem::replace(&mut self.has_bands, true) {
            self.upper = if upper < self.upper || last > self.upper { upper } else { self.upper };
            self.lower = if lower > self.lower || last < self.lower { lower } else { self.lower };
            self.is_up = if self.is_up { close >= self.lower } else { close > self.upper };
        } else {
            (self.upper, self.lower) = (upper, lower);
        }
        Some(if self.is_up { [self.lower, 1.0] } else { [self.upper, -1.0] })
    }
}

#[derive(Debug, Clone)]
struct Ichimoku {
    tenkan: Channel,
    kijun: Channel,
    senkou: Channel,
    delayed: [Ring; 2],
}

state!(Ichimoku { tenkan, kijun, senkou, delayed });

impl Indicator<2, 4> for Ichimoku {
    #[inline(always)]
    fn update(&mut self, [high, low]: [f64; 2]) -> Option<[f64; 4]> {
        let middle =
            |channel: &mut Channel| channel.push(high, low).map(|(high, low)| f64::midpoint(high, low));
        let tenkan = middle(&mut self.tenkan);
        let kijun = middle(&mut self.kijun);
        let senkou = middle(&mut self.senkou);
        let both = tenkan.zip(kijun);
        let a = both.and_then(|(tenkan, kijun)| self.delayed[0].swap(f64::midpoint(tenkan, kijun)));
        let b = senkou.and_then(|senkou| self.delayed[1].swap(senkou))?;
        let (tenkan, kijun) = both?;
        Some([tenkan, kijun, a?, b])
    }
}

#[derive(Debug, Clone)]
struct Vortex {
    last: [f64; 2],
    range: TrueRange,
    sums: [Sum; 3],
}

state!(Vortex { last, range, sums });

impl Indicator<3, 2> for Vortex {
    #[inline(always)]
    fn update(&mut self, [high, low, close]: [f64; 3]) -> Option<[f64; 2]> {
        let [last_high, last_low] = std::mem::replace(&mut self.last, [high, low]);
        let range = self.range.push(high, low, close)?;
        let plus = self.sums[0].push((high - last_low).abs());
        let minus = self.sums[1].push((low - last_high).abs());
        let range = self.sums[2].push(range)?;
        Some([plus?, minus?].map(|way| ratio(way, range)))
    }
}

pub(super) const SPECS: &[Spec] = &[
    spec!(p; "aroon" "AROON" HL [period(1, 14)] -> [
        ("down", "Of the lowest low, 0 to 100."), ("up", "Of the highest high, 0 to 100."),
    ];
        "Aroon of Chande."
        "``100 (period - rows since the extreme) / period`` of the last ``period + 1`` rows; of equal ones the last \
         counts.";
        p.n(0); Aroon::new(p.n(0))),
    spec!(p; "aroonosc" "AROONOSC" HL [period(1, 14)] -> [VALUE];
        "Aroon oscillator, -100 to 100." "``up - down`` of :func:`aroon`.";
        p.n(0); Aroonosc(Aroon::new(p.n(0)))),
    spec!(p; "sar" "SAR" HL [
        Param::number("acceleration", (0.0, 1.0), 0.02, "What each new extreme adds to the speed."),
        Param::number("maximum", (0.0, 1.0), 0.2, "The highest speed."),
    ] -> [VALUE];
        "Parabolic stop and reverse of Wilder, in units of price."
        "Begins downwards if row 1 moved down more than up, with the opposite extreme of row 0 as the stop.";
        1;
        Sar {
            step: p.x(0).min(p.x(1)),
            most: p.x(1),
            rows: Count::to(2),
            is_long: false,
            stop: 0.0,
            best: 0.0,
            speed: 0.0,
            last: [0.0; 2],
        }),
    spec!(p; "supertrend" "SUPERTREND" HLC [
        period(1, 10), Param::number("width", (0.0, 1e6), 3.0, "Average true ranges from the middle to a band."),
    ] -> [("value", "The stop, in units of price."), ("direction", "1 up, -1 down.")];
        "Supertrend of Seban."
        "Bands ``(high + low) / 2 +- width ATR(period)`` that only come closer until the close is beyond them; begins \
         downwards.";
        p.n(0);
        Supertrend {
            range: Atr::new(p.n(0)),
            width: p.x(1),
            has_bands: false,
            is_up: false,
            upper: 0.0,
            lower: 0.0,
            last: 0.0,
        }),
    spec!(p; "ichimoku" "ICHIMOKU" HL [
        Param::whole("tenkan", 1, 9, "Rows of the conversion line."),
        Param::whole("kijun", 1, 26, "Rows of the base line; above ``tenkan``."),
        Param::whole("senkou", 1, 52, "Rows of the second span; above ``kijun``."),
        Param::whole("delay", 1, 26, "Rows that the spans are drawn ahead."),
    ] -> [
        ("tenkan", "Conversion line."), ("kijun", "Base line."), ("senkou_a", "First span of the cloud of this row."),
        ("senkou_b", "Second span of the cloud of this row."),
    ];
        "Ichimoku cloud."
        "Middles of the highest high and lowest low. The cloud of a row is what was known ``delay`` rows before; the \
         lagging span, which is the close of a later row, is left out. All outputs begin with ``senkou_b``.";
        p.n(2) - 1 + p.n(3);
        Ichimoku {
            tenkan: Channel::new(p.n(0)),
            kijun: Channel::new(p.n(1)),
            senkou: Channel::new(p.n(2)),
            delayed: [p.n(3); 2].map(Ring::new),
        };
        ascending [0, 1, 2]),
    spec!(p; "vortex" "VORTEX" HLC [period(1, 14)] -> [("plus", "VI+."), ("minus", "VI-.")];
    "Vortex indicator of Botes and Siepman."
    "Sums over ``period`` rows of ``|high - low[1]|`` and ``|low - high[1]|``, divided by that of true ranges.";
    p.n(0);
    Vortex {
        last: [0.0; 2],
        range: TrueRange::default(),
        sums: [p.n(0); 3].map(Sum::new),
    }),
];
