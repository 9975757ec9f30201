//! A transactional outbox: rows of a database, each of them in Kafka exactly once, whenever the program ends.
//!
//! A program of yours writes to its own tables and to `outbox` in one transaction of its database. This one sends the
//! rows in a transaction of Kafka, prepares that (KIP-939), and then says in one transaction of the database that the
//! rows are sent and which transaction is prepared. That decides: after a restart what is stored is committed, and
//! what is not is aborted.
//!
//! ```text
//! cargo run -p examples --features outbox --bin outbox -- localhost:9092 outbox.sqlite
//! ```
//!
//! The brokers need `transaction.two.phase.commit.enable=true`, and those of Apache Kafka 4.4
//! `unstable.api.versions.enable=true`. With the name of a step as the third argument the program ends there
//! (`sent`, `prepared`, `stored`, `committed`), as if it were killed: start it again, and see.

#![allow(clippy::print_stdout, reason = "showing what happens is its purpose")]

use std::env;
use std::error::Error;
use std::process;
use std::time::Duration;

use kafka_producer::blocking::{PreparedTransaction, Producer};
use kafka_producer::{CompletedTxn, PreparedTxnState, ProducerRecord};
use rusqlite::{Connection, OptionalExtension};

const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS outbox (id INTEGER PRIMARY KEY, value TEXT NOT NULL, sent INTEGER NOT NULL DEFAULT 0);
    CREATE TABLE IF NOT EXISTS prepared (only INTEGER PRIMARY KEY CHECK (only = 1), state TEXT NOT NULL);
";

/// Rows in one transaction.
const ROWS_MAX: i64 = 10;

/// A row that is not sent yet.
struct Row {
    id: i64,
    value: String,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let servers = arguments.next().unwrap_or_else(|| "localhost:9092".into());
    let path = arguments.next().unwrap_or_else(|| "outbox.sqlite".into());
    let last_step = arguments.next();
    let reached = |step: &str| {
        if last_step.as_deref() == Some(step) {
            process::abort();
        }
    };

    let mut database = Connection::open(path)?;
    database.execute_batch(TABLES)?;
    let producer: Producer<str, str> = Producer::builder()
        .bootstrap_servers([servers])
        .set("transactional.id", "outbox-1") // one per database: a successor fences its predecessor
        .set("transaction.two.phase.commit.enable", "true")
        .build()?;

    // In place of `init_transactions`.
    match producer.complete_transaction(stored(&database)?)? {
        CompletedTxn::Committed => println!("what was stored is committed"),
        _ => println!("nothing was left to commit"),
    }

    loop {
        let rows = unsent(&database)?;
        if rows.is_empty() {
            break;
        }
        let transaction = producer.begin_transaction()?;
        for row in &rows {
            transaction.send_and_forget(ProducerRecord::new("orders", &*row.value))?;
        }
        reached("sent");
        let prepared = transaction.prepare()?; // fails if a record has failed
        reached("prepared");
        store(&mut database, &rows, &prepared)?;
        reached("stored");
        prepared.commit()?;
        reached("committed");
        println!("{} rows sent", rows.len());
    }
    producer.close(Duration::from_secs(30))?;
    Ok(())
}

fn unsent(database: &Connection) -> rusqlite::Result<Vec<Row>> {
    let mut query =
        database.prepare("SELECT id, value FROM outbox WHERE sent = 0 ORDER BY id LIMIT ?1")?;
    let rows = query.query_map([ROWS_MAX], |row| {
        Ok(Row {
            id: row.get(0)?,
            value: row.get(1)?,
        })
    })?;
    rows.collect()
}

/// Says that the rows are sent, and what is to be committed for it: together, or not at all.
fn store(
    database: &mut Connection,
    rows: &[Row],
    prepared: &PreparedTransaction<'_>,
) -> rusqlite::Result<()> {
    let both = database.transaction()?;
    for row in rows {
        both.execute("UPDATE outbox SET sent = 1 WHERE id = ?1", [row.id])?;
    }
    let state = prepared.state().to_string();
    both.execute("INSERT OR REPLACE INTO prepared VALUES (1, ?1)", [state])?;
    both.commit()
}

fn stored(database: &Connection) -> Result<Option<PreparedTxnState>, Box<dyn Error>> {
    let mut query = database.prepare("SELECT state FROM prepared")?;
    let state: Option<String> = query.query_row([], |row| row.get(0)).optional()?;
    Ok(state.map(|state| state.parse()).transpose()?)
}
