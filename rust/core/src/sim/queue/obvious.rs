//! The tracked line once more, slow and obvious: every piece with whether it stands ahead, and the whole line as it was
//! before the last change.

use super::{Print, QueueModel, QueueRule};

#[derive(Debug, Clone)]
pub(in crate::sim) struct Obvious {
    model: QueueModel,
    /// Oldest first; all that are ahead come before all that are behind.
    pieces: Vec<(i64, bool)>,
    traded: i64,
    traded_at: i64,
    changed_at: i64,
    change: i64,
    before: Option<Before>,
    carry: f64,
    tied: f64,
}

/// The line before the last change: its pieces, and what splits and ties had left over.
type Before = (Vec<(i64, bool)>, f64, f64);

impl Obvious {
    pub(in crate::sim) fn behind(model: QueueModel, qty: i64) -> Self {
        Self {
            model,
            pieces: vec![(qty, true)],
            traded: 0,
            traded_at: i64::MIN,
            changed_at: i64::MIN,
            change: 0,
            before: None,
            carry: 0.0,
            tied: 0.0,
        }
    }

    fn sum(&self, ahead: bool) -> i64 {
        self.pieces.iter().filter(|piece| piece.1 == ahead).map(|piece| piece.0).sum()
    }

    pub(in crate::sim) fn front(&self) -> i64 {
        self.sum(true)
    }

    pub(in crate::sim) fn pass(&mut self) {
        self.pieces.retain(|piece| !piece.1);
        self.before = None;
    }

    /// Unit by unit; returns how many units found nothing ahead.
    fn eat(&mut self, qty: i64) -> i64 {
        let mut past = 0;
        for _ in 0..qty {
            past += i64::from(self.front() == 0);
            if let Some(first) = self.pieces.iter_mut().find(|piece| piece.0 > 0) {
                first.0 -= 1;
            }
            self.pieces.retain(|piece| piece.0 > 0);
        }
        past
    }

    pub(in crate::sim) fn trade(&mut self, print: Print, eats: bool) -> i64 {
        let qty = print.qty;
        let shown = if print.at < self.changed_at {
            qty
        } else if print.at == self.changed_at && self.change < 0 {
            qty.min(-self.change)
        } else {
            0
        };
        let mut past = 0;
        if shown > 0
            && let Some(before) = self.before.take()
        {
            (self.pieces, self.carry, self.tied) = before;
            past += if eats { self.eat(shown) } else { 0 };
            self.change += shown;
            self.act();
        }
        if qty > shown {
            past += if eats { self.eat(qty - shown) } else { 0 };
            self.traded += qty - shown;
            self.traded_at = self.traded_at.max(print.at);
            self.before = None;
        }
        past
    }

    pub(in crate::sim) fn show(&mut self, prev: i64, new: i64, at: i64) {
        if self.front() == 0 {
            *self = Self::behind(self.model, 0);
            self.pieces.clear();
            return;
        }
        let all = at > self.traded_at || new >= prev;
        let explained = if all { self.traded } else { self.traded.min(prev - new) };
        self.traded -= explained;
        self.change = new - prev + explained;
        self.changed_at = self.changed_at.max(at);
        self.act();
        if self.front() > new {
            self.eat(self.front() - new);
            self.before = None;
        }
    }

    fn act(&mut self) {
        self.before = Some((self.pieces.clone(), self.carry, self.tied));
        if self.change > 0 {
            self.pieces.push((self.change, false));
        }
        if self.change >= 0 {
            return;
        }
        let qty = -self.change;
        let find = |own: &Self, ahead| own.pieces.iter().rposition(|piece| *piece == (qty, ahead));
        let [behind, ahead] = [false, true].map(|ahead| find(self, ahead));
        if behind.is_some() && self.is_ahead(qty) {
            match ahead {
                Some(at) => {
                    self.pieces.remove(at);
                }
                None => {
                    self.eat(qty);
                }
            }
            return;
        }
        if let Some(at) = behind.or(ahead) {
            self.pieces.remove(at);
            return;
        }
        let (front, back) = (self.sum(true), self.sum(false));
        let wanted = match self.model.rule {
            _ if !self.model.is_throttled => qty,
            QueueRule::TrackedHigh => qty,
            QueueRule::Fitted(n) if front > 0 => {
                let share = super::pow(front as f64 / (front + back) as f64, n) * qty as f64 + self.carry;
                self.carry = share - share.round();
                share.round() as i64
            }
            _ => 0,
        };
        let from_ahead = wanted.max(qty - back).clamp(0, front);
        for _ in 0..from_ahead {
            self.eat(1);
        }
        for _ in from_ahead..qty {
            if let Some(last) = self.pieces.iter_mut().rfind(|piece| !piece.1) {
                last.0 -= 1;
            }
            self.pieces.retain(|piece| piece.0 > 0);
        }
    }

    fn is_ahead(&mut self, qty: i64) -> bool {
        let [ahead, behind] =
            [true, false].map(|side| self.pieces.iter().filter(|piece| **piece == (qty, side)).count());
        match self.model.rule {
            QueueRule::TrackedLow => return false,
            QueueRule::TrackedHigh => return ahead > 0,
            _ => {}
        }
        let rest = self.pieces.iter().find(|piece| piece.1).map_or(0, |piece| piece.0);
        let others = self.sum(true) + self.sum(false) - rest - qty;
        let hidden = match others {
            1.. if rest > qty => rest as f64 * (ahead + behind - 1) as f64 / others as f64,
            _ => 0.0,
        };
        let ahead = ahead as f64 + hidden;
        self.tied += ahead / (ahead + behind as f64);
        if self.tied < 0.5 {
            return false;
        }
        self.tied -= 1.0;
        true
    }
}
