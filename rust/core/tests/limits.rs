//! Limits as bounds say what limits say one by one, of every order.

use crate::common::instrument;
use proptest::prelude::*;
use tradecore_core::book::{BookState, Touch};
use tradecore_core::risk::{
    Amounts, Ask, Check, Engine, Holding, MarginTerms, Measures, NOTIONAL, ONE, QTY, RiskConfig, Standing,
    Units, VALUE, Working,
};
use tradecore_core::types::{AccountId, BySymbol, InstrumentKind, MarketId, Price, Qty, Side, StrategyId};

const MARKETS: usize = 3;
const BEST: [i64; 2] = [990, 1_010];
const TWICE_MID: i64 = 2_000;
const CAPITAL: Units = 40 * ONE;

/// What may be limited here, each as it is written, so that some orders pass it and some do not.
const LIMITS: [(Check, &[&str]); 15] = [
    (Check::MaxOrderQty, &["3", "8"]),
    (Check::MaxOrderNotional, &["30", "80"]),
    (Check::MinOrderNotional, &["5"]),
    (Check::MaxPositionQty, &["4", "12"]),
    (Check::MaxPositionNotional, &["40", "120"]),
    (Check::MaxGrossQty, &["10", "30"]),
    (Check::MaxGross, &["100", "300"]),
    (Check::MaxNetQty, &["6", "15"]),
    (Check::MaxNet, &["60", "150"]),
    (Check::MaxLeverage, &["1", "2.5", "7"]),
    (Check::MaxMarginUse, &["0.4", "1", "2.5"]),
    (Check::MaxOpenOrders, &["2", "5"]),
    (Check::MaxOpenPositions, &["1", "2"]),
    (Check::CollarTouchBps, &["30"]),
    (Check::FatFingerBps, &["30", "500"]),
];

/// How many times its initial margin a position in each market may be worth; in the second one half of what is worth more than
/// 30 stands behind it in any case.
const LEVERAGE: [Units; MARKETS] = [2, 5, 1];
const MARGIN: [&str; 2] = ["A.X: 2; B.X: 5; *: 1", "B.X: 0/0.25 to 30, 0/0.5; *: 0"];

fn initial_margin(market: usize, value: Units) -> Units {
    let rate = match (market, value > 30 * ONE) {
        (1, false) => 25,
        (1, true) => 50,
        _ => 0,
    };
    (value / LEVERAGE[market]).max(value * rate / 100)
}

fn scaled(qty: i64) -> Measures {
    let qty = Units::from(qty) * ONE;
    // An inverse contract has other notionals than values; this one has both, as tables of numbers do.
    [qty, 10 * qty, 7 * qty]
}

fn holding(held: i64, [buys, sells, covers]: [i64; 3]) -> Holding {
    let working = |plain: i64, reducing: i64| Working {
        orders: u32::from(plain > 0) + u32::from(reducing > 0),
        plain: scaled(plain),
        reducing: scaled(reducing),
    };
    let reducing = |side: i64| if held * side < 0 { covers } else { 0 };
    Holding { held: scaled(held), sides: [working(buys, reducing(1)), working(sells, reducing(-1))] }
}

/// What is held once everything on a side has filled, its orders one after the other.
fn filled(holding: &Holding, side: usize, measure: usize, extra: Units, reduces: bool) -> Units {
    let sign = if side == 0 { 1 } else { -1 };
    let (plain, reducing) = (holding.sides[side].plain[measure], holding.sides[side].reducing[measure]);
    let (plain, reducing) = if reduces { (plain, reducing + extra) } else { (plain + extra, reducing) };
    let mut held = holding.held[measure];
    held += sign * reducing.min((-held * sign).max(0));
    held + sign * plain
}

