//! How the simulated venue fills orders.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

mod common;

use std::sync::Arc;

use common::{M0, Tape, instrument, limit};
use tradecore_core::book::FillBasis;
use tradecore_core::event::{Columns, EventKind};
use tradecore_core::orders::{
    Command, Liquidity, OrderKey, OrderRequest, OrderType, Reason, Report, ReportKind, TimeInForce,
};
use tradecore_core::random::Random;
use tradecore_core::sim::{Market, QueueModel};
use tradecore_core::types::{AccountId, Instrument, InstrumentKind, Side};

const ME: AccountId = AccountId::new(0);

/// A venue that is fed by hand.
struct Desk {
    market: Market,
    now: i64,
}

impl Desk {
    fn new(queue: &str) -> Self {
        let instrument = instrument("BTCUSDT.TEST", InstrumentKind::LINEAR_PERPETUAL);
        let market =
            Market::new(&instrument, FillBasis::L2, queue.parse().unwrap(), Random::new(1, 0)).unwrap();
        Self { market, now: 0 }
    }

    /// A venue known by its quotes alone.
    fn quoted(queue: &str) -> Self {
        let instrument = instrument("BTCUSDT.TEST", InstrumentKind::LINEAR_PERPETUAL);
        let market =
            Market::new(&instrument, FillBasis::L1, queue.parse().unwrap(), Random::new(1, 0)).unwrap();
        Self { market, now: 0 }
    }

    /// A lot of ten quantity increments.
    fn with_lots() -> Self {
        let fine = instrument("BTCUSDT.TEST", InstrumentKind::LINEAR_PERPETUAL);
        let coarse = Instrument { lot_size: 10, ..(*fine).clone() };
        let market =
            Market::new(&coarse, FillBasis::L2, QueueModel::Conservative, Random::new(1, 0)).unwrap();
        Self { market, now: 0 }
    }

    fn quote(&mut self, bid: (i64, i64), ask: (i64, i64)) -> Vec<Report> {
        self.play(|t| {
            t.message(&[
                (EventKind::Quote, Some(Side::Buy), bid.0, bid.1),
                (EventKind::Quote, Some(Side::Sell), ask.0, ask.1),
            ]);
        })
    }

    /// A snapshot of the best bids, with one ask.
    fn snapshot(&mut self, bids: &[(i64, i64)]) {
        let mut rows = vec![(EventKind::BookClear, None, 0, 0)];
        rows.extend(bids.iter().map(|(p, q)| (EventKind::BookSet, Some(Side::Buy), *p, *q)));
        rows.push((EventKind::BookSet, Some(Side::Sell), 1_010, 1));
        self.play(|t| {
            t.message(&rows);
        });
    }

    fn play(&mut self, write: impl FnOnce(&mut Tape)) -> Vec<Report> {
        let mut tape = Tape::default();
        self.now += 1;
        write(tape.at(self.now));
        let (view, mut row, mut out) = (tape.columns.view(), 0, Vec::new());
        while row < view.len() {
            let end = view.message_end(row);
            self.market.on_message(&view, row, end, self.now, &mut out).unwrap();
            row = end;
        }
        out.into_iter().map(|(_, report)| report).collect()
    }

    fn send(&mut self, command: Command) -> Vec<ReportKind> {
        let mut out = Vec::new();
        self.market.on_command(ME, command, self.now, &mut out).unwrap();
        out.into_iter().map(|(_, u)| u.kind).collect()
    }

    fn submit(&mut self, id: u64, request: OrderRequest) -> Vec<ReportKind> {
        self.send(Command::Submit { order: id, request })
    }
}

fn fills(updates: &[ReportKind]) -> Vec<(i64, i64, Liquidity)> {
    updates
        .iter()
        .filter_map(|u| match u {
            ReportKind::Fill { price, qty, liquidity, .. } => Some((*price, *qty, *liquidity)),
            _ => None,
        })
        .collect()
}

fn kinds(updates: &[Report]) -> Vec<ReportKind> {
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
    let order = OrderRequest { order_type: OrderType::Market, ..limit(Side::Buy, 0, 9_000) };
    let updates = desk.submit(1, order);
    assert_eq!(fills(&updates), [(1_000, 3_000, TAKER), (1_010, 4_000, TAKER), (1_025, 2_000, TAKER)]);
}

#[test]
fn a_market_order_larger_than_the_book_expires_with_its_rest() {
    let mut desk = with_book();
    let order = OrderRequest { order_type: OrderType::Market, ..limit(Side::Sell, 0, 9_000) };
    let updates = desk.submit(1, order);
    assert_eq!(fills(&updates), [(990, 5_000, TAKER)]);
    assert_eq!(updates.last(), Some(&ReportKind::Expired(Reason::NoLiquidity)));
}

