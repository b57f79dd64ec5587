//! Events as columns, their vocabulary, and the merge of sorted sources.

mod bar;
mod columns;
mod cursor;
mod granularity;
mod kind;
mod latencies;
mod merge;
mod messages;
mod order;
mod stamps;

pub use bar::{BadBar, VenueBar, is_bar_begin};
pub use columns::{Columns, ColumnsError, Event, EventColumns, EventSink, Ints, View, is_price, is_qty};
pub use cursor::{Chunk, Chunker, Cursor, FeedError};
pub use granularity::Granularity;
pub use kind::{EventKind, FINE_SCALE, FLAG_LAST, FLAG_SNAPSHOT, KindSet};
pub use latencies::{BadLatencies, ClockStep, Latencies, LatencyMeter};
pub use merge::Heads;
pub use messages::{Messages, Span};
pub(crate) use order::stream;
pub use order::{OrderCheck, is_in_order};
pub use stamps::{BEYOND_NS, StampCheck, StampMender, StampRules, WrongStamps};

pub use crate::types::{STEPS_LIMIT, TIME_LIMIT};
