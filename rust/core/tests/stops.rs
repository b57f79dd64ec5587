//! Stops of one position against the plainest statement of their rules, over random prices and additions.

use std::sync::Arc;

use crate::common::instrument;
use proptest::prelude::*;
use tradecore_core::book::MarkPrice;
use tradecore_core::orders::TriggerBy;
use tradecore_core::risk::{
    Distance, FinePrice, Fired, ONE, PositionStops, Rung, StopKind, StopTerms, fine_of, fine_to_f64,
};
use tradecore_core::types::{Instrument, InstrumentKind};

const ENTRY: i64 = 1_000;

fn linear() -> Arc<Instrument> {
    instrument("A.X", InstrumentKind::LINEAR_PERPETUAL)
}

fn percent(hundredths: i64) -> Distance {
    Distance::Percent(i128::from(hundredths) * ONE / 100)
}

fn open(qty: i64, terms: &StopTerms) -> PositionStops {
    let set = std::iter::once((Some(0), Arc::new(terms.clone())));
    PositionStops::open(&linear(), 0, qty, ENTRY as f64, set)
}

fn fine(price: i64) -> FinePrice {
    fine_of(MarkPrice::Twice(2 * price), linear().price_increment)
}

/// Everything that fires at a price, in price increments.
fn look(stops: &mut PositionStops, price: i64) -> Vec<Fired> {
    std::iter::from_fn(|| stops.look(TriggerBy::Mid, fine(price), || None)).collect()
}

fn kinds(fired: &[Fired]) -> Vec<(StopKind, i64)> {
    fired.iter().map(|stop| (stop.kind, stop.qty)).collect()
}

#[derive(Debug, Clone)]
enum Step {
    Price(i64),
    /// Adds so much at a price.
    Add(i64, i64),
}

fn tapes() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (900i64..1_100).prop_map(Step::Price),
        1 => ((1i64..50), (900i64..1_100)).prop_map(|(qty, price)| Step::Add(qty, price)),
    ];
    proptest::collection::vec(step, 1..60)
}

prop_compose! {
    fn distances()(loss in 1i64..1_500, trailing in 1i64..1_500, from in proptest::option::of(1i64..800),
                   even in proptest::option::of(1i64..800)) -> StopTerms {
        StopTerms {
            stop_loss: Some(percent(loss)),
            trailing: Some(percent(trailing)),
            trailing_from: from.map(percent),
            break_even: even.map(percent),
            ..StopTerms::default()
        }
    }
}

/// The plainest statement: levels in millionths of an increment, worked out from all prices there have been.
struct Plain {
    sign: i128,
    entry: i128,
    best: Option<i128>,
    is_even: bool,
}

impl Plain {
    fn part(of: i128, distance: Option<Distance>) -> Option<i128> {
        match distance? {
            Distance::Percent(percent) => Some(of.abs() * percent / (100 * ONE)),
            _ => None,
        }
    }

    fn level(&mut self, terms: &StopTerms, price: Option<i128>) -> i128 {
        if let Some(price) = price.map(|price| price * self.sign) {
            let from = Self::part(self.entry, terms.trailing_from).unwrap_or(i128::MIN / 4);
            if price >= self.entry + from || self.best.is_some() {
                self.best = Some(self.best.unwrap_or(price).max(price));
            }
            self.is_even |=
                Self::part(self.entry, terms.break_even).is_some_and(|by| price >= self.entry + by);
        }
        let fixed = self.entry - Self::part(self.entry, terms.stop_loss).unwrap();
        let trailing = self.best.map(|best| best - Self::part(best, terms.trailing).unwrap());
        [Some(fixed), trailing, self.is_even.then_some(self.entry)].into_iter().flatten().max().unwrap()
    }
}

