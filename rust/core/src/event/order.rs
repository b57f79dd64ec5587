//! Whether messages lie in the order in which they acted at the venue: by its stamps, and of one stamp trades before the
//! changes of the book that show them, and these before quotes.

use super::columns::View;
use super::kind::EventKind;

/// The stream of the message that begins with a row of a checked view: see [`EventKind::merge_class`].
pub(crate) fn stream(view: &View<'_>, row: usize) -> u8 {
    EventKind::from_column(view.kind[row]).map_or(0, EventKind::merge_class)
}

/// Looks at messages one after the other.
#[derive(Debug, Clone, Copy, Default)]
pub struct OrderCheck {
    last: Option<(i64, u8)>,
    is_broken: bool,
}

impl OrderCheck {
    /// Takes the message that begins with a row of a checked view.
    #[inline]
    pub fn push(&mut self, view: &View<'_>, row: usize) {
        let this = Some((view.ts_event[row], stream(view, row)));
        self.is_broken |= self.last > this;
        self.last = this;
    }

    /// Whether all of them lay in order.
    pub fn is_kept(&self) -> bool {
        !self.is_broken
    }
}

/// Whether the messages of a checked view lie in order.
pub fn is_in_order(view: &View<'_>) -> bool {
    let mut check = OrderCheck::default();
    view.messages(0, view.len()).for_each(|rows| check.push(view, rows.from));
    check.is_kept()
}
