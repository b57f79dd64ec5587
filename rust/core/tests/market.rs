//! How the simulated venue fills orders.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

mod common;

use std::sync::Arc;

use common::{Tape, instrument};
use tradecore_core::book::FillBasis;
use tradecore_core::event::{Columns, EventKind};
use tradecore_core::orders::{
    Command, Liquidity, OrderRequest, OrderType, Reason, TimeInForce, Update, UpdateKind,
};
use tradecore_core::random::Random;
use tradecore_core::sim::{Market, QueueModel};
use tradecore_core::types::{InstrumentKind, Side};

/// A venue that is fed by hand.
struct Desk {
    market: Market,
    now: i64,
}

impl Desk {
    fn new(queue: &str) -> Self {
        let instrument = instrument("BTCUSDT.TEST", InstrumentKind::Linear);
        let market =
            Market::new(&instrument, FillBasis::L2, queue.parse().unwrap(), Random::new(1, 0)).unwrap();
        Self { market, now: 0 }
    }

    fn play(&mut self, write: impl FnOnce(&mut Tape)) -> Vec<Update> {
        let mut tape = Tape::default();
        self.now += 1;
        write(tape.at(self.now));
        let (view, mut row, mut out) = (tape.columns.view(), 0, Vec::new());
        while row < view.len() {
            let end = view.message_end(row);
            self.market.on_message(&view, row, end, self.now, &mut out).unwrap();
            row = end;
        }
        out
    }

    fn send(&mut self, command: Command) -> Vec<UpdateKind> {
        let mut out = Vec::new();
        self.market.on_command(command, self.now, &mut out).unwrap();
        out.into_iter().map(|u| u.kind).collect()
    }

    fn submit(&mut self, id: u64, request: OrderRequest) -> Vec<UpdateKind> {
        self.send(Command::Submit { order: id, request })
    }
}

fn limit(side: Side, price: i64, qty: i64) -> OrderRequest {
    OrderRequest {
        market: 0,
        side,
        order_type: OrderType::Limit,
        price,
        qty,
        time_in_force: TimeInForce::Gtc,
        post_only: false,
        client_id: None,
    }
}

fn fills(updates: &[UpdateKind]) -> Vec<(i64, i64, Liquidity)> {
    updates
        .iter()
        .filter_map(|u| match u {
            UpdateKind::Fill { price, qty, liquidity, .. } => Some((*price, *qty, *liquidity)),
            _ => None,
        })
        .collect()
}

fn kinds(updates: &[Update]) -> Vec<UpdateKind> {
    updates.iter().map(|u| u.kind).collect()
}

const TAKER: Liquidity = Liquidity::Taker;
const MAKER: Liquidity = Liquidity::Maker;

/// Asks 3 @ 100, 4 @ 101, 10 @ 102.5; bids 5 @ 99.
fn with_book() -> Desk {
    let mut desk = Desk::new("conservative");
    desk.play(|t| {
        t.book(&[(990, 5_000)], &[(1_000, 3_000), (1_010, 4_000), (1_025, 10_000)]);
    });
    desk
}

#[test]
fn a_market_order_walks_the_book() {
    let mut desk = with_book();
    let order = OrderRequest { order_type: OrderType::Market, price: 0, ..limit(Side::Buy, 0, 9_000) };
    let updates = desk.submit(1, order);
    assert_eq!(fills(&updates), [(1_000, 3_000, TAKER), (1_010, 4_000, TAKER), (1_025, 2_000, TAKER)]);
}

#[test]
fn a_market_order_larger_than_the_book_expires_with_its_rest() {
    let mut desk = with_book();
    let order = OrderRequest { order_type: OrderType::Market, price: 0, ..limit(Side::Sell, 0, 9_000) };
    let updates = desk.submit(1, order);
    assert_eq!(fills(&updates), [(990, 5_000, TAKER)]);
    assert_eq!(updates.last(), Some(&UpdateKind::Expired(Reason::NoLiquidity)));
}

#[test]
fn time_in_force_decides_what_happens_to_the_rest() {
    let mut desk = with_book();
    let ioc = OrderRequest { time_in_force: TimeInForce::Ioc, ..limit(Side::Buy, 1_010, 9_000) };
    let updates = desk.submit(1, ioc.clone());
    assert_eq!(fills(&updates).iter().map(|f| f.1).sum::<i64>(), 7_000);
    assert_eq!(updates.last(), Some(&UpdateKind::Expired(Reason::IocRemainder)));

    let mut desk = with_book();
    let fok = OrderRequest { time_in_force: TimeInForce::Fok, ..ioc };
    assert_eq!(
        desk.submit(1, fok.clone()),
        [UpdateKind::Accepted, UpdateKind::Expired(Reason::FokNotFillable)]
    );
    let updates = desk.submit(2, OrderRequest { qty: 7_000, ..fok });
    assert_eq!(fills(&updates).iter().map(|f| f.1).sum::<i64>(), 7_000);

    let mut desk = with_book();
    let updates = desk.submit(1, limit(Side::Buy, 1_010, 9_000));
    assert_eq!(fills(&updates).len(), 2);
    assert_eq!(desk.market.resting(), 1);
}

