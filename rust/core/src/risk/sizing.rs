//! How much to trade: what may be lost at a stop, a volatility to reach, Kelly's fraction; the tightest wins.
//!
//! Quantities are rounded down to whole lots, and no further than limits allow, so that what is sized here is never what
//! they refuse. Profiles are sets of limits in percent of a capital; their risk at the stop and their caps go together
//! because the smallest of all is taken.

use super::amount::BadLimit;
use super::check::{Check, ONE, Units, to_decimal};
use super::limits::{Limit, Limits, RiskConfig};
use super::margin::MarketMargin;
use crate::ledger::ContractMath;
use crate::orders::{Reason, refusal};
use crate::types::{Instrument, MONEY_SCALE, Money, Price, Qty, STEPS_LIMIT};

/// What a size is made of. Amounts are in units of the settlement currency, fractions in units.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SizeTerms {
    /// What there is to lose.
    pub capital: Units,
    /// The price it is opened at, in price increments.
    pub entry: i64,
    /// The price it is given up at, likewise.
    pub stop: Option<i64>,
    /// The fraction of the capital that may be lost at the stop.
    pub risk: Option<f64>,
    /// The volatility of the price, and the one that the capital shall have, both as fractions of one period.
    pub volatility: Option<(f64, f64)>,
    /// The chance to win, what is won for one that is lost, and the most of Kelly's fraction that is taken.
    pub kelly: Option<(f64, f64, f64)>,
    /// The initial margin of the instrument, where a limit counts it.
    pub margin: Option<MarketMargin>,
}

/// How much to trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sized {
    /// The quantity, whole lots; 0 where what is allowed is less than the venue takes.
    pub qty: Qty,
    /// What it is bound by.
    pub by: &'static str,
}

/// How much to trade at a time, ns, of an instrument by terms and limits.
///
/// # Errors
/// [`BadLimit`] naming a term that is missing or out of range.
pub fn size(
    instrument: &Instrument,
    math: &ContractMath,
    now: i64,
    terms: &SizeTerms,
    limits: &Limits,
) -> Result<Sized, BadLimit> {
    let bad = |field: &str, problem: &str| Err(BadLimit::new(field, problem));
    let lot = instrument.terms_at(now).lot_size;
    let capital = to_decimal(terms.capital).to_f64();
    // The most lots whose amount, as counted exactly, is not beyond an amount.
    let most = |amount: f64, of: &dyn Fn(i64) -> Option<i128>| -> i64 {
        let budget = amount * ONE as f64;
        let fits = |lots: i64| of(lots * lot).is_some_and(|units| units as f64 <= budget);
        let (mut low, mut high) = (0, STEPS_LIMIT / lot);
        while low < high {
            let middle = low + (high - low + 1) / 2;
            if fits(middle) { low = middle } else { high = middle - 1 }
        }
        low
    };
    let value_at = |price: i64, qty: i64| math.value(Price::new(price), Qty::new(qty)).ok();
    let value = |qty: i64| value_at(terms.entry, qty).map(Money::units);
    let notional = |qty: i64| {
        let value = value_at(terms.entry, qty)?;
        math.notional(instrument, value, Qty::new(qty)).ok().map(Money::units)
    };
    let lost = |qty: i64| {
        let (entry, stop) = (value_at(terms.entry, qty)?, value_at(terms.stop?, qty)?);
        Some((entry.units() - stop.units()).abs())
    };
    let mut sized: Option<(i64, &'static str)> = None;
    let mut bound = |lots: i64, by: &'static str| {
        if sized.is_none_or(|(least, _)| lots < least) {
            sized = Some((lots, by));
        }
    };
    let is_stopped = terms.stop.is_some_and(|stop| stop != terms.entry);
    if let Some(risk) = terms.risk {
        if !is_stopped {
            return bad("stop", "missing, or the entry itself: what is at risk is lost there");
        }
        bound(most(capital * risk, &lost), "risk");
    }
    if let Some((chance, odds, cap)) = terms.kelly {
        let fraction = (chance - (1.0 - chance) / odds).clamp(0.0, cap);
        let lots =
            if is_stopped { most(capital * fraction, &lost) } else { most(capital * fraction, &value) };
        bound(lots, "kelly");
    }
    if let Some((volatility, target)) = terms.volatility {
        bound(most(capital * target / volatility, &value), "volatility");
    }
    for check in [Check::MaxOrderNotional, Check::MaxPositionNotional, Check::MaxGross, Check::MaxNet] {
        if let Some(limit) = limits.get(check) {
            bound(most(to_decimal(limit.value).to_f64(), &notional), check.as_str());
        }
    }
    for check in [Check::MaxOrderQty, Check::MaxPositionQty, Check::MaxGrossQty, Check::MaxNetQty] {
        if let Some(limit) = limits.get(check) {
            let unit = instrument.qty_increment.value().at_scale(MONEY_SCALE).unwrap_or(1).max(1);
            let steps = i64::try_from(limit.value / unit).unwrap_or(STEPS_LIMIT).min(STEPS_LIMIT);
            bound(steps / lot, check.as_str());
        }
    }
    if let Some(limit) = limits.get(Check::MaxLeverage) {
        bound(most(capital * to_decimal(limit.value).to_f64(), &value), Check::MaxLeverage.as_str());
    }
    if let (Some(limit), Some(margin)) = (limits.get(Check::MaxMarginUse), &terms.margin) {
        let initial = |qty: i64| value(qty).map(|value| margin.initial(value));
        bound(most(capital * to_decimal(limit.value).to_f64(), &initial), Check::MaxMarginUse.as_str());
    }
    let Some((lots, by)) = sized else {
        return bad("risk", "nothing says how much: give a risk, a volatility, Kelly's terms or limits");
    };
    let qty = Qty::new(lots * lot);
    let refusal = refusal(instrument, math, now, Some(Price::new(terms.entry)), qty);
    let is_too_small = matches!(refusal, Ok(Some(Reason::MinQty | Reason::MinNotional)));
    Ok(Sized { qty: if is_too_small { Qty::ZERO } else { qty }, by })
}

