//! Which code an input reaches, from the counters of `-C instrument-coverage`, which is stable.

/// What has been reached so far, as classes of how often.
#[derive(Default, Clone)]
pub(crate) struct Coverage {
    seen: Vec<u8>,
}

impl Coverage {
    /// Starts an input.
    pub(crate) fn start() {
        counters().fill(0);
    }

    /// Ends an input; how much it reached for the first time, or more often than any before.
    pub(crate) fn end(&mut self) -> usize {
        let counters = counters();
        self.seen.resize(counters.len(), 0);
        let mut new = 0;
        for (count, seen) in counters.iter().zip(&mut self.seen) {
            let class = match count {
                0 => continue,
                1..4 => 1 << (count - 1),
                4..128 => 1 << count.ilog2().min(6),
                _ => 1 << 7,
            };
            new += usize::from(*seen & class == 0);
            *seen |= class;
        }
        new
    }
}

#[cfg(not(feature = "guided"))]
fn counters() -> &'static mut [u64] {
    &mut []
}

/// The counters of the whole program.
#[cfg(feature = "guided")]
fn counters() -> &'static mut [u64] {
    unsafe extern "C" {
        fn __llvm_profile_begin_counters() -> *mut u64;
        fn __llvm_profile_end_counters() -> *mut u64;
    }
    // SAFETY: the runtime keeps the counters in one piece of static memory. Only this module looks at them in between;
    // a thread that reads ahead may count meanwhile, which at worst miscounts.
    unsafe {
        let (start, end) = (__llvm_profile_begin_counters(), __llvm_profile_end_counters());
        std::slice::from_raw_parts_mut(start, end.offset_from(start).unsigned_abs())
    }
}
