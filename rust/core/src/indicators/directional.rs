//! The directional movement of Wilder.

use super::momentum::ratio;
use super::smooth::{Smooth, forgets};
use super::spec::{Spec, VALUE, period, spec};
use super::state::{Count, state};
use super::stream::Indicator;
use super::windows::Ring;

/// Running sums of movement up, movement down and true range: `s - s / n + x` after the first `n - 1`.
#[derive(Debug, Clone)]
struct Movement {
    /// What is left of a sum: to multiply by it takes a fifth of the time of a division.
    keep: f64,
    has_last: bool,
    last: [f64; 3],
    count: Count,
    up: f64,
    down: f64,
    range: f64,
}

state!(Movement { has_last, last, count, up, down, range }; |own| Some(forgets(own.keep)));

impl Movement {
    fn new(n: usize) -> Self {
        let (keep, count) = (1.0 - 1.0 / n as f64, Count::to(n - 1));
        Self { keep, has_last: false, last: [0.0; 3], count, up: 0.0, down: 0.0, range: 0.0 }
    }

    /// Takes a row; whether it came after the first sums, once these are there.
    #[inline(always)]
    fn push(&mut self, row: [f64; 3]) -> Option<bool> {
        let [last_high, last_low, last_close] = std::mem::replace(&mut self.last, row);
        if !std::mem::replace(&mut self.has_last, true) {
            return None;
        }
        let [high, low, _] = row;
        let (rise, fall) = (high - last_high, last_low - low);
        // Which of them it is cannot be foretold, so nothing branches on it.
        let up = if (rise > fall) & (rise > 0.0) { rise } else { 0.0 };
        let down = if (fall > rise) & (fall > 0.0) { fall } else { 0.0 };
        let range = (high - low).max((high - last_close).abs()).max((low - last_close).abs());
        let is_after = self.count.is_full();
        let keep = if is_after { self.keep } else { 1.0 };
        self.count.next();
        self.up = keep * self.up + up;
        self.down = keep * self.down + down;
        self.range = keep * self.range + range;
        self.count.is_full().then_some(is_after)
    }

    /// Takes a row; how far apart both are of what they are together: by the range it would be the same.
    #[inline(always)]
    fn index(&mut self, row: [f64; 3]) -> Option<f64> {
        let is_after = self.push(row)?;
        is_after.then(|| 100.0 * ratio((self.up - self.down).abs(), self.up + self.down))
    }
}

/// One of the sums; of two columns, as no close is needed.
#[derive(Debug, Clone)]
struct Dm {
    movement: Movement,
    is_up: bool,
}

state!(Dm { movement });

impl Indicator<2, 1> for Dm {
    #[inline(always)]
    fn update(&mut self, [high, low]: [f64; 2]) -> Option<[f64; 1]> {
        self.movement.push([high, low, low])?;
        Some([if self.is_up { self.movement.up } else { self.movement.down }])
    }
}

#[derive(Debug, Clone)]
struct Di {
    movement: Movement,
    is_up: bool,
}

state!(Di { movement });

impl Indicator<3, 1> for Di {
    #[inline(always)]
    fn update(&mut self, row: [f64; 3]) -> Option<[f64; 1]> {
        let is_after = self.movement.push(row)?;
        let movement = if self.is_up { self.movement.up } else { self.movement.down };
        is_after.then(|| [100.0 * ratio(movement, self.movement.range)])
    }
}

#[derive(Debug, Clone)]
struct Dx(Movement);

state!(Dx { 0 });

impl Indicator<3, 1> for Dx {
    #[inline(always)]
    fn update(&mut self, row: [f64; 3]) -> Option<[f64; 1]> {
        Some([self.0.index(row)?])
    }
}

#[derive(Debug, Clone)]
struct Adx {
    movement: Movement,
    average: Smooth,
}

state!(Adx { movement, average });

impl Adx {
    fn new(n: usize) -> Self {
        Self { movement: Movement::new(n), average: Smooth::wilder(n) }
    }
}

impl Indicator<3, 1> for Adx {
    #[inline(always)]
    fn update(&mut self, row: [f64; 3]) -> Option<[f64; 1]> {
        let index = self.movement.index(row)?;
        Some([self.average.push(index)?])
    }
}

#[derive(Debug, Clone)]
struct Adxr {
    adx: Adx,
    past: Ring,
}

state!(Adxr { adx, past });

impl Indicator<3, 1> for Adxr {
    #[inline(always)]
    fn update(&mut self, row: [f64; 3]) -> Option<[f64; 1]> {
        let [adx] = self.adx.update(row)?;
        Some([f64::midpoint(adx, self.past.swap(adx)?)])
    }
}

pub(super) const SPECS: &[Spec] = &[
    spec!(p; "plus_dm" "PlusDM" HL [period(2, 14)] -> [VALUE];
        "Movement up of Wilder, in units of price."
        "The running sum ``s - s / period + x`` of ``high - high[1]`` where that is above 0 and above the movement \
         down, begun with the sum of rows 1 to ``period - 1``.";
        p.n(0) - 1; Dm { movement: Movement::new(p.n(0)), is_up: true }),
    spec!(p; "minus_dm" "MinusDM" HL [period(2, 14)] -> [VALUE];
        "Movement down of Wilder, in units of price."
        "The running sum ``s - s / period + x`` of ``low[1] - low`` where that is above 0 and above the movement up, \
         begun with the sum of rows 1 to ``period - 1``.";
        p.n(0) - 1; Dm { movement: Movement::new(p.n(0)), is_up: false }),
    spec!(p; "plus_di" "PlusDI" HLC [period(2, 14)] -> [VALUE];
        "Directional indicator up, 0 to 100."
        "``100 +DM / TR`` of running sums as in :func:`plus_dm`; 0 where there was no range.";
        p.n(0); Di { movement: Movement::new(p.n(0)), is_up: true }),
    spec!(p; "minus_di" "MinusDI" HLC [period(2, 14)] -> [VALUE];
        "Directional indicator down, 0 to 100."
        "``100 -DM / TR`` of running sums as in :func:`minus_dm`; 0 where there was no range.";
        p.n(0); Di { movement: Movement::new(p.n(0)), is_up: false }),
    spec!(p; "dx" "DX" HLC [period(2, 14)] -> [VALUE];
        "Directional movement index, 0 to 100." "``100 |+DI - -DI| / (+DI + -DI)``; 0 where both are 0.";
        p.n(0); Dx(Movement::new(p.n(0)))),
    spec!(p; "adx" "ADX" HLC [period(2, 14)] -> [VALUE];
        "Average directional movement index, 0 to 100."
        "The mean of the first ``period`` values of :func:`dx`, then ``(before (period - 1) + dx) / period``.";
        2 * p.n(0) - 1; Adx::new(p.n(0))),
    spec!(p; "adxr" "ADXR" HLC [period(2, 14)] -> [VALUE];
        "Average directional movement rating, 0 to 100."
        "``(ADX + ADX[period - 1]) / 2``.";
        3 * p.n(0) - 2; Adxr { adx: Adx::new(p.n(0)), past: Ring::new(p.n(0) - 1) }),
];
