//! How the simulated venue fills orders.

use std::sync::Arc;

use crate::common::{M0, Tape, instrument, limit, replace, replaced, with_terms};
use tradecore_core::book::FillBasis;
use tradecore_core::event::{Columns, EventKind, Span};
use tradecore_core::orders::{Command, Liquidity, OrderRequest, OrderType, Reason, ReportKind, TimeInForce};
use tradecore_core::random::Random;
use tradecore_core::sim::{Accounts, Market, Matching, QueueRule, SelfTrade, Update};
use tradecore_core::types::{
    AccountId, Instrument, InstrumentKind, OrderTerms, Price, Qty, Side, TermsChange,
};

/// A venue that is fed by hand.
struct Desk {
    market: Market,
    now: i64,
}

impl Desk {
    /// The queue ahead of an order of the first account.
    fn queue_ahead(&self, id: u64) -> Option<f64> {
        self.market.queue_ahead(AccountId::new(0), id)
    }

    fn new(queue: &str) -> Self {
        let instrument = instrument("BTCUSDT.TEST", InstrumentKind::LINEAR_PERPETUAL);
        let market = Market::new(
            instrument,
            FillBasis::L2,
            queue.parse().unwrap(),
            Matching::default(),
            Random::new(1, 0),
        )
        .unwrap();
        Self { market, now: 0 }
    }

    /// A venue known by its quotes alone.
    fn quoted(queue: &str) -> Self {
        let instrument = instrument("BTCUSDT.TEST", InstrumentKind::LINEAR_PERPETUAL);
        let market = Market::new(
            instrument,
            FillBasis::L1,
            queue.parse().unwrap(),
            Matching::default(),
            Random::new(1, 0),
        )
        .unwrap();
        Self { market, now: 0 }
    }

    /// A venue of several accounts: asks 3 @ 100 and 4 @ 101, bids 5 @ 99.
    fn matching(accounts: Accounts, self_trade: SelfTrade) -> Self {
        let instrument = instrument("BTCUSDT.TEST", InstrumentKind::LINEAR_PERPETUAL);
        let (matching, random) = (Matching { accounts, self_trade }, Random::new(1, 0));
        let queue = QueueRule::Conservative.into();
        let market = Market::new(instrument, FillBasis::L2, queue, matching, random).unwrap();
        let mut desk = Self { market, now: 0 };
        desk.play(|t| {
            t.book(&[(990, 5_000)], &[(1_000, 3_000), (1_010, 4_000)]);
        });
        desk
    }

    /// A lot of ten quantity increments.
    fn with_lots() -> Self {
        let fine = instrument("BTCUSDT.TEST", InstrumentKind::LINEAR_PERPETUAL);
        let coarse = with_terms(&fine, |terms| terms.lot_size = 10);
        let market = Market::new(
            Arc::new(coarse),
            FillBasis::L2,
            QueueRule::Conservative.into(),
            Matching::default(),
            Random::new(1, 0),
        )
        .unwrap();
        Self { market, now: 0 }
    }

