//! What a quantity at a price is worth, exactly.
//!
//! * spot, linear, binary: `price × qty × contract_size`, in the quote currency;
//! * inverse: `qty × contract_size / price`, in the base coin;
//! * quanto: `price × qty × contract_size`, in the settlement currency the contract size is given in;
//! * option: `premium × qty × contract_size`, in the currency the premium is quoted in: the quote currency, or the coin.
//!
//! At its expiry, when what it is written on is worth `S`, a contract is worth
//!
//! * linear, inverse, quanto: its value at `S`;
//! * call `max(0, S - strike)`, put `max(0, strike - S)`, times `qty × contract_size`; over `S` where it settles in coin;
//! * binary: `S × qty`, with an `S` of 0 or 1.
//!
//! Products that fit twelve decimal places are exact. What does not fit (a long product, every inverse quotient)
//! rounds half to even at 10^-12 of the settlement currency, once. Values are at most 10^21 of the currency, which is
//! also the most that any sum of an account may come to: the sum of many accounts still has 38 digits.

use crate::book::MarkPrice;
use crate::event::FINE_SCALE;
use crate::types::{
    Decimal, Instrument, InstrumentKind, MONEY_SCALE, Money, OptionSettlement, OptionSide, Price, Qty,
    div_half_even, pow10_i128,
};

/// The most that a value, or a sum of an account, may come to, in units of money: 10^21 of the currency.
pub const ACCOUNT_LIMIT: i128 = 10i128.pow(33);

/// What is beyond exact money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MoneyOverflow {
    /// What an instrument's contracts are worth cannot be counted at all.
    #[error("increments and contract size are beyond exact arithmetic")]
    Contract,
    /// A quantity is worth too much.
    #[error(
        "{qty} increments at {price} price increments are worth more than 10^21 of the settlement currency"
    )]
    Value {
        /// Price in increments.
        price: i64,
        /// Quantity in increments.
        qty: i64,
    },
    /// More of a position was closed than there is.
    #[error("the venue closed more of the position than is held")]
    NotHeld,
    /// A position, or all that was ever traded, is too large.
    #[error("the quantity held or traded is beyond 2^63 increments")]
    Quantity,
    /// Profit, fees, cash, turnover or equity is too large.
    #[error("a sum of the account is beyond 10^21 of the settlement currency")]
    Sum,
}

impl MoneyOverflow {
    /// The same, of an instrument.
    pub fn of(self, instrument: &Instrument) -> Uncounted {
        Uncounted { instrument: instrument.id.to_string(), error: self }
    }
}

/// What is beyond exact money, and of which instrument.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{instrument}: {error}")]
pub struct Uncounted {
    /// The instrument.
    pub instrument: String,
    /// What is beyond it.
    pub error: MoneyOverflow,
}

/// The arithmetic of one instrument's contracts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContractMath {
    inverse: bool,
    /// The value of one price step × one quantity step (inverse: quantity step / price step) in money units.
    numerator: i128,
    denominator: i128,
    /// A price step in units of 10^-9, as a fraction.
    fine: (i128, i128),
    maker_fee: Decimal,
    taker_fee: Decimal,
}

impl ContractMath {
    /// The arithmetic of an instrument.
    ///
    /// # Errors
    /// [`MoneyOverflow::Contract`].
    pub fn new(instrument: &Instrument) -> Result<Self, MoneyOverflow> {
        let price = instrument.price_increment.value();
        let qty = instrument.qty_increment.value();
        let size = instrument.contract_size;
        let inverse = instrument.kind.is_inverse();
        let build = || {
            let top = qty.mantissa().checked_mul(size.mantissa())?;
            let (mut numerator, mut denominator) = if inverse {
                (
                    top.checked_mul(pow10_i128(price.scale())?)?,
                    price.mantissa().checked_mul(pow10_i128(qty.scale() + size.scale())?)?,
                )
            } else {
                (top.checked_mul(price.mantissa())?, pow10_i128(price.scale() + qty.scale() + size.scale())?)
            };
            // Shorten the fraction so that products stay far from the limit.
            let mut scale = MONEY_SCALE;
            while scale > 0 && denominator % 10 == 0 {
                denominator /= 10;
                scale -= 1;
            }
            numerator = numerator.checked_mul(pow10_i128(scale)?)?;
            let common = gcd(numerator, denominator);
            Some((numerator / common, denominator / common))
        };
        let (numerator, denominator) = build().ok_or(MoneyOverflow::Contract)?;
        let fine =
            || Some((price.mantissa().checked_mul(pow10_i128(FINE_SCALE)?)?, pow10_i128(price.scale())?));
        let (step, scale) = fine().ok_or(MoneyOverflow::Contract)?;
        let common = gcd(step, scale);
        Ok(Self {
            inverse,
            numerator,
            denominator,
            fine: (step / common, scale / common),
            maker_fee: instrument.maker_fee_bps,
            taker_fee: instrument.taker_fee_bps,
        })
    }

