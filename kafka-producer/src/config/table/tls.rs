//! TLS, which is not supported yet.

use super::property::Allowed::Any;
use super::property::Kind::{Class, List, Password, Text};
use super::property::Support::{NoEffect, Refused};
use super::property::{Property, Support, row, unset};

const TLS: Support = Refused("TLS is not supported yet");
const JVM: Support = NoEffect("it configures a Java virtual machine");

// One row a property.
#[rustfmt::skip]
pub(super) static PROPERTIES: &[Property] = &[
    row("ssl.cipher.suites", List, "", Any, TLS),
    row("ssl.enabled.protocols", List, "TLSv1.2,TLSv1.3", Any, TLS),
    row("ssl.endpoint.identification.algorithm", Text, "https", Any, TLS),
    unset("ssl.engine.factory.class", Class, Any, TLS),
    unset("ssl.key.password", Password, Any, TLS),
    row("ssl.keymanager.algorithm", Text, "SunX509", Any, JVM),
    unset("ssl.keystore.certificate.chain", Password, Any, TLS),
    unset("ssl.keystore.key", Password, Any, TLS),
    unset("ssl.keystore.location", Text, Any, TLS),
    unset("ssl.keystore.password", Password, Any, TLS),
    row("ssl.keystore.type", Text, "JKS", Any, TLS),
    row("ssl.protocol", Text, "TLSv1.3", Any, TLS),
    unset("ssl.provider", Text, Any, JVM),
    unset("ssl.secure.random.implementation", Text, Any, JVM),
    row("ssl.trustmanager.algorithm", Text, "PKIX", Any, JVM),
    unset("ssl.truststore.certificates", Password, Any, TLS),
    unset("ssl.truststore.location", Text, Any, TLS),
    unset("ssl.truststore.password", Password, Any, TLS),
    row("ssl.truststore.type", Text, "JKS", Any, TLS),
];
