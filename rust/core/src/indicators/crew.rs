//! Threads that wait for work beside their caller's: one that waits begins in a tenth of a millisecond, one that has to
//! be made may stand behind its maker for a whole one.

use std::process;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError, TryLockError};
use std::thread::available_parallelism;

use rayon_core::{ThreadPool, ThreadPoolBuilder};

struct Crew {
    pool: Mutex<ThreadPool>,
    /// A fork does not bring the threads along.
    process: u32,
}

/// Does a work with each of some items, here and on some of up to `threads - 1` others; returns when all is done.
///
/// Whoever is free takes the next item. Others are there for one caller at a time: who comes meanwhile, or in a process
/// that was forked, works alone.
pub(super) fn share_out<T>(threads: usize, items: impl Iterator<Item = T> + Send, work: impl Fn(T) + Sync) {
    let left = Mutex::new(items);
    let share = || {
        loop {
            let next = left.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some(item) = next else { return };
            work(item);
        }
    };
    let Some(pool) = (threads > 1).then(others).flatten() else { return share() };
    pool.in_place_scope(|scope| {
        for _ in 1..threads.min(1 + pool.current_num_threads()) {
            scope.spawn(|_| share());
        }
        share();
    });
}

/// The other threads, if they are here and free.
fn others() -> Option<MutexGuard<'static, ThreadPool>> {
    static CREW: OnceLock<Option<Crew>> = OnceLock::new();
    let crew = CREW.get_or_init(crew).as_ref().filter(|crew| crew.process == process::id())?;
    match crew.pool.try_lock() {
        Ok(pool) => Some(pool),
        Err(TryLockError::Poisoned(error)) => Some(error.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

/// How many threads work off so many rows: to wake one costs as much as some thousands of them.
pub fn threads_for(rows: usize) -> usize {
    const WORTH: usize = 50_000;
    if rows < WORTH { 1 } else { processors() }
}

/// Threads that work at most, the caller's with them.
fn processors() -> usize {
    const MOST: usize = 8;
    available_parallelism().map_or(1, |count| count.get().min(MOST))
}

/// One for each processor but the caller's; `None` where there is no other, or the system has no more threads.
fn crew() -> Option<Crew> {
    let count = processors() - 1;
    let builder = ThreadPoolBuilder::new().num_threads(count).thread_name(|_| "tradecore-work".to_owned());
    let pool = (count > 0).then(|| builder.build().ok()).flatten()?;
    Some(Crew { pool: Mutex::new(pool), process: process::id() })
}
