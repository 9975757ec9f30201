//! Codecs of single topics.

use kafka_wire::compression::Compression;

use super::{config, refused, silently};

#[test]
fn a_topic_may_have_a_codec_of_its_own() {
    let name = "compression.type.by.topic";
    let set = [
        ("compression.type", "gzip"),
        (name, "clicks: none, logs:none"),
    ];
    match config(&set).check() {
        Ok(checked) => {
            let codec = |topic| checked.settings.codecs.of(topic).compression;
            assert_eq!(
                ["clicks", "logs", "orders"].map(codec),
                [Compression::None, Compression::None, Compression::Gzip]
            );
        }
        Err(error) => assert!(error.to_string().contains("is not built in"), "{error}"),
    }
    let allowed = "topic:codec, and the same for other topics after commas; a codec is none, gzip, snappy, lz4 or zstd";
    for wrong in [
        "clicks",
        "clicks:",
        ":none",
        "clicks:zip",
        "clicks:none:none",
    ] {
        refused(
            &[(name, wrong)],
            &format!("{name}=\"{wrong}\": must be {allowed}"),
        );
    }
    let twice = "clicks:none,clicks:none";
    assert_eq!(
        silently(&[(name, twice)]).codecs.of("clicks").compression,
        Compression::None
    );
    if let Err(error) = config(&[(name, "clicks:none,clicks:zstd")]).check() {
        assert!(
            error.to_string().contains("one codec for each topic"),
            "{error}"
        );
    }
    if let Err(error) = config(&[(name, "clicks:zstd")]).check() {
        assert!(
            error
                .to_string()
                .contains(&format!("{name}=\"clicks:zstd\"")),
            "{error}"
        );
        assert!(error.to_string().contains("is not built in"), "{error}");
    }
}
