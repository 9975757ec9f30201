//! krafka.

use std::collections::BTreeSet;

use clients::{
    CODECS, HEADERS, Outcome, PROTOCOLS, QUIET, TURN, committed, introduce, report, same, servers, written, yes,
};
use krafka::admin::{ConfigResource, NewTopic};
use krafka::consumer::{
    AutoOffsetReset, Consumer, ConsumerRecord, GroupProtocol, IsolationLevel, OffsetAndMetadata, TopicPartition,
};
use krafka::{Compression, Kafka, Record};

#[tokio::main]
async fn main() {
    introduce("krafka");
    report("produce", produce()).await;
    report("consume", consume()).await;
    report("idempotent", idempotent()).await;
    report("transactions", transactions()).await;
    for (protocol, name) in PROTOCOLS {
        report(name, group(protocol)).await;
    }
    report("admin", admin()).await;
}

async fn kafka() -> Outcome<Kafka> {
    Ok(Kafka::builder(servers()).connect().await?)
}

async fn produce() -> Outcome {
    let kafka = kafka().await?;
    let codecs = [
        Compression::None,
        Compression::Gzip,
        Compression::Snappy,
        Compression::Lz4,
        Compression::Zstd,
    ];
    for (name, codec) in CODECS.into_iter().zip(codecs) {
        let to = kafka.producer().compression(codec).idempotent(false).build().await?;
        let (key, value) = written(name);
        let record = Record::new("produced", value).key(key).partition(0);
        let record = HEADERS
            .into_iter()
            .fold(record, |it, (key, value)| it.header(key, value));
        let _ = to.send(record).await?;
        to.close().await?;
    }
    yes(())
}

/// This many records of the first partition, and those that come within a moment.
async fn read(topic: &str, count: usize, level: IsolationLevel) -> Outcome<Vec<ConsumerRecord>> {
    let kafka = kafka().await?;
    let from = kafka.consumer_without_group();
    let from = from.auto_offset_reset(AutoOffsetReset::Earliest);
    let from = from.isolation_level(level).build().await?;
    from.assign(topic, vec![0]).await?;
    let mut found = Vec::new();
    while found.len() < count {
        found.extend(from.poll(TURN).await?);
    }
    found.extend(from.poll(QUIET).await?);
    from.close().await?;
    Ok(found)
}

fn text(bytes: &Option<impl AsRef<[u8]>>) -> String {
    let bytes = bytes.as_ref().map(AsRef::as_ref).unwrap_or_default();
    String::from_utf8_lossy(bytes).into_owned()
}

async fn consume() -> Outcome {
    let found = read("produced", CODECS.len(), IsolationLevel::ReadUncommitted).await?;
    let found: Vec<_> = found.iter().map(|it| (text(&it.key), text(&it.value))).collect();
    same(found, CODECS.map(written).to_vec())?;
    let found = read("produced", CODECS.len(), IsolationLevel::ReadUncommitted).await?;
    for it in found {
        let headers: Vec<_> = it
            .headers
            .iter()
            .map(|(key, value)| (key.clone(), text(value)))
            .collect();
        same(
            headers,
            HEADERS.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec(),
        )?;
    }
    yes(())
}

async fn idempotent() -> Outcome {
    let to = kafka().await?.producer().idempotent(true).build().await?;
    let mut sent = Vec::new();
    for n in 0..100 {
        sent.push(to.enqueue(Record::new("numbered", n.to_string()).partition(0)).await?);
    }
    for delivery in sent {
        let _ = delivery.await?;
    }
    yes(to.close().await?)
}

async fn transactions() -> Outcome {
    let to = kafka().await?.producer().build_transactional("krafka").await?;
    for outcome in ["first", "aborted", "second"] {
        to.begin()?;
        for n in 0..3 {
            let record = Record::new("transactional", format!("{outcome}-{n}"));
            let _ = to.send(record.partition(0)).await?;
        }
        match outcome {
            "aborted" => to.abort().await?,
            _ => to.commit().await?,
        };
    }
    to.close().await?;
    let found = read("transactional", 6, IsolationLevel::ReadCommitted).await?;
    yes(same(found.iter().map(|it| text(&it.value)).collect(), committed())?)
}

async fn write_numbers(topic: &str, numbers: std::ops::Range<i32>) -> Outcome<()> {
    let to = kafka().await?.producer().build().await?;
    for n in numbers {
        let _ = to.send(Record::new(topic, n.to_string()).partition(n % 2)).await?;
    }
    Ok(to.close().await?)
}

async fn member(protocol: &str, topic: &str) -> Outcome<Consumer> {
    let it = kafka().await?.consumer(protocol).enable_auto_commit(false);
    let it = it.auto_offset_reset(AutoOffsetReset::Earliest);
    let it = it.group_protocol(match protocol {
        "classic" => GroupProtocol::Classic,
        _ => GroupProtocol::Consumer,
    });
    let it = it.build().await?;
    it.subscribe([topic]).await?;
    Ok(it)
}

/// Two members share the topic and commit, and a third goes on from there.
async fn group(protocol: &str) -> Outcome {
    let topic = &format!("{protocol}-group");
    write_numbers(topic, 0..20).await?;
    let members = [member(protocol, topic).await?, member(protocol, topic).await?];
    let mut found = BTreeSet::new();
    loop {
        let mut shares = Vec::new();
        for it in &members {
            found.extend(it.poll(TURN).await?.iter().map(|it| text(&it.value)));
            shares.push(it.assignment().await.remove(topic).unwrap_or_default());
        }
        if found.len() >= 20 && shares.iter().all(|share| share.len() == 1) && shares[0] != shares[1] {
            break;
        }
    }
    for it in members {
        for partition in it.assignment().await.remove(topic).unwrap_or_default() {
            let offset = (
                TopicPartition::new(topic.as_str(), partition),
                OffsetAndMetadata::new(10),
            );
            it.commit_offsets([offset]).await?;
        }
        it.close().await?;
    }
    write_numbers(topic, 20..22).await?;
    let third = member(protocol, topic).await?;
    let mut rest = BTreeSet::new();
    while rest.len() < 2 {
        rest.extend(third.poll(TURN).await?.iter().map(|it| text(&it.value)));
    }
    third.close().await?;
    yes(same(rest, BTreeSet::from(["20", "21"].map(str::to_owned)))?)
}

async fn admin() -> Outcome {
    let it = kafka().await?.admin();
    for (_, made) in it
        .create_topics([NewTopic::new("made", 2, 1)?], Default::default())
        .await?
    {
        made?;
    }
    for (_, topic) in it.describe_topics(["made"], Default::default()).await? {
        same(topic?.partitions.len(), 2)?;
    }
    for (_, settings) in it
        .describe_configs([ConfigResource::topic("made")], Default::default())
        .await?
    {
        let settings = settings?;
        let limit = settings.iter().find(|it| it.name == "max.message.bytes");
        same(limit.and_then(|it| it.value.as_deref()), Some("1048588"))?;
    }
    for (_, deleted) in it.delete_topics(["made"], Default::default()).await? {
        deleted?;
    }
    let topics = it.list_topics(Default::default()).await?;
    same(topics.iter().any(|name| name == "made"), false)?;
    yes(it.close().await?)
}
