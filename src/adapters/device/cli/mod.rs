//! The driver for every device with a command line: the seven verbs, led by the platform's page.
//!
//! | account | reads | changes | class |
//! |---|---|---|---|
//! | command line with config sessions | terminal | session with commit timer | A |
//! | Unix shell beside the command line | command channel | terminal, dead-man timer on the device | B |
//! | command line only | terminal | terminal | C |

pub(crate) mod page;

pub(crate) mod session;

mod reading;

mod typing;

mod config_session;

mod shell_timer;

mod lines;

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;

use self::config_session::Sessions;
use self::page::Page;
use self::reading::{complete, expect_approved, refused};
use self::session::CliSession;
use self::shell_timer::quote;
use self::typing::{as_file, steps};
use super::ssh::Connection;
use super::{Auth, Candidate, Device, DeviceError, DeviceProblem, RollbackClass, Staged, Target};
use crate::domain::platform::session::{ConfigSession, SessionPage, ShellTimer, Transaction, UnixShell, pattern};
use crate::domain::secret::Secret;

/// Longest name of a change on a device, in bytes.
const CHANGE_BYTES_MAX: usize = 64;

/// One session with one device.
struct CliDevice {
    connection: Connection,
    page: Arc<Page>,
    password: Option<Secret>,
    has_shell: bool,
    cli: Option<CliSession>,
    staged: Option<String>,
}

/// Connects, logs in and finds out what kind of account this is.
///
/// # Errors
/// Always `Refused`; names the device, its address and port.
pub async fn connect(target: &Target, page: &SessionPage) -> Result<Box<dyn Device>, DeviceError> {
    let page = Arc::new(Page::new(target, page)?);
    let connection = Connection::open(target).boxed().await?;
    let password = target.auth.iter().find_map(|auth| match auth {
        Auth::Password(password) => Some(password.clone()),
        Auth::Key(_) | Auth::Identity(_) | Auth::Agent(_) | Auth::Answers(_) => None,
    });
    let has_shell = match &page.session.shell {
        Some(shell) => is_unix_shell(&connection, shell).await.map_err(refused)?,
        None => false,
    };
    let mut device = CliDevice { connection, page, password, has_shell, cli: None, staged: None };
    if !has_shell {
        device.cli().boxed().await?;
    }
    Ok(Box::new(device))
}

/// Checks that the name of a change can stand in a command and in a file name.
///
/// # Errors
/// `Refused` when it cannot.
pub fn check_name(change: &str) -> Result<(), DeviceError> {
    let fits = change.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    if fits && (1..=CHANGE_BYTES_MAX).contains(&change.len()) && !change.starts_with('-') {
        return Ok(());
    }
    let message = format!(
        "{change:?} cannot name a change on a device: letters, digits, '-' and '_', at most {CHANGE_BYTES_MAX}"
    );
    Err(DeviceError::refused(DeviceProblem::Protocol, message))
}

async fn is_unix_shell(connection: &Connection, shell: &UnixShell) -> Result<bool, DeviceError> {
    match connection.exec(&shell.probe, "").await {
        Ok(output) => Ok(output.stdout.lines().any(|line| line.trim_end() == shell.answer)),
        // a server without command channels has no Unix shell to offer
        Err(error) if error.problem == DeviceProblem::Rejected => Ok(false),
        Err(error) => Err(error),
    }
}

