//! The simulated market under commands of several accounts: nothing fills twice, beyond its quantity, beyond its limit
//! or after its end, nothing is taken that is not shown, and an isolated account fares as it would alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use tradecore_core::book::FillBasis;
use tradecore_core::event::{Columns as _, Event, EventColumns, EventKind, Span};
use tradecore_core::orders::{
    Command, Liquidity, NewTerms, OrderRequest, OrderType, ReportKind, TimeInForce,
};
use tradecore_core::random::Random;
use tradecore_core::sim::{Accounts, Market, Matching, QueueModel, SelfTrade, Update};
use tradecore_core::types::{AccountId, Instrument, InstrumentKind, OrderTerms, Price, Qty, Side};

use super::order::trigger;
use super::{Target, noise};
use crate::common::{M0, instrument};
use crate::dice::Dice;

pub(super) const TARGET: Target =
    Target { name: "market", run, seeds: noise, tokens: &[], iterations: 4_000 };

type Out = Vec<(AccountId, Update)>;

/// What an account was told of an order.
#[derive(Debug, Clone, Copy)]
struct Known {
    side: Side,
    limit: Option<i64>,
    qty: i64,
    filled: i64,
    is_open: bool,
    /// Whether nothing may happen to it yet.
    waits: bool,
}

enum Action {
    Message(EventColumns),
    Command(AccountId, Command),
    Delist,
    List,
}

fn message(dice: &mut Dice<'_>, extreme: bool) -> EventColumns {
    let mut columns = EventColumns::default();
    for _ in 0..=dice.below(8) {
        let kind = dice.pick(&[
            EventKind::BookSet,
            EventKind::BookSet,
            EventKind::BookSet,
            EventKind::Quote,
            EventKind::Trade,
            EventKind::Mark,
            EventKind::Liquidation,
        ]);
        let kind = if dice.chance(6) { EventKind::BookClear } else { kind };
        let side = if dice.chance(128) { Side::Buy } else { Side::Sell };
        let price = match kind {
            EventKind::Trade => dice.within(90, 112),
            _ => 101 - side.sign() * dice.within(-1, 12),
        };
        let far = extreme && dice.chance(20);
        let (price, qty) =
            if far { (dice.steps(), dice.steps().max(0)) } else { (price, dice.within(-20, 60).max(0)) };
        let side = if kind == EventKind::Trade && dice.chance(40) { 0 } else { side as i8 };
        columns.push(Event { ts_event: 0, ts_recv: 0, kind, side, flags: 0, price, qty, id: 0 });
    }
    columns.end_message();
    columns
}

fn command(dice: &mut Dice<'_>, newest: &mut u64, now: i64, lot: i64, extreme: bool) -> Action {
    let account = AccountId::new(dice.below(3) as usize);
    let odd = extreme && dice.chance(20);
    let (price, qty) =
        if odd { (dice.steps(), dice.steps()) } else { (dice.within(88, 114), dice.within(1, 9) * lot) };
    let (price, qty) = (Price::new(price), Qty::new(qty));
    let order = newest.saturating_sub(dice.below(6));
    Action::Command(
        account,
        match dice.below(12) {
            0..2 => Command::Cancel { order, market: M0 },
            2..4 => {
                let trigger = dice.maybe(|dice| Price::new(dice.within(88, 114)));
                Command::Replace { order, market: M0, terms: NewTerms { price, qty, trigger } }
            }
            kind => {
                *newest += 1;
                let request = OrderRequest {
                    time_in_force: match kind {
                        5 => TimeInForce::Ioc,
                        6 => TimeInForce::Fok,
                        8 => TimeInForce::Gtd { expires_at: now + dice.within(0, 20) },
                        9 => TimeInForce::Day,
                        _ => TimeInForce::Gtc,
                    },
                    post_only: kind == 7,
                    slides: kind == 7 && dice.chance(128),
                    reduce_only: dice.chance(60),
                    trigger: if dice.chance(40) { Some(trigger(dice)) } else { None },
                    display_qty: (kind > 6 && dice.chance(60)).then(|| Qty::new(dice.within(1, 5) * lot)),
                    ..OrderRequest::new(
                        M0,
                        if dice.chance(128) { Side::Buy } else { Side::Sell },
                        if kind == 4 { OrderType::Market } else { OrderType::Limit { price } },
                        qty,
                    )
                };
                // Now and then an id that is taken.
                Command::Submit { order: *newest - u64::from(dice.chance(8)), request }
            }
        },
    )
}

