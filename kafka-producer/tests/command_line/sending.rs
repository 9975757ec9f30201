//! Rows of each format become the records that the options ask for, and what fails is named with its place.

use kafka_mock::cluster::Fault;
use kafka_producer::ErrorCode;
use kafka_wire::ApiKey;

use crate::{cluster, ended_with, file, path, run, send, text, values};

type KeyAndValue<'a> = (Option<&'a [u8]>, Option<&'a [u8]>);

#[test]
fn lines_are_sent_byte_by_byte_with_keys_and_nulls() {
    let all_but_ends: Vec<u8> = (0..=255).filter(|byte| *byte != b'\n').collect();
    type Case<'a> = (&'a [&'a str], &'a [u8], &'a [KeyAndValue<'a>]);
    let cases: [Case<'_>; 10] = [
        (&[], b"", &[]),
        (
            &[],
            b"a\n\nb",
            &[(None, Some(b"a")), (None, Some(b"")), (None, Some(b"b"))],
        ),
        (
            &[],
            b"a\r\nb\rc\n",
            &[(None, Some(b"a")), (None, Some(b"b\rc"))],
        ),
        (&[], &all_but_ends, &[(None, Some(&all_but_ends))]),
        (
            &["-D", ";"],
            b"a;b\n",
            &[(None, Some(b"a")), (None, Some(b"b\n"))],
        ),
        (&["-D", "\\0"], b"a\nb\0", &[(None, Some(b"a\nb"))]),
        (&["-K", "\\t"], b"k\tv\tw", &[(Some(b"k"), Some(b"v\tw"))]),
        (&["-K", "::"], b"k:::v", &[(Some(b"k"), Some(b":v"))]),
        (
            &["-K", ":", "-Z", ""],
            b":v\nk:",
            &[(None, Some(b"v")), (Some(b"k"), None)],
        ),
        (
            &["-k", "{line}!", "--value", "<{value}>"],
            b"a",
            &[(Some(b"a!"), Some(b"<a>"))],
        ),
    ];
    for (options, input, expected) in cases {
        let kafka = cluster(1);
        let ended = send(&kafka, &[&["-t", "t"], options].concat(), input);
        ended_with(&ended, 0, &["; 0 failed"]);
        let records = kafka.records("t");
        let records = records.iter();
        let found: Vec<_> = records
            .map(|record| (record.key.as_deref(), record.value.as_deref()))
            .collect();
        assert_eq!(found, expected, "{options:?} {input:?}");
    }
}

#[test]
fn what_is_odd_about_the_configuration_is_told_and_records_are_sent() {
    let kafka = cluster(1);
    let odd = ["-X", "linger=5", "-X", "queue.buffering.max.ms=5"];
    let told = [
        "warning: unknown property \"linger\"",
        "did you mean linger.ms?",
        "warning: queue.buffering.max.ms",
        "1 record delivered",
    ];
    let ended = send(&kafka, &[&["-t", "t"], &odd[..]].concat(), b"tea");
    ended_with(&ended, 0, &told);
    let dry = [&["-t", "t", "--dry-run"], &odd[..]].concat();
    ended_with(&send(&kafka, &dry, b"tea"), 0, &told[..3]);
    assert_eq!(values(&kafka, "t"), ["tea"]);
}

#[test]
fn many_lines_arrive_each_once_and_in_order() {
    let kafka = cluster(1);
    let lines: Vec<String> = (0..20_000).map(|number: u32| number.to_string()).collect();
    let ended = send(
        &kafka,
        &["-t", "t", "-z", "lz4"],
        lines.join("\n").as_bytes(),
    );
    ended_with(&ended, 0, &["20,000 records delivered", "; 0 failed"]);
    assert!(values(&kafka, "t") == lines, "they differ");
}

#[test]
fn templates_make_each_part_of_a_record_of_the_columns_of_csv() {
    let kafka = cluster(3);
    let orders = file(
        ".csv",
        b"id,customer,region,at\n7,ann,eu,2026-03-01T12:00:00Z\n8,\"bob, jr\",us,1500\n",
    );
    let options = [
        "-t",
        "{region}-orders",
        "-k",
        "{customer}-{region}",
        "-H",
        "id={id}",
        "-H",
        "line={@line}",
        "-p",
        "0",
        "--timestamp",
        "{at}",
        "--value",
        "{{{id}}}",
        path(&orders),
    ];
    kafka.create_topic("eu-orders", 2).unwrap();
    kafka.create_topic("us-orders", 2).unwrap();
    ended_with(&send(&kafka, &options, b""), 0, &["2 records delivered"]);
    let expected = [
        ("eu-orders", "ann-eu", "{7}", ["7", "2"], 1_772_366_400_000),
        ("us-orders", "bob, jr-us", "{8}", ["8", "3"], 1500),
    ];
    for (topic, key, value, headers, timestamp) in expected {
        let [record] = &kafka.records(topic)[..] else {
            panic!("not one record in {topic}");
        };
        assert_eq!(text(&record.key).as_deref(), Some(key));
        assert_eq!(text(&record.value).as_deref(), Some(value));
        let found = record
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), text(value)));
        let named = ["id", "line"]
            .into_iter()
            .zip(headers.map(|header| Some(header.to_owned())));
        assert!(found.eq(named), "{record:?}");
        assert_eq!((record.partition, record.timestamp), (0, timestamp));
    }
}

