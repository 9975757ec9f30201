//! What a failure of TLS means, in words that name the setting to look at.

use rustls::{AlertDescription, CertificateError, Error, OtherError, PeerIncompatible};

use super::validity::day;

/// Whether a broker that asks for a certificate gets one: the meaning of its alerts depends on that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OurCertificate {
    /// `ssl.keystore.*` is set.
    Shown,
    /// It is not.
    None,
}

/// Why TLS with `host` failed.
pub(crate) fn explain(error: &Error, host: &str, ours: OurCertificate) -> String {
    match error {
        Error::InvalidCertificate(error) => certificate(error, host),
        Error::AlertReceived(alert) => self::alert(*alert, ours),
        Error::PeerIncompatible(why) => incompatible(why),
        Error::InvalidMessage(_) => format!(
            "what the broker answers is no TLS ({error}): if its listener is without TLS, set \
             security.protocol to PLAINTEXT or SASL_PLAINTEXT"
        ),
        Error::NoCertificatesPresented => "the broker shows no certificate".to_owned(),
        error => error.to_string(),
    }
}

fn certificate(error: &CertificateError, host: &str) -> String {
    match error {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "the broker's certificate was issued by nobody that is trusted: the trust store must contain its \
             issuer (ssl.truststore.location, ssl.truststore.certificates)"
                .to_owned()
        }
        CertificateError::NotValidForNameContext { presented, .. } => format!(
            "the broker's certificate is not for the host {host:?} but for {}: connect by a name that it has, or \
             make it ignored by an empty ssl.endpoint.identification.algorithm",
            names(presented)
        ),
        CertificateError::NotValidForName => format!(
            "the broker's certificate is not for the host {host:?} (ssl.endpoint.identification.algorithm)"
        ),
        CertificateError::ExpiredContext { time, not_after } => format!(
            "the broker's certificate, or one that it was issued by, has expired on {} (today is {}): the broker \
             needs a new one (its ssl.keystore.location)",
            day(*not_after),
            day(*time)
        ),
        CertificateError::NotValidYetContext { time, not_before } => format!(
            "the broker's certificate, or one that it was issued by, is not valid before {} (today is {}): is \
             a clock wrong?",
            day(*not_before),
            day(*time)
        ),
        // webpki's own, which rustls passes on.
        CertificateError::Other(OtherError(why)) if why.to_string() == "UnsupportedCertVersion" => {
            "the broker's certificate is of X.509 version 1, which has no host names: the broker needs one of \
             version 3, with a subjectAltName (its ssl.keystore.location)"
                .to_owned()
        }
        error => format!("the broker's certificate is not accepted: {error}"),
    }
}

/// Names of a certificate, without the words around them.
fn names(presented: &[String]) -> String {
    let plain = |name: &String| {
        let (_, name) = name.split_once('(').unwrap_or(("", name));
        name.trim_matches(['"', ')']).to_owned()
    };
    match presented {
        [] => "no host at all (it has no subjectAltName)".to_owned(),
        names => names.iter().map(plain).collect::<Vec<_>>().join(", "),
    }
}

fn alert(alert: AlertDescription, ours: OurCertificate) -> String {
    use AlertDescription as Alert;
    let words = alert.as_str().unwrap_or("an unknown alert");
    match (alert, ours) {
        (Alert::CertificateRequired | Alert::BadCertificate, OurCertificate::None) => format!(
            "the broker wants a certificate of ours, and there is none: set ssl.keystore.location \
             (its alert: {words})"
        ),
        (Alert::HandshakeFailure, OurCertificate::None) => format!(
            "the broker has no version and no cipher suite in common with us (ssl.enabled.protocols, \
             ssl.cipher.suites), or wants a certificate of ours (ssl.keystore.location) (its alert: {words})"
        ),
        (Alert::HandshakeFailure | Alert::ProtocolVersion | Alert::InsufficientSecurity, _) => {
            format!(
                "the broker has no version or no cipher suite in common with us: ssl.enabled.protocols, \
             ssl.cipher.suites (its alert: {words})"
            )
        }
        (
            Alert::CertificateRequired
            | Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateRevoked
            | Alert::CertificateExpired
            | Alert::CertificateUnknown
            | Alert::UnknownCA
            | Alert::DecryptError
            | Alert::AccessDenied,
            OurCertificate::Shown,
        ) => format!(
            "the broker does not accept our certificate ({words}): ssl.keystore.location must have one that it \
             trusts, valid now"
        ),
        (Alert::UnrecognisedName, _) => {
            format!("the broker knows no host of the name that we connect to (its alert: {words})")
        }
        _ => format!("the broker ended TLS with the alert {words}"),
    }
}

fn incompatible(why: &PeerIncompatible) -> String {
    format!(
        "the broker has no version or no cipher suite in common with us: ssl.enabled.protocols, \
         ssl.cipher.suites ({why:?})"
    )
}
