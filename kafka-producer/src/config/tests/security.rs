//! `security.protocol`, `ssl.*` and `sasl.*`.

use std::sync::Arc;

use async_trait::async_trait;

use super::*;
use crate::security::{
    Identity, Sasl, ScramHash, Tls, TlsVersion, Token, TokenError, TokenProvider, Trust,
};

const SSL: (&str, &str) = ("security.protocol", "SSL");
const SASL: (&str, &str) = ("security.protocol", "sasl_plaintext");
const PLAIN: (&str, &str) = ("sasl.mechanism", "PLAIN");
const JAAS: &str = "sasl.jaas.config";
const PLAIN_LOGIN: &str = "org.apache.kafka.common.security.plain.PlainLoginModule required \
                           username=\"me\" password=\"tea-2026\";";
const SCRAM_LOGIN: &str = "org.apache.kafka.common.security.scram.ScramLoginModule required \
                           username=\"me\" password=\"tea-2026\";";

fn with<'a>(first: (&'a str, &'a str), others: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut all = vec![first];
    all.extend(others);
    all
}

fn tls(pairs: &[(&str, &str)]) -> Tls {
    silently(&with(SSL, pairs)).security.tls.unwrap()
}

fn tls_refused(pairs: &[(&str, &str)], message: &str) {
    refused(&with(SSL, pairs), message);
}

fn sasl(pairs: &[(&str, &str)]) -> Sasl {
    silently(&with(SASL, pairs)).security.sasl.unwrap()
}

fn sasl_refused(pairs: &[(&str, &str)], message: &str) {
    refused(&with(SASL, pairs), message);
    let error = config(&with(SASL, pairs)).check().unwrap_err();
    assert!(!error.to_string().contains("tea-2026"), "{error}");
}

#[test]
fn the_protocol_is_read_in_any_case() {
    for (name, has_tls, has_sasl) in [
        ("PLAINTEXT", false, false),
        ("Ssl", true, false),
        ("sasl_plaintext", false, true),
        ("SASL_SSL", true, true),
    ] {
        let mut pairs = vec![("security.protocol", name)];
        if has_sasl {
            pairs.extend([PLAIN, (JAAS, PLAIN_LOGIN)]);
        }
        let checked = accepted(&pairs);
        let protocol = checked.security_protocol();
        assert_eq!(
            (protocol.has_tls(), protocol.has_sasl()),
            (has_tls, has_sasl)
        );
        assert!(protocol.name().eq_ignore_ascii_case(name));
        assert_eq!(checked.sasl_mechanism(), has_sasl.then_some("PLAIN"));
        assert_eq!(checked.warnings, []);
    }
}

#[test]
fn by_default_the_platform_is_trusted_and_the_host_name_checked() {
    let tls = tls(&[]);
    assert!(matches!(tls.trust, Trust::Platform), "{tls:?}");
    assert!(tls.verify_host_name && tls.identity.is_none());
    assert_eq!(tls.versions, [TlsVersion::V12, TlsVersion::V13]);
    assert!(tls.cipher_suites.is_empty());
}

#[test]
fn stores_are_files_of_java_or_pem() {
    for store_type in ["JKS", "PKCS12", "pkcs12"] {
        let tls = tls(&[
            ("ssl.truststore.type", store_type),
            ("ssl.truststore.location", "/t"),
            ("ssl.truststore.password", "tea-2026"),
            ("ssl.keystore.type", store_type),
            ("ssl.keystore.location", "/k"),
            ("ssl.keystore.password", "tea-2026"),
            ("ssl.key.password", "tea-2027"),
        ]);
        let Trust::KeyStore { path, password } = &tls.trust else {
            panic!("{tls:?}");
        };
        assert_eq!(path.to_str(), Some("/t"));
        assert_eq!(
            password.as_ref().map(|secret| secret.expose()),
            Some("tea-2026")
        );
        let Some(Identity::KeyStore { key_password, .. }) = &tls.identity else {
            panic!("{tls:?}");
        };
        assert_eq!(
            key_password.as_ref().map(|secret| secret.expose()),
            Some("tea-2027")
        );
        assert!(!format!("{tls:?}").contains("tea"));
    }
    let tls = tls(&[
        ("ssl.truststore.type", "PEM"),
        ("ssl.truststore.location", "/t.pem"),
        ("ssl.keystore.type", "PEM"),
        ("ssl.keystore.location", "/k.pem"),
    ]);
    assert!(matches!(&tls.trust, Trust::PemFile(path) if path.to_str() == Some("/t.pem")));
    assert!(matches!(
        tls.identity,
        Some(Identity::PemFile {
            key_password: None,
            ..
        })
    ));
}

