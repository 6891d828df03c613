//! SSH to one device: TCP, host key, login, and the two kinds of channels (a command, a terminal).
//!
//! Kept apart so that a jump host only changes how the byte stream is opened.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use russh::client::{self, AuthResult, KeyboardInteractiveAuthResponse};
use russh::keys::{Algorithm, EcdsaCurve, HashAlg, PrivateKeyWithHashAlg, PublicKey, decode_secret_key};
use russh::{Channel, ChannelMsg, MethodKind, MethodSet, Preferred, cipher, kex, mac};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{Auth, DeviceError, DeviceProblem, HostKey, Target};
use crate::domain::limits::COMMAND_OUTPUT_BYTES_MAX;
use crate::domain::platform::session::TerminalKind;
use crate::domain::secret::Secret;

/// A silent peer is asked whether it still lives this often.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);
/// Questions of keyboard-interactive rounds that are answered before giving up.
const INTERACTIVE_ROUNDS_MAX: usize = 4;
/// Algorithms that are safe, and common on devices, beyond the library's own choice.
const KEX_SAFE: [kex::Name; 3] = [kex::ECDH_SHA2_NISTP256, kex::ECDH_SHA2_NISTP384, kex::ECDH_SHA2_NISTP521];
const KEX_LEGACY: [kex::Name; 3] = [kex::DH_G14_SHA1, kex::DH_GEX_SHA1, kex::DH_G1_SHA1];
const CIPHERS_LEGACY: [cipher::Name; 4] =
    [cipher::AES_256_CBC, cipher::AES_192_CBC, cipher::AES_128_CBC, cipher::TRIPLE_DES_CBC];
const MACS_LEGACY: [mac::Name; 2] = [mac::HMAC_SHA1_ETM, mac::HMAC_SHA1];

/// A logged-in connection.
pub struct Connection {
    handle: client::Handle<Client>,
    name: String,
    host_key: String,
    command_timeout: Duration,
}

/// What a command channel brought.
#[derive(Clone, Debug)]
pub struct ExecOutput {
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// The exit status, when the server told it.
    pub status: Option<u32>,
}

/// The host key that was shown, and whether it was accepted.
#[derive(Clone, Debug, Default)]
struct Shown {
    algorithm: String,
    fingerprint: String,
    accepted: bool,
}

/// The client side of the protocol: decides about the host key only.
struct Client {
    expected: HostKey,
    shown: Arc<Mutex<Shown>>,
}

impl client::Handler for Client {
    type Error = russh::Error;

    async fn check_server_key(&mut self, key: &russh::keys::PublicKeyOrCertificate) -> Result<bool, Self::Error> {
        let key = match key {
            russh::keys::PublicKeyOrCertificate::PublicKey { key, .. } => key.clone(),
            russh::keys::PublicKeyOrCertificate::Certificate(certificate) => {
                PublicKey::from(certificate.public_key().clone())
            }
        };
        let fingerprint = key.fingerprint(HashAlg::Sha256).to_string();
        let accepted = match &self.expected {
            HostKey::Pinned(pinned) => pinned.trim().trim_end_matches('=') == fingerprint,
            HostKey::AcceptNew => true,
            HostKey::Unknown => false,
        };
        let shown = Shown { algorithm: key.algorithm().to_string(), fingerprint, accepted };
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = shown;
        Ok(accepted)
    }
}

