//! Keeps a token for most of its lifetime, so that connections do not ask for one each.
//!
//! When it is fetched anew is what Kafka's `ExpiringCredentialRefreshingLogin` would do, but only when a
//! connection wants one: nothing runs in between. While a token is fetched, others get the one that is still
//! valid, or wait for what comes of it. A source that does not answer has failed after a while, too.
//!
//! ```text
//!            ┌──────── a pause that doubles ◀─────────┐
//!            ▼                                        │
//! ask ──▶ fetch ──▶ token, kept until it is refreshed, or a broker refuses it
//!            └────▶ failure ── told, and told again to all who ask during the pause
//! ```

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;

use super::retry::RetryBackoff;
use super::{Token, TokenError, TokenProvider};

/// What is kept: a token, or what tokens are made of.
pub(crate) trait Credential: Clone + Send + Sync {
    /// Whether a broker has refused it.
    fn is_refused(&self) -> bool;
}

impl Credential for Token {
    fn is_refused(&self) -> bool {
        self.is_refused()
    }
}

/// Where tokens come from.
#[async_trait]
pub(crate) trait TokenSource: fmt::Debug + Send + Sync {
    type Token: Credential;

    /// A new one, asked for once.
    async fn fetch(&self) -> Result<Fetched<Self::Token>, FetchError>;
}

/// A new token.
#[derive(Debug)]
pub(crate) struct Fetched<T = Token> {
    pub(crate) token: T,
    /// How long it is valid; `None`: nobody knows, and it is not kept.
    pub(crate) lifetime: Option<Duration>,
}

/// Why there is no new token.
#[derive(Debug)]
pub(crate) enum FetchError {
    /// Asking again may help.
    Passing(TokenError),
    Lasting(TokenError),
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
pub(crate) struct CachedTokens<S: TokenSource> {
    source: S,
    refresh: Refresh,
    retry: RetryBackoff,
    /// How long whoever asks is let wait for the source.
    patience: Duration,
    /// Held while a token is fetched.
    fetching: tokio::sync::Mutex<()>,
    known: Mutex<Known<S::Token>>,
}

/// What has come of fetching so far.
#[derive(Debug)]
struct Known<T = Token> {
    kept: Option<Kept<T>>,
    /// Since the last token, if that was not refused.
    failures: u32,
    failed: Option<Failed>,
    /// Before that the source is left alone.
    pause_ends: Option<Instant>,
}

struct Kept<T = Token> {
    token: T,
    fresh_until: Instant,
    valid_until: Instant,
}

#[derive(Debug)]
struct Failed {
    error: TokenError,
    at: Instant,
}

/// What a call is answered with.
#[derive(Debug)]
enum Answer<T = Token> {
    Known(Result<T, TokenError>),
    Fetch,
}

impl<T> fmt::Debug for Kept<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").finish_non_exhaustive()
    }
}

impl<S: TokenSource> CachedTokens<S> {
    /// `login_timeout`: after that a call is dropped (`socket.connection.setup.timeout.ms`).
    pub(crate) fn new(
        source: S,
        refresh: Refresh,
        retry: RetryBackoff,
        login_timeout: Duration,
    ) -> Self {
        Self {
            source,
            refresh,
            retry,
            patience: login_timeout.mul_f64(FETCHING_PART),
            fetching: tokio::sync::Mutex::default(),
            known: Mutex::new(Known::default()),
        }
    }

