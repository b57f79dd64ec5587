//! The market once more, slow and obvious: every order is looked at after every message, what a taker meets is taken
//! lot by lot. The real one has to say the same.

mod terms;

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;

use super::{Accounts, Market, Matching, SelfTrade};
use crate::book::FillBasis;
use crate::event::{Event, EventColumns, EventKind, Span};
use crate::ledger::ContractMath;
use crate::orders::{
    Command, FillEvent, Liquidity, NewTerms, OrderId, OrderRequest, OrderType, Reason, ReportKind,
    TimeInForce,
};
use crate::random::Random;
use crate::sim::queue::obvious::Obvious;
use crate::sim::queue::{Print, QueueModel, QueuePosition};
use crate::sim::update::Update;
use crate::types::{AccountId, Instrument, MarketId, Price, Qty, Side};

type Out = Vec<(AccountId, Update)>;
/// How late it is told, and what the row says.
type Row = (i64, EventKind, Option<Side>, i64, i64);
/// All accounts, or one.
type Pool = Option<AccountId>;

#[derive(Clone)]
struct Own {
    id: OrderId,
    account: AccountId,
    side: Side,
    price: i64,
    qty: i64,
    filled: i64,
    post_only: bool,
    slides: bool,
    reduce_only: bool,
    display: i64,
    tip: i64,
    expires_at: Option<i64>,
    place: QueuePosition,
    /// Its place where pieces are tracked; what is ahead there is written to `place`.
    tracked: Option<Obvious>,
    displayed: i64,
    joined_at: i64,
    shrunk_at: i64,
}

impl Own {
    /// Lets something act on the pieces of its level, if it has any.
    fn track(&mut self, act: impl FnOnce(&mut Obvious) -> i64) -> Option<i64> {
        let obvious = self.tracked.as_mut()?;
        let acted = act(obvious);
        self.place.front = obvious.front() as f64;
        Some(acted)
    }
}

#[derive(Clone)]
struct Taken {
    pool: Pool,
    side: Side,
    price: i64,
    displayed: i64,
    qty: i64,
    traded: i64,
    shrunk_at: i64,
}

/// What a side shows that its depth does not.
#[derive(Clone, Copy, Default)]
struct Cover {
    /// Nothing better is there; none for nothing at all.
    best: Option<i64>,
    quoted: Option<i64>,
    quoted_at: Option<i64>,
    traded: i64,
    traded_at: Option<i64>,
}

#[derive(Clone)]
struct Model {
    basis: FillBasis,
    queue: QueueModel,
    matching: Matching,
    lot: i64,
    unit: f64,
    math: ContractMath,
    /// Merged.
    levels: [BTreeMap<i64, i64>; 2],
    depth: [BTreeMap<i64, i64>; 2],
    covers: [Option<Cover>; 2],
    synced: bool,
    shown_at: i64,
    /// In order of arrival.
    orders: Vec<Own>,
    taken: Vec<Taken>,
    random: BTreeMap<Pool, Random>,
    positions: BTreeMap<AccountId, i64>,
    /// Orders of which nothing more is displayed.
    melted: Vec<(AccountId, OrderId)>,
}

/// Whether an order at `price` and one of the other side at `other` meet.
fn meet(side: Side, price: i64, other: i64) -> bool {
    if side == Side::Buy { price >= other } else { price <= other }
}

/// Whether `price` is better than `other` for an order that waits on a side.
fn better(side: Side, price: i64, other: i64) -> bool {
    if side == Side::Buy { price > other } else { price < other }
}

impl Model {
    fn new(setup: &Setup) -> Self {
        let instrument = setup.instrument();
        Self {
            basis: setup.basis,
            queue: setup.queue,
            matching: setup.matching,
            lot: instrument.terms.lot_size,
            unit: instrument.qty_increment.to_f64(1),
            math: ContractMath::new(&instrument).unwrap(),
            levels: [BTreeMap::new(), BTreeMap::new()],
            depth: [BTreeMap::new(), BTreeMap::new()],
            covers: [None, None],
            synced: false,
            shown_at: i64::MIN,
            orders: Vec::new(),
            taken: Vec::new(),
            random: BTreeMap::new(),
            positions: BTreeMap::new(),
            melted: Vec::new(),
        }
    }

    fn pool(&self, account: AccountId) -> Pool {
        (self.matching.accounts == Accounts::Isolated).then_some(account)
    }

    fn qty_at(&self, side: Side, price: i64) -> i64 {
        self.levels[side.index()].get(&price).copied().unwrap_or(0)
    }

    fn best(&self, side: Side) -> Option<i64> {
        let levels = &self.levels[side.index()];
        let best = if side == Side::Buy { levels.last_key_value() } else { levels.first_key_value() };
        best.map(|(price, _)| *price)
    }

    fn is_crossed(&self) -> bool {
        self.best(Side::Buy).zip(self.best(Side::Sell)).is_some_and(|(bid, ask)| bid >= ask)
    }

