//! A member of a group of the classic protocol, as a client of the model.

use kafka_mock::cluster::{Answer, BrokerId, ConnectionId, CoordinatorKind, Release};
use kafka_wire::{
    ErrorCode, Request,
    messages::{
        HeartbeatRequest, JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest,
        OffsetCommitRequest, OffsetFetchRequest, SyncGroupRequest, SyncGroupResponse,
        join_group::JoinGroupRequestProtocol,
        leave_group::MemberIdentity,
        offset_commit::{OffsetCommitRequestPartition, OffsetCommitRequestTopic},
        offset_fetch::{OffsetFetchRequestGroup, OffsetFetchRequestTopics},
        sync_group::SyncGroupRequestAssignment,
    },
};

use crate::driver::{Driver, decode};

pub(crate) const GROUP: &str = "g";

/// A client with a connection of its own to the coordinator.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) connection: ConnectionId,
    pub(crate) id: String,
    pub(crate) instance: Option<String>,
    pub(crate) generation: i32,
    pub(crate) protocols: Vec<&'static str>,
    pub(crate) version: i16,
}

pub(crate) fn group_coordinator(driver: &mut Driver) -> BrokerId {
    let broker = driver.cluster.coordinator(CoordinatorKind::Group, GROUP);
    broker.expect("somebody coordinates")
}

impl Member {
    pub(crate) fn new(connection: u64) -> Self {
        Self {
            connection: ConnectionId(100 + connection),
            id: String::new(),
            instance: None,
            generation: -1,
            protocols: vec!["range"],
            version: 9,
        }
    }

    pub(crate) fn fixed(connection: u64, instance: &str) -> Self {
        let instance = Some(instance.to_owned());
        Self {
            instance,
            ..Self::new(connection)
        }
    }

