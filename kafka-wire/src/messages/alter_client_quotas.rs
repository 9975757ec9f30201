//! AlterClientQuotas (49): quotas of users, client ids and addresses are set and taken back (KIP-546).

pub use self::response::EntryData as EntryOutcome;
use crate::message::{request, wire_struct};

request! {
    AlterClientQuotasRequest => AlterClientQuotasResponse: ALTER_CLIENT_QUOTAS, versions 0..=1, flexible 1..;
}

wire_struct! {
    /// Changes quotas; all others stay.
    pub struct AlterClientQuotasRequest {
        /// The changes, by whom they are for.
        entries: Vec<EntryData>;
        /// Whether only to check that it could be done.
        validate_only: bool;
    }

    /// Changes for one entity.
    pub struct EntryData {
        /// Whom they are for, type by type.
        entity: Vec<EntityData>;
        /// The changes.
        ops: Vec<OpData>;
    }

    /// One part of whom quotas are for.
    pub struct EntityData {
        /// The type: `user`, `client-id` or `ip`.
        entity_type: String;
        /// The name; null for the default.
        entity_name: Option<String>;
    }

    /// A change of one quota.
    pub struct OpData {
        /// Its name, such as `producer_byte_rate`.
        key: String;
        /// Its value, unless it is taken back.
        value: f64;
        /// Whether it is taken back.
        remove: bool;
    }
}

wire_struct! {
    /// What became of each entity's quotas.
    pub struct AlterClientQuotasResponse {
        /// How long a quota delayed this response, or asks the client to pause, in milliseconds.
        throttle_time_ms: i32;
        /// Outcome per entity.
        entries: Vec<EntryOutcome>;
    }
}

/// Kafka calls it as it calls the part of the request.
mod response {
    use super::EntityData;
    use crate::{ErrorCode, message::wire_struct};

    wire_struct! {
        /// What became of one entity's quotas.
        pub struct EntryData {
            /// What went wrong, if anything.
            error_code: ErrorCode;
            /// The error as text.
            error_message: Option<String>;
            /// Whom the quotas are for, type by type.
            entity: Vec<EntityData>;
        }
    }
}