impl Connection {
    /// Connects and logs in.
    ///
    /// # Errors
    /// Always `Refused`; names the address and port, never a secret.
    pub async fn open(target: &Target) -> Result<Self, DeviceError> {
        let name = format!("{} ({}:{})", target.device, target.address, target.port);
        let stream = open_stream(target, &name).await?;
        let shown = Arc::new(Mutex::new(Shown::default()));
        let client = Client { expected: target.host_key.clone(), shown: Arc::clone(&shown) };
        let config = Arc::new(client::Config {
            preferred: algorithms(target.legacy_algorithms),
            keepalive_interval: Some(KEEPALIVE_INTERVAL),
            nodelay: true,
            ..client::Config::default()
        });
        let handshake = timeout(target.connect_timeout, client::connect_stream(config, stream, client)).await;
        let shown = shown.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut handle = match handshake {
            Err(_) => return Err(slow(&name, "no SSH handshake", target.connect_timeout)),
            Ok(Err(error)) => return Err(handshake_failed(target, &name, &shown, &error)),
            Ok(Ok(handle)) => handle,
        };
        match timeout(target.connect_timeout, login(&mut handle, target, &name)).await {
            Err(_) => Err(slow(&name, "no answer to the login", target.connect_timeout)),
            Ok(Err(error)) => Err(error),
            Ok(Ok(())) => {
                Ok(Self { handle, name, host_key: shown.fingerprint, command_timeout: target.command_timeout })
            }
        }
    }

    /// The fingerprint that the device showed.
    pub fn host_key(&self) -> &str {
        &self.host_key
    }

    /// The device's name, address and port, for messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Bound on waiting for any new output.
    pub fn command_timeout(&self) -> Duration {
        self.command_timeout
    }

    /// Opens a terminal; runs a command on it, or the login shell.
    ///
    /// # Errors
    /// `Refused` when the connection is gone or the server does not give a terminal.
    pub async fn terminal(
        &self,
        kind: &TerminalKind,
        command: Option<&str>,
    ) -> Result<Channel<client::Msg>, DeviceError> {
        let name = &self.name;
        let opening = async {
            let channel = self.handle.channel_open_session().await?;
            channel.request_pty(false, &kind.name, kind.columns, kind.rows, 0, 0, &[]).await?;
            match command {
                Some(command) => channel.exec(true, command).await?,
                None => channel.request_shell(true).await?,
            }
            Ok::<_, russh::Error>(channel)
        };
        match timeout(self.command_timeout, opening).await {
            Err(_) => Err(slow(name, "no terminal", self.command_timeout)),
            Ok(Err(error)) => Err(gone(name, &error)),
            Ok(Ok(channel)) => Ok(channel),
        }
    }

    /// Runs a command on its own channel, with `input` as its standard input.
    ///
    /// # Errors
    /// `Refused` when it could not be started, `Lost` when its end was not seen.
    pub async fn exec(&self, command: &str, input: &str) -> Result<ExecOutput, DeviceError> {
        self.exec_within(command, input, self.command_timeout).await
    }

    /// Like [`Self::exec`], with another bound on waiting without any new output.
    ///
    /// # Errors
    /// As [`Self::exec`].
    pub async fn exec_within(
        &self,
        command: &str,
        input: &str,
        silence_max: Duration,
    ) -> Result<ExecOutput, DeviceError> {
        let name = &self.name;
        let opening = async {
            let channel = self.handle.channel_open_session().await?;
            channel.exec(true, command).await?;
            Ok::<_, russh::Error>(channel)
        };
        let mut channel = match timeout(silence_max, opening).await {
            Err(_) => return Err(slow(name, "no command channel", silence_max)),
            Ok(Err(error)) => return Err(gone(name, &error)),
            Ok(Ok(channel)) => channel,
        };
        if !input.is_empty() {
            let sending = channel.data_bytes(input.as_bytes().to_vec());
            match timeout(silence_max, sending).await {
                Err(_) => return Err(lost(slow(name, "the input of a command was not taken", silence_max))),
                Ok(Err(error)) => return Err(lost(gone(name, &error))),
                Ok(Ok(())) => {}
            }
        }
        // the other side may have ended already, which the output will tell
        let _ = channel.eof().await;
        collect(name, &mut channel, silence_max).await
    }

