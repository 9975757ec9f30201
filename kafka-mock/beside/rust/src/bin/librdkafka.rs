//! librdkafka's mock cluster.

use beside::{Wanted, serve};
use rdkafka::mocking::MockCluster;

fn main() {
    let wanted = Wanted::from_arguments();
    let cluster = MockCluster::new(wanted.brokers).expect("it starts");
    for (name, partitions) in &wanted.topics {
        cluster.create_topic(name, *partitions, 1).expect("a topic is created");
    }
    serve(&cluster.bootstrap_servers());
}
