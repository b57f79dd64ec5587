//! One indicator from row to row: the loop that is behind a single value and behind a million.
//!
//! An indicator is one function from a row to what is known after it ([`Indicator::update`]). [`Guarded`] stands before
//! it and decides what a row without a number means ([`NanPolicy`]); [`Row`] is the same for all of them, so that a
//! caller that knows an indicator by its name pays one indirect call for a value, or for a whole column.

use std::array;

use tradecore_wide::{WIDTH, Wide, Work, widest};

use super::smooth::{Lanes, Places, STRIDE};
use super::state::{Memory, Reader, State};

/// The largest number, of either sign, that is taken for one: powers and sums of such do not overflow.
pub const MOST_VALUE: f64 = 1e100;
/// Outputs of an indicator at most.
pub const MOST_OUTPUTS: usize = 4;

/// Numbers that are checked and then worked off together. They fit into the nearest cache, and are few enough that the
/// processor fetches the next ones meanwhile.
const BLOCK: usize = 512;

/// The same of numbers that are looked at on the way, where nothing is gone through twice: each column is then written far
/// enough at a time that the processor fetches ahead.
const LONG_BLOCK: usize = 16 * BLOCK;

/// What a row that holds no number means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NanPolicy {
    /// NaN, an infinity, or a number beyond [`MOST_VALUE`] gives NaN, and the indicator begins anew after it.
    #[default]
    Restart,
    /// Leading rows with NaN are skipped; after them all is calculated with, so sums and averages stay NaN for ever.
    Talib,
}

/// What is known after a row of `I` numbers: `O` numbers, or nothing yet.
pub(super) trait Indicator<const I: usize, const O: usize>:
    State + Clone + Send + Sync + 'static
{
    /// Takes the next row.
    fn update(&mut self, row: [f64; I]) -> Option<[f64; O]>;

    /// The least number that it can calculate with.
    const FLOOR: f64 = -MOST_VALUE;

    /// Rows until [`Indicator::strides`] can take those after them.
    #[inline(always)]
    fn to_next_stride(&self) -> Option<usize> {
        None
    }

    /// Takes rows by strides, between strides: to the last bit what [`Indicator::update`] gives for each, and the bits
    /// of all their numbers.
    #[inline(always)]
    fn strides<V: Wide>(&mut self, _columns: [Strides<'_>; I], _out: [StridesMut<'_>; O]) -> Bits {
        unreachable!("it is never between strides")
    }

    /// The same for many rows, NaN where nothing is known; whether it is at the last one.
    #[inline(always)]
    fn batch<V: Wide>(&mut self, columns: [&[f64]; I], out: &mut [&mut [f64]; O]) -> bool {
        let rows = out[0].len();
        let columns = columns.map(|column| &column[..rows]);
        let mut out = out.each_mut().map(|column| &mut column[..rows]);
        let (mut is_ready, mut at) = (false, 0);
        while at < rows {
            let strides = if self.to_next_stride() == Some(0) { (rows - at) / STRIDE } else { 0 };
            if strides == 0 {
                let known = self.update(columns.map(|column| column[at]));
                is_ready = known.is_some();
                write(&mut out, at, known.unwrap_or([f64::NAN; O]));
                at += 1;
                continue;
            }
            let end = at + strides * STRIDE;
            let columns = columns.map(|column| column[at..end].as_chunks().0);
            let mut all = out.iter_mut().map(|column| column[at..end].as_chunks_mut().0);
            self.strides::<V>(columns, array::from_fn(|_| all.next().expect("as many as there are")));
            (is_ready, at) = (true, end);
        }
        is_ready
    }
}

/// Writes what is known in a row.
#[inline(always)]
pub(super) fn write<const O: usize>(out: &mut [&mut [f64]; O], at: usize, known: [f64; O]) {
    for (column, value) in out.iter_mut().zip(known) {
        column[at] = value;
    }
}

/// A column by strides.
pub(super) type Strides<'a> = &'a [[f64; STRIDE]];
/// A column of an output by strides.
pub(super) type StridesMut<'a> = &'a mut [[f64; STRIDE]];

