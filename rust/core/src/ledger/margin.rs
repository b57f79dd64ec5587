//! What has to stand behind positions: initial and maintenance margin by notional, and where they are liquidated.
//!
//! All amounts are in the settlement currency, so one set of formulas holds for linear, inverse and quanto contracts. With
//! the value `V` of a position at the mark, what it had cost `C`, and the margin `W` behind it:
//!
//! * maintenance margin: `V × rate - amount`, rate and amount of the bracket that `V` is in; the amount is what the brackets
//!   below it ask less, so margin has no jumps where it is not given;
//! * initial margin: `V × max(1 / leverage, initial rate)`;
//! * equity of the position: `W + V - C` where it gains with its value (linear long, inverse short), else `W + C - V`;
//! * liquidated where equity is no more than maintenance margin: at `V = (C - W - amount) / (1 - rate)`, else at
//!   `V = (W + C + amount) / (1 + rate)`;
//! * bankrupt where what is left pays the fee `f` of closing it and no more: at `V = (C - W) / (1 - f)`, else at
//!   `V = (W + C) / (1 + f)`.
//!
//! Sources: margin and liquidation pages of Binance (USD-M, COIN-M) and Bybit (maintenance on mark value, with the fee to close).

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::contract::ACCOUNT_LIMIT;
use crate::types::{Decimal, FINE_ONE, FINE_SCALE, Money};

/// What is asked of positions from a notional on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bracket {
    /// From this value on, in the settlement currency.
    pub floor: Money,
    /// Maintenance margin, as a fraction of value in units of 10^-9.
    pub maintenance: i64,
    /// What is taken off it.
    pub amount: Money,
    /// Least initial margin, as a fraction of value in units of 10^-9.
    pub initial: i64,
}

/// A line of a table of brackets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BracketLine {
    /// From this value on.
    pub floor: Money,
    /// To this one; without an end if absent.
    pub cap: Option<Money>,
    /// Least initial margin, as a fraction in units of 10^-9.
    pub initial: i64,
    /// Maintenance margin, the same.
    pub maintenance: i64,
    /// What is taken off it; what makes margin go on without a jump if absent.
    pub amount: Option<Money>,
}

/// Brackets of a contract, lowest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Brackets {
    each: Arc<[Bracket]>,
    /// No position may be worth more.
    cap: Option<Money>,
}

/// Text or lines that are no brackets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0}; expected a rate such as \"0.005\", or brackets: \"0.004 to 50000, 0.005/0.02 to 250000, 0.01\""
)]
pub struct BadBrackets(pub String);

/// A fraction of up to 9 decimals in units of 10^-9.
pub(super) fn fraction(text: &str) -> Option<i64> {
    let units = text.trim().parse::<Decimal>().ok()?.at_scale(FINE_SCALE)?;
    i64::try_from(units).ok().filter(|rate| (0..=FINE_ONE).contains(rate))
}

fn amount(text: &str) -> Option<Money> {
    let amount = text.trim().parse::<Money>().ok()?;
    (amount >= Money::ZERO && amount.is_within(ACCOUNT_LIMIT)).then_some(amount)
}

impl Brackets {
    /// Brackets as lines of a table tell them.
    ///
    /// # Errors
    /// [`BadBrackets`] for none, and for one that does not begin where the one before ends.
    pub fn new(lines: &[BracketLine]) -> Result<Self, BadBrackets> {
        let mut each: Vec<Bracket> = Vec::with_capacity(lines.len());
        let mut end = Some(Money::ZERO);
        for &BracketLine { floor, cap, initial, maintenance, amount: given } in lines {
            if end != Some(floor) || cap.is_some_and(|cap| cap <= floor) {
                return Err(BadBrackets(format!("a bracket from {floor} on does not follow the one before")));
            }
            let smooth = each.last().map_or(Some(Money::ZERO), |last| {
                let step = floor.scaled((maintenance - last.maintenance).into(), FINE_ONE.into())?;
                last.amount.checked_add(step)
            });
            let amount = given.or(smooth).ok_or_else(|| BadBrackets("its amounts are too large".into()))?;
            each.push(Bracket { floor, maintenance, amount, initial });
            end = cap;
        }
        if each.is_empty() {
            return Err(BadBrackets("there are no brackets".into()));
        }
        Ok(Self { each: each.into(), cap: end })
    }

