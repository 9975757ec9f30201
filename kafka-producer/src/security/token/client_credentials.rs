//! Tokens of an identity provider, for a client id and its secret (OIDC, KIP-768).

use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::Method;
use serde_json::Value;

use super::cache::{FetchError, Fetched, TokenSource};
use super::http::{Answer, Call, HttpClient, Url};
use super::{Token, TokenError, jwt};
use crate::readable::readable;
use crate::security::Secret;

/// Asks a token endpoint, with the grant `client_credentials` (RFC 6749, 4.4).
#[derive(Debug)]
pub(crate) struct ClientCredentials {
    pub(crate) endpoint: TokenEndpoint,
    pub(crate) client_id: String,
    pub(crate) client_secret: Secret,
    /// `sasl.oauthbearer.scope`.
    pub(crate) scope: Option<String>,
    /// `sasl.oauthbearer.header.urlencode`.
    pub(crate) url_encoded: bool,
}

#[async_trait]
impl TokenSource for ClientCredentials {
    type Token = Token;

    async fn fetch(&self) -> Result<Fetched, FetchError> {
        let mut form = "grant_type=client_credentials".to_owned();
        if let Some(scope) = &self.scope {
            form.push_str("&scope=");
            form.push_str(&form_encoded(scope));
        }
        self.endpoint
            .fetch(&form, Some(&self.authorization()))
            .await
    }
}

impl ClientCredentials {
    fn authorization(&self) -> Secret {
        let (id, secret) = (self.client_id.as_str(), self.client_secret.expose());
        let pair = Secret::new(match self.url_encoded {
            true => format!("{}:{}", form_encoded(id), form_encoded(secret)),
            false => format!("{id}:{secret}"),
        });
        Secret::new(format!("Basic {}", STANDARD.encode(pair.expose())))
    }
}

/// A token endpoint, and how it is asked.
#[derive(Debug)]
pub(crate) struct TokenEndpoint {
    pub(crate) url: Url,
    pub(crate) http: HttpClient,
    /// `sasl.oauthbearer.sub.claim.name`.
    pub(crate) principal_claim: String,
    pub(crate) extensions: Vec<(String, String)>,
}

impl TokenEndpoint {
    /// Posts a form; the token of the answer.
    pub(crate) async fn fetch(
        &self,
        form: &str,
        authorization: Option<&Secret>,
    ) -> Result<Fetched, FetchError> {
        self.ask(form, authorization)
            .await
            .map_err(|failure| match failure {
                Failure::Passing(why) => FetchError::Passing(self.error(&why)),
                Failure::Lasting(why) => FetchError::Lasting(self.error(&why)),
            })
    }

    fn error(&self, why: &str) -> TokenError {
        let url = &self.url;
        TokenError::new(format!(
            "no token from {url} (sasl.oauthbearer.token.endpoint.url): {why}"
        ))
    }

    async fn ask(&self, form: &str, authorization: Option<&Secret>) -> Result<Fetched, Failure> {
        let mut headers = vec![
            ("Accept", "application/json".to_owned()),
            (
                "Content-Type",
                "application/x-www-form-urlencoded".to_owned(),
            ),
            ("Cache-Control", "no-cache".to_owned()),
        ];
        headers.extend(authorization.map(|value| ("Authorization", value.expose().to_owned())));
        let call = Call {
            method: Method::POST,
            url: &self.url,
            headers,
            body: form.to_owned(),
        };
        let answer = self.http.call(call).await.map_err(Failure::Passing)?;
        match answer.status {
            200 | 201 => self.token(&answer).map_err(Failure::Lasting),
            status => {
                let why = format!("it answers {status}{}", told(&answer));
                Err(match LASTING_STATUSES.contains(&status) {
                    true => Failure::Lasting(why),
                    false => Failure::Passing(why),
                })
            }
        }
    }

    fn token(&self, answer: &Answer) -> Result<Fetched, String> {
        let answer: Value = serde_json::from_slice(&answer.body)
            .map_err(|_| "its answer is not JSON".to_owned())?;
        let token = ["access_token", "id_token"]
            .iter()
            .find_map(|name| answer.get(name)?.as_str())
            .filter(|token| !token.is_empty());
        let text = token.ok_or_else(|| "its answer has no access_token".to_owned())?;
        let (mut token, stated) = jwt::token(text, &self.principal_claim, SystemTime::now());
        let expires_in = answer.get("expires_in").and_then(Value::as_f64);
        let expires_in = expires_in.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        token.extensions.clone_from(&self.extensions);
        Ok(Fetched {
            token,
            lifetime: stated.or(expires_in),
        })
    }
}