    /// What the data shows of a price: nothing beyond the deepest level of a side.
    fn shown(&self, side: Side, price: i64) -> Option<i64> {
        let levels = &self.levels[side.index()];
        let deepest = if side == Side::Buy { levels.first_key_value() } else { levels.last_key_value() };
        let beyond = deepest.is_some_and(|(deepest, _)| better(side, *deepest, price));
        (!beyond).then(|| self.qty_at(side, price))
    }

    fn taken_at(&self, pool: Pool, side: Side, price: i64) -> i64 {
        let of = |t: &&Taken| (t.pool, t.side, t.price) == (pool, side, price);
        self.taken.iter().find(of).map_or(0, |t| (t.qty + t.traded).min(t.displayed))
    }

    /// A lot, or less when no more is wanted; a queue model may have left an order with less.
    fn take_displayed(&mut self, pool: Pool, side: Side, price: i64, wanted: i64) -> i64 {
        let (displayed, qty) = (self.qty_at(side, price), self.lot.min(wanted));
        match self.taken.iter_mut().find(|t| (t.pool, t.side, t.price) == (pool, side, price)) {
            Some(taken) => taken.qty += qty,
            None => {
                let (traded, shrunk_at) = (0, i64::MIN);
                self.taken.push(Taken { pool, side, price, displayed, qty, traded, shrunk_at });
            }
        }
        qty
    }

    /// The best price at which a taker finds a displayed lot.
    fn best_free(&self, pool: Pool, taker: Side) -> Option<i64> {
        let side = taker.opposite();
        let free = |p: &&i64| self.qty_at(side, **p) - self.taken_at(pool, side, **p) >= self.lot;
        let levels = &self.levels[side.index()];
        let found = if side == Side::Buy { levels.keys().rev().find(free) } else { levels.keys().find(free) };
        found.copied()
    }

    /// The own order a taker meets first: the best price, then the oldest.
    fn first_own(&self, pool: Pool, taker: Side) -> Option<usize> {
        let side = taker.opposite();
        let mut first: Option<usize> = None;
        for (at, order) in self.orders.iter().enumerate() {
            let counts = order.side == side && self.pool(order.account) == pool && self.fillable(at) > 0;
            // At one price those that display something come first.
            let is_first = |f: usize| {
                let f = &self.orders[f];
                better(side, order.price, f.price)
                    || (order.price == f.price && order.displays() > 0 && f.displays() <= 0)
            };
            if counts && first.is_none_or(is_first) {
                first = Some(at);
            }
        }
        first
    }

    fn fill(&self, order: OrderId, price: i64, qty: i64, liquidity: Liquidity, now: i64) -> Update {
        let (price, qty) = (Price::new(price), Qty::new(qty));
        let value = self.math.value(price, qty).unwrap();
        let fee = self.math.fee(value, liquidity == Liquidity::Maker).unwrap();
        Update::on(order, now, ReportKind::Fill { price, qty, liquidity, fee })
    }

    fn fill_own(&mut self, at: usize, qty: i64, now: i64, out: &mut Out) {
        self.orders[at].filled += qty;
        let Own { account, side, id, .. } = self.orders[at];
        self.count(account, side, qty);
        if self.orders[at].leaves() > 0 && self.orders[at].displays() <= 0 {
            self.melted.push((account, id));
        }
        let order = &self.orders[at];
        out.push((order.account, self.fill(order.id, order.price, qty, Liquidity::Maker, now)));
    }

    fn drop_filled(&mut self) {
        self.orders.retain(|o| o.filled < o.qty);
    }

    fn on_message(&mut self, rows: &[Row], now: i64, out: &mut Out) {
        for &(late, kind, side, price, qty) in rows {
            let ts = now - late;
            match (kind, self.basis, side) {
                (EventKind::Trade, ..) => {
                    let ask = self.best(Side::Sell).is_some_and(|ask| price >= ask);
                    let bid = self.best(Side::Buy).is_some_and(|bid| price <= bid);
                    let guess = if ask { Some(Side::Buy) } else { bid.then_some(Side::Sell) };
                    if qty > 0 {
                        self.on_trade(side.or(guess), price, qty, (ts, now), out);
                        if let Some(aggressor) = side.or(guess)
                            && self.basis == FillBasis::L2
                            && self.synced
                        {
                            self.cover_by_trade(aggressor.opposite(), price, qty, ts);
                        }
                    }
                }
                (EventKind::BookClear, FillBasis::L2, _) => {
                    self.depth = [BTreeMap::new(), BTreeMap::new()];
                    self.covers = [None, None];
                    self.synced = false;
                }
                (EventKind::BookSet, FillBasis::L2, Some(side))
                | (EventKind::Quote, FillBasis::L1, Some(side)) => {
                    let levels = &mut self.depth[side.index()];
                    if kind == EventKind::Quote {
                        levels.clear();
                    }
                    levels.insert(price, qty);
                    levels.retain(|_, qty| *qty > 0);
                    (self.synced, self.shown_at) = (true, ts);
                    for cover in &mut self.covers {
                        let is_newer = |c: &Cover| {
                            c.quoted_at.is_some_and(|at| at >= ts) || c.traded_at.is_some_and(|at| at > ts)
                        };
                        *cover = cover.filter(is_newer);
                    }
                }
                (EventKind::Quote, FillBasis::L2, Some(side)) if self.synced && ts >= self.shown_at => {
                    let cover = &mut self.covers[side.index()];
                    let is_older = |c: Cover| [c.quoted_at, c.traded_at].iter().flatten().any(|at| *at > ts);
                    if !cover.is_some_and(is_older) {
                        let (best, quoted) = ((qty > 0).then_some(price), Some(qty));
                        *cover = Some(Cover { best, quoted, quoted_at: Some(ts), ..Cover::default() });
                    }
                }
                _ => {}
            }
            self.merge();
        }
        self.after_message(now, out);
    }

