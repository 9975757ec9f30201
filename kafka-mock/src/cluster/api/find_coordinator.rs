//! FindCoordinator: which broker coordinates a group or a transactional id.

use kafka_wire::{
    ErrorCode,
    messages::{FindCoordinatorRequest, FindCoordinatorResponse, find_coordinator::Coordinator},
};

use super::{
    super::{CoordinatorKind, acl::ResourceKind},
    Call, Cluster, Outcome, Pause, Target,
};

impl Cluster {
    pub(super) fn find_coordinator(
        &mut self,
        call: &Call,
        request: FindCoordinatorRequest,
        pause: Pause,
    ) -> Outcome {
        let kind = match request.key_type {
            GROUP => Some(CoordinatorKind::Group),
            TRANSACTION => Some(CoordinatorKind::Transaction),
            _ => None,
        };
        let old = call.version.number < FIRST_WITH_MANY;
        let keys = match old {
            true => vec![request.key],
            false => request.coordinator_keys,
        };
        let found = keys.into_iter().map(|key| self.find_one(call, kind, key));
        let mut coordinators: Vec<_> = found.collect();
        let mut response =
            FindCoordinatorResponse::default().with_throttle_time_ms(pause.throttle_time_ms());
        if let Some(only) = coordinators.pop_if(|_| old) {
            response.error_code = only.error_code;
            response.error_message = only.error_message;
            response.node_id = only.node_id;
            response.host = only.host;
            response.port = only.port;
        }
        response.coordinators = coordinators;
        Ok(call.answer::<FindCoordinatorRequest>(&response))
    }

    fn find_one(&mut self, call: &Call, kind: Option<CoordinatorKind>, key: String) -> Coordinator {
        let mut broker = None;
        let error_code = self.as_scripted(call, Target::default(), |cluster| {
            let Some(kind) = kind else {
                return ErrorCode::INVALID_REQUEST;
            };
            let resource = match kind {
                CoordinatorKind::Group => ResourceKind::Group,
                CoordinatorKind::Transaction => ResourceKind::TransactionalId,
            };
            if let Some(code) = cluster.denial(call, resource, &key) {
                return code;
            }
            broker = cluster.coordinator(kind, &key);
            match broker {
                Some(_) => ErrorCode::NONE,
                None => ErrorCode::COORDINATOR_NOT_AVAILABLE,
            }
        });
        let broker = broker.filter(|_| error_code.is_none());
        let address = broker.and_then(|id| Some((id, self.brokers.get(id)?)));
        let (node_id, host, port) = match address {
            Some((id, broker)) => (id.0, broker.host.clone(), i32::from(broker.port)),
            None => (-1, String::new(), -1),
        };
        Coordinator::default()
            .with_key(key)
            .with_node_id(node_id)
            .with_host(host)
            .with_port(port)
            .with_error_code(error_code)
            .with_error_message(None)
    }
}

/// `CoordinatorType`.
const GROUP: i8 = 0;
const TRANSACTION: i8 = 1;
/// KIP-699.
const FIRST_WITH_MANY: i16 = 4;