/// What has come of asking.
enum Failure {
    /// Asking again may help.
    Passing(String),
    Lasting(String),
}

/// What an endpoint says about an error (RFC 6749, 5.2), which has no secrets in it.
fn told(answer: &Answer) -> String {
    let Ok(answer) = serde_json::from_slice::<Value>(&answer.body) else {
        return String::new();
    };
    let text = |names: [&str; 2]| names.iter().find_map(|name| answer.get(name)?.as_str());
    let error = text(["error", "errorCode"]);
    let description = text(["error_description", "errorSummary"]);
    match (error, description) {
        (None, None) => String::new(),
        (Some(one), None) | (None, Some(one)) => format!(": {}", readable(one)),
        (Some(error), Some(why)) => format!(": {} ({})", readable(error), readable(why)),
    }
}

/// A part of a form (`application/x-www-form-urlencoded`), as Java's `URLEncoder` writes it.
pub(crate) fn form_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'*' | b'_' => {
                encoded.push(byte.into());
            }
            b' ' => encoded.push('+'),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// With these, asking again is of no use; the list is Java's.
const LASTING_STATUSES: [u16; 17] = [
    400, 401, 402, 403, 404, 405, 406, 407, 409, 410, 411, 412, 413, 414, 415, 501, 505,
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::http::server::{answer, serving};
    use super::super::jwt::encode;
    use super::*;

    fn source(port: u16) -> ClientCredentials {
        ClientCredentials {
            endpoint: TokenEndpoint {
                url: Url::parse(&format!("http://127.0.0.1:{port}/token")).unwrap(),
                http: HttpClient::default(),
                principal_claim: "sub".to_owned(),
                extensions: vec![("logicalCluster".to_owned(), "lkc-1".to_owned())],
            },
            client_id: "my client".to_owned(),
            client_secret: Secret::new("tea:2026+"),
            scope: Some("read write".to_owned()),
            url_encoded: false,
        }
    }

    fn asked(answers: &[String]) -> (Result<Fetched, String>, Vec<String>) {
        let (outcome, requests) = serving(answers, async |port| source(port).fetch().await);
        let told = |error| match error {
            FetchError::Passing(error) => format!("{error} (it may pass)"),
            FetchError::Lasting(error) => error.to_string(),
        };
        (outcome.map_err(told), requests)
    }

    fn jwt(claims: &Value) -> String {
        format!("h.{}.s", encode(claims))
    }

    #[test]
    fn the_endpoint_is_asked_with_the_client_and_the_scope() {
        let end = SystemTime::now() + Duration::from_secs(1000);
        let end = end.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        let text = jwt(&json!({"sub": "me", "exp": end}));
        let body = json!({"access_token": text, "expires_in": 5}).to_string();
        let (outcome, requests) = asked(&[answer("200 OK", &body)]);
        let request = requests[0].to_lowercase();
        // "my client:tea:2026+"
        assert!(
            requests[0].contains("Basic bXkgY2xpZW50OnRlYToyMDI2Kw==\r\n"),
            "{request}"
        );
        assert!(request.contains("content-type: application/x-www-form-urlencoded\r\n"));
        assert!(request.ends_with("\r\n\r\ngrant_type=client_credentials&scope=read+write"));
        let Fetched { token, lifetime } = outcome.unwrap();
        assert_eq!(token.value.expose(), text);
        assert_eq!(token.principal.as_deref(), Some("me"));
        assert_eq!(
            token.extensions,
            [("logicalCluster".to_owned(), "lkc-1".to_owned())]
        );
        let lifetime = lifetime.unwrap();
        assert!((990..=1000).contains(&lifetime.as_secs()), "{lifetime:?}");
    }

    #[test]
    fn the_client_may_be_url_encoded_in_the_header() {
        let encoded = ClientCredentials {
            url_encoded: true,
            ..source(1)
        };
        // "my+client:tea%3A2026%2B"
        let expected = "Basic bXkrY2xpZW50OnRlYSUzQTIwMjYlMkI=";
        assert_eq!(encoded.authorization().expose(), expected);
        assert!(!format!("{encoded:?}").contains("2026"));
    }

    #[test]
    fn an_opaque_token_ends_when_the_answer_says() {
        let body = r#"{"access_token": "opaque", "expires_in": 90}"#;
        let fetched = asked(&[answer("200 OK", body)]).0.unwrap();
        assert_eq!(fetched.lifetime, Some(Duration::from_secs(90)));
        assert_eq!(fetched.token.principal, None);
        let fetched = asked(&[answer("201 Created", r#"{"id_token": "opaque"}"#)])
            .0
            .unwrap();
        assert_eq!(fetched.lifetime, None);
    }

    #[test]
    fn what_the_endpoint_says_is_passed_on() {
        let check = |status: &str, body: &str, expected: &str| {
            let told = asked(&[answer(status, body)]).0.unwrap_err();
            let (start, why) = told
                .split_once(" (sasl.oauthbearer.token.endpoint.url): ")
                .unwrap();
            assert!(
                start.starts_with("no token from http://127.0.0.1:"),
                "{told}"
            );
            assert!(start.ends_with("/token"), "{told}");
            assert_eq!(why, expected);
        };
        let body = r#"{"error": "invalid_client", "error_description": "no such\n client"}"#;
        check(
            "401 Unauthorized",
            body,
            "it answers 401: invalid_client (no such  client)",
        );
        check(
            "400 Bad Request",
            r#"{"error": "invalid_scope"}"#,
            "it answers 400: invalid_scope",
        );
        let okta = r#"{"errorCode": "E1", "errorSummary": "who"}"#;
        check("403 Forbidden", okta, "it answers 403: E1 (who)");
        check("404 Not Found", "<html>", "it answers 404");
        check("200 OK", "<html>", "its answer is not JSON");
        check(
            "200 OK",
            r#"{"token": "t"}"#,
            "its answer has no access_token",
        );
        check(
            "200 OK",
            r#"{"access_token": ""}"#,
            "its answer has no access_token",
        );
    }

    #[test]
    fn what_may_pass_is_told_apart() {
        for (answer, expected) in [
            (answer("503 Busy", ""), "it answers 503 (it may pass)"),
            (answer("429 Slowly", ""), "it answers 429 (it may pass)"),
            (String::new(), "before the answer (it may pass)"),
            (answer("404 Not Found", ""), "it answers 404"),
        ] {
            let told = asked(&[answer]).0.unwrap_err();
            assert!(told.ends_with(expected), "{told}");
        }
    }

    /// JSON of any form, with the names that an answer may have.
    fn any_answer() -> impl Strategy<Value = String> {
        let name = prop_oneof![
            Just("access_token"),
            Just("expires_in"),
            Just("error"),
            Just("error_description"),
            Just("id_token"),
        ];
        let value = prop_oneof![
            "\\PC{0,12}".prop_map(|text| json!(text)),
            any::<f64>().prop_map(|number| json!(number)),
            any::<i64>().prop_map(|number| json!(number)),
            Just(json!(null)),
            Just(json!([{}])),
            "\\PC{0,12}".prop_map(|text| json!(jwt(&json!({"exp": text, "sub": 1})))),
            any::<f64>().prop_map(|end| json!(jwt(&json!({"exp": end})))),
        ];
        let object = proptest::collection::vec((name, value), 0..5).prop_map(|pairs| {
            let object: serde_json::Map<_, _> = pairs
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect();
            Value::Object(object).to_string()
        });
        prop_oneof![3 => object, 1 => "\\PC{0,40}", 1 => "[{}\\[\\]\":,0-9a-z]{0,40}"]
    }

    proptest! {
        #[test]
        fn whatever_an_endpoint_answers_ends_in_a_token_or_in_words(body in any_answer()) {
            let source = source(1);
            let answer = Answer { status: 200, body: body.into() };
            match source.endpoint.token(&answer) {
                Ok(fetched) => prop_assert!(!fetched.token.value.expose().is_empty()),
                Err(why) => prop_assert!(why.starts_with("its answer ")),
            }
            let told = told(&answer);
            prop_assert!(told.chars().count() < 1_000 && !told.contains(char::is_control));
        }
    }
}
