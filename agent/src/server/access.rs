//! Who may ask: basic authentication and response headers of the web configuration file.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use vigie_config::web::Web;
use vigie_pipeline::secret::Secret;

use super::routes::{Routes, text};

/// A bcrypt hash of nothing in particular: unknown users cost as much time as known ones.
const NOBODY: &str = "$2y$10$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi";
/// How many verified credentials are remembered, as bcrypt is slow on purpose.
const REMEMBERED: usize = 100;

/// See the module.
pub(super) struct Access {
    users: BTreeMap<String, Secret>,
    headers: HeaderMap,
    /// Credentials as sent, with whether they were right.
    verified: Mutex<HashMap<Vec<u8>, bool>>,
}

impl Access {
    pub(super) fn new(web: Option<&Web>) -> Self {
        let mut headers = HeaderMap::new();
        for (name, value) in web.iter().flat_map(|web| &web.http_server_config.headers) {
            // The configuration was checked: both are valid here.
            if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse::<HeaderValue>()) {
                headers.insert(name, value);
            }
        }
        let users = web.map(|web| web.basic_auth_users.clone()).unwrap_or_default();
        Self { users, headers, verified: Mutex::default() }
    }

    /// Answers the request, or says that it may not be asked.
    pub(super) async fn guard(&self, request: Request<Incoming>, routes: &Routes) -> Response<Full<Bytes>> {
        let mut answer = if self.admits(request.headers()).await {
            routes.answer(request).await
        } else {
            let mut refused = text(StatusCode::UNAUTHORIZED, "unauthorized\n");
            refused.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic"));
            refused
        };
        answer.headers_mut().extend(self.headers.clone());
        answer
    }

    async fn admits(&self, headers: &HeaderMap) -> bool {
        if self.users.is_empty() {
            return true;
        }
        let Some((sent, user, password)) = credentials(headers) else { return false };
        if let Some(known) = self.verified.lock().unwrap_or_else(PoisonError::into_inner).get(&sent) {
            return *known;
        }
        let hash = self.users.get(&user).map_or(NOBODY, Secret::reveal).to_owned();
        let verify = move || bcrypt::verify(password, &hash).unwrap_or(false);
        let right =
            tokio::task::spawn_blocking(verify).await.unwrap_or(false) && self.users.contains_key(&user);
        let mut verified = self.verified.lock().unwrap_or_else(PoisonError::into_inner);
        if verified.len() >= REMEMBERED {
            verified.clear();
        }
        verified.insert(sent, right);
        right
    }
}

/// The header as sent, the user and the password.
fn credentials(headers: &HeaderMap) -> Option<(Vec<u8>, String, Vec<u8>)> {
    let sent = headers.get(AUTHORIZATION)?.as_bytes();
    let (scheme, encoded) = sent.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"basic ") {
        return None;
    }
    let plain = BASE64_STANDARD.decode(encoded.trim_ascii()).ok()?;
    let colon = plain.iter().position(|byte| *byte == b':')?;
    let user = String::from_utf8(plain[..colon].to_vec()).ok()?;
    Some((sent.to_vec(), user, plain[colon + 1..].to_vec()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn headers(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(AUTHORIZATION, value.parse().unwrap())])
    }

    #[tokio::test]
    async fn only_a_known_user_with_the_right_password_is_admitted() {
        let hash = bcrypt::hash("open sesame", 4).unwrap();
        let web = Web { basic_auth_users: [("ali".to_owned(), Secret::new(hash))].into(), ..Web::default() };
        let access = Access::new(Some(&web));
        let basic = |text: &str| headers(&format!("Basic {}", BASE64_STANDARD.encode(text)));
        assert!(access.admits(&basic("ali:open sesame")).await);
        assert!(access.admits(&basic("ali:open sesame")).await);
        assert!(!access.admits(&basic("ali:close sesame")).await);
        assert!(!access.admits(&basic("baba:open sesame")).await);
        assert!(!access.admits(&headers("Bearer x")).await);
        assert!(!access.admits(&HeaderMap::new()).await);
        assert!(Access::new(None).admits(&HeaderMap::new()).await);
    }
}
