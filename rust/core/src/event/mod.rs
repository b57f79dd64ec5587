//! Events as columns, their vocabulary, and the merge of sorted sources.

mod columns;
mod cursor;
mod kind;
mod merge;

pub use columns::{
    Columns, ColumnsError, Event, EventColumns, EventSink, Ints, Messages, STEPS_LIMIT, Span, TIME_LIMIT,
    View, is_price, is_qty,
};
pub use cursor::{Chunk, Chunker, Cursor};
pub use kind::{EventKind, FINE_SCALE, FLAG_LAST, FLAG_SNAPSHOT, KindSet};
pub use merge::Heads;