#[test]
fn a_post_only_order_that_would_cross_is_rejected() {
    let mut desk = with_book();
    let order = OrderRequest { post_only: true, ..limit(Side::Buy, 1_000, 1_000) };
    assert_eq!(desk.submit(1, order.clone()), [UpdateKind::Rejected(Reason::PostOnlyWouldCross)]);
    assert_eq!(desk.submit(2, OrderRequest { price: 999, ..order }), [UpdateKind::Accepted]);
}

#[test]
fn nothing_is_accepted_while_the_book_is_unknown() {
    let mut desk = Desk::new("conservative");
    assert_eq!(desk.submit(1, limit(Side::Buy, 990, 1)), [UpdateKind::Rejected(Reason::BookNotSynced)]);
    let mut desk = with_book();
    desk.play(|t| {
        t.message(&[(EventKind::BookClear, None, 0, 0)]);
    });
    assert_eq!(desk.submit(1, limit(Side::Buy, 990, 1)), [UpdateKind::Rejected(Reason::BookNotSynced)]);
}

#[test]
fn what_was_taken_is_gone_until_the_level_changes() {
    let mut desk = with_book();
    let ioc = |qty| OrderRequest { time_in_force: TimeInForce::Ioc, ..limit(Side::Buy, 1_000, qty) };
    assert_eq!(fills(&desk.submit(1, ioc(2_000))), [(1_000, 2_000, TAKER)]);
    assert_eq!(fills(&desk.submit(2, ioc(2_000))), [(1_000, 1_000, TAKER)]);
    // Another level changes; ours is still what we left.
    desk.play(|t| {
        t.book(&[(989, 1)], &[(1_000, 3_000)]);
    });
    assert_eq!(fills(&desk.submit(3, ioc(2_000))), []);
    // A post-only bid at a price we have emptied does not cross.
    let maker = OrderRequest { post_only: true, ..limit(Side::Buy, 1_000, 1_000) };
    assert_eq!(desk.submit(4, maker), [UpdateKind::Accepted]);
    desk.play(|t| {
        t.book(&[], &[(1_000, 3_500)]);
    });
    assert_eq!(desk.market.resting(), 0, "the level is back and reaches the resting bid");
    assert_eq!(fills(&desk.submit(5, ioc(2_000))), [(1_000, 2_000, TAKER)]);
}

#[test]
fn the_rest_of_a_taker_is_not_filled_by_what_it_already_took() {
    let mut desk = with_book();
    let updates = desk.submit(1, limit(Side::Buy, 1_000, 5_000));
    assert_eq!(fills(&updates), [(1_000, 3_000, TAKER)]);
    let untouched = desk.play(|t| {
        t.book(&[(988, 7)], &[]);
    });
    assert_eq!(kinds(&untouched), []);
}

/// The published table: a resting buy of 5 at 100 with 4 ahead.
#[test]
fn a_resting_order_fills_as_published() {
    let resting = || {
        let mut desk = Desk::new("conservative");
        desk.play(|t| {
            t.book(&[(1_000, 4_000)], &[(1_010, 9_000)]);
        });
        assert_eq!(desk.submit(1, limit(Side::Buy, 1_000, 5_000)), [UpdateKind::Accepted]);
        desk
    };
    let trade = |side, price, qty| {
        let mut desk = resting();
        let updates = desk.play(|t| {
            t.trade(side, price, qty);
        });
        fills(&kinds(&updates)).iter().map(|f| f.1).sum::<i64>()
    };
    assert_eq!(trade(Side::Sell, 995, 100), 5_000, "a trade through the price fills all");
    assert_eq!(trade(Side::Sell, 1_000, 3_000), 0);
    assert_eq!(trade(Side::Sell, 1_000, 4_000), 0, "a trade equal to the queue ahead fills nothing");
    assert_eq!(trade(Side::Sell, 1_000, 6_000), 2_000);
    assert_eq!(trade(Side::Sell, 1_000, 20_000), 5_000);
    assert_eq!(trade(Side::Buy, 1_000, 50_000), 0, "a print of our own side never fills");
    let updates = resting().play(|t| {
        t.book(&[(1_000, 0)], &[(1_000, 1)]);
    });
    assert_eq!(fills(&kinds(&updates)), [(1_000, 5_000, MAKER)], "the ask reaches the bid");
}

#[test]
fn our_orders_at_one_price_share_a_trade_in_order_of_arrival() {
    let mut desk = Desk::new("conservative");
    desk.play(|t| {
        t.book(&[(1_000, 0), (990, 5)], &[(1_010, 9_000)]);
    });
    desk.submit(1, limit(Side::Buy, 1_000, 2_000));
    desk.submit(2, limit(Side::Buy, 1_000, 2_000));
    let updates = desk.play(|t| {
        t.trade(Side::Sell, 1_000, 3_000);
    });
    let got: Vec<_> = updates.iter().map(|u| (u.order, fills(&[u.kind])[0].1)).collect();
    assert_eq!(got, [(1, 2_000), (2, 1_000)]);
}

