//! Money that a venue moves by itself: funding when it is due, what has expired when it is delisted.

use super::{Place, Sent, Venue};
use crate::event::{Span, View};
use crate::ledger::{Payment, PaymentKind};
use crate::sim::latency::Leg;
use crate::types::{FINE_ONE, InstrumentKind, MarketId, Money, OptionSettlement};

impl Venue {
    /// Takes what a message says of marks and funding. Returns whether that will be paid at another time now.
    pub(super) fn note_published(&mut self, market: MarketId, view: &View<'_>, rows: Span, now: i64) -> bool {
        let Place { funding, marks, .. } = &mut self.places[market.index()];
        if let Some(marks) = marks {
            marks.on_message(view, rows);
        }
        let Some(funding) = funding else { return false };
        let before = funding.due();
        if !funding.on_message(view, rows, now) {
            return false;
        }
        if let Some(before) = before {
            self.payments.remove(&(before, market));
        }
        self.payments.extend(funding.due().map(|due| (due, market)));
        true
    }

    /// Pays the funding of a market that is due by a time.
    #[cold]
    pub(super) fn pay(&mut self, until: i64, market: MarketId) {
        let place = &mut self.places[market.index()];
        let mark = place.mark();
        let Place { market: side, funding, .. } = place;
        let Some(funding) = funding else { return };
        let Some((ts_event, rate)) = funding.take(until) else { return };
        self.payments.extend(funding.due().map(|due| (due, market)));
        let Some(price) = mark else { return };
        let due = side.held().filter_map(|(account, qty)| {
            let value = side.math().value_at_fine(price, qty.abs());
            // What cannot be counted fails its strategy when it is marked.
            let due = value.ok()?.scaled(rate.into(), FINE_ONE.into())?;
            let (paid, kind) = (if qty > 0 { due } else { -due }, PaymentKind::Funding);
            Some(Payment { account, market, ts_event, kind, qty, price, rate, paid })
        });
        for payment in due.collect::<Vec<_>>() {
            self.move_money(payment);
        }
    }

    /// Settles what accounts hold in a market that has expired, and takes the fee of that. What nobody knows the worth of stays.
    #[cold]
    pub(super) fn pay_out(&mut self, ts_event: i64, market: MarketId) {
        let Place { market: side, marks, delivery, .. } = &self.places[market.index()];
        let Some(price) = marks.and_then(|marks| marks.settlement(side.instrument(), side.fine_mid())) else {
            return;
        };
        let kind = &side.instrument().kind;
        // Of an option its underlying is delivered, which is the coin that it settles in.
        let in_coin = matches!(kind, InstrumentKind::Option { settles: OptionSettlement::Coin, .. });
        let settled = side.held().filter_map(|(account, qty)| {
            let (value, at) = side.math().payoff(kind, price, qty.abs()).ok()?;
            let paid = -side.math().signed(qty, value);
            let of =
                |kind, price, rate, paid| Payment { account, market, ts_event, kind, qty, price, rate, paid };
            let fee = delivery.as_deref().and_then(|fee| {
                let delivered = if in_coin { FINE_ONE } else { price };
                let taken = fee.of(side.math().value_at_fine(delivered, qty.abs()).ok()?, value)?;
                (taken > Money::ZERO).then(|| of(PaymentKind::DeliveryFee, price, fee.rate, taken))
            });
            Some((of(PaymentKind::Settlement, at, 0, paid), fee))
        });
        for (payment, fee) in settled.collect::<Vec<_>>() {
            self.places[market.index()].market.close_position(payment.account, payment.qty);
            self.move_money(payment);
            if let Some(fee) = fee {
                self.move_money(fee);
            }
        }
    }

    /// Moves money of an account, and tells it.
    pub(super) fn move_money(&mut self, payment: Payment) {
        let Payment { account, market, .. } = payment;
        self.with_holding(account, market, |contract, holding| holding.pay(contract, &payment));
        if payment.kind.closes() {
            self.keep_watch(market);
        }
        // Less may stand behind positions now: the next message is looked at whatever its mark.
        self.places[market.index()].seen = None;
        self.tell_payment(payment);
    }

    /// A payment that was booked is on its way to us.
    pub(super) fn tell_payment(&mut self, payment: Payment) {
        let ways = &mut self.places[payment.market.index()].ways;
        let at = ways.arrival(Leg::Response, payment.account, payment.ts_event);
        self.updates.send(at, Sent::Payment(payment));
    }
}