    /// What is known: for a moment only, never while something is waited for.
    fn known(&self) -> MutexGuard<'_, Known<S::Token>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, token: &S::Token, lifetime: Duration) -> Option<Kept<S::Token>> {
        let lifetime = lifetime.min(LIFETIME_MAX);
        let now = Instant::now();
        Some(Kept {
            token: token.clone(),
            fresh_until: now.checked_add(self.refresh.kept_for(lifetime, fastrand::f64()))?,
            valid_until: now.checked_add(lifetime)?,
        })
    }

    /// The one that is kept, or a new one.
    pub(crate) async fn current(&self) -> Result<S::Token, TokenError> {
        let asked = Instant::now();
        let _turn = match self.turn().await {
            Ok(turn) => turn,
            Err(token) => return Ok(token),
        };
        let answer = self.known().answer(asked, Instant::now());
        match answer {
            Answer::Known(answer) => answer,
            Answer::Fetch => self.fetch().await,
        }
    }

    /// Fetches a token; again after short pauses, while that may help, so that a moment without an answer is
    /// bridged, and a longer one told.
    async fn fetch(&self) -> Result<S::Token, TokenError> {
        let begun = Instant::now();
        loop {
            let left = self.patience.saturating_sub(begun.elapsed());
            let failure = match self.ask_source(left).await {
                Ok(Fetched { token, lifetime }) => {
                    let kept = lifetime.and_then(|lifetime| self.keep(&token, lifetime));
                    self.known().fetched(kept, self.retry, Instant::now());
                    return Ok(token);
                }
                Err(failure) => failure,
            };
            let now = Instant::now();
            let (error, may_pass) = match failure {
                FetchError::Passing(error) => (error, true),
                FetchError::Lasting(error) => (error, false),
            };
            let pause = self.known().failed(error.clone(), self.retry, now);
            let taken = now.saturating_duration_since(begun);
            if !may_pass || is_told(taken, pause, self.patience) {
                return self.tell_failure(error, now);
            }
            #[cfg(feature = "tracing")]
            tracing::debug!("a token is asked for again in {pause:?}: {error}");
            tokio::time::sleep(pause).await;
        }
    }

    /// Asks the source once, which has so much time.
    async fn ask_source(&self, left: Duration) -> Result<Fetched<S::Token>, FetchError> {
        let fetched = tokio::time::timeout(left, self.source.fetch()).await;
        fetched.unwrap_or_else(|_| {
            let why = format!("there is no answer after {:.1?}", self.patience);
            Err(FetchError::Passing(TokenError::new(why)))
        })
    }

    fn tell_failure(&self, error: TokenError, now: Instant) -> Result<S::Token, TokenError> {
        let known = self.known();
        if known.valid(now).is_some() {
            #[cfg(feature = "tracing")]
            tracing::warn!("a token that ends soon is used again: {error}");
        }
        known.instead_of(error, now)
    }

    /// A token that is still valid, if another call is fetching the next; otherwise this one's turn.
    async fn turn(&self) -> Result<tokio::sync::MutexGuard<'_, ()>, S::Token> {
        if let Ok(turn) = self.fetching.try_lock() {
            return Ok(turn);
        }
        let valid = self.known().valid(Instant::now()).cloned();
        match valid {
            Some(token) => Err(token),
            None => Ok(self.fetching.lock().await),
        }
    }
}

#[async_trait]
impl<S: TokenSource<Token = Token>> TokenProvider for CachedTokens<S> {
    async fn token(&self, _host: &str) -> Result<Token, TokenError> {
        self.current().await
    }
}

impl<T> Default for Known<T> {
    fn default() -> Self {
        Self {
            kept: None,
            failures: 0,
            failed: None,
            pause_ends: None,
        }
    }
}

impl<T: Credential> Known<T> {
    /// The answer to a call of that time: another call may have fetched it since.
    fn answer(&self, asked: Instant, now: Instant) -> Answer<T> {
        let usable =
            |until: fn(&Kept<T>) -> Instant| self.kept.as_ref().filter(|it| now < until(it));
        let fresh = usable(|kept| kept.fresh_until).filter(|kept| !kept.token.is_refused());
        if let Some(kept) = fresh {
            return Answer::Known(Ok(kept.token.clone()));
        }
        let pauses = self.pause_ends.is_some_and(|end| now < end);
        match (&self.failed, usable(|kept| kept.valid_until)) {
            (Some(failed), _) if pauses || failed.at >= asked => {
                Answer::Known(self.instead_of(failed.error.clone(), now))
            }
            // One that was fetched for another was refused as well: the broker's words say more.
            (None, Some(kept)) if pauses => Answer::Known(Ok(kept.token.clone())),
            _ => Answer::Fetch,
        }
    }

    /// A token that is still valid is better than an error.
    fn instead_of(&self, error: TokenError, now: Instant) -> Result<T, TokenError> {
        self.valid(now).cloned().ok_or(error)
    }

    /// A token that a broker may accept.
    fn valid(&self, now: Instant) -> Option<&T> {
        let kept = self.kept.as_ref();
        let valid = kept.filter(|kept| now < kept.valid_until && !kept.token.is_refused());
        valid.map(|kept| &kept.token)
    }

    /// One that was fetched because another was refused may be refused as well.
    fn fetched(&mut self, kept: Option<Kept<T>>, retry: RetryBackoff, now: Instant) {
        self.failed = None;
        let before = std::mem::replace(&mut self.kept, kept);
        if before.is_some_and(|before| before.token.is_refused()) {
            self.pause(retry, now);
        } else {
            self.failures = 0;
            self.pause_ends = None;
        }
    }

