//! What the programs here try, as those in Python do (`../python/contract.py`), and how they say what works.

use std::error::Error;
use std::future::Future;
use std::time::Duration;

/// What is said of a thing that was tried, or why it does not work.
pub type Outcome<T = String> = Result<T, Box<dyn Error>>;

pub const CODECS: [&str; 5] = ["none", "gzip", "snappy", "lz4", "zstd"];
pub const HEADERS: [(&str, &str); 3] = [("h", "1"), ("trace", "x y"), ("h", "2")];
/// By which a group is led, and what the column of the table is called.
pub const PROTOCOLS: [(&str, &str); 2] = [("classic", "classic group"), ("consumer", "KIP-848 group")];
/// What is said of what a client does not have.
pub const NOT_IN_IT: &str = "no, not in it";

/// For one thing tried, for a consumer that has nothing to read, and for one poll.
const STEP: Duration = Duration::from_secs(120);
pub const QUIET: Duration = Duration::from_secs(1);
pub const TURN: Duration = Duration::from_millis(100);

/// The cluster's addresses.
pub fn servers() -> String {
    std::env::args().nth(1).expect("the bootstrap servers are the argument")
}

/// Says which version of the client is compiled in.
pub fn introduce(client: &str) {
    println!("{client} {}", locked(client));
}

/// The version in the lock file.
pub fn locked(package: &str) -> &'static str {
    let lock = include_str!("../Cargo.lock");
    let entry = format!("name = \"{package}\"\nversion = \"");
    let (_, version) = lock.split_once(&entry).expect("it is locked");
    version.split('"').next().unwrap_or_default()
}

pub async fn report(name: &str, step: impl Future<Output = Outcome>) {
    let said = match tokio::time::timeout(STEP, step).await {
        Ok(Ok(said)) => said,
        Ok(Err(error)) => format!("no, {error}"),
        Err(_) => format!("no, it did not end within {STEP:?}"),
    };
    println!("{name}: {}", said.split_whitespace().collect::<Vec<_>>().join(" "));
}

/// What works without a remark.
pub fn yes<T>(_: T) -> Outcome {
    Ok("yes".to_owned())
}

/// Key and value of the record in this codec.
pub fn written(codec: &str) -> (String, String) {
    (format!("key-{codec}"), format!("value of {codec}, ").repeat(20))
}

pub fn same<T: PartialEq + std::fmt::Debug>(found: T, wanted: T) -> Outcome<()> {
    match found == wanted {
        true => Ok(()),
        false => Err(format!("{found:?} instead of {wanted:?}").into()),
    }
}

/// The values of the transactions that are committed.
pub fn committed() -> Vec<String> {
    let values = ["first", "second"].into_iter();
    values
        .flat_map(|outcome| (0..3).map(move |n| format!("{outcome}-{n}")))
        .collect()
}
