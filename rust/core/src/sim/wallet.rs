//! Balances of accounts at a simulated venue: what is not owned cannot be sold.
//!
//! A venue that is given balances gives them to each account. From then on a spot order is let in only if what it would
//! pay is there: the quantity of a sell, the value of a buy at its limit (a market buy at what the book asks) and its fee
//! as a taker, less what the account's other orders may still pay. What is set off without a limit is looked at again then. A
//! fill moves both coins, and its fee leaves the coin it is paid in. Where borrowing is allowed balances go below zero, and
//! nothing is refused: see `venue/loans` for what it costs. Contracts are not spot: they need margin, for which a balance is
//! the collateral, or are paid in full (see `holdings`).

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::interest::{InterestRate, InterestRates};
use super::settings::{Balances, SettingsError};
use super::update::Update;
use crate::ledger::{ContractMath, part};
use crate::orders::{FeeCoin, FeePaid, OrderId, ReportKind};
use crate::types::{
    AccountId, Decimal, FINE_ONE, FeeCurrency, Instrument, InstrumentKind, MONEY_SCALE, Money, Price, Qty,
    Side,
};

/// A place in [`Wallets::currencies`].
pub(super) type Coin = usize;

/// A loan that costs something: of which wallets, in which currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Loan {
    pub(super) wallets: usize,
    pub(super) coin: Coin,
}

/// What moves balances in a spot market.
#[derive(Debug, Clone)]
pub(super) struct Spot {
    math: ContractMath,
    base: Coin,
    quote: Coin,
    /// Whether a buy may have to pay its fee in the quote currency.
    pays_quote: bool,
    /// Whether a sell pays its fee in the base currency.
    pays_base: bool,
    qty_increment: Decimal,
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

/// What an account has of a currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Balance<'a> {
    /// The currency.
    pub currency: &'a str,
    /// What it began with.
    pub begin: Money,
    /// What is there now.
    pub held: Money,
    /// What open orders may pay of it.
    pub locked: Money,
    /// The least there ever was, below 0 where it was borrowed.
    pub least: Money,
}

#[derive(Debug, Clone, Default)]
struct Wallet {
    held: Vec<Money>,
    /// The least of each there ever was.
    least: Vec<Money>,
    /// The least of each since interest was last taken on it, where it was below 0.
    owed: Vec<Money>,
    claims: FxHashMap<OrderId, Claim>,
}

impl Wallet {
    /// Changes what there is of a coin.
    fn add(&mut self, coin: Coin, change: Money) {
        self.held[coin] = plus(self.held[coin], change);
        self.note_least(coin);
    }

    fn note_least(&mut self, coin: Coin) {
        self.least[coin] = self.least[coin].min(self.held[coin]);
        self.owed[coin] = self.owed[coin].min(self.held[coin]);
    }

    /// What orders may still pay of a coin, but for one of them.
    fn claimed(&self, coin: Coin, but: Option<OrderId>) -> Money {
        let others = self.claims.iter().filter(|(id, claim)| Some(**id) != but && claim.coin == coin);
        others.fold(Money::ZERO, |sum, (_, claim)| plus(sum, claim.amount))
    }
}

/// The balances of all accounts of a venue.
#[derive(Debug)]
pub(super) struct Wallets {
    venue: String,
    currencies: Vec<String>,
    begin: Vec<Money>,
    may_borrow: bool,
    interest: Option<InterestRates>,
    accounts: BTreeMap<AccountId, Wallet>,
}

impl Spot {
    /// The amount of base that a quantity is.
    fn amount(&self, qty: i64) -> Money {
        // Finer than money is would be an increment that was refused.
        let unit = 10i128.pow(MONEY_SCALE - self.qty_increment.scale());
        Money::from_units(i128::from(qty).saturating_mul(self.qty_increment.mantissa().saturating_mul(unit)))
    }

