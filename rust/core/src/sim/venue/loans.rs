//! Interest on what accounts owe, at a simulated venue that lends.
//!
//! At whole multiples of an interval an account pays `rate x the most it owed since the one before` of a currency, in that
//! currency: a loan costs whole intervals, the one it was taken in too, as on Binance. What the interval asks in which
//! the run ends is paid at its end.
//!
//! It is told as a payment of a position: of the market of the venue in which most of what is owed was used (sold short of
//! a base, paid for what is held of a quote), else of the first whose currency it is. What is owed in a base is worth its
//! market's mid.

use super::Venue;
use crate::ledger::{Payment, PaymentKind};
use crate::sim::funding::next_multiple;
use crate::sim::wallet::Loan;
use crate::types::{AccountId, FINE_ONE, MarketId, Money};

impl Venue {
    /// The data begins: interest is due from here on.
    pub(super) fn begin_loans(&mut self, now: i64) {
        for (at, wallets) in self.wallets.iter().enumerate() {
            for (coin, terms) in wallets.loans() {
                self.loans.insert((next_multiple(now, terms.interval), Loan { wallets: at, coin }));
            }
        }
    }

    /// The run ends: what the intervals ask that go on is paid.
    pub fn end(&mut self, now: i64) {
        for (due, loan) in std::mem::take(&mut self.loans) {
            let terms = self.wallets[loan.wallets].loan(loan.coin);
            if terms.is_some_and(|terms| due.saturating_sub(terms.interval) < now) {
                self.charge_loan(loan, now);
            }
        }
    }

    /// Takes the interest that is due next.
    #[cold]
    pub(super) fn take_interest(&mut self) {
        let Some((now, loan)) = self.loans.pop_first() else { return };
        self.charge_loan(loan, now);
        if let Some(terms) = self.wallets[loan.wallets].loan(loan.coin) {
            self.loans.extend(now.checked_add(terms.interval).map(|next| (next, loan)));
        }
    }

    fn charge_loan(&mut self, loan: Loan, now: i64) {
        let Some(terms) = self.wallets[loan.wallets].loan(loan.coin) else { return };
        for account in self.wallets[loan.wallets].debtors(loan.coin) {
            let Some((market, price)) = self.used_in(loan, account) else { continue };
            let interest = self.wallets[loan.wallets].pay_interest(account, loan.coin, terms.rate);
            let Some(paid) = interest.scaled(price.into(), FINE_ONE.into()) else { continue };
            let qty = self.held(account, market);
            let kind = PaymentKind::Interest;
            let payment =
                Payment { account, market, ts_event: now, kind, qty, price, rate: terms.rate, paid };
            self.tell_payment(payment);
        }
        // Less stands behind positions now: the next message is looked at whatever its mark.
        for place in &mut self.places {
            if place.contract.as_ref().is_some_and(|of| of.wallets == loan.wallets && of.coin == loan.coin) {
                place.seen = None;
            }
        }
    }

    /// The market in which an account has used most of what it owes, and what one of that is worth there in its settlement
    /// currency, in units of 10^-9.
    fn used_in(&self, loan: Loan, account: AccountId) -> Option<(MarketId, i64)> {
        let mut most: Option<(Money, MarketId, i64)> = None;
        for (at, place) in self.places.iter().enumerate().filter(|(_, p)| p.wallets == Some(loan.wallets)) {
            let qty = place.market.position(account);
            let used = match (&place.spot, &place.contract) {
                (Some(spot), _) => spot.uses(loan.coin, qty, place.market.fine_mid()),
                (None, Some(contract)) => (contract.coin == loan.coin).then_some((Money::ZERO, FINE_ONE)),
                (None, None) => None,
            };
            if let Some((used, price)) = used
                && most.is_none_or(|(before, ..)| used > before)
            {
                most = Some((used, MarketId::new(at), price));
            }
        }
        most.map(|(_, market, price)| (market, price))
    }
}
