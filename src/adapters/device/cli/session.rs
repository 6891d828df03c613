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
use crate::domain::limits::CONFIG_DEPTH_MAX;
use crate::domain::platform::session::{Load, Role, pattern};
use crate::domain::platform::terminal::{Prompt, Seen, Terminal};
use crate::domain::secret::Secret;

/// How long something that looks like a prompt of another host must stay before it is asked again.
const QUIET: Duration = Duration::from_millis(300);
/// Questions answered during one command.
const ANSWERS_MAX: usize = 10_000;
/// How long a device must be quiet before an unfinished line counts as a question that nobody answers.
const QUESTION_QUIET: Duration = Duration::from_secs(3);
/// Bytes of a text that are written at once.
const TEXT_PART_BYTES: usize = 4096;

/// A command line that is ready for the next line.
pub(crate) struct CliSession {
    channel: Console,
    pub(super) terminal: Terminal,
    pub(super) page: Arc<Page>,
    pub(super) name: String,
    pub(super) silence_max: Duration,
    pub(super) prompt: Prompt,
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
        self.begin(line).await?;
        self.reply(line).await
    }

    /// Types one line without waiting for its answer. A value of several lines is typed as a whole.
    ///
    /// # Errors
    /// `Refused` when the line was not sent.
    pub(crate) async fn begin(&mut self, line: &str) -> Result<(), DeviceError> {
        let is_text = line.contains('\n') && self.page.is_text(line.lines().next().unwrap_or_default());
        if line.chars().any(|c| c.is_control() && c != '\t' && !(c == '\n' && is_text)) {
            let message = format!("{}: a line with a control character is not typed", self.name);
            return Err(DeviceError::refused(DeviceProblem::Protocol, message));
        }
        self.begin_with(|terminal| terminal.send(line)).await
    }

    async fn begin_with(&mut self, send: impl FnOnce(&mut Terminal) -> Vec<u8>) -> Result<(), DeviceError> {
        if self.broken {
            let message = format!("{}: the session ended before", self.name);
            return Err(DeviceError::refused(DeviceProblem::Unreachable, message));
        }
        self.drain().map_err(refused)?;
        if self.terminal.has_leftover() {
            self.broken = true;
            let tail = self.page.masks.apply(&self.terminal.tail(3));
            let message = format!("{}: unexpected output before the next command: {tail}", self.name);
            return Err(DeviceError::refused(DeviceProblem::Protocol, message));
        }
        self.broken = true; // until the prompt is back
        let bytes = send(&mut self.terminal);
        self.write(bytes).await
    }

    /// Types a line behind others that are still under way.
    ///
    /// # Errors
    /// `Lost`: what is under way may have acted.
    pub(crate) async fn ahead(&mut self, line: &str) -> Result<(), DeviceError> {
        let bytes = self.terminal.send_ahead(line);
        self.write(bytes).await
    }

    /// Tells whether a line can be typed ahead at all.
    pub(crate) fn can_be_ahead(&self, line: &str) -> bool {
        self.terminal.can_be_ahead(line)
    }

    /// Waits for the answer to the oldest line under way.
    ///
    /// # Errors
    /// `Lost` when the prompt did not come back.
    pub(crate) async fn reply(&mut self, line: &str) -> Result<Reply, DeviceError> {
        loop {
            if let Some((output, prompt)) = self.terminal.finished() {
                self.prompt = prompt.clone();
                return Ok(Reply { output, prompt });
            }
            if self.terminal.ahead() == 0 {
                break;
            }
            if self.terminal.is_too_large() || self.terminal.echo_is_wrong() {
                break;
            }
            let shown = self.page.masks.apply(line);
            self.receive(&format!("`{shown}` was not answered")).await?;
        }
        let (output, prompt) = self.finish(line).await?;
        self.broken = false;
        self.prompt = prompt.clone();
        Ok(Reply { output, prompt })
    }

    /// Presses one key that the device answers with a new line and a prompt.
    ///
    /// # Errors
    /// `Lost` when the prompt did not come back.
    pub(crate) async fn press(&mut self, key: char) -> Result<Reply, DeviceError> {
        self.begin_with(|terminal| {
            terminal.send("");
            key.to_string().into_bytes()
        })
        .await?;
        self.reply("a key").await
    }

    /// The answer to nothing.
    pub(crate) fn nothing(&self) -> Reply {
        Reply { output: String::new(), prompt: self.prompt.clone() }
    }

    /// Loads a whole text: the command, then the text where the device waits for it, then the end.
    ///
    /// # Errors
    /// `Refused` when the device does not wait for a text, `Lost` when the prompt did not come back.
    pub(crate) async fn load_text(&mut self, load: &Load, text: &str) -> Result<String, DeviceError> {
        let ready: Regex = pattern("load.ready", &load.ready)
            .map_err(|error| DeviceError::refused(DeviceProblem::Protocol, error.to_string()))?;
        if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
            let message = format!("{}: a text with a control character is not loaded", self.name);
            return Err(DeviceError::refused(DeviceProblem::Protocol, message));
        }
        self.begin(&load.command).await?;
        while !ready.is_match(self.terminal.output()) {
            if self.terminal.echo_is_wrong() || matches!(self.terminal.seen(), Seen::Prompt(_)) {
                let tail = self.page.masks.apply(&self.terminal.tail(2));
                let message = format!("{}: `{}` was answered with `{tail}`", self.name, load.command);
                return Err(DeviceError::refused(DeviceProblem::Rejected, message));
            }
            self.receive("the device does not wait for a text").await?;
        }
        let text = text.replace('\n', &self.page.session.terminal.enter_key);
        for part in text.as_bytes().chunks(TEXT_PART_BYTES) {
            self.write(part.to_vec()).await?;
        }
        self.write(load.end.as_bytes().to_vec()).await?;
        let (output, prompt) = self.finish(&load.command).await?;
        self.broken = false;
        self.prompt = prompt;
        Ok(output)
    }

    /// Opens the configuration mode, where the system has one.
    ///
    /// # Errors
    /// `Locked` when the device stays outside, `Lost` when the prompt did not come back.
    pub(crate) async fn open_configuration(&mut self) -> Result<(), DeviceError> {
        let enter = self.page.session.configuration.enter.clone();
        if enter.is_empty() {
            return Ok(());
        }
        let reply = self.type_line(&enter).await?;
        if reply.prompt.role == Role::Configuration {
            return Ok(());
        }
        let words = self.page.masks.apply(reply.output.trim());
        let message = format!("{}: `{enter}` was answered with `{words}`", self.name);
        Err(DeviceError::refused(DeviceProblem::Locked, message))
    }

    /// Leaves the configuration mode from any depth.
    ///
    /// # Errors
    /// `Rejected` when the device does not, `Lost` when the prompt did not come back.
    pub(crate) async fn close_configuration(&mut self) -> Result<(), DeviceError> {
        let configuration = &self.page.session.configuration;
        if !configuration.leave.is_empty() {
            let leave = configuration.leave.clone();
            return self.operational(&leave).await.map(drop);
        }
        let leave_section = configuration.leave_section.clone();
        for _ in 0..CONFIG_DEPTH_MAX {
            if self.prompt.role == Role::Operational || leave_section.is_empty() {
                return Ok(());
            }
            self.type_line(&leave_section).await?;
        }
        let message = format!("{}: the configuration mode is not left", self.name);
        Err(DeviceError::lost(DeviceProblem::Protocol, message))
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
                    let wait = QUESTION_QUIET.min(self.silence_max);
                    if self.receive_within(wait).await? {
                        continue;
                    }
                    let shown = self.page.masks.apply(line);
                    if let Some(question) = self.terminal.question() {
                        let question = self.page.masks.apply(&question);
                        let message = format!(
                            "{}: `{shown}` asks `{question}`, and the platform page has no answer to it",
                            self.name
                        );
                        return Err(DeviceError::lost(DeviceProblem::Protocol, message));
                    }
                    self.receive_rest(&format!("`{shown}` did not end"), wait).await?;
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

    pub(super) async fn answer(&mut self, index: usize, answers: &mut usize) -> Result<(), DeviceError> {
        *answers += 1;
        if *answers > ANSWERS_MAX {
            return Err(self.silent("too many questions"));
        }
        let dialog = &self.page.session.dialogs[index];
        let bytes = self.terminal.answer(&dialog.answer, dialog.enter);
        self.write(bytes).await
    }

    pub(super) async fn write(&mut self, bytes: Vec<u8>) -> Result<(), DeviceError> {
        match timeout(self.silence_max, self.channel.data_bytes(bytes)).await {
            Err(_) => Err(self.silent("it does not take any input")),
            Ok(Err(_)) => Err(self.ended()),
            Ok(Ok(())) => Ok(()),
        }
    }

    /// Waits for more output; `what` says what is missing when none comes.
    pub(super) async fn receive(&mut self, what: &str) -> Result<(), DeviceError> {
        if self.receive_within(self.silence_max).await? { Ok(()) } else { Err(self.silent(what)) }
    }

    /// Waits for what is left of the longest silence.
    async fn receive_rest(&mut self, what: &str, waited: Duration) -> Result<(), DeviceError> {
        let rest = self.silence_max.saturating_sub(waited);
        if self.receive_within(rest).await? { Ok(()) } else { Err(self.silent(what)) }
    }

    /// Returns whether anything came in time.
    pub(super) async fn receive_within(&mut self, wait: Duration) -> Result<bool, DeviceError> {
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

    pub(super) fn silent(&self, what: &str) -> DeviceError {
        let tail = self.page.masks.apply(&self.terminal.tail(2)).trim().to_owned();
        let waited = self.silence_max;
        let message = format!("{}: {what} within {waited:?}; the last output was `{tail}`", self.name);
        DeviceError::lost(DeviceProblem::Timeout, message)
    }
}

fn refused(error: DeviceError) -> DeviceError {
    DeviceError { certainty: Certainty::Refused, ..error }
}
