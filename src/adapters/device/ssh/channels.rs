//! What runs over a connection: a terminal, a command, a subsystem.

use std::time::Duration;

use russh::client::{Handle, Msg};
use russh::{Channel, ChannelMsg};
use tokio::time::timeout;

use super::client::Client;
use super::{Connection, Link, gone, lost, slow};
use crate::adapters::device::console::Console;
use crate::adapters::device::{DeviceError, DeviceProblem};
use crate::domain::limits::COMMAND_OUTPUT_BYTES_MAX;
use crate::domain::platform::session::TerminalKind;

/// What a command channel brought.
#[derive(Clone, Debug)]
pub struct ExecOutput {
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// The exit status, when the server told it.
    pub status: Option<u32>,
}

impl Connection {
    /// Opens a terminal; runs a command on it, or the login shell.
    ///
    /// # Errors
    /// `Refused` when the connection is gone or the server does not give a terminal.
    pub async fn terminal(&self, kind: &TerminalKind, command: Option<&str>) -> Result<Console, DeviceError> {
        let name = &self.name;
        let handle = match &self.link {
            Link::Ssh { handle, .. } => handle,
            Link::Telnet(line) => return line.log_in(name, kind).await.map(Console::Telnet),
        };
        let opening = async {
            let channel = handle.channel_open_session().await?;
            channel.request_pty(false, &kind.name, kind.columns, kind.rows, 0, 0, &[]).await?;
            match command {
                Some(command) => channel.exec(true, command).await?,
                None => channel.request_shell(true).await?,
            }
            Ok::<_, russh::Error>(channel)
        };
        match timeout(self.command_timeout, opening).await {
            Err(_) => Err(slow(name, "no terminal", self.command_timeout)),
            Ok(Err(error)) => Err(self.gone(&error)),
            Ok(Ok(channel)) => Ok(Console::Ssh(channel)),
        }
    }

    /// Runs a command on its own channel, with `input` as its standard input.
    ///
    /// # Errors
    /// `Refused` when it could not be started, `Lost` when its end was not seen.
    pub async fn exec(&self, command: &str, input: &str) -> Result<ExecOutput, DeviceError> {
        self.exec_within(command, input, self.command_timeout).await
    }

    /// Like [`Self::exec`], with another bound on waiting without any new output.
    ///
    /// # Errors
    /// As [`Self::exec`].
    pub async fn exec_within(
        &self,
        command: &str,
        input: &str,
        silence_max: Duration,
    ) -> Result<ExecOutput, DeviceError> {
        let name = &self.name;
        let handle = self.ssh()?;
        let opening = async {
            let channel = handle.channel_open_session().await?;
            channel.exec(true, command).await?;
            Ok::<_, russh::Error>(channel)
        };
        let mut channel = match timeout(silence_max, opening).await {
            Err(_) => return Err(slow(name, "no command channel", silence_max)),
            Ok(Err(error)) => return Err(self.gone(&error)),
            Ok(Ok(channel)) => channel,
        };
        if !input.is_empty() {
            let sending = channel.data_bytes(input.as_bytes().to_vec());
            match timeout(silence_max, sending).await {
                Err(_) => return Err(lost(slow(name, "the input of a command was not taken", silence_max))),
                Ok(Err(error)) => return Err(lost(self.gone(&error))),
                Ok(Ok(())) => {}
            }
        }
        // the other side may have ended already, which the output will tell
        let _ = channel.eof().await;
        collect(name, &mut channel, silence_max).await
    }

    /// Opens a subsystem: `sftp`, `netconf`.
    ///
    /// # Errors
    /// `Refused` when the connection is gone or the server does not have it.
    pub async fn subsystem(&self, subsystem: &str) -> Result<Channel<Msg>, DeviceError> {
        let name = self.name();
        let handle = self.ssh()?;
        let opening = async {
            let mut channel = handle.channel_open_session().await?;
            channel.request_subsystem(true, subsystem).await?;
            let is_there = loop {
                match channel.wait().await {
                    Some(ChannelMsg::Success) => break true,
                    Some(ChannelMsg::Failure | ChannelMsg::Close) | None => break false,
                    Some(_) => {}
                }
            };
            Ok::<_, russh::Error>((channel, is_there))
        };
        match timeout(self.command_timeout(), opening).await {
            Err(_) => Err(slow(name, &format!("no {subsystem} subsystem"), self.command_timeout())),
            Ok(Err(error)) => Err(self.gone(&error)),
            Ok(Ok((channel, true))) => Ok(channel),
            Ok(Ok((_, false))) => {
                let message = format!("{name} does not have the subsystem {subsystem}");
                Err(DeviceError::refused(DeviceProblem::Rejected, message).hint("enable it on the device"))
            }
        }
    }

