//! Telnet to a device or the console port of a terminal server: the same byte stream as a terminal of SSH, after a login
//! on the terminal itself.

mod negotiation;

use std::time::Duration;

use regex::Regex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use self::negotiation::Negotiation;
use super::ssh::jump::{self, Stream};
use super::{Auth, DeviceError, DeviceProblem, Target};
use crate::domain::platform::login::LoginPrompts;
use crate::domain::platform::session::{TerminalKind, pattern};

/// Most output before the command line is there: banners, messages of the day.
const LOGIN_BYTES_MAX: usize = 1 << 20;
/// A line that stays so long is a prompt, or a question that we do not know.
const QUIET: Duration = Duration::from_millis(700);
/// A console line that says nothing is woken with the enter key this often.
const WAKES_MAX: u32 = 3;
/// Most bytes that are read at once.
const READ_BYTES: usize = 16 << 10;

/// A connection that stands, before the login.
pub struct TelnetLine {
    target: Target,
    /// Taken by the first terminal; later ones connect again.
    stream: Mutex<Option<Stream>>,
}

/// A byte stream of text; the protocol is answered on the way.
pub struct TelnetConsole {
    stream: Stream,
    negotiation: Negotiation,
    /// What must be sent before anything else; kept here so that a dropped future loses nothing.
    unsent: Vec<u8>,
    /// What was read during the login and belongs to the command line.
    ahead: Vec<u8>,
}

impl TelnetConsole {
    /// Reads text; nothing after the end. Dropping the future loses nothing.
    pub async fn read(&mut self) -> Option<Vec<u8>> {
        if !self.ahead.is_empty() {
            return Some(std::mem::take(&mut self.ahead));
        }
        let mut buffer = [0; READ_BYTES];
        loop {
            self.flush().await.ok()?;
            let count = self.stream.read(&mut buffer).await.ok().filter(|count| *count > 0)?;
            let (text, replies) = self.negotiation.receive(&buffer[..count]);
            self.unsent.extend(replies);
            if self.negotiation.is_endless() {
                tracing::warn!("telnet: the other side does not stop to negotiate");
                return None;
            }
            if !text.is_empty() {
                // what is agreed on is sent with the next call; a silent peer may wait for it
                let _ = timeout(Duration::from_millis(1), self.flush()).await;
                return Some(text);
            }
        }
    }

    /// Sends input.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.unsent.extend(Negotiation::encode(bytes));
        self.flush().await
    }

    async fn flush(&mut self) -> std::io::Result<()> {
        while !self.unsent.is_empty() {
            let count = self.stream.write(&self.unsent).await?;
            if count == 0 {
                return Err(std::io::ErrorKind::WriteZero.into());
            }
            self.unsent.drain(..count);
        }
        self.stream.flush().await
    }
}

impl TelnetLine {
    /// Takes a connection to the target.
    pub fn new(target: &Target, stream: Stream) -> Self {
        Self { target: target.clone(), stream: Mutex::new(Some(stream)) }
    }

    /// Answers the questions for name and password and returns when something like a command line is there.
    ///
    /// # Errors
    /// Always `Refused`.
    pub async fn log_in(&self, name: &str, kind: &TerminalKind) -> Result<TelnetConsole, DeviceError> {
        let stream = match self.stream.lock().await.take() {
            Some(stream) => stream,
            None => jump::open(&self.target).await?,
        };
        let negotiation = Negotiation::new(&kind.name, (kind.columns, kind.rows));
        let console = TelnetConsole { stream, negotiation, unsent: Vec::new(), ahead: Vec::new() };
        let bound = self.target.access.login_timeout.unwrap_or(self.target.connect_timeout);
        let mut login =
            Login { console, target: &self.target, name, questions: Questions::of(&kind.login)?, seen: Vec::new() };
        let deadline = Instant::now() + bound;
        match login.run(deadline).await {
            Ok(()) => {
                login.console.ahead = login.seen;
                Ok(login.console)
            }
            Err(error) => Err(error),
        }
    }
}

/// The patterns of a login.
struct Questions {
    user: Regex,
    password: Regex,
    failed: Regex,
}

impl Questions {
    fn of(prompts: &LoginPrompts) -> Result<Self, DeviceError> {
        let compile = |name: &str, text: &str| {
            pattern(name, text).map_err(|error| DeviceError::refused(DeviceProblem::Protocol, error.to_string()))
        };
        Ok(Self {
            user: compile("login.user", &prompts.user)?,
            password: compile("login.password", &prompts.password)?,
            failed: compile("login.failed", &prompts.failed)?,
        })
    }
}

