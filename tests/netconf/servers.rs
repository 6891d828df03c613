//! The real NETCONF servers of the lab, and what tests do with them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use reconverge::adapters::device::netconf::NetconfDevice;
use reconverge::adapters::device::netconf::message::{Datastore, copy_config, discard_changes};
use reconverge::adapters::device::{Access, Auth, Candidate, CommandLine, Device, DeviceProblem, HostKey, Target};
use reconverge::domain::config::remediate::Scope;
use reconverge::domain::platform::Platform;
use reconverge::domain::secret::Secret;
use serde::Deserialize;
use tokio::sync::{Mutex, MutexGuard};

/// The servers of `tests/lab/netconf-up.sh`.
#[derive(Deserialize)]
pub(crate) struct Servers {
    pub(crate) user: String,
    pub(crate) password: String,
    pub(crate) host_key: String,
    ports: BTreeMap<String, u16>,
}

/// Locks are for a whole server, so one test at a time has it.
static TIMER: Mutex<()> = Mutex::const_new(());
static SHARED: Mutex<()> = Mutex::const_new(());
static DIRECT: Mutex<()> = Mutex::const_new(());
static OLD: Mutex<()> = Mutex::const_new(());

/// One server, for one test.
pub(crate) struct Server {
    pub(crate) target: Target,
    pub(crate) platform: Platform,
    _guard: MutexGuard<'static, ()>,
}

impl Servers {
    /// Returns the servers; nothing, after saying so, when real counterparts are not asked for.
    pub(crate) fn take() -> Option<Self> {
        let description = crate::support::lab_description("RECONVERGE_NETCONF_LAB")?;
        Some(serde_json::from_str(&description).expect("netconf.json has the fields of netconf-up.sh"))
    }

    /// The port of a server.
    pub(crate) fn port(&self, name: &str) -> u16 {
        self.ports[name]
    }
}

/// Takes a server and empties it; nothing when the test is skipped.
pub(crate) async fn server(name: &str) -> Option<Server> {
    let servers = Servers::take()?;
    let lock = match name {
        "timer" => &TIMER,
        "shared" => &SHARED,
        "direct" => &DIRECT,
        _ => &OLD,
    };
    let guard = lock.lock().await;
    let target = Target {
        device: "n1".parse().unwrap(),
        platform: "netconf".parse().unwrap(),
        address: "127.0.0.1".into(),
        port: servers.port(name),
        user: servers.user.clone(),
        auth: vec![Auth::Password(Secret::new(servers.password.clone()))],
        host_key: HostKey::Pinned(servers.host_key.clone()),
        legacy_algorithms: false,
        connect_timeout: Duration::from_secs(10),
        command_timeout: Duration::from_secs(10),
        options: BTreeMap::new(),
        access: Access::default(),
    };
    let server = Server { target, platform: Platform::built_in("netconf").unwrap(), _guard: guard };
    server.reset().await;
    Some(server)
}

pub(crate) const IETF_INTERFACES: &str = "urn:ietf:params:xml:ns:yang:ietf-interfaces";

/// A configuration with these interfaces and descriptions.
pub(crate) fn interfaces(all: &[(&str, &str)]) -> String {
    if all.is_empty() {
        return String::new();
    }
    let one = |(name, description): &(&str, &str)| {
        format!(
            "<interface><name>{name}</name><description>{description}</description>\
             <type xmlns:t='urn:ietf:params:xml:ns:yang:iana-if-type'>t:ethernetCsmacd</type></interface>"
        )
    };
    format!("<interfaces xmlns='{IETF_INTERFACES}'>{}</interfaces>", all.iter().map(one).collect::<String>())
}

impl Server {
    /// A fresh session.
    pub(crate) async fn session(&self) -> NetconfDevice {
        // On a busy machine this server may lose a request behind its hello.
        for _ in 0..3 {
            match self.try_session().await {
                Ok(session) => return session,
                Err(error) => assert_eq!(error.problem, DeviceProblem::Timeout, "{error}"),
            }
        }
        panic!("the server gives no session")
    }

    pub(crate) async fn try_session(&self) -> Result<NetconfDevice, reconverge::adapters::device::DeviceError> {
        let page = self.platform.page.netconf.clone().unwrap();
        NetconfDevice::open(&self.target, &page, Arc::new(self.platform.dialect.clone())).await
    }

    /// What a fresh session reads.
    pub(crate) async fn running(&self) -> String {
        self.session().await.running().await.unwrap()
    }

    pub(crate) fn same(&self, a: &str, b: &str) -> bool {
        self.platform.dialect.same(&self.platform.dialect.parse(a), &self.platform.dialect.parse(b))
    }

    /// A change from one configuration to another, as the engine would make it.
    pub(crate) fn candidate(&self, change: &str, base: &str, wanted: &str) -> Candidate {
        let dialect = &self.platform.dialect;
        let (running, wanted) = (dialect.parse(base), dialect.parse(wanted));
        let forward = dialect.remediate(&running, &wanted, &Scope::Replace);
        let target = dialect.predict(&running, &forward.tree());
        let back = dialect.remediate(&target, &running, &Scope::Replace);
        let lines = |remediation: &reconverge::domain::config::command::Remediation| -> Vec<CommandLine> {
            let lines = remediation.send_lines("");
            let depth = |depth: usize| u16::try_from(depth).unwrap();
            lines.into_iter().map(|l| CommandLine { text: l.text, depth: depth(l.depth), enters: l.enters }).collect()
        };
        Candidate {
            change: change.into(),
            label: "reconverge test".into(),
            commands: lines(&forward),
            undo: lines(&back),
            base: base.into(),
            predicted: dialect.print(&target),
        }
    }

    /// Waits until the running configuration is this one; tells whether it came in time.
    pub(crate) async fn comes_to(&self, wanted: &str, within: Duration) -> bool {
        let until = tokio::time::Instant::now() + within;
        loop {
            if self.same(&self.running().await, wanted) {
                return true;
            }
            if tokio::time::Instant::now() > until {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(1_300)).await;
        }
    }

    /// Waits until nothing of an earlier test is pending and empties the server.
    async fn reset(&self) {
        let mut last = String::new();
        for _ in 0..50 {
            let mut session = self.session().await;
            let _ = session.client().call(&discard_changes()).await;
            let running = session.running().await.unwrap();
            if running.is_empty() {
                let _ = session.client().call(&copy_config(Datastore::Running, Datastore::Startup)).await;
            }
            let undo = self.candidate("reset", &running, "").commands;
            let candidate = Candidate { undo, ..self.candidate("reset", "", "") };
            match session.rollback(&candidate).await {
                Ok(()) => return,
                Err(error) => last = error.message,
            }
            tokio::time::sleep(Duration::from_millis(1_300)).await;
        }
        panic!("the server does not become empty: {last}");
    }
}
