//! The simulated venue: markets that are pushed to, and the ways commands and reports take.
//!
//! Whoever drives it pushes messages as they happen at the venue and commands as they are sent, and takes reports
//! when they arrive. It knows no files, no strategies and no clock, so a backtest, paper trading and a venue server
//! use the same code. At one nanosecond messages act first, then markets are listed and delisted (what has expired is settled), then
//! funding and interest are paid, then orders end whose time is over, then commands act, in order of sending.

mod accounts;
mod liquidation;
mod loans;
mod payments;
mod setup;

use std::collections::BTreeSet;

pub use self::accounts::Margined;
use super::channel::Channel;
use super::charged::ChargedFill;
use super::charging::{MarketFees, Volumes};
use super::custom::{FeesInUse, ModelFailure};
use super::fees::DeliveryFee;
use super::funding::Funding;
use super::holdings::{Contract, Margins};
use super::latency::{Latency, Leg, Ways};
use super::market::{Accounts, Market};
use super::marks::Marks;
use super::queue::Told;
use super::update::Update;
use super::wallet::{Balance, Coin, Loan, Spot, Wallets};
use crate::book::{FillBasis, L2Book, MarkPrice, MarkSource};
use crate::event::{Span, View};
use crate::ledger::Payment;
use crate::orders::{Command, NewTerms, OrderId, Reason, Report, ReportKind, Trigger};
use crate::random::Random;
use crate::risk::Approved;
use crate::types::{AccountId, MarketId, Money, Price, Qty, Side};

/// What is on its way to us.
enum Sent {
    /// An update, with whose it is, where, and its number if it is a fill.
    Update {
        account: AccountId,
        market: MarketId,
        execution: u64,
        update: Update,
    },
    Payment(Payment),
}

/// What a venue tells us.
#[derive(Debug, Clone, PartialEq)]
pub enum Notice {
    /// Of an order of an account in a market.
    Report(AccountId, MarketId, Report),
    /// Of money that it moved.
    Payment(Payment),
}

/// An instrument at the venue, with the way to it.
struct Place {
    market: Market,
    ways: Ways,
    /// The balances of its venue, where it has some.
    wallets: Option<usize>,
    /// How it moves them.
    spot: Option<Box<Spot>>,
    /// What is charged in it, where that is more than its own rates in its own currency.
    charges: Option<Box<Charges>>,
    funding: Option<Box<Funding>>,
    /// What it takes to settle what is held at expiry.
    delivery: Option<Box<DeliveryFee>>,
    /// What the venue publishes beside its book, where somebody counts by it.
    marks: Option<Marks>,
    /// What positions are valued at.
    valued_at: MarkSource,
    /// Where it is traded on margin.
    contract: Option<Box<Contract>>,
    /// Whether somebody holds something in it that may be liquidated.
    is_watched: bool,
    /// What told its mark when accounts were last looked at.
    seen: Option<(Option<i64>, Option<i64>)>,
}

impl Place {
    /// The price an order counts at by a command: its own, of a stop its trigger, else what the book asks for as much.
    fn price_of(&mut self, account: AccountId, command: &Command) -> Option<Price> {
        match command {
            Command::Submit { request, .. } => {
                let asked =
                    || self.market.price_to_take(account, request.side, request.qty.steps()).map(Price::new);
                let trigger = request.trigger.and_then(Trigger::price);
                request.order_type.price().or(trigger).or_else(asked)
            }
            Command::Replace { terms, .. } => Some(terms.price),
            Command::Cancel { .. } => None,
        }
    }

    fn take_failure(&mut self) -> Option<(AccountId, ModelFailure)> {
        let charges = self.charges.as_mut().and_then(|charges| charges.custom.as_mut());
        let told = self.ways.take_failure().or_else(|| self.market.take_failure());
        told.or_else(|| charges?.take_failure())
    }
}

/// What is charged in a market.
struct Charges {
    fees: MarketFees,
    /// Models of somebody else's that say them.
    custom: Option<FeesInUse>,
    /// Whose volumes count.
    volumes: usize,
    /// Where the third coin is counted that fees are paid in.
    purse: Option<(usize, Coin)>,
}