#[test]
fn time_in_force_decides_what_happens_to_the_rest() {
    let mut desk = with_book();
    let ioc = OrderRequest { time_in_force: TimeInForce::Ioc, ..limit(Side::Buy, 1_010, 9_000) };
    let updates = desk.submit(1, ioc.clone());
    assert_eq!(fills(&updates).iter().map(|f| f.1).sum::<i64>(), 7_000);
    assert_eq!(updates.last(), Some(&ReportKind::Expired(Reason::IocRemainder)));

    let mut desk = with_book();
    let fok = OrderRequest { time_in_force: TimeInForce::Fok, ..ioc };
    assert_eq!(
        desk.submit(1, fok.clone()),
        [ReportKind::Accepted, ReportKind::Expired(Reason::FokNotFillable)]
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
    assert_eq!(desk.submit(1, order.clone()), [ReportKind::Rejected(Reason::PostOnlyWouldCross)]);
    assert_eq!(
        desk.submit(2, OrderRequest { order_type: OrderType::Limit { price: 999 }, ..order }),
        [ReportKind::Accepted]
    );
}

#[test]
fn nothing_is_accepted_while_the_book_is_unknown() {
    let mut desk = Desk::new("conservative");
    assert_eq!(desk.submit(1, limit(Side::Buy, 990, 1)), [ReportKind::Rejected(Reason::BookNotSynced)]);
    let mut desk = with_book();
    desk.play(|t| {
        t.message(&[(EventKind::BookClear, None, 0, 0)]);
    });
    assert_eq!(desk.submit(1, limit(Side::Buy, 990, 1)), [ReportKind::Rejected(Reason::BookNotSynced)]);
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
    assert_eq!(desk.submit(4, maker), [ReportKind::Accepted]);
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
        assert_eq!(desk.submit(1, limit(Side::Buy, 1_000, 5_000)), [ReportKind::Accepted]);
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
    let got: Vec<_> = updates.iter().map(|u| (u.order.clone(), fills(&[u.kind])[0].1)).collect();
    assert_eq!(got, [(OrderKey::Id(1), 2_000), (OrderKey::Id(2), 1_000)]);
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
    let replace = |price, qty| Command::Replace { order: 1, market: M0, price, qty };
    assert_eq!(desk.send(replace(1_000, 3_000)), [ReportKind::Replaced { price: 1_000, qty: 3_000 }]);
    assert_eq!(desk.market.queue_ahead(1), Some(1_000.0));
    desk.send(replace(1_000, 3_001));
    assert_eq!(desk.market.queue_ahead(1), Some(4_000.0));
    desk.send(replace(999, 3_001));
    assert_eq!(desk.market.queue_ahead(1), Some(100.0));
    // Not post-only: a replacement may cross and then takes.
    assert_eq!(fills(&desk.send(replace(1_010, 3_001))), [(1_010, 3_001, TAKER)]);
    assert_eq!(desk.send(replace(999, 1)), [ReportKind::ReplaceRejected(Reason::UnknownOrder)]);
}

#[test]
fn a_refused_replacement_leaves_the_order_as_it_was() {
    let mut desk = with_book();
    let maker = OrderRequest { post_only: true, ..limit(Side::Buy, 980, 1_000) };
    desk.submit(1, maker);
    let replace = Command::Replace { order: 1, market: M0, price: 1_000, qty: 1_000 };
    assert_eq!(desk.send(replace), [ReportKind::ReplaceRejected(Reason::PostOnlyWouldCross)]);
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
    let cut = Command::Replace { order: 1, market: M0, price: 1_000, qty: 2_000 };
    assert_eq!(desk.send(cut), [ReportKind::Cancelled]);
    assert_eq!(
        desk.send(Command::Cancel { order: 1, market: M0 }),
        [ReportKind::CancelRejected(Reason::UnknownOrder)]
    );
}

#[test]
fn fees_are_charged_by_liquidity_and_rebates_are_negative() {
    let mut desk = with_book();
    let taken = desk.submit(1, limit(Side::Buy, 1_000, 3_000));
    let ReportKind::Fill { fee, .. } = taken[1] else { panic!("{taken:?}") };
    assert_eq!(fee.to_string(), "0.15");
    desk.submit(2, limit(Side::Buy, 995, 1_000));
    let made = desk.play(|t| {
        t.trade(Side::Sell, 990, 1);
    });
    let ReportKind::Fill { fee, .. } = made[0].kind else { panic!("{made:?}") };
    assert_eq!(fee.to_string(), "-0.004975");
}

#[test]
fn a_quote_fed_venue_fills_like_a_book_of_one_level() {
    let instrument = instrument("XBTUSD.TEST", InstrumentKind::INVERSE_PERPETUAL);
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
    let buy = OrderRequest { order_type: OrderType::Market, ..limit(Side::Buy, 0, 100) };
    market.on_command(ME, Command::Submit { order: 1, request: buy }, 2, &mut out).unwrap();
    let got: Vec<_> = out.iter().map(|(_, u)| u.kind).collect();
    assert_eq!(fills(&got), [(1_001, 60, TAKER)]);
    assert_eq!(got.last(), Some(&ReportKind::Expired(Reason::NoLiquidity)));
}

#[test]
fn less_than_a_lot_on_the_other_side_is_nothing() {
    let mut desk = Desk::with_lots();
    desk.play(|t| {
        t.book(&[(990, 5_000)], &[(1_000, 5), (1_010, 9_000)]);
    });
    let maker = OrderRequest { post_only: true, ..limit(Side::Buy, 1_000, 1_000) };
    assert_eq!(desk.submit(1, maker), [ReportKind::Accepted]);
    let updates = desk.play(|t| {
        t.book(&[(980, 1)], &[]);
    });
    assert_eq!(kinds(&updates), []);

    // The same for what a taker leaves of a level.
    let mut desk = Desk::with_lots();
    desk.play(|t| {
        t.book(&[(990, 5_000)], &[(1_000, 5_005), (1_010, 9_000)]);
    });
    assert_eq!(fills(&desk.submit(1, limit(Side::Buy, 1_000, 10_000))), [(1_000, 5_000, TAKER)]);
    let updates = desk.play(|t| {
        t.book(&[(980, 1)], &[]);
    });
    assert_eq!(kinds(&updates), []);
}

#[test]
fn the_rest_of_a_taker_fills_by_what_is_displayed_when_its_level_changes() {
    let mut desk = with_book();
    assert_eq!(fills(&desk.submit(1, limit(Side::Buy, 1_000, 100_000))), [(1_000, 3_000, TAKER)]);
    let change = |desk: &mut Desk, qty| {
        fills(&kinds(&desk.play(|t| {
            t.book(&[], &[(1_000, qty)]);
        })))
    };
    assert_eq!(change(&mut desk, 2_999), [(1_000, 2_999, MAKER)]);
    assert_eq!(change(&mut desk, 2_999), [], "what it was filled with is taken");
    assert_eq!(change(&mut desk, 0), []);
    assert_eq!(change(&mut desk, 500), [(1_000, 500, MAKER)]);

    // An order that comes to rest only because we have emptied the level is no better off.
    let mut desk = with_book();
    let ioc = OrderRequest { time_in_force: TimeInForce::Ioc, ..limit(Side::Buy, 1_000, 3_000) };
    desk.submit(1, ioc);
    desk.submit(2, OrderRequest { post_only: true, ..limit(Side::Buy, 1_000, 100_000) });
    assert_eq!(change(&mut desk, 700), [(1_000, 700, MAKER)]);
}

#[test]
fn a_quote_that_moves_away_leaves_the_queue_as_it_was() {
    let mut desk = Desk::quoted("power(2)");
    desk.quote((1_000, 50_000), (1_010, 9_000));
    desk.submit(1, limit(Side::Buy, 1_000, 1_000));
    desk.quote((1_001, 3_000), (1_010, 9_000));
    desk.quote((1_000, 50_000), (1_010, 9_000));
    assert_eq!(desk.market.queue_ahead(1), Some(50_000.0));
    // A bid better than ours that goes away for good: the touch is below us, so we are alone at our price.
    desk.quote((999, 10), (1_010, 9_000));
    assert_eq!(desk.market.queue_ahead(1), Some(0.0));
}

#[test]
fn an_order_behind_what_is_shown_joins_the_queue_when_its_level_is_first_seen() {
    for queue in ["conservative", "power(2)", "log2", "depletion"] {
        let mut desk = Desk::quoted(queue);
        desk.quote((1_000, 50_000), (1_010, 9_000));
        desk.submit(1, limit(Side::Buy, 990, 1_000));
        let updates = desk.play(|t| {
            t.trade(Side::Sell, 990, 10_000);
        });
        assert_eq!(kinds(&updates), [], "{queue}: nobody knows what was ahead");
        desk.quote((990, 70_000), (1_010, 9_000));
        assert_eq!(desk.market.queue_ahead(1), Some(70_000.0), "{queue}");
    }
    // Better than the touch there is nothing ahead.
    let mut desk = Desk::quoted("conservative");
    desk.quote((1_000, 50_000), (1_010, 9_000));
    desk.submit(1, limit(Side::Buy, 1_005, 1_000));
    assert_eq!(desk.market.queue_ahead(1), Some(0.0));
}

#[test]
fn a_short_snapshot_leaves_the_queue_below_it_as_it_was() {
    let mut desk = Desk::new("conservative");
    desk.snapshot(&[(1_000, 50), (999, 50_000)]);
    desk.submit(1, limit(Side::Buy, 999, 1_000));
    desk.submit(2, limit(Side::Buy, 998, 1_000));
    desk.snapshot(&[(1_001, 50), (1_000, 50)]);
    assert_eq!(desk.market.queue_ahead(1), Some(50_000.0));
    desk.snapshot(&[(1_000, 50), (999, 40_000)]);
    assert_eq!(desk.market.queue_ahead(1), Some(40_000.0));
    // A level that is inside what is shown, but not there, is empty.
    desk.snapshot(&[(1_000, 50), (997, 1)]);
    assert_eq!((desk.market.queue_ahead(1), desk.market.queue_ahead(2)), (Some(0.0), Some(0.0)));
}

#[test]
fn a_side_that_empties_leaves_the_last_two_sided_mid() {
    let mut desk = Desk::new("conservative");
    desk.play(|t| {
        t.book(&[(990, 5_000)], &[(1_000, 3_000)]);
    });
    desk.play(|t| {
        t.book(&[], &[(1_000, 0)]);
    });
    assert_eq!(desk.market.twice_mid(), Some(1_990));
}

#[test]
fn a_trade_without_quantity_or_price_fills_nothing() {
    let mut desk = with_book();
    desk.submit(1, limit(Side::Buy, 980, 1_000));
    for (price, qty) in [(979, 0), (0, 5), (-1, 5)] {
        let updates = desk.play(|t| {
            t.trade(Side::Sell, price, qty);
        });
        assert_eq!(kinds(&updates), [], "{price} {qty}");
    }
}

#[test]
fn a_trade_through_one_order_is_used_up_for_those_behind() {
    for worse_first in [false, true] {
        let mut desk = Desk::new("conservative");
        desk.play(|t| {
            t.book(&[(980, 5_000)], &[(1_020, 3_000)]);
        });
        let prices = if worse_first { [1_000, 1_001] } else { [1_001, 1_000] };
        for (id, price) in prices.into_iter().enumerate() {
            desk.submit(id as u64, limit(Side::Buy, price, 5_000));
        }
        let updates = desk.play(|t| {
            t.trade(Side::Sell, 1_000, 3_000);
        });
        assert_eq!(fills(&kinds(&updates)), [(1_001, 5_000, MAKER)]);
    }
}

#[test]
fn a_trade_that_an_older_order_takes_is_still_seen_by_the_next_one() {
    let mut desk = Desk::new("power(2)");
    desk.play(|t| {
        t.book(&[(1_000, 0), (990, 1)], &[(1_010, 9_000)]);
    });
    desk.submit(1, limit(Side::Buy, 1_000, 2_000));
    desk.play(|t| {
        t.book(&[(1_000, 10_000)], &[]);
    });
    desk.submit(2, limit(Side::Buy, 1_000, 2_000));
    desk.play(|t| {
        t.book(&[(1_000, 12_000)], &[]);
    });
    desk.play(|t| {
        t.trade(Side::Sell, 1_000, 2_000);
    });
    // The drop of the displayed size is that trade and nobody's cancellation.
    desk.play(|t| {
        t.book(&[(1_000, 10_000)], &[]);
    });
    assert_eq!(desk.market.queue_ahead(2), Some(10_000.0));
}

#[test]
fn a_crossed_book_fills_nothing_and_takers_are_rejected() {
    let mut desk = with_book();
    desk.submit(1, limit(Side::Buy, 980, 1_000));
    let updates = desk.play(|t| {
        t.book(&[], &[(950, 1_000)]);
    });
    assert_eq!(kinds(&updates), []);
    let crossed = [ReportKind::Rejected(Reason::BookCrossed)];
    for side in [Side::Buy, Side::Sell] {
        let market = OrderRequest { order_type: OrderType::Market, ..limit(side, 0, 1_000) };
        assert_eq!(desk.submit(2, market), crossed);
        assert_eq!(desk.submit(3, limit(side, 970, 1_000)), crossed);
    }
    assert_eq!(desk.submit(4, limit(Side::Buy, 940, 1_000)), [ReportKind::Accepted]);
    let replace = Command::Replace { order: 4, market: M0, price: 960, qty: 1_000 };
    assert_eq!(desk.send(replace), [ReportKind::ReplaceRejected(Reason::BookCrossed)]);
    let updates = desk.play(|t| {
        t.book(&[(990, 0)], &[]);
    });
    assert_eq!(
        fills(&kinds(&updates)),
        [(980, 1_000, MAKER)],
        "once the book is sound, the ask is really there"
    );
}
