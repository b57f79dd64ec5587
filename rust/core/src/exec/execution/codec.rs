//! An execution as bytes of a saved state.

use super::super::algorithm::{Algorithm, PegTo, Schedule, ScheduleKind};
use super::{Execution, ExecutionRequest, ExecutionState};
use crate::orders::Reason;
use crate::types::{Decoded, MarketId, Price, Qty, Reader, STEPS_LIMIT, Side, StrategyId, Writer};

impl Execution {
    /// Writes it down.
    pub(crate) fn save(&self, w: &mut Writer<'_>) {
        let ExecutionRequest { market, side, qty, limit, reduce_only, end, algorithm } = &self.request;
        w.u64(self.id);
        w.index(self.strategy.index());
        w.index(market.index());
        w.flag(*side == Side::Buy);
        w.i64(qty.steps());
        w.option(*limit, |w, limit| w.i64(limit.steps()));
        w.flag(*reduce_only);
        w.option(*end, Writer::i64);
        algorithm.save(w);
        w.u8(self.state as u8);
        w.i64(self.started);
        w.i64(self.ended);
        w.option(self.arrival, Writer::i64);
        w.i64(self.filled.steps());
        w.i128(self.notional);
        w.i64(self.volume);
        w.option(self.reason, |w, reason| w.u8(reason as u8));
        w.list(self.children.iter(), |w, order| w.u64(*order));
        w.option(self.due, Writer::i64);
        w.option(self.child, Writer::u64);
        w.flag(self.is_taking);
        w.flag(self.has_missed);
        w.u64(self.moves.into());
        w.i64(self.moved_at);
        w.u64(self.refusals.into());
        w.i64(self.not_before);
        w.option(self.parent, Writer::u64);
        w.option(self.asked, |w, price| w.i64(price.steps()));
        w.flag(self.is_recalled);
    }

    /// What [`Execution::save`] wrote.
    pub(crate) fn load(r: &mut Reader<'_>) -> Decoded<Self> {
        let (id, strategy, market) = (r.u64()?, StrategyId::new(r.index()?), MarketId::new(r.index()?));
        let side = if r.flag()? { Side::Buy } else { Side::Sell };
        let request = ExecutionRequest {
            market,
            side,
            qty: Qty::new(steps(r, 1)?),
            limit: r.option(|r| steps(r, -STEPS_LIMIT))?.map(Price::new),
            reduce_only: r.flag()?,
            end: r.option(Reader::i64)?,
            algorithm: Algorithm::load(r)?,
        };
        let mut execution = Self::new(id, strategy, request, 0);
        let state = usize::from(r.u8()?);
        execution.state = match ExecutionState::ALL.get(state) {
            Some(state) => *state,
            None => return r.error("where an execution stands"),
        };
        execution.started = r.i64()?;
        execution.ended = r.i64()?;
        execution.arrival = r.option(Reader::i64)?;
        execution.filled = Qty::new(steps(r, 0)?);
        execution.notional = r.i128()?;
        execution.volume = r.i64()?;
        execution.reason = match r.option(Reader::u8)?.map(Reason::from_code) {
            Some(None) => return r.error("a reason"),
            known => known.flatten(),
        };
        for _ in 0..r.u64()? {
            execution.children.push(r.u64()?);
        }
        execution.due = r.option(Reader::i64)?;
        execution.child = r.option(Reader::u64)?;
        execution.is_taking = r.flag()?;
        execution.has_missed = r.flag()?;
        execution.moves = r.u64()? as u32;
        execution.moved_at = r.i64()?;
        execution.refusals = r.u64()? as u32;
        execution.not_before = r.i64()?;
        execution.parent = r.option(Reader::u64)?;
        execution.asked = r.option(|r| steps(r, -STEPS_LIMIT))?.map(Price::new);
        execution.is_recalled = r.flag()?;
        Ok(execution)
    }
}

/// A price or quantity of at least so much.
fn steps(r: &mut Reader<'_>, least: i64) -> Decoded<i64> {
    let steps = r.i64()?;
    if (least..=STEPS_LIMIT).contains(&steps) { Ok(steps) } else { r.error("a price or quantity") }
}

impl Algorithm {
    fn save(&self, w: &mut Writer<'_>) {
        match self {
            Self::Schedule { kind, schedule, makes } => {
                w.u8(0);
                w.u8(*kind as u8);
                w.list(schedule.steps.iter(), |w, (at, due)| {
                    w.i64(*at);
                    w.i64(*due);
                });
                w.i64(schedule.end);
                w.flag(*makes);
            }
            Self::Pov { rate } => {
                w.u8(1);
                w.f64(*rate);
            }
            Self::Iceberg { display, post_only } => {
                w.u8(2);
                w.i64(display.steps());
                w.flag(*post_only);
            }
            Self::Peg { to, offset, most_moves, pause } => {
                w.u8(3);
                w.u8(*to as u8);
                w.i64(*offset);
                w.option(*most_moves, |w, most| w.u64(most.into()));
                w.i64(*pause);
            }
            Self::Sniper { size } => {
                w.u8(4);
                w.i64(size.steps());
            }
            Self::Route => w.u8(5),
        }
    }

    fn load(r: &mut Reader<'_>) -> Decoded<Self> {
        Ok(match r.u8()? {
            0 => {
                let kind = match r.u8()? {
                    0 => ScheduleKind::Twap,
                    1 => ScheduleKind::Vwap,
                    2 => ScheduleKind::AlmgrenChriss,
                    _ => return r.error("a kind of schedule"),
                };
                let mut parts = Vec::new();
                for _ in 0..r.u64()? {
                    parts.push((r.i64()?, steps(r, 0)?));
                }
                Self::Schedule { kind, schedule: Schedule { steps: parts, end: r.i64()? }, makes: r.flag()? }
            }
            1 => match r.f64()? {
                rate if (0.0..1.0).contains(&rate) => Self::Pov { rate },
                _ => return r.error("a share of the volume"),
            },
            2 => Self::Iceberg { display: Qty::new(steps(r, 1)?), post_only: r.flag()? },
            3 => {
                let to = match r.u8()? {
                    0 => PegTo::Touch,
                    1 => PegTo::Mid,
                    _ => return r.error("what a peg follows"),
                };
                let offset = steps(r, 0)?;
                let most_moves = r.option(Reader::u64)?.map(|most| most as u32);
                Self::Peg { to, offset, most_moves, pause: r.i64()? }
            }
            4 => Self::Sniper { size: Qty::new(steps(r, 1)?) },
            5 => Self::Route,
            _ => return r.error("an algorithm"),
        })
    }
}
