//! Logins as a properties file describes them, from the configuration to a record in the log.

use kafka_mock::MockCluster;
use kafka_mock::cluster::{SaslConfig, SaslMechanism};
use kafka_producer::{Producer, ProducerRecord, SendError};

#[cfg(feature = "oauth-oidc")]
use crate::scene::until_told;
use crate::scene::{TOPIC, builder, in_time};

async fn kafka(sasl: SaslConfig) -> MockCluster {
    let described = MockCluster::builder().topic(TOPIC, 1).sasl(sasl);
    described.start().await.unwrap()
}

/// Sends a record with these settings.
async fn send(kafka: &MockCluster, settings: &[(&str, &str)]) -> Result<(), String> {
    send_with(&producer(kafka, settings)).await
}

fn producer(kafka: &MockCluster, settings: &[(&str, &str)]) -> Producer<str, str> {
    let settings = [&[("security.protocol", "SASL_PLAINTEXT")], settings].concat();
    let builder = builder(&kafka.bootstrap_servers(), &settings);
    builder.build().unwrap()
}

async fn send_with(producer: &Producer<str, str>) -> Result<(), String> {
    assert!(!format!("{producer:?}").contains("tea-2026"));
    let sent = in_time(producer.send(ProducerRecord::new(TOPIC, "2 x tea"))).await;
    match sent {
        Ok(delivery) => in_time(delivery)
            .await
            .map(drop)
            .map_err(|error| error.to_string()),
        Err(SendError::Authentication(why)) => Err(why.to_string()),
        Err(error) => panic!("{error:?}"),
    }
}

#[tokio::test]
async fn a_record_is_sent_with_the_password_of_the_login_module() {
    let mechanisms = [
        SaslMechanism::Plain,
        SaslMechanism::ScramSha256,
        SaslMechanism::ScramSha512,
    ];
    for mechanism in mechanisms {
        let kafka = kafka(SaslConfig::new([mechanism]).with_user("me", "tea-2026;\"")).await;
        let module = match mechanism {
            SaslMechanism::Plain => "org.apache.kafka.common.security.plain.PlainLoginModule",
            _ => "org.apache.kafka.common.security.scram.ScramLoginModule",
        };
        let jaas =
            |password| format!("{module} required username=\"me\"\n password=\"{password}\";");
        let right = jaas("tea-2026;\\\"");
        let mechanism = ("sasl.mechanism", mechanism.name());
        assert_eq!(
            send(&kafka, &[mechanism, ("sasl.jaas.config", &right)]).await,
            Ok(())
        );
        let wrong = jaas("tea-2026");
        let refused = send(&kafka, &[mechanism, ("sasl.jaas.config", &wrong)])
            .await
            .unwrap_err();
        let start = format!("authentication failed: {} as me at ", mechanism.1);
        assert!(
            refused.contains(&start) && !refused.contains("tea"),
            "{refused}"
        );
    }
}

#[cfg(feature = "oauth-oidc")]
mod tokens {
    use std::collections::BTreeMap;

    use kafka_mock::cluster::AcceptedTokens;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    const OAUTH: (&str, &str) = ("sasl.mechanism", "OAUTHBEARER");

    #[tokio::test]
    async fn a_record_is_sent_with_an_unsecured_token_where_any_is_accepted() {
        let kafka = kafka(SaslConfig::new([SaslMechanism::OAuthBearer])).await;
        let jaas = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required \
                    unsecuredLoginStringClaim_sub=\"me\";";
        assert_eq!(
            send(&kafka, &[OAUTH, ("sasl.jaas.config", jaas)]).await,
            Ok(())
        );
    }

    /// Answers each request with the next of these; the URL.
    async fn endpoint<const COUNT: usize>(answers: [String; COUNT]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            for answer in answers {
                let (mut socket, _) = listener.accept().await.unwrap();
                let mut request = [0; 4096];
                let mut length = 0;
                // Its last word is that of the only field.
                while !request[..length].ends_with(b"client_credentials") {
                    length += socket.read(&mut request[length..]).await.unwrap();
                }
                socket.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        format!("http://127.0.0.1:{port}/token")
    }

    fn answer(status: &str, body: &str) -> String {
        let length = body.len();
        format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{body}")
    }

    fn token(token: &str) -> String {
        let body = format!("{{\"access_token\": \"{token}\", \"expires_in\": 3600}}");
        answer("200 OK", &body)
    }

    async fn accepting(token: &str) -> MockCluster {
        let listed = BTreeMap::from([(token.to_owned(), "me".to_owned())]);
        let sasl = SaslConfig::new([SaslMechanism::OAuthBearer]);
        kafka(sasl.with_tokens(AcceptedTokens::Listed(listed))).await
    }

    fn client(url: &str) -> [(&'static str, &str); 5] {
        [
            OAUTH,
            ("sasl.oauthbearer.token.endpoint.url", url),
            ("sasl.oauthbearer.client.credentials.client.id", "me"),
            (
                "sasl.oauthbearer.client.credentials.client.secret",
                "tea-2026",
            ),
            ("sasl.login.retry.backoff.ms", "1"),
        ]
    }

    #[tokio::test]
    async fn a_record_is_sent_with_a_token_of_an_identity_provider() {
        let kafka = accepting("opaque-7").await;
        // The second connection uses the token of the first.
        let url = endpoint([answer("503 Busy", ""), token("opaque-7")]).await;
        if let Err(busy) = send(&kafka, &client(&url)).await {
            // On a machine that is too slow to bridge it.
            assert!(busy.contains("it answers 503"), "{busy}");
            assert_eq!(send(&kafka, &client(&url)).await, Ok(()));
        }
    }

    #[tokio::test]
    async fn a_token_that_was_refused_is_not_used_again() {
        let kafka = accepting("second").await;
        let url = endpoint([token("first"), token("second")]).await;
        let producer = producer(&kafka, &client(&url));
        let refused = send_with(&producer).await.unwrap_err();
        assert!(refused.contains("invalid_token"), "{refused}");
        until_told(async || send_with(&producer).await.ok()).await;
    }

    #[tokio::test]
    async fn a_token_that_had_expired_is_told_as_that() {
        let kafka = kafka(SaslConfig::new([SaslMechanism::OAuthBearer])).await;
        // {"alg":"none"} and {"sub":"me","exp":951868800}
        let expired = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJtZSIsImV4cCI6OTUxODY4ODAwfQ.";
        let url = endpoint([token(expired)]).await;
        let refused = send(&kafka, &client(&url)).await.unwrap_err();
        let said = "OAUTHBEARER as me at ";
        assert!(refused.contains(said), "{refused}");
        let said =
            ": {\"status\":\"invalid_token\"}; the token had expired at 2000-03-01T00:00:00Z (";
        assert!(refused.contains(said), "{refused}");
    }

    #[tokio::test]
    async fn an_identity_provider_that_refuses_is_told_in_its_words() {
        let kafka = kafka(SaslConfig::new([SaslMechanism::OAuthBearer])).await;
        let refusal = answer("401 No", "{\"error\": \"invalid_client\"}");
        let url = endpoint([refusal.clone(), refusal]).await;
        let refused = send(&kafka, &client(&url)).await.unwrap_err();
        assert!(
            refused.contains("it answers 401: invalid_client"),
            "{refused}"
        );
        assert!(!refused.contains("tea-2026"), "{refused}");
    }
}
