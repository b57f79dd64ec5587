//! What limits have counted, as bytes.

use super::check::{Breach, Check, Scope};
use super::engine::Engine;
use super::guard::{Guard, Stop};
use super::limits::{Limit, Limits};
use super::window::{Range, Window};
use crate::types::{Decoded, Money, Reader, Writer};

impl Writer<'_> {
    /// Limits that an order has passed.
    pub(crate) fn breaches(&mut self, breaches: &[Breach]) {
        self.index(breaches.len());
        for breach in breaches {
            self.u8(breach.check as u8);
            self.u8(breach.scope as u8);
            self.text(&breach.name);
            self.i128(breach.limit);
            self.i128(breach.value);
        }
    }

    fn limits(&mut self, limits: &Limits) {
        let set: Vec<_> = limits.iter().collect();
        self.index(set.len());
        for (check, limit) in set {
            self.u8(check as u8);
            self.i128(limit.value);
            self.i64(limit.window);
        }
    }
}

impl Reader<'_> {
    /// See [`Writer::breaches`].
    pub(crate) fn breaches(&mut self) -> Decoded<Vec<Breach>> {
        let mut breaches = Vec::new();
        for _ in 0..self.index()? {
            let check = self.check()?;
            let scope = self.u8()?;
            let Some(scope) = Scope::ALL.get(usize::from(scope)).copied() else {
                return self.error("what a limit is of");
            };
            breaches.push(Breach {
                check,
                scope,
                name: self.text()?.into(),
                limit: self.i128()?,
                value: self.i128()?,
            });
        }
        Ok(breaches)
    }

    fn check(&mut self) -> Decoded<Check> {
        let code = self.u8()?;
        Check::from_code(code).map_or_else(|| self.error("a check"), Ok)
    }

    fn limits(&mut self) -> Decoded<Limits> {
        let mut limits = Limits::default();
        for _ in 0..self.index()? {
            let check = self.check()?;
            limits.set(check, Limit { value: self.i128()?, window: self.i64()? });
        }
        Ok(limits)
    }
}

impl Engine {
    /// Writes what follows from what has happened, and all that was set.
    pub(crate) fn save(&self, w: &mut Writer<'_>) {
        w.index(self.guards.len());
        for guard in &self.guards {
            guard.save(w);
        }
        w.index(self.markets.len());
        for facts in &self.markets {
            w.option(facts.heard, Writer::i64);
            w.option(facts.last, Writer::i64);
            w.option(facts.twice_mid, Writer::i64);
            w.option(facts.ahead, Writer::i64);
        }
        for made in self.flat_at.iter().flatten() {
            w.i128(made.units());
        }
        for ts in self.signals.iter().flatten() {
            w.option(*ts, Writer::i64);
        }
    }

    /// Goes on from what [`Engine::save`] wrote of an engine that was set up alike.
    pub(crate) fn load(&mut self, r: &mut Reader<'_>) -> Decoded<()> {
        if r.index()? != self.guards.len() {
            return r.error("as many sets of limits as there are");
        }
        for guard in &mut self.guards {
            guard.load(r)?;
        }
        if r.index()? != self.markets.len() {
            return r.error("as many markets as there are");
        }
        for facts in &mut self.markets {
            facts.heard = r.option(Reader::i64)?;
            facts.last = r.option(Reader::i64)?;
            facts.twice_mid = r.option(Reader::i64)?;
            facts.ahead = r.option(Reader::i64)?;
        }
        for made in self.flat_at.iter_mut().flatten() {
            *made = Money::from_units(r.i128()?);
        }
        for ts in self.signals.iter_mut().flatten() {
            *ts = r.option(Reader::i64)?;
        }
        self.look();
        Ok(())
    }
}

impl Guard {
    fn save(&self, w: &mut Writer<'_>) {
        w.limits(&self.limits);
        w.flag(self.counts);
        for window in [&self.orders, &self.messages, &self.rejects] {
            window.save(w);
        }
        for worth in &self.worths {
            w.i128(*worth);
        }
        for range in &self.ranges {
            range.save(w);
        }
        for amount in [self.equity, self.peak, self.day_equity] {
            w.i128(amount);
        }
        w.i64(self.day);
        w.u64(self.trades);
        w.u64(self.losses);
        w.u8(self.stop as u8);
        w.i64(self.until);
    }

    fn load(&mut self, r: &mut Reader<'_>) -> Decoded<()> {
        self.limits = r.limits()?;
        self.counts = r.flag()?;
        for window in [&mut self.orders, &mut self.messages, &mut self.rejects] {
            *window = Window::load(r)?;
        }
        for worth in &mut self.worths {
            *worth = r.i128()?;
        }
        for range in &mut self.ranges {
            *range = Range::load(r)?;
        }
        for amount in [&mut self.equity, &mut self.peak, &mut self.day_equity] {
            *amount = r.i128()?;
        }
        (self.day, self.trades, self.losses) = (r.i64()?, r.u64()?, r.u64()?);
        let stop = r.u8()?;
        let Some(stop) = Stop::from_code(stop) else { return r.error("what a guard lets pass") };
        (self.stop, self.until) = (stop, r.i64()?);
        Ok(())
    }
}
