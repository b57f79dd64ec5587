//! A market maker that quotes by Avellaneda-Stoikov or Guéant-Lehalle-Fernandez-Tapia, with its parameters measured
//! from the market while it runs.
//!
//! Every `interval` it measures, then quotes:
//!
//! 1. volatility `σ` from its own samples of the mid, `A` and `k` from the depth of trades in past intervals;
//! 2. quotes in ticks, `bid = mid - (half + skew q)`, `ask = mid + (half - skew q)`, where one filled quote changes
//!    `q` by `delta`; the bid rounds down, the ask up;
//! 3. post-only limits: `bid <= best ask - 1`, `ask >= best bid + 1`, and never better than the touch if asked.
//!
//! Units: price in ticks, time in seconds, so `σ` is ticks/√s, `A` 1/s, `k` 1/tick, `γ` and `ξ` 1/(tick × q). What
//! happens at the boundary of an interval belongs to the interval that ends there. Without two-sided prices, or
//! before the first sound fit, it does not quote; after a fit that makes no sense it keeps the last good one.

use super::quoting::{avellaneda_stoikov_quotes, glft_coefficients};
use super::{QuoteSize, tick_above, tick_below};
use crate::indicators::{FitMethod, IntensityEstimator, IntensityState, RealizedVolatility, VolatilityState};
use crate::kernel::{Context, HookError, HookResult, Interest, Strategy, Topics, Trade};
use crate::types::{Decoded, MarketId, Qty, Reader, Side, Writer};

/// Which formula quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuotingModel {
    /// The stationary closed form.
    Glft,
    /// The 2008 formula with a constant time to the horizon.
    AvellanedaStoikov,
}

/// Parameters of [`AvellanedaStoikov`].
#[derive(Debug, Clone, PartialEq)]
pub struct AvellanedaStoikovParams {
    /// The formula.
    pub model: QuotingModel,
    /// Risk aversion, 1/(tick × q).
    pub gamma: f64,
    /// The closed form's ξ; `gamma` when absent, 0 for mean-variance.
    pub xi: Option<f64>,
    /// What one filled quote adds to `q`.
    pub delta: f64,
    /// Time to the horizon of the 2008 formula, s.
    pub horizon_s: f64,
    /// Time between quotes, ns.
    pub interval_ns: i64,
    /// Samples of the mid in the volatility window.
    pub volatility_window: usize,
    /// Half-life of the volatility's smoothing, s.
    pub volatility_half_life_s: Option<f64>,
    /// Smallest measured volatility used, as a fraction of the mid per √s.
    pub sigma_min: f64,
    /// Largest measured volatility used, as a fraction of the mid per √s.
    pub sigma_max: f64,
    /// Intervals in the intensity window.
    pub intensity_window: usize,
    /// Distances of the intensity fit.
    pub intensity_bins: usize,
    /// Their spacing in ticks.
    pub bin_ticks: f64,
    /// How the intensity is fitted.
    pub fit: FitMethod,
    /// A fixed volatility instead of a measured one, ticks/√s.
    pub fixed_sigma: Option<f64>,
    /// A fixed `(A, k)` instead of a measured one.
    pub fixed_intensity: Option<(f64, f64)>,
    /// Never quote better than the best price of one's own side.
    pub join_touch: bool,
}

/// What the maker keeps about one instrument.
#[derive(Debug, Clone)]
struct Desk {
    market: MarketId,
    size: QuoteSize,
    volatility: RealizedVolatility,
    intensity: IntensityEstimator,
    /// The last sound `(A, k)`.
    fit: Option<(f64, f64)>,
    /// Mid in ticks and time at the start of the interval.
    start: Option<(f64, i64)>,
}

/// The strategy; see the module.
pub struct AvellanedaStoikov {
    params: AvellanedaStoikovParams,
    desks: Vec<Desk>,
}

