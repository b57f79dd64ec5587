//! What a run is given of an instrument.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::lane::ChunkSource;
use crate::event::{ClockStep, KindSet, Latencies};
use crate::sim::{ClockLead, VenueSettings};
use crate::types::Instrument;

/// One instrument of a run.
pub struct MarketSetup {
    /// The instrument.
    pub instrument: Arc<Instrument>,
    /// Settings of its venue, which it mostly shares with others.
    pub settings: Arc<VenueSettings>,
    /// Its data.
    pub source: Box<dyn ChunkSource>,
    /// The kinds of events that the data holds.
    pub holds: KindSet,
    /// Whether its book is known never to stay locked or crossed: then it is not looked at for that.
    pub is_sound: bool,
    /// Whether its messages are known to lie in the order in which they acted at the venue (see [`crate::event::is_in_order`]).
    pub in_order: bool,
    /// How long its messages took, below 0 where the venue's clock ran ahead.
    pub latencies: Latencies,
}

/// How the clock of each market's venue stood to ours: one clock for all instruments of a venue, told by the latencies of
/// all of them. A fixed lead is that of all; of several the largest counts.
pub(super) fn clock_steps(markets: &[MarketSetup]) -> Vec<Arc<[ClockStep]>> {
    let mut measured: FxHashMap<&str, Latencies> = FxHashMap::default();
    let mut fixed: FxHashMap<&str, i64> = FxHashMap::default();
    for market in markets {
        let venue = market.instrument.id.venue();
        match market.settings.clock_lead {
            ClockLead::Auto => measured.entry(venue).or_default().add(market.latencies.clone()),
            ClockLead::Ns(ns) => {
                fixed.entry(venue).and_modify(|most| *most = ns.max(*most)).or_insert(ns);
            }
        }
    }
    let mut steps: FxHashMap<&str, Arc<[ClockStep]>> =
        measured.into_iter().map(|(venue, latencies)| (venue, latencies.steps().into())).collect();
    steps.extend(fixed.into_iter().map(|(venue, ns)| (venue, [ClockStep::fixed(ns)].into())));
    markets.iter().map(|market| Arc::clone(&steps[market.instrument.id.venue()])).collect()
}