/// The simulated venues of a session.
#[derive(Default)]
pub struct Venue {
    places: Vec<Place>,
    /// With when they were sent.
    commands: Channel<(AccountId, Command, i64)>,
    updates: Channel<Sent>,
    /// Markets that will be listed or delisted and when, the next one last.
    listings: Vec<(i64, MarketId, bool)>,
    /// Markets in which orders have joined levels since commands last acted.
    joined: Vec<MarketId>,
    /// When orders may end whose time is over.
    expiries: BTreeSet<(i64, MarketId)>,
    /// Markets in which funding will be paid, and when.
    payments: BTreeSet<(i64, MarketId)>,
    /// Loans on which interest is taken, and when.
    loans: BTreeSet<(i64, Loan)>,
    /// What is happening right now.
    fresh: Vec<(AccountId, Update)>,
    /// Balances at each venue that has them.
    wallets: Vec<Wallets>,
    /// What stands behind contracts at each venue that keeps margin.
    margins: Vec<Margins>,
    /// Markets in which somebody holds something that may be liquidated.
    watched: usize,
    /// What accounts have traded at each venue that charges by it.
    volumes: Vec<Volumes>,
    /// Fills so far, of all accounts or of each: the number of each is its key.
    executions: Vec<u64>,
    /// The fills of so many accounts in a row are numbered by themselves, if not those of all together.
    group: Option<usize>,
}

impl Venue {
    /// A venue without markets.
    pub fn new() -> Self {
        Self::default()
    }

    /// A venue without markets for groups of so many accounts: what they share, a group shares alone.
    pub fn grouped(accounts: usize) -> Self {
        Self { group: Some(accounts.max(1)), ..Self::default() }
    }

    /// The same with room for so many markets: each is large, and would be moved as others are added.
    #[must_use]
    pub fn with_room(mut self, markets: usize) -> Self {
        self.places.reserve(markets);
        self
    }

    /// How many accounts in a row share what a market has, if not all of them.
    fn group_of(&self, market: &Market) -> Option<usize> {
        if market.accounts() == Accounts::Isolated { Some(1) } else { self.group }
    }

    /// Adds a market; it gets the next [`MarketId`]. Latencies that are drawn are drawn from `random`.
    pub fn add(&mut self, market: Market, latency: Latency, random: Random) -> MarketId {
        let group = self.group_of(&market);
        let ways = Ways::new(latency, random, group);
        self.places.push(Place {
            market,
            ways,
            wallets: None,
            spot: None,
            charges: None,
            funding: None,
            delivery: None,
            marks: None,
            valued_at: MarkSource::Mid,
            contract: None,
            is_watched: false,
            seen: None,
        });
        MarketId::new(self.places.len() - 1)
    }

    /// What was published last of what positions in a market are valued at.
    #[inline]
    pub fn published(&self, market: MarketId) -> Option<i64> {
        let place = &self.places[market.index()];
        place.marks.and_then(|marks| marks.published(place.valued_at))
    }

    /// The price that positions in a market are valued at.
    pub fn worth(&self, market: MarketId) -> Option<MarkPrice> {
        let place = &self.places[market.index()];
        place.valued_at.price(self.published(market), place.market.twice_mid())
    }

    /// What positions in a market are valued at.
    pub fn valued_at(&self, market: MarketId) -> MarkSource {
        self.places[market.index()].valued_at
    }

    /// The data begins: nothing that was due before it is paid.
    pub fn begin(&mut self, now: i64) {
        self.volumes.iter_mut().for_each(|volumes| volumes.begin(now));
        for at in 0..self.places.len() {
            if let Some(funding) = &mut self.places[at].funding {
                funding.begin(now);
                let due = funding.due();
                self.payments.extend(due.map(|due| (due, MarketId::new(at))));
            }
        }
        self.begin_loans(now);
    }

    /// What an account has at each venue that has balances, by the order in which these were given.
    pub fn balances(&self, account: AccountId) -> impl Iterator<Item = (&str, Balance<'_>)> {
        self.wallets
            .iter()
            .flat_map(move |wallets| wallets.told(account).map(move |balance| (wallets.venue(), balance)))
    }

