//! The one codec of the kernel: inputs and commands as bytes.
//!
//! The journal is a sequence of entries, each a length (`u32`, little endian) and a body; the digest hashes bodies of
//! commands, reports, payments and holdings, but not how a simulated fill came about. A body is a tag, a time, and
//! fields (see [`super::writer`] and [`super::row_bytes`]).

use super::input::{Control, FeedUpdate, Input, Listing, Rows};
use super::signals::Answer;
use crate::event::EventColumns;
use crate::ledger::{Payment, PaymentKind, Position};
use crate::orders::{Command, Report};
use crate::types::{AccountId, CodecError, CurrencyId, Decoded, MarketId, Money, Reader, StrategyId, Writer};

/// Tags of bodies.
mod tag {
    pub(super) const MESSAGE: u8 = 1;
    pub(super) const KNOWN: u8 = 2;
    pub(super) const REPORT: u8 = 3;
    pub(super) const BALANCE: u8 = 4;
    pub(super) const FEED: u8 = 5;
    pub(super) const LISTING: u8 = 6;
    pub(super) const DUE: u8 = 7;
    pub(super) const CONTROL: u8 = 8;
    pub(super) const SIGNAL: u8 = 9;
    pub(super) const PAYMENT: u8 = 10;
    pub(super) const COMMAND: u8 = 20;
    pub(super) const HOLDING: u8 = 21;
    pub(super) const SESSION: u8 = 22;
}

/// The body of a command that left a strategy.
pub(super) fn write_command(out: &mut Vec<u8>, at: i64, strategy: StrategyId, command: &Command) {
    let mut w = Writer(out);
    w.u8(tag::COMMAND);
    w.i64(at);
    w.index(strategy.index());
    w.command(command);
}

/// The body of a report as it reached us.
pub(super) fn write_report(out: &mut Vec<u8>, at: i64, report: &Report) {
    let mut w = Writer(out);
    w.u8(tag::REPORT);
    w.i64(at);
    w.report(report);
}

/// The body of a payment as it reached us.
pub(super) fn write_payment(out: &mut Vec<u8>, at: i64, payment: &Payment) {
    let mut w = Writer(out);
    w.u8(tag::PAYMENT);
    w.i64(at);
    w.index(payment.account.index());
    w.index(payment.market.index());
    w.u8(payment.kind as u8);
    w.i64(payment.ts_event);
    w.i64(payment.qty);
    w.i64(payment.price);
    w.i64(payment.rate);
    w.money(payment.paid);
}

/// The body of a session's name.
pub(super) fn write_session(out: &mut Vec<u8>, session: &str) {
    let mut w = Writer(out);
    w.u8(tag::SESSION);
    w.text(session);
}

/// The body of what a strategy holds at the end.
pub(super) fn write_holding(out: &mut Vec<u8>, strategy: StrategyId, market: MarketId, position: &Position) {
    let mut w = Writer(out);
    w.u8(tag::HOLDING);
    w.index(strategy.index());
    w.index(market.index());
    w.position(position);
    // Where there was none the body is as it was before there could be any.
    if position.funding != Money::ZERO || position.interest != Money::ZERO {
        w.money(position.funding);
    }
    if position.interest != Money::ZERO {
        w.money(position.interest);
    }
}

/// The body of an input. Supplied rows are not at hand here: whoever writes them says so by `Rows::Here`.
pub(super) fn write_input(out: &mut Vec<u8>, at: i64, input: &Input<'_>) {
    let mut w = Writer(out);
    let mut head = |code| {
        w.u8(code);
        w.i64(at);
    };
    match input {
        Input::Supply { .. } => {}
        Input::Message { market, rows } | Input::Known { market, rows } => {
            head(if matches!(input, Input::Message { .. }) { tag::MESSAGE } else { tag::KNOWN });
            w.index(market.index());
            if let Rows::Here { view, from, to } = rows {
                w.rows(view, *from, *to);
            }
        }
        Input::Payment(payment) => write_payment(w.0, at, payment),
        Input::Report(report) => {
            write_report(w.0, at, report);
            w.option(report.origin.as_ref(), Writer::origin);
        }
        Input::Balance { account, currency, total } => {
            head(tag::BALANCE);
            w.index(account.index());
            w.index(currency.index());
            w.money(*total);
        }
        Input::Feed { market, update } => {
            head(tag::FEED);
            w.index(market.index());
            w.u8(update.state as u8);
            w.text(&update.reason);
        }
        Input::Listing(Listing { market, is_listed }) => {
            head(tag::LISTING);
            w.index(market.index());
            w.flag(*is_listed);
        }
        Input::Due => head(tag::DUE),
        Input::Signal(answer) => {
            head(tag::SIGNAL);
            w.index(answer.strategy.index());
            w.index(answer.market.index());
            w.i64(answer.ts);
            match &answer.outcome {
                Ok(signal) => w.option(Some(signal), Writer::signal),
                Err(problem) => {
                    w.flag(false);
                    w.text(problem);
                }
            }
        }
        Input::Control(control) => {
            head(tag::CONTROL);
            write_control(&mut w, control);
        }
    }
}

