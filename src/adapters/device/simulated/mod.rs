//! Network operating systems in memory, served over real SSH: for the demo, for training and for tests.
//!
//! They are an honest judge: they share nothing with the product's own parsing and diffing, and behave as the real
//! thing does, including where that is inconvenient. Misbehaviour is scripted with [`Fault`]s.

mod dialogue;
mod eos;
mod facts;
mod faults;
mod network;
mod ssh;
mod store;
mod terminal;
mod tree;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use self::network::Network;
use self::ssh::Server;
use self::store::{Cli, DeviceState, Login, Platform};
use crate::adapters::clock::Clock;
use crate::domain::secret::Secret;

pub use self::faults::{Fault, FaultError};

/// What to simulate.
#[derive(Clone, Debug)]
pub struct DeviceSpec {
    /// Its name in the simulated network; its host name unless the configuration says otherwise.
    pub name: String,
    /// The platform: `arista_eos`.
    pub platform: String,
    /// Login name.
    pub user: String,
    /// Login password; `None` refuses every password.
    pub password: Option<Secret>,
    /// Public keys that may log in, in OpenSSH form.
    pub authorized_keys: Vec<String>,
    /// What `enable` asks for; `None` asks for nothing.
    pub enable_password: Option<Secret>,
    /// Whether a login starts with all rights, without `enable`.
    pub privileged: bool,
    /// Physical interfaces, which always exist.
    pub interfaces: Vec<String>,
    /// Lines that the device prints even if nothing was configured.
    pub factory: Vec<String>,
    /// The configuration at the start, running and saved.
    pub config: String,
    /// TCP port on 127.0.0.1, 0 for any.
    pub port: u16,
    /// Faults from the start.
    pub faults: Vec<Fault>,
}

impl DeviceSpec {
    /// An Arista EOS device with `Ethernet1` to `Ethernet4` and `Management1`, user `admin`, password `admin`.
    pub fn arista_eos(name: impl Into<String>) -> Self {
        let name = name.into();
        let config = format!("hostname {name}\n");
        let interfaces = ["Ethernet1", "Ethernet2", "Ethernet3", "Ethernet4", "Management1"].map(str::to_owned).into();
        let factory =
            ["no aaa root", "transceiver qsfp default-mode 4x10G", "spanning-tree mode mstp", "no ip routing"];
        Self {
            name,
            platform: "arista_eos".to_owned(),
            user: "admin".to_owned(),
            password: Some(Secret::new("admin")),
            authorized_keys: Vec::new(),
            enable_password: None,
            privileged: false,
            interfaces,
            factory: factory.map(str::to_owned).into(),
            config,
            port: 0,
            faults: Vec::new(),
        }
    }

    /// With this configuration at the start, instead of only a host name.
    #[must_use]
    pub fn config(mut self, config: impl Into<String>) -> Self {
        self.config = config.into();
        self
    }
}

/// What holds for all devices.
#[derive(Clone, Debug, Default)]
pub struct NetworkOptions {
    /// Makes the host keys the same at every start; `None` makes new ones.
    pub seed: Option<String>,
    /// Where timestamps come from; timers run on the runtime's clock.
    pub clock: Clock,
}

/// Why a simulation cannot start.
#[derive(Debug, thiserror::Error)]
pub enum SimulationError {
    /// No such platform is simulated.
    #[error("simulated device {device}: platform {platform:?} is not simulated")]
    Platform {
        /// The device.
        device: String,
        /// The platform that was asked for.
        platform: String,
    },
    /// Two devices have the same name.
    #[error("simulated device {device}: the name is used twice")]
    Twice {
        /// The device.
        device: String,
    },
    /// The device does not accept its configuration.
    #[error("simulated device {device}: line {line:?}: {answer}")]
    Config {
        /// The device.
        device: String,
        /// The line.
        line: String,
        /// What the device said.
        answer: String,
    },
    /// A public key is not one.
    #[error("simulated device {device}: authorized key {key:?}: {message}")]
    Key {
        /// The device.
        device: String,
        /// The key.
        key: String,
        /// What is wrong with it.
        message: String,
    },
    /// A fault script cannot be used.
    #[error("simulated device {device}: {source}")]
    Faults {
        /// The device.
        device: String,
        /// What is wrong with it.
        source: FaultError,
    },
    /// The port cannot be opened.
    #[error("simulated device {device}: port {port} on 127.0.0.1: {source}")]
    Listen {
        /// The device.
        device: String,
        /// The port that was asked for.
        port: u16,
        /// Why.
        source: std::io::Error,
    },
}

/// A line that somebody typed on a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypedLine {
    /// Who: the login name, or `console` for edits through [`SimulatedDevice::type_lines`].
    pub user: String,
    /// The configuration mode in which it was typed, as the prompt shows it; `None` outside.
    pub mode: Option<String>,
    /// The configuration session in which it was typed.
    pub session: Option<String>,
    /// The line.
    pub line: String,
    /// Whether it was a line of configuration, and not a command such as `commit`.
    pub configuration: bool,
    /// Whether the device accepted it.
    pub accepted: bool,
}

/// A line that was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line:?}: {answer}")]
pub struct RefusedLine {
    /// The line.
    pub line: String,
    /// What the device said.
    pub answer: String,
}

/// A network of simulated devices. Dropping it stops everything.
pub struct SimulatedNetwork {
    devices: BTreeMap<String, SimulatedDevice>,
    _network: Arc<Network>,
}

