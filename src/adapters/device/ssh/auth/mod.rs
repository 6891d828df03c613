//! The login: which credential is tried by which method, in the order of the credentials and of what the server offers.

mod interactive;

mod keys;

use futures::FutureExt as _;
use russh::client::{AuthResult, Handle};
use russh::{MethodKind, MethodSet};

use super::client::{Client, Heard};
use super::{Peer, words};
use crate::adapters::device::access::Auth;
use crate::adapters::device::{DeviceError, DeviceProblem};

/// Most methods that are tried: a server counts each, and locks an account after too many.
const ATTEMPTS_MAX: usize = 12;

/// What became of one attempt.
enum Answer {
    /// The server answered.
    Told(AuthResult),
    /// It was not even tried, for this reason.
    Skipped(String),
}

/// One attempt that was made, for the message when none is left.
struct Attempt {
    credential: usize,
    method: MethodKind,
    was_accepted: bool,
    shown: String,
}

/// Logs in, or says what was tried and what the server offers. Never sends a credential by a method that is not offered.
///
/// # Errors
/// `Refused`, never with a secret.
pub(super) async fn log_in(handle: &mut Handle<Client>, peer: &Peer<'_>, heard: &Heard) -> Result<(), DeviceError> {
    // as OpenSSH does: tells what is offered, and some old devices ask for the account on the terminal instead
    let mut offered = match handle.authenticate_none(peer.user).await.map_err(|error| broke(peer, heard, &error))? {
        AuthResult::Success => return Ok(()),
        AuthResult::Failure { remaining_methods, .. } => remaining_methods,
    };
    if peer.auth.is_empty() {
        let message = format!("no credentials for user {} on {}", peer.user, peer.name);
        return Err(DeviceError::refused(DeviceProblem::AuthFailed, message).hint("add `credentials` to the inventory"));
    }
    let mut made: Vec<Attempt> = Vec::new();
    while let Some((credential, method)) = next(peer.auth, &offered, &made) {
        let (shown, answer) = attempt(handle, peer, heard, (&peer.auth[credential], method)).await?;
        let mut attempt = Attempt { credential, method, was_accepted: false, shown };
        match answer {
            Answer::Told(AuthResult::Success) => return Ok(()),
            Answer::Told(AuthResult::Failure { remaining_methods, partial_success }) => {
                if remaining_methods.is_empty() && handle.is_closed() {
                    attempt.shown.push_str(" was refused");
                    made.push(attempt);
                    break;
                }
                attempt.was_accepted = partial_success;
                attempt.shown.push_str(if partial_success { " was accepted, but not enough" } else { " was refused" });
                offered = remaining_methods;
            }
            Answer::Skipped(why) => attempt.shown = format!("{} was not tried ({why})", attempt.shown),
        }
        made.push(attempt);
    }
    Err(refused(peer, heard, &made, &offered))
}

/// Chooses the next credential and method: the first that is offered and was not tried yet.
fn next(auth: &[Auth], offered: &MethodSet, made: &[Attempt]) -> Option<(usize, MethodKind)> {
    if made.len() >= ATTEMPTS_MAX {
        return None;
    }
    let can = |credential: usize, method: MethodKind| {
        let tried = |method| made.iter().find(|attempt| attempt.credential == credential && attempt.method == method);
        if !offered.contains(&method) || tried(method).is_some() {
            return false;
        }
        // a wrong password must not count twice against a lock-out
        let refused_before = tried(MethodKind::Password).is_some_and(|attempt| !attempt.was_accepted);
        !(method == MethodKind::KeyboardInteractive && refused_before && offered.contains(&MethodKind::Password))
    };
    auth.iter().enumerate().find_map(|(credential, auth)| {
        let methods: &[MethodKind] = match auth {
            Auth::Password(_) => &[MethodKind::Password, MethodKind::KeyboardInteractive],
            Auth::Key(_) | Auth::Identity(_) | Auth::Agent(_) => &[MethodKind::PublicKey],
            Auth::Answers(_) => &[MethodKind::KeyboardInteractive],
        };
        methods.iter().find(|method| can(credential, **method)).map(|method| (credential, *method))
    })
}

/// Makes one attempt and says what it was.
async fn attempt(
    handle: &mut Handle<Client>,
    peer: &Peer<'_>,
    heard: &Heard,
    (auth, method): (&Auth, MethodKind),
) -> Result<(String, Answer), DeviceError> {
    match auth {
        Auth::Key(key) => keys::by_key(handle, (peer, heard), key, None, None).boxed().await,
        Auth::Identity(identity) => {
            let (passphrase, certificate) = (identity.passphrase.as_ref(), identity.certificate.as_ref());
            keys::by_key(handle, (peer, heard), &identity.key, passphrase, certificate).boxed().await
        }
        Auth::Agent(agent) => keys::by_agent(handle, (peer, heard), agent).boxed().await,
        Auth::Password(password) if method == MethodKind::Password => {
            let answer = handle.authenticate_password(peer.user, password.expose()).await;
            Ok(("password".to_owned(), Answer::Told(answer.map_err(|error| broke(peer, heard, &error))?)))
        }
        Auth::Password(_) | Auth::Answers(_) => interactive::by_questions(handle, (peer, heard), auth).boxed().await,
    }
}

fn refused(peer: &Peer<'_>, heard: &Heard, made: &[Attempt], offered: &MethodSet) -> DeviceError {
    let offers: Vec<String> = offered.iter().map(String::from).collect();
    let offers = if offers.is_empty() { "nothing more".to_owned() } else { offers.join(", ") };
    let tried: Vec<&str> = made.iter().map(|attempt| attempt.shown.as_str()).collect();
    let (name, user) = (&peer.name, peer.user);
    let message = if tried.is_empty() {
        format!("{name} offers user {user} no method that fits the credentials: it offers {offers}")
    } else {
        let farewell = Some(heard.farewell()).filter(|words| !words.is_empty());
        let farewell = farewell.map(|words| format!("; {words}")).unwrap_or_default();
        format!("{name} did not accept user {user}: {}; it offers {offers}{farewell}", tried.join(", then "))
    };
    DeviceError::refused(DeviceProblem::AuthFailed, message)
        .hint("check user and credentials, and the methods that the server allows for this user")
}

fn broke(peer: &Peer<'_>, heard: &Heard, error: &russh::Error) -> DeviceError {
    let farewell = Some(heard.farewell()).filter(|words| !words.is_empty()).unwrap_or_else(|| words(error));
    let message = format!("{} ended the login of user {}: {farewell}", peer.name, peer.user);
    DeviceError::refused(DeviceProblem::AuthFailed, message)
        .hint("it may allow fewer attempts, or refuse this user; see the log of the device")
}
