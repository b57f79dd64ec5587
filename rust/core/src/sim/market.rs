//! The venue's side of one instrument: the replayed book, our resting orders in it, and their fills.
//!
//! Our orders never change the replayed market. When an order trades:
//!
//! * it takes what is displayed on the other side, in whole lots, level by level, up to its limit. What it took is gone
//!   for us: the market's own trades there take it first, other decreases of the level take their share of it, and
//!   growth leaves it gone (see `taken`);
//! * on its way it meets our own resting orders, by price and by place in the queue: at one price what is displayed
//!   ahead of an order, then the order, which is filled as a maker at its own price, then what is behind. Two orders
//!   of one account do not trade with each other (see [`SelfTrade`]);
//! * resting at `P`, it fills when a trade prints beyond `P`, whoever took: all our orders that such a trade passes
//!   get no more than its quantity, better prices first, then in order of arrival, and what is left of them has nothing
//!   ahead any more;
//! * at `P` itself a trade first works off the queue ahead (see [`QueueModel`]); orders of ours share it in order of
//!   arrival;
//! * when the other side's best price reaches `P`, it fills from what is displayed there and not taken yet, better
//!   prices first, then in order of arrival; the rest waits for more to come;
//! * a trade the book had shown already when an order came is none for it;
//! * a maker fill is at the order's own price;
//! * with a law of impact, what an account took moves what it meets afterwards away from it (see `pressure`);
//! * depth, quotes and trades make one book, the freshest of them counts;
//! * a market without a book fills by what was traded alone (see `prints`);
//! * a crossed book is a fault of the data: nothing is taken from it and it reaches nobody.
//!
//! What rests beyond the deepest level a side shows is unknown, not nothing: an order there keeps its place in the
//! queue, and one that arrives there joins the queue when the level is first seen.
//!
//! When the instrument is delisted every resting order expires, and from then on none is let in.
//!
//! "Us" are the accounts of the market. Shared accounts see what the others took and share what trades; isolated
//! ones are each alone with the market (see [`Accounts`]). An order's id is its own among those of its account, and
//! only its account can cancel or replace it. What a real venue would refuse is refused here as well.
//!
//! Orders are looked at only where a message concerns them: levels named by a row, own prices the other side's best
//! price has reached, prices deeper than anything shown once the data shows more, and all of them after the book
//! was cleared. Within one message they fill in order of arrival.

mod armed;
mod commands;
mod concern;
mod crossed;
mod custom;
mod fills;
mod forced;
mod incoming;
mod lives;
mod matching;
#[cfg(test)]
mod model;
mod news;
mod open;
mod pressure;
mod prints;
mod resting;
mod taken;
mod terms;
mod trading;
mod triggers;
mod waiting;

use std::sync::Arc;

use rustc_hash::FxHashMap;

pub(in crate::sim) use self::armed::AskedFor;
use self::armed::Triggers;
use self::crossed::Crossed;
use self::matching::Step;
pub use self::matching::{Accounts, Matching, SelfTrade};
use self::news::{News, Trade, Watch};
pub use self::open::OpenOrder;
use self::resting::{OwnOrders, Slot};
use self::taken::Taken;
use self::terms::Expiries;
use self::waiting::Prints;
use super::custom::{QueueEvent, QueueInUse, QueueSource, Source};
use super::impact::{Impact, Pressed};
use super::queue::{QueueModel, QueuePosition, Told};
use super::rules::OrderRules;
use super::update::Update;
use crate::book::{FillBasis, L2Book};
use crate::event::{EventKind, Span, View};
use crate::ledger::{ContractMath, MoneyOverflow};
use crate::orders::OrderId;
use crate::random::Random;
use crate::types::{AccountId, Instrument, Moments, Side};

const SIDES: [Side; 2] = [Side::Buy, Side::Sell];

/// Accounts that share what is there to take: all of a market, or each for itself.
#[derive(Debug)]
struct Pool {
    random: Random,
    /// The trade of which `left` is left.
    trade: u64,
    left: i64,
    rule: FillRule,
    /// By which orders queue instead.
    custom: Option<QueueInUse>,
    /// What it has taken of each side, as impact remembers it.
    pressed: [Pressed; 2],
}

