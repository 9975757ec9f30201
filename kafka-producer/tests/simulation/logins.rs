//! Clusters that ask who their clients are, and passwords that change for a while.
//!
//! Which plans have such a cluster depends on the number of the seed, and what it is like is drawn apart:
//! the stories of the other seeds stay as they are.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use kafka_mock::cluster::{AcceptedTokens, SaslConfig, SaslMechanism};
use kafka_producer::engine::{Input, NodeId};
use kafka_producer::security::{
    Credentials, Sasl, ScramHash, Secret, Token, TokenError, TokenProvider,
};

use crate::faults::{FaultKind, Relief, Spared};
use crate::plan::Plan;
use crate::world::{Event, Weather, World};

/// Every fifth seed has logins.
const EACH: u64 = 5;
const REMAINDER: u64 = 1;

const USER: &str = "alice";
const PASSWORD: &str = "tea-2026";
const TOKEN: &str = "abc.def";

/// The world answers in its place.
#[derive(Debug)]
struct Provider;

#[async_trait]
impl TokenProvider for Provider {
    async fn token(&self, _host: &str) -> Result<Token, TokenError> {
        Err(TokenError::new("nobody waits in a simulation"))
    }
}

impl Plan {
    /// Lets the cluster ask for logins, if it is the turn of this seed.
    pub(crate) fn demand_logins(&mut self) {
        if self.seed % EACH != REMAINDER {
            return;
        }
        let random = &mut fastrand::Rng::with_seed(self.seed ^ 0x5a51);
        let login = Credentials {
            username: USER.to_owned(),
            password: Secret::new(PASSWORD),
        };
        let scram = |hash| Sasl::Scram {
            hash,
            login: login.clone(),
            token: false,
        };
        self.settings.security.sasl = Some(match random.u32(..8) {
            0..4 => Sasl::Plain(login.clone()),
            4 => scram(ScramHash::Sha256),
            5 => scram(ScramHash::Sha512),
            _ => Sasl::OAuthBearer(Arc::new(Provider)),
        });
        let mut sasl = SaslConfig::new(SaslMechanism::ALL).with_user(USER, PASSWORD);
        sasl.tokens = AcceptedTokens::Listed([(TOKEN.to_owned(), USER.to_owned())].into());
        sasl.failure_delay = Duration::from_millis(random.u64(0..80));
        if random.bool() {
            sasl.max_reauth = Duration::from_millis(random.u64(1_100..3_000));
        }
        self.cluster.sasl = Some(sasl);
        for (_, kind) in &mut self.faults {
            if random.u32(..6) == 0 {
                *kind = FaultKind::ChangePassword;
            }
        }
    }
}

impl World {
    /// For a while no client is authenticated that was not before; mostly a broker's connections end with that.
    pub(crate) fn change_password(&mut self) -> Result<(), Spared> {
        let Some(sasl) = self.plan.cluster.sasl.clone() else {
            return Err(Spared::NobodyLogsIn);
        };
        let mut changed = sasl.with_user(USER, "coffee-2026");
        changed.tokens = AcceptedTokens::Listed([].into());
        self.cluster.set_sasl(changed);
        self.ground
            .trace
            .tell("cluster", || "lets nobody in".to_owned());
        if self.random.u32(..3) > 0 {
            let broker = self.any_broker();
            for link in self.links_of(broker) {
                self.cut(link);
            }
        }
        let time = Duration::from_millis(self.random.u64(10..1_500));
        let again = self.now() + time;
        self.agenda.push(again, Event::Relief(Relief::Password));
        Ok(())
    }

    pub(crate) fn restore_password(&mut self) {
        if let Some(sasl) = self.plan.cluster.sasl.clone() {
            self.cluster.set_sasl(sasl);
        }
    }

    /// A provider gives a token, soon, or says that there is none.
    pub(crate) fn fetch_token(&mut self, client: usize, node: NodeId) {
        let Some(&link) = self.clients[client].links.get(&node) else {
            return;
        };
        let well = self.ground.weather.get() != Weather::Storm;
        let told = match !well && self.random.u32(..10) == 0 {
            true => Err(TokenError::new("the endpoint is down")),
            false => Ok(Token::new(TOKEN)),
        };
        self.deliver(client, link, Input::Token(node, told));
    }
}
