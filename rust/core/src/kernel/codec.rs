//! The one codec of the kernel: inputs and commands as bytes.
//!
//! The journal is a sequence of entries, each a length (`u32`, little endian) and a body; the digest hashes bodies of
//! commands, reports and balances. A body is a tag, a time, and fields: integers of fixed width in little endian,
//! texts with their length, options with a flag.

use std::sync::Arc;

use super::input::{Control, FeedUpdate, Input, Listing, Rows};
use super::topics::Topics;
use crate::book::BookState;
use crate::event::{Event, EventColumns, EventKind, View};
use crate::ledger::Position;
use crate::orders::{
    Command, Liquidity, OrderKey, OrderRequest, OrderType, Reason, Report, ReportKind, TimeInForce, VenueKey,
};
use crate::types::{AccountId, CurrencyId, MarketId, Money, Side, StrategyId};

/// Bytes that are no journal of ours, or of another version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("byte {at}: expected {expected}")]
pub struct CodecError {
    /// Where.
    pub at: usize,
    /// What would have been right.
    pub expected: &'static str,
}

type Decoded<T> = Result<T, CodecError>;

/// Appends fields to bytes.
pub(super) struct Writer<'a>(pub(super) &'a mut Vec<u8>);

impl Writer<'_> {
    pub(super) fn u8(&mut self, value: u8) {
        self.0.push(value);
    }

    pub(super) fn flag(&mut self, value: bool) {
        self.u8(u8::from(value));
    }

    pub(super) fn u16(&mut self, value: u16) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub(super) fn u64(&mut self, value: u64) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub(super) fn i64(&mut self, value: i64) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub(super) fn i128(&mut self, value: i128) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub(super) fn index(&mut self, value: usize) {
        self.0.extend_from_slice(&(value as u32).to_le_bytes());
    }

    pub(super) fn text(&mut self, value: &str) {
        self.bytes(value.as_bytes());
    }

    pub(super) fn bytes(&mut self, value: &[u8]) {
        self.u64(value.len() as u64);
        self.0.extend_from_slice(value);
    }

    pub(super) fn option<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.flag(value.is_some());
        if let Some(value) = value {
            write(self, value);
        }
    }

    pub(super) fn money(&mut self, value: Money) {
        self.i128(value.units());
    }

    pub(super) fn side(&mut self, side: Side) {
        self.flag(side == Side::Buy);
    }

    pub(super) fn reason(&mut self, reason: Option<Reason>) {
        self.u8(reason.map_or(0, |reason| reason as u8));
    }

    pub(super) fn order_type(&mut self, order_type: OrderType) {
        self.u8(order_type.code());
        match order_type {
            OrderType::Market => {}
            OrderType::Limit { price } => self.i64(price),
        }
    }

    pub(super) fn request(&mut self, request: &OrderRequest) {
        self.index(request.market.index());
        self.side(request.side);
        self.order_type(request.order_type);
        self.i64(request.qty);
        self.u8(request.time_in_force as u8);
        self.flag(request.post_only);
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

    fn order_key(&mut self, key: &OrderKey) {
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

    fn command(&mut self, command: &Command) {
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
            Command::Replace { order, market, price, qty } => {
                self.u8(2);
                self.u64(*order);
                self.index(market.index());
                self.i64(*price);
                self.i64(*qty);
            }
        }
    }

    pub(super) fn report(&mut self, report: &Report) {
        self.order_key(&report.order);
        self.option(report.venue_id.as_ref(), Self::venue_key);
        self.option(report.execution.as_ref(), Self::venue_key);
        self.option(report.cumulative, Self::i64);
        self.i64(report.ts_event);
        let (code, reason) = match report.kind {
            ReportKind::Accepted => (0, None),
            ReportKind::Rejected(reason) => (1, Some(reason)),
            ReportKind::Fill { .. } => (2, None),
            ReportKind::Cancelled => (3, None),
            ReportKind::CancelRejected(reason) => (4, Some(reason)),
            ReportKind::Replaced { .. } => (5, None),
            ReportKind::ReplaceRejected(reason) => (6, Some(reason)),
            ReportKind::Expired(reason) => (7, Some(reason)),
            ReportKind::Unknown => (8, None),
        };
        self.u8(code);
        if let Some(reason) = reason {
            self.u8(reason as u8);
        }
        match report.kind {
            ReportKind::Fill { price, qty, liquidity, fee } => {
                self.i64(price);
                self.i64(qty);
                self.u8(liquidity as u8);
                self.money(fee);
            }
            ReportKind::Replaced { price, qty } => {
                self.i64(price);
                self.i64(qty);
            }
            _ => {}
        }
    }

    /// Rows of columns, with their number in front.
    pub(super) fn rows(&mut self, view: &View<'_>, from: usize, to: usize) {
        self.index(to - from);
        for row in from..to {
            let event = view.event(row);
            self.i64(event.ts_event);
            self.i64(event.ts_recv);
            self.u8(event.kind as u8);
            self.u8(event.side.cast_unsigned());
            self.u8(event.flags);
            self.i64(event.price);
            self.i64(event.qty);
            self.u64(event.id);
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
        self.u64(average.to_bits());
    }
}

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
        Input::Report(report) => write_report(out, at, report),
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
        Input::Control(control) => {
            head(tag::CONTROL);
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
            }
        }
    }
}

