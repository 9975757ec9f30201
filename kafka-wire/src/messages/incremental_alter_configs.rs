//! IncrementalAlterConfigs (44): single settings of topics, brokers and others change.

use crate::{
    ErrorCode,
    message::{request, wire_struct},
};

request! {
    IncrementalAlterConfigsRequest => IncrementalAlterConfigsResponse: INCREMENTAL_ALTER_CONFIGS, versions 0..=1, flexible 1..;
}

wire_struct! {
    /// Changes single settings; all others stay.
    pub struct IncrementalAlterConfigsRequest {
        /// Whose settings to change.
        resources: Vec<AlterConfigsResource>;
        /// Whether only to check that it could be done.
        validate_only: bool;
    }

    /// A resource whose settings to change.
    pub struct AlterConfigsResource {
        /// Kind of the resource: 2 a topic, 4 a broker, and others.
        resource_type: i8;
        /// Name of the resource.
        resource_name: String;
        /// The changes.
        configs: Vec<AlterableConfig>;
    }

    /// A change of one setting.
    pub struct AlterableConfig {
        /// Name of the setting.
        name: String;
        /// What to do: 0 set, 1 delete, 2 append to a list, 3 subtract from a list.
        config_operation: i8;
        /// The value; null to delete.
        value: Option<String>;
    }
}

wire_struct! {
    /// What became of each resource.
    pub struct IncrementalAlterConfigsResponse {
        /// How long a quota delayed this response, or asks the client to pause, in milliseconds.
        throttle_time_ms: i32;
        /// Outcome per resource.
        responses: Vec<AlterConfigsResourceResponse>;
    }

    /// What became of one resource.
    pub struct AlterConfigsResourceResponse {
        /// What went wrong, if anything.
        error_code: ErrorCode;
        /// The error as text.
        error_message: Option<String>;
        /// Kind of the resource: 2 a topic, 4 a broker, and others.
        resource_type: i8;
        /// Name of the resource.
        resource_name: String;
    }
}
