//! From snapshots and devices to a plan: render, read, compare. Nothing is written anywhere.

use std::collections::BTreeMap;
use std::path::PathBuf;

use futures::{FutureExt as _, StreamExt as _};

use super::Context;
use crate::adapters::device::{DeviceError, DeviceProblem};
use crate::domain::config::management::Reach;
use crate::domain::config::remediate::Scope;
use crate::domain::diagnostic::{Diagnostic, any_error};
use crate::domain::intent::{self, Intent};
use crate::domain::inventory::{Device, Mode, Selector};
use crate::domain::limits::{CONFIG_BYTES_MAX, DEVICE_SESSIONS_MAX};
use crate::domain::name::DeviceName;
use crate::domain::plan::build::{self, Drift, Texts, Way};
use crate::domain::plan::{Content, DeviceState, Plan, Problem};
use crate::domain::platform::Platform;
use crate::domain::platform::rollback::RollbackClass;
use crate::domain::render::Renderer;
use crate::domain::snapshot::Snapshot;

/// Where running configurations come from.
#[derive(Clone, Debug)]
pub enum Source {
    /// From the devices.
    Devices,
    /// From saved files `NAME.cfg`.
    Folder(PathBuf),
}

/// What is to be planned.
pub struct Request<'a> {
    /// The files that say what is wanted.
    pub head: &'a Snapshot,
    /// The files that the network is meant to have now.
    pub applied: Option<&'a Snapshot>,
    /// Which devices.
    pub select: Option<&'a Selector>,
    /// Where running configurations come from.
    pub source: Source,
    /// What happens to lines that differed before.
    pub drift: Drift,
}

/// An intent with everything rendered, secrets still sealed.
pub struct Rendered {
    /// The intent.
    pub intent: Intent,
    /// The configuration of each device, or why there is none.
    pub configs: BTreeMap<DeviceName, Result<String, Problem>>,
}

impl Context {
    /// Loads and renders a revision.
    ///
    /// # Errors
    /// The findings, when one of them is an error.
    pub fn rendered(&self, snapshot: &Snapshot) -> Result<(Rendered, Vec<Diagnostic>), Vec<Diagnostic>> {
        let names = self.platforms.keys().cloned().collect();
        let (intent, findings) = intent::load(snapshot, &names);
        if any_error(&findings) {
            return Err(findings);
        }
        let renderer = Renderer::new(&intent);
        let config = |name: &DeviceName| {
            renderer.render(name).map(|config| config.text).map_err(|findings| Problem {
                message: findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
                hint: Some("correct the template or the data".into()),
            })
        };
        let configs = intent.inventory.devices.keys().map(|name| (name.clone(), config(name))).collect();
        drop(renderer);
        Ok((Rendered { intent, configs }, findings))
    }

    /// Makes a plan.
    ///
    /// # Errors
    /// The findings of the repository, when one of them is an error.
    pub async fn plan(&self, request: &Request<'_>) -> Result<(Plan, Vec<Diagnostic>), Vec<Diagnostic>> {
        let (head, findings) = self.rendered(request.head)?;
        let applied = match request.applied {
            Some(snapshot) => Some(self.rendered(snapshot)?.0),
            None => None,
        };
        let chosen: Vec<&Device> = head
            .intent
            .inventory
            .devices
            .values()
            .filter(|device| request.select.is_none_or(|select| select.matches(device)))
            .collect();
        let states = futures::stream::iter(chosen)
            .map(|device| self.device_state(device, &head, applied.as_ref(), request))
            .buffer_unordered(DEVICE_SESSIONS_MAX)
            .collect::<BTreeMap<DeviceName, DeviceState>>()
            // Boxed so that the compiler sees that the whole can move between threads.
            .boxed()
            .await;
        let content = Content {
            revision: request.head.revision.clone(),
            files: request.head.digest(),
            applied: request.applied.map(|snapshot| snapshot.revision.clone()),
            devices: states,
        };
        let plan = Plan::new(content, self.clock.now()).map_err(|error| vec![Diagnostic::error(error.to_string())])?;
        Ok((plan, findings))
    }

    async fn device_state(
        &self,
        device: &Device,
        head: &Rendered,
        applied: Option<&Rendered>,
        request: &Request<'_>,
    ) -> (DeviceName, DeviceState) {
        let state = self.known_state(device, head, applied, request).await.unwrap_or_else(|state| state);
        (device.name.clone(), state)
    }

