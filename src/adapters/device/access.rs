//! How a device is reached and entered: transport, hosts in between, ways to log in, and when silence means that it is gone.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use regex::Regex;

use super::HostKey;
use crate::domain::secret::Secret;

/// A silent device is asked whether it still lives this often, unless the inventory says otherwise.
pub const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);
/// So many questions without an answer end the connection, unless the inventory says otherwise.
pub const KEEPALIVE_COUNT: u32 = 3;

/// What carries the command line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    /// SSH (RFC 4251).
    #[default]
    Ssh,
    /// Telnet (RFC 854): everything, the password included, is sent in clear.
    Telnet,
}

/// How a device is reached, beside its address and account. The default is SSH without any host in between.
#[derive(Clone, Default)]
pub struct Access {
    /// What carries the command line.
    pub transport: Transport,
    /// The SSH servers to go through, the first one first.
    pub jumps: Vec<Jump>,
    /// When silence means that the other side is gone.
    pub keepalive: Keepalive,
    /// Bound on the login after the connection stands; the bound on connecting when it is not set.
    pub login_timeout: Option<Duration>,
    /// Who else may log in at the same time, the narrowest first.
    pub limits: Vec<LoginLimit>,
}

/// An SSH server that forwards the connection, with an account and a host key policy of its own.
#[derive(Clone)]
pub struct Jump {
    /// Its name in the settings, for messages.
    pub name: String,
    /// Address or host name, as the hop before it sees it.
    pub address: String,
    /// TCP port.
    pub port: u16,
    /// Login name.
    pub user: String,
    /// Ways to log in, in the order in which they are tried.
    pub auth: Vec<Auth>,
    /// What to believe about its host key.
    pub host_key: HostKey,
    /// Whether algorithms that are no longer safe may be offered.
    pub legacy_algorithms: bool,
    /// Gets the fingerprint that it showed, once it is believed; the caller remembers it.
    pub shown: Arc<OnceLock<String>>,
}

/// So many logins may go on at the same time among all targets that name this limit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LoginLimit {
    /// Who shares it, for example `site ams`.
    pub name: String,
    /// How many; at least 1.
    pub logins_max: u32,
}

/// When silence means that the other side is gone: after `interval` × (`count` + 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keepalive {
    /// How long the other side may be silent before it is asked; zero never asks.
    pub interval: Duration,
    /// So many questions without an answer end the connection; at least 1.
    pub count: u32,
}

impl Default for Keepalive {
    fn default() -> Self {
        Self { interval: KEEPALIVE_INTERVAL, count: KEEPALIVE_COUNT }
    }
}

/// One way to log in.
#[derive(Clone)]
pub enum Auth {
    /// Password, also used to answer a question of keyboard-interactive that asks for one.
    Password(Secret),
    /// A private key in OpenSSH or PEM form, without a passphrase.
    Key(Secret),
    /// A private key with a passphrase, a certificate, or both.
    Identity(Box<Identity>),
    /// The keys that an agent holds.
    Agent(Agent),
    /// Answers to the questions of keyboard-interactive.
    Answers(Vec<Answer>),
}

/// A private key and what belongs to it.
#[derive(Clone)]
pub struct Identity {
    /// The private key in OpenSSH or PEM form.
    pub key: Secret,
    /// What opens the key.
    pub passphrase: Option<Secret>,
    /// The OpenSSH certificate of the key: the line of its `-cert.pub` file.
    pub certificate: Option<Secret>,
}

/// An agent that signs with keys that it does not give away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    /// Its socket; `SSH_AUTH_SOCK` of this process when it is not set.
    pub socket: Option<PathBuf>,
    /// Only the key with this fingerprint, `SHA256:…`.
    pub fingerprint: Option<String>,
}

/// The answer to one question of keyboard-interactive.
#[derive(Clone)]
pub struct Answer {
    /// Fits the question.
    pub question: Regex,
    /// What is answered.
    pub answer: Secret,
}

impl Auth {
    /// Names everything that decides which account this is, secrets included: for a digest, never for a text.
    pub(super) fn identify(&self, add: &mut dyn FnMut(&[u8])) {
        match self {
            Self::Password(password) => {
                add(b"password");
                add(password.expose().as_bytes());
            }
            Self::Key(key) => {
                add(b"key");
                add(key.expose().as_bytes());
            }
            Self::Identity(identity) => {
                add(b"identity");
                add(identity.key.expose().as_bytes());
                for part in [&identity.passphrase, &identity.certificate] {
                    add(part.as_ref().map(Secret::expose).unwrap_or_default().as_bytes());
                }
            }
            Self::Agent(agent) => {
                add(b"agent");
                add(agent.socket.as_ref().map(|path| path.as_os_str().as_encoded_bytes()).unwrap_or_default());
                add(agent.fingerprint.as_deref().unwrap_or_default().as_bytes());
            }
            Self::Answers(answers) => {
                add(b"answers");
                for answer in answers {
                    add(answer.question.as_str().as_bytes());
                    add(answer.answer.expose().as_bytes());
                }
            }
        }
    }
}

impl HostKey {
    /// Names what is believed, for a digest.
    pub(super) fn identify(&self, add: &mut dyn FnMut(&[u8])) {
        match self {
            // a key that was accepted before is as good as one that is written down
            Self::Pinned(fingerprint) | Self::Remembered(fingerprint) => add(fingerprint.as_bytes()),
            Self::Authority(authorities) => {
                add(b"authorities");
                authorities.iter().for_each(|authority| add(authority.as_bytes()));
            }
            Self::AcceptNew => add(b"accept new"),
            Self::Unknown => add(b"unknown"),
        }
    }
}

impl Access {
    /// Names the way to a device, for a digest.
    pub(super) fn identify(&self, add: &mut dyn FnMut(&[u8])) {
        add(match self.transport {
            Transport::Ssh => b"ssh",
            Transport::Telnet => b"telnet",
        });
        for jump in &self.jumps {
            for part in [&jump.name, &jump.address, &jump.user] {
                add(part.as_bytes());
            }
            add(&jump.port.to_be_bytes());
            add(&[u8::from(jump.legacy_algorithms)]);
            jump.auth.iter().for_each(|auth| auth.identify(add));
            jump.host_key.identify(add);
        }
    }
}
