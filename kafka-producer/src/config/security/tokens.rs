//! Where tokens come from without a `TokenProvider`: the handlers that a configuration of Java's names,
//! and what stands for them here.

use std::sync::Arc;

use super::super::error::Problem;
use super::super::jaas::LoginModule;
#[cfg(feature = "aws-msk-iam")]
use super::super::values::HIDDEN;
use super::super::values::{Findings, Values};
use crate::security::TokenProvider;

/// What the tokens are for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Tokens {
    OAuthBearer,
    AwsMskIam,
}

const LOGIN_HANDLER: &str = "sasl.login.callback.handler.class";
const CLIENT_HANDLER: &str = "sasl.client.callback.handler.class";

/// The handler of aws-msk-iam-auth for `OAUTHBEARER`.
const IAM_LOGIN: &str = "IAMOAuthBearerLoginCallbackHandler";

/// `None` after a problem was reported.
pub(super) fn provider(
    wanted: Tokens,
    values: &Values,
    module: Option<&LoginModule>,
    findings: &mut Findings,
) -> Option<Arc<dyn TokenProvider>> {
    let login = handler(LOGIN_HANDLER, &LOGIN_HANDLERS, values, findings);
    let client = handler(CLIENT_HANDLER, &CLIENT_HANDLERS, values, findings);
    let (login, _) = (login?, client?);
    match wanted {
        Tokens::AwsMskIam => of_iam(wanted, values, module, findings),
        Tokens::OAuthBearer if login == IAM_LOGIN => of_iam(wanted, values, module, findings),
        Tokens::OAuthBearer => of_oauth(values, module, findings),
    }
}

/// The class without its package, if it is known; `None` after it was reported that it is not.
fn handler(
    name: &'static str,
    known: &[&str],
    values: &Values,
    findings: &mut Findings,
) -> Option<String> {
    let class = values.text(name).unwrap_or_default();
    let short = class.rsplit('.').next().unwrap_or_default();
    if short.is_empty() || known.contains(&short) {
        return Some(short.to_owned());
    }
    findings.problems.push(Problem::Unsupported {
        name,
        allowed: format!("left unset, or one of {}", known.join(", ")),
        value: class,
        reason: "other classes of Java cannot be run: give a TokenProvider".to_owned(),
    });
    None
}

const LOGIN_HANDLERS: [&str; 3] = [
    "OAuthBearerLoginCallbackHandler",
    "OAuthBearerUnsecuredLoginCallbackHandler",
    IAM_LOGIN,
];

const CLIENT_HANDLERS: [&str; 4] = [
    "IAMClientCallbackHandler",
    IAM_LOGIN,
    "OAuthBearerSaslClientCallbackHandler",
    "SaslClientCallbackHandler",
];

#[cfg(feature = "oauth-oidc")]
fn of_oauth(
    values: &Values,
    module: Option<&LoginModule>,
    findings: &mut Findings,
) -> Option<Arc<dyn TokenProvider>> {
    super::oauth::OAuth { values, module }.provider(findings)
}

#[cfg(not(feature = "oauth-oidc"))]
fn of_oauth(
    _values: &Values,
    _module: Option<&LoginModule>,
    findings: &mut Findings,
) -> Option<Arc<dyn TokenProvider>> {
    not_built_in("OAUTHBEARER", "oauth-oidc", findings)
}

/// Options of `aws-msk-iam-auth` that ask for another role than that of the credentials.
#[cfg(feature = "aws-msk-iam")]
fn of_iam(
    wanted: Tokens,
    values: &Values,
    module: Option<&LoginModule>,
    findings: &mut Findings,
) -> Option<Arc<dyn TokenProvider>> {
    use crate::security::token::aws::{IamForm, MskIam};
    if module.is_some_and(|module| module.options_of("awsRole").next().is_some()) {
        findings.problems.push(Problem::Unsupported {
            name: "sasl.jaas.config",
            value: HIDDEN.to_owned(),
            allowed: "one without awsRoleArn and its like".to_owned(),
            reason:
                "no other role is taken on here: run with the credentials of the role, or give a \
                     TokenProvider"
                    .to_owned(),
        });
        return None;
    }
    let profile = module.and_then(|module| module.option("awsProfileName"));
    let profile = profile.map(|profile| profile.expose().to_owned());
    let form = match wanted {
        Tokens::AwsMskIam => IamForm::Payload,
        Tokens::OAuthBearer => IamForm::SignedUrl,
    };
    let login_timeout = values.time("socket.connection.setup.timeout.ms");
    Some(Arc::new(MskIam::new(form, profile, login_timeout)))
}

#[cfg(not(feature = "aws-msk-iam"))]
fn of_iam(
    _wanted: Tokens,
    _values: &Values,
    _module: Option<&LoginModule>,
    findings: &mut Findings,
) -> Option<Arc<dyn TokenProvider>> {
    not_built_in("AWS_MSK_IAM", "aws-msk-iam", findings)
}

#[cfg(not(all(feature = "oauth-oidc", feature = "aws-msk-iam")))]
fn not_built_in(
    mechanism: &str,
    feature: &str,
    findings: &mut Findings,
) -> Option<Arc<dyn TokenProvider>> {
    findings.problems.push(Problem::Unsupported {
        name: "sasl.mechanism",
        value: mechanism.to_owned(),
        allowed: "used with a TokenProvider that is given".to_owned(),
        reason: format!("the feature {feature} of the crate is not built in"),
    });
    None
}
