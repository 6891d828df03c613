//! The stage of the demonstration: a folder, the simulated switches, the git repository and the running service.

use std::collections::{BTreeMap, VecDeque};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use include_dir::{Dir, include_dir};
use tempfile::TempDir;

use super::super::online::serving::{Parts, Serving};
use super::super::{assemble, demo::lab};
use super::engineer::Engineer;
use super::voice::Voice;
use crate::adapters::device::simulated::{DeviceSpec, NetworkOptions, SimulatedDevice, SimulatedNetwork};
use crate::adapters::git::{Credential, Mirror, Source};
use crate::adapters::secrets::SecretStore;
use crate::engine::Context;

/// The intent repository that is shown.
static REPOSITORY: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/examples/demo-network");
/// Most lines of the service that are kept for the case that something goes wrong.
const HEARD_LINES_MAX: usize = 60;
/// Longest time of one call of the command line.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(30);
/// The pause between two looks of the service at the repository.
const POLL: Duration = Duration::from_secs(1);

/// Everything that the demonstration is played with. Dropping it stops everything and removes the folder.
pub(super) struct Stage {
    /// The running service.
    pub(super) serving: Serving,
    /// The switches.
    pub(super) network: SimulatedNetwork,
    /// The person who changes things.
    pub(super) engineer: Engineer,
    /// The service's own way to the store.
    pub(super) context: Context,
    /// Who tells the story.
    pub(super) voice: Voice,
    heard: Heard,
    folder: TempDir,
}

/// What the service said lately.
#[derive(Clone, Default)]
pub(super) struct Heard(Arc<Mutex<VecDeque<String>>>);

impl Heard {
    fn add(&self, line: &str) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == HEARD_LINES_MAX {
            lines.pop_front();
        }
        lines.push_back(line.to_owned());
    }

    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

impl Stage {
    /// Builds everything and starts it.
    ///
    /// # Errors
    /// When a part of it cannot be made.
    pub(super) async fn build(voice: Voice, faults: Option<&Path>) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("reconverge-demo-").tempdir().context("making a folder")?;
        let secrets = folder.path().join("secrets");
        write_password(&secrets)?;
        let engineer = Engineer::begin(folder.path()).await?;
        REPOSITORY.extract(&engineer.clone).context("writing the example repository")?;
        let mut specs = specs(&engineer, &secrets).await?;
        if let Some(path) = faults {
            lab::misbehave(&mut specs, path)?;
        }
        let network = SimulatedNetwork::start(specs, NetworkOptions::default()).await?;
        write_places(&engineer, &network)?;
        engineer.commit("main", "the network as it is").await?;

        let state = folder.path().join("state");
        let args = assemble::StateArgs { state: Some(state.clone()), secrets: Some(secrets) };
        let mut context = assemble::context(&state, &args, "service").await?;
        let heard = Heard::default();
        let ears = heard.clone();
        context.progress = Arc::new(move |line| ears.add(line));
        let acting = assemble::act(&context, &state).await?;
        assemble::mark_service(&state)?;
        let source =
            Source::new(&engineer.bare.display().to_string(), Credential::None).map_err(assemble::git_error)?;
        let mirror = Mirror::open(&state, source).await.map_err(assemble::git_error)?;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.context("opening a port")?;
        let (branch, own) = ("main".to_owned(), context.clone());
        let serving =
            Serving::start(Parts { context: own, acting, mirror, branch, poll: POLL, listener, token: None })?;
        Ok(Self { serving, network, engineer, context, voice, heard, folder })
    }

    /// Returns a switch.
    pub(super) fn device(&self, name: &str) -> anyhow::Result<&SimulatedDevice> {
        self.network.device(name).with_context(|| format!("the network has no device {name}"))
    }

    /// Returns the running configurations of all switches, as the switches print them.
    pub(super) fn running(&self) -> BTreeMap<String, String> {
        self.network.devices().map(|device| (device.name().to_owned(), device.running())).collect()
    }

    /// What the service said lately, for the case that something goes wrong.
    pub(super) fn heard(&self) -> Vec<String> {
        self.heard.lines()
    }

    /// The options that lead every command of the command line here.
    pub(super) fn options(&self) -> Vec<(&'static str, PathBuf)> {
        let folder = self.folder.path();
        vec![
            ("--repo", self.engineer.clone.clone()),
            ("--state", folder.join("state")),
            ("--secrets", folder.join("secrets")),
        ]
    }

    /// Runs this very program with arguments, as a person would in a shell; shows and returns what it printed.
    ///
    /// # Errors
    /// When it cannot be run, or its exit code is not the expected one.
    pub(super) async fn command_line(&self, arguments: &[&str], code: i32) -> anyhow::Result<String> {
        let shown = format!("reconverge {}", arguments.join(" "));
        self.voice.command("$", &shown);
        let program = std::env::current_exe().context("finding this program")?;
        let mut command = tokio::process::Command::new(program);
        command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
        // Settings of this shell are for another repository.
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("RECONVERGE_")) {
            command.env_remove(name);
        }
        for (option, folder) in self.options() {
            command.arg(option).arg(folder);
        }
        let output = tokio::time::timeout(COMMAND_TIMEOUT, command.output()).await;
        let output = output.with_context(|| format!("{shown}: no end after {} s", COMMAND_TIMEOUT.as_secs()))??;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        self.voice.quote(&text);
        let messages = String::from_utf8_lossy(&output.stderr);
        anyhow::ensure!(
            output.status.code() == Some(code),
            "{shown}: {}, expected exit code {code}\n{messages}",
            output.status
        );
        Ok(text)
    }

    /// Stops the service and the switches and removes the folder.
    ///
    /// # Errors
    /// When the service ended badly or the folder cannot be removed.
    pub(super) async fn strike(self) -> anyhow::Result<()> {
        let result = self.serving.stop().await;
        self.network.stop();
        self.folder.close().context("removing the folder")?;
        result
    }
}

/// Makes a password for the switches, which only the owner of the folder can read.
fn write_password(secrets: &Path) -> anyhow::Result<()> {
    std::fs::create_dir(secrets).context("making the secrets folder")?;
    let path = secrets.join("devices.yaml");
    let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
    let mut file = file.with_context(|| format!("making {}", path.display()))?;
    writeln!(file, "netops: \"{:032x}\"", rand::random::<u128>()).context("writing the password")
}

/// The switches of the repository, in sync from the start, each on any free port.
async fn specs(engineer: &Engineer, secrets: &Path) -> anyhow::Result<Vec<DeviceSpec>> {
    let (snapshot, findings) = assemble::folder(&engineer.clone).await?;
    let secrets = SecretStore::new(Some(secrets.to_owned()));
    let mut specs = lab::intended(&snapshot, findings, &secrets).await?;
    for spec in &mut specs {
        spec.port = 0;
    }
    Ok(specs)
}

/// Writes the ports and the fingerprints of the host keys into the inventory.
fn write_places(engineer: &Engineer, network: &SimulatedNetwork) -> anyhow::Result<()> {
    let path = "inventory/devices.yaml";
    let mut out = String::new();
    let mut current = None;
    for line in engineer.read(path)?.lines() {
        if let Some(name) = line.strip_suffix(':').filter(|name| !name.starts_with([' ', '#'])) {
            current = network.device(name);
        }
        match current.filter(|_| line.starts_with("  port: ")) {
            Some(device) => {
                out.push_str(&format!("  port: {}\n  host_key: {:?}\n", device.port(), device.host_key()));
            }
            None => {
                out.push_str(line);
                out.push('\n');
            }
        }
    }
    engineer.write(path, &out)
}
