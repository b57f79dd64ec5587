//! How long messages took, how the venue's clock stood, and which of its stamps cannot be.

use numpy::{PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use tradecore_core::event::{BadLatencies, ClockStep, Columns as _, Latencies, WrongStamps};
use tradecore_core::random::Random;
use tradecore_core::sim::FeedClock;

use crate::columns::{NumpyColumns, slice_of};
use crate::errors;

/// How a venue's clock stood, as Python has it: from which receipt on, how far it ran ahead, and the shortest that
/// messages took then, ns.
type Steps = Vec<(i64, i64, i64)>;

/// Latencies as Python tells them: of each piece of the data its text, or its smallest one.
pub(crate) fn to_latencies(pieces: Vec<(Option<String>, i64)>) -> PyResult<Latencies> {
    let mut all = Latencies::default();
    for (text, least) in pieces {
        all.add(match text {
            Some(text) => {
                text.parse().map_err(|e: BadLatencies| errors::invalid("latencies", e.to_string()))?
            }
            None => Latencies::of_least(least),
        });
    }
    Ok(all)
}

pub(crate) fn steps_to_py(steps: &[ClockStep]) -> Steps {
    steps.iter().map(|step| (step.from, step.lead_ns, step.least_ns)).collect()
}

/// How far a venue's clock ran ahead, ns, and from which receipt on, None for the first; nothing if it never did.
pub(crate) fn leads_to_py(steps: &[ClockStep]) -> Vec<(Option<i64>, i64)> {
    let leads = steps.chunk_by(|before, after| before.lead_ns == after.lead_ns).enumerate();
    let leads: Vec<_> =
        leads.map(|(at, alike)| ((at > 0).then_some(alike[0].from), alike[0].lead_ns)).collect();
    if leads.iter().all(|(_, lead)| *lead == 0) { Vec::new() } else { leads }
}

/// Stamps of a venue that cannot be; None where there are none.
pub(crate) fn wrong_stamps_to_py<'py>(
    py: Python<'py>,
    wrong: &WrongStamps,
) -> PyResult<Option<Bound<'py, PyDict>>> {
    if wrong.messages == 0 {
        return Ok(None);
    }
    let out = PyDict::new(py);
    out.set_item("messages", wrong.messages)?;
    out.set_item("worst_ns", wrong.worst_ns)?;
    out.set_item("worst_ts_event", wrong.worst_ts_event)?;
    out.set_item("worst_ts_recv", wrong.worst_ts_recv)?;
    Ok(Some(out))
}

/// Return how long the messages of event columns took, hour by hour of receipt, as text.
///
/// ``HOUR:MESSAGES:RANK1,RANK2,RANK4`` for each hour and each 262,144 messages of it at most: hours since 1970, and the
/// smallest latencies by rank, ns. A space stands between two, as between the texts of two pieces of the data.
///
/// Parameters
/// ----------
/// columns : mapping of str to array
///     Event columns.
#[pyfunction]
pub(crate) fn latencies_of(py: Python<'_>, columns: &Bound<'_, PyAny>) -> PyResult<String> {
    let columns = NumpyColumns::new(columns)?;
    columns.view().check_lengths().map_err(|e| errors::invalid("columns", e.to_string()))?;
    Ok(py.detach(|| Latencies::of(&columns.view()).to_string()))
}

/// Return when rows act at the venue, int64 (n,) in ns of our clock, each taken for a message of its own stream.
///
/// Parameters
/// ----------
/// ts_event, ts_recv : int64 (n,)
///     The venue's stamps and the receipts, ns.
/// steps : sequence of (int, int, int)
///     How its clock stood: from which receipt on, how far it ran ahead, and the shortest that messages took, ns.
#[pyfunction]
pub(crate) fn venue_times<'py>(
    py: Python<'py>,
    ts_event: PyReadonlyArray1<'py, i64>,
    ts_recv: PyReadonlyArray1<'py, i64>,
    steps: Steps,
) -> PyResult<Bound<'py, PyArray1<i64>>> {
    let (event, recv) = (slice_of(&ts_event, "ts_event")?, slice_of(&ts_recv, "ts_recv")?);
    let steps = steps.into_iter().map(|(from, lead_ns, least_ns)| ClockStep { from, lead_ns, least_ns });
    let mut clock = FeedClock::new(steps.collect(), None, Random::new(0, 0));
    let longest = clock.longest();
    let times = event
        .iter()
        .zip(recv)
        .map(|(event, recv)| clock.happened(*event, *recv).max(recv.saturating_sub(longest)));
    Ok(PyArray1::from_vec(py, times.collect()))
}