/// How resting orders of a pool fill.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FillRule {
    /// How they queue.
    pub queue: QueueModel,
    /// Whether what the other side displays at their price or through it fills them; else trades alone do.
    pub reaches: bool,
}

/// Up to so many orders are all looked at after every message.
const FEW: usize = 4;

/// A venue's side of one instrument.
#[derive(Debug)]
pub struct Market {
    book: L2Book,
    basis: FillBasis,
    /// Whether it takes orders.
    is_listed: bool,
    /// Whether something of ours is here: an order, or a quantity taken that the data still shows.
    touched: bool,
    /// Sum of the last two-sided best prices, for marking.
    twice_mid: Option<i64>,
    crossed: Crossed,
    watch: [Watch; 2],
    orders: OwnOrders,
    /// Orders of which nobody has said yet what their levels are made of.
    joined: Vec<Slot>,
    taken: Taken,
    /// Of a market without a book.
    prints: Prints,
    news: News,
    /// Accounts stand in groups of so many, each with a rule and a market of its own.
    group: usize,
    filling: Vec<FillRule>,
    custom_queue: Option<Source<dyn QueueSource>>,
    granularity: Option<i64>,
    self_trade: SelfTrade,
    accounts: Accounts,
    pools: Vec<Pool>,
    /// The pools of isolated accounts.
    pool_of: FxHashMap<AccountId, u32>,
    trades: u64,
    /// How far what was taken moves prices.
    impact: Option<Impact>,
    /// When what is going on here happens, ns; the lot and the tick are those of then.
    now: i64,
    lot: i64,
    unit: f64,
    math: ContractMath,
    instrument: Arc<Instrument>,
    random: Random,
    rules: OrderRules,
    expiries: Expiries,
    triggers: Triggers,
    /// What each account has bought here, less what it has sold.
    positions: Vec<i64>,
    /// Whether something was filled whose consequences have not been looked at.
    has_filled: bool,
    /// Orders of which nothing more is displayed.
    melted: Vec<(AccountId, OrderId)>,
    steps: Vec<Step>,
    reached: Vec<Slot>,
    /// See [`FEW`]; tests want none.
    few: usize,
}

impl Market {
    /// An empty market.
    ///
    /// # Errors
    /// [`MoneyOverflow`] when the instrument's increments are beyond any arithmetic.
    pub fn new(
        instrument: Arc<Instrument>,
        basis: FillBasis,
        queue: QueueModel,
        matching: Matching,
        random: Random,
    ) -> Result<Self, MoneyOverflow> {
        let mut market = Self {
            book: basis.book(),
            basis,
            is_listed: instrument.listing.is_none(),
            touched: false,
            twice_mid: None,
            crossed: Crossed::default(),
            watch: [Watch::NOTHING; 2],
            orders: OwnOrders::new(),
            joined: Vec::new(),
            taken: Taken::default(),
            prints: Prints::default(),
            news: News::default(),
            group: usize::MAX,
            filling: vec![FillRule { queue, reaches: true }],
            custom_queue: None,
            granularity: None,
            self_trade: matching.self_trade,
            accounts: matching.accounts,
            pools: Vec::new(),
            pool_of: FxHashMap::default(),
            trades: 0,
            impact: None,
            now: 0,
            lot: instrument.terms.lot_size,
            unit: instrument.qty_increment.to_f64(1),
            math: ContractMath::new(&instrument)?,
            instrument,
            random,
            rules: OrderRules::default(),
            expiries: Expiries::default(),
            triggers: Triggers::default(),
            positions: Vec::new(),
            has_filled: false,
            melted: Vec::new(),
            steps: Vec::new(),
            reached: Vec::new(),
            few: FEW,
        };
        if matching.accounts == Accounts::Shared {
            market.add_pool(0);
        }
        Ok(market)
    }

    /// Has the terms of orders meet these rules.
    pub fn set_rules(&mut self, rules: OrderRules) {
        self.rules = rules;
    }

    /// Has prices move away from who takes.
    pub fn set_impact(&mut self, impact: Option<Impact>) {
        self.impact = impact;
    }

    /// The venue's book as of the last message.
    pub fn book(&self) -> &L2Book {
        &self.book
    }

    /// What accounts are to each other.
    pub fn accounts(&self) -> Accounts {
        self.accounts
    }