#[test]
fn a_row_of_csv_is_a_json_object_and_other_separators_are_given() {
    let kafka = cluster(1);
    let semicolons = file(".csv", b"a;b\n1;\"x\ny\"\n");
    let tabs = file(".tsv", b"a\tb\n2\tz\n");
    ended_with(
        &send(&kafka, &["-t", "t", "-K", ";", path(&semicolons)], b""),
        0,
        &[],
    );
    ended_with(&send(&kafka, &["-t", "t", path(&tabs)], b""), 0, &[]);
    let expected = [r#"{"a":"1","b":"x\ny"}"#, r#"{"a":"2","b":"z"}"#];
    assert_eq!(values(&kafka, "t"), expected);
}

#[test]
fn a_line_of_json_is_the_value_as_it_stands_and_its_members_are_fields() {
    let kafka = cluster(1);
    let input = b"{\"id\": 1.50, \"who\": {\"name\": \"ann\"}, \"no\": null}\n\n  [1,2]\n";
    let options = [
        "-t",
        "t",
        "-f",
        "json",
        "-k",
        "{who.name}",
        "--on-error",
        "skip",
    ];
    let ended = send(&kafka, &options, input);
    ended_with(
        &ended,
        0,
        &[
            "stdin:3: there is no field {who.name}",
            "rows not understood: 1",
        ],
    );
    let records = kafka.records("t");
    assert_eq!(text(&records[0].key).as_deref(), Some("ann"));
    let value = r#"{"id": 1.50, "who": {"name": "ann"}, "no": null}"#;
    assert_eq!(values(&kafka, "t"), [value]);
}

#[test]
fn a_field_that_is_not_a_string_is_the_text_that_stands_there() {
    let kafka = cluster(1);
    let texts = [
        "18446744073709551616",
        "18446744073709551617",
        "-9223372036854775809",
        "1.50",
        "1.5e3",
        "0.1000000000000000055511151231257827",
        "-0",
        "true",
        r#"{"b": [7, 1.0]}"#,
    ];
    let lines: Vec<String> = texts
        .iter()
        .map(|text| format!(r#"{{"who": [{{"id": {text}}}]}}"#))
        .collect();
    let options = ["-t", "t", "-f", "json", "-k", "{who.0.id}"];
    ended_with(
        &send(&kafka, &options, lines.join("\n").as_bytes()),
        0,
        &["; 0 failed"],
    );
    let keys: Vec<_> = kafka
        .records("t")
        .iter()
        .map(|record| text(&record.key).unwrap())
        .collect();
    assert_eq!(keys, texts);
}

#[cfg(unix)]
#[test]
fn a_named_pipe_is_read_until_its_writer_closes_it() {
    let kafka = cluster(1);
    let directory = tempfile::tempdir().unwrap();
    let pipe = directory.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let to = pipe.clone();
    // It opens when the program does.
    let writer = std::thread::spawn(move || std::fs::write(to, b"a\nb\n"));
    let ended = send(&kafka, &["-t", "t", pipe.to_str().unwrap()], b"");
    ended_with(&ended, 0, &["2 records delivered"]);
    writer.join().unwrap().unwrap();
    assert_eq!(values(&kafka, "t"), ["a", "b"]);
}

#[test]
fn a_json_object_may_say_all_of_a_record() {
    let kafka = cluster(3);
    let input = br#"{"topic":"t","key":"k","value":{"b":1,"a":2.0},"headers":{"h":"1","n":null},"partition":2,"timestamp":7}
{"topic":"t","key":null,"payload":"text","headers":["h","1","h","2"],"partition":2,"offset":9,"tstype":"create","ts":8,"broker":1}
"#;
    ended_with(
        &send(&kafka, &["-f", "record"], input),
        0,
        &["2 records delivered"],
    );
    let records = kafka.records("t");
    let [first, second] = &records[..] else {
        panic!("{records:?}");
    };
    assert_eq!((first.partition, first.timestamp), (2, 7));
    assert_eq!(text(&first.value).as_deref(), Some(r#"{"b":1,"a":2.0}"#));
    assert_eq!(text(&first.headers[0].1).as_deref(), Some("1"));
    assert_eq!(first.headers[1], ("n".to_owned(), None));
    assert_eq!((text(&second.key), second.timestamp), (None, 8));
    assert_eq!(text(&second.value).as_deref(), Some("text"));
    let named: Vec<_> = second
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), text(value).unwrap()))
        .collect();
    assert_eq!(named, [("h", "1".to_owned()), ("h", "2".to_owned())]);
    let typed = br#"{"topic":"t","content":"x"}"#;
    ended_with(
        &send(&kafka, &["-f", "record"], typed),
        1,
        &["stdin:1", "content"],
    );
}

#[test]
fn a_row_that_is_not_understood_stops_or_is_skipped_and_has_its_place() {
    let rows = file(".csv", b"a,b\n1,2\n3\n5,6\n");
    for (on_error, code, sent) in [("stop", 1, 1), ("skip", 0, 2)] {
        let kafka = cluster(1);
        let ended = send(
            &kafka,
            &["-t", "t", "--on-error", on_error, path(&rows)],
            b"",
        );
        let place = format!("{}:3: it has 1 columns, the header 2: a, b", path(&rows));
        ended_with(&ended, code, &[&place, "rows not understood: 1"]);
        assert_eq!(kafka.records("t").len(), sent, "{on_error}");
    }
}

#[test]
fn a_record_that_is_too_large_is_told_with_its_line_and_fails_the_run() {
    let input = [b"good".to_vec(), vec![b'x'; 990], b"good".to_vec()].join(&b'\n');
    for (on_error, sent) in [("stop", 1), ("skip", 2)] {
        let kafka = cluster(1);
        let options = [
            "-t",
            "t",
            "-X",
            "max.request.size=1000",
            "--on-error",
            on_error,
        ];
        let ended = send(&kafka, &options, &input);
        ended_with(
            &ended,
            1,
            &["stdin:2: ", "max.request.size=1000", "; 1 failed"],
        );
        assert_eq!(kafka.records("t").len(), sent, "{on_error}");
    }
}

#[test]
fn a_record_that_the_cluster_refuses_is_told_with_its_line_and_fails_the_run() {
    let kafka = cluster(1);
    let refused = Fault::refuse(ErrorCode::TOPIC_AUTHORIZATION_FAILED);
    kafka.inject(refused.api(ApiKey::PRODUCE).topic("t"));
    let ended = send(&kafka, &["-t", "t"], b"a\n");
    ended_with(
        &ended,
        1,
        &["stdin:1: t-0: ", "TOPIC_AUTHORIZATION_FAILED", "; 1 failed"],
    );
}

#[test]
fn what_is_wrong_with_the_command_line_is_said_before_anything_is_sent() {
    let config = file(
        ".properties",
        b"bootstrap.servers=localhost:1\nlinger.ms=soon\n",
    );
    let cases: [(&[&str], i32, &str); 11] = [
        (&[], 2, "Usage"),
        (&["send"], 2, "--topic"),
        (&["send", "-t", "t"], 1, "--bootstrap-server HOST:PORT"),
        (
            &["send", "-t", "t", "-F", path(&config)],
            1,
            "linger.ms=\"soon\"",
        ),
        (&["send", "-t", "t", "-X", "linger.ms"], 2, "name=value"),
        (&["send", "-t", "{a"], 2, "brace"),
        (&["send", "-t", "t", "--rate", "0/s"], 2, "1000/s"),
        (
            &["send", "-t", "t", "-b", "localhost:1", "no/such/file"],
            1,
            "no/such/file",
        ),
        (
            &[
                "send",
                "-t",
                "t",
                "-b",
                "localhost:1",
                "--transaction",
                "file",
            ],
            1,
            "transactional.id",
        ),
        (
            &[
                "send",
                "-t",
                "t",
                "-b",
                "localhost:1",
                "-f",
                "csv",
                "-K",
                "::",
            ],
            1,
            "one byte",
        ),
        (
            &["send", "-t", "t", "-b", "127.0.0.1:1"],
            1,
            "no bootstrap server answers",
        ),
    ];
    for (arguments, code, said) in cases {
        let ended = run(arguments, b"line\n");
        ended_with(&ended, code, &[said]);
        assert_eq!(ended.stdout, "", "{arguments:?}");
    }
}
