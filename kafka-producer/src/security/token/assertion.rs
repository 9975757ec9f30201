//! Tokens of an identity provider, for a JWT that authenticates the client: as a grant of its own (KIP-1139), or in
//! the place of a client secret (KIP-1258).
//!
//! The JWT is made and signed here for each request, or was signed by others and is in a file.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use super::cache::{FetchError, Fetched, TokenSource};
use super::client_credentials::{TokenEndpoint, form_encoded};
use super::jwt::encode;
use super::{Token, TokenError};
use crate::regular_file;
use crate::security::{JwtAlgorithm, Secret, sign};

/// Asks a token endpoint with an assertion.
#[derive(Debug)]
pub(crate) struct AssertedClient {
    pub(crate) endpoint: TokenEndpoint,
    pub(crate) assertion: Assertion,
    pub(crate) grant: AssertionGrant,
    /// `sasl.oauthbearer.scope`.
    pub(crate) scope: Option<String>,
}

/// What the assertion is shown as.
#[derive(Debug)]
pub(crate) enum AssertionGrant {
    /// `grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer` (RFC 7523, 2.1).
    JwtBearer,
    /// `grant_type=client_credentials`, with an assertion of the client (RFC 7523, 2.2).
    ClientCredentials {
        /// Where the assertion does not say it.
        client_id: Option<String>,
    },
}

/// A JWT for the token endpoint.
#[derive(Debug)]
pub(crate) enum Assertion {
    /// `sasl.oauthbearer.assertion.file`, which others keep up to date.
    File(PathBuf),
    /// One that is signed here.
    Signed(SignedAssertion),
}

/// `sasl.oauthbearer.assertion.*`: what is claimed, and signed with which key.
#[derive(Debug)]
pub(crate) struct SignedAssertion {
    pub(crate) algorithm: JwtAlgorithm,
    pub(crate) key_file: PathBuf,
    pub(crate) passphrase: Option<Secret>,
    /// JSON with a `header` and a `payload`.
    pub(crate) template_file: Option<PathBuf>,
    /// `iss`, `sub` and `aud`, as far as they are set.
    pub(crate) claims: Map<String, Value>,
    pub(crate) exp_s: u64,
    pub(crate) nbf_s: u64,
    pub(crate) has_jti: bool,
}

#[async_trait]
impl TokenSource for AssertedClient {
    type Token = Token;

    async fn fetch(&self) -> Result<Fetched, FetchError> {
        let assertion = self
            .assertion
            .text(SystemTime::now())
            .map_err(|why| FetchError::Lasting(TokenError::new(why)))?;
        self.endpoint.fetch(&self.form(&assertion), None).await
    }
}

impl AssertedClient {
    fn form(&self, assertion: &Secret) -> String {
        let assertion = form_encoded(assertion.expose());
        let mut form = match &self.grant {
            AssertionGrant::JwtBearer => format!("grant_type={JWT_BEARER}&assertion={assertion}"),
            AssertionGrant::ClientCredentials { client_id } => {
                let client_id = client_id
                    .as_ref()
                    .map(|id| format!("&client_id={}", form_encoded(id)));
                format!(
                    "grant_type=client_credentials&client_assertion_type={ASSERTION_TYPE}&\
                     client_assertion={assertion}{}",
                    client_id.unwrap_or_default()
                )
            }
        };
        if let Some(scope) = &self.scope {
            form.push_str("&scope=");
            form.push_str(&form_encoded(scope));
        }
        form
    }
}

const JWT_BEARER: &str = "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer";
const ASSERTION_TYPE: &str = "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer";

impl Assertion {
    fn text(&self, now: SystemTime) -> Result<Secret, String> {
        match self {
            Self::File(path) => {
                let text = read("sasl.oauthbearer.assertion.file", path)?;
                Ok(Secret::new(text.expose().trim()))
            }
            Self::Signed(signed) => signed.text(now),
        }
    }
}

/// The header or the payload of a JWT.
type Part = Map<String, Value>;

impl SignedAssertion {
    fn text(&self, now: SystemTime) -> Result<Secret, String> {
        let (mut header, mut payload) = self.template()?;
        let algorithm = match self.algorithm {
            JwtAlgorithm::Rs256 => "RS256",
            JwtAlgorithm::Es256 => "ES256",
        };
        header.insert("alg".to_owned(), json!(algorithm));
        header.insert("typ".to_owned(), json!("JWT"));
        payload.extend(self.claims.clone());
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        payload.insert("iat".to_owned(), json!(now));
        payload.insert("exp".to_owned(), json!(now.saturating_add(self.exp_s)));
        payload.insert("nbf".to_owned(), json!(now.saturating_sub(self.nbf_s)));
        if self.has_jti {
            let jti = format!("{:032x}", fastrand::u128(..));
            payload.insert("jti".to_owned(), json!(jti));
        }
        let (header, payload) = (Value::Object(header), Value::Object(payload));
        let signed = format!("{}.{}", encode(&header), encode(&payload));
        let setting = "sasl.oauthbearer.assertion.private.key.file";
        let key = read(setting, &self.key_file)?;
        let signature = sign(&signed, &key, self.passphrase.as_ref(), self.algorithm);
        let signature =
            signature.map_err(|why| format!("{setting}={}: {why}", self.key_file.display()))?;
        Ok(Secret::new(format!(
            "{signed}.{}",
            URL_SAFE_NO_PAD.encode(signature)
        )))
    }

