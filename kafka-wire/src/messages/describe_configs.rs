//! DescribeConfigs (32): settings of topics and brokers.

use crate::{
    ErrorCode,
    message::{request, wire_struct},
};

request! {
    DescribeConfigsRequest => DescribeConfigsResponse: DESCRIBE_CONFIGS, versions 1..=4, flexible 4..;
}

wire_struct! {
    /// Asks for the settings of topics, brokers and others.
    pub struct DescribeConfigsRequest {
        /// Whose settings to tell.
        resources: Vec<DescribeConfigsResource>;
        /// Whether to tell what a setting falls back to.
        include_synonyms: bool;
        /// Whether to tell what a setting does.
        include_documentation: bool, in 3..;
    }

    /// A resource whose settings to tell.
    pub struct DescribeConfigsResource {
        /// Kind of the resource: 2 a topic, 4 a broker, and others.
        resource_type: i8;
        /// Name of the resource.
        resource_name: String;
        /// Names of the settings to tell; null for all.
        configuration_keys: Option<Vec<String>>;
    }
}

wire_struct! {
    /// The settings.
    pub struct DescribeConfigsResponse {
        /// How long a quota delayed this response, or asks the client to pause, in milliseconds.
        throttle_time_ms: i32;
        /// Outcome per resource.
        results: Vec<DescribeConfigsResult>;
    }

    /// The settings of one resource.
    pub struct DescribeConfigsResult {
        /// What went wrong, if anything.
        error_code: ErrorCode;
        /// The error as text.
        error_message: Option<String>;
        /// Kind of the resource: 2 a topic, 4 a broker, and others.
        resource_type: i8;
        /// Name of the resource.
        resource_name: String;
        /// The settings.
        configs: Vec<DescribeConfigsResourceResult>;
    }

    /// One setting.
    pub struct DescribeConfigsResourceResult {
        /// Name of the setting.
        name: String;
        /// The value; null for the default, or if it is secret.
        value: Option<String>;
        /// Whether it cannot be changed at run time.
        read_only: bool;
        /// Where the value comes from, as a number.
        config_source: i8, default -1, else dropped;
        /// Whether the value is secret.
        is_sensitive: bool;
        /// What the setting falls back to, the strongest first.
        synonyms: Vec<DescribeConfigsSynonym>, else dropped;
        /// Type of the value, as a number.
        config_type: i8, in 3.., else dropped;
        /// What the setting does.
        documentation: Option<String>, in 3.., else dropped;
    }

    /// What a setting falls back to.
    pub struct DescribeConfigsSynonym {
        /// Name of the setting.
        name: String;
        /// The value; null for the default, or if it is secret.
        value: Option<String>;
        /// Where the value comes from, as a number.
        source: i8;
    }
}
