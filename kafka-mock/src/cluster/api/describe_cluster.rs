//! DescribeCluster: the brokers. Controllers are no endpoints of their own here.

use kafka_wire::{
    ErrorCode,
    messages::{
        DescribeClusterRequest, DescribeClusterResponse, describe_cluster::DescribeClusterBroker,
    },
};

use super::{Call, Cluster, Outcome, Pause, Target};

impl Cluster {
    pub(super) fn describe_cluster(
        &mut self,
        call: &Call,
        request: DescribeClusterRequest,
        pause: Pause,
    ) -> Outcome {
        let endpoint_type = request.endpoint_type;
        let error_code = self.as_scripted(call, Target::default(), |_| match endpoint_type {
            BROKERS => ErrorCode::NONE,
            CONTROLLERS => ErrorCode::MISMATCHED_ENDPOINT_TYPE,
            _ => ErrorCode::UNSUPPORTED_ENDPOINT_TYPE,
        });
        let brokers = self.brokers.listed().filter(|_| error_code.is_none());
        let brokers = brokers.map(|(id, broker)| {
            DescribeClusterBroker::default()
                .with_broker_id(id.0)
                .with_host(broker.host.clone())
                .with_port(i32::from(broker.port))
        });
        let response = DescribeClusterResponse::default()
            .with_throttle_time_ms(pause.throttle_time_ms())
            .with_error_code(error_code)
            .with_endpoint_type(endpoint_type)
            .with_cluster_id(self.id.to_string())
            .with_controller_id(self.controller().map_or(-1, |id| id.0))
            .with_brokers(brokers.collect());
        Ok(call.answer::<DescribeClusterRequest>(&response))
    }
}

const BROKERS: i8 = 1;
const CONTROLLERS: i8 = 2;
