//! SSH as networks need it, against real OpenSSH servers (`tests/lab/ssh-up.sh`).

mod host_keys;
mod inventory;
mod jumps;
mod limits;
mod logins;
mod old_algorithms;
mod silence;
mod telnet;
mod transfer;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use reconverge::adapters::device::access::{Access, Auth, Identity, Jump};
use reconverge::adapters::device::ssh::Connection;
use reconverge::adapters::device::{Certainty, DeviceError, HostKey, Target};
use reconverge::domain::secret::Secret;
use serde::Deserialize;

use crate::support;

/// The servers of `tests/lab/ssh-up.sh`.
#[derive(Clone, Deserialize)]
pub(crate) struct SshLab {
    pub(crate) dir: PathBuf,
    pub(crate) user: String,
    pub(crate) expired_user: String,
    pub(crate) password: String,
    pub(crate) passphrase: String,
    pub(crate) keys: PathBuf,
    pub(crate) files: PathBuf,
    pub(crate) host_authority: String,
    pub(crate) ports: BTreeMap<String, u16>,
    pub(crate) host_keys: BTreeMap<String, String>,
    pub(crate) addresses: BTreeMap<String, String>,
}

impl SshLab {
    /// Returns the servers; nothing, after saying so, when real counterparts are not asked for.
    pub(crate) fn take() -> Option<Self> {
        let description = support::lab_description("RECONVERGE_SSH_LAB")?;
        Some(serde_json::from_str(&description).expect("ssh.json has the fields of ssh-up.sh"))
    }

    pub(crate) fn key(&self, name: &str) -> Secret {
        let path = self.keys.join(name);
        Secret::new(std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
    }

    pub(crate) fn password(&self) -> Auth {
        Auth::Password(Secret::new(self.password.clone()))
    }

    pub(crate) fn signed_key(&self, name: &str) -> Auth {
        Auth::Identity(Box::new(Identity {
            key: self.key(name),
            passphrase: None,
            certificate: Some(self.key(&format!("{name}-cert.pub"))),
        }))
    }

    /// One server on 127.0.0.1 as a device.
    pub(crate) fn target(&self, server: &str, auth: Vec<Auth>) -> Target {
        Target {
            device: server.parse().expect("a name"),
            platform: "linux".parse().expect("a name"),
            address: "127.0.0.1".into(),
            port: self.ports[server],
            user: self.user.clone(),
            auth,
            host_key: HostKey::Pinned(self.host_keys[server].clone()),
            legacy_algorithms: false,
            connect_timeout: Duration::from_secs(10),
            command_timeout: Duration::from_secs(10),
            options: BTreeMap::new(),
            access: Access::default(),
        }
    }

    /// The first jump host: a key.
    pub(crate) fn edge(&self) -> Jump {
        Jump {
            name: "edge".into(),
            address: "127.0.0.1".into(),
            port: self.ports["edge"],
            user: self.user.clone(),
            auth: vec![Auth::Key(self.key("user_ed25519"))],
            host_key: HostKey::Pinned(self.host_keys["edge"].clone()),
            legacy_algorithms: false,
            shown: Arc::default(),
        }
    }

    /// The second jump host, reached only from the first: a password.
    pub(crate) fn core(&self) -> Jump {
        Jump {
            name: "core".into(),
            address: self.addresses["core"].clone(),
            port: 22,
            auth: vec![self.password()],
            host_key: HostKey::Pinned(self.host_keys["core"].clone()),
            shown: Arc::default(),
            ..self.edge()
        }
    }

    /// The device behind both jump hosts: questions.
    pub(crate) fn inner(&self) -> Target {
        let access = Access { jumps: vec![self.edge(), self.core()], ..Access::default() };
        Target {
            device: "inner".parse().expect("a name"),
            address: self.addresses["inner"].clone(),
            port: 22,
            host_key: HostKey::Pinned(self.host_keys["inner"].clone()),
            access,
            ..self.target("open", vec![self.password()])
        }
    }

    /// Fails to log in and returns why; no secret of the lab may be in it.
    pub(crate) async fn refusal(&self, target: &Target) -> DeviceError {
        let Err(error) = Connection::open(target).await else { panic!("it should not log in") };
        assert_eq!(error.certainty, Certainty::Refused, "{error}");
        let all = format!("{error:?}");
        assert!(!all.contains(&self.password) && !all.contains(&self.passphrase) && !all.contains("PRIVATE"), "{all}");
        error
    }
}

/// Logs in, runs a command and returns its output.
pub(crate) async fn whoami(target: &Target) -> String {
    let connection = Connection::open(target).await.unwrap_or_else(|error| panic!("{error} ({:?})", error.hint));
    let output = connection.exec("whoami; hostname -I | head -c 11", "").await.expect("it runs");
    assert_eq!(output.status, Some(0), "{}", output.stderr);
    output.stdout.lines().next().expect("a line").to_owned()
}
