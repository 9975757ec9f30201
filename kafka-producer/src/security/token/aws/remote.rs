//! AWS credentials that are asked for over the network: of the role that the program runs with.

use std::time::Duration;

use hyper::Method;
use serde_json::Value;

use super::environment::Environment;
use super::keys::AwsCredentials;
use super::sigv4::uri_encoded;
use super::time;
use crate::readable::{readable, without_secrets};
use crate::regular_file;
use crate::security::Secret;
use crate::security::token::Refused;
use crate::security::token::TokenError;
use crate::security::token::cache::FetchError;
use crate::security::token::http::{Answer, Call, HttpClient, Url};
use crate::security::token::https::Https;

/// Asks for credentials.
#[derive(Debug)]
pub(super) struct Remote {
    environment: Environment,
    http: HttpClient,
}

impl Remote {
    pub(super) fn new(environment: Environment) -> Self {
        let http = HttpClient {
            connect_timeout: Some(Duration::from_secs(2)),
            read_timeout: Some(Duration::from_secs(5)),
            https: Https::default(),
        };
        Self { environment, http }
    }

    /// A token of Kubernetes for a role of IAM (EKS): `AWS_WEB_IDENTITY_TOKEN_FILE`, `AWS_ROLE_ARN`.
    pub(super) async fn of_web_identity(&self) -> Result<Option<AwsCredentials>, FetchError> {
        let get = |name| self.environment.get(name);
        let (Some(file), Some(role)) = (get("AWS_WEB_IDENTITY_TOKEN_FILE"), get("AWS_ROLE_ARN"))
        else {
            return Ok(None);
        };
        let token = read("AWS_WEB_IDENTITY_TOKEN_FILE", &file).map_err(lasting)?;
        let region = get("AWS_REGION").or_else(|| get("AWS_DEFAULT_REGION"));
        let endpoint = get("AWS_ENDPOINT_URL_STS").unwrap_or_else(|| match region {
            Some(region) if region.starts_with("cn-") => {
                format!("https://sts.{region}.amazonaws.com.cn/")
            }
            Some(region) => format!("https://sts.{region}.amazonaws.com/"),
            None => "https://sts.amazonaws.com/".to_owned(),
        });
        let session = get("AWS_ROLE_SESSION_NAME").unwrap_or_else(|| "kafka-producer".to_owned());
        let body = format!(
            "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn={}&RoleSessionName={}&\
             WebIdentityToken={}",
            uri_encoded(&role),
            uri_encoded(&session),
            uri_encoded(&token)
        );
        let form = "application/x-www-form-urlencoded".to_owned();
        let headers = vec![("Content-Type", form)];
        let url = private_url("AWS_ENDPOINT_URL_STS", &endpoint, &AGENTS).map_err(lasting)?;
        let answer = self.ask(Method::POST, &url, headers, body).await?;
        of_xml(&answer)
            .map(Some)
            .ok_or_else(|| lasting(format!("{url} answers without credentials")))
    }

    /// The agent of a container (ECS, EKS Pod Identity).
    pub(super) async fn of_container(&self) -> Result<Option<AwsCredentials>, FetchError> {
        let Some(url) = self.url_of_container().map_err(lasting)? else {
            return Ok(None);
        };
        let name = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";
        let token = match self.environment.get(name) {
            Some(file) => Some(read(name, &file).map_err(lasting)?),
            None => self.environment.get("AWS_CONTAINER_AUTHORIZATION_TOKEN"),
        };
        let headers = token
            .map(|token| ("Authorization", token))
            .into_iter()
            .collect();
        let answer = self.ask(Method::GET, &url, headers, String::new()).await?;
        of_json(&answer)
            .map(Some)
            .ok_or_else(|| lasting(format!("{url} answers without credentials")))
    }

