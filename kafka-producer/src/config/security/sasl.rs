//! `sasl.mechanism` and `sasl.jaas.config`: the mechanism, and its credentials.

use std::sync::Arc;

use super::super::error::Problem;
use super::super::jaas::{JaasError, LoginModule, parse_jaas};
use super::super::values::{Findings, HIDDEN, Values};
use super::tokens::{self, Tokens};
use crate::security::{Credentials, Sasl, ScramHash, Secret, TokenProvider};

/// A mechanism, before what it needs is known.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mechanism {
    Plain,
    Scram(ScramHash),
    OAuthBearer,
    AwsMskIam,
}

const MECHANISM: &str = "sasl.mechanism";
const MECHANISM_NAMES: &str =
    "one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER, AWS_MSK_IAM";

impl Mechanism {
    const ALL: [Self; 5] = [
        Self::Plain,
        Self::Scram(ScramHash::Sha256),
        Self::Scram(ScramHash::Sha512),
        Self::OAuthBearer,
        Self::AwsMskIam,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::Scram(ScramHash::Sha256) => "SCRAM-SHA-256",
            Self::Scram(ScramHash::Sha512) => "SCRAM-SHA-512",
            Self::OAuthBearer => "OAUTHBEARER",
            Self::AwsMskIam => "AWS_MSK_IAM",
        }
    }

    /// The login module that goes with it, without its package, which some distributions change.
    fn module(self) -> &'static str {
        match self {
            Self::Plain => "PlainLoginModule",
            Self::Scram(_) => "ScramLoginModule",
            Self::OAuthBearer => "OAuthBearerLoginModule",
            Self::AwsMskIam => "IAMLoginModule",
        }
    }

    /// Its class, as it is written in `sasl.jaas.config`.
    fn module_class(self) -> String {
        let package = match self {
            Self::Plain => "org.apache.kafka.common.security.plain",
            Self::Scram(_) => "org.apache.kafka.common.security.scram",
            Self::OAuthBearer => "org.apache.kafka.common.security.oauthbearer",
            Self::AwsMskIam => "software.amazon.msk.auth.iam",
        };
        format!("{package}.{}", self.module())
    }
}

/// The mechanism and what it needs; `None` after a problem was reported.
pub(super) fn sasl(
    values: &Values,
    provider: Option<&Arc<dyn TokenProvider>>,
    findings: &mut Findings,
) -> Option<Sasl> {
    let module = login_module(values, findings);
    let mechanism = mechanism(values, module.as_ref().ok()?.as_ref(), findings)?;
    if let Ok(Some(module)) = &module {
        check_module(module, mechanism, findings)?;
    }
    let module = module.ok()?;
    let mut tokens = |wanted| match provider {
        Some(provider) => Some(Arc::clone(provider)),
        None => tokens::provider(wanted, values, module.as_ref(), findings),
    };
    match mechanism {
        Mechanism::OAuthBearer => tokens(Tokens::OAuthBearer).map(Sasl::OAuthBearer),
        Mechanism::AwsMskIam => tokens(Tokens::AwsMskIam).map(Sasl::AwsMskIam),
        Mechanism::Plain => {
            let module = needed(module, mechanism, findings)?;
            login(&module, findings).map(Sasl::Plain)
        }
        Mechanism::Scram(hash) => {
            let module = needed(module, mechanism, findings)?;
            let login = login(&module, findings)?;
            let token = flag(&module, "tokenauth");
            Some(Sasl::Scram { hash, login, token })
        }
    }
}

fn mechanism(
    values: &Values,
    module: Option<&LoginModule>,
    findings: &mut Findings,
) -> Option<Mechanism> {
    let text = values.text(MECHANISM).unwrap_or_default();
    let mut known = Mechanism::ALL.into_iter();
    let known = known.find(|known| known.name().eq_ignore_ascii_case(&text));
    match known {
        Some(_) => {}
        None if !text.eq_ignore_ascii_case("GSSAPI") => {
            findings.invalid(MECHANISM, text, MECHANISM_NAMES);
        }
        None => findings.problems.push(Problem::Unsupported {
            name: MECHANISM,
            value: text,
            allowed: MECHANISM_NAMES.to_owned(),
            reason: why_no_kerberos(values.is_set(MECHANISM), module),
        }),
    }
    known
}

