//! Bars of event rows: what a catalog holds of an instrument, message by message, as the kernel would see it.

use super::builder::{Bar, BarsError, Builder, Tick};
use super::spec::{BarSource, BarSpec, BarSpecError};
use crate::book::{FillBasis, L2Book, Touch};
use crate::event::{EventKind, Span, VenueBar, View};
use crate::types::Instrument;

/// Makes bars of whole messages, known when they were received, of a market whose book somebody else keeps.
#[derive(Debug, Clone)]
pub struct MessageBars {
    builder: Builder,
    source: BarSource,
    /// Sum of best bid and ask, the last time they were taken.
    mid: Option<i64>,
    /// Whether there were trades: bars of the venue would count them again.
    has_trades: bool,
}

impl MessageBars {
    /// Bars of an instrument.
    ///
    /// # Errors
    /// [`BarSpecError`] for a size the instrument cannot count.
    pub fn new(spec: &BarSpec, instrument: &Instrument) -> Result<Self, BarSpecError> {
        Ok(Self {
            builder: Builder::new(spec.rule_of(instrument)?),
            source: spec.source(),
            mid: None,
            has_trades: false,
        })
    }

    /// Takes a message, after which the sum of the book's best prices is `mid`, and passes on the bars it ended.
    ///
    /// # Errors
    /// [`BarsError`].
    pub fn push(
        &mut self,
        view: &View<'_>,
        message: Span,
        mid: Option<i64>,
        out: &mut impl FnMut(&Bar),
    ) -> Result<(), BarsError> {
        let Span { from, to, only_levels } = message;
        let (ts_event, clock) = (view.ts_event[to - 1], view.ts_recv[to - 1]);
        let mid = match self.source {
            BarSource::Trades if only_levels => None,
            BarSource::Trades => {
                for row in from..to {
                    if !self.has_trades
                        && let Some(bar) = VenueBar::read(view, row, from)
                    {
                        self.builder.merge(&bar, clock, out)?;
                    }
                    if view.kind[row] != EventKind::Trade as u8 {
                        continue;
                    }
                    self.has_trades = true;
                    let tick = Tick {
                        ts_event: view.ts_event[row],
                        clock,
                        price: view.price.get(row),
                        qty: view.qty.get(row),
                        side: view.side[row],
                    };
                    self.builder.push(tick, out)?;
                }
                None
            }
            BarSource::Quotes => Touch::quoted(view, from, to).and_then(|quote| quote.twice_mid()),
            BarSource::Mid if mid == self.mid => None,
            BarSource::Mid => {
                self.mid = mid;
                mid
            }
        };
        if let Some(price) = mid {
            self.builder.push(Tick { ts_event, clock, price, qty: 0, side: 0 }, out)?;
        }
        self.builder.watermark(ts_event, clock, out)
    }

    /// When our clock will close the open bar: see [`Builder::deadline`].
    #[inline]
    pub fn deadline(&self) -> Option<i64> {
        self.builder.deadline()
    }

    /// Our clock is at `clock`: see [`Builder::elapse`].
    ///
    /// # Errors
    /// [`BarsError`].
    pub fn elapse(&mut self, clock: i64, out: &mut impl FnMut(&Bar)) -> Result<(), BarsError> {
        self.builder.elapse(clock, out)
    }

    /// What it remembers, for [`Self::load`].
    pub fn save(&self) -> (Option<i64>, Vec<u8>) {
        (self.mid, self.builder.save())
    }

    /// Goes on from what [`Self::save`] told of the same bars; `None` when it told no such thing.
    #[must_use]
    pub fn load(self, mid: Option<i64>, builder: &[u8]) -> Option<Self> {
        Some(Self { builder: self.builder.load(builder)?, mid, ..self })
    }
}

/// Makes bars of rows alone.
pub struct RowBars {
    bars: MessageBars,
    basis: FillBasis,
    book: L2Book,
    /// What was received before makes no bar, ns.
    from_ns: i64,
}

impl RowBars {
    /// Bars of an instrument whose book comes from `basis`. Those that are no windows begin with what is received at
    /// `from_ns` or later; windows are where they are.
    ///
    /// # Errors
    /// [`BarSpecError`] for a size the instrument cannot count.
    pub fn new(
        spec: &BarSpec,
        instrument: &Instrument,
        basis: FillBasis,
        from_ns: i64,
    ) -> Result<Self, BarSpecError> {
        let from_ns = if spec.interval_ns().is_some() { i64::MIN } else { from_ns };
        Ok(Self { bars: MessageBars::new(spec, instrument)?, basis, book: L2Book::new(), from_ns })
    }

    /// Takes the messages in rows `from..to` and passes on the bars they ended.
    ///
    /// # Errors
    /// [`BarsError`].
    pub fn push(
        &mut self,
        view: &View<'_>,
        from: usize,
        to: usize,
        out: &mut impl FnMut(&Bar),
    ) -> Result<(), BarsError> {
        for message in view.messages(from, to) {
            let mut mid = None;
            if self.bars.source == BarSource::Mid {
                self.book.apply_rows(self.basis, view, message.from, message.to);
                mid = Touch::of(&self.book).twice_mid();
            }
            if view.ts_recv[message.to - 1] >= self.from_ns {
                self.bars.push(view, message, mid, out)?;
            }
        }
        Ok(())
    }

    /// There is no more: see [`Builder::flush`].
    ///
    /// # Errors
    /// [`BarsError`].
    pub fn flush(&mut self, out: &mut impl FnMut(&Bar)) -> Result<(), BarsError> {
        self.bars.builder.flush(out)
    }

    /// Late trades so far.
    pub fn late(&self) -> u64 {
        self.bars.builder.late()
    }
}
