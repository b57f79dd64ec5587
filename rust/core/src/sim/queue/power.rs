//! Powers of the queue models.

/// A power; by multiplication where the exponent is a small whole number, as it mostly is.
pub(super) fn pow(x: f64, n: f64) -> f64 {
    if n.fract() == 0.0 && n <= 8.0 { (1..n as u32).fold(x, |power, _| power * x) } else { libm::pow(x, n) }
}
