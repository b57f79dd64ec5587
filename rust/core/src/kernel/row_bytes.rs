//! A row of market data as bytes: its fields one after the other, integers in little endian.

use crate::event::{Event, EventColumns, EventKind, View};
use crate::types::{CodecError, Decoded, Reader, Writer};

/// So many bytes a row has: five numbers of eight bytes, kind, side and flags.
const LEN: usize = 43;
const TS_EVENT: usize = 0;
const TS_RECV: usize = 8;
const KIND: usize = 16;
const SIDE: usize = 17;
const FLAGS: usize = 18;
const PRICE: usize = 19;
const QTY: usize = 27;
const ID: usize = 35;

type Row = [u8; LEN];

/// The number in a row that starts at a byte of it.
#[inline]
fn number(row: &Row, at: usize) -> [u8; 8] {
    std::array::from_fn(|n| row[at + n])
}

fn write(event: &Event, row: &mut Row) {
    let mut number = |at: usize, bytes: [u8; 8]| row[at..at + 8].copy_from_slice(&bytes);
    number(TS_EVENT, event.ts_event.to_le_bytes());
    number(TS_RECV, event.ts_recv.to_le_bytes());
    number(PRICE, event.price.to_le_bytes());
    number(QTY, event.qty.to_le_bytes());
    number(ID, event.id.to_le_bytes());
    row[KIND] = event.kind as u8;
    row[SIDE] = event.side.cast_unsigned();
    row[FLAGS] = event.flags;
}

impl Writer<'_> {
    /// Rows of columns, with their number in front.
    pub(super) fn rows(&mut self, view: &View<'_>, from: usize, to: usize) {
        self.index(to - from);
        let (rows, _) = self.room((to - from) * LEN).as_chunks_mut();
        for (n, row) in (from..to).zip(rows) {
            write(&view.event(n), row);
        }
    }
}

impl Reader<'_> {
    /// Rows, into columns that have memory for some.
    pub(super) fn rows(&mut self, mut columns: EventColumns) -> Decoded<EventColumns> {
        let start = self.at();
        let len = self.index()?;
        // All of them are there before anything is made room for.
        let (rows, _) = self.take(len.saturating_mul(LEN), "as many rows as their number says")?.as_chunks();
        columns.clear();
        // Column by column: no room is looked for at each row.
        columns.ts_event.extend(rows.iter().map(|row| i64::from_le_bytes(number(row, TS_EVENT))));
        columns.ts_recv.extend(rows.iter().map(|row| i64::from_le_bytes(number(row, TS_RECV))));
        columns.kind.extend(rows.iter().map(|row: &Row| row[KIND]));
        columns.side.extend(rows.iter().map(|row| row[SIDE].cast_signed()));
        columns.flags.extend(rows.iter().map(|row| row[FLAGS]));
        columns.price.extend(rows.iter().map(|row| i64::from_le_bytes(number(row, PRICE))));
        columns.qty.extend(rows.iter().map(|row| i64::from_le_bytes(number(row, QTY))));
        columns.id.extend(rows.iter().map(|row| u64::from_le_bytes(number(row, ID))));
        if let Some(bad) = columns.kind.iter().position(|kind| EventKind::from_column(*kind).is_none()) {
            return Err(CodecError { at: start + 4 + bad * LEN + KIND, expected: "an event kind" });
        }
        let sound = crate::event::Columns::view(&columns).check();
        sound.map_err(|_| CodecError { at: start, expected: "rows that keep the rules of columns" })?;
        Ok(columns)
    }
}
