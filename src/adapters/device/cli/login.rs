//! The first minute of a session: the prompt is learnt, and a mode without rights is left.

use regex::Regex;

use super::session::CliSession;
use crate::adapters::device::{DeviceError, DeviceProblem};
use crate::domain::platform::session::{Role, pattern};
use crate::domain::platform::terminal::Seen;
use crate::domain::secret::Secret;

/// Empty lines that are typed to see the first prompt twice.
const EMPTY_LINES_MAX: u32 = 5;

impl CliSession {
    /// Waits for the first prompt and sees it twice.
    ///
    /// # Errors
    /// When no prompt comes.
    pub(super) async fn learn_prompt(&mut self) -> Result<(), DeviceError> {
        let mut asked = 0;
        let mut answers = 0;
        loop {
            if asked > 0
                && let Some(prompt) = self.terminal.repeated()
            {
                self.terminal.learn(&prompt);
                self.terminal.take();
                self.prompt = prompt;
                return Ok(());
            }
            match self.terminal.seen() {
                Seen::Question(index) => self.answer(index, &mut answers).await?,
                Seen::Prompt(_) | Seen::Unlearnt(_) if asked == 0 => {
                    asked = 1;
                    let bytes = self.terminal.send("");
                    self.write(bytes).await?;
                }
                Seen::Nothing if asked == 0 => self.receive("no prompt after the login").await?,
                Seen::Prompt(_) | Seen::Unlearnt(_) | Seen::Nothing => {
                    if self.receive_within(self.silence_max / (EMPTY_LINES_MAX + 1)).await? {
                        continue;
                    }
                    // a device may throw away what was typed before its prompt
                    asked += 1;
                    if asked > EMPTY_LINES_MAX {
                        return Err(self.silent("no prompt after the login"));
                    }
                    let bytes = self.terminal.send("");
                    self.write(bytes).await?;
                }
            }
        }
    }

    /// Leaves a mode without rights.
    ///
    /// # Errors
    /// `AuthFailed` when the device does not allow it.
    pub(super) async fn become_privileged(&mut self, password: Option<&Secret>) -> Result<(), DeviceError> {
        if self.prompt.role == Role::Operational {
            return Ok(());
        }
        let Some(privilege) = self.page.session.privilege.clone().filter(|_| self.prompt.role == Role::User) else {
            let message = format!("{}: the login ends in an unexpected mode", self.name);
            return Err(DeviceError::refused(DeviceProblem::Protocol, message));
        };
        let question: Regex = pattern("privilege.question", &privilege.question)
            .map_err(|error| DeviceError::refused(DeviceProblem::Protocol, error.to_string()))?;
        let bytes = self.terminal.send(&privilege.command);
        self.write(bytes).await?;
        let mut asked = false;
        loop {
            if self.terminal.echo_was_seen() && self.terminal.asks(&question) {
                let Some(password) = password.filter(|_| !asked) else {
                    let message = format!("{}: `{}` was not allowed", self.name, privilege.command);
                    return Err(DeviceError::refused(DeviceProblem::AuthFailed, message));
                };
                asked = true;
                let bytes = self.terminal.answer(password.expose(), true);
                self.write(bytes).await?;
                self.receive("no answer to the password").await?;
            }
            match self.terminal.seen() {
                Seen::Prompt(prompt) if prompt.role == Role::Operational => {
                    self.terminal.take();
                    self.prompt = prompt;
                    return Ok(());
                }
                Seen::Prompt(_) if self.terminal.echo_was_seen() => {
                    let message = format!("{}: `{}` was not allowed", self.name, privilege.command);
                    return Err(DeviceError::refused(DeviceProblem::AuthFailed, message));
                }
                Seen::Prompt(_) | Seen::Unlearnt(_) | Seen::Question(_) | Seen::Nothing => {
                    self.receive("no answer to the change of mode").await?;
                }
            }
        }
    }
}
