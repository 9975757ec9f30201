//! Addresses of brokers as users write them, from text to [`Address`].
//!
//! Only the form is judged, as Kafka's own client judges it; nothing is resolved here.

use std::fmt;
use std::net::Ipv6Addr;

/// `host:port` of a broker.
///
/// ```
/// use kafka_producer::ProducerConfig;
///
/// let checked = ProducerConfig::new().bootstrap_servers(["kafka-1:9092"]).check()?;
/// let address = &checked.bootstrap_servers()[0];
/// assert_eq!((&*address.host, address.port), ("kafka-1", 9092));
/// # Ok::<(), kafka_producer::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Address {
    /// A host name, an IPv4 address, or an IPv6 address without brackets.
    pub host: String,
    /// The port, never 0.
    pub port: u16,
}

impl Address {
    /// The address of this host and port.
    ///
    /// ```
    /// use kafka_producer::Address;
    ///
    /// assert_eq!(Address::new("::1", 9092).to_string(), "[::1]:9092");
    /// ```
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self {
            host: host.into(),
            port,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// What an address may look like, for messages.
pub(super) const ADDRESS_FORM: &str =
    "host:port, with an IPv6 address in brackets and a port from 1 to 65535";

/// `host:port`, `[v6]:port` or `v6:port`, each perhaps after `PROTOCOL://`.
pub(super) fn parse_address(text: &str) -> Option<Address> {
    let text = without_protocol(text)?;
    let (host, port) = text.rsplit_once(':')?;
    let host = match host.strip_prefix('[') {
        Some(bracketed) => bracketed.strip_suffix(']').filter(|host| is_ipv6(host))?,
        None => host,
    };
    if !(is_ipv6(host) || is_name(host)) || !port.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let port = port.parse().ok().filter(|port| *port != 0)?;
    Some(Address {
        host: host.to_owned(),
        port,
    })
}

/// Java drops the protocol of a listener's address, whatever it is called.
fn without_protocol(text: &str) -> Option<&str> {
    match text.split_once("://") {
        None => Some(text),
        Some((protocol, rest)) => protocol.bytes().all(is_name_byte).then_some(rest),
    }
}

/// With or without a zone (`fe80::1%eth0`).
fn is_ipv6(host: &str) -> bool {
    let (address, zone) = host.split_once('%').unwrap_or((host, "0"));
    address.parse::<Ipv6Addr>().is_ok() && !zone.is_empty() && zone.bytes().all(is_name_byte)
}

/// A host name or an IPv4 address: the characters that Java accepts in one.
fn is_name(host: &str) -> bool {
    !host.is_empty() && host.bytes().all(is_name_byte)
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._%".contains(&byte)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: Option<(&str, u16)>) {
        let parsed = parse_address(text);
        let parsed = parsed
            .as_ref()
            .map(|address| (&*address.host, address.port));
        assert_eq!(parsed, expected, "{text:?}");
    }

    #[test]
    fn a_host_and_its_port_are_found_in_every_form_that_java_accepts() {
        check("localhost:9092", Some(("localhost", 9092)));
        check("127.0.0.1:1", Some(("127.0.0.1", 1)));
        check(
            "kafka-1.example_domain.org:65535",
            Some(("kafka-1.example_domain.org", 65535)),
        );
        check("[::1]:9092", Some(("::1", 9092)));
        check("::1:9092", Some(("::1", 9092)));
        check("[fe80::1%eth0]:9092", Some(("fe80::1%eth0", 9092)));
        check("PLAINTEXT://localhost:9092", Some(("localhost", 9092)));
        check("foo_bar://[2001:db8::1]:9092", Some(("2001:db8::1", 9092)));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let refused = [
            "",
            ":",
            "localhost",
            "localhost:",
            ":9092",
            "localhost:0",
            "localhost:65536",
            "localhost:99999999999999999999",
            "localhost:+1",
            "localhost:-1",
            "localhost:9092/",
            "localhost:9092:9093",
            "a:b:9092",
            "two words:9092",
            "[::1:9092",
            "::1]:9092",
            "[localhost]:9092",
            "[]:9092",
            "[::1]9092",
            "[::1%]:9092",
            "://localhost:9092x",
            "a b://localhost:9092",
            "a://b://localhost:9092",
            "h\u{f6}st:9092",
            "localhost:\u{661}",
        ];
        for text in refused {
            check(text, None);
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_of_an_address_is_read_as_the_same(
            text in "[a-z0-9:.\\[\\]%/]{0,20}:[0-9]{1,5}"
        ) {
            if let Some(address) = parse_address(&text) {
                prop_assert_eq!(parse_address(&address.to_string()), Some(address));
            }
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in ".*") {
            let _ = parse_address(&text);
        }
    }
}
