//! Keeps a token for most of its lifetime, so that connections do not ask for one each.
//!
//! When it is fetched anew is what Kafka's `ExpiringCredentialRefreshingLogin` would do, but only when a
//! connection wants one: nothing runs in between. While a token is fetched, others wait for it.

use std::fmt;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::sync::Mutex;

use super::{Token, TokenError, TokenProvider};

/// Where tokens come from.
#[async_trait]
pub(crate) trait TokenSource: fmt::Debug + Send + Sync {
    /// A new one.
    async fn fetch(&self) -> Result<Fetched, TokenError>;
}

/// A new token.
#[derive(Debug)]
pub(crate) struct Fetched {
    pub(crate) token: Token,
    /// How long it is valid; `None`: nobody knows, and it is not kept.
    pub(crate) lifetime: Option<Duration>,
}

/// `sasl.login.refresh.*`: when a token is fetched anew.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refresh {
    /// The part of its lifetime after which it is.
    pub(crate) window_factor: f64,
    /// The part of its lifetime by which that is later at most.
    pub(crate) window_jitter: f64,
    /// How long before its end at the latest.
    pub(crate) buffer: Duration,
    /// How old it is at least.
    pub(crate) min_period: Duration,
}

impl Refresh {
    /// How long a token is kept; `chance` is from 0 to 1.
    fn kept_for(&self, lifetime: Duration, chance: f64) -> Duration {
        let part = self.window_factor + self.window_jitter * chance;
        let proposed = lifetime.mul_f64(part.clamp(0.0, 1.0));
        if self.min_period + self.buffer > lifetime {
            // Both cannot be kept: neither is.
            return proposed;
        }
        proposed.min(lifetime - self.buffer).max(self.min_period)
    }
}

/// A source whose tokens are kept.
#[derive(Debug)]
pub(crate) struct CachedTokens<S> {
    source: S,
    refresh: Refresh,
    kept: Mutex<Option<Kept>>,
}

struct Kept {
    token: Token,
    fresh_until: Instant,
    valid_until: Instant,
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").finish_non_exhaustive()
    }
}

impl<S: TokenSource> CachedTokens<S> {
    pub(crate) fn new(source: S, refresh: Refresh) -> Self {
        Self {
            source,
            refresh,
            kept: Mutex::new(None),
        }
    }

    fn keep(&self, token: &Token, lifetime: Duration) -> Option<Kept> {
        let lifetime = lifetime.min(LIFETIME_MAX);
        let now = Instant::now();
        Some(Kept {
            token: token.clone(),
            fresh_until: now.checked_add(self.refresh.kept_for(lifetime, fastrand::f64()))?,
            valid_until: now.checked_add(lifetime)?,
        })
    }
}

#[async_trait]
impl<S: TokenSource> TokenProvider for CachedTokens<S> {
    async fn token(&self, _host: &str) -> Result<Token, TokenError> {
        let mut kept = self.kept.lock().await;
        if let Some(kept) = kept
            .as_ref()
            .filter(|kept| Instant::now() < kept.fresh_until)
        {
            return Ok(kept.token.clone());
        }
        match self.source.fetch().await {
            Ok(Fetched { token, lifetime }) => {
                *kept = lifetime.and_then(|lifetime| self.keep(&token, lifetime));
                Ok(token)
            }
            Err(error) => {
                let valid = kept
                    .as_ref()
                    .filter(|kept| Instant::now() < kept.valid_until);
                let Some(kept) = valid else {
                    return Err(error);
                };
                tracing::warn!("a token that ends soon is used again: {error}");
                Ok(kept.token.clone())
            }
        }
    }
}

/// Ten years, which can be added to any time, and are long enough.
const LIFETIME_MAX: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    /// Each time, though the token is valid.
    const EARLY: Refresh = Refresh {
        window_factor: 0.0,
        window_jitter: 0.0,
        buffer: Duration::ZERO,
        min_period: Duration::ZERO,
    };

    fn refresh(factor: f64, buffer_s: u64, min_s: u64) -> Refresh {
        Refresh {
            window_factor: factor,
            window_jitter: 0.05,
            buffer: Duration::from_secs(buffer_s),
            min_period: Duration::from_secs(min_s),
        }
    }

    #[test]
    fn a_token_is_kept_as_long_as_java_keeps_it() {
        let defaults = refresh(0.8, 300, 60);
        for (lifetime_s, chance, expected_s) in [
            (3600, 0.0, 2880),
            (3600, 1.0, 3060),
            (1000, 1.0, 700), // the buffer before its end
            (361, 0.0, 61),
            (300, 0.0, 240), // buffer and period are longer than it lives
            (0, 1.0, 0),
        ] {
            let kept = defaults.kept_for(Duration::from_secs(lifetime_s), chance);
            assert_eq!(kept.as_secs(), expected_s, "{lifetime_s} s");
        }
        assert_eq!(
            refresh(0.5, 0, 40)
                .kept_for(Duration::from_secs(50), 0.0)
                .as_secs(),
            40
        );
    }

    /// Gives `t1`, `t2` and so on, and from then on errors.
    #[derive(Debug)]
    struct Numbered {
        fetched: AtomicUsize,
        lifetime: Option<Duration>,
        good: usize,
    }

    #[async_trait]
    impl TokenSource for Numbered {
        async fn fetch(&self) -> Result<Fetched, TokenError> {
            let number = self.fetched.fetch_add(1, Ordering::Relaxed) + 1;
            if number > self.good {
                return Err(TokenError::new("the token endpoint is down"));
            }
            Ok(Fetched {
                token: Token::new(format!("t{number}")),
                lifetime: self.lifetime,
            })
        }
    }

    fn two_tokens(lifetime: Option<Duration>, refresh: Refresh, good: usize) -> [String; 2] {
        let source = Numbered {
            fetched: AtomicUsize::new(0),
            lifetime,
            good,
        };
        let cached = CachedTokens::new(source, refresh);
        assert!(!format!("{cached:?}").contains("t1"));
        [(); 2].map(|()| match pollster::block_on(cached.token("broker")) {
            Ok(token) => token.value.expose().to_owned(),
            Err(error) => error.to_string(),
        })
    }

    #[test]
    fn a_token_is_used_again_until_it_is_to_be_refreshed() {
        assert_eq!(
            two_tokens(Some(HOUR), refresh(0.8, 300, 60), 2),
            ["t1", "t1"]
        );
        assert_eq!(two_tokens(Some(HOUR), EARLY, 2), ["t1", "t2"]);
        assert_eq!(two_tokens(None, refresh(0.8, 300, 60), 2), ["t1", "t2"]);
        assert_eq!(
            two_tokens(Some(Duration::MAX), refresh(0.8, 300, 60), 2),
            ["t1", "t1"]
        );
    }

    #[test]
    fn a_token_that_is_still_valid_is_better_than_none() {
        assert_eq!(two_tokens(Some(HOUR), EARLY, 1), ["t1", "t1"]);
        let down = "the token endpoint is down";
        assert_eq!(two_tokens(Some(Duration::ZERO), EARLY, 1), ["t1", down]);
        assert_eq!(two_tokens(None, EARLY, 0), [down, down]);
    }
}
