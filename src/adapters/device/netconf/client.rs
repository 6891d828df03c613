//! One NETCONF session over any stream of bytes: hello, requests and their answers, in order.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;

use super::framer::{FrameError, Framer, Framing, encode};
use super::message::{RpcError, close_session, errors, hello, rpc};
use crate::adapters::device::{DeviceError, DeviceProblem};
use crate::domain::limits::COMMAND_OUTPUT_BYTES_MAX;
use crate::domain::xml::{Element, parse_one};

const BASE_1_0: &str = "urn:ietf:params:netconf:base:1.0";
const BASE_1_1: &str = "urn:ietf:params:netconf:base:1.1";
/// Start of the names of the standard capabilities.
const CAPABILITY: &str = "urn:ietf:params:netconf:capability:";
/// Most capabilities of a hello.
const CAPABILITIES_MAX: usize = 20_000;
/// Bytes that are read at once.
const READ_BYTES: usize = 64 << 10;

/// A stream to a server.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// What a server can do.
#[derive(Clone, Debug, Default)]
pub struct Capabilities(Vec<String>);

impl Capabilities {
    /// Tells whether a standard capability is there: `candidate:1.0`.
    pub fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    fn find(&self, name: &str) -> Option<&str> {
        let own = |uri: &&String| uri.strip_prefix(CAPABILITY).is_some_and(|rest| rest.split('?').next() == Some(name));
        self.0.iter().find(own).map(String::as_str)
    }

    /// Tells whether a capability with this whole name is there, whatever its parameters are.
    pub fn has_uri(&self, name: &str) -> bool {
        self.0.iter().any(|uri| uri.split('?').next() == Some(name))
    }

    /// The mode of RFC 6243 in which only what somebody set is shown, when the server has it.
    pub fn explicit_defaults(&self) -> Option<&'static str> {
        let modes = self.find("with-defaults:1.0")?.split('?').nth(1)?;
        let offers = |mode: &str| modes.split(['=', '&', ',', ';']).any(|word| word == mode);
        ["explicit", "trim"].into_iter().find(|mode| offers(mode))
    }
}

/// Why a request has no good answer.
#[derive(Clone, Debug)]
pub enum Failure {
    /// The server said no.
    Refused(RpcError),
    /// There was no answer, or one that nobody understands.
    Broken(DeviceError),
}

/// A session that is open.
pub struct Client {
    stream: Box<dyn Stream>,
    framer: Framer,
    name: String,
    capabilities: Capabilities,
    session: u64,
    requests: u64,
    silence_max: Duration,
    is_broken: bool,
}

impl Client {
    /// Exchanges the hellos and settles on a framing (RFC 6241 section 8.1). `extra` are capabilities beside ours.
    ///
    /// # Errors
    /// Always `Refused`.
    pub async fn open(
        stream: Box<dyn Stream>,
        name: &str,
        extra: &[String],
        silence_max: Duration,
    ) -> Result<Self, DeviceError> {
        let mut own = Self {
            stream,
            framer: Framer::new(COMMAND_OUTPUT_BYTES_MAX),
            name: name.to_owned(),
            capabilities: Capabilities::default(),
            session: 0,
            requests: 0,
            silence_max,
            is_broken: false,
        };
        own.greet(extra).await.map_err(|error| DeviceError::refused(error.problem, error.message))?;
        Ok(own)
    }

    async fn greet(&mut self, extra: &[String]) -> Result<(), DeviceError> {
        let ours: Vec<String> =
            [BASE_1_0, BASE_1_1].into_iter().map(str::to_owned).chain(extra.iter().cloned()).collect();
        self.send(&hello(&ours)).await?;
        let greeting = self.receive(self.silence_max).await?;
        let is_hello = *greeting.local == *"hello";
        let Some(capabilities) = greeting.child("capabilities").filter(|_| is_hello) else {
            return Err(self.odd("it did not begin with a hello"));
        };
        let uris = capabilities.children.iter().take(CAPABILITIES_MAX).map(|uri| uri.text.trim().to_owned());
        self.capabilities = Capabilities(uris.collect());
        self.session = greeting.child_text("session-id").parse().unwrap_or(0);
        if self.capabilities.has_uri(BASE_1_1) {
            self.framer.set_framing(Framing::Chunks);
        } else if !self.capabilities.has_uri(BASE_1_0) {
            return Err(self.odd("it offers neither base 1.0 nor base 1.1"));
        }
        Ok(())
    }

    /// What the server can do.
    pub fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// The framing that both sides use.
    pub fn framing(&self) -> Framing {
        self.framer.framing()
    }

    /// The number that the server gave this session.
    pub fn session(&self) -> u64 {
        self.session
    }

    /// The device's name, address and port, for messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Sends a request and waits for its answer; returns the `rpc-reply`.
    ///
    /// # Errors
    /// The server's first error; or `Lost` when the answer did not come; or `Refused` when the session was over before.
    pub async fn call(&mut self, operation: &str) -> Result<Element, Failure> {
        self.call_within(operation, self.silence_max).await
    }

