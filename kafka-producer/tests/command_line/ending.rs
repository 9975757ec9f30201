//! How it ends when somebody wants it to: what was accepted is delivered, and told.

use std::io::Write as _;
use std::time::Instant;

use nix::sys::signal::Signal;

use crate::program::DEADLINE;
use crate::{cluster, ended_with, start};

#[test]
fn a_signal_ends_a_program_that_waits_for_a_line_and_is_told_what_was_delivered() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let kafka = cluster(1);
        let servers = kafka.bootstrap_servers();
        let mut running = start(&["send", "-b", &servers, "-t", "t"]);
        let mut input = running.input();
        input.write_all(b"a\nb\n").unwrap();
        let begun = Instant::now();
        while kafka.records("t").len() < 2 {
            assert!(begun.elapsed() < DEADLINE, "the lines do not arrive");
            std::thread::yield_now();
        }
        running.signal(signal);
        let ended = running.end();
        ended_with(
            &ended,
            130,
            &["interrupted", "2 records delivered", "; 0 failed"],
        );
        drop(input);
    }
}