    fn quote(&mut self, bid: (i64, i64), ask: (i64, i64)) -> Vec<Update> {
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

    fn play(&mut self, write: impl FnOnce(&mut Tape)) -> Vec<Update> {
        let mut tape = Tape::default();
        self.now += 1;
        write(tape.at(self.now));
        self.play_tape(&tape)
    }

    fn play_tape(&mut self, tape: &Tape) -> Vec<Update> {
        let (view, mut out) = (tape.columns.view(), Vec::new());
        for rows in view.messages(0, view.len()) {
            self.market.on_message(&view, rows, self.now, &mut out);
        }
        out.into_iter().map(|(_, update)| update).collect()
    }

    fn send(&mut self, command: Command) -> Vec<ReportKind> {
        let mut out = Vec::new();
        self.market.on_command(AccountId::new(0), command, self.now, &mut out);
        out.into_iter().map(|(_, update)| update.kind).collect()
    }

    fn submit(&mut self, id: u64, request: OrderRequest) -> Vec<ReportKind> {
        self.send(Command::Submit { order: id, request })
    }

    /// What an account's command leads to, as account, order, update.
    fn send_as(&mut self, account: usize, command: Command) -> Vec<(usize, u64, ReportKind)> {
        let mut out = Vec::new();
        self.market.on_command(AccountId::new(account), command, self.now, &mut out);
        out.into_iter().map(|(account, report)| (account.index(), report.order, report.kind)).collect()
    }

    /// Fills that an account's order leads to, as account, price, quantity, liquidity.
    fn trade_as(
        &mut self,
        account: usize,
        id: u64,
        request: OrderRequest,
    ) -> Vec<(usize, i64, i64, Liquidity)> {
        self.send_as(account, Command::Submit { order: id, request })
            .into_iter()
            .filter_map(|(account, _, kind)| match kind {
                ReportKind::Fill { price, qty, liquidity, .. } => {
                    Some((account, price.steps(), qty.steps(), liquidity))
                }
                _ => None,
            })
            .collect()
    }
}

fn fills(updates: &[ReportKind]) -> Vec<(i64, i64, Liquidity)> {
    updates
        .iter()
        .filter_map(|u| match u {
            ReportKind::Fill { price, qty, liquidity, .. } => Some((price.steps(), qty.steps(), *liquidity)),
            _ => None,
        })
        .collect()
}

fn kinds(updates: &[Update]) -> Vec<ReportKind> {
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
    let updates = desk.submit(2, OrderRequest { qty: Qty::new(7_000), ..fok });
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
        desk.submit(2, OrderRequest { order_type: OrderType::Limit { price: Price::new(999) }, ..order }),
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
fn what_was_taken_is_gone_and_growth_is_there_to_take() {
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
    let maker = OrderRequest { post_only: true, ..limit(Side::Buy, 1_000, 400) };
    assert_eq!(desk.submit(4, maker), [ReportKind::Accepted]);
    let updates = desk.play(|t| {
        t.book(&[], &[(1_000, 3_500)]);
    });
    assert_eq!(fills(&kinds(&updates)), [(1_000, 400, MAKER)], "who came reaches the resting bid");
    assert_eq!(fills(&desk.submit(5, ioc(2_000))), [(1_000, 100, TAKER)]);
}

/// Asks 3 at 100.0 of which we took 2, and 4 at 101.0.
fn with_taken() -> Desk {
    let mut desk = with_book();
    desk.submit(1, limit(Side::Buy, 1_000, 2_000));
    desk
}

/// What is there to take at 100.0.
fn there(desk: &mut Desk) -> i64 {
    let ioc = OrderRequest { time_in_force: TimeInForce::Ioc, ..limit(Side::Buy, 1_000, 100_000) };
    fills(&desk.submit(99, ioc)).iter().map(|fill| fill.1).sum()
}

#[test]
fn the_markets_trades_take_first_what_we_had_taken() {
    let trade_then_show = |qty, left| {
        let mut desk = with_taken();
        desk.play(|t| {
            t.trade(Side::Buy, 1_000, qty);
        });
        desk.play(|t| {
            t.book(&[], &[(1_000, left)]);
        });
        there(&mut desk)
    };
    assert_eq!(trade_then_show(1_500, 1_500), 1_000);
    assert_eq!(trade_then_show(2_500, 500), 500);
    let mut desk = with_taken();
    desk.play(|t| {
        t.trade(Side::Buy, 1_000, 1_500);
    });
    assert_eq!(there(&mut desk), 1_000, "the trade is not shown yet, and gone nevertheless");
}

#[test]
fn other_decreases_take_their_share_of_what_we_had_taken() {
    let mut desk = with_taken();
    desk.play(|t| {
        t.book(&[], &[(1_000, 1_500)]);
    });
    assert_eq!(there(&mut desk), 500);
    let mut desk = with_taken();
    for qty in [0, 3_000] {
        desk.play(|t| {
            t.book(&[], &[(1_000, qty)]);
        });
    }
    assert_eq!(there(&mut desk), 3_000, "a level that went and came is another one");
}

#[test]
fn what_goes_out_of_sight_is_still_taken_when_it_is_seen_again() {
    let mut desk = Desk::quoted("conservative");
    desk.quote((990, 5_000), (1_000, 3_000));
    desk.submit(1, limit(Side::Buy, 1_000, 2_000));
    desk.quote((990, 5_000), (999, 50));
    desk.quote((990, 5_000), (1_000, 3_000));
    assert_eq!(there(&mut desk), 1_000);
}

#[test]
fn what_we_took_does_not_stand_ahead_of_our_own_order() {
    let mut desk = with_book();
    desk.submit(1, limit(Side::Sell, 990, 4_000));
    desk.submit(2, limit(Side::Buy, 990, 1_000));
    assert_eq!(desk.queue_ahead(2), Some(1_000.0));
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
    assert_eq!(trade(Side::Sell, 995, 100), 100, "a trade through the price fills no more than its quantity");
    assert_eq!(trade(Side::Sell, 995, 6_000), 5_000);
    assert_eq!(trade(Side::Buy, 995, 100), 100, "whoever took");
    assert_eq!(trade(Side::Sell, 1_000, 3_000), 0);
    assert_eq!(trade(Side::Sell, 1_000, 4_000), 0, "a trade equal to the queue ahead fills nothing");
    assert_eq!(trade(Side::Sell, 1_000, 6_000), 2_000);
    assert_eq!(trade(Side::Sell, 1_000, 20_000), 5_000);
    assert_eq!(trade(Side::Buy, 1_000, 50_000), 0, "a print of our own side never fills");
    let updates = resting().play(|t| {
        t.book(&[(1_000, 0)], &[(1_000, 1)]);
    });
    assert_eq!(fills(&kinds(&updates)), [(1_000, 1, MAKER)], "the ask reaches the bid with what it shows");
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
    assert_eq!(desk.queue_ahead(1), Some(1_000.0));
    let replace = |price, qty| replace(1, price, qty);
    assert_eq!(desk.send(replace(1_000, 3_000)), [replaced(1_000, 3_000)]);
    assert_eq!(desk.queue_ahead(1), Some(1_000.0));
    desk.play(|t| {
        t.book(&[(1_000, 2_500)], &[]);
    });
    assert_eq!(desk.queue_ahead(1), Some(1_000.0));
    desk.send(replace(1_000, 3_001));
    assert_eq!(desk.queue_ahead(1), Some(2_500.0));
    desk.send(replace(999, 3_001));
    assert_eq!(desk.queue_ahead(1), Some(100.0));
    // Not post-only: a replacement may cross and then takes.
    assert_eq!(fills(&desk.send(replace(1_010, 3_001))), [(1_010, 3_001, TAKER)]);
    assert_eq!(desk.send(replace(999, 1)), [ReportKind::ReplaceRejected(Reason::UnknownOrder)]);
}

#[test]
fn a_refused_replacement_leaves_the_order_as_it_was() {
    let mut desk = with_book();
    let maker = OrderRequest { post_only: true, ..limit(Side::Buy, 980, 1_000) };
    desk.submit(1, maker);
    let replace = replace(1, 1_000, 1_000);
    assert_eq!(desk.send(replace), [ReportKind::ReplaceRejected(Reason::PostOnlyWouldCross)]);
    let updates = desk.play(|t| {
        t.trade(Side::Sell, 979, 5_000);
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
    let cut = replace(1, 1_000, 2_000);
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
        t.trade(Side::Sell, 990, 1_000);
    });
    let ReportKind::Fill { fee, .. } = made[0].kind else { panic!("{made:?}") };
    assert_eq!(fee.to_string(), "-0.004975");
}

#[test]
fn a_quote_fed_venue_fills_like_a_book_of_one_level() {
    let instrument = instrument("XBTUSD.TEST", InstrumentKind::INVERSE_PERPETUAL);
    let mut market = Market::new(
        instrument,
        FillBasis::L1,
        QueueRule::Conservative.into(),
        Matching::default(),
        Random::new(1, 0),
    )
    .unwrap();
    let quote = |bid, bid_qty, ask, ask_qty| {
        let mut tape = Tape::default();
        tape.message(&[
            (EventKind::Quote, Some(Side::Buy), bid, bid_qty),
            (EventKind::Quote, Some(Side::Sell), ask, ask_qty),
        ]);
        Arc::new(tape.columns)
    };
    let mut out = Vec::new();
    let quote = quote(1_000, 50, 1_001, 60);
    market.on_message(&quote.view(), Span { from: 0, to: 2, only_levels: false }, 1, &mut out);
    let buy = OrderRequest { order_type: OrderType::Market, ..limit(Side::Buy, 0, 100) };
    market.on_command(AccountId::new(0), Command::Submit { order: 1, request: buy }, 2, &mut out);
    let got: Vec<_> = out.iter().map(|(_, update)| update.kind).collect();
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
fn an_order_that_is_reached_gets_what_is_displayed_and_waits_for_more() {
    let mut desk = with_book();
    assert_eq!(fills(&desk.submit(1, limit(Side::Buy, 1_000, 100_000))), [(1_000, 3_000, TAKER)]);
    let change = |desk: &mut Desk, qty| {
        fills(&kinds(&desk.play(|t| {
            t.book(&[], &[(1_000, qty)]);
        })))
    };
    assert_eq!(change(&mut desk, 2_999), [], "all of it is taken");
    assert_eq!(change(&mut desk, 3_100), [(1_000, 101, MAKER)]);
    assert_eq!(change(&mut desk, 3_100), [], "what it was filled with is taken");
    assert_eq!(change(&mut desk, 0), []);
    assert_eq!(change(&mut desk, 500), [(1_000, 500, MAKER)]);
}

#[test]
fn orders_that_are_reached_share_what_is_displayed_better_prices_first() {
    let mut desk = Desk::new("conservative");
    desk.play(|t| {
        t.book(&[(980, 5_000)], &[(1_020, 3_000)]);
    });
    for (id, price) in [(1, 1_000), (2, 1_001), (3, 1_001)] {
        desk.submit(id, limit(Side::Buy, price, 1_000));
    }
    let updates = desk.play(|t| {
        t.book(&[], &[(999, 2_500)]);
    });
    let by_order: Vec<u64> = updates.iter().map(|update| update.order).collect();
    assert_eq!(by_order, [2, 3, 1]);
    assert_eq!(fills(&kinds(&updates)), [(1_001, 1_000, MAKER), (1_001, 1_000, MAKER), (1_000, 500, MAKER)]);
}

#[test]
fn a_quote_that_moves_away_leaves_the_queue_as_it_was() {
    let mut desk = Desk::quoted("power(2)");
    desk.quote((1_000, 50_000), (1_010, 9_000));
    desk.submit(1, limit(Side::Buy, 1_000, 1_000));
    desk.quote((1_001, 3_000), (1_010, 9_000));
    desk.quote((1_000, 50_000), (1_010, 9_000));
    assert_eq!(desk.queue_ahead(1), Some(50_000.0));
    // A bid better than ours that goes away for good: the touch is below us, so we are alone at our price.
    desk.quote((999, 10), (1_010, 9_000));
    assert_eq!(desk.queue_ahead(1), Some(0.0));
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
        assert_eq!(desk.queue_ahead(1), Some(70_000.0), "{queue}");
    }
    // Better than the touch there is nothing ahead.
    let mut desk = Desk::quoted("conservative");
    desk.quote((1_000, 50_000), (1_010, 9_000));
    desk.submit(1, limit(Side::Buy, 1_005, 1_000));
    assert_eq!(desk.queue_ahead(1), Some(0.0));
}

#[test]
fn a_short_snapshot_leaves_the_queue_below_it_as_it_was() {
    let mut desk = Desk::new("conservative");
    desk.snapshot(&[(1_000, 50), (999, 50_000)]);
    desk.submit(1, limit(Side::Buy, 999, 1_000));
    desk.submit(2, limit(Side::Buy, 998, 1_000));
    desk.snapshot(&[(1_001, 50), (1_000, 50)]);
    assert_eq!(desk.queue_ahead(1), Some(50_000.0));
    desk.snapshot(&[(1_000, 50), (999, 40_000)]);
    assert_eq!(desk.queue_ahead(1), Some(40_000.0));
    // A level that is inside what is shown, but not there, is empty.
    desk.snapshot(&[(1_000, 50), (997, 1)]);
    assert_eq!((desk.queue_ahead(1), desk.queue_ahead(2)), (Some(0.0), Some(0.0)));
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
fn a_trade_beyond_several_orders_gives_them_no_more_than_its_quantity() {
    for worse_first in [false, true] {
        let mut desk = Desk::new("conservative");
        desk.play(|t| {
            t.book(&[(980, 5_000)], &[(1_020, 3_000)]);
        });
        let prices = if worse_first { [1_000, 1_001] } else { [1_001, 1_000] };
        for (id, price) in prices.into_iter().enumerate() {
            desk.submit(id as u64, limit(Side::Buy, price, 5_000));
        }
        let trade = |desk: &mut Desk, price, qty| {
            fills(&kinds(&desk.play(|t| {
                t.trade(Side::Sell, price, qty);
            })))
        };
        assert_eq!(trade(&mut desk, 1_000, 3_000), [(1_001, 3_000, MAKER)]);
        assert_eq!(trade(&mut desk, 999, 4_000), [(1_001, 2_000, MAKER), (1_000, 2_000, MAKER)]);
    }
}

#[test]
fn what_stood_ahead_of_an_order_has_traded_when_a_trade_passes_it() {
    let mut desk = with_book();
    desk.submit(1, limit(Side::Buy, 990, 5_000));
    assert!(desk.queue_ahead(1).is_some_and(|ahead| ahead > 0.0));
    desk.play(|t| {
        t.trade(Side::Sell, 989, 1_000);
    });
    assert_eq!(desk.queue_ahead(1), Some(0.0));
}

/// Five are ahead of an order for one.
fn with_queue() -> Desk {
    let mut desk = Desk::new("conservative");
    desk.play(|t| {
        t.book(&[(1_000, 5_000)], &[(1_010, 9_000)]);
    });
    desk.submit(1, limit(Side::Buy, 1_000, 1_000));
    desk
}

#[test]
fn a_trade_that_is_told_after_the_book_that_shows_it_counts_once() {
    let mut desk = with_queue();
    desk.play(|t| {
        t.book(&[(1_000, 2_000)], &[]);
    });
    let late = |desk: &mut Desk, qty| {
        let mut tape = Tape::default();
        tape.at(desk.now).trade(Side::Sell, 1_000, qty);
        desk.play_tape(&tape)
    };
    assert_eq!(kinds(&late(&mut desk, 3_000)), [], "two are still ahead");
    assert_eq!(desk.queue_ahead(1), Some(2_000.0));
    let updates = desk.play(|t| {
        t.trade(Side::Sell, 1_000, 2_500);
    });
    assert_eq!(fills(&kinds(&updates)), [(1_000, 500, MAKER)]);
}

#[test]
fn a_trade_that_the_book_showed_before_an_order_came_is_none_for_it() {
    let mut desk = with_queue();
    let mut tape = Tape::default();
    tape.at(desk.now).trade(Side::Sell, 1_000, 5_500).trade(Side::Sell, 999, 5_500);
    assert_eq!(kinds(&desk.play_tape(&tape)), []);
    assert_eq!(desk.queue_ahead(1), Some(5_000.0));
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
    assert_eq!(desk.queue_ahead(2), Some(10_000.0));
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
    let replace = replace(4, 960, 1_000);
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

#[test]
fn a_taker_meets_what_is_ahead_of_a_resting_order_then_it_then_what_is_behind() {
    let mut desk = Desk::matching(Accounts::Shared, SelfTrade::CancelNewest);
    desk.trade_as(1, 1, limit(Side::Sell, 1_000, 2_000));
    desk.play(|t| {
        t.book(&[], &[(1_000, 3_500)]);
    });
    // Better than anything displayed.
    desk.trade_as(1, 2, limit(Side::Sell, 995, 400));
    let got = desk.trade_as(2, 3, limit(Side::Buy, 1_010, 7_000));
    let expected = [
        (1, 995, 400, MAKER),
        (2, 995, 400, TAKER),
        (2, 1_000, 3_000, TAKER),
        (1, 1_000, 2_000, MAKER),
        (2, 1_000, 2_000, TAKER),
        (2, 1_000, 500, TAKER),
        (2, 1_010, 1_100, TAKER),
    ];
    assert_eq!(got, expected);
    assert_eq!(desk.market.resting(), 0);
}

#[test]
fn what_a_taker_took_is_no_longer_ahead_of_a_resting_order() {
    let mut desk = Desk::matching(Accounts::Shared, SelfTrade::CancelNewest);
    desk.trade_as(1, 1, limit(Side::Sell, 1_000, 2_000));
    let ioc = |qty| OrderRequest { time_in_force: TimeInForce::Ioc, ..limit(Side::Buy, 1_000, qty) };
    assert_eq!(desk.trade_as(2, 2, ioc(2_500)), [(2, 1_000, 2_500, TAKER)]);
    let expected = [(2, 1_000, 500, TAKER), (1, 1_000, 100, MAKER), (2, 1_000, 100, TAKER)];
    assert_eq!(desk.trade_as(2, 3, ioc(600)), expected);
    let ahead = desk.market.queue_ahead(AccountId::new(1), 1);
    assert_eq!(ahead, Some(3_000.0), "the market is as it was");
}

#[test]
fn a_post_only_order_that_would_cross_an_own_one_is_rejected() {
    let post = |side, price| OrderRequest { post_only: true, ..limit(side, price, 1_000) };
    let submit = |order, request| Command::Submit { order, request };
    let rejected = ReportKind::Rejected(Reason::PostOnlyWouldCross);
    for accounts in [Accounts::Shared, Accounts::Isolated] {
        let mut desk = Desk::matching(accounts, SelfTrade::CancelOldest);
        desk.send_as(1, submit(1, post(Side::Buy, 995)));
        assert_eq!(desk.send_as(1, submit(2, post(Side::Sell, 995))), [(1, 2, rejected)]);
        let of_another = desk.send_as(2, submit(3, post(Side::Sell, 995)))[0].2;
        let seen = accounts == Accounts::Shared;
        assert_eq!(of_another, if seen { rejected } else { ReportKind::Accepted });
        // A replacement is no different.
        desk.send_as(2, submit(4, post(Side::Sell, 997)));
        let replace = replace(4, 995, 1_000);
        let got = desk.send_as(2, replace)[0].2;
        let refused = ReportKind::ReplaceRejected(Reason::PostOnlyWouldCross);
        let granted = replaced(995, 1_000);
        assert_eq!(got, if seen { refused } else { granted });
    }
}

#[test]
fn a_self_trade_ends_as_the_venue_has_it() {
    let expired = ReportKind::Expired(Reason::SelfTrade);
    let meet = |self_trade, qty: i64| {
        let mut desk = Desk::matching(Accounts::Shared, self_trade);
        desk.trade_as(1, 1, limit(Side::Sell, 995, 2_000));
        let request = limit(Side::Buy, 1_000, qty);
        let updates = desk.send_as(1, Command::Submit { order: 2, request });
        assert_eq!(updates[0], (1, 2, ReportKind::Accepted));
        let bare: Vec<_> = updates[1..]
            .iter()
            .map(|(_, order, kind)| match kind {
                ReportKind::Fill { price, qty, .. } => (*order, Err((price.steps(), qty.steps()))),
                kind => (*order, Ok(*kind)),
            })
            .collect();
        (bare, desk.market.resting())
    };
    assert_eq!(meet(SelfTrade::CancelNewest, 500), (vec![(2, Ok(expired))], 1));
    assert_eq!(meet(SelfTrade::CancelOldest, 500), (vec![(1, Ok(expired)), (2, Err((1_000, 500)))], 0));
    assert_eq!(meet(SelfTrade::CancelBoth, 500), (vec![(1, Ok(expired)), (2, Ok(expired))], 0));
    let reduced = |qty| Ok(ReportKind::Reduced { qty: Qty::new(qty) });
    assert_eq!(meet(SelfTrade::Decrement, 500), (vec![(1, reduced(1_500)), (2, Ok(expired))], 1));
    assert_eq!(
        meet(SelfTrade::Decrement, 2_500),
        (vec![(1, Ok(expired)), (2, reduced(500)), (2, Err((1_000, 500)))], 0)
    );
    assert_eq!(meet(SelfTrade::Decrement, 2_000), (vec![(1, Ok(expired)), (2, Ok(expired))], 0));
}

#[test]
fn a_fill_or_kill_order_counts_own_orders_of_others() {
    let fok = |qty| OrderRequest { time_in_force: TimeInForce::Fok, ..limit(Side::Buy, 1_000, qty) };
    for (self_trade, own_fills) in [
        (SelfTrade::CancelNewest, false),
        (SelfTrade::CancelOldest, true),
        (SelfTrade::CancelBoth, false),
        (SelfTrade::Decrement, false),
    ] {
        let mut desk = Desk::matching(Accounts::Shared, self_trade);
        desk.trade_as(1, 1, limit(Side::Sell, 995, 500));
        assert_eq!(desk.trade_as(2, 2, fok(3_501)), [], "{self_trade:?}");
        // Its own order in front of it is either out of its way or in it.
        assert_eq!(!desk.trade_as(1, 3, fok(3_000)).is_empty(), own_fills, "{self_trade:?}");
        if !own_fills {
            assert_eq!(desk.market.resting(), 1, "nothing has happened");
            assert_eq!(desk.trade_as(2, 4, fok(3_500)).len(), 3);
        }
    }
}

#[test]
fn an_order_belongs_to_its_account() {
    let mut desk = Desk::matching(Accounts::Shared, SelfTrade::CancelNewest);
    desk.trade_as(1, 7, limit(Side::Buy, 980, 1_000));
    let unknown = Reason::UnknownOrder;
    let cancel = Command::Cancel { order: 7, market: M0 };
    assert_eq!(desk.send_as(2, cancel.clone()), [(2, 7, ReportKind::CancelRejected(unknown))]);
    let replace = replace(7, 981, 500);
    assert_eq!(desk.send_as(2, replace), [(2, 7, ReportKind::ReplaceRejected(unknown))]);
    let again = Command::Submit { order: 7, request: limit(Side::Buy, 970, 1_000) };
    assert_eq!(desk.send_as(1, again.clone()), [(1, 7, ReportKind::Rejected(Reason::InvalidTerms))]);
    assert_eq!(desk.send_as(2, again), [(2, 7, ReportKind::Accepted)], "a number is an account's own");
    assert_eq!(desk.send_as(1, cancel.clone()), [(1, 7, ReportKind::Cancelled)]);
    assert_eq!(desk.send_as(2, cancel), [(2, 7, ReportKind::Cancelled)]);
}

#[test]
fn isolated_accounts_take_the_same_and_each_have_the_whole_of_a_trade() {
    let mut desk = Desk::matching(Accounts::Isolated, SelfTrade::CancelNewest);
    let ioc = OrderRequest { time_in_force: TimeInForce::Ioc, ..limit(Side::Buy, 1_000, 3_000) };
    for account in [1, 2] {
        let id = account as u64;
        assert_eq!(desk.trade_as(account, id, ioc.clone()), [(account, 1_000, 3_000, TAKER)]);
        desk.trade_as(account, id + 10, limit(Side::Sell, 995, 1_000));
        desk.trade_as(account, id + 20, limit(Side::Buy, 991, 1_000));
    }
    let updates = desk.play(|t| {
        t.trade(Side::Sell, 991, 1_000);
    });
    assert_eq!(fills(&kinds(&updates)), [(991, 1_000, MAKER), (991, 1_000, MAKER)]);
}

#[test]
fn a_venue_refuses_what_no_client_should_have_sent() {
    let fine = instrument("BTCUSDT.TEST", InstrumentKind::LINEAR_PERPETUAL);
    let least = "50".parse().unwrap();
    let coarse = with_terms(&fine, |terms| {
        (terms.tick_size, terms.lot_size, terms.min_qty) = (5, 10, 100);
        terms.min_notional = tradecore_core::types::Money::from_decimal(least).unwrap();
    });
    let (queue, matching) = (QueueRule::Conservative.into(), Matching::default());
    let market = Market::new(Arc::new(coarse), FillBasis::L2, queue, matching, Random::new(1, 0)).unwrap();
    let mut desk = Desk { market, now: 0 };
    desk.play(|t| {
        t.book(&[(990, 5_000)], &[(1_000, 3_000)]);
    });
    let post_only_ioc =
        OrderRequest { post_only: true, time_in_force: TimeInForce::Ioc, ..limit(Side::Buy, 900, 1_000) };
    let market = OrderRequest { order_type: OrderType::Market, ..limit(Side::Buy, 0, 490) };
    for (request, reason) in [
        (limit(Side::Buy, 903, 1_000), Reason::OffGrid),
        (limit(Side::Buy, 900, 1_001), Reason::OffGrid),
        (limit(Side::Buy, -900, 1_000), Reason::InvalidTerms),
        (limit(Side::Buy, 900, 0), Reason::InvalidTerms),
        (post_only_ioc, Reason::InvalidTerms),
        (limit(Side::Buy, 900, 90), Reason::MinQty),
        (limit(Side::Buy, 900, 550), Reason::MinNotional),
        (market, Reason::MinNotional),
    ] {
        assert_eq!(desk.submit(1, request), [ReportKind::Rejected(reason)]);
    }
    assert_eq!(desk.submit(1, limit(Side::Buy, 900, 560)), [ReportKind::Accepted]);
    for (price, qty, reason) in [
        (901, 560, Reason::OffGrid),
        (900, 561, Reason::OffGrid),
        (900, -10, Reason::InvalidTerms),
        (900, 550, Reason::MinNotional),
    ] {
        let replace = replace(1, price, qty);
        assert_eq!(desk.send(replace), [ReportKind::ReplaceRejected(reason)]);
    }
}

#[test]
fn orders_are_held_against_the_terms_in_force_when_they_arrive() {
    let fine = instrument("BTCUSDT.TEST", InstrumentKind::LINEAR_PERPETUAL);
    let terms = OrderTerms { tick_size: 5, lot_size: 10, ..fine.terms };
    let spec = Instrument { changes: vec![TermsChange { from: 1_000, terms }], ..(*fine).clone() };
    let (queue, matching) = (QueueRule::Conservative.into(), Matching::default());
    let market = Market::new(Arc::new(spec), FillBasis::L2, queue, matching, Random::new(1, 0)).unwrap();
    let mut desk = Desk { market, now: 0 };
    desk.play(|t| {
        t.book(&[(990, 5_000)], &[(1_000, 15)]);
    });
    desk.now = 999;
    assert_eq!(desk.submit(1, limit(Side::Buy, 991, 1_001)), [ReportKind::Accepted]);
    desk.now = 1_000;
    for refused in [limit(Side::Buy, 991, 1_000), limit(Side::Buy, 990, 1_001)] {
        assert_eq!(desk.submit(2, refused), [ReportKind::Rejected(Reason::OffGrid)]);
    }
    // What rests stays; its replacement is an order of today.
    assert_eq!(desk.send(replace(1, 991, 1_010)), [ReportKind::ReplaceRejected(Reason::OffGrid)]);
    assert_eq!(desk.send(replace(1, 985, 1_010)), [replaced(985, 1_010)]);
    // Of 15 that are displayed, whole lots are taken.
    let taken =
        desk.submit(3, OrderRequest { time_in_force: TimeInForce::Ioc, ..limit(Side::Buy, 1_000, 20) });
    let qty = |kind: &ReportKind| matches!(kind, ReportKind::Fill { qty, .. } if *qty == Qty::new(10));
    assert_eq!(taken.iter().filter(|kind| qty(kind)).count(), 1, "{taken:?}");
}

#[test]
fn a_deepest_level_that_goes_is_empty_only_once_something_is_shown_below_it() {
    let mut desk = Desk::new("conservative");
    desk.play(|t| {
        t.book(&[(1_000, 50), (999, 50_000)], &[(1_010, 1)]);
    });
    desk.submit(1, limit(Side::Buy, 999, 1_000));
    desk.play(|t| {
        t.book(&[(999, 0)], &[]);
    });
    assert_eq!(desk.queue_ahead(1), Some(50_000.0));
    desk.play(|t| {
        t.book(&[(997, 5)], &[]);
    });
    assert_eq!(desk.queue_ahead(1), Some(0.0));

    // A quote does it without naming the level.
    let mut desk = Desk::quoted("conservative");
    desk.quote((999, 50_000), (1_010, 1));
    desk.submit(1, limit(Side::Buy, 999, 1_000));
    desk.quote((1_000, 50), (1_010, 1));
    assert_eq!(desk.queue_ahead(1), Some(50_000.0));
    desk.quote((997, 5), (1_010, 1));
    assert_eq!(desk.queue_ahead(1), Some(0.0));
}

/// Both sides, whatever was taken before: all of it is gone, oldest first, and new orders are refused.
#[test]
fn orders_of_a_delisted_instrument_expire_in_order_of_arrival() {
    let mut desk = Desk::matching(Accounts::Shared, SelfTrade::default());
    let orders =
        [(0, 7, Side::Sell, 1_020), (1, 3, Side::Buy, 980), (0, 5, Side::Buy, 980), (0, 9, Side::Buy, 1_000)];
    for (account, order, side, price) in orders {
        desk.send_as(account, Command::Submit { order, request: limit(side, price, 100) });
    }
    let (mut out, now) = (Vec::new(), desk.now + 1);
    desk.market.delist(now, &mut out);
    let ended: Vec<_> = out.iter().map(|(account, update)| (account.index(), update.order)).collect();
    assert_eq!(ended, [(0, 7), (1, 3), (0, 5)]);
    let expired = ReportKind::Expired(Reason::NotListed);
    assert!(out.iter().all(|(_, report)| report.kind == expired && report.ts_event == now));
    assert_eq!(desk.market.resting(), 0);
    let late = limit(Side::Sell, 1_030, 100);
    assert_eq!(desk.submit(11, late), [ReportKind::Rejected(Reason::NotListed)]);
    let replace = replace(3, 970, 100);
    assert_eq!(desk.send_as(1, replace), [(1, 3, ReportKind::ReplaceRejected(Reason::UnknownOrder))]);
    // The data may go on.
    assert_eq!(
        desk.play(|t| {
            t.trade(Side::Sell, 900, 10_000);
        }),
        []
    );
}

/// The data does not say that the level has changed.
#[test]
fn what_was_taken_stays_taken_when_an_instrument_is_listed_again() {
    let mut desk = Desk::matching(Accounts::Shared, SelfTrade::default());
    let buy = |qty| OrderRequest { time_in_force: TimeInForce::Ioc, ..limit(Side::Buy, 1_000, qty) };
    assert_eq!(desk.trade_as(0, 1, buy(2_000)), [(0, 1_000, 2_000, Liquidity::Taker)]);
    desk.market.delist(desk.now, &mut Vec::new());
    desk.market.list();
    assert_eq!(desk.trade_as(0, 2, buy(2_000)), [(0, 1_000, 1_000, Liquidity::Taker)]);
}
