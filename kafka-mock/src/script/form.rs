//! How a script is written, and what it comes to. Whatever is wrong is told with its line and what is allowed.

use std::time::Duration;

use kafka_wire::{ApiKey, ErrorCode};
use serde::Deserialize;
use toml::Spanned;

use super::act::{Act, TimedAct};
use crate::{
    MockError,
    cluster::{
        Acl, AclOperation, AclResource, BrokerId, Effect, Fault, Quota, QuotaEntity, Restart, When,
    },
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScriptForm {
    #[serde(default)]
    fault: Vec<Spanned<FaultForm>>,
    #[serde(default)]
    act: Vec<Spanned<ActForm>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FaultForm {
    broker: Option<u16>,
    api: Option<String>,
    topic: Option<String>,
    partition: Option<i32>,
    #[serde(default)]
    after: u32,
    times: Option<Times>,
    refuse: Option<String>,
    misreport: Option<String>,
    disconnect: Option<Side>,
    silence: Option<Side>,
    delay_ms: Option<u64>,
    when: Option<Side>,
    throttle_ms: Option<u64>,
    cut_after_bytes: Option<usize>,
    rebootstrap: Option<bool>,
}

#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "`times` must be a number of times from 1, or \"always\""
)]
enum Times {
    Count(u32),
    Always(Always),
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Always {
    Always,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Side {
    Before,
    After,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ActForm {
    #[serde(default)]
    at_ms: u64,
    #[serde(rename = "do")]
    verb: String,
    broker: Option<u16>,
    topic: Option<String>,
    partition: Option<i32>,
    partitions: Option<i32>,
    to: Option<u16>,
    principal: Option<String>,
    operation: Option<String>,
    group: Option<String>,
    transactional_id: Option<String>,
    cluster: Option<bool>,
    prefixed: Option<bool>,
    user: Option<String>,
    client_id: Option<String>,
    producer_byte_rate: Option<u64>,
    consumer_byte_rate: Option<u64>,
}

/// What is wrong, without its place.
type Wrong = String;

/// The faults in the order of the text, with tags from 1, and the acts in that of time.
pub(super) fn parse(text: &str) -> Result<(Vec<Fault>, Vec<TimedAct>), MockError> {
    let form: ScriptForm = toml::from_str(text).map_err(|error| {
        let place = error.span().map_or(0, |span| span.start);
        at(text, place)(error.message().to_owned())
    })?;
    let mut faults = Vec::new();
    for (tag, form) in (1..).zip(form.fault) {
        let place = at(text, form.span().start);
        faults.push(form.into_inner().fault().map_err(place)?.tagged(tag));
    }
    let mut acts = Vec::new();
    for form in form.act {
        let place = at(text, form.span().start);
        acts.push(form.into_inner().timed_act().map_err(place)?);
    }
    acts.sort_by_key(|timed| timed.at);
    Ok((faults, acts))
}

/// An error at this offset of the text.
fn at(text: &str, offset: usize) -> impl Fn(Wrong) -> MockError {
    let before = text.as_bytes().get(..offset).unwrap_or_default();
    let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
    move |problem| MockError::Script { line, problem }
}

impl FaultForm {
    fn fault(self) -> Result<Fault, Wrong> {
        let effect = self.effect()?;
        let mut fault = match effect {
            // These are about Produce unless another API is named.
            Effect::Refuse(code) => Fault::refuse(code),
            Effect::Misreport(code) => Fault::misreport(code),
            other => Fault::new(other),
        };
        if let Some(api) = &self.api {
            fault = fault.api(api_named(api)?);
        }
        if let Some(broker) = self.broker {
            fault = fault.broker(BrokerId(i32::from(broker)));
        }
        fault = match (self.topic, self.partition) {
            (Some(topic), Some(partition)) => fault.partition(topic, partition),
            (Some(topic), None) => fault.topic(topic),
            (None, None) => fault,
            (None, Some(_)) => return Err("`partition` needs `topic` beside it".to_owned()),
        };
        Ok(match self.times {
            None => fault,
            Some(Times::Count(0)) => return Err("`times` must be 1 or more, or \"always\"".into()),
            Some(Times::Count(times)) => fault.times(times),
            Some(Times::Always(Always::Always)) => fault.always(),
        }
        .after(self.after))
    }

    fn effect(&self) -> Result<Effect, Wrong> {
        let code = |name: &Option<String>| name.as_deref().map(error_named).transpose();
        let delay = self.delay_ms.map(Duration::from_millis);
        if self.when.is_some() && delay.is_none() {
            return Err("`when` belongs to `delay_ms`".to_owned());
        }
        let when = self.when.unwrap_or(Side::After).when();
        let throttle = self.throttle_ms.map(Duration::from_millis);
        let given = [
            code(&self.refuse)?.map(Effect::Refuse),
            code(&self.misreport)?.map(Effect::Misreport),
            self.disconnect.map(|side| Effect::Disconnect(side.when())),
            self.silence.map(|side| Effect::Silence(side.when())),
            delay.map(|by| Effect::Delay(when, by)),
            throttle.map(Effect::Throttle),
            self.cut_after_bytes.map(Effect::Cut),
            self.rebootstrap
                .and_then(|yes| yes.then_some(Effect::Rebootstrap)),
        ];
        let mut given = given.into_iter().flatten();
        match (given.next(), given.next()) {
            (Some(effect), None) => Ok(effect),
            (None, _) => Err(format!("a fault needs an effect: one of {EFFECTS}")),
            (Some(_), Some(_)) => Err(format!(
                "a fault has one effect of {EFFECTS}; this has several"
            )),
        }
    }
}

const EFFECTS: &str = "refuse, misreport, disconnect, silence, delay_ms, throttle_ms, cut_after_bytes, rebootstrap = true";

impl Side {
    fn when(self) -> When {
        match self {
            Self::Before => When::BeforeHandling,
            Self::After => When::AfterHandling,
        }
    }
}

fn api_named(name: &str) -> Result<ApiKey, Wrong> {
    let key = ApiKey::all().find(|key| key.name() == Some(name));
    key.ok_or_else(|| format!("`api` = \"{name}\": no API of Kafka's, such as Produce, Fetch, Metadata or InitProducerId"))
}

fn error_named(name: &str) -> Result<ErrorCode, Wrong> {
    let code = ErrorCode::all().find(|code| code.name() == Some(name));
    code.ok_or_else(|| {
        format!(
            "\"{name}\": no error of Kafka's, such as NOT_ENOUGH_REPLICAS or NOT_LEADER_OR_FOLLOWER"
        )
    })
}

impl ActForm {
    fn timed_act(mut self) -> Result<TimedAct, Wrong> {
        let at = Duration::from_millis(self.at_ms);
        let verb = std::mem::take(&mut self.verb);
        let act = match &*verb {
            "kill" => Act::Kill(self.broker(&verb)?),
            "restart" => Act::Restart(self.broker(&verb)?, Restart::WithData),
            "restart_empty" => Act::Restart(self.broker(&verb)?, Restart::Empty),
            "freeze" => Act::Freeze(self.broker(&verb)?),
            "thaw" => Act::Thaw(self.broker(&verb)?),
            "rolling_restart" => Act::RollingRestart,
            "move_leader" => Act::MoveLeader {
                topic: needed(self.topic.take(), &verb, "topic")?,
                partition: needed(self.partition.take(), &verb, "partition")?,
                to: BrokerId(i32::from(needed(self.to.take(), &verb, "to")?)),
            },
            "create_topic" => Act::CreateTopic(self.topic(&verb)?, self.partitions(&verb)?),
            "grow_topic" => Act::GrowTopic(self.topic(&verb)?, self.partitions(&verb)?),
            "delete_topic" => Act::DeleteTopic(self.topic(&verb)?),
            "recreate_topic" => Act::RecreateTopic(self.topic(&verb)?),
            "forget_producers" => {
                let partition = needed(self.partition.take(), &verb, "partition")?;
                Act::ForgetProducers(self.topic(&verb)?, partition)
            }
            "allow" => Act::AddAcl(self.acl(&verb, Acl::allow)?),
            "deny" => Act::AddAcl(self.acl(&verb, Acl::deny)?),
            "remove_acls" => Act::RemoveAcls,
            "set_quota" => {
                let entity = self.quota_entity(&verb)?;
                Act::SetQuota(entity, self.quota())
            }
            other => return Err(format!("do = \"{other}\": none of {ACTS}")),
        };
        match self.left_over() {
            None => Ok(TimedAct { at, act }),
            Some(name) => Err(format!("do = \"{verb}\" takes no `{name}`")),
        }
    }

    fn acl(
        &mut self,
        verb: &str,
        made: fn(String, AclOperation, AclResource) -> Acl,
    ) -> Result<Acl, Wrong> {
        let principal = needed(self.principal.take(), verb, "principal")?;
        let name = needed(self.operation.take(), verb, "operation")?;
        let unknown = || format!("\"{name}\": no operation of Kafka's, such as Write or All");
        let operation = AclOperation::named(&name).ok_or_else(unknown)?;
        let named = [
            self.topic.take().map(AclResource::topic),
            self.group.take().map(AclResource::group),
            self.transactional_id
                .take()
                .map(AclResource::transactional_id),
            self.cluster
                .take()
                .filter(|is_it| *is_it)
                .map(|_| AclResource::cluster()),
        ];
        let mut named = named.into_iter().flatten();
        let (Some(resource), None) = (named.next(), named.next()) else {
            let resources = "topic, group, transactional_id, cluster = true";
            return Err(format!("do = \"{verb}\" needs one of {resources}"));
        };
        let resource = match self.prefixed.take() {
            Some(true) => resource.prefixed(),
            _ => resource,
        };
        Ok(made(principal, operation, resource))
    }

    fn broker(&mut self, verb: &str) -> Result<BrokerId, Wrong> {
        needed(self.broker.take(), verb, "broker").map(|id| BrokerId(i32::from(id)))
    }

    fn topic(&mut self, verb: &str) -> Result<String, Wrong> {
        needed(self.topic.take(), verb, "topic")
    }

    fn partitions(&mut self, verb: &str) -> Result<i32, Wrong> {
        needed(self.partitions.take(), verb, "partitions")
    }

    fn quota_entity(&mut self, verb: &str) -> Result<QuotaEntity, Wrong> {
        let of_users = self.user.take().map(|name| match &*name {
            DEFAULT => QuotaEntity::default_user(),
            _ => QuotaEntity::user(name),
        });
        let entity = match (of_users, self.client_id.take()) {
            (None, None) => return Err(format!("do = \"{verb}\" needs `user` or `client_id`")),
            (Some(of_users), None) => of_users,
            (Some(of_users), Some(id)) if id == DEFAULT => of_users.with_default_client_id(),
            (Some(of_users), Some(id)) => of_users.with_client_id(id),
            (None, Some(id)) if id == DEFAULT => QuotaEntity::default_client_id(),
            (None, Some(id)) => QuotaEntity::client_id(id),
        };
        Ok(entity)
    }

    fn quota(&mut self) -> Quota {
        Quota::default()
            .with_producer_byte_rate(self.producer_byte_rate.take())
            .with_consumer_byte_rate(self.consumer_byte_rate.take())
    }

    /// A field that the act does not take.
    fn left_over(&self) -> Option<&'static str> {
        let fields = [
            ("broker", self.broker.is_some()),
            ("topic", self.topic.is_some()),
            ("partition", self.partition.is_some()),
            ("partitions", self.partitions.is_some()),
            ("to", self.to.is_some()),
            ("principal", self.principal.is_some()),
            ("operation", self.operation.is_some()),
            ("group", self.group.is_some()),
            ("transactional_id", self.transactional_id.is_some()),
            ("cluster", self.cluster.is_some()),
            ("prefixed", self.prefixed.is_some()),
            ("user", self.user.is_some()),
            ("client_id", self.client_id.is_some()),
            ("producer_byte_rate", self.producer_byte_rate.is_some()),
            ("consumer_byte_rate", self.consumer_byte_rate.is_some()),
        ];
        let mut there = fields.into_iter().filter(|(_, is_there)| *is_there);
        there.next().map(|(name, _)| name)
    }
}

fn needed<T>(field: Option<T>, verb: &str, name: &str) -> Result<T, Wrong> {
    field.ok_or_else(|| format!("do = \"{verb}\" needs `{name}`"))
}

const ACTS: &str = "kill, restart, restart_empty, freeze, thaw, rolling_restart, move_leader, create_topic, \
     grow_topic, delete_topic, recreate_topic, forget_producers, \
     allow, deny, remove_acls, set_quota";
/// Whoever has no quota by name, as Kafka's tools had it.
const DEFAULT: &str = "<default>";

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> Fault {
        let (faults, _) = parse(&format!("[[fault]]\n{text}")).unwrap();
        faults[0].clone()
    }

    fn act(text: &str) -> Act {
        let (_, acts) = parse(&format!("[[act]]\nat_ms = 5\n{text}")).unwrap();
        assert_eq!(acts[0].at, Duration::from_millis(5));
        acts[0].act.clone()
    }

    #[track_caller]
    fn refused(text: &str, expected: &str) {
        let error = parse(text).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn each_effect_is_what_the_code_would_say() {
        let ms = Duration::from_millis;
        let code = ErrorCode::NOT_ENOUGH_REPLICAS;
        for (text, expected) in [
            ("refuse = 'NOT_ENOUGH_REPLICAS'", Fault::refuse(code)),
            ("misreport = 'NOT_ENOUGH_REPLICAS'", Fault::misreport(code)),
            (
                "disconnect = 'before'",
                Fault::disconnect(When::BeforeHandling),
            ),
            (
                "silence = 'after'",
                Fault::new(Effect::Silence(When::AfterHandling)),
            ),
            ("delay_ms = 7", Fault::delay(When::AfterHandling, ms(7))),
            (
                "delay_ms = 7\nwhen = 'before'",
                Fault::delay(When::BeforeHandling, ms(7)),
            ),
            ("throttle_ms = 7", Fault::throttle(ms(7))),
            ("cut_after_bytes = 7", Fault::cut(7)),
            ("rebootstrap = true", Fault::new(Effect::Rebootstrap)),
        ] {
            assert_eq!(fault(text), expected.tagged(1), "{text}");
        }
    }

    #[test]
    fn a_fault_says_for_which_requests_it_is_and_how_often_it_strikes() {
        let text = "api = 'Fetch'\nbroker = 2\ntopic = 'orders'\npartition = 3\nafter = 4\ntimes = 5\ncut_after_bytes = 6";
        let expected = Fault::cut(6).api(ApiKey::FETCH).broker(BrokerId(2));
        let expected = expected.partition("orders", 3).after(4).times(5);
        assert_eq!(fault(text), expected.tagged(1));
        let always = Fault::throttle(Duration::ZERO).topic("orders").always();
        let text = "topic = 'orders'\ntimes = 'always'\nthrottle_ms = 0";
        assert_eq!(fault(text), always.tagged(1));
    }

    #[test]
    fn each_act_is_what_the_code_would_say() {
        let orders = || "orders".to_owned();
        let moved = Act::MoveLeader {
            topic: orders(),
            partition: 1,
            to: BrokerId(2),
        };
        for (text, expected) in [
            ("do = 'kill'\nbroker = 1", Act::Kill(BrokerId(1))),
            (
                "do = 'restart'\nbroker = 1",
                Act::Restart(BrokerId(1), Restart::WithData),
            ),
            (
                "do = 'restart_empty'\nbroker = 1",
                Act::Restart(BrokerId(1), Restart::Empty),
            ),
            ("do = 'freeze'\nbroker = 1", Act::Freeze(BrokerId(1))),
            ("do = 'thaw'\nbroker = 1", Act::Thaw(BrokerId(1))),
            ("do = 'rolling_restart'", Act::RollingRestart),
            (
                "do = 'move_leader'\ntopic = 'orders'\npartition = 1\nto = 2",
                moved,
            ),
            (
                "do = 'create_topic'\ntopic = 'orders'\npartitions = 3",
                Act::CreateTopic(orders(), 3),
            ),
            (
                "do = 'grow_topic'\ntopic = 'orders'\npartitions = 3",
                Act::GrowTopic(orders(), 3),
            ),
            (
                "do = 'delete_topic'\ntopic = 'orders'",
                Act::DeleteTopic(orders()),
            ),
            (
                "do = 'recreate_topic'\ntopic = 'orders'",
                Act::RecreateTopic(orders()),
            ),
            (
                "do = 'forget_producers'\ntopic = 'orders'\npartition = 1",
                Act::ForgetProducers(orders(), 1),
            ),
        ] {
            assert_eq!(act(text), expected, "{text}");
        }
    }

    #[test]
    fn who_may_do_what_and_how_much_are_acts_too() {
        for (text, expected) in [
            (
                "do = 'deny'\nprincipal = 'User:*'\noperation = 'Write'\ntopic = 'orders'",
                Act::AddAcl(Acl::deny(
                    "User:*",
                    AclOperation::Write,
                    AclResource::topic("orders"),
                )),
            ),
            (
                "do = 'allow'\nprincipal = 'User:alice'\noperation = 'All'\ngroup = 'b'\nprefixed = true",
                Act::AddAcl(Acl::allow(
                    "User:alice",
                    AclOperation::All,
                    AclResource::group("b").prefixed(),
                )),
            ),
            ("do = 'remove_acls'", Act::RemoveAcls),
            (
                "do = 'set_quota'\nclient_id = 'app'\nproducer_byte_rate = 7",
                Act::SetQuota(
                    QuotaEntity::client_id("app"),
                    Quota::default().with_producer_byte_rate(Some(7)),
                ),
            ),
            (
                "do = 'set_quota'\nuser = 'alice'\nclient_id = '<default>'\nconsumer_byte_rate = 8",
                Act::SetQuota(
                    QuotaEntity::user("alice").with_default_client_id(),
                    Quota::default().with_consumer_byte_rate(Some(8)),
                ),
            ),
            (
                "do = 'set_quota'\nuser = '<default>'",
                Act::SetQuota(QuotaEntity::default_user(), Quota::default()),
            ),
        ] {
            assert_eq!(act(text), expected, "{text}");
        }
    }

    #[test]
    fn acts_are_in_the_order_of_time() {
        let text = "[[act]]\nat_ms = 9\ndo = 'rolling_restart'\n[[act]]\ndo = 'thaw'\nbroker = 1";
        let (_, acts) = parse(text).unwrap();
        let times: Vec<_> = acts.iter().map(|timed| timed.at.as_millis()).collect();
        assert_eq!(times, [0, 9]);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line_and_what_is_allowed() {
        refused(
            "[[fault]]\n",
            "line 1: a fault needs an effect: one of refuse, misreport",
        );
        refused(
            "\n\n[[fault]]\nrefuse = 'NOT_ENOUGH'",
            "line 3: \"NOT_ENOUGH\": no error of Kafka's",
        );
        refused(
            "[[fault]]\nthrottle_ms = 1\ndelay_ms = 1",
            "this has several",
        );
        refused("[[fault]]\nrebootstrap = false", "a fault needs an effect");
        refused(
            "[[fault]]\nthrottle_ms = 1\nwhen = 'after'",
            "`when` belongs to `delay_ms`",
        );
        refused(
            "[[fault]]\nthrottle_ms = 1\npartition = 1",
            "`partition` needs `topic`",
        );
        refused(
            "[[fault]]\nthrottle_ms = 1\napi = 'produce'",
            "no API of Kafka's, such as Produce",
        );
        refused(
            "[[fault]]\nthrottle_ms = 1\ntimes = 0",
            "`times` must be 1 or more",
        );
        refused(
            "[[fault]]\nthrottle_ms = 1\ntimes = 'never'",
            "`times` must be a number of times from 1, or \"always\"",
        );
        refused(
            "[[fault]]\nthrotle_ms = 1",
            "line 2: unknown field `throtle_ms`, expected one of",
        );
        refused(
            "[[act]]\ndo = 'murder'\nbroker = 1",
            "do = \"murder\": none of kill, restart",
        );
        refused(
            "[[act]]\ndo = 'set_quota'\nproducer_byte_rate = 1",
            "do = \"set_quota\" needs `user` or `client_id`",
        );
        refused("[[act]]\ndo = 'kill'", "do = \"kill\" needs `broker`");
        refused(
            "[[act]]\ndo = 'kill'\nbroker = 1\ntopic = 'orders'",
            "do = \"kill\" takes no `topic`",
        );
        let deny = "[[act]]\ndo = 'deny'\nprincipal = 'User:*'";
        refused(
            &format!("{deny}\noperation = 'write'"),
            "\"write\": no operation of Kafka's",
        );
        refused(
            &format!("{deny}\noperation = 'Write'"),
            "needs one of topic, group, transactional_id",
        );
        refused("[[act]]\nat_ms = -1\ndo = 'rolling_restart'", "line 2");
        refused("fault = 1", "line 1");
        refused("[[fault]", "line 1");
    }
}
