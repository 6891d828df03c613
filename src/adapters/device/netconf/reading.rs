//! Reads configurations and judges them: still approved, changed, back at the base, saved.

use super::message::{Datastore, copy_config, get_config};
use super::{NetconfDevice, refused};
use crate::adapters::device::ssh::lost;
use crate::adapters::device::{Candidate, CommandLine, DeviceError, DeviceProblem};
use crate::domain::config::document::xml;
use crate::domain::xml::{Element, XmlError, one_line};

/// Lines of a difference that a message shows.
const DIFFERENCE_LINES_MAX: usize = 20;

impl NetconfDevice {
    /// Reads a configuration in the form in which the platform prints it.
    pub(super) async fn read(&mut self, source: Datastore) -> Result<String, DeviceError> {
        let defaults = self.client.capabilities().explicit_defaults();
        let reply = self.ask("get-config", &get_config(source, defaults)).await?;
        let Some(data) = reply.child("data") else {
            let message = format!("{}: get-config was answered without any data", self.name());
            return Err(DeviceError::refused(DeviceProblem::Protocol, message));
        };
        let text: String = data.children.iter().map(|child| one_line(child, "")).collect();
        Ok(self.dialect.print(&self.dialect.parse(&text)))
    }

    pub(super) fn same(&self, a: &str, b: &str) -> bool {
        self.dialect.same(&self.dialect.parse(a), &self.dialect.parse(b))
    }

    /// What lies between two configurations, masked, for a message.
    fn differences(&self, before: &str, after: &str) -> String {
        let diff = self.dialect.text_diff(&self.dialect.parse(before), &self.dialect.parse(after));
        let diff = self.dialect.mask(&diff);
        let mut shown: String = diff.lines().take(DIFFERENCE_LINES_MAX).map(|line| format!("\n  {line}")).collect();
        let more = diff.lines().count().saturating_sub(DIFFERENCE_LINES_MAX);
        if more > 0 {
            shown.push_str(&format!("\n  … and {more} more"));
        }
        shown
    }

    /// The device must still run what was approved.
    pub(super) async fn expect_approved(&mut self, candidate: &Candidate) -> Result<(), DeviceError> {
        let running = self.read(Datastore::Running).await?;
        if self.same(&candidate.base, &running) {
            return Ok(());
        }
        let lines = self.differences(&candidate.base, &running);
        let message = format!("the running configuration of {} is not the approved one any more:{lines}", self.name());
        Err(DeviceError::refused(DeviceProblem::Stale, message).hint("plan again"))
    }

    /// The device must run its base again; anything else is `Lost`.
    pub(super) async fn expect_base(&mut self, candidate: &Candidate) -> Result<(), DeviceError> {
        let running = self.read(Datastore::Running).await.map_err(lost)?;
        if self.same(&candidate.base, &running) {
            return Ok(());
        }
        let lines = self.differences(&candidate.base, &running);
        let message = format!("{} does not print its base again; what differs from the base:{lines}", self.name());
        Err(DeviceError::lost(DeviceProblem::Rejected, message).hint("bring these lines back by hand"))
    }

    /// The device must not run its base any more, unless the change is none.
    pub(super) async fn expect_not_base(&mut self, candidate: &Candidate) -> Result<(), DeviceError> {
        if self.is_at_base(candidate).await? {
            let message = format!("{} runs its base: there is no change to confirm", self.name());
            return Err(DeviceError::refused(DeviceProblem::Stale, message));
        }
        Ok(())
    }

    /// Whether the device runs its base, and the change would be something else.
    pub(super) async fn is_at_base(&mut self, candidate: &Candidate) -> Result<bool, DeviceError> {
        let running = self.read(Datastore::Running).await?;
        Ok(self.same(&candidate.base, &running) && !self.same(&candidate.base, &candidate.predicted))
    }

    /// Keeps what runs for the next start, where that is a copy of its own (RFC 6241 section 8.7), and looks.
    pub(super) async fn save(&mut self) -> Result<(), DeviceError> {
        if !self.client.capabilities().has("startup:1.0") {
            return Ok(());
        }
        let unsaved = |error: DeviceError| {
            let message = format!("the new configuration runs but is not saved for the next start: {}", error.message);
            DeviceError::lost(error.problem, message).hint("copy running to startup on the device")
        };
        self.act("copy-config", &copy_config(Datastore::Running, Datastore::Startup)).await.map_err(unsaved)?;
        let running = self.read(Datastore::Running).await.map_err(unsaved)?;
        let startup = self.read(Datastore::Startup).await.map_err(unsaved)?;
        if self.same(&running, &startup) {
            return Ok(());
        }
        let message = format!("{}: startup is not what runs", self.name());
        Err(unsaved(refused(DeviceError::refused(DeviceProblem::Rejected, message))))
    }

    /// The edit of a candidate, as it goes on the wire.
    pub(super) fn edit(&mut self, lines: &[CommandLine]) -> Result<String, DeviceError> {
        let text: String = lines.iter().map(|line| line.text.as_str()).collect();
        let no_edit = |error: &XmlError, name: &str| {
            DeviceError::refused(DeviceProblem::Protocol, format!("{name}: the commands are no edit: {error}"))
        };
        let elements = xml::elements(&text).map_err(|error| no_edit(&error, self.name()))?;
        self.secrets.clear();
        elements.iter().for_each(|element| self.learn_secrets(element));
        xml::wire(&text).map_err(|error| no_edit(&error, self.name()))
    }

    fn learn_secrets(&mut self, element: &Element) {
        let is_value = element.children.is_empty() && !element.text.is_empty();
        let line = if is_value { one_line(element, "") } else { String::new() };
        if is_value && self.dialect.mask(&line) != line {
            self.secrets.push(element.text.clone());
        }
        element.children.iter().for_each(|child| self.learn_secrets(child));
    }
}
