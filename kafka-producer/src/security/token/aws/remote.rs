//! AWS credentials that are asked for over the network: of a role, for who runs in its place.

use std::time::Duration;

use hyper::Method;
use serde_json::Value;

use super::environment::Environment;
use super::keys::AwsCredentials;
use super::sigv4::uri_encoded;
use super::time;
use crate::security::Secret;
use crate::security::token::http::{Answer, Call, HttpClient, Url};

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
            tls: None,
        };
        Self { environment, http }
    }

    /// A token of Kubernetes for a role of IAM (EKS): `AWS_WEB_IDENTITY_TOKEN_FILE`, `AWS_ROLE_ARN`.
    pub(super) async fn of_web_identity(&self) -> Result<Option<AwsCredentials>, String> {
        let get = |name| self.environment.get(name);
        let (Some(file), Some(role)) = (get("AWS_WEB_IDENTITY_TOKEN_FILE"), get("AWS_ROLE_ARN"))
        else {
            return Ok(None);
        };
        let token = read("AWS_WEB_IDENTITY_TOKEN_FILE", &file)?;
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
        let answer = self.ask(Method::POST, &endpoint, headers, body).await?;
        of_xml(&answer)
            .map(Some)
            .ok_or_else(|| format!("{endpoint} answers without credentials"))
    }

    /// The agent of a container (ECS, EKS Pod Identity).
    pub(super) async fn of_container(&self) -> Result<Option<AwsCredentials>, String> {
        let relative = self
            .environment
            .get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
        let url = relative.map(|path| format!("http://169.254.170.2{path}"));
        let url = url.or_else(|| self.environment.get("AWS_CONTAINER_CREDENTIALS_FULL_URI"));
        let Some(url) = url else {
            return Ok(None);
        };
        let name = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";
        let token = match self.environment.get(name) {
            Some(file) => Some(read(name, &file)?),
            None => self.environment.get("AWS_CONTAINER_AUTHORIZATION_TOKEN"),
        };
        let headers = token
            .map(|token| ("Authorization", token))
            .into_iter()
            .collect();
        let answer = self.ask(Method::GET, &url, headers, String::new()).await?;
        of_json(&answer)
            .map(Some)
            .ok_or_else(|| format!("{url} answers without credentials"))
    }

    /// The metadata service of EC2, in its second version.
    pub(super) async fn of_instance(&self) -> Result<AwsCredentials, String> {
        let disabled = self.environment.get("AWS_EC2_METADATA_DISABLED");
        if disabled.is_some_and(|disabled| disabled.eq_ignore_ascii_case("true")) {
            return Err("AWS_EC2_METADATA_DISABLED is true".to_owned());
        }
        let endpoint = self.environment.get("AWS_EC2_METADATA_SERVICE_ENDPOINT");
        let endpoint = endpoint.unwrap_or_else(|| "http://169.254.169.254".to_owned());
        let endpoint = endpoint.trim_end_matches('/');
        let ttl = vec![("X-aws-ec2-metadata-token-ttl-seconds", "21600".to_owned())];
        let url = format!("{endpoint}/latest/api/token");
        let session = text(&self.ask(Method::PUT, &url, ttl, String::new()).await?);
        let header = || vec![("X-aws-ec2-metadata-token", session.clone())];
        let url = format!("{endpoint}/latest/meta-data/iam/security-credentials/");
        let roles = text(&self.ask(Method::GET, &url, header(), String::new()).await?);
        let role = roles.lines().next().unwrap_or_default();
        let url = format!("{url}{}", uri_encoded(role));
        let answer = self.ask(Method::GET, &url, header(), String::new()).await?;
        of_json(&answer).ok_or_else(|| "its answer is without credentials".to_owned())
    }

    /// The answer, if its status is 200.
    async fn ask(
        &self,
        method: Method,
        url: &str,
        headers: Vec<(&'static str, String)>,
        body: String,
    ) -> Result<Answer, String> {
        let url = Url::parse(url).map_err(|allowed| format!("{url:?} must be {allowed}"))?;
        let call = Call {
            method,
            url: &url,
            headers,
            body,
        };
        let answer = self
            .http
            .call(call)
            .await
            .map_err(|why| format!("{url}: {why}"))?;
        match answer.status {
            200 => Ok(answer),
            status => Err(format!("{url}: it answers {status}{}", told(&answer))),
        }
    }
}

fn read(variable: &str, file: &str) -> Result<String, String> {
    let text = std::fs::read_to_string(file);
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
        (Some(code), Some(message)) => format!(": {code} ({message})"),
        (Some(code), None) => format!(": {code}"),
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
    })
}

/// What is between a tag and its end; AWS writes neither attributes nor entities in these.
fn between<'a>(text: &'a str, tag: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("<{tag}>"))?;
    let (inside, _) = rest.split_once(&format!("</{tag}>"))?;
    Some(inside)
}