    /// Whether profit is booked in the base coin.
    pub fn is_inverse(&self) -> bool {
        self.inverse
    }

    /// Whether a position gains when its value rises: a linear long, an inverse short.
    #[inline]
    pub fn gains(&self, qty: i64) -> bool {
        (qty > 0) != self.inverse
    }

    /// A value with the sign that it has for whoever holds such a position.
    #[inline]
    pub fn signed(&self, qty: i64, value: Money) -> Money {
        if self.gains(qty) { value } else { -value }
    }

    /// Value of `qty` at `price`; both positive.
    ///
    /// # Errors
    /// [`MoneyOverflow::Value`].
    pub fn value(&self, price: Price, qty: Qty) -> Result<Money, MoneyOverflow> {
        let (price, qty) = (price.steps(), qty.steps());
        self.value_at_part(i128::from(price), 1, qty).ok_or(MoneyOverflow::Value { price, qty })
    }

    /// Value of `qty` at a mid price, given as the sum of bid and ask.
    ///
    /// # Errors
    /// [`MoneyOverflow::Value`].
    pub fn value_at_mid(&self, twice_price: i64, qty: i64) -> Result<Money, MoneyOverflow> {
        let overflow = MoneyOverflow::Value { price: twice_price / 2, qty };
        let twice_price = i128::from(twice_price);
        let (price, part) = if twice_price & 1 == 0 { (twice_price >> 1, 1) } else { (twice_price, 2) };
        self.value_at_part(price, part, qty).ok_or(overflow)
    }

    /// Value of `qty` at a price in units of 10^-9, which need not lie on the grid.
    ///
    /// # Errors
    /// [`MoneyOverflow::Value`].
    pub fn value_at_fine(&self, price: i64, qty: i64) -> Result<Money, MoneyOverflow> {
        let (step, scale) = self.fine;
        let value = i128::from(price).checked_mul(scale).and_then(|price| {
            let common = gcd(price, step);
            self.value_at_part(price / common, step / common, qty)
        });
        value.ok_or(MoneyOverflow::Value { price, qty })
    }

    /// Value of `qty` at a price that positions are valued at.
    ///
    /// # Errors
    /// [`MoneyOverflow::Value`].
    #[inline]
    pub fn value_at_mark(&self, price: MarkPrice, qty: i64) -> Result<Money, MoneyOverflow> {
        match price {
            MarkPrice::Twice(twice_price) => self.value_at_mid(twice_price, qty),
            MarkPrice::Fine(price) => self.value_at_fine(price, qty),
        }
    }

    /// What `qty` of a contract is worth at its expiry, when what it is written on is worth `price`, in units of 10^-9;
    /// with the price it is worth, in the same units.
    ///
    /// # Errors
    /// [`MoneyOverflow::Value`].
    pub fn payoff(&self, kind: &InstrumentKind, price: i64, qty: i64) -> Result<(Money, i64), MoneyOverflow> {
        let InstrumentKind::Option { strike, side, settles, .. } = kind else {
            return Ok((self.value_at_fine(price, qty)?, price));
        };
        let worth = || {
            let scale = strike.scale().max(FINE_SCALE);
            let strike = strike.at_scale(scale)?;
            let spot = i128::from(price).checked_mul(pow10_i128(scale - FINE_SCALE)?)?;
            let above = match side {
                OptionSide::Call => spot - strike,
                OptionSide::Put => strike - spot,
            };
            // As a fraction, in the currency the premium is quoted in.
            let (top, bottom) = match settles {
                OptionSettlement::Cash => (above.max(0), pow10_i128(scale)?),
                OptionSettlement::Coin => (above.max(0), spot),
            };
            if bottom <= 0 {
                return None;
            }
            let common = gcd(top, bottom);
            let (top, bottom) = (top / common, bottom / common);
            let (step, per) = self.fine;
            // In price steps: a step is `step / per` units of 10^-9.
            let top_fine = top.checked_mul(pow10_i128(FINE_SCALE)?)?;
            let (steps, part) = (top_fine.checked_mul(per)?, bottom.checked_mul(step)?);
            let common = gcd(steps, part);
            let value = self.value_at_part(steps / common, part / common, qty)?;
            Some((value, i64::try_from(div_half_even(top_fine, bottom)).ok()?))
        };
        worth().ok_or(MoneyOverflow::Value { price, qty })
    }

