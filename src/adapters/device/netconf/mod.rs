//! The driver for devices that speak NETCONF over SSH: the seven verbs.
//!
//! | server | a change | class |
//! |---|---|---|
//! | candidate, confirmed commit 1.1 | candidate, commit with a timer that any session can confirm | A |
//! | candidate only, or confirmed commit 1.0, which ends with its session | candidate, plain commit | C |
//! | writable running only | edits what runs | C |
//!
//! Invariant: no answer is believed. After every commit, confirmation and way back the running configuration is read again.

pub mod client;
pub mod framer;
pub mod message;
mod change;
mod reading;

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;

use self::client::{Client, Failure};
use self::message::{Datastore, RpcError};
use super::cli::check_name;
use super::ssh::Connection;
use super::{Candidate, Certainty, Device, DeviceError, DeviceProblem, RollbackClass, Staged, Target};
use crate::domain::config::dialect::Dialect;
use crate::domain::platform::netconf::NetconfPage;
use crate::domain::secret::MASK;
use crate::domain::xml::{Element, one_line};

/// A commit may take minutes on a large device without any byte being sent.
const COMMIT_WAIT: Duration = Duration::from_secs(180);

/// One session with one device.
pub struct NetconfDevice {
    connection: Connection,
    client: Client,
    page: NetconfPage,
    dialect: Arc<Dialect>,
    /// What a server may repeat in its errors and nobody shall read.
    secrets: Vec<Box<str>>,
}

/// Connects, opens the subsystem and exchanges the hellos.
///
/// # Errors
/// Always `Refused`; names the device, its address and port.
pub async fn connect(
    target: &Target,
    page: &NetconfPage,
    dialect: Arc<Dialect>,
) -> Result<Box<dyn Device>, DeviceError> {
    Ok(Box::new(NetconfDevice::open(target, page, dialect).await?))
}

impl NetconfDevice {
    /// As [`connect`], for who wants more than the seven verbs.
    ///
    /// # Errors
    /// As [`connect`].
    pub async fn open(target: &Target, page: &NetconfPage, dialect: Arc<Dialect>) -> Result<Self, DeviceError> {
        let connection = Connection::open(target).boxed().await?;
        let channel = connection.subsystem(&page.subsystem).await?;
        let stream = Box::new(channel.into_stream());
        let client = Client::open(stream, connection.name(), &page.capabilities, connection.command_timeout()).await?;
        tokio::time::sleep(Duration::from_millis(page.pause_ms)).await;
        Ok(Self { connection, client, page: page.clone(), dialect, secrets: Vec::new() })
    }

    /// The session itself, for requests that no verb needs.
    pub fn client(&mut self) -> &mut Client {
        &mut self.client
    }

    fn name(&self) -> &str {
        self.connection.name()
    }

    fn has_candidate(&self) -> bool {
        self.client.capabilities().has("candidate:1.0")
    }

    /// Whether a commit can wait for a confirmation from another session.
    fn has_timer(&self) -> bool {
        self.has_candidate() && self.client.capabilities().has("confirmed-commit:1.1")
    }

    /// Sends a request that changes nothing that runs.
    async fn ask(&mut self, what: &str, operation: &str) -> Result<Element, DeviceError> {
        let answer = self.client.call(operation).await;
        answer.map_err(|failure| refused(self.failed(what, failure)))
    }

    /// Sends a request that changes what runs. Said no, it is `Refused`; without an answer it is `Lost`.
    async fn act(&mut self, what: &str, operation: &str) -> Result<Element, DeviceError> {
        let answer = self.client.call_within(operation, COMMIT_WAIT.max(self.connection.command_timeout())).await;
        answer.map_err(|failure| self.failed(what, failure))
    }

    fn failed(&self, what: &str, failure: Failure) -> DeviceError {
        match failure {
            Failure::Broken(error) => error,
            Failure::Refused(error) => self.said_no(what, &error),
        }
    }

    fn said_no(&self, what: &str, error: &RpcError) -> DeviceError {
        let mask = |words: String, secret: &str| words.replace(secret, MASK);
        let words = self.secrets.iter().map(|secret| &**secret).fold(self.dialect.mask(&error.words()), mask);
        let message = format!("{}: {what} was answered with {words}", self.name());
        match error.tag.as_str() {
            // The last one is what some servers say about a candidate with changes that nobody committed.
            "lock-denied" | "in-use" | "resource-denied" => {
                let holder = match error.session.as_deref() {
                    Some("0") => "; something that is no NETCONF session holds it".to_owned(),
                    Some(session) => format!("; NETCONF session {session} holds it"),
                    None => String::new(),
                };
                DeviceError::refused(DeviceProblem::Locked, message + &holder)
                    .hint("wait until the other session is done, or end it on the device")
            }
            "access-denied" => {
                DeviceError::refused(DeviceProblem::Rejected, message).hint("give the account the right on the device")
            }
            _ => DeviceError::refused(DeviceProblem::Rejected, message),
        }
    }

