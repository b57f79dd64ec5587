//! The loop: an input is picked, changed and tried; what reaches new code is kept, what fails is made small.

use std::cell::{Cell, RefCell};
use std::fs;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook, take_hook};
use std::path::{Path, PathBuf};
use std::sync::Once;

use sha2::{Digest as _, Sha256};
use tradecore_core::random::Random;

use crate::coverage::Coverage;
use crate::mutate::mutate;
use crate::targets::Target;

/// Most files of a target's corpus, and most bytes of all of them.
const CORPUS_FILES: usize = 16;
const CORPUS_BYTES: usize = 12 << 10;

/// Most attempts that are spent on making an input smaller.
const MOST_CUTS: usize = 3_000;

/// An input that broke a rule.
#[derive(Debug, Clone)]
pub struct Failure {
    /// The input.
    pub input: Vec<u8>,
    /// File and line of the panic.
    pub place: String,
    /// What it said.
    pub message: String,
}

thread_local! {
    static IS_TRYING: Cell<bool> = const { Cell::new(false) };
    static PANIC: RefCell<(String, String)> = RefCell::default();
}

/// Keeps the panics of attempts to ourselves.
fn watch_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = take_hook();
        set_hook(Box::new(move |info: &PanicHookInfo<'_>| {
            if !IS_TRYING.get() {
                return usual(info);
            }
            let place = info.location().map(|place| format!("{}:{}", place.file(), place.line()));
            let payload = info.payload();
            let text = payload.downcast_ref::<String>().map(String::as_str);
            let message = text.or_else(|| payload.downcast_ref().copied()).unwrap_or_default().to_owned();
            PANIC.with(|panic| panic.replace((place.unwrap_or_default(), message)));
        }));
    });
}

/// Tries an input.
///
/// # Errors
/// [`Failure`] with the input as it is.
pub fn attempt(target: &Target, input: &[u8]) -> Result<(), Failure> {
    watch_panics();
    IS_TRYING.set(true);
    let outcome = catch_unwind(AssertUnwindSafe(|| (target.run)(input)));
    IS_TRYING.set(false);
    outcome.map_err(|_| {
        let (place, message) = PANIC.take();
        Failure { input: input.to_vec(), place, message }
    })
}

/// Cuts pieces and zeroes bytes for as long as the same place fails.
fn minimised(target: &Target, mut failure: Failure) -> Failure {
    let mut left = MOST_CUTS;
    let mut shrinks = |failure: &mut Failure, smaller: Vec<u8>| {
        left = left.saturating_sub(1);
        match attempt(target, &smaller) {
            Err(found) if left > 0 && found.place == failure.place => {
                *failure = found;
                true
            }
            _ => false,
        }
    };
    let mut size = failure.input.len().div_ceil(2);
    while size > 0 {
        let (mut at, mut cut) = (0, false);
        while at < failure.input.len() {
            let end = failure.input.len().min(at + size);
            let smaller = [&failure.input[..at], &failure.input[end..]].concat();
            if shrinks(&mut failure, smaller) { cut = true } else { at = end }
        }
        size = if cut && size < failure.input.len() { size } else { size / 2 };
    }
    for at in 0..failure.input.len() {
        let mut smaller = failure.input.clone();
        if smaller.get(at).is_some_and(|byte| *byte != 0) {
            smaller[at] = 0;
            shrinks(&mut failure, smaller);
        }
    }
    failure
}

/// Folder of a target's files in the repository: `corpus` or `regressions`.
fn folder(target: &Target, what: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(what).join(target.name)
}

/// The files of a folder in order of their names; none where there is no folder.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    paths.into_iter().filter_map(|path| Some((path.clone(), fs::read(path).ok()?))).collect()
}

/// Writes an input into `corpus` or `regressions`, named by its hash.
///
/// # Errors
/// When it cannot be written.
pub fn save(target: &Target, what: &str, input: &[u8]) -> std::io::Result<PathBuf> {
    let (folder, hash) = (folder(target, what), Sha256::digest(input));
    let name: String = hash[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(&name), input)?;
    Ok(folder.join(name))
}

/// A target being fuzzed.
pub struct Fuzzer<'a> {
    target: &'a Target,
    random: Random,
    corpus: Vec<Vec<u8>>,
    coverage: Coverage,
    /// Inputs tried so far.
    pub tried: u64,
}

impl<'a> Fuzzer<'a> {
    /// Begins with the target's seeds, its corpus and its regressions, each tried as it is.
    ///
    /// # Errors
    /// [`Failure`] when one of them fails.
    pub fn new(target: &'a Target, seed: u64) -> Result<Self, Failure> {
        // Every target draws numbers of its own.
        let stream = target.name.bytes().fold(0, |sum: u64, byte| sum.wrapping_mul(31) + u64::from(byte));
        let random = Random::new(seed, stream);
        let mut fuzzer = Self { target, random, corpus: Vec::new(), coverage: Coverage::default(), tried: 0 };
        let mut known = (target.seeds)();
        for what in ["corpus", "regressions"] {
            known.extend(files(&folder(target, what)).into_iter().map(|(_, input)| input));
        }
        for input in known {
            fuzzer.try_one(&input)?;
            fuzzer.corpus.push(input);
        }
        Ok(fuzzer)
    }

    /// Whether an input reached new code.
    fn try_one(&mut self, input: &[u8]) -> Result<bool, Failure> {
        self.tried += 1;
        Coverage::start();
        attempt(self.target, input)?;
        Ok(self.coverage.end() > 0)
    }

    /// How many inputs it goes on from.
    pub fn kept(&self) -> usize {
        self.corpus.len()
    }

    /// Tries another input, and keeps it where it reached new code.
    ///
    /// # Errors
    /// [`Failure`], made small.
    pub fn step(&mut self) -> Result<(), Failure> {
        let newest = (self.corpus.len() / 4).max(1) as u64;
        let at = match self.corpus.len() as u64 {
            0 => None,
            // What was found last leads on more often.
            len if self.random.chance(0.5) => Some(len - 1 - self.random.below(newest)),
            len => Some(self.random.below(len)),
        };
        let mut input = at.map(|at| self.corpus[at as usize].clone()).unwrap_or_default();
        mutate(&mut self.random, &mut input, self.target.tokens, &self.corpus);
        if self.try_one(&input).map_err(|failure| minimised(self.target, failure))? {
            self.corpus.push(input);
        }
        Ok(())
    }

    /// Writes the corpus anew: of what is known, a few short inputs that reach most of what the seeds do not.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn distil(&self) -> std::io::Result<()> {
        let reached = |coverage: &mut Coverage, input: &[u8]| {
            Coverage::start();
            // What is known did not fail.
            let _ = attempt(self.target, input);
            coverage.end()
        };
        let (mut coverage, mut bytes) = (Coverage::default(), 0);
        for seed in (self.target.seeds)() {
            reached(&mut coverage, &seed);
        }
        let old = folder(self.target, "corpus");
        if old.is_dir() {
            fs::remove_dir_all(old)?;
        }
        for _ in 0..CORPUS_FILES {
            let fits = self.corpus.iter().filter(|input| bytes + input.len() <= CORPUS_BYTES);
            // What is reached for each byte, files being no use for less than a few.
            let worth = |input: &&Vec<u8>| reached(&mut coverage.clone(), input) * 1_000 / (input.len() + 64);
            let Some(best) = fits.max_by_key(worth).filter(|input| worth(input) > 0) else { break };
            reached(&mut coverage, best);
            bytes += best.len();
            save(self.target, "corpus", best)?;
        }
        Ok(())
    }
}
