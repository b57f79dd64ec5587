//! What a venue charges for fills, as it is set, and what a fee is by it in the settlement currency.
//!
//! A fee comes about by a [`FeeModel`]: basis points of the value, those of the instrument or of the tier that the
//! account's volume of 30 days has reached; a share of what an outcome is uncertain by; so much of an option's underlying;
//! or what a model of somebody else's says. A [`DeliveryFee`] is of what is settled at expiry. What an account pays of it
//! and how, `charging` says.

use std::fmt;
use std::str::FromStr;

use super::charged::ChargedFill;
use super::custom::{FeeSource, Source};
use crate::ledger::ContractMath;
use crate::orders::Liquidity;
use crate::types::{
    DAY, Decimal, FINE_ONE, FINE_SCALE, FeeCurrency, Fees, Instrument, InstrumentKind, MONEY_SCALE, Money,
    OptionSettlement, Price, Qty, date, div_half_even, pow10_i128,
};

/// Decimals of a fee on an outcome, as the venue that has them rounds it.
const OUTCOME_DECIMALS: u32 = 5;

/// A fee no venue can charge.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct BadFees {
    /// The setting.
    pub field: &'static str,
    /// What is wrong with it.
    pub problem: String,
}

/// Fees from a volume on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tier {
    /// The volume of 30 days from which on they hold.
    pub volume: Money,
    /// Of a maker, basis points; negative for a rebate.
    pub maker_bps: Decimal,
    /// Of a taker, basis points.
    pub taker_bps: Decimal,
}

/// Fees by volume: `0: 2/5, 15000000: 1.6/4`, each a volume of 30 days with the maker's and the taker's basis points.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeeSchedule(Vec<Tier>);

impl FeeSchedule {
    /// The tier that a volume has reached.
    pub fn at(&self, volume: Money) -> &Tier {
        let above = self.0.partition_point(|tier| tier.volume <= volume);
        &self.0[above.saturating_sub(1)]
    }
}

impl FromStr for FeeSchedule {
    type Err = BadFees;
    fn from_str(text: &str) -> Result<Self, BadFees> {
        let fail = |problem: String| BadFees { field: "fees", problem };
        let mut tiers: Vec<Tier> = Vec::new();
        for part in text.split(',').map(str::trim) {
            let read = || {
                let (volume, rates) = part.split_once(':')?;
                let (maker, taker) = rates.split_once('/')?;
                let rate = |text: &str| text.trim().parse::<Decimal>().ok();
                Some((volume.trim().parse::<Money>().ok()?, rate(maker)?, rate(taker)?))
            };
            let Some((volume, maker_bps, taker_bps)) = read() else {
                return Err(fail(format!("{part:?} is no tier such as \"15000000: 1.6/4\"")));
            };
            Fees::new(Some(maker_bps), Some(taker_bps)).map_err(|error| fail(error.problem))?;
            let follows = tiers.last().map_or(volume == Money::ZERO, |last| last.volume < volume);
            if !follows {
                let problem = format!("{volume} does not follow: volumes begin with 0 and rise");
                return Err(fail(problem));
            }
            tiers.push(Tier { volume, maker_bps, taker_bps });
        }
        Ok(Self(tiers))
    }
}

impl fmt::Display for FeeSchedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, Tier { volume, maker_bps, taker_bps }) in self.0.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            write!(f, "{comma}{volume}: {maker_bps}/{taker_bps}")?;
        }
        Ok(())
    }
}

/// A token that fees may be paid in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeeToken {
    /// Its name.
    pub name: String,
    /// What a fee is less in it, as a fraction.
    pub discount: Decimal,
    /// What it is worth in the settlement currency; its mid in a market of the venue if absent.
    pub price: Option<Decimal>,
}

/// A fee of options: `0.0003, 0.125` is so much of the underlying, at most that share of the premium.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OptionFee {
    /// A share of the underlying.
    pub rate: Decimal,
    /// The most it may be of the premium.
    pub cap: Decimal,
}

impl OptionFee {
    /// The fee of what has an underlying and a premium of so much.
    fn of(&self, underlying: Money, premium: Money) -> Option<Money> {
        Some(share(underlying, self.rate)?.min(share(premium, self.cap)?))
    }
}

