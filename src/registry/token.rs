//! Tokens of token services: parsed, kept while they are good, and fetched once however many need one.
//!
//! ```json
//! {"token": "eyJ…", "expires_in": 300}
//! ```

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use tokio::time::Instant;

use super::credentials::Found;
use super::error::{Identity, RegistryError};
use crate::settings::Secret;

/// What a token is for: what its service is asked, the registry that it is shown to, and who asks.
///
/// Realm, service and scope are a registry's own words, and another one can say the same: its token is another one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct TokenKey {
    /// The registry as the user knows it.
    pub(super) registry: String,
    pub(super) account: Account,
    pub(super) realm: String,
    pub(super) service: Option<String>,
    pub(super) scope: String,
}

/// Who asks for a token.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Account {
    Anonymous,
    Named(String),
    /// The one that an identity token stands for.
    OfToken,
}

impl Account {
    pub(super) fn of(found: &Found) -> Self {
        match found {
            Found::Nothing => Self::Anonymous,
            Found::Login(login) => Self::Named(login.username.clone()),
            Found::IdentityToken(_) => Self::OfToken,
        }
    }
}

/// A token that is good until some time.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) value: Secret,
    pub(super) identity: Identity,
    good_until: Instant,
}

impl Token {
    /// Parses the answer to a request that was sent at `asked_at` (distribution's token specification).
    pub(super) fn parse(body: &[u8], asked_at: Instant, identity: Identity) -> Option<Self> {
        #[derive(Deserialize)]
        struct Written {
            token: Option<String>,
            access_token: Option<String>,
            expires_in: Option<u64>,
        }
        // What the specification sets where nothing is said.
        const DEFAULT_SECS: u64 = 60;
        const MOST_SECS: u64 = 24 * 60 * 60;
        let written: Written = serde_json::from_slice(body).ok()?;
        let given = [written.token, written.access_token];
        let value = given.into_iter().flatten().find(|text| !text.is_empty())?;
        let seconds = written.expires_in.unwrap_or(DEFAULT_SECS).min(MOST_SECS);
        // The last tenth is left for the way to the registry and for clocks that differ.
        let good_for = Duration::from_secs(seconds).mul_f64(0.9);
        Some(Self {
            value: Secret::new(value),
            identity,
            good_until: asked_at + good_for,
        })
    }

    fn is_good(&self) -> bool {
        Instant::now() < self.good_until
    }
}

/// The tokens of a run.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    slots: Mutex<HashMap<TokenKey, Arc<Slot>>>,
}

#[derive(Debug, Default)]
struct Slot {
    /// How many times something was fetched into it.
    round: AtomicU64,
    held: tokio::sync::Mutex<Option<Result<Token, RegistryError>>>,
}

impl Tokens {
    /// Gives the token that is kept, or fetches one; `refused` is one that the registry no longer takes.
    ///
    /// Who waits while another one fetches shares what comes, a failure too. A denial stays: to ask again with the same
    /// credentials for every image could lock the account.
    pub(super) async fn find_or_fetch(
        &self,
        key: TokenKey,
        refused: Option<&Secret>,
        fetch: impl Future<Output = Result<Token, RegistryError>>,
    ) -> Result<Token, RegistryError> {
        let slot = {
            let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(slots.entry(key).or_default())
        };
        let round = slot.round.load(Ordering::Acquire);
        let mut held = slot.held.lock().await;
        let came_meanwhile = slot.round.load(Ordering::Acquire) != round;
        match &*held {
            Some(Ok(token)) if token.is_good() && Some(&token.value) != refused => {
                return Ok(token.clone());
            }
            Some(Err(error)) if came_meanwhile || is_final(error) => return Err(error.clone()),
            _ => {}
        }
        let fetched = fetch.await;
        *held = Some(fetched.clone());
        slot.round.fetch_add(1, Ordering::Release);
        fetched
    }
}