    /// Why the balances of an account do not allow a command.
    fn lacks(&mut self, account: AccountId, command: &Command) -> Option<ReportKind> {
        let place = &mut self.places[command.market().index()];
        let (at, _) = place.wallets.zip(place.spot.as_ref())?;
        // What nobody knows the price of is checked for what it sells alone.
        let price = place.price_of(account, command).unwrap_or(Price::new(0));
        let (spot, wallets) = (place.spot.as_deref()?, &mut self.wallets[at]);
        match command {
            Command::Submit { order, request } => {
                let (side, qty) = (request.side, request.qty.steps());
                if wallets.lacks(account, spot, *order, (side, price), qty, 0) {
                    return Some(ReportKind::Rejected(Reason::InsufficientBalance));
                }
                wallets.claim(account, spot, *order, (side, price), qty);
                None
            }
            Command::Replace { order, terms: NewTerms { qty, .. }, .. } => {
                let (side, filled) = wallets.open(account, *order)?;
                let lacks = wallets.lacks(account, spot, *order, (side, price), qty.steps(), filled);
                lacks.then_some(ReportKind::ReplaceRejected(Reason::InsufficientBalance))
            }
            Command::Cancel { .. } => None,
        }
    }

    /// A market.
    #[inline]
    pub fn market(&self, market: MarketId) -> &Market {
        &self.places[market.index()].market
    }

    /// Puts a market without orders back to where its book was this, to be told again what has happened by `now`.
    pub fn restart(&mut self, market: MarketId, book: L2Book, twice_mid: Option<i64>, now: i64) {
        self.places[market.index()].market.restart(book, twice_mid, now);
    }

    /// A market's book.
    #[inline]
    pub fn book(&self, market: MarketId) -> &L2Book {
        self.market(market).book()
    }

    /// The least time any report takes to us, ns.
    pub fn least_response(&self) -> i64 {
        self.places.iter().map(|place| place.ways.least(Leg::Response)).min().unwrap_or(0)
    }

    /// Takes a message of a checked view, which happens at `now`. Returns whether an order of ours was touched,
    /// something is due at another time now, or a model of somebody else's has failed.
    #[inline(always)]
    pub fn on_message(&mut self, market: MarketId, view: &View<'_>, rows: Span, now: i64) -> bool {
        let place = &mut self.places[market.index()];
        if place.ways.counts {
            place.ways.note(now);
        }
        let ended = place.market.has_unpriced() && self.ask_for_prints(market, view, rows, now);
        let place = &mut self.places[market.index()];
        let failed = place.market.on_message(view, rows, now, &mut self.fresh);
        let is_due =
            !rows.only_levels && place.marks.is_some() && self.note_published(market, view, rows, now);
        let touched = !self.fresh.is_empty();
        if touched {
            self.report(market);
        }
        let acted = self.let_act(market, now);
        let uncovered = self.places[market.index()].is_watched && self.guard(market, now);
        touched || acted || uncovered || is_due || failed || ended
    }

    /// Lets orders act that have been set off, if who sent them has what they cost now. Returns whether there were any.
    #[inline]
    fn let_act(&mut self, market: MarketId, now: i64) -> bool {
        self.places[market.index()].market.has_asking() && self.ask(market, now)
    }

    /// Ends orders that wait for a print in a market without a book, and would pay more than there is in what is printed now.
    /// Returns whether there were any.
    #[cold]
    fn ask_for_prints(&mut self, market: MarketId, view: &View<'_>, rows: Span, now: i64) -> bool {
        let mut any = false;
        for (account, order, price, qty) in self.places[market.index()].market.unpriced(view, rows) {
            let Some(reason) = self.lacks_now(account, market, order, price, qty) else {
                // What others ask is held against this price from now on.
                let counts = Update::on(order, now, ReportKind::Repriced { price });
                self.note(market, &[(account, counts)]);
                continue;
            };
            any = true;
            let side = &mut self.places[market.index()].market;
            side.end_unpriced((account, order), reason, now, &mut self.fresh);
            self.report(market);
        }
        any
    }

    /// Why an account cannot have an order at a price that is known now.
    fn lacks_now(
        &mut self,
        account: AccountId,
        market: MarketId,
        order: OrderId,
        price: Price,
        qty: Qty,
    ) -> Option<Reason> {
        match self.lacks(account, &Command::Replace { market, order, terms: NewTerms::new(price, qty) }) {
            Some(ReportKind::ReplaceRejected(reason)) => Some(reason),
            _ => self.lacks_margin_now(account, market, order, price),
        }
    }