    /// Brackets that ask nothing by themselves.
    pub fn none() -> Self {
        let all = Bracket { floor: Money::ZERO, maintenance: 0, amount: Money::ZERO, initial: 0 };
        Self { each: Arc::new([all]), cap: None }
    }

    fn at(&self, value: Money) -> &Bracket {
        let after = self.each.partition_point(|bracket| bracket.floor < value);
        &self.each[after.saturating_sub(1)]
    }

    /// Whether no position may be worth so much.
    pub fn forbid(&self, value: Money) -> bool {
        self.cap.is_some_and(|cap| value > cap)
    }

    /// What has to be left of the margin of a position of a value.
    pub fn maintenance(&self, value: Money) -> Money {
        let bracket = self.at(value);
        let margin = part(value, bracket.maintenance).checked_sub(bracket.amount);
        margin.unwrap_or_default().max(Money::ZERO)
    }

    /// What has to be there for a position of a value.
    pub fn initial(&self, value: Money, leverage: Leverage) -> Money {
        let own = value.scaled(10i128.pow(Leverage::SCALE), leverage.0.into()).unwrap_or(value);
        own.max(part(value, self.at(value).initial))
    }

    /// The most that a position may be worth so that neither it nor a smaller one has to have more than a margin.
    pub fn most(&self, margin: Money, leverage: Leverage) -> Money {
        let own = most_part(margin, 10i128.pow(Leverage::SCALE), leverage.0.into());
        let ends = self.each.iter().skip(1).map(|next| Some(next.floor)).chain([None]);
        let met = self.each.iter().zip(ends).find_map(|(bracket, end)| {
            let most = own.min(most_part(margin, bracket.initial.into(), FINE_ONE.into()));
            end.is_none_or(|end| most < end).then(|| most.max(bracket.floor))
        });
        met.unwrap_or(own)
    }

    /// The value at which a position is liquidated that had cost `cost` with so much margin; `gains` says whether it gains
    /// with its value. None where it never is.
    pub fn liquidation(&self, cost: Money, margin: Money, gains: bool) -> Option<Money> {
        let at = |bracket: &Bracket| {
            if gains {
                let rest = cost.checked_sub(margin)?.checked_sub(bracket.amount)?;
                rest.scaled(FINE_ONE.into(), (FINE_ONE - bracket.maintenance).into())
            } else {
                let all = cost.checked_add(margin)?.checked_add(bracket.amount)?;
                all.scaled(FINE_ONE.into(), (FINE_ONE + bracket.maintenance).into())
            }
        };
        // The first that is met on the way: from above where it gains with its value, from below where it loses.
        let meets = |(place, bracket): (usize, &Bracket)| {
            if gains && bracket.maintenance == FINE_ONE {
                return None;
            }
            let value = at(bracket)?;
            let end = self.each.get(place + 1).map(|next| next.floor);
            let is_inside = value > bracket.floor && end.is_none_or(|end| value <= end);
            is_inside.then_some(value)
        };
        let mut each = self.each.iter().enumerate();
        if gains { each.rev().find_map(meets) } else { each.find_map(meets) }
    }
}

/// The value at which what is left of a position just pays the fee of closing it, a fraction in units of 10^-9: none where
/// it is left at every price, nothing where it is at none.
pub fn bankruptcy(cost: Money, margin: Money, gains: bool, fee: i64) -> Option<Money> {
    if gains {
        let rest = FINE_ONE.checked_sub(fee).filter(|rest| *rest > 0)?;
        let value = cost.checked_sub(margin)?.scaled(FINE_ONE.into(), rest.into());
        return value.filter(|value| *value > Money::ZERO);
    }
    let value = cost.checked_add(margin)?.scaled(FINE_ONE.into(), (FINE_ONE + fee).into())?;
    Some(value.max(Money::ZERO))
}

/// A part of an amount, in units of 10^-9.
pub fn part(amount: Money, rate: i64) -> Money {
    amount.scaled(rate.into(), FINE_ONE.into()).unwrap_or(amount)
}

