//! Two-sided quotes: what shall rest on both sides, brought about with as few requests as possible.

use super::entry::{Desk, Sender};
use super::journal::Journal;
use super::market::Market;
use crate::orders::{OrderError, OrderId, OrderRequest, OrderType, PostOnly};
use crate::risk::Verdict;
use crate::types::{MarketId, Price, Qty, Side, StrategyId};

/// What a strategy wants to quote on one side.
pub type QuoteSide = Option<(Price, Qty)>;

/// What brings one side of a quote to where it shall be.
struct Step {
    cancels: Option<OrderId>,
    sends: Option<Verdict>,
    /// Whether what is sent is a new order.
    is_new: bool,
}

/// The orders behind the quotes, by strategy and market: bid, ask.
#[derive(Debug, Default)]
pub(super) struct Quotes {
    orders: Vec<Vec<[Option<OrderId>; 2]>>,
}

impl Quotes {
    /// No quotes of so many strategies in so many markets.
    pub(super) fn new(strategies: usize, markets: usize) -> Self {
        Self { orders: vec![vec![[None; 2]; markets]; strategies] }
    }

    /// The orders behind a strategy's quote.
    pub(super) fn of(&self, strategy: StrategyId, market: MarketId) -> [Option<OrderId>; 2] {
        self.orders[strategy.index()][market.index()]
    }

    /// Says which orders are behind a strategy's quote.
    pub(super) fn set(&mut self, strategy: StrategyId, market: MarketId, orders: [Option<OrderId>; 2]) {
        self.orders[strategy.index()][market.index()] = orders;
    }

    /// Makes a quote what it is asked to be. Nothing is sent unless both sides are sound.
    #[allow(clippy::too_many_arguments, reason = "a two-sided quote and what it is held against")]
    pub(super) fn quote(
        &mut self,
        desk: &mut Desk,
        sender: Sender,
        market: &Market,
        id: MarketId,
        sides: [QuoteSide; 2],
        post_only: PostOnly,
        journal: &mut Journal,
    ) -> Result<(), OrderError> {
        if let [Some((bid, _)), Some((ask, _))] = sides
            && bid >= ask
        {
            return Err(OrderError::Contradiction("the bid of a quote has to be below its ask"));
        }
        desk.admits(sender)?;
        let working = &mut self.orders[sender.strategy.index()][id.index()];
        let plan = |side: Side, skip| {
            plan(
                desk,
                sender.now,
                market,
                id,
                side,
                working[side.index()],
                sides[side.index()],
                post_only,
                skip,
            )
        };
        let bid = plan(Side::Buy, 0)?;
        let ask = plan(Side::Sell, u64::from(bid.is_new))?;
        for (side, step) in [(Side::Buy, bid), (Side::Sell, ask)] {
            if let Some(order) = step.cancels {
                desk.cancel(sender, market, order, None, journal);
            }
            if let Some(verdict) = step.sends {
                let order = desk.send(sender, verdict, journal);
                working[side.index()] = Some(order);
            }
        }
        Ok(())
    }
}

/// Plans one side; `skip` orders will be sent before its own.
#[allow(clippy::too_many_arguments, reason = "one side of a quote and what it is held against")]
fn plan(
    desk: &Desk,
    now: i64,
    market: &Market,
    id: MarketId,
    side: Side,
    working: Option<OrderId>,
    target: QuoteSide,
    post_only: PostOnly,
    skip: u64,
) -> Result<Step, OrderError> {
    let working = working.and_then(|id| desk.orders().get(id)).filter(|order| order.is_changeable());
    let Some((price, qty)) = target else {
        return Ok(Step { cancels: working.map(|order| order.id), sends: None, is_new: false });
    };
    if let Some(order) = working
        && (order.post_only, order.slides) == post_only.terms()
    {
        let total = order.filled.saturating_add(qty);
        if order.intended() == (Some(price), total) {
            return Ok(Step { cancels: None, sends: None, is_new: false });
        }
        if market.instrument.supports.replace {
            crate::orders::check_qty(&market.instrument, now, "qty", qty)?;
            let verdict = desk.review_replace(now, market, order, price, total)?;
            return Ok(Step { cancels: None, sends: Some(verdict), is_new: false });
        }
    }
    let (post_only, slides) = post_only.terms();
    let request =
        OrderRequest { post_only, slides, ..OrderRequest::new(id, side, OrderType::Limit { price }, qty) };
    let verdict = desk.review_order(now, market, request, skip)?;
    Ok(Step { cancels: working.map(|order| order.id), sends: Some(verdict), is_new: true })
}
