//! Orders of a script in a recorded market: what became of them by a queue model, and what truly did.
//!
//! Each order is alone with the market. Where the data tells single orders, the truth is exact: an order of ours stands
//! behind the orders that were at its price when it came, the executions of those behind it would have been its own, and so
//! would those at worse prices. Times are the venue's.

use std::collections::BTreeMap;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::book::FillBasis;
use crate::event::{Chunk, Columns, Event, EventKind, Granularity, KindSet, Span, View};
use crate::ledger::MoneyOverflow;
use crate::orders::{Command, OrderRequest, OrderType, ReportKind};
use crate::random::Random;
use crate::sim::{Accounts, Market, Matching, Past, QueueModel, Update};
use crate::types::{AccountId, Instrument, MarketId, Price, Qty, Side, format_duration, format_span};

/// Orders that join a touch at most.
const MOST_ORDERS: i64 = 1_000_000;
/// Messages between two questions whether to go on.
const MESSAGES_A_LOOK: usize = 4_096;

/// An order of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scripted {
    /// Buy or sell.
    pub side: Side,
    /// In price increments.
    pub price: i64,
    /// In quantity increments.
    pub qty: i64,
    /// When it comes to rest and when it is cancelled, venue's time, ns.
    pub from: i64,
    /// See `from`.
    pub until: i64,
}

/// What became of an order.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Outcome {
    /// What of it filled, in quantity increments.
    pub filled: i64,
    /// When the last of it did, ns, if all of it did.
    pub filled_at: Option<i64>,
    /// Whether it came to rest.
    pub rested: bool,
    /// Sum of the errors of what is ahead, model less truth, at trades at its price, and their number.
    pub error: f64,
    /// See `error`.
    pub errors: u32,
}

/// What became of the orders of a script.
#[derive(Debug, Clone, Default)]
pub struct Replayed {
    /// Whether a trade printed at an order's price while it was there.
    pub met: Vec<bool>,
    /// What truly became of them, where the data tells single orders.
    pub truth: Option<Vec<Outcome>>,
    /// By model, in their order.
    pub models: Vec<Vec<Outcome>>,
    /// How fine the book is, ns.
    pub granularity: i64,
}

/// A market of single orders.
#[derive(Default)]
struct Fifo {
    /// Side, price, quantity and the number of its arrival.
    orders: FxHashMap<u64, (i8, i64, i64, u64)>,
    levels: BTreeMap<(i8, i64), i64>,
    arrivals: u64,
}

/// What an event takes from a level, and who that was.
struct Removed {
    side: i8,
    price: i64,
    qty: i64,
    arrival: u64,
    executed: bool,
}

impl Fifo {
    fn apply(&mut self, event: Event) -> Option<Removed> {
        let Event { kind, side, price, qty, id, .. } = event;
        match kind {
            EventKind::OrderAdd => {
                self.add(id, side, price, qty);
                None
            }
            EventKind::OrderModify => {
                let (_, was, before, _) = *self.orders.get(&id)?;
                if was == price && qty <= before {
                    return self.remove(id, before - qty, false);
                }
                let removed = self.remove(id, before, false);
                self.add(id, side, price, qty);
                removed
            }
            EventKind::OrderCancel => {
                let (.., left, _) = *self.orders.get(&id)?;
                self.remove(id, left, false)
            }
            EventKind::OrderExecute => self.remove(id, qty, true),
            EventKind::BookClear => {
                // What stood before is not known to be there any more.
                self.orders.clear();
                self.levels.clear();
                None
            }
            _ => None,
        }
    }

    fn add(&mut self, id: u64, side: i8, price: i64, qty: i64) {
        self.arrivals += 1;
        self.orders.insert(id, (side, price, qty, self.arrivals));
        *self.levels.entry((side, price)).or_default() += qty;
    }