    /// How much of a coin a position uses that owes it, in that coin, and what one of it is worth in the quote, in units of
    /// 10^-9; `None` for another coin, and one that nobody knows the worth of.
    pub(super) fn uses(&self, coin: Coin, qty: i64, mid: Option<i64>) -> Option<(Money, i64)> {
        if coin == self.quote {
            let value = mid.and_then(|mid| self.math.value_at_fine(mid, qty.max(0)).ok());
            return Some((value.unwrap_or_default(), FINE_ONE));
        }
        (coin == self.base).then_some((self.amount(qty.min(0).saturating_abs()), mid?))
    }

    fn value(&self, price: Price, qty: i64) -> Money {
        self.math.value(price, Qty::new(qty)).unwrap_or_default()
    }

    /// What an order may still pay, and in which coin.
    fn pays(&self, side: Side, price: Price, qty: i64) -> (Coin, Money) {
        let (coin, amount, has_fee) = match side {
            Side::Sell => (self.base, self.amount(qty), self.pays_base),
            Side::Buy => (self.quote, self.value(price, qty), self.pays_quote),
        };
        let fee = if has_fee { self.math.fee(amount, false).unwrap_or_default() } else { Money::ZERO };
        (coin, plus(amount, fee.max(Money::ZERO)))
    }
}

impl Wallets {
    /// Balances as they are given.
    pub(super) fn new(venue: &str, balances: &Balances) -> Self {
        Self {
            venue: venue.to_owned(),
            currencies: balances.begin.iter().map(|(currency, _)| currency.clone()).collect(),
            begin: balances.begin.iter().map(|(_, amount)| *amount).collect(),
            may_borrow: balances.may_borrow,
            interest: balances.interest.clone().filter(|_| balances.may_borrow),
            accounts: BTreeMap::new(),
        }
    }

    /// Where a currency is counted.
    pub(super) fn coin(&mut self, currency: &str) -> Coin {
        self.currencies.iter().position(|known| known == currency).unwrap_or_else(|| {
            self.currencies.push(currency.to_owned());
            self.begin.push(Money::ZERO);
            self.currencies.len() - 1
        })
    }

    /// What moves balances in a market; `None` where it is not spot.
    pub(super) fn spot(
        &mut self,
        instrument: &Instrument,
        math: ContractMath,
    ) -> Result<Option<Spot>, SettingsError> {
        if instrument.kind != InstrumentKind::Spot {
            return Ok(None);
        }
        if instrument.qty_increment.value().scale() > MONEY_SCALE {
            let step = instrument.qty_increment.value();
            let problem = format!("cannot count {} in steps of {step}", instrument.base);
            return Err(SettingsError { field: "balances", problem });
        }
        // What has none of a third coin pays in the quote.
        let pays_base =
            matches!(&instrument.fee_currency, FeeCurrency::Coin(coin) if *coin == instrument.base);
        let pays_quote = instrument.fee_currency != FeeCurrency::Received && !pays_base;
        Ok(Some(Spot {
            math,
            base: self.coin(&instrument.base),
            quote: self.coin(&instrument.quote),
            pays_quote,
            pays_base,
            qty_increment: instrument.qty_increment.value(),
        }))
    }

    /// Pays so much of a coin, if an account has it beside what its orders may pay, or may owe it. Returns whether it has.
    pub(super) fn pay(&mut self, account: AccountId, coin: Coin, amount: Money) -> bool {
        let may_borrow = self.may_borrow;
        let wallet = self.wallet(account);
        if !may_borrow && plus(amount, wallet.claimed(coin, None)) > wallet.held[coin] {
            return false;
        }
        wallet.add(coin, -amount);
        true
    }

    /// Whether accounts may owe.
    pub(super) fn may_borrow(&self) -> bool {
        self.may_borrow
    }

    /// The venue.
    pub(super) fn venue(&self) -> &str {
        &self.venue
    }