    fn merge(&mut self) {
        self.levels = self.depth.clone();
        for side in [Side::Buy, Side::Sell] {
            let levels = &mut self.levels[side.index()];
            let Some(cover) = self.covers[side.index()] else { continue };
            let Some(best) = cover.best else {
                levels.clear();
                continue;
            };
            levels.retain(|price, _| !better(side, *price, best));
            let shown = levels.get(&best).copied().unwrap_or(0);
            levels.insert(best, (cover.quoted.unwrap_or(shown) - cover.traded).max(0));
            levels.retain(|_, qty| *qty > 0);
        }
    }

    fn cover_by_trade(&mut self, side: Side, price: i64, qty: i64, ts: i64) {
        let before = self.covers[side.index()].unwrap_or_default();
        let is_shown = ts <= self.shown_at || before.quoted_at.is_some_and(|at| ts <= at);
        if is_shown || self.best(side).is_none_or(|best| better(side, price, best)) {
            return;
        }
        let again = before.best == Some(price);
        self.covers[side.index()] = Some(Cover {
            best: Some(price),
            quoted: before.quoted.filter(|_| again),
            quoted_at: before.quoted_at,
            traded: if again { before.traded } else { 0 } + qty,
            traded_at: before.traded_at.max(Some(ts)),
        });
    }

    /// When what is shown of a price was told.
    fn told_at(&self, side: Side, price: i64) -> i64 {
        let cover = self.covers[side.index()].unwrap_or_default();
        let is_quoted = cover.best.is_none_or(|best| !better(side, best, price));
        cover.quoted_at.filter(|_| is_quoted).unwrap_or(self.shown_at)
    }

    fn on_trade(
        &mut self,
        aggressor: Option<Side>,
        price: i64,
        qty: i64,
        (ts, now): (i64, i64),
        out: &mut Out,
    ) {
        let passive = aggressor.map(Side::opposite);
        for taken in &mut self.taken {
            if passive == Some(taken.side) && taken.price == price && ts > taken.shrunk_at {
                taken.qty = (taken.qty - qty).max(0);
                taken.traded = (taken.traded + qty).min(taken.displayed);
            }
        }
        let mut left: BTreeMap<Pool, i64> = BTreeMap::new();
        let first = passive.unwrap_or(Side::Buy);
        for side in [first, first.opposite()] {
            let mut through: Vec<usize> = (0..self.orders.len())
                .filter(|at| self.orders[*at].side == side && better(side, self.orders[*at].price, price))
                .collect();
            through.sort_by_key(|at| -self.orders[*at].price * side.sign());
            for at in through {
                if ts <= self.orders[at].joined_at {
                    continue;
                }
                let leaves = self.fillable(at);
                let left = left.entry(self.pool(self.orders[at].account)).or_insert(qty);
                let fill = if *left >= leaves { leaves } else { *left - *left % self.lot };
                *left -= fill;
                self.orders[at].place.pass();
                self.orders[at].track(|line| {
                    line.pass();
                    0
                });
                if fill > 0 {
                    self.fill_own(at, fill, now, out);
                }
            }
            for at in 0..self.orders.len() {
                let order = &self.orders[at];
                let is_concerned = passive == Some(side) && order.side == side && order.price == price;
                if !is_concerned || order.filled == order.qty || ts <= order.joined_at {
                    continue;
                }
                let (pool, fillable) = (self.pool(order.account), self.fillable(at).min(order.displays()));
                let left = left.entry(pool).or_insert(qty);
                let random = self.random.entry(pool).or_insert_with(|| Random::new(1, 0));
                let order = &mut self.orders[at];
                let print = Print { qty: *left, at: ts, is_shown: ts <= order.shrunk_at };
                let ahead = Print { qty: qty - *left, ..print };
                if ahead.qty > 0 && order.track(|line| line.trade(ahead, false)).is_none() {
                    self.queue.on_trade_ahead(&mut order.place, ahead);
                }
                if *left > 0 {
                    let reach = match order.track(|line| line.trade(print, true)) {
                        Some(past) => past / self.lot * self.lot,
                        None => {
                            self.queue.on_trade(&mut order.place, print, order.displayed, self.lot, random)
                        }
                    };
                    // An iceberg may have been filled beyond what it displays.
                    let fill = reach.min(fillable).max(0);
                    *left = (*left - fill).max(0);
                    if fill > 0 {
                        self.fill_own(at, fill, now, out);
                    }
                }
            }
        }
        self.drop_filled();
    }

