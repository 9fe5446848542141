//! How the registry wants its users to log in, and its token service at `/token`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::StatusCode;

use super::server::Answer;
use super::{Recorded, Shared};

/// Who may read and write.
#[derive(Clone, Debug)]
pub(crate) enum Login {
    /// A name and its password, with each request.
    Basic(&'static str, &'static str),
    /// A token for this name and password.
    Token(&'static str, &'static str),
    /// A token for everybody.
    AnonymousToken,
    /// A token for this identity token.
    IdentityToken(&'static str),
}

/// Gives the answer to who is not logged in, or nothing to who is.
pub(super) fn refuse(shared: &Shared, host: &str, request: &Recorded) -> Option<Answer> {
    let shown = request.header("authorization").unwrap_or_default();
    let challenge = if let Login::Basic(username, password) = shared.login.as_ref()? {
        if shown == basic(username, password) {
            return None;
        }
        "Basic realm=\"Test\"".to_owned()
    } else {
        let token = shown.strip_prefix("Bearer ").unwrap_or_default();
        if shared.state().tokens.iter().any(|good| good == token) {
            return None;
        }
        let scope = scope(&request.path);
        let service = shared.state().token_service.clone();
        let service = service.unwrap_or_else(|| host.to_owned());
        format!(r#"Bearer realm="http://{service}/token",service="{service}",scope="{scope}""#)
    };
    let answer = Answer::error(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", "log in first");
    Some(answer.with("www-authenticate", &challenge))
}

/// Gives a token to who shows the right credentials.
pub(super) fn give_token(shared: &Shared, request: &Recorded) -> Answer {
    let body = String::from_utf8_lossy(&request.body);
    let shown = request.header("authorization");
    let is_right = match shared.login.as_ref() {
        Some(Login::Token(username, password)) => shown == Some(&basic(username, password)),
        Some(Login::AnonymousToken) => true,
        Some(Login::IdentityToken(token)) => {
            request.method == "POST" && body.contains(&format!("refresh_token={token}"))
        }
        Some(Login::Basic(..)) | None => false,
    };
    if !is_right {
        // A service that repeats what it was sent: none of it may reach an error message.
        let words = format!("wrong credentials: {} {body}", shown.unwrap_or_default());
        return Answer::error(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", &words);
    }
    let mut state = shared.state();
    let token = format!("{}token-{}", state.token_prefix, state.tokens.len() + 1);
    let json = serde_json::json!({"token": token, "access_token": token, "expires_in": 300});
    if !state.takes_no_tokens {
        state.tokens.push(token);
    }
    Answer::json(StatusCode::OK, &json)
}

fn basic(username: &str, password: &str) -> String {
    format!(
        "Basic {}",
        STANDARD.encode(format!("{username}:{password}"))
    )
}

fn scope(path: &str) -> String {
    let path = path.trim_start_matches("/v2/");
    let end = ["/manifests/", "/blobs/"]
        .iter()
        .find_map(|part| path.find(part));
    format!("repository:{}:pull", &path[..end.unwrap_or(0)])
}
