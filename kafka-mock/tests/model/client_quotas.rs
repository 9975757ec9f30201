//! Quotas over the wire: AlterClientQuotas and DescribeClientQuotas.

use kafka_mock::cluster::{Fault, Quota, QuotaEntity};
use kafka_wire::{
    ApiKey, ErrorCode,
    messages::{
        AlterClientQuotasRequest, DescribeClientQuotasRequest,
        alter_client_quotas::{EntityData, EntryData, OpData},
        describe_client_quotas::ComponentData,
    },
};

use crate::driver::{Driver, ONE};

fn part(kind: &str, name: Option<&str>) -> EntityData {
    EntityData::default()
        .with_entity_type(kind.to_owned())
        .with_entity_name(name.map(str::to_owned))
}

fn set(key: &str, value: f64) -> OpData {
    OpData::default().with_key(key.to_owned()).with_value(value)
}

fn entry(entity: &[EntityData], ops: &[OpData]) -> EntryData {
    EntryData::default()
        .with_entity(entity.to_vec())
        .with_ops(ops.to_vec())
}

fn alter(driver: &mut Driver, entries: Vec<EntryData>, validate_only: bool) -> Vec<ErrorCode> {
    let request = AlterClientQuotasRequest::default()
        .with_entries(entries)
        .with_validate_only(validate_only);
    let answer = driver.ask(ONE, 1, &request);
    answer.entries.iter().map(|it| it.error_code).collect()
}

/// Whom the quotas are for that fit.
fn found(driver: &mut Driver, components: &[(&str, i8, Option<&str>)], strict: bool) -> String {
    let components = components.iter().map(|(kind, match_type, name)| {
        ComponentData::default()
            .with_entity_type((*kind).to_owned())
            .with_match_type(*match_type)
            .with_match(name.map(str::to_owned))
    });
    let request = DescribeClientQuotasRequest::default()
        .with_components(components.collect())
        .with_strict(strict);
    let answer = driver.ask(ONE, 1, &request);
    let Some(entries) = answer.entries else {
        return answer.error_code.name().unwrap_or_default().to_owned();
    };
    let entries = entries.iter().map(|entry| {
        let parts = entry.entity.iter().map(|part| {
            let name = part.entity_name.as_deref().unwrap_or("*");
            format!("{}={name}", part.entity_type)
        });
        parts.collect::<Vec<_>>().join("&")
    });
    entries.collect::<Vec<_>>().join(" ")
}

#[test]
fn a_quota_is_set_changed_and_taken_back() {
    let mut driver = Driver::new(1);
    let app = [part("client-id", Some("app"))];
    let (produce, consume) = ("producer_byte_rate", "consumer_byte_rate");
    let both = entry(&app, &[set(produce, 7.0), set(consume, 8.0)]);
    assert_eq!(
        alter(&mut driver, vec![both.clone()], true),
        [ErrorCode::NONE]
    );
    assert_eq!(driver.cluster.quotas().count(), 0, "it was only checked");
    assert_eq!(alter(&mut driver, vec![both], false), [ErrorCode::NONE]);
    let back = entry(&app, &[set(produce, 0.0).with_remove(true)]);
    assert_eq!(alter(&mut driver, vec![back], false), [ErrorCode::NONE]);
    let left: Vec<_> = driver.cluster.quotas().collect();
    let expected = Quota::default().with_consumer_byte_rate(Some(8));
    assert_eq!(left, [(&QuotaEntity::client_id("app"), expected)]);
    let back = entry(&app, &[set(consume, 0.0).with_remove(true)]);
    assert_eq!(alter(&mut driver, vec![back], false), [ErrorCode::NONE]);
    assert_eq!(driver.cluster.quotas().count(), 0);
}

#[test]
fn what_cannot_be_set_is_refused_and_changes_nothing() {
    let mut driver = Driver::new(1);
    let app = &[part("client-id", Some("app"))][..];
    let rate = &[set("producer_byte_rate", 7.0)][..];
    for (entity, ops) in [
        (&[][..], rate),
        (&[part("group", Some("app"))], rate),
        (&[part("user", Some(""))], rate),
        (&[part("ip", Some("127.0.0.1"))], rate),
        (app, &[set("request_percentage", 7.0)]),
        (app, &[set("producer_byte_rate", 0.5)]),
        (app, &[set("producer_byte_rate", -1.0)]),
        (app, &[set("producer_byte_rate", f64::NAN)]),
        (app, &[set("producer_byte_rate", 1e30)]),
        (app, &[rate[0].clone(), rate[0].clone()]),
        (app, &[rate[0].clone(), set("no_such_rate", 7.0)]),
    ] {
        let refused = alter(&mut driver, vec![entry(entity, ops)], false);
        assert_eq!(refused, [ErrorCode::INVALID_REQUEST], "{entity:?} {ops:?}");
    }
    assert_eq!(driver.cluster.quotas().count(), 0);
    let code = ErrorCode::NOT_CONTROLLER;
    driver
        .cluster
        .inject(Fault::refuse(code).api(ApiKey::ALTER_CLIENT_QUOTAS));
    assert_eq!(alter(&mut driver, vec![entry(app, rate)], false), [code]);
    assert_eq!(driver.cluster.quotas().count(), 0);
}

#[test]
fn quotas_are_found_by_type_by_name_and_exactly() {
    let mut driver = Driver::new(1);
    let alice = QuotaEntity::user("alice");
    for entity in [
        alice.clone(),
        alice.with_client_id("app"),
        QuotaEntity::default_user(),
        QuotaEntity::client_id("app"),
        QuotaEntity::default_client_id(),
    ] {
        let quota = Quota::default().with_producer_byte_rate(Some(7));
        driver.cluster.set_quota(entity, quota);
    }
    let mut check = |components: &[_], strict, expected| {
        let found = found(&mut driver, components, strict);
        assert_eq!(found, expected, "{components:?} {strict}");
    };
    let by_alice = ("user", 0, Some("alice"));
    check(&[by_alice], false, "user=alice user=alice&client-id=app");
    check(&[by_alice], true, "user=alice");
    check(
        &[by_alice, ("client-id", 2, None)],
        true,
        "user=alice&client-id=app",
    );
    check(&[("client-id", 1, None)], true, "client-id=*");
    check(&[("user", 2, None)], true, "user=alice user=*");
    check(&[("ip", 2, None)], false, "");
    check(&[], true, "");
    check(&[("user", 0, None)], false, "INVALID_REQUEST");
    check(&[("user", 3, None)], false, "INVALID_REQUEST");
    check(&[("group", 2, None)], false, "UNSUPPORTED_VERSION");
}