/// `GSSAPI` is Kafka's default: if it was not set, the mechanism was forgotten.
fn why_no_kerberos(is_set: bool, module: Option<&LoginModule>) -> String {
    if is_set {
        return "GSSAPI (Kerberos) is not supported: ask for a listener of the cluster with one of these"
            .to_owned();
    }
    let unset = "it was not set, and Kafka's default, GSSAPI (Kerberos), is not supported";
    let of_module = |mechanism: &Mechanism| {
        module.is_some_and(|module| module.short_class() == mechanism.module())
    };
    let meant: Vec<_> = Mechanism::ALL.into_iter().filter(of_module).collect();
    match meant.first() {
        None => format!("{unset}: set the mechanism of the cluster's listener"),
        Some(first) => {
            let names: Vec<_> = meant.iter().map(|mechanism| mechanism.name()).collect();
            let (names, module) = (names.join(" or "), first.module());
            format!("{unset}: the {module} of sasl.jaas.config is for {names}")
        }
    }
}

const JAAS: &str = "sasl.jaas.config";

/// What `sasl.jaas.config` says, if it is set; an error was reported.
fn login_module(
    values: &Values,
    findings: &mut Findings,
) -> Result<Option<LoginModule>, JaasError> {
    let Some(text) = values.secret(JAAS) else {
        return Ok(None);
    };
    let parsed = parse_jaas(text.expose());
    if let Err(error) = &parsed {
        let allowed = format!("CLASS required NAME=\"VALUE\" ...;, but {error}");
        findings.invalid(JAAS, HIDDEN.to_owned(), &allowed);
    }
    parsed.map(Some)
}

/// Whether the module is that of the mechanism; `None` after it was reported that it is not.
fn check_module(module: &LoginModule, mechanism: Mechanism, findings: &mut Findings) -> Option<()> {
    if module.short_class() == mechanism.module() {
        return Some(());
    }
    // Another word may be anything, even the password.
    let value = if module.short_class().ends_with("LoginModule") {
        module.class.clone()
    } else {
        HIDDEN.to_owned()
    };
    let because = format!("sasl.mechanism is {}", mechanism.name());
    let allowed = format!("that of {}", mechanism.module_class());
    findings.contradiction(JAAS, value, &allowed, because);
    None
}

/// The module that a mechanism with a password cannot do without.
fn needed(
    module: Option<LoginModule>,
    mechanism: Mechanism,
    findings: &mut Findings,
) -> Option<LoginModule> {
    if module.is_none() {
        let class = mechanism.module_class();
        let login = "username=\"NAME\" password=\"PASSWORD\";";
        findings.missing(JAAS, format!("{class} required {login}"));
    }
    module
}

fn login(module: &LoginModule, findings: &mut Findings) -> Option<Credentials> {
    let username = option(module, "username", &USERNAME_SLIPS, findings);
    let password = option(module, "password", &PASSWORD_SLIPS, findings);
    Some(Credentials {
        username: username?.expose().to_owned(),
        password: password?,
    })
}

/// An option; `slips` are names that it is easily given by mistake.
fn option(
    module: &LoginModule,
    name: &str,
    slips: &[&str],
    findings: &mut Findings,
) -> Option<Secret> {
    let value = module.option(name).cloned();
    if value.is_none() {
        let class = module.short_class();
        let because = format!("{class} needs it");
        let slip = slips.iter().find(|slip| module.option(slip).is_some());
        let slip = slip.map(|slip| format!(" (the option is not {slip})"));
        let allowed = format!("one with {name}=\"...\"{}", slip.unwrap_or_default());
        findings.contradiction(JAAS, HIDDEN.to_owned(), &allowed, because);
    }
    value
}

const USERNAME_SLIPS: [&str; 6] = [
    "user",
    "userName",
    "user_name",
    "login",
    "name",
    "principal",
];
const PASSWORD_SLIPS: [&str; 4] = ["pass", "passwd", "pwd", "secret"];

fn flag(module: &LoginModule, name: &str) -> bool {
    let value = module.option(name);
    value.is_some_and(|value| value.expose().eq_ignore_ascii_case("true"))
}
