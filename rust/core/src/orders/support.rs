//! Whether a venue takes orders like this one at all.

use super::error::OrderError;
use super::request::{ORDER_KINDS, OrderRequest, OrderType, TimeInForce, Trigger, TriggerBy, order_kind};
use crate::types::{Instrument, WordSet};

/// What becomes of a post-only order that would take, at the places of their numbers: it is refused, or slides.
pub const POST_ONLY_MODES: [&str; 2] = ["reject", "slide"];

/// Checks that the venue takes orders of this kind with these terms.
///
/// # Errors
/// [`OrderError::Unsupported`] with the first term that it does not take.
pub(super) fn check_supported(instrument: &Instrument, request: &OrderRequest) -> Result<(), OrderError> {
    let supports = &instrument.supports;
    let refused = |field, set: WordSet, number: u8, words: &[&str]| {
        let takes = match set.words(words) {
            none if none.is_empty() => format!("no {field} orders"),
            some => some,
        };
        Err(unsupported(instrument, field, words[usize::from(number)].to_owned(), takes))
    };
    let kind = order_kind(request.order_type, request.trigger);
    if !supports.kinds.has(kind) {
        return refused("type", supports.kinds, kind, &ORDER_KINDS);
    }
    // A market order that acts has no time to be in force.
    let life = request.time_in_force.code();
    if (request.order_type != OrderType::Market || request.time_in_force.ends())
        && !supports.times_in_force.has(life)
    {
        let words = TimeInForce::ALL.map(TimeInForce::as_str);
        return refused("time_in_force", supports.times_in_force, life, &words);
    }
    if request.post_only && !supports.post_only.has(request.slides.into()) {
        return refused("post_only", supports.post_only, request.slides.into(), &POST_ONLY_MODES);
    }
    if let Some(by) = request.trigger.map(|trigger| trigger.by as u8)
        && !supports.triggers.has(by)
    {
        return refused("trigger", supports.triggers, by, &TriggerBy::ALL.map(TriggerBy::as_str));
    }
    if let Some(display) = request.display_qty.filter(|_| !supports.iceberg) {
        let shown = instrument.qty_increment.to_decimal(display.steps()).to_string();
        return Err(unsupported(instrument, "display_qty", shown, "no icebergs".into()));
    }
    if request.reduce_only && !supports.reduce_only {
        let takes = "no reduce-only orders".into();
        return Err(unsupported(instrument, "reduce_only", "true".into(), takes));
    }
    Ok(())
}

/// Checks that the venue replaces orders.
///
/// # Errors
/// [`OrderError::Unsupported`].
pub(super) fn check_replaces(instrument: &Instrument) -> Result<(), OrderError> {
    if instrument.supports.replace {
        return Ok(());
    }
    let takes = "no changes: cancel it and send another".into();
    Err(unsupported(instrument, "replace", "of an order".into(), takes))
}

/// Checks that the venue lets what sets an order off be moved.
///
/// # Errors
/// [`OrderError::Unsupported`].
pub(super) fn check_moves(instrument: &Instrument, trigger: Trigger) -> Result<(), OrderError> {
    check_replaces(instrument)?;
    if instrument.supports.replace_trigger {
        return Ok(());
    }
    let field = if trigger.offset().is_some() { "trailing_offset" } else { "trigger_price" };
    let takes = "no other one: cancel the order and send another".into();
    Err(unsupported(instrument, field, "of an order that waits".into(), takes))
}

fn unsupported(instrument: &Instrument, field: &'static str, value: String, takes: String) -> OrderError {
    OrderError::Unsupported { instrument: instrument.id.to_string(), field, value, takes }
}