impl SimulatedNetwork {
    /// Starts the devices, each with its own port on 127.0.0.1. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When a specification cannot be simulated or a port cannot be opened; nothing is left running then.
    pub async fn start(specs: Vec<DeviceSpec>, options: NetworkOptions) -> Result<Self, SimulationError> {
        let network = Arc::new(Network::default());
        let seed = options.seed.unwrap_or_else(|| format!("{:032x}", rand::random::<u128>()));
        let mut devices = BTreeMap::new();
        for spec in specs {
            let name = spec.name.clone();
            if devices.contains_key(&name) {
                return Err(SimulationError::Twice { device: name });
            }
            let device = start_device(spec, &options.clock, &network, &seed).await?;
            devices.insert(name, device);
        }
        Ok(Self { devices, _network: network })
    }

    /// The device with this name.
    pub fn device(&self, name: &str) -> Option<&SimulatedDevice> {
        self.devices.get(name)
    }

    /// The devices by name.
    pub fn devices(&self) -> impl Iterator<Item = &SimulatedDevice> {
        self.devices.values()
    }

    /// Closes all ports and connections.
    pub fn stop(self) {
        drop(self);
    }
}

async fn start_device(
    spec: DeviceSpec,
    clock: &Clock,
    network: &Arc<Network>,
    seed: &str,
) -> Result<SimulatedDevice, SimulationError> {
    let device = spec.name.clone();
    let platform: &'static dyn Platform = match spec.platform.as_str() {
        "arista_eos" => &eos::AristaEos,
        other => return Err(SimulationError::Platform { device, platform: other.to_owned() }),
    };
    let faults = spec.faults.clone();
    let state = DeviceState::new(spec, platform, clock.clone(), Arc::downgrade(network))
        .map_err(|(line, answer)| SimulationError::Config { device: device.clone(), line, answer })?;
    let state = Arc::new(state);
    *state.script() =
        faults::Script::new(&faults).map_err(|source| SimulationError::Faults { device: device.clone(), source })?;
    let server = Server::start(Arc::clone(&state), seed).await?;
    network.add(&state);
    Ok(SimulatedDevice { state, server })
}

/// One simulated device and its SSH server.
pub struct SimulatedDevice {
    state: Arc<DeviceState>,
    server: Server,
}

impl SimulatedDevice {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.state.spec.name
    }

    /// What was asked for.
    pub fn spec(&self) -> &DeviceSpec {
        &self.state.spec
    }

    /// Where it listens.
    pub fn address(&self) -> IpAddr {
        IpAddr::V4(Ipv4Addr::LOCALHOST)
    }

    /// On which TCP port.
    pub fn port(&self) -> u16 {
        self.server.port
    }

    /// The fingerprint of its host key, `SHA256:…` as OpenSSH prints it.
    pub fn host_key(&self) -> &str {
        &self.server.fingerprint
    }

    /// The running configuration as the device prints it.
    pub fn running(&self) -> String {
        self.state.platform.running(&self.state)
    }

    /// The startup configuration as the device prints it.
    pub fn startup(&self) -> String {
        self.state.platform.startup(&self.state)
    }

    /// Edits the running configuration by hand, as a person at the console would; lines after a refused one are not
    /// typed.
    ///
    /// # Errors
    /// The refused line and what the device said.
    pub fn type_lines<'a>(&self, lines: impl IntoIterator<Item = &'a str>) -> Result<(), RefusedLine> {
        let mut console = self.open_console();
        for line in ["configure terminal"].into_iter().chain(lines) {
            let answer = console.line(line);
            if answer.refused {
                return Err(RefusedLine { line: line.to_owned(), answer: answer.text.trim_end().to_owned() });
            }
        }
        Ok(())
    }

    /// Runs one command at the console with all rights and returns its output.
    pub fn console(&self, command: &str) -> String {
        self.open_console().line(command).text
    }

    fn open_console(&self) -> Box<dyn Cli> {
        let login = Login { user: "console".to_owned(), privileged: true, height: 0 };
        self.state.platform.open(Arc::clone(&self.state), login)
    }

    /// Every line that reached a configuration mode as configuration, accepted or not, oldest first.
    pub fn transcript(&self) -> Vec<TypedLine> {
        let mut typed = self.state.typed();
        typed.retain(|line| line.configuration);
        typed
    }

    /// Every command that was typed, configuration or not, oldest first.
    pub fn commands(&self) -> Vec<TypedLine> {
        self.state.typed()
    }

    /// The session whose timed commit waits for its confirmation, and how long it still waits.
    pub fn timed_commit(&self) -> Option<(String, Duration)> {
        let store = self.state.store();
        let timed = store.timed.as_ref()?;
        let left = timed.deadline.saturating_duration_since(tokio::time::Instant::now());
        Some((timed.session.clone(), left))
    }

    /// Replaces the faults in force. A port that was closed by the old ones opens again within moments.
    ///
    /// # Errors
    /// When a pattern is not a regular expression or a size is beyond its bound; the old faults stay then.
    pub fn set_faults(&self, faults: &[Fault]) -> Result<(), FaultError> {
        let script = faults::Script::new(faults)?;
        *self.state.script() = script;
        self.server.reconsider();
        Ok(())
    }

    /// Ends all SSH connections; the port stays open.
    pub fn drop_connections(&self) {
        self.server.drop_connections();
    }

    /// How many SSH connections are open.
    pub fn connections(&self) -> usize {
        self.server.connections()
    }
}
