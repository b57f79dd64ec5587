//! A synthetic market: an order book whose rows look like a real feed, made from a seed.
//!
//! The mid price is what the book does, not an input: orders arrive, shrink and vanish mostly near the touch,
//! trades come in clusters and eat the touch, and a touch that is eaten or cancelled moves the price. Every change
//! a trade makes is also sent as a book row after it, so queue models see what they would see on a venue. About
//! four in ten book rows delete a level, one row in sixteen moves the touch, a message holds about twenty rows.
//!
//! Same configuration, same rows, on every platform.

mod orders;

pub use self::orders::{OrdersConfig, OrdersSynth, Sizes};
use crate::event::{Event, EventColumns, EventKind, FLAG_LAST, FLAG_SNAPSHOT};
use crate::random::Random;
use crate::types::STEPS_LIMIT;

/// How far from the touch levels are kept up, in ticks.
const DEPTH: i64 = 2_400;
/// Slots of the ring that holds a side.
const RING: usize = 8_192;

/// What the synthetic market looks like.
#[derive(Debug, Clone, PartialEq)]
pub struct SynthConfig {
    /// Seed of everything.
    pub seed: u64,
    /// First mid price, in price increments.
    pub start_price: i64,
    /// Price step of the book, in price increments.
    pub tick_size: i64,
    /// Typical size of a level, in quantity increments.
    pub typical_qty: i64,
    /// Quantity step of the book, in quantity increments.
    pub lot_size: i64,
    /// Time of the first row, ns.
    pub start_ns: i64,
    /// Mean time between book messages, ns.
    pub message_gap_ns: i64,
    /// Shortest feed latency, ns.
    pub latency_ns: i64,
    /// Mean of the exponential latency on top of it, ns.
    pub jitter_ns: i64,
}

/// One side: quantity by tick, in a ring; ticks grow towards the touch (bids as they are, asks negated).
struct SynthSide {
    qty: Vec<i64>,
    touch: i64,
}

impl SynthSide {
    fn slot(tick: i64) -> usize {
        (tick & (RING as i64 - 1)) as usize
    }

    fn get(&self, tick: i64) -> i64 {
        self.qty[Self::slot(tick)]
    }

    /// Writes a level; returns whether the touch moved.
    fn set(&mut self, tick: i64, qty: i64) -> bool {
        self.qty[Self::slot(tick)] = qty;
        let touch = self.touch;
        if qty > 0 {
            self.touch = touch.max(tick);
        } else if tick == touch {
            while self.get(self.touch) == 0 {
                self.touch -= 1;
            }
        }
        // The slot that comes into reach when the touch rises still holds what lay far behind it.
        for fresh in touch + 1..=self.touch {
            if fresh != tick {
                self.qty[Self::slot(fresh)] = 0;
            }
        }
        self.touch != touch
    }
}

/// Makes the rows of a synthetic market, in order, as many as asked for.
pub struct Synth {
    config: SynthConfig,
    random: Random,
    sides: [SynthSide; 2],
    /// Venue's clock.
    now: i64,
    /// Last time of receipt.
    recv: i64,
    /// Raised by every trade, decays: trades cluster.
    excitement: f64,
    /// Side of the last aggressor: runs of buys and sells.
    aggressor: usize,
    message: u64,
    trade: u64,
    started: bool,
}

/// Sizes are exponential: none is that many times its mean.
const TAIL: i64 = 64;

/// What a synthetic market cannot look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SynthError {
    /// The start price leaves no room for a book below or above it.
    #[error("a synthetic market needs a start price from {} ticks to 2^59 increments", 2 * DEPTH)]
    StartPrice,
    /// There is no such level, or one a few times its size would be none.
    #[error("a synthetic market needs a typical size and a lot above 0 and up to 2^54 increments")]
    TypicalQty,
}

impl Synth {
    /// A market that has not opened yet.
    ///
    /// # Errors
    /// [`SynthError`].
    pub fn new(config: SynthConfig) -> Result<Self, SynthError> {
        let random = Random::new(config.seed, 1);
        let mid = config.start_price / config.tick_size.max(1);
        if mid < 2 * DEPTH || config.start_price > STEPS_LIMIT / 2 || config.tick_size <= 0 {
            return Err(SynthError::StartPrice);
        }
        let sizes = 1..=STEPS_LIMIT / TAIL;
        if !(sizes.contains(&config.typical_qty) && sizes.contains(&config.lot_size)) {
            return Err(SynthError::TypicalQty);
        }
        let side = |touch| SynthSide { qty: vec![0; RING], touch };
        Ok(Self {
            random,
            sides: [side(mid), side(-(mid + 1))],
            now: config.start_ns,
            recv: config.start_ns,
            excitement: 0.0,
            aggressor: 0,
            message: 0,
            trade: 0,
            started: false,
            config,
        })
    }

    /// Appends the next whole messages to `out` until it holds at least `rows` rows.
    pub fn fill(&mut self, out: &mut EventColumns, rows: usize) {
        while out.len() < rows {
            self.step(out);
        }
    }

