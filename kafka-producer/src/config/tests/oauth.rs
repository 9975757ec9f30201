//! Where the tokens of `OAUTHBEARER` come from.

use super::*;
use crate::security::Sasl;

const OAUTH: [(&str, &str); 2] = [
    ("security.protocol", "SASL_PLAINTEXT"),
    ("sasl.mechanism", "OAUTHBEARER"),
];
const ENDPOINT: &str = "sasl.oauthbearer.token.endpoint.url";
const MODULE: &str =
    "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required ";

fn with<'a>(others: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    [&OAUTH[..], others].concat()
}

/// What the provider is, as it prints itself.
fn provider(pairs: &[(&str, &str)]) -> String {
    let Some(Sasl::OAuthBearer(provider)) = silently(&with(pairs)).security.sasl else {
        panic!("{pairs:?}");
    };
    let shown = format!("{provider:?}");
    assert!(!shown.contains("tea-2026"), "{shown}");
    shown
}

fn oauth_refused(pairs: &[(&str, &str)], message: &str) {
    refused(&with(pairs), message);
}

fn jaas(options: &str) -> String {
    format!("{MODULE}{options};")
}

#[test]
fn the_client_is_read_from_settings_or_from_the_login_module() {
    let set = [
        (ENDPOINT, "https://idp:8443/token"),
        ("sasl.oauthbearer.client.credentials.client.id", "me"),
        (
            "sasl.oauthbearer.client.credentials.client.secret",
            "tea-2026",
        ),
        ("sasl.oauthbearer.scope", "s"),
        ("sasl.login.connect.timeout.ms", "1000"),
        ("sasl.login.read.timeout.ms", "2000"),
        ("sasl.oauthbearer.header.urlencode", "true"),
    ];
    let shown = provider(&set);
    for part in [
        "url: https://idp:8443/token",
        "client_id: \"me\"",
        "client_secret: [hidden]",
        "scope: Some(\"s\")",
        "connect_timeout: Some(1s), read_timeout: Some(2s), https: Https(None)",
        "RetryBackoff { first: 100ms, max: 10s }",
        "url_encoded: true",
        "window_factor: 0.8, window_jitter: 0.05, buffer: 300s, min_period: 60s",
    ] {
        assert!(shown.contains(part), "{part} is not in {shown}");
    }
    let text = jaas(
        r#"clientId="me" clientSecret="tea-2026" scope="s" extension_logicalCluster="lkc-1" ssl.truststore.type="PEM" ssl.truststore.location="/ca.pem""#,
    );
    let shown = provider(&[(ENDPOINT, "https://idp/"), ("sasl.jaas.config", &text)]);
    assert!(
        shown.contains("extensions: [(\"logicalCluster\", \"lkc-1\")]"),
        "{shown}"
    );
    assert!(shown.contains("trust: PemFile(\"/ca.pem\")"), "{shown}");
    assert!(shown.contains("client_id: \"me\""), "{shown}");
}

#[test]
fn a_secret_that_would_be_sent_in_plain_to_another_host_is_warned_of() {
    let client = jaas("clientId=me clientSecret=tea-2026");
    let with_url = |url| with(&[(ENDPOINT, url), ("sasl.jaas.config", &client)]);
    warned(
        &with_url("http://idp/token?key=tea-2026"),
        &[&format!(
            "{ENDPOINT}=http://idp:80/token: what is secret can be read on the way, because that is not https"
        )],
    );
    for url in [
        "https://idp/",
        "http://localhost/",
        "http://127.0.0.1:8080/",
        "http://[::1]/",
    ] {
        silently(&with_url(url));
    }
}

#[test]
fn a_url_is_shown_without_a_password_or_a_query() {
    for name in [ENDPOINT, "sasl.oauthbearer.jwks.endpoint.url"] {
        let url = "https://idp/token?api_key=tea-2026";
        let shown = format!("{:?}", config(&[(name, url)]));
        assert!(
            shown.ends_with(&format!("{name:?}: \"https://idp/token\"}}")),
            "{shown}"
        );
        let shown = format!("{:?}", config(&[(name, "https://me:tea-2026@idp/")]));
        assert!(
            shown.ends_with(&format!("{name:?}: \"https://[hidden]\"}}")),
            "{shown}"
        );
    }
}

