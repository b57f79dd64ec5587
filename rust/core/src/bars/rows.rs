//! Bars of event rows: what a catalog holds of an instrument, message by message, as the kernel would see it.

use super::builder::{Bar, Builder, Tick, TooManyBars};
use super::spec::{BarSource, BarSpec, BarSpecError};
use crate::book::{FillBasis, L2Book, Touch};
use crate::event::{EventKind, View};
use crate::types::Instrument;

/// Makes bars of whole messages, known when they were received.
pub struct RowBars {
    builder: Builder,
    source: BarSource,
    basis: FillBasis,
    book: L2Book,
    /// Sum of best bid and ask, the last time they were taken.
    mid: Option<i64>,
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
        let builder = Builder::new(spec.rule_of(instrument)?);
        let from_ns = if spec.interval_ns().is_some() { i64::MIN } else { from_ns };
        Ok(Self { builder, source: spec.source(), basis, book: L2Book::new(), mid: None, from_ns })
    }

    /// Takes the messages in rows `from..to` and passes on the bars they ended.
    ///
    /// # Errors
    /// [`TooManyBars`].
    pub fn push(
        &mut self,
        view: &View<'_>,
        from: usize,
        to: usize,
        out: &mut impl FnMut(&Bar),
    ) -> Result<(), TooManyBars> {
        for message in view.messages(from, to) {
            let (from, to) = (message.from, message.to);
            let (ts_event, clock) = (view.ts_event[to - 1], view.ts_recv[to - 1]);
            if self.source == BarSource::Mid {
                self.book.apply_rows(self.basis, view, from, to);
            }
            if clock < self.from_ns {
                continue;
            }
            match self.source {
                BarSource::Trades if message.only_levels => {}
                BarSource::Trades => {
                    for row in from..to {
                        if view.kind[row] == EventKind::Trade as u8 {
                            let tick = Tick {
                                ts_event: view.ts_event[row],
                                clock,
                                price: view.price.get(row),
                                qty: view.qty.get(row),
                                side: view.side[row],
                            };
                            self.builder.push(tick, out)?;
                        }
                    }
                }
                BarSource::Quotes => {
                    let mid = Touch::quoted(view, from, to).and_then(|quote| quote.twice_mid());
                    self.take_mid(mid, ts_event, clock, out)?;
                }
                BarSource::Mid => {
                    let mid = Touch::of(&self.book).twice_mid();
                    if mid != self.mid {
                        self.mid = mid;
                        self.take_mid(mid, ts_event, clock, out)?;
                    }
                }
            }
            self.builder.watermark(ts_event, clock, out)?;
        }
        Ok(())
    }

    fn take_mid(
        &mut self,
        mid: Option<i64>,
        ts_event: i64,
        clock: i64,
        out: &mut impl FnMut(&Bar),
    ) -> Result<(), TooManyBars> {
        match mid {
            Some(price) => self.builder.push(Tick { ts_event, clock, price, qty: 0, side: 0 }, out),
            None => Ok(()),
        }
    }

    /// There is no more: see [`Builder::flush`].
    ///
    /// # Errors
    /// [`TooManyBars`].
    pub fn flush(&mut self, out: &mut impl FnMut(&Bar)) -> Result<(), TooManyBars> {
        self.builder.flush(out)
    }

    /// Late trades so far.
    pub fn late(&self) -> u64 {
        self.builder.late()
    }
}