    fn after_message(&mut self, now: i64, out: &mut Out) {
        if !self.synced {
            return;
        }
        for at in 0..self.taken.len() {
            let shown = self.shown(self.taken[at].side, self.taken[at].price);
            let told_at = self.told_at(self.taken[at].side, self.taken[at].price);
            let taken = &mut self.taken[at];
            match shown.map(|shown| (shown, taken.displayed - shown)) {
                None | Some((_, 0)) => {}
                Some((new, less)) if less < 0 => (taken.displayed, taken.traded) = (new, 0),
                Some((new, less)) => {
                    let explained = taken.traded.min(less);
                    let before = taken.displayed - explained;
                    taken.qty =
                        if before == new { taken.qty } else { (taken.qty * new + before - 1) / before }
                            .min(new);
                    taken.traded -= explained;
                    (taken.displayed, taken.shrunk_at) = (new, told_at);
                }
            }
        }
        self.taken.retain(|t| t.qty > 0 || t.traded > 0);
        if !self.is_crossed() {
            for side in [Side::Buy, Side::Sell] {
                let mut by_price: Vec<usize> =
                    (0..self.orders.len()).filter(|at| self.orders[*at].side == side).collect();
                by_price.sort_by_key(|at| -self.orders[*at].price * side.sign());
                for at in by_price {
                    let (pool, price) = (self.pool(self.orders[at].account), self.orders[at].price);
                    let leaves = self.fillable(at);
                    let mut fill = 0;
                    while fill < leaves
                        && let Some(other) = self.best_free(pool, side).filter(|o| meet(side, price, *o))
                    {
                        fill += self.take_displayed(pool, side.opposite(), other, leaves - fill);
                    }
                    if fill > 0 {
                        self.fill_own(at, fill, now, out);
                    }
                }
            }
            self.drop_filled();
        }
        for at in 0..self.orders.len() {
            if let Some(displayed) = self.shown(self.orders[at].side, self.orders[at].price) {
                self.see(at, displayed);
            }
        }
    }

    fn see(&mut self, at: usize, displayed: i64) {
        let Own { side, price, account, .. } = self.orders[at];
        let taken = self.taken_at(self.pool(account), side, price);
        let told_at = self.told_at(side, price);
        let order = &mut self.orders[at];
        if order.place.is_unknown() {
            order.place = QueuePosition::behind(displayed - taken);
            order.tracked = self.queue.is_tracked().then(|| Obvious::behind(self.queue, displayed - taken));
            (order.joined_at, order.shrunk_at) = (told_at, told_at);
        } else if displayed != order.displayed {
            let (prev, at) = (order.displayed, told_at);
            let shown = order.track(|line| {
                line.show(prev, displayed, at);
                0
            });
            if shown.is_none() {
                self.queue.on_depth(&mut order.place, (prev, displayed), at, self.unit);
            }
            if displayed < order.displayed {
                order.shrunk_at = told_at;
            }
        }
        order.displayed = displayed;
    }

    fn on_command(&mut self, account: AccountId, command: &Command, now: i64, out: &mut Out) {
        let say = |order, kind| (account, Update::on(order, now, kind));
        let of = |order: OrderId| move |o: &Own| (o.id, o.account) == (order, account);
        match command {
            Command::Submit { order, request } => {
                let mut limit = request.order_type.price().map(Price::steps);
                let mut refusal = self.refusal(account, request.side, limit, request.post_only);
                if request.slides && refusal == Some(Reason::PostOnlyWouldCross) {
                    (limit, refusal) = (Some(self.beside(account, request.side)), None);
                }
                let asked = request.qty.steps();
                let reduces = refusal != Some(Reason::BookNotSynced) && request.reduce_only;
                let qty = match request.order_type {
                    _ if !reduces => asked,
                    OrderType::Market => asked.min(self.reducible(account, request.side)),
                    OrderType::Limit { .. } => self.cut(account, request.side, asked, *order),
                };
                if let Some(reason) = if qty <= 0 { Some(Reason::ReduceOnly) } else { refusal } {
                    return out.push(say(*order, ReportKind::Rejected(reason)));
                }
                out.push(say(*order, ReportKind::Accepted));
                if qty < asked {
                    out.push(say(*order, ReportKind::Reduced { qty: Qty::new(qty) }));
                }
                if let (Some(price), Some(asked)) = (limit, request.order_type.price())
                    && price != asked.steps()
                {
                    out.push(say(*order, ReportKind::Repriced { price: Price::new(price) }));
                }
                let new = Own {
                    id: *order,
                    account,
                    side: request.side,
                    price: limit.unwrap_or(0),
                    qty,
                    filled: 0,
                    post_only: request.post_only,
                    slides: request.slides,
                    reduce_only: false,
                    display: i64::MAX,
                    tip: 0,
                    expires_at: None,
                    place: QueuePosition::UNKNOWN,
                    tracked: None,
                    displayed: 0,
                    joined_at: i64::MIN,
                    shrunk_at: i64::MIN,
                }
                .with_terms(request);
                if request.time_in_force == TimeInForce::Fok {
                    let mut tried = self.clone();
                    let after = tried.take(new.clone(), limit, now, &mut Vec::new());
                    if after.is_none_or(|o| o.filled < qty) {
                        return out.push(say(*order, ReportKind::Expired(Reason::FokNotFillable)));
                    }
                }
                let Some(left) = self.take(new, limit, now, out).filter(|o| o.filled < o.qty) else { return };
                match (request.order_type, request.time_in_force) {
                    (OrderType::Market, _) => {
                        out.push(say(*order, ReportKind::Expired(Reason::NoLiquidity)));
                    }
                    (OrderType::Limit { .. }, lives) if lives.rests() => self.rest(left),
                    _ => out.push(say(*order, ReportKind::Expired(Reason::IocRemainder))),
                }
            }
            Command::Cancel { order, .. } => match self.orders.iter().position(of(*order)) {
                Some(at) => {
                    self.orders.remove(at);
                    out.push(say(*order, ReportKind::Cancelled));
                }
                None => out.push(say(*order, ReportKind::CancelRejected(Reason::UnknownOrder))),
            },
            Command::Replace { order, terms, .. } => {
                self.replace(account, *order, (terms.price.steps(), terms.qty.steps()), now, out);
            }
        }
    }

