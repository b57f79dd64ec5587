//! Charging accounts for their fills: what a fee is paid in, and what each has traded.
//!
//! A fee of the settlement currency is paid in a coin: that currency, what a spot order received, another one, or a token
//! with a discount, if the account has enough of it. An amount of the settlement currency is counted in a coin at the
//! coin's price then, rounded half to even at 10^-12.
//!
//! Volume is the notional in quote currency of all fills of an account at a venue, counted before the fill it is asked for,
//! by days of UTC: the day of the fill and the 29 before. A quote currency that is itself traded at the venue for another
//! one counts by its mid. What an account had traded before the run is spread over the 30 days before it evenly.

use std::collections::{BTreeMap, VecDeque};

use rustc_hash::FxHashMap;

use super::charged::ChargedFill;
use super::custom::FeesInUse;
use super::fees::{BadFees, FeeModel, FeeSettings};
use super::rules::DAY;
use crate::orders::{FeeCoin, FeePaid};
use crate::types::{
    AccountId, Decimal, FeeCurrency, Instrument, InstrumentKind, MarketId, Money, Side, pow10_i128,
};

/// Days whose volume counts.
const DAYS: i64 = 30;

/// What a coin is worth in the settlement currency, as a fraction.
type Worth = (i128, i128);

/// Where the price of a coin comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PricedBy {
    Market(MarketId),
    Given(Decimal),
}

/// In which coin a fee is paid that no token pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PaidIn {
    Settlement,
    Base,
    Received,
    Coin(PricedBy),
}

/// What is charged in a market.
#[derive(Debug)]
pub(super) struct MarketFees {
    model: FeeModel,
    paid_in: PaidIn,
    /// The token, with what is left of a fee in it.
    token: Option<(PricedBy, Decimal)>,
    /// The market that says what the quote currency counts.
    counts_by: Option<MarketId>,
}

/// What a fill costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Charge {
    /// In the settlement currency.
    pub(super) fee: Money,
    /// What was paid instead.
    pub(super) paid: Option<FeePaid>,
}

impl MarketFees {
    /// What is charged in a market of a venue, of which these are all; nothing where it is the instrument's basis points
    /// in the settlement currency. A coin that only the instrument names, and no market prices, is left alone where
    /// nothing holds balances.
    ///
    /// # Errors
    /// [`BadFees`] for fees in a coin that no market prices.
    pub(super) fn new(
        settings: &FeeSettings,
        instrument: &Instrument,
        markets: &PricedCoins<'_>,
        holds: bool,
    ) -> Result<Option<Self>, BadFees> {
        let priced_by = |field, coin: &str| {
            let market = markets.of(coin, |currency| currency == instrument.settlement);
            market.map(PricedBy::Market).ok_or_else(|| BadFees {
                field,
                problem: format!(
                    "fees of {} are paid in {coin}, and no market of the run is {coin}/{}",
                    instrument.id, instrument.settlement
                ),
            })
        };
        let paid_in = match &instrument.fee_currency {
            FeeCurrency::Settlement => PaidIn::Settlement,
            FeeCurrency::Received => PaidIn::Received,
            FeeCurrency::Coin(coin) if *coin == instrument.settlement => PaidIn::Settlement,
            FeeCurrency::Coin(coin) if *coin == instrument.base => PaidIn::Base,
            FeeCurrency::Coin(coin) => match priced_by("fee_currency", coin) {
                Ok(by) => PaidIn::Coin(by),
                Err(error) if holds || settings.currency.is_some() => return Err(error),
                Err(_) => PaidIn::Settlement,
            },
        };
        let token = match &settings.token {
            Some(token) => {
                let by = match token.price {
                    Some(price) => PricedBy::Given(price),
                    None => priced_by("fee_token", &token.name)?,
                };
                Some((by, token.discount))
            }
            None => None,
        };
        let model = settings.model(instrument);
        let counts_by = markets.of(&instrument.quote, |currency| currency != instrument.quote);
        let is_plain = model == FeeModel::Rates && paid_in == PaidIn::Settlement && token.is_none();
        Ok((!is_plain).then_some(Self { model, paid_in, token, counts_by }))
    }

    /// How a fee comes about.
    pub(super) fn model(&self) -> &FeeModel {
        &self.model
    }
}

