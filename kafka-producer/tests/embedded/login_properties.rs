//! Logins as a properties file describes them, from the configuration to a record in the log.

use kafka_mock::MockCluster;
use kafka_mock::cluster::{SaslConfig, SaslMechanism};
use kafka_producer::{ProducerRecord, SendError};

use crate::scene::{TOPIC, builder, in_time};

async fn kafka(sasl: SaslConfig) -> MockCluster {
    let described = MockCluster::builder().topic(TOPIC, 1).sasl(sasl);
    described.start().await.unwrap()
}

/// Sends a record with these settings.
async fn send(kafka: &MockCluster, settings: &[(&str, &str)]) -> Result<(), String> {
    let settings = [&[("security.protocol", "SASL_PLAINTEXT")], settings].concat();
    let producer = builder(&kafka.bootstrap_servers(), &settings)
        .build()
        .unwrap();
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
async fn a_password_of_the_login_module_lets_a_record_in() {
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
    async fn an_unsecured_token_lets_a_record_in_where_any_will_do() {
        let kafka = kafka(SaslConfig::new([SaslMechanism::OAuthBearer])).await;
        let jaas = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required \
                    unsecuredLoginStringClaim_sub=\"me\";";
        assert_eq!(
            send(&kafka, &[OAUTH, ("sasl.jaas.config", jaas)]).await,
            Ok(())
        );
    }

    /// Answers each request with the next of these; the URL.
    async fn endpoint(answers: [&'static str; 2]) -> String {
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
    async fn a_token_of_an_identity_provider_lets_a_record_in() {
        let listed = BTreeMap::from([("opaque-7".to_owned(), "me".to_owned())]);
        let sasl = SaslConfig::new([SaslMechanism::OAuthBearer]);
        let kafka = kafka(sasl.with_tokens(AcceptedTokens::Listed(listed))).await;
        // The second connection uses the token of the first.
        let url = endpoint([
            "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 48\r\n\r\n\
             {\"access_token\": \"opaque-7\", \"expires_in\": 3600}",
        ]);
        let url = url.await;
        assert_eq!(send(&kafka, &client(&url)).await, Ok(()));
    }

    #[tokio::test]
    async fn an_identity_provider_that_refuses_is_told_in_its_words() {
        let kafka = kafka(SaslConfig::new([SaslMechanism::OAuthBearer])).await;
        let refusal =
            "HTTP/1.1 401 No\r\nContent-Length: 27\r\n\r\n{\"error\": \"invalid_client\"}";
        let url = endpoint([refusal; 2]).await;
        let refused = send(&kafka, &client(&url)).await.unwrap_err();
        assert!(
            refused.contains("it answers 401: invalid_client"),
            "{refused}"
        );
        assert!(!refused.contains("tea-2026"), "{refused}");
    }
}
