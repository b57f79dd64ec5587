//! What was traded while a price moved.

use super::momentum::ratio;
use super::smooth::Smooth;
use super::spec::{Param, Spec, VALUE, period, spec};
use super::state::{Count, state};
use super::stream::Indicator;
use super::windows::{Mean, Sum};

const DAY_NS: f64 = 86_400e9;

#[derive(Debug, Clone, Default)]
struct Obv {
    has_last: bool,
    last: f64,
    total: f64,
}

state!(Obv { has_last, last, total }; |_| None);

impl Indicator<2, 1> for Obv {
    #[inline(always)]
    fn update(&mut self, [price, volume]: [f64; 2]) -> Option<[f64; 1]> {
        let last = std::mem::replace(&mut self.last, price);
        if !std::mem::replace(&mut self.has_last, true) || price > last {
            self.total += volume;
        } else if price < last {
            self.total -= volume;
        }
        Some([self.total])
    }
}

/// The volume of a bar, signed and weighted by where it closed.
#[inline(always)]
fn flow([high, low, close, volume]: [f64; 4]) -> f64 {
    if high > low { ((close - low) - (high - close)) / (high - low) * volume } else { 0.0 }
}

#[derive(Debug, Clone, Default)]
struct Ad(f64);

state!(Ad { 0 }; |_| None);

impl Indicator<4, 1> for Ad {
    #[inline(always)]
    fn update(&mut self, row: [f64; 4]) -> Option<[f64; 1]> {
        self.0 += flow(row);
        Some([self.0])
    }
}

#[derive(Debug, Clone)]
struct Adosc {
    line: Ad,
    rows: Count,
    fast: f64,
    slow: f64,
    weights: [f64; 2],
}

state!(Adosc { line, rows, fast, slow });

impl Indicator<4, 1> for Adosc {
    #[inline(always)]
    fn update(&mut self, row: [f64; 4]) -> Option<[f64; 1]> {
        let [line] = self.line.update(row)?;
        if self.rows.next() == 1 {
            (self.fast, self.slow) = (line, line);
        }
        let [fast, slow] = self.weights;
        self.fast = fast * line + (1.0 - fast) * self.fast;
        self.slow = slow * line + (1.0 - slow) * self.slow;
        self.rows.is_full().then_some([self.fast - self.slow])
    }
}

#[derive(Debug, Clone)]
struct Mfi {
    has_last: bool,
    last: f64,
    rises: Sum,
    falls: Sum,
}

state!(Mfi { has_last, last, rises, falls });

impl Indicator<4, 1> for Mfi {
    #[inline(always)]
    fn update(&mut self, [high, low, close, volume]: [f64; 4]) -> Option<[f64; 1]> {
        let price = (high + low + close) / 3.0;
        let last = std::mem::replace(&mut self.last, price);
        if !std::mem::replace(&mut self.has_last, true) {
            return None;
        }
        let rises = self.rises.push(if price > last { price * volume } else { 0.0 });
        let falls = self.falls.push(if price < last { price * volume } else { 0.0 })?;
        let total = rises? + falls;
        Some([if total < 1.0 { 0.0 } else { 100.0 * rises? / total }])
    }
}

#[derive(Debug, Clone)]
struct Cmf {
    flows: Sum,
    volumes: Sum,
}

state!(Cmf { flows, volumes });

impl Indicator<4, 1> for Cmf {
    #[inline(always)]
    fn update(&mut self, row: [f64; 4]) -> Option<[f64; 1]> {
        let flows = self.flows.push(flow(row));
        let volumes = self.volumes.push(row[3])?;
        Some([ratio(flows?, volumes)])
    }
}

/// An average price; NaN where nothing was traded.
fn average(notional: f64, volume: f64) -> f64 {
    if volume == 0.0 { f64::NAN } else { notional / volume }
}

#[derive(Debug, Clone, Default)]
struct Vwap {
    notional: f64,
    volume: f64,
}

state!(Vwap { notional, volume }; |_| None);

impl Indicator<4, 1> for Vwap {
    #[inline(always)]
    fn update(&mut self, [high, low, close, volume]: [f64; 4]) -> Option<[f64; 1]> {
        self.notional += (high + low + close) / 3.0 * volume;
        self.volume += volume;
        Some([average(self.notional, self.volume)])
    }
}

#[derive(Debug, Clone, Default)]
struct VwapSession {
    vwap: Vwap,
    has_day: bool,
    day: f64,
}

state!(VwapSession { vwap, has_day, day });

impl Indicator<5, 1> for VwapSession {
    #[inline(always)]
    fn update(&mut self, [high, low, close, volume, ts]: [f64; 5]) -> Option<[f64; 1]> {
        let day = (ts / DAY_NS).floor();
        let had_day = std::mem::replace(&mut self.has_day, true);
        if !had_day || day > self.day {
            self.vwap = Vwap::default();
            self.day = day;
        }
        self.vwap.update([high, low, close, volume])
    }
}

#[derive(Debug, Clone)]
struct VwapRolling {
    notional: Sum,
    volume: Sum,
}