    /// `None`: this is no such container.
    fn url_of_container(&self) -> Result<Option<Url>, String> {
        let [relative, full] = [
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        ];
        let (variable, text) = match (self.environment.get(relative), self.environment.get(full)) {
            (Some(path), _) => (relative, format!("http://169.254.170.2{path}")),
            (None, Some(text)) => (full, text),
            (None, None) => return Ok(None),
        };
        private_url(variable, &text, &AGENTS).map(Some)
    }

    /// The metadata service of EC2, in its second version.
    pub(super) async fn of_instance(&self) -> Result<AwsCredentials, FetchError> {
        let disabled = self.environment.get("AWS_EC2_METADATA_DISABLED");
        if disabled.is_some_and(|disabled| disabled.eq_ignore_ascii_case("true")) {
            return Err(lasting("AWS_EC2_METADATA_DISABLED is true".to_owned()));
        }
        const ENDPOINT: &str = "AWS_EC2_METADATA_SERVICE_ENDPOINT";
        let endpoint = self.environment.get(ENDPOINT);
        let endpoint = endpoint.unwrap_or_else(|| "http://169.254.169.254".to_owned());
        let endpoint = endpoint.trim_end_matches('/');
        let url_of = |path: String| {
            let text = format!("{endpoint}/latest/{path}");
            private_url(ENDPOINT, &text, &METADATA_SERVICES).map_err(lasting)
        };
        let ttl = vec![("X-aws-ec2-metadata-token-ttl-seconds", "21600".to_owned())];
        let url = url_of("api/token".to_owned())?;
        let session = text(&self.ask(Method::PUT, &url, ttl, String::new()).await?);
        let header = || vec![("X-aws-ec2-metadata-token", session.clone())];
        const CREDENTIALS: &str = "meta-data/iam/security-credentials";
        let url = url_of(format!("{CREDENTIALS}/"))?;
        let roles = text(&self.ask(Method::GET, &url, header(), String::new()).await?);
        let role = roles.lines().next().unwrap_or_default();
        if role.is_empty() || role.len() > ROLE_BYTES_MAX {
            return Err(lasting(format!("{url}: its answer names no role")));
        }
        let url = url_of(format!("{CREDENTIALS}/{}", uri_encoded(role)))?;
        let answer = self.ask(Method::GET, &url, header(), String::new()).await?;
        of_json(&answer).ok_or_else(|| lasting("its answer is without credentials".to_owned()))
    }

    /// The answer, if its status is 200.
    async fn ask(
        &self,
        method: Method,
        url: &Url,
        headers: Vec<(&'static str, String)>,
        body: String,
    ) -> Result<Answer, FetchError> {
        let call = Call {
            method,
            url,
            headers,
            body,
        };
        let answer = self
            .http
            .call(call)
            .await
            .map_err(|why| passing(format!("{url}: {why}")))?;
        match answer.status {
            200 => Ok(answer),
            status => {
                let why = format!("{url}: it answers {status}{}", told(&answer));
                Err(match status {
                    // Too slow, too often: that passes.
                    408 | 429 | 500.. => passing(why),
                    _ => lasting(why),
                })
            }
        }
    }
}

fn passing(why: String) -> FetchError {
    FetchError::Passing(TokenError::new(why))
}

fn lasting(why: String) -> FetchError {
    FetchError::Lasting(TokenError::new(why))
}

/// What the variable says, or stands for.
fn url(variable: &str, text: &str) -> Result<Url, String> {
    Url::parse(text).map_err(|allowed| {
        let shown = without_secrets(text);
        format!("{variable}: {shown:?} must be {allowed}")
    })
}

/// The same, where nothing can be read on the way: what is sent to agents over HTTP stays on this machine, as AWS's
/// own tools have it.
fn private_url(variable: &str, text: &str, agents: &[&str]) -> Result<Url, String> {
    let url = url(variable, text)?;
    match url.is_private() || agents.contains(&url.host()) {
        true => Ok(url),
        false => Err(format!(
            "{variable}: http is only allowed to this host (localhost, 127.0.0.0/8, ::1) and to the agents of AWS \
             ({}), not to {url}, because the credentials could be read on the way: use https",
            agents.join(", ")
        )),
    }
}

/// ECS; EKS Pod Identity, in both versions of IP.
const AGENTS: [&str; 3] = ["169.254.170.2", "169.254.170.23", "fd00:ec2::23"];

/// EC2, in both versions of IP.
const METADATA_SERVICES: [&str; 2] = ["169.254.169.254", "fd00:ec2::254"];

/// IAM allows names of 64 characters.
const ROLE_BYTES_MAX: usize = 256;

fn read(variable: &str, file: &str) -> Result<String, String> {
    let text = regular_file::read_text(file.as_ref());
    let text = text.map_err(|error| format!("{variable}={file} cannot be read: {error}"))?;
    Ok(text.trim().to_owned())
}

fn text(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.body).trim().to_owned()
}

