//! What a quantity at a price is worth, exactly.
//!
//! * spot, linear, binary: `price × qty × contract_size`, in the quote currency;
//! * inverse: `qty × contract_size / price`, in the base coin;
//! * quanto: `price × qty × contract_size`, in the settlement currency the contract size is given in;
//! * option: `premium × qty × contract_size`, in the currency the premium is quoted in: the quote currency, or the coin.
//!   What it pays at expiry is not here: until then it is held and marked at its premium.
//!
//! Products that fit twelve decimal places are exact. What does not fit (a long product, every inverse quotient)
//! rounds half to even at 10^-12 of the settlement currency, once.

use crate::types::{Decimal, Instrument, MONEY_SCALE, Money, Price, Qty, div_half_even, pow10_i128};

/// An amount left the range of exact money (about 10^26 units of currency).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("price {price} × quantity {qty} increments is out of the range of exact money")]
pub struct MoneyOverflow {
    /// Price in increments.
    pub price: i64,
    /// Quantity in increments.
    pub qty: i64,
}

/// The arithmetic of one instrument's contracts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContractMath {
    inverse: bool,
    /// The value of one price step × one quantity step (inverse: quantity step / price step) in money units.
    numerator: i128,
    denominator: i128,
    maker_fee: Decimal,
    taker_fee: Decimal,
}

impl ContractMath {
    /// The arithmetic of an instrument.
    ///
    /// # Errors
    /// [`MoneyOverflow`] when its increments are beyond any arithmetic.
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
            for _ in 0..MONEY_SCALE {
                if denominator % 10 == 0 {
                    denominator /= 10;
                } else {
                    numerator = numerator.checked_mul(10)?;
                }
            }
            let common = gcd(numerator, denominator);
            Some((numerator / common, denominator / common))
        };
        let (numerator, denominator) = build().ok_or(MoneyOverflow { price: 1, qty: 1 })?;
        Ok(Self {
            inverse,
            numerator,
            denominator,
            maker_fee: instrument.maker_fee_bps,
            taker_fee: instrument.taker_fee_bps,
        })
    }

    /// Whether profit is booked in the base coin.
    pub fn is_inverse(&self) -> bool {
        self.inverse
    }

    /// Value of `qty` at `price`; both positive.
    ///
    /// # Errors
    /// [`MoneyOverflow`].
    pub fn value(&self, price: Price, qty: Qty) -> Result<Money, MoneyOverflow> {
        let (price, qty) = (price.steps(), qty.steps());
        self.value_at_twice(i128::from(price) * 2, qty).ok_or(MoneyOverflow { price, qty })
    }

    /// Value of `qty` at a mid price, given as the sum of bid and ask.
    ///
    /// # Errors
    /// [`MoneyOverflow`].
    pub fn value_at_mid(&self, twice_price: i64, qty: i64) -> Result<Money, MoneyOverflow> {
        self.value_at_twice(i128::from(twice_price), qty).ok_or(MoneyOverflow { price: twice_price, qty })
    }

    fn value_at_twice(&self, twice_price: i128, qty: i64) -> Option<Money> {
        let qty = i128::from(qty);
        if self.denominator == 1 && !self.inverse && twice_price & 1 == 0 {
            // Most linear contracts: a plain product.
            return (twice_price >> 1).checked_mul(qty)?.checked_mul(self.numerator).map(Money::from_units);
        }
        let (numerator, denominator) = if self.inverse {
            (qty.checked_mul(self.numerator)?.checked_mul(2)?, twice_price.checked_mul(self.denominator)?)
        } else {
            (twice_price.checked_mul(qty)?.checked_mul(self.numerator)?, self.denominator.checked_mul(2)?)
        };
        (denominator != 0).then(|| Money::from_units(div_half_even(numerator, denominator)))
    }

    /// Fee on a fill of this value; negative is a rebate.
    pub fn fee(&self, value: Money, maker: bool) -> Option<Money> {
        let rate = if maker { self.maker_fee } else { self.taker_fee };
        value.scaled(rate.mantissa(), pow10_i128(rate.scale() + 4)?)
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

    /// Notional, for the smallest-notional rule: quantity × contract size in quote currency for inverse contracts, the
    /// value of the order for all others.
    ///
    /// # Errors
    /// [`MoneyOverflow`].
    pub fn notional(&self, instrument: &Instrument, price: Price, qty: Qty) -> Result<Money, MoneyOverflow> {
        if !self.inverse {
            return self.value(price, qty);
        }
        let (price, qty) = (price.steps(), qty.steps());
        let qty_value = instrument.qty_increment.to_decimal(qty);
        let size = instrument.contract_size;
        qty_value
            .mantissa()
            .checked_mul(size.mantissa())
            .map(|m| Decimal::new(m, qty_value.scale() + size.scale()))
            .and_then(|d| Money::from_decimal(d).ok())
            .ok_or(MoneyOverflow { price, qty })
    }
}

fn gcd(mut a: i128, mut b: i128) -> i128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a.abs().max(1)
}