fn act(market: &mut Market, action: &Action, now: i64, only: Option<AccountId>) -> Out {
    let mut out = Out::new();
    market.expire(now, &mut out);
    match action {
        Action::Message(columns) => {
            let view = columns.view();
            let only_levels = view.are_levels(0, view.len());
            market.on_message(&view, Span { from: 0, to: view.len(), only_levels }, now, &mut out);
        }
        Action::Command(account, _) if only.is_some_and(|only| only != *account) => {}
        Action::Command(account, command) => market.on_command(*account, command.clone(), now, &mut out),
        Action::Delist => market.delist(now, &mut out),
        Action::List => market.list(),
    }
    out
}

/// Holds an update against what its account was told before.
fn told(orders: &mut BTreeMap<(AccountId, u64), Known>, account: AccountId, update: &Update) {
    let Some(order) = orders.get_mut(&(account, update.order)) else {
        let is_refusal = matches!(
            update.kind,
            ReportKind::CancelRejected(_) | ReportKind::ReplaceRejected(_) | ReportKind::Rejected(_)
        );
        return assert!(is_refusal, "{update:?} of an order that was never sent");
    };
    match update.kind {
        ReportKind::Fill { price, qty, .. } => {
            assert!(order.is_open, "a fill after the end: {update:?}");
            assert!(!order.waits, "a fill before its trigger: {update:?}");
            assert!(qty.is_positive());
            order.filled += qty.steps();
            assert_eq!(order.filled, update.filled);
            assert!(order.filled <= order.qty, "{} of {}", order.filled, order.qty);
            let worse = order.limit.is_some_and(|limit| (price.steps() - limit) * order.side.sign() > 0);
            assert!(!worse, "{update:?} beyond its limit");
            order.is_open = order.filled < order.qty;
        }
        ReportKind::Replaced(NewTerms { price, qty, .. }) => {
            assert!(order.is_open);
            (order.limit, order.qty) = (Some(price.steps()), qty.steps());
            assert!(order.filled < order.qty);
        }
        ReportKind::Reduced { qty } => {
            assert!(order.is_open && qty.steps() > order.filled && qty.steps() < order.qty);
            order.qty = qty.steps();
        }
        ReportKind::Triggered => assert!(std::mem::take(&mut order.waits), "set off again: {update:?}"),
        ReportKind::Repriced { price } => {
            assert!(order.is_open && (price.steps() - order.limit.unwrap_or(0)) * order.side.sign() < 0);
            order.limit = Some(price.steps());
        }
        ReportKind::Cancelled | ReportKind::Expired(_) => {
            assert!(order.is_open, "{update:?} of an order that has ended");
            order.is_open = false;
        }
        ReportKind::Accepted => assert!(order.is_open),
        ReportKind::Rejected(_) => order.is_open = false,
        ReportKind::CancelRejected(_) | ReportKind::ReplaceRejected(_) | ReportKind::Unknown => {}
    }
}

/// Filled at a price, as takers or as makers.
fn filled(out: &Out, of: Liquidity) -> BTreeMap<i64, i64> {
    let mut sums = BTreeMap::new();
    for (_, update) in out {
        if let ReportKind::Fill { price, qty, liquidity, .. } = update.kind
            && liquidity == of
        {
            *sums.entry(price.steps()).or_insert(0) += qty.steps();
        }
    }
    sums
}

