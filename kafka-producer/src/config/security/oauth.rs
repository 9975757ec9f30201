//! Where the tokens of `OAUTHBEARER` come from: an identity provider, a file, or nowhere (unsecured).
//!
//! As in Java, an option of `sasl.jaas.config` is used where the setting of the same meaning is not set.
//! Java makes unsecured tokens unless a handler is named; here an endpoint that is set is asked as well.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::super::error::{Problem, Warning};
use super::super::jaas::LoginModule;
use super::super::values::{Findings, HIDDEN, Values};
use super::tls;
use crate::readable::without_secrets;
#[cfg(feature = "_tls")]
use crate::security::token::assertion::{AssertedClient, AssertionGrant};
use crate::security::token::cache::{CachedTokens, Refresh, TokenSource};
use crate::security::token::client_credentials::{ClientCredentials, TokenEndpoint};
use crate::security::token::file::TokenFile;
use crate::security::token::http::{HttpClient, Url};
use crate::security::token::https::Https;
use crate::security::token::retry::RetryBackoff;
use crate::security::token::unsecured::Unsecured;
use crate::security::{Secret, Tls, TokenProvider};

const JAAS: &str = "sasl.jaas.config";
const ENDPOINT: &str = "sasl.oauthbearer.token.endpoint.url";
const CLIENT_ID: &str = "sasl.oauthbearer.client.credentials.client.id";
const CLIENT_SECRET: &str = "sasl.oauthbearer.client.credentials.client.secret";
const RETRIEVER: &str = "sasl.oauthbearer.jwt.retriever.class";

/// What an assertion is shown as.
#[derive(Clone, Copy)]
enum Grant {
    JwtBearer,
    ClientCredentials,
}

/// What was set, the options of the login module with it.
pub(super) struct OAuth<'a> {
    pub(super) values: &'a Values,
    pub(super) module: Option<&'a LoginModule>,
}

