//! How code of the user's ends.

/// Why a hook, or other code of the user's that a run calls, did not return normally.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HookError {
    /// It failed; the text says how (a traceback).
    Failed(String),
    /// The user asked to stop.
    Interrupted,
}