fn is_final(error: &RegistryError) -> bool {
    matches!(error, RegistryError::Denied { .. })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::{Asked, Said};
    use std::sync::atomic::AtomicU32;

    fn key() -> TokenKey {
        TokenKey {
            registry: "r.example.org".to_owned(),
            account: Account::Anonymous,
            realm: "https://auth.example.org/token".to_owned(),
            service: None,
            scope: "repository:a:pull".to_owned(),
        }
    }

    fn token(value: &str, expires_in: u64) -> Token {
        let body = format!(r#"{{"token":"{value}","expires_in":{expires_in}}}"#);
        Token::parse(body.as_bytes(), Instant::now(), Identity::Anonymous).expect("a token")
    }

    fn asked() -> Asked {
        Asked {
            registry: "r.example.org".into(),
            host: "auth.example.org".into(),
            subject: "a token".into(),
            times: 1,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn both_names_of_a_token_are_read_and_its_time_has_a_default() {
        for body in [
            r#"{"token":"t"}"#,
            r#"{"access_token":"t"}"#,
            r#"{"token":"","access_token":"t"}"#,
        ] {
            let now = Instant::now();
            let token = Token::parse(body.as_bytes(), now, Identity::Anonymous).expect(body);
            assert_eq!(token.value.reveal(), "t");
            assert_eq!(token.good_until - now, Duration::from_secs(54));
        }
        for body in ["", "{}", "[]", r#"{"token":""}"#, "<html>"] {
            assert!(
                Token::parse(body.as_bytes(), Instant::now(), Identity::Anonymous).is_none(),
                "{body}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn many_at_once_fetch_one_token() {
        let (tokens, fetches) = (Tokens::default(), AtomicU32::new(0));
        let fetch = || async {
            fetches.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_secs(1)).await;
            Ok(token("t", 60))
        };
        let asks = (0..50).map(|_| tokens.find_or_fetch(key(), None, fetch()));
        for found in futures_util::future::join_all(asks).await {
            assert_eq!(found.expect("a token").value.reveal(), "t");
        }
        assert_eq!(fetches.into_inner(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_is_fetched_again_when_it_is_over_or_refused() {
        let tokens = Tokens::default();
        let old = tokens.find_or_fetch(key(), None, async { Ok(token("old", 60)) });
        let old = old.await.expect("a token").value;
        let same = tokens.find_or_fetch(key(), None, async { Ok(token("new", 60)) });
        assert_eq!(same.await.expect("a token").value, old);
        let new = tokens.find_or_fetch(key(), Some(&old), async { Ok(token("new", 60)) });
        assert_eq!(new.await.expect("a token").value.reveal(), "new");
        tokio::time::advance(Duration::from_secs(55)).await;
        let newer = tokens.find_or_fetch(key(), None, async { Ok(token("newer", 60)) });
        assert_eq!(newer.await.expect("a token").value.reveal(), "newer");
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_shared_by_those_who_waited_and_tried_again_by_others() {
        let (tokens, fetches) = (Tokens::default(), AtomicU32::new(0));
        let fetch = || async {
            fetches.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_secs(1)).await;
            let after = Duration::from_secs(1);
            let asked = asked();
            Err(RegistryError::Silent { asked, after })
        };
        let asks = (0..50).map(|_| tokens.find_or_fetch(key(), None, fetch()));
        for found in futures_util::future::join_all(asks).await {
            found.expect_err("it failed for all");
        }
        assert_eq!(fetches.load(Ordering::Relaxed), 1);
        let later = tokens.find_or_fetch(key(), None, async { Ok(token("t", 60)) });
        assert_eq!(later.await.expect("a token").value.reveal(), "t");
    }

    #[tokio::test(start_paused = true)]
    async fn a_denial_is_not_asked_for_twice() {
        let tokens = Tokens::default();
        let denied = || RegistryError::Denied {
            asked: asked(),
            status: 401,
            identity: Identity::LoggedIn,
            said: Said::default(),
        };
        let first = tokens.find_or_fetch(key(), None, async { Err(denied()) });
        first.await.expect_err("it was denied");
        let second = tokens.find_or_fetch(key(), None, async { panic!("asked again") });
        second.await.expect_err("it is denied still");
    }
}
