//! What the kernel does of an order in its venue's place.
//!
//! An order that its venue does not know is kept by the kernel until it is set off, and sent as one that the venue knows.
//! One that is to be reduce-only is sent no larger than the position, and made smaller with it. One that is to show a part
//! at a time stays here whole: its parts are sent one after the other.

use super::request::{OrderRequest, OrderType, TimeInForce, order_kind};
use crate::types::Instrument;

/// What of an order is emulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Emulated(u8);

impl Emulated {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// What sets it off.
    pub const TRIGGER: Self = Self(1);
    /// That it only makes a position smaller.
    pub const REDUCE_ONLY: Self = Self(1 << 1);
    /// That it shows a part at a time.
    pub const DISPLAY_QTY: Self = Self(1 << 2);

    const WORDS: [(&'static str, Self); 3] =
        [("trigger", Self::TRIGGER), ("reduce_only", Self::REDUCE_ONLY), ("display_qty", Self::DISPLAY_QTY)];

    /// Whether all of `other` is.
    #[inline]
    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether nothing is.
    #[inline]
    pub fn is_none(self) -> bool {
        self == Self::NONE
    }

    /// This and that.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The words of what is.
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        Self::WORDS.into_iter().filter(move |(_, one)| self.has(*one)).map(|(word, _)| word)
    }

    /// As a number.
    pub fn bits(self) -> u8 {
        self.0
    }

    /// From [`Emulated::bits`].
    pub fn from_bits(bits: u8) -> Option<Self> {
        (bits <= 7).then_some(Self(bits))
    }

    /// What is left of a request for its venue to do.
    pub fn native(self, request: &OrderRequest) -> OrderRequest {
        // What is kept ends by its own terms here; at the market it takes at once.
        let takes = self.has(Self::TRIGGER) && request.order_type == OrderType::Market;
        let ends = request.time_in_force.ends();
        OrderRequest {
            time_in_force: if takes && ends { TimeInForce::Gtc } else { request.time_in_force },
            trigger: request.trigger.filter(|_| !self.has(Self::TRIGGER)),
            reduce_only: request.reduce_only && !self.has(Self::REDUCE_ONLY),
            display_qty: request.display_qty.filter(|_| !self.has(Self::DISPLAY_QTY)),
            ..request.clone()
        }
    }

    /// What its venue is shown of a request at a time.
    pub fn shown(self, request: &OrderRequest) -> OrderRequest {
        let shown = request.display_qty.filter(|_| self.has(Self::DISPLAY_QTY)).unwrap_or(request.qty);
        OrderRequest { qty: shown.min(request.qty), ..self.native(request) }
    }
}

/// What the venue of an instrument lacks for an order and the kernel can do.
pub fn emulated(instrument: &Instrument, request: &OrderRequest) -> Emulated {
    let supports = &instrument.supports;
    let mut bits = 0;
    if let Some(trigger) = request.trigger
        && !(supports.kinds.has(order_kind(request.order_type, request.trigger))
            && supports.triggers.has(trigger.by as u8))
    {
        bits |= Emulated::TRIGGER.0;
    }
    if request.reduce_only && !supports.reduce_only {
        bits |= Emulated::REDUCE_ONLY.0;
    }
    if request.display_qty.is_some() && !supports.iceberg {
        bits |= Emulated::DISPLAY_QTY.0;
    }
    Emulated(bits)
}
