//! From the name of a broker to its addresses, anew for each connection (`client.dns.lookup`).
//!
//! With `resolve_canonical_bootstrap_servers_only` a name of `bootstrap.servers` stands for the names of
//! its addresses: TLS and logins know the broker by the one whose address accepts. An address whose name
//! does not lead back to it has no other name than itself, as in Java.
//!
//! The system resolves names, on a thread of the runtime's own: it may take its time, and nothing here
//! waits for it.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;

use hashbrown::HashSet;
use tokio::net::lookup_host;

use crate::settings::{Address, DnsLookup};

/// One address of a broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) address: SocketAddr,
    /// Whose it is, instead of the name that was asked for.
    pub(super) canonical: Option<Arc<str>>,
}

impl From<SocketAddr> for Target {
    fn from(address: SocketAddr) -> Self {
        Self {
            address,
            canonical: None,
        }
    }
}

/// The addresses of a broker, in the system's order.
pub(super) async fn resolve(address: Address, lookup: DnsLookup) -> io::Result<Vec<Target>> {
    match lookup {
        DnsLookup::UseAllDnsIps => {
            let addresses = lookup_host((address.host, address.port)).await?;
            Ok(addresses.map(Target::from).collect())
        }
        DnsLookup::ResolveCanonicalBootstrapServersOnly => {
            tokio::task::spawn_blocking(move || canonical(&address, &System)).await?
        }
    }
}

/// What resolves names.
trait Names {
    fn addresses_of(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>>;

    fn name_of(&self, address: IpAddr) -> io::Result<String>;
}

struct System;

impl Names for System {
    fn addresses_of(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok((host, port).to_socket_addrs()?.collect())
    }

    fn name_of(&self, address: IpAddr) -> io::Result<String> {
        Ok(dns_lookup::lookup_addr(&address)?)
    }
}

/// The addresses of all names that the addresses of this one have; each once.
fn canonical(address: &Address, names: &impl Names) -> io::Result<Vec<Target>> {
    let mut seen = HashSet::new();
    let aliased = names.addresses_of(&address.host, address.port)?.into_iter();
    let targets = aliased.flat_map(|address| of_its_name(address, names));
    Ok(targets
        .filter(|target| seen.insert(target.address))
        .collect())
}

/// The addresses of an address's name.
fn of_its_name(address: SocketAddr, names: &impl Names) -> Vec<Target> {
    let named = |host: &str, addresses: Vec<SocketAddr>| {
        let canonical: Arc<str> = host.into();
        let target = |address| Target {
            address,
            canonical: Some(Arc::clone(&canonical)),
        };
        addresses.into_iter().map(target).collect()
    };
    let leads_back = |host: String| {
        let addresses = names.addresses_of(&host, address.port()).ok()?;
        let leads_back = addresses.iter().any(|other| other.ip() == address.ip());
        leads_back.then_some((host, addresses))
    };
    match names.name_of(address.ip()).ok().and_then(leads_back) {
        Some((host, addresses)) => named(&host, addresses),
        None => named(&address.ip().to_string(), vec![address]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names with their addresses, and addresses with their names.
    struct Book {
        addresses: &'static [(&'static str, &'static [&'static str])],
        names: &'static [(&'static str, &'static str)],
    }

    impl Names for Book {
        fn addresses_of(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
            let found = self.addresses.iter().find(|(name, _)| *name == host);
            let (_, addresses) = found.ok_or_else(|| io::Error::other("no such name"))?;
            let ips = addresses.iter().map(|ip| ip.parse::<IpAddr>().unwrap());
            Ok(ips.map(|ip| SocketAddr::new(ip, port)).collect())
        }

        fn name_of(&self, address: IpAddr) -> io::Result<String> {
            let found = self.names.iter().find(|(ip, _)| *ip == address.to_string());
            let found = found.map(|(_, name)| (*name).to_owned());
            found.ok_or_else(|| io::Error::other("no name"))
        }
    }

    fn check(book: &Book, expected: &[(&str, &str)]) {
        let targets = canonical(&Address::new("alias", 9092), book).unwrap();
        let found: Vec<_> = targets
            .iter()
            .map(|it| (it.canonical.as_deref().unwrap(), it.address.to_string()))
            .collect();
        let expected: Vec<_> = expected
            .iter()
            .map(|(name, address)| (*name, (*address).to_owned()))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn an_alias_stands_for_the_names_of_its_addresses_and_for_all_addresses_of_these() {
        let book = Book {
            addresses: &[
                ("alias", &["10.0.0.1", "10.0.0.2", "::2"]),
                ("one", &["10.0.0.1", "::1"]),
                ("two", &["::2", "10.0.0.2"]),
            ],
            names: &[("10.0.0.1", "one"), ("10.0.0.2", "two"), ("::2", "two")],
        };
        let expected = [
            ("one", "10.0.0.1:9092"),
            ("one", "[::1]:9092"),
            ("two", "[::2]:9092"),
            ("two", "10.0.0.2:9092"),
        ];
        check(&book, &expected);
    }

    #[test]
    fn an_address_without_a_name_that_leads_back_to_it_is_called_by_itself() {
        let book = Book {
            addresses: &[
                ("alias", &["10.0.0.1", "10.0.0.2", "::3"]),
                ("liar", &["10.9.9.9"]),
            ],
            names: &[("10.0.0.1", "liar"), ("::3", "unknown")],
        };
        let expected = [
            ("10.0.0.1", "10.0.0.1:9092"),
            ("10.0.0.2", "10.0.0.2:9092"),
            ("::3", "[::3]:9092"),
        ];
        check(&book, &expected);
    }

    #[test]
    fn a_name_that_is_unknown_is_an_error() {
        let book = Book {
            addresses: &[],
            names: &[],
        };
        let error = canonical(&Address::new("alias", 9092), &book).unwrap_err();
        assert_eq!(error.to_string(), "no such name");
    }

    #[tokio::test]
    async fn literal_addresses_of_both_families_are_their_own_in_either_mode() {
        for (host, address) in [("127.0.0.1", "127.0.0.1:9092"), ("::1", "[::1]:9092")] {
            let plain = resolve(Address::new(host, 9092), DnsLookup::UseAllDnsIps).await;
            let expected = Target::from(address.parse::<SocketAddr>().unwrap());
            assert_eq!(plain.unwrap(), [expected]);
            let lookup = DnsLookup::ResolveCanonicalBootstrapServersOnly;
            let named = resolve(Address::new(host, 9092), lookup).await.unwrap();
            let is_same = |target: &Target| target.address.to_string() == address;
            assert!(named.iter().any(is_same), "{named:?}");
            assert!(named.iter().all(|target| target.canonical.is_some()));
        }
    }
}