/// Every limit that an order passes, one by one.
fn obvious(limits: &[(Check, Units)], ask: &Ask, amounts: &Amounts, all: &[Holding]) -> Vec<(Check, Units)> {
    let side = usize::from(ask.side == Side::Sell);
    let sign = Units::from(ask.side.sign());
    let here = &all[ask.market.index()];
    let toward = sign * filled(here, side, QTY, amounts.working[QTY], ask.reduce_only);
    let is_against = sign * here.held[QTY] < 0;
    if is_against && toward <= 0 {
        return Vec::new();
    }
    // Of the order, or of what it was before, all but a count.
    let sums = |working: &Measures, measure: usize| {
        let (mut gross, mut net, mut own, mut margin) = (0, 0, 0, 0);
        for (at, holding) in all.iter().enumerate() {
            let extra = if at == ask.market.index() { working[measure] } else { 0 };
            let on_side = filled(holding, side, measure, extra, ask.reduce_only);
            let other = filled(holding, 1 - side, measure, 0, false);
            let worst = holding.held[measure].abs().max(on_side.abs()).max(other.abs());
            gross += worst;
            margin += initial_margin(at, worst);
            net += sign * on_side;
            if at == ask.market.index() {
                own = sign * on_side;
            }
        }
        [own, gross, net, margin]
    };
    let open = |working: &Measures| {
        let is_open = |(at, holding): (usize, &Holding)| {
            let adds = at == ask.market.index() && working[QTY] != 0 && !ask.reduce_only;
            holding.held[QTY] != 0 || holding.sides.iter().any(|side| side.plain[QTY] != 0) || adds
        };
        all.iter().enumerate().filter(|one| is_open(*one)).count() as Units * ONE
    };
    let orders = all.iter().flat_map(|one| one.sides).map(|side| Units::from(side.orders)).sum::<Units>();
    let bps = |twice: i64| {
        amounts
            .price
            .map(|price| (2 * price - twice) * ask.side.sign())
            .map(|by| Units::from(by) * 10_000 * ONE / Units::from(twice))
    };
    let mut failed = Vec::new();
    for &(check, limit) in limits {
        let raised = |which: usize, measure: usize| {
            let (before, after) = (sums(&ask.before, measure)[which], sums(&amounts.working, measure)[which]);
            (after, after > limit && after > before)
        };
        let (value, fails) = match check {
            Check::MaxOrderQty => (amounts.total[QTY], amounts.total[QTY] > limit),
            Check::MaxOrderNotional => (amounts.total[NOTIONAL], amounts.total[NOTIONAL] > limit),
            Check::MinOrderNotional => (amounts.total[NOTIONAL], amounts.total[NOTIONAL] < limit),
            Check::MaxPositionQty => raised(0, QTY),
            Check::MaxPositionNotional => raised(0, NOTIONAL),
            Check::MaxGrossQty => raised(1, QTY),
            Check::MaxGross => raised(1, NOTIONAL),
            Check::MaxNetQty => raised(2, QTY),
            Check::MaxNet => raised(2, NOTIONAL),
            Check::MaxLeverage => {
                let [before, after] = [&ask.before, &amounts.working].map(|working| sums(working, VALUE)[1]);
                (after * ONE / CAPITAL, after * ONE / CAPITAL > limit && after > before)
            }
            Check::MaxMarginUse => {
                let [before, after] = [&ask.before, &amounts.working].map(|working| sums(working, VALUE));
                (after[3] * ONE / CAPITAL, after[3] * ONE / CAPITAL > limit && after[1] > before[1])
            }
            Check::MaxOpenOrders => ((orders + 1) * ONE, ask.is_new && (orders + 1) * ONE > limit),
            Check::MaxOpenPositions => {
                let [before, after] = [&ask.before, &amounts.working].map(&open);
                (after, after > limit && after > before)
            }
            Check::CollarTouchBps => {
                bps(2 * BEST[1 - side]).map_or((0, false), |value| (value, value > limit))
            }
            Check::FatFingerBps => bps(TWICE_MID)
                .filter(|_| ask.is_limit)
                .map_or((0, false), |value| (value.abs(), value.abs() > limit)),
            other => unreachable!("{other:?}"),
        };
        let is_exposure = check >= Check::MaxPositionQty && check <= Check::MaxMarginUse
            || check == Check::MaxOpenPositions;
        if fails && (is_exposure || !(is_against && ask.reduce_only)) {
            failed.push((check, value));
        }
    }
    failed.sort_unstable();
    failed
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn bounds_say_what_limits_say_one_by_one(
        chosen in proptest::array::uniform15(0usize..4),
        held in proptest::array::uniform3((-12i64..13, proptest::array::uniform3(prop_oneof![2 => Just(0), 1 => 0i64..8]))),
        buys in any::<bool>(),
        (is_new, is_limit, reduce_only) in any::<(bool, bool, bool)>(),
        (before, more, price) in (0i64..6, 0i64..12, proptest::option::of(940i64..1_060)),
    ) {
        let margin = MarginTerms {
            leverage: BySymbol::parse(MARGIN[0], |text| Ok(text.parse().unwrap())).unwrap(),
            brackets: Some(BySymbol::parse(MARGIN[1], |text| Ok(text.parse().unwrap())).unwrap()),
        };
        let mut config =
            RiskConfig { capital: Some(CAPITAL), margin: Some(margin), ..RiskConfig::default() };
        for ((check, texts), chosen) in LIMITS.iter().zip(chosen) {
            if let Some(text) = texts.get(chosen) {
                config.account.parse(*check, text).unwrap();
            }
        }
        let limits: Vec<_> = config.account.iter().map(|(check, limit)| (check, limit.value)).collect();
        let instruments = ["A.X", "B.X", "C.X"].map(|id| instrument(id, InstrumentKind::LINEAR_PERPETUAL));
        let who = StrategyId::new(0);
        let seats = [("s".to_owned(), AccountId::new(0))];
        let engine = Engine::new(config, instruments.iter().map(AsRef::as_ref), &seats).unwrap();
        let all = held.map(|(held, working)| holding(held, working));
        let mut standing = Standing::default();
        for market in (0..MARKETS).map(MarketId::new) {
            *standing.of_mut(market, who) = all[market.index()];
        }
        let mut touch = Touch { state: BookState::Synced, ..Touch::default() };
        touch.set(Side::Buy as i8, BEST[0], 1);
        touch.set(Side::Sell as i8, BEST[1], 1);
        let ask = Ask {
            strategy: who,
            market: MarketId::new(1),
            side: if buys { Side::Buy } else { Side::Sell },
            now: 1,
            before: if is_new { [0; 3] } else { scaled(before) },
            is_new,
            is_limit,
            reduce_only,
            earlier: (0, 0),
            touch,
            twice_mid: Some(TWICE_MID),
            has_book: true,
        };
        // New terms of an order leave at least what it has working.
        let working = if is_new { 1 + more } else { before + more };
        let amounts = Amounts { total: scaled(working.max(1)), working: scaled(working), price };
        let breaches = engine.review(&ask, &amounts, &standing);
        let mut told: Vec<_> = breaches.iter().map(|breach| (breach.check, breach.value)).collect();
        told.sort_unstable();
        prop_assert_eq!(told, obvious(&limits, &ask, &amounts, &all));
        // A thousand steps of price and one contract are worth 10.
        let steps = ONE / engine.to_units(ask.market, 1);
        let value = ONE / 100 / steps;
        let stand = engine.stand(ask, &standing, Some(value));
        prop_assert_eq!(stand.passes(&amounts), breaches.is_empty());
        if let Some(price) = price {
            let qty = working.max(1) * steps as i64;
            let worth = Units::from(price * qty) * value;
            let measures = [engine.to_units(ask.market, qty), worth, worth];
            let plain = Amounts { total: measures, working: measures, price: Some(price) };
            if stand.is_safe(Price::new(price), Qty::new(qty)) {
                prop_assert_eq!(engine.review(&ask, &plain, &standing), vec![]);
            }
        }
    }
}

