//! From the files of a repository to a session: accounts, jump hosts and host keys as the inventory and the store say.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use reconverge::adapters::clock::Clock;
use reconverge::adapters::device::pool::{Pool, PoolLimits};
use reconverge::adapters::device::ssh::Connection;
use reconverge::adapters::device::{
    Candidate, Device, DeviceError, DeviceProblem, Dial, HostKey, RollbackClass, Staged, Target,
};
use reconverge::adapters::secrets::SecretStore;
use reconverge::adapters::store::Store;
use reconverge::domain::intent::{self, Intent};
use reconverge::domain::name::PlatformName;
use reconverge::engine::Context;

use super::SshLab;
use crate::intents::{platforms, snapshot};
use crate::support::{self, program::Program};

const OTHER: &str = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Logs in by SSH and runs commands; these tests change nothing.
struct Logins;

struct Session(Connection);

impl Dial for Logins {
    fn dial<'a>(&'a self, target: &'a Target) -> BoxFuture<'a, Result<Box<dyn Device>, DeviceError>> {
        async move { Ok(Box::new(Session(Connection::open(target).await?)) as Box<dyn Device>) }.boxed()
    }

    fn class_of(&self, _: &PlatformName) -> Option<RollbackClass> {
        None
    }
}

impl Device for Session {
    fn running(&mut self) -> BoxFuture<'_, Result<String, DeviceError>> {
        self.run("cat /etc/hostname")
    }
    fn stage<'a>(&'a mut self, _: &'a Candidate) -> BoxFuture<'a, Result<Staged, DeviceError>> {
        unreachable!("nothing is staged")
    }
    fn commit<'a>(&'a mut self, _: &'a Candidate, _: Duration) -> BoxFuture<'a, Result<(), DeviceError>> {
        unreachable!("nothing is committed")
    }
    fn confirm<'a>(&'a mut self, _: &'a Candidate) -> BoxFuture<'a, Result<(), DeviceError>> {
        unreachable!("nothing is confirmed")
    }
    fn rollback<'a>(&'a mut self, _: &'a Candidate) -> BoxFuture<'a, Result<(), DeviceError>> {
        unreachable!("nothing is rolled back")
    }
    fn discard<'a>(&'a mut self, _: &'a Candidate) -> BoxFuture<'a, Result<(), DeviceError>> {
        unreachable!("nothing is discarded")
    }
    fn run<'a>(&'a mut self, command: &'a str) -> BoxFuture<'a, Result<String, DeviceError>> {
        async move { Ok(self.0.exec(command, "").await?.stdout) }.boxed()
    }
    fn rollback_class(&self) -> RollbackClass {
        RollbackClass::C
    }
    fn host_key(&self) -> &str {
        self.0.host_key()
    }
}

async fn context(lab: &SshLab, state: &Path) -> Context {
    let secrets = state.join("secrets");
    std::fs::create_dir_all(&secrets).expect("a folder");
    let private = |path: &Path| {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).expect("it is private");
    };
    for (name, text) in [("password", lab.password.clone()), ("passphrase", lab.passphrase.clone())] {
        std::fs::write(secrets.join(name), text).expect("written");
        private(&secrets.join(name));
    }
    for name in ["user_locked", "user_signed", "user_signed-cert.pub"] {
        std::fs::copy(lab.keys.join(name), secrets.join(name)).expect("copied");
        private(&secrets.join(name));
    }
    let url = format!("sqlite://{}", state.join("reconverge.sqlite").display());
    Context {
        store: Store::open(&url, state).await.expect("a store"),
        clock: Clock::System,
        pool: Pool::new(Arc::new(Logins), Clock::System, PoolLimits::default()),
        dial: Arc::new(Logins),
        secrets: SecretStore::new(Some(secrets)),
        platforms: Arc::default(),
        repository: "local".into(),
        progress: Arc::new(|_| ()),
    }
}

fn files(lab: &SshLab) -> BTreeMap<String, String> {
    let (open, edge, core) = (lab.ports["open"], lab.ports["edge"], &lab.addresses["core"]);
    let (inner, key) = (&lab.addresses["inner"], &lab.host_keys["core"]);
    let settings = format!(
        "credentials:\n  \
           default: {{user: ops, password: 'secret://file/password'}}\n  \
           locked: {{user: ops, key: 'secret://file/user_locked', passphrase: 'secret://file/passphrase'}}\n  \
           signed: {{user: ops, key: 'secret://file/user_signed', certificate: 'secret://file/user_signed-cert.pub'}}\n\
         jump_hosts:\n  \
           edge: {{address: 127.0.0.1, port: {edge}, credentials: locked, host_key: accept_new}}\n  \
           core: {{address: {core}, host_key: '{key}'}}\n\
         logins: {{per_site: 2}}\n"
    );
    let devices = format!(
        "inner: {{platform: frr, address: {inner}, via: [edge, core], host_key: accept_new, labels: {{site: ams}}}}\n\
         open: {{platform: frr, address: 127.0.0.1, port: {open}, credentials: signed, connection: {{keepalive: 5s}}}}\n"
    );
    BTreeMap::from([
        ("reconverge.yaml".to_owned(), settings),
        ("inventory/devices.yaml".to_owned(), devices),
        ("templates/frr/main.j2".to_owned(), "x\n".to_owned()),
    ])
}

