//! FindCoordinator: always the controller. It is a real broker, but serves no groups.

use kafka_wire::{
    ErrorCode,
    messages::{FindCoordinatorRequest, FindCoordinatorResponse, find_coordinator::Coordinator},
};

use super::{Call, Cluster, Outcome, Pause, Target};

impl Cluster {
    pub(super) fn find_coordinator(
        &mut self,
        call: &Call,
        request: FindCoordinatorRequest,
        pause: Pause,
    ) -> Outcome {
        let error_code = self.as_scripted(call, Target::default(), |cluster| {
            match cluster.controller() {
                Some(_) => ErrorCode::NONE,
                None => ErrorCode::COORDINATOR_NOT_AVAILABLE,
            }
        });
        let broker = self.controller().filter(|_| error_code.is_none());
        let address = broker.and_then(|id| Some((id, self.brokers.get(&id)?)));
        let (node_id, host, port) = match address {
            Some((id, broker)) => (id.0, broker.host.clone(), i32::from(broker.port)),
            None => (-1, String::new(), -1),
        };
        let coordinators = request.coordinator_keys.into_iter().map(|key| Coordinator {
            key,
            node_id,
            host: host.clone(),
            port,
            error_code,
            ..Coordinator::default()
        });
        let response = FindCoordinatorResponse {
            throttle_time_ms: pause.throttle_time_ms(),
            coordinators: coordinators.collect(),
            error_code,
            node_id,
            host,
            port,
            ..FindCoordinatorResponse::default()
        };
        Ok(call.answer::<FindCoordinatorRequest>(&response))
    }
}