    /// Opens a subsystem: `netconf`.
    ///
    /// # Errors
    /// `Refused` when the connection is gone or the server does not have it.
    pub async fn subsystem(&self, subsystem: &str) -> Result<Channel<client::Msg>, DeviceError> {
        let name = self.name();
        let opening = async {
            let mut channel = self.handle.channel_open_session().await?;
            channel.request_subsystem(true, subsystem).await?;
            let is_there = loop {
                match channel.wait().await {
                    Some(ChannelMsg::Success) => break true,
                    Some(ChannelMsg::Failure | ChannelMsg::Close) | None => break false,
                    Some(_) => {}
                }
            };
            Ok::<_, russh::Error>((channel, is_there))
        };
        match timeout(self.command_timeout, opening).await {
            Err(_) => Err(slow(name, &format!("no {subsystem} subsystem"), self.command_timeout)),
            Ok(Err(error)) => Err(gone(name, &error)),
            Ok(Ok((channel, true))) => Ok(channel),
            Ok(Ok((_, false))) => {
                let message = format!("{name} does not have the subsystem {subsystem}");
                Err(DeviceError::refused(DeviceProblem::Rejected, message).hint("enable it on the device"))
            }
        }
    }

    /// Ends the connection.
    pub async fn close(&self) {
        // it ends either way when the handle is dropped
        let _ = self.handle.disconnect(russh::Disconnect::ByApplication, "", "").await;
    }
}

/// Turns an error into one after which nobody knows what happened.
pub fn lost(error: DeviceError) -> DeviceError {
    DeviceError { certainty: super::Certainty::Lost, ..error }
}

async fn collect(
    name: &str,
    channel: &mut Channel<client::Msg>,
    silence_max: Duration,
) -> Result<ExecOutput, DeviceError> {
    let (mut stdout, mut stderr, mut status) = (Vec::new(), Vec::new(), None);
    loop {
        let Ok(message) = timeout(silence_max, channel.wait()).await else {
            return Err(lost(slow(name, "a command did not end", silence_max)));
        };
        match message {
            Some(ChannelMsg::Data { data }) => stdout.extend_from_slice(&data),
            Some(ChannelMsg::ExtendedData { data, .. }) => stderr.extend_from_slice(&data),
            Some(ChannelMsg::ExitStatus { exit_status }) => status = Some(exit_status),
            Some(ChannelMsg::ExitSignal { .. }) => status = Some(255),
            Some(ChannelMsg::Failure) => {
                return Err(DeviceError::refused(DeviceProblem::Rejected, format!("{name} refused to run a command")));
            }
            Some(ChannelMsg::Close) => break,
            None if status.is_none() => {
                let message = format!("{name} closed the connection while a command was running");
                return Err(DeviceError::lost(DeviceProblem::Unreachable, message));
            }
            None => break,
            Some(_) => {}
        }
        if stdout.len() + stderr.len() > COMMAND_OUTPUT_BYTES_MAX {
            let message =
                format!("{name} answered more than {COMMAND_OUTPUT_BYTES_MAX} bytes (limit COMMAND_OUTPUT_BYTES_MAX)");
            return Err(DeviceError::lost(DeviceProblem::Protocol, message));
        }
    }
    let text = |bytes: Vec<u8>| match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    };
    Ok(ExecOutput { stdout: text(stdout), stderr: text(stderr), status })
}

/// Opens the byte stream to the device. A jump host would open a forwarded channel here.
async fn open_stream(target: &Target, name: &str) -> Result<TcpStream, DeviceError> {
    let connecting = TcpStream::connect((target.address.as_str(), target.port));
    match timeout(target.connect_timeout, connecting).await {
        Err(_) => Err(slow(name, "no TCP connection", target.connect_timeout)
            .hint("check the address, the route and the firewall between here and the device")),
        Ok(Err(error)) => {
            let hint = match error.kind() {
                std::io::ErrorKind::ConnectionRefused => "nothing listens there: check the port and the SSH service",
                _ => "check the address in the inventory and the route to it",
            };
            let message = format!("cannot connect to {name}: {}", lower(&error.to_string()));
            Err(DeviceError::refused(DeviceProblem::Unreachable, message).hint(hint))
        }
        Ok(Ok(stream)) => {
            // latency only; a socket that cannot do it still works
            let _ = stream.set_nodelay(true);
            Ok(stream)
        }
    }
}