/// What bits numbers have that were gone through, of each place of a stride.
pub(super) type Bits = [u64; STRIDE];

/// Four strides in their order; see [`Places`] for those by their places.
pub(super) type Four<V> = [V; WIDTH];

/// What takes strides four at a time.
///
/// In three steps, so that what waits is by itself: while the second step of some is waited for, the first of the next
/// and the third of those before go on. The processor looks some two hundred instructions ahead, and sees them only
/// where they are written beside it. For the same reason an average of an average is a second one of these.
pub(super) trait Fours<const I: usize, const O: usize>: Clone {
    /// What the first step leaves to the others.
    type Begun<V: Wide>: Copy;
    /// What the second one adds for the third.
    type Linked<V: Wide>: Copy;

    /// Takes up to four strides of each column, and waits for nothing. What is beyond them is of no account.
    fn begin<V: Wide>(&mut self, columns: [Four<V>; I], strides: usize) -> Self::Begun<V>;

    /// Waits for the strides before, and does as little else as can be.
    fn link<V: Wide>(&mut self, begun: &Self::Begun<V>, strides: usize) -> Self::Linked<V>;

    /// Gives what comes of them, and waits for nothing.
    fn end<V: Wide>(&mut self, begun: Self::Begun<V>, linked: Self::Linked<V>) -> [Four<V>; O];

    /// Takes strides, between strides; the bits of all their numbers.
    #[inline(always)]
    fn take<V: Wide>(&mut self, columns: [Strides<'_>; I], mut out: [StridesMut<'_>; O]) -> Bits {
        // In registers, which it is not behind a reference.
        let mut own = self.clone();
        let mut bits = V::splat(0.0);
        let strides = columns[0].len();
        let (fours, rest) = (strides / WIDTH, strides % WIDTH);
        {
            // Of one length, so that none is asked for in the loop.
            let columns = columns.map(|column| &column.as_chunks::<WIDTH>().0[..fours]);
            let mut out = out.each_mut().map(|column| &mut column.as_chunks_mut::<WIDTH>().0[..fours]);
            if fours > 0 {
                // What is begun of the next ones is put by: in registers there is no room for it beside these.
                let mut one = own.begin(load::<V, I>(columns, 0, &mut bits), WIDTH);
                let (mut other, mut third) = (one, one);
                let (mut before, mut now, mut next) = (&mut one, &mut other, &mut third);
                let mut linked = own.link::<V>(before, WIDTH);
                if fours > 1 {
                    *now = own.begin(load::<V, I>(columns, 1, &mut bits), WIDTH);
                }
                // Without a condition within: that costs an average a third more.
                for at in 2..fours {
                    let ready = linked;
                    linked = own.link::<V>(now, WIDTH);
                    *next = own.begin(load::<V, I>(columns, at, &mut bits), WIDTH);
                    store(own.end::<V>(*before, ready), &mut out, at - 2);
                    (before, now, next) = (now, next, before);
                }
                if fours > 1 {
                    store(own.end::<V>(*before, linked), &mut out, fours - 2);
                    linked = own.link::<V>(now, WIDTH);
                    before = now;
                }
                store(own.end::<V>(*before, linked), &mut out, fours - 1);
            }
        }
        if rest > 0 {
            let (mut some, mut done) = ([[[0.0; STRIDE]; WIDTH]; I], [[[0.0; STRIDE]; WIDTH]; O]);
            for (some, column) in some.iter_mut().zip(columns) {
                some[..rest].copy_from_slice(&column[strides - rest..]);
            }
            let begun =
                own.begin(load::<V, I>(some.each_ref().map(std::slice::from_ref), 0, &mut bits), rest);
            let linked = own.link::<V>(&begun, rest);
            store(own.end::<V>(begun, linked), &mut done.each_mut().map(std::slice::from_mut), 0);
            for (done, column) in done.iter().zip(out) {
                column[strides - rest..].copy_from_slice(&done[..rest]);
            }
        }
        *self = own;
        bits.numbers().map(f64::to_bits)
    }
}