    /// What is traded here.
    pub fn instrument(&self) -> &Instrument {
        &self.instrument
    }

    /// Whether it takes orders.
    pub fn is_listed(&self) -> bool {
        self.is_listed
    }

    /// Where its book comes from.
    pub fn basis(&self) -> FillBasis {
        self.basis
    }

    /// Its arithmetic.
    pub fn math(&self) -> &ContractMath {
        &self.math
    }

    /// Sum of best bid and best ask, the last time there were both.
    pub fn twice_mid(&self) -> Option<i64> {
        self.twice_mid
    }

    /// That in units of 10^-9 of price.
    pub(super) fn fine_mid(&self) -> Option<i64> {
        self.math.fine_price(self.twice_mid?.into(), 2)
    }

    /// Goes back to where the book was this, to hear again what has happened by `now`; nothing of ours is here.
    pub(super) fn restart(&mut self, book: L2Book, twice_mid: Option<i64>, now: i64) {
        debug_assert!(!self.touched, "orders cannot be taken back");
        (self.book, self.twice_mid) = (book, twice_mid);
        self.prints.restart();
        self.crossed.go_back(now);
    }

    /// When its book was locked or crossed, in a run that ended at `end`.
    pub fn crossed(&self, end: i64) -> Moments {
        self.crossed.told(end)
    }

    /// Whether nothing of ours is left here: no order, and no quantity taken that the data still shows.
    #[inline]
    pub(crate) fn is_untouched(&self) -> bool {
        !self.touched
    }

    /// Number of our orders here: those that rest, and those that wait for a print or a trigger.
    pub fn resting(&self) -> usize {
        self.orders.len() + self.prints.len() + self.triggers.len()
    }

    /// Quantity ahead of a resting order; infinite while its level has not been seen.
    pub fn queue_ahead(&self, account: AccountId, id: OrderId) -> Option<f64> {
        self.orders.find(account, id).map(|slot| self.orders.get(slot).place.front)
    }

    fn add_pool(&mut self, group: usize) -> u32 {
        // Every pool draws the numbers it would draw alone.
        let rule = self.filling[group.min(self.filling.len() - 1)];
        let custom = self.custom_for(rule);
        let pressed = [Pressed::default(); 2];
        self.pools.push(Pool { random: self.random.clone(), trade: 0, left: 0, rule, custom, pressed });
        (self.pools.len() - 1) as u32
    }

    fn pool(&mut self, account: AccountId) -> u32 {
        let group = account.index() / self.group;
        let key = if self.accounts == Accounts::Shared { AccountId::new(group) } else { account };
        if self.accounts == Accounts::Shared && group == 0 {
            return 0;
        }
        if let Some(pool) = self.pool_of.get(&key) {
            return *pool;
        }
        let pool = self.add_pool(group);
        self.pool_of.insert(key, pool);
        pool
    }

    /// Takes a message of a checked view, which happens at `now`. What comes of it goes to `out`, with the account it
    /// is for. Returns whether a queue model of somebody else's has failed.
    #[inline]
    pub fn on_message(
        &mut self,
        view: &View<'_>,
        rows: Span,
        now: i64,
        out: &mut Vec<(AccountId, Update)>,
    ) -> bool {
        if !self.basis.has_book() {
            self.on_prints(view, rows.from, rows.to, now, out);
            return false;
        }
        if self.touched {
            self.on_message_touched(view, rows, now, out);
            return self.custom_queue.is_some() && self.has_failed();
        }
        if self.basis == FillBasis::L2 && rows.only_levels {
            self.book.apply_levels(view, rows.from, rows.to);
        } else {
            self.book.apply_rows(self.basis, view, rows.from, rows.to);
        }
        self.keep_mid(now);
        false
    }

