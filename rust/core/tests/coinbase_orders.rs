//! Coinbase's channel of single orders: books and queues against a list of orders, whatever is lost, doubled, late or
//! begins anew.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::common;
use proptest::prelude::*;
use tradecore_core::book::{BookState, DeltaAction, GapReason, SnapshotAction};
use tradecore_core::decode::{CoinbaseDecoder, DecodeError, Decoder, FeedMessage};
use tradecore_core::event::{Columns as _, Event, EventColumns, EventKind};
use tradecore_core::types::{Instrument, InstrumentKind};

const NOW: i64 = 1_790_757_083_000_000_000;
const TIME: &str = "2026-09-30T08:31:22.2Z";
const LOAD: FeedMessage = FeedMessage::Snapshot(SnapshotAction::Load { from: 0 });

fn spec(id: &str) -> Arc<Instrument> {
    common::instrument(id, InstrumentKind::LINEAR_PERPETUAL)
}

/// An order: its number, side, price (in tenths) and quantity (in thousandths).
type Order = (u64, i8, i64, i64);

fn uuid(number: u64) -> String {
    format!("00000000-0000-4000-8000-{number:012x}")
}

/// What rows call an order.
fn id(number: u64) -> u64 {
    0x4000 ^ 0x8000_0000_0000_0000 ^ number
}

fn price(tenths: i64) -> String {
    format!("{}.{}", tenths / 10, tenths % 10)
}

fn qty(thousandths: i64) -> String {
    format!("{}.{:03}", thousandths / 1_000, thousandths % 1_000)
}

fn side(side: i8) -> &'static str {
    if side > 0 { "buy" } else { "sell" }
}

