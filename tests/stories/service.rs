//! The running service of a story: its HTTP answers, waiting for its runs.

use std::cell::RefCell;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::network::{text, until};
use crate::support::program::Running;

/// Longest time that a story waits for a run.
const RUN_WITHIN: Duration = Duration::from_secs(90);

/// `reconverge serve` with the address on which it listens.
pub(crate) struct Service {
    running: RefCell<Running>,
    address: String,
}

impl Service {
    pub(super) fn new(mut running: Running) -> Self {
        let line = running.wait_for("listening on http://", Duration::from_secs(20));
        let address =
            line.split("http://").nth(1).and_then(|rest| rest.split(',').next()).expect("an address").to_owned();
        Self { running: RefCell::new(running), address }
    }

    /// Asks for a path and returns the status and the body.
    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        self.try_get(path).unwrap_or_else(|error| panic!("{path}: {error}; printed:\n{}", self.printed()))
    }

    fn try_get(&self, path: &str) -> std::io::Result<(u16, String)> {
        let mut stream = TcpStream::connect(&self.address)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.address)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        Ok((status, body.to_owned()))
    }

    /// Asks for a path that answers with JSON.
    pub(crate) fn json(&self, path: &str) -> Value {
        let (status, body) = self.get(path);
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).unwrap_or_else(|error| panic!("{path}: {error}: {body}"))
    }

    /// Returns all runs, the newest first.
    pub(crate) fn runs(&self) -> Vec<Value> {
        self.json("/api/v1/runs")["runs"].as_array().expect("a list").clone()
    }

    /// Returns the newest run of a kind at a commit.
    pub(crate) fn find(&self, kind: &str, commit: &str) -> Option<Value> {
        self.runs().into_iter().find(|run| run["kind"] == kind && run["revision"]["commit"] == commit)
    }

    /// Waits for the end of the newest run of a kind at a commit.
    pub(crate) fn ended(&self, kind: &str, commit: &str) -> Value {
        let deadline = Instant::now() + RUN_WITHIN;
        loop {
            match self.find(kind, commit) {
                Some(run) if !run["finished"].is_null() => return run,
                last => {
                    assert!(Instant::now() < deadline, "no end of {kind} at {commit}: {last:?}\n{}", self.printed());
                }
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits for the plan of a change.
    pub(crate) fn planned(&self, commit: &str) -> Value {
        self.ended("plan", commit)
    }

    /// Waits for the end of the deployment of a commit.
    pub(crate) fn deployment(&self, commit: &str) -> Value {
        self.ended("deploy", commit)
    }

    /// Waits until the service has looked at the repository this many more times.
    pub(crate) fn rounds(&self, more: u64) {
        let seen = self.metric("reconverge_rounds_total");
        until("the next rounds", RUN_WITHIN, || self.metric("reconverge_rounds_total") > seen + more);
    }

    /// Returns a number of `/metrics`.
    pub(crate) fn metric(&self, name: &str) -> u64 {
        let (_, body) = self.get("/metrics");
        let value = body.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok());
        value.unwrap_or_else(|| panic!("no {name} in {body}"))
    }

    /// Everything that it printed until now.
    pub(crate) fn printed(&self) -> String {
        self.running.borrow_mut().printed()
    }

    /// Ends it as `kill -9` does.
    pub(crate) fn kill(self) {
        self.running.borrow_mut().kill();
    }
}

/// Returns the words of all failures of a run.
pub(crate) fn failures(run: &Value) -> String {
    let list = run["failures"].as_array().expect("a list");
    let line = |failure: &Value| {
        format!(
            "{} {} {}: {}",
            text(&failure["device"]),
            text(&failure["action"]),
            text(&failure["answer"]),
            text(&failure["detail"])
        )
    };
    list.iter().map(line).collect::<Vec<_>>().join("\n")
}
