//! Devices behind SSH servers in sequence.

use std::time::Duration;

use reconverge::adapters::device::access::Auth;
use reconverge::adapters::device::ssh::{Connection, jump};
use reconverge::adapters::device::{DeviceProblem, HostKey};
use reconverge::domain::secret::Secret;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{SshLab, whoami};

#[tokio::test]
async fn a_device_behind_two_jump_hosts_is_reached() {
    let Some(lab) = SshLab::take() else { return };
    let target = lab.inner();
    assert_eq!(whoami(&target).await, lab.user);
    // much data, and several channels at once, through three connections in each other
    let connection = Connection::open(&target).await.expect("it logs in");
    assert_eq!(connection.host_key(), lab.host_keys["inner"]);
    let big = connection.exec("head -c 3000000 /dev/zero | tr '\\0' x", "");
    let (big, small) = tokio::join!(big, connection.exec("echo small", ""));
    assert_eq!((big.expect("it runs").stdout.len(), small.expect("it runs").stdout.as_str()), (3_000_000, "small\n"));
    // the middle one is really needed
    let mut short = lab.inner();
    short.access.jumps.truncate(1);
    let error = lab.refusal(&short).await;
    assert_eq!(error.problem, DeviceProblem::Unreachable);
    assert!(
        error.message.contains("jump host edge (127.0.0.1:") && error.message.contains("does not forward"),
        "{error}"
    );
}

#[tokio::test]
async fn streams_for_other_transports_go_the_same_way() {
    let Some(lab) = SshLab::take() else { return };
    let target = lab.inner();
    let mut stream = jump::open_port(&target, 22).await.expect("it opens");
    let mut greeting = [0; 8];
    stream.read_exact(&mut greeting).await.expect("the server greets");
    assert_eq!(&greeting, b"SSH-2.0-");
    stream.write_all(b"SSH-2.0-nobody\r\n").await.expect("it takes input");
    drop(stream);
    let Err(error) = jump::open_port(&target, 23).await else { panic!("nothing listens there") };
    assert_eq!(error.problem, DeviceProblem::Unreachable);
    assert!(error.message.contains("jump host core (198.18.61.2:22)") && error.message.contains("could not connect"));
    assert!(error.message.contains("inner (198.18.62.2:23)"), "{error}");
}

#[tokio::test]
async fn every_hop_is_checked_and_named_when_it_fails() {
    let Some(lab) = SshLab::take() else { return };
    let wrong = HostKey::Pinned(lab.host_keys["open"].clone());
    for (hop, name) in [(0, "edge (127.0.0.1:"), (1, "core (198.18.61.2:22)")] {
        let mut target = lab.inner();
        target.access.jumps[hop].host_key = wrong.clone();
        let error = lab.refusal(&target).await;
        assert_eq!(error.problem, DeviceProblem::HostKey);
        assert!(error.message.contains(&format!("THE HOST KEY OF jump host {name}")), "{error}");
        assert!(error.message.starts_with("inner (198.18.62.2:22) cannot be reached: "), "{error}");

        let mut target = lab.inner();
        target.access.jumps[hop].auth = vec![Auth::Password(Secret::new("falsch-1")), Auth::Key(lab.key("stranger"))];
        let error = lab.refusal(&target).await;
        assert_eq!(error.problem, DeviceProblem::AuthFailed);
        assert!(error.message.contains(&format!("jump host {name}")) && !error.message.contains("falsch-1"), "{error}");
    }
    let mut target = lab.inner();
    target.host_key = wrong;
    assert!(lab.refusal(&target).await.message.starts_with("THE HOST KEY OF inner (198.18.62.2:22) HAS CHANGED"));
    let mut target = lab.inner();
    target.access.jumps = vec![lab.edge(); 9];
    assert!(lab.refusal(&target).await.message.contains("9 jump hosts, at most 8"));
}

#[tokio::test]
async fn nothing_stays_open_on_a_jump_host() {
    let Some(lab) = SshLab::take() else { return };
    let mut target = lab.inner();
    // a login that fails behind the jump hosts, and one that succeeds
    target.auth = vec![Auth::Key(lab.key("stranger"))];
    lab.refusal(&target).await;
    let connection = Connection::open(&lab.inner()).await.expect("it logs in");
    let count = async || {
        let target = lab.target("open", vec![lab.password()]);
        let look = Connection::open(&target).await.expect("it logs in");
        let users = "ps -eo args= | grep -c '^sshd: ops@notty$\\|^sshd: ops$' ";
        look.exec(users, "").await.expect("it runs").stdout.trim().parse::<usize>().expect("a number")
    };
    let before = count().await;
    drop(connection);
    for _ in 0..50 {
        if count().await < before {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{} sessions are still there, {before} were there before", count().await);
}
