//! Lines arrive exactly as the properties say, and what fails is named.

use std::io::Write;
use std::time::Instant;

use kafka_mock::MockCluster;

use nix::sys::signal::Signal;

use crate::lines::{path, properties};
use crate::program::{DEADLINE, Ended, Running, run};

type KeyAndValue = (Option<Vec<u8>>, Option<Vec<u8>>);

/// What the lines of `input` become with these properties: keys and values in order.
fn console(properties: &[&str], input: &[u8]) -> (Ended, Vec<KeyAndValue>) {
    let kafka = MockCluster::builder()
        .topic("t", 1)
        .start_blocking()
        .unwrap();
    let servers = kafka.bootstrap_servers();
    let mut arguments = vec!["--bootstrap-server", &servers, "--topic", "t"];
    for property in properties {
        arguments.extend(["--property", property]);
    }
    let ended = run("console-producer", &arguments, input);
    let part = |bytes: Option<bytes::Bytes>| bytes.map(|bytes| bytes.to_vec());
    let records = kafka.records("t").into_iter();
    (
        ended,
        records
            .map(|record| (part(record.key), part(record.value)))
            .collect(),
    )
}

#[test]
fn lines_become_records_byte_by_byte() {
    let all_but_ends: Vec<u8> = (0..=255).filter(|byte| *byte != b'\n').collect();
    let cases: [(&[u8], &[&[u8]]); 7] = [
        (b"", &[]),
        (b"\n", &[b""]),
        (b"a\nb", &[b"a", b"b"]),
        (b"a\n\nb\n", &[b"a", b"", b"b"]),
        (b"a\r\nb\r", &[b"a", b"b"]),
        (b"a\rb\n\r\r\n", &[b"a\rb", b"\r"]),
        (&all_but_ends, &[&all_but_ends]),
    ];
    for (input, values) in cases {
        let (ended, records) = console(&[], input);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let expected: Vec<_> = values
            .iter()
            .map(|value| (None, Some(value.to_vec())))
            .collect();
        assert_eq!(records, expected, "{input:?}");
    }
}

#[test]
fn many_lines_arrive_each_once_and_in_order() {
    let values: Vec<Vec<u8>> = (0..20_000)
        .map(|n: u32| n.to_string().into_bytes())
        .collect();
    let (ended, records) = console(&[], &values.join(&b'\n'));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended.stderr.contains("20000 records delivered"),
        "{ended:?}"
    );
    let expected: Vec<_> = values
        .into_iter()
        .map(|value| (None, Some(value)))
        .collect();
    assert!(records == expected, "they differ");
}

#[test]
fn keys_and_nulls_are_found_as_the_properties_say() {
    type Case<'a> = (&'a [&'a str], &'a str, Option<&'a str>, Option<&'a str>);
    let cases: [Case<'_>; 8] = [
        (&[], "k\tv", None, Some("k\tv")),
        (&["parse.key=true"], "k\tv\tw", Some("k"), Some("v\tw")),
        (&["parse.key=true"], "\t", Some(""), Some("")),
        (
            &["parse.key=true", "key.separator=::"],
            "k:::v",
            Some("k"),
            Some(":v"),
        ),
        (
            &["parse.key=true", "ignore.error=true"],
            "v",
            None,
            Some("v"),
        ),
        (&["null.marker=NULL"], "NULL", None, None),
        (&["parse.key=true", "null.marker="], "\tv", None, Some("v")),
        (
            &["parse.key=true", "null.marker=-"],
            "k\t-",
            Some("k"),
            None,
        ),
    ];
    for (properties, line, key, value) in cases {
        let (ended, records) = console(properties, line.as_bytes());
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let bytes = |text: Option<&str>| text.map(|text| text.as_bytes().to_vec());
        assert_eq!(
            records,
            [(bytes(key), bytes(value))],
            "{properties:?} {line:?}"
        );
    }
}

