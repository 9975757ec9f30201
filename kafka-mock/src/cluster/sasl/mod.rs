//! What a connection of a listener that requires SASL may be used for.
//!
//! ```text
//! Fresh ─ApiVersions─▶ Versions ─┐
//!   └──────SaslHandshake─────────┴▶ Exchange ─SaslAuthenticate …─▶ Authenticated
//!                                     ▲  │ refused: Failed              │
//!                                     └──┼──────── SaslHandshake ───────┘
//!                                        ▼      (there is an end of the session, KIP-368)
//!                              OtherMechanism: with another than before
//! ```
//!
//! As Kafka's `SaslServerAuthenticator` does it: any other request closes the connection. A client that is
//! refused gets the answer a little later, and then the connection is closed. Nothing here sends, waits or
//! reads a clock.

mod bearer;
mod config;
mod plain;
mod scram;
mod step;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use kafka_wire::ApiKey;

pub use self::config::{AcceptedTokens, SaslConfig, SaslMechanism};
use self::{
    bearer::Bearer,
    scram::{Credential, First, Hash, Proving},
    step::{Refusal, Step},
};
use super::{ids::Link, now::Now, random::Random};

/// What all listeners of the cluster know of users, and of the connections to them.
#[derive(Clone)]
pub(super) struct Sasl {
    config: SaslConfig,
    /// Made of the passwords when they are first needed.
    credentials: BTreeMap<(Hash, String), (String, Credential)>,
    /// Connections of which nothing has come yet are not here.
    sessions: BTreeMap<Link, Session>,
}

impl std::fmt::Debug for Sasl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Sasl").field(&self.config).finish()
    }
}

/// How far a connection has come.
#[derive(Clone)]
enum Session {
    /// ApiVersions was answered.
    Versions,
    Exchange(Box<Exchange>),
    Authenticated(Authenticated),
    /// It wants to authenticate anew, by another mechanism than before.
    OtherMechanism,
    Failed,
}

/// The messages of a mechanism are awaited.
#[derive(Clone)]
struct Exchange {
    framing: Framing,
    mechanism: SaslMechanism,
    stage: Stage,
    /// What a client that authenticates anew was before, and since when it does.
    anew: Option<(Authenticated, Instant)>,
}

/// How the messages of a mechanism come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Framing {
    /// Behind a length, after SaslHandshake version 0.
    Raw,
    /// In SaslAuthenticate.
    Requests,
}

/// What the next message of a client is.
#[derive(Clone)]
enum Stage {
    Plain,
    ScramFirst(Hash),
    ScramProof(Box<Proving>),
    Bearer(Bearer),
}

/// A client that has authenticated.
#[derive(Clone)]
struct Authenticated {
    mechanism: SaslMechanism,
    principal: String,
    ends: Option<Instant>,
    /// When it last began to authenticate anew.
    renewed: Option<Instant>,
}

/// What becomes of a mechanism that a client has chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    Enabled,
    NotEnabled,
    /// The client is authenticated already, and cannot do it again.
    OutOfPlace,
}

/// What becomes of a message of a mechanism.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Continue(Vec<u8>),
    /// With the time after which the client must authenticate anew; zero for never.
    Done(Vec<u8>, Duration),
    /// With Kafka's words.
    Refused(String),
    /// No exchange is going on.
    OutOfPlace,
}

impl Sasl {
    pub(super) fn new(config: SaslConfig) -> Self {
        Self {
            config,
            credentials: BTreeMap::new(),
            sessions: BTreeMap::new(),
        }
    }

    pub(super) fn config(&self) -> &SaslConfig {
        &self.config
    }

    /// Goes by this from now on; clients that are authenticated stay so.
    pub(super) fn set_config(&mut self, config: SaslConfig) {
        self.config = config;
    }

    pub(super) fn forget(&mut self, link: Link) {
        self.sessions.remove(&link);
    }

