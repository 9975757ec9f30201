//! DescribeClientQuotas: which limits of bytes per second there are, and for whom (KIP-546).

use std::collections::BTreeSet;

use kafka_wire::{
    ErrorCode,
    messages::{
        DescribeClientQuotasRequest, DescribeClientQuotasResponse,
        describe_client_quotas::{ComponentData, EntityData, EntryData, ValueData},
    },
};

use super::{
    super::quota::{CLIENT_ID, IP, Quota, QuotaEntity, USER},
    Call, Cluster, Outcome, Pause, Target,
    create_topics::Refused,
};

impl Cluster {
    pub(super) fn describe_client_quotas(
        &mut self,
        call: &Call,
        request: DescribeClientQuotasRequest,
        pause: Pause,
    ) -> Outcome {
        let (mut found, mut explained) = (None, None);
        let error_code = self.as_scripted(call, Target::default(), |cluster| {
            match check(&request.components) {
                Ok(()) => {
                    let all = cluster.quotas.limits().iter();
                    let fitting = all.filter(|(entity, _)| fits(entity, &request));
                    found = Some(fitting.map(|(entity, quota)| told(entity, quota)).collect());
                    ErrorCode::NONE
                }
                Err((code, message)) => {
                    explained = Some(message);
                    code
                }
            }
        });
        let response = DescribeClientQuotasResponse::default()
            .with_throttle_time_ms(pause.throttle_time_ms())
            .with_error_code(error_code)
            .with_error_message(explained)
            .with_entries(found.filter(|_| error_code.is_none()));
        Ok(call.answer::<DescribeClientQuotasRequest>(&response))
    }
}

/// Each type once, and a name where one is wanted.
fn check(components: &[ComponentData]) -> Result<(), Refused> {
    let mut seen = BTreeSet::new();
    for component in components {
        let kind = component.entity_type.as_str();
        if kind.is_empty() {
            return Err(invalid("Invalid empty entity type."));
        }
        if !seen.insert(kind) {
            return Err(invalid(format!(
                "Entity type {kind} cannot appear more than once in the filter."
            )));
        }
        if ![USER, CLIENT_ID, IP].contains(&kind) {
            let message = format!("Unsupported entity type {kind}");
            return Err((ErrorCode::UNSUPPORTED_VERSION, message));
        }
        match (component.match_type, &component.r#match) {
            (EXACT, Some(_)) | (DEFAULT | SPECIFIED, None) => {}
            (EXACT..=SPECIFIED, _) => {
                return Err(invalid("a name belongs to match type 0, and only to it"));
            }
            (other, _) => return Err(invalid(format!("Unknown match type {other}"))),
        }
    }
    if seen.contains(IP) && seen.len() > 1 {
        return Err(invalid(
            "IP filter component should not be used with user or clientId filter component.",
        ));
    }
    Ok(())
}

fn fits(entity: &QuotaEntity, request: &DescribeClientQuotasRequest) -> bool {
    let components = &request.components;
    let each = components.iter().all(|wanted| {
        let mut parts = entity.parts();
        parts.any(|(kind, name)| {
            let fits = wanted.match_type == SPECIFIED || name == wanted.r#match.as_deref();
            kind == wanted.entity_type && fits
        })
    });
    each && (!request.strict || entity.parts().count() == components.len())
}

fn told(entity: &QuotaEntity, mut quota: Quota) -> EntryData {
    let parts = entity.parts().map(|(kind, name)| {
        EntityData::default()
            .with_entity_type(kind.to_owned())
            .with_entity_name(name.map(str::to_owned))
    });
    let values = Quota::NAMES.iter().filter_map(|name| {
        let rate = quota.by_name(name).copied().flatten()?;
        let value = ValueData::default().with_key((*name).to_owned());
        Some(value.with_value(rate as f64))
    });
    let values = values.collect();
    EntryData::default()
        .with_entity(parts.collect())
        .with_values(values)
}

fn invalid(message: impl Into<String>) -> Refused {
    (ErrorCode::INVALID_REQUEST, message.into())
}

/// How a component fits: who is named, the default, all of the type.
const EXACT: i8 = 0;
const DEFAULT: i8 = 1;
const SPECIFIED: i8 = 2;