    #[cold]
    fn ask(&mut self, market: MarketId, now: i64) -> bool {
        let mut any = false;
        while let Some((account, order, side, qty, limit)) = self.places[market.index()].market.next_asking()
        {
            any = true;
            let side_of = &mut self.places[market.index()].market;
            let price = limit.or_else(|| side_of.price_to_take(account, side, qty)).map(Price::new);
            let reason = price.and_then(|price| self.lacks_now(account, market, order, price, Qty::new(qty)));
            self.places[market.index()].market.answer(account, order, reason, now, &mut self.fresh);
            self.report(market);
        }
        any
    }

    /// How a model of somebody else's failed, if one did and nobody has been told, and an account that met it.
    pub fn take_failure(&mut self) -> Option<(AccountId, ModelFailure)> {
        let mut places = self.places.iter_mut();
        places.find_map(Place::take_failure)
    }

    /// Takes a command that is sent at `now`; it acts when it arrives.
    pub fn on_command(&mut self, account: AccountId, command: Approved<Command>, now: i64) {
        let command = command.into_inner();
        let ways = &mut self.places[command.market().index()].ways;
        self.commands.send(ways.arrival(Leg::Entry, account, now), (account, command, now));
    }

    /// Brings back a refusal of our own side of a command that was sent at `now`, when the venue's would have come.
    pub fn refuse(&mut self, account: AccountId, command: &Command, reason: Reason, now: i64) {
        let market = command.market();
        let ways = &mut self.places[market.index()].ways;
        let [at, known] = ways.there_and_back(account, now);
        let update = Update::on(command.order(), at, command.refusal(reason));
        self.updates.send(known, Sent::Update { account, market, execution: 0, update });
    }

    /// When the next command arrives, the next order may end, the next market is listed or delisted or funding is paid.
    #[inline]
    pub fn next_due(&self) -> Option<i64> {
        let expiry = self.expiries.first().map(|(at, _)| *at);
        let other = Some(self.next_listing_or_payment()).filter(|at| *at < i64::MAX);
        [self.commands.next(), other, expiry].into_iter().flatten().min()
    }

    #[inline]
    fn next_listing_or_payment(&self) -> i64 {
        let listing = self.listings.last().map_or(i64::MAX, |(at, ..)| *at);
        let payment = self.payments.first().map_or(listing, |(at, _)| listing.min(*at));
        self.loans.first().map_or(payment, |(at, _)| payment.min(*at))
    }

    /// Lists and delists markets, pays funding and interest, ends orders and lets commands act, as far as it is time for it by `until`.
    pub fn advance(&mut self, until: i64) {
        self.joined.clear();
        loop {
            let due = self.next_listing_or_payment();
            let expiry = self.expiries.first().map_or(i64::MAX, |(at, _)| *at);
            if expiry < due && expiry <= until && self.commands.next().is_none_or(|at| expiry <= at) {
                self.expire();
            } else if let Some((at, (account, command, sent))) =
                self.commands.receive(until.min(due.saturating_sub(1)))
            {
                let market = command.market();
                match self.lacks(account, &command).or_else(|| self.lacks_margin(account, &command)) {
                    Some(refused) => self.fresh.push((account, Update::on(command.order(), at, refused))),
                    None => {
                        let side = &mut self.places[market.index()].market;
                        side.on_sent_command(account, command, sent, at, &mut self.fresh);
                        if side.looks_back() {
                            self.joined.push(market);
                        }
                        self.note_expiry(market);
                    }
                }
                self.report(market);
                self.let_act(market, at);
            } else if let Some((at, market, is_listed)) =
                self.listings.pop_if(|(at, ..)| *at == due && due <= until)
            {
                let side = &mut self.places[market.index()].market;
                if is_listed {
                    side.list();
                } else {
                    side.delist(at, &mut self.fresh);
                }
                self.report(market);
                if !is_listed {
                    self.pay_out(at, market);
                }
            } else if let Some(&(at, market)) =
                self.payments.first().filter(|(at, _)| *at == due && due <= until)
            {
                self.payments.pop_first();
                self.pay(at, market);
            } else if due <= until {
                self.take_interest();
            } else {
                return;
            }
        }
    }

    /// Lets `told` say what the levels are made of that orders have joined in [`Venue::advance`]: what was told of the one
    /// of a market's side at a price before, oldest first.
    pub fn look_back(&mut self, told: impl Fn(MarketId, FillBasis, Side, i64) -> Vec<Told>) {
        for market in self.joined.drain(..) {
            let side = &mut self.places[market.index()].market;
            let basis = side.basis();
            side.look_back(|of, price| told(market, basis, of, price));
        }
    }