    /// What an account has of each currency.
    pub(super) fn told(&self, account: AccountId) -> impl Iterator<Item = Balance<'_>> {
        let wallet = self.accounts.get(&account);
        self.currencies.iter().enumerate().map(move |(coin, currency)| {
            let begin = self.begin[coin];
            let (held, least) =
                wallet.map_or((begin, begin), |wallet| (wallet.held[coin], wallet.least[coin]));
            let locked = wallet.map_or(Money::ZERO, |wallet| wallet.claimed(coin, None));
            Balance { currency, begin, held, locked, least }
        })
    }

    fn wallet(&mut self, account: AccountId) -> &mut Wallet {
        let begin = &self.begin;
        self.accounts.entry(account).or_insert_with(|| Wallet {
            held: begin.clone(),
            least: begin.clone(),
            owed: vec![Money::ZERO; begin.len()],
            claims: FxHashMap::default(),
        })
    }

    /// What a loan of a currency costs, where it costs something.
    pub(super) fn loan(&self, coin: Coin) -> Option<InterestRate> {
        self.interest.as_ref()?.of_name(&self.currencies[coin]).copied().filter(|terms| terms.rate > 0)
    }

    /// The currencies of which loans cost something.
    pub(super) fn loans(&self) -> impl Iterator<Item = (Coin, InterestRate)> + '_ {
        (0..self.currencies.len()).filter_map(|coin| Some((coin, self.loan(coin)?)))
    }

    /// Who owes something of a currency, or has since interest was last taken.
    pub(super) fn debtors(&self, coin: Coin) -> Vec<AccountId> {
        let owes =
            |(account, wallet): (&AccountId, &Wallet)| (wallet.owed[coin] < Money::ZERO).then_some(*account);
        self.accounts.iter().filter_map(owes).collect()
    }

    /// Takes interest on what an account owed at most since it was last taken. Returns how much that was.
    pub(super) fn pay_interest(&mut self, account: AccountId, coin: Coin, rate: i64) -> Money {
        let wallet = self.wallet(account);
        let interest = part(-wallet.owed[coin], rate);
        wallet.owed[coin] = Money::ZERO;
        wallet.add(coin, -interest);
        interest
    }

    /// What an account holds of a currency.
    pub(super) fn held(&self, account: AccountId, coin: Coin) -> Money {
        self.accounts.get(&account).map_or(self.begin[coin], |wallet| wallet.held[coin])
    }

    /// Changes what an account holds of a currency.
    pub(super) fn book(&mut self, account: AccountId, coin: Coin, change: Money) {
        self.wallet(account).add(coin, change);
    }

    /// An account has bought or sold so much elsewhere, which has brought it so much of the quote.
    pub(super) fn take_over(&mut self, account: AccountId, spot: &Spot, qty: i64, cash: Money) {
        self.book(account, spot.base, spot.amount(qty));
        self.book(account, spot.quote, cash);
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
        let claimed = wallet.claimed(coin, Some(order));
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

    /// Takes what happened to an order. Of a fee in a token the account was told before.
    pub(super) fn apply(&mut self, account: AccountId, spot: &Spot, update: &Update) {
        let wallet = self.wallet(account);
        let Some(mut claim) = wallet.claims.remove(&update.order) else { return };
        match update.kind {
            ReportKind::Fill { price, qty, fee, .. } => {
                let (amount, value) = (spot.amount(qty.steps()), spot.value(price, qty.steps()));
                let (gets, pays) = match claim.side {
                    Side::Buy => ((spot.base, amount), (spot.quote, value)),
                    Side::Sell => ((spot.quote, value), (spot.base, amount)),
                };
                let paid = match update.paid {
                    None => (spot.quote, fee),
                    Some(FeePaid { coin: FeeCoin::Base, amount }) => (spot.base, amount),
                    Some(FeePaid { coin: FeeCoin::Token, .. }) => (spot.quote, Money::ZERO),
                };
                for (coin, change) in [gets, (pays.0, -pays.1), (paid.0, -paid.1)] {
                    wallet.held[coin] = plus(wallet.held[coin], change);
                }
                for coin in [gets.0, pays.0, paid.0] {
                    // What one fill gives and takes of a coin counts at once.
                    wallet.note_least(coin);
                }
                claim.filled += qty.steps();
            }
            ReportKind::Rejected(_) | ReportKind::Expired(_) | ReportKind::Cancelled => return,
            ReportKind::Replaced(terms) => (claim.price, claim.qty) = (terms.price, terms.qty.steps()),
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