state!(VwapRolling { notional, volume });

impl Indicator<4, 1> for VwapRolling {
    #[inline(always)]
    fn update(&mut self, [high, low, close, volume]: [f64; 4]) -> Option<[f64; 1]> {
        let notional = self.notional.push((high + low + close) / 3.0 * volume);
        let volume = self.volume.push(volume)?;
        Some([average(notional?, volume)])
    }
}

#[derive(Debug, Clone)]
struct Efi {
    has_last: bool,
    last: f64,
    average: Smooth,
}

state!(Efi { has_last, last, average });

impl Indicator<2, 1> for Efi {
    #[inline(always)]
    fn update(&mut self, [price, volume]: [f64; 2]) -> Option<[f64; 1]> {
        let change = price - std::mem::replace(&mut self.last, price);
        if !std::mem::replace(&mut self.has_last, true) {
            return None;
        }
        Some([self.average.push(change * volume)?])
    }
}

#[derive(Debug, Clone)]
struct Emv {
    has_last: bool,
    last: f64,
    mean: Mean,
    divisor: f64,
}

state!(Emv { has_last, last, mean });

impl Indicator<3, 1> for Emv {
    #[inline(always)]
    fn update(&mut self, [high, low, volume]: [f64; 3]) -> Option<[f64; 1]> {
        let middle = f64::midpoint(high, low);
        let way = middle - std::mem::replace(&mut self.last, middle);
        if !std::mem::replace(&mut self.has_last, true) {
            return None;
        }
        Some([self.mean.push(ratio(way * (high - low), volume / self.divisor))?])
    }
}

/// An index that moves with the price in rows of which the volume fell, or rose.
#[derive(Debug, Clone)]
struct VolumeIndex {
    of_rising: bool,
    has_last: bool,
    last: [f64; 2],
    grown: f64,
}

state!(VolumeIndex { has_last, last, grown }; |_| None);

impl VolumeIndex {
    fn new(of_rising: bool) -> Self {
        Self { of_rising, has_last: false, last: [0.0; 2], grown: 0.0 }
    }
}

impl Indicator<2, 1> for VolumeIndex {
    #[inline(always)]
    fn update(&mut self, [price, volume]: [f64; 2]) -> Option<[f64; 1]> {
        let [last, last_volume] = std::mem::replace(&mut self.last, [price, volume]);
        let counts = if self.of_rising { volume > last_volume } else { volume < last_volume };
        if std::mem::replace(&mut self.has_last, true) && counts {
            self.grown += (1000.0 + self.grown) * ratio(price - last, last);
        }
        Some([1000.0 + self.grown])
    }
}

#[derive(Debug, Clone, Default)]
struct Pvt {
    has_last: bool,
    last: f64,
    total: f64,
}

state!(Pvt { has_last, last, total }; |_| None);

impl Indicator<2, 1> for Pvt {
    #[inline(always)]
    fn update(&mut self, [price, volume]: [f64; 2]) -> Option<[f64; 1]> {
        let last = std::mem::replace(&mut self.last, price);
        if std::mem::replace(&mut self.has_last, true) {
            self.total += volume * ratio(price - last, last);
        }
        Some([self.total])
    }
}

#[derive(Debug, Clone)]
struct Kvo {
    rows: Count,
    price: f64,
    range: f64,
    is_up: bool,
    run: f64,
    fast: Smooth,
    slow: Smooth,
    signal: Smooth,
}

state!(Kvo { rows, price, range, is_up, run, fast, slow, signal }; |_| None);

impl Indicator<4, 2> for Kvo {
    #[inline(always)]
    fn update(&mut self, [high, low, close, volume]: [f64; 4]) -> Option<[f64; 2]> {
        let price = high + low + close;
        let last = std::mem::replace(&mut self.price, price);
        let range = high - low;
        let last_range = std::mem::replace(&mut self.range, range);
        if self.rows.next() == 1 {
            return None;
        }
        let is_up = price > last;
        let goes_on = is_up == std::mem::replace(&mut self.is_up, is_up) && self.run > 0.0;
        self.run = if goes_on { self.run + range } else { last_range + range };
        let sign = if is_up { 100.0 } else { -100.0 };
        let force =
            if self.run == 0.0 { 0.0 } else { sign * volume * (2.0 * (range / self.run - 1.0)).abs() };
        let fast = self.fast.push(force);
        let slow = self.slow.push(force)?;
        let line = fast? - slow;
        Some([line, self.signal.push(line)?])
    }
}

const FAST: Param = Param::whole("fast", 2, 3, "Length of the fast average, rows.");
const SLOW: Param = Param::whole("slow", 2, 10, "Length of the slow average, rows; above ``fast``.");