/// The largest amount of which a part, rounded half to even, is no more than another one: all there are if that is of no
/// account.
fn most_part(part: Money, numerator: i128, denominator: i128) -> Money {
    if part < Money::ZERO || numerator == 0 {
        return if part < Money::ZERO { Money::ZERO } else { Money::from_units(i128::MAX) };
    }
    // Half a unit more is rounded down to an even one.
    let (units, odd) = (part.units(), part.units() & 1);
    let doubled = units.checked_mul(2).and_then(|twice| (twice + 1).checked_mul(denominator));
    let most = match doubled {
        Some(doubled) => (doubled - odd) / (2 * numerator),
        None => (units / numerator).saturating_mul(denominator),
    };
    Money::from_units(most)
}

impl FromStr for Brackets {
    type Err = BadBrackets;
    /// Rates up to notionals, each with its least initial rate where there is one: `0.004 to 50000, 0.005/0.02`.
    fn from_str(text: &str) -> Result<Self, BadBrackets> {
        let (mut lines, mut floor) = (Vec::new(), Some(Money::ZERO));
        for bracket in text.split(',').map(str::trim) {
            let bad = |what| BadBrackets(format!("{bracket:?} {what}"));
            let from = floor.ok_or_else(|| bad("follows a bracket without an end"))?;
            let (rates, cap) = match bracket.split_once(" to ") {
                Some((rates, cap)) => {
                    (rates, Some(amount(cap).ok_or_else(|| bad("has no notional it goes to"))?))
                }
                None => (bracket, None),
            };
            let (maintenance, initial) = rates.split_once('/').unwrap_or((rates, "0"));
            let rates = fraction(maintenance).zip(fraction(initial));
            let (maintenance, initial) =
                rates.ok_or_else(|| bad("has no rate from 0 to 1 of up to 9 decimals"))?;
            lines.push(BracketLine { floor: from, cap, initial, maintenance, amount: None });
            floor = cap;
        }
        Self::new(&lines)
    }
}

/// The first line of a file of brackets.
const HEADER: &str = "symbol,notional_floor,notional_cap,initial_rate,maintenance_rate,maintenance_amount";

/// Brackets of a file by symbol, in the order of the symbols: lines of `symbol`, where it begins and ends (none for no end),
/// the least initial rate (none for none), the maintenance rate, and the amount taken off (none for no jumps). An empty symbol is
/// every other one.
///
/// # Errors
/// The number of a line, from 1, and what is wrong with it.
pub fn read_brackets(text: &str) -> Result<Vec<(String, Brackets)>, (u64, String)> {
    let mut lines = text.lines().enumerate();
    let head = lines.next().map_or("", |(_, head)| head.trim());
    if head != HEADER {
        return Err((1, format!("expected {HEADER}, got {head:?}")));
    }
    let mut each: Vec<(String, Vec<_>)> = Vec::new();
    for (line, row) in lines.filter(|(_, row)| !row.trim().is_empty()) {
        let fail = |problem: String| (line as u64 + 1, problem);
        let read = || {
            let cells: Vec<&str> = row.split(',').map(str::trim).collect();
            let [symbol, floor, cap, initial, maintenance, off] = cells[..] else { return None };
            let optional = |cell: &str| if cell.is_empty() { Some(None) } else { amount(cell).map(Some) };
            let initial = if initial.is_empty() { Some(0) } else { fraction(initial) };
            let (floor, cap, initial) = (amount(floor)?, optional(cap)?, initial?);
            let (maintenance, amount) = (fraction(maintenance)?, optional(off)?);
            Some((symbol, BracketLine { floor, cap, initial, maintenance, amount }))
        };
        let (symbol, bracket) = read().ok_or_else(|| {
            fail(format!("expected two notionals, two rates from 0 to 1 and an amount, got {row:?}"))
        })?;
        let at = each.iter().position(|(known, _)| known == symbol).unwrap_or_else(|| {
            each.push((symbol.to_owned(), Vec::new()));
            each.len() - 1
        });
        each[at].1.push(bracket);
        // So that the line is named that does not follow.
        Brackets::new(&each[at].1).map_err(|error| fail(error.0))?;
    }
    let mut brackets = Vec::with_capacity(each.len());
    for (symbol, lines) in each {
        brackets.push((symbol, Brackets::new(&lines).map_err(|error| (1, error.0))?));
    }
    brackets.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(brackets)
}