impl FromStr for OptionFee {
    type Err = BadFees;
    fn from_str(text: &str) -> Result<Self, BadFees> {
        let parts = text.split_once(',').and_then(|(rate, cap)| {
            let part = |text: &str| text.trim().parse::<Decimal>().ok();
            part(rate).zip(part(cap))
        });
        let (rate, cap) = parts.ok_or_else(|| BadFees {
            field: "option_fee",
            problem: format!("{text:?} is no rate and share of the premium such as \"0.0003, 0.125\""),
        })?;
        Ok(Self { rate: fraction("option_fee", rate)?, cap: fraction("option_fee", cap)? })
    }
}

/// Which expiries are charged for, by the day they fall on, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ChargedDays {
    All,
    Fridays,
    /// The last ones of a month.
    LastFridays,
}

impl ChargedDays {
    fn has(self, expiry: i64) -> bool {
        let day = expiry.div_euclid(DAY);
        // 1970 began on a Thursday.
        let is_friday = day.rem_euclid(7) == 1;
        match self {
            Self::All => true,
            Self::Fridays => is_friday,
            Self::LastFridays => is_friday && date(day).1 != date(day + 7).1,
        }
    }
}

/// What is charged for a position that is settled at expiry: `0.00015, 0.125, fridays` is so much of what is delivered, at most
/// that share of what is paid out, where it expires on a Friday.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeliveryFee {
    /// A share of what is delivered, in units of 10^-9.
    pub rate: i64,
    /// The most it may be of what an option pays, in the same units.
    cap: Option<i64>,
    days: ChargedDays,
}

impl DeliveryFee {
    /// The fee of what is worth so much when it is delivered, and pays so much.
    pub fn of(&self, delivered: Money, paid: Money) -> Option<Money> {
        let share = |amount: Money, rate: i64| amount.scaled(rate.into(), FINE_ONE.into());
        let fee = share(delivered, self.rate)?;
        match self.cap {
            Some(cap) => Some(fee.min(share(paid, cap)?)),
            None => Some(fee),
        }
    }
}

impl FromStr for DeliveryFee {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let fine = |text: &str| {
            let number = fraction("delivery_fee", text.parse().ok()?).ok()?;
            i64::try_from(number.at_scale(FINE_SCALE)?).ok()
        };
        let bad = || {
            format!(
                "{text:?} is no fee such as \"0.00015, 0.125, fridays\": a rate of up to 9 decimals, the most of what is \
                 paid out, fridays or last_fridays"
            )
        };
        let mut parts = text.split(',').map(str::trim).peekable();
        let rate = parts.next().and_then(fine).ok_or_else(bad)?;
        let cap = parts.peek().copied().and_then(fine);
        if cap.is_some() {
            parts.next();
        }
        let days = match parts.next() {
            None => ChargedDays::All,
            Some("fridays") => ChargedDays::Fridays,
            Some("last_fridays") => ChargedDays::LastFridays,
            Some(_) => return Err(bad()),
        };
        if parts.next().is_some() { Err(bad()) } else { Ok(Self { rate, cap, days }) }
    }
}

/// What is charged for what is settled at expiry, by `option` and `future`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeliveryFees {
    option: Option<DeliveryFee>,
    future: Option<DeliveryFee>,
}

impl DeliveryFees {
    /// The fee of an instrument, where its expiry is charged for.
    pub fn of(&self, instrument: &Instrument) -> Option<DeliveryFee> {
        let fee = match instrument.kind {
            InstrumentKind::Option { .. } => self.option,
            InstrumentKind::Linear { .. }
            | InstrumentKind::Inverse { .. }
            | InstrumentKind::Quanto { .. } => self.future,
            InstrumentKind::Spot | InstrumentKind::Binary { .. } => None,
        };
        fee.zip(instrument.kind.expiry()).filter(|(fee, expiry)| fee.days.has(*expiry)).map(|(fee, _)| fee)
    }
}

impl FromStr for DeliveryFees {
    type Err = BadFees;
    fn from_str(text: &str) -> Result<Self, BadFees> {
        let fail = |problem| BadFees { field: "delivery_fee", problem };
        let mut fees = Self::default();
        for part in text.split(';').map(str::trim) {
            let (kind, fee) = part.split_once(": ").unwrap_or(("", part));
            let slot = match kind {
                "option" => &mut fees.option,
                "future" => &mut fees.future,
                _ => return Err(fail(format!("{part:?} does not begin with \"option: \" or \"future: \""))),
            };
            if slot.replace(fee.parse().map_err(fail)?).is_some() {
                return Err(fail(format!("{kind} is there twice")));
            }
        }
        Ok(fees)
    }
}