#[test]
fn no_time_is_no_limit_and_a_negative_one_is_refused() {
    let client = jaas("clientId=me clientSecret=tea-2026");
    let limits = [
        "sasl.login.connect.timeout.ms",
        "sasl.login.read.timeout.ms",
    ];
    let with_limits = |limit: &'static str| {
        let [connect, read] = limits.map(|name| (name, limit));
        let others = [(ENDPOINT, "https://idp/"), ("sasl.jaas.config", &client)];
        [&others[..], &[connect, read]].concat()
    };
    let shown = provider(&with_limits("0"));
    let none = "connect_timeout: None, read_timeout: None";
    assert!(shown.contains(none), "{shown}");
    let refusal =
        |name| format!("{name}=\"-1\": must be a whole number from 0 to 2147483647; 0 is no limit");
    let refusals = limits.map(refusal).join("\n");
    oauth_refused(&with_limits("-1"), &refusals);
}

#[test]
fn a_client_that_lacks_something_is_told_both_places() {
    let what = "what the token endpoint knows us by; it may also be";
    oauth_refused(
        &[(ENDPOINT, "http://idp/")],
        &format!(
            "sasl.oauthbearer.client.credentials.client.id is required: {what} clientId of sasl.jaas.config\n\
             sasl.oauthbearer.client.credentials.client.secret is required: {what} clientSecret of \
             sasl.jaas.config"
        ),
    );
    oauth_refused(
        &[],
        "sasl.oauthbearer.token.endpoint.url is required: where tokens come from: http://, https:// or \
         file:///; or give a TokenProvider",
    );
    oauth_refused(
        &[
            (ENDPOINT, "idp:443/token"),
            ("sasl.jaas.config", &jaas("clientId=me clientSecret=x")),
        ],
        "sasl.oauthbearer.token.endpoint.url=\"idp:443/token\": must be http://HOST[:PORT]/PATH or \
         https://HOST[:PORT]/PATH",
    );
    for (url, shown, allowed) in [
        (
            "https://me:tea-2026@idp/",
            "https://[hidden]",
            "a URL without a name and a password",
        ),
        (
            "https://idp:0/token?key=tea-2026",
            "https://idp:0/token",
            "a URL whose port is a number from 1 to 65535",
        ),
    ] {
        oauth_refused(
            &[
                (ENDPOINT, url),
                ("sasl.jaas.config", &jaas("clientId=me clientSecret=x")),
            ],
            &format!("sasl.oauthbearer.token.endpoint.url=\"{shown}\": must be {allowed}"),
        );
    }
}

#[test]
fn a_token_may_be_in_a_file() {
    let shown = provider(&[(ENDPOINT, "file:///run/token")]);
    assert!(
        shown.starts_with("TokenFile { path: \"/run/token\""),
        "{shown}"
    );
    let retriever = "sasl.oauthbearer.jwt.retriever.class";
    let package = "org.apache.kafka.common.security.oauthbearer";
    let file = format!("{package}.FileJwtRetriever");
    provider(&[(ENDPOINT, "file:///run/token"), (retriever, &file)]);
    oauth_refused(
        &[(ENDPOINT, "http://idp/"), (retriever, &file)],
        "sasl.oauthbearer.token.endpoint.url=\"http://idp/\": must be file:///PATH, because \
         sasl.oauthbearer.jwt.retriever.class is FileJwtRetriever",
    );
    let error = config(&with(&[
        (ENDPOINT, "http://idp/"),
        (retriever, "com.example.Mine"),
    ]))
    .check();
    let error = error.unwrap_err().to_string();
    assert!(error.contains("must be DefaultJwtRetriever, "), "{error}");
}