impl AvellanedaStoikov {
    /// A maker in these markets, each on its own.
    pub fn new(params: AvellanedaStoikovParams, markets: &[(MarketId, QuoteSize)]) -> Self {
        let desks = markets
            .iter()
            .map(|&(market, size)| Desk {
                market,
                size,
                volatility: RealizedVolatility::new(params.volatility_window, params.volatility_half_life_s),
                intensity: IntensityEstimator::new(
                    params.bin_ticks,
                    params.intensity_bins,
                    params.intensity_window,
                ),
                fit: params.fixed_intensity,
                start: None,
            })
            .collect();
        Self { params, desks }
    }
}

impl Desk {
    /// There is no mid: what the open interval has seen belongs to none.
    fn interrupt(&mut self) {
        self.start = None;
        self.intensity.drop_interval();
    }

    /// Ends the interval, measures, and says what to quote: bid and ask in ticks.
    fn requote(
        &mut self,
        params: &AvellanedaStoikovParams,
        now: i64,
        mid: f64,
        q: f64,
    ) -> Option<(f64, f64)> {
        self.volatility.push(now, mid);
        if let Some((_, since)) = self.start {
            self.intensity.end_interval((now - since) as f64 * 1e-9);
        }
        self.start = Some((mid, now));
        if params.fixed_intensity.is_none()
            && let Some(fit) = self.intensity.fit(params.fit)
        {
            self.fit = Some((fit.a, fit.k));
        }
        let sigma = match params.fixed_sigma {
            Some(sigma) => sigma,
            None => self.volatility.sigma()?.max(params.sigma_min * mid).min(params.sigma_max * mid),
        };
        let (a, k) = self.fit?;
        let (bid, ask) = match params.model {
            QuotingModel::Glft => {
                let xi = params.xi.unwrap_or(params.gamma);
                let (below, above) =
                    glft_coefficients(params.gamma, xi, sigma, a, k, params.delta).distances(q);
                (mid - below, mid + above)
            }
            QuotingModel::AvellanedaStoikov => {
                let quotes = avellaneda_stoikov_quotes(mid, q, params.gamma, sigma, k, params.horizon_s);
                (quotes.bid, quotes.ask)
            }
        };
        (bid.is_finite() && ask.is_finite()).then_some((bid, ask))
    }
}

/// What a desk has measured, bit for bit: nothing of it can be recounted to the last digit.
fn save_desk(w: &mut Writer<'_>, desk: &Desk) {
    let VolatilityState { steps, sums, last, smoothed, since_recount } = desk.volatility.state();
    w.index(steps.len());
    for (square, seconds) in steps {
        w.f64(square);
        w.f64(seconds);
    }
    w.f64(sums.0);
    w.f64(sums.1);
    w.option(last, |w, (ts, mid)| {
        w.i64(ts);
        w.f64(mid);
    });
    w.option(smoothed, Writer::f64);
    w.index(since_recount);
    let IntensityState { intervals, seconds, deepest } = desk.intensity.state();
    w.index(intervals.len());
    for (reached, seconds) in intervals {
        w.index(reached);
        w.f64(seconds);
    }
    w.f64(seconds);
    w.f64(deepest);
    w.option(desk.fit, |w, (a, k)| {
        w.f64(a);
        w.f64(k);
    });
    w.option(desk.start, |w, (mid, ts)| {
        w.f64(mid);
        w.i64(ts);
    });
}

