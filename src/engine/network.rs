//! The way from an inventory entry to a session: credentials resolved, host key decided, at most so many at once.

use std::sync::Arc;

use futures::FutureExt as _;
use regex::Regex;

use crate::adapters::device::access::{
    Access, Agent, Answer, Auth, Identity, Jump, KEEPALIVE_COUNT, KEEPALIVE_INTERVAL, Keepalive, LoginLimit, Transport,
};
use crate::adapters::device::pool::Intent;
use crate::adapters::device::{Device, DeviceError, DeviceProblem, HostKey, RollbackClass, Target};
use crate::adapters::store::StoreError;
use crate::domain::inventory::{self, HostKeyPolicy};
use crate::domain::schedule::Interval;
use crate::domain::secret::{Secret, SecretRef};

use super::{COMMAND_TIMEOUT, CONNECT_TIMEOUT, Context};

/// The option by which old algorithms were allowed before `connection.legacy_algorithms`.
const LEGACY_ALGORITHMS: &str = "legacy_algorithms";

impl Context {
    /// Returns everything that is needed to reach a device.
    ///
    /// # Errors
    /// `Refused` when the inventory has no login for it or a secret cannot be read.
    pub async fn target(&self, device: &inventory::Device) -> Result<Target, DeviceError> {
        let Some(credentials) = &device.credentials else {
            let message = format!("{}: no credentials", device.name);
            let hint = "name an account in the inventory, or `default` under credentials in reconverge.yaml";
            return Err(DeviceError::refused(DeviceProblem::AuthFailed, message).hint(hint));
        };
        let connection = &device.connection;
        let mut jumps = Vec::new();
        for host in &device.via {
            jumps.push(self.jump(device, host).await?);
        }
        let time = |set: Option<Interval>, default| set.map_or(default, Interval::duration);
        let access = Access {
            transport: match connection.transport.unwrap_or_default() {
                inventory::Transport::Ssh => Transport::Ssh,
                inventory::Transport::Telnet => Transport::Telnet,
            },
            jumps,
            keepalive: Keepalive {
                interval: time(connection.keepalive, KEEPALIVE_INTERVAL),
                count: connection.keepalive_count.unwrap_or(KEEPALIVE_COUNT),
            },
            login_timeout: connection.login_timeout.map(Interval::duration),
            limits: login_limits(device),
        };
        let is_old = |value: &String| value == "true";
        Ok(Target {
            device: device.name.clone(),
            platform: device.platform.clone(),
            address: device.address.clone(),
            port: device.port,
            user: credentials.user.clone(),
            auth: self.auth(device, credentials).await?,
            host_key: self.host_key(device).await,
            legacy_algorithms: connection
                .legacy_algorithms
                .unwrap_or_else(|| device.options.get(LEGACY_ALGORITHMS).is_some_and(is_old)),
            connect_timeout: time(connection.connect_timeout, CONNECT_TIMEOUT),
            command_timeout: time(connection.command_timeout, COMMAND_TIMEOUT),
            options: device
                .options
                .iter()
                .filter(|(name, _)| *name != LEGACY_ALGORITHMS)
                .map(|(n, v)| (n.clone(), v.clone()))
                .collect(),
            access,
        })
    }

    /// Resolves the ways to log in, in the order in which they are tried.
    async fn auth(
        &self,
        device: &inventory::Device,
        credentials: &inventory::Credentials,
    ) -> Result<Vec<Auth>, DeviceError> {
        let mut auth = Vec::new();
        if let Some(key) = &credentials.key {
            let key = self.secret(device, key).await?;
            let passphrase = self.optional(device, credentials.passphrase.as_ref()).await?;
            let certificate = self.optional(device, credentials.certificate.as_ref()).await?;
            auth.push(match (&passphrase, &certificate) {
                (None, None) => Auth::Key(key),
                _ => Auth::Identity(Box::new(Identity { key, passphrase, certificate })),
            });
        }
        if let Some(agent) = &credentials.agent {
            let socket = agent.socket.as_ref().map(Into::into);
            auth.push(Auth::Agent(Agent { socket, fingerprint: agent.fingerprint.clone() }));
        }
        if !credentials.answers.is_empty() {
            let mut answers = Vec::new();
            for (question, answer) in &credentials.answers {
                let question = Regex::new(question).map_err(|error| {
                    DeviceError::refused(DeviceProblem::AuthFailed, format!("{}: {error}", device.name))
                })?;
                answers.push(Answer { question, answer: self.secret(device, answer).await? });
            }
            auth.push(Auth::Answers(answers));
        }
        if let Some(password) = &credentials.password {
            auth.push(Auth::Password(self.secret(device, password).await?));
        }
        Ok(auth)
    }

    async fn jump(&self, device: &inventory::Device, host: &inventory::JumpHost) -> Result<Jump, DeviceError> {
        let Some(credentials) = &host.credentials else {
            let message = format!("{}: the jump host {} has no credentials", device.name, host.name);
            let hint = "name an account for it under jump_hosts in reconverge.yaml";
            return Err(DeviceError::refused(DeviceProblem::AuthFailed, message).hint(hint));
        };
        let known = self.store.jump_host_key(&self.repository, &host.name).await;
        Ok(Jump {
            name: host.name.clone(),
            address: host.address.clone(),
            port: host.port,
            user: credentials.user.clone(),
            auth: self.auth(device, credentials).await?,
            host_key: decided(&host.host_key, known, &host.name),
            legacy_algorithms: host.legacy_algorithms,
            shown: Arc::default(),
        })
    }

    async fn optional(
        &self,
        device: &inventory::Device,
        reference: Option<&SecretRef>,
    ) -> Result<Option<Secret>, DeviceError> {
        match reference {
            None => Ok(None),
            Some(reference) => self.secret(device, reference).await.map(Some),
        }
    }