    async fn known_state(
        &self,
        device: &Device,
        head: &Rendered,
        applied: Option<&Rendered>,
        request: &Request<'_>,
    ) -> Result<DeviceState, DeviceState> {
        let today = self.clock.now().to_zoned(jiff::tz::TimeZone::UTC).date();
        if let Some(suspension) = device.suspended.as_ref().filter(|suspension| suspension.is_active(today)) {
            return Err(DeviceState::Suspended(Problem { message: suspension.reason.clone(), hint: None }));
        }
        let wanted = self.wanted(head, &device.name).await?;
        let before = match applied {
            Some(rendered) if rendered.configs.contains_key(&device.name) => {
                self.wanted(rendered, &device.name).await.ok()
            }
            _ => None,
        };
        let (running, class) = self.reading(device, &request.source).await?;
        let platform = self.platform(device)?;
        let texts = Texts { running: &running, applied: before.as_deref(), head: &wanted };
        let change = build::change(platform, &scope(&device.mode), texts, request.drift);
        let sealed = head.configs.get(&device.name).and_then(|config| config.as_ref().ok()).map_or("", String::as_str);
        Ok(build::device_state(platform, &change, sealed, &Way { class, reach: reach(device) }))
    }

    /// Returns the platform of a device.
    ///
    /// # Errors
    /// A state that says that it is unknown.
    pub(super) fn platform(&self, device: &Device) -> Result<&Platform, DeviceState> {
        self.platforms.get(&device.platform).ok_or_else(|| {
            let message = format!("platform {} is not known", device.platform);
            DeviceState::RenderError(Problem { message, hint: None })
        })
    }

    /// Returns the intended configuration of a device with its secrets in clear.
    pub(super) async fn wanted(&self, rendered: &Rendered, name: &DeviceName) -> Result<String, DeviceState> {
        let sealed = match rendered.configs.get(name) {
            Some(Ok(text)) => text,
            Some(Err(problem)) => return Err(DeviceState::RenderError(problem.clone())),
            None => {
                let message = "the device is not in the inventory of this revision".to_owned();
                return Err(DeviceState::RenderError(Problem { message, hint: None }));
            }
        };
        self.unsealed(sealed).await.map_err(|message| DeviceState::RenderError(Problem { message, hint: None }))
    }

    async fn reading(&self, device: &Device, source: &Source) -> Result<(String, RollbackClass), DeviceState> {
        match source {
            Source::Devices => self.read(device).await.map_err(failed_state),
            Source::Folder(folder) => {
                let path = folder.join(format!("{}.cfg", device.name));
                let text = read_saved(&path).map_err(|message| {
                    let hint = Some("save the device's running configuration under this name".to_owned());
                    DeviceState::Unreachable(Problem { message, hint })
                })?;
                Ok((text, self.dial.class_of(&device.platform).unwrap_or(RollbackClass::C)))
            }
        }
    }
}

fn read_saved(path: &std::path::Path) -> Result<String, String> {
    let meta = std::fs::metadata(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    if meta.len() > CONFIG_BYTES_MAX as u64 {
        return Err(format!("{} is larger than {CONFIG_BYTES_MAX} bytes", path.display()));
    }
    let text = std::fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    if text.trim().is_empty() {
        return Err(format!("{} is empty, which no device's configuration is", path.display()));
    }
    Ok(text)
}

/// How we reach a device, when the inventory names an address and not a host name.
fn reach(device: &Device) -> Option<Reach> {
    Some(Reach {
        address: device.address.parse().ok()?,
        source: None,
        port: device.port,
        user: device.credentials.as_ref().map(|credentials| credentials.user.clone()),
        interface: None,
        vrf: None,
    })
}

/// How much of a device the intent owns, in the engine's words.
pub fn scope(mode: &Mode) -> Scope {
    match mode {
        Mode::Replace => Scope::Replace,
        Mode::Merge => Scope::Merge,
        Mode::Owned(sections) => Scope::Owned(sections.clone()),
    }
}

/// A device that could not be read is never counted as fine.
fn failed_state(error: DeviceError) -> DeviceState {
    let problem = Problem { message: error.message, hint: error.hint };
    match error.problem {
        DeviceProblem::Unreachable | DeviceProblem::Timeout => DeviceState::Unreachable(problem),
        DeviceProblem::AuthFailed => DeviceState::AuthFailed(problem),
        DeviceProblem::HostKey => DeviceState::HostKey(problem),
        DeviceProblem::Locked => DeviceState::Locked(problem),
        DeviceProblem::Rejected | DeviceProblem::Protocol | DeviceProblem::Stale => DeviceState::ParseError(problem),
    }
}