/// A number from 0 to 1 that can be counted with.
///
/// # Errors
/// [`BadFees`] of the field.
pub fn fraction(field: &'static str, value: Decimal) -> Result<Decimal, BadFees> {
    if (0.0..=1.0).contains(&value.to_f64()) && value.scale() <= 12 {
        return Ok(value);
    }
    Err(BadFees { field, problem: format!("{value} is no fraction from 0 to 1 of at most 12 decimals") })
}

/// What a venue charges, before it is known for what.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FeeSettings {
    /// Fees that go before all others.
    pub rates: Fees,
    /// Fees by volume.
    pub schedule: Option<FeeSchedule>,
    /// The tier that holds, whatever the volume is.
    pub tier: Option<usize>,
    /// The volume of the 30 days before the run.
    pub volume: Money,
    /// The currency in which fees of spot are paid; the instrument's if absent.
    pub currency: Option<FeeCurrency>,
    /// A token that fees are paid in, as far as an account has it.
    pub token: Option<FeeToken>,
    /// Fees of options.
    pub option: Option<OptionFee>,
    /// Fees of outcomes: this times what it is uncertain by.
    pub outcome: Option<Decimal>,
    /// Fees of what is settled at expiry.
    pub delivery: DeliveryFees,
    /// Where models come from that say all fees instead.
    pub custom: Option<Source<dyn FeeSource>>,
}

impl FeeSettings {
    /// Checks what the types leave open.
    ///
    /// # Errors
    /// [`BadFees`] for a tier that is none of the schedule, for a price or volume that is none, and for two coins.
    pub fn check(&self) -> Result<(), BadFees> {
        let fail = |field, problem| Err(BadFees { field, problem });
        if let Some(tier) = self.tier {
            let tiers = self.schedule.as_ref().map_or(0, |schedule| schedule.0.len());
            if tier >= tiers {
                return fail("fee_tier", format!("{tier} is none of the {tiers} tiers of fees, from 0 on"));
            }
        }
        if self.volume < Money::ZERO {
            return fail("fee_volume", format!("{} is negative", self.volume));
        }
        if let Some(token) = &self.token {
            if token.name.is_empty() || token.name == "received" {
                return fail("fee_token", format!("{:?} is no currency", token.name));
            }
            if let Some(FeeCurrency::Coin(coin)) = &self.currency {
                let problem = format!("is {coin}, and {} pays fees: only one of them can", token.name);
                return fail("fee_currency", problem);
            }
            if let Some(price) = token.price
                && price.mantissa() <= 0
            {
                return fail("fee_token_price", format!("{price} must be greater than zero"));
            }
        }
        Ok(())
    }

    /// An instrument with what is charged for it: the fees of its tier, or the ones to begin with.
    #[must_use]
    pub fn charged(&self, instrument: &Instrument) -> Instrument {
        let tier = self.schedule.as_ref().map(|schedule| match self.tier {
            Some(tier) => &schedule.0[tier],
            None => schedule.at(Money::ZERO),
        });
        let tiered = Fees::new(tier.map(|tier| tier.maker_bps), tier.map(|tier| tier.taker_bps));
        let mut charged = instrument.with_fees(tiered.unwrap_or_default()).with_fees(self.rates);
        if let (Some(currency), InstrumentKind::Spot) = (&self.currency, &instrument.kind) {
            charged.fee_currency = currency.clone();
        }
        if let Some(token) = &self.token {
            if let FeeCurrency::Coin(_) = charged.fee_currency {
                charged.fee_currency = FeeCurrency::Settlement;
            }
            charged.fee_token = Some(token.name.clone());
        }
        charged
    }

