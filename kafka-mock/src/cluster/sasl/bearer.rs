//! OAUTHBEARER (RFC 7628): a token, answered as Kafka's `OAuthBearerSaslServer` does.
//!
//! A token that is not accepted is answered with a JSON text; the client confirms it with a byte, and
//! then it has failed.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;

use super::{config::AcceptedTokens, step::Step};

/// Where an exchange stands.
#[derive(Clone, Debug, Default)]
pub(super) struct Bearer {
    /// What the client was told about its token.
    told: Option<&'static str>,
}

impl Bearer {
    /// The answer to `n,[a=id],\x01auth=Bearer token\x01name=value\x01\x01`.
    pub(super) fn step(&mut self, message: &[u8], accepted: &AcceptedTokens, now_ms: i64) -> Step {
        if let Some(told) = self.told.take()
            && message == b"\x01"
        {
            return Step::refused(told);
        }
        let Some((authorization_id, token)) = read(message) else {
            return Step::INVALID;
        };
        let Some((principal, expires_ms)) = accepted.check(token, now_ms) else {
            self.told = Some(INVALID_TOKEN);
            return Step::Continue(INVALID_TOKEN.into());
        };
        if !authorization_id.is_empty() && authorization_id != principal {
            return Step::refused(format!(
                "Authentication failed: Client requested an authorization id \
                 ({authorization_id}) that is different from the token's principal name \
                 ({principal})"
            ));
        }
        Step::Done {
            answer: Vec::new(),
            principal,
            expires_ms,
        }
    }
}

/// The authorization id and the token.
fn read(message: &[u8]) -> Option<(&str, &str)> {
    let message = str::from_utf8(message).ok()?;
    let (header, rest) = message.split_once('\x01')?;
    let pairs = rest.strip_suffix("\x01\x01")?;
    let id = header.strip_prefix("n,")?.strip_suffix(',')?;
    let id = match id {
        "" => "",
        id => id.strip_prefix("a=")?,
    };
    let mut pairs = pairs.split('\x01').map(|pair| pair.split_once('='));
    if !pairs
        .clone()
        .all(|pair| pair.is_some_and(|(name, _)| is_name(name)))
    {
        return None;
    }
    let (_, auth) = pairs.find_map(|pair| pair.filter(|(name, _)| *name == "auth"))?;
    let (scheme, token) = auth.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some((id, token))
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphabetic())
}

impl AcceptedTokens {
    /// Who a token is for, and when it expires, in milliseconds since 1970.
    fn check(&self, token: &str, now_ms: i64) -> Option<(String, Option<i64>)> {
        match self {
            Self::Listed(tokens) => tokens.get(token).map(|principal| (principal.clone(), None)),
            Self::Unsecured => unsecured(token, now_ms),
        }
    }
}

fn unsecured(token: &str, now_ms: i64) -> Option<(String, Option<i64>)> {
    let mut parts = token.split('.');
    let (header, claims) = (json(parts.next()?)?, json(parts.next()?)?);
    let unsigned = parts.next() == Some("") && parts.next().is_none();
    let subject = claims["sub"]
        .as_str()
        .filter(|sub| !sub.trim().is_empty())?;
    let expires_ms = (claims["exp"].as_f64()? * 1000.0) as i64;
    let valid = unsigned && header["alg"] == "none" && expires_ms > now_ms;
    valid.then(|| (subject.to_owned(), Some(expires_ms)))
}

fn json(part: &str) -> Option<Value> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

const INVALID_TOKEN: &str = "{\"status\":\"invalid_token\"}";

#[cfg(test)]
mod tests {
    use super::*;

    fn token(header: &str, claims: &str) -> String {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        format!("{}.{}.", part(header), part(claims))
    }

    fn message(id: &str, token: &str) -> String {
        format!("n,{id},\x01auth=Bearer {token}\x01trace=7\x01\x01")
    }

    const NONE: &str = "{\"alg\":\"none\"}";
    const CLAIMS: &str = "{\"sub\":\"alice\",\"exp\":10.5}";

    #[test]
    fn an_unsecured_token_needs_a_subject_and_time_left() {
        let step = |now_ms, token: &str| {
            let message = message("", token);
            Bearer::default().step(message.as_bytes(), &AcceptedTokens::Unsecured, now_ms)
        };
        let good = token(NONE, CLAIMS);
        let expected = Step::Done {
            answer: Vec::new(),
            principal: "alice".to_owned(),
            expires_ms: Some(10_500),
        };
        assert_eq!(step(10_499, &good), expected);
        let refused = Step::Continue(INVALID_TOKEN.into());
        assert_eq!(step(10_500, &good), refused);
        for bad in [
            String::new(),
            "opaque".to_owned(),
            good + "c2ln",
            token("{\"alg\":\"RS256\"}", CLAIMS),
            token(NONE, "{\"exp\":10.5}"),
            token(NONE, "{\"sub\":\" \",\"exp\":10.5}"),
            token(NONE, "{\"sub\":\"alice\"}"),
            token(NONE, "not json"),
        ] {
            assert_eq!(step(0, &bad), refused, "{bad}");
        }
    }

    #[test]
    fn a_refused_token_has_failed_when_the_client_has_confirmed_it() {
        let mut bearer = Bearer::default();
        let listed = AcceptedTokens::Listed([("seven".to_owned(), "alice".to_owned())].into());
        let told = bearer.step(message("", "eight").as_bytes(), &listed, 0);
        assert_eq!(told, Step::Continue(INVALID_TOKEN.into()));
        assert_eq!(
            bearer.step(b"\x01", &listed, 0),
            Step::refused(INVALID_TOKEN)
        );
        let done = bearer.step(message("a=alice", "seven").as_bytes(), &listed, 0);
        assert!(matches!(done, Step::Done { .. }));
        let other = bearer.step(message("a=bob", "seven").as_bytes(), &listed, 0);
        assert!(matches!(other, Step::Refused(_)));
    }

    #[test]
    fn what_is_no_message_is_refused() {
        for bad in [
            "",
            "\x01",
            "n,,",
            "n,,\x01\x01\x01",
            "n,,\x01auth=Basic x\x01\x01",
            "n,,\x01auth=Bearer x\x01",
            "y,,\x01auth=Bearer x\x01\x01",
            "n,,\x01auth=Bearer x\x01a1=b\x01\x01",
            "n,b,\x01auth=Bearer x\x01\x01",
        ] {
            let step = Bearer::default().step(bad.as_bytes(), &AcceptedTokens::Unsecured, 0);
            assert_eq!(step, Step::INVALID, "{bad:?}");
        }
    }
}
