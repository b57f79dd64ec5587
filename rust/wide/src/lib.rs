//! Loops compiled twice: for any processor of the kind, and for those with wider vector instructions.
//!
//! A package for everybody may only use what every x86-64 processor has, two `f64` at a time; four is what nearly all
//! have. Which of the two runs is asked of the processor. The numbers are the same, to the last bit: the compiler neither
//! joins a multiplication with an addition nor changes the order of sums.
//!
//! That a function is only called where its instructions exist cannot be said without `unsafe`, so it is said here,
//! once.
#![warn(missing_docs)]

mod four;

use four::Portable;
pub use four::{Number, WIDTH, Wide};

/// A loop.
pub trait Work {
    /// What comes of it.
    type Output;

    /// Runs it, four numbers at a time where it takes them so. Only what is inlined here, so marked `#[inline(always)]`,
    /// is compiled twice.
    fn run<V: Wide>(self) -> Self::Output;
}

/// Runs a loop as widely as the processor can.
#[inline]
pub fn widest<W: Work>(work: W) -> W::Output {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        #[target_feature(enable = "avx2")]
        fn wide<W: Work>(work: W) -> W::Output {
            work.run::<four::Avx2>()
        }
        // SAFETY: the processor was just asked.
        return unsafe { wide(work) };
    }
    work.run::<Portable>()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Sum<'a>(&'a [f64]);

    impl Work for Sum<'_> {
        type Output = f64;

        #[inline(always)]
        fn run<V: Wide>(self) -> f64 {
            self.0.iter().map(|x| x * 0.1).sum()
        }
    }

    #[test]
    fn both_give_the_same_bits() {
        let numbers: Vec<f64> = (0..1_003).map(|i| f64::from(i).sqrt()).collect();
        assert_eq!(widest(Sum(&numbers)).to_bits(), Sum(&numbers).run::<Portable>().to_bits());
    }
}
