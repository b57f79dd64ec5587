//! What stands of orders: those that are kept, what is said of them and not told yet, and what may be sent.

use std::collections::VecDeque;

use super::super::entry::Desk;
use super::super::groups::one_of;
use super::super::record::RefusalRow;
use crate::orders::{Emulated, Membership, Order, OrderStatus, OrderStore, Pending, Role};
use crate::risk::{BadLimit, Engine, Gate, Trading};
use crate::types::{CodecError, Decoded, Reader, Writer};

/// Writes it down.
pub(super) fn save_desk(w: &mut Writer<'_>, desk: &mut Desk) {
    w.u8(desk.trading() as u8);
    w.index(desk.held().len());
    for (strategy, hold) in desk.held() {
        w.index(strategy.index());
        w.hold(Some(*hold));
    }
    w.flag(desk.carried().is_some());
    w.u64(desk.orders().last_id());
    let reports = desk.reports();
    w.index(reports.len());
    for report in reports.iter() {
        w.report(report);
    }
    w.index(desk.details().len());
    for detail in desk.details() {
        save_detail(w, detail);
    }
    w.option(desk.engine(), |w, engine| engine.save(w));
    let (open, ended) = (desk.orders().open(), desk.orders().ended());
    w.index(open.len() + ended.len());
    for order in ended.chain(open) {
        save_order(w, order);
    }
    let venue_ids = desk.orders().venue_ids();
    w.index(venue_ids.len());
    for (key, order) in venue_ids {
        w.venue_key(key);
        w.u64(order);
    }
}

/// What [`save_desk`] wrote, behind the gate of a session that is set up alike.
pub(super) fn load_desk(
    r: &mut Reader<'_>,
    mut gate: Gate,
    bare: impl FnOnce() -> Result<Engine, BadLimit>,
    strategies: usize,
    markets: usize,
) -> Result<Desk, CodecError> {
    let trading = match r.u8()? {
        0 => Trading::Active,
        1 => Trading::Paused,
        2 => Trading::Killed,
        _ => return r.error("whether orders may be sent"),
    };
    let mut held = Vec::new();
    for _ in 0..r.index()? {
        held.push((r.strategy_of(strategies)?, r.hold()?));
    }
    let is_carrying = r.flag()?;
    let last = r.u64()?;
    let mut refusals = VecDeque::new();
    for _ in 0..r.index()? {
        refusals.push_back(r.report()?);
    }
    let mut details = VecDeque::new();
    for _ in 0..r.index()? {
        details.push_back(load_detail(r, strategies, markets)?);
    }
    gate.set_trading(trading);
    match (r.flag()?, gate.engine_mut()) {
        (false, None) => {}
        (true, Some(engine)) => engine.load(r)?,
        // Strategies that set limits of their own where there were none.
        (true, None) => {
            let Ok(mut engine) = bare() else { return r.error("instruments that can be limited") };
            engine.load(r)?;
            gate.set_engine(engine);
        }
        (false, Some(_)) => return r.error("the limits of the session"),
    }
    let mut store = OrderStore::default();
    for _ in 0..r.index()? {
        let order = load_order(r, strategies, markets)?;
        if store.open().last().is_some_and(|before| before.id >= order.id) {
            return r.error("orders by ascending id");
        }
        store.restore(order);
    }
    for _ in 0..r.index()? {
        let (key, order) = (r.venue_key()?, r.u64()?);
        if store.find(order).is_none() {
            return r.error("an order of the session");
        }
        store.note_venue_id(order, &key);
    }
    store.continue_after(last);
    let mut desk = Desk::restore(store, gate, refusals, details);
    for (strategy, hold) in held {
        desk.hold(strategy, hold);
    }
    if is_carrying {
        desk.carry_refusals();
    }
    Ok(desk)
}

