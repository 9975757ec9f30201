//! DescribeClientQuotas (48): which quotas users, client ids and addresses have (KIP-546).

#![allow(
    rustdoc::broken_intra_doc_links,
    reason = "a field's name is a keyword, which no link can have"
)]

use crate::{
    ErrorCode,
    message::{request, wire_struct},
};

request! {
    DescribeClientQuotasRequest => DescribeClientQuotasResponse: DESCRIBE_CLIENT_QUOTAS, versions 0..=1, flexible 1..;
}

wire_struct! {
    /// Asks for the quotas of those who fit.
    pub struct DescribeClientQuotasRequest {
        /// What they must fit; without any, all do.
        components: Vec<ComponentData>;
        /// Whether those are left out that are of further types.
        strict: bool;
    }

    /// A type of entity, and who of it.
    pub struct ComponentData {
        /// The type: `user`, `client-id` or `ip`.
        entity_type: String;
        /// Who of it: 0 who is named, 1 the default, 2 all of them.
        match_type: i8;
        /// The name, if one is wanted.
        r#match: Option<String>;
    }
}

wire_struct! {
    /// The quotas that were found.
    pub struct DescribeClientQuotasResponse {
        /// How long a quota delayed this response, or asks the client to pause, in milliseconds.
        throttle_time_ms: i32;
        /// What went wrong, if anything.
        error_code: ErrorCode;
        /// The error as text.
        error_message: Option<String>;
        /// Quotas by whom they are for; null after an error.
        entries: Option<Vec<EntryData>>;
    }

    /// The quotas of one entity.
    pub struct EntryData {
        /// Whom they are for, type by type.
        entity: Vec<EntityData>;
        /// The quotas.
        values: Vec<ValueData>;
    }

    /// One part of whom quotas are for.
    pub struct EntityData {
        /// The type: `user`, `client-id` or `ip`.
        entity_type: String;
        /// The name; null for the default.
        entity_name: Option<String>;
    }

    /// A quota.
    pub struct ValueData {
        /// Its name, such as `producer_byte_rate`.
        key: String;
        /// Its value.
        value: f64;
    }
}