pub(super) const SPECS: &[Spec] = &[
    spec!(p; "obv" "OBV" CV [] -> [VALUE];
        "On-balance volume." "Begins with the volume of row 0; adds it when the close rises, takes it off when it falls.";
        0; Obv::default()),
    spec!(p; "ad" "AD" HLCV [] -> [VALUE];
        "Accumulation and distribution line of Chaikin."
        "The sum of ``((close - low) - (high - close)) / (high - low) volume``; 0 of a bar without a range.";
        0; Ad::default()),
    spec!(p; "adosc" "ADOSC" HLCV [FAST, SLOW] -> [VALUE];
        "Oscillator of Chaikin."
        "``EMA(AD, fast) - EMA(AD, slow)``, both begun with the first value of :func:`ad`.";
        p.n(1) - 1;
        Adosc {
            line: Ad::default(),
            rows: Count::to(p.n(1)),
            fast: 0.0,
            slow: 0.0,
            weights: [p.n(0), p.n(1)].map(|n| 2.0 / (n as f64 + 1.0)),
        };
        ascending [0, 1]),
    spec!(p; "mfi" "MFI" HLCV [period(2, 14)] -> [VALUE];
        "Money flow index, 0 to 100."
        "``100 P / (P + N)`` of sums over ``period`` rows of typical price times volume, in rows where the typical \
         price rose and fell; 0 where both together are below 1, as in TA-Lib.";
        p.n(0); Mfi { has_last: false, last: 0.0, rises: Sum::new(p.n(0)), falls: Sum::new(p.n(0)) }),
    spec!(p; "cmf" "CMF" HLCV [period(1, 20)] -> [VALUE];
        "Money flow of Chaikin, -1 to 1."
        "What :func:`ad` adds, summed over ``period`` rows and divided by the volume; 0 where nothing was traded.";
        p.n(0) - 1; Cmf { flows: Sum::new(p.n(0)), volumes: Sum::new(p.n(0)) }),
    spec!(p; "vwap" "VWAP" HLCV [] -> [VALUE];
        "Volume-weighted average price since the first row."
        "``sum(tp volume) / sum(volume)`` of typical prices ``(high + low + close) / 3``; NaN before the first trade.";
        0; Vwap::default()),
    spec!(p; "vwap_session" "VWAPSession" HLCVT [] -> [VALUE];
        "Volume-weighted average price since midnight, UTC."
        "As :func:`vwap`, begun anew with each day of ``ts``.";
        0; VwapSession::default()),
    spec!(p; "vwap_rolling" "VWAPRolling" HLCV [period(1, 20)] -> [VALUE];
        "Volume-weighted average price of the last rows."
        "As :func:`vwap`, over ``period`` rows; NaN where nothing was traded.";
        p.n(0) - 1; VwapRolling { notional: Sum::new(p.n(0)), volume: Sum::new(p.n(0)) }),
    spec!(p; "efi" "EFI" CV [period(1, 13)] -> [VALUE];
        "Force index of Elder." "``EMA((close - close[1]) volume, period)``.";
        p.n(0); Efi { has_last: false, last: 0.0, average: Smooth::ema(p.n(0)) }),
    spec!(p; "emv" "EMV" HLV [
        period(1, 14), Param::number("divisor", (1e-9, 1e18), 1e8, "What volumes are divided by."),
    ] -> [VALUE];
        "Ease of movement of Arms."
        "``SMA((m - m[1]) (high - low) / (volume / divisor), period)`` of middles ``m``; 0 of a row without volume.";
        p.n(0); Emv { has_last: false, last: 0.0, mean: Mean::new(p.n(0)), divisor: p.x(1) }),
    spec!(p; "nvi" "NVI" CV [] -> [VALUE];
        "Negative volume index." "Begins with 1000 and moves as the close does in rows of which the volume fell.";
        0; VolumeIndex::new(false)),
    spec!(p; "pvi" "PVI" CV [] -> [VALUE];
        "Positive volume index." "Begins with 1000 and moves as the close does in rows of which the volume rose.";
        0; VolumeIndex::new(true)),
    spec!(p; "pvt" "PVT" CV [] -> [VALUE];
        "Price volume trend." "The sum of ``volume (close / close[1] - 1)``, begun with 0.";
        0; Pvt::default()),
    spec!(p; "kvo" "KVO" HLCV [
        Param::whole("fast", 2, 34, "Length of the fast average, rows."),
        Param::whole("slow", 2, 55, "Length of the slow average, rows; above ``fast``."),
        Param::whole("signal", 1, 13, "Length of the average of the line, rows."),
    ] -> [("kvo", "The line."), ("signal", "Its average.")];
        "Volume oscillator of Klinger."
        "``EMA(f, fast) - EMA(f, slow)`` of ``f = 100 t volume |2 (r / c - 1)|``, with ``t`` 1 or -1 as ``high + low + \
         close`` rises or not, ``r = high - low`` and ``c`` the sum of ``r`` since ``t`` changed, with the row before.";
        p.n(1) + p.n(2) - 1;
        Kvo {
            rows: Count::to(2),
            price: 0.0,
            range: 0.0,
            is_up: false,
            run: 0.0,
            fast: Smooth::ema(p.n(0)),
            slow: Smooth::ema(p.n(1)),
            signal: Smooth::ema(p.n(2)),
        };
        ascending [0, 1]),
];