    /// What is charged for fills of an instrument.
    pub fn model(&self, instrument: &Instrument) -> FeeModel {
        let flat = self.rates.maker_bps().is_some() && self.rates.taker_bps().is_some();
        match (&instrument.kind, &self.schedule, self.option, self.outcome) {
            _ if self.custom.is_some() => FeeModel::Custom,
            _ if flat => FeeModel::Rates,
            (kind @ InstrumentKind::Option { settles, .. }, _, Some(fee), _) => {
                let in_cash = *settles == OptionSettlement::Cash;
                FeeModel::Option { fee, strike: in_cash.then(|| kind.fine_strike()).flatten() }
            }
            (InstrumentKind::Binary { .. }, _, _, Some(rate)) => {
                // Prices of what has no such grid are 0 or 1, and nothing is uncertain.
                let one = instrument.price_increment.steps(Decimal::ONE).unwrap_or(1);
                FeeModel::Outcome { rate, one }
            }
            (_, Some(schedule), ..) if self.tier.is_none() && schedule.0.len() > 1 => {
                let over = |tier: &Tier| Tier {
                    maker_bps: self.rates.maker_bps().unwrap_or(tier.maker_bps),
                    taker_bps: self.rates.taker_bps().unwrap_or(tier.taker_bps),
                    ..*tier
                };
                FeeModel::Tiers(FeeSchedule(schedule.0.iter().map(over).collect()))
            }
            _ => FeeModel::Rates,
        }
    }
}

/// How a fee comes about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FeeModel {
    /// The instrument's basis points of the value.
    Rates,
    /// Basis points of the value by volume.
    Tiers(FeeSchedule),
    /// A taker's: `qty × rate × price × (1 - price)`.
    Outcome {
        /// The rate.
        rate: Decimal,
        /// A price of 1 in increments.
        one: i64,
    },
    /// So much of the underlying, at most a share of the premium.
    Option {
        /// How much.
        fee: OptionFee,
        /// What stands for the underlying's price where nobody has told it, in units of 10^-9; none where it settles in
        /// coin, which is the underlying.
        strike: Option<i64>,
    },
    /// What a model of somebody else's says.
    Custom,
}

impl FeeModel {
    /// The fee of a fill in the settlement currency, negative for a rebate; `None` where it cannot be counted.
    pub fn fee(&self, fill: &ChargedFill<'_>) -> Option<Money> {
        let is_maker = fill.liquidity == Liquidity::Maker;
        let value = fill.math.value(fill.price, fill.qty).ok()?;
        match self {
            Self::Rates | Self::Custom => fill.math.fee(value, is_maker).ok(),
            Self::Tiers(schedule) => {
                let tier = schedule.at(fill.volume);
                let rate = if is_maker { tier.maker_bps } else { tier.taker_bps };
                value.scaled(rate.mantissa(), pow10_i128(rate.scale() + 4)?)
            }
            Self::Outcome { .. } if is_maker => Some(Money::ZERO),
            Self::Outcome { rate, one } => uncertainty(value, *rate, fill.price, *one),
            Self::Option { fee, strike } => {
                let told = fill.underlying.filter(|price| *price > 0);
                let price = strike.map_or(FINE_ONE, |strike| told.unwrap_or(strike));
                fee.of(fill.math.value_at_fine(price, fill.qty.steps()).ok()?, value)
            }
        }
    }

    /// The most that a taker may be charged for so much at a price, or at one that is better for it.
    pub(super) fn most(&self, math: &ContractMath, price: Price, qty: Qty) -> Option<Money> {
        let value = math.value(price, qty).ok()?;
        match self {
            Self::Rates | Self::Tiers(_) | Self::Custom => math.fee(value, false).ok(),
            Self::Outcome { rate, one } => uncertainty(value, *rate, price, *one),
            // What an underlying will be worth nobody knows: the cap.
            Self::Option { fee, strike: Some(_) } => share(value, fee.cap),
            Self::Option { fee, strike: None } => {
                fee.of(math.value_at_fine(FINE_ONE, qty.steps()).ok()?, value)
            }
        }
    }
}

/// What is charged for an outcome that is worth so much at a price, where 1 is so many increments.
fn uncertainty(value: Money, rate: Decimal, price: Price, one: i64) -> Option<Money> {
    let one = i128::from(one);
    let rest = one.checked_sub(price.steps().into())?;
    let fee =
        value.scaled(rest.checked_mul(rate.mantissa())?, one.checked_mul(pow10_i128(rate.scale())?)?)?;
    let unit = pow10_i128(MONEY_SCALE - OUTCOME_DECIMALS)?;
    Some(Money::from_units(div_half_even(fee.units(), unit).checked_mul(unit)?))
}