impl Device for CliDevice {
    fn running(&mut self) -> BoxFuture<'_, Result<String, DeviceError>> {
        async move { self.read().await.map_err(refused) }.boxed()
    }

    fn stage<'a>(&'a mut self, candidate: &'a Candidate) -> BoxFuture<'a, Result<Staged, DeviceError>> {
        async move {
            check_name(&candidate.change)?;
            let staged = match self.config_session() {
                Some(sessions) => {
                    let cli = self.cli().await?;
                    Sessions::new(cli, &sessions, &candidate.change).stage(candidate).await?
                }
                None => {
                    self.check_lines(candidate).await.map_err(refused)?;
                    Staged::default()
                }
            };
            self.staged = Some(candidate.change.clone());
            Ok(staged)
        }
        .boxed()
    }

    fn commit<'a>(
        &'a mut self,
        candidate: &'a Candidate,
        confirm_within: Duration,
    ) -> BoxFuture<'a, Result<(), DeviceError>> {
        async move {
            check_name(&candidate.change)?;
            let is_staged = self.staged.take().is_some_and(|staged| staged == candidate.change);
            let Some(sessions) = self.config_session() else {
                return self.commit_lines(candidate, confirm_within).await;
            };
            let cli = self.cli().await?;
            Sessions::new(cli, &sessions, &candidate.change).commit(candidate, is_staged, confirm_within).await
        }
        .boxed()
    }

    fn confirm<'a>(&'a mut self, candidate: &'a Candidate) -> BoxFuture<'a, Result<(), DeviceError>> {
        async move {
            check_name(&candidate.change)?;
            if let Some(sessions) = self.config_session() {
                let cli = self.cli().await?;
                Sessions::new(cli, &sessions, &candidate.change).confirm(candidate).await?;
            } else if let Some((shell, timer)) = self.timer() {
                return self.confirm_timer(candidate, &shell, &timer).await;
            }
            self.save().await
        }
        .boxed()
    }

    fn rollback<'a>(&'a mut self, candidate: &'a Candidate) -> BoxFuture<'a, Result<(), DeviceError>> {
        async move {
            check_name(&candidate.change)?;
            if let Some(sessions) = self.config_session() {
                let cli = self.cli().await?;
                let committed = Sessions::new(cli, &sessions, &candidate.change).rollback(candidate).await?;
                return if committed { self.save().await } else { Ok(()) };
            }
            match self.timer() {
                Some((shell, timer)) => self.rollback_timer(candidate, &shell, &timer).await,
                None => self.rollback_lines(candidate).await,
            }
        }
        .boxed()
    }

    fn discard<'a>(&'a mut self, candidate: &'a Candidate) -> BoxFuture<'a, Result<(), DeviceError>> {
        async move {
            check_name(&candidate.change)?;
            self.staged = None;
            let Some(sessions) = self.config_session() else { return Ok(()) };
            let cli = self.cli().await?;
            Sessions::new(cli, &sessions, &candidate.change).discard().await
        }
        .boxed()
    }

    fn run<'a>(&'a mut self, command: &'a str) -> BoxFuture<'a, Result<String, DeviceError>> {
        async move {
            let output = self.ask(command).await?;
            match self.page.error_in(&output) {
                None => Ok(output),
                Some(words) => Err(self.rejected(command, &words)),
            }
        }
        .boxed()
    }

    fn rollback_class(&self) -> RollbackClass {
        match &self.page.transaction {
            Transaction::ConfigSession(_) => RollbackClass::A,
            Transaction::ShellTimer(_) if self.has_shell => RollbackClass::B,
            Transaction::ShellTimer(_) | Transaction::Immediate(_) => RollbackClass::C,
        }
    }

    fn host_key(&self) -> &str {
        self.connection.host_key()
    }
}

impl CliDevice {
    fn config_session(&self) -> Option<ConfigSession> {
        match &self.page.transaction {
            Transaction::ConfigSession(sessions) => Some(sessions.as_ref().clone()),
            Transaction::ShellTimer(_) | Transaction::Immediate(_) => None,
        }
    }

    fn timer(&self) -> Option<(UnixShell, ShellTimer)> {
        match (&self.page.transaction, &self.page.session.shell) {
            (Transaction::ShellTimer(timer), Some(shell)) if self.has_shell => Some((shell.clone(), timer.clone())),
            _ => None,
        }
    }

    /// The command line, opened when it is needed first.
    async fn cli(&mut self) -> Result<&mut CliSession, DeviceError> {
        if self.cli.as_ref().is_none_or(CliSession::is_broken) {
            let shell = self.page.session.shell.as_ref().filter(|_| self.has_shell);
            let command = shell.map(|shell| self.page.command(&shell.cli, &[]));
            let page = Arc::clone(&self.page);
            let session =
                CliSession::open(&self.connection, page, command.as_deref(), self.password.as_ref()).boxed().await?;
            self.cli = Some(session);
        }
        Ok(self.cli.as_mut().expect("it was just opened"))
    }