fn message(kind: &str, sequence: u64, rest: &str) -> String {
    format!(r#"{{"type":"{kind}","product_id":"BTC-USD","sequence":{sequence},"time":"{TIME}"{rest}}}"#)
}

fn open(sequence: u64, order: Order) -> String {
    let (number, of, at, size) = order;
    let (of, at, size) = (side(of), price(at), qty(size));
    message(
        "open",
        sequence,
        &format!(r#","order_id":"{}","side":"{of}","price":"{at}","remaining_size":"{size}""#, uuid(number)),
    )
}

fn trade(sequence: u64, trade_id: u64, order: Order, size: i64) -> String {
    let (number, of, at, _) = order;
    let (of, at, size) = (side(of), price(at), qty(size));
    let orders =
        format!(r#""maker_order_id":"{}","taker_order_id":"{}""#, uuid(number), uuid(u64::from(u32::MAX)));
    message(
        "match",
        sequence,
        &format!(r#","trade_id":{trade_id},{orders},"side":"{of}","price":"{at}","size":"{size}""#),
    )
}

fn done(sequence: u64, number: u64, reason: &str) -> String {
    message("done", sequence, &format!(r#","order_id":"{}","reason":"{reason}","side":"buy""#, uuid(number)))
}

fn snapshot(sequence: u64, orders: &[Order]) -> String {
    let rows = |of: i8| {
        let rows = orders.iter().filter(|order| order.1 == of);
        let row = |&(number, _, at, size): &Order| {
            format!(r#"["{}","{}","{}"]"#, price(at), qty(size), uuid(number))
        };
        rows.map(row).collect::<Vec<_>>().join(",")
    };
    let (bids, asks) = (rows(1), rows(-1));
    format!(r#"{{"sequence":{sequence},"bids":[{bids}],"asks":[{asks}],"auction_mode":false}}"#)
}

/// What rows come to: orders by id, and levels by side and price.
#[derive(Default)]
struct Told {
    orders: BTreeMap<u64, (i8, i64, i64)>,
    levels: BTreeMap<(i8, i64), i64>,
    traded: i64,
}

impl Told {
    fn take(&mut self, events: &mut EventColumns) -> Vec<EventKind> {
        let events = std::mem::take(events);
        let view = events.view();
        view.check().unwrap();
        let rows: Vec<Event> = (0..events.len()).map(|at| view.event(at)).collect();
        for &Event { kind, side, price, qty, id, .. } in &rows {
            match kind {
                EventKind::BookClear => (self.orders, self.levels) = Default::default(),
                EventKind::BookSet if qty == 0 => _ = self.levels.remove(&(side, price)),
                EventKind::BookSet => _ = self.levels.insert((side, price), qty),
                EventKind::OrderAdd => assert!(self.orders.insert(id, (side, price, qty)).is_none()),
                EventKind::OrderModify => assert!(self.orders.insert(id, (side, price, qty)).is_some()),
                EventKind::OrderCancel => assert!(self.orders.remove(&id).is_some()),
                EventKind::OrderExecute => {
                    let order = self.orders.get_mut(&id).unwrap();
                    assert_eq!((order.0, order.1), (side, price));
                    order.2 -= qty;
                    if order.2 == 0 {
                        self.orders.remove(&id);
                    }
                }
                EventKind::Trade => self.traded += qty,
                other => panic!("{other:?}"),
            }
        }
        rows.iter().map(|row| row.kind).collect()
    }

    fn is(&self, orders: &[Order]) {
        let mut levels = BTreeMap::new();
        for &(_, side, price, qty) in orders {
            *levels.entry((side, price)).or_insert(0) += qty;
        }
        assert_eq!(self.levels, levels);
        let orders = orders.iter().map(|&(number, side, price, qty)| (id(number), (side, price, qty)));
        assert_eq!(self.orders, orders.collect());
    }
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Received,
    Open(bool, i64, i64),
    Match(usize, i64),
    Cancel(usize),
    Change(usize, i64, Option<i64>),
    Snapshot(usize),
    Again,
    Reconnect,
}

fn steps() -> impl Strategy<Value = Vec<(Step, bool)>> {
    let step = prop_oneof![
        2 => Just(Step::Received),
        8 => (any::<bool>(), 1..6_i64, 1..4_000_i64).prop_map(|(bid, at, qty)| Step::Open(bid, at, qty)),
        4 => (any::<usize>(), 1..5_000_i64).prop_map(|(at, qty)| Step::Match(at, qty)),
        3 => any::<usize>().prop_map(Step::Cancel),
        3 => (any::<usize>(), 0..4_000_i64, prop::option::of(1..6_i64))
            .prop_map(|(at, qty, price)| Step::Change(at, qty, price)),
        3 => (0..6_usize).prop_map(Step::Snapshot),
        1 => Just(Step::Again),
        1 => Just(Step::Reconnect),
    ];
    // One message in twelve is lost.
    prop::collection::vec((step, prop::bool::weighted(1.0 / 12.0)), 1..120)
}

fn at(bid: bool, away: i64) -> i64 {
    if bid { 1_000 - away } else { 1_000 + away }
}

/// Makes a step; returns its message.
fn step(step: Step, orders: &mut Vec<Order>, sequence: u64, number: u64) -> String {
    let drawn = |draw: usize| (!orders.is_empty()).then(|| draw % orders.len());
    match step {
        Step::Open(bid, away, size) => {
            let order = (number, if bid { 1 } else { -1 }, at(bid, away), size);
            orders.push(order);
            open(sequence, order)
        }
        Step::Match(draw, size) if let Some(place) = drawn(draw) => {
            let order = orders[place];
            let size = size.min(order.3);
            orders[place].3 -= size;
            if orders[place].3 == 0 {
                orders.remove(place);
            }
            trade(sequence, number, order, size)
        }
        Step::Cancel(draw) if let Some(place) = drawn(draw) => {
            done(sequence, orders.remove(place).0, "canceled")
        }
        Step::Change(draw, size, moved) if let Some(place) = drawn(draw) => {
            let order = &mut orders[place];
            order.3 = size;
            let mut price_told = String::new();
            if let Some(away) = moved {
                order.2 = at(order.1 > 0, away);
                price_told = format!(r#","new_price":"{}""#, price(order.2));
            }
            let rest = format!(r#","order_id":"{}","new_size":"{}"{price_told}"#, uuid(order.0), qty(size));
            if size == 0 {
                orders.remove(place);
            }
            message("change", sequence, &rest)
        }
        _ => message("received", sequence, &format!(r#","order_id":"{}""#, uuid(number))),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_book_of_orders_is_the_venues_or_void(steps in steps()) {
        let mut decoder = CoinbaseDecoder::new(vec![spec("BTC-USD.COINBASE")]);
        let mut out = [EventColumns::default()];
        let mut told = Told::default();
        // What rested after each message.
        let mut history: Vec<Vec<Order>> = vec![Vec::new()];
        let (mut newest, mut last, mut has_begun) = (0, String::new(), false);
        for (number, (what, is_lost)) in steps.into_iter().enumerate() {
            let mut is_fresh = false;
            let frame = match what {
                Step::Snapshot(age) => {
                    let sequence = history.len() - 1 - age.min(history.len() - 1);
                    is_fresh = age == 0;
                    newest = newest.max(sequence);
                    snapshot(sequence as u64, &history[sequence])
                }
                Step::Again => last.clone(),
                Step::Reconnect => {
                    decoder.disconnect(0, NOW, &mut out[0]);
                    prop_assert_ne!(decoder.state(0), BookState::Synced);
                    newest = 0;
                    last.clear();
                    String::new()
                }
                what => {
                    let mut orders = history.last().unwrap().clone();
                    let frame = step(what, &mut orders, history.len() as u64, number as u64 + 1);
                    history.push(orders);
                    if is_lost {
                        continue;
                    }
                    newest = history.len() - 1;
                    // A trade alone may be one of the channel of trades.
                    has_begun |= !frame.contains(r#""match""#);
                    last.clone_from(&frame);
                    frame
                }
            };
            if !frame.is_empty() {
                decoder.feed(frame.as_bytes(), NOW, &mut out).unwrap();
            }
            told.take(&mut out[0]);
            if decoder.state(0) == BookState::Synced {
                told.is(&history[newest]);
            } else {
                prop_assert!(told.orders.is_empty() && told.levels.is_empty());
            }
            // One of nothing may be of levels, as long as nobody told of orders.
            if is_fresh && (has_begun || !history[newest].is_empty()) {
                prop_assert_eq!(decoder.state(0), BookState::Synced);
            }
        }
    }
}

/// A decoder of one product, and what came of it.
struct Fed {
    decoder: CoinbaseDecoder,
    out: [EventColumns; 1],
    told: Told,
}

impl Fed {
    fn new() -> Self {
        let decoder = CoinbaseDecoder::new(vec![spec("BTC-USD.COINBASE")]);
        Self { decoder, out: Default::default(), told: Told::default() }
    }

    fn feed(&mut self, frame: &str) -> Result<FeedMessage, DecodeError> {
        self.decoder.feed(frame.as_bytes(), NOW, &mut self.out).map(|outcome| outcome.message)
    }

    fn says(&mut self, frame: &str, message: FeedMessage, rows: &[EventKind]) {
        assert_eq!(self.feed(frame), Ok(message), "{frame}");
        assert_eq!(self.told.take(&mut self.out[0]), rows, "{frame}");
    }
}

const RESTING: [Order; 3] = [(1, 1, 999, 500), (2, 1, 999, 700), (3, -1, 1_001, 400)];

#[test]
fn a_snapshot_takes_up_what_waited_and_a_hole_voids_the_book() {
    use EventKind::{BookClear, BookSet, OrderAdd, OrderCancel, OrderExecute, Trade};
    let mut fed = Fed::new();
    fed.says(&done(10, 9, "filled"), FeedMessage::Depth(DeltaAction::Buffer), &[]);
    // A trade is told when it comes, and its execution with the book.
    fed.says(&trade(11, 70, RESTING[0], 200), FeedMessage::Trade, &[Trade]);
    let load = FeedMessage::Snapshot(SnapshotAction::Load { from: 1 });
    let rows = [BookClear, OrderAdd, OrderAdd, OrderAdd, BookSet, BookSet, OrderExecute, BookSet];
    fed.says(&snapshot(10, &RESTING), load, &rows);
    fed.told.is(&[(1, 1, 999, 300), RESTING[1], RESTING[2]]);
    let apply = FeedMessage::Depth(DeltaAction::Apply);
    fed.says(&trade(12, 71, RESTING[0], 300), FeedMessage::Trade, &[OrderExecute, Trade, BookSet]);
    fed.says(&done(13, 1, "filled"), apply, &[]);
    fed.says(&trade(12, 71, RESTING[0], 300), FeedMessage::DuplicateTrade, &[]);
    fed.says(&done(14, 2, "canceled"), apply, &[OrderCancel, BookSet]);
    fed.told.is(&RESTING[2..]);
    assert_eq!(fed.told.traded, 500);
    fed.says(&done(16, 3, "canceled"), FeedMessage::Depth(DeltaAction::Gap), &[BookClear]);
    assert_eq!(fed.decoder.gap_reason(0), Some(GapReason::Update { after: 14, previous: 15 }));
    assert_eq!((fed.decoder.state(0), fed.decoder.gaps(0)), (BookState::Gap, 1));
    let too_old = FeedMessage::Snapshot(SnapshotAction::TooOld);
    fed.says(&snapshot(14, &RESTING[2..]), too_old, &[]);
    fed.says(&snapshot(16, &[]), load, &[BookClear]);
    assert_eq!(fed.decoder.state(0), BookState::Synced);
}

#[test]
fn a_trade_that_comes_first_may_be_newer_than_the_snapshot() {
    use EventKind::{BookClear, BookSet, OrderAdd, OrderExecute, Trade};
    let mut fed = Fed::new();
    fed.says(&trade(11, 70, RESTING[0], 200), FeedMessage::Trade, &[Trade]);
    let too_old = FeedMessage::Snapshot(SnapshotAction::TooOld);
    fed.says(&snapshot(9, &RESTING), too_old, &[]);
    let load = FeedMessage::Snapshot(SnapshotAction::Load { from: 0 });
    let rows = [BookClear, OrderAdd, OrderAdd, OrderAdd, BookSet, BookSet, OrderExecute, BookSet];
    fed.says(&snapshot(10, &RESTING), load, &rows);
    fed.told.is(&[(1, 1, 999, 300), RESTING[1], RESTING[2]]);
}

#[test]
fn an_order_that_is_changed_to_nothing_is_gone() {
    use EventKind::{BookSet, OrderCancel};
    let mut fed = Fed::new();
    fed.feed(&snapshot(10, &RESTING)).unwrap();
    fed.told.take(&mut fed.out[0]);
    let change = message("change", 11, &format!(r#","order_id":"{}","new_size":"0""#, uuid(2)));
    assert_eq!(fed.feed(&change), Ok(FeedMessage::Depth(DeltaAction::Apply)));
    let qty = fed.out[0].view().event(0).qty;
    fed.told.take(&mut fed.out[0]);
    assert_eq!(qty, RESTING[1].3, "what was left of it");
    fed.told.is(&[RESTING[0], RESTING[2]]);
    fed.says(&done(12, 2, "canceled"), FeedMessage::Depth(DeltaAction::Apply), &[]);
    fed.says(&done(13, 1, "canceled"), FeedMessage::Depth(DeltaAction::Apply), &[OrderCancel, BookSet]);
}

#[test]
fn a_product_is_followed_by_orders_or_by_levels() {
    let level = r#"{"type":"snapshot","product_id":"BTC-USD","bids":[["99.9","1"]],"asks":[]}"#;
    let change = r#"{"type":"l2update","product_id":"BTC-USD","changes":[["buy","99.9","0"]],"time":"2026-09-30T08:31:22Z"}"#;
    let mut by_orders = Fed::new();
    by_orders.feed(&snapshot(4, &RESTING)).unwrap();
    by_orders.told.take(&mut by_orders.out[0]);
    for frame in [level, change] {
        by_orders.says(frame, FeedMessage::OtherDepth, &[]);
    }
    // How many orders are at a level says nothing of one.
    let counted = r#"{"bids":[["99.9","1",3]],"asks":[["100.1","1",2]],"sequence":9}"#;
    by_orders.says(counted, FeedMessage::OtherDepth, &[]);
    let mut by_levels = Fed::new();
    by_levels.says(level, LOAD, &[EventKind::BookClear, EventKind::BookSet]);
    by_levels.says(&open(5, RESTING[0]), FeedMessage::OtherDepth, &[]);
    by_levels.says(&snapshot(5, &RESTING), FeedMessage::OtherDepth, &[]);
    by_levels.says(&trade(6, 70, RESTING[0], 100), FeedMessage::Trade, &[EventKind::Trade]);
    assert_eq!(by_levels.decoder.state(0), BookState::Synced);
}

#[test]
fn a_snapshot_of_orders_is_of_the_product_it_names_or_of_the_only_one() {
    let mut decoder = CoinbaseDecoder::new(vec![spec("BTC-USD.COINBASE"), spec("ETH-USD.COINBASE")]);
    let mut out = [EventColumns::default(), EventColumns::default()];
    let unnamed = snapshot(4, &RESTING);
    let missing = DecodeError::Missing { message: "snapshot of orders", field: "product_id" };
    assert_eq!(decoder.feed(unnamed.as_bytes(), NOW, &mut out), Err(missing));
    let named = unnamed.replacen('{', r#"{"product_id":"ETH-USD","#, 1);
    let outcome = decoder.feed(named.as_bytes(), NOW, &mut out).unwrap();
    assert_eq!((outcome.message, outcome.instrument, outcome.id), (LOAD, Some(1), 4));
    let other = named.replace("ETH", "SOL");
    assert_eq!(decoder.feed(other.as_bytes(), NOW, &mut out).unwrap().message, FeedMessage::Ignored);
}

#[test]
fn what_is_no_order_is_an_error_that_changes_nothing() {
    let mut fed = Fed::new();
    fed.feed(&snapshot(4, &RESTING)).unwrap();
    fed.told.take(&mut fed.out[0]);
    for (frame, problem) in [
        (open(5, RESTING[0]).replace("-4000-", "-40x0-"), "a UUID"),
        (open(5, RESTING[0]).replace("-4000-", "-40000-"), "a UUID"),
        (open(5, RESTING[0]).replace("buy", "both"), "buy or sell"),
        (open(5, RESTING[0]).replace("99.9", "99.95"), "99.95"),
        (open(5, RESTING[0]).replace("order_id", "id"), "order_id"),
        (trade(5, 70, RESTING[0], 100).replace("maker_order_id", "id"), "maker_order_id"),
        (snapshot(9, &RESTING).replace("0.400", "-1"), "zero or more"),
    ] {
        let error = fed.feed(&frame).unwrap_err().to_string();
        assert!(error.contains(problem), "{error}: {frame}");
    }
    assert_eq!(fed.told.take(&mut fed.out[0]), []);
    fed.says(
        &open(5, (4, 1, 998, 100)),
        FeedMessage::Depth(DeltaAction::Apply),
        &[EventKind::OrderAdd, EventKind::BookSet],
    );
}
