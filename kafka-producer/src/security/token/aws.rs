//! Tokens for Amazon MSK with IAM: signed with AWS credentials, and checked by the broker.
//!
//! ```text
//! environment ┐
//! web identity├─▶ credentials ─▶ sigv4 ─▶ AWS_MSK_IAM: JSON, for one host
//! profile     │                       └─▶ OAUTHBEARER: a signed URL in base64, for a region
//! container   │
//! EC2         ┘
//! ```
//!
//! The formats are those of `aws-msk-iam-auth` and `aws-msk-iam-sasl-signer`. A token is signed anew for
//! each connection, which costs microseconds; credentials that expire are kept as tokens of others are
//! (`cache.rs`).

mod credentials;
mod environment;
mod ini;
mod keys;
mod remote;
mod sigv4;
mod time;

use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use self::credentials::CredentialChain;
use self::keys::AwsCredentials;
use self::sigv4::{Presigning, uri_encoded};
use super::{Token, TokenError, TokenProvider};
use crate::readable::readable;

/// Which of the two forms a broker is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IamForm {
    /// `sasl.mechanism=AWS_MSK_IAM`.
    Payload,
    /// `sasl.mechanism=OAUTHBEARER`.
    SignedUrl,
}

/// Signs a token for each connection.
#[derive(Debug)]
pub(crate) struct MskIam {
    form: IamForm,
    credentials: CredentialChain,
}

impl MskIam {
    /// `profile` is `awsProfileName` of the login module; after `login_timeout` a call is dropped.
    pub(crate) fn new(form: IamForm, profile: Option<String>, login_timeout: Duration) -> Self {
        Self {
            form,
            credentials: CredentialChain::new(profile, login_timeout),
        }
    }
}

#[async_trait]
impl TokenProvider for MskIam {
    async fn token(&self, host: &str) -> Result<Token, TokenError> {
        let now = SystemTime::now();
        let credentials = self.credentials.get().await?;
        let region = region_of(host).map(str::to_owned);
        let region = region
            .or_else(|| self.credentials.region())
            .ok_or_else(|| {
                TokenError::new(format!(
                    "the AWS region is not in the name {}: set the environment variable AWS_REGION",
                    readable(host)
                ))
            })?;
        let value = match self.form {
            IamForm::Payload => payload(host, &region, &credentials, now),
            IamForm::SignedUrl => signed_url(&region, &credentials, now),
        };
        let mut token = Token::new(value).made_of(credentials.refused.clone());
        token.principal = Some(credentials.access_key_id.as_str().into());
        Ok(token)
    }
}

/// The region in the name of a broker: `b-1.mine.abc.c2.kafka.eu-west-1.amazonaws.com`.
fn region_of(host: &str) -> Option<&str> {
    let host = host.trim_end_matches('.');
    let name = host.strip_suffix(".cn").unwrap_or(host);
    let name = name.strip_suffix(".amazonaws.com")?;
    name.rsplit('.')
        .next()
        .filter(|region| region.contains('-'))
}

fn presigned(
    host: &str,
    region: &str,
    credentials: &AwsCredentials,
    now: SystemTime,
) -> Vec<(&'static str, String)> {
    let presigning = Presigning {
        credentials,
        region,
        service: "kafka-cluster",
        host,
        path: "/",
        payload_hash: sigv4::EMPTY_PAYLOAD,
        valid_s: 900,
        now,
    };
    presigning.query(Some(("Action", "kafka-cluster:Connect".to_owned())))
}

fn payload(host: &str, region: &str, credentials: &AwsCredentials, now: SystemTime) -> String {
    let signed = presigned(host, region, credentials, now);
    let signed = signed
        .into_iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), json!(value)));
    let mut payload: Map<String, Value> = signed.collect();
    payload.insert("version".to_owned(), json!("2020_10_22"));
    payload.insert("host".to_owned(), json!(host));
    payload.insert("user-agent".to_owned(), json!(USER_AGENT));
    Value::Object(payload).to_string()
}

