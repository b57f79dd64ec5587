//! The executions of a session: who they are, and when one is due.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use crate::exec::{Execution, ExecutionId};
use crate::orders::OrderId;
use crate::types::{Decoded, Reader, StrategyId, Writer};

/// Executions that have ended and can still be asked for.
pub(super) const KEPT: usize = 10_000;

/// The executions of a session.
#[derive(Debug, Default)]
pub(super) struct Executions {
    /// Those at work, by id.
    pub(super) open: Vec<Execution>,
    /// Those that have ended, in the order they did.
    pub(super) ended: VecDeque<Execution>,
    /// Those of them that nobody was told of.
    pub(super) untold: VecDeque<ExecutionId>,
    /// Whose each of their orders is.
    pub(super) owners: FxHashMap<OrderId, ExecutionId>,
    pub(super) last: ExecutionId,
    /// When one is due next.
    due: Option<i64>,
}

impl Executions {
    /// When one is due next; at once where an end is to be told.
    #[inline]
    pub(super) fn next(&self) -> Option<i64> {
        if self.untold.is_empty() { self.due } else { Some(i64::MIN) }
    }

    /// A strategy's execution, at work or ended.
    pub(super) fn find(&self, strategy: StrategyId, id: ExecutionId) -> Option<&Execution> {
        let found = match self.place(id) {
            Some(at) => Some(&self.open[at]),
            None => self.ended.iter().rev().find(|execution| execution.id == id),
        };
        found.filter(|execution| execution.strategy == strategy && execution.parent.is_none())
    }

    /// A strategy's executions at work, oldest first; what sends parts of orders is none of them.
    pub(super) fn of(&self, strategy: StrategyId) -> impl Iterator<Item = &Execution> + '_ {
        let is_meant = move |open: &&Execution| open.strategy == strategy && open.parent.is_none();
        self.open.iter().filter(is_meant)
    }

    /// What sends the parts of an order.
    pub(super) fn of_parent(&mut self, order: OrderId) -> Option<&mut Execution> {
        self.open.iter_mut().find(|execution| execution.parent == Some(order))
    }

    /// Those at work that have not been looked at, to be written at the end of a session.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = Execution> + '_ {
        let untold = std::mem::take(&mut self.untold);
        let ended = self.ended.drain(..).filter(move |execution| untold.contains(&execution.id));
        ended.chain(self.open.drain(..).filter(|execution| execution.parent.is_none()))
    }

    pub(super) fn place(&self, id: ExecutionId) -> Option<usize> {
        self.open.binary_search_by_key(&id, |execution| execution.id).ok()
    }

    /// The execution that an order belongs to.
    pub(super) fn of_child(&mut self, order: OrderId) -> Option<&mut Execution> {
        let id = *self.owners.get(&order)?;
        match self.place(id) {
            Some(at) => Some(&mut self.open[at]),
            None => self.ended.iter_mut().rev().find(|execution| execution.id == id),
        }
    }

    pub(super) fn refresh(&mut self) {
        self.due = self.open.iter().filter_map(|execution| execution.due).min();
    }

    pub(super) fn ids(&self, wanted: impl Fn(&Execution) -> bool) -> Vec<ExecutionId> {
        self.open.iter().filter(|execution| wanted(execution)).map(|execution| execution.id).collect()
    }

    /// Writes them down.
    pub(super) fn save(&self, w: &mut Writer<'_>) {
        w.u64(self.last);
        w.list(self.open.iter(), |w, execution| execution.save(w));
        w.list(self.ended.iter(), |w, execution| execution.save(w));
        w.list(self.untold.iter(), |w, id| w.u64(*id));
    }

    /// What [`Executions::save`] wrote.
    pub(super) fn load(r: &mut Reader<'_>, strategies: usize, markets: usize) -> Decoded<Self> {
        let mut executions = Self { last: r.u64()?, ..Self::default() };
        for is_open in [true, false] {
            for _ in 0..r.u64()? {
                let execution = Execution::load(r)?;
                let is_next = !is_open || executions.open.last().is_none_or(|last| last.id < execution.id);
                let is_known = is_next
                    && execution.id <= executions.last
                    && execution.strategy.index() < strategies
                    && execution.request.market.index() < markets;
                if !is_known || execution.is_done() == is_open {
                    return r.error("an execution of the session");
                }
                if execution.parent.is_none() {
                    executions.owners.extend(execution.children.iter().map(|order| (*order, execution.id)));
                }
                if is_open {
                    executions.open.push(execution);
                } else {
                    executions.ended.push_back(execution);
                }
            }
        }
        for _ in 0..r.u64()? {
            executions.untold.push_back(r.u64()?);
        }
        executions.refresh();
        Ok(executions)
    }
}