#[test]
fn certificates_and_keys_may_be_in_the_properties_themselves() {
    let pem = [("ssl.truststore.type", "PEM"), ("ssl.keystore.type", "PEM")];
    let inline = [
        ("ssl.truststore.certificates", "CERT"),
        ("ssl.keystore.key", "KEY"),
        ("ssl.keystore.certificate.chain", "CHAIN"),
    ];
    let tls = tls(&[&pem[..], &inline].concat());
    assert!(matches!(&tls.trust, Trust::Pem(text) if text.expose() == "CERT"));
    let Some(Identity::Pem { key, chain, .. }) = &tls.identity else {
        panic!("{tls:?}");
    };
    assert_eq!((key.expose(), chain.expose()), ("KEY", "CHAIN"));
    tls_refused(
        &inline,
        "ssl.truststore.type=\"JKS\": must be PEM, because ssl.truststore.certificates is set\n\
         ssl.keystore.type=\"JKS\": must be PEM, because ssl.keystore.key is set",
    );
    tls_refused(
        &[pem[1], inline[1]],
        "ssl.keystore.certificate.chain is required: the certificate of ssl.keystore.key, as PEM",
    );
    tls_refused(
        &[pem[1], inline[2]],
        "ssl.keystore.key is required: the key of ssl.keystore.certificate.chain, as PEM",
    );
}

#[test]
fn stores_that_contradict_themselves_are_refused_as_by_java() {
    let pem = [("ssl.truststore.type", "PEM"), ("ssl.keystore.type", "PEM")];
    let trust_password = ("ssl.truststore.password", "tea-2026");
    let key_password = ("ssl.keystore.password", "tea-2026");
    tls_refused(
        &[
            pem[0],
            ("ssl.truststore.certificates", "CERT"),
            ("ssl.truststore.location", "/t"),
        ],
        "ssl.truststore.location=\"/t\": must be left unset, because ssl.truststore.certificates is set",
    );
    tls_refused(
        &[pem[0], ("ssl.truststore.location", "/t"), trust_password],
        "ssl.truststore.password=\"[hidden]\": must be left unset, because certificates in PEM have no password",
    );
    tls_refused(
        &[trust_password],
        "ssl.truststore.password=\"[hidden]\": must be left unset, because ssl.truststore.location is not set",
    );
    tls_refused(
        &[key_password],
        "ssl.keystore.password=\"[hidden]\": must be left unset, because ssl.keystore.location is not set",
    );
    tls_refused(
        &[pem[1], ("ssl.keystore.location", "/k"), key_password],
        "ssl.keystore.password=\"[hidden]\": must be left unset, because PEM has no password but that of \
         the key: ssl.key.password",
    );
    tls_refused(
        &[("ssl.keystore.location", "/k")],
        "ssl.keystore.password is required: what opens ssl.keystore.location",
    );
    tls_refused(
        &[("ssl.keystore.type", "BCFKS"), ("ssl.truststore.type", "")],
        "ssl.truststore.type=\"\": must be one of JKS, PKCS12, PEM\n\
         ssl.keystore.type=\"BCFKS\": must be one of JKS, PKCS12, PEM",
    );
}

#[test]
fn the_host_name_check_is_https_or_off() {
    let name = "ssl.endpoint.identification.algorithm";
    assert!(tls(&[(name, "HTTPS")]).verify_host_name);
    assert!(!tls(&[(name, "")]).verify_host_name);
    tls_refused(
        &[(name, "none")],
        "ssl.endpoint.identification.algorithm=\"none\": must be https, or empty (the certificate may be \
         of another host)",
    );
}