#[test]
fn orders_up_to_their_limits_are_told_in_steps() {
    let mut config = RiskConfig::default();
    for (check, text) in [
        (Check::MaxOrderQty, "5"),
        (Check::MaxOrderNotional, "60"),
        (Check::MinOrderNotional, "15"),
        (Check::FatFingerBps, "500"),
    ] {
        config.account.parse(check, text).unwrap();
    }
    let spec = instrument("A.X", InstrumentKind::LINEAR_PERPETUAL);
    let (who, market) = (StrategyId::new(0), MarketId::new(0));
    let seats = [("s".to_owned(), AccountId::new(0))];
    let engine = Engine::new(config, std::iter::once(spec.as_ref()), &seats).unwrap();
    let steps = ONE / engine.to_units(market, 1);
    let standing = Standing::default();
    for side in [Side::Buy, Side::Sell] {
        let ask = Ask {
            strategy: who,
            market,
            side,
            now: 1,
            before: Measures::default(),
            is_new: true,
            is_limit: true,
            reduce_only: false,
            earlier: (0, 0),
            touch: Touch::default(),
            twice_mid: Some(TWICE_MID),
            has_book: true,
        };
        let stand = engine.stand(ask, &standing, Some(ONE / 100 / steps));
        let is_safe = |price, qty: i64| stand.is_safe(Price::new(price), Qty::new(qty * steps as i64));
        let told =
            [(1_000, 5), (1_000, 6), (1_050, 2), (1_051, 2), (951, 2), (949, 2), (1_000, 1), (1_000, 0)];
        let safe = told.map(|(price, qty)| is_safe(price, qty));
        assert_eq!(safe, [true, false, true, false, true, false, false, false], "{side:?}");
        assert!(!is_safe(1_000, -2) && !is_safe(-1_000, -2));
        let nothing_known = engine.stand(ask, &standing, None);
        assert!(!nothing_known.is_safe(Price::new(1_000), Qty::new(5 * steps as i64)));
    }
}
