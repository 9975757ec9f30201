//! TLS to what tokens are asked of. What it trusts is read once, and again when a file has changed.

use std::fmt;
use std::io;
#[cfg(feature = "_tls")]
use std::sync::{Mutex, PoisonError};
#[cfg(feature = "_tls")]
use std::time::Instant;

#[cfg(feature = "_tls")]
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
#[cfg(feature = "_tls")]
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::security::Tls;
#[cfg(feature = "_tls")]
use crate::security::{TlsClient, TlsConfig, TlsVersion, Trust};

/// What `https` goes by.
#[derive(Default)]
pub(crate) struct Https {
    /// `None`: it trusts what the platform trusts.
    settings: Option<Tls>,
    /// What was read for the first connection.
    #[cfg(feature = "_tls")]
    client: Mutex<Option<TlsClient>>,
}

impl Https {
    #[cfg(feature = "oauth-oidc")]
    pub(crate) fn new(settings: Option<Tls>) -> Self {
        Self {
            settings,
            #[cfg(feature = "_tls")]
            client: Mutex::default(),
        }
    }
}

#[cfg(feature = "_tls")]
impl Https {
    /// Agrees on TLS on a connection to this host.
    pub(super) async fn secure(
        &self,
        socket: TcpStream,
        host: &str,
    ) -> io::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        let connector = TlsConnector::from(self.config(Instant::now())?);
        connector.connect(name, socket).await.map_err(|error| {
            io::Error::other(format!(
                "TLS fails: {error}; trusted is what the platform trusts, or the options ssl.truststore.* of \
                 sasl.jaas.config"
            ))
        })
    }

    fn config(&self, now: Instant) -> io::Result<TlsConfig> {
        let mut client = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = &mut *client {
            if let Err(mut stale) = client.refresh(now) {
                // They are parts of a password.
                for unusable in stale.problems_mut() {
                    unusable.value = None;
                }
                #[cfg(feature = "tracing")]
                tracing::warn!("of sasl.jaas.config: {stale}");
            }
            return Ok(client.config());
        }
        let settings = self.settings.clone();
        let read = TlsClient::new(&settings.unwrap_or_else(what_the_platform_trusts), now);
        let read = read.map_err(|found| {
            let found = found
                .iter()
                .map(|unusable| format!("{}: {}", unusable.setting, unusable.reason));
            io::Error::other(found.collect::<Vec<_>>().join("; "))
        })?;
        Ok(client.insert(read).config())
    }
}

#[cfg(not(feature = "_tls"))]
impl Https {
    /// There is no TLS in this build.
    pub(super) async fn secure(&self, _socket: TcpStream, _host: &str) -> io::Result<TcpStream> {
        Err(io::Error::other(
            "the feature tls of the crate is not built in",
        ))
    }
}

#[cfg(feature = "_tls")]
fn what_the_platform_trusts() -> Tls {
    Tls {
        trust: Trust::Platform,
        identity: None,
        verify_host_name: true,
        versions: vec![TlsVersion::V12, TlsVersion::V13],
        cipher_suites: Vec::new(),
    }
}

impl fmt::Debug for Https {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Https").field(&self.settings).finish()
    }
}

#[cfg(test)]
#[cfg(feature = "_tls")]
mod tests {
    use std::sync::Arc;

    use hyper::Method;
    use kafka_mock::{MockCluster, MockTls};

    use super::super::http::{Call, HttpClient, Url};
    use super::*;
    use crate::security::Secret;

    fn trusting(pem: &str) -> Https {
        Https {
            settings: Some(Tls {
                trust: Trust::Pem(Secret::new(pem)),
                ..what_the_platform_trusts()
            }),
            ..Https::default()
        }
    }

    /// Why there is no answer.
    fn failure(https: Https, url: &str) -> String {
        let url = Url::parse(url).unwrap();
        let client = HttpClient {
            https,
            ..HttpClient::default()
        };
        let call = Call {
            method: Method::GET,
            url: &url,
            headers: Vec::new(),
            body: String::new(),
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.unwrap().block_on(client.call(call)).err().unwrap()
    }

    #[test]
    fn what_an_endpoint_is_trusted_by_may_be_unusable() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://{}/", listener.local_addr().unwrap());
        let error = failure(trusting("no PEM"), &url);
        assert!(
            error.starts_with("cannot connect: ssl.truststore.certificates: "),
            "{error}"
        );
    }

    #[test]
    fn an_endpoint_is_asked_over_tls_if_it_is_trusted() {
        let authority = MockTls::new().unwrap();
        let kafka = MockCluster::builder().tls(authority.clone());
        let kafka = kafka.start_blocking().unwrap();
        let url = format!("https://{}/", kafka.bootstrap_servers());
        // A broker agrees on TLS, and knows no HTTP.
        let error = failure(trusting(&authority.ca_pem()), &url);
        assert!(error.contains("the connection "), "{error}");
        let error = failure(trusting(&MockTls::new().unwrap().ca_pem()), &url);
        assert!(error.starts_with("cannot connect: TLS fails: "), "{error}");
    }

    #[test]
    fn what_is_trusted_is_read_once() {
        let https = trusting(&MockTls::new().unwrap().ca_pem());
        let now = Instant::now();
        let first = https.config(now).unwrap();
        let later = https.config(now + std::time::Duration::from_secs(60));
        assert!(Arc::ptr_eq(&first, &later.unwrap()));
    }
}