/// The markets of a venue that price a coin, in their order, by the coin: each of a thousand markets asks for some.
pub(super) struct PricedCoins<'a>(FxHashMap<&'a str, Vec<(MarketId, &'a str)>>);

impl<'a> PricedCoins<'a> {
    pub(super) fn new(markets: &[(MarketId, &'a Instrument)]) -> Self {
        let mut coins: FxHashMap<_, Vec<_>> = FxHashMap::default();
        for (id, market) in markets {
            if matches!(market.kind, InstrumentKind::Spot | InstrumentKind::Linear { .. }) {
                coins.entry(market.base.as_str()).or_default().push((*id, market.quote.as_str()));
            }
        }
        Self(coins)
    }

    /// The first market in which a coin is priced in a currency that will do.
    fn of(&self, coin: &str, will_do: impl Fn(&str) -> bool) -> Option<MarketId> {
        let markets = self.0.get(coin)?;
        markets.iter().find(|(_, currency)| will_do(currency)).map(|(id, _)| *id)
    }
}

/// What an account has traded, by day.
#[derive(Debug, Default)]
struct Traded {
    days: VecDeque<(i64, Money)>,
    sum: Money,
}

/// What the accounts of a venue have traded.
#[derive(Debug, Default)]
pub(super) struct Volumes {
    before: Money,
    began: i64,
    accounts: BTreeMap<AccountId, Traded>,
}

impl Volumes {
    /// Volumes that begin with what was traded in the 30 days before.
    pub(super) fn new(before: Money) -> Self {
        Self { before, ..Self::default() }
    }

    /// The data begins.
    pub(super) fn begin(&mut self, now: i64) {
        self.began = now.div_euclid(DAY);
    }

    /// What an account has traded in the 30 days up to a time.
    fn at(&mut self, account: AccountId, ts: i64) -> Money {
        let day = ts.div_euclid(DAY);
        let left = (DAYS - (day - self.began)).clamp(0, DAYS);
        let before = self.before.scaled(left.into(), DAYS.into()).unwrap_or_default();
        let Some(traded) = self.accounts.get_mut(&account) else { return before };
        while let Some((_, volume)) = traded.days.front().copied().filter(|(of, _)| *of <= day - DAYS) {
            traded.days.pop_front();
            traded.sum = Money::from_units(traded.sum.units() - volume.units());
        }
        Money::from_units(before.units().saturating_add(traded.sum.units()))
    }

    fn add(&mut self, account: AccountId, ts: i64, volume: Money) {
        let day = ts.div_euclid(DAY);
        let traded = self.accounts.entry(account).or_default();
        let Some(sum) = traded.sum.checked_add(volume) else { return };
        traded.sum = sum;
        match traded.days.back_mut() {
            Some((of, counted)) if *of == day => {
                *counted = Money::from_units(counted.units() + volume.units());
            }
            _ => traded.days.push_back((day, volume)),
        }
    }

    /// Charges for a fill, and counts it. A `custom` model says the fee instead; `price_of` tells the sum of best prices of a
    /// market and what its steps are; `pay` has the account pay so much of the third coin, if it has it, and tells whether it
    /// did.
    pub(super) fn charge(
        &mut self,
        fees: &MarketFees,
        fill: ChargedFill<'_>,
        custom: Option<&mut FeesInUse>,
        price_of: impl Fn(MarketId) -> Option<(i64, Decimal)>,
        mut pay: impl FnMut(Money) -> bool,
    ) -> Option<Charge> {
        let fill = ChargedFill { volume: self.at(fill.account, fill.ts), ..fill };
        let fee = match custom {
            Some(model) => model.fee(&fill),
            None => fees.model.fee(&fill)?,
        };
        if let FeeModel::Tiers(_) | FeeModel::Custom = fees.model {
            let counted = fees.counts_by.and_then(&price_of).and_then(worth_of_mid);
            if let Some(volume) = volume_of(&fill, counted) {
                self.add(fill.account, fill.ts, volume);
            }
        }
        let worth = |by: PricedBy| match by {
            PricedBy::Market(market) => price_of(market).and_then(worth_of_mid),
            PricedBy::Given(price) => Some((price.mantissa(), pow10_i128(price.scale())?)),
        };
        if let Some((by, discount)) = fees.token.filter(|_| fee > Money::ZERO) {
            let over = pow10_i128(discount.scale())?;
            let less = fee.scaled(over - discount.mantissa(), over)?;
            let amount = worth(by).and_then(|worth| in_coin(less, worth));
            if let Some(amount) = amount
                && pay(amount)
            {
                return Some(Charge { fee: less, paid: Some(FeePaid { coin: FeeCoin::Token, amount }) });
            }
        }
        let at_fill = || {
            let step = fill.instrument.price_increment.value();
            let price = i128::from(fill.price.steps()).checked_mul(step.mantissa())?;
            Some((price, pow10_i128(step.scale())?))
        };
        let paid = match fees.paid_in {
            PaidIn::Settlement => None,
            PaidIn::Received if fill.side == Side::Sell => None,
            PaidIn::Base | PaidIn::Received => Some((FeeCoin::Base, at_fill()?)),
            // Nobody knows what the coin is worth: the settlement currency pays.
            PaidIn::Coin(by) => worth(by).map(|worth| (FeeCoin::Token, worth)),
        };
        let paid = paid.and_then(|(coin, worth)| Some(FeePaid { coin, amount: in_coin(fee, worth)? }));
        // Nor is it known to be there.
        let is_there = |paid: &FeePaid| paid.coin != FeeCoin::Token || pay(paid.amount);
        Some(Charge { fee, paid: paid.filter(is_there) })
    }
}

/// What a fill counts as volume.
fn volume_of(fill: &ChargedFill<'_>, counted: Option<Worth>) -> Option<Money> {
    let value = fill.math.value(fill.price, fill.qty).ok()?;
    let notional = fill.math.notional(fill.instrument, value, fill.qty).ok()?;
    match counted {
        Some((price, over)) => notional.scaled(price, over),
        None => Some(notional),
    }
}

fn worth_of_mid((twice_mid, step): (i64, Decimal)) -> Option<Worth> {
    let price = i128::from(twice_mid).checked_mul(step.mantissa())?;
    Some((price, 2i128.checked_mul(pow10_i128(step.scale())?)?))
}

/// An amount of the settlement currency in a coin.
fn in_coin(amount: Money, (price, over): Worth) -> Option<Money> {
    (price > 0).then(|| amount.scaled(over, price)).flatten()
}
#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ledger::ContractMath;
    use crate::orders::Liquidity;
    use crate::sim::fees::FeeToken;
    use crate::types::instrument::tests::spec;
    use crate::types::{Fees, Price, Qty};

    const ME: AccountId = AccountId::new(0);
    const BNB: MarketId = MarketId::new(1);

    fn dec(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    fn money(text: &str) -> Money {
        text.parse().unwrap()
    }

    fn of(id: &str, kind: InstrumentKind) -> Instrument {
        let settlement = if kind.is_inverse() { "BTC" } else { "USDT" };
        Instrument::new(spec(id, kind, settlement)).unwrap()
    }

    /// Fills of 1 BTC at 100 with these settings, each so many days after the first; what is paid.
    struct Desk {
        instrument: Instrument,
        math: ContractMath,
        fees: Option<MarketFees>,
        volumes: Volumes,
    }

    impl Desk {
        fn new(settings: &FeeSettings, kind: InstrumentKind) -> Self {
            let instrument = settings.charged(&of("BTCUSDT.V", kind));
            let mut bnb = spec("BNBUSDT.V", InstrumentKind::Spot, "USDT");
            bnb.base = "BNB".into();
            let bnb = Instrument::new(bnb).unwrap();
            let markets = PricedCoins::new(&[(MarketId::new(0), &instrument), (BNB, &bnb)]);
            let fees = MarketFees::new(settings, &instrument, &markets, true).unwrap();
            let math = ContractMath::new(&instrument).unwrap();
            Self { fees, math, volumes: Volumes::new(settings.volume), instrument }
        }

        fn fill(&mut self, day: i64, side: Side, liquidity: Liquidity, has: Money) -> Charge {
            let (price, qty) = (Price::new(1_000), Qty::new(1_000));
            let (instrument, math) = (&self.instrument, &self.math);
            let fill = ChargedFill {
                account: ME,
                volume: Money::ZERO,
                instrument,
                math,
                side,
                liquidity,
                price,
                qty,
                underlying: None,
                ts: day * DAY,
            };
            let Some(fees) = &self.fees else {
                return Charge { fee: FeeModel::Rates.fee(&fill).unwrap(), paid: None };
            };
            // BNB is at 500.
            let price_of = |market| (market == BNB).then(|| (10_000, dec("0.1")));
            self.volumes.charge(fees, fill, None, price_of, |amount| amount <= has).unwrap()
        }

        fn takes(&mut self, day: i64) -> Charge {
            self.fill(day, Side::Buy, Liquidity::Taker, Money::ZERO)
        }
    }

    fn tiers() -> FeeSettings {
        FeeSettings { schedule: Some("0: 2/5, 250: -1/4".parse().unwrap()), ..FeeSettings::default() }
    }

    const LINEAR: InstrumentKind = InstrumentKind::LINEAR_PERPETUAL;

    #[test]
    fn a_fill_is_charged_by_the_volume_before_it() {
        let mut desk = Desk::new(&tiers(), LINEAR);
        let fees: Vec<String> = (0..4).map(|_| desk.takes(0).fee.to_string()).collect();
        assert_eq!(fees, ["0.05", "0.05", "0.05", "0.04"]);
        let made = desk.fill(0, Side::Buy, Liquidity::Maker, Money::ZERO);
        assert_eq!(made.fee, money("-0.01"), "a rebate");
    }

    #[test]
    fn volume_counts_for_thirty_days() {
        let mut desk = Desk::new(&tiers(), LINEAR);
        (0..3).for_each(|_| _ = desk.takes(0));
        assert_eq!(desk.takes(29).fee, money("0.04"));
        assert_eq!(desk.takes(30).fee, money("0.05"), "only what was traded a day ago is left");
    }

    #[test]
    fn what_was_traded_before_the_run_leaves_day_by_day() {
        let settings = FeeSettings { volume: money("300"), ..tiers() };
        let mut desk = Desk::new(&settings, LINEAR);
        assert_eq!(desk.takes(5).fee, money("0.04"), "250 are left");
        let mut later = Desk::new(&settings, LINEAR);
        assert_eq!(later.takes(6).fee, money("0.05"));
    }

    #[test]
    fn a_chosen_tier_holds_and_given_rates_go_before_all() {
        let chosen = FeeSettings { tier: Some(1), ..tiers() };
        let mut desk = Desk::new(&chosen, LINEAR);
        assert_eq!((desk.takes(0).fee, desk.fees.is_none()), (money("0.04"), true));
        let rates = Fees::new(None, Some(dec("3"))).unwrap();
        let mut desk = Desk::new(&FeeSettings { rates, ..tiers() }, LINEAR);
        assert_eq!(desk.takes(0).fee, money("0.03"));
        let made = desk.fill(0, Side::Buy, Liquidity::Maker, Money::ZERO);
        assert_eq!(made.fee, money("0.02"));
        assert!(FeeSettings { tier: Some(2), ..tiers() }.check().is_err());
    }

    #[test]
    fn a_token_pays_less_as_long_as_there_is_enough_of_it() {
        let token = |price| FeeToken { name: "BNB".into(), discount: dec("0.25"), price };
        let mut desk = Desk::new(&FeeSettings { token: Some(token(None)), ..tiers() }, LINEAR);
        let paid = |amount| Some(FeePaid { coin: FeeCoin::Token, amount: money(amount) });
        let taken = desk.fill(0, Side::Buy, Liquidity::Taker, money("0.000075"));
        assert_eq!(taken, Charge { fee: money("0.0375"), paid: paid("0.000075") });
        assert_eq!(desk.takes(0), Charge { fee: money("0.05"), paid: None }, "there is none left");
        let mut given = Desk::new(&FeeSettings { token: Some(token(Some(dec("100")))), ..tiers() }, LINEAR);
        let taken = given.fill(0, Side::Buy, Liquidity::Taker, money("1"));
        assert_eq!(taken.paid, paid("0.000375"));
        let rebate = FeeSettings { tier: Some(1), token: Some(token(None)), ..tiers() };
        let made = Desk::new(&rebate, LINEAR).fill(0, Side::Buy, Liquidity::Maker, money("1"));
        assert_eq!(made, Charge { fee: money("-0.01"), paid: None }, "a rebate is none of the token's");
    }

    #[test]
    fn spot_may_pay_in_what_it_receives() {
        let settings = FeeSettings { currency: Some(FeeCurrency::Received), ..tiers() };
        let mut desk = Desk::new(&settings, InstrumentKind::Spot);
        let bought = desk.takes(0);
        let base = FeePaid { coin: FeeCoin::Base, amount: money("0.0005") };
        assert_eq!(bought, Charge { fee: money("0.05"), paid: Some(base) });
        let sold = desk.fill(0, Side::Sell, Liquidity::Taker, Money::ZERO);
        assert_eq!(sold.paid, None);
        let contract = Desk::new(&settings, LINEAR);
        assert_eq!(contract.instrument.fee_currency, FeeCurrency::Settlement);
    }

    proptest! {
        #[test]
        fn volumes_are_those_of_thirty_days_counted_one_by_one(
            fills in proptest::collection::vec((0i64..4, 1i128..1_000), 1..60)
        ) {
            let mut volumes = Volumes::new(Money::ZERO);
            let (mut day, mut told) = (0, Vec::new());
            for (step, amount) in fills {
                day += step * 7;
                let ts = day * DAY + 5;
                let obvious: i128 =
                    told.iter().filter(|(of, _)| *of > day - DAYS).map(|(_, amount)| *amount).sum();
                prop_assert_eq!(volumes.at(ME, ts).units(), obvious);
                volumes.add(ME, ts, Money::from_units(amount));
                told.push((day, amount));
            }
        }
    }
}