/// Sets of limits in percent of a capital.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// 1 % at a stop, 5 % a day, 10 % in all.
    Conservative,
    /// 2 % at a stop, 10 % a day, 20 % in all.
    Balanced,
    /// 3 % at a stop, 15 % a day, 30 % in all.
    Aggressive,
}

impl Profile {
    /// All of them, the most careful first.
    pub const ALL: [Self; 3] = [Self::Conservative, Self::Balanced, Self::Aggressive];

    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Conservative => "conservative",
            Self::Balanced => "balanced",
            Self::Aggressive => "aggressive",
        }
    }

    /// Percent of the capital that may be lost at the stop of one trade.
    pub fn risk_pct(self) -> u32 {
        match self {
            Self::Conservative => 1,
            Self::Balanced => 2,
            Self::Aggressive => 3,
        }
    }

    /// The limits for a capital.
    pub fn limits(self, capital: Units) -> RiskConfig {
        let percent = |percent: i128| Limit {
            value: capital / 100 * percent + capital % 100 * percent / 100,
            window: 0,
        };
        let (daily, drawdown, position, open, leverage) = match self {
            Self::Conservative => (5, 10, 1, 3, ONE),
            Self::Balanced => (10, 20, 2, 5, ONE * 3 / 2),
            Self::Aggressive => (15, 30, 5, 10, 2 * ONE),
        };
        let mut limits = Limits::default();
        for (check, limit) in [
            (Check::MaxDailyLoss, percent(daily)),
            (Check::MaxDrawdown, percent(drawdown)),
            (Check::MaxPositionNotional, percent(position)),
            (Check::MaxOpenPositions, Limit { value: open * ONE, window: 0 }),
            (Check::MaxLeverage, Limit { value: leverage, window: 0 }),
        ] {
            limits.set(check, limit);
        }
        RiskConfig { account: limits, capital: Some(capital), ..RiskConfig::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::instrument::tests::linear;

    /// Prices in tenths, quantities in thousandths.
    fn sized(terms: &SizeTerms, limits: &Limits) -> (i64, &'static str) {
        let instrument = linear();
        let math = ContractMath::new(&instrument).unwrap();
        let sized = size(&instrument, &math, 0, terms, limits).unwrap();
        (sized.qty.steps(), sized.by)
    }

    fn terms(risk: Option<f64>) -> SizeTerms {
        let capital = 10_000 * ONE;
        // 2 % below 100.
        SizeTerms { capital, entry: 1_000, stop: Some(980), risk, ..SizeTerms::default() }
    }

    #[test]
    fn fixed_risk_loses_its_part_of_the_capital_at_the_stop() {
        // 200 at 2 a unit are 100 units.
        assert_eq!(sized(&terms(Some(0.02)), &Limits::default()), (100_000, "risk"));
        let thirds = SizeTerms { stop: Some(970), ..terms(Some(0.01)) };
        assert_eq!(sized(&thirds, &Limits::default()), (33_333, "risk"), "lots are rounded down");
    }

    #[test]
    fn less_than_the_venue_takes_is_nothing() {
        let mut instrument = linear();
        instrument.terms.min_notional = Money::from_units(50 * ONE);
        let math = ContractMath::new(&instrument).unwrap();
        let sized = |risk| size(&instrument, &math, 0, &terms(Some(risk)), &Limits::default()).unwrap().qty;
        // 1 at 2 a unit is half a unit, worth 50; 0.998 is 0.499.
        assert_eq!((sized(1e-4), sized(0.998e-4)), (Qty::new(500), Qty::ZERO));
    }

    #[test]
    fn the_tightest_wins() {
        let by_volatility = SizeTerms { volatility: Some((0.8, 0.2)), ..terms(Some(0.02)) };
        assert_eq!(sized(&by_volatility, &Limits::default()), (25_000, "volatility"));
        // 0.55 - 0.45 / 1 = 0.1, of which no more than 0.01 is taken: 100 lost at 2 a unit.
        let by_kelly = SizeTerms { kelly: Some((0.55, 1.0, 0.01)), ..by_volatility.clone() };
        assert_eq!(
            sized(&SizeTerms { volatility: None, ..by_kelly.clone() }, &Limits::default()),
            (50_000, "kelly")
        );
        let hopeless = SizeTerms { kelly: Some((0.4, 1.0, 0.5)), ..by_kelly };
        assert_eq!(sized(&hopeless, &Limits::default()), (0, "kelly"));
        let mut limits = Limits::default();
        limits.parse(Check::MaxPositionNotional, "200").unwrap();
        assert_eq!(sized(&by_volatility, &limits), (2_000, "max_position_notional"));
    }

    #[test]
    fn a_size_without_terms_or_stop_is_a_mistake() {
        let instrument = linear();
        let math = ContractMath::new(&instrument).unwrap();
        let refused =
            |terms: &SizeTerms| size(&instrument, &math, 0, terms, &Limits::default()).unwrap_err().field;
        assert_eq!(refused(&terms(None)), "risk");
        assert_eq!(refused(&SizeTerms { stop: None, ..terms(Some(0.01)) }), "stop");
    }

    #[test]
    fn the_numbers_of_a_profile_can_be_used_together() {
        // Table 1a and its note: what is sized by the risk of a profile is inside of all its other limits.
        for (profile, position, qty) in [
            (Profile::Conservative, 100, 1_000),
            (Profile::Balanced, 200, 2_000),
            (Profile::Aggressive, 500, 5_000),
        ] {
            let config = profile.limits(10_000 * ONE);
            let limit = |check: Check| config.account.get(check).unwrap().value / ONE;
            assert_eq!(limit(Check::MaxPositionNotional), position);
            let risk = f64::from(profile.risk_pct()) / 100.0;
            assert_eq!(sized(&terms(Some(risk)), &config.account), (qty, "max_position_notional"));
            config.check().unwrap();
        }
    }
}