    fn step(&mut self, out: &mut EventColumns) {
        if !self.started {
            self.started = true;
            self.open(out);
            return;
        }
        // A time beyond all times is refused where the rows are looked at.
        let gap = self.random.exponential(self.config.message_gap_ns as f64) as i64;
        self.now = self.now.saturating_add(gap).saturating_add(1);
        self.excitement *= 0.97;
        let mut touched = Vec::new();
        if self.random.chance(0.13 + self.excitement) {
            self.trades(out, &mut touched);
        }
        self.depth(out, &touched);
    }

    /// The opening snapshot.
    fn open(&mut self, out: &mut EventColumns) {
        let start = out.len();
        self.push(out, EventKind::BookClear, 0, 0, 0, FLAG_SNAPSHOT);
        for side in 0..2 {
            let touch = self.sides[side].touch;
            for back in 0..DEPTH {
                if back == 0 || self.random.chance(0.62) {
                    let qty = self.size(back);
                    self.sides[side].set(touch - back, qty);
                    self.push(out, EventKind::BookSet, side, touch - back, qty, FLAG_SNAPSHOT);
                }
            }
        }
        self.finish(out, start);
    }

    /// A cluster of trades of one aggressor, in one message. Remembers the ticks it changed.
    fn trades(&mut self, out: &mut EventColumns, touched: &mut Vec<(usize, i64)>) {
        let start = out.len();
        if self.random.chance(0.35) {
            self.aggressor = 1 - self.aggressor;
        }
        // A buyer takes from the asks.
        let passive = 1 - self.aggressor;
        let count = 1 + self.random.below(4) + self.random.below(5);
        for _ in 0..count {
            let tick = self.sides[passive].touch;
            let available = self.sides[passive].get(tick);
            let lots = self.config.typical_qty as f64 / self.config.lot_size as f64;
            let wanted = (1 + self.random.exponential(lots * 0.10) as i64) * self.config.lot_size;
            let qty = wanted.min(available);
            self.trade += 1;
            let id = self.trade;
            self.push(out, EventKind::Trade, passive, tick, qty, 0);
            let last = out.len() - 1;
            out.side[last] = -out.side[last]; // the column holds the aggressor
            out.id[last] = id;
            self.sides[passive].set(tick, available - qty);
            if touched.last() != Some(&(passive, tick)) {
                touched.push((passive, tick));
            }
        }
        self.excitement = (self.excitement + 0.02).min(0.5);
        self.finish(out, start);
    }

    /// A book message: the effect of the trades, then other people's orders.
    fn depth(&mut self, out: &mut EventColumns, touched: &[(usize, i64)]) {
        let start = out.len();
        for &(side, tick) in touched {
            let qty = self.sides[side].get(tick);
            self.push(out, EventKind::BookSet, side, tick, qty, 0);
        }
        let count = 9 + self.random.below(16) + self.random.below(16);
        for _ in 0..count {
            let side = self.random.below(2) as usize;
            let spread = -self.sides[1].touch - self.sides[0].touch;
            let touch = self.sides[side].touch;
            // A wide market is soon narrowed from one side or the other.
            if spread > 1 && self.random.chance(0.24) {
                let tick = touch + 1;
                let qty = self.size(0);
                self.sides[side].set(tick, qty);
                self.push(out, EventKind::BookSet, side, tick, qty, 0);
                continue;
            }
            let tick = touch - self.offset();
            let held = self.sides[side].get(tick);
            let leave = if tick == touch { 0.17 } else { 0.70 };
            let qty = if held > 0 && self.random.chance(leave) { 0 } else { self.size(touch - tick) };
            self.sides[side].set(tick, qty);
            self.push(out, EventKind::BookSet, side, tick, qty, 0);
        }
        self.finish(out, start);
    }

    /// Distance from the touch of the next change: most activity is close to it.
    fn offset(&mut self) -> i64 {
        let reach = match self.random.below(100) {
            0..35 => 5,
            35..65 => 25,
            65..88 => 200,
            _ => DEPTH as u64,
        };
        self.random.below(reach) as i64
    }

    /// Size of a level; deeper levels are larger.
    fn size(&mut self, back: i64) -> i64 {
        let lots = self.config.typical_qty as f64 / self.config.lot_size as f64;
        let mean = lots * (0.6 + 0.4 * (back.min(50) as f64 / 50.0));
        (1 + self.random.exponential(mean) as i64) * self.config.lot_size
    }

    fn push(&mut self, out: &mut EventColumns, kind: EventKind, side: usize, tick: i64, qty: i64, flags: u8) {
        let sign = if side == 0 { 1i8 } else { -1 };
        out.push(Event {
            ts_event: self.now,
            ts_recv: 0,
            kind,
            side: if kind == EventKind::BookClear { 0 } else { sign },
            flags,
            price: tick * i64::from(sign) * self.config.tick_size,
            qty,
            id: 0,
        });
    }

    /// Stamps a message's time of receipt, which never goes back, and its end.
    fn finish(&mut self, out: &mut EventColumns, start: usize) {
        let jitter = self.random.exponential(self.config.jitter_ns as f64) as i64;
        let latency = self.config.latency_ns.saturating_add(jitter);
        self.recv = self.recv.max(self.now.saturating_add(latency));
        self.message += 1;
        for row in start..out.len() {
            out.ts_recv[row] = self.recv;
            if out.kind[row] != EventKind::Trade as u8 {
                out.id[row] = self.message;
            }
        }
        if let Some(flags) = out.flags.last_mut() {
            *flags |= FLAG_LAST;
        }
    }
}
