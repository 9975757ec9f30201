//! Authentication by SASL (KIP-43, KIP-152), at first and again before the session ends (KIP-368).
//!
//! ```text
//! Token ──token──▶ Handshake ──the mechanism is enabled──▶ Authenticate ──▶ accepted, for a time
//!  (where the                                                ▲        │
//!   mechanism needs one)                                     └────────┘ more is to be said
//! ```
//!
//! Each request waits for the answer to the one before it: nothing secret is sent before the broker has
//! said that it takes the mechanism, and a broker that refuses and closes with bytes unread would take its
//! words back with them (a reset of the connection).

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use kafka_wire::ErrorCode;
use kafka_wire::messages::{SaslAuthenticateResponse, SaslHandshakeResponse};

use crate::engine::cluster::expected_response::ExpectedResponse;
use crate::readable::readable;
use crate::security::sasl::conversation::{Conversation, Opening};
use crate::security::sasl::nonces::Nonces;
use crate::security::sasl::scram::SaltedPasswords;
use crate::security::sasl::step::{Broken, Next};
use crate::security::{Sasl, Token};
use crate::settings::Settings;

/// What exchanges take that is not in the settings.
#[derive(Debug)]
pub(crate) struct Authenticator {
    nonces: Nonces,
    salted: SaltedPasswords,
}

impl Authenticator {
    /// `secret` is random, and known to nobody.
    pub(crate) fn new(secret: [u8; 32]) -> Self {
        Self {
            nonces: Nonces::new(secret),
            salted: SaltedPasswords::default(),
        }
    }
}

/// One exchange with one broker.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) occasion: Occasion,
    stage: Stage,
    /// Who we say we are.
    user: Option<Arc<str>>,
    /// When the connection is given up.
    deadline: Instant,
}

/// Whether the broker knew us before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Occasion {
    First,
    /// Its session comes to its end.
    Again,
}

#[derive(Debug)]
enum Stage {
    /// There is no token yet.
    Token,
    /// The broker is asked for the mechanism.
    Handshake(Option<Token>),
    /// The mechanism's messages go to and fro; the last was sent then.
    Authenticate(Conversation, Instant),
}

/// What follows from an answer.
#[derive(Debug)]
pub(crate) enum Step {
    /// This is to be said next.
    Say(Bytes),
    /// We are authenticated.
    Authenticated(SessionLifetime),
}

/// How long the session is that a broker has granted (`session_lifetime_ms`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SessionLifetime {
    Unlimited,
    Limited {
        /// Not later than the broker accepts us.
        begun: Instant,
        lifetime: Duration,
    },
}

impl Exchange {
    /// One that begins with asking for the mechanism, or with waiting for a token.
    pub(crate) fn begin(sasl: &Sasl, occasion: Occasion, deadline: Instant) -> Self {
        let stage = match sasl.takes_token() {
            true => Stage::Token,
            false => Stage::Handshake(None),
        };
        Self {
            occasion,
            stage,
            user: sasl.user(),
            deadline,
        }
    }

    pub(crate) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Gives the exchange more time.
    pub(crate) fn postpone(&mut self, by: Duration) {
        self.deadline += by;
    }

    /// Whether it waits for a token.
    pub(crate) fn waits_for_token(&self) -> bool {
        matches!(self.stage, Stage::Token)
    }

    /// The token has come; by `deadline` the rest is to be done.
    pub(crate) fn take_token(&mut self, token: Token, deadline: Instant) {
        self.user.clone_from(&token.principal);
        self.stage = Stage::Handshake(Some(token));
        self.deadline = deadline;
    }

    /// Who we say we are.
    pub(crate) fn user(&self) -> Option<Arc<str>> {
        self.user.clone()
    }

    /// The broker has said whether it takes the mechanism; what is to be said first.
    ///
    /// # Errors
    /// Why we are not authenticated, for messages.
    pub(crate) fn chosen(
        &mut self,
        answer: &SaslHandshakeResponse,
        sasl: &Sasl,
        own: &mut Authenticator,
        now: Instant,
    ) -> Result<Bytes, String> {
        let Stage::Handshake(token) = &self.stage else {
            return Err(UNEXPECTED.to_owned());
        };
        match answer.error_code {
            ErrorCode::NONE => {}
            ErrorCode::UNSUPPORTED_SASL_MECHANISM => return Err(not_enabled(&answer.mechanisms)),
            code => return Err(refused(code, None, sasl)),
        }
        let opening = Opening {
            sasl,
            token: token.as_ref(),
            nonce: &own.nonces.next(),
        };
        let (conversation, first) =
            Conversation::begin(opening).map_err(|why| cannot_go_on(&why, sasl))?;
        self.stage = Stage::Authenticate(conversation, now);
        Ok(first)
    }

