//! One currency for all that a run makes.
//!
//! What accounts hold in other currencies is worth what the markets of the run say at that moment: an instrument whose
//! base and quote are the two, at its mid, or a rate that was stated for good. Where none trades the two against each other, two of
//! them may by way of a third currency. Equity is converted sample by sample, totals at the rates of the end, so that both agree.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::stats::{CurrencyTotals, EquityStats};
use crate::ledger::{ACCOUNT_LIMIT, MoneyOverflow};
use crate::types::{Decimal, Instrument, InstrumentKind, MONEY_SCALE, MarketId, Money};

/// What a run is reported in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReportingSettings {
    /// The currency.
    pub currency: String,
    /// What one of other currencies is worth in it, where that is stated.
    pub rates: BTreeMap<String, Decimal>,
}

/// Why a run cannot be reported in a currency.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct BadReporting {
    /// The setting.
    pub field: String,
    /// What is wrong with it.
    pub problem: String,
}

/// The most units of a stated rate: with them any amount of an account is still counted.
const RATE_LIMIT: i128 = 10i128.pow(24);

/// How an amount becomes one of another currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// By a market's mid: times it, or over it.
    Market { market: MarketId, unit: (i128, i128), over: bool },
    /// At the rate of so many before it, in units of money.
    Stated { place: usize, rate: i128 },
}

/// How amounts of each settlement currency become amounts of the one a run is reported in.
#[derive(Debug)]
pub struct Reporting {
    currency: String,
    /// By settlement currency; nothing to be done for the one itself.
    ways: Vec<(String, Vec<Step>)>,
}

/// What a way is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// The mid of a market.
    Market(MarketId),
    /// A rate that was stated.
    Stated,
}

/// Finds the ways between currencies.
struct Routes<'a> {
    settings: &'a ReportingSettings,
    instruments: &'a [Arc<Instrument>],
}

impl Routes<'_> {
    /// One step from a currency to another: what was stated, else a spot market, a perpetual contract, one that expires.
    fn step(&self, from: &str, to: &str) -> Option<Step> {
        let stated = self.settings.rates.iter().enumerate().find(|(_, (name, _))| name.as_str() == from);
        if let Some((place, (_, rate))) = stated.filter(|_| to == self.settings.currency) {
            return rate.at_scale(MONEY_SCALE).map(|rate| Step::Stated { place, rate });
        }
        let candidates = self.instruments.iter().enumerate().filter_map(|(index, instrument)| {
            let rank = match &instrument.kind {
                InstrumentKind::Spot => 0,
                InstrumentKind::Linear { expiry } | InstrumentKind::Inverse { expiry } => {
                    1 + u8::from(expiry.is_some())
                }
                _ => return None,
            };
            let pair = (instrument.base.as_str(), instrument.quote.as_str());
            let over = pair == (to, from);
            (over || pair == (from, to)).then_some((rank, index, over))
        });
        let (_, index, over) = candidates.min()?;
        let step = self.instruments[index].price_increment.value();
        // Mids come as the sum of bid and ask.
        let unit = (step.mantissa(), 2 * 10i128.checked_pow(step.scale())?);
        Some(Step::Market { market: MarketId::new(index), unit, over })
    }

    /// The steps from a currency to the one that is reported in, one or two.
    fn way(&self, from: &str) -> Option<Vec<Step>> {
        let target = self.settings.currency.as_str();
        if from == target {
            return Some(Vec::new());
        }
        if let Some(step) = self.step(from, target) {
            return Some(vec![step]);
        }
        let traded = self.instruments.iter().flat_map(|i| [i.base.as_str(), i.quote.as_str()]);
        let hops = traded.chain(self.settings.rates.keys().map(String::as_str));
        hops.filter(|hop| *hop != from && *hop != target)
            .find_map(|hop| Some(vec![self.step(from, hop)?, self.step(hop, target)?]))
    }
}