    /// The header and the payload of the template; both empty without one.
    fn template(&self) -> Result<(Part, Part), String> {
        let Some(path) = &self.template_file else {
            return Ok((Map::new(), Map::new()));
        };
        let setting = "sasl.oauthbearer.assertion.template.file";
        let text = read(setting, path)?;
        let template: Option<Value> = serde_json::from_str(text.expose()).ok();
        let part = |name: &str| match template.as_ref()?.get(name) {
            None => Some(Map::new()),
            Some(part) => part.as_object().cloned(),
        };
        part("header").zip(part("payload")).ok_or_else(|| {
            let path = path.display();
            format!(
                "{setting}={path}: it must be JSON: {{\"header\": {{...}}, \"payload\": {{...}}}}"
            )
        })
    }
}

fn read(setting: &str, path: &Path) -> Result<Secret, String> {
    let text = regular_file::read_text(path);
    let text =
        text.map_err(|error| format!("{setting}={} cannot be read: {error}", path.display()))?;
    Ok(Secret::new(text))
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::time::Duration;

    use super::super::http::server::{answer, serving};
    use super::super::http::{HttpClient, Url};
    use super::super::jwt::Claims;
    use super::*;

    fn file(text: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    fn asked(assertion: Assertion, grant: AssertionGrant) -> (Result<Fetched, FetchError>, String) {
        let answers = [answer("200 OK", r#"{"access_token": "t"}"#)];
        let (outcome, mut requests) = serving(&answers, async |port| {
            let url = format!("http://127.0.0.1:{port}/token");
            let endpoint = TokenEndpoint {
                url: Url::parse(&url).unwrap(),
                http: HttpClient::default(),
                principal_claim: "sub".to_owned(),
                extensions: Vec::new(),
            };
            let scope = Some("s t".to_owned());
            let client = AssertedClient {
                endpoint,
                assertion,
                grant,
                scope,
            };
            client.fetch().await
        });
        let request = requests.remove(0);
        assert!(
            !request.to_lowercase().contains("authorization"),
            "{request}"
        );
        (
            outcome,
            request.split("\r\n\r\n").nth(1).unwrap().to_owned(),
        )
    }

    #[test]
    fn an_assertion_of_a_file_is_shown_in_two_ways() {
        let assertion = file("a.b.c\n");
        let of_file = || Assertion::File(assertion.path().to_owned());
        let (outcome, form) = asked(of_file(), AssertionGrant::JwtBearer);
        assert_eq!(outcome.unwrap().token.value.expose(), "t");
        let expected = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=a.b.c&\
                        scope=s+t";
        assert_eq!(form, expected);
        let client_id = Some("me".to_owned());
        let (_, form) = asked(of_file(), AssertionGrant::ClientCredentials { client_id });
        let expected = "grant_type=client_credentials&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3A\
                        client-assertion-type%3Ajwt-bearer&client_assertion=a.b.c&client_id=me&scope=s+t";
        assert_eq!(form, expected);
    }

    fn signed(key: &Path, template: Option<&Path>) -> SignedAssertion {
        SignedAssertion {
            algorithm: JwtAlgorithm::Es256,
            key_file: key.to_owned(),
            passphrase: None,
            template_file: template.map(Path::to_owned),
            claims: json!({"iss": "me"}).as_object().unwrap().clone(),
            exp_s: 300,
            nbf_s: 60,
            has_jti: true,
        }
    }

    #[test]
    fn an_assertion_is_signed_with_the_claims_and_the_template() {
        // Certificates of the embedded cluster have keys of P-256.
        let pem = kafka_mock::MockTls::new()
            .unwrap()
            .client_pem("me")
            .unwrap();
        let key = file(&pem);
        let template = file(r#"{"header": {"kid": "k1"}, "payload": {"aud": ["x"]}}"#);
        let now = UNIX_EPOCH + Duration::from_secs(1000);
        let text = signed(key.path(), Some(template.path())).text(now).unwrap();
        let parts: Vec<_> = text.expose().split('.').collect();
        let decoded = |part: &str| URL_SAFE_NO_PAD.decode(part).unwrap();
        let header: Value = serde_json::from_slice(&decoded(parts[0])).unwrap();
        assert_eq!(header, json!({"alg": "ES256", "kid": "k1", "typ": "JWT"}));
        let payload: Value = serde_json::from_slice(&decoded(parts[1])).unwrap();
        assert_eq!(
            (&payload["iat"], &payload["exp"]),
            (&json!(1000), &json!(1300))
        );
        assert_eq!(
            (&payload["nbf"], &payload["aud"]),
            (&json!(940), &json!(["x"]))
        );
        assert_eq!(payload["jti"].as_str().unwrap().len(), 32);
        assert_eq!(Claims::of(text.expose()).unwrap().text("iss"), Some("me"));
        assert_eq!(decoded(parts[2]).len(), 64);
    }

    #[test]
    fn files_that_cannot_be_used_are_told_with_their_setting() {
        let broken = file("{");
        let nowhere = Path::new("/nowhere/key.pem");
        let now = SystemTime::now();
        let error = signed(nowhere, None).text(now).unwrap_err();
        let setting =
            "sasl.oauthbearer.assertion.private.key.file=/nowhere/key.pem cannot be read: ";
        assert!(error.starts_with(setting), "{error}");
        let error = signed(nowhere, Some(broken.path())).text(now).unwrap_err();
        assert!(
            error.contains("template.file=") && error.contains("it must be JSON"),
            "{error}"
        );
        let error = signed(broken.path(), None).text(now).unwrap_err();
        assert!(error.contains("there is no private key inside"), "{error}");
        if cfg!(unix) {
            let pipe = Assertion::File("/dev/null".into()).text(now).unwrap_err();
            assert!(pipe.ends_with("it is not a regular file"), "{pipe}");
        }
        let error = Assertion::File(nowhere.to_owned()).text(now).unwrap_err();
        assert!(
            error.starts_with("sasl.oauthbearer.assertion.file=/nowhere"),
            "{error}"
        );
    }
}
