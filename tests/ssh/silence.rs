//! Connections on which nothing comes any more.

use std::process::Command;
use std::time::{Duration, Instant};

use reconverge::adapters::device::DeviceProblem;
use reconverge::adapters::device::access::Keepalive;
use reconverge::adapters::device::ssh::Connection;

use super::SshLab;
use crate::support;

/// Sends a signal to the processes of one login.
fn signal(name: &str, processes: &[String]) {
    let output = Command::new("kill").arg(name).args(processes).output().expect("kill runs");
    support::successful("kill", &output);
}

#[tokio::test]
async fn a_peer_that_falls_silent_is_noticed_by_keepalives() {
    let Some(lab) = SshLab::take() else { return };
    let mut target = lab.target("open", vec![lab.password()]);
    target.access.keepalive = Keepalive { interval: Duration::from_millis(300), count: 2 };
    target.command_timeout = Duration::from_secs(60);
    let connection = Connection::open(&target).await.expect("it logs in");
    // keepalives that are answered keep a quiet connection
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert!(!connection.is_closed());
    let parents = connection.exec("echo $PPID", "").await.expect("it runs").stdout.trim().to_owned();
    let server = vec![parents];
    let (waiting, started) = (connection.exec("sleep 50", ""), Instant::now());
    signal("-STOP", &server);
    let error = waiting.await.expect_err("nothing answers");
    let waited = started.elapsed();
    signal("-KILL", &server);
    assert_eq!(error.problem, DeviceProblem::Unreachable, "{error}");
    assert!(connection.is_closed() && waited < Duration::from_secs(5), "{waited:?}");
    assert!(waited >= Duration::from_millis(800), "{waited:?}");
    support::say(&format!("a silent peer was noticed after {waited:?} (interval 300 ms, count 2)"));
    let error = connection.exec("true", "").await.expect_err("it is gone");
    assert!(error.message.contains("did not answer keepalives"), "{error}");
}

#[tokio::test]
async fn silence_before_and_during_the_login_has_its_own_bounds() {
    let Some(lab) = SshLab::take() else { return };
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let mut target = lab.target("open", vec![lab.password()]);
    target.port = listener.local_addr().expect("an address").port();
    target.connect_timeout = Duration::from_millis(400);
    let started = Instant::now();
    let error = lab.refusal(&target).await;
    assert_eq!(error.problem, DeviceProblem::Timeout);
    assert!(error.message.contains("no SSH handshake within 400ms") && started.elapsed() < Duration::from_secs(2));

    let mut target = lab.target("open", vec![lab.password()]);
    target.access.login_timeout = Some(Duration::from_micros(1));
    let error = lab.refusal(&target).await;
    assert!(error.message.contains("no answer to the login within 1µs"), "{error}");
}
