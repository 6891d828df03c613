//! What tests share: the built program, git repositories, the laboratory of real routers and servers.

use std::io::Write as _;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Output;

pub(crate) mod frr_lab;
pub(crate) mod git;
pub(crate) mod git_http;
pub(crate) mod git_servers;
pub(crate) mod program;
pub(crate) mod repository;

/// Returns a private folder that is removed when the value is dropped.
pub(crate) fn folder() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("reconverge-test-").tempdir().expect("the temporary folder is writable")
}

/// Returns a TCP port of 127.0.0.1 that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    let socket = TcpListener::bind(("127.0.0.1", 0)).expect("127.0.0.1 has a free port");
    socket.local_addr().expect("a bound socket has an address").port()
}

/// Returns the conformance data, or says that the test is skipped.
pub(crate) fn conformance() -> Option<PathBuf> {
    let Some(folder) = std::env::var_os("RECONVERGE_CONFORMANCE") else {
        skip("RECONVERGE_CONFORMANCE is not set");
        return None;
    };
    let folder = PathBuf::from(folder);
    assert!(folder.is_dir(), "RECONVERGE_CONFORMANCE is not a folder: {}", folder.display());
    Some(folder)
}

/// Says something on the terminal that a person wants to read although the test passes.
pub(crate) fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{}", text.trim_end());
}

/// Says on the terminal that the current test does nothing, and why. Not `eprintln!`, which a passing test swallows.
pub(crate) fn skip(why: &str) {
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    let _ = writeln!(std::io::stderr(), "skipped: {test}: {why}");
}

/// Tells whether tests with real counterparts are asked for (RECONVERGE_LAB=1); says so when they are not.
pub(crate) fn real_counterparts() -> bool {
    let wanted = std::env::var("RECONVERGE_LAB").as_deref() == Ok("1");
    if !wanted {
        skip("needs real counterparts; `make test` starts them");
    }
    wanted
}

/// Reads the file that a variable names; nothing when the test is skipped. A lab that is asked for and not there is a failure.
pub(crate) fn lab_description(variable: &str) -> Option<String> {
    if !real_counterparts() {
        return None;
    }
    let path = std::env::var(variable)
        .unwrap_or_else(|_| panic!("RECONVERGE_LAB=1 and {variable} is not set: run the tests with `make test`"));
    Some(std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{variable}: {path}: {error}")))
}

/// Returns the standard output, or fails with everything that was printed.
pub(crate) fn successful(what: &str, output: &Output) -> String {
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{what} failed with {}\n{stdout}{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    stdout
}

#[test]
fn free_ports_can_be_bound() {
    TcpListener::bind(("127.0.0.1", free_port())).unwrap();
}

#[test]
fn folders_are_private_and_go_away() {
    let (one, two) = (folder(), folder());
    assert_ne!(one.path(), two.path());
    let path = one.path().to_owned();
    drop(one);
    assert!(!path.exists());
}

#[test]
fn conformance_data_is_there_when_it_is_promised() {
    if let Some(folder) = conformance() {
        assert!(folder.read_dir().unwrap().next().is_some(), "{} is empty", folder.display());
    }
}