fn save_order(w: &mut Writer<'_>, order: &Order) {
    w.u64(order.id);
    w.index(order.strategy.index());
    w.request(&order.request());
    w.option(order.venue_id.as_ref(), Writer::venue_key);
    w.i64(order.filled.steps());
    w.i128(order.filled_notional);
    w.u64(u64::from(order.replaced));
    w.reason(order.reason);
    w.i64(order.ts_submit);
    w.i64(order.ts_accept);
    w.i64(order.ts_trigger);
    w.i64(order.ts_close);
    w.option(order.group, |w, of| {
        w.u64(of.group);
        w.u8(of.role as u8);
    });
    w.u8(order.emulated.bits());
    w.flag(order.is_held);
    w.flag(order.is_sliced);
    w.option(order.parent, Writer::u64);
    w.u8(order.standing as u8);
    match order.pending {
        Pending::Nothing => w.u8(0),
        Pending::Cancel => w.u8(1),
        Pending::Replace(terms) => {
            w.u8(2 + u8::from(terms.trigger.is_some()));
            w.new_terms(&terms);
        }
    }
    w.u64(u64::from(order.replaces_in_flight));
    w.i64(order.asked.steps());
    w.flag(order.never_sent);
    w.index(order.executions.len());
    for key in order.executions.iter() {
        w.venue_key(key);
    }
}

fn load_order(r: &mut Reader<'_>, strategies: usize, markets: usize) -> Result<Order, CodecError> {
    let (id, strategy) = (r.u64()?, r.strategy_of(strategies)?);
    let request = r.request()?;
    if request.market.index() >= markets {
        return r.error("a market of the session");
    }
    let mut order = Order::new(id, strategy, &request, 0);
    order.venue_id = r.option(Reader::venue_key)?;
    order.filled = r.qty()?;
    order.filled_notional = r.i128()?;
    order.replaced = r.u64()? as u32;
    order.reason = r.reason()?;
    order.ts_submit = r.i64()?;
    order.ts_accept = r.i64()?;
    order.ts_trigger = r.i64()?;
    order.ts_close = r.i64()?;
    order.group = r.option(|r| {
        let group = r.u64()?;
        Ok(Membership { group, role: one_of(r, &Role::ALL, "what an order is to its group")? })
    })?;
    order.emulated = match Emulated::from_bits(r.u8()?) {
        Some(emulated) => emulated,
        None => return r.error("what is emulated"),
    };
    (order.is_held, order.is_sliced) = (r.flag()?, r.flag()?);
    order.parent = r.option(Reader::u64)?;
    order.standing = match r.u8()? {
        0 => OrderStatus::PendingNew,
        1 => OrderStatus::New,
        2 => OrderStatus::PartiallyFilled,
        3 => OrderStatus::Filled,
        4 => OrderStatus::Cancelled,
        5 => OrderStatus::Rejected,
        6 => OrderStatus::Expired,
        9 => OrderStatus::Unknown,
        _ => return r.error("where an order stands"),
    };
    order.pending = match r.u8()? {
        0 => Pending::Nothing,
        1 => Pending::Cancel,
        code @ (2 | 3) => Pending::Replace(r.new_terms(code == 3)?),
        _ => return r.error("a request on its way"),
    };
    order.replaces_in_flight = r.u64()? as u32;
    order.asked = r.qty()?;
    order.never_sent = r.flag()?;
    for _ in 0..r.index()? {
        order.executions.add(&r.venue_key()?);
    }
    Ok(order)
}

fn save_detail(w: &mut Writer<'_>, detail: &RefusalRow) {
    w.i64(detail.ts);
    w.u64(detail.order);
    w.index(detail.strategy.index());
    w.index(detail.market.index());
    w.side(detail.side);
    w.flag(detail.is_new);
    w.i64(detail.qty.steps());
    w.option(detail.price, |w, price| w.i64(price.steps()));
    w.breaches(&detail.breaches);
}

fn load_detail(r: &mut Reader<'_>, strategies: usize, markets: usize) -> Decoded<RefusalRow> {
    Ok(RefusalRow {
        ts: r.i64()?,
        order: r.u64()?,
        strategy: r.strategy_of(strategies)?,
        market: r.market_of(markets)?,
        side: r.side()?,
        is_new: r.flag()?,
        qty: r.qty()?,
        price: r.option(Reader::price)?,
        breaches: r.breaches()?.into(),
    })
}
