//! The same faults under our program and under Kafka's own, for people to compare: not a test of
//! ours, so `cargo xtask ci faults` leaves it out. With a cluster (`cargo xtask kafka up`) whose
//! variables are set:
//!
//! ```text
//! cargo test -p kafka-producer --all-features --test faults --example verifiable-producer -- \
//!     --ignored --nocapture compared::
//! ```

use crate::checker::Promise;
use crate::load::Sender;
use crate::scene::{Plan, Scene};
use crate::{crashes, freezes, min_isr};

#[derive(Clone, Copy)]
enum Fault {
    LeadersKilled,
    LeadersFrozen,
    TwoKilled,
    TooFewCopies,
    AllKilled,
}

impl Fault {
    fn plan(self) -> Plan<'static> {
        let plan = Plan::new(match self {
            Self::LeadersKilled => "leaders killed",
            Self::LeadersFrozen => "leaders frozen",
            Self::TwoKilled => "two of three killed",
            Self::TooFewCopies => "too few copies",
            Self::AllKilled => "all killed",
        });
        let min_in_sync = match self {
            Self::TooFewCopies => 3,
            _ => plan.min_in_sync,
        };
        Plan {
            min_in_sync,
            ..plan
        }
    }

    async fn befall(self, scene: &mut Scene) {
        match self {
            Self::LeadersKilled => crashes::kill_leaders(scene, 3).await,
            Self::LeadersFrozen => freezes::freeze_leaders(scene).await,
            Self::TwoKilled => min_isr::kill_two(scene).await,
            Self::TooFewCopies => {
                min_isr::kill_one_of_three_wanted(scene, std::future::ready(())).await
            }
            Self::AllKilled => crashes::kill_all(scene).await,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a table for people: see the head of this file"]
async fn ours_beside_javas() {
    for fault in [
        Fault::LeadersKilled,
        Fault::LeadersFrozen,
        Fault::TwoKilled,
        Fault::TooFewCopies,
        Fault::AllKilled,
    ] {
        for sender in [Sender::Example, Sender::Java] {
            let mut scene = Scene::open(sender, fault.plan()).await;
            fault.befall(&mut scene).await;
            let (findings, _) = scene.close().await;
            if sender == Sender::Example {
                findings.require(Promise::ExactlyOnce);
            }
        }
    }
}
