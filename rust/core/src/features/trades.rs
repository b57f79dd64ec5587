//! What trades say: their signs, sums over windows, VPIN and Roll's spread.

use std::collections::VecDeque;

use super::window::Window;
use crate::types::{Decoded, Reader, Writer};

fn sign(r: &mut Reader<'_>) -> Decoded<i8> {
    match r.i64()? {
        sign @ -1..=1 => Ok(sign as i8),
        _ => r.error("a sign"),
    }
}

/// How a trade gets its sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// The venue's word, else Lee-Ready.
    Aggressor,
    /// Lee and Ready: against the mid, at it the tick test.
    LeeReady,
    /// The sign of the last change of trade prices.
    Tick,
}

/// Signs of trades.
#[derive(Debug, Clone)]
pub(super) struct Signer {
    rule: Rule,
    lag_ns: i64,
    /// Mids (twice, if there was one) by the time they came to be: the one in force a lag ago, and all since.
    mids: VecDeque<(i64, Option<i64>)>,
    last_price: Option<i64>,
    tick: i8,
    sign: Option<i8>,
}

impl Signer {
    pub(super) fn new(rule: Rule, lag_ns: i64) -> Self {
        Self { rule, lag_ns, mids: VecDeque::new(), last_price: None, tick: 0, sign: None }
    }

    pub(super) fn is(&self, rule: Rule, lag_ns: i64) -> bool {
        (self.rule, self.lag_ns) == (rule, lag_ns)
    }

    /// The mid is another one from `ts` on.
    pub(super) fn mid(&mut self, ts: i64, twice_mid: Option<i64>) {
        if self.lag_ns > 0 {
            self.pass(ts);
            self.mids.push_back((ts, twice_mid));
        }
    }

    fn pass(&mut self, ts: i64) {
        let in_force = ts.saturating_sub(self.lag_ns);
        while self.mids.get(1).is_some_and(|(since, _)| *since <= in_force) {
            self.mids.pop_front();
        }
    }

    /// The sign of a trade whose message found the mid at `twice_mid`.
    #[inline]
    pub(super) fn sign_of(&mut self, ts: i64, price: i64, aggressor: i8, twice_mid: Option<i64>) -> i8 {
        if let Some(last) = self.last_price
            && price != last
        {
            self.tick = if price > last { 1 } else { -1 };
        }
        self.last_price = Some(price);
        let sign = match self.rule {
            Rule::Tick => self.tick,
            Rule::Aggressor if aggressor != 0 => aggressor,
            Rule::Aggressor | Rule::LeeReady => {
                let mid = if self.lag_ns == 0 { twice_mid } else { self.lagged(ts) };
                match mid.map(|mid| (2 * price).cmp(&mid) as i8) {
                    Some(sign) if sign != 0 => sign,
                    _ => self.tick,
                }
            }
        };
        self.sign = Some(sign);
        sign
    }

    fn lagged(&mut self, ts: i64) -> Option<i64> {
        self.pass(ts);
        let (since, mid) = self.mids.front()?;
        if *since <= ts.saturating_sub(self.lag_ns) { *mid } else { None }
    }

    /// The sign of the last trade.
    pub(super) fn sign(&self) -> Option<i8> {
        self.sign
    }

    pub(super) fn save(&self, w: &mut Writer<'_>) {
        w.list(self.mids.iter(), |w, (ts, mid)| {
            w.i64(*ts);
            w.option(*mid, Writer::i64);
        });
        w.option(self.last_price, Writer::i64);
        w.i64(i64::from(self.tick));
        w.option(self.sign, |w, sign| w.i64(i64::from(sign)));
    }

    pub(super) fn load(&mut self, r: &mut Reader<'_>) -> Decoded<()> {
        self.mids = r.list(|r| Ok((r.i64()?, r.option(Reader::i64)?)))?.into();
        self.last_price = r.option(Reader::i64)?;
        self.tick = sign(r)?;
        self.sign = r.option(sign)?;
        Ok(())
    }
}

/// A trade of a window.
#[derive(Debug, Clone, Copy)]
struct Traded {
    ts: i64,
    price: i64,
    qty: i64,
    sign: i8,
}

/// Sums over the trades of a window.
#[derive(Debug, Clone)]
pub(super) struct Trades {
    window: Window,
    held: VecDeque<Traded>,
    /// Quantity by sign: sold, of unknown sign, bought.
    by_sign: [i128; 3],
    /// Sum of price times quantity. Of absurd numbers it wraps round, and back when they leave.
    notional: i128,
}

/// What a window of trades sums up to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Totals {
    pub(super) count: usize,
    pub(super) bought: i128,
    pub(super) sold: i128,
    pub(super) volume: i128,
    pub(super) notional: i128,
}

