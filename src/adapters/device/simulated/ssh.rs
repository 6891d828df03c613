//! The SSH server of a simulated device: one listener, one task a connection, one task a channel, no threads.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Shutdown};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use russh::keys::ssh_key::private::Ed25519Keypair;
use russh::keys::{HashAlg, PrivateKey, PublicKey};
use russh::server::{Auth, ChannelOpenHandle, Config, Handler, Msg, Session};
use russh::{Channel, ChannelId, MethodKind, MethodSet, Pty};
use sha2::Digest as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::dialogue::Dialogue;
use super::store::{DeviceState, Login};
use super::{DeviceSpec, SimulationError};

/// Most connections of one device at the same time, as a bound on memory.
const CONNECTIONS_MAX: usize = 64;

/// Open connections, so that they can be cut from outside.
#[derive(Default)]
struct Connections {
    open: Mutex<(u64, BTreeMap<u64, std::net::TcpStream>)>,
}

impl Connections {
    fn lock(&self) -> MutexGuard<'_, (u64, BTreeMap<u64, std::net::TcpStream>)> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, socket: std::net::TcpStream) -> Option<u64> {
        let mut open = self.lock();
        if open.1.len() >= CONNECTIONS_MAX {
            return None;
        }
        open.0 += 1;
        let id = open.0;
        open.1.insert(id, socket);
        Some(id)
    }

    /// Ends one connection as a broken line would.
    fn cut(&self, id: u64) {
        if let Some(socket) = self.lock().1.remove(&id) {
            // The socket may be closed already.
            let _ = socket.shutdown(Shutdown::Both);
        }
    }

    fn cut_all(&self) {
        let ids: Vec<_> = self.lock().1.keys().copied().collect();
        for id in ids {
            self.cut(id);
        }
    }
}

/// The listener of one device.
pub(super) struct Server {
    pub(super) port: u16,
    pub(super) fingerprint: String,
    connections: Arc<Connections>,
    listener: AbortHandle,
    wake: watch::Sender<()>,
}

impl Server {
    pub(super) async fn start(device: Arc<DeviceState>, seed: &str) -> Result<Self, SimulationError> {
        let spec = &device.spec;
        let key = host_key(seed, &spec.name);
        let fingerprint = key.fingerprint(HashAlg::Sha256).to_string();
        let authorized = authorized_keys(spec)?;
        let failed = |source| SimulationError::Listen { device: spec.name.clone(), port: spec.port, source };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, spec.port)).await.map_err(failed)?;
        let port = listener.local_addr().map_err(failed)?.port();
        let config = Arc::new(Config {
            methods: MethodSet::from(
                &[MethodKind::PublicKey, MethodKind::Password, MethodKind::KeyboardInteractive][..],
            ),
            auth_rejection_time: Duration::from_millis(100),
            auth_rejection_time_initial: Some(Duration::ZERO),
            keys: vec![key],
            max_auth_attempts: 6,
            inactivity_timeout: None,
            nodelay: true,
            ..Config::default()
        });
        let connections = Arc::new(Connections::default());
        let (wake, woken) = watch::channel(());
        let port_open = Listening { device, config, authorized, connections: Arc::clone(&connections), port };
        let listener = tokio::spawn(port_open.run(listener, woken)).abort_handle();
        Ok(Self { port, fingerprint, connections, listener, wake })
    }

    /// Looks at the fault script again.
    pub(super) fn reconsider(&self) {
        self.wake.send_replace(());
    }

    pub(super) fn drop_connections(&self) {
        self.connections.cut_all();
    }

    pub(super) fn connections(&self) -> usize {
        self.connections.lock().1.len()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.listener.abort();
        self.connections.cut_all();
    }
}

fn host_key(seed: &str, device: &str) -> PrivateKey {
    let digest = sha2::Sha256::digest(format!("host key\0{seed}\0{device}").as_bytes());
    let mut bytes = [0; 32];
    bytes.copy_from_slice(&digest);
    PrivateKey::from(Ed25519Keypair::from_seed(&bytes))
}

fn authorized_keys(spec: &DeviceSpec) -> Result<Arc<Vec<KeyData>>, SimulationError> {
    let parse = |key: &String| {
        let wrong = |e: russh::keys::ssh_key::Error| SimulationError::Key {
            device: spec.name.clone(),
            key: key.clone(),
            message: e.to_string(),
        };
        PublicKey::from_openssh(key).map(|key| key.key_data().clone()).map_err(wrong)
    };
    Ok(Arc::new(spec.authorized_keys.iter().map(parse).collect::<Result<_, _>>()?))
}

type KeyData = russh::keys::ssh_key::public::KeyData;

struct Listening {
    device: Arc<DeviceState>,
    config: Arc<Config>,
    authorized: Arc<Vec<KeyData>>,
    connections: Arc<Connections>,
    port: u16,
}

