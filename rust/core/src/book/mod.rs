//! Order books and their synchronisation with a venue.

mod l2;
mod ladder;
mod sync;
mod touch;

pub use crate::types::Level;
pub use l2::{BookState, FillBasis, L2Book, Walk};
pub use sync::{BookSync, DeltaAction, DeltaIds, Sequence, SnapshotAction, SyncRule};
pub use touch::Touch;