    /// The answer, if it comes at once.
    pub(crate) fn try_ask<R: Request>(
        &self,
        driver: &mut Driver,
        version: i16,
        request: &R,
    ) -> Option<R::Response> {
        let broker = group_coordinator(driver);
        match driver.send_on(broker, self.connection, version, request) {
            Answer::Send(frame) => Some(decode::<R>(frame, version)),
            Answer::Delayed => None,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn ask<R: Request>(
        &self,
        driver: &mut Driver,
        version: i16,
        request: &R,
    ) -> R::Response {
        let answer = self.try_ask(driver, version, request);
        answer.expect("it is answered at once")
    }

    pub(crate) fn join_request(&self) -> JoinGroupRequest {
        let protocols = self.protocols.iter().map(|name| {
            JoinGroupRequestProtocol::default()
                .with_name((*name).to_owned())
                .with_metadata(name.as_bytes().into())
        });
        JoinGroupRequest::default()
            .with_group_id(GROUP.to_owned())
            .with_session_timeout_ms(10_000)
            .with_rebalance_timeout_ms(60_000)
            .with_member_id(self.id.clone())
            .with_group_instance_id(self.instance.clone())
            .with_protocol_type("consumer".to_owned())
            .with_protocols(protocols.collect())
    }

    /// Joins, with an id that it asks for if it has none; none if it has to wait.
    pub(crate) fn join(&mut self, driver: &mut Driver) -> Option<JoinGroupResponse> {
        let joined = self.try_ask(driver, self.version, &self.join_request())?;
        self.id.clone_from(&joined.member_id);
        if joined.error_code == ErrorCode::MEMBER_ID_REQUIRED {
            return self.join(driver);
        }
        self.generation = joined.generation_id;
        Some(joined)
    }

    /// What it is told after it has waited.
    pub(crate) fn told<R: Request>(&self, releases: &[Release], version: i16) -> R::Response {
        let own = releases.iter().find(|it| it.connection == self.connection);
        match own.map(|it| it.answer.clone()) {
            Some(Answer::Send(frame)) => decode::<R>(frame, version),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn has_joined(&mut self, releases: &[Release]) -> JoinGroupResponse {
        let joined = self.told::<JoinGroupRequest>(releases, self.version);
        self.id.clone_from(&joined.member_id);
        self.generation = joined.generation_id;
        joined
    }

    /// Asks for its assignment, and brings those of these members, if it leads.
    pub(crate) fn sync(
        &self,
        driver: &mut Driver,
        assignments: &[(&str, &'static str)],
    ) -> Option<SyncGroupResponse> {
        let assignments = assignments.iter().map(|(id, assignment)| {
            SyncGroupRequestAssignment::default()
                .with_member_id((*id).to_owned())
                .with_assignment(assignment.as_bytes().into())
        });
        let request = SyncGroupRequest::default()
            .with_group_id(GROUP.to_owned())
            .with_generation_id(self.generation)
            .with_member_id(self.id.clone())
            .with_group_instance_id(self.instance.clone())
            .with_protocol_type(Some("consumer".to_owned()))
            .with_protocol_name(Some(self.protocols[0].to_owned()))
            .with_assignments(assignments.collect());
        self.try_ask(driver, 5, &request)
    }

    pub(crate) fn heartbeat(&self, driver: &mut Driver) -> ErrorCode {
        let request = HeartbeatRequest::default()
            .with_group_id(GROUP.to_owned())
            .with_generation_id(self.generation)
            .with_member_id(self.id.clone())
            .with_group_instance_id(self.instance.clone());
        self.ask(driver, 4, &request).error_code
    }

    pub(crate) fn leave(&self, driver: &mut Driver) -> ErrorCode {
        let identity = MemberIdentity::default()
            .with_member_id(self.id.clone())
            .with_group_instance_id(self.instance.clone());
        let request = LeaveGroupRequest::default()
            .with_group_id(GROUP.to_owned())
            .with_members(vec![identity]);
        let answer = self.ask(driver, 5, &request);
        match answer.error_code {
            ErrorCode::NONE => answer.members[0].error_code,
            code => code,
        }
    }

    pub(crate) fn commit(&self, driver: &mut Driver, offset: i64) -> ErrorCode {
        let partition = OffsetCommitRequestPartition::default().with_committed_offset(offset);
        let topic = OffsetCommitRequestTopic::default()
            .with_name("t".to_owned())
            .with_partitions(vec![partition]);
        let request = OffsetCommitRequest::default()
            .with_group_id(GROUP.to_owned())
            .with_generation_id_or_member_epoch(self.generation)
            .with_member_id(self.id.clone())
            .with_group_instance_id(self.instance.clone())
            .with_topics(vec![topic]);
        let answer = self.ask(driver, 9, &request);
        answer.topics[0].partitions[0].error_code
    }
}

/// Code and offset of partition 0 of `t`.
pub(crate) fn fetch_offset(driver: &mut Driver, stable: bool) -> (ErrorCode, i64) {
    let topic = OffsetFetchRequestTopics::default()
        .with_name("t".to_owned())
        .with_partition_indexes(vec![0]);
    let group = OffsetFetchRequestGroup::default()
        .with_group_id(GROUP.to_owned())
        .with_topics(Some(vec![topic]));
    let request = OffsetFetchRequest::default()
        .with_groups(vec![group])
        .with_require_stable(stable);
    let broker = group_coordinator(driver);
    let answer = driver.ask(broker, 9, &request);
    let group = &answer.groups[0];
    match group.error_code {
        ErrorCode::NONE => {
            let partition = &group.topics[0].partitions[0];
            (partition.error_code, partition.committed_offset)
        }
        code => (code, -1),
    }
}

/// A group of one member that is stable.
pub(crate) fn alone(driver: &mut Driver) -> Member {
    let mut member = Member::new(1);
    let joined = member.join(driver).expect("nobody else is waited for");
    assert_eq!(joined.error_code, ErrorCode::NONE);
    assert_eq!(joined.leader, member.id);
    let synced = member.sync(driver, &[(&member.id, "all")]).unwrap();
    assert_eq!(&synced.assignment[..], b"all");
    member
}

/// A group of two members that is stable; the first leads.
pub(crate) fn couple(driver: &mut Driver) -> [Member; 2] {
    let mut leader = alone(driver);
    let mut other = Member::new(2);
    assert_eq!(other.join(driver), None, "the leader has to join again");
    assert_eq!(leader.heartbeat(driver), ErrorCode::REBALANCE_IN_PROGRESS);
    let joined = leader.join(driver).expect("all are here");
    assert_eq!(
        (joined.leader.as_str(), joined.members.len()),
        (leader.id.as_str(), 2)
    );
    let releases = driver.next_releases();
    let told = other.has_joined(&releases);
    assert_eq!((told.error_code, told.members.len()), (ErrorCode::NONE, 0));
    assert_eq!(other.sync(driver, &[]), None, "it waits for the leader");
    let both = [(leader.id.as_str(), "left"), (other.id.as_str(), "right")];
    let synced = leader.sync(driver, &both).unwrap();
    assert_eq!(&synced.assignment[..], b"left");
    let releases = driver.next_releases();
    let told = other.told::<SyncGroupRequest>(&releases, 5);
    assert_eq!(&told.assignment[..], b"right");
    [leader, other]
}