impl Reporting {
    /// The ways from these settlement currencies, by the markets of these instruments.
    ///
    /// # Errors
    /// [`BadReporting`] for a currency without a way, a rate that is none, and one that nothing needs.
    pub fn new(
        settings: &ReportingSettings,
        instruments: &[Arc<Instrument>],
        currencies: &[String],
    ) -> Result<Self, BadReporting> {
        let bad = |field: &str, problem: String| BadReporting { field: field.to_owned(), problem };
        for (name, rate) in &settings.rates {
            let units = rate.at_scale(MONEY_SCALE).filter(|units| (1..=RATE_LIMIT).contains(units));
            if units.is_none() || *name == settings.currency {
                let expected =
                    format!("expected what 1 {name} is worth in another currency, {}", settings.currency);
                let limits = "above 0, at most 10^12, with up to 12 decimals";
                return Err(bad(
                    &format!("reporting_rates.{name}"),
                    format!("{expected}, {limits}; got {rate}"),
                ));
            }
        }
        let routes = Routes { settings, instruments };
        let way = |name: &String| {
            let target = &settings.currency;
            let missing = || {
                let markets = format!("an instrument of the run that trades {name} against {target}");
                let hop = "two by way of a third currency";
                bad(
                    "reporting_currency",
                    format!(
                        "no way from {name} to {target}: expected {markets}, {hop}, or reporting_rates.{name}"
                    ),
                )
            };
            routes.way(name).map(|steps| (name.clone(), steps)).ok_or_else(missing)
        };
        let ways: Vec<_> = currencies.iter().map(way).collect::<Result<_, _>>()?;
        for (at, name) in settings.rates.keys().enumerate() {
            let uses = |step: &Step| matches!(step, Step::Stated { place, .. } if *place == at);
            if !ways.iter().any(|(_, steps)| steps.iter().any(uses)) {
                let problem = "nothing settles in it, and nothing is converted by way of it".to_owned();
                return Err(bad(&format!("reporting_rates.{name}"), problem));
            }
        }
        Ok(Self { currency: settings.currency.clone(), ways })
    }