    fn remove(&mut self, id: u64, qty: i64, executed: bool) -> Option<Removed> {
        let order = self.orders.get_mut(&id)?;
        order.2 -= qty;
        let (side, price, left, arrival) = *order;
        if left <= 0 {
            self.orders.remove(&id);
        }
        if let Some(level) = self.levels.get_mut(&(side, price)) {
            *level -= qty;
            if *level <= 0 {
                self.levels.remove(&(side, price));
            }
        }
        Some(Removed { side, price, qty, arrival, executed })
    }

    fn at(&self, side: Side, price: i64) -> i64 {
        self.levels.get(&(side as i8, price)).copied().unwrap_or(0)
    }

    fn best(&self, side: Side) -> Option<i64> {
        let mut of = self.levels.range((side as i8, i64::MIN)..=(side as i8, i64::MAX)).map(|((_, p), _)| *p);
        if side == Side::Buy { of.next_back() } else { of.next() }
    }
}

/// A time between orders that gives more of them than anybody waits for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{} is too short for data of {}: expected at least {}, which is at most 1,000,000 orders",
    format_duration(*every), format_span(*span), format_duration(*least)
)]
pub struct TooManyOrders {
    /// What was asked for, ns.
    pub every: i64,
    /// How much time the data spans, ns.
    pub span: i64,
    /// The shortest that may be, ns.
    pub least: i64,
}

/// Orders that join the touch of a market of single orders: of each side in turn, one in `every` ns, for `hold` ns each.
/// The best prices have stood for `steady` ns then, so that a feed that fine shows them.
///
/// # Errors
/// [`TooManyOrders`] where the data is more than 1,000,000 times as long as `every`.
pub fn orders_at_touch(
    view: &View<'_>,
    qty: i64,
    every: i64,
    hold: i64,
    steady: i64,
) -> Result<Vec<Scripted>, TooManyOrders> {
    let span = view.ts_recv.last().map_or(0, |last| last - view.ts_recv[0]);
    let least = span.div_euclid(MOST_ORDERS) + 1;
    if every < least {
        // As people would write it.
        let unit = [1_000_000, 1_000].into_iter().find(|unit| *unit < least).unwrap_or(1);
        let least = (least + unit - 1) / unit * unit;
        return Err(TooManyOrders { every, span, least });
    }
    let (mut fifo, mut scripted) = (Fifo::default(), Vec::new());
    let (mut touch, mut since, mut next) = ([None; 2], i64::MAX, i64::MIN);
    let mut side = Side::Buy;
    for rows in view.messages(0, view.len()) {
        let now = view.ts_event[rows.from];
        for row in rows.from..rows.to {
            if KindSet::ORDERS.has_column(view.kind[row]) {
                fifo.apply(view.event(row));
            }
        }
        let is = [Side::Buy, Side::Sell].map(|side| fifo.best(side));
        if is != touch {
            (touch, since) = (is, now);
        }
        if next == i64::MIN {
            next = now.saturating_add(every);
        }
        if let ([Some(_), Some(_)], true) = (touch, now >= next && now - since >= steady)
            && let Some(price) = touch[side.index()]
        {
            scripted.push(Scripted { side, price, qty, from: now, until: now.saturating_add(hold) });
            (side, next) = (side.opposite(), now.saturating_add(every));
        }
    }
    Ok(scripted)
}

/// An order while it is there, as it truly stands.
struct Active {
    order: usize,
    /// Of its first come, what is ahead; who arrived later stands behind.
    ahead: i64,
    arrival: u64,
}

struct Script<'a> {
    orders: &'a [Scripted],
    /// Orders by when they come, and by when they go.
    comes: Vec<usize>,
    goes: Vec<usize>,
    came: usize,
    gone: usize,
}

impl<'a> Script<'a> {
    fn new(orders: &'a [Scripted]) -> Self {
        let sorted = |key: fn(&Scripted) -> i64| {
            let mut all: Vec<usize> = (0..orders.len()).collect();
            all.sort_by_key(|at| (key(&orders[*at]), *at));
            all
        };
        Self { orders, comes: sorted(|o| o.from), goes: sorted(|o| o.until), came: 0, gone: 0 }
    }

