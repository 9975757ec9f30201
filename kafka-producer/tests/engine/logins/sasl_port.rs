//! A port that asks for SASL: what brokers answer to clients that authenticate, by Kafka's rules.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use kafka_producer::engine::NodeId;
use kafka_producer::settings::Settings;
use kafka_wire::messages::{
    SaslAuthenticateRequest, SaslAuthenticateResponse, SaslHandshakeRequest, SaslHandshakeResponse,
};
use kafka_wire::{ApiKey, ErrorCode};
use sha2::{Sha256, Sha512};

use crate::wires::{Asked, SaslStep, What};

/// How brokers authenticate clients.
#[derive(Debug)]
pub(crate) struct SaslPort {
    /// What is enabled; nothing: the port does not ask for SASL.
    pub(crate) mechanisms: Vec<&'static str>,
    pub(crate) password: &'static str,
    pub(crate) token: &'static str,
    /// Brokers that refuse everyone.
    pub(crate) refusing: BTreeSet<NodeId>,
    /// For how long clients are authenticated; 0: for ever.
    pub(crate) lifetime_ms: i64,
    /// The brokers that have authenticated a client, in their order.
    pub(crate) authenticated: Vec<NodeId>,
    /// How often clients were refused.
    pub(crate) refused: usize,
    exchanges: BTreeMap<NodeId, Exchange>,
}

/// One that is under way.
#[derive(Clone, Debug, Default)]
struct Exchange {
    mechanism: String,
    /// What was said before, of SCRAM.
    first: Option<(String, String)>,
    /// That the token is not good was told.
    told: bool,
}

impl Default for SaslPort {
    fn default() -> Self {
        Self {
            mechanisms: vec![
                "PLAIN",
                "SCRAM-SHA-256",
                "SCRAM-SHA-512",
                "OAUTHBEARER",
                "AWS_MSK_IAM",
            ],
            password: "tea-2026",
            token: "abc.def",
            refusing: BTreeSet::new(),
            lifetime_ms: 0,
            authenticated: Vec::new(),
            refused: 0,
            exchanges: BTreeMap::new(),
        }
    }
}

impl SaslPort {
    /// That of a port which asks for SASL if such a client does.
    pub(crate) fn of(settings: &Settings) -> Self {
        let mut sasl_port = Self::default();
        if settings.security.sasl.is_none() {
            sasl_port.mechanisms.clear();
        }
        sasl_port
    }

    /// A connection is open, on which no client is authenticated.
    pub(crate) fn opened(&mut self, node: NodeId) {
        self.exchanges.remove(&node);
    }

    /// Something is sent: nothing but the exchange itself, from its first request to its last answer.
    pub(crate) fn saw(&mut self, node: NodeId, asked: &Asked) {
        match &asked.what {
            What::Sasl(SaslStep::Mechanism(mechanism)) => {
                let exchange = Exchange {
                    mechanism: mechanism.clone(),
                    ..Exchange::default()
                };
                let earlier = self.exchanges.insert(node, exchange);
                assert!(earlier.is_none(), "{node} is told twice at a time");
            }
            What::Sasl(SaslStep::Says(_)) => {
                assert!(self.exchanges.contains_key(&node), "the mechanism first");
            }
            _ => {
                let api: ApiKey = asked.header.api_key;
                assert!(
                    !self.exchanges.contains_key(&node),
                    "{api} is sent to {node} in the middle of a login"
                );
            }
        }
    }

    pub(crate) fn answer(&mut self, node: NodeId, asked: &Asked, step: &SaslStep) -> Bytes {
        match step {
            SaslStep::Mechanism(mechanism) => {
                let answer = self.chosen(mechanism);
                if answer.error_code != ErrorCode::NONE {
                    self.exchanges.remove(&node);
                }
                asked.answer::<SaslHandshakeRequest>(&answer)
            }
            SaslStep::Says(said) => {
                let answer = self.told(node, said);
                asked.answer::<SaslAuthenticateRequest>(&answer)
            }
        }
    }

    fn chosen(&self, mechanism: &str) -> SaslHandshakeResponse {
        let answer = SaslHandshakeResponse::default();
        if self.mechanisms.is_empty() {
            return answer.with_error_code(ErrorCode::ILLEGAL_SASL_STATE);
        }
        let enabled = self.mechanisms.iter().map(|name| (*name).to_owned());
        let answer = answer.with_mechanisms(enabled.collect());
        match self.mechanisms.contains(&mechanism) {
            true => answer,
            false => answer.with_error_code(ErrorCode::UNSUPPORTED_SASL_MECHANISM),
        }
    }

