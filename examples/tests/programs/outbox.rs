//! The outbox, killed after each of its steps.

use std::path::Path;

use kafka_mock::MockCluster;
use kafka_mock::cluster::{ClusterConfig, TwoPhaseCommit};
use rusqlite::Connection;

use crate::{run, values};

/// More than two transactions of the program.
const ROWS: usize = 25;

const STEPS: [&str; 4] = ["sent", "prepared", "stored", "committed"];

fn cluster(two_phase: TwoPhaseCommit) -> MockCluster {
    let config = ClusterConfig::default()
        .with_brokers(3)
        .with_two_phase_commit(two_phase);
    let builder = MockCluster::builder().config(config).topic("orders", 3);
    builder.start_blocking().unwrap()
}

fn fill(path: &Path) -> Vec<String> {
    let database = Connection::open(path).unwrap();
    let table = "CREATE TABLE outbox (id INTEGER PRIMARY KEY, value TEXT NOT NULL, sent INTEGER NOT NULL DEFAULT 0)";
    database.execute(table, []).unwrap();
    let mut orders: Vec<String> = (0..ROWS).map(|cups| format!("{cups} x tea")).collect();
    for order in &orders {
        let inserted = database.execute("INSERT INTO outbox (value) VALUES (?1)", [order]);
        inserted.unwrap();
    }
    orders.sort_unstable();
    orders
}

#[test]
fn outbox_sends_each_row_once_wherever_it_is_killed() {
    for two_phase in [TwoPhaseCommit::On, TwoPhaseCommit::WithoutKeeping] {
        for step in STEPS {
            let kafka = cluster(two_phase);
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("outbox.sqlite");
            let orders = fill(&path);
            let servers = kafka.bootstrap_servers();
            let database = path.to_str().unwrap();
            let outbox = |arguments: &[&str]| run(env!("CARGO_BIN_EXE_outbox"), arguments);
            // Twice: what the second one finds is what the first has left.
            for _ in 0..2 {
                let killed = outbox(&[&servers, database, step]);
                assert!(!killed.status.success(), "{step}: {killed:?}");
            }
            let output = outbox(&[&servers, database]);
            assert!(output.status.success(), "{step}: {output:?}");
            assert_eq!(values(&kafka.committed_records("orders")), orders, "{step}");
        }
    }
}
