//! What happens to an order at the simulated venue: small enough to be moved about; it becomes a report when it
//! reaches us.

use crate::orders::{FeePaid, FillOrigin, OrderId, OrderKey, Report, ReportKind, VenueKey};
use crate::types::Qty;

/// What happened to an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Update {
    /// The order.
    pub order: OrderId,
    /// When, ns.
    pub ts_event: i64,
    /// What.
    pub kind: ReportKind,
    /// Of a fill: what is filled of the order after it, in quantity increments.
    pub filled: i64,
    /// Of a fill: what it adds to the position, signed.
    pub change: i64,
    /// Of a fill: what is paid of its fee in another coin.
    pub paid: Option<FeePaid>,
    /// Of a fill: how it came about.
    pub origin: Option<FillOrigin>,
}

impl Update {
    /// Something that happened to an order.
    #[inline]
    pub(super) fn on(order: OrderId, ts_event: i64, kind: ReportKind) -> Self {
        Self { order, ts_event, kind, filled: 0, change: 0, paid: None, origin: None }
    }

    /// The venue's report of it; `execution` is the number of a fill at the venue.
    #[inline]
    pub(super) fn into_report(self, execution: u64) -> Report {
        let is_fill = matches!(self.kind, ReportKind::Fill { .. });
        Report {
            order: OrderKey::Id(self.order),
            venue_id: None,
            execution: is_fill.then_some(VenueKey::Number(execution)),
            cumulative: is_fill.then_some(Qty::new(self.filled)),
            ts_event: self.ts_event,
            kind: self.kind,
            paid: self.paid,
            origin: self.origin,
        }
    }
}
