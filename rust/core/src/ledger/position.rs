//! A position, exact in the settlement currency.
//!
//! The cost of the open quantity is kept as an amount, not as a price: a close releases its share of that amount, or of
//! that of the lots it closes (see [`CostBasis`]), rounded once, and the rest stays, so `realized + unrealized = cash +
//! marked position` holds to the last unit after every fill, however often it is split. Every sum is checked: a fill that
//! would take one beyond 10^21 of the currency is not booked. The average entry price, harmonic for inverse contracts, is
//! kept beside it for analytics: taken from the rounded amount it would lose digits of a small position.

use super::contract::{ACCOUNT_LIMIT, ContractMath, MoneyOverflow};
use super::lots::{CostBasis, Lots};
use super::payment::PaymentKind;
use crate::book::MarkPrice;
use crate::types::{Money, Price, Qty, Side};

/// A signed holding of one instrument.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Position {
    /// Signed quantity in quantity increments.
    pub qty: i64,
    /// Entry value of the open quantity, never negative.
    pub open_cost: Money,
    /// Average entry price in price increments, of no meaning when flat.
    average: f64,
    /// Profit booked by closing, before fees.
    pub realized: Money,
    /// Fees paid, of fills and of liquidations; negative when rebates exceed them.
    pub fees: Money,
    /// Cash from trading after fees: what was received minus what was paid, in the settlement currency.
    pub cash: Money,
    /// Funding paid; negative where more was received.
    pub funding: Money,
    /// Interest paid on loans.
    pub interest: Money,
    /// Sum of the values traded.
    pub turnover: Money,
    /// Quantity traded, unsigned.
    pub volume: i64,
    /// Number of fills.
    pub fills: u64,
    lots: Lots,
}

impl Position {
    /// Nothing held; fills close the parts of it in this order.
    pub fn new(basis: CostBasis) -> Self {
        Self { lots: Lots::new(basis), ..Self::default() }
    }

    /// Books a fill and returns the profit it realised, before its fee.
    ///
    /// # Errors
    /// [`MoneyOverflow`]; the position is unchanged then.
    pub fn apply(
        &mut self,
        math: &ContractMath,
        side: Side,
        price: Price,
        qty: Qty,
        fee: Money,
    ) -> Result<Money, MoneyOverflow> {
        let value = math.value(price, qty)?;
        let (price_per, qty) = (price, qty.steps());
        let price = price_per.steps();
        let (Some(held), Some(after), Some(volume)) = (
            self.qty.checked_abs(),
            side.sign().checked_mul(qty).and_then(|signed| self.qty.checked_add(signed)),
            self.volume.checked_add(qty),
        ) else {
            return Err(MoneyOverflow::Quantity);
        };
        if after == i64::MIN {
            return Err(MoneyOverflow::Quantity);
        }
        let closes = if self.qty.signum() == -side.sign() { qty.min(held) } else { 0 };
        let opens = qty - closes;
        // Split the fill's value so that both parts add up to it.
        let open_value = match (closes, opens) {
            (_, 0) => Money::ZERO,
            (0, _) => value,
            _ => math.value(price_per, Qty::new(opens))?,
        };
        let close_value = less(value, open_value)?;
        let released = self.released(closes)?;
        // A linear long gains when the exit value is higher, an inverse long when it is lower (in coin).
        let gain = self.gain(math, released, close_value)?;
        let pays = (side == Side::Buy) != math.is_inverse();
        let flow = less(if pays { -value } else { value }, fee)?;
        let average = if closes == held {
            price as f64
        } else if opens > 0 {
            math.average(self.average, held, price as f64, opens)
        } else {
            self.average
        };
        let open_cost = plus(less(self.open_cost, released)?, open_value)?;
        let (realized, fees) = (plus(self.realized, gain)?, plus(self.fees, fee)?);
        let (cash, turnover) = (plus(self.cash, flow)?, plus(self.turnover, value)?);
        // Nothing fails from here on.
        (self.qty, self.open_cost, self.realized, self.fees) = (after, open_cost, realized, fees);
        (self.cash, self.turnover, self.volume, self.fills) = (cash, turnover, volume, self.fills + 1);
        self.lots.close(closes);
        self.lots.open(opens, open_value, price);
        self.average = self.lots.average(math, after.abs()).unwrap_or(average);
        Ok(gain)
    }

    /// What so much of the open quantity had cost.
    fn released(&self, closes: i64) -> Result<Money, MoneyOverflow> {
        let held = self.qty.abs();
        let part = if closes == 0 {
            Some(Money::ZERO)
        } else if closes == held {
            Some(self.open_cost)
        } else if self.lots.are_kept() {
            self.lots.cost_of(closes)
        } else {
            self.open_cost.scaled(i128::from(closes), i128::from(held))
        };
        part.ok_or(MoneyOverflow::Sum)
    }

