//! The session pool: kept sessions over real SSH, and its bookkeeping with sessions that tell what becomes of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use reconverge::adapters::clock::Clock;
use reconverge::adapters::device::dial::SshDialer;
use reconverge::adapters::device::pool::{Intent, Pool, PoolLimits, PoolSize};
use reconverge::adapters::device::simulated::{DeviceSpec, NetworkOptions, SimulatedNetwork};
use reconverge::adapters::device::{
    Auth, Candidate, Certainty, Device, DeviceError, DeviceProblem, Dial, HostKey, RollbackClass, Staged, Target,
};
use reconverge::domain::name::PlatformName;
use reconverge::domain::platform::Platform;
use reconverge::domain::secret::Secret;

use super::Door;

fn target(password: &str) -> Target {
    Door {
        platform: "arista_eos",
        port: 22,
        user: "admin".into(),
        auth: vec![Auth::Password(Secret::new(password))],
        host_key: HostKey::Pinned("SHA256:a".into()),
        options: Default::default(),
    }
    .target()
}

fn version(session: &mut dyn Device) -> BoxFuture<'_, Result<String, DeviceError>> {
    session.run("show version")
}

/// Counts how many sessions are opened and how many are open, and fails as it is told.
#[derive(Default)]
struct Counting {
    opened: AtomicUsize,
    open: Arc<AtomicUsize>,
    open_max: Arc<AtomicUsize>,
    /// Sessions with a smaller number are dead.
    alive_from: Arc<AtomicUsize>,
    problem: Option<DeviceProblem>,
    /// Whether commands are never answered.
    is_silent: Arc<AtomicBool>,
}

