//! What the kernel reads from fields of bytes, as [`super::writer`] writes it.

use std::sync::Arc;

use super::signals::{Confidence, Opinion, Signal, SignalAction};
use super::topics::Topics;
use crate::book::BookState;
use crate::ledger::Position;
use crate::orders::{
    Command, FeeCoin, FeePaid, FillEvent, FillOrigin, Liquidity, NewTerms, OrderKey, OrderRequest, OrderType,
    Reason, Report, ReportKind, TimeInForce, Trigger, TriggerAt, TriggerBy, VenueKey,
};
use crate::risk::Hold;
use crate::types::{
    Decoded, MONEY_LIMIT, MarketId, Money, Price, Qty, Reader, STEPS_LIMIT, Side, StrategyId,
};

impl Reader<'_> {
    pub(super) fn market(&mut self) -> Decoded<MarketId> {
        self.index().map(MarketId::new)
    }

    pub(super) fn strategy(&mut self) -> Decoded<StrategyId> {
        self.index().map(StrategyId::new)
    }

    /// A market below a number of them.
    pub(super) fn market_of(&mut self, markets: usize) -> Decoded<MarketId> {
        let market = self.market()?;
        if market.index() < markets { Ok(market) } else { self.error("a market of the session") }
    }

    /// A strategy below a number of them.
    pub(super) fn strategy_of(&mut self, strategies: usize) -> Decoded<StrategyId> {
        let strategy = self.strategy()?;
        if strategy.index() < strategies { Ok(strategy) } else { self.error("a strategy of the session") }
    }

    pub(super) fn hold(&mut self) -> Decoded<Option<Hold>> {
        match self.u8()? {
            0 => Ok(None),
            1 => Ok(Some(Hold::Paused)),
            2 => Ok(Some(Hold::Stopped)),
            _ => self.error("how a strategy is held"),
        }
    }

    pub(super) fn money(&mut self) -> Decoded<Money> {
        let amount = Money::from_units(self.i128()?);
        if amount.is_within(MONEY_LIMIT) { Ok(amount) } else { self.error("an amount of 38 digits") }
    }

    pub(super) fn signal(&mut self) -> Decoded<Signal> {
        let Some(action) = SignalAction::from_number(i64::from(self.u8()?.cast_signed())) else {
            return self.error("an action");
        };
        let Some(confidence) = Confidence::new(self.f64()?) else {
            return self.error("a confidence from 0 to 1");
        };
        let (value, model) = (self.f64()?, self.text()?.into());
        let (ts, expires) = (self.i64()?, self.i64()?);
        let mut features = Vec::new();
        for _ in 0..self.index()? {
            features.push(self.f64()?);
        }
        let opinion = Opinion { action, confidence, value, model };
        Ok(Signal { opinion, ts, expires, features: features.into() })
    }

    pub(super) fn price(&mut self) -> Decoded<Price> {
        let steps = self.i64()?;
        if (0..=STEPS_LIMIT).contains(&steps) { Ok(Price::new(steps)) } else { self.error("a price") }
    }

    pub(super) fn qty(&mut self) -> Decoded<Qty> {
        let steps = self.i64()?;
        if steps >= 0 { Ok(Qty::new(steps)) } else { self.error("a quantity") }
    }

    pub(super) fn side(&mut self) -> Decoded<Side> {
        self.flag().map(|buy| if buy { Side::Buy } else { Side::Sell })
    }

    pub(super) fn reason(&mut self) -> Decoded<Option<Reason>> {
        match self.u8()? {
            0 => Ok(None),
            code => match Reason::from_code(code) {
                Some(reason) => Ok(Some(reason)),
                None => self.error("a reason"),
            },
        }
    }

    fn known_reason(&mut self) -> Decoded<Reason> {
        match self.reason()? {
            Some(reason) => Ok(reason),
            None => self.error("a reason"),
        }
    }

    pub(super) fn order_type(&mut self) -> Decoded<OrderType> {
        match self.u8()? {
            0 => Ok(OrderType::Market),
            1 => Ok(OrderType::Limit { price: self.price()? }),
            _ => self.error("an order type"),
        }
    }

    pub(super) fn time_in_force(&mut self) -> Decoded<TimeInForce> {
        match self.u8()? {
            0 => Ok(TimeInForce::Gtc),
            1 => Ok(TimeInForce::Ioc),
            2 => Ok(TimeInForce::Fok),
            3 => Ok(TimeInForce::Gtd { expires_at: self.i64()? }),
            4 => Ok(TimeInForce::Day),
            _ => self.error("a time in force"),
        }
    }

    pub(super) fn request(&mut self) -> Decoded<OrderRequest> {
        let (market, side, order_type) = (self.market()?, self.side()?, self.order_type()?);
        let (qty, time_in_force) = (self.qty()?, self.time_in_force()?);
        let terms = self.u8()?;
        if terms >= 1 << 5 {
            return self.error("terms of an order");
        }
        let has = |bit: u8| terms >> bit & 1 == 1;
        Ok(OrderRequest {
            market,
            side,
            order_type,
            qty,
            time_in_force,
            post_only: has(0),
            slides: has(1),
            reduce_only: has(2),
            display_qty: if has(3) { Some(self.qty()?) } else { None },
            trigger: if has(4) { Some(self.trigger()?) } else { None },
            client_id: self.option(Self::text)?.map(Arc::from),
        })
    }

    fn trigger(&mut self) -> Decoded<Trigger> {
        let (code, price) = (self.u8()?, self.price()?);
        let at = match code {
            0 => TriggerAt::Stop { price },
            1 => TriggerAt::TakeProfit { price },
            2 => TriggerAt::Trailing { offset: price },
            _ => return self.error("what sets an order off"),
        };
        match TriggerBy::ALL.get(usize::from(self.u8()?)) {
            Some(by) => Ok(Trigger { at, by: *by }),
            None => self.error("a price that sets orders off"),
        }
    }

    pub(super) fn venue_key(&mut self) -> Decoded<VenueKey> {
        match self.u8()? {
            0 => Ok(VenueKey::Number(self.u64()?)),
            1 => Ok(VenueKey::Text(self.text()?.into())),
            _ => self.error("a venue's key"),
        }
    }

    pub(super) fn order_key(&mut self) -> Decoded<OrderKey> {
        match self.u8()? {
            0 => Ok(OrderKey::Id(self.u64()?)),
            1 => Ok(OrderKey::Client(self.text()?.into())),
            2 => Ok(OrderKey::Venue(self.venue_key()?)),
            _ => self.error("an order's key"),
        }
    }

    pub(super) fn command(&mut self) -> Decoded<Command> {
        Ok(match self.u8()? {
            0 => Command::Submit { order: self.u64()?, request: self.request()? },
            1 => Command::Cancel { order: self.u64()?, market: self.market()? },
            code @ (2 | 3) => Command::Replace {
                order: self.u64()?,
                market: self.market()?,
                terms: self.new_terms(code == 3)?,
            },
            _ => return self.error("a command"),
        })
    }

    /// New terms, a trigger among them where that was said in front.
    pub(super) fn new_terms(&mut self, has_trigger: bool) -> Decoded<NewTerms> {
        Ok(NewTerms {
            price: self.price()?,
            qty: self.qty()?,
            trigger: if has_trigger { Some(self.price()?) } else { None },
        })
    }

    pub(super) fn origin(&mut self) -> Decoded<FillOrigin> {
        let Some(event) = FillEvent::from_code(self.u8()?) else {
            return self.error("what made an order trade");
        };
        Ok(FillOrigin {
            event,
            sent: self.i64()?,
            arrived: self.i64()?,
            ahead_at_entry: self.option(Self::i64)?,
            ahead_at_fill: self.option(Self::i64)?,
        })
    }

    pub(super) fn report(&mut self) -> Decoded<Report> {
        let order = self.order_key()?;
        let venue_id = self.option(Self::venue_key)?;
        let execution = self.option(Self::venue_key)?;
        let cumulative = self.option(Self::qty)?;
        let ts_event = self.i64()?;
        let mut paid = None;
        let kind = match self.u8()? {
            0 => ReportKind::Accepted,
            1 => ReportKind::Rejected(self.known_reason()?),
            2 => {
                let (price, qty, code) = (self.price()?, self.qty()?, self.u8()?);
                let liquidity = if code & 1 == 0 { Liquidity::Maker } else { Liquidity::Taker };
                let fee = self.money()?;
                paid = match (code >> 1, FeeCoin::from_code(code >> 1)) {
                    (0, _) => None,
                    (_, Some(coin)) => Some(FeePaid { coin, amount: self.money()? }),
                    (_, None) => return self.error("maker or taker, and a coin"),
                };
                ReportKind::Fill { price, qty, liquidity, fee }
            }
            3 => ReportKind::Cancelled,
            4 => ReportKind::CancelRejected(self.known_reason()?),
            code @ (5 | 12) => ReportKind::Replaced(self.new_terms(code == 12)?),
            6 => ReportKind::ReplaceRejected(self.known_reason()?),
            7 => ReportKind::Expired(self.known_reason()?),
            8 => ReportKind::Unknown,
            9 => ReportKind::Reduced { qty: self.qty()? },
            10 => ReportKind::Repriced { price: self.price()? },
            11 => ReportKind::Triggered,
            _ => return self.error("a kind of report"),
        };
        Ok(Report { order, venue_id, execution, cumulative, ts_event, kind, paid, origin: None })
    }

    pub(super) fn position(&mut self) -> Decoded<Position> {
        let mut numbers = [0; 3];
        for number in &mut numbers {
            *number = self.i64()?;
        }
        let mut amounts = [Money::ZERO; 5];
        for amount in &mut amounts {
            *amount = self.money()?;
        }
        match Position::from_parts(numbers, amounts, self.f64()?) {
            Some(position) => Ok(position),
            None => self.error("a position within exact money"),
        }
    }

    pub(super) fn book_state(&mut self) -> Decoded<BookState> {
        match self.u8()? {
            0 => Ok(BookState::Empty),
            1 => Ok(BookState::Buffering),
            2 => Ok(BookState::Synced),
            3 => Ok(BookState::Gap),
            4 => Ok(BookState::Stale),
            _ => self.error("a book's state"),
        }
    }

    pub(super) fn topics(&mut self) -> Decoded<Topics> {
        self.u16().map(Topics::from_bits)
    }
}
