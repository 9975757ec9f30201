//! How many bytes clients may write and read in a second, and which limit is a client's.
//!
//! Plain data, as what Kafka keeps of AlterClientQuotas (KIP-546). Nothing here counts a byte.

use std::collections::BTreeMap;

use super::setters::settings;

/// For whom a quota is: a user, a client id, or one with the other; each by name or for all that have none of their own.
///
/// ```
/// use kafka_mock::cluster::QuotaEntity;
///
/// let billing = QuotaEntity::user("alice").with_client_id("billing");
/// assert_eq!(billing.to_string(), "user alice, client-id billing");
/// assert_eq!(QuotaEntity::default_client_id().to_string(), "default client-id");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QuotaEntity {
    user: Option<Who>,
    client_id: Option<Who>,
}

/// Who of a kind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Who {
    Named(String),
    /// Each one that has no quota by name.
    Default,
}

impl QuotaEntity {
    /// A user: the name that a client authenticates as, or `ANONYMOUS` where it need not.
    ///
    /// ```
    /// let _ = kafka_mock::cluster::QuotaEntity::user("alice");
    /// ```
    #[must_use]
    pub fn user(name: impl Into<String>) -> Self {
        Self {
            user: Some(Who::Named(name.into())),
            client_id: None,
        }
    }

    /// Each user that has no quota by name.
    ///
    /// ```
    /// let _ = kafka_mock::cluster::QuotaEntity::default_user();
    /// ```
    #[must_use]
    pub fn default_user() -> Self {
        Self {
            user: Some(Who::Default),
            client_id: None,
        }
    }

    /// All clients of this `client.id`, whatever their user.
    ///
    /// ```
    /// let _ = kafka_mock::cluster::QuotaEntity::client_id("billing");
    /// ```
    #[must_use]
    pub fn client_id(id: impl Into<String>) -> Self {
        Self {
            user: None,
            client_id: Some(Who::Named(id.into())),
        }
    }

    /// Each client id that has no quota by name.
    ///
    /// ```
    /// let _ = kafka_mock::cluster::QuotaEntity::default_client_id();
    /// ```
    #[must_use]
    pub fn default_client_id() -> Self {
        Self {
            user: None,
            client_id: Some(Who::Default),
        }
    }

    /// Of these, only clients of this `client.id`.
    ///
    /// ```
    /// let _ = kafka_mock::cluster::QuotaEntity::default_user().with_client_id("billing");
    /// ```
    #[must_use]
    pub fn with_client_id(self, id: impl Into<String>) -> Self {
        let client_id = Some(Who::Named(id.into()));
        Self { client_id, ..self }
    }

    /// Of these, each client id by itself that has no quota by name.
    ///
    /// ```
    /// let _ = kafka_mock::cluster::QuotaEntity::user("alice").with_default_client_id();
    /// ```
    #[must_use]
    pub fn with_default_client_id(self) -> Self {
        let client_id = Some(Who::Default);
        Self { client_id, ..self }
    }

    /// Of the types that are there: by this name, or the default.
    pub(super) fn of_parts(
        user: Option<Option<String>>,
        client_id: Option<Option<String>>,
    ) -> Option<Self> {
        let who = |name: Option<String>| name.map_or(Who::Default, Who::Named);
        let (user, client_id) = (user.map(who), client_id.map(who));
        (user.is_some() || client_id.is_some()).then_some(Self { user, client_id })
    }

    /// The types that are there, each with its name, or none for the default.
    pub(super) fn parts(&self) -> impl Iterator<Item = (&'static str, Option<&str>)> {
        let parts = [(USER, &self.user), (CLIENT_ID, &self.client_id)];
        parts.into_iter().filter_map(|(kind, who)| match who {
            None => None,
            Some(Who::Default) => Some((kind, None)),
            Some(Who::Named(name)) => Some((kind, Some(name.as_str()))),
        })
    }
}

impl std::fmt::Display for QuotaEntity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts = self.parts().map(|(kind, name)| match name {
            None => format!("default {kind}"),
            Some(name) => format!("{kind} {name}"),
        });
        f.write_str(&parts.collect::<Vec<_>>().join(", "))
    }
}

settings! {
    /// How many bytes per second; without a number, any.
    ///
    /// ```
    /// use kafka_mock::cluster::Quota;
    ///
    /// let quota = Quota::default().with_producer_byte_rate(Some(1 << 20));
    /// assert_eq!(quota.consumer_byte_rate, None);
    /// ```
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Quota {
        /// What may be written to each broker.
        pub producer_byte_rate: Option<u64>,
        /// What may be read from each broker.
        pub consumer_byte_rate: Option<u64>,
    }
}

impl Quota {
    /// Kafka's names of the limits.
    pub(super) const NAMES: [&str; 2] = ["consumer_byte_rate", "producer_byte_rate"];