impl Trades {
    pub(super) fn new(window: Window) -> Self {
        Self { window, held: VecDeque::new(), by_sign: [0; 3], notional: 0 }
    }

    pub(super) fn window(&self) -> Window {
        self.window
    }

    #[inline]
    fn count(&mut self, trade: Traded, factor: i128) {
        let qty = factor * i128::from(trade.qty);
        self.by_sign[(trade.sign + 1) as usize] += qty;
        self.notional = self.notional.wrapping_add(qty.wrapping_mul(i128::from(trade.price)));
    }

    #[inline]
    pub(super) fn push(&mut self, ts: i64, price: i64, qty: i64, sign: i8) {
        let trade = Traded { ts, price, qty, sign };
        self.held.push_back(trade);
        self.count(trade, 1);
        self.pass(ts);
    }

    #[inline]
    fn pass(&mut self, now: i64) {
        while let Some(&first) = self.held.front() {
            let leaves = match self.window {
                Window::Time(ns) => first.ts <= now.saturating_sub(ns),
                Window::Count(n) => self.held.len() > n,
            };
            if !leaves {
                break;
            }
            self.held.pop_front();
            self.count(first, -1);
        }
    }

    /// The sums at `now` of a stream that began at `since`, once the window is full.
    pub(super) fn at(&mut self, now: i64, since: Option<i64>) -> Option<Totals> {
        self.pass(now);
        let [sold, unknown, bought] = self.by_sign;
        let count = self.held.len();
        self.window.is_full(since, now, count).then_some(Totals {
            count,
            bought,
            sold,
            volume: sold + unknown + bought,
            notional: self.notional,
        })
    }

    pub(super) fn save(&self, w: &mut Writer<'_>) {
        w.list(self.held.iter(), |w, trade| {
            for number in [trade.ts, trade.price, trade.qty, i64::from(trade.sign)] {
                w.i64(number);
            }
        });
    }

    pub(super) fn load(&mut self, r: &mut Reader<'_>) -> Decoded<()> {
        let held = r.list(|r| Ok(Traded { ts: r.i64()?, price: r.i64()?, qty: r.i64()?, sign: sign(r)? }))?;
        (self.by_sign, self.notional) = ([0; 3], 0);
        for trade in &held {
            self.count(*trade, 1);
        }
        self.held = held.into();
        Ok(())
    }
}

/// Buckets of equal volume, which trades fill one after the other.
#[derive(Debug, Clone)]
pub(super) struct Buckets {
    pub(super) size: i64,
    /// Whole ones that are remembered.
    pub(super) window: usize,
    /// What the open one holds.
    pub(super) filled: i64,
}

impl Buckets {
    pub(super) fn new(size: i64, window: usize) -> Self {
        Self { size, window, filled: 0 }
    }

    /// Takes a trade: what it adds to the open bucket, and how many it ends, that one first. A trade as large as many
    /// buckets fills as many as are remembered, at most.
    pub(super) fn take(&mut self, qty: i64) -> (i64, i64) {
        let room = self.size - self.filled;
        if qty < room {
            self.filled += qty;
            return (qty, 0);
        }
        let rest = qty - room;
        self.filled = rest % self.size;
        (room, 1 + (rest / self.size).min(self.window as i64))
    }

    pub(super) fn save(&self, w: &mut Writer<'_>) {
        w.i64(self.filled);
    }

    pub(super) fn load(&mut self, r: &mut Reader<'_>) -> Decoded<()> {
        self.filled = r.i64()?;
        if (0..self.size).contains(&self.filled) { Ok(()) } else { r.error("what a bucket holds") }
    }
}

/// VPIN over buckets of equal volume.
#[derive(Debug, Clone)]
pub(super) struct Vpin {
    buckets: Buckets,
    /// Of the whole buckets in the window, how far apart what was bought and sold is.
    apart: VecDeque<i64>,
    sum: i128,
    /// Bought less sold in the open bucket.
    signed: i64,
}

impl Vpin {
    pub(super) fn new(bucket: i64, window: usize) -> Self {
        Self { buckets: Buckets::new(bucket, window), apart: VecDeque::new(), sum: 0, signed: 0 }
    }

    pub(super) fn push(&mut self, qty: i64, sign: i8) {
        let sign = i64::from(sign);
        let (added, ended) = self.buckets.take(qty);
        self.signed += sign * added;
        for at in 0..ended {
            self.end(if at == 0 { self.signed.abs() } else { sign.abs() * self.buckets.size });
        }
        if ended > 0 {
            self.signed = sign * self.buckets.filled;
        }
    }

