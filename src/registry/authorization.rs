//! Logging in: which way a registry wants it, what is sent for it, and what is remembered so that it is asked once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, Request, Url};
use tokio::sync::OnceCell;
use tokio::time::Instant;

use super::answer::Said;
use super::challenge::{Bearer, Challenge};
use super::connection::Options;
use super::credentials::{Credentials, CredentialsError, Found, Login};
use super::endpoint::{Endpoint, is_loopback};
use super::error::{Garbage, Identity, RegistryError};
use super::token::{Account, Token, TokenKey, Tokens};
use super::transport::{Question, Transport};
use crate::settings::Secret;
use crate::web::{Patience, Redirects};

/// What is sent so that a registry answers.
#[derive(Clone, Debug)]
pub(super) struct Authorization {
    pub(super) header: HeaderValue,
    pub(super) identity: Identity,
    /// What must not be shown: the token, or the password and its encoded form.
    pub(super) secrets: Vec<Secret>,
}

/// The way in which a registry wants its users to log in.
#[derive(Clone, Debug)]
enum Scheme {
    Basic,
    Bearer { realm: Url, service: Option<String> },
}

type FoundOnce = Arc<OnceCell<Result<Found, CredentialsError>>>;

/// Who we are everywhere, and the tokens that we hold.
#[derive(Debug)]
pub(super) struct Authorizer {
    credentials: Credentials,
    deadline: Duration,
    found: Mutex<HashMap<String, FoundOnce>>,
    schemes: Mutex<HashMap<String, Scheme>>,
    tokens: Tokens,
}

impl Authorizer {
    pub(super) fn new(options: &Options) -> Self {
        Self {
            credentials: options.credentials.clone(),
            deadline: options.pace.credentials,
            found: Mutex::default(),
            schemes: Mutex::default(),
            tokens: Tokens::default(),
        }
    }

    /// Gives what the registry asked for before, so that it need not ask each time.
    pub(super) async fn known(
        &self,
        visit: &mut Visit<'_>,
    ) -> Result<Option<Authorization>, RegistryError> {
        let scheme = {
            let schemes = self.schemes.lock().unwrap_or_else(PoisonError::into_inner);
            schemes.get(&visit.endpoint.host).cloned()
        };
        match scheme {
            Some(scheme) => {
                let scope = visit.endpoint.scope();
                self.log_in(visit, scheme, scope, None).await
            }
            None => Ok(None),
        }
    }

    /// Gives what answers a challenge, or nothing where there is no way or no other credential than the `refused` one.
    pub(super) async fn answer(
        &self,
        visit: &mut Visit<'_>,
        challenges: &[Challenge],
        refused: Option<&Authorization>,
    ) -> Result<Option<Authorization>, RegistryError> {
        let endpoint = visit.endpoint;
        let shown = refused.map_or(&[][..], |refused| &refused.secrets);
        let bearer = challenges.iter().find_map(|challenge| match challenge {
            Challenge::Bearer(bearer) => Some(bearer),
            Challenge::Basic | Challenge::Other => None,
        });
        let scheme = match bearer {
            Some(bearer) => Scheme::Bearer {
                realm: realm(bearer, shown).map_err(|garbage| RegistryError::Garbage {
                    asked: endpoint.asked(),
                    garbage,
                })?,
                service: bearer.service.clone(),
            },
            None if challenges.contains(&Challenge::Basic) => Scheme::Basic,
            None => return Ok(None),
        };
        if matches!(scheme, Scheme::Basic) && refused.is_some() {
            return Ok(None);
        }
        {
            let mut schemes = self.schemes.lock().unwrap_or_else(PoisonError::into_inner);
            schemes.insert(endpoint.host.clone(), scheme.clone());
        }
        let scope = bearer.and_then(|bearer| bearer.scope.clone());
        let scope = scope.unwrap_or_else(|| endpoint.scope());
        self.log_in(visit, scheme, scope, refused).await
    }

    async fn log_in(
        &self,
        visit: &mut Visit<'_>,
        scheme: Scheme,
        scope: String,
        refused: Option<&Authorization>,
    ) -> Result<Option<Authorization>, RegistryError> {
        let found = self.find_credentials(visit.endpoint).await?;
        match scheme {
            Scheme::Basic => Ok(match found {
                Found::Login(login) => basic(&login),
                Found::Nothing | Found::IdentityToken(_) => None,
            }),
            Scheme::Bearer { realm, service } => {
                let key = TokenKey {
                    registry: visit.endpoint.host.clone(),
                    account: Account::of(&found),
                    realm: realm.to_string(),
                    service,
                    scope,
                };
                let refused = refused.and_then(|authorization| authorization.secrets.first());
                let fetch = fetch_token(visit, &found, realm, key.clone());
                let token = self.tokens.find_or_fetch(key, refused, fetch).await?;
                Ok(bearer_header(token, &found))
            }
        }
    }