    /// The same with something of ours in the market; apart, so that it costs nothing where there is nothing.
    #[inline(never)]
    fn on_message_touched(
        &mut self,
        view: &View<'_>,
        rows: Span,
        now: i64,
        out: &mut Vec<(AccountId, Update)>,
    ) {
        self.keep_lot(now);
        self.joined.clear();
        let (before, orders, few) = (self.book.touch_keys(), self.orders.len(), self.are_few());
        if !few {
            self.note_covered();
        }
        let mut row = rows.from;
        while row < rows.to {
            row = if self.basis == FillBasis::L2
                && (rows.only_levels || view.kind[row] == EventKind::BookSet as u8)
            {
                let end =
                    if rows.only_levels { rows.to } else { view.run_of(EventKind::BookSet, row, rows.to) };
                if !few {
                    self.note_levels(view, row, end);
                }
                self.book.apply_levels(view, row, end);
                end
            } else if view.kind[row] == EventKind::Trade as u8 {
                self.on_trades(view, row, rows.to, now, out)
            } else {
                self.on_row(view, row);
                row + 1
            };
        }
        self.keep_mid(now);
        if few {
            self.look_at_few(orders, now, out);
        } else {
            self.note_covered();
            self.settle(before, now, out);
        }
        if !self.triggers.is_empty() {
            self.see_mid();
            if self.set_off(now, out) {
                self.watch_again();
            }
        }
        if self.has_filled {
            self.follow_fills(now, out);
            self.watch_again();
        }
    }

    /// The lot in force at a time.
    #[inline]
    fn keep_lot(&mut self, now: i64) {
        self.now = now;
        self.lot = self.instrument.terms_at(now).lot_size;
    }

    /// Whether there is so little of ours that looking at all of it costs less than asking which ones a message concerns.
    #[inline]
    fn are_few(&self) -> bool {
        self.orders.len() + self.taken.len() <= self.few
    }

    /// After a message: looks at every order and everything taken.
    fn look_at_few(&mut self, before: usize, now: i64, out: &mut Vec<(AccountId, Update)>) {
        self.news.forget();
        let had_taken = !self.taken.is_empty();
        if self.book.is_synced() {
            if had_taken {
                for side in SIDES {
                    self.see_taken(side);
                }
            }
            let (bid, ask) = self.book.touch_keys();
            if self.reaches_own(bid, ask) && !self.book.is_crossed() {
                self.fill_reached(now, out);
            }
            for side in SIDES {
                self.orders.take_unseen(side);
            }
            for at in 0..self.orders.len() {
                let slot = self.orders.all()[at];
                let order = self.orders.get(slot);
                let (side, price) = (order.side, order.price);
                match self.book.shown_at(side, price) {
                    Some(displayed) => self.see(slot, displayed),
                    None => self.orders.set_unseen(side, price * side.sign()),
                }
            }
        }
        if had_taken || !self.taken.is_empty() || self.orders.len() != before {
            self.watch_again();
        }
    }

    /// Whether best keys of the other side reach the best own orders.
    #[inline]
    fn reaches_own(&self, bid: i64, ask: i64) -> bool {
        // A sum of two keys is not negative when their prices meet.
        self.orders.best(Side::Buy).saturating_add(ask) >= 0
            || self.orders.best(Side::Sell).saturating_add(bid) >= 0
    }

    /// Lets what the data shows act on what was taken of a side.
    fn see_taken(&mut self, side: Side) {
        let book = &self.book;
        self.taken.levels_show(side, |key| {
            Some((book.shown_at(side, key * side.sign())?, book.stamp_at(side, key)))
        });
    }

    /// Lets what a level shows act on an order's place in its queue.
    #[inline(always)]
    fn see(&mut self, slot: Slot, displayed: i64) {
        let order = self.orders.get(slot);
        if displayed != order.displayed || order.place.is_unknown() {
            self.see_change(slot, displayed);
        }
    }

    #[inline(never)]
    fn see_change(&mut self, slot: Slot, displayed: i64) {
        let order = self.orders.get_mut(slot);
        if order.place.is_unknown() {
            self.join(slot, displayed);
        } else {
            let at = self.book.stamp_at(order.side, order.key());
            let pool = &mut self.pools[order.pool as usize];
            let sizes = (order.displayed, displayed);
            match &mut pool.custom {
                Some(model) => {
                    let event = QueueEvent::Change { prev: sizes.0, new: sizes.1 };
                    order.ask(model, sizes.1, at, event);
                }
                None => pool.rule.queue.on_depth(&mut order.place, sizes, at, self.unit),
            }
            if displayed < order.displayed {
                order.shrunk_at = at;
            }
            order.displayed = displayed;
        }
    }

