//! Waiting for what must happen: runs of the service, told as they go, each within a deadline or not at all.

use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::Instant;

use super::stage::Stage;
use crate::domain::deploy::wave::{Action, Answer, Outcome};
use crate::domain::name::RunId;
use crate::domain::run::{Run, RunEvent};

/// Longest time until the service starts the run that must come.
const BEGIN_TIMEOUT: Duration = Duration::from_secs(30);
/// Longest time of one run.
const RUN_TIMEOUT: Duration = Duration::from_secs(60);
/// How often the store is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Newest runs among which the expected one must be.
const RUNS_LOOKED_AT: usize = 10;
/// Most bytes of an answer of the service.
const HTTP_BYTES_MAX: u64 = 1 << 20;

impl Stage {
    /// Waits for a run of the service.
    ///
    /// # Errors
    /// When there is none within the deadline.
    pub(super) async fn run_that(&self, what: &str, wanted: impl Fn(&Run) -> bool) -> anyhow::Result<Run> {
        let deadline = Instant::now() + BEGIN_TIMEOUT;
        loop {
            if let Some(run) = self.context.runs(RUNS_LOOKED_AT).await?.into_iter().find(|run| wanted(run)) {
                return Ok(run);
            }
            self.still_serving()?;
            if Instant::now() > deadline {
                bail!("{what} did not happen within {} s", BEGIN_TIMEOUT.as_secs());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Waits for the end of a run and tells every stored event of its waves.
    ///
    /// # Errors
    /// When it does not end within the deadline.
    pub(super) async fn follow(&self, id: &RunId) -> anyhow::Result<Run> {
        let deadline = Instant::now() + RUN_TIMEOUT;
        let mut told = 0;
        loop {
            let events = self.context.store.events(id).await?;
            for event in events.into_iter().skip(told) {
                told += 1;
                self.tell(&serde_json::from_value(event).context("reading an event")?);
            }
            let run = self.context.run(id).await?;
            if run.finished.is_some() && usize::try_from(run.events).is_ok_and(|events| events == told) {
                return Ok(run);
            }
            self.still_serving()?;
            if Instant::now() > deadline {
                bail!("{id} did not end within {} s", RUN_TIMEOUT.as_secs());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    fn tell(&self, event: &RunEvent) {
        match event {
            RunEvent::WaveStarted { index, devices, confirm_timeout_s, reverse, .. } => {
                let names: Vec<&str> = devices.keys().map(|name| name.as_str()).collect();
                let back = if *reverse { "back, " } else { "" };
                let timer = match index {
                    0 => format!(" (a switch that is not confirmed within {confirm_timeout_s} s goes back by itself)"),
                    _ => String::new(),
                };
                self.voice.progress(&format!("wave {}: {back}{}{timer}", index + 1, names.join(" and ")));
            }
            RunEvent::Answered { device, action, answer, detail, .. } => {
                let text = format!("  {device:6} {}", words(*action, *answer, detail.as_deref()));
                match answer {
                    Answer::Done | Answer::SawBase | Answer::SawIntended => self.voice.progress(&text),
                    Answer::Refused | Answer::Lost | Answer::SawOther => self.voice.setback(&text),
                }
            }
            RunEvent::WaveEnded { index, outcome, .. } => {
                let text = format!("wave {}: {}", index + 1, ended(*outcome));
                match outcome {
                    Outcome::Applied => self.voice.progress(&text),
                    Outcome::RolledBack | Outcome::Split | Outcome::Stuck => self.voice.setback(&text),
                }
            }
            RunEvent::Finished { outcome, .. } => self.voice.progress(&format!("the run ended: {}", outcome.word())),
            RunEvent::Requested { .. } | RunEvent::Planned { .. } | RunEvent::Asked { .. } => {}
        }
    }

    /// Waits until the service has looked at the repository so many times more, each time without an error.
    ///
    /// # Errors
    /// When that takes too long.
    pub(super) async fn rounds(&self, count: u64) -> anyhow::Result<()> {
        let health = &self.serving.service.health;
        let good = || health.rounds.load(Ordering::Relaxed) - health.failed_rounds.load(Ordering::Relaxed);
        let (wanted, deadline) = (good() + count, Instant::now() + BEGIN_TIMEOUT);
        while good() < wanted {
            self.still_serving()?;
            anyhow::ensure!(Instant::now() < deadline, "the service did not look at the repository {count} times");
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// Asks the service over HTTP and returns the body of a good answer.
    ///
    /// # Errors
    /// When it cannot be asked or answers with anything but 200.
    pub(super) async fn http(&self, path: &str) -> anyhow::Result<String> {
        let ask = async {
            let mut stream = tokio::net::TcpStream::connect(self.serving.address).await?;
            let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.serving.address);
            stream.write_all(request.as_bytes()).await?;
            let mut answer = String::new();
            stream.take(HTTP_BYTES_MAX).read_to_string(&mut answer).await?;
            Ok::<_, std::io::Error>(answer)
        };
        let answer = tokio::time::timeout(BEGIN_TIMEOUT, ask).await;
        let answer =
            answer.with_context(|| format!("GET {path}: no answer"))?.with_context(|| format!("GET {path}"))?;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer.as_str(), ""));
        anyhow::ensure!(head.starts_with("HTTP/1.1 200 "), "GET {path}: {}", head.lines().next().unwrap_or_default());
        Ok(body.to_owned())
    }

    fn still_serving(&self) -> anyhow::Result<()> {
        anyhow::ensure!(!self.serving.has_ended(), "the service ended");
        Ok(())
    }

    /// What can be told about the service when something goes wrong.
    pub(super) async fn seen(&self) -> String {
        let mut out = String::new();
        match self.context.runs(RUNS_LOOKED_AT).await {
            Ok(runs) => out.extend(runs.iter().rev().map(crate::domain::report::run_text)),
            Err(error) => out.push_str(&format!("the runs cannot be read: {error:#}\n")),
        }
        out.push_str("\nthe last lines of the service:\n");
        out.extend(self.heard().iter().filter_map(|text| Some(format!("  {}\n", text.lines().next()?))));
        out
    }
}

/// What became of an action, in people's words.
fn words(action: Action, answer: Answer, detail: Option<&str>) -> String {
    let first = detail.and_then(|detail| detail.lines().next()).unwrap_or_default();
    match (action, answer) {
        (Action::Stage, Answer::Done) => match detail.map(size) {
            Some((added, removed)) => format!("staged; the switch's own diff: {added} lines in, {removed} out"),
            None => "staged".to_owned(),
        },
        (Action::Commit, Answer::Done) => "committed, its timer runs".to_owned(),
        (Action::Verify, Answer::Done) => {
            "verified in a new session: configuration as predicted, checks pass".to_owned()
        }
        (Action::Confirm, Answer::Done) => "confirmed".to_owned(),
        (Action::Discard, Answer::Done) => "the staged change is discarded".to_owned(),
        (Action::Rollback, Answer::Done) => "rolled back, and read back: as before".to_owned(),
        (Action::Observe, Answer::SawBase) => "observed: as before".to_owned(),
        (Action::Observe, Answer::SawIntended) => "observed: the change is there".to_owned(),
        (Action::Verify, Answer::Refused) => format!("not well: {first}"),
        (action, answer) => format!("{action:?} {answer:?}: {first}").trim_end_matches([':', ' ']).to_owned(),
    }
}

/// How many lines a unified diff adds and removes.
fn size(diff: &str) -> (usize, usize) {
    let count = |sign: &str, header: &str| {
        diff.lines().filter(|line| line.starts_with(sign) && !line.starts_with(header)).count()
    };
    (count("+", "+++ "), count("-", "--- "))
}

fn ended(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Applied => "every switch keeps the change",
        Outcome::RolledBack => "every switch is as before",
        Outcome::Split => "SPLIT: some switches keep the change, some do not",
        Outcome::Stuck => "STUCK: a switch could not be brought back",
    }
}
