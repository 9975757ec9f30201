//! AWS Signature Version 4: of a request, and of a URL that carries its signature.

use std::fmt::Write;
use std::time::SystemTime;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use super::keys::AwsCredentials;
use super::time;
use crate::security::Secret;

/// A URL to be signed, for `GET`.
pub(super) struct Presigning<'a> {
    pub(super) credentials: &'a AwsCredentials,
    pub(super) region: &'a str,
    pub(super) service: &'a str,
    pub(super) host: &'a str,
    pub(super) path: &'a str,
    pub(super) payload_hash: &'a str,
    pub(super) valid_s: u32,
    pub(super) now: SystemTime,
}

/// The hash of no bytes at all.
pub(super) const EMPTY_PAYLOAD: &str =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

impl Presigning<'_> {
    /// The query of the signed URL, not encoded; `own` is the parameter that is not about the signature,
    /// and whose name comes before the others.
    pub(super) fn query(&self, own: Option<(&'static str, String)>) -> Vec<(&'static str, String)> {
        let time = time::basic(self.now);
        let scope = scope(&time, self.region, self.service);
        let id = &self.credentials.access_key_id;
        let mut query: Vec<(&'static str, String)> = own.into_iter().collect();
        query.push(("X-Amz-Algorithm", ALGORITHM.to_owned()));
        query.push(("X-Amz-Credential", format!("{id}/{scope}")));
        query.push(("X-Amz-Date", time.clone()));
        query.push(("X-Amz-Expires", self.valid_s.to_string()));
        if let Some(token) = &self.credentials.session_token {
            query.push(("X-Amz-Security-Token", token.expose().to_owned()));
        }
        query.push(("X-Amz-SignedHeaders", "host".to_owned()));
        let encoded = query
            .iter()
            .map(|(name, value)| format!("{name}={}", uri_encoded(value)));
        let request = CanonicalRequest {
            method: "GET",
            path: self.path,
            query: &encoded.collect::<Vec<_>>().join("&"),
            headers: &[("host", self.host)],
            payload_hash: self.payload_hash,
        };
        let secret = &self.credentials.secret_access_key;
        query.push(("X-Amz-Signature", request.signature(&time, &scope, secret)));
        query
    }
}

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// A request in the form that is signed.
struct CanonicalRequest<'a> {
    method: &'a str,
    path: &'a str,
    /// Encoded and sorted.
    query: &'a str,
    /// In small letters and sorted.
    headers: &'a [(&'a str, &'a str)],
    payload_hash: &'a str,
}

impl CanonicalRequest<'_> {
    fn signature(&self, time: &str, scope: &str, secret: &Secret) -> String {
        let hash = hex(&Sha256::digest(self.text()));
        let signed = format!("{ALGORITHM}\n{time}\n{scope}\n{hash}");
        hex(&mac(&signing_key(scope, secret), &signed))
    }

    fn text(&self) -> String {
        let Self {
            method,
            path,
            query,
            payload_hash,
            ..
        } = self;
        let headers = self.headers.iter();
        let lines: String = headers
            .map(|(name, value)| format!("{name}:{value}\n"))
            .collect();
        let names: Vec<_> = self.headers.iter().map(|header| header.0).collect();
        format!(
            "{method}\n{path}\n{query}\n{lines}\n{}\n{payload_hash}",
            names.join(";")
        )
    }
}

/// `20150830/us-east-1/service/aws4_request`.
fn scope(time: &str, region: &str, service: &str) -> String {
    let date = time.split('T').next().unwrap_or_default();
    format!("{date}/{region}/{service}/aws4_request")
}

/// The key of a scope, which is the secret's hash with each of its parts.
fn signing_key(scope: &str, secret: &Secret) -> [u8; 32] {
    let secret = Secret::new(format!("AWS4{}", secret.expose()));
    let mut parts = scope.split('/');
    let first = mac(secret.expose().as_bytes(), parts.next().unwrap_or_default());
    parts.fold(first, |key, part| mac(&key, part))
}

fn mac(key: &[u8], text: &str) -> [u8; 32] {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(key).expect("a key of this hash may have any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// All but letters, digits and `-._~` as `%XX`.
pub(super) fn uri_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(byte.into());
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    /// `get-vanilla` of AWS's test suite for Signature Version 4.
    #[test]
    fn a_request_is_signed_as_awss_test_suite_signs_it() {
        let request = CanonicalRequest {
            method: "GET",
            path: "/",
            query: "",
            headers: &[
                ("host", "example.amazonaws.com"),
                ("x-amz-date", "20150830T123600Z"),
            ],
            payload_hash: EMPTY_PAYLOAD,
        };
        let time = "20150830T123600Z";
        let secret = Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
        let signature = request.signature(time, &scope(time, "us-east-1", "service"), &secret);
        let expected = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";
        assert_eq!(signature, expected);
    }

    /// The example of a signed URL in the documentation of Amazon S3.
    #[test]
    fn a_url_is_signed_as_in_awss_documentation() {
        let credentials = AwsCredentials {
            access_key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            secret_access_key: Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
            session_token: None,
            expires: None,
            refused: crate::security::token::Refused::default(),
        };
        let presigning = Presigning {
            credentials: &credentials,
            region: "us-east-1",
            service: "s3",
            host: "examplebucket.s3.amazonaws.com",
            path: "/test.txt",
            payload_hash: "UNSIGNED-PAYLOAD",
            valid_s: 86_400,
            now: UNIX_EPOCH + Duration::from_secs(1_369_353_600),
        };
        let query = presigning.query(None);
        let signature = "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";
        assert_eq!(
            query.last(),
            Some(&("X-Amz-Signature", signature.to_owned()))
        );
        assert_eq!(
            query[1].1,
            "AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request"
        );
    }
}