fn run(input: &[u8]) {
    let mut dice = Dice::new(input);
    let queues = [
        "tracked",
        "tracked_high",
        "conservative",
        "power(2)",
        "power2(2)",
        "power3(3)",
        "log",
        "log2",
        "depletion",
    ];
    let queue: QueueModel = dice.pick(&queues).parse().expect("a queue model");
    let policies =
        [SelfTrade::CancelNewest, SelfTrade::CancelOldest, SelfTrade::CancelBoth, SelfTrade::Decrement];
    let matching = Matching {
        accounts: dice.pick(&[Accounts::Shared, Accounts::Isolated]),
        self_trade: dice.pick(&policies),
    };
    let (basis, lot) = (dice.pick(&[FillBasis::L2, FillBasis::L1]), dice.pick(&[1, 10]));
    let spec = instrument("A.TEST", InstrumentKind::LINEAR_PERPETUAL);
    let terms = OrderTerms { lot_size: lot, ..spec.terms };
    let spec = Arc::new(Instrument { terms, ..(*spec).clone() });
    let market = |matching| {
        Market::new(Arc::clone(&spec), basis, queue, matching, Random::new(1, 0)).expect("sound increments")
    };
    let mut together = market(matching);
    let mut alone = market(Matching { accounts: Accounts::Shared, ..matching });
    let me = AccountId::new(1);
    let mut orders: BTreeMap<(AccountId, u64), Known> = BTreeMap::new();
    let mut used: BTreeMap<(Side, i64), (i64, i64)> = BTreeMap::new();
    let (mut newest, extreme) = (1, dice.chance(64));
    for now in 0.. {
        if dice.is_done() {
            return;
        }
        let action = match dice.below(40) {
            0 => Action::Delist,
            1..3 => Action::List,
            3..24 => Action::Message(message(&mut dice, extreme)),
            _ => command(&mut dice, &mut newest, now, lot, extreme),
        };
        let out = act(&mut together, &action, now, None);
        if matching.accounts == Accounts::Isolated {
            let mine = act(&mut alone, &action, now, Some(me));
            assert!(out.iter().filter(|(account, _)| *account == me).eq(&mine), "{out:?} {mine:?}");
        }
        if let Action::Command(account, Command::Submit { order, request }) = &action {
            let is_new = !orders.get(&(*account, *order)).is_some_and(|order| order.is_open);
            if is_new {
                let limit = request.order_type.price().map(Price::steps);
                let known = Known {
                    side: request.side,
                    limit,
                    qty: request.qty.steps(),
                    filled: 0,
                    is_open: true,
                    waits: request.trigger.is_some(),
                };
                orders.insert((*account, *order), known);
            }
            let refused = [(*account, *order)];
            for (account, update) in &out {
                // A number that an open order has is refused, and the order goes on.
                let is_double = !is_new && matches!(update.kind, ReportKind::Rejected(_));
                if !(is_double && refused.contains(&(*account, update.order))) {
                    told(&mut orders, *account, update);
                }
            }
        } else {
            for (account, update) in &out {
                told(&mut orders, *account, update);
            }
        }
        assert_eq!(together.resting(), orders.values().filter(|order| order.is_open).count());
        used.retain(|(side, price), (shown, _)| together.book().qty_at(*side, *price) == *shown);
        if matching.accounts != Accounts::Shared {
            continue;
        }
        match &action {
            Action::Command(_, Command::Submit { request: OrderRequest { side, .. }, .. }) => {
                let makers = filled(&out, Liquidity::Maker);
                let side = side.opposite();
                for (price, qty) in filled(&out, Liquidity::Taker) {
                    let of_book = qty - makers.get(&price).copied().unwrap_or(0);
                    assert!(of_book >= 0, "every maker fill of a new order has its taker");
                    let shown = together.book().qty_at(side, price);
                    let (_, taken) = used.entry((side, price)).or_insert((shown, 0));
                    *taken += of_book;
                    assert!(*taken <= shown, "{taken} of {shown} at {price}");
                }
            }
            Action::Message(columns) if columns.len() == 1 && columns.kind[0] == EventKind::Trade as u8 => {
                let print = columns.view().event(0);
                let at_print = filled(&out, Liquidity::Maker).get(&print.price).copied().unwrap_or(0);
                // From half a lot on that is a lot.
                assert!(at_print <= print.qty + lot / 2, "{at_print} of a print of {}", print.qty);
            }
            _ => {}
        }
    }
}