fn signed_url(region: &str, credentials: &AwsCredentials, now: SystemTime) -> String {
    let host = match region.starts_with("cn-") {
        true => format!("kafka.{region}.amazonaws.com.cn"),
        false => format!("kafka.{region}.amazonaws.com"),
    };
    let signed = presigned(&host, region, credentials, now);
    let query = signed
        .iter()
        .map(|(name, value)| format!("{name}={}", uri_encoded(value)));
    let query = query.collect::<Vec<_>>().join("&");
    let agent = uri_encoded(USER_AGENT);
    URL_SAFE_NO_PAD.encode(format!("https://{host}/?{query}&User-Agent={agent}"))
}

const USER_AGENT: &str = concat!("kafka-producer-rust/", env!("CARGO_PKG_VERSION"));

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::security::Secret;

    fn credentials() -> AwsCredentials {
        AwsCredentials {
            access_key_id: "AKIDEXAMPLE".to_owned(),
            secret_access_key: Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
            session_token: Some(Secret::new("session/+=")),
            expires: None,
            refused: super::super::Refused::default(),
        }
    }

    fn now() -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_440_938_160)
    }

    #[test]
    fn the_region_is_in_the_name_of_a_broker() {
        for (host, region) in [
            (
                "b-1.mine.abc123.c2.kafka.eu-west-1.amazonaws.com",
                Some("eu-west-1"),
            ),
            (
                "boot-x.c1.kafka-serverless.us-east-1.amazonaws.com.",
                Some("us-east-1"),
            ),
            (
                "b-1.m.a.c2.kafka.cn-north-1.amazonaws.com.cn",
                Some("cn-north-1"),
            ),
            ("kafka.example.com", None),
            ("amazonaws.com", None),
            ("x.amazonaws.com", None),
        ] {
            assert_eq!(region_of(host), region, "{host}");
        }
    }

    #[test]
    fn the_payload_has_what_the_broker_checks() {
        let text = payload("b-1.example", "us-east-1", &credentials(), now());
        let payload: Value = serde_json::from_str(&text).unwrap();
        let mut names: Vec<_> = payload.as_object().unwrap().keys().collect();
        names.sort();
        let expected = [
            "action",
            "host",
            "user-agent",
            "version",
            "x-amz-algorithm",
            "x-amz-credential",
            "x-amz-date",
            "x-amz-expires",
            "x-amz-security-token",
            "x-amz-signature",
            "x-amz-signedheaders",
        ];
        assert_eq!(names, expected);
        assert_eq!(payload["action"], "kafka-cluster:Connect");
        assert_eq!(payload["version"], "2020_10_22");
        assert_eq!(payload["x-amz-date"], "20150830T123600Z");
        assert_eq!(payload["x-amz-expires"], "900");
        assert_eq!(payload["x-amz-signedheaders"], "host");
        assert_eq!(payload["x-amz-security-token"], "session/+=");
        let scope = "AKIDEXAMPLE/20150830/us-east-1/kafka-cluster/aws4_request";
        assert_eq!(payload["x-amz-credential"], scope);
        assert_eq!(payload["x-amz-signature"].as_str().unwrap().len(), 64);
    }

    #[test]
    fn the_token_is_a_signed_url() {
        let token = signed_url("us-east-1", &credentials(), now());
        let url = String::from_utf8(URL_SAFE_NO_PAD.decode(token).unwrap()).unwrap();
        let start = "https://kafka.us-east-1.amazonaws.com/?Action=kafka-cluster%3AConnect&\
                     X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20150830%2F";
        assert!(url.starts_with(start), "{url}");
        assert!(
            url.contains("&X-Amz-Security-Token=session%2F%2B%3D&"),
            "{url}"
        );
        let end = format!(
            "&User-Agent=kafka-producer-rust%2F{}",
            env!("CARGO_PKG_VERSION")
        );
        assert!(url.ends_with(&end), "{url}");
    }
}