/// Four strides of each column; adds the bits of their numbers.
#[inline(always)]
fn load<V: Wide, const I: usize>(
    columns: [&[[[f64; STRIDE]; WIDTH]]; I],
    at: usize,
    bits: &mut V,
) -> [Four<V>; I] {
    let mut fours = [[V::splat(0.0); WIDTH]; I];
    for (four, column) in fours.iter_mut().zip(columns) {
        for (four, stride) in four.iter_mut().zip(&column[at]) {
            *four = V::load(stride);
            *bits = bits.or(*four);
        }
    }
    fours
}

/// Writes four strides of each column.
#[inline(always)]
fn store<V: Wide, const O: usize>(
    fours: [Four<V>; O],
    out: &mut [&mut [[[f64; STRIDE]; WIDTH]]; O],
    at: usize,
) {
    for (column, four) in out.iter_mut().zip(fours) {
        for (stride, four) in column[at].iter_mut().zip(four) {
            *stride = four.numbers();
        }
    }
}

/// The strides of an indicator are those that it takes four at a time.
macro_rules! by_fours {
    ($inputs:literal) => {
        #[inline(always)]
        fn strides<V: Wide>(&mut self, columns: [Strides<'_>; $inputs], out: [StridesMut<'_>; 1]) -> Bits {
            self.take::<V>(columns, out)
        }
    };
}
pub(super) use by_fours;

/// Two averages of each number, and what is said of both.
pub(super) trait Pairs: Clone {
    /// What numbers of four strides, by their places, add to both: waits for nothing.
    fn parts<V: Wide>(&mut self, numbers: Places<V>, strides: usize) -> [Places<V>; 2];

    /// The averages, which take such parts.
    fn lanes(&mut self) -> &mut Lanes<2>;

    /// What is said of both.
    fn of<V: Wide>(pair: [V; 2]) -> V;
}

impl<P: Pairs> Fours<1, 1> for P {
    type Begun<V: Wide> = [Places<V>; 2];
    type Linked<V: Wide> = [V; 2];

    #[inline(always)]
    fn begin<V: Wide>(&mut self, [numbers]: [Four<V>; 1], strides: usize) -> [Places<V>; 2] {
        self.parts(V::transpose(numbers), strides)
    }

    #[inline(always)]
    fn link<V: Wide>(&mut self, begun: &[Places<V>; 2], strides: usize) -> [V; 2] {
        self.lanes().link(begun, strides)
    }

    #[inline(always)]
    fn end<V: Wide>(&mut self, begun: [Places<V>; 2], befores: [V; 2]) -> [Four<V>; 1] {
        let [mut said, other] = self.lanes().places(begun, befores);
        for (said, other) in said.iter_mut().zip(other) {
            *said = P::of([*said, other]);
        }
        [V::transpose(said)]
    }
}

/// An indicator behind its policy for rows that hold no number.
#[derive(Clone)]
struct Guarded<T, const I: usize, const O: usize> {
    inner: T,
    /// Stands in its place while it is at work, without rows.
    spare: T,
    policy: NanPolicy,
    /// Whether a row was taken since it began (anew).
    has_begun: bool,
    is_ready: bool,
    value: [f64; O],
}

/// Whether all of them can surely be calculated with: together they have no bit of an exponent that is too large. Not
/// said of numbers below and above 2 beside each other, whose exponents have no bit in common.
#[inline(always)]
fn are_small(numbers: &[f64]) -> bool {
    // So many that they fill whole vectors.
    let (chunks, rest) = numbers.as_chunks::<16>();
    let mut bits = [0; 16];
    for chunk in chunks {
        bits = array::from_fn(|i| bits[i] | chunk[i].to_bits());
    }
    is_small(bits.iter().copied().chain(rest.iter().map(|x| x.to_bits())))
}

/// Whether numbers of these bits can surely be calculated with.
#[inline(always)]
fn is_small(bits: impl Iterator<Item = u64>) -> bool {
    exponent(bits.fold(0, |all, bits| all | bits)) < const { exponent(MOST_VALUE.to_bits()) }
}

