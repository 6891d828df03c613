//! Files to and from a real OpenSSH server, by SFTP and by SCP; and whether something can be reached.

use std::time::{Duration, Instant};

use reconverge::adapters::device::ssh::Connection;
use reconverge::adapters::device::transfer::{Method, RemoteFile};
use reconverge::adapters::device::{Certainty, DeviceProblem, reach};
use sha2::{Digest as _, Sha256};

use super::SshLab;
use crate::support;

const SIZE: usize = 10_000_003;

fn content(size: usize) -> Vec<u8> {
    (0..size as u64).map(|n| (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as u8).collect()
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn files_are_moved_whole_by_sftp_and_by_scp() {
    let Some(lab) = SshLab::take() else { return };
    let connection = Connection::open(&lab.target("open", vec![lab.password()])).await.expect("it logs in");
    for (method, name) in [(Method::Sftp, "sftp image.bin"), (Method::Scp, "scp it's.bin")] {
        for size in [SIZE, 0, 1, 32_768] {
            let path = format!("{}/{name}", lab.files.display());
            let bytes = content(size);
            let file = RemoteFile::new(&connection, method, &path, SIZE as u64).expect("a path");
            let started = Instant::now();
            let sent =
                file.upload(&mut &bytes[..], size as u64).await.unwrap_or_else(|error| panic!("{method:?}: {error}"));
            let took = started.elapsed();
            assert_eq!((sent.bytes, &sent.sha256), (size as u64, &sha256(&bytes)), "{method:?}");
            assert!(std::fs::read(&path).expect("it is there") == bytes, "{method:?} {size}");
            let mut back = Vec::new();
            let got = file
                .download(&mut back, Some(&sent.sha256))
                .await
                .unwrap_or_else(|error| panic!("{method:?}: {error}"));
            assert!(got == sent && back == bytes, "{method:?} {size}");
            if size == SIZE {
                support::say(&format!("{method:?}: {size} bytes sent and read back in {took:?} (debug build)"));
            }
        }
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_moved_is_told() {
    let Some(lab) = SshLab::take() else { return };
    let connection = Connection::open(&lab.target("open", vec![lab.password()])).await.expect("it logs in");
    let path = |name: &str| format!("{}/{name}", lab.files.display());
    let bytes = content(100_000);
    std::fs::write(path("large"), &bytes).expect("written");
    for method in [Method::Sftp, Method::Scp] {
        let file = |path: &'static str, most| RemoteFile::new(&connection, method, path, most).expect("a path");
        let mut nowhere = Vec::new();
        let error = file("/nowhere/at all", 9).download(&mut nowhere, None).await.expect_err("it is not there");
        assert_eq!((error.certainty, error.problem), (Certainty::Refused, DeviceProblem::Rejected), "{error}");
        assert!(error.message.to_lowercase().contains("no such file"), "{method:?}: {error}");
        let error = file("/etc/nobody-may", 9).upload(&mut &b"x"[..], 1).await.expect_err("it may not");
        assert_eq!(error.problem, DeviceProblem::Rejected, "{error}");
        let error = file("/tmp/x", 9).upload(&mut &bytes[..], 100_000).await.expect_err("it is too large");
        assert!(error.message.contains("100000 bytes are more than the 9 allowed"), "{error}");

        let large = path("large");
        let file = RemoteFile::new(&connection, method, &large, 99_999).expect("a path");
        let error = file.download(&mut nowhere, None).await.expect_err("it is too large");
        assert!(error.message.contains("more than the 99999 allowed") && nowhere.len() < 100_000, "{error}");
        let file = RemoteFile::new(&connection, method, &large, 100_000).expect("a path");
        let error = file.download(&mut nowhere, Some(&sha256(b"other"))).await.expect_err("another content");
        assert!(error.message.contains("expected was"), "{error}");
        // the local file is shorter than it promised
        let short = path("short");
        let file = RemoteFile::new(&connection, method, &short, 100_000).expect("a path");
        let error = file.upload(&mut &bytes[..70_000], 100_000).await.expect_err("it ends early");
        assert_eq!(error.certainty, Certainty::Lost, "{error}");
    }
    for bad in ["", "-oProxyCommand=x", "a\nb"] {
        assert!(RemoteFile::new(&connection, Method::Scp, bad, 1).is_err(), "{bad:?}");
    }
    // a device that is full: what is there is not what was sent
    let file = RemoteFile::new(&connection, Method::Sftp, "/dev/null", 100).expect("a path");
    let error = file.upload(&mut &b"gone"[..], 4).await.expect_err("nothing is kept");
    assert!(error.certainty == Certainty::Lost && error.message.contains("holds another file"), "{error}");
}

#[tokio::test]
async fn what_can_be_reached_is_found_out() {
    let Some(lab) = SshLab::take() else { return };
    let second = Duration::from_secs(1);
    assert!(reach::tcp("127.0.0.1", lab.ports["open"], second).await.expect("it is open") < second);
    let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
    let error = reach::tcp("127.0.0.1", closed, second).await.expect_err("it is closed");
    assert_eq!(error.problem, DeviceProblem::Unreachable, "{error}");
    let pinged = reach::ping("127.0.0.1", 2, second).await.expect("it runs");
    assert!(pinged.sent == 2 && pinged.received == 2 && pinged.average_ms.is_some(), "{pinged:?}");
    let hops = reach::traceroute("127.0.0.1", 3, second).await.expect("it runs");
    assert_eq!(hops.iter().map(|hop| hop.address).collect::<Vec<_>>(), ["127.0.0.1".parse().ok()]);
    for bad in ["-f", "a;b", "$(reboot)"] {
        assert!(reach::ping(bad, 1, second).await.is_err() && reach::tcp(bad, 1, second).await.is_err(), "{bad}");
    }
}
