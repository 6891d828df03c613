//! The driver for every device with a command line: the seven verbs, led by the platform's page.
//!
//! | account | reads | changes | class |
//! |---|---|---|---|
//! | command line with config sessions | terminal | session with commit timer | A |
//! | Unix shell beside the command line | command channel | terminal, dead-man timer on the device | B |
//! | command line only | terminal | terminal | C |

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;

use super::config_session::Sessions;
use super::page::Page;
use super::session::CliSession;
use super::shell_timer::{DeadMan, Kept, Undone, quote};
use super::ssh::{Connection, lost};
use super::typing::{Step, as_file, steps, type_steps, type_tolerantly};
use super::{
    Auth, Candidate, Certainty, Device, DeviceError, DeviceProblem, RollbackClass, Staged, Target,
};
use crate::domain::platform::session::{
    ConfigSession, Role, SessionPage, ShellTimer, Transaction, UnixShell, pattern,
};
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
        Auth::Key(_) => None,
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
    let message = format!("{change:?} cannot name a change on a device: letters, digits, '-' and '_', at most {CHANGE_BYTES_MAX}");
    Err(DeviceError::refused(DeviceProblem::Protocol, message))
}

/// Turns an error into one after which we know that nothing happened.
pub fn refused(error: DeviceError) -> DeviceError {
    DeviceError { certainty: Certainty::Refused, ..error }
}

/// Reads the running configuration on a terminal.
///
/// # Errors
/// `Protocol` when the answer is cut off.
pub async fn read_on(cli: &mut CliSession) -> Result<String, DeviceError> {
    let command = cli.page().session.running.command.clone();
    let reply = cli.type_line(&command).await.map_err(refused)?;
    complete(cli.page(), cli.name(), reply.output)
}

/// Checks that a device still prints what was approved.
///
/// # Errors
/// `Stale`, with the lines that changed in between.
pub fn expect_approved(page: &Page, name: &str, candidate: &Candidate, running: &str) -> Result<(), DeviceError> {
    if page.same(&candidate.base, running) {
        return Ok(());
    }
    let lines = page.differences(&candidate.base, running);
    let message = format!("the running configuration of {name} is not the approved one any more:{lines}");
    Err(DeviceError::refused(DeviceProblem::Stale, message).hint("plan again"))
}

/// Checks that a device prints its base again.
///
/// # Errors
/// `Lost`, with the lines that differ.
pub fn expect_base(page: &Page, name: &str, candidate: &Candidate, running: &str) -> Result<(), DeviceError> {
    if page.same(&candidate.base, running) {
        return Ok(());
    }
    let lines = page.differences(&candidate.base, running);
    let message = format!("{name} does not print its base again; what differs from the base:{lines}");
    Err(DeviceError::lost(DeviceProblem::Rejected, message).hint("bring these lines back by hand"))
}

