//! Orders routed over the venues of one asset: what each of them offers, and an execution for each part.

use std::sync::Arc;

use super::core::Core;
use crate::book::BookState;
use crate::exec::{Algorithm, BadParameter, ExecutionId, ExecutionRequest, MOST_VENUES, Offer, route};
use crate::ledger::gcd;
use crate::orders::{OrderError, least_order};
use crate::types::{Decimal, Instrument, InstrumentKind, MarketId, Price, Qty, Side, StrategyId};

/// Decimal places that quantities and prices of several venues are compared in.
const SCALE: u32 = 12;
/// Nanoseconds in a second.
const SECOND: f64 = 1e9;

/// What is to be routed.
#[derive(Debug, Clone, PartialEq)]
pub struct RouteRequest {
    /// Where it may go, and how long an order takes there, ns.
    pub venues: Vec<(MarketId, i64)>,
    /// Buy or sell.
    pub side: Side,
    /// The whole quantity, in units of the base.
    pub qty: Decimal,
    /// No order is worse than this.
    pub limit: Option<Decimal>,
    /// How far the market is thought to move away in a second, bps.
    pub drift_bps: f64,
    /// Whether its orders only make a position smaller.
    pub reduce_only: bool,
}

/// Why something was not routed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RouteError {
    /// A parameter that cannot be.
    #[error(transparent)]
    Parameter(#[from] BadParameter),
    /// A part that cannot be ordered.
    #[error(transparent)]
    Order(#[from] OrderError),
}

/// A venue as it is compared with others. Quantities are of the base, in units of 10^-[`SCALE`].
struct Candidate {
    market: MarketId,
    /// What one quantity increment is.
    step: i128,
    /// What one lot is.
    lot: i128,
    /// The smallest order.
    least: i128,
    /// What is on display: price in increments, all-in cost of a unit, quantity in increments.
    levels: Vec<(i64, f64, i64)>,
}

impl Core {
    /// Splits a quantity over venues as their books are known, and starts an execution for each part.
    pub(super) fn route(
        &mut self,
        strategy: StrategyId,
        request: &RouteRequest,
    ) -> Result<Vec<ExecutionId>, RouteError> {
        self.check_route(request)?;
        let qty = at_scale(request.qty).filter(|qty| *qty > 0);
        let qty = qty.ok_or_else(|| BadParameter::new("qty", format!("{} is no quantity", request.qty)))?;
        let limit = request.limit.map(|limit| {
            let exact = at_scale(limit).filter(|price| *price > 0);
            exact.ok_or_else(|| BadParameter::new("limit", format!("{limit} is no price")))
        });
        let limit = limit.transpose()?;
        let mut candidates = Vec::with_capacity(request.venues.len());
        for &(market, latency) in &request.venues {
            let drift = request.drift_bps * latency as f64 / SECOND;
            candidates.push(self.candidate(market, request.side, (qty, limit), drift)?);
        }
        let unit = candidates.iter().map(|candidate| candidate.lot).fold(0, gcd).max(1);
        let count = |amount: i128| i64::try_from(amount / unit).unwrap_or(i64::MAX);
        let offer = |candidate: &Candidate| Offer {
            levels: candidate
                .levels
                .iter()
                .map(|(_, cost, qty)| (*cost, count(i128::from(*qty) * candidate.step)))
                .collect(),
            lot: count(candidate.lot),
            least: count(candidate.least),
        };
        let parts = route(&candidates.iter().map(offer).collect::<Vec<_>>(), count(qty));
        let mut started = Vec::new();
        for (candidate, part) in candidates.iter().zip(parts).filter(|(_, part)| *part > 0) {
            let qty = (i128::from(part) * unit / candidate.step) as i64;
            let mut left = qty;
            let worst = candidate.levels.iter().find(|(_, _, here)| {
                left = left.saturating_sub(*here);
                left <= 0
            });
            let execution = ExecutionRequest {
                market: candidate.market,
                side: request.side,
                qty: Qty::new(qty),
                limit: worst.map(|(price, _, _)| Price::new(*price)),
                reduce_only: request.reduce_only,
                end: None,
                algorithm: Algorithm::Route,
            };
            started.push(self.execute(strategy, execution)?);
        }
        Ok(started)
    }

    /// Refuses what is not one asset, or not at a few venues.
    fn check_route(&self, request: &RouteRequest) -> Result<(), BadParameter> {
        let bad = |problem: String| Err(BadParameter::new("instruments", problem));
        let Some((first, _)) = request.venues.first() else { return bad("there is none".to_owned()) };
        if request.venues.len() > MOST_VENUES {
            return bad(format!("{} are more than {MOST_VENUES}", request.venues.len()));
        }
        let first = &self.market(*first).instrument;
        for (at, (market, _)) in request.venues.iter().enumerate() {
            let other = &self.market(*market).instrument;
            if request.venues[..at].iter().any(|(earlier, _)| earlier == market) {
                return bad(format!("{} is named twice", other.id));
            }
            if !matches!(other.kind, InstrumentKind::Spot | InstrumentKind::Linear { .. }) {
                return bad(format!("{} is neither spot nor linear", other.id));
            }
            if (&other.base, &other.quote) != (&first.base, &first.quote) {
                let pair = |of: &Instrument| format!("{} in {}", of.base, of.quote);
                return bad(format!("{} is {}, and {} is {}", other.id, pair(other), first.id, pair(first)));
            }
        }
        Ok(())
    }

    /// What a venue offers of a quantity, at the limit or better. A market that is not listed, or whose book is not
    /// known, offers nothing.
    fn candidate(
        &mut self,
        id: MarketId,
        side: Side,
        (qty, limit): (i128, Option<i128>),
        drift_bps: f64,
    ) -> Result<Candidate, BadParameter> {
        let now = self.now;
        let market = &mut self.markets[id.index()];
        let instrument = Arc::clone(&market.instrument);
        let fine = |what: &'static str| {
            BadParameter::new(
                "instruments",
                format!("{}: its {what} is beyond what is compared", instrument.id),
            )
        };
        let terms = *instrument.terms_at(now);
        let (contracts, each) = (instrument.qty_increment.value(), instrument.contract_size);
        let step = contracts.mantissa().checked_mul(each.mantissa());
        let step = step.and_then(|step| small(Decimal::new(step, contracts.scale() + each.scale())));
        let step = step.ok_or_else(|| fine("qty_increment"))?;
        let increment = small(instrument.price_increment.value()).ok_or_else(|| fine("price_increment"))?;
        let sign = side.sign();
        let worse = 1.0 + sign as f64 * (instrument.taker_fee_bps.to_f64() + drift_bps) / 1e4;
        let mut candidate = Candidate {
            market: id,
            step,
            lot: step * i128::from(terms.lot_size),
            least: 0,
            levels: Vec::new(),
        };
        let taken = side.opposite();
        if market.is_listed && market.view.touch().state == BookState::Synced {
            let within = |price: i64| {
                limit.is_none_or(|limit| (i128::from(price) * increment - limit) * i128::from(sign) <= 0)
            };
            let mut left = qty;
            for level in market.view.book().iter(taken).take_while(|level| within(level.price)) {
                let price = instrument.price_increment.to_f64(level.price);
                candidate.levels.push((level.price, sign as f64 * price * worse, level.qty));
                left -= i128::from(level.qty) * step;
                if left <= 0 {
                    break;
                }
            }
        }
        // An order is worth the least at the lowest of its prices.
        let lowest = candidate.levels.iter().map(|(price, _, _)| *price).min();
        let least = lowest
            .map_or(terms.min_qty, |price| least_order(&instrument, &market.math, &terms, Price::new(price)));
        candidate.least = step * i128::from(least);
        Ok(candidate)
    }
}

/// A decimal in units of 10^-[`SCALE`]; `None` where it has more places, or is beyond any quantity.
fn at_scale(value: Decimal) -> Option<i128> {
    value.at_scale(SCALE).filter(|units| units.unsigned_abs() < 1 << 100)
}

/// The same of an increment, of which there may be so many that it has to be small.
fn small(value: Decimal) -> Option<i128> {
    at_scale(value).filter(|units| (1..1 << 60).contains(units))
}