    /// The limit of this name, if that is one.
    pub(super) fn by_name(&mut self, name: &str) -> Option<&mut Option<u64>> {
        match name {
            "consumer_byte_rate" => Some(&mut self.consumer_byte_rate),
            "producer_byte_rate" => Some(&mut self.producer_byte_rate),
            _ => None,
        }
    }
}

/// Whether bytes come or go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Direction {
    Produce,
    Consume,
}

/// Those who share a limit; a part that does not matter is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Sharers {
    user: String,
    client_id: String,
}

/// All limits, by whom they are for.
#[derive(Clone, Debug, Default)]
pub(super) struct Limits {
    by_entity: BTreeMap<QuotaEntity, Quota>,
}

impl Limits {
    pub(super) fn is_empty(&self) -> bool {
        self.by_entity.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&QuotaEntity, Quota)> {
        self.by_entity
            .iter()
            .map(|(entity, &quota)| (entity, quota))
    }

    /// What is set for exactly these.
    pub(super) fn own(&self, entity: &QuotaEntity) -> Quota {
        self.by_entity.get(entity).copied().unwrap_or_default()
    }

    pub(super) fn set(&mut self, entity: QuotaEntity, quota: Quota) {
        match quota == Quota::default() {
            true => self.by_entity.remove(&entity),
            false => self.by_entity.insert(entity, quota),
        };
    }

    /// A client's limit, and with whom it shares it: the first in Kafka's order that says something of this direction.
    pub(super) fn of(
        &self,
        direction: Direction,
        user: &str,
        client_id: &str,
    ) -> Option<(u64, Sharers)> {
        let users = [Some(Who::Named(user.to_owned())), Some(Who::Default)];
        let ids = || [Some(Who::Named(client_id.to_owned())), Some(Who::Default)];
        let with_user = users.into_iter().flat_map(|user| {
            let ids = ids().into_iter().chain([None]);
            ids.map(move |client_id| QuotaEntity {
                user: user.clone(),
                client_id,
            })
        });
        let without_user = ids().into_iter().map(|client_id| QuotaEntity {
            user: None,
            client_id,
        });
        with_user.chain(without_user).find_map(|entity| {
            let quota = self.by_entity.get(&entity)?;
            let limit = match direction {
                Direction::Produce => quota.producer_byte_rate,
                Direction::Consume => quota.consumer_byte_rate,
            };
            let part = |of: &Option<Who>, name: &str| match of {
                Some(_) => name.to_owned(),
                None => String::new(),
            };
            let sharers = Sharers {
                user: part(&entity.user, user),
                client_id: part(&entity.client_id, client_id),
            };
            limit.map(|limit| (limit, sharers))
        })
    }
}

/// `ClientQuotaEntity`: types of entities.
pub(super) const USER: &str = "user";
pub(super) const CLIENT_ID: &str = "client-id";
pub(super) const IP: &str = "ip";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_specific_quota_counts_and_a_user_before_a_client_id() {
        let (alice, nobody) = (QuotaEntity::user("alice"), QuotaEntity::default_user());
        let order = [
            (alice.clone().with_client_id("app"), "alice", "app"),
            (alice.clone().with_default_client_id(), "alice", "app"),
            (alice, "alice", ""),
            (nobody.clone().with_client_id("app"), "alice", "app"),
            (nobody.clone().with_default_client_id(), "alice", "app"),
            (nobody, "alice", ""),
            (QuotaEntity::client_id("app"), "", "app"),
            (QuotaEntity::default_client_id(), "", "app"),
        ];
        let mut limits = Limits::default();
        for (n, (entity, ..)) in (1..).zip(&order) {
            limits.set(
                entity.clone(),
                Quota::default().with_producer_byte_rate(Some(n)),
            );
        }
        for (n, (entity, user, client_id)) in (1..).zip(&order) {
            let sharers = Sharers {
                user: (*user).to_owned(),
                client_id: (*client_id).to_owned(),
            };
            let found = limits.of(Direction::Produce, "alice", "app");
            assert_eq!(found, Some((n, sharers)), "{entity}");
            limits.set(entity.clone(), Quota::default());
        }
        assert!(limits.is_empty());
    }

    #[test]
    fn quotas_of_others_and_of_the_other_direction_do_not_count() {
        let mut limits = Limits::default();
        let reading = Quota::default().with_consumer_byte_rate(Some(7));
        limits.set(QuotaEntity::client_id("app"), reading);
        assert_eq!(limits.of(Direction::Produce, "alice", "app"), None);
        assert_eq!(limits.of(Direction::Consume, "alice", "other"), None);
        // One that says nothing of the direction does not hide the next.
        let writing = Quota::default().with_producer_byte_rate(Some(8));
        limits.set(QuotaEntity::user("alice"), writing);
        let found = limits.of(Direction::Consume, "alice", "app");
        assert_eq!(found.map(|(limit, _)| limit), Some(7));
    }
}
