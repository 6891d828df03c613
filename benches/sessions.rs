//! Speed of sessions: warm commands, logins, many devices, against `reconverge lab` in a process of its own.
//!
//! Prints Markdown rows. `BENCH_DEVICES=N` (default 200) is the number of devices of the last rows; `BENCH_LAB=PROGRAM` is the
//! program that serves them.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on stops")]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use reconverge::adapters::clock::Clock;
use reconverge::adapters::device::dial::SshDialer;
use reconverge::adapters::device::pool::{Intent, Pool, PoolLimits};
use reconverge::adapters::device::{Auth, Dial, HostKey, Target};
use reconverge::domain::platform::Platform;
use reconverge::domain::secret::Secret;

/// The lab, stopped when it is dropped.
struct Lab(Child);

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn lab(devices: usize) -> (Lab, Vec<Target>) {
    let program = std::env::var("BENCH_LAB").unwrap_or_else(|_| env!("CARGO_BIN_EXE_reconverge").to_owned());
    let state = std::env::temp_dir().join(format!("reconverge-bench-{}", std::process::id()));
    let mut child = Command::new(program)
        .args(["lab", "--output", "json", "--devices", &devices.to_string(), "--repo"])
        .arg(std::env::temp_dir())
        .arg("--state")
        .arg(state)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut text = String::new();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let found: serde_json::Value = loop {
        assert!(lines.read_line(&mut text).unwrap() > 0, "the lab ended: {text}");
        if let Ok(value) = serde_json::from_str(&text) {
            break value;
        }
    };
    let targets = found["devices"].as_array().unwrap().iter().map(target).collect();
    (Lab(child), targets)
}

fn target(device: &serde_json::Value) -> Target {
    Target {
        device: device["name"].as_str().unwrap().parse().unwrap(),
        platform: "arista_eos".parse().unwrap(),
        address: "127.0.0.1".into(),
        port: u16::try_from(device["port"].as_u64().unwrap()).unwrap(),
        user: "admin".into(),
        auth: vec![Auth::Password(Secret::new("admin"))],
        host_key: HostKey::AcceptNew,
        legacy_algorithms: false,
        connect_timeout: Duration::from_secs(60),
        command_timeout: Duration::from_secs(60),
        options: BTreeMap::new(),
        access: reconverge::adapters::device::Access::default(),
    }
}

/// The processor time of this process, in milliseconds.
fn cpu_ms() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks: f64 = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
    ticks * 10.0
}

/// The memory of this process that is in RAM, in MiB.
fn memory_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}

fn row(what: &str, value: &str) {
    println!("| {what} | {value} |");
}

async fn warm(dial: &Arc<dyn Dial>, target: &Target) {
    const COMMANDS: u32 = 2000;
    let mut session = dial.dial(target).await.unwrap();
    session.run("show version").await.unwrap();
    let (cpu, mut took) = (cpu_ms(), Vec::new());
    for _ in 0..COMMANDS {
        let start = Instant::now();
        session.run("show version").await.unwrap();
        took.push(start.elapsed());
    }
    let cpu = (cpu_ms() - cpu) / f64::from(COMMANDS);
    took.sort();
    let at = |percent: usize| took[took.len() * percent / 100].as_secs_f64() * 1000.0;
    row("`show version`, warm session", &format!("p50 {:.2} ms, p99 {:.2} ms, {cpu:.2} ms of CPU", at(50), at(99)));
}

async fn cold(dial: &Arc<dyn Dial>, targets: &[Target]) {
    let (cpu, start) = (cpu_ms(), Instant::now());
    for target in targets {
        let mut session = dial.dial(target).await.unwrap();
        session.running().await.unwrap();
    }
    #[expect(clippy::cast_precision_loss, reason = "some tens")]
    let count = targets.len() as f64;
    let each = start.elapsed().as_secs_f64() * 1000.0 / count;
    row(
        "connect, read the configuration, close, one after the other",
        &format!("{each:.1} ms, {:.1} ms of CPU", (cpu_ms() - cpu) / count),
    );
    let (cpu, start) = (cpu_ms(), Instant::now());
    let reads = targets.iter().map(|target| {
        let (dial, target) = (Arc::clone(dial), target.clone());
        tokio::spawn(async move { dial.dial(&target).await.unwrap().running().await.unwrap() })
    });
    for read in reads.collect::<Vec<_>>() {
        read.await.unwrap();
    }
    let what = format!("{} cold devices at once", targets.len());
    row(&what, &format!("{:.2} s, {:.0} ms of CPU", start.elapsed().as_secs_f64(), cpu_ms() - cpu));
}

async fn many(dial: &Arc<dyn Dial>, targets: &[Target]) {
    let before = memory_mib();
    let pool = Pool::new(Arc::clone(dial), Clock::System, PoolLimits::default());
    let round = || async {
        let reads = targets.iter().map(|target| {
            let (pool, target) = (pool.clone(), target.clone());
            tokio::spawn(async move {
                pool.with(&target, Intent::Read, |session| session.run("show version")).await.unwrap()
            })
        });
        for read in reads.collect::<Vec<_>>() {
            read.await.unwrap();
        }
    };
    // a limit on how many log in at once, as the service has
    for targets in targets.chunks(50) {
        let logins =
            targets.iter().map(|target| pool.with(target, Intent::Read, |session| session.run("show version")));
        for login in futures::future::join_all(logins).await {
            login.unwrap();
        }
    }
    let held = memory_mib() - before;
    let (cpu, start) = (cpu_ms(), Instant::now());
    for _ in 0..10 {
        round().await;
    }
    #[expect(clippy::cast_precision_loss, reason = "some thousands")]
    let commands = targets.len() as f64 * 10.0;
    let rate = commands / start.elapsed().as_secs_f64();
    row(
        &format!("{} warm sessions", targets.len()),
        &format!("{held:.0} MiB more, {rate:.0} commands/s, {:.2} ms of CPU each", (cpu_ms() - cpu) / commands),
    );
}

#[tokio::main]
async fn main() {
    let devices = std::env::var("BENCH_DEVICES").ok().map_or(200, |text| text.parse().unwrap());
    let (_lab, targets) = lab(devices);
    let platform = Platform::built_in("arista_eos").unwrap();
    let dial: Arc<dyn Dial> = Arc::new(SshDialer::new(&[("arista_eos".parse().unwrap(), platform)].into()));
    println!("| measured | value |\n|---|---|");
    warm(&dial, &targets[0]).await;
    cold(&dial, &targets[..50.min(targets.len())]).await;
    many(&dial, &targets).await;
}
