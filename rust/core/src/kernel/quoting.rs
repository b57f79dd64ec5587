//! Two-sided quotes: what shall rest on both sides, brought about with as few requests as possible.

use super::entry::{Desk, Sender};
use super::exposure::{Around, Earlier};
use super::journal::Journal;
use crate::orders::{NewTerms, OrderError, OrderId, OrderRequest, OrderType, PostOnly};
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
        around: Around<'_>,
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
        let plan = |side: Side, earlier| {
            plan(
                desk,
                sender,
                around,
                id,
                side,
                working[side.index()],
                sides[side.index()],
                post_only,
                earlier,
            )
        };
        let bid = plan(Side::Buy, Earlier::default())?;
        let requests = u32::from(bid.sends.is_some()) + u32::from(bid.cancels.is_some());
        let ask = plan(Side::Sell, Earlier { orders: u32::from(bid.is_new), requests })?;
        for (side, step) in [(Side::Buy, bid), (Side::Sell, ask)] {
            if let Some(order) = step.cancels {
                desk.cancel(sender, around, order, None, journal);
            }
            if let Some(verdict) = step.sends {
                let order = desk.send(sender, verdict, journal);
                working[side.index()] = Some(order);
            }
        }
        Ok(())
    }
}

/// Plans one side; some requests will be sent before its own.
#[allow(clippy::too_many_arguments, reason = "one side of a quote and what it is held against")]
fn plan(
    desk: &Desk,
    sender: Sender,
    around: Around<'_>,
    id: MarketId,
    side: Side,
    working: Option<OrderId>,
    target: QuoteSide,
    post_only: PostOnly,
    earlier: Earlier,
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
        let market = around.market(id);
        if market.instrument.supports.replace {
            crate::orders::check_qty(&market.instrument, sender.now, "qty", qty)?;
            let verdict = desk.review_replace(sender, around, order, NewTerms::new(price, total), earlier)?;
            return Ok(Step { cancels: None, sends: Some(verdict), is_new: false });
        }
    }
    let (post_only, slides) = post_only.terms();
    let request =
        OrderRequest { post_only, slides, ..OrderRequest::new(id, side, OrderType::Limit { price }, qty) };
    let verdict = desk.review_order(sender, around, request, earlier)?;
    Ok(Step { cancels: working.map(|order| order.id), sends: Some(verdict), is_new: true })
}