    /// Puts an order behind all that its level shows and that is not taken.
    fn join(&mut self, slot: Slot, displayed: i64) {
        let order = self.orders.get_mut(slot);
        let taken = self.taken.at(order.side, order.key(), order.pool);
        order.place = QueuePosition::behind(displayed - taken);
        let at = self.book.stamp_at(order.side, order.key());
        if let Some(model) = &mut self.pools[order.pool as usize].custom {
            order.ask(model, displayed, at, QueueEvent::Join);
        }
        order.ahead_at_entry = order.place.front;
        (order.displayed, order.joined_at, order.shrunk_at) = (displayed, at, at);
    }

    /// Whether orders have joined levels of which it could be said what they are made of.
    pub(super) fn looks_back(&self) -> bool {
        !self.joined.is_empty()
    }

    /// How fine its book is: the time whose events are one message, ns; 0 where each is one, none where nobody has said.
    pub fn granularity(&self) -> Option<i64> {
        self.granularity
    }

    /// Says how fine its book is.
    pub fn set_granularity(&mut self, ns: i64) {
        self.granularity = Some(ns);
        let pools = self.pools.iter_mut().map(|pool| &mut pool.rule);
        pools.chain(&mut self.filling).for_each(|rule| rule.queue.is_throttled = ns > 0);
    }

    /// Puts accounts in groups of so many, the first of which fills by the first of these rules and so on; nothing of
    /// one is seen by another. Before the first order.
    pub fn set_filling(&mut self, group: usize, filling: Vec<FillRule>) {
        debug_assert!(!self.touched && !filling.is_empty(), "orders keep the rule they came with");
        (self.group, self.filling) = (group.max(1), filling);
        if let Some(first) = self.pools.first_mut() {
            first.rule = self.filling[0];
        }
    }

    /// Lets `told` say what the levels are made of that orders have joined since it was last asked: what was told of the
    /// one of a side at a price, oldest first. None of it is later than the last message.
    pub(crate) fn look_back(&mut self, told: impl Fn(Side, i64) -> Vec<Told>) {
        // Many accounts often join the same few levels.
        let mut levels: Vec<((Side, i64), Vec<i64>)> = Vec::new();
        for slot in self.joined.drain(..) {
            let Some(order) = self.orders.still(slot) else { continue };
            let level = (order.side, order.price);
            let at = levels.iter().position(|(known, _)| *known == level).unwrap_or_else(|| {
                levels.push((level, QueuePosition::pieces(told(order.side, order.price))));
                levels.len() - 1
            });
            order.place.know(&levels[at].1);
        }
    }

    #[inline(always)]
    fn keep_mid(&mut self, now: i64) {
        let both = self.book.best_bid().zip(self.book.best_ask());
        if let Some((bid, ask)) = both {
            self.twice_mid = Some(bid + ask);
        }
        self.crossed.look(both.is_some_and(|(bid, ask)| bid >= ask), now);
    }

    /// Takes trades from a row on and returns where they end. What they do to orders does not depend on what they do to the
    /// book, but where that says who took.
    fn on_trades(
        &mut self,
        view: &View<'_>,
        from: usize,
        to: usize,
        now: i64,
        out: &mut Vec<(AccountId, Update)>,
    ) -> usize {
        let to = view.run_of(EventKind::Trade, from, to);
        let known = view.side[from..to].iter().take_while(|side| **side != 0).count();
        let to = from + known.max(1);
        for row in from..to {
            let (price, qty) = (view.price.get(row), view.qty.get(row));
            if price > 0 && qty > 0 {
                let aggressor = self.book.aggressor(view.side[row], price);
                self.on_trade(Trade { aggressor, price, qty, at: view.ts_event[row] }, now, out);
                self.see_last(price, i64::MAX);
            }
        }
        self.book.merge_trades(view, from, to);
        to
    }

    fn on_row(&mut self, view: &View<'_>, row: usize) {
        match EventKind::from_column(view.kind[row]) {
            Some(EventKind::Mark) => self.see_mark(view.price.get(row)),
            kind => {
                self.news.cleared |= self.basis == FillBasis::L2 && kind == Some(EventKind::BookClear);
                self.book.apply_event(self.basis, view, row);
            }
        }
    }
}