const fn exponent(bits: u64) -> u64 {
    bits >> (f64::MANTISSA_DIGITS - 1) & 0x7FF
}

/// Whether all of them can be calculated with. Without an early end, so that there is no branch.
#[inline(always)]
fn are_within(floor: f64, numbers: &[f64]) -> bool {
    numbers.iter().fold(true, |all, x| all & (floor <= *x) & (*x <= MOST_VALUE))
}

/// The same of columns. In a loop of its own: what an iterator calls is not always inlined, so compiled once only.
#[inline(always)]
fn are_all_within(floor: f64, columns: &[&[f64]]) -> bool {
    let mut all = true;
    for column in columns {
        all &= (floor == -MOST_VALUE && are_small(column)) || are_within(floor, column);
    }
    all
}

impl<T: Indicator<I, O>, const I: usize, const O: usize> Guarded<T, I, O> {
    #[inline(always)]
    fn takes(&self, row: [f64; I]) -> bool {
        match self.policy {
            NanPolicy::Restart => are_within(T::FLOOR, &row),
            NanPolicy::Talib => self.has_begun || !row.iter().any(|x| x.is_nan()),
        }
    }

    #[inline(always)]
    fn push(&mut self, row: [f64; I]) {
        if self.takes(row) {
            self.has_begun = true;
            let known = self.inner.update(row);
            self.is_ready = known.is_some();
            self.value = known.unwrap_or([f64::NAN; O]);
        } else {
            self.forget();
        }
    }

    /// Takes a block of whole strides, between strides, and looks at its numbers on the way rather than before: memory is
    /// then waited for while there is something to do. Whether it took them: those that cannot be calculated with leave
    /// it as it was.
    #[inline(always)]
    fn takes_strides<V: Wide>(&mut self, block: [&[f64]; I], out: &mut [&mut [f64]; O]) -> bool {
        let rows = out[0].len();
        let before = self.inner.clone();
        let mut all = out.iter_mut().map(|column| column.as_chunks_mut().0);
        let into = array::from_fn(|_| all.next().expect("as many as there are"));
        let bits = self.inner.strides::<V>(block.map(|column| column.as_chunks().0), into);
        let are_numbers =
            (T::FLOOR == -MOST_VALUE && is_small(bits.into_iter())) || are_all_within(T::FLOOR, &block);
        if are_numbers {
            (self.has_begun, self.is_ready) = (true, true);
            self.value = array::from_fn(|o| out[o][rows - 1]);
        } else {
            self.inner = before;
        }
        are_numbers
    }

    /// Takes rows of which some hold no number: seldom, so that it is worth no code of its own.
    #[cold]
    fn push_all(&mut self, columns: [&[f64]; I], out: &mut [&mut [f64]; O]) {
        for at in 0..out[0].len() {
            self.update(&columns.map(|column| column[at]));
            write(out, at, self.value);
        }
    }

    fn forget(&mut self) {
        if self.has_begun {
            self.inner.reset();
        }
        (self.has_begun, self.is_ready, self.value) = (false, false, [f64::NAN; O]);
    }
}

/// An indicator of any kind, by rows and columns of numbers.
pub(super) trait Row: Send + Sync {
    fn update(&mut self, row: &[f64]) -> &[f64];
    fn batch(&mut self, columns: &[&[f64]], out: &mut [&mut [f64]]);
    fn value(&self) -> &[f64];
    fn is_ready(&self) -> bool;
    fn memory(&self) -> Option<Memory>;
    fn reset(&mut self);
    fn write(&self, out: &mut Vec<u8>);
    fn read(&mut self, from: &mut Reader<'_>) -> Option<()>;
    fn copy(&self) -> Box<dyn Row>;
}

/// An indicator for callers that do not know its type.
pub(super) fn guarded<const I: usize, const O: usize>(
    policy: NanPolicy,
    inner: impl Indicator<I, O>,
) -> Box<dyn Row> {
    let mut spare = inner.clone();
    spare.hollow();
    Box::new(Guarded { inner, spare, policy, has_begun: false, is_ready: false, value: [f64::NAN; O] })
}

impl<T: Indicator<I, O>, const I: usize, const O: usize> Row for Guarded<T, I, O> {
    #[inline(never)]
    fn update(&mut self, row: &[f64]) -> &[f64] {
        self.push(array::from_fn(|i| row[i]));
        &self.value
    }