fn write_control(w: &mut Writer<'_>, control: &Control) {
    match control {
        Control::Start => w.u8(0),
        Control::Stop => w.u8(1),
        Control::Order { strategy, request } => {
            w.u8(2);
            w.index(strategy.index());
            w.request(request);
        }
        Control::Pause => w.u8(3),
        Control::Resume => w.u8(4),
        Control::Kill => w.u8(5),
        Control::Fail { strategy, problem } => {
            w.u8(6);
            w.index(strategy.index());
            w.text(problem);
        }
        Control::CarryRefusals => w.u8(7),
        Control::Cancel { strategy, order } => {
            w.u8(8);
            w.index(strategy.index());
            w.u64(*order);
        }
        Control::CancelAll { strategy, market } => {
            w.u8(9);
            w.index(strategy.index());
            w.option(*market, |w, market| w.index(market.index()));
        }
        Control::Replace { strategy, order, terms } => {
            w.u8(if terms.trigger.is_some() { 13 } else { 10 });
            w.index(strategy.index());
            w.u64(*order);
            w.new_terms(terms);
        }
        Control::Hold { strategy, hold } => {
            w.u8(11);
            w.index(strategy.index());
            w.hold(*hold);
        }
        Control::Rearm { strategy } => {
            w.u8(14);
            w.index(strategy.index());
        }
        Control::Parameters { strategy, values } => {
            w.u8(12);
            w.index(strategy.index());
            w.text(values);
        }
    }
}

/// An entry of a journal.
#[derive(Debug, Clone, PartialEq)]
pub enum Entry {
    /// What the kernel was told, and when.
    Input {
        /// When, ns.
        at: i64,
        /// What.
        input: OwnedInput,
    },
    /// A command that left a strategy.
    Command {
        /// When, ns.
        at: i64,
        /// Whose.
        strategy: StrategyId,
        /// The command.
        command: Command,
    },
}

/// An input that owns its rows.
#[derive(Debug, Clone, PartialEq)]
pub enum OwnedInput {
    /// See [`Input::Message`].
    Message(MarketId, EventColumns),
    /// See [`Input::Known`].
    Known(MarketId, EventColumns),
    /// See [`Input::Report`].
    Report(Report),
    /// See [`Input::Payment`].
    Payment(Payment),
    /// See [`Input::Balance`].
    Balance(AccountId, CurrencyId, Money),
    /// See [`Input::Feed`].
    Feed(MarketId, FeedUpdate),
    /// See [`Input::Listing`].
    Listing(Listing),
    /// See [`Input::Due`].
    Due,
    /// See [`Input::Signal`].
    Signal(Answer),
    /// See [`Input::Control`].
    Control(Control),
}

impl OwnedInput {
    /// The input, as [`super::Kernel::handle`] takes it.
    pub fn as_input(&self) -> Input<'_> {
        match self {
            Self::Message(market, columns) => Input::Message { market: *market, rows: Rows::all(columns) },
            Self::Known(market, columns) => Input::Known { market: *market, rows: Rows::all(columns) },
            Self::Report(report) => Input::Report(report),
            Self::Payment(payment) => Input::Payment(payment),
            Self::Balance(account, currency, total) => {
                Input::Balance { account: *account, currency: *currency, total: *total }
            }
            Self::Feed(market, update) => Input::Feed { market: *market, update },
            Self::Listing(listing) => Input::Listing(listing),
            Self::Due => Input::Due,
            Self::Signal(answer) => Input::Signal(answer),
            Self::Control(control) => Input::Control(control),
        }
    }
}

/// Reads a journal entry by entry.
pub struct Entries<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Memory for the next rows.
    spare: EventColumns,
}

/// The entries of a journal. One that was cut in the middle of an entry ends with an error that tells where.
pub fn entries(journal: &[u8]) -> Entries<'_> {
    Entries { bytes: journal, at: 0, spare: EventColumns::default() }
}

/// Whether all of a journal can be read.
///
/// # Errors
/// [`CodecError`] of the first entry that cannot.
pub fn check_entries(journal: &[u8]) -> Result<(), CodecError> {
    let mut reading = entries(journal);
    while let Some(entry) = reading.next() {
        if let Entry::Input { input, .. } = entry? {
            reading.reuse(input);
        }
    }
    Ok(())
}

