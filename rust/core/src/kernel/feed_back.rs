//! A session fed back from its journal, and compared with it as it goes.

use super::codec::{Entry, OwnedInput, entries};
use super::input::Outgoing;
use super::machine::{Kernel, KernelError};
use crate::orders::Report;

/// Entries between two looks at whether to go on.
const ENTRIES_A_LOOK: usize = 1 << 12;

/// What passed between a session and its venues.
pub enum Passed<'a> {
    /// A command that would have left, right after the input that led to it.
    Sent(Outgoing),
    /// A venue's word, right after it was taken.
    Told(&'a Report),
}

impl Kernel {
    /// Takes the inputs of a journal, as far as it can be read; the kernel keeps one of its own. `goes_on` is asked now
    /// and then, and `passed` is given what went out and came in, with its time. Returns the time of the first input
    /// after which the kernel did not decide what the journal says, and what it decided beyond the journal's end.
    ///
    /// A strategy that failed ended its session there, but for its end: the journal has what came after.
    ///
    /// # Errors
    /// [`KernelError`] but for [`KernelError::StrategyFailed`]; [`KernelError::Interrupted`] when `goes_on` said no.
    pub fn feed_back(
        &mut self,
        journal: &[u8],
        goes_on: impl FnMut() -> bool,
        passed: impl FnMut(&Kernel, i64, Passed<'_>),
    ) -> Result<(Option<i64>, Vec<u8>), KernelError> {
        self.ctx.core_mut().journal.feed_back(true);
        let fed_back = self.feed_entries(journal, goes_on, passed);
        self.ctx.core_mut().journal.feed_back(false);
        fed_back
    }

    fn feed_entries(
        &mut self,
        journal: &[u8],
        mut goes_on: impl FnMut() -> bool,
        mut passed: impl FnMut(&Kernel, i64, Passed<'_>),
    ) -> Result<(Option<i64>, Vec<u8>), KernelError> {
        let mut reading = entries(journal);
        let mut diverged = None;
        // The last input: its time, and where it ends.
        let mut last: Option<(i64, usize)> = None;
        for n in 1usize.. {
            if n % ENTRIES_A_LOOK == 0 && !goes_on() {
                return Err(KernelError::Interrupted);
            }
            let start = reading.position();
            let Some(Ok(entry)) = reading.next() else { break };
            let Entry::Input { at, input } = entry else { continue };
            let written = &mut self.ctx.core_mut().journal;
            if let Some((at, from)) = last.replace((at, reading.position()))
                && written.kept() != &journal[from..start]
            {
                diverged = diverged.or(Some(at));
            }
            written.forget();
            match self.handle(at, input.as_input()) {
                Ok(()) | Err(KernelError::StrategyFailed { .. }) => {}
                Err(error) => return Err(error),
            }
            if let OwnedInput::Report(report) = &input {
                passed(self, at, Passed::Told(report));
            }
            for outgoing in self.drain().collect::<Vec<_>>() {
                passed(self, at, Passed::Sent(outgoing));
            }
            self.questions().clear();
            self.refusals();
            reading.reuse(input);
        }
        let written = self.take_journal();
        let Some((at, from)) = last else { return Ok((diverged, written)) };
        match written.strip_prefix(&journal[from..]) {
            Some(rest) if diverged.is_none() => Ok((None, rest.to_vec())),
            Some(_) => Ok((diverged, Vec::new())),
            None => Ok((diverged.or(Some(at)), Vec::new())),
        }
    }
}
