//! Text as services log it: the same bytes on every machine, about four times smaller compressed.

use std::fmt::Write as _;

/// So many bytes of lines, each different from the others.
pub(crate) fn log_text(bytes: usize) -> Vec<u8> {
    const LEVELS: [&str; 4] = ["INFO", "DEBUG", "WARN", "ERROR"];
    const PATHS: [&str; 4] = ["/api/v1/orders", "/api/v1/cart", "/login", "/healthz"];
    const WORDS: [&str; 8] = [
        "request",
        "completed",
        "cache",
        "miss",
        "upstream",
        "timeout",
        "payment",
        "accepted",
    ];
    let mut random = fastrand::Rng::with_seed(42);
    let mut text = String::with_capacity(bytes + 256);
    let mut time_ms = 1_760_000_000_000_u64;
    while text.len() < bytes {
        time_ms += random.u64(..40);
        let (level, path) = (LEVELS[random.usize(..4)], PATHS[random.usize(..4)]);
        let (trace, latency) = (random.u64(..), random.u32(..50_000));
        let _ = write!(
            text,
            "{{\"ts\":{time_ms},\"level\":\"{level}\",\"trace\":\"{trace:016x}\",\
             \"path\":\"{path}\",\"latency_us\":{latency},\"msg\":\""
        );
        for _ in 0..random.usize(4..12) {
            text.push_str(WORDS[random.usize(..8)]);
            text.push(' ');
        }
        text.push_str("\"}\n");
    }
    text.truncate(bytes);
    text.into_bytes()
}
