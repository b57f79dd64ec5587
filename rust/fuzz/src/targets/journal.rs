//! A damaged journal: its entries are read or refused, and what is read is a session like any other.

use tradecore_core::kernel::entries;

use super::{Target, session};

pub(super) const TARGET: Target = Target {
    name: "journal",
    run,
    seeds: || {
        let journal = session::journal(300);
        let mut reader = entries(&journal);
        let mut ends = Vec::new();
        while reader.next().is_some() {
            ends.push(reader.position());
        }
        // The start of a session, and some of its middle.
        [(0, 12), (0, 40), (20, 60)]
            .map(|(from, to)| {
                let place = |at: usize| if at == 0 { 0 } else { ends[at.min(ends.len()) - 1] };
                journal[place(from)..place(to)].to_vec()
            })
            .to_vec()
    },
    tokens: &["\u{1}", "\u{3}", "\u{8}", "test-0-1"],
    iterations: 1_000,
};

fn run(input: &[u8]) {
    let (mut reader, mut sound, mut failed) = (entries(input), Vec::new(), 0);
    while let Some(entry) = reader.next() {
        assert!(reader.position() <= input.len());
        match entry {
            Ok(entry) => sound.push(entry),
            Err(_) => failed += 1,
        }
    }
    assert!(failed <= 1, "nothing comes after an error");
    session::check(&session::inputs(sound));
}
