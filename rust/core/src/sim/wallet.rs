//! Balances of accounts at a simulated venue: what is not owned cannot be sold.
//!
//! A venue that is given balances gives them to each account. From then on a spot order is let in only if what it would
//! pay is there: the quantity of a sell, the value of a buy at its limit (a market buy at what the book asks) and its fee
//! as a taker, less what the account's other orders may still pay. A fill moves both coins, and its fee leaves the
//! coin it is paid in. Where borrowing is allowed balances go below zero, and nothing is refused. Contracts are not spot:
//! they need margin (see `holdings`), for which a balance is the collateral.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::settings::{Balances, SettingsError};
use super::update::Update;
use crate::ledger::ContractMath;
use crate::orders::{OrderId, ReportKind};
use crate::types::{
    AccountId, Decimal, FeeCurrency, Instrument, InstrumentKind, MONEY_SCALE, MarketId, Money, Price, Qty,
    Side,
};

/// A place in [`Wallets::currencies`].
pub(super) type Coin = usize;

/// What moves balances in a spot market.
#[derive(Debug, Clone)]
pub(super) struct Spot {
    math: ContractMath,
    base: Coin,
    quote: Coin,
    fee: FeeCoin,
    price_increment: Decimal,
    qty_increment: Decimal,
}

/// The coin in which a fill's fee is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FeeCoin {
    Quote,
    Base,
    /// What is bought: the base of a buy, the quote of a sell.
    Received,
    /// A third one, by its price in the quote currency in this market.
    Other(Coin, MarketId),
}

/// An order that may still pay.
#[derive(Debug, Clone, Copy)]
struct Claim {
    side: Side,
    price: Price,
    qty: i64,
    filled: i64,
    coin: Coin,
    amount: Money,
}

#[derive(Debug, Clone, Default)]
struct Wallet {
    held: Vec<Money>,
    claims: FxHashMap<OrderId, Claim>,
}

/// The balances of all accounts of a venue.
#[derive(Debug)]
pub(super) struct Wallets {
    currencies: Vec<String>,
    begin: Vec<Money>,
    may_borrow: bool,
    accounts: BTreeMap<AccountId, Wallet>,
}

impl Spot {
    /// The amount of base that a quantity is.
    fn amount(&self, qty: i64) -> Money {
        // Finer than money is would be an increment that was refused.
        let unit = 10i128.pow(MONEY_SCALE - self.qty_increment.scale());
        Money::from_units(i128::from(qty).saturating_mul(self.qty_increment.mantissa().saturating_mul(unit)))
    }

    fn value(&self, price: Price, qty: i64) -> Money {
        self.math.value(price, Qty::new(qty)).unwrap_or_default()
    }

    /// What an order may still pay, and in which coin.
    fn pays(&self, side: Side, price: Price, qty: i64) -> (Coin, Money) {
        if side == Side::Sell {
            return (self.base, self.amount(qty));
        }
        let value = self.value(price, qty);
        let fee = if self.fee == FeeCoin::Quote { self.math.fee(value, false) } else { Ok(Money::ZERO) };
        (self.quote, plus(value, fee.unwrap_or_default().max(Money::ZERO)))
    }
}

impl Wallets {
    /// Balances as they are given.
    pub(super) fn new(balances: &Balances) -> Self {
        Self {
            currencies: balances.begin.iter().map(|(currency, _)| currency.clone()).collect(),
            begin: balances.begin.iter().map(|(_, amount)| *amount).collect(),
            may_borrow: balances.may_borrow,
            accounts: BTreeMap::new(),
        }
    }

    /// The place of a currency.
    pub(super) fn coin(&mut self, currency: &str) -> Coin {
        self.currencies.iter().position(|known| known == currency).unwrap_or_else(|| {
            self.currencies.push(currency.to_owned());
            self.begin.push(Money::ZERO);
            self.currencies.len() - 1
        })
    }

    /// What moves balances in a market; `None` where it is not spot. `markets` are those of the venue: one of them has to
    /// price a third coin that fees are paid in.
    pub(super) fn spot(
        &mut self,
        instrument: &Instrument,
        math: ContractMath,
        markets: &[(MarketId, &Instrument)],
    ) -> Result<Option<Spot>, SettingsError> {
        if instrument.kind != InstrumentKind::Spot {
            return Ok(None);
        }
        let fail = |problem| SettingsError { field: "balances", problem };
        if instrument.qty_increment.value().scale() > MONEY_SCALE {
            let step = instrument.qty_increment.value();
            return Err(fail(format!("cannot count {} in steps of {step}", instrument.base)));
        }
        let priced_by = |coin: &str| {
            let prices = |other: &Instrument| {
                other.kind == InstrumentKind::Spot && other.base == coin && other.quote == instrument.quote
            };
            let found = markets.iter().find(|(_, other)| prices(other)).map(|(id, _)| *id);
            let quote = &instrument.quote;
            found.ok_or_else(|| {
                fail(format!(
                    "fees of {} are paid in {coin}, and no market of the run is {coin}/{quote}",
                    instrument.id
                ))
            })
        };
        let fee = match &instrument.fee_currency {
            FeeCurrency::Settlement => FeeCoin::Quote,
            FeeCurrency::Received => FeeCoin::Received,
            FeeCurrency::Coin(coin) if *coin == instrument.quote => FeeCoin::Quote,
            FeeCurrency::Coin(coin) if *coin == instrument.base => FeeCoin::Base,
            FeeCurrency::Coin(coin) => {
                let market = priced_by(coin)?;
                FeeCoin::Other(self.coin(coin), market)
            }
        };
        Ok(Some(Spot {
            math,
            base: self.coin(&instrument.base),
            quote: self.coin(&instrument.quote),
            fee,
            price_increment: instrument.price_increment.value(),
            qty_increment: instrument.qty_increment.value(),
        }))
    }

