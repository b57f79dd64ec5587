//! What a simulated venue is set to before anything happens: which markets pay, settle, hold and charge what.

use super::{Charges, Venue};
use crate::book::MarkSource;
use crate::ledger::Written;
use crate::sim::charging::{MarketFees, PricedCoins, Volumes};
use crate::sim::custom::FeesInUse;
use crate::sim::fees::FeeSettings;
use crate::sim::funding::{Funding, FundingSource};
use crate::sim::holdings::{Contract, Margins, Terms};
use crate::sim::margin::{Maintenance, MarginRules};
use crate::sim::market::AskedFor;
use crate::sim::settings::{Balances, SettingsError};
use crate::sim::wallet::Wallets;
use crate::types::{Instrument, InstrumentKind, MarketId};

/// How an instrument is paid for where accounts hold balances; `None` where that moves none.
fn terms(instrument: &Instrument, margin: Option<&MarginRules>) -> Result<Option<Terms>, SettingsError> {
    if matches!(instrument.kind, InstrumentKind::Option { .. } | InstrumentKind::Binary { .. }) {
        let is_option = matches!(instrument.kind, InstrumentKind::Option { .. });
        let rates = margin.map(|rules| rules.option).unwrap_or_default();
        let written = Written::of(&instrument.kind, rates).filter(|_| !is_option || margin.is_some());
        return Ok(Some(Terms::Paid { written, is_margined: is_option && margin.is_some() }));
    }
    let Some(rules) = margin.filter(|_| instrument.kind.is_margined()) else { return Ok(None) };
    let none = |field| SettingsError { field, problem: format!("says nothing of {}", instrument.id) };
    let Maintenance::Given(brackets) = &rules.maintenance else { return Err(none("maintenance")) };
    Ok(Some(Terms::Leveraged {
        leverage: *rules.leverage.of(&instrument.id).ok_or_else(|| none("leverage"))?,
        brackets: brackets.of(&instrument.id).ok_or_else(|| none("maintenance"))?.clone(),
        mode: rules.mode,
    }))
}

impl Venue {
    /// A market will be listed or delisted at `at`: see [`list`](crate::sim::Market::list) and
    /// [`delist`](crate::sim::Market::delist).
    pub fn list_at(&mut self, market: MarketId, at: i64, is_listed: bool) {
        let place = self.listings.partition_point(|later| *later > (at, market, is_listed));
        self.listings.insert(place, (at, market, is_listed));
    }

    /// Lets a market pay funding. Returns whether it ever will.
    pub fn fund(&mut self, market: MarketId, source: FundingSource) -> bool {
        let place = &mut self.places[market.index()];
        if place.market.instrument().kind.is_perpetual() {
            place.funding = Funding::new(source).map(Box::new);
        }
        if place.funding.is_some() {
            place.marks.get_or_insert_default();
        }
        place.funding.is_some()
    }

    /// Says what positions in a market are valued at.
    pub fn value_at(&mut self, market: MarketId, source: MarkSource) {
        let place = &mut self.places[market.index()];
        place.valued_at = source;
        if source != MarkSource::Mid {
            place.marks.get_or_insert_default();
        }
    }

    /// Lets a market settle the positions in it when it is delisted.
    pub fn settle(&mut self, market: MarketId) {
        self.places[market.index()].marks.get_or_insert_default();
    }

    /// Says how fine a market's book is: see [`set_granularity`](crate::sim::Market::set_granularity).
    pub fn set_granularity(&mut self, market: MarketId, ns: i64) {
        self.places[market.index()].market.set_granularity(ns);
    }

    /// Lets accounts hold balances in these markets, those of one venue, and trade contracts on margin there.
    ///
    /// # Errors
    /// [`SettingsError`] for a coin that cannot be counted, and a contract whose
    /// leverage or brackets nobody gave.
    pub fn hold(
        &mut self,
        markets: &[MarketId],
        balances: &Balances,
        margin: Option<&MarginRules>,
    ) -> Result<(), SettingsError> {
        let name = markets.first().map_or("", |id| self.market(*id).instrument().id.venue());
        let mut wallets = Wallets::new(name, balances);
        let mut contracts = Vec::new();
        for id in markets {
            contracts.extend(self.contract(*id, &mut wallets, margin)?.map(|contract| (*id, contract)));
        }
        for id in markets {
            let market = self.market(*id);
            let spot = wallets.spot(market.instrument(), *market.math())?;
            let place = &mut self.places[id.index()];
            if spot.is_some() {
                place.market.ask_for_triggered(AskedFor::Unlimited);
            }
            place.spot = spot.map(Box::new);
            place.wallets = Some(self.wallets.len());
        }
        self.wallets.push(wallets);
        if !contracts.is_empty() {
            self.margins.push(Margins::default());
        }
        for (id, contract) in contracts {
            let place = &mut self.places[id.index()];
            place.market.ask_for_triggered(match contract.terms {
                Terms::Paid { is_margined: false, .. } => AskedFor::Unlimited,
                _ => AskedFor::All,
            });
            place.contract = Some(Box::new(contract));
            place.marks.get_or_insert_default();
        }
        Ok(())
    }

    /// What is to be known of a market's contract; `None` of spot, and of what is not held to margin.
    fn contract(
        &self,
        market: MarketId,
        wallets: &mut Wallets,
        margin: Option<&MarginRules>,
    ) -> Result<Option<Contract>, SettingsError> {
        let instrument = self.market(market).instrument();
        let Some(terms) = terms(instrument, margin)? else { return Ok(None) };
        let fee = margin.and_then(|rules| rules.liquidation_fee);
        Ok(Some(Contract {
            math: *self.market(market).math(),
            margins: self.margins.len(),
            wallets: self.wallets.len(),
            coin: wallets.coin(&instrument.settlement),
            terms,
            charged: None,
            fee: fee.unwrap_or_else(|| MarginRules::taker_fee(instrument)),
            insured: margin.is_some_and(|rules| rules.insured),
        }))
    }

    /// Has a venue charge for fills in these markets, which are all of it. What its accounts hold is said before.
    ///
    /// # Errors
    /// [`SettingsError`] for fees in a coin that no market prices.
    pub fn charge(&mut self, markets: &[MarketId], settings: &FeeSettings) -> Result<(), SettingsError> {
        let listed: Vec<_> = markets.iter().map(|id| (*id, self.market(*id).instrument())).collect();
        let (coins, mut charged, mut delivered) = (PricedCoins::new(&listed), Vec::new(), Vec::new());
        for (id, instrument) in &listed {
            let holds = self.places[id.index()].wallets.is_some();
            let fees = MarketFees::new(settings, instrument, &coins, holds)?;
            if let Some(fee) = settings.delivery.of(instrument) {
                delivered.push((*id, fee));
            }
            charged.extend(fees.map(|fees| (*id, fees, instrument.third_fee_coin().map(str::to_owned))));
        }
        for (id, fee) in delivered {
            self.places[id.index()].delivery = Some(Box::new(fee));
        }
        for (id, fees, coin) in charged {
            let group = self.group_of(self.market(id));
            let place = &mut self.places[id.index()];
            if let Some(contract) = &mut place.contract {
                contract.charged = Some(fees.model().clone());
            }
            let purse = place.wallets.zip(coin);
            let purse = purse.map(|(at, coin)| (at, self.wallets[at].coin(&coin)));
            let custom = settings.custom.clone().map(|source| FeesInUse::new(source, group));
            place.charges = Some(Box::new(Charges { fees, custom, volumes: self.volumes.len(), purse }));
        }
        self.volumes.push(Volumes::new(settings.volume));
        Ok(())
    }
}