    /// Whether this may be asked now; if not, the connection is closed.
    pub(super) fn admits(&self, now: Instant, link: Link, api: ApiKey) -> bool {
        match (self.sessions.get(&link), api) {
            (None, ApiKey::API_VERSIONS | ApiKey::SASL_HANDSHAKE) => true,
            (Some(Session::Versions), ApiKey::SASL_HANDSHAKE) => true,
            (Some(Session::Exchange(_)), ApiKey::SASL_AUTHENTICATE) => true,
            (Some(Session::Authenticated(client)), ApiKey::SASL_HANDSHAKE)
                if client.may_renew(now) =>
            {
                true
            }
            (Some(Session::Authenticated(client)), _) => client.ends.is_none_or(|end| end >= now),
            _ => false,
        }
    }

    /// Whether a client is one of the users, also while it shows that again.
    pub(super) fn is_authenticated(&self, link: Link) -> bool {
        match self.sessions.get(&link) {
            Some(Session::Authenticated(_)) => true,
            Some(Session::Exchange(exchange)) => exchange.anew.is_some(),
            _ => false,
        }
    }

    /// Whom a client has authenticated as, also while it shows that again.
    pub(super) fn user(&self, link: Link) -> Option<&str> {
        match self.sessions.get(&link)? {
            Session::Authenticated(client) => Some(&client.principal),
            Session::Exchange(exchange) => {
                let (client, _) = exchange.anew.as_ref()?;
                Some(&client.principal)
            }
            _ => None,
        }
    }

    /// Whether what comes next has no header.
    pub(super) fn expects_raw(&self, link: Link) -> bool {
        let session = self.sessions.get(&link);
        matches!(session, Some(Session::Exchange(it)) if it.framing == Framing::Raw)
    }

    /// ApiVersions was answered.
    pub(super) fn versions_told(&mut self, link: Link) {
        self.sessions.entry(link).or_insert(Session::Versions);
    }

    /// A client has chosen a mechanism, in this version of SaslHandshake.
    pub(super) fn choose(
        &mut self,
        now: Instant,
        link: Link,
        version: i16,
        mechanism: &str,
    ) -> Choice {
        let anew = match self.sessions.get(&link) {
            Some(Session::Authenticated(client)) if client.may_renew(now) => {
                Some((client.clone(), now))
            }
            Some(Session::Authenticated(_)) => return Choice::OutOfPlace,
            _ => None,
        };
        let mut enabled = self.config.mechanisms.iter().copied();
        let Some(mechanism) = enabled.find(|enabled| enabled.name() == mechanism) else {
            self.sessions.insert(link, Session::Failed);
            return Choice::NotEnabled;
        };
        let other = anew
            .as_ref()
            .is_some_and(|(client, _)| client.mechanism != mechanism);
        let session = match other {
            true => Session::OtherMechanism,
            false => Session::Exchange(Box::new(Exchange {
                framing: if version == 0 {
                    Framing::Raw
                } else {
                    Framing::Requests
                },
                mechanism,
                stage: Stage::first(mechanism),
                anew,
            })),
        };
        self.sessions.insert(link, session);
        Choice::Enabled
    }

    /// A message of the mechanism has come.
    pub(super) fn step(
        &mut self,
        now: Now,
        link: Link,
        message: &[u8],
        random: &mut Random,
    ) -> Verdict {
        let session = self.sessions.remove(&link);
        let Some(Session::Exchange(mut exchange)) = session else {
            self.sessions.extend(session.map(|session| (link, session)));
            return Verdict::OutOfPlace;
        };
        let (session, verdict) = match self.stepped(&mut exchange.stage, now, message, random) {
            Step::Continue(answer) => (Session::Exchange(exchange), Verdict::Continue(answer)),
            Step::Refused(refusal) => (Session::Failed, Verdict::Refused(exchange.words(refusal))),
            Step::Done {
                answer,
                principal,
                expires_ms,
            } => match exchange.other_principal(&principal) {
                Some(words) => (Session::Failed, Verdict::Refused(words)),
                None => {
                    let lifetime = self.lifetime(now, expires_ms);
                    let ends = lifetime.and_then(|it| now.instant.checked_add(it));
                    let client = exchange.authenticated(principal, ends);
                    let lifetime = lifetime.unwrap_or_default();
                    (
                        Session::Authenticated(client),
                        Verdict::Done(answer, lifetime),
                    )
                }
            },
        };
        self.sessions.insert(link, session);
        verdict
    }

