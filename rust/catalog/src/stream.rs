//! Parts read ahead by a thread of their own.
//!
//! Of a stream so many pieces are in memory as its budget holds, two at the least: one is used while the next is made.
//! Pieces are small enough to go from the reading thread to the using one through the processor's caches. The thread
//! ends with the last piece, with the first error, or at the latest one piece after the stream is dropped, which
//! waits for it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};

use crate::error::{PartError, PartProblem};
use crate::packed::PackedColumns;
use crate::part::{Part, Wanted};

/// Pieces that are in memory whatever the budget: the one in use and the one being made.
const LEAST_PIECES: usize = 2;

/// A part to read, and what is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartFile {
    /// The file.
    pub path: PathBuf,
    /// Rows it should hold.
    pub rows: u64,
    /// Kinds of rows it holds, as bits: kind `k` is bit `k`.
    pub kinds: u32,
}

/// What a stream reads, and how far ahead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamConfig {
    /// What is wanted of every part.
    pub wanted: Wanted,
    /// Most rows of a piece.
    pub piece_rows: usize,
    /// About how many bytes of columns may be in memory at a time; two pieces at the least.
    pub budget_bytes: usize,
}

impl StreamConfig {
    /// How many pieces may wait between the one being made and the one in use.
    fn waiting(&self) -> usize {
        let row_bytes = 19 + 2 * 8 + if self.wanted.with_ids { 8 } else { 0 };
        let piece_bytes = self.piece_rows.max(1).saturating_mul(row_bytes);
        (self.budget_bytes / piece_bytes).saturating_sub(LEAST_PIECES)
    }
}

type Piece = Result<PackedColumns, PartError>;

/// The events of an instrument's parts, in order.
pub struct EventStream {
    pieces: Option<Receiver<Piece>>,
    closed: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl EventStream {
    /// Starts to read.
    ///
    /// # Errors
    /// [`std::io::Error`] when the system has no thread left.
    pub fn start(parts: Vec<PartFile>, config: StreamConfig) -> std::io::Result<Self> {
        let (sender, pieces) = sync_channel(config.waiting());
        let closed = Arc::new(AtomicBool::new(false));
        let reading = Reading { sender, closed: Arc::clone(&closed), config };
        let thread = Builder::new().name("tradecore-read".into()).spawn(move || reading.run(&parts))?;
        Ok(Self { pieces: Some(pieces), closed, thread: Some(thread) })
    }

    /// The next piece, never an empty one; `None` at the end, and after an error.
    ///
    /// # Errors
    /// [`PartError`] naming the part that cannot be read.
    pub fn next_piece(&mut self) -> Result<Option<PackedColumns>, PartError> {
        let next = self.pieces.as_ref().and_then(|pieces| pieces.recv().ok()).transpose();
        if !matches!(next, Ok(Some(_))) {
            self.close();
        }
        next
    }

    /// Ends the reading thread and waits for it; nothing comes any more.
    pub fn close(&mut self) {
        self.closed.store(true, Ordering::Relaxed);
        self.pieces = None;
        if let Some(thread) = self.thread.take() {
            // It catches its own panics; there is nothing to be told.
            let _ = thread.join();
        }
    }
}

impl Drop for EventStream {
    fn drop(&mut self) {
        self.close();
    }
}

/// What the reading thread has.
struct Reading {
    sender: SyncSender<Piece>,
    closed: Arc<AtomicBool>,
    config: StreamConfig,
}

/// Why a part was not read to its end.
enum Stop {
    /// Nobody takes the pieces any more.
    Closed,
    Failed(PartError),
}

impl From<PartError> for Stop {
    fn from(error: PartError) -> Self {
        Self::Failed(error)
    }
}

impl Reading {
    fn run(self, parts: &[PartFile]) {
        for part in parts {
            // A file that is damaged in a way its decoder did not think of ends this stream, not the process.
            let read = catch_unwind(AssertUnwindSafe(|| self.read(part))).unwrap_or_else(|_| {
                let problem = PartProblem::Unreadable("its pages contradict each other".into());
                Err(Stop::Failed(problem.of(&part.path)))
            });
            match read {
                Ok(()) => {}
                Err(Stop::Closed) => return,
                Err(Stop::Failed(error)) => {
                    // Where nobody takes it any more nobody wants to know.
                    let _ = self.sender.send(Err(error));
                    return;
                }
            }
        }
    }

    fn read(&self, file: &PartFile) -> Result<(), Stop> {
        let StreamConfig { wanted, piece_rows, .. } = self.config;
        let part = Part::open(&file.path, file.rows)?;
        if file.kinds & wanted.kinds == 0 {
            return Ok(());
        }
        let mut reader = part.read(wanted, file.kinds);
        loop {
            if self.closed.load(Ordering::Relaxed) {
                return Err(Stop::Closed);
            }
            let Some(piece) = reader.next(piece_rows)? else { return Ok(()) };
            if !piece.is_empty() {
                self.sender.send(Ok(piece)).map_err(|_| Stop::Closed)?;
            }
        }
    }
}
