//! Four numbers that are worked off together.

use std::array;
use std::ops::{Add, Div, Mul, Sub};

/// Numbers of a [`Wide`].
pub const WIDTH: usize = 4;

/// A number, or several beside each other: each operation gives for each of them what it gives for one.
pub trait Number:
    Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Div<Output = Self>
{
    /// One number, at every place.
    fn splat(number: f64) -> Self;

    /// Without its sign.
    #[must_use]
    fn abs(self) -> Self;

    /// Its square root.
    #[must_use]
    fn sqrt(self) -> Self;

    /// The greater of two; the other one where neither is.
    #[must_use]
    fn greater(self, other: Self) -> Self;

    /// 0 where that of `whole` is 0.
    #[must_use]
    fn unless_zero(self, whole: Self) -> Self;
}

/// Four `f64` beside each other, in one register where the processor has one so wide.
pub trait Wide: Number {
    /// Of numbers in memory.
    fn load(numbers: &[f64; WIDTH]) -> Self;

    /// Each by itself.
    fn numbers(self) -> [f64; WIDTH];

    /// The bits of both together.
    #[must_use]
    fn or(self, other: Self) -> Self;

    /// Each one place later, behind the last one of `before`.
    #[must_use]
    fn after(self, before: Self) -> Self;

    /// First numbers, second ones, and so on.
    fn transpose(rows: [Self; WIDTH]) -> [Self; WIDTH];
}

impl Number for f64 {
    #[inline(always)]
    fn splat(number: f64) -> Self {
        number
    }

    #[inline(always)]
    fn abs(self) -> Self {
        Self::abs(self)
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        Self::sqrt(self)
    }

    #[inline(always)]
    fn greater(self, other: Self) -> Self {
        if self > other { self } else { other }
    }

    #[inline(always)]
    fn unless_zero(self, whole: Self) -> Self {
        if whole == 0.0 { 0.0 } else { self }
    }
}

/// For processors of any kind.
#[derive(Clone, Copy)]
pub(crate) struct Portable([f64; WIDTH]);

impl Portable {
    #[inline(always)]
    fn with(self, other: Self, of: impl Fn(f64, f64) -> f64) -> Self {
        Self(array::from_fn(|i| of(self.0[i], other.0[i])))
    }
}

/// The operators of a type, by what each is called.
macro_rules! operators {
    ($type:ty, $($trait:ident $name:ident $of:expr;)*) => {$(
        impl $trait for $type {
            type Output = Self;

            #[inline(always)]
            fn $name(self, other: Self) -> Self {
                $of(self, other)
            }
        }
    )*};
}

operators! {
    Portable,
    Add add |a: Self, b| a.with(b, |a, b| a + b);
    Sub sub |a: Self, b| a.with(b, |a, b| a - b);
    Mul mul |a: Self, b| a.with(b, |a, b| a * b);
    Div div |a: Self, b| a.with(b, |a, b| a / b);
}

impl Number for Portable {
    #[inline(always)]
    fn splat(number: f64) -> Self {
        Self([number; WIDTH])
    }

    #[inline(always)]
    fn abs(self) -> Self {
        Self(self.0.map(Number::abs))
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        Self(self.0.map(Number::sqrt))
    }

    #[inline(always)]
    fn greater(self, other: Self) -> Self {
        self.with(other, Number::greater)
    }

    #[inline(always)]
    fn unless_zero(self, whole: Self) -> Self {
        self.with(whole, Number::unless_zero)
    }
}

impl Wide for Portable {
    #[inline(always)]
    fn load(numbers: &[f64; WIDTH]) -> Self {
        Self(*numbers)
    }

    #[inline(always)]
    fn numbers(self) -> [f64; WIDTH] {
        self.0
    }

    #[inline(always)]
    fn or(self, other: Self) -> Self {
        self.with(other, |a, b| f64::from_bits(a.to_bits() | b.to_bits()))
    }