fn load_desk(r: &mut Reader<'_>, desk: &mut Desk) -> Decoded<()> {
    let mut volatility = VolatilityState::default();
    for _ in 0..r.index()? {
        volatility.steps.push((r.f64()?, r.f64()?));
    }
    volatility.sums = (r.f64()?, r.f64()?);
    volatility.last = r.option(|r| Ok((r.i64()?, r.f64()?)))?;
    volatility.smoothed = r.option(Reader::f64)?;
    volatility.since_recount = r.index()?;
    if !desk.volatility.restore(volatility) {
        return r.error("volatility over a window of this length");
    }
    let mut intensity = IntensityState::default();
    for _ in 0..r.index()? {
        intensity.intervals.push((r.index()?, r.f64()?));
    }
    (intensity.seconds, intensity.deepest) = (r.f64()?, r.f64()?);
    if !desk.intensity.restore(intensity) {
        return r.error("intensity over such distances and intervals");
    }
    desk.fit = r.option(|r| Ok((r.f64()?, r.f64()?)))?;
    desk.start = r.option(|r| Ok((r.f64()?, r.i64()?)))?;
    Ok(())
}

/// One tick beyond which a limit lies, on the tick grid.
fn limits(params: &AvellanedaStoikovParams, best_bid: i64, best_ask: i64, tick: i64) -> (i64, i64) {
    if params.join_touch { (best_bid, best_ask) } else { (best_ask - tick, best_bid + tick) }
}

fn quote_desk(desk: &mut Desk, params: &AvellanedaStoikovParams, ctx: &mut Context) -> HookResult {
    let market = desk.market;
    let touch = ctx.touch(market);
    let tick = ctx.terms(market).tick_size;
    // What was counted in ticks of another size measures nothing.
    if desk.start.is_some_and(|(_, began)| ctx.instrument(market).terms_at(began).tick_size != tick) {
        desk.interrupt();
    }
    let (Some(best_bid), Some(best_ask), Some(mid)) =
        (touch.best_bid(), touch.best_ask(), touch.mid().filter(|mid| *mid > 0.0))
    else {
        desk.interrupt();
        return ctx.quote(market, None, None, true).map_err(|e| HookError::Failed(e.to_string()));
    };
    let mid = mid / tick as f64;
    let (position, size) = (Qty::new(ctx.position(market).qty), desk.size);
    let q = position.steps() as f64 / size.qty.steps() as f64 * params.delta;
    let target = desk.requote(params, ctx.now_ns(), mid, q);
    let (highest_bid, lowest_ask) = limits(params, best_bid, best_ask, tick);
    let bid = target
        .map(|(bid, _)| (libm::floor(bid) as i64).saturating_mul(tick).min(tick_below(highest_bid, tick)));
    let ask = target
        .map(|(_, ask)| (libm::ceil(ask) as i64).saturating_mul(tick).max(tick_above(lowest_ask, tick)));
    let (bid, ask) = (size.at(Side::Buy, bid, position), size.at(Side::Sell, ask, position));
    ctx.quote(market, bid, ask, true).map_err(|e| HookError::Failed(e.to_string()))
}

impl Strategy for AvellanedaStoikov {
    fn interest(&self) -> Interest {
        let topics = if self.params.fixed_intensity.is_none() { Topics::TRADES } else { Topics::NONE };
        Interest { topics, ..Interest::default() }
    }

    fn on_start(&mut self, ctx: &mut Context) -> HookResult {
        ctx.every(self.params.interval_ns);
        Ok(())
    }

    fn on_trade(&mut self, ctx: &mut Context, market: MarketId, trade: Trade) -> HookResult {
        let Some(desk) = self.desks.iter_mut().find(|d| d.market == market) else { return Ok(()) };
        if let (Some((mid, _)), Some(side)) = (desk.start, trade.aggressor_side) {
            let price = trade.price as f64 / ctx.terms(market).tick_size as f64;
            let depth = if side == Side::Buy { price - mid } else { mid - price };
            desk.intensity.trade(depth);
        }
        Ok(())
    }

    fn on_timer(&mut self, ctx: &mut Context, _timer: u64) -> HookResult {
        for desk in &mut self.desks {
            quote_desk(desk, &self.params, ctx)?;
        }
        Ok(())
    }

