//! Event columns as narrow as their values allow.

use tradecore_core::event::{Columns, Ints, View};

/// Integers in 32 bits where all of them fit, else in 64.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PackedInts {
    /// 32-bit values.
    Narrow(Vec<i32>),
    /// 64-bit values.
    Wide(Vec<i64>),
}

impl PackedInts {
    /// Packs values.
    pub fn of(values: &[i64]) -> Self {
        // What narrowing lost of any value: one pass without a branch.
        let mut lost = 0;
        let narrow = values
            .iter()
            .map(|value| {
                let kept = *value as i32;
                lost |= i64::from(kept) ^ value;
                kept
            })
            .collect();
        if lost == 0 { Self::Narrow(narrow) } else { Self::Wide(values.to_vec()) }
    }

    fn view(&self) -> Ints<'_> {
        match self {
            Self::Narrow(values) => Ints::Narrow(values),
            Self::Wide(values) => Ints::Wide(values),
        }
    }
}

/// Event columns of one instrument: 27 bytes a row where prices and quantities fit in 32 bits, without ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackedColumns {
    /// Venue's clock, ns.
    pub ts_event: Vec<i64>,
    /// Our clock, ns.
    pub ts_recv: Vec<i64>,
    /// Values of [`tradecore_core::event::EventKind`].
    pub kind: Vec<u8>,
    /// +1, -1 or 0.
    pub side: Vec<i8>,
    /// Row flags.
    pub flags: Vec<u8>,
    /// Prices.
    pub price: PackedInts,
    /// Quantities.
    pub qty: PackedInts,
    /// Ids, if they were asked for.
    pub id: Option<Vec<u64>>,
}

impl PackedColumns {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.ts_recv.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.ts_recv.is_empty()
    }
}

impl Columns for PackedColumns {
    #[inline]
    fn view(&self) -> View<'_> {
        View {
            ts_event: &self.ts_event,
            ts_recv: &self.ts_recv,
            kind: &self.kind,
            side: &self.side,
            flags: &self.flags,
            price: self.price.view(),
            qty: self.qty.view(),
            id: self.id.as_deref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_narrow_as_long_as_all_of_them_fit() {
        let edges = [i64::from(i32::MIN), -1, 0, i64::from(i32::MAX)];
        assert_eq!(PackedInts::of(&edges), PackedInts::Narrow(vec![i32::MIN, -1, 0, i32::MAX]));
        for beyond in [i64::from(i32::MAX) + 1, i64::from(i32::MIN) - 1, 1 << 32, i64::MIN] {
            assert_eq!(PackedInts::of(&[5, beyond]), PackedInts::Wide(vec![5, beyond]));
        }
        assert_eq!(PackedInts::of(&[]), PackedInts::Narrow(Vec::new()));
    }
}