fn intent(lab: &SshLab) -> Intent {
    let (intent, findings) = intent::load(&snapshot(files(lab)), &platforms());
    assert!(findings.is_empty(), "{findings:?}");
    intent
}

fn device<'a>(intent: &'a Intent, name: &str) -> &'a reconverge::domain::inventory::Device {
    &intent.inventory.devices[&name.parse().expect("a name")]
}

#[tokio::test]
async fn first_keys_of_jump_hosts_and_devices_are_remembered_and_a_change_is_refused() {
    let Some(lab) = SshLab::take() else { return };
    let state = support::folder();
    let context = context(&lab, state.path()).await;
    let intent = intent(&lab);
    let inner = device(&intent, "inner");
    let mut session = context.connect(inner).await.expect("it logs in");
    assert_eq!(session.run("whoami").await.expect("it runs"), "ops\n");
    let target = context.target(inner).await.expect("a target");
    assert_eq!(target.host_key, HostKey::Remembered(lab.host_keys["inner"].clone()));
    assert_eq!(target.access.jumps[0].host_key, HostKey::Remembered(lab.host_keys["edge"].clone()));
    assert_eq!(target.access.jumps[1].host_key, HostKey::Pinned(lab.host_keys["core"].clone()));
    let limits: Vec<_> = target.access.limits.iter().map(|limit| (limit.name.as_str(), limit.logins_max)).collect();
    assert_eq!(limits, [("device inner", 2), ("site ams", 2)]);
    context.connect(inner).await.expect("it logs in again");

    context.store.set_jump_host_key("local", "edge", Some(OTHER)).await.expect("written");
    let Err(error) = context.connect(inner).await else { panic!("edge has another key") };
    assert_eq!(error.problem, DeviceProblem::HostKey);
    assert!(error.message.contains("THE HOST KEY OF jump host edge"), "{error}");
    let hint = error.hint.expect("a hint");
    assert!(hint.contains(&format!("reconverge trust --jump-host edge {}", lab.host_keys["edge"])), "{hint}");
    context.store.set_jump_host_key("local", "edge", None).await.expect("written");
    context.store.accept_host_key("local", &inner.name, OTHER).await.expect("written");
    let Err(error) = context.connect(inner).await else { panic!("inner has another key") };
    assert!(error.message.starts_with("THE HOST KEY OF inner"), "{error}");
}

#[tokio::test]
async fn an_unknown_key_is_accepted_with_the_command_of_the_hint() {
    let Some(lab) = SshLab::take() else { return };
    let folder = support::folder();
    for (path, text) in files(&lab) {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("written");
    }
    let state = folder.path().join(".reconverge");
    std::fs::create_dir(&state).expect("a folder");
    let context = context(&lab, &state).await;
    let intent = intent(&lab);
    let open = device(&intent, "open");
    let Err(error) = context.connect(open).await else { panic!("nobody accepted the key") };
    assert_eq!(error.problem, DeviceProblem::HostKey);
    let hint = error.hint.expect("a hint");
    let command =
        hint.split('`').nth(1).expect("a command").strip_prefix("reconverge ").expect("our command").to_owned();
    let words: Vec<&str> = command.split(' ').collect();
    let trust = |words: &[&str]| Program::reconverge(folder.path(), words).finish();
    let finished = trust(&words);
    finished.expect_code(0);
    assert!(finished.stdout.contains(&format!("open: only the host key {}", lab.host_keys["open"])));
    let session = context.connect(open).await.expect("it logs in");
    assert_eq!(session.host_key(), lab.host_keys["open"]);

    trust(&["trust", "open", "--forget"]).expect_code(0);
    assert!(context.connect(open).await.is_err());
    let wrong = trust(&["trust", "opne", OTHER]);
    assert!(wrong.code == 1 && wrong.stderr.contains("did you mean \"open\"?"), "{}", wrong.stderr);
    assert_eq!(trust(&["trust", "open", "SHA256:short"]).code, 1);
    trust(&["trust", "--jump-host", "edge", OTHER]).expect_code(0);
    let Err(error) = context.connect(device(&intent, "inner")).await else { panic!("edge has another key") };
    assert!(error.message.contains("accepted before was SHA256:AAAA"), "{error}");
}
