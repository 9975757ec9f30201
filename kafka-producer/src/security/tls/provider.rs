//! What does the cryptography of TLS: the first of the providers that are built in, chosen here and never by
//! the process (`CryptoProvider::install_default`), which belongs to the program.

use rustls::crypto::CryptoProvider;
use rustls::{CipherSuite, SupportedCipherSuite};

use super::unusable::Unusable;

/// Those that are built in, the preferred one first: another that is turned on beside the default is wanted.
const BUILT_IN: &[fn() -> CryptoProvider] = &[
    #[cfg(feature = "tls-aws-lc")]
    rustls::crypto::aws_lc_rs::default_provider,
    #[cfg(feature = "tls-graviola")]
    rustls_graviola::default_provider,
    #[cfg(feature = "tls-ring")]
    rustls::crypto::ring::default_provider,
];

/// The provider with these cipher suites, or with all of its own if none is named.
pub(super) fn provider(cipher_suites: &[String]) -> Result<CryptoProvider, Unusable> {
    let Some(built_in) = BUILT_IN.first() else {
        return Err(Unusable::setting("security.protocol", NO_PROVIDER));
    };
    let mut provider = built_in();
    if !cipher_suites.is_empty() {
        provider.cipher_suites = chosen(cipher_suites, &provider.cipher_suites)?;
    }
    Ok(provider)
}

const NO_PROVIDER: &str = "TLS needs a provider: turn on the feature `tls` of kafka-producer";

/// Those of `known` that are named, in the order in which they are named.
fn chosen(
    names: &[String],
    known: &[SupportedCipherSuite],
) -> Result<Vec<SupportedCipherSuite>, Unusable> {
    let find = |name: &String| {
        let found = known.iter().find(|suite| name_of(suite.suite()) == *name);
        found.copied().ok_or_else(|| {
            let all = known.iter().map(|suite| name_of(suite.suite()));
            let all = all.collect::<Vec<_>>().join(", ");
            let reason = format!("there is no cipher suite {name:?}; there are {all}");
            Unusable::value("ssl.cipher.suites", names.join(","), reason)
        })
    };
    names.iter().map(find).collect()
}

/// The name in IANA's list, which Kafka uses.
fn name_of(suite: CipherSuite) -> String {
    let name = suite.as_str().unwrap_or_default();
    name.replacen("TLS13_", "TLS_", 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(names: &[&str]) -> Result<Vec<String>, String> {
        let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        let suites = provider(&names).map(|provider| provider.cipher_suites);
        let names = |suites: Vec<SupportedCipherSuite>| {
            let suites = suites.into_iter();
            suites.map(|suite| name_of(suite.suite())).collect()
        };
        suites.map(names).map_err(|problem| problem.reason)
    }

    #[test]
    fn cipher_suites_are_taken_by_their_standard_names_in_the_order_given() {
        let wanted = [
            "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
            "TLS_AES_256_GCM_SHA384",
        ];
        assert_eq!(named(&wanted).unwrap(), wanted);
    }

    #[test]
    fn a_cipher_suite_that_there_is_not_is_answered_with_those_that_there_are() {
        let error = named(&["TLS_AES_256_GCM_SHA384", "TLS_RSA_WITH_RC4_128_MD5"]).unwrap_err();
        let begin = "there is no cipher suite \"TLS_RSA_WITH_RC4_128_MD5\"; there are TLS_";
        assert!(error.starts_with(begin), "{error}");
        assert!(error.contains("TLS_CHACHA20_POLY1305_SHA256"), "{error}");
    }

    #[test]
    fn every_provider_that_is_built_in_speaks_both_versions() {
        for built_in in BUILT_IN {
            let suites = built_in().cipher_suites;
            let is_13 = |suite: &&SupportedCipherSuite| suite.tls13().is_some();
            let of_13 = suites.iter().filter(is_13).count();
            assert!(of_13 > 0 && of_13 < suites.len());
        }
    }
}
