//! What a token says of itself, if it is a JWT (RFC 7519). It is not verified: brokers do that.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

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

    /// How long it is valid from `now` on, by `exp`.
    pub(crate) fn lifetime(&self, now: SystemTime) -> Option<Duration> {
        let seconds = self.0.get("exp")?.as_f64()?;
        let end = Duration::try_from_secs_f64(seconds).ok()?;
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        Some(end.saturating_sub(now))
    }
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
        fn no_token_makes_it_panic(token in ".{0,40}") {
            let _ = Claims::of(&token);
        }
    }
}