    async fn secret(&self, device: &inventory::Device, reference: &SecretRef) -> Result<Secret, DeviceError> {
        self.secrets.resolve(reference).await.map_err(|error| {
            DeviceError::refused(DeviceProblem::AuthFailed, format!("{}: {error}", device.name)).hint(error.hint)
        })
    }

    /// The inventory decides; a key that was accepted is the only one from then on.
    async fn host_key(&self, device: &inventory::Device) -> HostKey {
        let known = self.store.device_facts(&self.repository, &device.name).await.map(|facts| facts.host_key);
        decided(&device.host_key, known, device.name.as_str())
    }

    /// Reads the running configuration, and how the device comes back by itself, over a session that may be kept.
    ///
    /// # Errors
    /// As [`crate::adapters::device::Dial::dial`] and [`Device::running`].
    pub async fn read(&self, device: &inventory::Device) -> Result<(String, RollbackClass), DeviceError> {
        let target = self.target(device).await?;
        let reading = self.pool.with(&target, Intent::Read, |session| {
            async move {
                let running = session.running().await?;
                Ok((running, session.rollback_class(), session.host_key().to_owned()))
            }
            .boxed()
        });
        let (running, class, host_key) = reading.await.inspect_err(|error| self.learn_from(error))?;
        self.learn_host_key(device, &target, &host_key).await?;
        Ok((running, class))
    }

    /// Opens a new session.
    ///
    /// # Errors
    /// As [`crate::adapters::device::Dial::dial`].
    pub async fn connect(&self, device: &inventory::Device) -> Result<Box<dyn Device>, DeviceError> {
        let target = self.target(device).await?;
        let session = self.dial.dial(&target).await.inspect_err(|error| self.learn_from(error))?;
        self.learn_host_key(device, &target, session.host_key()).await?;
        Ok(session)
    }

    /// A password that was refused may have been changed where it is kept.
    fn learn_from(&self, error: &DeviceError) {
        if error.problem == DeviceProblem::AuthFailed {
            self.secrets.forget();
        }
    }

    /// Remembers the keys of a device and its jump hosts that are allowed to show any key the first time.
    async fn learn_host_key(
        &self,
        device: &inventory::Device,
        target: &Target,
        shown: &str,
    ) -> Result<(), DeviceError> {
        for jump in &target.access.jumps {
            if let (HostKey::AcceptNew, Some(shown)) = (&jump.host_key, jump.shown.get()) {
                let learnt = self.store.learn_jump_host_key(&self.repository, &jump.name, shown).await;
                same_key(&format!("jump host {}", jump.name), shown, learnt)?;
            }
        }
        // Telnet has no host key
        if target.host_key != HostKey::AcceptNew || shown.is_empty() {
            return Ok(());
        }
        let learnt = self.store.learn_host_key(&self.repository, &device.name, shown).await;
        same_key(device.name.as_str(), shown, learnt)
    }

    /// Puts the secrets into an intended configuration.
    ///
    /// # Errors
    /// A text that names the reference that cannot be read.
    pub async fn unsealed(&self, text: &str) -> Result<String, String> {
        let mut values = std::collections::BTreeMap::new();
        for reference in crate::domain::secret::references(text) {
            let value = self.secrets.resolve(&reference).await.map_err(|error| format!("{error} ({})", error.hint))?;
            values.insert(reference, value);
        }
        let missing = |reference: &SecretRef| format!("{reference} was not read");
        let clear = crate::domain::secret::unseal(text, |reference| {
            values.get(reference).cloned().ok_or_else(|| missing(reference))
        })?;
        Ok(clear.expose().to_owned())
    }
}

/// Puts together what the inventory says about a host key and what the store remembers.
fn decided(policy: &HostKeyPolicy, known: Result<Option<String>, StoreError>, name: &str) -> HostKey {
    match (policy, known) {
        (HostKeyPolicy::Pinned(fingerprint), _) => HostKey::Pinned(fingerprint.clone()),
        (HostKeyPolicy::Authority(fingerprint), _) => HostKey::Authority(vec![fingerprint.clone()]),
        (HostKeyPolicy::Ask | HostKeyPolicy::AcceptNew, Ok(Some(known))) => HostKey::Remembered(known),
        (HostKeyPolicy::Ask, Ok(None)) => HostKey::Unknown,
        (HostKeyPolicy::AcceptNew, Ok(None)) => HostKey::AcceptNew,
        // Without the store nobody knows which key was accepted: better no session than the wrong device.
        (HostKeyPolicy::Ask | HostKeyPolicy::AcceptNew, Err(error)) => {
            tracing::error!(device.name = name, %error, "reading the accepted host key");
            HostKey::Unknown
        }
    }
}

/// Checks that the key that was just believed is the one that the store has.
fn same_key(name: &str, shown: &str, learnt: Result<String, StoreError>) -> Result<(), DeviceError> {
    let known = learnt.map_err(|error| {
        let message = format!("{name}: the accepted host key cannot be remembered: {error}");
        DeviceError::refused(DeviceProblem::HostKey, message)
    })?;
    if known == shown {
        return Ok(());
    }
    let message = format!("{name}: shows host key {shown}, accepted was {known}");
    Err(DeviceError::refused(DeviceProblem::HostKey, message))
}

/// How many logins may go on at the same time at this device and at its site.
fn login_limits(device: &inventory::Device) -> Vec<LoginLimit> {
    let own = LoginLimit { name: format!("device {}", device.name), logins_max: device.logins.per_device.get() };
    let site = device.label("site").zip(device.logins.per_site);
    let site = site.map(|(site, most)| LoginLimit { name: format!("site {site}"), logins_max: most.get() });
    [own].into_iter().chain(site).collect()
}