    fn replace(
        &mut self,
        account: AccountId,
        order: OrderId,
        (mut price, mut qty): (i64, i64),
        now: i64,
        out: &mut Out,
    ) {
        let say = |kind| (account, Update::on(order, now, kind));
        let Some(at) = self.orders.iter().position(|o| (o.id, o.account) == (order, account)) else {
            return out.push(say(ReportKind::ReplaceRejected(Reason::UnknownOrder)));
        };
        let old = self.orders[at].clone();
        if qty <= old.filled {
            self.orders.remove(at);
            return out.push(say(ReportKind::Cancelled));
        }
        if old.reduce_only {
            qty = old.filled + self.cut(account, old.side, qty - old.filled, order);
            if qty <= old.filled {
                return out.push(say(ReportKind::ReplaceRejected(Reason::ReduceOnly)));
            }
        }
        let keeps = |price: i64| price == old.price && qty <= old.qty;
        let mut refusal = self.refusal(account, old.side, Some(price), old.post_only);
        if old.slides && !keeps(price) && refusal == Some(Reason::PostOnlyWouldCross) {
            (price, refusal) = (self.beside(account, old.side), None);
        }
        let kind = ReportKind::Replaced(NewTerms::new(Price::new(price), Qty::new(qty)));
        let replaced = say(kind);
        if keeps(price) {
            self.orders[at].qty = qty;
            return out.push(replaced);
        }
        if let Some(reason) = refusal {
            return out.push(say(ReportKind::ReplaceRejected(reason)));
        }
        self.orders.remove(at);
        out.push(replaced);
        let new = Own { price, qty, ..old };
        if let Some(left) = self.take(new, Some(price), now, out).filter(|o| o.filled < o.qty) {
            self.rest(left);
        }
    }

    fn refusal(&self, account: AccountId, side: Side, limit: Option<i64>, post_only: bool) -> Option<Reason> {
        if !self.synced {
            return Some(Reason::BookNotSynced);
        }
        let pool = self.pool(account);
        let own = self.first_own(pool, side).map(|at| self.orders[at].price);
        let meets = |other: Option<i64>| other.is_some_and(|p| limit.is_none_or(|l| meet(side, l, p)));
        if limit.is_some() && !meets(own) && !meets(self.best_free(pool, side)) {
            return None;
        }
        if post_only {
            return Some(Reason::PostOnlyWouldCross);
        }
        self.is_crossed().then_some(Reason::BookCrossed)
    }

