//! The dialers of the examples: the proxy resolves names, logs us in, and says why not.

use kafka_producer::Dialer;

use crate::http_connect::HttpConnect;
use crate::proxy::{self, Kind};
use crate::socks5::Socks5;
use crate::{builder, is_told, kafka, sends};

const LOGIN: (&str, &str) = ("me", "tea-2026");

/// Records reach a cluster whose name only the proxy knows.
async fn carries(kind: Kind, login: Option<(&'static str, &'static str)>) {
    let kafka = kafka().await;
    let port = kafka.bootstrap_servers();
    let (_, port) = port.rsplit_once(':').unwrap();
    let (address, asked) = proxy::start(kind, login).await;
    let servers = format!("kafka.internal:{port}");
    let producer = match (kind, login) {
        (Kind::Socks5, None) => builder(&servers, Socks5::new(address)),
        (Kind::Socks5, Some((user, password))) => {
            builder(&servers, Socks5::new(address).login(user, password))
        }
        (Kind::Http, None) => builder(&servers, HttpConnect::new(address)),
        (Kind::Http, Some((user, password))) => {
            builder(&servers, HttpConnect::new(address).login(user, password))
        }
    };
    sends(&kafka, producer.build().unwrap(), 100).await;
    let asked = asked.lock().unwrap();
    assert_eq!(asked[0], servers);
    assert_eq!(asked[1], kafka.bootstrap_servers(), "as it tells of itself");
}

#[tokio::test]
async fn records_go_through_a_socks5_proxy_which_resolves_the_names() {
    carries(Kind::Socks5, None).await;
    carries(Kind::Socks5, Some(LOGIN)).await;
}

#[tokio::test]
async fn records_go_through_an_http_proxy_which_resolves_the_names() {
    carries(Kind::Http, None).await;
    carries(Kind::Http, Some(LOGIN)).await;
}

/// Who cannot be reached is told of in these words.
async fn fails_with(dialer: impl Dialer + 'static, expected: &str) {
    let hasty = builder("kafka.elsewhere:9092", dialer);
    let hasty = hasty.set("max.block.ms", "500").build().unwrap();
    let told = is_told(&hasty, expected).await;
    assert!(told.contains("kafka.elsewhere:9092"), "{told}");
}

#[tokio::test]
async fn what_a_proxy_says_is_told() {
    let (socks5, _) = proxy::start(Kind::Socks5, None).await;
    let unreachable =
        "the dialer has opened no connection: the SOCKS5 proxy: the host cannot be reached";
    fails_with(Socks5::new(&socks5), unreachable).await;
    let (closed, _) = proxy::start(Kind::Socks5, Some(LOGIN)).await;
    fails_with(Socks5::new(&closed), "it takes no login that we have").await;
    let wrong = Socks5::new(&closed).login("me", "coffee");
    fails_with(wrong, "it does not accept the user and the password").await;
    let (http, _) = proxy::start(Kind::Http, None).await;
    fails_with(HttpConnect::new(&http), "HTTP/1.1 502 Bad Gateway").await;
    let (closed, _) = proxy::start(Kind::Http, Some(LOGIN)).await;
    fails_with(
        HttpConnect::new(&closed),
        "407 Proxy Authentication Required",
    )
    .await;
}

#[test]
fn no_password_is_printed() {
    let socks5 = Socks5::new("proxy:1080").login("me", "tea-2026");
    let http = HttpConnect::new("proxy:3128").login("me", "tea-2026");
    let printed = format!("{socks5:?} {http:?}");
    assert!(printed.contains("proxy:1080") && printed.contains("proxy:3128"));
    assert!(
        !printed.contains("tea") && !printed.contains("bWU6"),
        "{printed}"
    );
}

#[cfg(feature = "tls")]
#[tokio::test]
async fn tls_is_spoken_through_a_proxy_with_the_broker() {
    use kafka_mock::{MockCluster, MockTls};

    let authority = MockTls::new().unwrap();
    let described = MockCluster::builder().topic(crate::TOPIC, 1);
    let kafka = described.tls(authority.clone()).start().await.unwrap();
    let (address, asked) = proxy::start(Kind::Socks5, None).await;
    let producer = builder(&kafka.bootstrap_servers(), Socks5::new(address))
        .set("security.protocol", "SSL")
        .set("ssl.truststore.type", "PEM")
        .set("ssl.truststore.certificates", authority.ca_pem());
    sends(&kafka, producer.build().unwrap(), 1000).await;
    assert!(!asked.lock().unwrap().is_empty());
}
