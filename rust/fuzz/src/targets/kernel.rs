//! Inputs of every kind in any order, reports about orders that were sent and others: no panic, and the same inputs are
//! the same session however it is carried on.

use tradecore_core::book::BookState;
use tradecore_core::event::{Event, EventColumns, EventKind, TIME_LIMIT};
use tradecore_core::kernel::{Control, FeedUpdate, Listing, OwnedInput};
use tradecore_core::ledger::{Payment, PaymentKind};
use tradecore_core::orders::{NewTerms, OrderKey, OrderRequest, OrderType, TimeInForce, VenueKey};
use tradecore_core::risk::Hold;
use tradecore_core::types::{AccountId, CurrencyId, MarketId, Money, Price, Qty, Side, StrategyId};

use super::order::{report, trigger};
use super::{Target, noise, session};
use crate::common::MS;
use crate::dice::Dice;

pub(super) const TARGET: Target =
    Target { name: "kernel", run, seeds: noise, tokens: &[], iterations: 1_500 };

fn rows(dice: &mut Dice<'_>, now: i64) -> EventColumns {
    let mut columns = EventColumns::default();
    for _ in 0..dice.below(6) {
        let kind = dice.pick(&[EventKind::BookSet, EventKind::BookSet, EventKind::Trade]);
        let kind = if dice.chance(40) {
            EventKind::from_column(dice.below(u64::from(EventKind::COUNT)) as u8)
        } else {
            Some(kind)
        };
        let side = if dice.chance(128) { Side::Buy } else { Side::Sell };
        let odd = dice.chance(6);
        columns.push(Event {
            ts_event: now,
            ts_recv: now,
            kind: kind.unwrap_or(EventKind::Trade),
            side: side as i8,
            flags: dice.below(4) as u8,
            price: if odd { dice.steps().max(0) } else { 101 - side.sign() * dice.within(0, 6) },
            qty: if odd { dice.steps().max(0) } else { dice.within(0, 90) },
            id: dice.byte().into(),
        });
    }
    columns.end_message();
    columns
}

fn request(dice: &mut Dice<'_>) -> OrderRequest {
    let price = Price::new(if dice.chance(16) { dice.steps().max(0) } else { dice.within(95, 107) });
    OrderRequest {
        time_in_force: match dice.pick(&TimeInForce::ALL) {
            TimeInForce::Gtd { .. } => TimeInForce::Gtd { expires_at: dice.number() },
            other => other,
        },
        post_only: dice.chance(40),
        slides: dice.chance(20),
        reduce_only: dice.chance(40),
        trigger: dice.maybe(trigger),
        display_qty: dice.maybe(|dice| Qty::new(dice.within(0, 40))),
        client_id: dice.maybe(|dice| dice.pick(&["a", "b"]).into()),
        ..OrderRequest::new(
            MarketId::new(dice.below(3) as usize),
            if dice.chance(128) { Side::Buy } else { Side::Sell },
            if dice.chance(60) { OrderType::Market } else { OrderType::Limit { price } },
            Qty::new(if dice.chance(16) { dice.steps().max(0) } else { dice.within(0, 40) }),
        )
    }
}

fn input(dice: &mut Dice<'_>, now: i64) -> OwnedInput {
    let market = MarketId::new(usize::from(dice.chance(100)) + usize::from(dice.chance(3)));
    match dice.below(17) {
        0..5 => OwnedInput::Message(market, rows(dice, now)),
        5..7 => OwnedInput::Known(market, rows(dice, now)),
        7..11 => {
            let mut report = report(dice, dice.clone().below(24), now);
            match dice.below(12) {
                0 => report.order = OrderKey::Client(dice.pick(&["test-0-1", "test-1-2", "x"]).into()),
                1 => report.order = OrderKey::Venue(VenueKey::Number(dice.below(6))),
                _ => {}
            }
            OwnedInput::Report(report)
        }
        11 => {
            let (account, currency) = (dice.below(3) as usize, dice.below(3) as usize);
            let total = Money::from_units(i128::from(dice.number()) << dice.below(60));
            OwnedInput::Balance(AccountId::new(account), CurrencyId::new(currency), total)
        }
        12 => {
            let states =
                [BookState::Empty, BookState::Buffering, BookState::Synced, BookState::Gap, BookState::Stale];
            let update = FeedUpdate { state: dice.pick(&states), reason: dice.pick(&["", "lost"]).into() };
            OwnedInput::Feed(market, update)
        }
        13 => OwnedInput::Listing(Listing { market, is_listed: dice.chance(170) }),
        14 => OwnedInput::Due,
        15 => OwnedInput::Payment(Payment {
            account: AccountId::new(dice.below(3) as usize),
            market,
            ts_event: now,
            kind: PaymentKind::Funding,
            qty: dice.steps() | 1,
            price: dice.steps(),
            rate: dice.number(),
            paid: Money::from_units(i128::from(dice.number()) << dice.below(60)),
        }),
        _ => OwnedInput::Control(control(dice)),
    }
}

fn control(dice: &mut Dice<'_>) -> Control {
    let strategy = StrategyId::new(dice.below(3) as usize);
    match dice.below(24) {
        0 => Control::Stop,
        1 => Control::Pause,
        2..4 => Control::Resume,
        4 => Control::Kill,
        5 => Control::Start,
        6..8 => Control::Cancel { strategy, order: dice.below(24) },
        8 => {
            Control::CancelAll { strategy, market: dice.maybe(|dice| MarketId::new(dice.below(3) as usize)) }
        }
        9..12 => Control::Replace { strategy, order: dice.below(24), terms: new_terms(dice) },
        12..14 => {
            Control::Hold { strategy, hold: dice.pick(&[None, Some(Hold::Paused), Some(Hold::Stopped)]) }
        }
        14 => Control::Parameters { strategy, values: dice.pick(&["{}", "qty=2"]).into() },
        15 => Control::Fail { strategy, problem: "it cannot be counted".into() },
        16 => Control::Rearm { strategy },
        _ => Control::Order { strategy, request: request(dice) },
    }
}

fn new_terms(dice: &mut Dice<'_>) -> NewTerms {
    let price =
        |dice: &mut Dice<'_>| Price::new(if dice.chance(16) { dice.steps() } else { dice.within(95, 107) });
    NewTerms { price: price(dice), qty: Qty::new(dice.within(0, 40)), trigger: dice.maybe(price) }
}

fn run(bytes: &[u8]) {
    let mut dice = Dice::new(bytes);
    let mut now = 1_700_000_000_000_000_000;
    let mut inputs = vec![(now, OwnedInput::Control(Control::Start))];
    while !dice.is_done() && inputs.len() < 300 {
        now = if dice.chance(2) { dice.number() } else { now + i64::from(dice.byte()) * MS / 8 };
        now = now.clamp(-TIME_LIMIT, TIME_LIMIT);
        inputs.push((now, input(&mut dice, now)));
    }
    session::check(&inputs);
}
