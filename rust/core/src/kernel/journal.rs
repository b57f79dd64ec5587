//! What the kernel writes down: the digest of its decisions always, its inputs where somebody asked for them.

use sha2::digest::common::hazmat::SerializableState as _;
use sha2::{Digest as _, Sha256};

use super::codec;
use super::input::Input;
use crate::ledger::{Payment, Position};
use crate::orders::{Command, Report};
use crate::types::{MarketId, StrategyId};

/// Appends an entry: how long it is, then itself.
fn append(kept: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    const LENGTH: usize = size_of::<u32>();
    let start = kept.len();
    kept.extend_from_slice(&[0; LENGTH]);
    write(kept);
    let len = (kept.len() - start - LENGTH) as u32;
    kept[start..start + LENGTH].copy_from_slice(&len.to_le_bytes());
}

/// SHA-256 over every command, every report and the final ledger; and the journal, if it is kept.
#[derive(Debug, Clone, Default)]
pub(super) struct Journal {
    digest: Sha256,
    kept: Option<Vec<u8>>,
    inputs: u64,
    /// Whether inputs come from a journal, and need not be kept again.
    is_fed_back: bool,
    scratch: Vec<u8>,
}

impl Journal {
    /// A journal of a session; `keep` says whether its entries are kept.
    pub(super) fn new(session: &str, keep: bool) -> Self {
        let mut journal = Self { kept: keep.then(Vec::new), ..Self::default() };
        codec::write_session(&mut journal.scratch, session);
        journal.hash();
        journal
    }

    fn hash(&mut self) {
        self.digest.update(&self.scratch);
    }

    fn keep(&mut self) {
        if let Some(kept) = &mut self.kept {
            append(kept, |kept| kept.extend_from_slice(&self.scratch));
        }
    }

    /// A command, as it left a strategy.
    pub(super) fn command(&mut self, at: i64, strategy: StrategyId, command: &Command) {
        self.scratch.clear();
        codec::write_command(&mut self.scratch, at, strategy, command);
        self.hash();
        self.keep();
    }

    /// A report, as it reached us.
    pub(super) fn report(&mut self, at: i64, report: &Report) {
        self.scratch.clear();
        codec::write_report(&mut self.scratch, at, report);
        self.hash();
    }

    /// A payment, as it reached us.
    pub(super) fn payment(&mut self, at: i64, payment: &Payment) {
        self.scratch.clear();
        codec::write_payment(&mut self.scratch, at, payment);
        self.hash();
    }

    /// What a strategy holds at the end.
    pub(super) fn holding(&mut self, strategy: StrategyId, market: MarketId, position: &Position) {
        self.scratch.clear();
        codec::write_holding(&mut self.scratch, strategy, market, position);
        self.hash();
    }

    /// Whether inputs are kept.
    #[inline]
    pub(super) fn is_kept(&self) -> bool {
        self.kept.is_some()
    }

    /// An input, where inputs are kept.
    pub(super) fn input(&mut self, at: i64, input: &Input<'_>) {
        self.inputs += 1;
        if let Some(kept) = &mut self.kept
            && !self.is_fed_back
        {
            append(kept, |kept| codec::write_input(kept, at, input));
        }
    }

    /// Whether the next inputs come from a journal: they are counted, and of entries only commands are written.
    pub(super) fn feed_back(&mut self, is_fed_back: bool) {
        self.is_fed_back = is_fed_back;
    }

    /// Inputs that were taken.
    pub(super) fn inputs(&self) -> u64 {
        self.inputs
    }

    /// Entries written and not taken yet.
    pub(super) fn kept(&self) -> &[u8] {
        self.kept.as_deref().unwrap_or_default()
    }

    /// Forgets them; their memory is used again.
    pub(super) fn forget(&mut self) {
        if let Some(kept) = &mut self.kept {
            kept.clear();
        }
    }

    /// Entries written since the last call.
    pub(super) fn take(&mut self) -> Vec<u8> {
        self.kept.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// The digest so far, as lower-case hex.
    pub(super) fn hex(&self) -> String {
        use std::fmt::Write as _;
        self.digest.clone().finalize().iter().fold(String::with_capacity(64), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    /// The digest's state, to go on from.
    pub(super) fn state(&self) -> Vec<u8> {
        self.digest.serialize().to_vec()
    }

    /// Goes on from [`Journal::state`]; `None` if these bytes are none.
    pub(super) fn restore(state: &[u8], keep: bool) -> Option<Self> {
        // The hash, then how many blocks have gone into it: SHA-256 counts no more than 2^64 bits.
        let blocks = u64::from_le_bytes(*state.get(32..)?.first_chunk()?);
        if blocks >= 1 << 55 {
            return None;
        }
        let state = state.try_into().ok()?;
        let digest = Sha256::deserialize(state).ok()?;
        Some(Self { digest, kept: keep.then(Vec::new), ..Self::default() })
    }
}