    fn wallet(&mut self, account: AccountId) -> &mut Wallet {
        let begin = &self.begin;
        self.accounts
            .entry(account)
            .or_insert_with(|| Wallet { held: begin.clone(), claims: FxHashMap::default() })
    }

    /// What an account holds of a currency.
    pub(super) fn held(&self, account: AccountId, coin: Coin) -> Money {
        self.accounts.get(&account).map_or(self.begin[coin], |wallet| wallet.held[coin])
    }

    /// Changes what an account holds of a currency.
    pub(super) fn book(&mut self, account: AccountId, coin: Coin, change: Money) {
        let held = &mut self.wallet(account).held[coin];
        *held = plus(*held, change);
    }

    /// Whether an account has less than an order of it may pay, which has been filled up to `filled`.
    pub(super) fn lacks(
        &mut self,
        account: AccountId,
        spot: &Spot,
        order: OrderId,
        (side, price): (Side, Price),
        qty: i64,
        filled: i64,
    ) -> bool {
        let may_borrow = self.may_borrow;
        let (coin, amount) = spot.pays(side, price, qty - filled);
        let wallet = self.wallet(account);
        let others = wallet.claims.iter().filter(|(id, claim)| **id != order && claim.coin == coin);
        let claimed = others.fold(Money::ZERO, |sum, (_, claim)| plus(sum, claim.amount));
        !may_borrow && plus(amount, claimed) > wallet.held[coin]
    }

    /// An order that is let in may pay from now on.
    pub(super) fn claim(
        &mut self,
        account: AccountId,
        spot: &Spot,
        order: OrderId,
        (side, price): (Side, Price),
        qty: i64,
    ) {
        let (coin, amount) = spot.pays(side, price, qty);
        let claim = Claim { side, price, qty, filled: 0, coin, amount };
        self.wallet(account).claims.insert(order, claim);
    }

    /// The side of an order that may still pay, and what is filled of it.
    pub(super) fn open(&mut self, account: AccountId, order: OrderId) -> Option<(Side, i64)> {
        self.wallet(account).claims.get(&order).map(|claim| (claim.side, claim.filled))
    }

    /// Takes what happened to an order. `twice_mid` tells the sum of best prices of a market.
    pub(super) fn apply(
        &mut self,
        account: AccountId,
        spot: &Spot,
        update: &Update,
        twice_mid: impl Fn(MarketId) -> Option<(i64, Decimal)>,
    ) {
        let wallet = self.wallet(account);
        let Some(mut claim) = wallet.claims.remove(&update.order) else { return };
        match update.kind {
            ReportKind::Fill { price, qty, fee, .. } => {
                let (amount, value) = (spot.amount(qty.steps()), spot.value(price, qty.steps()));
                let (gets, pays) = match claim.side {
                    Side::Buy => ((spot.base, amount), (spot.quote, value)),
                    Side::Sell => ((spot.quote, value), (spot.base, amount)),
                };
                let step = spot.price_increment;
                let at = (2 * price.steps(), step);
                let (coin, rate) = match spot.fee {
                    FeeCoin::Base => (spot.base, Some(at)),
                    FeeCoin::Received if claim.side == Side::Buy => (spot.base, Some(at)),
                    FeeCoin::Other(coin, market) => match twice_mid(market) {
                        Some(rate) => (coin, Some(rate)),
                        // Nobody knows what the coin is worth: the quote currency pays.
                        None => (spot.quote, None),
                    },
                    FeeCoin::Quote | FeeCoin::Received => (spot.quote, None),
                };
                let fee = rate.and_then(|(twice, step)| in_coin(fee, twice, step)).unwrap_or(fee);
                for (coin, change) in [gets, (pays.0, -pays.1), (coin, -fee)] {
                    wallet.held[coin] = plus(wallet.held[coin], change);
                }
                claim.filled += qty.steps();
            }
            ReportKind::Rejected(_) | ReportKind::Expired(_) | ReportKind::Cancelled => return,
            ReportKind::Replaced { price, qty } => (claim.price, claim.qty) = (price, qty.steps()),
            ReportKind::Reduced { qty } => claim.qty = qty.steps(),
            ReportKind::Repriced { price } => claim.price = price,
            ReportKind::Accepted
            | ReportKind::CancelRejected(_)
            | ReportKind::ReplaceRejected(_)
            | ReportKind::Triggered
            | ReportKind::Unknown => {}
        }
        if claim.filled < claim.qty {
            (claim.coin, claim.amount) = spot.pays(claim.side, claim.price, claim.qty - claim.filled);
            wallet.claims.insert(update.order, claim);
        }
    }
}

/// Sums of balances are far within 128 bits.
pub(super) fn plus(a: Money, b: Money) -> Money {
    Money::from_units(a.units().saturating_add(b.units()))
}

pub(super) fn minus(a: Money, b: Money) -> Money {
    Money::from_units(a.units().saturating_sub(b.units()))
}

/// An amount of a quote currency in a coin, at a price given as twice its steps.
fn in_coin(amount: Money, twice_price: i64, step: Decimal) -> Option<Money> {
    let twice = i128::from(twice_price).checked_mul(step.mantissa()).filter(|price| *price > 0)?;
    amount.scaled(2 * 10i128.checked_pow(step.scale())?, twice)
}
