//! The initial margin that positions ask, as venues count it (`ledger/margin.rs`): a function of what a position is
//! worth, by instrument, that never falls. What needs no margin is paid for in full.

use super::amount::BadLimit;
use super::check::Units;
use crate::ledger::{Brackets, Leverage};
use crate::types::{BySymbol, Instrument, InstrumentKind, Money};

/// What initial margin is counted by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarginTerms {
    /// How many times its initial margin a position may be worth.
    pub leverage: BySymbol<Leverage>,
    /// Brackets whose least initial margin holds, too.
    pub brackets: Option<BySymbol<Brackets>>,
}

impl MarginTerms {
    /// What an instrument asks.
    ///
    /// # Errors
    /// [`BadLimit`] where nothing says so, and for options and binaries: what was written of them asks more than its worth.
    pub(super) fn of(&self, instrument: &Instrument) -> Result<MarketMargin, BadLimit> {
        let id = &instrument.id;
        if matches!(instrument.kind, InstrumentKind::Option { .. } | InstrumentKind::Binary { .. }) {
            let problem = format!("counts no margin of options and binaries, such as {id}");
            return Err(BadLimit::new("max_margin_use", problem));
        }
        if !instrument.kind.is_margined() {
            return Ok(MarketMargin { leverage: Leverage::NONE, brackets: Brackets::none() });
        }
        let none = |field: &str| BadLimit::new(field, format!("says nothing of {id}"));
        let brackets = match &self.brackets {
            Some(brackets) => brackets.of(id).cloned().ok_or_else(|| none("maintenance"))?,
            None => Brackets::none(),
        };
        Ok(MarketMargin { leverage: *self.leverage.of(id).ok_or_else(|| none("leverage"))?, brackets })
    }
}

/// The initial margin of positions in an instrument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarketMargin {
    leverage: Leverage,
    brackets: Brackets,
}

impl MarketMargin {
    /// Of a position of a value.
    pub fn initial(&self, value: Units) -> Units {
        self.brackets.initial(Money::from_units(value), self.leverage).units()
    }

    /// The most that a position may be worth so that it asks no more than a margin.
    pub(super) fn most(&self, margin: Units) -> Units {
        self.brackets.most(Money::from_units(margin), self.leverage).units()
    }
}