    /// Lets an order take what it meets. Returns it unless a self-trade ended it.
    fn take(&mut self, mut taker: Own, limit: Option<i64>, now: i64, out: &mut Out) -> Option<Own> {
        let (side, pool) = (taker.side, self.pool(taker.account));
        let other = side.opposite();
        let expired = |o: &Own| (o.account, Update::on(o.id, now, ReportKind::Expired(Reason::SelfTrade)));
        // Price and quantity of the displayed lots that have just been taken.
        let mut run: Option<(i64, i64)> = None;
        loop {
            let shown = self.best_free(pool, side).filter(|p| limit.is_none_or(|l| meet(side, l, *p)));
            let own = self
                .first_own(pool, side)
                .filter(|at| limit.is_none_or(|l| meet(side, l, self.orders[*at].price)));
            let own_price = own.map(|at| self.orders[at].price);
            let displayed_first = match (shown, own_price) {
                (Some(shown), Some(price))
                    if shown == price && own.is_some_and(|at| self.orders[at].displays() <= 0) =>
                {
                    true
                }
                (Some(shown), Some(price)) if shown == price => {
                    let front = own.map_or(0.0, |at| self.orders[at].place.front) as i64;
                    let ahead = front.min(self.qty_at(other, price)) - self.taken_at(pool, other, price);
                    ahead >= self.lot
                }
                (Some(shown), Some(price)) => better(other, shown, price),
                (shown, _) => shown.is_some(),
            };
            let at = shown.filter(|_| displayed_first && taker.filled < taker.qty);
            if let Some((price, qty)) = run
                && at != Some(price)
            {
                out.push((taker.account, self.fill(taker.id, price, qty, Liquidity::Taker, now)));
                run = None;
            }
            if taker.filled == taker.qty {
                return Some(taker);
            }
            if let Some(price) = at {
                let qty = self.take_displayed(pool, other, price, taker.qty - taker.filled);
                taker.filled += qty;
                self.count(taker.account, side, qty);
                run = Some((price, run.map_or(0, |(_, qty)| qty) + qty));
                continue;
            }
            let Some(at) = own else { return Some(taker) };
            let left = taker.qty - taker.filled;
            let qty = left.min(self.orders[at].leaves());
            if self.orders[at].account != taker.account {
                let displays = self.orders[at].displays();
                let qty = left.min(self.fillable(at)).min(if displays > 0 { displays } else { i64::MAX });
                let price = self.orders[at].price;
                self.count(taker.account, side, qty);
                self.fill_own(at, qty, now, out);
                self.drop_filled();
                taker.filled += qty;
                out.push((taker.account, self.fill(taker.id, price, qty, Liquidity::Taker, now)));
                continue;
            }
            match self.matching.self_trade {
                SelfTrade::CancelNewest => {
                    out.push(expired(&taker));
                    return None;
                }
                SelfTrade::CancelOldest => out.push(expired(&self.orders.remove(at))),
                SelfTrade::CancelBoth => {
                    out.push(expired(&self.orders.remove(at)));
                    out.push(expired(&taker));
                    return None;
                }
                SelfTrade::Decrement => {
                    self.orders[at].qty -= qty;
                    taker.qty -= qty;
                    let cut = |o: &Own| {
                        let kind = ReportKind::Reduced { qty: Qty::new(o.qty) };
                        if o.filled == o.qty { expired(o) } else { (o.account, Update::on(o.id, now, kind)) }
                    };
                    out.push(cut(&self.orders[at]));
                    out.push(cut(&taker));
                    self.drop_filled();
                    if taker.filled == taker.qty {
                        return None;
                    }
                }
            }
        }
    }

    fn rest(&mut self, mut order: Own) {
        let shown = self.shown(order.side, order.price);
        (order.place, order.tracked) = (QueuePosition::UNKNOWN, None);
        order.tip = order.filled.saturating_add(order.display);
        self.orders.push(order);
        if let Some(displayed) = shown {
            self.see(self.orders.len() - 1, displayed);
        }
    }
}

#[derive(Debug, Clone)]
struct Setup {
    /// Orders up to which all are looked at.
    few: usize,
    basis: FillBasis,
    queue: QueueModel,
    matching: Matching,
    lot: i64,
}

impl Setup {
    fn instrument(&self) -> Instrument {
        let mut instrument = crate::types::instrument::tests::linear();
        instrument.terms.lot_size = self.lot;
        instrument
    }

    fn market(&self) -> Market {
        let random = Random::new(1, 0);
        let mut market =
            Market::new(Arc::new(self.instrument()), self.basis, self.queue, self.matching, random).unwrap();
        market.few = self.few;
        market
    }
}

#[derive(Debug, Clone)]
enum Action {
    Message(Vec<Row>),
    Submit(usize, OrderRequest),
    /// Of an account, an order counted back from its newest.
    Cancel(usize, u64),
    Replace(usize, u64, i64, i64),
}

fn setups(accounts: Accounts) -> impl Strategy<Value = Setup> {
    let queues = [
        "conservative",
        "power(2)",
        "power2(0.5)",
        "power3(3)",
        "log",
        "log2",
        "depletion",
        "tracked",
        "tracked_high",
        "fitted(2)",
    ];
    let policies =
        [SelfTrade::CancelNewest, SelfTrade::CancelOldest, SelfTrade::CancelBoth, SelfTrade::Decrement];
    (any::<bool>(), 0..queues.len(), 0..policies.len(), any::<[bool; 3]>()).prop_map(
        move |(full, queue, policy, [coarse, few, throttled])| Setup {
            few: if few { super::FEW } else { 0 },
            basis: if full { FillBasis::L2 } else { FillBasis::L1 },
            queue: QueueModel { is_throttled: throttled, ..queues[queue].parse().unwrap() },
            matching: Matching { accounts, self_trade: policies[policy] },
            lot: if coarse { 10 } else { 1 },
        },
    )
}

/// Bids mostly below asks, sometimes not; both books and quotes, so that either kind of market sees what it ignores.
fn rows() -> impl Strategy<Value = Row> {
    let sides = || any::<bool>().prop_map(|buy| if buy { Side::Buy } else { Side::Sell });
    let level = |kind| {
        (0i64..4, sides(), 0i64..12, 0i64..8, 0i64..60).prop_map(move |(late, side, away, none, qty)| {
            (late, kind, Some(side), 101 - side.sign() * away, if none < 3 { 0 } else { qty })
        })
    };
    let trade =
        (0i64..4, sides(), any::<bool>(), 92i64..110, 0i64..90).prop_map(|(late, side, told, price, qty)| {
            (late, EventKind::Trade, told.then_some(side), price, qty)
        });
    prop_oneof![
        8 => level(EventKind::BookSet),
        4 => level(EventKind::Quote),
        3 => trade,
        1 => Just((0, EventKind::BookClear, None, 0, 0)),
    ]
}