/// Reads fields from bytes.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(super) fn is_done(&self) -> bool {
        self.at == self.bytes.len()
    }

    pub(super) fn error<T>(&self, expected: &'static str) -> Decoded<T> {
        Err(CodecError { at: self.at, expected })
    }

    fn take(&mut self, n: usize, expected: &'static str) -> Decoded<&'a [u8]> {
        match self.bytes.get(self.at..self.at.saturating_add(n)) {
            Some(bytes) => {
                self.at += n;
                Ok(bytes)
            }
            None => self.error(expected),
        }
    }

    fn array<const N: usize>(&mut self, expected: &'static str) -> Decoded<[u8; N]> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(N, expected)?);
        Ok(out)
    }

    pub(super) fn u8(&mut self) -> Decoded<u8> {
        Ok(self.array::<1>("a byte")?[0])
    }

    pub(super) fn flag(&mut self) -> Decoded<bool> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => self.error("a flag of 0 or 1"),
        }
    }

    pub(super) fn u16(&mut self) -> Decoded<u16> {
        self.array("a number of 2 bytes").map(u16::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Decoded<u64> {
        self.array("a number of 8 bytes").map(u64::from_le_bytes)
    }

    pub(super) fn i64(&mut self) -> Decoded<i64> {
        self.array("a number of 8 bytes").map(i64::from_le_bytes)
    }

    pub(super) fn i128(&mut self) -> Decoded<i128> {
        self.array("a number of 16 bytes").map(i128::from_le_bytes)
    }

    pub(super) fn index(&mut self) -> Decoded<usize> {
        self.array("a number of 4 bytes").map(|bytes| u32::from_le_bytes(bytes) as usize)
    }

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

    pub(super) fn bytes(&mut self) -> Decoded<&'a [u8]> {
        let len = self.u64()?;
        self.take(usize::try_from(len).unwrap_or(usize::MAX), "as many bytes as their length says")
    }

    pub(super) fn text(&mut self) -> Decoded<&'a str> {
        let at = self.at;
        std::str::from_utf8(self.bytes()?).map_err(|_| CodecError { at, expected: "a text in UTF-8" })
    }

    pub(super) fn option<T>(&mut self, read: impl FnOnce(&mut Self) -> Decoded<T>) -> Decoded<Option<T>> {
        if self.flag()? { read(self).map(Some) } else { Ok(None) }
    }

    pub(super) fn money(&mut self) -> Decoded<Money> {
        self.i128().map(Money::from_units)
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
            1 => Ok(OrderType::Limit { price: self.i64()? }),
            _ => self.error("an order type"),
        }
    }

    pub(super) fn time_in_force(&mut self) -> Decoded<TimeInForce> {
        match self.u8()? {
            0 => Ok(TimeInForce::Gtc),
            1 => Ok(TimeInForce::Ioc),
            2 => Ok(TimeInForce::Fok),
            _ => self.error("a time in force"),
        }
    }

    pub(super) fn request(&mut self) -> Decoded<OrderRequest> {
        Ok(OrderRequest {
            market: self.market()?,
            side: self.side()?,
            order_type: self.order_type()?,
            qty: self.i64()?,
            time_in_force: self.time_in_force()?,
            post_only: self.flag()?,
            client_id: self.option(Self::text)?.map(Arc::from),
        })
    }

    pub(super) fn venue_key(&mut self) -> Decoded<VenueKey> {
        match self.u8()? {
            0 => Ok(VenueKey::Number(self.u64()?)),
            1 => Ok(VenueKey::Text(self.text()?.into())),
            _ => self.error("a venue's key"),
        }
    }

    fn order_key(&mut self) -> Decoded<OrderKey> {
        match self.u8()? {
            0 => Ok(OrderKey::Id(self.u64()?)),
            1 => Ok(OrderKey::Client(self.text()?.into())),
            2 => Ok(OrderKey::Venue(self.venue_key()?)),
            _ => self.error("an order's key"),
        }
    }

    fn command(&mut self) -> Decoded<Command> {
        Ok(match self.u8()? {
            0 => Command::Submit { order: self.u64()?, request: self.request()? },
            1 => Command::Cancel { order: self.u64()?, market: self.market()? },
            2 => Command::Replace {
                order: self.u64()?,
                market: self.market()?,
                price: self.i64()?,
                qty: self.i64()?,
            },
            _ => return self.error("a command"),
        })
    }

    pub(super) fn report(&mut self) -> Decoded<Report> {
        let order = self.order_key()?;
        let venue_id = self.option(Self::venue_key)?;
        let execution = self.option(Self::venue_key)?;
        let cumulative = self.option(Self::i64)?;
        let ts_event = self.i64()?;
        let kind = match self.u8()? {
            0 => ReportKind::Accepted,
            1 => ReportKind::Rejected(self.known_reason()?),
            2 => ReportKind::Fill {
                price: self.i64()?,
                qty: self.i64()?,
                liquidity: match self.u8()? {
                    0 => Liquidity::Maker,
                    1 => Liquidity::Taker,
                    _ => return self.error("maker or taker"),
                },
                fee: self.money()?,
            },
            3 => ReportKind::Cancelled,
            4 => ReportKind::CancelRejected(self.known_reason()?),
            5 => ReportKind::Replaced { price: self.i64()?, qty: self.i64()? },
            6 => ReportKind::ReplaceRejected(self.known_reason()?),
            7 => ReportKind::Expired(self.known_reason()?),
            8 => ReportKind::Unknown,
            _ => return self.error("a kind of report"),
        };
        Ok(Report { order, venue_id, execution, cumulative, ts_event, kind })
    }

    pub(super) fn rows(&mut self) -> Decoded<EventColumns> {
        let start = self.at;
        let mut columns = EventColumns::default();
        for _ in 0..self.index()? {
            let (ts_event, ts_recv) = (self.i64()?, self.i64()?);
            let Some(kind) = EventKind::from_column(self.u8()?) else { return self.error("an event kind") };
            columns.push(Event {
                ts_event,
                ts_recv,
                kind,
                side: self.u8()?.cast_signed(),
                flags: self.u8()?,
                price: self.i64()?,
                qty: self.i64()?,
                id: self.u64()?,
            });
        }
        let sound = crate::event::Columns::view(&columns).check();
        sound.map_err(|_| CodecError { at: start, expected: "rows that keep the rules of columns" })?;
        Ok(columns)
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
        Ok(Position::from_parts(numbers, amounts, f64::from_bits(self.u64()?)))
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
    /// See [`Input::Balance`].
    Balance(AccountId, CurrencyId, Money),
    /// See [`Input::Feed`].
    Feed(MarketId, FeedUpdate),
    /// See [`Input::Listing`].
    Listing(Listing),
    /// See [`Input::Due`].
    Due,
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
            Self::Balance(account, currency, total) => {
                Input::Balance { account: *account, currency: *currency, total: *total }
            }
            Self::Feed(market, update) => Input::Feed { market: *market, update },
            Self::Listing(listing) => Input::Listing(listing),
            Self::Due => Input::Due,
            Self::Control(control) => Input::Control(control),
        }
    }
}

