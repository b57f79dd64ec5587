//! `tradecore._core`: the only place that knows Python and numpy. It checks and converts; it computes nothing.

#![allow(clippy::needless_pass_by_value, reason = "a Python argument arrives by value")]
#![allow(
    clippy::doc_markdown,
    clippy::doc_lazy_continuation,
    clippy::doc_link_with_quotes,
    reason = "what Python shows is a numpy docstring"
)]

mod bars;
mod book;
mod captures;
mod catalog;
mod chunks;
mod columns;
mod commands;
mod context;
mod custom_models;
mod errors;
mod events;
mod exchange;
mod execution;
mod executions;
mod exported;
mod features;
mod feeds;
mod fidelity;
mod files;
mod forks;
mod frame_door;
mod groups;
mod hooks;
mod indicator_bank;
mod indicators;
mod instrument;
mod kernel;
mod lending;
mod levels;
mod maths;
mod memory;
mod notices;
mod outlet;
mod outputs;
mod parts;
mod position_ledger;
mod positions;
mod profit;
mod queue_simulator;
mod raised;
mod raster;
mod readers;
mod readings;
mod reconcile;
mod record_files;
mod records;
mod reports;
mod risk;
mod risk_config;
mod roster;
mod routes;
mod run_tables;
mod series;
mod shared;
mod signals;
mod simulation;
mod stamps;
mod strategy;
mod surveys;
mod tables;
mod terms;
mod updates;
mod values;
mod venue;
mod views;
mod vocabulary;

use pyo3::prelude::*;

/// Python lays its objects out at multiples of 16 bytes: what asks for more, a book say, lies in a box.
const OBJECT_ALIGN: usize = 16;

macro_rules! assert_align {
    ($($class:ty),* $(,)?) => {
        $(const _: () = assert!(align_of::<$class>() <= OBJECT_ALIGN);)*
    };
}

assert_align!(
    bars::BarBuilder,
    bars::PyBarSpec,
    book::PyL2Book,
    captures::CaptureFrames,
    catalog::EventStream,
    catalog::ReadAhead,
    chunks::FeedSummary,
    chunks::HftDecoder,
    chunks::TradeSieve,
    commands::Command,
    context::Context,
    custom_models::ChargedFill,
    custom_models::QueuePlace,
    indicators::Indicator,
    indicator_bank::IndicatorBank,
    events::EventInterest,
    exchange::OpenOrder,
    exchange::SimExchange,
    execution::Slippage,
    executions::Execution,
    exported::ExportedReader,
    features::FeatureBook,
    features::FeatureEngine,
    features::FeatureReader,
    features::FeatureSchema,
    features::FeatureVector,
    feeds::FeedControl,
    feeds::FeedDecoder,
    frame_door::FrameDoor,
    frame_door::Heard,
    groups::OrderGroup,
    instrument::PyInstrument,
    kernel::PyKernel,
    maths::IntensityEstimator,
    position_ledger::PositionLedger,
    queue_simulator::QueueSimulator,
    maths::RealizedVolatility,
    memory::MemoryColumns,
    notices::Notice,
    notices::Refusal,
    parts::PartWriter,
    positions::FinalPositions,
    readers::EventReader,
    readers::Synth,
    readings::IndicatorReading,
    record_files::RecordScan,
    records::Fill,
    records::Order,
    records::Payment,
    risk::RiskBreach,
    risk::RiskView,
    series::SeriesReader,
    signals::Question,
    signals::Signal,
    simulation::Simulation,
    surveys::Survey,
    updates::Bar,
    updates::FundingRate,
    updates::Liquidation,
    updates::OpenInterest,
    updates::ReferencePrice,
    views::BookView,
    views::PositionView,
    views::QuoteView,
    views::TradeView,
);

/// The compiled half of tradecore.
///
/// Prices and quantities are accepted as ``Decimal``, ``str``, ``int`` or a ``float`` on the instrument's grid, and
/// returned as ``float`` (market data) or ``Decimal`` (money). Times are ns UTC. "Increments" are integer counts of an
/// instrument's ``price_increment`` and ``qty_increment``. Errors are those of :mod:`tradecore.errors`.
#[pymodule]
mod _core {
    use tradecore_core::event::KindSet;

    #[pymodule_export]
    const HFT_OWN: i64 = tradecore_core::decode::HFT_OWN;
    #[pymodule_export]
    const CHANGES_NEEDED: u32 = tradecore_core::backtest::CHANGES_NEEDED;
    #[pymodule_export]
    const FINE_KINDS: u32 = KindSet::FINE.bits();
    #[pymodule_export]
    const FINE_SCALE: u32 = tradecore_core::event::FINE_SCALE;
    #[pymodule_export]
    const MARKET_KINDS: u32 = KindSet::MARKET.bits();
    #[pymodule_export]
    const MOST_BINS: usize = tradecore_core::indicators::MOST_BINS;
    #[pymodule_export]
    const MOST_WINDOW: usize = tradecore_core::indicators::MOST_WINDOW;
    #[pymodule_export]
    const ON_GRID_KINDS: u32 = KindSet::ON_GRID.bits();
    #[pymodule_export]
    const SKIP_HINT: &str = crate::errors::SKIP_HINT;
    #[pymodule_export]
    const SHORTEST_INTERVAL: i64 = tradecore_core::kernel::SHORTEST_INTERVAL;

