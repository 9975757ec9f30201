//! Tokens that nobody has signed, for tests: anybody can make them.
//!
//! They are those of Java's `OAuthBearerUnsecuredLoginCallbackHandler`, its default. A broker takes them
//! only if it was told to take any.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use serde_json::{Map, Value, json};

use super::jwt::encode;
use super::{Token, TokenError, TokenProvider};

/// What an unsecured token claims.
#[derive(Debug)]
pub(crate) struct Unsecured {
    /// All but `iat` and `exp`, which are those of the time.
    pub(crate) claims: Map<String, Value>,
    pub(crate) principal: String,
    pub(crate) lifetime: Duration,
    pub(crate) extensions: Vec<(String, String)>,
}

impl Unsecured {
    fn at(&self, now: SystemTime) -> Token {
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut claims = self.claims.clone();
        claims.insert("iat".to_owned(), json!(now.as_secs_f64()));
        let end = now.saturating_add(self.lifetime);
        claims.insert("exp".to_owned(), json!(end.as_secs_f64()));
        let header = encode(&json!({"alg": "none"}));
        let mut token = Token::new(format!("{header}.{}.", encode(&Value::Object(claims))));
        token.principal = Some(self.principal.as_str().into());
        token.extensions.clone_from(&self.extensions);
        token
    }
}

#[async_trait]
impl TokenProvider for Unsecured {
    async fn token(&self, _host: &str) -> Result<Token, TokenError> {
        Ok(self.at(SystemTime::now()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::jwt::Claims;
    use super::*;

    #[test]
    fn a_token_has_the_claims_and_the_times() {
        let claims = json!({"sub": "me", "scope": ["a", "b"]});
        let unsecured = Unsecured {
            claims: claims.as_object().unwrap().clone(),
            principal: "me".to_owned(),
            lifetime: Duration::from_secs(60),
            extensions: vec![("traceId".to_owned(), "1".to_owned())],
        };
        let now = UNIX_EPOCH + Duration::from_secs(1000);
        let token = unsecured.at(now);
        assert!(token.value.expose().starts_with("eyJhbGciOiJub25lIn0."));
        assert!(token.value.expose().ends_with('.'));
        let claims = Claims::of(token.value.expose()).unwrap();
        assert_eq!(claims.text("sub"), Some("me"));
        assert_eq!(claims.lifetime(now), Some(Duration::from_secs(60)));
        assert_eq!(token.principal.as_deref(), Some("me"));
        assert_eq!(token.extensions.len(), 1);
    }
}