fn algorithms(legacy: bool) -> Preferred {
    let default = Preferred::DEFAULT;
    let mut kex: Vec<_> = default.kex.to_vec();
    kex.splice(3..3, KEX_SAFE);
    let mut keys: Vec<Algorithm> =
        default.key.iter().filter(|key| !matches!(key, Algorithm::Rsa { hash: None })).cloned().collect();
    let mut ciphers = default.cipher.to_vec();
    ciphers.insert(2, cipher::AES_128_GCM);
    let mut macs = default.mac.to_vec();
    if legacy {
        kex.extend(KEX_LEGACY);
        keys.extend([Algorithm::Rsa { hash: None }, Algorithm::Dsa]);
        ciphers.extend(CIPHERS_LEGACY);
        macs.extend(MACS_LEGACY);
    }
    debug_assert!(keys.contains(&Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 }));
    Preferred {
        kex: Cow::Owned(kex),
        key: Cow::Owned(keys),
        cipher: Cow::Owned(ciphers),
        mac: Cow::Owned(macs),
        ..default
    }
}

fn handshake_failed(target: &Target, name: &str, shown: &Shown, error: &russh::Error) -> DeviceError {
    if !shown.fingerprint.is_empty() && !shown.accepted {
        let (kind, fingerprint) = (&shown.algorithm, &shown.fingerprint);
        return match &target.host_key {
            HostKey::Pinned(pinned) => DeviceError::refused(
                DeviceProblem::HostKey,
                format!("{name} shows the host key {fingerprint} ({kind}), but the inventory expects {pinned}"),
            )
            .hint("somebody may be in between; if the device was replaced, check the key on its console and update `host_key`"),
            HostKey::Unknown | HostKey::AcceptNew => DeviceError::refused(
                DeviceProblem::HostKey,
                format!("the host key of {name} is not known yet: {fingerprint} ({kind})"),
            )
            .hint(format!("compare it on the device's console, then write in the inventory: host_key: \"{fingerprint}\"")),
        };
    }
    if let russh::Error::NoCommonAlgo { kind, theirs, .. } = error {
        let message = format!("{name} offers no {kind:?} algorithm that is considered safe: {}", theirs.join(", "));
        let hint = "update the device, or set `legacy_algorithms: true` for it in the inventory";
        return DeviceError::refused(DeviceProblem::Protocol, message).hint(hint);
    }
    let message = format!("the SSH handshake with {name} failed: {}", words(error));
    DeviceError::refused(DeviceProblem::Unreachable, message).hint("check that an SSH server answers on this port")
}

async fn login(handle: &mut client::Handle<Client>, target: &Target, name: &str) -> Result<(), DeviceError> {
    let mut tried = Vec::new();
    let mut open: Option<MethodSet> = None;
    for auth in &target.auth {
        let (kind, answer) = match auth {
            Auth::Key(key) => ("public key", by_key(handle, target, key).boxed().await?),
            Auth::Password(password) => ("password", by_password(handle, target, password, open.as_ref()).await?),
        };
        tried.push(kind);
        match answer {
            AuthResult::Success => return Ok(()),
            AuthResult::Failure { remaining_methods, .. } => open = Some(remaining_methods),
        }
    }
    if tried.is_empty() {
        let message = format!("no credentials for user {} on {name}", target.user);
        return Err(DeviceError::refused(DeviceProblem::AuthFailed, message).hint("add `credentials` to the inventory"));
    }
    let methods: Vec<String> = open.iter().flat_map(|set| set.iter()).map(String::from).collect();
    let message = format!("{name} did not accept user {} with {}", target.user, tried.join(", then "));
    Err(DeviceError::refused(DeviceProblem::AuthFailed, message)
        .hint(format!("check user and credentials; the device accepts {}", methods.join(", "))))
}

