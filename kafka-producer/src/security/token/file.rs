//! A token that others write to a file (`sasl.oauthbearer.token.endpoint.url=file:///…`), such as the
//! service account's of Kubernetes. It is read for each connection, so a new one is used at once.

use std::path::PathBuf;
use std::time::SystemTime;

use async_trait::async_trait;

use super::{Token, TokenError, TokenProvider, jwt};
use crate::regular_file;

#[derive(Debug)]
pub(crate) struct TokenFile {
    pub(crate) path: PathBuf,
    /// `sasl.oauthbearer.sub.claim.name`.
    pub(crate) principal_claim: String,
    pub(crate) extensions: Vec<(String, String)>,
}

#[async_trait]
impl TokenProvider for TokenFile {
    async fn token(&self, _host: &str) -> Result<Token, TokenError> {
        let fail = |why: &str| {
            let path = self.path.display();
            TokenError::new(format!(
                "the token file {path} of sasl.oauthbearer.token.endpoint.url {why}"
            ))
        };
        let text = regular_file::read_text(&self.path)
            .map_err(|error| fail(&format!("cannot be read: {error}")))?;
        let text = text.trim();
        if text.is_empty() {
            return Err(fail("is empty"));
        }
        let (mut token, _) = jwt::token(text, &self.principal_claim, SystemTime::now());
        token.extensions.clone_from(&self.extensions);
        Ok(token)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::jwt::encode;
    use super::*;

    #[test]
    fn the_file_is_read_for_each_connection() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let provider = TokenFile {
            path: file.path().to_owned(),
            principal_claim: "sub".to_owned(),
            extensions: Vec::new(),
        };
        let token = || pollster::block_on(provider.token("broker"));
        let empty = token().unwrap_err().to_string();
        assert!(
            empty.ends_with("of sasl.oauthbearer.token.endpoint.url is empty"),
            "{empty}"
        );
        let jwt = format!("h.{}.s", encode(&json!({"sub": "me"})));
        std::fs::write(&file, format!(" {jwt}\n")).unwrap();
        let read = token().unwrap();
        assert_eq!(read.value.expose(), jwt);
        assert_eq!(read.principal.as_deref(), Some("me"));
        std::fs::write(&file, "opaque").unwrap();
        assert_eq!(token().unwrap().principal, None);
        if cfg!(unix) {
            let pipe = TokenFile {
                path: "/dev/null".into(),
                principal_claim: "sub".to_owned(),
                extensions: Vec::new(),
            };
            let told = pollster::block_on(pipe.token("broker")).unwrap_err();
            let told = told.to_string();
            assert!(told.ends_with("it is not a regular file"), "{told}");
        }
        drop(file);
        assert!(
            token()
                .unwrap_err()
                .to_string()
                .contains("cannot be read: ")
        );
    }
}
