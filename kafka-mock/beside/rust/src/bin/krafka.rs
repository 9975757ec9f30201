//! krafka's fake broker.

use beside::{Wanted, serve};
use krafka::testing::FakeBroker;

#[tokio::main]
async fn main() {
    let wanted = Wanted::from_arguments();
    let brokers = usize::try_from(wanted.brokers).expect("brokers are counted");
    let cluster = FakeBroker::start_cluster(brokers).await.expect("it starts");
    for (name, partitions) in &wanted.topics {
        cluster.create_topic(name, *partitions);
    }
    let addresses = cluster.bootstrap_servers();
    tokio::task::spawn_blocking(move || serve(&addresses))
        .await
        .expect("it serves");
}