/// What an error says, which is XML where it says anything.
fn told(answer: &Answer) -> String {
    let text = text(answer);
    match (between(&text, "Code"), between(&text, "Message")) {
        (Some(code), Some(message)) => format!(": {} ({})", readable(code), readable(message)),
        (Some(code), None) => format!(": {}", readable(code)),
        _ => String::new(),
    }
}

fn of_json(answer: &Answer) -> Option<AwsCredentials> {
    let answer: Value = serde_json::from_slice(&answer.body).ok()?;
    credentials(|name| {
        let name = if name == "SessionToken" {
            "Token"
        } else {
            name
        };
        Some(answer.get(name)?.as_str()?.to_owned())
    })
}

fn of_xml(answer: &Answer) -> Option<AwsCredentials> {
    let text = text(answer);
    let inside = between(&text, "Credentials")?;
    credentials(|name| between(inside, name).map(str::to_owned))
}

fn credentials(part: impl Fn(&str) -> Option<String>) -> Option<AwsCredentials> {
    Some(AwsCredentials {
        access_key_id: part("AccessKeyId")?,
        secret_access_key: Secret::new(part("SecretAccessKey")?),
        session_token: part("SessionToken").map(Secret::new),
        expires: part("Expiration").and_then(|text| time::parse_extended(&text)),
        refused: Refused::default(),
    })
}

/// What is between a tag and its end; AWS writes neither attributes nor entities in these.
fn between<'a>(text: &'a str, tag: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("<{tag}>"))?;
    let (inside, _) = rest.split_once(&format!("</{tag}>"))?;
    Some(inside)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn whatever_is_answered_ends_in_credentials_or_in_words(
            body in "(<(/)?(Credentials|AccessKeyId|SecretAccessKey|Expiration|Code|Message)>|\\PC{0,4}){0,12}",
            json in "\\{(\"(AccessKeyId|SecretAccessKey|Token|Expiration)\":(\"[0-9TZ:.-]{0,24}\"|1|null),?){0,4}\\}",
        ) {
            for body in [body, json] {
                let answer = Answer { status: 403, body: body.into() };
                let _ = (of_xml(&answer), of_json(&answer));
                let told = told(&answer);
                prop_assert!(told.chars().count() < 1_000 && !told.contains(char::is_control));
            }
        }
    }

    #[test]
    fn agents_are_those_of_aws() {
        let is_agent = |host: &str| {
            let host = match host.contains(':') {
                true => format!("[{host}]"),
                false => host.to_owned(),
            };
            assert!(private_url("X", &format!("https://{host}/"), &AGENTS).is_ok());
            private_url("X", &format!("http://{host}/"), &AGENTS).is_ok()
        };
        for host in [
            "localhost",
            "LOCALHOST",
            "127.0.0.1",
            "127.8.9.1",
            "::1",
            "169.254.170.2",
            "169.254.170.23",
            "fd00:ec2::23",
        ] {
            assert!(is_agent(host), "{host}");
        }
        for host in [
            "169.254.170.24",
            "128.0.0.1",
            "::2",
            "localhost.example",
            "0x7f000001",
            "127.1",
        ] {
            assert!(!is_agent(host), "{host}");
        }
    }
}