    #[inline(always)]
    fn after(self, before: Self) -> Self {
        let [a, b, c, _] = self.0;
        Self([before.0[3], a, b, c])
    }

    #[inline(always)]
    fn transpose(rows: [Self; WIDTH]) -> [Self; WIDTH] {
        array::from_fn(|column| Self(rows.map(|row| row.0[column])))
    }
}

/// For processors with 256 bits a register.
#[cfg(target_arch = "x86_64")]
pub(crate) use avx2::Avx2;

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use std::arch::x86_64::{
        __m256d, _CMP_NEQ_UQ, _mm256_add_pd, _mm256_and_pd, _mm256_andnot_pd, _mm256_cmp_pd, _mm256_div_pd,
        _mm256_loadu_pd, _mm256_max_pd, _mm256_mul_pd, _mm256_or_pd, _mm256_permute2f128_pd, _mm256_set1_pd,
        _mm256_setzero_pd, _mm256_shuffle_pd, _mm256_sqrt_pd, _mm256_storeu_pd, _mm256_sub_pd,
        _mm256_unpackhi_pd, _mm256_unpacklo_pd,
    };
    use std::ops::{Add, Div, Mul, Sub};

    use super::{Number, WIDTH, Wide};

    /// Made by [`widest`](crate::widest) alone, which names it where it has asked the processor for its instructions:
    /// that makes each of the calls below sound.
    #[derive(Clone, Copy)]
    pub(crate) struct Avx2(__m256d);

    operators! {
        Avx2,
        // SAFETY (of all): see the type.
        Add add |a: Self, b: Self| Self(unsafe { _mm256_add_pd(a.0, b.0) });
        Sub sub |a: Self, b: Self| Self(unsafe { _mm256_sub_pd(a.0, b.0) });
        Mul mul |a: Self, b: Self| Self(unsafe { _mm256_mul_pd(a.0, b.0) });
        Div div |a: Self, b: Self| Self(unsafe { _mm256_div_pd(a.0, b.0) });
    }

    impl Number for Avx2 {
        #[inline(always)]
        fn splat(number: f64) -> Self {
            // SAFETY: see the type.
            Self(unsafe { _mm256_set1_pd(number) })
        }

        #[inline(always)]
        fn abs(self) -> Self {
            // SAFETY: see the type.
            Self(unsafe { _mm256_andnot_pd(_mm256_set1_pd(-0.0), self.0) })
        }

        #[inline(always)]
        fn sqrt(self) -> Self {
            // SAFETY: see the type.
            Self(unsafe { _mm256_sqrt_pd(self.0) })
        }

        #[inline(always)]
        fn greater(self, other: Self) -> Self {
            // SAFETY: see the type.
            Self(unsafe { _mm256_max_pd(self.0, other.0) })
        }

        #[inline(always)]
        fn unless_zero(self, whole: Self) -> Self {
            // SAFETY: see the type.
            unsafe {
                let is_other = _mm256_cmp_pd::<_CMP_NEQ_UQ>(whole.0, _mm256_setzero_pd());
                Self(_mm256_and_pd(self.0, is_other))
            }
        }
    }

    impl Wide for Avx2 {
        #[inline(always)]
        fn load(numbers: &[f64; WIDTH]) -> Self {
            // SAFETY: see the type; there are four.
            Self(unsafe { _mm256_loadu_pd(numbers.as_ptr()) })
        }

        #[inline(always)]
        fn numbers(self) -> [f64; WIDTH] {
            let mut numbers = [0.0; WIDTH];
            // SAFETY: see the type; there is room for four.
            unsafe { _mm256_storeu_pd(numbers.as_mut_ptr(), self.0) };
            numbers
        }

        #[inline(always)]
        fn or(self, other: Self) -> Self {
            // SAFETY: see the type.
            Self(unsafe { _mm256_or_pd(self.0, other.0) })
        }

        #[inline(always)]
        fn after(self, before: Self) -> Self {
            // SAFETY: see the type.
            Self(unsafe {
                let middle = _mm256_permute2f128_pd::<0x21>(before.0, self.0);
                _mm256_shuffle_pd::<0b0101>(middle, self.0)
            })
        }

        #[inline(always)]
        fn transpose([a, b, c, d]: [Self; WIDTH]) -> [Self; WIDTH] {
            // SAFETY: see the type.
            unsafe {
                let (ab_even, ab_odd) = (_mm256_unpacklo_pd(a.0, b.0), _mm256_unpackhi_pd(a.0, b.0));
                let (cd_even, cd_odd) = (_mm256_unpacklo_pd(c.0, d.0), _mm256_unpackhi_pd(c.0, d.0));
                [
                    Self(_mm256_permute2f128_pd::<0x20>(ab_even, cd_even)),
                    Self(_mm256_permute2f128_pd::<0x20>(ab_odd, cd_odd)),
                    Self(_mm256_permute2f128_pd::<0x31>(ab_even, cd_even)),
                    Self(_mm256_permute2f128_pd::<0x31>(ab_odd, cd_odd)),
                ]
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Work, widest};

    /// What every operation gives for four numbers each.
    struct Operations([[f64; WIDTH]; WIDTH]);

    impl Work for Operations {
        type Output = Vec<[f64; WIDTH]>;

        #[inline(always)]
        fn run<V: Wide>(self) -> Self::Output {
            let rows @ [a, b, ..] = self.0.map(|row| V::load(&row));
            let single = [V::splat(self.0[0][0]), a.abs(), a.sqrt(), b.sqrt()];
            let double = [a + b, a - b, a * b, a / b, a.greater(b), a.or(b), a.unless_zero(b), a.after(b)];
            single.into_iter().chain(double).chain(V::transpose(rows)).map(V::numbers).collect()
        }
    }

    #[test]
    fn every_operation_gives_for_four_what_it_gives_for_one() {
        let special =
            [0.0, -0.0, 1.5, -2.25, f64::INFINITY, f64::NEG_INFINITY, f64::MIN_POSITIVE, 1e100, 3.0];
        let number = |i: usize| special[i % special.len()];
        // Steps without a common divisor: every one stands beside every other one.
        for start in 0..special.len() * special.len() {
            let a = array::from_fn(|i| number(start + i));
            let b: [f64; WIDTH] = array::from_fn(|i| number(start / special.len() + 2 * i));
            let rows = [a, b, array::from_fn(|i| number(i + 3)), array::from_fn(|i| number(i + 4))];
            let bits = |numbers: Vec<[f64; WIDTH]>| -> Vec<u64> {
                // Of what is no number any bits will do.
                let told = |x: &f64| if x.is_nan() { u64::MAX } else { x.to_bits() };
                numbers.as_flattened().iter().map(told).collect()
            };
            let portable = bits(Operations(rows).run::<Portable>());
            assert_eq!(bits(widest(Operations(rows))), portable);
            let each = |of: fn(f64, f64) -> f64| array::from_fn(|i| of(a[i], b[i]));
            let expected = [
                [a[0]; WIDTH],
                a.map(f64::abs),
                a.map(f64::sqrt),
                b.map(f64::sqrt),
                each(|a, b| a + b),
                each(|a, b| a - b),
                each(|a, b| a * b),
                each(|a, b| a / b),
                each(|a, b| if a > b { a } else { b }),
                each(|a, b| f64::from_bits(a.to_bits() | b.to_bits())),
                each(|a, b| if b == 0.0 { 0.0 } else { a }),
                [b[3], a[0], a[1], a[2]],
            ];
            let columns = (0..WIDTH).map(|column| rows.map(|row| row[column]));
            assert_eq!(portable, bits(expected.into_iter().chain(columns).collect()));
        }
    }
}
