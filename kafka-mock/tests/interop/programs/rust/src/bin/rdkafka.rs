//! rdkafka, which is librdkafka.

use std::collections::BTreeSet;
use std::time::Duration;

use clients::{
    CODECS, HEADERS, Outcome, PROTOCOLS, QUIET, TURN, committed, locked, report, same, servers, written, yes,
};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::message::{BorrowedMessage, Header, Headers, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::util::get_rdkafka_version;
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};

/// For one answer of the cluster: much more than a busy machine needs.
const ANSWER: Duration = Duration::from_secs(60);

#[tokio::main]
async fn main() {
    println!("rdkafka {} (librdkafka {})", locked("rdkafka"), get_rdkafka_version().1);
    report("produce", async { produce() }).await;
    report("consume", async { consume() }).await;
    report("idempotent", async { idempotent() }).await;
    report("transactions", async { transactions() }).await;
    for (protocol, name) in PROTOCOLS {
        report(name, group(protocol)).await;
    }
    report("admin", admin()).await;
}

fn config(settings: &[(&str, &str)]) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", servers());
    for (key, value) in settings {
        config.set(*key, *value);
    }
    config
}

fn producer(settings: &[(&str, &str)]) -> Outcome<BaseProducer> {
    Ok(config(settings).create()?)
}

fn send(to: &BaseProducer, record: BaseRecord<'_, str, str>) -> Outcome<()> {
    to.send(record).map_err(|(error, _)| error)?;
    Ok(())
}

fn produce() -> Outcome {
    for codec in CODECS {
        let to = producer(&[("compression.type", codec)])?;
        let (key, value) = written(codec);
        let headers = HEADERS.into_iter().fold(OwnedHeaders::new(), |headers, (key, value)| {
            headers.insert(Header {
                key,
                value: Some(value),
            })
        });
        send(
            &to,
            BaseRecord::to("produced")
                .key(key.as_str())
                .payload(value.as_str())
                .partition(0)
                .headers(headers),
        )?;
        to.flush(ANSWER)?;
    }
    yes(())
}

type Found = (String, String, Vec<(String, String)>);

fn text(bytes: Option<&[u8]>) -> String {
    String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned()
}

fn found(record: &BorrowedMessage<'_>) -> Found {
    let headers = record.headers().into_iter().flat_map(|it| it.iter());
    let headers = headers.map(|it| (it.key.to_owned(), text(it.value)));
    (text(record.key()), text(record.payload()), headers.collect())
}

fn consumer(group: &str, settings: &[(&str, &str)]) -> Outcome<BaseConsumer> {
    let mut config = config(settings);
    config
        .set("group.id", group)
        .set("auto.offset.reset", "earliest")
        .set("enable.auto.commit", "false");
    Ok(config.create()?)
}

/// This many records of the first partition, and one more if it comes within a moment.
fn read(topic: &str, count: usize) -> Outcome<Vec<Found>> {
    let from = consumer("none", &[("isolation.level", "read_committed")])?;
    let mut assignment = TopicPartitionList::new();
    assignment.add_partition_offset(topic, 0, Offset::Beginning)?;
    from.assign(&assignment)?;
    let mut all = Vec::new();
    while all.len() < count {
        if let Some(record) = from.poll(ANSWER).transpose()? {
            all.push(found(&record));
        }
    }
    all.extend(from.poll(QUIET).transpose()?.iter().map(found));
    Ok(all)
}

fn consume() -> Outcome {
    let headers = HEADERS.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec();
    let wanted = CODECS.map(|codec| {
        let (key, value) = written(codec);
        (key, value, headers.clone())
    });
    yes(same(read("produced", CODECS.len())?, wanted.to_vec())?)
}

fn idempotent() -> Outcome {
    let to = producer(&[("enable.idempotence", "true")])?;
    for n in 0..100 {
        send(
            &to,
            BaseRecord::to("numbered").payload(n.to_string().as_str()).partition(0),
        )?;
    }
    yes(to.flush(ANSWER)?)
}

