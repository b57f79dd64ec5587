//! Words for where an order stands: ours, and those that venues and older configurations use for the same.

use std::str::FromStr;

use super::order::OrderStatus;

/// Text that says nothing of where an order stands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is none of pending_new, new, partially_filled, filled, cancelled, rejected, expired, pending_cancel, \
         pending_replace, unknown, or of pending, accepted, replaced, canceled"
)]
pub struct UnknownStatus(pub String);

impl FromStr for OrderStatus {
    type Err = UnknownStatus;

    /// Reads `partially_filled`, `PartiallyFilled`, `PARTIALLY_FILLED` and the like. `pending` is an order that was sent
    /// and not acknowledged; `accepted` and `replaced` are one that works.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let letters: String = text.chars().filter(|letter| !matches!(letter, '_' | '-' | ' ')).collect();
        Ok(match letters.to_ascii_lowercase().as_str() {
            "pendingnew" | "pending" => Self::PendingNew,
            "new" | "accepted" | "replaced" => Self::New,
            "partiallyfilled" => Self::PartiallyFilled,
            "filled" => Self::Filled,
            "cancelled" | "canceled" => Self::Cancelled,
            "rejected" => Self::Rejected,
            "expired" => Self::Expired,
            "pendingcancel" => Self::PendingCancel,
            "pendingreplace" => Self::PendingReplace,
            "unknown" => Self::Unknown,
            _ => return Err(UnknownStatus(text.to_owned())),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_read_from_our_words_and_from_those_of_others() {
        for (words, status) in [
            (&["pending_new", "Pending", "PendingNew"][..], OrderStatus::PendingNew),
            (&["new", "NEW", "accepted", "Replaced"], OrderStatus::New),
            (&["partially_filled", "PartiallyFilled", "PARTIALLY-FILLED"], OrderStatus::PartiallyFilled),
            (&["cancelled", "Canceled"], OrderStatus::Cancelled),
        ] {
            for word in words {
                assert_eq!(word.parse(), Ok(status), "{word}");
            }
        }
        for bad in ["", "done", "partial", "_"] {
            assert_eq!(bad.parse::<OrderStatus>(), Err(UnknownStatus(bad.to_owned())));
        }
    }
}