/// A share of an amount.
fn share(amount: Money, of: Decimal) -> Option<Money> {
    amount.scaled(of.mantissa(), pow10_i128(of.scale())?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::ContractMath;
    use crate::types::instrument::tests::spec;
    use crate::types::{AccountId, Price, Qty, Side};

    fn dec(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn an_outcome_is_charged_by_what_it_is_uncertain_by() {
        let mut s = spec("YES.POLY", InstrumentKind::Binary { outcome: "Yes".into(), expiry: None }, "USDC");
        (s.quote, s.price_increment) = ("USDC".into(), dec("0.01"));
        let instrument = Instrument::new(s).unwrap();
        let math = ContractMath::new(&instrument).unwrap();
        let settings = FeeSettings { outcome: Some(dec("0.072")), ..FeeSettings::default() };
        let model = settings.model(&instrument);
        let fee = |cents, liquidity| {
            let fill = ChargedFill {
                account: AccountId::new(0),
                volume: Money::ZERO,
                instrument: &instrument,
                math: &math,
                side: Side::Buy,
                liquidity,
                price: Price::new(cents),
                qty: Qty::new(7_000),
                underlying: None,
                ts: 0,
            };
            model.fee(&fill).unwrap().to_string()
        };
        // 7 shares: 7 × 0.072 × 0.5 × 0.5, and 7 × 0.072 × 0.03 × 0.97 = 0.0146664.
        assert_eq!([50, 3, 97].map(|cents| fee(cents, Liquidity::Taker)), ["0.126", "0.01467", "0.01467"]);
        assert_eq!(fee(50, Liquidity::Maker), "0");
    }

    #[test]
    fn schedules_are_read_and_written_back_and_others_told() {
        let text = "0: 2/5, 15000000: 1.6/4";
        assert_eq!(text.parse::<FeeSchedule>().unwrap().to_string(), text);
        for (bad, said) in [
            ("2/5", r#"fees: "2/5" is no tier such as "15000000: 1.6/4""#),
            ("1: 2/5", "fees: 1 does not follow: volumes begin with 0 and rise"),
            ("0: 2/5, 0: 1/4", "fees: 0 does not follow: volumes begin with 0 and rise"),
            ("0: 2/1001", "fees: 1001 is outside ±1000 bps"),
        ] {
            assert_eq!(bad.parse::<FeeSchedule>().unwrap_err().to_string(), said);
        }
        assert!("0.0003, 2".parse::<OptionFee>().is_err());
    }

    #[test]
    fn deliveries_are_charged_on_the_days_that_are_said() {
        let at = |text: &str, expiry| text.parse::<DeliveryFee>().unwrap().days.has(expiry);
        // From Thursday, 1 January 1970, on: Fridays are the 2nd to the 30th, 6 to 27 February, 6 to 27 March.
        let charged = |text: &str| (0..90).filter(|day| at(text, day * DAY + DAY / 3)).collect::<Vec<_>>();
        assert_eq!(charged("0.1").len(), 90);
        assert_eq!(charged("0.1, fridays"), (1..90).step_by(7).collect::<Vec<_>>());
        assert_eq!(charged("0.1, 0.5, last_fridays"), [29, 57, 85]);
        // 29 February 2024 was a Thursday, 23 February and 29 March 2024 were last Fridays; 26 December 2025 was.
        let days = [19_776, 19_783, 19_811, 20_448, 20_441, 20_455];
        let found = days.map(|day| at("0.1, last_fridays", day * DAY + DAY / 3));
        assert_eq!(found, [true, false, true, true, false, false]);
    }

    #[test]
    fn what_is_no_fee_of_deliveries_is_told() {
        for (bad, said) in [
            ("0.1", r#""0.1" does not begin with "option: " or "future: ""#),
            ("spot: 0.1", r#""spot: 0.1" does not begin with"#),
            ("option: 2", r#""2" is no fee such as "0.00015, 0.125, fridays""#),
            ("option: 0.1, 0.5, mondays", r#""0.1, 0.5, mondays" is no fee"#),
            ("option: 0.1, fridays, 0.5", "is no fee"),
            ("option: 0.0000000001", "a rate of up to 9 decimals"),
            ("future: 0.1; future: 0.2", "future is there twice"),
        ] {
            let told = bad.parse::<DeliveryFees>().unwrap_err().to_string();
            assert!(told.starts_with("delivery_fee: ") && told.contains(said), "{told}");
        }
    }
}