proptest! {
    #[test]
    fn a_stop_fires_where_its_level_is_reached_and_nowhere_else(
        tape in tapes(), terms in distances(), is_long in any::<bool>()
    ) {
        let sign = if is_long { 1 } else { -1 };
        let (mut qty, mut cost) = (100i64, 100 * ENTRY);
        let mut stops = open(sign * qty, &terms);
        let entry = i128::from(sign) * fine(ENTRY);
        let best = terms.trailing_from.is_none().then_some(entry);
        let mut plain = Plain { sign: i128::from(sign), entry, best, is_even: false };
        let mut trailed: Option<i128> = None;
        for step in &tape {
            match step {
                Step::Add(more, price) => {
                    (qty, cost) = (qty + more, cost + more * price);
                    let average = cost as f64 / qty as f64;
                    stops.follow(0, sign * qty, average);
                    plain.entry = i128::from(sign) * (average * 1e6).round() as i128;
                }
                Step::Price(price) => {
                    let fine = fine(*price);
                    let level = plain.level(&terms, Some(fine));
                    let reached = fine * i128::from(sign) <= level;
                    let fired = look(&mut stops, *price);
                    prop_assert_eq!(!fired.is_empty(), reached, "{:?} at {}", fired, level);
                    if let Some(stop) = fired.first() {
                        prop_assert_eq!((stop.qty, stop.closes_all, fired.len()), (qty, true, 1));
                        prop_assert_eq!(stop.level, Some(level * i128::from(sign)));
                        prop_assert!(look(&mut stops, 1).is_empty() && look(&mut stops, 9_999).is_empty());
                        return Ok(());
                    }
                }
            }
            // What trails only comes closer, whatever is added.
            if let Some((level, StopKind::Trailing)) = stops.levels().next().unwrap().stop {
                let level = level * i128::from(sign);
                prop_assert!(trailed.is_none_or(|before| level >= before));
                trailed = Some(level);
            }
        }
    }

    #[test]
    fn a_ladder_closes_its_shares_in_whole_and_no_more(
        prices in proptest::collection::vec(990i64..1_120, 1..40), lots in 1i64..400,
        shares in proptest::collection::vec(1i128..40, 1..6), is_long in any::<bool>(),
    ) {
        let sum: i128 = shares.iter().sum();
        let rung = |(at, share): (usize, &i128)| Rung {
            at: percent(100 * (at as i64 + 1)),
            share: share * ONE / sum,
        };
        let mut take_profit: Vec<Rung> = shares.iter().enumerate().map(rung).collect();
        let short = ONE - take_profit.iter().map(|rung| rung.share).sum::<i128>();
        take_profit.last_mut().unwrap().share += short;
        let sign = if is_long { 1 } else { -1 };
        let mut stops = open(sign * lots, &StopTerms { take_profit, ..StopTerms::default() });
        let (mut held, mut best) = (lots, ENTRY);
        for price in prices {
            let price = if is_long { price } else { 2 * ENTRY - price };
            best = if is_long { best.max(price) } else { best.min(price) };
            for stop in look(&mut stops, price) {
                prop_assert_eq!(stop.kind, StopKind::TakeProfit);
                prop_assert!(stop.qty >= 1 && stop.qty <= held);
                held -= stop.qty;
            }
            let behind = shares.len().min(usize::try_from((best - ENTRY).abs() / 10).unwrap());
            let share: i128 = shares[..behind].iter().sum();
            let meant = lots - i64::try_from(i128::from(lots) * share / sum).unwrap();
            // A share is cut to 10^-12: next to a whole lot it may be the lot below.
            prop_assert!(held == meant || (behind < shares.len() && held == meant + 1), "{} of {}", held, meant);
        }
    }

    #[test]
    fn own_stops_never_widen(prices in proptest::collection::vec(980i64..1_050, 1..20),
                             sets in proptest::collection::vec(distances(), 1..20)) {
        let mut stops = PositionStops::open(&linear(), 0, 100, ENTRY as f64, std::iter::empty());
        let mut level: Option<i128> = None;
        for (price, terms) in prices.iter().zip(sets) {
            if !look(&mut stops, *price).is_empty() {
                return Ok(());
            }
            let seen = |stops: &PositionStops| stops.levels().next().and_then(|of| of.stop).map(|(level, _)| level);
            let before = seen(&stops);
            let taken = stops.protect(Some(&Arc::new(terms)), Some(fine(*price)));
            let after = seen(&stops);
            prop_assert!(after >= before && after >= level, "{:?}: {:?} after {:?}", taken, after, before);
            prop_assert!(taken.is_ok() || after == before);
            prop_assert!(stops.protect(None, None).is_err());
            level = after;
        }
    }
}

#[test]
fn a_gap_reaches_several_rungs_and_less_than_a_lot_goes_to_the_next() {
    let rung = |hundredths, share| Rung { at: percent(hundredths), share };
    let third = ONE / 3;
    let ladder =
        vec![rung(100, third), rung(200, third), rung(300, third), rung(400, ONE - 3 * third), rung(500, 0)];
    let terms = StopTerms { take_profit: ladder[..4].to_vec(), ..StopTerms::default() };
    let mut stops = open(2, &terms);
    assert_eq!(kinds(&look(&mut stops, 1_011)), [], "a third of two is no lot");
    assert_eq!(kinds(&look(&mut stops, 1_025)), [(StopKind::TakeProfit, 1)]);
    assert_eq!(stops.wanted(), 1);
    stops.closed(1);
    stops.follow(0, 1, ENTRY as f64);
    assert_eq!(kinds(&look(&mut stops, 1_100)), [(StopKind::TakeProfit, 1)]);
    assert!(stops.is_closing() && look(&mut stops, 1).is_empty());
    let refused = StopTerms { take_profit: ladder, ..StopTerms::default() }.check().unwrap_err();
    assert_eq!(refused.field, "take_profit");
}

