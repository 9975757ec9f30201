//! AlterClientQuotas: limits of bytes per second are set and taken back; all changes for one entity, or none (KIP-546).

use std::collections::BTreeMap;

use kafka_wire::{
    ErrorCode,
    messages::{
        AlterClientQuotasRequest, AlterClientQuotasResponse,
        alter_client_quotas::{EntityData, EntryData, EntryOutcome, OpData},
    },
};

use super::{
    super::quota::{CLIENT_ID, IP, Quota, QuotaEntity, USER},
    Call, Cluster, Outcome, Pause, Target,
    create_topics::Refused,
};

impl Cluster {
    pub(super) fn alter_client_quotas(
        &mut self,
        call: &Call,
        request: AlterClientQuotasRequest,
        pause: Pause,
    ) -> Outcome {
        let mut outcomes: Vec<EntryOutcome> = Vec::new();
        for asked in request.entries {
            let earlier = outcomes.iter_mut().find(|it| it.entity == asked.entity);
            if let Some(earlier) = earlier {
                let message = "each entity must appear at most once".to_owned();
                earlier.error_code = ErrorCode::INVALID_REQUEST;
                earlier.error_message = Some(message);
                continue;
            }
            outcomes.push(self.alter_quotas_of(call, asked, request.validate_only));
        }
        let response = AlterClientQuotasResponse::default()
            .with_entries(outcomes)
            .with_throttle_time_ms(pause.throttle_time_ms());
        Ok(call.answer::<AlterClientQuotasRequest>(&response))
    }

    fn alter_quotas_of(
        &mut self,
        call: &Call,
        asked: EntryData,
        validate_only: bool,
    ) -> EntryOutcome {
        let mut explained = None;
        let error_code = self.as_scripted(call, Target::default(), |cluster| {
            match cluster.altered_quota(&asked) {
                Ok((entity, quota)) => {
                    if !validate_only {
                        cluster.set_quota(entity, quota);
                    }
                    ErrorCode::NONE
                }
                Err((code, message)) => {
                    explained = Some(message);
                    code
                }
            }
        });
        EntryOutcome::default()
            .with_error_code(error_code)
            .with_error_message(explained)
            .with_entity(asked.entity)
    }

    /// What an entity would have after these changes.
    fn altered_quota(&self, asked: &EntryData) -> Result<(QuotaEntity, Quota), Refused> {
        let entity = named(&asked.entity)?;
        let mut quota = self.quotas.limits().own(&entity);
        let mut seen = BTreeMap::new();
        for change in &asked.ops {
            if seen.insert(&change.key, ()).is_some() {
                return Err(invalid(format!("Duplicate quota key {}", change.key)));
            }
            alter(&mut quota, change)?;
        }
        Ok((entity, quota))
    }
}

/// Whom the parts name together.
fn named(parts: &[EntityData]) -> Result<QuotaEntity, Refused> {
    let mut by_type = BTreeMap::new();
    for part in parts {
        let kind = part.entity_type.as_str();
        if ![USER, CLIENT_ID, IP].contains(&kind) {
            return Err(invalid(format!(
                "Unhandled client quota entity type: {kind}"
            )));
        }
        if part.entity_name.as_deref() == Some("") {
            return Err(invalid(format!("Empty {kind} not supported")));
        }
        by_type.insert(kind, part.entity_name.clone());
    }
    if by_type.contains_key(IP) {
        return Err(invalid("quotas of addresses cannot be set here"));
    }
    let entity = QuotaEntity::of_parts(by_type.remove(USER), by_type.remove(CLIENT_ID));
    entity.ok_or_else(|| invalid("Invalid empty client quota entity"))
}

fn alter(quota: &mut Quota, change: &OpData) -> Result<(), Refused> {
    let Some(rate) = quota.by_name(&change.key) else {
        let message = format!(
            "Invalid configuration key {}: here are producer_byte_rate and consumer_byte_rate",
            change.key
        );
        return Err(invalid(message));
    };
    *rate = match change.remove {
        true => None,
        false => Some(whole_number(change)?),
    };
    Ok(())
}

/// The value, which must be a whole number of bytes.
fn whole_number(change: &OpData) -> Result<u64, Refused> {
    let value = change.value;
    if !(0.0..=MOST).contains(&value) || value.fract() != 0.0 {
        let message = format!("Configuration {} must be a Long value", change.key);
        return Err(invalid(message));
    }
    // It is one, and in range.
    Ok(value as u64)
}

fn invalid(message: impl Into<String>) -> Refused {
    (ErrorCode::INVALID_REQUEST, message.into())
}

/// `Long.MAX_VALUE`.
const MOST: f64 = i64::MAX as f64;