/// How many times its margin a position may be worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leverage(i64);

/// A text that is no leverage.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no number above 0 and up to 1000 of up to 3 decimals")]
pub struct BadLeverage(pub String);

impl Leverage {
    const SCALE: u32 = 3;
    /// None: a position needs all it is worth.
    pub const NONE: Self = Self(1_000);
}

impl fmt::Display for Leverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = 10i64.pow(Self::SCALE);
        write!(f, "{}", self.0 / unit)?;
        let (rest, width) = (self.0 % unit, Self::SCALE as usize);
        if rest == 0 { Ok(()) } else { write!(f, ".{}", format!("{rest:0width$}").trim_end_matches('0')) }
    }
}

impl FromStr for Leverage {
    type Err = BadLeverage;
    fn from_str(text: &str) -> Result<Self, BadLeverage> {
        let units = text.trim().parse::<Decimal>().ok().and_then(|times| times.at_scale(Self::SCALE));
        let units =
            units.and_then(|units| i64::try_from(units).ok()).filter(|units| (1..=1_000_000).contains(units));
        units.map(Self).ok_or_else(|| BadLeverage(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn money(text: &str) -> Money {
        text.parse().unwrap()
    }

    fn brackets(text: &str) -> Brackets {
        text.parse().unwrap()
    }

    /// The price of a quantity worth so much, by the kind of contract.
    fn price(value: Money, qty: f64, inverse: bool) -> f64 {
        if inverse { qty / value.to_f64() } else { value.to_f64() / qty }
    }

    #[test]
    fn tiers_raise_maintenance_without_a_jump() {
        let tiers = brackets("0.004 to 50000, 0.005 to 250000, 0.01");
        let margin = |value: &str| tiers.maintenance(money(value)).to_string();
        // The amounts of these brackets at Binance: 0, 50, 1300.
        assert_eq!(["50000", "100000", "250000", "300000"].map(margin), ["200", "450", "1200", "1700"]);
        let steep = brackets("0.004/0.01 to 50000, 0.005/0.05 to 250000");
        let initial =
            |value: &str, leverage: &str| steep.initial(money(value), leverage.parse().unwrap()).to_string();
        assert_eq!([initial("1000", "50"), initial("1000", "125")], ["20", "10"]);
        assert_eq!(initial("100000", "50"), "5000");
        assert!(
            steep.forbid(money("250000.01")) && !steep.forbid(money("250000")) && !tiers.forbid(money("1e9"))
        );
    }

    proptest! {
        #[test]
        fn the_most_that_a_margin_covers_is_the_most(
            rates in proptest::array::uniform3(0i64..600_000_000),
            (leverage, floor, margin, over) in (1i64..1_000_000, 1i128..1_000_000, 0i128..100_000_000, 1i128..1_000),
        ) {
            let (mut lines, mut from) = (Vec::new(), Money::ZERO);
            for (place, initial) in rates.into_iter().enumerate() {
                let cap = (place < 2).then(|| Money::from_units(floor * (place as i128 + 1)));
                lines.push(BracketLine { floor: from, cap, initial, maintenance: 0, amount: None });
                from = cap.unwrap_or_default();
            }
            let (tiers, leverage) = (Brackets::new(&lines).unwrap(), Leverage(leverage));
            let asks = |value: i128| tiers.initial(Money::from_units(value), leverage).units();
            let most = tiers.most(Money::from_units(margin), leverage).units();
            prop_assert!(asks(most) <= margin && asks(most + 1) > margin);
            prop_assert!(asks((most - over).max(0)) <= margin, "what is worth less asks no more");
            prop_assert_eq!(tiers.most(Money::from_units(-over), leverage), Money::ZERO);
        }
    }

    #[test]
    fn published_liquidation_prices_are_met() {
        // Bybit's example of an isolated inverse position by its later text: 60,000 USD at 50,000, 10 times, 0.5 %.
        let flat = brackets("0.005");
        let (cost, margin) = (money("1.2"), money("0.12"));
        let long = price(flat.liquidation(cost, margin, false).unwrap(), 60_000.0, true);
        let short = price(flat.liquidation(cost, margin, true).unwrap(), 60_000.0, true);
        assert!(
            (long - 45_681.818_181_8).abs() < 1e-4 && (short - 55_277.777_777_8).abs() < 1e-4,
            "{long} {short}"
        );
        // Its cross example: 10,000 USD at 8,000 with 0.5 BTC and a fee of 0.075 %: bankrupt at 5718.57142857.
        let bankrupt = bankruptcy(money("1.25"), money("0.5"), false, 750_000).unwrap();
        assert!((price(bankrupt, 10_000.0, true) - 5_718.571_428_57).abs() < 1e-4);
        // Binance USD-M: (wallet + amount - qty × entry) / (qty × (rate - 1)) of a long.
        let tiers = brackets("0.004 to 50000, 0.005 to 250000");
        let (qty, entry, wallet) = (2.0, 40_000.0, 4_000.0);
        let value = tiers.liquidation(money("80000"), money("4000"), true).unwrap();
        let published = (wallet + 50.0 - qty * entry) / (qty * (0.005 - 1.0));
        assert!((price(value, qty, false) - published).abs() < 1e-6, "{published}");
    }

    #[test]
    fn a_position_that_its_margin_covers_at_any_price_is_never_liquidated() {
        assert_eq!(brackets("0.005").liquidation(money("100"), money("100"), true), None);
        assert_eq!(bankruptcy(money("100"), money("100"), true, 0), None);
        // A short always is, somewhere.
        assert!(brackets("0.005").liquidation(money("100"), money("100"), false).is_some());
    }

    #[test]
    fn what_is_no_bracket_is_said() {
        for (text, problem) in [
            ("", "has no rate from 0 to 1"),
            ("x", "has no rate from 0 to 1"),
            ("1.5", "has no rate from 0 to 1"),
            ("0.004 to x, 1", "has no notional it goes to"),
            ("0.004, 0.005", "follows a bracket without an end"),
            ("0.004 to 100, 0.005 to 50", "a bracket from 100 on does not follow"),
        ] {
            let told = text.parse::<Brackets>().unwrap_err().to_string();
            assert!(told.contains(problem) && told.contains("expected a rate"), "{told}");
        }
        for text in ["0", "-1", "1000.1", "x", "1.0001"] {
            assert!(text.parse::<Leverage>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_file_has_brackets_by_symbol() {
        let read = |rows: &str| read_brackets(&format!("{HEADER}\n{rows}"));
        let table =
            read("BTCUSDT,0,50000,0.008,0.004,0\nETHUSDT,0,,,0.01,\nBTCUSDT,50000,250000,0.01,0.005,50\n")
                .unwrap();
        assert_eq!(table[0], ("BTCUSDT".into(), brackets("0.004/0.008 to 50000, 0.005/0.01 to 250000")));
        assert_eq!(table[1], ("ETHUSDT".into(), brackets("0.01")));
        assert_eq!(read("A,0,5,,0.1,\nA,6,,,0.1,").unwrap_err().0, 3);
        assert_eq!(read("A,0,5,,2,\n").unwrap_err().0, 2);
        assert_eq!(read_brackets("a\n").unwrap_err().0, 1);
    }

    proptest! {
        #[test]
        fn at_the_liquidation_value_equity_is_the_maintenance_margin(
            cost in 1i64..10_000_000, margin in 0i64..1_000_000, gains in any::<bool>(),
        ) {
            let tiers = brackets("0.004 to 50000, 0.005 to 250000, 0.01 to 1000000, 0.025");
            let (cost, margin) = (money(&cost.to_string()), money(&margin.to_string()));
            if let Some(value) = tiers.liquidation(cost, margin, gains) {
                let moved = if gains { value.units() - cost.units() } else { cost.units() - value.units() };
                let equity = margin.units() + moved;
                prop_assert!((equity - tiers.maintenance(value).units()).abs() <= 2, "{}", equity);
            } else {
                prop_assert!(gains && margin >= cost);
            }
        }
    }
}
