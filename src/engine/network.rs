//! The way from an inventory entry to a session: credentials resolved, host key decided, at most so many at once.

use crate::adapters::device::{Access, Auth, Device, DeviceError, DeviceProblem, HostKey, Target};
use crate::domain::inventory;
use crate::domain::secret::{Secret, SecretRef};

use super::{COMMAND_TIMEOUT, CONNECT_TIMEOUT, Context};

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
        let mut auth = Vec::new();
        if let Some(key) = &credentials.key {
            auth.push(Auth::Key(self.secret(device, key).await?));
        }
        if let Some(password) = &credentials.password {
            auth.push(Auth::Password(self.secret(device, password).await?));
        }
        Ok(Target {
            device: device.name.clone(),
            platform: device.platform.clone(),
            address: device.address.clone(),
            port: device.port,
            user: credentials.user.clone(),
            auth,
            host_key: self.host_key(device).await,
            legacy_algorithms: device.options.get("legacy_algorithms").is_some_and(|value| value == "true"),
            connect_timeout: CONNECT_TIMEOUT,
            command_timeout: COMMAND_TIMEOUT,
            options: device
                .options
                .iter()
                .filter(|(name, _)| *name != "legacy_algorithms")
                .map(|(n, v)| (n.clone(), v.clone()))
                .collect(),
            access: Access::default(),
        })
    }

    async fn secret(&self, device: &inventory::Device, reference: &SecretRef) -> Result<Secret, DeviceError> {
        self.secrets.resolve(reference).await.map_err(|error| {
            DeviceError::refused(DeviceProblem::AuthFailed, format!("{}: {error}", device.name)).hint(error.hint)
        })
    }

    /// The inventory decides; a key that was accepted on first use is pinned from then on.
    async fn host_key(&self, device: &inventory::Device) -> HostKey {
        if let Some(key) = &device.host_key {
            return HostKey::Pinned(key.clone());
        }
        if !device.accept_new_host_key {
            return HostKey::Unknown;
        }
        match self.store.device_facts(&self.repository, &device.name).await {
            Ok(facts) => facts.host_key.map_or(HostKey::AcceptNew, HostKey::Pinned),
            // Without the store nobody knows which key was accepted: better no session than the wrong device.
            Err(error) => {
                tracing::error!(device.name = %device.name, %error, "reading the accepted host key");
                HostKey::Unknown
            }
        }
    }

    /// Opens a new session.
    ///
    /// # Errors
    /// As [`crate::adapters::device::Dial::dial`].
    pub async fn connect(&self, device: &inventory::Device) -> Result<Box<dyn Device>, DeviceError> {
        let target = self.target(device).await?;
        let session = self.dial.dial(&target).await.inspect_err(|error| {
            if error.problem == DeviceProblem::AuthFailed {
                self.secrets.forget();
            }
        })?;
        if target.host_key == HostKey::AcceptNew {
            let learnt = self.store.learn_host_key(&self.repository, &device.name, session.host_key()).await;
            let known = learnt.map_err(|error| {
                let message = format!("{}: the accepted host key cannot be remembered: {error}", device.name);
                DeviceError::refused(DeviceProblem::HostKey, message)
            })?;
            if known != session.host_key() {
                let message = format!("{}: shows host key {}, accepted was {known}", device.name, session.host_key());
                return Err(DeviceError::refused(DeviceProblem::HostKey, message));
            }
        }
        Ok(session)
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
