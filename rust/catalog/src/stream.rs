//! Parts read ahead by threads that streams share.
//!
//! A [`ReadAhead`] has a few threads for any number of streams, which take turns: one piece each. Of a stream so many
//! pieces are in memory as its budget holds, two at the least: one is used while the next is made. Pieces are small
//! enough to go from the reading thread to the using one through the processor's caches, and smaller where the budget
//! of a stream is. Whoever needs a piece that is not there reads it himself, so a run that begins with a thousand
//! streams waits for no thread. A part's file is open only while something is read from it.
//!
//! A stream ends with its last piece, with the first error, or when it is dropped, which waits for a piece that is
//! being read. The threads end with the last stream, once nobody can start another.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle, available_parallelism};

use crate::error::PartError;
use crate::packed::PackedColumns;
use crate::part::{Part, PartFile, PartReader, Wanted};

/// Pieces that are in memory whatever the budget: the one in use and the one being made.
const LEAST_PIECES: usize = 2;
/// Rows of a piece whatever the budget: with fewer the pieces cost more than their rows.
const LEAST_ROWS: usize = 1 << 10;
/// Threads of a [`ReadAhead`]. Reading a row takes less than using it, so that few keep up with one run.
const MOST_THREADS: usize = 4;

/// What a stream reads, and how far ahead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamConfig {
    /// What is wanted of every part.
    pub wanted: Wanted,
    /// Most rows of a piece.
    pub piece_rows: usize,
    /// About how many bytes of columns may be in memory at a time; two pieces of 1,024 rows at the least.
    pub budget_bytes: usize,
}

impl StreamConfig {
    fn row_bytes(&self) -> usize {
        19 + 2 * 8 + if self.wanted.with_ids { 8 } else { 0 }
    }

    /// Rows of a piece: as many as asked for where the budget holds two such pieces.
    fn rows(&self) -> usize {
        let affordable = self.budget_bytes / LEAST_PIECES / self.row_bytes();
        self.piece_rows.max(1).min(affordable.max(LEAST_ROWS))
    }

    /// How many pieces may be ready beside the one in use.
    fn ready(&self) -> usize {
        let pieces = self.budget_bytes / self.rows().saturating_mul(self.row_bytes());
        pieces.max(LEAST_PIECES) - 1
    }
}

type Piece = Result<PackedColumns, PartError>;

/// Threads that read streams ahead.
pub struct ReadAhead(Arc<Pool>);

impl ReadAhead {
    /// None yet: they start with the streams.
    pub fn new() -> Self {
        // Asked once: the system reads files to tell.
        let most = available_parallelism().map_or(1, |threads| threads.get() - 1).clamp(1, MOST_THREADS);
        let work = Mutex::new(Work { users: 1, ..Work::default() });
        Self(Arc::new(Pool { most, work, more: Condvar::new() }))
    }

    /// Starts to read the parts of a stream.
    ///
    /// # Errors
    /// [`std::io::Error`] when the system has no thread left.
    pub fn stream(&self, parts: Vec<PartFile>, config: StreamConfig) -> std::io::Result<EventStream> {
        let track = Arc::new(Track {
            config,
            state: Mutex::new(State {
                ready: VecDeque::new(),
                reading: Some(Reading { parts: parts.into(), open: None }),
                is_queued: true,
            }),
            made: Condvar::new(),
        });
        let mut work = self.0.lock();
        if work.threads.len() < self.0.most {
            let pool = Arc::clone(&self.0);
            let thread = Builder::new().name("tradecore-read".into()).spawn(move || pool.run())?;
            work.threads.push(thread);
        }
        work.users += 1;
        work.queue.push_back(Arc::clone(&track));
        self.0.call(work);
        Ok(EventStream { pool: Some(Arc::clone(&self.0)), track })
    }
}

