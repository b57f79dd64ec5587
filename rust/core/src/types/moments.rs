//! Times at which something was so.

/// Times that are kept; of the others only how many there were and how long.
const KEPT: usize = 1_000;

/// Times at which something was so, each from and until, ns of the venue's clock.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Moments {
    /// How many.
    pub times: u64,
    /// How long in all, ns.
    pub total_ns: i64,
    /// The longest, ns.
    pub longest_ns: i64,
    /// The first thousand.
    pub kept: Vec<(i64, i64)>,
}

impl Moments {
    /// Adds one.
    #[cold]
    pub fn add(&mut self, from: i64, until: i64) {
        let length = until.saturating_sub(from);
        self.times += 1;
        self.total_ns = self.total_ns.saturating_add(length);
        self.longest_ns = self.longest_ns.max(length);
        if self.kept.len() < KEPT {
            self.kept.push((from, until));
        }
    }
}