    fn told(&mut self, node: NodeId, said: &[u8]) -> SaslAuthenticateResponse {
        let mut exchange = self.exchanges.remove(&node).unwrap();
        let told = match self.refusing.contains(&node) {
            true => Err("Authentication failed: Invalid username or password"),
            false => self.judge(&mut exchange, said),
        };
        let answer = SaslAuthenticateResponse::default();
        match told {
            Ok(Said::More(words)) => {
                self.exchanges.insert(node, exchange);
                answer.with_auth_bytes(words.into())
            }
            Ok(Said::Last(words)) => {
                self.authenticated.push(node);
                answer
                    .with_auth_bytes(words.into())
                    .with_session_lifetime_ms(self.lifetime_ms)
            }
            Err(why) => {
                self.refused += 1;
                answer
                    .with_error_code(ErrorCode::SASL_AUTHENTICATION_FAILED)
                    .with_error_message(Some(why.to_owned()))
            }
        }
    }

    fn judge(&self, exchange: &mut Exchange, said: &[u8]) -> Result<Said, &'static str> {
        let text = String::from_utf8(said.to_vec()).unwrap();
        match &*exchange.mechanism {
            "PLAIN" if text == format!("\0alice\0{}", self.password) => {
                Ok(Said::Last(String::new()))
            }
            "PLAIN" => Err("Authentication failed: Invalid username or password"),
            "OAUTHBEARER" if exchange.told => {
                assert_eq!(text, "\x01");
                Err("{\"status\":\"invalid_token\"}")
            }
            "OAUTHBEARER" if text == format!("n,,\x01auth=Bearer {}\x01\x01", self.token) => {
                Ok(Said::Last(String::new()))
            }
            "OAUTHBEARER" => {
                exchange.told = true;
                Ok(Said::More("{\"status\":\"invalid_token\"}".to_owned()))
            }
            "AWS_MSK_IAM" if text == self.token => {
                Ok(Said::Last("{\"version\":\"2020_10_22\"}".to_owned()))
            }
            "AWS_MSK_IAM" => Err("Access denied"),
            "SCRAM-SHA-256" => self.scram::<Hmac<Sha256>>(exchange, &text),
            "SCRAM-SHA-512" => self.scram::<Hmac<Sha512>>(exchange, &text),
            other => panic!("{other} is not enabled"),
        }
    }

    fn scram<M>(&self, exchange: &mut Exchange, text: &str) -> Result<Said, &'static str>
    where
        M: Mac + KeyInit + Clone + Sync + hmac::digest::Update + hmac::digest::FixedOutput,
    {
        let salt = b"salt of alice";
        let Some((client_first, server_first)) = &exchange.first else {
            let bare = text.strip_prefix("n,,").unwrap();
            let nonce = bare.strip_prefix("n=alice,r=").unwrap();
            let salt = STANDARD.encode(salt);
            let first = format!("r={nonce}server,s={salt},i=4096");
            exchange.first = Some((bare.to_owned(), first.clone()));
            return Ok(Said::More(first));
        };
        let (without_proof, _) = text.rsplit_once(",p=").unwrap();
        let auth_message = format!("{client_first},{server_first},{without_proof}");
        let mut salted = vec![0; <M as hmac::digest::OutputSizeUser>::output_size()];
        pbkdf2::pbkdf2::<M>(self.password.as_bytes(), salt, 4096, &mut salted).unwrap();
        let signed = |key: &[u8], text: &[u8]| {
            let mut mac = <M as KeyInit>::new_from_slice(key).unwrap();
            Mac::update(&mut mac, text);
            mac.finalize().into_bytes().to_vec()
        };
        // The client's proof is compared with the golden lines; here its server signature is enough.
        let known = self.password == "tea-2026";
        let signature = signed(&signed(&salted, b"Server Key"), auth_message.as_bytes());
        match known {
            true => Ok(Said::Last(format!("v={}", STANDARD.encode(signature)))),
            false => Err("Authentication failed during authentication due to invalid credentials"),
        }
    }
}

enum Said {
    More(String),
    Last(String),
}