#[test]
fn old_versions_are_passed_over_if_a_new_one_is_left() {
    let name = "ssl.enabled.protocols";
    let passed = "ssl.enabled.protocols: \"TLSv1.1\" is not supported, and passed over";
    let settings = warned(&[SSL, (name, "TLSv1.2,TLSv1.1")], &[passed]);
    assert_eq!(settings.security.tls.unwrap().versions, [TlsVersion::V12]);
    tls_refused(
        &[(name, "TLSv1, TLSv1.1")],
        "ssl.enabled.protocols=\"TLSv1,TLSv1.1\": must be a list of TLSv1.2, TLSv1.3",
    );
    assert_eq!(
        tls(&[(name, "")]).versions,
        [TlsVersion::V12, TlsVersion::V13]
    );
    assert_eq!(
        tls(&[(name, "TLSv1.3,TLSv1.3")]).versions,
        [TlsVersion::V13]
    );
}

#[test]
fn ssl_protocol_bounds_the_version() {
    assert_eq!(
        tls(&[("ssl.protocol", "TLSv1.2")]).versions,
        [TlsVersion::V12]
    );
    assert_eq!(tls(&[("ssl.protocol", "TLS")]).versions.len(), 2);
    tls_refused(
        &[("ssl.protocol", "TLSv1.1")],
        "ssl.protocol=\"TLSv1.1\": must be one of TLSv1.3, TLSv1.2, TLS",
    );
    tls_refused(
        &[
            ("ssl.protocol", "TLSv1.2"),
            ("ssl.enabled.protocols", "TLSv1.3"),
        ],
        "ssl.enabled.protocols=\"TLSv1.3\": must be a list with TLSv1.2, because ssl.protocol is TLSv1.2",
    );
}

#[test]
fn cipher_suites_are_those_that_are_safe() {
    let name = "ssl.cipher.suites";
    let suites = "TLS_AES_128_GCM_SHA256, TLS_RSA_WITH_AES_128_CBC_SHA";
    let passed =
        "ssl.cipher.suites: \"TLS_RSA_WITH_AES_128_CBC_SHA\" is not supported, and passed over";
    let tls = warned(&[SSL, (name, suites)], &[passed])
        .security
        .tls
        .unwrap();
    assert_eq!(tls.cipher_suites, ["TLS_AES_128_GCM_SHA256"]);
    assert_eq!(tls.versions, [TlsVersion::V13]);
    tls_refused(
        &[
            (name, "TLS_AES_128_GCM_SHA256"),
            ("ssl.enabled.protocols", "TLSv1.2"),
        ],
        "ssl.enabled.protocols=\"TLSv1.2\": must be the version of a cipher suite, because \
         ssl.cipher.suites is TLS_AES_128_GCM_SHA256",
    );
    let error = config(&[SSL, (name, "TLS_RSA_WITH_RC4_128_MD5")]).check();
    let error = error.unwrap_err().to_string();
    assert!(
        error.contains("must be a list of TLS_AES_256_GCM_SHA384, "),
        "{error}"
    );
}

#[test]
fn only_kafkas_own_engine_factory_may_be_named() {
    let name = "ssl.engine.factory.class";
    tls(&[(
        name,
        "org.apache.kafka.common.security.ssl.DefaultSslEngineFactory",
    )]);
    tls_refused(
        &[(name, "com.example.Engines")],
        "ssl.engine.factory.class=\"com.example.Engines\": must be left unset, because classes of Java \
         cannot be run: what a connection needs is said by ssl.truststore.* and ssl.keystore.*",
    );
}

