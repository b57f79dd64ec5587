//! Closed-form quotes of a market maker with inventory risk.
//!
//! One price unit and one time unit throughout: `sigma` in price units per √time, `a` fills per time, `k` per price
//! unit, `gamma` per (price unit × inventory unit), `delta` the order size in inventory units.
//!
//! Sources: Avellaneda & Stoikov, "High-frequency trading in a limit order book", Quantitative Finance 8(3), 2008;
//! Guéant, "Optimal market making", arXiv 1605.01862, equations 4.6 and 4.7.

/// Below this ratio the formulas are replaced by their limits, which agree to all digits there.
const SMALL: f64 = 1e-8;

/// Quotes around a reservation price.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AvellanedaStoikovQuotes {
    /// The price at which the maker is indifferent.
    pub reservation: f64,
    /// Ask minus bid.
    pub spread: f64,
    /// `reservation - spread / 2`.
    pub bid: f64,
    /// `reservation + spread / 2`.
    pub ask: f64,
}

/// Quotes for mid `s` and inventory `q` with `tau` time left:
/// `r = s - q γ σ² τ`, `spread = γ σ² τ + (2/γ) ln(1 + γ/k)` (`2/k` as γ vanishes).
pub fn avellaneda_stoikov_quotes(
    s: f64,
    q: f64,
    gamma: f64,
    sigma: f64,
    k: f64,
    tau: f64,
) -> AvellanedaStoikovQuotes {
    let risk = gamma * sigma * sigma * tau;
    let liquidity = if gamma / k < SMALL { 2.0 / k } else { 2.0 / gamma * libm::log1p(gamma / k) };
    let (reservation, spread) = (s - q * risk, risk + liquidity);
    AvellanedaStoikovQuotes {
        reservation,
        spread,
        bid: reservation - spread / 2.0,
        ask: reservation + spread / 2.0,
    }
}

/// The parts of the Guéant-Lehalle-Fernandez-Tapia closed form.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GlftCoefficients {
    /// `ln(1 + ξΔ/k) / (ξΔ)`.
    pub c1: f64,
    /// `sqrt(γ / (2AΔk) · (1 + ξΔ/k)^(k/(ξΔ) + 1))`.
    pub c2: f64,
    /// `c1 + Δ σ c2 / 2`.
    pub half_spread: f64,
    /// `σ c2`, per unit of inventory.
    pub skew: f64,
}

impl GlftCoefficients {
    /// Distances of bid and ask from the mid for inventory `q`; either may be negative.
    pub fn distances(&self, q: f64) -> (f64, f64) {
        (self.half_spread + self.skew * q, self.half_spread - self.skew * q)
    }
}

/// The closed form for risk aversion `gamma`, `xi` (equal to `gamma` for an exponential utility, 0 for mean-variance),
/// volatility `sigma`, intensity `a`, `k` and order size `delta`.
pub fn glft_coefficients(gamma: f64, xi: f64, sigma: f64, a: f64, k: f64, delta: f64) -> GlftCoefficients {
    let ratio = xi * delta / k;
    let (c1, power) = if ratio < SMALL {
        (1.0 / k, std::f64::consts::E)
    } else {
        (libm::log1p(ratio) / (xi * delta), libm::exp((1.0 / ratio + 1.0) * libm::log1p(ratio)))
    };
    let c2 = libm::sqrt(gamma / (2.0 * a * delta * k) * power);
    GlftCoefficients { c1, c2, half_spread: c1 + delta * sigma * c2 / 2.0, skew: sigma * c2 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn glft_matches_the_founding_vector_and_its_limit() {
        let g = glft_coefficients(0.1, 0.1, 0.5, 10.0, 1.5, 0.2);
        for (got, want) in [
            (g.c1, 0.662_261_337_501_036),
            (g.c2, 0.213_556_538_378_466),
            (g.half_spread, 0.672_939_164_419_960),
            (g.skew, 0.106_778_269_189_233),
        ] {
            assert!((got - want).abs() < 1e-14, "{got} {want}");
        }
        let limit = glft_coefficients(0.1, 0.0, 0.5, 10.0, 1.5, 0.2);
        let near = glft_coefficients(0.1, 1e-7, 0.5, 10.0, 1.5, 0.2);
        assert!((limit.c1 - 1.0 / 1.5).abs() < 1e-15);
        assert!((limit.half_spread - near.half_spread).abs() < 1e-7);
    }

    #[test]
    fn quotes_keep_their_meaning_when_the_price_unit_changes() {
        let (u, q) = (10.0, 3.0);
        let g = glft_coefficients(0.05, 0.05, 10.69, 2.986, 0.0424, 1.0);
        let h = glft_coefficients(0.05 * u, 0.05 * u, 10.69 / u, 2.986, 0.0424 * u, 1.0);
        assert!((g.distances(q).0 / u - h.distances(q).0).abs() < 1e-12);
    }

    #[test]
    fn long_inventory_lowers_both_quotes() {
        let flat = avellaneda_stoikov_quotes(100.0, 0.0, 0.1, 2.0, 1.5, 1.0);
        let long = avellaneda_stoikov_quotes(100.0, 2.0, 0.1, 2.0, 1.5, 1.0);
        assert!(long.bid < flat.bid && long.ask < flat.ask);
        let limit = avellaneda_stoikov_quotes(100.0, 0.0, 0.0, 2.0, 1.5, 1.0);
        assert!((limit.spread - 2.0 / 1.5).abs() < 1e-15);
    }
}
