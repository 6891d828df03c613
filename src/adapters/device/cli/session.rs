//! One command line on a terminal: the login, typing a line, waiting for the prompt, answering questions.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use regex::Regex;
use russh::ChannelMsg;
use tokio::time::timeout;

use super::page::Page;
use crate::adapters::device::console::Console;
use crate::adapters::device::ssh::{Connection, lost};
use crate::adapters::device::{Certainty, DeviceError, DeviceProblem};
use crate::domain::platform::session::{Role, pattern};
use crate::domain::platform::terminal::{Prompt, Seen, Terminal};
use crate::domain::secret::Secret;

/// How long something that looks like a prompt of another host must stay before it is asked again.
const QUIET: Duration = Duration::from_millis(300);
/// Empty lines that are typed to see the first prompt twice.
const EMPTY_LINES_MAX: u32 = 5;
/// Questions answered during one command.
const ANSWERS_MAX: usize = 10_000;

/// A command line that is ready for the next line.
pub(crate) struct CliSession {
    channel: Console,
    terminal: Terminal,
    page: Arc<Page>,
    name: String,
    silence_max: Duration,
    prompt: Prompt,
    broken: bool,
}

/// What came back for a line.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    /// The output without echo and prompt.
    pub(crate) output: String,
    /// The prompt after it.
    pub(crate) prompt: Prompt,
}

impl CliSession {
    /// Opens a command line and makes it ready: privileges, paging, width.
    ///
    /// # Errors
    /// Always `Refused`.
    pub(crate) async fn open(
        connection: &Connection,
        page: Arc<Page>,
        command: Option<&str>,
        password: Option<&Secret>,
    ) -> Result<Self, DeviceError> {
        let name = connection.name().to_owned();
        let broken_page =
            |error| DeviceError::refused(DeviceProblem::Protocol, format!("the platform page cannot be used: {error}"));
        let terminal = Terminal::new(&page.session).map_err(broken_page)?;
        let channel = connection.terminal(&page.session.terminal, command).await?;
        let silence_max = connection.command_timeout();
        let prompt = Prompt { mode: 0, role: Role::User, host: String::new(), section: String::new() };
        let mut session = Self { channel, terminal, page, name, silence_max, prompt, broken: false };
        session.learn_prompt().await.map_err(refused)?;
        session.become_privileged(password).await.map_err(refused)?;
        for command in session.page.session.open.clone() {
            session.operational(&command).await.map_err(refused)?;
        }
        Ok(session)
    }

    /// The prompt that stands there now.
    pub(crate) fn prompt(&self) -> &Prompt {
        &self.prompt
    }

    /// The page that this session follows.
    pub(crate) fn page(&self) -> &Arc<Page> {
        &self.page
    }

