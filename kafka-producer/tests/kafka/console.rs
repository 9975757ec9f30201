//! The program `kafka-produce`: what is in files comes back exactly.

use std::io::Write;

use crate::cluster::{create_topic, servers};
use crate::tools::{console_consumer, kcat, program};

const LINES: usize = 50_000;

#[test]
#[ignore = "needs a real Kafka: run by cargo xtask ci kafka"]
fn the_lines_of_a_file_come_back_exactly() {
    let topic = create_topic("lines", 1, &[]);
    let mut random = fastrand::Rng::with_seed(7);
    let line = |number: usize| {
        let noise: String = (0..random.usize(0..150))
            .map(|_| random.alphanumeric())
            .collect();
        format!("{number} \u{2615} {noise}")
    };
    let lines: Vec<String> = (0..LINES).map(line).collect();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(lines.join("\n").as_bytes()).unwrap();

    let mut send = program(env!("CARGO_BIN_EXE_kafka-produce"));
    send.args(["send", "-b", &servers(), "-t", &topic, "-z", "zstd"]);
    send.arg(file.path()).run("");

    let read = kcat(&topic);
    assert_eq!(read.len(), LINES);
    assert!(
        read.iter().map(|record| record.text()).eq(&lines),
        "the lines are not those of the file"
    );
}

#[test]
#[ignore = "needs a real Kafka: run by cargo xtask ci kafka"]
fn rows_of_csv_are_read_back_by_kafkas_consumer_as_the_templates_say() {
    let topic = create_topic("rows", 3, &[]);
    let rows = "id,customer,region\n1,ann,eu\n2,\"bob, jr\",us\n0,\u{2615},eu\n";
    let mut send = program(env!("CARGO_BIN_EXE_kafka-produce"));
    send.args(["send", "-b", &servers(), "-t", &topic, "-f", "csv"]);
    send.args(["-k", "{customer}-{region}", "-H", "id={id}"]);
    send.args(["-p", "{id}", "--timestamp", "170000000000{id}"]);
    send.args(["--value", "{customer}"]);
    send.run(rows);

    let read = console_consumer(&[&topic], 3);
    let found: Vec<_> = read
        .iter()
        .map(|record| {
            let [(name, id)] = &record.headers[..] else {
                panic!("{record:?}");
            };
            assert_eq!(name, "id");
            (
                record.partition,
                id.as_deref(),
                record.key.as_deref(),
                record.text(),
            )
        })
        .collect();
    let expected = [
        (0, Some("0"), Some("\u{2615}-eu"), "\u{2615}"),
        (1, Some("1"), Some("ann-eu"), "ann"),
        (2, Some("2"), Some("bob, jr-us"), "bob, jr"),
    ];
    assert_eq!(found, expected);
    let timestamps: Vec<&str> = read.iter().map(|record| &*record.timestamp).collect();
    let expected = ["0", "1", "2"].map(|id| format!("CreateTime:170000000000{id}"));
    assert!(timestamps.iter().eq(&expected), "{timestamps:?}");
}