fn complete(page: &Page, name: &str, running: String) -> Result<String, DeviceError> {
    if page.is_complete(&running) {
        return Ok(running);
    }
    let message = match page.error_in(&running) {
        Some(words) => format!("{name}: reading the running configuration was answered with `{words}`"),
        None => format!("{name}: the running configuration came cut off, its last line is missing"),
    };
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
            Transaction::ConfigSession(sessions) => Some(sessions.clone()),
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
        let input = super::shell_timer::with_private_file("lines", &as_file(&steps), &check);
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

    /// Types the lines; they act at once. With a Unix shell a timer on the device is armed before the first one.
    async fn commit_lines(&mut self, candidate: &Candidate, within: Duration) -> Result<(), DeviceError> {
        let change = steps(&candidate.commands, &self.page.session.configuration)?;
        let undo = steps(&candidate.undo, &self.page.session.configuration)?;
        // a terminal that cannot be opened must not leave a timer behind
        self.cli().await?;
        let running = match self.timer() {
            Some((shell, timer)) => self.dead_man((&shell, &timer), candidate).arm(&as_file(&undo), within).await?,
            None => self.read().await.map_err(refused)?,
        };
        let running = complete(&self.page, self.connection.name(), running);
        let approved = running
            .and_then(|running| expect_approved(&self.page, self.connection.name(), candidate, &running));
        if let Err(error) = approved {
            self.disarm(candidate).await;
            return Err(error);
        }
        match self.type_change(&change).await {
            Ok(()) => Ok(()),
            Err((false, error)) => {
                self.disarm(candidate).await;
                Err(refused(error))
            }
            Err((true, error)) => Err(self.bring_back(candidate, error, within).await),
        }
    }

    /// Types a change from the operational mode and goes back there. The flag says whether a line may have acted.
    async fn type_change(&mut self, change: &[Step]) -> Result<(), (bool, DeviceError)> {
        let configuration = self.page.session.configuration.clone();
        let cli = self.cli().await.map_err(|error| (false, error))?;
        let reply = cli.type_line(&configuration.enter).await.map_err(|error| (false, error))?;
        if reply.prompt.role != Role::Configuration {
            let words = cli.page().masks.apply(reply.output.trim());
            let message = format!("{}: `{}` was answered with `{words}`", cli.name(), configuration.enter);
            return Err((false, DeviceError::refused(DeviceProblem::Locked, message)));
        }
        if let Err(stopped) = type_steps(cli, change).await {
            if stopped.usable {
                // what follows is a roll-back, which reports for itself
                let _ = cli.operational(&configuration.leave).await;
            }
            return Err((stopped.typed, stopped.error));
        }
        cli.operational(&configuration.leave).await.map(drop).map_err(|error| (true, lost(error)))
    }

    /// After a line that was not accepted: back to the base, and the truth about it.
    async fn bring_back(&mut self, candidate: &Candidate, error: DeviceError, within: Duration) -> DeviceError {
        if error.certainty == Certainty::Lost {
            let rest = match self.rollback_class() {
                RollbackClass::A | RollbackClass::B => {
                    format!("the device brings its base back by itself within {within:?}")
                }
                RollbackClass::C => "the device does not go back by itself".to_owned(),
            };
            let message = format!("{}; {rest}", error.message);
            return DeviceError { message, ..error };
        }
        let back = match self.timer() {
            Some((shell, timer)) => self.rollback_timer(candidate, &shell, &timer).await,
            None => self.rollback_lines(candidate).await,
        };
        match back {
            Ok(()) => {
                let message = format!("{}; the other commands were not typed and the device is back at its base", error.message);
                DeviceError { message, ..error }
            }
            Err(second) => {
                let message = format!("{}; bringing the base back failed: {}", error.message, second.message);
                lost(DeviceError { message, hint: second.hint, ..error })
            }
        }
    }

    async fn confirm_timer(
        &mut self,
        candidate: &Candidate,
        shell: &UnixShell,
        timer: &ShellTimer,
    ) -> Result<(), DeviceError> {
        let name = self.connection.name().to_owned();
        let kept = self.dead_man((shell, timer), candidate).keep().await?;
        if kept != Kept::Kept {
            let running = self.read().await.map_err(refused)?;
            let is_base = self.page.same(&candidate.base, &running);
            let is_kept_before = kept == Kept::Unknown && self.page.same(&candidate.predicted, &running);
            if is_base || !is_kept_before {
                let state = if is_base { "is back at its base" } else { "prints neither its base nor the prediction" };
                let why = match kept {
                    Kept::TimerDecided => "the timer on the device has run out",
                    Kept::Unknown | Kept::Kept => "no timer of this change is on the device",
                };
                let message = format!("the change on {name} cannot be confirmed: {why}, and the device {state}");
                return Err(DeviceError::refused(DeviceProblem::Stale, message));
            }
        }
        let saved = self.save().await;
        let cleaned = self.dead_man((shell, timer), candidate).clean().await;
        saved.and(cleaned)
    }

    async fn rollback_timer(
        &mut self,
        candidate: &Candidate,
        shell: &UnixShell,
        timer: &ShellTimer,
    ) -> Result<(), DeviceError> {
        if self.dead_man((shell, timer), candidate).undo().await? == Undone::Unknown {
            self.rollback_lines(candidate).await?;
        } else {
            let running = self.read().await.map_err(lost)?;
            expect_base(&self.page, self.connection.name(), candidate, &running)?;
        }
        self.dead_man((shell, timer), candidate).clean().await
    }

    /// Without any help of the device: types the undo commands where the device does not print its base.
    async fn rollback_lines(&mut self, candidate: &Candidate) -> Result<(), DeviceError> {
        let running = self.read().await.map_err(refused)?;
        if self.page.same(&candidate.base, &running) {
            return Ok(());
        }
        let undo = steps(&candidate.undo, &self.page.session.configuration)?;
        let configuration = self.page.session.configuration.clone();
        let cli = self.cli().await?;
        let reply = cli.type_line(&configuration.enter).await?;
        if reply.prompt.role != Role::Configuration {
            let message = format!("{}: `{}` does not open the configuration", cli.name(), configuration.enter);
            return Err(DeviceError::refused(DeviceProblem::Locked, message));
        }
        type_tolerantly(cli, &undo).await.map_err(lost)?;
        cli.operational(&configuration.leave).await.map_err(lost)?;
        let running = self.read().await.map_err(lost)?;
        expect_base(&self.page, self.connection.name(), candidate, &running)?;
        // the change may have been saved before
        self.save().await
    }

    /// Takes the timer back when nothing was typed. A timer that stays finds the base unchanged and does nothing.
    async fn disarm(&mut self, candidate: &Candidate) {
        if let Some((shell, timer)) = self.timer() {
            let dead_man = self.dead_man((&shell, &timer), candidate);
            if matches!(dead_man.keep().await, Ok(Kept::Kept)) {
                let _ = dead_man.clean().await;
            }
        }
    }

    fn dead_man<'a>(&'a self, parts: (&'a UnixShell, &'a ShellTimer), candidate: &'a Candidate) -> DeadMan<'a> {
        DeadMan::new(&self.connection, &self.page, parts, &candidate.change)
    }
}
