//! Where AWS credentials are looked for: in the order of AWS's own tools, the first place that has some.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;

use super::environment::Environment;
use super::ini::section;
use super::keys::AwsCredentials;
use super::remote::Remote;
use crate::regular_file;
use crate::security::Secret;
use crate::security::token::cache::{CachedTokens, FetchError, Fetched, Refresh, TokenSource};
use crate::security::token::retry::RetryBackoff;
use crate::security::token::{Refused, TokenError};

/// The places, and what was found in those that are asked over the network.
#[derive(Debug)]
pub(super) struct CredentialChain {
    places: Places,
    /// `awsProfileName`; then other places are not looked at.
    profile: Option<String>,
    kept: CachedTokens<Role>,
}

/// What is on this machine.
#[derive(Clone, Debug)]
struct Places {
    environment: Environment,
}

/// The role that the program runs with, if what is set names no other credentials.
#[derive(Debug)]
struct Role {
    places: Places,
    remote: Remote,
}

/// They are fetched anew some minutes before they end: a token that is signed with them is valid as long, at most.
const REFRESH: Refresh = Refresh {
    window_factor: 0.9,
    window_jitter: 0.05,
    buffer: Duration::from_secs(300),
    min_period: Duration::ZERO,
};

/// As `sasl.login.retry.backoff.ms` and `sasl.login.retry.backoff.max.ms` are by default.
const RETRY: RetryBackoff = RetryBackoff {
    first: Duration::from_millis(100),
    max: Duration::from_secs(10),
};

impl CredentialChain {
    pub(super) fn new(profile: Option<String>, login_timeout: Duration) -> Self {
        Self::of(Environment::of_process(), profile, login_timeout)
    }

    fn of(environment: Environment, profile: Option<String>, login_timeout: Duration) -> Self {
        let remote = Remote::new(environment.clone());
        let places = Places { environment };
        let role = Role {
            places: places.clone(),
            remote,
        };
        Self {
            places,
            profile,
            kept: CachedTokens::new(role, REFRESH, RETRY, login_timeout),
        }
    }

    /// Credentials that are valid now.
    pub(super) async fn get(&self) -> Result<AwsCredentials, TokenError> {
        if let Some(profile) = &self.profile {
            let found = self.places.of_profile(profile).map_err(TokenError::new)?;
            return found.ok_or_else(|| {
                TokenError::new(format!(
                    "there is no AWS profile {profile:?} (awsProfileName of sasl.jaas.config)"
                ))
            });
        }
        match self.places.of_environment() {
            Some(found) => Ok(found),
            None => self.kept.current().await,
        }
    }

    /// The region that the environment, or the profile, says.
    pub(super) fn region(&self) -> Option<String> {
        self.places.region(self.profile.as_ref())
    }
}

#[async_trait]
impl TokenSource for Role {
    type Token = AwsCredentials;

    async fn fetch(&self) -> Result<Fetched<AwsCredentials>, FetchError> {
        if let Some(found) = self.remote.of_web_identity().await? {
            return Ok(lasting_until_its_end(found));
        }
        let profile = self.places.environment.get("AWS_PROFILE");
        let of_profile = self
            .places
            .of_profile(profile.as_deref().unwrap_or("default"));
        let of_profile = of_profile.map_err(|why| FetchError::Lasting(TokenError::new(why)))?;
        if let Some(found) = of_profile {
            return Ok(lasting_until_its_end(found));
        }
        let found = match self.remote.of_container().await? {
            Some(found) => found,
            None => self.remote.of_instance().await.map_err(nowhere)?,
        };
        Ok(lasting_until_its_end(found))
    }
}

/// Those of a file do not end, and are read each time.
fn lasting_until_its_end(token: AwsCredentials) -> Fetched<AwsCredentials> {
    let lifetime = token.expires.map(|end| {
        let left = end.duration_since(SystemTime::now());
        left.unwrap_or_default()
    });
    Fetched { token, lifetime }
}

fn nowhere(failure: FetchError) -> FetchError {
    let told = |why: TokenError| TokenError::new(format!("{NOWHERE}: {why}"));
    match failure {
        FetchError::Passing(why) => FetchError::Passing(told(why)),
        FetchError::Lasting(why) => FetchError::Lasting(told(why)),
    }
}

impl Places {
    /// The region that the environment, or the profile, says.
    fn region(&self, profile: Option<&String>) -> Option<String> {
        let set = ["AWS_REGION", "AWS_DEFAULT_REGION"];
        let set = set.iter().find_map(|name| self.environment.get(name));
        set.or_else(|| {
            let profile = profile.cloned();
            let profile = profile.or_else(|| self.environment.get("AWS_PROFILE"));
            let profile = self.profile_of(profile.as_deref().unwrap_or("default"))?;
            profile.get("region").cloned()
        })
    }