    /// The profit of closing what had cost `released` at a value.
    fn gain(&self, math: &ContractMath, released: Money, value: Money) -> Result<Money, MoneyOverflow> {
        if math.gains(self.qty) { less(value, released) } else { less(released, value) }
    }

    /// Books that the venue has closed a part of it at a value, but for the money; returns the profit that was realised.
    fn close(&mut self, math: &ContractMath, part: i64, value: Money) -> Result<Money, MoneyOverflow> {
        let is_held = part.signum() == self.qty.signum() && part.unsigned_abs() <= self.qty.unsigned_abs();
        let after = self.qty.checked_sub(part).filter(|_| is_held).ok_or(MoneyOverflow::NotHeld)?;
        let closes = part.checked_abs().ok_or(MoneyOverflow::Quantity)?;
        let released = self.released(closes)?;
        let gain = self.gain(math, released, value)?;
        let (realized, open_cost) = (plus(self.realized, gain)?, less(self.open_cost, released)?);
        (self.qty, self.open_cost, self.realized) = (after, open_cost, realized);
        self.lots.close(closes);
        self.average = self.lots.average(math, after.abs()).unwrap_or(self.average);
        Ok(gain)
    }

    /// Books what the venue takes of its own accord on a part of it, signed as it is held; negative is received. Returns
    /// the profit that was realised. It is no fill: nothing was traded.
    ///
    /// # Errors
    /// [`MoneyOverflow::NotHeld`] for closing more than is held, [`MoneyOverflow`] beyond exact money; the position is
    /// unchanged then.
    pub fn pay(
        &mut self,
        math: &ContractMath,
        kind: PaymentKind,
        part: i64,
        paid: Money,
    ) -> Result<Money, MoneyOverflow> {
        let cash = less(self.cash, paid)?;
        let mut gain = Money::ZERO;
        match kind {
            PaymentKind::Settlement | PaymentKind::Liquidation => {
                gain = self.close(math, part, math.signed(part, -paid))?;
            }
            PaymentKind::Funding => self.funding = plus(self.funding, paid)?,
            PaymentKind::Interest => self.interest = plus(self.interest, paid)?,
            PaymentKind::LiquidationFee | PaymentKind::DeliveryFee => self.fees = plus(self.fees, paid)?,
        }
        self.cash = cash;
        Ok(gain)
    }

    /// Whether its accounts balance: the profit realised less what was paid is the cash there is, with the open quantity
    /// at cost.
    pub fn balances(&self, math: &ContractMath) -> bool {
        let cost = math.signed(self.qty, self.open_cost);
        let paid = self.fees.checked_add(self.funding).and_then(|paid| paid.checked_add(self.interest));
        let made = paid.and_then(|paid| self.realized.checked_sub(paid));
        made.is_some() && made == self.cash.checked_add(cost)
    }

    /// What the open quantity is valued at: at a price, at cost when there has been none yet.
    fn value(&self, math: &ContractMath, price: Option<MarkPrice>) -> Result<Money, MoneyOverflow> {
        match price {
            Some(price) if self.qty != 0 => math.value_at_mark(price, self.qty.abs()),
            _ => Ok(self.open_cost),
        }
    }

    /// The price to mark it at: none, which is at cost, where its worth there is beyond exact money.
    pub fn mark(&self, math: &ContractMath, price: Option<MarkPrice>) -> Option<MarkPrice> {
        price.filter(|_| self.value(math, price).is_ok())
    }

    /// Signed worth of the open quantity at a price, as it enters equity; at cost without one.
    ///
    /// # Errors
    /// [`MoneyOverflow`].
    pub fn marked(&self, math: &ContractMath, price: Option<MarkPrice>) -> Result<Money, MoneyOverflow> {
        let value = self.value(math, price)?;
        Ok(math.signed(self.qty, value))
    }

    /// Cash plus marked position: the profit after fees if everything were closed at that price.
    ///
    /// # Errors
    /// [`MoneyOverflow`].
    pub fn equity(&self, math: &ContractMath, price: Option<MarkPrice>) -> Result<Money, MoneyOverflow> {
        self.cash.checked_add(self.marked(math, price)?).ok_or(MoneyOverflow::Sum)
    }

    /// Profit of the open quantity at a price, before fees; nothing without one.
    ///
    /// # Errors
    /// [`MoneyOverflow`].
    pub fn unrealized(&self, math: &ContractMath, price: Option<MarkPrice>) -> Result<Money, MoneyOverflow> {
        let gain = less(self.value(math, price)?, self.open_cost)?;
        Ok(math.signed(self.qty, gain))
    }