#[test]
fn a_replacement_keeps_its_place_only_when_it_shrinks() {
    let mut desk = Desk::new("conservative");
    desk.play(|t| {
        t.book(&[(1_000, 4_000), (999, 100)], &[(1_010, 9_000)]);
    });
    desk.submit(1, limit(Side::Buy, 1_000, 5_000));
    desk.play(|t| {
        t.trade(Side::Sell, 1_000, 3_000);
    });
    assert_eq!(desk.market.queue_ahead(1), Some(1_000.0));
    let replace = |price, qty| Command::Replace { order: 1, market: 0, price, qty };
    assert_eq!(desk.send(replace(1_000, 3_000)), [UpdateKind::Replaced { price: 1_000, qty: 3_000 }]);
    assert_eq!(desk.market.queue_ahead(1), Some(1_000.0));
    desk.send(replace(1_000, 3_001));
    assert_eq!(desk.market.queue_ahead(1), Some(4_000.0));
    desk.send(replace(999, 3_001));
    assert_eq!(desk.market.queue_ahead(1), Some(100.0));
    // Not post-only: a replacement may cross and then takes.
    assert_eq!(fills(&desk.send(replace(1_010, 3_001))), [(1_010, 3_001, TAKER)]);
    assert_eq!(desk.send(replace(999, 1)), [UpdateKind::ReplaceRejected(Reason::UnknownOrder)]);
}

#[test]
fn a_refused_replacement_leaves_the_order_as_it_was() {
    let mut desk = with_book();
    let maker = OrderRequest { post_only: true, ..limit(Side::Buy, 980, 1_000) };
    desk.submit(1, maker);
    let replace = Command::Replace { order: 1, market: 0, price: 1_000, qty: 1_000 };
    assert_eq!(desk.send(replace), [UpdateKind::ReplaceRejected(Reason::PostOnlyWouldCross)]);
    let updates = desk.play(|t| {
        t.trade(Side::Sell, 979, 1);
    });
    assert_eq!(fills(&kinds(&updates)), [(980, 1_000, MAKER)]);
}

#[test]
fn a_partly_filled_order_can_be_cut_to_what_is_filled() {
    let mut desk = Desk::new("conservative");
    desk.play(|t| {
        t.book(&[(990, 1)], &[(1_010, 9_000)]);
    });
    desk.submit(1, limit(Side::Buy, 1_000, 5_000));
    desk.play(|t| {
        t.trade(Side::Sell, 1_000, 2_000);
    });
    let cut = Command::Replace { order: 1, market: 0, price: 1_000, qty: 2_000 };
    assert_eq!(desk.send(cut), [UpdateKind::Cancelled]);
    assert_eq!(
        desk.send(Command::Cancel { order: 1, market: 0 }),
        [UpdateKind::CancelRejected(Reason::UnknownOrder)]
    );
}

#[test]
fn fees_are_charged_by_liquidity_and_rebates_are_negative() {
    let mut desk = with_book();
    let taken = desk.submit(1, limit(Side::Buy, 1_000, 3_000));
    let UpdateKind::Fill { fee, .. } = taken[1] else { panic!("{taken:?}") };
    assert_eq!(fee.to_string(), "0.15");
    desk.submit(2, limit(Side::Buy, 995, 1_000));
    let made = desk.play(|t| {
        t.trade(Side::Sell, 990, 1);
    });
    let UpdateKind::Fill { fee, .. } = made[0].kind else { panic!("{made:?}") };
    assert_eq!(fee.to_string(), "-0.004975");
}

#[test]
fn a_quote_fed_venue_fills_like_a_book_of_one_level() {
    let instrument = instrument("XBTUSD.TEST", InstrumentKind::Inverse);
    let mut market =
        Market::new(&instrument, FillBasis::L1, QueueModel::Conservative, Random::new(1, 0)).unwrap();
    let quote = |bid, bid_qty, ask, ask_qty| {
        let mut tape = Tape::default();
        tape.message(&[
            (EventKind::Quote, Some(Side::Buy), bid, bid_qty),
            (EventKind::Quote, Some(Side::Sell), ask, ask_qty),
        ]);
        Arc::new(tape.columns)
    };
    let mut out = Vec::new();
    market.on_message(&quote(1_000, 50, 1_001, 60).view(), 0, 2, 1, &mut out).unwrap();
    let buy = OrderRequest { order_type: OrderType::Market, price: 0, ..limit(Side::Buy, 0, 100) };
    market.on_command(Command::Submit { order: 1, request: buy }, 2, &mut out).unwrap();
    let got: Vec<_> = out.iter().map(|u| u.kind).collect();
    assert_eq!(fills(&got), [(1_001, 60, TAKER)]);
    assert_eq!(got.last(), Some(&UpdateKind::Expired(Reason::NoLiquidity)));
}
