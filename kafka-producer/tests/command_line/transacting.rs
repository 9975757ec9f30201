//! Files, or so many records, become visible as a whole or not at all.

use crate::{cluster, ended_with, file, path, send};

const TRANSACTIONAL: [&str; 5] = ["-t", "t", "-X", "transactional.id=i", "--transaction"];

fn committed(kafka: &kafka_mock::MockCluster) -> Vec<String> {
    let records = kafka.committed_records("t").into_iter();
    records
        .map(|record| String::from_utf8(record.value.unwrap().to_vec()).unwrap())
        .collect()
}

#[test]
fn each_file_is_a_transaction_and_one_with_a_bad_row_is_aborted() {
    let kafka = cluster(1);
    let good = file(".txt", b"1:a\n2:b\n");
    let bad = file(".txt", b"3:c\nno key\n");
    let options = [&TRANSACTIONAL[..], &["file", "-K", ":"]].concat();
    let files = [path(&good), path(&good), path(&bad), path(&good)];
    let ended = send(&kafka, &[&options[..], &files].concat(), b"");
    let said = [
        "none of its records is visible (1)",
        "; transactions committed: 2, with 4 records; records not committed: 1",
        ":2: it has no key",
    ];
    ended_with(&ended, 1, &said);
    assert_eq!(committed(&kafka), ["a", "b", "a", "b"]);
}

#[test]
fn so_many_records_are_a_transaction_and_the_last_one_may_be_smaller() {
    let kafka = cluster(1);
    let options = [&TRANSACTIONAL[..], &["4"]].concat();
    let ended = send(&kafka, &options, b"1\n2\n3\n4\n5\n6\n7\n8\n9\n");
    ended_with(&ended, 0, &["; transactions committed: 3, with 9 records"]);
    assert_eq!(committed(&kafka).len(), 9);
}
