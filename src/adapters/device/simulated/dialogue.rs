//! One channel of a simulated device: whoever types, the line editor, the fault script and the command line.

use std::sync::Arc;

use russh::server::Msg;
use russh::{Channel, ChannelMsg};

use super::faults::Verdict;
use super::ssh::Wire;
use super::store::{Answer, Cli, DeviceState, Login};
use super::terminal::{Event, Input, LineEditor, Pager};

/// Output is sent at the latest when it is this long, in bytes.
const OUTPUT_BYTES_MAX: usize = 64 << 10;

/// The connection ended, or must not be answered any more.
struct Ended;

impl From<russh::Error> for Ended {
    fn from(_: russh::Error) -> Self {
        Self
    }
}

/// One channel: a command line and whoever types into it.
pub(super) struct Dialogue {
    cli: Box<dyn Cli>,
    device: Arc<DeviceState>,
    channel: Channel<Msg>,
    wire: Wire,
    editor: LineEditor,
    pager: Pager,
    /// Whether there is a terminal: echo, prompts, `\r\n`.
    terminal: bool,
    /// Output that was not sent yet.
    out: Vec<u8>,
}

impl Dialogue {
    /// A dialogue of a user, with or without a terminal.
    pub(super) fn new(
        device: Arc<DeviceState>,
        login: Login,
        channel: Channel<Msg>,
        wire: Wire,
        terminal: bool,
    ) -> Self {
        let cli = device.platform.open(Arc::clone(&device), login);
        let (editor, pager) = (LineEditor::new(terminal), Pager::default());
        Self { cli, device, channel, wire, editor, pager, terminal, out: Vec::new() }
    }

    /// An interactive shell.
    pub(super) async fn talk(mut self) {
        // Whether the client left or the script cut the line, there is nobody to tell.
        let _ = self.shell().await;
        let _ = self.channel.close().await;
    }

    async fn shell(&mut self) -> Result<(), Ended> {
        if self.terminal {
            let greeting = self.cli.greeting();
            self.send(&greeting).await?;
            self.prompt().await?;
            self.flush().await?;
        }
        while let Some(message) = self.channel.wait().await {
            let over = match message {
                ChannelMsg::Data { data } => self.bytes(&data).await?,
                ChannelMsg::Eof => true,
                ChannelMsg::Close => return Ok(()),
                _ => false,
            };
            if over {
                return self.finish(0).await;
            }
        }
        Ok(())
    }

    /// Commands of an `exec` request, one a line.
    pub(super) async fn execute(mut self, commands: String) {
        let _ = self.batch(&commands).await;
        let _ = self.channel.close().await;
    }

    async fn batch(&mut self, commands: &str) -> Result<(), Ended> {
        let mut status = 0;
        for line in commands.lines() {
            let answer = self.line(line).await?;
            if answer.refused {
                status = 1;
            }
            if answer.closes {
                break;
            }
        }
        self.finish(status).await
    }

    async fn finish(&mut self, status: u32) -> Result<(), Ended> {
        self.flush().await?;
        self.channel.exit_status(status).await?;
        Ok(self.channel.eof().await?)
    }

    /// Takes what was typed; whether the shell is over.
    async fn bytes(&mut self, bytes: &[u8]) -> Result<bool, Ended> {
        for byte in bytes {
            if self.byte(*byte).await? {
                return Ok(true);
            }
        }
        self.flush().await?;
        Ok(false)
    }

    /// Takes one byte; whether the shell is over.
    async fn byte(&mut self, byte: u8) -> Result<bool, Ended> {
        if self.pager.is_waiting() {
            let text = self.pager.key(byte, self.cli.height());
            self.send(&text).await?;
            if !self.pager.is_waiting() {
                self.prompt().await?;
            }
            return Ok(false);
        }
        let Some(event) = self.editor.feed(byte, self.cli.input()) else { return Ok(false) };
        match event {
            Event::Echo(bytes) => self.out.extend(bytes),
            Event::Line(line) => {
                if self.terminal {
                    self.send("\n").await?;
                }
                let answer = self.line(&line).await?;
                return self.after(&answer).await;
            }
            Event::Help(partial) => {
                let help = format!("?\n{}", self.cli.help(&partial));
                self.send(&help).await?;
                self.prompt().await?;
                self.send(&partial).await?;
            }
            Event::Interrupt => {
                self.cli.interrupt();
                self.send("^C\n").await?;
                self.prompt().await?;
            }
            Event::EndOfInput => {
                self.send("\n").await?;
                let answer = self.cli.end_of_input();
                let text = answer.text.clone();
                self.send(&text).await?;
                return self.after(&answer).await;
            }
        }
        Ok(false)
    }

    async fn after(&mut self, answer: &Answer) -> Result<bool, Ended> {
        if answer.closes {
            return Ok(true);
        }
        if !self.pager.is_waiting() {
            self.prompt().await?;
        }
        Ok(false)
    }

    /// Lets the command line answer one line, as the fault script allows.
    async fn line(&mut self, line: &str) -> Result<Answer, Ended> {
        let command = self.cli.input() == Input::Command && !line.trim().is_empty();
        let verdict = if command {
            self.device.script().judge(line.trim(), self.wire.count_command())
        } else {
            Verdict::default()
        };
        if verdict.drop_before {
            self.wire.cut();
            return Err(Ended);
        }
        let answer = match verdict.reject {
            Some(text) => Answer { text: format!("{text}\n"), refused: true, ..Answer::default() },
            None => self.cli.line(line),
        };
        if verdict.drop_after || (answer.committed && self.device.script().drops_after_commit()) {
            self.wire.cut();
            return Err(Ended);
        }
        if verdict.hang || !verdict.late.is_zero() {
            self.flush().await?;
        }
        if verdict.hang {
            // Reads and says nothing until the client gives up.
            while let Some(message) = self.channel.wait().await {
                if matches!(message, ChannelMsg::Eof | ChannelMsg::Close) {
                    break;
                }
            }
            return Err(Ended);
        }
        if !verdict.late.is_zero() {
            tokio::time::sleep(verdict.late).await;
        }
        if !verdict.garbage.is_empty() {
            self.out.extend(verdict.garbage);
        }
        let height = if self.terminal { self.cli.height() } else { 0 };
        let text = self.pager.start(answer.text.clone(), height);
        self.send(&text).await?;
        Ok(answer)
    }

    async fn prompt(&mut self) -> Result<(), Ended> {
        if !self.terminal {
            return Ok(());
        }
        let real = self.cli.prompt();
        let text = if self.cli.input() == Input::Command { self.device.script().prompt(&real) } else { None };
        self.send(&text.unwrap_or(real)).await
    }

    async fn send(&mut self, text: &str) -> Result<(), Ended> {
        if self.terminal {
            self.out.extend_from_slice(text.replace('\n', "\r\n").as_bytes());
        } else {
            self.out.extend_from_slice(text.as_bytes());
        }
        if self.out.len() > OUTPUT_BYTES_MAX { self.flush().await } else { Ok(()) }
    }

    async fn flush(&mut self) -> Result<(), Ended> {
        let bytes = std::mem::take(&mut self.out);
        if bytes.is_empty() { Ok(()) } else { Ok(self.channel.data(&bytes[..]).await?) }
    }
}