    /// The broker has answered what was said last.
    ///
    /// # Errors
    /// Why we are not authenticated, for messages.
    pub(crate) fn answered(
        &mut self,
        answer: &SaslAuthenticateResponse,
        sasl: &Sasl,
        own: &mut Authenticator,
        now: Instant,
    ) -> Result<Step, String> {
        let Stage::Authenticate(conversation, sent) = &mut self.stage else {
            return Err(UNEXPECTED.to_owned());
        };
        if let Err(code) = answer.error_code.ok() {
            if code == ErrorCode::SASL_AUTHENTICATION_FAILED {
                conversation.refused();
            }
            let message = words(answer.error_message.as_deref(), conversation.complaint());
            return Err(refused(code, message.as_deref(), sasl));
        }
        let next = conversation
            .answer(&answer.auth_bytes, &mut own.salted)
            .map_err(|why| cannot_go_on(&why, sasl))?;
        Ok(match next {
            Next::Say(more) => {
                *sent = now;
                Step::Say(more)
            }
            Next::Done => Step::Authenticated(match u64::try_from(answer.session_lifetime_ms) {
                Ok(ms @ 1..) => SessionLifetime::Limited {
                    begun: *sent,
                    lifetime: Duration::from_millis(ms.min(LIFETIME_MAX_MS)),
                },
                _ => SessionLifetime::Unlimited,
            }),
        })
    }
}

/// What may be wrong if a broker closes the connection instead of an answer, as old ones do.
pub(crate) fn closed_instead(sasl: &Sasl, why: &str) -> String {
    format!(
        "{why}; it was being shown our credentials ({}), and a broker may close the connection instead of \
         refusing: {}",
        sasl.mechanism(),
        remedy(sasl)
    )
}

/// Why there is no token, and what to look at.
pub(crate) fn no_token(why: &str, sasl: &Sasl) -> String {
    format!("there is no token: {why}; {}", remedy(sasl))
}

/// The broker does not know the requests.
pub(crate) fn not_spoken() -> String {
    "the broker does not speak SaslHandshake 1 and SaslAuthenticate: it takes Kafka 1.0 or newer"
        .to_owned()
}

/// The mechanisms of a broker, as people can read them.
pub(crate) fn listed(mechanisms: &[String]) -> String {
    readable(mechanisms.join(", "))
}

/// A client without SASL has asked a port with it.
pub(crate) fn demanded(mechanisms: &str, settings: &Settings) -> String {
    let (ours, right) = match settings.security.tls {
        None => ("PLAINTEXT", "SASL_PLAINTEXT"),
        Some(_) => ("SSL", "SASL_SSL"),
    };
    format!(
        "the broker closes the connection instead of answering, because its port asks for SASL \
         ({mechanisms}): security.protocol is {ours}; set it to {right}, and sasl.mechanism, or \
         bootstrap.servers to a port without SASL"
    )
}

/// What it may mean that a broker has closed a connection of a client without SASL, instead of an answer to
/// its first `request`.
pub(crate) fn perhaps_demanded(request: &ExpectedResponse, why: &str) -> String {
    match request {
        ExpectedResponse::ApiVersions(_) if why.contains("closed") || why.contains("reset") => {
            format!(
                "{why}, before it has said anything: perhaps it is no Kafka broker, or its port asks for TLS"
            )
        }
        // What was wrong with an answer says so itself.
        ExpectedResponse::ApiVersions(_) => why.to_owned(),
        _ => format!(
            "{why}, before the first answer: if this port asks for SASL, set security.protocol and \
             sasl.mechanism"
        ),
    }
}

fn not_enabled(theirs: &[String]) -> String {
    let theirs = listed(theirs);
    format!("the mechanism is not enabled there; set sasl.mechanism to one that is: {theirs}")
}

/// What the broker says, before and with its refusal.
fn words(message: Option<&str>, complaint: Option<&str>) -> Option<String> {
    let message = message.filter(|message| !message.is_empty());
    let words: Vec<&str> = message.into_iter().chain(complaint).collect();
    (!words.is_empty()).then(|| readable(words.join("; ")))
}

fn refused(code: ErrorCode, message: Option<&str>, sasl: &Sasl) -> String {
    let message = message.unwrap_or_else(|| code.message());
    let remedy = match code {
        ErrorCode::ILLEGAL_SASL_STATE => {
            "this port does not ask for SASL: set security.protocol to PLAINTEXT or SSL, or \
             bootstrap.servers to a port that does"
        }
        _ => remedy(sasl),
    };
    format!("{message} ({code:?}); {remedy}")
}

fn cannot_go_on(why: &Broken, sasl: &Sasl) -> String {
    format!("{why}; {}", remedy(sasl))
}

fn remedy(sasl: &Sasl) -> &'static str {
    match sasl {
        Sasl::Plain(_) | Sasl::Scram { .. } => {
            "check the username and the password in sasl.jaas.config, and sasl.mechanism"
        }
        Sasl::OAuthBearer(_) => {
            "check where the token comes from (sasl.jaas.config, sasl.oauthbearer.*)"
        }
        Sasl::AwsMskIam(_) => "check the AWS credentials, and what their policy allows",
    }
}

const UNEXPECTED: &str = "the broker has answered what it was not asked";

/// A longer session never ends.
const LIFETIME_MAX_MS: u64 = 10 * 365 * 24 * 3600 * 1000;
