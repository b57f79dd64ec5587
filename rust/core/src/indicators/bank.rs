//! Several indicators over the same bars.

use super::crew::share_out;
use super::registry::Stream;
use super::spec::BAR;

/// Rows that all indicators take before any takes the next ones: their columns stay in the cache.
const BLOCK: usize = 2048;

/// Indicators that read the same bars, each with its place among the outputs of all.
#[derive(Debug, Clone, Default)]
pub struct Bank {
    streams: Vec<Stream>,
}

impl Bank {
    /// Of indicators that read bars.
    pub fn new(streams: Vec<Stream>) -> Self {
        Self { streams }
    }

    /// What is in it.
    pub fn streams(&self) -> &[Stream] {
        &self.streams
    }

    /// Numbers it gives for a bar.
    pub fn width(&self) -> usize {
        self.streams.iter().map(|stream| stream.spec().outputs.len()).sum()
    }

    /// Takes the next bar `[open, high, low, close, volume, ts]` and writes what is known after it.
    ///
    /// # Panics
    /// If there is no room for it.
    #[inline]
    pub fn update(&mut self, bar: &[f64; BAR], out: &mut [f64]) {
        let mut at = 0;
        for stream in &mut self.streams {
            let values = stream.update_bar(bar);
            if let [value] = values {
                out[at] = *value;
            } else {
                out[at..at + values.len()].copy_from_slice(values);
            }
            at += values.len();
        }
    }

    /// Takes many bars by columns, empty where no indicator reads it, into a column for each output.
    ///
    /// Indicators are spread over up to `threads`; what comes out is the same for any number.
    ///
    /// # Panics
    /// If a column is missing or shorter than those of the outputs, or `threads` is 0.
    pub fn batch(&mut self, bars: &[&[f64]; BAR], out: &mut [&mut [f64]], threads: usize) {
        let share = self.width().div_ceil(threads);
        let (mut streams, mut out) = (self.streams.as_mut_slice(), out);
        let mut parts = Vec::with_capacity(threads);
        while !streams.is_empty() {
            let (mut count, mut width) = (0, 0);
            while count < streams.len() && width < share {
                width += streams[count].spec().outputs.len();
                count += 1;
            }
            let ((part, others), (into, left)) = (streams.split_at_mut(count), out.split_at_mut(width));
            (streams, out) = (others, left);
            parts.push((part, into));
        }
        share_out(parts.len(), parts.into_iter(), |(part, into)| by_blocks(part, bars, into));
    }

    /// Forgets all bars.
    pub fn reset(&mut self) {
        self.streams.iter_mut().for_each(Stream::reset);
    }
}

/// Takes bars into a column for each output of some indicators.
fn by_blocks(streams: &mut [Stream], bars: &[&[f64]; BAR], out: &mut [&mut [f64]]) {
    let rows = out.first().map_or(0, |column| column.len());
    for start in (0..rows).step_by(BLOCK) {
        let end = rows.min(start + BLOCK);
        let mut left = out.iter_mut();
        for stream in &mut *streams {
            let spec = stream.spec();
            let columns: Vec<&[f64]> =
                spec.inputs.iter().filter_map(|input| Some(&bars[input.of_bar()?][start..end])).collect();
            let mut into: Vec<&mut [f64]> =
                left.by_ref().take(spec.outputs.len()).map(|column| &mut column[start..end]).collect();
            stream.batch(&columns, &mut into);
        }
    }
}