impl Entries<'_> {
    /// Where the next entry starts.
    pub fn position(&self) -> usize {
        self.at
    }

    /// Reads the next rows into the memory of an input that is done with.
    pub fn reuse(&mut self, input: OwnedInput) {
        if let OwnedInput::Message(_, columns) | OwnedInput::Known(_, columns) = input {
            self.spare = columns;
        }
    }

    #[inline]
    fn read(&mut self) -> Decoded<Entry> {
        let start = self.at;
        let moved = |error: CodecError, by: usize| CodecError { at: error.at + by, ..error };
        let mut head = Reader::new(&self.bytes[start..]);
        let len = head.index().map_err(|e| moved(e, start))?;
        let body = head.take(len, "as many bytes as the entry's length says").map_err(|e| moved(e, start))?;
        let entry = read_body(body, &mut self.spare).map_err(|e| moved(e, start + 4))?;
        self.at = start + 4 + len;
        Ok(entry)
    }
}

impl Iterator for Entries<'_> {
    type Item = Result<Entry, CodecError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.at == self.bytes.len() {
            return None;
        }
        let entry = self.read();
        if entry.is_err() {
            self.at = self.bytes.len();
        }
        Some(entry)
    }
}

#[inline] // an entry is some hundred bytes, and moved as often as it is returned
fn read_body(body: &[u8], spare: &mut EventColumns) -> Decoded<Entry> {
    let mut r = Reader::new(body);
    let code = r.u8()?;
    let at = r.i64()?;
    let input = match code {
        tag::COMMAND => {
            let entry = Entry::Command { at, strategy: r.strategy()?, command: r.command()? };
            return if r.is_done() { Ok(entry) } else { r.error("the end of the entry") };
        }
        tag::MESSAGE => OwnedInput::Message(r.market()?, r.rows(std::mem::take(spare))?),
        tag::KNOWN => OwnedInput::Known(r.market()?, r.rows(std::mem::take(spare))?),
        tag::REPORT => {
            let report = r.report()?;
            OwnedInput::Report(Report { origin: r.option(Reader::origin)?, ..report })
        }
        tag::PAYMENT => {
            let (account, market, kind) = (AccountId::new(r.index()?), r.market()?, r.u8()?);
            let Some(kind) = PaymentKind::ALL.get(usize::from(kind)).copied() else {
                return r.error("a kind of payment");
            };
            let [ts_event, qty, price, rate] = [r.i64()?, r.i64()?, r.i64()?, r.i64()?];
            // What is owed may be owed by who holds nothing any more.
            if qty == 0 && kind != PaymentKind::Interest {
                return r.error("a payment on a position");
            }
            OwnedInput::Payment(Payment {
                account,
                market,
                ts_event,
                kind,
                qty,
                price,
                rate,
                paid: r.money()?,
            })
        }
        tag::BALANCE => {
            OwnedInput::Balance(AccountId::new(r.index()?), CurrencyId::new(r.index()?), r.money()?)
        }
        tag::FEED => {
            let (market, state) = (r.market()?, r.book_state()?);
            OwnedInput::Feed(market, FeedUpdate { state, reason: r.text()?.into() })
        }
        tag::LISTING => OwnedInput::Listing(Listing { market: r.market()?, is_listed: r.flag()? }),
        tag::DUE => OwnedInput::Due,
        tag::SIGNAL => {
            let (strategy, market, ts) = (r.strategy()?, r.market()?, r.i64()?);
            let signal = r.option(Reader::signal)?;
            let outcome = match signal {
                Some(signal) => Ok(signal),
                None => Err(r.text()?.into()),
            };
            OwnedInput::Signal(Answer { strategy, market, ts, outcome })
        }
        tag::CONTROL => OwnedInput::Control(match r.u8()? {
            0 => Control::Start,
            1 => Control::Stop,
            2 => Control::Order { strategy: r.strategy()?, request: r.request()? },
            3 => Control::Pause,
            4 => Control::Resume,
            5 => Control::Kill,
            6 => Control::Fail { strategy: r.strategy()?, problem: r.text()?.into() },
            7 => Control::CarryRefusals,
            8 => Control::Cancel { strategy: r.strategy()?, order: r.u64()? },
            9 => Control::CancelAll { strategy: r.strategy()?, market: r.option(Reader::market)? },
            code @ (10 | 13) => {
                Control::Replace { strategy: r.strategy()?, order: r.u64()?, terms: r.new_terms(code == 13)? }
            }
            11 => Control::Hold { strategy: r.strategy()?, hold: r.hold()? },
            14 => Control::Rearm { strategy: r.strategy()? },
            12 => Control::Parameters { strategy: r.strategy()?, values: r.text()?.into() },
            _ => return r.error("a control"),
        }),
        _ => return Err(CodecError { at: 0, expected: "a tag of an entry" }),
    };
    if r.is_done() { Ok(Entry::Input { at, input }) } else { r.error("the end of the entry") }
}