#[test]
fn a_line_without_its_key_is_named_after_those_before_it_were_sent() {
    let (ended, records) = console(&["parse.key=true"], b"a\tb\nno key\nc\td\n");
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("line 2 has no key"), "{ended:?}");
    assert_eq!(records, [(Some(b"a".to_vec()), Some(b"b".to_vec()))]);
}

#[test]
fn a_record_that_fails_is_counted_by_its_cause() {
    let limits = [
        "--embedded",
        "--producer-property",
        "max.request.size=1000",
        "--topic",
        "t",
    ];
    // One is refused by the producer, the other is not even kept.
    let input = [
        b"good".to_vec(),
        vec![b'x'; 990],
        vec![b'x'; 100_000],
        b"good".to_vec(),
    ];
    let ended = run("console-producer", &limits, &input.join(&b'\n'));
    assert_eq!(ended.code, Some(1), "{ended:?}");
    for part in [
        "2 records delivered",
        "; 2 errors",
        "has 2 records in topic t",
        "max.request.size=1000",
    ] {
        assert!(ended.stderr.contains(part), "no {part:?} in {ended:?}");
    }
}

#[test]
fn the_servers_of_a_properties_file_are_used_unless_a_flag_names_others() {
    let kafka = MockCluster::builder().topic("t", 1).start_blocking();
    let kafka = kafka.unwrap();
    let servers = kafka.bootstrap_servers();
    let named = properties(&format!("bootstrap.servers={servers}\n"));
    let other = properties("bootstrap.servers=host.invalid:9092\n");
    let of_file = ["--topic", "t", "--producer.config", path(&named)];
    let by_flag = ["--topic", "t", "--producer.config", path(&other)];
    let by_flag = [&by_flag[..], &["--bootstrap-server", &servers]].concat();
    for (arguments, records) in [(&of_file[..], 1), (&by_flag, 2)] {
        let ended = run("console-producer", arguments, b"line\n");
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert_eq!(kafka.records("t").len(), records, "{ended:?}");
    }
}

#[test]
fn console_producer_says_what_is_wrong_with_its_arguments() {
    let cases: [(&[&str], &str); 9] = [
        (&[], "--topic"),
        (&["--topic", "t"], "--bootstrap-server"),
        (
            &["--topic", "t", "--embedded", "--bootstrap-server", "a:1"],
            "--embedded",
        ),
        (&["--topic", "t", "--frobnicate"], "--frobnicate"),
        (
            &["--topic", "t", "--property", "parse.kay=true"],
            "parse.kay",
        ),
        (
            &["--topic", "t", "--property", "parse.key=perhaps"],
            "true or false",
        ),
        (
            &["--topic", "t", "--producer-property", "linger.ms"],
            "name=value",
        ),
        (
            &["--topic", "t", "--embedded", "--compression-codec", "lzma"],
            "compression.type",
        ),
        (&["--topic", "t", "--file", "no/such/file"], "no/such/file"),
    ];
    for (arguments, what) in cases {
        let ended = run("console-producer", arguments, b"line\n");
        assert_eq!(ended.code, Some(1), "{arguments:?}: {ended:?}");
        assert!(ended.stderr.contains(what), "{arguments:?}: {ended:?}");
        assert_eq!(ended.stdout, "", "{arguments:?}");
    }
}

#[test]
fn a_signal_ends_a_console_producer_that_waits_for_a_line_and_is_told_of() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let kafka = MockCluster::builder()
            .topic("t", 1)
            .start_blocking()
            .unwrap();
        let servers = kafka.bootstrap_servers();
        let arguments = ["--bootstrap-server", &servers, "--topic", "t"];
        let mut running = Running::start("console-producer", &arguments);
        let mut input = running.input();
        input.write_all(b"a\nb\n").unwrap();
        let begun = Instant::now();
        while kafka.records("t").len() < 2 {
            assert!(begun.elapsed() < DEADLINE, "the lines do not arrive");
            std::thread::yield_now();
        }
        running.signal(signal);
        running.is_told("delivered, 0 failed, 0 failed and are possibly in the log");
        assert_eq!(running.end().code, Some(130), "{signal}");
        drop(input);
    }
}
