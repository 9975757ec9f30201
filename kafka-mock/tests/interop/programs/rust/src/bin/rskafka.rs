//! rskafka: a client for single partitions, without groups and transactions.

use std::collections::BTreeMap;
use std::sync::Arc;

use clients::{CODECS, HEADERS, NOT_IN_IT, Outcome, PROTOCOLS, introduce, report, same, servers, written, yes};
use rskafka::client::partition::{Compression, OffsetAt, PartitionClient, UnknownTopicHandling};
use rskafka::client::{Client, ClientBuilder};
use rskafka::record::Record;

#[tokio::main]
async fn main() {
    introduce("rskafka");
    report("produce", produce()).await;
    report("consume", consume()).await;
    report("idempotent", not_in_it()).await;
    report("transactions", not_in_it()).await;
    for (_, name) in PROTOCOLS {
        report(name, not_in_it()).await;
    }
    report("admin", admin()).await;
}

async fn not_in_it() -> Outcome {
    Ok(NOT_IN_IT.to_owned())
}

async fn client() -> Outcome<Client> {
    let servers = servers().split(',').map(str::to_owned).collect();
    Ok(ClientBuilder::new(servers).build().await?)
}

async fn partition() -> Outcome<PartitionClient> {
    let client = client().await?;
    Ok(client
        .partition_client("produced", 0, UnknownTopicHandling::Error)
        .await?)
}

/// Its headers are a map.
fn record(codec: &str) -> Record {
    let (key, value) = written(codec);
    let headers = HEADERS.map(|(key, value)| (key.to_owned(), value.as_bytes().to_vec()));
    Record {
        key: Some(key.into_bytes()),
        value: Some(value.into_bytes()),
        headers: BTreeMap::from(headers),
        timestamp: chrono::Utc::now(),
    }
}

async fn produce() -> Outcome {
    let to = Arc::new(partition().await?);
    let codecs = [
        Compression::NoCompression,
        Compression::Gzip,
        Compression::Snappy,
        Compression::Lz4,
        Compression::Zstd,
    ];
    for (name, codec) in CODECS.into_iter().zip(codecs) {
        to.produce(vec![record(name)], codec).await?;
    }
    Ok("yes, a header once by its name".to_owned())
}

async fn consume() -> Outcome {
    let from = partition().await?;
    same(from.get_offset(OffsetAt::Latest).await?, CODECS.len() as i64)?;
    let mut found = Vec::new();
    while found.len() < CODECS.len() {
        let (records, _) = from.fetch_records(found.len() as i64, 1..1 << 20, 1_000).await?;
        found.extend(records.into_iter().map(|it| it.record));
    }
    let bare = |it: Record| (it.key, it.value, it.headers);
    let wanted = CODECS.map(|codec| bare(record(codec)));
    yes(same(found.into_iter().map(bare).collect(), Vec::from(wanted))?)
}

async fn admin() -> Outcome {
    let client = client().await?;
    let controller = client.controller_client()?;
    controller.create_topic("made", 2, 1, 60_000).await?;
    let topics = client.list_topics().await?;
    let made = topics
        .iter()
        .find(|topic| topic.name == "made")
        .ok_or("it is not listed")?;
    same(made.partitions.len(), 2)?;
    controller.delete_topic("made", 60_000).await?;
    let topics = client.list_topics().await?;
    same(topics.iter().any(|topic| topic.name == "made"), false)?;
    Ok("yes, without settings".to_owned())
}