async fn by_key(handle: &mut client::Handle<Client>, target: &Target, key: &Secret) -> Result<AuthResult, DeviceError> {
    let key = decode_secret_key(key.expose(), None).map_err(|error| {
        let message = format!("the private key for user {} cannot be read: {}", target.user, lower(&error.to_string()));
        DeviceError::refused(DeviceProblem::AuthFailed, message)
            .hint("give an OpenSSH or PEM private key without a passphrase")
    })?;
    let hash = if key.algorithm().is_rsa() {
        let fallback = if target.legacy_algorithms { None } else { Some(HashAlg::Sha512) };
        match handle.best_supported_rsa_hash().await.map_err(|error| auth_broke(target, &error))? {
            Some(None) | None => fallback,
            Some(hash) => hash,
        }
    } else {
        None
    };
    let key = PrivateKeyWithHashAlg::new(Arc::new(key), hash);
    handle.authenticate_publickey(&target.user, key).await.map_err(|error| auth_broke(target, &error))
}

/// Tries `password`, and `keyboard-interactive` only where the device does not offer `password`: a wrong password
/// must not count twice against a lock-out.
async fn by_password(
    handle: &mut client::Handle<Client>,
    target: &Target,
    password: &Secret,
    open: Option<&MethodSet>,
) -> Result<AuthResult, DeviceError> {
    if open.is_none_or(|methods| methods.contains(&MethodKind::Password)) {
        let answer = handle.authenticate_password(&target.user, password.expose()).await;
        let answer = answer.map_err(|error| auth_broke(target, &error))?;
        let AuthResult::Failure { remaining_methods, .. } = &answer else { return Ok(answer) };
        let interactive = remaining_methods.contains(&MethodKind::KeyboardInteractive);
        if !interactive || remaining_methods.contains(&MethodKind::Password) {
            return Ok(answer);
        }
    }
    let mut answer = handle.authenticate_keyboard_interactive_start(&target.user, None).await;
    for _ in 0..INTERACTIVE_ROUNDS_MAX {
        match answer.map_err(|error| auth_broke(target, &error))? {
            KeyboardInteractiveAuthResponse::Success => return Ok(AuthResult::Success),
            KeyboardInteractiveAuthResponse::Failure { remaining_methods, partial_success } => {
                return Ok(AuthResult::Failure { remaining_methods, partial_success });
            }
            KeyboardInteractiveAuthResponse::InfoRequest { prompts, .. } => {
                let respond = |echo| if echo { target.user.clone() } else { password.expose().to_owned() };
                let answers = prompts.iter().map(|prompt| respond(prompt.echo)).collect();
                answer = handle.authenticate_keyboard_interactive_respond(answers).await;
            }
        }
    }
    Ok(AuthResult::Failure { remaining_methods: MethodSet::empty(), partial_success: false })
}

fn auth_broke(target: &Target, error: &russh::Error) -> DeviceError {
    let message =
        format!("{}:{} ended the login of user {}: {}", target.address, target.port, target.user, words(error));
    DeviceError::refused(DeviceProblem::AuthFailed, message)
        .hint("it may allow fewer attempts, or refuse this user; see the log of the device")
}

fn slow(name: &str, what: &str, waited: Duration) -> DeviceError {
    DeviceError::refused(DeviceProblem::Timeout, format!("{name}: {what} within {waited:?}"))
}

fn gone(name: &str, error: &russh::Error) -> DeviceError {
    DeviceError::refused(DeviceProblem::Unreachable, format!("the connection to {name} is gone: {}", words(error)))
}

fn words(error: &russh::Error) -> String {
    match error {
        russh::Error::Disconnect | russh::Error::HUP => "it closed the connection".to_owned(),
        russh::Error::SendError | russh::Error::RecvError => "the connection ended".to_owned(),
        other => lower(&other.to_string()),
    }
}

fn lower(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}
