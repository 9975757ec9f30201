//! What a token says of itself, if it is a JWT (RFC 7519). It is not verified: brokers do that.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::Token;
use super::time::extended;

/// The claims of a token; `None`: it is no JWT.
#[derive(Debug)]
pub(crate) struct Claims(Map<String, Value>);

impl Claims {
    pub(crate) fn of(token: &str) -> Option<Self> {
        let mut parts = token.split('.');
        let (_header, payload, _signature) = (parts.next()?, parts.next()?, parts.next()?);
        let payload = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
        serde_json::from_slice(&payload).ok().map(Self)
    }

    /// A claim that is a text and not empty.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        let text = self.0.get(name)?.as_str()?;
        Some(text).filter(|text| !text.is_empty())
    }

    /// Until when it is valid, by `exp`.
    fn end(&self) -> Option<Duration> {
        let seconds = self.0.get("exp")?.as_f64()?;
        Duration::try_from_secs_f64(seconds).ok()
    }

    /// How long it is valid from `now` on.
    pub(crate) fn lifetime(&self, now: SystemTime) -> Option<Duration> {
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        Some(self.end()?.saturating_sub(now))
    }

    /// When it has expired, if it has.
    fn expired(&self, now: SystemTime) -> Option<String> {
        let end = UNIX_EPOCH.checked_add(self.end()?)?;
        (end <= now).then(|| extended(end))
    }
}

/// The token with what it says of itself, and how long it is valid, as far as it is a JWT.
pub(crate) fn token(
    text: &str,
    principal_claim: &str,
    now: SystemTime,
) -> (Token, Option<Duration>) {
    let mut token = Token::new(text);
    let Some(claims) = Claims::of(text) else {
        return (token, None);
    };
    token.principal = claims.text(principal_claim).map(Into::into);
    token.expired = claims.expired(now).map(Into::into);
    (token, claims.lifetime(now))
}

/// Part of a token: JSON in base64.
pub(crate) fn encode(part: &Value) -> String {
    URL_SAFE_NO_PAD.encode(part.to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn claims_are_read_without_a_look_at_the_signature() {
        let payload = json!({"sub": "me", "exp": 100.5, "empty": "", "number": 1});
        let claims = Claims::of(&format!("x.{}.y", encode(&payload))).unwrap();
        assert_eq!(
            (claims.text("sub"), claims.text("empty")),
            (Some("me"), None)
        );
        assert_eq!((claims.text("number"), claims.text("none")), (None, None));
        assert_eq!(claims.lifetime(at(40)), Some(Duration::from_millis(60_500)));
        assert_eq!(claims.lifetime(at(101)), Some(Duration::ZERO));
    }

    #[test]
    fn a_token_that_has_expired_says_when() {
        let text = format!("x.{}.y", encode(&json!({"sub": "me", "exp": 951_868_800})));
        let (valid, lifetime) = token(&text, "sub", at(951_868_799));
        assert_eq!(
            (valid.expired, lifetime),
            (None, Some(Duration::from_secs(1)))
        );
        let (expired, lifetime) = token(&text, "sub", at(951_868_800));
        assert_eq!(expired.expired.as_deref(), Some("2000-03-01T00:00:00Z"));
        assert_eq!(lifetime, Some(Duration::ZERO));
        assert_eq!(expired.principal.as_deref(), Some("me"));
    }

    #[test]
    fn what_is_no_jwt_has_no_claims() {
        for token in ["", "opaque", "a.b", "a.%.c", "a.bm8.c"] {
            assert!(Claims::of(token).is_none(), "{token}");
        }
        for exp in [json!(-1), json!("soon"), json!(1e300), json!(null)] {
            let claims = Claims::of(&format!("x.{}.y", encode(&json!({"exp": exp}))));
            assert_eq!(claims.unwrap().lifetime(at(0)), None, "{exp}");
        }
    }

    proptest! {
        #[test]
        fn no_claims_make_it_panic(payload in ".{0,40}", exp in any::<f64>(), now in any::<u32>()) {
            for payload in [payload, json!({ "exp": exp, "sub": 1 }).to_string()] {
                let text = format!("x.{}.y", URL_SAFE_NO_PAD.encode(payload));
                let _ = token(&text, "sub", at(now.into()));
            }
        }

        #[test]
        fn no_token_makes_it_panic(text in ".{0,40}") {
            let _ = token(&text, "sub", at(0));
        }
    }
}
