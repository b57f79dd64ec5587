//! A damaged state: it is refused, or the kernel that comes of it saves what it has loaded and goes on.

use std::sync::OnceLock;

use super::Target;
use tradecore_core::kernel::entries;

use super::session::{Inputs, feed, inputs, journal, kernel, load, same};

pub(super) const TARGET: Target = Target {
    name: "state",
    run,
    seeds: || {
        let (inputs, mut kernel) = (session(), kernel());
        let mut states = vec![kernel.save().expect("nothing was sent")];
        for (at, (time, input)) in inputs.iter().enumerate() {
            kernel.handle(*time, input.as_input()).expect("a sound input");
            kernel.drain();
            if at == 30 || at == 60 {
                states.push(kernel.save().expect("everything has been drained"));
            }
        }
        states
    },
    tokens: &["test", "A.TEST", "m0", "l2"],
    iterations: 1_000,
};

fn session() -> &'static Inputs {
    static INPUTS: OnceLock<Inputs> = OnceLock::new();
    INPUTS.get_or_init(|| inputs(entries(&journal(200)).map_while(Result::ok)))
}

fn run(input: &[u8]) {
    let Ok(mut loaded) = load(input) else { return };
    let saved = loaded.save().expect("nothing was sent");
    let mut again = load(&saved).expect("a state that was saved is loaded");
    assert_eq!(again.save().as_ref(), Ok(&saved));
    let rest = &session()[session().len() / 2..];
    same(&feed(loaded, rest, usize::MAX), &feed(again, rest, 20));
}
