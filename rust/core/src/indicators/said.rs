//! What is said of the rows of another indicator.

use super::state::{State, state};
use super::stream::Indicator;

/// A function of each row that another indicator gives. Its type is that of the function, so the loop over a column has
/// it inlined.
#[derive(Clone)]
pub(super) struct Said<T, F, const M: usize> {
    of: T,
    how: F,
}

impl<T, F, const M: usize> Said<T, F, M> {
    pub(super) fn of(of: T, how: F) -> Self {
        Self { of, how }
    }
}

state!(impl [T: State, F, const M: usize] Said<T, F, M> { of });

impl<T, F, const I: usize, const M: usize, const O: usize> Indicator<I, O> for Said<T, F, M>
where
    T: Indicator<I, M>,
    F: Fn([f64; M]) -> [f64; O] + Clone + Send + Sync + 'static,
{
    const FLOOR: f64 = T::FLOOR;

    #[inline(always)]
    fn update(&mut self, row: [f64; I]) -> Option<[f64; O]> {
        self.of.update(row).map(&self.how)
    }
}

/// A row as it is.
#[derive(Debug, Clone)]
pub(super) struct Same;

state!(Same {});

impl<const I: usize> Indicator<I, I> for Same {
    #[inline(always)]
    fn update(&mut self, row: [f64; I]) -> Option<[f64; I]> {
        Some(row)
    }
}