struct Counted {
    number: usize,
    open: Arc<AtomicUsize>,
    alive_from: Arc<AtomicUsize>,
    problem: Option<DeviceProblem>,
    is_silent: Arc<AtomicBool>,
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Counted {
    fn answer(&self) -> Result<String, DeviceError> {
        if self.number < self.alive_from.load(Ordering::SeqCst) {
            return Err(DeviceError::refused(DeviceProblem::Unreachable, "the connection ended"));
        }
        match self.problem {
            Some(problem) => Err(DeviceError::refused(problem, "told to fail")),
            None => Ok(format!("session {}", self.number)),
        }
    }
}

impl Device for Counted {
    fn running(&mut self) -> BoxFuture<'_, Result<String, DeviceError>> {
        async move { self.answer() }.boxed()
    }
    fn stage<'a>(&'a mut self, _: &'a Candidate) -> BoxFuture<'a, Result<Staged, DeviceError>> {
        async { Ok(Staged::default()) }.boxed()
    }
    fn commit<'a>(&'a mut self, _: &'a Candidate, _: Duration) -> BoxFuture<'a, Result<(), DeviceError>> {
        async { Ok(()) }.boxed()
    }
    fn confirm<'a>(&'a mut self, _: &'a Candidate) -> BoxFuture<'a, Result<(), DeviceError>> {
        async { Ok(()) }.boxed()
    }
    fn rollback<'a>(&'a mut self, _: &'a Candidate) -> BoxFuture<'a, Result<(), DeviceError>> {
        async { Ok(()) }.boxed()
    }
    fn discard<'a>(&'a mut self, _: &'a Candidate) -> BoxFuture<'a, Result<(), DeviceError>> {
        async { Ok(()) }.boxed()
    }
    fn run<'a>(&'a mut self, _: &'a str) -> BoxFuture<'a, Result<String, DeviceError>> {
        async move {
            if self.is_silent.load(Ordering::SeqCst) {
                return futures::future::pending().await;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
            self.answer()
        }
        .boxed()
    }
    fn rollback_class(&self) -> RollbackClass {
        RollbackClass::C
    }
    fn host_key(&self) -> &str {
        "SHA256:a"
    }
}

impl Dial for Counting {
    fn dial<'a>(&'a self, _: &'a Target) -> BoxFuture<'a, Result<Box<dyn Device>, DeviceError>> {
        async move {
            let open = self.open.fetch_add(1, Ordering::SeqCst) + 1;
            self.open_max.fetch_max(open, Ordering::SeqCst);
            let session = Counted {
                number: self.opened.fetch_add(1, Ordering::SeqCst),
                open: Arc::clone(&self.open),
                alive_from: Arc::clone(&self.alive_from),
                problem: self.problem,
                is_silent: Arc::clone(&self.is_silent),
            };
            tokio::time::sleep(Duration::from_millis(2)).await;
            Ok(Box::new(session) as Box<dyn Device>)
        }
        .boxed()
    }
    fn class_of(&self, _: &PlatformName) -> Option<RollbackClass> {
        Some(RollbackClass::C)
    }
}

fn pool(dial: &Arc<Counting>, limits: PoolLimits) -> Pool {
    let dial: Arc<dyn Dial> = Arc::<Counting>::clone(dial);
    Pool::new(dial, Clock::System, limits)
}

#[tokio::test]
async fn a_session_is_kept_for_its_account_only() {
    let dial = Arc::new(Counting::default());
    let pool = pool(&dial, PoolLimits::default());
    for _ in 0..5 {
        assert_eq!(pool.with(&target("a"), Intent::Read, version).await.expect("it answers"), "session 0");
    }
    // another version of the credentials is another account
    assert_eq!(pool.with(&target("b"), Intent::Read, version).await.expect("it answers"), "session 1");
    let mut other_key = target("a");
    other_key.host_key = HostKey::Pinned("SHA256:b".into());
    assert_eq!(pool.with(&other_key, Intent::Read, version).await.expect("it answers"), "session 2");
    assert_eq!(pool.size(), PoolSize { idle: 3, busy: 0 });
    pool.clear();
    assert_eq!(dial.open.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_drop_is_invisible_to_a_reader_and_lost_to_a_writer() {
    let dial = Arc::new(Counting::default());
    let pool = pool(&dial, PoolLimits::default());
    pool.with(&target("a"), Intent::Read, version).await.expect("it answers");
    dial.alive_from.store(1, Ordering::SeqCst);
    assert_eq!(pool.with(&target("a"), Intent::Read, version).await.expect("a new session"), "session 1");
    dial.alive_from.store(2, Ordering::SeqCst);
    let error = pool.with(&target("a"), Intent::Write, version).await.expect_err("nobody knows");
    assert_eq!(error.certainty, Certainty::Lost);
    // a device that is really away is told after one more attempt
    dial.alive_from.store(1000, Ordering::SeqCst);
    let error = pool.with(&target("a"), Intent::Read, version).await.expect_err("it is away");
    assert_eq!((error.certainty, error.problem), (Certainty::Refused, DeviceProblem::Unreachable));
    assert_eq!(pool.size(), PoolSize::default());
    assert_eq!(dial.open.load(Ordering::SeqCst), 0, "broken sessions are closed");
}

#[tokio::test]
async fn a_refused_command_keeps_the_session() {
    let dial = Arc::new(Counting { problem: Some(DeviceProblem::Rejected), ..Counting::default() });
    let pool = pool(&dial, PoolLimits::default());
    for _ in 0..3 {
        pool.with(&target("a"), Intent::Read, version).await.expect_err("it is refused");
    }
    assert_eq!(dial.opened.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn readers_of_a_device_and_all_sessions_are_limited() {
    let dial = Arc::new(Counting::default());
    let limits = PoolLimits { sessions_max: 3, readers_max: 2, ..PoolLimits::default() };
    let shared = pool(&dial, limits);
    let readers = (0..40).map(|index| {
        let pool = shared.clone();
        async move { pool.with(&target(&format!("account {}", index % 4)), Intent::Read, version).await }
    });
    for answer in futures::future::join_all(readers).await {
        answer.expect("everybody is served");
    }
    assert_eq!(dial.open_max.load(Ordering::SeqCst), 3);
    let size = shared.size();
    assert!(size.busy == 0 && size.idle <= 3, "{size:?}");
    // two of one account at once, however much room there is
    let dial = Arc::new(Counting::default());
    let shared = pool(&dial, PoolLimits { readers_max: 2, ..PoolLimits::default() });
    futures::future::join_all((0..10).map(|_| {
        let pool = shared.clone();
        async move { pool.with(&target("a"), Intent::Read, version).await.expect("it answers") }
    }))
    .await;
    assert_eq!(dial.open_max.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_caller_that_goes_away_leaves_no_session_counted() {
    let dial = Arc::new(Counting::default());
    let pool = pool(&dial, PoolLimits { sessions_max: 1, ..PoolLimits::default() });
    dial.is_silent.store(true, Ordering::SeqCst);
    for _ in 0..5 {
        let read = tokio::time::timeout(Duration::from_millis(20), {
            let pool = pool.clone();
            async move { pool.with(&target("a"), Intent::Read, version).await }
        });
        assert!(read.await.is_err(), "nothing is answered");
    }
    dial.is_silent.store(false, Ordering::SeqCst);
    assert_eq!(pool.size(), PoolSize::default());
    pool.with(&target("a"), Intent::Read, version).await.expect("there is room");
}

#[tokio::test]
async fn writers_of_a_device_take_turns_on_fresh_sessions() {
    let dial = Arc::new(Counting::default());
    let pool = pool(&dial, PoolLimits::default());
    let first = pool.writer(&target("a")).await.expect("it opens");
    let waiting = tokio::spawn({
        let pool = pool.clone();
        async move { pool.writer(&target("b")).await.expect("it opens").session.host_key().to_owned() }
    });
    tokio::time::sleep(Duration::from_millis(30)).await;
    assert_eq!(dial.opened.load(Ordering::SeqCst), 1, "the second waits for the first");
    drop(first);
    assert_eq!(waiting.await.expect("it ends"), "SHA256:a");
    assert_eq!(pool.size(), PoolSize::default());
}

#[tokio::test]
async fn idle_sessions_are_closed() {
    let dial = Arc::new(Counting::default());
    let hands = Arc::new(AtomicI64::new(0));
    let limits = PoolLimits { idle_max: Duration::from_secs(60), ..PoolLimits::default() };
    let shared: Arc<dyn Dial> = Arc::<Counting>::clone(&dial);
    let pool = Pool::new(shared, Clock::Manual(Arc::clone(&hands)), limits);
    pool.with(&target("a"), Intent::Read, version).await.expect("it answers");
    hands.store(59_000, Ordering::SeqCst);
    assert_eq!(pool.reap(), 0);
    hands.store(60_000, Ordering::SeqCst);
    assert_eq!(pool.reap(), 1);
    assert_eq!(dial.open.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn over_ssh_one_login_serves_many_reads_and_a_drop_is_not_noticed() {
    let network = SimulatedNetwork::start(vec![DeviceSpec::arista_eos("leaf1")], NetworkOptions::default())
        .await
        .expect("it starts");
    let device = network.device("leaf1").expect("it is there");
    let mut target = target("admin");
    target.port = device.port();
    target.host_key = HostKey::Pinned(device.host_key().to_owned());
    let platform = "arista_eos".parse::<PlatformName>().expect("a name");
    let page = Platform::built_in("arista_eos").expect("it is built in");
    let dial = Arc::new(SshDialer::new(&[(platform, page)].into()));
    let pool = Pool::new(dial, Clock::System, PoolLimits::default());
    let mut configs = Vec::new();
    for _ in 0..10 {
        configs.push(pool.with(&target, Intent::Read, |session| session.running()).await.expect("it reads"));
    }
    assert_eq!(device.connections(), 1);
    device.drop_connections();
    configs.push(pool.with(&target, Intent::Read, |session| session.running()).await.expect("it reads again"));
    assert!(configs.iter().all(|config| *config == configs[0] && config.contains("hostname leaf1")));
    pool.clear();
    for _ in 0..100 {
        if device.connections() == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the pool leaves {} connections open", device.connections());
}