    fn end(&mut self, apart: i64) {
        self.sum += i128::from(apart);
        self.apart.push_back(apart);
        if self.apart.len() > self.buckets.window
            && let Some(old) = self.apart.pop_front()
        {
            self.sum -= i128::from(old);
        }
    }

    pub(super) fn value(&self) -> Option<f64> {
        let of = self.buckets.window as f64 * self.buckets.size as f64;
        (self.apart.len() == self.buckets.window).then(|| self.sum as f64 / of)
    }

    pub(super) fn save(&self, w: &mut Writer<'_>) {
        w.list(self.apart.iter(), |w, apart| w.i64(*apart));
        self.buckets.save(w);
        w.i64(self.signed);
    }

    pub(super) fn load(&mut self, r: &mut Reader<'_>) -> Decoded<()> {
        self.apart = r.list(Reader::i64)?.into();
        self.sum = self.apart.iter().map(|apart| i128::from(*apart)).sum();
        self.buckets.load(r)?;
        self.signed = r.i64()?;
        let is_sound = self.signed.unsigned_abs() <= self.buckets.filled as u64
            && self.apart.len() <= self.buckets.window;
        if is_sound { Ok(()) } else { r.error("the state of a VPIN") }
    }
}

/// Roll's spread from the covariance of successive changes of trade prices.
#[derive(Debug, Clone)]
pub(super) struct Roll {
    /// Changes in the window: one fewer than prices.
    most: usize,
    last: Option<i64>,
    changes: VecDeque<i64>,
    /// Sums over pairs (change, the one before): products, changes, ones before. Of absurd numbers they wrap round, and
    /// back when these leave.
    sums: [i128; 3],
}

impl Roll {
    pub(super) fn new(prices: usize) -> Self {
        Self { most: prices - 1, last: None, changes: VecDeque::new(), sums: [0; 3] }
    }

    fn count(&mut self, before: i64, change: i64, factor: i128) {
        let (x, y) = (i128::from(change), i128::from(before));
        for (sum, term) in self.sums.iter_mut().zip([x.wrapping_mul(y), x, y]) {
            *sum = sum.wrapping_add(factor * term);
        }
    }

    pub(super) fn push(&mut self, price: i64) {
        let Some(last) = self.last.replace(price) else { return };
        let change = price - last;
        if let Some(before) = self.changes.back() {
            self.count(*before, change, 1);
        }
        self.changes.push_back(change);
        if self.changes.len() > self.most
            && let (Some(oldest), Some(next)) = (self.changes.pop_front(), self.changes.front())
        {
            self.count(oldest, *next, -1);
        }
    }

    /// In price increments.
    pub(super) fn value(&self) -> Option<f64> {
        if self.changes.len() < self.most {
            return None;
        }
        let pairs = (self.most - 1) as f64;
        let [products, x, y] = self.sums.map(|sum| sum as f64);
        let covariance = (products - x * y / pairs) / (pairs - 1.0);
        Some(if covariance < 0.0 { 2.0 * (-covariance).sqrt() } else { 0.0 })
    }

    pub(super) fn save(&self, w: &mut Writer<'_>) {
        w.option(self.last, Writer::i64);
        w.list(self.changes.iter(), |w, change| w.i64(*change));
    }

    pub(super) fn load(&mut self, r: &mut Reader<'_>) -> Decoded<()> {
        self.last = r.option(Reader::i64)?;
        let changes = r.list(Reader::i64)?;
        if changes.len() > self.most {
            return r.error("no more changes than the window holds");
        }
        self.sums = [0; 3];
        changes.windows(2).for_each(|pair| self.count(pair[0], pair[1], 1));
        self.changes = changes.into();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trade_as_large_as_the_world_fills_no_more_buckets_than_are_held() {
        let mut vpin = Vpin::new(1, 3);
        vpin.push(1 << 60, 1);
        assert_eq!((vpin.apart.len(), vpin.value()), (3, Some(1.0)));
        vpin.push(2, 0);
        assert_eq!(vpin.value(), Some(1.0 / 3.0));
    }

    #[test]
    fn rolls_sums_are_those_of_the_pairs_in_the_window() {
        let mut roll = Roll::new(5);
        for price in [100, 103, 101, 104, 90, 95, 95, 91, 97, 92] {
            roll.push(price);
        }
        let changes = [0, -4, 6, -5];
        assert_eq!(Vec::from(roll.changes.clone()), changes);
        let products: i128 = changes.windows(2).map(|p| i128::from(p[0] * p[1])).sum();
        assert_eq!(roll.sums, [products, -3, 2]);
    }
}
