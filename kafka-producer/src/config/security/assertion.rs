//! `sasl.oauthbearer.assertion.*`: the JWT that a token endpoint is shown.

use serde_json::{Map, Value, json};

use super::super::values::{Findings, Values};
use crate::security::JwtAlgorithm;
use crate::security::token::assertion::{Assertion, SignedAssertion};

const KEY_FILE: &str = "sasl.oauthbearer.assertion.private.key.file";

/// A file has precedence, as in Java; `None` after a problem was reported.
pub(super) fn assertion(values: &Values, findings: &mut Findings) -> Option<Assertion> {
    let path = |name| values.text(name).filter(|path| !path.is_empty());
    if let Some(file) = path("sasl.oauthbearer.assertion.file") {
        return Some(Assertion::File(file.into()));
    }
    let key_file = path(KEY_FILE);
    if key_file.is_none() {
        let what = "a PEM file with the key that signs the assertion; or set sasl.oauthbearer.assertion.file";
        findings.missing(KEY_FILE, what);
    }
    let seconds = |name| values.number(name).unsigned_abs();
    Some(Assertion::Signed(SignedAssertion {
        algorithm: algorithm(values),
        key_file: key_file?.into(),
        passphrase: values.secret("sasl.oauthbearer.assertion.private.key.passphrase"),
        template_file: path("sasl.oauthbearer.assertion.template.file").map(Into::into),
        claims: claims(values),
        exp_s: seconds("sasl.oauthbearer.assertion.claim.exp.seconds"),
        nbf_s: seconds("sasl.oauthbearer.assertion.claim.nbf.seconds"),
        has_jti: values.flag("sasl.oauthbearer.assertion.claim.jti.include"),
    }))
}

fn algorithm(values: &Values) -> JwtAlgorithm {
    match values
        .text("sasl.oauthbearer.assertion.algorithm")
        .as_deref()
    {
        Some("ES256") => JwtAlgorithm::Es256,
        _ => JwtAlgorithm::Rs256,
    }
}

fn claims(values: &Values) -> Map<String, Value> {
    let claims = [
        ("aud", "sasl.oauthbearer.assertion.claim.aud"),
        ("iss", "sasl.oauthbearer.assertion.claim.iss"),
        ("sub", "sasl.oauthbearer.assertion.claim.sub"),
    ];
    let set = claims.into_iter().filter_map(|(claim, name)| {
        let text = values.text(name).filter(|text| !text.is_empty())?;
        Some((claim.to_owned(), json!(text)))
    });
    set.collect()
}