    /// How long the source is left alone now.
    fn failed(&mut self, error: TokenError, retry: RetryBackoff, now: Instant) -> Duration {
        self.failed = Some(Failed { error, at: now });
        self.pause(retry, now)
    }

    fn pause(&mut self, retry: RetryBackoff, now: Instant) -> Duration {
        self.failures = self.failures.saturating_add(1);
        let pause = retry.pause(self.failures);
        self.pause_ends = now.checked_add(pause);
        pause
    }
}

/// Whether a failure is told after so much time, and not asked again after that pause before.
fn is_told(taken: Duration, pause: Duration, patience: Duration) -> bool {
    taken + pause >= TOLD_AFTER.min(patience)
}

/// The part of the time that a login has in which the source must have answered: less than the shortest that the
/// jitter of `socket.connection.setup.timeout.ms` leaves, so that the call is still there to note that it has not.
const FETCHING_PART: f64 = 0.75;

/// A failure is told after that at the latest, if it is known by then.
const TOLD_AFTER: Duration = Duration::from_millis(750);

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

    const LOGIN_TIMEOUT: Duration = Duration::from_secs(10);

    const RETRY: RetryBackoff = RetryBackoff {
        first: Duration::from_millis(100),
        max: Duration::from_secs(10),
    };

    fn error(words: &str) -> TokenError {
        TokenError::new(words)
    }

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
        type Token = Token;

        async fn fetch(&self) -> Result<Fetched, FetchError> {
            let number = self.fetched.fetch_add(1, Ordering::Relaxed) + 1;
            if number > self.good {
                return Err(FetchError::Lasting(error("the token endpoint is down")));
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
        let cached = CachedTokens::new(source, refresh, RETRY, LOGIN_TIMEOUT);
        assert!(!format!("{cached:?}").contains("t1"));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        [(); 2].map(|()| match runtime.block_on(cached.token("broker")) {
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

    fn kept(token: &Token, fresh_until: Instant, valid_until: Instant) -> Option<Kept> {
        Some(Kept {
            token: token.clone(),
            fresh_until,
            valid_until,
        })
    }

    /// The token, the error, or that one is to be fetched.
    fn told(known: &Known, asked: Instant, now: Instant) -> String {
        match known.answer(asked, now) {
            Answer::Known(Ok(token)) => token.value.expose().to_owned(),
            Answer::Known(Err(error)) => error.to_string(),
            Answer::Fetch => "fetch".to_owned(),
        }
    }

    #[test]
    fn all_who_wait_are_told_a_failure_and_so_are_those_who_ask_in_the_pause() {
        let (asked, mut known) = (Instant::now(), Known::<Token>::default());
        let at = |ms| asked + Duration::from_millis(ms);
        assert_eq!(told(&known, asked, at(0)), "fetch");
        known.failed(error("down"), RETRY, at(20));
        assert_eq!(told(&known, at(10), at(5_000)), "down", "it has waited");
        assert_eq!(told(&known, at(30), at(119)), "down", "it asks too early");
        assert_eq!(told(&known, at(120), at(120)), "fetch");
        known.failed(error("still down"), RETRY, at(130));
        assert_eq!(told(&known, at(329), at(329)), "still down");
        known.fetched(None, RETRY, at(400));
        assert_eq!(known.failed(error("down"), RETRY, at(500)), RETRY.first);
    }

    #[test]
    fn a_token_that_was_refused_is_replaced_at_the_pace_of_failures() {
        let begun = Instant::now();
        let at = |ms| begun + Duration::from_millis(ms);
        let end = begun + HOUR;
        let (first, second, third) = (Token::new("t1"), Token::new("t2"), Token::new("t3"));
        let mut known = Known::<Token>::default();
        known.fetched(kept(&first, end, end), RETRY, at(0));
        assert_eq!(told(&known, at(1), at(1)), "t1");
        first.refused().set();
        assert_eq!(told(&known, at(2), at(2)), "fetch");
        known.fetched(kept(&second, end, end), RETRY, at(2));
        second.refused().set();
        // So was the next: the server's words are told, until it is time to ask for another.
        assert_eq!(told(&known, at(101), at(101)), "t2");
        assert_eq!(told(&known, at(102), at(102)), "fetch");
        known.failed(error("down"), RETRY, at(102));
        assert_eq!(told(&known, at(103), at(103)), "down");
        known.fetched(kept(&third, end, end), RETRY, at(500));
        assert_eq!(told(&known, at(501), at(501)), "t3");
    }

    #[test]
    fn with_javas_pauses_it_is_asked_four_times_before_a_failure_is_told() {
        let mut taken = Duration::ZERO;
        let told_at = (1..).find(|&failures| {
            let pause = RETRY.pause(failures);
            let told = is_told(taken, pause, LOGIN_TIMEOUT);
            taken += if told { Duration::ZERO } else { pause };
            told
        });
        assert_eq!((told_at, taken.as_millis()), (Some(4), 700));
    }

    /// Fails as often, then gives a token.
    #[derive(Debug)]
    struct Recovering(AtomicUsize);

    #[async_trait]
    impl TokenSource for Recovering {
        type Token = Token;

        async fn fetch(&self) -> Result<Fetched, FetchError> {
            let left = self.0.load(Ordering::Relaxed);
            if left > 0 {
                self.0.store(left - 1, Ordering::Relaxed);
                return Err(FetchError::Passing(error("busy")));
            }
            Ok(Fetched {
                token: Token::new("t"),
                lifetime: None,
            })
        }
    }

    #[tokio::test]
    async fn a_moment_without_an_answer_is_bridged_and_a_longer_one_told() {
        let retry = |first_ms, max_ms| RetryBackoff {
            first: Duration::from_millis(first_ms),
            max: Duration::from_millis(max_ms),
        };
        let recovering = |failures, retry| {
            let source = Recovering(AtomicUsize::new(failures));
            CachedTokens::new(source, EARLY, retry, LOGIN_TIMEOUT)
        };
        // Without a pause in the settings there is one nevertheless.
        let busy = recovering(2, retry(0, 0));
        let token = loop {
            // A slow machine may take so long that the failure is told.
            if let Ok(token) = busy.token("broker").await {
                break token;
            }
        };
        assert_eq!(token.value.expose(), "t");
        let down = recovering(usize::MAX, retry(3_600_000, 3_600_000));
        for _ in 0..2 {
            assert_eq!(down.token("broker").await, Err(error("busy")));
        }
        let left = down.source.0.load(Ordering::Relaxed);
        assert_eq!(usize::MAX - left, 1, "the second is told what is known");
    }
    /// Gives one token, and does not answer any more.
    #[derive(Debug)]
    struct FallingSilent(AtomicUsize);

    #[async_trait]
    impl TokenSource for FallingSilent {
        type Token = Token;

        async fn fetch(&self) -> Result<Fetched, FetchError> {
            if self.0.fetch_add(1, Ordering::Relaxed) > 0 {
                std::future::pending::<()>().await;
            }
            Ok(Fetched {
                token: Token::new("t"),
                lifetime: Some(HOUR),
            })
        }
    }

    fn falling_silent(asked: usize, login_timeout: Duration) -> CachedTokens<FallingSilent> {
        let retry = RetryBackoff {
            first: HOUR,
            max: HOUR,
        };
        let source = FallingSilent(AtomicUsize::new(asked));
        CachedTokens::new(source, EARLY, retry, login_timeout)
    }

    #[tokio::test]
    async fn a_source_that_does_not_answer_has_failed_and_is_left_alone() {
        let login_timeout = Duration::from_millis(40);
        let cached = falling_silent(0, login_timeout);
        for _ in 0..3 {
            let token = tokio::time::timeout(LOGIN_TIMEOUT, cached.token("broker")).await;
            let token = token.expect("the call ends").expect("the token is valid");
            assert_eq!(token.value.expose(), "t");
        }
        assert_eq!(cached.source.0.load(Ordering::Relaxed), 2);
        let cached = falling_silent(1, login_timeout);
        for _ in 0..2 {
            let told = tokio::time::timeout(LOGIN_TIMEOUT, cached.token("broker")).await;
            let told = told.expect("the call ends");
            assert_eq!(told, Err(error("there is no answer after 30.0ms")));
        }
    }

    #[tokio::test]
    async fn while_a_token_is_fetched_others_get_the_one_that_is_valid() {
        let cached = falling_silent(0, HOUR);
        cached.token("broker").await.unwrap();
        let mut fetching = cached.token("broker");
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(fetching.as_mut().poll(&mut context).is_pending());
        let token = cached.token("other").await.unwrap();
        assert_eq!(token.value.expose(), "t");
        // Unless a broker has refused it.
        token.refused().set();
        let mut other = cached.token("other");
        assert!(other.as_mut().poll(&mut context).is_pending());
    }
}