/// Reads a journal entry by entry.
pub struct Entries<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// The entries of a journal. One that was cut in the middle of an entry ends with an error that tells where.
pub fn entries(journal: &[u8]) -> Entries<'_> {
    Entries { bytes: journal, at: 0 }
}

impl Entries<'_> {
    /// Where the next entry starts.
    pub fn position(&self) -> usize {
        self.at
    }

    fn read(&mut self) -> Decoded<Entry> {
        let start = self.at;
        let moved = |error: CodecError, by: usize| CodecError { at: error.at + by, ..error };
        let mut head = Reader::new(&self.bytes[start..]);
        let len = head.index().map_err(|e| moved(e, start))?;
        let body = head.take(len, "as many bytes as the entry's length says").map_err(|e| moved(e, start))?;
        let entry = read_body(body).map_err(|e| moved(e, start + 4))?;
        self.at = start + 4 + len;
        Ok(entry)
    }
}

impl Iterator for Entries<'_> {
    type Item = Result<Entry, CodecError>;

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

fn read_body(body: &[u8]) -> Decoded<Entry> {
    let mut r = Reader::new(body);
    let code = r.u8()?;
    let at = r.i64()?;
    let input = match code {
        tag::COMMAND => {
            let entry = Entry::Command { at, strategy: r.strategy()?, command: r.command()? };
            return if r.is_done() { Ok(entry) } else { r.error("the end of the entry") };
        }
        tag::MESSAGE => OwnedInput::Message(r.market()?, r.rows()?),
        tag::KNOWN => OwnedInput::Known(r.market()?, r.rows()?),
        tag::REPORT => OwnedInput::Report(r.report()?),
        tag::BALANCE => {
            OwnedInput::Balance(AccountId::new(r.index()?), CurrencyId::new(r.index()?), r.money()?)
        }
        tag::FEED => {
            let (market, state) = (r.market()?, r.book_state()?);
            OwnedInput::Feed(market, FeedUpdate { state, reason: r.text()?.into() })
        }
        tag::LISTING => OwnedInput::Listing(Listing { market: r.market()?, is_listed: r.flag()? }),
        tag::DUE => OwnedInput::Due,
        tag::CONTROL => OwnedInput::Control(match r.u8()? {
            0 => Control::Start,
            1 => Control::Stop,
            2 => Control::Order { strategy: r.strategy()?, request: r.request()? },
            3 => Control::Pause,
            4 => Control::Resume,
            5 => Control::Kill,
            _ => return r.error("a control"),
        }),
        _ => return Err(CodecError { at: 0, expected: "a tag of an entry" }),
    };
    if r.is_done() { Ok(Entry::Input { at, input }) } else { r.error("the end of the entry") }
}