fn transactions() -> Outcome {
    let to = producer(&[("transactional.id", "rdkafka")])?;
    to.init_transactions(ANSWER)?;
    for outcome in ["first", "aborted", "second"] {
        to.begin_transaction()?;
        for n in 0..3 {
            let value = format!("{outcome}-{n}");
            send(
                &to,
                BaseRecord::to("transactional").payload(value.as_str()).partition(0),
            )?;
        }
        match outcome {
            "aborted" => {
                to.flush(ANSWER)?;
                to.abort_transaction(ANSWER)?;
            }
            _ => to.commit_transaction(ANSWER)?,
        }
    }
    let values = read("transactional", 6)?.into_iter().map(|(_, value, _)| value);
    yes(same(values.collect(), committed())?)
}

fn write_numbers(topic: &str, numbers: std::ops::Range<i32>) -> Outcome<()> {
    let to = producer(&[])?;
    for n in numbers {
        send(
            &to,
            BaseRecord::to(topic).payload(n.to_string().as_str()).partition(n % 2),
        )?;
    }
    Ok(to.flush(ANSWER)?)
}

fn values(from: &BaseConsumer) -> Outcome<Vec<String>> {
    let mut values = Vec::new();
    while let Some(record) = from.poll(TURN).transpose()? {
        values.push(text(record.payload()));
    }
    Ok(values)
}

/// Two members share the topic and commit, and a third goes on from there.
async fn group(protocol: &str) -> Outcome {
    let topic = &format!("{protocol}-group");
    let member = || -> Outcome<BaseConsumer> {
        let it = consumer(protocol, &[("group.protocol", protocol)])?;
        it.subscribe(&[topic])?;
        Ok(it)
    };
    write_numbers(topic, 0..20)?;
    let members = [member()?, member()?];
    let mut found = BTreeSet::new();
    loop {
        let mut alone = 0;
        for it in &members {
            found.extend(values(it)?);
            alone += usize::from(it.assignment()?.count() == 1);
        }
        if found.len() >= 20 && alone == members.len() {
            break;
        }
        tokio::task::yield_now().await;
    }
    for it in members {
        let mut offsets = TopicPartitionList::new();
        for part in it.assignment()?.elements() {
            offsets.add_partition_offset(topic, part.partition(), Offset::Offset(10))?;
        }
        it.commit(&offsets, CommitMode::Sync)?;
    }
    write_numbers(topic, 20..22)?;
    let third = member()?;
    let mut rest = BTreeSet::new();
    while rest.len() < 2 {
        rest.extend(values(&third)?);
        tokio::task::yield_now().await;
    }
    yes(same(rest, BTreeSet::from(["20", "21"].map(str::to_owned)))?)
}

async fn admin() -> Outcome {
    let it: AdminClient<DefaultClientContext> = config(&[]).create()?;
    let options = AdminOptions::new().operation_timeout(Some(ANSWER));
    let made = NewTopic::new("made", 2, TopicReplication::Fixed(1));
    for topic in it.create_topics(&[made], &options).await? {
        topic.map_err(|(name, error)| format!("{name}: {error}"))?;
    }
    let listed = it.inner().fetch_metadata(Some("made"), ANSWER)?;
    same(listed.topics()[0].partitions().len(), 2)?;
    for resource in it
        .describe_configs(&[ResourceSpecifier::Topic("made")], &options)
        .await?
    {
        let resource = resource?;
        let limit = resource.get("max.message.bytes").and_then(|it| it.value.as_deref());
        same(limit, Some("1048588"))?;
    }
    for topic in it.delete_topics(&["made"], &options).await? {
        topic.map_err(|(name, error)| format!("{name}: {error}"))?;
    }
    let listed = it.inner().fetch_metadata(None, ANSWER)?;
    yes(same(listed.topics().iter().any(|topic| topic.name() == "made"), false)?)
}