    fn save(&mut self) -> Result<Vec<u8>, HookError> {
        let mut bytes = Vec::new();
        let mut w = Writer(&mut bytes);
        w.index(self.desks.len());
        for desk in &self.desks {
            save_desk(&mut w, desk);
        }
        Ok(bytes)
    }

    fn load(&mut self, state: &[u8]) -> HookResult {
        let mut r = Reader::new(state);
        let mut load = || -> Decoded<Vec<Desk>> {
            let mut desks = self.desks.clone();
            if r.index()? != desks.len() {
                return r.error("as many instruments as the strategy has");
            }
            for desk in &mut desks {
                load_desk(&mut r, desk)?;
            }
            if r.is_done() { Ok(desks) } else { r.error("the end of the state") }
        };
        self.desks = load().map_err(|error| HookError::Failed(error.to_string()))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn desk(params: &AvellanedaStoikovParams) -> Desk {
        let size = QuoteSize { qty: Qty::new(10), max_position: Qty::new(100) };
        AvellanedaStoikov::new(params.clone(), &[(MarketId::new(0), size)]).desks.remove(0)
    }

    fn params() -> AvellanedaStoikovParams {
        AvellanedaStoikovParams {
            model: QuotingModel::Glft,
            gamma: 0.05,
            xi: None,
            delta: 1.0,
            horizon_s: 1.0,
            interval_ns: 1_000_000_000,
            volatility_window: 10,
            volatility_half_life_s: None,
            sigma_min: 0.0,
            sigma_max: f64::INFINITY,
            intensity_window: 10,
            intensity_bins: 20,
            bin_ticks: 1.0,
            fit: FitMethod::Weighted,
            fixed_sigma: None,
            fixed_intensity: None,
            join_touch: false,
        }
    }

    #[test]
    fn no_quote_before_a_sound_fit_and_the_last_good_one_is_kept() {
        let p = AvellanedaStoikovParams { fixed_sigma: Some(1.0), ..params() };
        let mut desk = desk(&p);
        assert_eq!(desk.requote(&p, 0, 100.0, 0.0), None);
        for (second, depth) in [2.0, 6.0, 3.0, 9.0, 1.0].into_iter().enumerate() {
            desk.intensity.trade(depth);
            desk.requote(&p, (second as i64 + 1) * 1_000_000_000, 100.0, 0.0);
        }
        let good = desk.fit.unwrap();
        // Silence for the whole window leaves nothing to fit.
        for second in 6..20 {
            desk.requote(&p, second * 1_000_000_000, 100.0, 0.0);
        }
        assert_eq!(desk.intensity.fit(FitMethod::Weighted), None);
        assert!(desk.fit.is_some() && good.1 > 0.0);
        let (bid, ask) = desk.requote(&p, 21_000_000_000, 100.0, 0.0).unwrap();
        assert!(bid < 100.0 && ask > 100.0 && (f64::midpoint(bid, ask) - 100.0).abs() < 1e-9);
    }

    #[test]
    fn a_mid_that_is_no_price_does_not_panic() {
        let p = AvellanedaStoikovParams { fixed_intensity: Some((1.0, 0.1)), sigma_min: 0.1, ..params() };
        for mid in [0.0, -5.0, f64::NAN] {
            let mut desk = desk(&p);
            for second in 0..4 {
                desk.requote(&p, second * 1_000_000_000, mid, 0.0);
            }
        }
    }

    #[test]
    fn trades_before_a_one_sided_book_do_not_count_against_the_mid_after_it() {
        let p = AvellanedaStoikovParams { fixed_sigma: Some(1.0), ..params() };
        let (mut broken, mut fresh) = (desk(&p), desk(&p));
        broken.requote(&p, 0, 100.0, 0.0);
        broken.intensity.trade(15.0);
        broken.interrupt();
        for desk in [&mut broken, &mut fresh] {
            desk.requote(&p, 5_000_000_000, 300.0, 0.0);
            for (second, depth) in [2.0, 6.0, 3.0, 9.0, 1.0].into_iter().enumerate() {
                desk.intensity.trade(depth);
                desk.requote(&p, (second as i64 + 6) * 1_000_000_000, 300.0, 0.0);
            }
        }
        assert!(fresh.fit.is_some());
        assert_eq!(broken.fit, fresh.fit);
    }

    #[test]
    fn a_maker_that_goes_on_from_its_state_measures_the_same_to_the_last_digit() {
        let p = AvellanedaStoikovParams { volatility_half_life_s: Some(3.0), ..params() };
        let size = QuoteSize { qty: Qty::new(10), max_position: Qty::new(100) };
        let maker = || AvellanedaStoikov::new(p.clone(), &[(MarketId::new(0), size)]);
        let (mut whole, mut resumed) = (maker(), maker());
        let mut quoted = 0;
        for second in 0..40i64 {
            if second % 7 == 3 {
                let state = resumed.save().unwrap();
                resumed = maker();
                resumed.load(&state).unwrap();
                assert_eq!(resumed.save().unwrap(), state);
            }
            let mid = 1_000.3 + libm::sin(second as f64);
            let quotes = [&mut whole, &mut resumed].map(|maker| {
                let desk = &mut maker.desks[0];
                desk.intensity.trade((second * 5 % 11) as f64);
                desk.requote(&p, second * 1_000_000_007, mid, 0.0)
            });
            assert_eq!(quotes[0], quotes[1]);
            quoted += usize::from(quotes[0].is_some());
        }
        assert!(quoted > 20);
        assert_eq!(whole.save(), resumed.save());
    }

    #[test]
    fn a_state_of_other_parameters_or_a_damaged_one_is_refused_and_changes_nothing() {
        let size = QuoteSize { qty: Qty::new(10), max_position: Qty::new(100) };
        let markets = [(MarketId::new(0), size)];
        let mut maker = AvellanedaStoikov::new(params(), &markets);
        for second in 0..10 {
            maker.desks[0].intensity.trade(15.0);
            maker.desks[0].requote(&params(), second * 1_000_000_000, 100.0, 0.0);
        }
        let state = maker.save().unwrap();
        for other in [
            AvellanedaStoikovParams { volatility_window: 4, ..params() },
            AvellanedaStoikovParams { intensity_window: 4, ..params() },
            AvellanedaStoikovParams { intensity_bins: 4, ..params() },
        ] {
            let mut other = AvellanedaStoikov::new(other, &markets);
            let before = other.save().unwrap();
            assert!(matches!(other.load(&state), Err(HookError::Failed(_))));
            assert_eq!(other.save().unwrap(), before);
        }
        let mut fresh = AvellanedaStoikov::new(params(), &markets);
        let before = fresh.save().unwrap();
        for cut in 0..state.len() {
            assert!(fresh.load(&state[..cut]).is_err());
        }
        assert!(fresh.load(&[state.as_slice(), &[0]].concat()).is_err());
        assert_eq!(fresh.save().unwrap(), before);
        assert!(AvellanedaStoikov::new(params(), &[]).load(&state).is_err());
    }

    #[test]
    fn inventory_skews_both_quotes_by_one_fill_at_a_time() {
        let p = AvellanedaStoikovParams {
            fixed_sigma: Some(10.69),
            fixed_intensity: Some((2.986_162_360_812_285, 0.042_357_411_150_840_49)),
            ..params()
        };
        let mut desk = desk(&p);
        let flat = desk.requote(&p, 0, 1_000.0, 0.0).unwrap();
        let long = desk.requote(&p, 1, 1_000.0, 1.0).unwrap();
        assert!((1_000.0 - flat.0 - 20.472_085_338_443_71).abs() < 1e-9);
        assert!((flat.0 - long.0 - 9.763_268_650_292_27).abs() < 1e-9);
        assert!((flat.1 - long.1 - 9.763_268_650_292_27).abs() < 1e-9);
    }
}
