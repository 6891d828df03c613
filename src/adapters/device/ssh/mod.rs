//! SSH to one device: the way there, the handshake, the login, and the channels (a command, a terminal, a subsystem).

mod algorithms;

mod auth;

mod channels;

mod client;

mod host_key;

pub mod jump;

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use russh::client::{Config, Handle};
use tokio::time::timeout;

pub use self::channels::ExecOutput;
use self::client::{Client, Heard};
use self::jump::Stream;
use super::access::{Auth, Jump, Keepalive, Transport};
use super::telnet::TelnetLine;
use super::{Certainty, DeviceError, DeviceProblem, HostKey, Target};

/// A logged-in connection; by Telnet it logs in when its terminal is opened, and has nothing else.
pub struct Connection {
    link: Link,
    name: String,
    host_key: String,
    command_timeout: Duration,
}

/// What carries the connection.
enum Link {
    Ssh { handle: Handle<Client>, heard: Heard },
    Telnet(Box<TelnetLine>),
}

/// One SSH server to log in to: the device, or a host on the way to it.
struct Peer<'a> {
    /// Name, address and port, for messages.
    name: String,
    address: &'a str,
    user: &'a str,
    auth: &'a [Auth],
    host_key: &'a HostKey,
    legacy_algorithms: bool,
    bounds: Bounds,
}

/// The times that bound a connection.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    connect: Duration,
    login: Duration,
    command: Duration,
    keepalive: Keepalive,
}

impl Bounds {
    fn of(target: &Target) -> Self {
        Self {
            connect: target.connect_timeout,
            login: target.access.login_timeout.unwrap_or(target.connect_timeout),
            command: target.command_timeout,
            keepalive: target.access.keepalive,
        }
    }
}

impl<'a> Peer<'a> {
    fn device(target: &'a Target) -> Self {
        Self {
            name: name_of(target),
            address: &target.address,
            user: &target.user,
            auth: &target.auth,
            host_key: &target.host_key,
            legacy_algorithms: target.legacy_algorithms,
            bounds: Bounds::of(target),
        }
    }

    fn jump(jump: &'a Jump, bounds: Bounds) -> Self {
        Self {
            name: format!("jump host {} ({}:{})", jump.name, jump.address, jump.port),
            address: &jump.address,
            user: &jump.user,
            auth: &jump.auth,
            host_key: &jump.host_key,
            legacy_algorithms: jump.legacy_algorithms,
            bounds,
        }
    }
}

/// The name of a device for messages: the inventory's name, address and port.
pub fn name_of(target: &Target) -> String {
    format!("{} ({}:{})", target.device, target.address, target.port)
}

impl Connection {
    /// Connects, through the jump hosts of the target, and logs in.
    ///
    /// # Errors
    /// Always `Refused`; names the address and port, never a secret.
    pub async fn open(target: &Target) -> Result<Self, DeviceError> {
        let stream = jump::open(target).await?;
        match target.access.transport {
            Transport::Ssh => Self::over(stream, &Peer::device(target)).await,
            Transport::Telnet => Ok(Self {
                link: Link::Telnet(Box::new(TelnetLine::new(target, stream))),
                name: name_of(target),
                host_key: String::new(),
                command_timeout: target.command_timeout,
            }),
        }
    }

    /// Does the handshake and logs in over a byte stream that stands already.
    fn over<'a>(stream: Stream, peer: &'a Peer<'a>) -> BoxFuture<'a, Result<Self, DeviceError>> {
        async move {
            let heard = Heard::default();
            let client = Client::new(peer.host_key, peer.address, heard.clone());
            let keepalive = peer.bounds.keepalive;
            let config = Arc::new(Config {
                preferred: algorithms::preferred(peer.legacy_algorithms, peer.host_key),
                gex: algorithms::groups(peer.legacy_algorithms),
                keepalive_interval: Some(keepalive.interval).filter(|interval| !interval.is_zero()),
                // the library takes 0 for never
                keepalive_max: usize::try_from(keepalive.count).unwrap_or(usize::MAX).max(1),
                nodelay: true,
                ..Config::default()
            });
            let handshake = timeout(peer.bounds.connect, russh::client::connect_stream(config, stream, client)).await;
            let shown = heard.host_key();
            let mut handle = match handshake {
                Err(_) => return Err(slow(&peer.name, "no SSH handshake", peer.bounds.connect)),
                Ok(Err(error)) => return Err(client::handshake_failed(peer, &shown, &error)),
                Ok(Ok(handle)) => handle,
            };
            match timeout(peer.bounds.login, auth::log_in(&mut handle, peer, &heard)).await {
                Err(_) => Err(slow(&peer.name, "no answer to the login", peer.bounds.login)),
                Ok(Err(error)) => Err(error),
                Ok(Ok(())) => Ok(Self {
                    link: Link::Ssh { handle, heard },
                    name: peer.name.clone(),
                    host_key: shown.fingerprint,
                    command_timeout: peer.bounds.command,
                }),
            }
        }
        .boxed()
    }

    /// The fingerprint that the device showed; empty by Telnet, which has none.
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

    /// Tells whether the connection has ended: the device closed it, or did not answer keepalives.
    pub fn is_closed(&self) -> bool {
        match &self.link {
            Link::Ssh { handle, .. } => handle.is_closed(),
            Link::Telnet(_) => false,
        }
    }

    /// Ends the connection.
    pub async fn close(&self) {
        // it ends either way when the handle is dropped
        if let Link::Ssh { handle, .. } = &self.link {
            let _ = handle.disconnect(russh::Disconnect::ByApplication, "", "").await;
        }
    }
}

/// Turns an error into one after which nobody knows what happened.
pub fn lost(error: DeviceError) -> DeviceError {
    DeviceError { certainty: Certainty::Lost, ..error }
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
        russh::Error::KeepaliveTimeout => "it did not answer keepalives".to_owned(),
        other => lower(&other.to_string()),
    }
}

fn lower(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

/// Words of the other side for a message: one line, no control characters, not long.
fn quoted(text: &str) -> String {
    const CHARS_MAX: usize = 400;
    let clean = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let line: String = clean.take(CHARS_MAX).collect();
    line.trim().to_owned()
}