    #[pymodule_export]
    use crate::bars::{BarBuilder, PyBarSpec, bars_of};
    #[pymodule_export]
    use crate::book::PyL2Book;
    #[pymodule_export]
    use crate::captures::CaptureFrames;
    #[pymodule_export]
    use crate::catalog::{EventStream, ReadAhead, check_part, checksum, read_note, seal_part};
    #[pymodule_export]
    use crate::chunks::{FeedSummary, HftDecoder, TradeSieve};
    #[pymodule_export]
    use crate::columns::check_columns;
    #[pymodule_export]
    use crate::commands::{Command, client_id_of, journal_begins, journal_commands, journal_messages};
    #[pymodule_export]
    use crate::context::Context;
    #[pymodule_export]
    use crate::custom_models::{ChargedFill, QueuePlace};
    #[pymodule_export]
    use crate::events::{EventInterest, session_event_names};
    #[pymodule_export]
    use crate::exchange::{OpenOrder, SimExchange};
    #[pymodule_export]
    use crate::execution::{
        Slippage, almgren_chriss, iceberg_slices, impact_bps, implementation_shortfall, pov_target, slippage,
        twap_slices, volume_curve, vwap_slices,
    };
    #[pymodule_export]
    use crate::executions::Execution;
    #[pymodule_export]
    use crate::exported::{ExportedReader, is_exported, not_in_ns, other_unit};
    #[pymodule_export]
    use crate::features::{
        FeatureBook, FeatureEngine, FeatureReader, FeatureSchema, FeatureVector, feature_definitions,
        fit_microprice, microprice_adjustments,
    };
    #[pymodule_export]
    use crate::feeds::{FeedControl, FeedDecoder};
    #[pymodule_export]
    use crate::fidelity::{replay_orders, touch_orders};
    #[pymodule_export]
    use crate::files::{find_line, read_head};
    #[pymodule_export]
    use crate::frame_door::{FrameDoor, Heard};
    #[pymodule_export]
    use crate::groups::OrderGroup;
    #[pymodule_export]
    use crate::indicator_bank::IndicatorBank;
    #[pymodule_export]
    use crate::indicators::{
        Indicator, compute_indicator, compute_panel, fractional_weights, indicator_specs,
    };
    #[pymodule_export]
    use crate::instrument::PyInstrument;
    #[pymodule_export]
    use crate::kernel::PyKernel;
    #[pymodule_export]
    use crate::maths::{
        IntensityEstimator, RealizedVolatility, avellaneda_stoikov_quotes, equal_within, few_changes_text,
        fit_intensity, format_duration_ns, format_span_ns, glft_coefficients, parse_duration,
    };
    #[pymodule_export]
    use crate::memory::MemoryColumns;
    #[pymodule_export]
    use crate::notices::{Notice, Refusal};
    #[pymodule_export]
    use crate::parts::PartWriter;
    #[pymodule_export]
    use crate::position_ledger::PositionLedger;
    #[pymodule_export]
    use crate::positions::FinalPositions;
    #[pymodule_export]
    use crate::profit::profit_parts;
    #[pymodule_export]
    use crate::queue_simulator::QueueSimulator;
    #[pymodule_export]
    use crate::raster::book_raster;
    #[pymodule_export]
    use crate::readers::{EventReader, Synth};
    #[pymodule_export]
    use crate::readers::{tardis_origin, tardis_venue, tardis_venues};
    #[pymodule_export]
    use crate::readings::IndicatorReading;
    #[pymodule_export]
    use crate::reconcile::reconcile_account;
    #[pymodule_export]
    use crate::record_files::{RecordScan, frame_record, gunzip, index_records, record_head};
    #[pymodule_export]
    use crate::records::{Fill, Order, Payment};
    #[pymodule_export]
    use crate::risk::{RiskBreach, RiskView, risk_checks, risk_profile, size_position};
    #[pymodule_export]
    use crate::risk_config::{check_risk, check_stops};
    #[pymodule_export]
    use crate::run_tables::money_text;
    #[pymodule_export]
    use crate::series::SeriesReader;
    #[pymodule_export]
    use crate::signals::{Question, Signal};
    #[pymodule_export]
    use crate::simulation::Simulation;
    #[pymodule_export]
    use crate::stamps::{latencies_of, venue_times};
    #[pymodule_export]
    use crate::strategy::{check_quote_size, check_strategy_name};
    #[pymodule_export]
    use crate::surveys::Survey;
    #[pymodule_export]
    use crate::tables::{is_kline, kline_origin, table_head};
    #[pymodule_export]
    use crate::updates::{Bar, FundingRate, Liquidation, OpenInterest, ReferencePrice};
    #[pymodule_export]
    use crate::venue::{
        check_venue, fill_basis, fit_latencies, funding_kinds, latency_legs, taken_at, venue_balances,
        venue_funding,
    };
    #[pymodule_export]
    use crate::views::{BookView, PositionView, QuoteView, TradeView};
    #[pymodule_export]
    use crate::vocabulary::{order_status_of, side_of, vocabulary};
}