    /// Opens a channel on which a command runs; its input and output are left to the caller.
    ///
    /// # Errors
    /// `Refused` when the connection is gone or no channel is given.
    pub async fn command(&self, command: &str) -> Result<Channel<Msg>, DeviceError> {
        let handle = self.ssh()?;
        let opening = async {
            let channel = handle.channel_open_session().await?;
            channel.exec(true, command).await?;
            Ok::<_, russh::Error>(channel)
        };
        match timeout(self.command_timeout(), opening).await {
            Err(_) => Err(slow(self.name(), "no command channel", self.command_timeout())),
            Ok(Err(error)) => Err(self.gone(&error)),
            Ok(Ok(channel)) => Ok(channel),
        }
    }

    fn ssh(&self) -> Result<&Handle<Client>, DeviceError> {
        match &self.link {
            Link::Ssh { handle, .. } => Ok(handle),
            Link::Telnet(_) => {
                let message = format!("{} is reached by Telnet, which has only a terminal", self.name());
                Err(DeviceError::refused(DeviceProblem::Rejected, message).hint("use SSH for this"))
            }
        }
    }

    /// Opens a connection from this server to another one.
    pub(super) async fn forward(&self, to: (&str, u16), from: (&str, u32)) -> Result<Channel<Msg>, russh::Error> {
        match &self.link {
            Link::Ssh { handle, .. } => handle.channel_open_direct_tcpip(to.0, u32::from(to.1), from.0, from.1).await,
            Link::Telnet(_) => Err(russh::Error::ChannelOpenFailure(russh::ChannelOpenFailure::UnknownChannelType)),
        }
    }

    /// Says that the connection is gone, and why, as far as somebody said.
    fn gone(&self, error: &russh::Error) -> DeviceError {
        let farewell = match &self.link {
            Link::Ssh { heard, .. } => heard.farewell(),
            Link::Telnet(_) => String::new(),
        };
        if farewell.is_empty() {
            return gone(self.name(), error);
        }
        let message = format!("the connection to {} is gone: {farewell}", self.name());
        DeviceError::refused(DeviceProblem::Unreachable, message)
    }
}

async fn collect(name: &str, channel: &mut Channel<Msg>, silence_max: Duration) -> Result<ExecOutput, DeviceError> {
    let (mut stdout, mut stderr, mut status) = (Vec::new(), Vec::new(), None);
    loop {
        let Ok(message) = timeout(silence_max, channel.wait()).await else {
            return Err(lost(slow(name, "a command did not end", silence_max)));
        };
        match message {
            Some(ChannelMsg::Data { data }) => stdout.extend_from_slice(&data),
            Some(ChannelMsg::ExtendedData { data, .. }) => stderr.extend_from_slice(&data),
            Some(ChannelMsg::ExitStatus { exit_status }) => status = Some(exit_status),
            Some(ChannelMsg::ExitSignal { .. }) => status = Some(255),
            Some(ChannelMsg::Failure) => {
                return Err(DeviceError::refused(DeviceProblem::Rejected, format!("{name} refused to run a command")));
            }
            Some(ChannelMsg::Close) => break,
            None if status.is_none() => {
                let message = format!("{name} closed the connection while a command was running");
                return Err(DeviceError::lost(DeviceProblem::Unreachable, message));
            }
            None => break,
            Some(_) => {}
        }
        if stdout.len() + stderr.len() > COMMAND_OUTPUT_BYTES_MAX {
            let message =
                format!("{name} answered more than {COMMAND_OUTPUT_BYTES_MAX} bytes (limit COMMAND_OUTPUT_BYTES_MAX)");
            return Err(DeviceError::lost(DeviceProblem::Protocol, message));
        }
    }
    let text = |bytes: Vec<u8>| match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    };
    Ok(ExecOutput { stdout: text(stdout), stderr: text(stderr), status })
}
