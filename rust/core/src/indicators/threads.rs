//! Columns for several threads to work off.

use super::crew::share_out;
use super::registry::Stream;
use super::state::Memory;

/// Rows of a column that is shared out, at least, and of a share: a thread that has to be woken is late by some ten
/// thousand of them.
const LEAST_ROWS: usize = 1 << 18;
const LEAST_SHARE: usize = 1 << 15;

/// Rows that a thread takes without knowing those long before them.
struct Share<'a> {
    start: usize,
    out: Vec<&'a mut [f64]>,
    /// What the indicator remembered before the first of them, and what it is after the last one.
    ahead: Option<(Vec<u8>, Stream)>,
}

/// Some rows of each column.
fn rows_of<'a>(columns: &[&'a [f64]], start: usize, rows: usize) -> Vec<&'a [f64]> {
    columns.iter().map(|column| &column[start..start + rows]).collect()
}

/// How many rows a share of them has, and how many before it are taken to begin with; `None` where it is not worth it.
fn shared(rows: usize, threads: usize, memory: Memory) -> Option<(usize, usize)> {
    const SHARES: usize = 8;
    let size = LEAST_SHARE.max(rows / (SHARES * threads)).checked_next_multiple_of(memory.phase)?;
    let lead = memory.rows.checked_next_multiple_of(memory.phase)?;
    (threads > 1 && rows >= LEAST_ROWS.max(2 * size) && lead <= size / 8).then_some((size, lead))
}

impl Stream {
    /// Takes many rows as [`Stream::batch`] does, on up to `threads`; what comes out is the same for any number.
    ///
    /// Where an indicator forgets, a share of the rows is begun with some of those before it, in the hope that nothing is
    /// left of how it began. Whether that is so is seen when the share before it is done; if not, it is worked off anew.
    ///
    /// # Panics
    /// As [`Stream::batch`].
    pub fn batch_on(&mut self, columns: &[&[f64]], out: &mut [&mut [f64]], threads: usize) {
        let rows = out[0].len();
        let shared = self.memory().and_then(|memory| Some((memory.phase, shared(rows, threads, memory)?)));
        let Some((phase, (size, lead))) = shared else { return self.batch(columns, out) };
        // It is counted from the first row that holds numbers.
        let holds_none = |row: &usize| columns.iter().any(|column| column[*row].is_nan());
        let mut end = (0..rows).take_while(holds_none).count() % phase;
        let mut rest: Vec<&mut [f64]> = out.iter_mut().map(|column| &mut **column).collect();
        let mut shares = Vec::with_capacity(rows / size);
        let mut start = 0;
        while start < rows {
            end = if rows - end < 2 * size { rows } else { end + size };
            let out =
                rest.iter_mut().map(|column| column.split_off_mut(..end - start).expect("as many rows"));
            shares.push(Share { start, out: out.collect(), ahead: None });
            start = end;
        }
        share_out(threads, shares.iter_mut(), |Share { start, out, ahead }| {
            let mut one = self.clone();
            if *start > 0 {
                one.reset();
                // Not to be kept: the rows themselves are written over it.
                let mut into: Vec<&mut [f64]> = out.iter_mut().map(|column| &mut column[..lead]).collect();
                one.batch(&rows_of(columns, *start - lead, lead), &mut into);
            }
            let before = one.save();
            one.batch(&rows_of(columns, *start, out[0].len()), out);
            *ahead = Some((before, one));
        });
        for Share { start, out, ahead } in &mut shares {
            match ahead.take() {
                Some((before, after)) if before == self.save() => *self = after,
                _ => self.batch(&rows_of(columns, *start, out[0].len()), out),
            }
        }
    }

    /// Works several series off, each from the beginning: columns hold them one after the other, `rows` of each.
    ///
    /// Up to `threads` of them at once; what comes out is the same for any number.
    ///
    /// # Panics
    /// If columns are missing, or shorter than those of the outputs.
    pub fn panel(&self, rows: usize, columns: &[&[f64]], out: &mut [&mut [f64]], threads: usize) {
        let Some(symbols) = out[0].len().checked_div(rows) else { return };
        let mut rest: Vec<_> = out.iter_mut().map(|column| column.chunks_mut(rows)).collect();
        let series = (0..symbols).map(|symbol| {
            let into: Vec<&mut [f64]> = rest.iter_mut().filter_map(Iterator::next).collect();
            (symbol * rows, into)
        });
        share_out(threads.min(symbols), series, |(start, mut into)| {
            let mut one = self.clone();
            one.reset();
            one.batch(&rows_of(columns, start, rows), &mut into);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::indicators::{NanPolicy, specs};

    #[test]
    fn what_forgets_is_the_same_after_its_memory_wherever_it_began() {
        let price = |row: usize| 100.0 + ((row * 7_919) % 613) as f64 / 17.0 + (row % 5_003) as f64 / 99.0;
        let mut others = Vec::new();
        for spec in specs() {
            let stream = Stream::parse(spec.name, &[], NanPolicy::Restart).unwrap();
            let Some(memory) = stream.memory() else {
                others.push(spec.name);
                continue;
            };
            let (_, lead) = shared(1 << 20, 2, memory).expect(spec.name);
            let start = 3 * memory.phase;
            let rows = start + lead;
            let columns: Vec<Vec<f64>> = (0..spec.inputs.len())
                .map(|i| (0..rows).map(|row| price(row + [0, 9, 3, 5, 1][i])).collect())
                .collect();
            let columns: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
            let after = |start: usize| {
                let mut one = stream.clone();
                let mut out = vec![vec![0.0; rows - start]; spec.outputs.len()];
                let mut into: Vec<&mut [f64]> = out.iter_mut().map(Vec::as_mut_slice).collect();
                one.batch(&rows_of(&columns, start, rows - start), &mut into);
                one.save()
            };
            assert!(after(0) == after(start), "{} does not forget in {lead} rows", spec.name);
        }
        // Totals, extremes and the like of all rows, and what a turn of the market ends.
        let known = [
            "aroon",
            "aroonosc",
            "sar",
            "supertrend",
            "obv",
            "ad",
            "adosc",
            "vwap",
            "vwap_session",
            "nvi",
            "pvi",
            "pvt",
            "kvo",
            "drawdown",
        ];
        assert_eq!(others, known);
    }
}