    /// The next order that comes (true) or goes before a time.
    fn next(&mut self, now: i64) -> Option<(usize, bool)> {
        let comes = self.comes.get(self.came).filter(|at| self.orders[**at].from < now);
        let goes = self.goes.get(self.gone).filter(|at| self.orders[**at].until < now);
        let is_first = |at: &usize| goes.is_none_or(|goes| self.orders[*at].from <= self.orders[*goes].until);
        if let Some(order) = comes.filter(|at| is_first(at)) {
            self.came += 1;
            return Some((*order, true));
        }
        let order = *goes?;
        self.gone += 1;
        Some((order, false))
    }
}

/// Lets the orders of a script come and go in a market, by each of these queue models; `granularity` is told by the data
/// if not given. Ends before its time where `goes_on`, asked now and then, says no.
///
/// # Errors
/// [`MoneyOverflow`] when the instrument's increments are beyond any arithmetic.
pub fn replay(
    columns: &Arc<dyn Columns>,
    instrument: &Arc<Instrument>,
    orders: &[Scripted],
    models: &[QueueModel],
    granularity: Option<i64>,
    mut goes_on: impl FnMut() -> bool,
) -> Result<Replayed, MoneyOverflow> {
    let whole = Chunk::of(Arc::clone(columns));
    let view = columns.view();
    let granularity = granularity.unwrap_or_else(|| {
        let mut seen = Granularity::default();
        view.messages(0, view.len()).for_each(|rows| seen.see(&view, rows));
        seen.ns()
    });
    let mut markets = Vec::with_capacity(models.len());
    for model in models {
        let matching = Matching { accounts: Accounts::Isolated, ..Matching::default() };
        let random = Random::new(0, 0);
        let mut market = Market::new(Arc::clone(instrument), FillBasis::L2, *model, matching, random)?;
        market.list();
        market.set_granularity(granularity);
        markets.push(market);
    }
    let tells_orders = view.kind.iter().any(|kind| KindSet::ORDERS.has_column(*kind));
    let mut run = Run {
        whole,
        markets,
        fifo: Fifo::default(),
        active: Vec::new(),
        present: Vec::new(),
        script: Script::new(orders),
        replayed: Replayed {
            met: vec![false; orders.len()],
            truth: tells_orders.then(|| vec![Outcome::default(); orders.len()]),
            models: vec![vec![Outcome::default(); orders.len()]; models.len()],
            granularity,
        },
        out: Vec::new(),
    };
    let mut latest = i64::MIN;
    for (n, rows) in view.messages(0, view.len()).enumerate() {
        if n % MESSAGES_A_LOOK == 0 && !goes_on() {
            return Ok(run.replayed);
        }
        latest = latest.max(view.ts_event[rows.from]);
        run.message(&view, rows, latest);
    }
    run.script_until(view.len(), latest.saturating_add(1));
    Ok(run.replayed)
}

struct Run<'a> {
    whole: Chunk,
    markets: Vec<Market>,
    fifo: Fifo,
    active: Vec<Active>,
    /// Orders that are there.
    present: Vec<usize>,
    script: Script<'a>,
    replayed: Replayed,
    out: Vec<(AccountId, Update)>,
}