    /// Runs an operational request: see [`Device::run`].
    async fn operate(&mut self, command: &str) -> Result<String, DeviceError> {
        let (verb, rest) = command.trim().split_once(char::is_whitespace).unwrap_or((command.trim(), ""));
        let rest = rest.trim();
        let unknown = |name: &str| {
            let message = format!("{name}: `{command}` is no request of NETCONF");
            let hint = "use `get <FILTER…/>`, `get /XPATH`, `get-config DATASTORE`, `get-schema NAME`";
            DeviceError::refused(DeviceProblem::Rejected, message).hint(hint)
        };
        let operation = match verb {
            "get" if rest.starts_with('<') => {
                crate::domain::xml::parse(rest).map_err(|error| {
                    let message = format!("{}: the filter is no XML: {error}", self.name());
                    DeviceError::refused(DeviceProblem::Rejected, message)
                })?;
                message::get(rest)
            }
            "get" if rest.starts_with('/') => message::get_xpath(rest),
            "get-config" => match rest {
                "" | "running" => message::get_config(Datastore::Running, None),
                "candidate" => message::get_config(Datastore::Candidate, None),
                "startup" => message::get_config(Datastore::Startup, None),
                _ => return Err(unknown(self.name())),
            },
            "get-schema" if !rest.is_empty() => {
                let (name, version) = rest.split_once(char::is_whitespace).map_or((rest, None), |(n, v)| (n, Some(v)));
                message::get_schema(name, version)
            }
            "kill-session" => match rest.parse() {
                Ok(id) => message::kill_session(id),
                Err(_) => return Err(unknown(self.name())),
            },
            _ => return Err(unknown(self.name())),
        };
        let reply = self.act(verb, &operation).await?;
        let data = reply.child("data").unwrap_or(&reply);
        if data.children.is_empty() {
            return Ok(data.text.to_string());
        }
        Ok(data.children.iter().map(|child| one_line(child, "") + "\n").collect())
    }
}

/// Turns an error into one after which we know that nothing happened.
fn refused(error: DeviceError) -> DeviceError {
    DeviceError { certainty: Certainty::Refused, ..error }
}

impl Device for NetconfDevice {
    fn running(&mut self) -> BoxFuture<'_, Result<String, DeviceError>> {
        async move { self.read(Datastore::Running).await }.boxed()
    }

    fn stage<'a>(&'a mut self, candidate: &'a Candidate) -> BoxFuture<'a, Result<Staged, DeviceError>> {
        async move {
            check_name(&candidate.change)?;
            if self.has_candidate() { self.try_candidate(candidate).await } else { self.try_running(candidate).await }
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
            if self.has_candidate() {
                self.commit_candidate(candidate, confirm_within).await
            } else {
                self.edit_running(candidate).await
            }
        }
        .boxed()
    }

    fn confirm<'a>(&'a mut self, candidate: &'a Candidate) -> BoxFuture<'a, Result<(), DeviceError>> {
        async move {
            check_name(&candidate.change)?;
            if self.has_timer() {
                self.confirm_commit(candidate).await?;
            } else {
                self.expect_not_base(candidate).await?;
            }
            self.save().await
        }
        .boxed()
    }

    fn rollback<'a>(&'a mut self, candidate: &'a Candidate) -> BoxFuture<'a, Result<(), DeviceError>> {
        async move {
            check_name(&candidate.change)?;
            self.go_back(candidate).await
        }
        .boxed()
    }

    fn discard<'a>(&'a mut self, candidate: &'a Candidate) -> BoxFuture<'a, Result<(), DeviceError>> {
        // Staging leaves nothing behind: the candidate is one for all sessions, so it is loaded again by the commit.
        async move { check_name(&candidate.change) }.boxed()
    }

    fn run<'a>(&'a mut self, command: &'a str) -> BoxFuture<'a, Result<String, DeviceError>> {
        async move { self.operate(command).await }.boxed()
    }

    fn rollback_class(&self) -> RollbackClass {
        if self.has_timer() { RollbackClass::A } else { RollbackClass::C }
    }

    fn host_key(&self) -> &str {
        self.connection.host_key()
    }
}