    /// Finds the credentials for a registry; a helper runs once, however many ask.
    async fn find_credentials(&self, endpoint: &Endpoint) -> Result<Found, RegistryError> {
        let cell = {
            let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(found.entry(endpoint.host.clone()).or_default())
        };
        let find = || self.credentials.find(&endpoint.host, self.deadline);
        let found = cell.get_or_init(find).await.clone();
        found.map_err(|source| RegistryError::Credentials {
            asked: endpoint.asked(),
            source: Box::new(source),
        })
    }
}

/// A question under way: about which repository, over which wire, with how much patience left.
#[derive(Debug)]
pub(super) struct Visit<'a> {
    pub(super) transport: &'a Transport,
    pub(super) endpoint: &'a Endpoint,
    pub(super) patience: Patience,
}

fn basic(login: &Login) -> Option<Authorization> {
    let encoded = encode(login);
    Some(Authorization {
        header: sensitive(&format!("Basic {}", encoded.reveal()))?,
        identity: Identity::LoggedIn,
        secrets: vec![encoded, login.password.clone()],
    })
}

/// The token is the first of the secrets, before what it was got for: one server may be registry and token service.
fn bearer_header(token: Token, found: &Found) -> Option<Authorization> {
    let header = sensitive(&format!("Bearer {}", token.value.reveal()))?;
    let mut secrets = vec![token.value];
    secrets.extend(secrets_of(found));
    Some(Authorization {
        header,
        identity: token.identity,
        secrets,
    })
}

/// Gives what must not be shown of credentials.
fn secrets_of(found: &Found) -> Vec<Secret> {
    match found {
        Found::Nothing => Vec::new(),
        Found::Login(login) => vec![encode(login), login.password.clone()],
        Found::IdentityToken(token) => vec![token.clone()],
    }
}

/// Writes name and password as a header has them.
fn encode(login: &Login) -> Secret {
    let plain = format!("{}:{}", login.username, login.password.reveal());
    Secret::new(STANDARD.encode(plain))
}

/// Makes a header value that no debug output shows; a text that no header can hold gives none.
fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Checks the address of a token service: credentials are sent there, so the way has to be safe.
fn realm(bearer: &Bearer, shown: &[Secret]) -> Result<Url, Garbage> {
    let refused = || Garbage::Realm(Said::without(&bearer.realm, shown));
    let url = Url::parse(&bearer.realm).map_err(|_| refused())?;
    let is_safe = match (url.scheme(), url.host_str()) {
        ("https", Some(_)) => true,
        ("http", Some(host)) => is_loopback(host),
        _ => false,
    };
    if is_safe { Ok(url) } else { Err(refused()) }
}

async fn fetch_token(
    visit: &mut Visit<'_>,
    found: &Found,
    realm: Url,
    key: TokenKey,
) -> Result<Token, RegistryError> {
    const LIMIT_BYTES: usize = 1024 * 1024;
    let asked_at = Instant::now();
    let mut host = realm.host_str().unwrap_or_default().to_owned();
    if let Some(port) = realm.port() {
        host = format!("{host}:{port}");
    }
    let identity = match found {
        Found::Nothing => Identity::Anonymous,
        Found::Login(_) | Found::IdentityToken(_) => Identity::LoggedIn,
    };
    let (request, redirects) = token_request(realm, key.service.as_deref(), &key.scope, found);
    let secrets = secrets_of(found);
    let question = Question {
        registry: visit.endpoint.host.clone(),
        host,
        subject: format!(
            "a token for `{}`",
            Said::without(&key.scope, &secrets).as_str()
        ),
        request,
        secrets,
        limit_bytes: LIMIT_BYTES,
        redirects,
        patience: Duration::ZERO,
    };
    let answer = visit.transport.send(&question, &mut visit.patience).await?;
    let (asked, status, said) = (question.asked(1), answer.status.as_u16(), answer.said);
    match status {
        200 => {
            let token = Token::parse(&answer.body, asked_at, identity);
            let garbage = Garbage::NoToken;
            token.ok_or(RegistryError::Garbage { asked, garbage })
        }
        // 400 is OAuth's word for an identity token that is over (RFC 6749, section 5.2).
        400 | 401 | 403 => Err(RegistryError::Denied {
            asked,
            status,
            identity,
            said,
        }),
        _ => Err(RegistryError::Garbage {
            asked,
            garbage: Garbage::Status { status, said },
        }),
    }
}

