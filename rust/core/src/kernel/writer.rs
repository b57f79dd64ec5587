//! What the kernel keeps as fields of bytes.

use super::signals::Signal;
use crate::ledger::Position;
use crate::orders::{
    Command, FillOrigin, NewTerms, OrderKey, OrderRequest, OrderType, Reason, Report, ReportKind,
    TimeInForce, Trigger, TriggerAt, VenueKey,
};
use crate::risk::Hold;
use crate::types::{Money, Qty, Side, Writer};

impl Writer<'_> {
    pub(super) fn money(&mut self, value: Money) {
        self.i128(value.units());
    }

    pub(super) fn side(&mut self, side: Side) {
        self.flag(side == Side::Buy);
    }

    pub(super) fn reason(&mut self, reason: Option<Reason>) {
        self.u8(reason.map_or(0, |reason| reason as u8));
    }

    pub(super) fn hold(&mut self, hold: Option<Hold>) {
        self.u8(match hold {
            None => 0,
            Some(Hold::Paused) => 1,
            Some(Hold::Stopped) => 2,
        });
    }

    pub(super) fn order_type(&mut self, order_type: OrderType) {
        self.u8(order_type.code());
        match order_type {
            OrderType::Market => {}
            OrderType::Limit { price } => self.i64(price.steps()),
        }
    }

    fn time_in_force(&mut self, time_in_force: TimeInForce) {
        self.u8(time_in_force.code());
        if let Some(at) = time_in_force.expires_at() {
            self.i64(at);
        }
    }

    pub(super) fn request(&mut self, request: &OrderRequest) {
        self.index(request.market.index());
        self.side(request.side);
        self.order_type(request.order_type);
        self.i64(request.qty.steps());
        self.time_in_force(request.time_in_force);
        let terms = [
            request.post_only,
            request.slides,
            request.reduce_only,
            request.display_qty.is_some(),
            request.trigger.is_some(),
        ];
        self.u8(terms.into_iter().rev().fold(0, |bits, has| bits << 1 | u8::from(has)));
        if let Some(display) = request.display_qty {
            self.i64(display.steps());
        }
        if let Some(Trigger { at, by }) = request.trigger {
            let (code, steps) = match at {
                TriggerAt::Stop { price } => (0, price),
                TriggerAt::TakeProfit { price } => (1, price),
                TriggerAt::Trailing { offset } => (2, offset),
            };
            self.u8(code);
            self.i64(steps.steps());
            self.u8(by as u8);
        }
        self.option(request.client_id.as_deref(), Self::text);
    }

    pub(super) fn venue_key(&mut self, key: &VenueKey) {
        match key {
            VenueKey::Number(number) => {
                self.u8(0);
                self.u64(*number);
            }
            VenueKey::Text(text) => {
                self.u8(1);
                self.text(text);
            }
        }
    }

    pub(super) fn order_key(&mut self, key: &OrderKey) {
        match key {
            OrderKey::Id(id) => {
                self.u8(0);
                self.u64(*id);
            }
            OrderKey::Client(text) => {
                self.u8(1);
                self.text(text);
            }
            OrderKey::Venue(key) => {
                self.u8(2);
                self.venue_key(key);
            }
        }
    }

    pub(super) fn command(&mut self, command: &Command) {
        match command {
            Command::Submit { order, request } => {
                self.u8(0);
                self.u64(*order);
                self.request(request);
            }
            Command::Cancel { order, market } => {
                self.u8(1);
                self.u64(*order);
                self.index(market.index());
            }
            Command::Replace { order, market, terms } => {
                // A command of its own where a trigger is to move.
                self.u8(2 + u8::from(terms.trigger.is_some()));
                self.u64(*order);
                self.index(market.index());
                self.new_terms(terms);
            }
        }
    }

    pub(super) fn report(&mut self, report: &Report) {
        self.order_key(&report.order);
        self.option(report.venue_id.as_ref(), Self::venue_key);
        self.option(report.execution.as_ref(), Self::venue_key);
        self.option(report.cumulative.map(Qty::steps), Self::i64);
        self.i64(report.ts_event);
        let (code, reason) = match report.kind {
            ReportKind::Accepted => (0, None),
            ReportKind::Rejected(reason) => (1, Some(reason)),
            ReportKind::Fill { .. } => (2, None),
            ReportKind::Cancelled => (3, None),
            ReportKind::CancelRejected(reason) => (4, Some(reason)),
            ReportKind::Replaced(NewTerms { trigger: None, .. }) => (5, None),
            ReportKind::Replaced(NewTerms { trigger: Some(_), .. }) => (12, None),
            ReportKind::ReplaceRejected(reason) => (6, Some(reason)),
            ReportKind::Expired(reason) => (7, Some(reason)),
            ReportKind::Unknown => (8, None),
            ReportKind::Reduced { .. } => (9, None),
            ReportKind::Repriced { .. } => (10, None),
            ReportKind::Triggered => (11, None),
        };
        self.u8(code);
        if let Some(reason) = reason {
            self.u8(reason as u8);
        }
        match report.kind {
            ReportKind::Fill { price, qty, liquidity, fee } => {
                self.i64(price.steps());
                self.i64(qty.steps());
                // One byte more of those fills alone that are paid in another coin.
                self.u8(liquidity as u8 + 2 * report.paid.map_or(0, |paid| paid.coin as u8));
                self.money(fee);
                if let Some(paid) = report.paid {
                    self.money(paid.amount);
                }
            }
            ReportKind::Replaced(terms) => self.new_terms(&terms),
            ReportKind::Reduced { qty } => self.i64(qty.steps()),
            ReportKind::Repriced { price } => self.i64(price.steps()),
            _ => {}
        }
    }

    /// New terms; whether a trigger is among them stands in front.
    pub(super) fn new_terms(&mut self, terms: &NewTerms) {
        self.i64(terms.price.steps());
        self.i64(terms.qty.steps());
        if let Some(trigger) = terms.trigger {
            self.i64(trigger.steps());
        }
    }

    pub(super) fn origin(&mut self, origin: &FillOrigin) {
        self.u8(origin.event as u8);
        self.i64(origin.sent);
        self.i64(origin.arrived);
        self.option(origin.ahead_at_entry, Self::i64);
        self.option(origin.ahead_at_fill, Self::i64);
    }

    pub(super) fn signal(&mut self, signal: &Signal) {
        self.u8(signal.opinion.action as i8 as u8);
        self.f64(signal.opinion.confidence.get());
        self.f64(signal.opinion.value);
        self.text(&signal.opinion.model);
        self.i64(signal.ts);
        self.i64(signal.expires);
        self.index(signal.features.len());
        for feature in &*signal.features {
            self.f64(*feature);
        }
    }

    pub(super) fn position(&mut self, position: &Position) {
        let (numbers, amounts, average) = position.parts();
        for number in numbers {
            self.i64(number);
        }
        for amount in amounts {
            self.money(amount);
        }
        self.f64(average);
    }
}
