//! Bars of a market and the indicators on them, as a set looks at them.
//!
//! A bar is known when it is available. Our clock closes one at an instant at which messages may still come, so what is
//! known at that instant is worked out on the side: asking changes nothing.

use crate::bars::{Bar, BarFloats, BarSpec, BarSpecError, BarsError, MessageBars};
use crate::event::{Span, View};
use crate::indicators::Stream;
use crate::types::{Decoded, Instrument, Reader, Writer};

/// Fields of a bar that a feature can be, in the order of [`Latest::fields`].
pub(super) const FIELDS: &[&str] = &[
    "open",
    "high",
    "low",
    "close",
    "volume",
    "quote_volume",
    "buy_volume",
    "sell_volume",
    "vwap",
    "trades",
];

const _: () = assert!(FIELDS.len() == BarFloats::NAMES.len() + 1);

/// The bar that was finished last.
#[derive(Debug, Clone, Copy)]
struct Latest {
    ts_open: i64,
    fields: [f64; FIELDS.len()],
}

/// What is known of bars.
#[derive(Debug, Clone)]
struct Known {
    latest: Option<Latest>,
    streams: Vec<Stream>,
}

impl Known {
    /// Takes a finished bar. One that a late trade changed is no new row of an indicator.
    fn take(&mut self, bar: &Bar, spec: &BarSpec, instrument: &Instrument) {
        if bar.revision > 0 && self.latest.is_none_or(|latest| latest.ts_open != bar.ts_open) {
            return;
        }
        let floats = bar.to_floats(spec, instrument);
        let mut fields = [f64::from(bar.trades); FIELDS.len()];
        fields[..BarFloats::NAMES.len()].copy_from_slice(&floats.values());
        self.latest = Some(Latest { ts_open: bar.ts_open, fields });
        if bar.revision == 0 {
            let BarFloats { open, high, low, close, volume, .. } = floats;
            let row = [open, high, low, close, volume, bar.ts_open as f64];
            for stream in &mut self.streams {
                stream.update_bar(&row);
            }
        }
    }
}

/// Bars of one kind.
#[derive(Debug, Clone)]
pub(super) struct Bars {
    pub(super) spec: BarSpec,
    maker: MessageBars,
    known: Known,
    /// What is known at an instant that has not passed.
    at_instant: Option<(i64, Known)>,
}

impl Bars {
    pub(super) fn new(spec: BarSpec, instrument: &Instrument) -> Result<Self, BarSpecError> {
        let maker = MessageBars::new(&spec, instrument)?;
        Ok(Self { spec, maker, known: Known { latest: None, streams: Vec::new() }, at_instant: None })
    }

    /// The place of an indicator.
    pub(super) fn stream(&mut self, stream: Stream) -> usize {
        let streams = &mut self.known.streams;
        let same = |own: &Stream| own.spec().name == stream.spec().name && own.values() == stream.values();
        streams.iter().position(same).unwrap_or_else(|| {
            streams.push(stream);
            streams.len() - 1
        })
    }

    /// Takes a message, after which the sum of the best prices is `twice_mid`.
    pub(super) fn message(
        &mut self,
        view: &View<'_>,
        message: Span,
        twice_mid: Option<i64>,
        instrument: &Instrument,
    ) -> Result<(), BarsError> {
        self.at_instant = None;
        let Self { spec, maker, known, .. } = self;
        maker.push(view, message, twice_mid, &mut |bar| known.take(bar, spec, instrument))
    }

    /// Our clock is at `now`.
    pub(super) fn pass(&mut self, now: i64, instrument: &Instrument) {
        let Self { spec, maker, known, at_instant } = self;
        if at_instant.as_ref().is_some_and(|(at, _)| *at != now) {
            *at_instant = None;
        }
        // A market that is silent for more bars than there may be is one of which its next message tells.
        if maker.deadline().is_some_and(|deadline| deadline < now) {
            let _ = maker.elapse(now - 1, &mut |bar| known.take(bar, spec, instrument));
        }
        if maker.deadline() == Some(now) && at_instant.is_none() {
            let mut there = known.clone();
            let _ = maker.clone().elapse(now, &mut |bar| there.take(bar, spec, instrument));
            *at_instant = Some((now, there));
        }
    }

    fn now(&self) -> &Known {
        self.at_instant.as_ref().map_or(&self.known, |(_, known)| known)
    }

    /// A field of the last bar at the time that was passed.
    pub(super) fn field(&self, field: usize) -> Option<f64> {
        self.now().latest.map(|latest| latest.fields[field])
    }

    /// An output of an indicator then.
    pub(super) fn output(&self, stream: usize, output: usize) -> f64 {
        self.now().streams[stream].value()[output]
    }

    pub(super) fn save(&self, w: &mut Writer<'_>) {
        let (mid, builder) = self.maker.save();
        w.option(mid, Writer::i64);
        w.bytes(&builder);
        w.option(self.known.latest, |w, latest| {
            w.i64(latest.ts_open);
            latest.fields.iter().for_each(|field| w.f64(*field));
        });
        self.known.streams.iter().for_each(|stream| w.bytes(&stream.save()));
    }

    pub(super) fn load(&mut self, r: &mut Reader<'_>) -> Decoded<()> {
        let mid = r.option(Reader::i64)?;
        let Some(maker) = self.maker.clone().load(mid, r.bytes()?) else { return r.error("an open bar") };
        self.maker = maker;
        self.known.latest = r.option(|r| {
            let ts_open = r.i64()?;
            let mut fields = [f64::NAN; FIELDS.len()];
            for field in &mut fields {
                *field = r.f64()?;
            }
            Ok(Latest { ts_open, fields })
        })?;
        for own in &mut self.known.streams {
            match Stream::load(r.bytes()?) {
                Ok(stream) if stream.spec().name == own.spec().name && stream.values() == own.values() => {
                    *own = stream;
                }
                _ => return r.error("the indicator of the set"),
            }
        }
        self.at_instant = None;
        Ok(())
    }
}
