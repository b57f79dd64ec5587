//! Risk: nothing reaches a venue that the gate has not approved.

mod gate;

pub use gate::{Approved, Gate, Rules, Trading, Verdict};