fn actions(accounts: usize) -> impl Strategy<Value = Action> {
    let terms = (any::<bool>(), 0u8..8, 88i64..114, 1i64..8, 0u8..32, 1i64..8).prop_map(
        |(buy, kind, price, lots, more, n)| OrderRequest {
            time_in_force: match kind {
                1 => TimeInForce::Ioc,
                2 => TimeInForce::Fok,
                // So long after it is sent.
                4 => TimeInForce::Gtd { expires_at: 2 * n },
                _ => TimeInForce::Gtc,
            },
            post_only: kind == 3,
            slides: kind == 3 && more & 4 == 4,
            reduce_only: more & 3 == 1,
            display_qty: (kind > 2 && more >> 3 == 3).then(|| Qty::new(n.min(lots))),
            ..OrderRequest::new(
                MarketId::new(0),
                if buy { Side::Buy } else { Side::Sell },
                if kind == 0 { OrderType::Market } else { OrderType::Limit { price: Price::new(price) } },
                // In lots here.
                Qty::new(lots),
            )
        },
    );
    let message = |rows: std::ops::Range<usize>| proptest::collection::vec(self::rows(), rows);
    // An opening book more often than chance would bring one.
    let snapshot = message(4..16).prop_map(|mut rows| {
        rows.insert(0, (0, EventKind::BookClear, None, 0, 0));
        Action::Message(rows)
    });
    prop_oneof![
        12 => message(1..6).prop_map(Action::Message),
        1 => snapshot,
        8 => (0..accounts, terms).prop_map(|(account, terms)| Action::Submit(account, terms)),
        1 => (0..accounts, 0u64..6).prop_map(|(account, back)| Action::Cancel(account, back)),
        2 => (0..accounts, 0u64..6, 88i64..114, 1i64..8)
            .prop_map(|(account, back, price, lots)| Action::Replace(account, back, price, lots)),
    ]
}

fn columns(rows: &[Row], now: i64) -> EventColumns {
    let mut columns = EventColumns::default();
    for (late, kind, side, price, qty) in rows {
        columns.push(Event {
            ts_event: now - late,
            ts_recv: 0,
            kind: *kind,
            side: side.map_or(0, |side| side as i8),
            flags: 0,
            price: *price,
            qty: *qty,
            id: 0,
        });
    }
    columns.end_message();
    columns
}

/// Ids are apart by account, so that one means the same whoever else trades.
fn command(action: &Action, at: usize, lot: i64) -> Option<(AccountId, Command)> {
    let id = |account: usize, at: u64| account as u64 * 1_000 + at + 1;
    let back = |account: usize, back: u64| id(account, (at as u64).saturating_sub(back));
    let (account, command) = match action {
        Action::Message(_) => return None,
        Action::Submit(account, request) => {
            let time_in_force = match request.time_in_force {
                TimeInForce::Gtd { expires_at } => TimeInForce::Gtd { expires_at: at as i64 + expires_at },
                other => other,
            };
            let whole = |lots: Qty| Qty::new(lots.steps() * lot);
            let (qty, display_qty) = (whole(request.qty), request.display_qty.map(whole));
            let request = OrderRequest { qty, time_in_force, display_qty, ..request.clone() };
            (*account, Command::Submit { order: id(*account, at as u64), request })
        }
        Action::Cancel(account, n) => {
            (*account, Command::Cancel { order: back(*account, *n), market: MarketId::new(0) })
        }
        Action::Replace(account, n, price, lots) => {
            let (order, qty) = (back(*account, *n), lots * lot);
            (
                *account,
                Command::Replace {
                    order,
                    market: MarketId::new(0),
                    terms: NewTerms::new(Price::new(*price), Qty::new(qty)),
                },
            )
        }
    };
    Some((AccountId::new(account), command))
}

fn act(market: &mut Market, action: &Action, at: usize, lot: i64, only: Option<usize>) -> Out {
    use crate::event::Columns;
    let (now, mut out) = (at as i64, Vec::new());
    market.expire(now, &mut out);
    if let Action::Message(rows) = action {
        let columns = columns(rows, now);
        let view = columns.view();
        let all = Span { from: 0, to: rows.len(), only_levels: view.are_levels(0, rows.len()) };
        market.on_message(&view, all, now, &mut out);
    } else if let Some((account, command)) = command(action, at, lot)
        && only.is_none_or(|only| only == account.index())
    {
        market.on_command(account, command, now, &mut out);
    }
    out
}