    /// All of it but what the venue took of its own accord, for saving: quantity, volume and number of fills; cost, profit, fees, cash and turnover; average.
    pub(crate) fn parts(&self) -> ([i64; 3], [Money; 5], f64) {
        (
            [self.qty, self.volume, self.fills as i64],
            [self.open_cost, self.realized, self.fees, self.cash, self.turnover],
            self.average,
        )
    }

    /// From what [`Position::parts`] told; `None` if that is beyond what an account may come to.
    pub(crate) fn from_parts(numbers: [i64; 3], amounts: [Money; 5], average: f64) -> Option<Self> {
        let [qty, volume, fills] = numbers;
        let [open_cost, realized, fees, cash, turnover] = amounts;
        let is_counted = amounts.iter().all(|amount| amount.is_within(ACCOUNT_LIMIT))
            && qty != i64::MIN
            && volume >= 0
            && fills >= 0;
        let fills = fills as u64;
        is_counted.then_some(Self {
            qty,
            open_cost,
            average,
            realized,
            fees,
            cash,
            funding: Money::ZERO,
            interest: Money::ZERO,
            turnover,
            volume,
            fills,
            lots: Lots::default(),
        })
    }

    /// The parts of what is held, oldest first: quantity, cost, price in increments; none with an average.
    pub(crate) fn lots(&self) -> impl ExactSizeIterator<Item = (i64, Money, i64)> + '_ {
        self.lots.iter()
    }

    /// The sum of their quantities over their prices, as it has come to be.
    pub(crate) fn quotients(&self) -> f64 {
        self.lots.quotients()
    }

    /// The same position of these parts; `None` where they do not come to it.
    pub(crate) fn with_lots(
        self,
        basis: CostBasis,
        parts: &[(i64, Money, i64)],
        quotients: f64,
    ) -> Option<Self> {
        let lots = Lots::restore(basis, parts, quotients, self.qty.abs(), self.open_cost)?;
        Some(Self { lots, ..self })
    }

    /// Average entry price in price increments; `None` when flat.
    pub fn avg_entry_price(&self) -> Option<f64> {
        (self.qty != 0).then_some(self.average)
    }
}

fn plus(a: Money, b: Money) -> Result<Money, MoneyOverflow> {
    a.checked_add(b).filter(|sum| sum.is_within(ACCOUNT_LIMIT)).ok_or(MoneyOverflow::Sum)
}