    /// Ends the orders of one market whose time is over next.
    fn expire(&mut self) {
        if let Some((at, market)) = self.expiries.pop_first() {
            self.places[market.index()].market.expire(at, &mut self.fresh);
            self.note_expiry(market);
            self.report(market);
        }
    }

    fn note_expiry(&mut self, market: MarketId) {
        let next = self.places[market.index()].market.next_expiry();
        self.expiries.extend(next.map(|at| (at, market)));
    }

    /// When the next report reaches us.
    #[inline]
    pub fn next_report(&self) -> Option<i64> {
        self.updates.next()
    }

    /// What has reached us next by `until`, with its time.
    #[inline]
    pub fn receive(&mut self, until: i64) -> Option<(i64, Notice)> {
        let (at, sent) = self.updates.receive(until)?;
        let told = match sent {
            Sent::Update { account, market, execution, update } => {
                Notice::Report(account, market, update.into_report(execution))
            }
            Sent::Payment(payment) => Notice::Payment(payment),
        };
        Some((at, told))
    }

    /// Charges for the fills of a market that have just happened.
    fn take_fees(&mut self, market: MarketId) {
        let mut custom =
            self.places[market.index()].charges.as_mut().and_then(|charges| charges.custom.take());
        let Place { market: side, charges, marks, .. } = &self.places[market.index()];
        let Some(charges) = charges else { return };
        let underlying = marks.and_then(Marks::index);
        let price_of = |market: MarketId| {
            let side = &self.places[market.index()].market;
            Some((side.twice_mid()?, side.instrument().price_increment.value()))
        };
        for (account, update) in &mut self.fresh {
            let ReportKind::Fill { price, qty, liquidity, fee } = &mut update.kind else { continue };
            let fill = ChargedFill {
                account: *account,
                volume: Money::ZERO,
                instrument: side.instrument(),
                math: side.math(),
                side: if update.change < 0 { Side::Sell } else { Side::Buy },
                liquidity: *liquidity,
                price: *price,
                qty: *qty,
                underlying,
                ts: update.ts_event,
            };
            let wallets = &mut self.wallets;
            let pay = |amount| charges.purse.is_none_or(|(at, coin)| wallets[at].pay(*account, coin, amount));
            if let Some(charge) =
                self.volumes[charges.volumes].charge(&charges.fees, fill, custom.as_mut(), price_of, pay)
            {
                (*fee, update.paid) = (charge.fee, charge.paid);
            }
        }
        if let Some(charges) = &mut self.places[market.index()].charges {
            charges.custom = custom;
        }
    }

    /// Has accounts take what happened to their orders in a market.
    fn note(&mut self, market: MarketId, updates: &[(AccountId, Update)]) {
        let place = &self.places[market.index()];
        if let Some((at, spot)) = place.wallets.zip(place.spot.as_deref()) {
            for (account, update) in updates {
                self.wallets[at].apply(*account, spot, update);
            }
        }
        if self.places[market.index()].contract.is_some() {
            for (account, update) in updates {
                self.with_holding(*account, market, |contract, holding| holding.apply(contract, update));
            }
        }
    }

    /// Sends what has just happened on its way to us.
    #[inline(never)]
    fn report(&mut self, market: MarketId) {
        if self.places[market.index()].charges.is_some() {
            self.take_fees(market);
        }
        let fresh = std::mem::take(&mut self.fresh);
        self.note(market, &fresh);
        self.fresh = fresh;
        let is_on_margin = self.places[market.index()].contract.is_some();
        let ways = &mut self.places[market.index()].ways;
        let has_changed = is_on_margin && self.fresh.iter().any(|(_, update)| update.change != 0);
        for (account, update) in self.fresh.drain(..) {
            let counter = self.group.map_or(0, |accounts| account.index() / accounts);
            if counter >= self.executions.len() {
                self.executions.resize(counter + 1, 0);
            }
            let execution = &mut self.executions[counter];
            *execution += u64::from(matches!(update.kind, ReportKind::Fill { .. }));
            let at = ways.arrival(Leg::Response, account, update.ts_event);
            self.updates.send(at, Sent::Update { account, market, execution: *execution, update });
        }
        if has_changed {
            self.keep_watch(market);
        }
    }
}