    fn batch(&mut self, columns: &[&[f64]], out: &mut [&mut [f64]]) {
        widest(Batch { of: self, columns, out });
    }

    fn value(&self) -> &[f64] {
        &self.value
    }

    fn is_ready(&self) -> bool {
        self.is_ready
    }

    fn memory(&self) -> Option<Memory> {
        self.inner.memory()
    }

    fn reset(&mut self) {
        self.forget();
    }

    fn write(&self, out: &mut Vec<u8>) {
        self.has_begun.write(out);
        self.is_ready.write(out);
        self.value.write(out);
        self.inner.write(out);
    }

    fn read(&mut self, from: &mut Reader<'_>) -> Option<()> {
        self.has_begun.read(from)?;
        self.is_ready.read(from)?;
        self.value.read(from)?;
        self.inner.read(from)
    }

    fn copy(&self) -> Box<dyn Row> {
        Box::new(self.clone())
    }
}

/// Columns for an indicator to take.
struct Batch<'a, 'b, 'c, T, const I: usize, const O: usize> {
    of: &'a mut Guarded<T, I, O>,
    columns: &'a [&'b [f64]],
    out: &'a mut [&'c mut [f64]],
}

impl<T: Indicator<I, O>, const I: usize, const O: usize> Work for Batch<'_, '_, '_, T, I, O> {
    type Output = ();

    #[inline(always)]
    fn run<V: Wide>(self) {
        let Self { of, columns, out } = self;
        let rows = out[0].len();
        let (mut end, mut long) = (0, LONG_BLOCK);
        while end < rows {
            let start = end;
            // A block ends between strides, so that only the first one begins within.
            let first = of.inner.to_next_stride();
            let by_strides = of.policy == NanPolicy::Restart && first == Some(0) && rows - start >= STRIDE;
            end = if by_strides {
                start + long.min((rows - start) / STRIDE * STRIDE)
            } else {
                rows.min(start + first.unwrap_or(0) + const { BLOCK / I.next_power_of_two() })
            };
            let block: [&[f64]; I] = array::from_fn(|i| &columns[i][start..end]);
            let mut all = out.iter_mut().map(|column| &mut column[start..end]);
            let mut into: [&mut [f64]; O] = array::from_fn(|_| all.next().expect("as many as there are"));
            if by_strides {
                if of.takes_strides::<V>(block, &mut into) {
                    long = LONG_BLOCK.min(2 * long);
                    continue;
                }
                if long > BLOCK {
                    // Where it is that a row holds no number is looked for in shorter ones.
                    (long, end) = (BLOCK, start);
                    continue;
                }
            }
            let takes_all = match of.policy {
                NanPolicy::Restart => are_all_within(T::FLOOR, &block),
                NanPolicy::Talib => of.has_begun,
            };
            if takes_all {
                of.has_begun = true;
                // By value: behind a reference each row would wait for what the one before wrote to memory.
                let mut own = std::mem::replace(&mut of.inner, of.spare.clone());
                of.is_ready = own.batch::<V>(block, &mut into);
                of.inner = own;
                of.value = array::from_fn(|o| into[o][end - start - 1]);
                continue;
            }
            of.push_all(block, &mut into);
        }
    }
}

/// What gives a number for a number is an indicator of one input and one output.
macro_rules! single {
    ($type:ty) => {
        impl $crate::indicators::stream::Indicator<1, 1> for $type {
            #[inline(always)]
            fn update(&mut self, [x]: [f64; 1]) -> Option<[f64; 1]> {
                Some([self.push(x)?])
            }
        }
    };
}
pub(super) use single;
