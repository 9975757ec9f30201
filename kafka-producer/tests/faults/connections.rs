//! Connections that are cut anywhere, and answers that get lost after their requests were seen to.

use std::net::Ipv4Addr;
use std::time::Duration;

use crate::checker::Promise;
use crate::detours::{bootstrap, detours};
use crate::load::Sender;
use crate::nodes::wait_for;
use crate::proxy::{Manner, Proxy};
use crate::scene::{Plan, Scene};

/// How many connections are broken in each manner.
const BROKEN: u64 = 100;
const BREAKING_LIMIT: Duration = Duration::from_secs(300);

/// Connections to the cluster, none of which lasts.
pub(crate) struct Broken {
    proxy: Proxy,
    servers: String,
}

impl Broken {
    /// From now on every connection is cut.
    pub(crate) async fn start() -> Self {
        let detours = detours();
        let servers = bootstrap(&detours);
        let ways: Vec<_> = detours
            .iter()
            .map(|detour| detour.way(Ipv4Addr::LOCALHOST))
            .collect();
        let seed = fastrand::u64(..);
        println!("connections are broken by seed {seed}");
        let proxy = Proxy::start(&ways, Manner::Cut { within: 6000 }, seed).await;
        Self { proxy, servers }
    }

    /// What makes a producer use them, and open many.
    pub(crate) fn settings(&self) -> [(&str, &str); 3] {
        [
            ("bootstrap.servers", &self.servers),
            ("reconnect.backoff.ms", "20"),
            ("reconnect.backoff.max.ms", "100"),
        ]
    }

    /// Breaks many in each manner, and those that are opened later in none.
    pub(crate) async fn break_many(&self) {
        for manner in [
            Manner::Cut { within: 6000 },
            Manner::LoseAnswers { within: 4000 },
        ] {
            self.proxy.turn(manner);
            let until = self.proxy.broken() + BROKEN;
            let what = format!("{BROKEN} connections broken: {manner:?}");
            wait_for(&what, BREAKING_LIMIT, || self.proxy.broken() >= until).await;
        }
        self.proxy.turn(Manner::Honest);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a real Kafka: run by cargo xtask ci faults"]
async fn connections_cut_and_answers_lost_cost_no_record() {
    let broken = Broken::start().await;
    let plan = Plan::new("connections cut, answers lost");
    let mut settings = plan.settings.to_vec();
    settings.extend(broken.settings());
    let plan = Plan {
        settings: &settings,
        ..plan
    };
    let mut scene = Scene::open(Sender::Library, plan).await;
    broken.break_many().await;
    scene.healed();
    let (findings, _) = scene.close().await;
    findings.require(Promise::ExactlyOnce);
    assert_eq!(findings.failed, 0);
}