impl Default for ReadAhead {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for ReadAhead {
    fn drop(&mut self) {
        self.0.leave();
    }
}

/// What the threads and their users share.
struct Pool {
    /// Threads there are at most.
    most: usize,
    work: Mutex<Work>,
    /// Notified when there is more to do, or never again.
    more: Condvar,
}

#[derive(Default)]
struct Work {
    /// Streams that have room for a piece.
    queue: VecDeque<Arc<Track>>,
    threads: Vec<JoinHandle<()>>,
    /// Threads that wait for something to do.
    idle: usize,
    /// Those who may still ask for something; with the last the threads end.
    users: usize,
}

impl Pool {
    fn lock(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn queue(&self, track: &Arc<Track>) {
        let mut work = self.lock();
        work.queue.push_back(Arc::clone(track));
        self.call(work);
    }

    /// Calls a thread to the queue, if one is idle: the others look at it before they are.
    fn call(&self, work: MutexGuard<'_, Work>) {
        let is_idle = work.idle > 0;
        drop(work);
        if is_idle {
            self.more.notify_one();
        }
    }

    /// What a thread does.
    fn run(&self) {
        let mut work = self.lock();
        while work.users > 0 {
            let Some(track) = work.queue.pop_front() else {
                work.idle += 1;
                work = self.more.wait(work).unwrap_or_else(PoisonError::into_inner);
                work.idle -= 1;
                continue;
            };
            drop(work);
            if track.read_ahead() {
                self.queue(&track);
            }
            work = self.lock();
        }
    }

    /// A user is gone; the last one waits for the threads.
    fn leave(&self) {
        let mut work = self.lock();
        work.users -= 1;
        if work.users == 0 {
            let threads = std::mem::take(&mut work.threads);
            drop(work);
            self.more.notify_all();
            for thread in threads {
                // It catches what panics in it; there is nothing to be told.
                let _ = thread.join();
            }
        }
    }
}

/// A stream, as those who read it and those who use it see it.
struct Track {
    config: StreamConfig,
    state: Mutex<State>,
    /// Notified when a piece has been read.
    made: Condvar,
}

struct State {
    ready: VecDeque<Piece>,
    /// What is left to read; nobody else has it while it is here.
    reading: Option<Reading>,
    /// Whether the threads will look at it.
    is_queued: bool,
}

impl State {
    fn has_room(&self, config: &StreamConfig) -> bool {
        self.reading.as_ref().is_some_and(|reading| !reading.is_done()) && self.ready.len() < config.ready()
    }
}

impl Track {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads a piece ahead if there is room. Returns whether there is room for one more.
    fn read_ahead(&self) -> bool {
        let mut state = self.lock();
        if state.has_room(&self.config)
            && let Some(mut reading) = state.reading.take()
        {
            drop(state);
            let piece = reading.next(&self.config);
            state = self.lock();
            state.ready.extend(piece);
            state.reading = Some(reading);
            self.made.notify_all();
        }
        state.is_queued = state.has_room(&self.config);
        state.is_queued
    }

    /// The next piece, read here where it is not there.
    fn take(&self) -> Option<Piece> {
        let mut state = self.lock();
        loop {
            if let Some(piece) = state.ready.pop_front() {
                return Some(piece);
            }
            if let Some(mut reading) = state.reading.take() {
                drop(state);
                let piece = reading.next(&self.config);
                self.lock().reading = Some(reading);
                return piece;
            }
            state = self.made.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Whether the threads have to be told of it; they then are.
    fn needs_queue(&self) -> bool {
        let mut state = self.lock();
        let needs = !state.is_queued && state.has_room(&self.config);
        state.is_queued |= needs;
        needs
    }

    /// Ends it: waits for a piece that is being read, and forgets what is left.
    fn close(&self) {
        let mut state = self.lock();
        while state.reading.is_none() {
            state = self.made.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.ready.clear();
        state.reading = Some(Reading { parts: VecDeque::new(), open: None });
    }
}

/// The events of an instrument's parts, in order.
pub struct EventStream {
    pool: Option<Arc<Pool>>,
    track: Arc<Track>,
}

impl EventStream {
    /// Starts to read, with threads of its own.
    ///
    /// # Errors
    /// [`std::io::Error`] when the system has no thread left.
    pub fn start(parts: Vec<PartFile>, config: StreamConfig) -> std::io::Result<Self> {
        ReadAhead::new().stream(parts, config)
    }

    /// The next piece, never an empty one; `None` at the end, and after an error.
    ///
    /// # Errors
    /// [`PartError`] naming the part that cannot be read.
    pub fn next_piece(&mut self) -> Result<Option<PackedColumns>, PartError> {
        let Some(pool) = &self.pool else { return Ok(None) };
        let next = self.track.take().transpose();
        if !matches!(next, Ok(Some(_))) {
            self.close();
        } else if self.track.needs_queue() {
            pool.queue(&self.track);
        }
        next
    }

    /// Ends the stream; nothing is read for it any more, and nothing comes.
    pub fn close(&mut self) {
        if let Some(pool) = self.pool.take() {
            self.track.close();
            pool.leave();
        }
    }
}

impl Drop for EventStream {
    fn drop(&mut self) {
        self.close();
    }
}

/// What is left to read of a stream.
struct Reading {
    parts: VecDeque<PartFile>,
    /// The part being read.
    open: Option<PartReader>,
}

impl Reading {
    /// Whether nothing is left.
    fn is_done(&self) -> bool {
        self.open.is_none() && self.parts.is_empty()
    }

    /// The next piece; nothing is left behind an error.
    fn next(&mut self, config: &StreamConfig) -> Option<Piece> {
        let read = self.read(config);
        if read.is_err() {
            (self.open, self.parts) = (None, VecDeque::new());
        }
        read.transpose()
    }

    fn read(&mut self, config: &StreamConfig) -> Result<Option<PackedColumns>, PartError> {
        loop {
            if let Some(reader) = &mut self.open {
                let piece = reader.next(config.rows())?;
                if reader.is_done() {
                    self.open = None;
                }
                match piece {
                    Some(piece) if !piece.is_empty() => return Ok(Some(piece)),
                    _ => continue,
                }
            }
            let Some(file) = self.parts.pop_front() else { return Ok(None) };
            let is_wanted = file.kinds & config.wanted.kinds != 0;
            // What nobody wants is looked at all the same, so that a run does not hide that it is not there.
            let part = Part::open(file)?;
            self.open = is_wanted.then(|| part.read(config.wanted));
        }
    }
}