/// A login that goes on.
struct Login<'a> {
    console: TelnetConsole,
    target: &'a Target,
    name: &'a str,
    questions: Questions,
    /// The output since the last answer.
    seen: Vec<u8>,
}

/// What the last line of the output is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Last {
    User,
    Password,
    Other,
    Nothing,
}

impl Login<'_> {
    async fn run(&mut self, deadline: Instant) -> Result<(), DeviceError> {
        let (mut sent_user, mut sent_password, mut wakes) = (false, false, 0);
        loop {
            let is_quiet = !self.receive(deadline).await?;
            let text = String::from_utf8_lossy(&self.seen).into_owned();
            if (sent_user || sent_password) && text.lines().any(|line| self.questions.failed.is_match(line)) {
                return Err(self.refused("did not accept"));
            }
            match self.last(&text) {
                Last::User if !sent_user => {
                    sent_user = true;
                    let user = self.target.user.clone();
                    self.answer(&user).await?;
                }
                Last::Password if !sent_password => {
                    let password = self.target.auth.iter().find_map(|auth| match auth {
                        Auth::Password(password) => Some(password.clone()),
                        Auth::Key(_) | Auth::Identity(_) | Auth::Agent(_) | Auth::Answers(_) => None,
                    });
                    let Some(password) = password else {
                        return Err(self.refused("asks for a password and there is none for"));
                    };
                    sent_password = true;
                    self.answer(password.expose()).await?;
                }
                // the same question again means that the answer was wrong
                Last::User | Last::Password => return Err(self.refused("asks again after a login of")),
                Last::Other if is_quiet => return Ok(()),
                Last::Nothing if is_quiet && !sent_user && !sent_password && wakes < WAKES_MAX => {
                    wakes += 1;
                    self.answer("").await?;
                }
                Last::Other | Last::Nothing => {}
            }
        }
    }

    fn last(&self, text: &str) -> Last {
        let line = text.rsplit(['\n', '\r']).next().unwrap_or_default();
        if line.trim().is_empty() {
            return Last::Nothing;
        }
        if self.questions.password.is_match(line) {
            return Last::Password;
        }
        if self.questions.user.is_match(line) { Last::User } else { Last::Other }
    }

    /// Reads more; tells whether anything came before it was quiet.
    async fn receive(&mut self, deadline: Instant) -> Result<bool, DeviceError> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            let message = format!(
                "{}: no command line after the login in time; the last output was `{}`",
                self.name,
                self.tail()
            );
            return Err(DeviceError::refused(DeviceProblem::Timeout, message));
        }
        match timeout(left.min(QUIET), self.console.read()).await {
            Err(_) => Ok(false),
            Ok(None) => {
                let message = format!("{} closed the connection during the login, after `{}`", self.name, self.tail());
                Err(DeviceError::refused(DeviceProblem::Unreachable, message))
            }
            Ok(Some(_)) if self.seen.len() > LOGIN_BYTES_MAX => {
                let message = format!("{}: more than {LOGIN_BYTES_MAX} bytes came before the login", self.name);
                Err(DeviceError::refused(DeviceProblem::Protocol, message))
            }
            Ok(Some(text)) => {
                self.seen.extend(text);
                Ok(true)
            }
        }
    }

    async fn answer(&mut self, text: &str) -> Result<(), DeviceError> {
        self.seen.clear();
        let line = format!("{text}\n");
        let sending = timeout(self.target.connect_timeout, self.console.write(line.as_bytes())).await;
        match sending {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => {
                let message = format!("{} does not take any input during the login", self.name);
                Err(DeviceError::refused(DeviceProblem::Unreachable, message))
            }
        }
    }

    /// The end of the output; an answer may be echoed there, so the password is cut out.
    fn tail(&self) -> String {
        let text = String::from_utf8_lossy(&self.seen);
        let mut line = text.trim().rsplit('\n').next().unwrap_or_default().trim().to_owned();
        for auth in &self.target.auth {
            if let Auth::Password(password) = auth {
                line = line.replace(password.expose(), crate::domain::secret::MASK);
            }
        }
        line.chars().filter(|c| !c.is_control()).take(120).collect()
    }

    fn refused(&self, what: &str) -> DeviceError {
        let message = format!("{} {what} user {} (Telnet): `{}`", self.name, self.target.user, self.tail());
        DeviceError::refused(DeviceProblem::AuthFailed, message).hint("check user and password")
    }
}