    fn stepped(
        &mut self,
        stage: &mut Stage,
        now: Now,
        message: &[u8],
        random: &mut Random,
    ) -> Step {
        match stage {
            Stage::Plain => plain::step(message, &self.config.users),
            Stage::Bearer(bearer) => bearer.step(message, &self.config.tokens, now.wall_ms),
            Stage::ScramProof(proving) => proving.step(message),
            &mut Stage::ScramFirst(hash) => {
                let Some(first) = First::read(message) else {
                    return Step::INVALID;
                };
                let Some(credential) = self.credential(hash, &first.user, random) else {
                    return Step::INVALID;
                };
                let (step, proving) = first.answered(credential, &random.uuid().to_string());
                if let Some(proving) = proving {
                    *stage = Stage::ScramProof(Box::new(proving));
                }
                step
            }
        }
    }

    /// What is kept of a user's password; none if there is no such user.
    fn credential(&mut self, hash: Hash, user: &str, random: &mut Random) -> Option<Credential> {
        let password = self.config.users.get(user)?;
        let key = (hash, user.to_owned());
        if let Some((of, credential)) = self.credentials.get(&key)
            && of == password
        {
            return Some(credential.clone());
        }
        let salt = random.uuid().0.to_vec();
        let credential = Credential::new(hash, password, salt, self.config.scram_iterations);
        let kept = (password.clone(), credential.clone());
        self.credentials.insert(key, kept);
        Some(credential)
    }

    /// How long a session lasts: to the end of the token, and never beyond what is allowed.
    fn lifetime(&self, now: Now, expires_ms: Option<i64>) -> Option<Duration> {
        let most = Some(self.config.max_reauth).filter(|most| !most.is_zero());
        let left = expires_ms.map(|at| u64::try_from(at.saturating_sub(now.wall_ms)).unwrap_or(0));
        let left = left.map(Duration::from_millis);
        most.into_iter().chain(left).min()
    }
}

impl Stage {
    fn first(mechanism: SaslMechanism) -> Self {
        match mechanism {
            SaslMechanism::Plain => Self::Plain,
            SaslMechanism::ScramSha256 => Self::ScramFirst(Hash::Sha256),
            SaslMechanism::ScramSha512 => Self::ScramFirst(Hash::Sha512),
            SaslMechanism::OAuthBearer => Self::Bearer(Bearer::default()),
        }
    }
}

impl Exchange {
    /// What a client is told that was refused.
    fn words(&self, refusal: Refusal) -> String {
        let what = match self.anew {
            Some(_) => "re-authentication",
            None => "authentication",
        };
        match refusal {
            Refusal::Words(words) => words,
            Refusal::InvalidCredentials => format!(
                "Authentication failed during {what} due to invalid credentials with SASL \
                 mechanism {}",
                self.mechanism.name()
            ),
        }
    }

    /// What a client is told whose principal is not that of before.
    fn other_principal(&self, principal: &str) -> Option<String> {
        let (before, _) = self.anew.as_ref()?;
        (before.principal != principal).then(|| {
            format!(
                "Cannot change principals during re-authentication from User.{}: User.{principal}",
                before.principal
            )
        })
    }

    fn authenticated(&self, principal: String, ends: Option<Instant>) -> Authenticated {
        Authenticated {
            mechanism: self.mechanism,
            principal,
            ends,
            renewed: self.anew.as_ref().map(|(_, since)| *since),
        }
    }
}

impl Authenticated {
    /// Whether the client may authenticate anew: if its session ends, and once in a second.
    fn may_renew(&self, now: Instant) -> bool {
        let recently = |at: Instant| now < at + RENEWAL_INTERVAL_MIN;
        self.ends.is_some() && !self.renewed.is_some_and(recently)
    }
}

/// Kafka's `MIN_REAUTH_INTERVAL_ONE_SECOND_NANOS`.
const RENEWAL_INTERVAL_MIN: Duration = Duration::from_secs(1);