impl Run<'_> {
    fn message(&mut self, view: &View<'_>, rows: Span, now: i64) {
        self.script_until(rows.from, now);
        for row in rows.from..rows.to {
            if view.kind[row] == EventKind::Trade as u8 && !self.present.is_empty() {
                self.compare(view.event(row));
            }
        }
        for row in rows.from..rows.to {
            if KindSet::ORDERS.has_column(view.kind[row])
                && let Some(removed) = self.fifo.apply(view.event(row))
            {
                self.happen(&removed, now);
            }
        }
        for at in 0..self.markets.len() {
            self.markets[at].on_message(view, rows, now, &mut self.out);
            self.book(at);
        }
    }

    /// Lets orders come and go that do so before a time, when rows up to this one have happened.
    fn script_until(&mut self, row: usize, now: i64) {
        while let Some((order, comes)) = self.script.next(now) {
            let Scripted { side, price, qty, from, until } = self.script.orders[order];
            let (account, id, market) = (AccountId::new(order), order as u64 + 1, MarketId::new(0));
            let command = if comes {
                let order_type = OrderType::Limit { price: Price::new(price) };
                let request = OrderRequest {
                    post_only: true,
                    ..OrderRequest::new(market, side, order_type, Qty::new(qty))
                };
                self.present.push(order);
                if let Some(truth) = &mut self.replayed.truth {
                    truth[order].rested = true;
                    let ahead = self.fifo.at(side, price);
                    self.active.push(Active { order, ahead, arrival: self.fifo.arrivals });
                }
                Command::Submit { order: id, request }
            } else {
                self.present.retain(|present| *present != order);
                self.active.retain(|active| active.order != order);
                Command::Cancel { order: id, market }
            };
            for at in 0..self.markets.len() {
                let when = if comes { from } else { until };
                self.markets[at].on_command(account, command.clone(), when, &mut self.out);
                let past = Past::default();
                let whole = &self.whole;
                self.markets[at].look_back(|side, price| {
                    past.told_of(Some((whole.view(), 0..row)), FillBasis::L2, side, price)
                });
                self.book(at);
            }
        }
    }

    /// Books what happened to orders in a model's market.
    fn book(&mut self, at: usize) {
        for (account, update) in self.out.drain(..) {
            let outcome = &mut self.replayed.models[at][account.index()];
            match update.kind {
                ReportKind::Accepted => outcome.rested = true,
                ReportKind::Fill { qty, .. } => {
                    outcome.filled += qty.steps();
                    if outcome.filled == self.script.orders[account.index()].qty {
                        outcome.filled_at = Some(update.ts_event);
                    }
                }
                _ => {}
            }
        }
    }

    /// Before a trade: how far the models are from the truth at its price.
    fn compare(&mut self, trade: Event) {
        for order in &self.present {
            let Scripted { side, price, from, .. } = self.script.orders[*order];
            if price == trade.price && trade.side == -(side as i8) && trade.ts_event > from {
                self.replayed.met[*order] = true;
            }
        }
        for active in &self.active {
            let Scripted { side, price, .. } = self.script.orders[active.order];
            if price != trade.price || trade.side != -(side as i8) {
                continue;
            }
            for (market, outcomes) in self.markets.iter().zip(&mut self.replayed.models) {
                let ahead = market.queue_ahead(AccountId::new(active.order), active.order as u64 + 1);
                if let Some(ahead) = ahead.filter(|ahead| ahead.is_finite()) {
                    outcomes[active.order].error += ahead - active.ahead as f64;
                    outcomes[active.order].errors += 1;
                }
            }
        }
    }

    /// Something left the market of single orders.
    fn happen(&mut self, removed: &Removed, now: i64) {
        let Some(truth) = &mut self.replayed.truth else { return };
        let orders = self.script.orders;
        self.active.retain_mut(|active| {
            let Scripted { side, price, qty, .. } = orders[active.order];
            if side as i8 != removed.side {
                return true;
            }
            let outcome = &mut truth[active.order];
            let is_worse = removed.price * side.sign() < price * side.sign();
            if removed.price == price && removed.arrival <= active.arrival {
                active.ahead -= removed.qty;
            } else if removed.executed && (is_worse || removed.price == price) {
                let filled = removed.qty.min(qty - outcome.filled);
                outcome.filled += filled;
                if outcome.filled == qty {
                    outcome.filled_at = Some(now);
                }
            }
            outcome.filled < qty
        });
    }
}