#[test]
fn what_cuts_a_loss_comes_before_what_takes_a_gain_and_time_before_neither() {
    let at = |price: &str| Distance::Price(price.parse().unwrap());
    let terms = StopTerms { stop_loss: Some(at("99")), time: Some(50), ..StopTerms::default() };
    let mut stops = open(10, &terms);
    assert_eq!((stops.due(), stops.elapse(49)), (Some(50), None));
    assert_eq!(kinds(&look(&mut stops, 990)), [(StopKind::StopLoss, 10)]);
    assert_eq!((stops.due(), stops.elapse(50)), (None, None), "once");
    let mut stops = open(10, &terms);
    assert_eq!(
        stops.elapse(50).map(|stop| (stop.kind, stop.qty, stop.level)),
        Some((StopKind::Time, 10, None))
    );
    // A price below a short's entry is not where its loss is cut.
    assert_eq!(kinds(&look(&mut open(-10, &terms), 1_500)), []);
}

#[test]
fn a_loss_in_money_is_that_of_what_is_open() {
    let terms = StopTerms { max_loss: Some(5 * ONE), trigger: TriggerBy::Last, ..StopTerms::default() };
    let mut stops = open(10, &terms);
    let price = fine(900);
    assert_eq!(stops.look(TriggerBy::Mid, price, || Some(9 * ONE)), None, "it looks at trades");
    assert_eq!(stops.look(TriggerBy::Last, price, || Some(5 * ONE - 1)), None);
    assert_eq!(stops.look(TriggerBy::Last, price, || None), None);
    let fired = stops.look(TriggerBy::Last, price, || Some(5 * ONE)).unwrap();
    assert_eq!((fired.kind, fired.level, fired.price), (StopKind::MaxLoss, None, Some(price)));
}

#[test]
fn what_could_not_be_closed_is_watched_anew_when_something_is_added() {
    let terms = StopTerms { stop_loss: Some(percent(200)), ..StopTerms::default() };
    let mut stops = open(10, &terms);
    assert_eq!(look(&mut stops, 980).len(), 1);
    stops.follow(0, 3, ENTRY as f64);
    stops.give_up();
    assert!(look(&mut stops, 970).is_empty());
    stops.follow(7, 5, 990.0);
    assert_eq!(kinds(&look(&mut stops, 970)), [(StopKind::StopLoss, 5)]);
}

#[test]
fn own_prices_that_the_market_is_at_are_refused() {
    let at = |price: &str| Some(Distance::Price(price.parse().unwrap()));
    let own = |terms: StopTerms, market: i64| {
        let mut stops = PositionStops::open(&linear(), 0, 10, ENTRY as f64, std::iter::empty());
        stops.protect(Some(&Arc::new(terms)), Some(fine(market))).map_err(|error| error.field)
    };
    let loss = StopTerms { stop_loss: at("105"), ..StopTerms::default() };
    assert_eq!(own(loss.clone(), 1_050), Err("stop_loss".to_owned()));
    assert_eq!(own(loss, 1_051), Ok(()), "above the entry it keeps a gain");
    let rung = Rung { at: at("110").unwrap(), share: ONE };
    let gain = StopTerms { take_profit: vec![rung], ..StopTerms::default() };
    assert_eq!(own(gain.clone(), 1_100), Err("take_profit".to_owned()));
    assert_eq!(own(gain, 1_099), Ok(()));
}

#[test]
fn stops_that_do_not_go_together_name_their_field() {
    let none = StopTerms::default;
    let price = Some(Distance::Price("99".parse().unwrap()));
    for (terms, field) in [
        (none(), "stop_loss"),
        (StopTerms { stop_loss: Some(percent(10_001)), ..none() }, "stop_loss"),
        (StopTerms { trailing: price, ..none() }, "trailing"),
        (StopTerms { trailing_from: Some(percent(1)), time: Some(1), ..none() }, "trailing"),
        (StopTerms { break_even: price, ..none() }, "break_even"),
        (
            StopTerms {
                take_profit: vec![
                    Rung { at: percent(200), share: ONE / 2 },
                    Rung { at: percent(200), share: 1 },
                ],
                ..none()
            },
            "take_profit",
        ),
    ] {
        assert_eq!(terms.check().unwrap_err().field, field);
    }
    for text in ["", "2", "0%", "-1%", "x%", "0 ticks", "1.5 ticks", "0", "-5", "1e99%"] {
        let read = Distance::parse("stop_loss", text);
        assert_eq!(read.is_ok(), text == "2", "{text}: {read:?}");
    }
    assert_eq!(Distance::parse("x", " 25 ticks "), Ok(Distance::Ticks(25)));
    assert_eq!(Distance::parse("x", "1.5 %"), Ok(percent(150)));
    let off_grid = StopTerms { stop_loss: Some(Distance::Price("99.05".parse().unwrap())), ..none() };
    assert_eq!(off_grid.check_on(&linear()).unwrap_err().field, "stop_loss");
}

#[test]
fn prices_are_told_as_they_were() {
    let step = linear().price_increment;
    assert!((fine_to_f64(fine(61_737), step) - 6_173.7).abs() < f64::EPSILON);
    assert_eq!(fine_of(MarkPrice::Fine(6_173_750_000_000), step), fine_of(MarkPrice::Twice(123_475), step));
}