    /// The markets whose mids are needed.
    pub fn markets(&self) -> impl Iterator<Item = MarketId> + '_ {
        self.ways.iter().flat_map(|(_, steps)| steps).filter_map(|step| match step {
            Step::Market { market, .. } => Some(*market),
            Step::Stated { .. } => None,
        })
    }

    /// Each settlement currency with what its way is made of and what one of it is worth; `None` while that is not known.
    pub fn told(
        &self,
        twice_mid: impl Fn(MarketId) -> Option<i64>,
    ) -> impl Iterator<Item = (&str, Vec<By>, Option<Money>)> {
        let one = Money::from_units(10i128.pow(MONEY_SCALE));
        self.ways.iter().enumerate().filter(|(_, (_, steps))| !steps.is_empty()).map(
            move |(index, (name, steps))| {
                let by = steps.iter().map(|step| match step {
                    Step::Market { market, .. } => By::Market(*market),
                    Step::Stated { .. } => By::Stated,
                });
                (name.as_str(), by.collect(), self.convert(index, one, &twice_mid).ok().flatten())
            },
        )
    }

    /// An amount of a settlement currency in the one that is reported in; `None` while a market has had no mid.
    fn convert(
        &self,
        currency: usize,
        amount: Money,
        twice_mid: impl Fn(MarketId) -> Option<i64>,
    ) -> Result<Option<Money>, MoneyOverflow> {
        let mut amount = amount;
        for step in &self.ways[currency].1 {
            if amount == Money::ZERO {
                break;
            }
            let scaled = match *step {
                Step::Stated { rate, .. } => amount.scaled(rate, 10i128.pow(MONEY_SCALE)),
                Step::Market { market, unit: (numerator, denominator), over } => {
                    let Some(twice) = twice_mid(market).filter(|twice| *twice > 0) else { return Ok(None) };
                    let price = numerator.checked_mul(twice.into()).ok_or(MoneyOverflow::Sum)?;
                    if over { amount.scaled(denominator, price) } else { amount.scaled(price, denominator) }
                }
            };
            amount = scaled.filter(|sum| sum.is_within(ACCOUNT_LIMIT)).ok_or(MoneyOverflow::Sum)?;
        }
        Ok(Some(amount))
    }

    /// A sum over all settlement currencies.
    pub(super) fn sum(
        &self,
        amounts: &[Money],
        twice_mid: impl Fn(MarketId) -> Option<i64>,
    ) -> Result<Option<Money>, MoneyOverflow> {
        let mut total = Money::ZERO;
        for (currency, amount) in amounts.iter().enumerate() {
            let Some(amount) = self.convert(currency, *amount, &twice_mid)? else { return Ok(None) };
            total = total.checked_add(amount).ok_or(MoneyOverflow::Sum)?;
        }
        Ok(Some(total))
    }

    /// What totals by currency come to, of which `equity` is that of the end; the statistics are those of the curve.
    pub(super) fn total(
        &self,
        totals: &[CurrencyTotals],
        stats: EquityStats,
        twice_mid: impl Fn(MarketId) -> Option<i64>,
    ) -> Result<Option<CurrencyTotals>, MoneyOverflow> {
        let sum = |of: fn(&CurrencyTotals) -> Option<Money>| {
            let amounts: Option<Vec<_>> = totals.iter().map(of).collect();
            self.sum(&amounts.ok_or(MoneyOverflow::Sum)?, &twice_mid)
        };
        let (Some(net), Some(fees), Some(funding), Some(interest), Some(turnover)) = (
            sum(CurrencyTotals::net)?,
            sum(|total| Some(total.fees))?,
            sum(|total| Some(total.funding))?,
            sum(|total| Some(total.interest))?,
            sum(|total| Some(total.turnover))?,
        ) else {
            return Ok(None);
        };
        // So that the parts add up to what equity is in the end, whatever was rounded.
        let paid = [fees, funding, interest];
        let gross = paid.into_iter().try_fold(net, Money::checked_add);
        let gross = gross.ok_or(MoneyOverflow::Sum)?;
        Ok(Some(CurrencyTotals {
            currency: self.currency.clone(),
            gross,
            fees,
            funding,
            interest,
            turnover,
            stats,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::InstrumentSpec;
    use crate::types::instrument::tests::spec;
    use proptest::prelude::*;

    fn market(id: &str, base: &str, quote: &str, kind: InstrumentKind) -> Arc<Instrument> {
        let names = [base, quote].map(str::to_owned);
        let [base, quote] = names;
        let settlement = if kind.is_inverse() { base.clone() } else { quote.clone() };
        let increment = "0.5".parse().unwrap();
        let from = spec(id, kind, &settlement);
        Arc::new(
            Instrument::new(InstrumentSpec { base, quote, settlement, price_increment: increment, ..from })
                .unwrap(),
        )
    }

    fn reporting(to: &str, rates: &[(&str, &str)], markets: &[Arc<Instrument>], of: &[&str]) -> Reporting {
        let rates = rates.iter().map(|(name, rate)| ((*name).to_owned(), rate.parse().unwrap())).collect();
        let settings = ReportingSettings { currency: to.to_owned(), rates };
        let of: Vec<_> = of.iter().map(|name| (*name).to_owned()).collect();
        Reporting::new(&settings, markets, &of).unwrap()
    }

    fn by(reporting: &Reporting) -> Vec<Vec<By>> {
        reporting.told(|_| None).map(|(_, by, _)| by).collect()
    }

    #[test]
    fn spot_goes_before_perpetuals_and_these_before_what_expires() {
        let dated = InstrumentKind::Linear { expiry: Some(1) };
        let perpetual = InstrumentKind::Inverse { expiry: None };
        let kinds = [dated, perpetual, InstrumentKind::Spot];
        let all: Vec<_> = kinds.into_iter().map(|kind| market("A.B", "BTC", "USDT", kind)).collect();
        for first in 0..3 {
            let ways = by(&reporting("USDT", &[], &all[..=first], &["BTC"]));
            assert_eq!(ways, [[By::Market(MarketId::new(first))]]);
        }
    }

    #[test]
    fn a_third_currency_joins_two_markets_and_what_is_stated_goes_first() {
        let all = [
            market("A.B", "ETH", "BTC", InstrumentKind::Spot),
            market("B.B", "BTC", "USDT", InstrumentKind::Spot),
        ];
        let [first, second] = [0, 1].map(|at| By::Market(MarketId::new(at)));
        assert_eq!(by(&reporting("USDT", &[], &all, &["ETH", "USDT"])), [[first, second]]);
        assert_eq!(by(&reporting("EUR", &[("BTC", "9")], &all, &["ETH"])), [[first, By::Stated]]);
        assert_eq!(by(&reporting("USDT", &[("BTC", "9")], &all, &["BTC"])), [[By::Stated]]);
    }

    #[test]
    fn equal_rates_are_told_apart_where_one_of_them_is_for_nothing() {
        let rates = ["DAI", "USDC"].map(|name| (name.to_owned(), Decimal::ONE)).into();
        let settings = ReportingSettings { currency: "USDT".to_owned(), rates };
        let refused = Reporting::new(&settings, &[], &["USDC".to_owned()]).unwrap_err();
        assert_eq!(refused.field, "reporting_rates.DAI");
    }

    proptest! {
        #[test]
        fn over_a_price_and_times_it_is_what_it_was(units in -(10i128.pow(24))..10i128.pow(24), twice in 1i64..1 << 40) {
            let all = [market("B.B", "BTC", "USDT", InstrumentKind::Spot)];
            let there = reporting("BTC", &[], &all, &["USDT"]);
            let back = reporting("USDT", &[], &all, &["BTC"]);
            let coins = there.convert(0, Money::from_units(units), |_| Some(twice)).unwrap().unwrap();
            let again = back.convert(0, coins, |_| Some(twice)).unwrap().unwrap();
            // Half a unit of the coin, at its price, and half a unit more.
            let off = i128::from(twice / 4) / 2 + 1;
            prop_assert!((again.units() - units).abs() <= off.max(1), "{units} {coins} {again}");
        }
    }
}