    /// Runs one operational command, by the faster way.
    async fn ask(&mut self, command: &str) -> Result<String, DeviceError> {
        let Some(shell) = self.page.session.shell.clone().filter(|_| self.has_shell) else {
            return self.cli().await?.type_line(command).await.map(|reply| reply.output);
        };
        if command.chars().any(char::is_control) {
            let message = format!("{}: a command with a control character is not sent", self.connection.name());
            return Err(DeviceError::refused(DeviceProblem::Protocol, message));
        }
        let line = self.page.command(&shell.run, &[("command", &quote(command))]);
        let output = self.connection.exec(&line, "").await?;
        if output.status == Some(0) {
            return Ok(output.stdout);
        }
        let words = [output.stdout.trim(), output.stderr.trim()].join(" ");
        let words: String = words.trim().lines().take(4).collect::<Vec<_>>().join(" / ");
        Err(self.rejected(command, &self.page.masks.apply(&words)).hint(shell.hint))
    }

    fn rejected(&self, command: &str, words: &str) -> DeviceError {
        let shown = self.page.masks.apply(command);
        let message = format!("{}: `{shown}` was answered with `{words}`", self.connection.name());
        DeviceError::refused(DeviceProblem::Rejected, message)
    }

    async fn read(&mut self) -> Result<String, DeviceError> {
        let command = self.page.session.running.command.clone();
        let running = self.ask(&command).await?;
        complete(&self.page, self.connection.name(), running)
    }

    async fn save(&mut self) -> Result<(), DeviceError> {
        let command = self.page.session.save.command.clone();
        let answer = match self.ask(&command).await {
            Ok(answer) => answer,
            Err(error) => error.message,
        };
        if self.page.is_saved(&answer) {
            return Ok(());
        }
        let words = self.page.masks.apply(answer.trim()).replace('\n', " / ");
        let name = self.connection.name();
        let message = format!("{name} runs the new configuration but did not save it for the next start: `{words}`");
        Err(DeviceError::lost(DeviceProblem::Rejected, message).hint(format!("save it with `{command}`")))
    }

    /// Compares the base and lets the device check the lines where it can.
    async fn check_lines(&mut self, candidate: &Candidate) -> Result<(), DeviceError> {
        let steps = steps(&candidate.commands, &self.page.session.configuration)?;
        let running = self.read().await?;
        expect_approved(&self.page, self.connection.name(), candidate, &running)?;
        let Some(shell) = self.page.session.shell.clone().filter(|_| self.has_shell) else { return Ok(()) };
        let (Some(check), Some(error)) = (&shell.check, &shell.check_error) else { return Ok(()) };
        let check = self.page.command(check, &[("file", "\"$dir/lines\"")]);
        let input = shell_timer::with_private_file("lines", &as_file(&steps), &check);
        let output = self.connection.exec("exec sh -s", &input).await?;
        if output.status == Some(0) {
            return Ok(());
        }
        let error = pattern("shell.check_error", error)
            .map_err(|error| DeviceError::refused(DeviceProblem::Protocol, error.to_string()))?;
        let text = format!("{}\n{}", output.stdout, output.stderr);
        let found = text.lines().find_map(|line| {
            let found = error.captures(line.trim_end())?;
            let number: usize = found.name("line")?.as_str().parse().ok()?;
            Some((steps.get(number.checked_sub(1)?)?, found.name("words")?.as_str().to_owned()))
        });
        let name = self.connection.name();
        let message = match found {
            Some((step, words)) => {
                let (shown, words) = (self.page.masks.apply(&step.text), self.page.masks.apply(&words));
                format!("{name}: command {} `{shown}` would be answered with `{words}`", step.source)
            }
            None => {
                let words = self.page.masks.apply(text.trim()).replace('\n', " / ");
                format!("{name}: the commands were not accepted in a dry run: `{words}`")
            }
        };
        Err(DeviceError::refused(DeviceProblem::Rejected, message))
    }
}
