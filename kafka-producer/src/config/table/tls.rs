//! TLS: `ssl.*`.

use super::property::Allowed::Any;
use super::property::Kind::{Class, List, Password, Text};
use super::property::Support::{NoEffect, Supported};
use super::property::{Property, Support, row, unset};

const JVM: Support = NoEffect("it configures a Java virtual machine");

// One row a property.
#[rustfmt::skip]
pub(super) static PROPERTIES: &[Property] = &[
    row("ssl.cipher.suites", List, "", Any,
        Supported("which cipher suites may be used, by their standard names; empty: all that are safe")),
    row("ssl.enabled.protocols", List, "TLSv1.2,TLSv1.3", Any,
        Supported("which versions of TLS may be used: TLSv1.2, TLSv1.3")),
    row("ssl.endpoint.identification.algorithm", Text, "https", Any,
        Supported("whether the certificate must name the host that was connected to: https; empty: it need not")),
    unset("ssl.engine.factory.class", Class, Any,
        Supported("Kafka's DefaultSslEngineFactory, which may be named; no other class of Java can be run")),
    unset("ssl.key.password", Password, Any,
        Supported("what opens the encrypted private key of ssl.keystore.*")),
    row("ssl.keymanager.algorithm", Text, "SunX509", Any, JVM),
    unset("ssl.keystore.certificate.chain", Password, Any,
        Supported("our certificate and those above it, as PEM; with ssl.keystore.key and ssl.keystore.type=PEM")),
    unset("ssl.keystore.key", Password, Any,
        Supported("our private key, as PEM; with ssl.keystore.certificate.chain and ssl.keystore.type=PEM")),
    unset("ssl.keystore.location", Text, Any,
        Supported("a file with our private key and certificate, for brokers that ask for one")),
    unset("ssl.keystore.password", Password, Any,
        Supported("what opens ssl.keystore.location, unless that is PEM")),
    row("ssl.keystore.type", Text, "JKS", Any,
        Supported("PEM, or PKCS12; JKS opens PKCS#12 files too, as in Java")),
    row("ssl.protocol", Text, "TLSv1.3", Any,
        Supported("the newest version of TLS that is used: TLSv1.2, or any of TLSv1.3, TLS for no such limit")),
    unset("ssl.provider", Text, Any, JVM),
    unset("ssl.secure.random.implementation", Text, Any, JVM),
    row("ssl.trustmanager.algorithm", Text, "PKIX", Any, JVM),
    unset("ssl.truststore.certificates", Password, Any,
        Supported("the certificates that are trusted, as PEM; with ssl.truststore.type=PEM")),
    unset("ssl.truststore.location", Text, Any,
        Supported("a file with the certificates that are trusted; unset: those that the platform trusts")),
    unset("ssl.truststore.password", Password, Any,
        Supported("what opens ssl.truststore.location, unless that is PEM")),
    row("ssl.truststore.type", Text, "JKS", Any,
        Supported("PEM, or PKCS12; JKS opens PKCS#12 files too, as in Java")),
];