#[test]
fn a_name_and_a_password_are_read_from_the_login_module() {
    let plain = sasl(&[PLAIN, (JAAS, PLAIN_LOGIN)]);
    let Sasl::Plain(login) = &plain else {
        panic!("{plain:?}");
    };
    assert_eq!(
        (&*login.username, login.password.expose()),
        ("me", "tea-2026")
    );
    assert!(!format!("{plain:?}").contains("tea"));
    let scram = sasl(&[("sasl.mechanism", "scram-sha-512"), (JAAS, SCRAM_LOGIN)]);
    assert!(matches!(
        scram,
        Sasl::Scram {
            hash: ScramHash::Sha512,
            token: false,
            ..
        }
    ));
    let token = SCRAM_LOGIN.replace(';', " tokenauth=\"true\";");
    let scram = sasl(&[("sasl.mechanism", "SCRAM-SHA-256"), (JAAS, &token)]);
    assert!(matches!(
        scram,
        Sasl::Scram {
            hash: ScramHash::Sha256,
            token: true,
            ..
        }
    ));
}

#[test]
fn typed_logins_are_read_again_as_they_were_given() {
    let password = "a \"b\\ c;\n' ü";
    let config = ProducerConfig::new()
        .bootstrap_servers(["localhost:9092"])
        .set("security.protocol", "SASL_SSL")
        .sasl_plain("me\t", password);
    let Some(Sasl::Plain(login)) = config.check().unwrap().settings.security.sasl else {
        panic!("{config:?}");
    };
    assert_eq!(
        (&*login.username, login.password.expose()),
        ("me\t", password)
    );
}

#[test]
fn a_mechanism_must_be_named_because_the_default_is_kerberos() {
    let names = "must be one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER, AWS_MSK_IAM";
    let unset = "it was not set, and Kafka's default, GSSAPI (Kerberos), is not supported";
    let start = format!("sasl.mechanism=\"GSSAPI\": {names}, because");
    sasl_refused(
        &[],
        &format!("{start} {unset}: set the mechanism of the cluster's listener"),
    );
    sasl_refused(
        &[(JAAS, SCRAM_LOGIN)],
        &format!(
            "{start} {unset}: the ScramLoginModule of sasl.jaas.config is for SCRAM-SHA-256 or SCRAM-SHA-512"
        ),
    );
    sasl_refused(
        &[
            ("sasl.mechanism", "GSSAPI"),
            (
                JAAS,
                "com.sun.security.auth.module.Krb5LoginModule required;",
            ),
        ],
        &format!(
            "{start} GSSAPI (Kerberos) is not supported: ask for a listener of the cluster with one of these"
        ),
    );
    sasl_refused(
        &[("sasl.mechanism", "DIGEST-MD5")],
        &format!("sasl.mechanism=\"DIGEST-MD5\": {names}"),
    );
}

#[test]
fn a_login_module_of_another_mechanism_is_refused() {
    sasl_refused(
        &[("sasl.mechanism", "SCRAM-SHA-512"), (JAAS, PLAIN_LOGIN)],
        "sasl.jaas.config=\"org.apache.kafka.common.security.plain.PlainLoginModule\": must be that of \
         org.apache.kafka.common.security.scram.ScramLoginModule, because sasl.mechanism is SCRAM-SHA-512",
    );
    sasl_refused(
        &[PLAIN, (JAAS, "tea-2026 required;")],
        "sasl.jaas.config=\"[hidden]\": must be that of \
         org.apache.kafka.common.security.plain.PlainLoginModule, because sasl.mechanism is PLAIN",
    );
    let shaded = format!("kafkashaded.{PLAIN_LOGIN}");
    sasl(&[PLAIN, (JAAS, &shaded)]);
}

