//! What is known about a book.

/// What is known about a book.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(u8)]
pub enum BookState {
    /// Nothing received yet.
    #[default]
    Empty = 0,
    /// Deltas are kept until a snapshot arrives.
    Buffering = 1,
    /// The book equals the venue's.
    Synced = 2,
    /// A message was lost; the content has been discarded.
    Gap = 3,
    /// The venue has been silent for too long: the content may be old.
    Stale = 4,
}
