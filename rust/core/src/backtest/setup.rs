//! What a run is given of an instrument.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::lane::ChunkSource;
use crate::sim::VenueSettings;
use crate::types::Instrument;

/// One instrument of a run.
pub struct MarketSetup {
    /// The instrument.
    pub instrument: Arc<Instrument>,
    /// Settings of its venue.
    pub settings: VenueSettings,
    /// Its data.
    pub source: Box<dyn ChunkSource>,
    /// Whether the data has a book, not only best prices.
    pub has_book: bool,
    /// The smallest difference of receipt and event in the data, ns; below 0 where the venue's clock ran ahead.
    pub min_latency_ns: i64,
}

/// How far the clock of each market's venue ran ahead of ours, ns: one clock for all instruments of a venue.
pub(super) fn clock_leads(markets: &[MarketSetup]) -> Vec<i64> {
    let mut leads: FxHashMap<&str, i64> = FxHashMap::default();
    for market in markets {
        let lead = market.settings.clock_lead.resolve(market.min_latency_ns);
        leads.entry(market.instrument.id.venue()).and_modify(|most| *most = lead.max(*most)).or_insert(lead);
    }
    markets.iter().map(|market| leads[market.instrument.id.venue()]).collect()
}
