//! Fuzzes for as long as it is told: `make fuzz`, or a file that failed once more.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use tradecore_fuzz::{Failure, Fuzzer, TARGETS, Target, attempt, save};

/// What was asked for.
struct Options {
    target: Option<String>,
    seconds: u64,
    seed: u64,
    /// Whether the corpus is written anew at the end.
    distils: bool,
    files: Vec<PathBuf>,
}

fn options() -> Result<Options, String> {
    let mut options = Options { target: None, seconds: 3_600, seed: 1, distils: false, files: Vec::new() };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value =
            || words.next().filter(|text| !text.is_empty()).ok_or(format!("{word} without a value"));
        let number = |text: String| text.parse().map_err(|_| format!("{text:?} is not a whole number"));
        match word.as_str() {
            "--target" => options.target = Some(value()?).filter(|name| name != "all"),
            "--seconds" => options.seconds = number(value()?)?,
            "--seed" => options.seed = number(value()?)?,
            "--distil" => options.distils = true,
            _ => options.files.push(word.into()),
        }
    }
    Ok(options)
}

fn report(target: &Target, failure: &Failure) -> std::io::Result<()> {
    let path = save(target, "regressions", &failure.input)?;
    println!("{}: {}\n{}\n  {}", target.name, failure.place, failure.message, path.display());
    Ok(())
}

/// Fuzzes one target; whether it held.
fn fuzz(target: &Target, options: &Options, time: Duration) -> std::io::Result<bool> {
    let started = Instant::now();
    let mut fuzzer = match Fuzzer::new(target, options.seed) {
        Ok(fuzzer) => fuzzer,
        Err(failure) => return report(target, &failure).map(|()| false),
    };
    while started.elapsed() < time {
        if let Err(failure) = fuzzer.step() {
            println!("seed {}, input {}", options.seed, fuzzer.tried);
            return report(target, &failure).map(|()| false);
        }
    }
    println!("{}: {} inputs, {} kept", target.name, fuzzer.tried, fuzzer.kept());
    if options.distils {
        fuzzer.distil()?;
    }
    Ok(true)
}

fn run() -> Result<bool, String> {
    let options = options()?;
    let is_wanted = |target: &&Target| options.target.as_deref().is_none_or(|name| name == target.name);
    let targets: Vec<&Target> = TARGETS.iter().filter(is_wanted).collect();
    if targets.is_empty() {
        let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
        return Err(format!("no such target; there are {}", names.join(", ")));
    }
    if let (false, [target]) = (options.files.is_empty(), &targets[..]) {
        let mut holds = true;
        for path in &options.files {
            let input = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
            if let Err(failure) = attempt(target, &input) {
                println!("{}: {}\n{}", path.display(), failure.place, failure.message);
                holds = false;
            }
        }
        return Ok(holds);
    }
    let time = Duration::from_secs(options.seconds) / targets.len() as u32;
    let mut holds = true;
    for target in targets {
        holds &= fuzz(target, &options, time).map_err(|error| error.to_string())?;
    }
    Ok(holds)
}

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::from(2)
        }
    }
}