    /// Like [`Self::call`], with another bound on waiting without any byte.
    ///
    /// # Errors
    /// As [`Self::call`].
    pub async fn call_within(&mut self, operation: &str, silence_max: Duration) -> Result<Element, Failure> {
        if self.is_broken {
            let message = format!("the NETCONF session with {} is over", self.name);
            return Err(Failure::Broken(DeviceError::refused(DeviceProblem::Unreachable, message)));
        }
        self.requests += 1;
        let id = self.requests.to_string();
        // Until the answer is here, nobody can tell which answer comes next.
        self.is_broken = true;
        self.send(&rpc(self.requests, operation)).await.map_err(Failure::Broken)?;
        let reply = loop {
            let message = self.receive(silence_max).await.map_err(Failure::Broken)?;
            match &*message.local {
                "notification" => {}
                // An answer to a request that could not be read has no number (RFC 6241 section 4.2).
                "rpc-reply" if message.attribute("message-id").is_none_or(|own| own == id) => break message,
                "rpc-reply" => return Err(Failure::Broken(self.odd("it answered another request than the last one"))),
                other => {
                    let what = format!("it sent <{}> instead of an answer", other.chars().take(40).collect::<String>());
                    return Err(Failure::Broken(self.odd(&what)));
                }
            }
        };
        self.is_broken = false;
        match errors(&reply).into_iter().next() {
            Some(error) => Err(Failure::Refused(error)),
            None => Ok(reply),
        }
    }

    /// Ends the session in good order; what goes wrong then does not matter.
    pub async fn close(mut self) {
        if !self.is_broken {
            let _ = self.call_within(&close_session(), Duration::from_secs(2)).await;
        }
    }

    async fn send(&mut self, message: &str) -> Result<(), DeviceError> {
        let bytes = encode(self.framer.framing(), message);
        let sending = async {
            self.stream.write_all(&bytes).await?;
            self.stream.flush().await
        };
        match timeout(self.silence_max, sending).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(self.gone()),
            Err(_) => {
                let message = format!("{} did not take a request within {:?}", self.name, self.silence_max);
                Err(DeviceError::lost(DeviceProblem::Timeout, message))
            }
        }
    }

    async fn receive(&mut self, silence_max: Duration) -> Result<Element, DeviceError> {
        let mut buffer = vec![0; READ_BYTES];
        loop {
            let found = self.framer.next_message().map_err(|error| self.unreadable(&error))?;
            if let Some(message) = found {
                return self.read(message);
            }
            match timeout(silence_max, self.stream.read(&mut buffer)).await {
                Ok(Ok(0) | Err(_)) => return Err(self.gone()),
                Ok(Ok(count)) => self.framer.push(&buffer[..count]),
                Err(_) => {
                    let message = format!("{} did not answer within {silence_max:?}", self.name);
                    return Err(DeviceError::lost(DeviceProblem::Timeout, message));
                }
            }
        }
    }

    fn read(&self, mut message: Vec<u8>) -> Result<Element, DeviceError> {
        // Some systems end their messages with NUL bytes, which are in no XML.
        message.retain(|byte| *byte != 0);
        let text = String::from_utf8(message).map_err(|_| self.odd("it sent bytes that are no UTF-8"))?;
        parse_one(text.trim()).map_err(|error| self.odd(&format!("its answer is not accepted: {error}")))
    }

    fn unreadable(&self, error: &FrameError) -> DeviceError {
        self.odd(&error.to_string())
    }

    fn odd(&self, what: &str) -> DeviceError {
        DeviceError::lost(DeviceProblem::Protocol, format!("NETCONF with {}: {what}", self.name))
    }

    fn gone(&self) -> DeviceError {
        DeviceError::lost(DeviceProblem::Unreachable, format!("{} closed the NETCONF session", self.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::duplex;

    async fn against(script: Vec<&'static [u8]>) -> Result<Client, DeviceError> {
        let (ours, mut theirs) = duplex(1 << 16);
        tokio::spawn(async move {
            for part in script {
                let mut buffer = [0; 4096];
                let _ = theirs.write_all(part).await;
                let _ = theirs.read(&mut buffer).await;
            }
        });
        Client::open(Box::new(ours), "r1", &[], Duration::from_secs(2)).await
    }

    const HELLO: &[u8] = b"<hello xmlns='urn:ietf:params:xml:ns:netconf:base:1.0'><capabilities><capability>urn:ietf:params:netconf:base:1.0</capability></capabilities><session-id>4</session-id></hello>]]>]]>";

    #[tokio::test]
    async fn garbage_instead_of_a_hello_is_refused() {
        for greeting in
            [&b"Welcome!\n]]>]]>"[..], b"<x/>]]>]]>", b"<hello/>]]>]]>", b"", b"\xff]]>]]>", b"<!DOCTYPE x><x/>]]>]]>"]
        {
            let error = against(vec![greeting]).await.err().expect("it is no hello");
            assert_eq!(error.certainty, crate::adapters::device::Certainty::Refused, "{error}");
        }
    }

    #[tokio::test]
    async fn an_answer_that_does_not_come_or_fit_is_lost() {
        let other =
            b"<rpc-reply message-id='7' xmlns='urn:ietf:params:xml:ns:netconf:base:1.0'><ok/></rpc-reply>]]>]]>";
        for answer in [&b""[..], other, b"<notification/>]]>]]>", b"<rpc-reply"] {
            let mut client = against(vec![HELLO, answer]).await.expect("a hello");
            assert_eq!((client.session(), client.framing()), (4, Framing::EndMark));
            let Err(Failure::Broken(error)) = client.call("<commit/>").await else { panic!("it was answered") };
            assert_eq!(error.certainty, crate::adapters::device::Certainty::Lost, "{error}");
            let Err(Failure::Broken(error)) = client.call("<commit/>").await else { panic!("it goes on") };
            assert_eq!(error.certainty, crate::adapters::device::Certainty::Refused, "{error}");
        }
    }
}
