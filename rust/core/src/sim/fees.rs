//! What a venue charges for fills, all of its arithmetic.
//!
//! * A fee is first an amount of the settlement currency, by a [`FeeModel`]: basis points of the value, those of the
//!   instrument or of the tier that the account's volume of 30 days has reached; a share of what an outcome is uncertain
//!   by; so much of an option's underlying; or what a model of somebody else's says.
//! * Then it is paid in a coin: the settlement currency, what a spot order received, another one, or a token with a
//!   discount, if the account has enough of it. An amount of the settlement currency is counted in a coin at the coin's
//!   price then, rounded half to even at 10^-12.
//!
//! Volume is the notional in quote currency of all fills of an account at a venue, counted before the fill it is asked for,
//! by days of UTC: the day of the fill and the 29 before. A quote currency that is itself traded at the venue for another
//! one counts by its mid. What an account had traded before the run is spread over the 30 days before it evenly.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::str::FromStr;

use rustc_hash::FxHashMap;

use super::charged::ChargedFill;
use super::custom::{FeeSource, FeesInUse, Source};
use super::rules::DAY;
use crate::orders::{FeeCoin, FeePaid, Liquidity};
use crate::types::{
    AccountId, Decimal, FeeCurrency, Fees, Instrument, InstrumentKind, MarketId, Money, OptionSettlement,
    Side, div_half_even, pow10_i128,
};

/// Days whose volume counts.
const DAYS: i64 = 30;
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

/// A fee of options: `0.0003, 0.125` is so much of the underlying for each unit of it, at most that share of the premium.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OptionFee {
    /// Units of the underlying for each unit of it.
    pub rate: Decimal,
    /// The most it may be of the premium.
    pub cap: Decimal,
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
    /// Fees of options that are settled in coin.
    pub option: Option<OptionFee>,
    /// Fees of outcomes: this times what it is uncertain by.
    pub outcome: Option<Decimal>,
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
            (InstrumentKind::Option { settles: OptionSettlement::Coin, .. }, _, Some(fee), _) => {
                FeeModel::Option(fee)
            }
            (InstrumentKind::Binary { .. }, _, _, Some(rate)) => FeeModel::Outcome { rate },
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
    },
    /// So much of the underlying, at most a share of the premium.
    Option(OptionFee),
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
            Self::Outcome { rate } => {
                let step = fill.instrument.price_increment;
                let one = i128::from(step.steps(Decimal::ONE).ok()?);
                let rest = one.checked_sub(fill.price.steps().into())?;
                let over = one.checked_mul(pow10_i128(rate.scale())?)?;
                let fee = value.scaled(rest.checked_mul(rate.mantissa())?, over)?;
                let unit = pow10_i128(crate::types::MONEY_SCALE - OUTCOME_DECIMALS)?;
                Some(Money::from_units(div_half_even(fee.units(), unit).checked_mul(unit)?))
            }
            Self::Option(OptionFee { rate, cap }) => {
                let qty = fill.instrument.qty_increment.to_decimal(fill.qty.steps());
                let size = fill.instrument.contract_size;
                let underlying = Money::from_units(
                    qty.mantissa().checked_mul(size.mantissa())?.checked_mul(rate.mantissa())?,
                );
                let fee = underlying.scaled(
                    pow10_i128(crate::types::MONEY_SCALE)?,
                    pow10_i128(qty.scale() + size.scale() + rate.scale())?,
                )?;
                Some(fee.min(value.scaled(cap.mantissa(), pow10_i128(cap.scale())?)?))
            }
        }
    }
}

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

    /// Charges for a fill, and counts it. A `custom` model says the fee instead; `price_of` tells the sum of best prices of a market and what its steps are;
    /// `pay` has the account pay so much of the third coin, if it has it or has to, and tells whether it did.
    pub(super) fn charge(
        &mut self,
        fees: &MarketFees,
        fill: ChargedFill<'_>,
        custom: Option<&mut FeesInUse>,
        price_of: impl Fn(MarketId) -> Option<(i64, Decimal)>,
        mut pay: impl FnMut(Money, bool) -> bool,
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
                && pay(amount, false)
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
        if let Some(FeePaid { coin: FeeCoin::Token, amount }) = paid {
            pay(amount, true);
        }
        Some(Charge { fee, paid })
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
    use crate::types::instrument::tests::spec;
    use crate::types::{Price, Qty};

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
                ts: day * DAY,
            };
            let Some(fees) = &self.fees else {
                return Charge { fee: FeeModel::Rates.fee(&fill).unwrap(), paid: None };
            };
            // BNB is at 500.
            let price_of = |market| (market == BNB).then(|| (10_000, dec("0.1")));
            self.volumes.charge(fees, fill, None, price_of, |amount, must| must || amount <= has).unwrap()
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

    #[test]
    fn an_outcome_is_charged_by_what_it_is_uncertain_by() {
        let mut s = spec("YES.POLY", InstrumentKind::Binary { outcome: "Yes".into(), expiry: None }, "USDC");
        (s.quote, s.price_increment) = ("USDC".into(), dec("0.01"));
        let instrument = Instrument::new(s).unwrap();
        let math = ContractMath::new(&instrument).unwrap();
        let fee = |cents, liquidity| {
            let fill = ChargedFill {
                account: ME,
                volume: Money::ZERO,
                instrument: &instrument,
                math: &math,
                side: Side::Buy,
                liquidity,
                price: Price::new(cents),
                qty: Qty::new(7_000),
                ts: 0,
            };
            FeeModel::Outcome { rate: dec("0.072") }.fee(&fill).unwrap().to_string()
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