    /// The price at which `qty` is worth `value`, as a fraction of price increments; `None` where there is none, or beyond
    /// arithmetic.
    pub fn price_at(&self, value: Money, qty: i64) -> Option<(i128, i128)> {
        let [value, qty] = [value.units(), i128::from(qty)];
        let (top, bottom) = if self.inverse {
            (qty.checked_mul(self.numerator)?, value.checked_mul(self.denominator)?)
        } else {
            let common = gcd(self.denominator, self.numerator.checked_mul(qty)?);
            let [top, bottom] = [self.denominator / common, self.numerator * qty / common];
            (value.checked_mul(top)?, bottom)
        };
        let common = gcd(top, bottom);
        (bottom > 0).then_some((top / common, bottom / common))
    }

    /// A price, a fraction of price increments, in units of 10^-9; `None` beyond what these count.
    pub fn fine_price(&self, top: i128, bottom: i128) -> Option<i64> {
        let (step, scale) = self.fine;
        let fine = div_half_even(top.checked_mul(step)?, bottom.checked_mul(scale)?);
        i64::try_from(fine).ok()
    }

    /// Value of `qty` at `price / part` price increments.
    fn value_at_part(&self, price: i128, part: i128, qty: i64) -> Option<Money> {
        let qty = i128::from(qty);
        let units = if self.denominator == 1 && part <= 2 && !self.inverse {
            // Most linear contracts: a plain product, mostly of numbers of 64 bits.
            let steps = match i64::try_from(price) {
                Ok(price) => i128::from(price) * qty,
                Err(_) => price.checked_mul(qty)?,
            };
            let worth = match (i64::try_from(steps), i64::try_from(self.numerator)) {
                (Ok(steps), Ok(unit)) => i128::from(steps) * i128::from(unit),
                _ => steps.checked_mul(self.numerator)?,
            };
            // A half goes to the even neighbour, as where it is divided.
            if part == 1 { worth } else { (worth >> 1) + (worth & 1 & (worth >> 1)) }
        } else {
            let (numerator, denominator) = if self.inverse {
                (qty.checked_mul(self.numerator)?.checked_mul(part)?, price.checked_mul(self.denominator)?)
            } else {
                (price.checked_mul(qty)?.checked_mul(self.numerator)?, self.denominator.checked_mul(part)?)
            };
            if denominator == 0 {
                return None;
            }
            div_half_even(numerator, denominator)
        };
        Some(Money::from_units(units)).filter(|value| value.is_within(ACCOUNT_LIMIT))
    }

    /// What a price increment times a quantity increment is worth, where a value is a plain product of it and both.
    pub fn step_value(&self) -> Option<Money> {
        (self.denominator == 1 && !self.inverse).then(|| Money::from_units(self.numerator))
    }

    /// Fee on a fill of this value; negative is a rebate.
    ///
    /// # Errors
    /// [`MoneyOverflow::Sum`], for what is no value of this contract.
    pub fn fee(&self, value: Money, maker: bool) -> Result<Money, MoneyOverflow> {
        let rate = if maker { self.maker_fee } else { self.taker_fee };
        let fee = pow10_i128(rate.scale() + 4).and_then(|bps| value.scaled(rate.mantissa(), bps));
        fee.ok_or(MoneyOverflow::Sum)
    }

    /// Average entry price when `opens` at `price` joins `held` at `average`: harmonic for inverse contracts.
    pub fn average(&self, average: f64, held: i64, price: f64, opens: i64) -> f64 {
        let (held, opens) = (held as f64, opens as f64);
        if self.inverse {
            (held + opens) / (held / average + opens / price)
        } else {
            (held * average + opens * price) / (held + opens)
        }
    }

