//! Order books and their synchronisation with a venue.

mod cover;
mod l2;
mod ladder;
mod mark;
mod raster;
mod samples;
mod state;
mod sync;
mod touch;
mod uncross;

pub use crate::types::Level;
pub(crate) use cover::{Cover, Mark};
pub use l2::{FillBasis, L2Book, Walk};
pub use mark::{MarkPrice, MarkSource};
pub use raster::{BookRaster, Picture};
pub use samples::BookSampler;
pub use state::BookState;
pub use sync::{BookSync, DeltaAction, DeltaIds, GapReason, Sequence, SnapshotAction, SyncRule};
pub use touch::Touch;
pub use uncross::{Crossing, MarketChunks, Uncrossed, Uncrossing, is_sound};