/// Writes the request for a token: a GET with name and password (distribution's token specification), or a POST that
/// changes an identity token (its OAuth 2.0 variant).
fn token_request(
    realm: Url,
    service: Option<&str>,
    scope: &str,
    found: &Found,
) -> (Request, Redirects) {
    let mut form = realm.clone();
    if matches!(found, Found::IdentityToken(_)) {
        form.set_query(None);
    }
    {
        let mut pairs = form.query_pairs_mut();
        if let Some(service) = service {
            pairs.append_pair("service", service);
        }
        if matches!(found, Found::IdentityToken(_)) {
            pairs.append_pair("scope", scope);
        } else {
            // Several are named one by one here, and in one word where a token is changed for another.
            for scope in scope.split(' ') {
                pairs.append_pair("scope", scope);
            }
        }
        match found {
            Found::Nothing => {}
            Found::Login(login) => {
                pairs.append_pair("account", &login.username);
            }
            Found::IdentityToken(token) => {
                pairs
                    .append_pair("grant_type", "refresh_token")
                    .append_pair("client_id", "pkg")
                    .append_pair("refresh_token", token.reveal());
            }
        }
    }
    match found {
        Found::Nothing => (Request::new(Method::GET, form), Redirects::Follow),
        Found::Login(login) => {
            let mut request = Request::new(Method::GET, form);
            if let Some(authorization) = basic(login) {
                request
                    .headers_mut()
                    .insert(AUTHORIZATION, authorization.header);
            }
            (request, Redirects::Follow)
        }
        Found::IdentityToken(_) => {
            let mut request = Request::new(Method::POST, realm);
            let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
            request.headers_mut().insert(CONTENT_TYPE, kind);
            let body = form.query().unwrap_or_default().to_owned();
            *request.body_mut() = Some(body.into());
            (request, Redirects::Stay)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bearer(realm: &str) -> Bearer {
        Bearer {
            realm: realm.to_owned(),
            ..Bearer::default()
        }
    }

    #[test]
    fn credentials_go_to_no_token_service_without_tls() {
        for address in [
            "https://auth.example.org/token",
            "http://127.0.0.1:5001/token",
        ] {
            let url = realm(&bearer(address), &[]).expect(address);
            assert_eq!(url.as_str(), address);
        }
        for address in ["http://auth.example.org/token", "/token", "", "file:///x"] {
            let garbage = realm(&bearer(address), &[]).expect_err(address);
            assert!(matches!(garbage, Garbage::Realm(_)), "{garbage:?}");
        }
    }

    #[test]
    fn a_login_is_sent_in_a_header_and_an_identity_token_in_a_body() {
        let realm = Url::parse("https://auth.example.org/token?a=b").expect("a URL");
        let login = Found::Login(Login {
            username: "ann".to_owned(),
            password: Secret::new("pw"),
        });
        let scope = "repository:a:pull";
        let (request, _) = token_request(realm.clone(), Some("r e"), scope, &login);
        assert_eq!(
            request.url().as_str(),
            "https://auth.example.org/token?a=b&service=r+e&scope=repository%3Aa%3Apull&account=ann"
        );
        assert_eq!(request.headers()[AUTHORIZATION], "Basic YW5uOnB3");
        assert!(!format!("{request:?}").contains("YW5uOnB3"));

        let token = Found::IdentityToken(Secret::new("a/b"));
        let (request, redirects) = token_request(realm.clone(), Some("r"), scope, &token);
        assert_eq!(request.method(), Method::POST);
        assert_eq!(request.url(), &realm);
        assert!(matches!(redirects, Redirects::Stay));
        let body = request.body().and_then(reqwest::Body::as_bytes);
        assert_eq!(
            body.map(String::from_utf8_lossy).as_deref(),
            Some(
                "service=r&scope=repository%3Aa%3Apull&grant_type=refresh_token&client_id=pkg&refresh_token=a%2Fb"
            )
        );
    }
}
