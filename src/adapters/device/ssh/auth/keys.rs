//! Logins with a public key: from the inventory, with a certificate, or held by an agent.

use std::path::PathBuf;
use std::sync::Arc;

use russh::client::{AuthResult, Handle};
use russh::keys::agent::AgentIdentity;
use russh::keys::agent::client::AgentClient;
use russh::keys::ssh_encoding::Encode as _;
use russh::keys::ssh_key::private::KeypairData;
use russh::keys::{Certificate, HashAlg, PrivateKey, PrivateKeyWithHashAlg, PublicKey, decode_secret_key, signature};
use russh::{AgentAuthError, Signer};

use super::{Answer, broke};
use crate::adapters::clock::Clock;
use crate::adapters::device::access::Agent;
use crate::adapters::device::ssh::client::{Client, Heard};
use crate::adapters::device::ssh::{Peer, algorithms, lower};
use crate::adapters::device::{DeviceError, DeviceProblem};
use crate::domain::secret::Secret;

/// Most keys of an agent that are offered: OpenSSH servers end the connection at the sixth refusal.
const AGENT_KEYS_MAX: usize = 5;
const ONLY_SHA1: &str = "the server takes RSA keys only with SHA-1; use another key, or `legacy_algorithms: true`";

/// Tries a private key, with its certificate where there is one.
pub(super) async fn by_key(
    handle: &mut Handle<Client>,
    (peer, heard): (&Peer<'_>, &Heard),
    key: &Secret,
    passphrase: Option<&Secret>,
    certificate: Option<&Secret>,
) -> Result<(String, Answer), DeviceError> {
    let key = decode(peer, key, passphrase)?;
    let certificate = certificate.map(|text| certificate_of(peer, text, &key)).transpose()?;
    let shown = shown(key.public_key(), certificate.as_ref());
    let Ok(hash) = hash_for(handle, key.public_key(), (peer, heard)).await? else {
        return Ok((shown, Answer::Skipped(ONLY_SHA1.into())));
    };
    let key = Arc::new(key);
    let mut answer = one_key(handle, (peer, heard), &key, (certificate.as_ref(), hash)).await?;
    // some old servers say that they know SHA-2 and refuse it all the same
    if hash.is_some() && peer.legacy_algorithms && answer_is_refusal(&answer) && !handle.is_closed() {
        answer = one_key(handle, (peer, heard), &key, (certificate.as_ref(), None)).await?;
    }
    Ok((shown, Answer::Told(answer)))
}

async fn one_key(
    handle: &mut Handle<Client>,
    (peer, heard): (&Peer<'_>, &Heard),
    key: &Arc<PrivateKey>,
    (certificate, hash): (Option<&Certificate>, Option<HashAlg>),
) -> Result<AuthResult, DeviceError> {
    match certificate {
        None => {
            let key = PrivateKeyWithHashAlg::new(Arc::clone(key), hash);
            handle.authenticate_publickey(peer.user, key).await.map_err(|error| broke(peer, heard, &error))
        }
        Some(certificate) => {
            let mut signer = Local(Arc::clone(key));
            let answer = handle.authenticate_certificate_with(peer.user, certificate.clone(), hash, &mut signer).await;
            answer.map_err(|error| signing_failed(peer, &error))
        }
    }
}

fn answer_is_refusal(answer: &AuthResult) -> bool {
    matches!(answer, AuthResult::Failure { partial_success: false, .. })
}

/// Tries the keys of an agent, one after the other.
pub(super) async fn by_agent(
    handle: &mut Handle<Client>,
    (peer, heard): (&Peer<'_>, &Heard),
    agent: &Agent,
) -> Result<(String, Answer), DeviceError> {
    let Some(socket) = agent.socket.clone().or_else(|| std::env::var_os("SSH_AUTH_SOCK").map(PathBuf::from)) else {
        return Ok(("the agent".into(), Answer::Skipped("SSH_AUTH_SOCK is not set for this process".into())));
    };
    let name = format!("the agent {}", socket.display());
    let failed = |error: &dyn std::fmt::Display| {
        (name.clone(), Answer::Skipped(format!("it cannot be used: {}", lower(&error.to_string()))))
    };
    let mut client = match AgentClient::connect_uds(&socket).await {
        Ok(client) => client,
        Err(error) => return Ok(failed(&error)),
    };
    if let Some(binding) = handle.agent_session_binding() {
        // an agent that does not know it has no constraints that need it
        let _ = client.bind_session(binding, false).await;
    }
    let identities = match client.request_identities().await {
        Ok(identities) => identities,
        Err(error) => return Ok(failed(&error)),
    };
    let wanted = |identity: &AgentIdentity| {
        let fingerprint = identity.public_key().fingerprint(HashAlg::Sha256).to_string();
        agent.fingerprint.as_ref().is_none_or(|wanted| *wanted == fingerprint)
    };
    let found = identities.len();
    let mut told = Vec::new();
    let mut last = None;
    for identity in identities.iter().filter(|identity| wanted(identity)).take(AGENT_KEYS_MAX) {
        let (words, answer) = offer(handle, (peer, heard), identity, &mut client).await?;
        told.push(words);
        match answer {
            Some(AuthResult::Failure { remaining_methods, partial_success: false }) => {
                last = Some(AuthResult::Failure { remaining_methods, partial_success: false });
            }
            Some(answer) => return Ok((told.pop().unwrap_or(name), Answer::Told(answer))),
            None => {}
        }
    }
    match last {
        Some(answer) => Ok((format!("{name} with {}", told.join(" and ")), Answer::Told(answer))),
        None if told.is_empty() => {
            Ok((name, Answer::Skipped(format!("none of its {found} keys is the one that is asked for"))))
        }
        None => Ok((name, Answer::Skipped(told.join(", ")))),
    }
}

/// Offers one key of an agent. Nothing is answered when the key could not be used.
async fn offer(
    handle: &mut Handle<Client>,
    (peer, heard): (&Peer<'_>, &Heard),
    identity: &AgentIdentity,
    agent: &mut AgentClient<tokio::net::UnixStream>,
) -> Result<(String, Option<AuthResult>), DeviceError> {
    let key = identity.public_key().into_owned();
    let hash = hash_for(handle, &key, (peer, heard)).await?;
    let (words, answer) = match (identity, hash) {
        (_, Err(())) => return Ok((format!("{} was not tried ({ONLY_SHA1})", shown(&key, None)), None)),
        (AgentIdentity::PublicKey { .. }, Ok(hash)) => {
            let words = shown(&key, None);
            (words, handle.authenticate_publickey_with(peer.user, key, hash, agent).await)
        }
        (AgentIdentity::Certificate { certificate, .. }, Ok(hash)) => {
            let words = shown(&key, Some(certificate));
            (words, handle.authenticate_certificate_with(peer.user, certificate.clone(), hash, agent).await)
        }
    };
    match answer {
        Ok(answer) => Ok((words, Some(answer))),
        Err(AgentAuthError::Key(error)) => {
            Ok((format!("{words} was not signed by the agent ({})", lower(&error.to_string())), None))
        }
        Err(AgentAuthError::Send(_)) => Err(broke(peer, heard, &russh::Error::SendError)),
    }
}

/// Signs with a key that is here; the library's own way cannot choose the hash for the certificate of an RSA key.
struct Local(Arc<PrivateKey>);

impl Signer for Local {
    type Error = AgentAuthError;

    async fn auth_sign(
        &mut self,
        _: &AgentIdentity,
        hash: Option<HashAlg>,
        mut data: Vec<u8>,
    ) -> Result<Vec<u8>, Self::Error> {
        let signed = match self.0.key_data() {
            KeypairData::Rsa(pair) => signature::Signer::try_sign(&(pair, hash), &data),
            pair => signature::Signer::try_sign(pair, &data),
        };
        let signature: russh::keys::ssh_key::Signature =
            signed.map_err(|error| AgentAuthError::Key(russh::keys::ssh_key::Error::from(error).into()))?;
        signature
            .encode_prefixed(&mut data)
            .map_err(|error| AgentAuthError::Key(russh::keys::ssh_key::Error::from(error).into()))?;
        Ok(data)
    }
}

fn decode(peer: &Peer<'_>, key: &Secret, passphrase: Option<&Secret>) -> Result<PrivateKey, DeviceError> {
    let user = peer.user;
    let decoded = decode_secret_key(key.expose(), passphrase.map(Secret::expose));
    let (message, hint) = match decoded {
        Ok(key) if !key.is_encrypted() => return Ok(key),
        Ok(_) | Err(russh::keys::Error::KeyIsEncrypted) => (
            format!("the private key for user {user} on {} is locked with a passphrase", peer.name),
            "add `passphrase:` with a reference to the credentials",
        ),
        Err(_) if passphrase.is_some() => (
            format!("the private key for user {user} on {} cannot be opened with its passphrase", peer.name),
            "check the key and the passphrase",
        ),
        Err(error) => (
            format!("the private key for user {user} on {} cannot be read: {}", peer.name, lower(&error.to_string())),
            "give an OpenSSH or PEM private key",
        ),
    };
    Err(DeviceError::refused(DeviceProblem::AuthFailed, message).hint(hint))
}

fn certificate_of(peer: &Peer<'_>, text: &Secret, key: &PrivateKey) -> Result<Certificate, DeviceError> {
    let wrong = |why: String, hint: &str| {
        let message = format!("the certificate for user {} on {} {why}", peer.user, peer.name);
        DeviceError::refused(DeviceProblem::AuthFailed, message).hint(hint)
    };
    let certificate = Certificate::from_openssh(text.expose().trim())
        .map_err(|_| wrong("cannot be read".into(), "give the one line of the `-cert.pub` file"))?;
    if certificate.public_key() != key.public_key().key_data() {
        return Err(wrong("is for another key".into(), "give the certificate of this private key"));
    }
    let now = u64::try_from(Clock::System.now().as_second()).unwrap_or_default();
    if now >= certificate.valid_before() {
        return Err(wrong(format!("({:?}) has expired", certificate.key_id()), "sign the key again"));
    }
    if now < certificate.valid_after() {
        return Err(wrong(format!("({:?}) is not valid yet", certificate.key_id()), "check the clocks"));
    }
    Ok(certificate)
}

/// The hash for an RSA key, nothing for others; `Err` when only SHA-1 would do and is not allowed.
async fn hash_for(
    handle: &Handle<Client>,
    key: &PublicKey,
    (peer, heard): (&Peer<'_>, &Heard),
) -> Result<Result<Option<HashAlg>, ()>, DeviceError> {
    if !key.algorithm().is_rsa() {
        return Ok(Ok(None));
    }
    let told = handle.best_supported_rsa_hash().await.map_err(|error| broke(peer, heard, &error))?;
    Ok(algorithms::rsa_hash(told, peer.legacy_algorithms))
}

fn shown(key: &PublicKey, certificate: Option<&Certificate>) -> String {
    let (kind, fingerprint) = (key.algorithm(), key.fingerprint(HashAlg::Sha256));
    match certificate {
        None => format!("public key {fingerprint} ({kind})"),
        Some(certificate) => {
            let names = certificate.valid_principals();
            let names = if names.is_empty() { "nobody".to_owned() } else { names.join(", ") };
            format!("certificate {:?} for {names} of key {fingerprint} ({kind})", certificate.key_id())
        }
    }
}

fn signing_failed(peer: &Peer<'_>, error: &AgentAuthError) -> DeviceError {
    let message = format!("the login of user {} on {} broke off: {}", peer.user, peer.name, lower(&error.to_string()));
    DeviceError::refused(DeviceProblem::AuthFailed, message).hint("check the key and its certificate")
}
