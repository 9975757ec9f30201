//! What would be sent is printed and not sent; and the program describes itself to shells and to man(1).

use crate::{cluster, ended_with, file, path, run, send, text};

#[test]
fn a_dry_run_prints_what_would_be_sent_and_sends_nothing() {
    let orders = file(".csv", b"id,who\n1,ann\n2,\"b\"\"b\"\n");
    let options = [
        "send",
        "-n",
        "-t",
        "t",
        "-k",
        "{who}",
        "-H",
        "id={id}",
        "--timestamp",
        "5",
    ];
    let ended = run(&[&options[..], &[path(&orders)]].concat(), b"");
    ended_with(
        &ended,
        0,
        &["2 records would be sent; rows not understood: 0"],
    );
    let expected = [
        r#"{"topic":"t","timestamp":5,"headers":["id","1"],"key":"ann","value":"{\"id\":\"1\",\"who\":\"ann\"}"}"#,
        r#"{"topic":"t","timestamp":5,"headers":["id","2"],"key":"b\"b","value":"{\"id\":\"2\",\"who\":\"b\\\"b\"}"}"#,
    ];
    assert!(ended.stdout.lines().eq(expected), "{ended:?}");
}

#[test]
fn a_dry_run_with_a_cluster_names_the_partition_that_the_record_goes_to() {
    let kafka = cluster(7);
    let input: String = (0..20)
        .map(|number| format!("key-{number}:{number}\n"))
        .collect();
    let dry = send(&kafka, &["-n", "-t", "t", "-K", ":"], input.as_bytes());
    ended_with(&dry, 0, &["20 records would be sent"]);
    assert!(kafka.records("t").is_empty());
    ended_with(
        &send(&kafka, &["-t", "t", "-K", ":"], input.as_bytes()),
        0,
        &[],
    );
    // Where each was printed to go, and where it went.
    let mut printed: Vec<(i64, String)> = dry
        .stdout
        .lines()
        .map(|line| {
            let record: serde_json::Value = serde_json::from_str(line).unwrap();
            let key = record["key"].as_str().unwrap();
            (record["partition"].as_i64().unwrap(), key.to_owned())
        })
        .collect();
    let mut went: Vec<(i64, String)> = kafka
        .records("t")
        .iter()
        .map(|record| (i64::from(record.partition), text(&record.key).unwrap()))
        .collect();
    printed.sort();
    went.sort();
    assert_eq!(printed, went);
    // What is printed can be sent.
    let again = send(&kafka, &["-f", "record"], dry.stdout.as_bytes());
    ended_with(&again, 0, &["20 records delivered"]);
    assert_eq!(kafka.records("t").len(), 40);
}

#[test]
fn a_dry_run_tells_what_cannot_be_understood() {
    let ended = run(
        &["send", "-n", "-t", "t", "-f", "json"],
        b"{\"a\":1}\n{\"a\":}\n",
    );
    ended_with(&ended, 1, &["stdin:2: it is not as expected in column 6"]);
}

#[test]
fn what_went_well_is_one_line_or_nothing() {
    let kafka = cluster(1);
    let ended = send(&kafka, &["-t", "t"], b"a\nb\n");
    let lines: Vec<&str> = ended.stderr.lines().collect();
    assert!(
        matches!(lines[..], [line] if line.starts_with("2 records delivered")),
        "{ended:?}"
    );
    let quiet = send(&kafka, &["-t", "t", "-q"], b"a\nb\n");
    ended_with(&quiet, 0, &[]);
    assert_eq!((quiet.stdout.as_str(), quiet.stderr.as_str()), ("", ""));
    // What fails is told.
    ended_with(
        &send(&kafka, &["-t", "t", "-q", "-K", ":"], b"a\n"),
        1,
        &["stdin:1: "],
    );
}

#[test]
fn shells_and_man_are_told_of_the_program() {
    for (arguments, part) in [
        (&["completions", "bash"][..], "--on-error"),
        (&["completions", "zsh"], "--on-error"),
        (&["completions", "fish"], "on-error"),
        (&["man"], ".TH"),
        (&["man", "send"], "on\\-error"),
        (&["send", "--help"], "Templates are texts with fields"),
    ] {
        let ended = run(arguments, b"");
        ended_with(&ended, 0, &[]);
        assert!(ended.stdout.contains(part), "no {part:?} in {ended:?}");
    }
    ended_with(&run(&["man", "no-such"], b""), 1, &["no-such"]);
}