fn compare(setup: &Setup, actions: &[Action]) -> Result<(), TestCaseError> {
    let (mut market, mut model) = (setup.market(), Model::new(setup));
    for (at, action) in actions.iter().enumerate() {
        let mut got = act(&mut market, action, at, setup.lot, None);
        for (_, update) in &mut got {
            // The model neither counts nor says how fills came about.
            (update.filled, update.change, update.origin) = (0, 0, None);
        }
        let mut expected = Vec::new();
        model.expire(at as i64, &mut expected);
        match (action, command(action, at, setup.lot)) {
            (Action::Message(rows), _) => model.on_message(rows, at as i64, &mut expected),
            (_, Some((account, command))) => {
                model.on_command(account, &command, at as i64, &mut expected);
            }
            _ => {}
        }
        model.follow_fills(at as i64, &mut expected);
        prop_assert_eq!(&got, &expected, "action {}: {:?}", at, action);
        prop_assert_eq!(market.resting(), model.orders.len());
        for order in &model.orders {
            let ahead = market.queue_ahead(order.account, order.id).map(f64::to_bits);
            prop_assert_eq!(ahead, Some(order.place.front.to_bits()), "action {}, order {}", at, order.id);
        }
        prop_assert_eq!(market.is_untouched(), model.orders.is_empty() && model.taken.is_empty());
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn one_account_fares_as_in_the_obvious_market(
        setup in setups(Accounts::Shared),
        actions in proptest::collection::vec(actions(1), 1..120),
    ) {
        compare(&setup, &actions)?;
    }

    #[test]
    fn shared_accounts_fare_as_in_the_obvious_market(
        setup in setups(Accounts::Shared),
        actions in proptest::collection::vec(actions(3), 1..120),
    ) {
        compare(&setup, &actions)?;
    }

    #[test]
    fn isolated_accounts_fare_as_in_the_obvious_market(
        setup in setups(Accounts::Isolated),
        actions in proptest::collection::vec(actions(3), 1..120),
    ) {
        compare(&setup, &actions)?;
    }

    /// Update by update, whatever the others do.
    #[test]
    fn an_isolated_account_fares_as_it_would_alone(
        setup in setups(Accounts::Isolated),
        actions in proptest::collection::vec(actions(3), 1..120),
    ) {
        let mut together = setup.market();
        let all: Vec<Out> = actions
            .iter()
            .enumerate()
            .map(|(at, action)| act(&mut together, action, at, setup.lot, None))
            .collect();
        for account in 0..3 {
            for accounts in [Accounts::Isolated, Accounts::Shared] {
                let matching = Matching { accounts, ..setup.matching };
                let mut alone = Setup { matching, ..setup.clone() }.market();
                for (at, action) in actions.iter().enumerate() {
                    let mine = act(&mut alone, action, at, setup.lot, Some(account));
                    let theirs: Out =
                        all[at].iter().filter(|(of, _)| of.index() == account).copied().collect();
                    prop_assert_eq!(mine, theirs, "account {}, action {}", account, at);
                }
            }
        }
    }

    /// A displayed unit is taken once, a print fills no more than its quantity, and what is made of own orders is what
    /// is taken of them.
    #[test]
    fn a_unit_fills_at_most_once_over_shared_accounts(
        setup in setups(Accounts::Shared),
        actions in proptest::collection::vec(actions(3), 1..120),
    ) {
        let mut market = setup.market();
        let mut used: BTreeMap<(Side, i64), (i64, i64)> = BTreeMap::new();
        for (at, action) in actions.iter().enumerate() {
            let out = act(&mut market, action, at, setup.lot, None);
            let filled = |of: Liquidity, price: i64| -> i64 {
                out.iter()
                    .filter_map(|(_, update)| match update.kind {
                        ReportKind::Fill { price: p, qty, liquidity, .. }
                            if (liquidity, p.steps()) == (of, price) =>
                        {
                            Some(qty.steps())
                        }
                        _ => None,
                    })
                    .sum()
            };
            match action {
                Action::Message(rows) => {
                    used.retain(|(side, price), (shown, _)| market.book().qty_at(*side, *price) == *shown);
                    if let [(_, EventKind::Trade, _, _, qty)] = rows[..] {
                        // It also takes levels away, behind which an order may come to the other side's best price.
                        let by_print = |update: &Update| {
                            update.origin.is_some_and(|origin| origin.event == FillEvent::Print)
                        };
                        let made: i64 = (out.iter().filter(|(_, update)| by_print(update)))
                            .map(|(_, update)| match update.kind {
                                ReportKind::Fill { qty, .. } => qty.steps(),
                                _ => 0,
                            })
                            .sum();
                        prop_assert!(made <= qty, "{} of {}", made, qty);
                    }
                }
                Action::Submit(_, request) => {
                    let side = request.side.opposite();
                    for price in 80..120 {
                        let of_book = filled(Liquidity::Taker, price) - filled(Liquidity::Maker, price);
                        prop_assert!(of_book >= 0, "every maker fill here has its taker");
                        let shown = market.book().qty_at(side, price);
                        let (_, taken) = used.entry((side, price)).or_insert((shown, 0));
                        *taken += of_book;
                        prop_assert!(*taken <= shown, "{} of {} at {}", taken, shown, price);
                    }
                }
                Action::Cancel(..) | Action::Replace(..) => {}
            }
        }
    }
}