    fn of_environment(&self) -> Option<AwsCredentials> {
        Some(AwsCredentials {
            access_key_id: self.environment.get("AWS_ACCESS_KEY_ID")?,
            secret_access_key: Secret::new(self.environment.get("AWS_SECRET_ACCESS_KEY")?),
            session_token: self.environment.get("AWS_SESSION_TOKEN").map(Secret::new),
            expires: None,
            refused: Refused::default(),
        })
    }

    fn of_profile(&self, name: &str) -> Result<Option<AwsCredentials>, String> {
        let Some(profile) = self.profile_of(name) else {
            return Ok(None);
        };
        let text = |key: &str| profile.get(key).filter(|value| !value.is_empty()).cloned();
        if let (Some(access_key_id), Some(secret)) =
            (text("aws_access_key_id"), text("aws_secret_access_key"))
        {
            return Ok(Some(AwsCredentials {
                access_key_id,
                secret_access_key: Secret::new(secret),
                session_token: text("aws_session_token").map(Secret::new),
                expires: None,
                refused: Refused::default(),
            }));
        }
        let elsewhere = [
            "role_arn",
            "sso_session",
            "sso_start_url",
            "credential_process",
            "web_identity_token_file",
        ];
        match elsewhere.iter().find(|key| profile.contains_key(**key)) {
            Some(key) => Err(format!(
                "the AWS profile {name:?} goes by {key}, which is not supported: put credentials into the \
                 environment, or give a TokenProvider"
            )),
            None => Ok(None),
        }
    }

    /// What both files say about a profile; `credentials` counts more.
    fn profile_of(&self, name: &str) -> Option<BTreeMap<String, String>> {
        let read = |variable, file| {
            let path = self.environment.get(variable).map(PathBuf::from);
            let home = || {
                self.environment
                    .get("HOME")
                    .or_else(|| self.environment.get("USERPROFILE"))
            };
            let path = path.or_else(|| Some(PathBuf::from(home()?).join(".aws").join(file)))?;
            regular_file::read_text(&path).ok()
        };
        let config_name = match name {
            "default" => name.to_owned(),
            _ => format!("profile {name}"),
        };
        let config = read("AWS_CONFIG_FILE", "config");
        let config = config.and_then(|text| section(&text, &config_name));
        let credentials = read("AWS_SHARED_CREDENTIALS_FILE", "credentials");
        let credentials = credentials.and_then(|text| section(&text, name));
        match (config, credentials) {
            (Some(mut both), Some(credentials)) => {
                both.extend(credentials);
                Some(both)
            }
            (config, credentials) => config.or(credentials),
        }
    }
}