impl OAuth<'_> {
    /// Who provides tokens; `None` after a problem was reported.
    pub(super) fn provider(&self, findings: &mut Findings) -> Option<Arc<dyn TokenProvider>> {
        let endpoint = self.values.text(ENDPOINT).filter(|text| !text.is_empty());
        match endpoint {
            None if self.has_option("unsecuredLogin") => {
                let unsecured = self.unsecured(findings)?;
                Some(Arc::new(unsecured))
            }
            None => {
                let what = "where tokens come from: http://, https:// or file:///; or give a TokenProvider";
                findings.missing(ENDPOINT, what);
                None
            }
            Some(url) => self.of_endpoint(&url, findings),
        }
    }

    /// `DefaultJwtRetriever` goes by the URL, the others must fit it.
    fn of_endpoint(&self, url: &str, findings: &mut Findings) -> Option<Arc<dyn TokenProvider>> {
        let retriever = self.values.text(RETRIEVER).unwrap_or_default();
        let path = file_path(url);
        match (retriever.rsplit('.').next().unwrap_or_default(), path) {
            ("DefaultJwtRetriever" | "FileJwtRetriever", Some(path)) => Some(Arc::new(TokenFile {
                path: path.into(),
                principal_claim: self.principal_claim(),
                extensions: self.extensions("extension_", findings)?,
            })),
            ("JwtBearerJwtRetriever", None) => self.asserted(url, Grant::JwtBearer, findings),
            ("DefaultJwtRetriever" | "ClientCredentialsJwtRetriever", None)
                if self.has_client_assertion() =>
            {
                self.asserted(url, Grant::ClientCredentials, findings)
            }
            ("DefaultJwtRetriever" | "ClientCredentialsJwtRetriever", None) => {
                let source = self.client_credentials(url, findings)?;
                Some(Arc::new(self.cached(source)))
            }
            ("FileJwtRetriever", None) => {
                let because = "sasl.oauthbearer.jwt.retriever.class is FileJwtRetriever";
                let shown = without_secrets(url);
                findings.contradiction(ENDPOINT, shown, "file:///PATH", because.to_owned());
                None
            }
            ("ClientCredentialsJwtRetriever", Some(_)) => {
                let because =
                    "sasl.oauthbearer.jwt.retriever.class is ClientCredentialsJwtRetriever";
                let allowed = "http:// or https://";
                findings.contradiction(ENDPOINT, url.to_owned(), allowed, because.to_owned());
                None
            }
            _ => {
                findings.problems.push(Problem::Unsupported {
                    name: RETRIEVER,
                    value: retriever,
                    allowed:
                        "DefaultJwtRetriever, ClientCredentialsJwtRetriever, FileJwtRetriever or \
                              JwtBearerJwtRetriever of org.apache.kafka.common.security.oauthbearer"
                            .to_owned(),
                    reason: "other classes of Java cannot be run: give a TokenProvider".to_owned(),
                });
                None
            }
        }
    }

    /// Whether the client is to prove itself by an assertion, and not by a secret (KIP-1258).
    fn has_client_assertion(&self) -> bool {
        let names = [
            "sasl.oauthbearer.assertion.claim.iss",
            "sasl.oauthbearer.assertion.file",
        ];
        names.iter().any(|name| self.values.secret(name).is_some())
    }

    #[cfg(feature = "_tls")]
    fn asserted(
        &self,
        url: &str,
        grant: Grant,
        findings: &mut Findings,
    ) -> Option<Arc<dyn TokenProvider>> {
        let endpoint = self.endpoint(url, findings);
        let assertion = super::assertion::assertion(self.values, findings);
        let text = |secret: Secret| secret.expose().to_owned();
        let source = AssertedClient {
            endpoint: endpoint?,
            assertion: assertion?,
            grant: match grant {
                Grant::JwtBearer => AssertionGrant::JwtBearer,
                Grant::ClientCredentials => AssertionGrant::ClientCredentials {
                    client_id: self.either(CLIENT_ID, "clientId").map(text),
                },
            },
            scope: self.either("sasl.oauthbearer.scope", "scope").map(text),
        };
        Some(Arc::new(self.cached(source)))
    }

    #[cfg(not(feature = "_tls"))]
    fn asserted(
        &self,
        _url: &str,
        _grant: Grant,
        findings: &mut Findings,
    ) -> Option<Arc<dyn TokenProvider>> {
        findings.problems.push(Problem::Unsupported {
            name: RETRIEVER,
            value: self.values.text(RETRIEVER).unwrap_or_default(),
            allowed: "used without sasl.oauthbearer.assertion.*".to_owned(),
            reason: "the feature tls of the crate, which signs assertions, is not built in"
                .to_owned(),
        });
        None
    }

    fn client_credentials(&self, url: &str, findings: &mut Findings) -> Option<ClientCredentials> {
        let endpoint = self.endpoint(url, findings);
        let client_id = self.needed(CLIENT_ID, "clientId", findings);
        let client_secret = self.needed(CLIENT_SECRET, "clientSecret", findings);
        let scope = self.either("sasl.oauthbearer.scope", "scope");
        Some(ClientCredentials {
            endpoint: endpoint?,
            client_id: client_id?.expose().to_owned(),
            client_secret: client_secret?,
            scope: scope.map(|scope| scope.expose().to_owned()),
            url_encoded: self.values.flag("sasl.oauthbearer.header.urlencode"),
        })
    }

    fn endpoint(&self, url: &str, findings: &mut Findings) -> Option<TokenEndpoint> {
        let parsed = Url::parse(url);
        if let Err(allowed) = parsed {
            findings.invalid(ENDPOINT, without_secrets(url), allowed);
        }
        let values = self.values;
        let http = HttpClient {
            connect_timeout: time_limit("sasl.login.connect.timeout.ms", values, findings),
            read_timeout: time_limit("sasl.login.read.timeout.ms", values, findings),
            https: Https::new(self.tls(findings)),
        };
        let url = parsed.ok()?;
        if !url.is_private() {
            findings.warnings.push(Warning::SecretInPlain {
                name: ENDPOINT,
                value: url.to_string(),
            });
        }
        Some(TokenEndpoint {
            url,
            http,
            principal_claim: self.principal_claim(),
            extensions: self.extensions("extension_", findings)?,
        })
    }

    /// What the endpoint's TLS goes by: as in Java the options `ssl.*` of the login module, and not the
    /// settings, which are about brokers.
    fn tls(&self, findings: &mut Findings) -> Option<Tls> {
        let options = self.module?.options_of("ssl.");
        let options =
            options.map(|(name, value)| (format!("ssl.{name}"), value.expose().to_owned()));
        let explicit: std::collections::BTreeMap<_, _> = options.collect();
        if explicit.is_empty() {
            return None;
        }
        let values = Values::read(&explicit, findings);
        Some(tls::tls(&values, findings))
    }

    fn cached<S: TokenSource>(&self, source: S) -> CachedTokens<S> {
        let retry = RetryBackoff {
            first: self.values.time("sasl.login.retry.backoff.ms"),
            max: self.values.time("sasl.login.retry.backoff.max.ms"),
        };
        let login_timeout = self.values.time("socket.connection.setup.timeout.ms");
        CachedTokens::new(source, self.refresh(), retry, login_timeout)
    }

    fn refresh(&self) -> Refresh {
        let values = self.values;
        let seconds = |name| Duration::from_secs(values.number(name).unsigned_abs());
        Refresh {
            window_factor: values.decimal("sasl.login.refresh.window.factor"),
            window_jitter: values.decimal("sasl.login.refresh.window.jitter"),
            buffer: seconds("sasl.login.refresh.buffer.seconds"),
            min_period: seconds("sasl.login.refresh.min.period.seconds"),
        }
    }

    fn principal_claim(&self) -> String {
        let claim = self.values.text("sasl.oauthbearer.sub.claim.name");
        claim
            .filter(|claim| !claim.is_empty())
            .unwrap_or_else(|| "sub".to_owned())
    }

    fn has_option(&self, prefix: &str) -> bool {
        self.module
            .is_some_and(|module| module.options_of(prefix).next().is_some())
    }

    fn option(&self, name: &str) -> Option<&Secret> {
        self.module?.option(name)
    }

    /// The setting, or else the option.
    fn either(&self, setting: &'static str, option: &str) -> Option<Secret> {
        let set = self.values.secret(setting);
        set.or_else(|| self.option(option).cloned())
    }

    fn needed(
        &self,
        setting: &'static str,
        option: &str,
        findings: &mut Findings,
    ) -> Option<Secret> {
        let value = self.either(setting, option);
        if value.is_none() {
            let allowed = format!(
                "what the token endpoint knows us by; it may also be {option} of sasl.jaas.config"
            );
            findings.missing(setting, allowed);
        }
        value
    }

    /// SASL extensions (KIP-342); `None` after it was reported that one is invalid.
    fn extensions(&self, prefix: &str, findings: &mut Findings) -> Option<Vec<(String, String)>> {
        let Some(module) = self.module else {
            return Some(Vec::new());
        };
        let extensions = module.options_of(prefix);
        let extensions: Vec<_> = extensions
            .map(|(name, value)| (name.to_owned(), value.expose().to_owned()))
            .collect();
        let printable = |byte: u8| byte.is_ascii_graphic() || b" \t\r\n".contains(&byte);
        let is_valid = |(name, value): &&(String, String)| {
            let letters = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphabetic());
            letters && name != "auth" && !value.is_empty() && value.bytes().all(printable)
        };
        match extensions.iter().find(|extension| !is_valid(extension)) {
            None => Some(extensions),
            Some(_) => {
                let allowed = format!(
                    "one whose options {prefix}NAME are extensions: letters as a name but not auth, and a \
                     value that can be printed"
                );
                findings.invalid(JAAS, HIDDEN.to_owned(), &allowed);
                None
            }
        }
    }

    fn unsecured(&self, findings: &mut Findings) -> Option<Unsecured> {
        let lifetime = self.option("unsecuredLoginLifetimeSeconds");
        let lifetime = lifetime.map_or(Some(3600), |text| text.expose().parse().ok());
        let claim_name = self.option("unsecuredLoginPrincipalClaimName");
        let claim_name = claim_name.map_or("sub", |name| name.expose().trim());
        let claims = self.claims();
        let principal = claims
            .as_ref()
            .and_then(|claims| claims.get(claim_name)?.as_str());
        let (Some(claims), Some(principal), Some(lifetime)) = (&claims, principal, lifetime) else {
            let allowed = format!(
                "one with unsecuredLoginStringClaim_{claim_name}=\"...\", without the claims iat and exp, and \
                 with numbers where numbers belong"
            );
            let because = "unsecured tokens are made of it".to_owned();
            findings.contradiction(JAAS, HIDDEN.to_owned(), &allowed, because);
            return None;
        };
        Some(Unsecured {
            principal: principal.to_owned(),
            claims: claims.clone(),
            lifetime: Duration::from_secs(lifetime),
            extensions: self.extensions("unsecuredLoginExtension_", findings)?,
        })
    }

    /// The claims that were set; `None`: one cannot be.
    fn claims(&self) -> Option<Map<String, Value>> {
        let module = self.module?;
        let texts = module.options_of("unsecuredLoginStringClaim_");
        let texts = texts.map(|(name, text)| Some((name, json!(text.expose()))));
        let numbers = module.options_of("unsecuredLoginNumberClaim_");
        let numbers = numbers.map(|(name, text)| {
            let number: f64 = text.expose().parse().ok()?;
            Some((name, json!(number)))
        });
        let lists = module.options_of("unsecuredLoginListClaim_");
        let lists = lists.map(|(name, text)| Some((name, list(text.expose()))));
        let mut claims = Map::new();
        for claim in texts.chain(numbers).chain(lists) {
            let (name, value) = claim.filter(|(name, _)| !["iat", "exp", ""].contains(name))?;
            claims.insert(name.to_owned(), value);
        }
        Some(claims)
    }
}

/// A list whose first character is what separates its items.
fn list(text: &str) -> Value {
    let mut rest = text.chars();
    match rest.next() {
        Some(separator) if !rest.as_str().is_empty() => {
            json!(rest.as_str().split(separator).collect::<Vec<_>>())
        }
        _ => json!([]),
    }
}

/// As Java's `HttpURLConnection` has it: no time is no limit, and a negative one is refused.
fn time_limit(name: &'static str, values: &Values, findings: &mut Findings) -> Option<Duration> {
    let millis = values.given_number(name)?;
    if millis < 0 {
        let allowed = format!("a whole number from 0 to {}; 0 is no limit", i32::MAX);
        findings.invalid(name, millis.to_string(), &allowed);
    }
    values.limit(name).filter(|limit| !limit.is_zero())
}

/// The path of a URL `file:///PATH` or `file:/PATH`.
fn file_path(url: &str) -> Option<&str> {
    let rest = url.strip_prefix("file:")?;
    let path = rest.strip_prefix("//").unwrap_or(rest);
    path.starts_with('/').then_some(path)
}