#[test]
fn a_login_that_lacks_something_is_refused_without_a_word_of_it() {
    sasl_refused(
        &[PLAIN],
        "sasl.jaas.config is required: org.apache.kafka.common.security.plain.PlainLoginModule required \
         username=\"NAME\" password=\"PASSWORD\";",
    );
    sasl_refused(
        &[
            PLAIN,
            (
                JAAS,
                "a.PlainLoginModule required username=me password=\"tea-2026\"",
            ),
        ],
        "sasl.jaas.config=\"[hidden]\": must be CLASS required NAME=\"VALUE\" ...;, but the semicolon at \
         its end is missing",
    );
    sasl_refused(
        &[
            PLAIN,
            (JAAS, "a.PlainLoginModule required password=\"tea-2026\";"),
        ],
        "sasl.jaas.config=\"[hidden]\": must be one with username=\"...\", because PlainLoginModule needs it",
    );
    sasl_refused(
        &[
            PLAIN,
            (
                JAAS,
                "a.PlainLoginModule required user=me pwd=\"tea-2026\";",
            ),
        ],
        "sasl.jaas.config=\"[hidden]\": must be one with username=\"...\" (the option is not user), because \
         PlainLoginModule needs it\n\
         sasl.jaas.config=\"[hidden]\": must be one with password=\"...\" (the option is not pwd), because \
         PlainLoginModule needs it",
    );
}

#[test]
fn what_the_protocol_does_not_use_is_warned_of() {
    warned(
        &[
            ("ssl.truststore.location", "/t"),
            PLAIN,
            (JAAS, PLAIN_LOGIN),
        ],
        &[
            "sasl.jaas.config has no effect: security.protocol is one without SASL",
            "sasl.mechanism has no effect: security.protocol is one without SASL",
            "ssl.truststore.location has no effect: security.protocol is one without TLS",
        ],
    );
    warned(
        &[
            SASL,
            PLAIN,
            (JAAS, PLAIN_LOGIN),
            ("sasl.oauthbearer.scope", "s"),
        ],
        &["sasl.oauthbearer.scope has no effect: sasl.mechanism is one without tokens"],
    );
}

#[derive(Debug)]
struct Fixed;

#[async_trait]
impl TokenProvider for Fixed {
    async fn token(&self, _host: &str) -> Result<Token, TokenError> {
        Ok(Token::new("t"))
    }
}

#[test]
fn a_provider_that_was_given_provides_the_tokens() {
    let provider: Arc<dyn TokenProvider> = Arc::new(Fixed);
    let given = config(&[SASL]).token_provider(Arc::clone(&provider));
    assert_eq!(given.check().unwrap().sasl_mechanism(), Some("OAUTHBEARER"));
    let for_aws = given.clone().set("sasl.mechanism", "AWS_MSK_IAM");
    assert_eq!(
        for_aws.check().unwrap().sasl_mechanism(),
        Some("AWS_MSK_IAM")
    );
    assert_eq!(given, config(&[SASL]).token_provider(provider));
    assert_ne!(given, config(&[SASL]).token_provider(Arc::new(Fixed)));
}

#[test]
#[cfg(feature = "aws-msk-iam")]
fn iam_signs_tokens_in_two_forms() {
    let mechanism = ("sasl.mechanism", "AWS_MSK_IAM");
    let handler = (
        "sasl.client.callback.handler.class",
        "software.amazon.msk.auth.iam.IAMClientCallbackHandler",
    );
    let module = "software.amazon.msk.auth.iam.IAMLoginModule required awsProfileName=\"dev\";";
    let Sasl::AwsMskIam(provider) = sasl(&[mechanism, handler, (JAAS, module)]) else {
        panic!("it is of another mechanism");
    };
    let shown = format!("{provider:?}");
    assert!(
        shown.contains("form: Payload") && shown.contains("profile: Some(\"dev\")"),
        "{shown}"
    );
    let role = module.replace("awsProfileName=\"dev\"", "awsRoleArn=\"arn\"");
    sasl_refused(
        &[mechanism, (JAAS, &role)],
        "sasl.jaas.config=\"[hidden]\": must be one without awsRoleArn and its like, because no other role \
         is taken on here: run with the credentials of the role, or give a TokenProvider",
    );
    let Sasl::OAuthBearer(provider) = sasl(&[
        ("sasl.mechanism", "OAUTHBEARER"),
        (
            "sasl.login.callback.handler.class",
            "software.amazon.msk.auth.iam.IAMOAuthBearerLoginCallbackHandler",
        ),
        (
            JAAS,
            "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;",
        ),
    ]) else {
        panic!("it is of another mechanism");
    };
    assert!(format!("{provider:?}").contains("form: SignedUrl"));
}