    /// The device's name, address and port, for messages.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Tells whether nothing may be typed any more.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken
    }

    /// Types one line and waits for the prompt. What the output means is up to the caller.
    ///
    /// # Errors
    /// `Refused` when the line was not sent, `Lost` when the prompt did not come back.
    pub(crate) async fn type_line(&mut self, line: &str) -> Result<Reply, DeviceError> {
        if self.broken {
            let message = format!("{}: the session ended before", self.name);
            return Err(DeviceError::refused(DeviceProblem::Unreachable, message));
        }
        if line.chars().any(|c| c.is_control() && c != '\t') {
            let message = format!("{}: a line with a control character is not typed", self.name);
            return Err(DeviceError::refused(DeviceProblem::Protocol, message));
        }
        self.drain().map_err(refused)?;
        if self.terminal.has_leftover() {
            self.broken = true;
            let tail = self.page.masks.apply(&self.terminal.tail(3));
            let message = format!("{}: unexpected output before the next command: {tail}", self.name);
            return Err(DeviceError::refused(DeviceProblem::Protocol, message));
        }
        self.broken = true; // until the prompt is back
        let bytes = self.terminal.send(line);
        self.write(bytes).await?;
        let (output, prompt) = self.finish(line).await?;
        self.broken = false;
        self.prompt = prompt.clone();
        Ok(Reply { output, prompt })
    }

    /// Runs an operational command.
    ///
    /// # Errors
    /// `Rejected` when the answer is an error of the device.
    pub(crate) async fn operational(&mut self, command: &str) -> Result<String, DeviceError> {
        let reply = self.type_line(command).await?;
        let shown = self.page.masks.apply(command);
        if let Some(words) = self.page.error_in(&reply.output) {
            let message = format!("{}: `{shown}` was answered with `{words}`", self.name);
            return Err(DeviceError::refused(DeviceProblem::Rejected, message));
        }
        if reply.prompt.role != Role::Operational {
            let message = format!("{}: `{shown}` left the operational mode", self.name);
            return Err(DeviceError::lost(DeviceProblem::Protocol, message));
        }
        Ok(reply.output)
    }

    async fn learn_prompt(&mut self) -> Result<(), DeviceError> {
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

    async fn become_privileged(&mut self, password: Option<&Secret>) -> Result<(), DeviceError> {
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

    async fn finish(&mut self, line: &str) -> Result<(String, Prompt), DeviceError> {
        let mut answers = 0;
        loop {
            if self.terminal.is_too_large() {
                let limit = crate::domain::limits::COMMAND_OUTPUT_BYTES_MAX;
                let message =
                    format!("{}: more than {limit} bytes were answered (limit COMMAND_OUTPUT_BYTES_MAX)", self.name);
                return Err(DeviceError::lost(DeviceProblem::Protocol, message));
            }
            if self.terminal.echo_is_wrong() {
                let tail = self.page.masks.apply(&self.terminal.tail(2));
                let shown = self.page.masks.apply(line);
                let message = format!("{}: the echo of `{shown}` is not what was typed: `{tail}`", self.name);
                return Err(DeviceError::lost(DeviceProblem::Protocol, message));
            }
            match self.terminal.seen() {
                Seen::Prompt(prompt) => {
                    // more bytes on the way mean that it was not the end
                    if !self.drain()? {
                        self.terminal.accept(&prompt);
                        return Ok((self.terminal.take(), prompt));
                    }
                }
                Seen::Question(index) => self.answer(index, &mut answers).await?,
                Seen::Unlearnt(_) => {
                    if !self.receive_within(QUIET).await? {
                        return self.confirm_host().await;
                    }
                }
                Seen::Nothing => {
                    let shown = self.page.masks.apply(line);
                    self.receive(&format!("`{shown}` did not end")).await?;
                }
            }
        }
    }

    /// The host part of the prompt changed: an empty line must bring the same prompt again.
    async fn confirm_host(&mut self) -> Result<(String, Prompt), DeviceError> {
        let output = self.terminal.take();
        let bytes = self.terminal.send("");
        self.write(bytes).await?;
        loop {
            if let Some(prompt) = self.terminal.repeated() {
                self.terminal.learn(&prompt);
                self.terminal.take();
                return Ok((output, prompt));
            }
            self.receive("the prompt changed and did not come again").await?;
        }
    }

    async fn answer(&mut self, index: usize, answers: &mut usize) -> Result<(), DeviceError> {
        *answers += 1;
        if *answers > ANSWERS_MAX {
            return Err(self.silent("too many questions"));
        }
        let dialog = &self.page.session.dialogs[index];
        let bytes = self.terminal.answer(&dialog.answer, dialog.enter);
        self.write(bytes).await
    }

    async fn write(&mut self, bytes: Vec<u8>) -> Result<(), DeviceError> {
        match timeout(self.silence_max, self.channel.data_bytes(bytes)).await {
            Err(_) => Err(self.silent("it does not take any input")),
            Ok(Err(_)) => Err(self.ended()),
            Ok(Ok(())) => Ok(()),
        }
    }

    /// Waits for more output; `what` says what is missing when none comes.
    async fn receive(&mut self, what: &str) -> Result<(), DeviceError> {
        if self.receive_within(self.silence_max).await? { Ok(()) } else { Err(self.silent(what)) }
    }

    /// Returns whether anything came in time.
    async fn receive_within(&mut self, wait: Duration) -> Result<bool, DeviceError> {
        match timeout(wait, self.channel.wait()).await {
            Err(_) => Ok(false),
            Ok(message) => self.take_message(message).await.map(|()| true),
        }
    }

    /// Reads what has already arrived; returns whether there was anything.
    fn drain(&mut self) -> Result<bool, DeviceError> {
        let mut any = false;
        while let Some(message) = self.channel.wait().now_or_never() {
            match message {
                Some(ChannelMsg::Data { data } | ChannelMsg::ExtendedData { data, .. }) => {
                    any = true;
                    // questions of the terminal are not expected between commands
                    self.terminal.push(&data);
                }
                Some(ChannelMsg::Eof | ChannelMsg::Close) | None => {
                    self.broken = true;
                    return Err(self.ended());
                }
                Some(_) => {}
            }
        }
        Ok(any)
    }

    async fn take_message(&mut self, message: Option<ChannelMsg>) -> Result<(), DeviceError> {
        match message {
            Some(ChannelMsg::Data { data } | ChannelMsg::ExtendedData { data, .. }) => {
                let replies = self.terminal.push(&data);
                if replies.is_empty() { Ok(()) } else { self.write(replies).await }
            }
            Some(ChannelMsg::Failure) => {
                let message = format!("{} does not give a terminal", self.name);
                Err(DeviceError::refused(DeviceProblem::Rejected, message))
            }
            Some(ChannelMsg::Close | ChannelMsg::Eof) | None => Err(self.ended()),
            Some(_) => Ok(()),
        }
    }

    fn ended(&self) -> DeviceError {
        let tail = self.page.masks.apply(&self.terminal.tail(2)).trim().to_owned();
        let after = if tail.is_empty() { String::new() } else { format!(" after `{tail}`") };
        lost(DeviceError::refused(DeviceProblem::Unreachable, format!("{} ended the session{after}", self.name)))
    }

    fn silent(&self, what: &str) -> DeviceError {
        let tail = self.page.masks.apply(&self.terminal.tail(2)).trim().to_owned();
        let waited = self.silence_max;
        let message = format!("{}: {what} within {waited:?}; the last output was `{tail}`", self.name);
        DeviceError::lost(DeviceProblem::Timeout, message)
    }
}

fn refused(error: DeviceError) -> DeviceError {
    DeviceError { certainty: Certainty::Refused, ..error }
}