#[test]
#[cfg(feature = "_tls")]
fn an_assertion_takes_the_place_of_a_secret() {
    let url = (ENDPOINT, "https://idp/");
    let key = ("sasl.oauthbearer.assertion.private.key.file", "/key.pem");
    let bearer = (
        "sasl.oauthbearer.jwt.retriever.class",
        "org.apache.kafka.common.security.oauthbearer.JwtBearerJwtRetriever",
    );
    let shown = provider(&[
        url,
        bearer,
        key,
        ("sasl.oauthbearer.assertion.algorithm", "es256"),
        ("sasl.oauthbearer.assertion.claim.sub", "me"),
        (
            "sasl.oauthbearer.assertion.private.key.passphrase",
            "tea-2026",
        ),
    ]);
    for part in [
        "grant: JwtBearer",
        "algorithm: Es256, key_file: \"/key.pem\", passphrase: Some([hidden])",
        "{\"sub\": String(\"me\")}, exp_s: 300, nbf_s: 60, has_jti: false",
    ] {
        assert!(shown.contains(part), "{part} is not in {shown}");
    }
    let issuer = ("sasl.oauthbearer.assertion.claim.iss", "me");
    let shown = provider(&[url, issuer, key]);
    assert!(
        shown.contains("grant: ClientCredentials { client_id: None }"),
        "{shown}"
    );
    let shown = provider(&[url, ("sasl.oauthbearer.assertion.file", "/a.jwt")]);
    assert!(shown.contains("assertion: File(\"/a.jwt\")"), "{shown}");
    oauth_refused(
        &[url, issuer],
        "sasl.oauthbearer.assertion.private.key.file is required: a PEM file with the key that signs the \
         assertion; or set sasl.oauthbearer.assertion.file",
    );
}

#[test]
fn unsecured_tokens_are_made_of_the_claims() {
    let text = jaas(
        r#"unsecuredLoginStringClaim_sub="me" unsecuredLoginListClaim_scope="|a|b" unsecuredLoginNumberClaim_n=1 unsecuredLoginLifetimeSeconds=60 unsecuredLoginExtension_traceId=7"#,
    );
    let shown = provider(&[("sasl.jaas.config", &text)]);
    for part in [
        "\"sub\": String(\"me\")",
        "\"scope\": Array [String(\"a\"), String(\"b\")]",
        "\"n\": Number(1.0)",
        "lifetime: 60s",
        "principal: \"me\"",
        "(\"traceId\", \"7\")",
    ] {
        assert!(shown.contains(part), "{part} is not in {shown}");
    }
    for options in [
        "unsecuredLoginStringClaim_other=\"me\"",
        "unsecuredLoginStringClaim_sub=me unsecuredLoginStringClaim_exp=1",
        "unsecuredLoginStringClaim_sub=me unsecuredLoginNumberClaim_n=many",
        "unsecuredLoginStringClaim_sub=me unsecuredLoginLifetimeSeconds=long",
    ] {
        oauth_refused(
            &[("sasl.jaas.config", &jaas(options))],
            "sasl.jaas.config=\"[hidden]\": must be one with unsecuredLoginStringClaim_sub=\"...\", without \
             the claims iat and exp, and with numbers where numbers belong, because unsecured tokens are \
             made of it",
        );
    }
}

#[test]
fn an_extension_that_cannot_be_sent_is_refused() {
    for extension in [
        "extension_auth=x",
        "extension_a1=x",
        "extension_a=\"\"",
        "extension_=x",
    ] {
        let text = jaas(&format!("clientId=me clientSecret=x {extension}"));
        let error = config(&with(&[
            (ENDPOINT, "https://idp/"),
            ("sasl.jaas.config", &text),
        ]))
        .check();
        let error = error.unwrap_err().to_string();
        assert!(
            error.contains("must be one whose options extension_NAME are"),
            "{error}"
        );
    }
}

#[test]
fn handlers_of_java_are_known_or_refused() {
    let file = (ENDPOINT, "file:///run/token");
    let name = "sasl.login.callback.handler.class";
    let package = "org.apache.kafka.common.security.oauthbearer";
    for class in [
        "OAuthBearerLoginCallbackHandler",
        "secured.OAuthBearerLoginCallbackHandler",
    ] {
        provider(&[file, (name, &format!("{package}.{class}"))]);
    }
    oauth_refused(
        &[file, (name, "com.example.Mine")],
        "sasl.login.callback.handler.class=\"com.example.Mine\": must be left unset, or one of \
         OAuthBearerLoginCallbackHandler, OAuthBearerUnsecuredLoginCallbackHandler, \
         IAMOAuthBearerLoginCallbackHandler, because other classes of Java cannot be run: give a \
         TokenProvider",
    );
}

#[test]
fn a_url_that_is_refused_is_not_shown_with_the_password_in_it() {
    let retriever = "sasl.oauthbearer.jwt.retriever.class";
    let file = "org.apache.kafka.common.security.oauthbearer.FileJwtRetriever";
    let url = "https://me:tea-2026@idp.example/token?client_secret=tea-2026";
    let error = config(&with(&[(ENDPOINT, url), (retriever, file)])).check();
    let error = error.unwrap_err().to_string();
    assert!(!error.contains("tea-2026"), "{error}");
}