fn less(a: Money, b: Money) -> Result<Money, MoneyOverflow> {
    plus(a, -b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::instrument::tests::{inverse, linear, spec};
    use crate::types::{Decimal, Instrument, InstrumentKind, OptionSettlement, OptionSide};
    use proptest::prelude::*;

    fn math(instrument: &Instrument) -> ContractMath {
        ContractMath::new(instrument).unwrap()
    }

    #[allow(clippy::unnecessary_wraps, reason = "as positions are asked")]
    fn twice(price: i64) -> Option<MarkPrice> {
        Some(MarkPrice::Twice(price))
    }

    fn trade(position: &mut Position, math: &ContractMath, side: Side, price: i64, qty: i64) -> Money {
        let maker_fee = math.fee(math.value(Price::new(price), Qty::new(qty)).unwrap(), false).unwrap();
        position.apply(math, side, Price::new(price), Qty::new(qty), maker_fee).unwrap()
    }

    #[test]
    fn linear_worked_numbers() {
        let m = math(&linear());
        let mut p = Position::default();
        trade(&mut p, &m, Side::Buy, 271_505, 2_500);
        assert_eq!(p.fees.to_string(), "33.938125");
        let gain = trade(&mut p, &m, Side::Sell, 269_800, 2_500);
        assert_eq!(gain.to_string(), "-426.25");
        assert_eq!((p.qty, p.open_cost), (0, Money::ZERO));
        assert_eq!(Some(p.cash), p.realized.checked_sub(p.fees));
    }

    #[test]
    fn inverse_worked_numbers() {
        let m = math(&inverse());
        for (exit, gain) in [(110_000, "0.454545454545"), (90_000, "-0.555555555556")] {
            let mut p = Position::default();
            trade(&mut p, &m, Side::Buy, 100_000, 50_000);
            assert_eq!(trade(&mut p, &m, Side::Sell, exit, 50_000).to_string(), gain);
        }
        // However little its value, one fill's price is the average.
        let mut p = Position::default();
        trade(&mut p, &m, Side::Sell, 645_926, 1);
        assert_eq!(p.avg_entry_price(), Some(645_926.0));
        // Average entry is harmonic.
        let mut p = Position::default();
        for (price, qty) in [(100_000, 100_000), (110_000, 50_000), (90_000, 25_000)] {
            trade(&mut p, &m, Side::Buy, price, qty);
        }
        assert!((p.avg_entry_price().unwrap() - 101_020.408_163).abs() < 1e-5);
        let at_10500 = p.unrealized(&m, twice(2 * 105_000)).unwrap();
        assert!((at_10500.to_f64() - 0.656_565_656_566).abs() < 1e-11);
    }

    #[test]
    fn inverse_fee_is_charged_on_the_coin_value() {
        let mut s = spec("XBTUSD.BITMEX", InstrumentKind::INVERSE_PERPETUAL, "BTC");
        s.qty_increment = Decimal::ONE;
        s.taker_fee_bps = "5.5".parse().unwrap();
        let m = math(&Instrument::new(s).unwrap());
        let mut p = Position::default();
        trade(&mut p, &m, Side::Buy, 50_000, 1_000);
        let gain = trade(&mut p, &m, Side::Sell, 45_000, 1_000);
        assert!((gain.to_f64() + 0.022_222_222_222).abs() < 1e-11);
        assert!((p.fees.to_f64() - 0.000_232_222_222).abs() < 1e-11);
    }

    /// Realised profit of a round trip, and the worth at a mid in between.
    fn round_trip(
        kind: InstrumentKind,
        settlement: &str,
        size: &str,
        [entry, mid, exit]: [i64; 3],
    ) -> [String; 3] {
        let mut s = spec("A.B", kind, settlement);
        (s.price_increment, s.qty_increment) = ("0.0005".parse().unwrap(), Decimal::ONE);
        s.contract_size = size.parse().unwrap();
        let m = math(&Instrument::new(s).unwrap());
        let mut p = Position::default();
        p.apply(&m, Side::Buy, Price::new(entry), Qty::new(10_000), Money::ZERO).unwrap();
        let held = [p.cash, p.unrealized(&m, twice(2 * mid)).unwrap()];
        p.apply(&m, Side::Sell, Price::new(exit), Qty::new(10_000), Money::ZERO).unwrap();
        [held[0], held[1], p.realized].map(|amount| amount.to_string())
    }

    #[test]
    fn quanto_options_and_binaries_are_linear_in_their_settlement_currency() {
        // 10,000 contracts of 0.000001 XBT a dollar at 500 dollars are worth 5 XBT.
        let quanto = InstrumentKind::Quanto { expiry: None };
        let prices = [1_000_000, 1_100_000, 900_000];
        assert_eq!(round_trip(quanto, "XBT", "0.000001", prices), ["-5", "0.5", "-0.5"]);
        // A premium of 0.05 BTC an option, marked at 0.06 and sold at 0.04.
        let option = |settles| InstrumentKind::Option {
            strike: "100000".parse().unwrap(),
            expiry: 1,
            side: OptionSide::Call,
            settles,
        };
        let coin = option(OptionSettlement::Coin);
        assert_eq!(round_trip(coin, "BTC", "1", [100, 120, 80]), ["-500", "100", "-100"]);
        // Contracts of a hundredth, for 2,000, marked at 2,100 and sold at 2,500.
        let cash = option(OptionSettlement::Cash);
        let prices = [4_000_000, 4_200_000, 5_000_000];
        assert_eq!(round_trip(cash, "USDT", "0.01", prices), ["-200000", "10000", "50000"]);
        let binary = InstrumentKind::Binary { outcome: "Yes".into(), expiry: None };
        assert_eq!(round_trip(binary, "USDT", "1", [1_240, 1_300, 1_999]), ["-6200", "300", "3795"]);
    }

    #[test]
    fn a_flip_starts_a_fresh_basis_at_the_fill_price() {
        let m = math(&linear());
        let mut p = Position::default();
        trade(&mut p, &m, Side::Buy, 1_000_000, 2_000);
        trade(&mut p, &m, Side::Sell, 1_200_000, 5_000);
        assert_eq!(p.qty, -3_000);
        assert_eq!(p.avg_entry_price(), Some(1_200_000.0));
        assert_eq!(p.realized.to_string(), "40000");
    }

    #[test]
    fn more_than_is_held_cannot_be_closed() {
        let m = math(&linear());
        let mut p = Position::default();
        trade(&mut p, &m, Side::Buy, 1_000_000, 2_000);
        let before = p.clone();
        for part in [-1, 2_001, i64::MIN] {
            assert_eq!(p.pay(&m, PaymentKind::Settlement, part, Money::ZERO), Err(MoneyOverflow::NotHeld));
        }
        assert_eq!(p, before);
    }

    #[test]
    fn a_position_beyond_any_size_is_an_error_and_changes_nothing() {
        let m = math(&linear());
        let mut p = Position::default();
        p.apply(&m, Side::Buy, Price::new(1), Qty::new(i64::MAX), Money::ZERO).unwrap();
        let before = p.clone();
        assert!(p.apply(&m, Side::Buy, Price::new(1), Qty::new(1), Money::ZERO).is_err());
        assert_eq!(p, before);
    }

    #[test]
    fn amounts_beyond_exact_money_are_an_error_not_a_wrap() {
        let m = math(&linear());
        assert!(m.value(Price::new(i64::MAX / 4), Qty::new(i64::MAX / 4)).is_err());
    }

    proptest! {
        #[test]
        fn realized_plus_unrealized_equals_cash_plus_marked(
            coin in any::<bool>(),
            fills in proptest::collection::vec((any::<bool>(), 1_000i64..2_000_000, 1i64..1_000_000), 1..60),
            mark in proptest::option::of((any::<bool>(), 2_000i64..4_000_000)),
        ) {
            let instrument = if coin { inverse() } else { linear() };
            let m = math(&instrument);
            // A price on the grid of mids, or one between its points.
            let mark = mark.map(|(is_fine, price)| {
                if is_fine { MarkPrice::Fine(price * 1_000_003) } else { MarkPrice::Twice(price) }
            });
            let mut p = Position::default();
            let (mut qty, mut fees) = (0, Money::ZERO);
            for (buy, price, size) in fills {
                let side = if buy { Side::Buy } else { Side::Sell };
                let fee = m.fee(m.value(Price::new(price), Qty::new(size)).unwrap(), true).unwrap();
                p.apply(&m, side, Price::new(price), Qty::new(size), fee).unwrap();
                qty += side.sign() * size;
                fees = plus(fees, fee).unwrap();
                prop_assert_eq!((p.qty, p.fees), (qty, fees));
                let gross = plus(p.realized, p.unrealized(&m, mark).unwrap());
                prop_assert_eq!(gross.and_then(|gross| less(gross, p.fees)), p.equity(&m, mark));
            }
        }

        #[test]
        fn what_the_venue_closes_realises_what_a_fill_at_that_value_would(
            coin in any::<bool>(),
            basis in prop_oneof![Just(CostBasis::Average), Just(CostBasis::Fifo), Just(CostBasis::Lifo)],
            fills in proptest::collection::vec((any::<bool>(), 1_000i64..2_000_000, 1i64..1_000_000), 1..20),
            price in 1_000i64..2_000_000,
            share in 1i64..=4,
        ) {
            let m = math(&if coin { inverse() } else { linear() });
            let mut closed = Position::new(basis);
            for (buy, price, size) in fills {
                let side = if buy { Side::Buy } else { Side::Sell };
                closed.apply(&m, side, Price::new(price), Qty::new(size), Money::ZERO).unwrap();
            }
            let mut filled = closed.clone();
            let part = closed.qty / share;
            prop_assume!(part != 0);
            let side = if part > 0 { Side::Sell } else { Side::Buy };
            let value = m.value(Price::new(price), Qty::new(part.abs())).unwrap();
            let paid = -m.signed(part, value);
            let gain = closed.pay(&m, PaymentKind::Settlement, part, paid).unwrap();
            prop_assert_eq!(filled.apply(&m, side, Price::new(price), Qty::new(part.abs()), Money::ZERO), Ok(gain));
            prop_assert!(closed.balances(&m));
            prop_assert_eq!(
                (closed.qty, closed.cash, closed.realized, closed.open_cost),
                (filled.qty, filled.cash, filled.realized, filled.open_cost)
            );
            prop_assert_eq!(closed.lots().collect::<Vec<_>>(), filled.lots().collect::<Vec<_>>());
        }

        #[test]
        fn a_split_fill_books_the_same_as_a_whole_one(parts in proptest::collection::vec(1i64..1_000, 1..20)) {
            let m = math(&linear());
            let (mut whole, mut split) = (Position::default(), Position::default());
            let total: i64 = parts.iter().sum();
            whole.apply(&m, Side::Buy, Price::new(600_000), Qty::new(total), Money::ZERO).unwrap();
            for part in parts {
                split.apply(&m, Side::Buy, Price::new(600_000), Qty::new(part), Money::ZERO).unwrap();
            }
            prop_assert_eq!(whole.cash, split.cash);
            prop_assert_eq!(whole.open_cost, split.open_cost);
        }
    }
}
