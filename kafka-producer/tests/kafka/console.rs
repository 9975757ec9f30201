//! The console-producer example: the lines of a file come back exactly.

use std::io::Write;

use crate::cluster::{create_topic, servers};
use crate::tools::{example, kcat, program};

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

    let mut console = program(example("console-producer"));
    console.args(["--bootstrap-server", &servers(), "--topic", &topic]);
    console
        .args(["--compression-codec", "zstd", "--file"])
        .arg(file.path());
    console.run("");

    let read = kcat(&topic);
    assert_eq!(read.len(), LINES);
    assert!(
        read.iter().map(|record| record.text()).eq(&lines),
        "the lines are not those of the file"
    );
}
