//! A small SSH server that plays a command line, so that the driver meets hostile and unlucky devices without a lab.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use reconverge::adapters::device::{Auth, HostKey};
use reconverge::domain::secret::Secret;
use russh::keys::{Algorithm, HashAlg, PrivateKey};
use russh::server::{self, Auth as Verdict, Msg, Response, Server as _, Session};
use russh::{Channel, ChannelId, MethodKind, MethodSet};

use super::Door;

/// What a played device does with one line.
pub(crate) enum Play {
    /// Sends this; it should end with the next prompt.
    Say(String),
    /// Ends the connection without a word.
    Drop,
    /// Says nothing more.
    Silence,
}

/// A played device: gets each line (without the enter key), returns what follows the echo.
pub(crate) trait Character: Send + 'static {
    fn greeting(&mut self) -> String;
    fn line(&mut self, line: &str) -> Play;
    fn echo(&self, line: &str) -> String {
        format!("{line}\r\n")
    }
    /// The same for devices that tell their sessions apart; numbers begin with 1.
    fn greeting_of(&mut self, _session: usize) -> String {
        self.greeting()
    }
    fn line_of(&mut self, _session: usize, line: &str) -> Play {
        self.line(line)
    }
    /// A connection ended.
    fn closed(&mut self, _session: usize) {}
}

pub(crate) const PASSWORD: &str = "geheim-9";

#[derive(Clone, Default)]
pub(crate) struct Manners {
    /// Only keyboard-interactive is offered.
    pub(crate) interactive_only: bool,
    /// Every byte goes out in a packet of its own.
    pub(crate) dribble: bool,
}

#[derive(Clone)]
struct Host {
    character: Arc<Mutex<dyn Character>>,
    manners: Manners,
    input: Vec<u8>,
    session: usize,
}

impl Drop for Host {
    fn drop(&mut self) {
        if let Ok(mut character) = self.character.lock() {
            character.closed(self.session);
        }
    }
}

/// Starts a device on a free port and returns its door with the right password and the pinned key.
pub(crate) async fn start(platform: &'static str, character: impl Character, manners: Manners) -> Door {
    let key = PrivateKey::random(&mut rand::rng(), Algorithm::Ed25519).expect("a key");
    let fingerprint = key.public_key().fingerprint(HashAlg::Sha256).to_string();
    let methods = if manners.interactive_only { MethodKind::KeyboardInteractive } else { MethodKind::Password };
    let config = Arc::new(server::Config {
        methods: MethodSet::from(&[methods][..]),
        auth_rejection_time: Duration::ZERO,
        auth_rejection_time_initial: Some(Duration::ZERO),
        keys: vec![key],
        nodelay: true,
        ..server::Config::default()
    });
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let mut host = Host { character: Arc::new(Mutex::new(character)), manners, input: Vec::new(), session: 0 };
    tokio::spawn(async move { host.run_on_socket(config, &listener).await });
    Door {
        platform,
        port,
        user: "ops".into(),
        auth: vec![Auth::Password(Secret::new(PASSWORD))],
        host_key: HostKey::Pinned(fingerprint),
        options: Default::default(),
    }
}

impl server::Server for Host {
    type Handler = Self;
    fn new_client(&mut self, _: Option<std::net::SocketAddr>) -> Self {
        self.session += 1;
        self.clone()
    }
}

impl Host {
    fn send(&self, channel: ChannelId, text: &str, session: &mut Session) -> Result<(), russh::Error> {
        let size = if self.manners.dribble { 1 } else { 32_000 };
        for part in text.as_bytes().chunks(size) {
            session.data(channel, part.to_vec())?;
        }
        Ok(())
    }
}

impl server::Handler for Host {
    type Error = russh::Error;

    async fn auth_password(&mut self, _: &str, password: &str) -> Result<Verdict, Self::Error> {
        Ok(if password == PASSWORD { Verdict::Accept } else { Verdict::reject() })
    }

    async fn auth_keyboard_interactive<'a>(
        &'a mut self,
        _: &str,
        _: &str,
        response: Option<Response<'a>>,
    ) -> Result<Verdict, Self::Error> {
        let Some(response) = response else {
            return Ok(Verdict::Partial {
                name: "".into(),
                instructions: "".into(),
                prompts: vec![("Password: ".into(), false)].into(),
            });
        };
        let right = response.into_iter().any(|answer| &answer[..] == PASSWORD.as_bytes());
        Ok(if right { Verdict::Accept } else { Verdict::reject() })
    }

    async fn channel_open_session(
        &mut self,
        _: Channel<Msg>,
        reply: server::ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        reply.accept().await;
        Ok(())
    }

    async fn exec_request(&mut self, id: ChannelId, _: &[u8], session: &mut Session) -> Result<(), Self::Error> {
        session.channel_failure(id)?;
        session.close(id)
    }

    async fn pty_request(
        &mut self,
        id: ChannelId,
        _: &str,
        _: u32,
        _: u32,
        _: u32,
        _: u32,
        _: &[(russh::Pty, u32)],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_success(id)
    }

    async fn shell_request(&mut self, id: ChannelId, session: &mut Session) -> Result<(), Self::Error> {
        session.channel_success(id)?;
        let text = self.character.lock().expect("one at a time").greeting_of(self.session);
        self.send(id, &text, session)
    }

    async fn data(&mut self, id: ChannelId, data: &[u8], session: &mut Session) -> Result<(), Self::Error> {
        self.input.extend_from_slice(data);
        while let Some(end) = self.input.iter().position(|byte| b"\n\r\x04\x18".contains(byte)) {
            let key = self.input[end];
            let line: Vec<u8> = self.input.drain(..=end).take(end).collect();
            let mut line = String::from_utf8_lossy(&line).replace('\u{16}', "");
            let is_key = key == 4 || key == 24;
            if is_key {
                line = char::from(key).to_string();
            }
            let (echo, play) = {
                let mut character = self.character.lock().expect("one at a time");
                let echo = if is_key { "\r\n".to_owned() } else { character.echo(&line) };
                (echo, character.line_of(self.session, &line))
            };
            match play {
                Play::Say(text) => self.send(id, &format!("{echo}{text}"), session)?,
                Play::Silence => self.send(id, &echo, session)?,
                Play::Drop => return Err(russh::Error::Disconnect),
            }
        }
        Ok(())
    }
}