const NOWHERE: &str = "there are no AWS credentials in the environment (AWS_ACCESS_KEY_ID, \
                       AWS_SECRET_ACCESS_KEY), in the files of ~/.aws, nor from a container; and the \
                       metadata service of EC2 has none";

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::super::super::http::server::{answer, serving};
    use super::*;

    const LOGIN_TIMEOUT: Duration = Duration::from_secs(10);

    fn chain(pairs: &[(&str, &str)]) -> CredentialChain {
        CredentialChain::of(Environment::of(pairs), None, LOGIN_TIMEOUT)
    }

    fn get(chain: &CredentialChain) -> Result<AwsCredentials, String> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let found = runtime.block_on(chain.get());
        found.map_err(|error| error.to_string())
    }

    fn file(text: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    #[test]
    fn the_environment_comes_first() {
        let found = get(&chain(&[
            ("AWS_ACCESS_KEY_ID", "A"),
            ("AWS_SECRET_ACCESS_KEY", "tea-2026"),
            ("AWS_SESSION_TOKEN", "S"),
        ]));
        let found = found.unwrap();
        assert_eq!(
            (&*found.access_key_id, found.session_token.is_some()),
            ("A", true)
        );
        assert!(!format!("{found:?}").contains("tea-2026"));
    }

    #[test]
    fn then_come_the_files() {
        let credentials = file(
            "[default]\naws_access_key_id = A\naws_secret_access_key = B\n[dev]\naws_access_key_id=C\n\
             aws_secret_access_key=D",
        );
        let config = file("[profile dev]\nregion=eu-west-1\n[profile role]\nrole_arn=arn");
        let files = [
            (
                "AWS_SHARED_CREDENTIALS_FILE",
                credentials.path().to_str().unwrap(),
            ),
            ("AWS_CONFIG_FILE", config.path().to_str().unwrap()),
        ];
        assert_eq!(get(&chain(&files)).unwrap().access_key_id, "A");
        let dev = chain(&[&files[..], &[("AWS_PROFILE", "dev")]].concat());
        assert_eq!(get(&dev).unwrap().access_key_id, "C");
        assert_eq!(dev.region().as_deref(), Some("eu-west-1"));
        let role = chain(&[&files[..], &[("AWS_PROFILE", "role")]].concat());
        let error = get(&role).unwrap_err();
        assert!(
            error.starts_with("the AWS profile \"role\" goes by role_arn, which"),
            "{error}"
        );
        let named = CredentialChain::of(
            Environment::of(&files),
            Some("none".to_owned()),
            LOGIN_TIMEOUT,
        );
        let error = get(&named).unwrap_err();
        assert!(
            error.starts_with("there is no AWS profile \"none\" (awsProfileName"),
            "{error}"
        );
        let named = CredentialChain::of(
            Environment::of(&files),
            Some("dev".to_owned()),
            LOGIN_TIMEOUT,
        );
        assert_eq!(get(&named).unwrap().access_key_id, "C");
    }

    /// What the chain gives twice, with a server at the variable's address; and the requests.
    fn remotely(
        pairs: &[(&str, &str)],
        variable: &str,
        path: &str,
        answers: &[String],
    ) -> ([Result<String, String>; 2], Vec<String>) {
        serving(answers, async |port| {
            let address = format!("http://127.0.0.1:{port}{path}");
            let chain = chain(&[pairs, &[(variable, &*address)]].concat());
            let (first, second) = (chain.get().await, chain.get().await);
            [first, second].map(|found| {
                let found = found.map_err(|error| error.to_string());
                found.map(|found| found.access_key_id)
            })
        })
    }

    const LASTING: &str = r#"{"AccessKeyId": "A", "SecretAccessKey": "tea-2026", "Token": "T",
                              "Expiration": "2900-01-01T00:00:00Z"}"#;

    #[test]
    fn a_container_is_asked_once_while_its_credentials_last() {
        let token = file("secret token\n");
        let pairs = [(
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
            token.path().to_str().unwrap(),
        )];
        let variable = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
        let answers = [answer("200 OK", LASTING)];
        let (found, requests) = remotely(&pairs, variable, "/creds?id=1", &answers);
        assert_eq!(found, [Ok("A".to_owned()), Ok("A".to_owned())]);
        assert!(
            requests[0].starts_with("GET /creds?id=1 HTTP/1.1\r\n"),
            "{requests:?}"
        );
        assert!(
            requests[0]
                .to_lowercase()
                .contains("\r\nauthorization: secret token\r\n")
        );
    }

    #[test]
    fn an_instance_is_asked_for_a_session_its_role_and_the_credentials() {
        let answers = [
            answer("200 OK", "session"),
            answer("200 OK", "my-role\n"),
            answer("200 OK", LASTING),
        ];
        let variable = "AWS_EC2_METADATA_SERVICE_ENDPOINT";
        let (found, requests) = remotely(&[], variable, "", &answers);
        assert_eq!(found, [Ok("A".to_owned()), Ok("A".to_owned())]);
        let starts: Vec<_> = requests
            .iter()
            .map(|request| request.lines().next().unwrap())
            .collect();
        let expected = [
            "PUT /latest/api/token HTTP/1.1",
            "GET /latest/meta-data/iam/security-credentials/ HTTP/1.1",
            "GET /latest/meta-data/iam/security-credentials/my-role HTTP/1.1",
        ];
        assert_eq!(starts, expected);
        assert!(
            requests[2]
                .to_lowercase()
                .contains("\r\nx-aws-ec2-metadata-token: session\r\n")
        );
    }

    #[test]
    fn a_web_identity_is_exchanged_for_credentials() {
        let token = file("eyJ.e30.s\n");
        let pairs = [
            (
                "AWS_WEB_IDENTITY_TOKEN_FILE",
                token.path().to_str().unwrap(),
            ),
            ("AWS_ROLE_ARN", "arn:aws:iam::1:role/kafka"),
        ];
        let xml = "<R><Credentials><AccessKeyId>A</AccessKeyId><SecretAccessKey>B</SecretAccessKey>\
                   <SessionToken>C</SessionToken><Expiration>2900-01-01T00:00:00Z</Expiration>\
                   </Credentials></R>";
        let variable = "AWS_ENDPOINT_URL_STS";
        let (found, requests) = remotely(&pairs, variable, "/", &[answer("200 OK", xml)]);
        assert_eq!(found, [Ok("A".to_owned()), Ok("A".to_owned())]);
        let form = requests[0].split("\r\n\r\n").nth(1).unwrap();
        let expected = "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&\
                        RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fkafka&RoleSessionName=kafka-producer&\
                        WebIdentityToken=eyJ.e30.s";
        assert_eq!(form, expected);
        let denied = "<E><Code>AccessDenied</Code><Message>not you</Message></E>";
        let answers = [answer("403 No", denied)];
        let (found, _) = remotely(&pairs, variable, "/", &answers);
        let error = found[0].clone().unwrap_err();
        assert!(
            error.ends_with("it answers 403: AccessDenied (not you)"),
            "{error}"
        );
    }

    /// Credentials of a container that end then; what came of asking twice, and how often it was asked.
    fn ending_in(
        minutes: u64,
        answers: usize,
        between: fn(&AwsCredentials),
    ) -> Vec<Result<String, String>> {
        let end = SystemTime::now() + Duration::from_secs(minutes * 60);
        let end = crate::security::token::time::extended(end);
        let json = format!(
            r#"{{"AccessKeyId": "A", "SecretAccessKey": "tea-2026", "Token": "T", "Expiration": "{end}"}}"#
        );
        let later = json.replace(r#""A""#, r#""B""#);
        let told = [answer("200 OK", &json), answer("200 OK", &later)];
        let (found, _) = serving(&told[..answers], async |port| {
            let address = format!("http://127.0.0.1:{port}/creds");
            let chain = chain(&[("AWS_CONTAINER_CREDENTIALS_FULL_URI", &*address)]);
            let first = chain.get().await.unwrap();
            between(&first);
            [Ok(first), chain.get().await].map(|found| {
                let found = found.map_err(|error| error.to_string());
                found.map(|found| found.access_key_id)
            })
        });
        found.to_vec()
    }

    #[test]
    fn credentials_that_a_broker_refuses_are_fetched_anew() {
        let found = ending_in(60, 2, |first| first.refused.set());
        assert_eq!(found, [Ok("A".to_owned()), Ok("B".to_owned())]);
        let found = ending_in(60, 1, |_| {});
        assert_eq!(found, [Ok("A".to_owned()), Ok("A".to_owned())]);
    }

    #[test]
    fn credentials_are_not_fetched_in_clear_from_elsewhere() {
        let full = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
        let relative = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
        let refused = |variable, value| {
            let error = get(&chain(&[(variable, value)])).unwrap_err();
            assert!(error.starts_with(variable), "{error}");
            assert!(!error.contains("secret"), "{error}");
            error
        };
        for elsewhere in [
            "http://example.com/creds?key=secret",
            "http://169.254.170.3/",
            "http://[fd00:ec2::24]/",
            "http://localhost.example.com/",
        ] {
            let error = refused(full, elsewhere);
            assert!(error.ends_with("use https"), "{error}");
        }
        let token = file("eyJ.e30.s");
        let sts = "AWS_ENDPOINT_URL_STS";
        let error = get(&chain(&[
            (
                "AWS_WEB_IDENTITY_TOKEN_FILE",
                token.path().to_str().unwrap(),
            ),
            ("AWS_ROLE_ARN", "arn:aws:iam::1:role/kafka"),
            (sts, "http://sts.example.com/"),
        ]));
        let error = error.unwrap_err();
        assert!(
            error.starts_with(sts) && error.ends_with("use https"),
            "{error}"
        );
        let service = "AWS_EC2_METADATA_SERVICE_ENDPOINT";
        let error = get(&chain(&[(service, "http://imds.example.com")])).unwrap_err();
        assert!(
            error.contains(service) && error.ends_with("use https"),
            "{error}"
        );
        assert!(refused(relative, ".example.com/").contains("169.254.170.2.example.com"));
        refused(relative, "@example.com/");
        refused(full, "http://me:secret@localhost/");
    }

    #[test]
    fn an_answer_is_told_in_bounds() {
        let long = "\u{1b}[31m".repeat(10_000);
        let body = format!("<E><Code>{long}</Code><Message>{long}</Message></E>");
        let answers = [answer("403 No", &body)];
        let full = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
        let (found, _) = remotely(&[], full, "/creds?key=secret", &answers);
        let error = found[0].clone().unwrap_err();
        assert!(error.len() < 1_200 && !error.contains('\u{1b}'), "{error}");
        assert!(!error.contains("secret"), "{error}");
    }

    #[test]
    fn nothing_anywhere_is_told_with_all_places() {
        let error = get(&chain(&[("AWS_EC2_METADATA_DISABLED", "true")])).unwrap_err();
        assert!(
            error.starts_with("there are no AWS credentials in the environment"),
            "{error}"
        );
        assert!(
            error.ends_with("has none: AWS_EC2_METADATA_DISABLED is true"),
            "{error}"
        );
    }
}