impl Listening {
    /// Accepts connections; while the script refuses them, the port is closed.
    async fn run(self, listener: TcpListener, mut woken: watch::Receiver<()>) {
        let mut listener = Some(listener);
        loop {
            if self.device.script().refuses_connections() {
                listener = None;
            } else if listener.is_none() {
                match TcpListener::bind((Ipv4Addr::LOCALHOST, self.port)).await {
                    Ok(again) => listener = Some(again),
                    Err(error) => {
                        tracing::warn!(device.name = self.device.spec.name, %error, "the port cannot be opened again");
                        tokio::time::sleep(Duration::from_millis(200)).await;
                        continue;
                    }
                }
            }
            let accepted = async {
                match &listener {
                    Some(listener) => listener.accept().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                accepted = accepted => match accepted {
                    Ok((socket, _)) => self.serve(socket),
                    // Out of file descriptors, for example: let others end first.
                    Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                },
                changed = woken.changed() => if changed.is_err() { return },
            }
        }
    }

    fn serve(&self, socket: TcpStream) {
        if self.device.script().refuses_connections() {
            return;
        }
        let Some((socket, twin)) = twins(socket) else { return };
        let Some(id) = self.connections.add(twin) else { return };
        let connection = Connection {
            device: Arc::clone(&self.device),
            authorized: Arc::clone(&self.authorized),
            wire: Wire { connections: Arc::clone(&self.connections), id, commands: Arc::default() },
            user: String::new(),
            waiting: BTreeMap::new(),
        };
        let (config, connections) = (Arc::clone(&self.config), Arc::clone(&self.connections));
        tokio::spawn(async move {
            if let Ok(running) = russh::server::run_stream(config, socket, connection).await {
                // How a connection ends is the client's business.
                let _ = running.await;
            }
            connections.cut(id);
        });
    }
}

/// The same socket twice: one to serve, one to cut it.
fn twins(socket: TcpStream) -> Option<(TcpStream, std::net::TcpStream)> {
    let socket = socket.into_std().ok()?;
    let twin = socket.try_clone().ok()?;
    socket.set_nodelay(true).ok()?;
    Some((TcpStream::from_std(socket).ok()?, twin))
}

/// The connection under a channel.
#[derive(Clone)]
pub(super) struct Wire {
    connections: Arc<Connections>,
    id: u64,
    commands: Arc<AtomicU32>,
}

impl Wire {
    /// Ends the connection as a broken line would.
    pub(super) fn cut(&self) {
        self.connections.cut(self.id);
    }

    /// How many commands came before this one.
    pub(super) fn count_command(&self) -> u32 {
        self.commands.fetch_add(1, Ordering::Relaxed)
    }
}

/// A channel that waits for its shell or command.
struct Waiting {
    channel: Channel<Msg>,
    /// Height of the terminal; `None` without one.
    height: Option<usize>,
}

struct Connection {
    device: Arc<DeviceState>,
    authorized: Arc<Vec<KeyData>>,
    wire: Wire,
    user: String,
    waiting: BTreeMap<ChannelId, Waiting>,
}

impl Connection {
    fn password(&mut self, user: &str, password: &str) -> Auth {
        let spec = &self.device.spec;
        let right = spec.password.as_ref().is_some_and(|secret| secret.expose() == password) && spec.user == user;
        self.decide(user, right)
    }

    fn decide(&mut self, user: &str, right: bool) -> Auth {
        if !right {
            return Auth::reject();
        }
        user.clone_into(&mut self.user);
        Auth::Accept
    }

    fn dialogue(&self, waiting: Waiting) -> Dialogue {
        let spec = &self.device.spec;
        let height = waiting.height;
        let login = Login { user: self.user.clone(), privileged: spec.privileged, height: height.unwrap_or_default() };
        Dialogue::new(Arc::clone(&self.device), login, waiting.channel, self.wire.clone(), height.is_some())
    }
}

impl Handler for Connection {
    type Error = russh::Error;

    async fn auth_password(&mut self, user: &str, password: &str) -> Result<Auth, Self::Error> {
        Ok(self.password(user, password))
    }

    async fn auth_keyboard_interactive<'a>(
        &'a mut self,
        user: &str,
        _submethods: &str,
        response: Option<russh::server::Response<'a>>,
    ) -> Result<Auth, Self::Error> {
        let Some(answer) = response.and_then(|mut answers| answers.next()) else {
            let prompts = vec![("Password: ".into(), false)].into();
            return Ok(Auth::Partial { name: "".into(), instructions: "".into(), prompts });
        };
        let password = String::from_utf8_lossy(&answer).into_owned();
        Ok(self.password(user, &password))
    }

    async fn auth_publickey(
        &mut self,
        user: &str,
        key: russh::server::VerifiedPublicKey<'_>,
    ) -> Result<Auth, Self::Error> {
        let right = self.device.spec.user == user && self.authorized.contains(key.public_key.key_data());
        Ok(self.decide(user, right))
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        if self.waiting.len() < 8 {
            self.waiting.insert(channel.id(), Waiting { channel, height: None });
            reply.accept().await;
        }
        Ok(())
    }

    async fn pty_request(
        &mut self,
        channel: ChannelId,
        _term: &str,
        _columns: u32,
        rows: u32,
        _pixels_x: u32,
        _pixels_y: u32,
        _modes: &[(Pty, u32)],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        if let Some(waiting) = self.waiting.get_mut(&channel) {
            waiting.height = Some(if rows == 0 { 24 } else { rows as usize });
        }
        session.channel_success(channel)
    }

    async fn shell_request(&mut self, channel: ChannelId, session: &mut Session) -> Result<(), Self::Error> {
        match self.waiting.remove(&channel) {
            Some(waiting) => {
                session.channel_success(channel)?;
                tokio::spawn(self.dialogue(waiting).talk());
                Ok(())
            }
            None => session.channel_failure(channel),
        }
    }

    async fn exec_request(
        &mut self,
        channel: ChannelId,
        data: &[u8],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        match self.waiting.remove(&channel) {
            Some(waiting) => {
                session.channel_success(channel)?;
                let commands = String::from_utf8_lossy(data).into_owned();
                let dialogue = self.dialogue(Waiting { height: None, ..waiting });
                tokio::spawn(dialogue.execute(commands));
                Ok(())
            }
            None => session.channel_failure(channel),
        }
    }
}