    /// Notional of an order worth `value`, for the smallest-notional rule: quantity × contract size in quote currency for
    /// inverse contracts, the value for all others.
    ///
    /// # Errors
    /// [`MoneyOverflow::Sum`].
    pub fn notional(&self, instrument: &Instrument, value: Money, qty: Qty) -> Result<Money, MoneyOverflow> {
        if !self.inverse {
            return Ok(value);
        }
        let qty_value = instrument.qty_increment.to_decimal(qty.steps());
        let size = instrument.contract_size;
        qty_value
            .mantissa()
            .checked_mul(size.mantissa())
            .map(|m| Decimal::new(m, qty_value.scale() + size.scale()))
            .and_then(|d| Money::from_decimal(d).ok())
            .ok_or(MoneyOverflow::Sum)
    }
}

/// The greatest number that divides both; 1 where both are 0.
pub(crate) fn gcd(mut a: i128, mut b: i128) -> i128 {
    while b != 0 {
        // In words, where both fit: divisions of more take several times as long.
        if let (Ok(mut a), Ok(mut b)) = (u64::try_from(a), u64::try_from(b)) {
            while b != 0 {
                (a, b) = (b, a % b);
            }
            return a.into();
        }
        (a, b) = (b, a % b);
    }
    a.abs().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::instrument::tests::spec;
    use proptest::prelude::*;

    fn option(side: OptionSide, settles: OptionSettlement, strike: &str) -> Instrument {
        let kind = InstrumentKind::Option { strike: strike.parse().unwrap(), expiry: 1, side, settles };
        let settlement = if settles == OptionSettlement::Coin { "BTC" } else { "USDT" };
        let mut s = spec("A.B", kind, settlement);
        (s.price_increment, s.qty_increment) = ("0.0005".parse().unwrap(), "0.1".parse().unwrap());
        Instrument::new(s).unwrap()
    }

    #[test]
    fn an_option_pays_what_it_is_in_the_money() {
        let paid = |side, settles, strike: &str, price: i64| {
            let option = option(side, settles, strike);
            let math = ContractMath::new(&option).unwrap();
            let (value, worth) = math.payoff(&option.kind, price * 10i64.pow(9), 10).unwrap();
            (value.to_string(), worth)
        };
        let told = |value: &str, worth| (value.to_owned(), worth);
        let (call, put) = (OptionSide::Call, OptionSide::Put);
        assert_eq!(paid(call, OptionSettlement::Coin, "100000", 125_000), told("0.2", 200_000_000));
        assert_eq!(paid(put, OptionSettlement::Coin, "100000", 80_000), told("0.25", 250_000_000));
        assert_eq!(paid(call, OptionSettlement::Coin, "1", 3), told("0.666666666667", 666_666_667));
        assert_eq!(paid(call, OptionSettlement::Cash, "1.25", 3), told("1.75", 1_750_000_000));
        assert_eq!(paid(put, OptionSettlement::Cash, "1.25", 3), told("0", 0));
        assert_eq!(paid(put, OptionSettlement::Coin, "100000", 100_000), told("0", 0));
    }

    #[test]
    fn no_coin_pays_for_what_is_worth_nothing() {
        let option = option(OptionSide::Put, OptionSettlement::Coin, "100");
        assert!(ContractMath::new(&option).unwrap().payoff(&option.kind, 0, 1).is_err());
    }

    proptest! {
        #[test]
        fn a_call_less_a_put_is_a_future_at_the_strike(
            strike in 1i64..1_000_000, price in 1i64..1_000_000_000, qty in 1i64..1_000_000,
        ) {
            let worth = |side| {
                let option = option(side, OptionSettlement::Cash, &strike.to_string());
                let math = ContractMath::new(&option).unwrap();
                math.payoff(&option.kind, price * 1_000_000, qty).unwrap().0.units()
            };
            let apart = i128::from(price * 1_000_000 - strike * 10i64.pow(9)) * i128::from(qty) * 100;
            prop_assert_eq!(worth(OptionSide::Call) - worth(OptionSide::Put), apart);
        }

        #[test]
        fn half_a_step_is_worth_what_a_division_says(
            price in 1i64..1_000_000_000, qty in -1_000_000i64..1_000_000, unit in 1i128..100,
        ) {
            let linear = crate::types::instrument::tests::linear();
            let math = ContractMath { numerator: unit, denominator: 1, ..ContractMath::new(&linear).unwrap() };
            let twice = 2 * price + 1;
            let divided = div_half_even(i128::from(twice) * i128::from(qty) * unit, 2);
            prop_assert_eq!(math.value_at_mid(twice, qty).unwrap().units(), divided);
        }
    }
}
