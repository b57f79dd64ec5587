//! What strategies ask to be routed over several venues.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFloat};
use tradecore_core::kernel::{RouteError, RouteRequest};
use tradecore_core::types::{Decimal, MarketId};

use crate::errors;
use crate::execution::bad_parameter;
use crate::shared::Shared;
use crate::values::{repr_of, to_decimal, to_duration, to_number, to_side};

/// How far a market may be thought to move in a second, bps.
const DRIFTS: std::ops::RangeInclusive<f64> = 0.0..=1e6;

/// The keywords of a route.
pub(crate) struct Asked<'a, 'py> {
    pub(crate) limit: Option<&'a Bound<'py, PyAny>>,
    pub(crate) latencies: Option<&'a Bound<'py, PyDict>>,
    pub(crate) drift_bps: Option<&'a Bound<'py, PyAny>>,
    pub(crate) reduce_only: bool,
}

impl<'py> Asked<'_, 'py> {
    /// Reads what is to be routed.
    pub(crate) fn request(
        &self,
        shared: &Shared,
        instruments: &Bound<'py, PyAny>,
        side: &Bound<'py, PyAny>,
        qty: &Bound<'py, PyAny>,
    ) -> PyResult<RouteRequest> {
        let mut venues: Vec<(MarketId, i64)> = Vec::new();
        for instrument in instruments.try_iter()? {
            venues.push((shared.market(&instrument?)?, 0));
        }
        for (instrument, latency) in self.latencies.iter().flat_map(|latencies| latencies.iter()) {
            let market = shared.market(&instrument)?;
            let Some((_, takes)) = venues.iter_mut().find(|(venue, _)| *venue == market) else {
                let problem = format!("{} is none of the instruments", repr_of(&instrument));
                return Err(errors::invalid("latencies", problem));
            };
            *takes = to_duration("latencies", &latency, 0)?;
        }
        Ok(RouteRequest {
            venues,
            side: to_side(side)?,
            qty: amount("qty", qty)?,
            limit: self.limit.map(|limit| amount("limit", limit)).transpose()?,
            drift_bps: self.drift_bps.map_or(Ok(0.0), |drift| to_number("drift_bps", drift, DRIFTS))?,
            reduce_only: self.reduce_only,
        })
    }
}

/// A number as it is written; a float as its shortest text.
fn amount(field: &str, value: &Bound<'_, PyAny>) -> PyResult<Decimal> {
    if value.is_instance_of::<PyFloat>() {
        let text = value.repr()?.to_cow()?.into_owned();
        return text.parse().map_err(|error| errors::decimal(field, "", error));
    }
    to_decimal(field, value)
}

/// Why something was not routed.
pub(crate) fn route_error(error: RouteError) -> PyErr {
    match error {
        RouteError::Parameter(error) => bad_parameter(error),
        RouteError::Order(error) => errors::order(error),
        other => errors::OrderError::new_err(other.to_string()),
    }
}
