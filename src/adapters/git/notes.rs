//! Leaves the plan or the receipt as a git note on a commit, so that it travels with the repository.

use std::time::Duration;

use super::Mirror;
use super::command::{Call, Output};
use super::error::{GitError, GitProblem};
use crate::domain::limits::NOTE_BYTES_MAX;
use crate::domain::revision::ObjectId;

/// The notes that belong to this program; nobody else should write there.
const NOTES: &str = "refs/notes/reconverge";
/// How often a push is tried when others move the notes at the same time.
const ATTEMPTS_MAX: u32 = 6;
/// Pause before the next attempt, multiplied by its number.
const PAUSE: Duration = Duration::from_millis(100);

/// What became of a note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotePush {
    /// The source has it.
    Pushed,
    /// The login may not write notes; the reason is for people. Nothing else is affected.
    Refused(String),
}

impl Mirror {
    /// Writes the note of a commit and pushes it to the source; replaces an older note of ours on the same commit.
    ///
    /// Never forces: when somebody else added notes meanwhile, theirs are fetched first and kept.
    ///
    /// # Errors
    /// When the source cannot be reached, or the notes moved at every attempt.
    pub async fn push_note(&self, commit: &ObjectId, text: &str) -> Result<NotePush, GitError> {
        let doing = format!("writing the note of {}", commit.short());
        if text.len() > NOTE_BYTES_MAX || text.trim().is_empty() {
            let message =
                format!("{}: it is empty or has more than {NOTE_BYTES_MAX} bytes", self.shared.local.doing(&doing));
            return Err(GitError::give_up(GitProblem::Limit, message, "shorten the report"));
        }
        let _writing = self.shared.writing.lock().await;
        let call = Call::local(&doing, &["hash-object", "-w", "--stdin"]);
        let blob = self.shared.local.line(Call { input: Some(text.as_bytes().to_vec()), ..call }).await?;
        for attempt in 1..=ATTEMPTS_MAX {
            self.fetch_notes(&doing).await?;
            if self.note_is(commit, &blob).await? {
                return Ok(NotePush::Pushed);
            }
            let add = ["notes", "--ref", NOTES, "add", "--force", "-C", &blob, commit.as_str()];
            self.shared.local.output(Call::local(&doing, &add)).await?;
            let refspec = format!("{NOTES}:{NOTES}");
            let push = ["push", "--porcelain", "--no-verify", "--no-signed", "--", self.url(), &refspec];
            let output = self.shared.remote.run(Call::network(&doing, &push)).await?;
            if output.status.success() {
                return Ok(NotePush::Pushed);
            }
            if !moved(&output) {
                return self.refused(&doing, &output);
            }
            tokio::time::sleep(PAUSE * attempt).await;
        }
        let message = format!("{}: others moved the notes {ATTEMPTS_MAX} times", self.shared.local.doing(&doing));
        Err(GitError::retry(GitProblem::Locked, message, "it is tried again"))
    }

    /// Takes the source's notes as they are; our own that never arrived are forgotten.
    async fn fetch_notes(&self, doing: &str) -> Result<(), GitError> {
        // With a pattern, a source without notes is no error, and pruning forgets ours.
        let refspec = format!("+{NOTES}*:{NOTES}*");
        let arguments = [
            "fetch",
            "--quiet",
            "--prune",
            "--no-tags",
            "--no-write-fetch-head",
            "--no-auto-maintenance",
            "--no-recurse-submodules",
            "--",
            self.url(),
            &refspec,
        ];
        self.shared.remote.output(Call::network(doing, &arguments)).await.map(drop)
    }

    async fn note_is(&self, commit: &ObjectId, blob: &str) -> Result<bool, GitError> {
        let arguments = ["notes", "--ref", NOTES, "list", commit.as_str()];
        let output = self.shared.local.run(Call::local("reading notes", &arguments)).await?;
        Ok(output.status.success() && String::from_utf8_lossy(&output.stdout).trim() == blob)
    }

    fn refused(&self, doing: &str, output: &Output) -> Result<NotePush, GitError> {
        let mut error = self.shared.remote.failure(&self.shared.local.doing(doing), output);
        let refusals = ["[remote rejected]", "not exported", "not enabled", "Permission", "not allowed", "denied"];
        let stdout = String::from_utf8_lossy(&output.stdout);
        let is_refusal = refusals.iter().any(|word| stdout.contains(word) || output.stderr.contains(word));
        match error.problem {
            GitProblem::AuthFailed => Ok(NotePush::Refused(error.message)),
            _ if is_refusal => {
                // The porcelain line on stdout tells the reason: `!\t<from>:<to>\t[remote rejected] (<reason>)`.
                let reason =
                    stdout.lines().find(|line| line.starts_with('!')).and_then(|line| line.rsplit('\t').next());
                if let Some(reason) = reason {
                    let clean: String = reason.chars().filter(|c| !c.is_control()).take(300).collect();
                    error.message = format!("{}: {clean}", self.shared.local.doing(doing));
                }
                Ok(NotePush::Refused(error.message))
            }
            _ => Err(error),
        }
    }
}

/// Tells whether somebody else was faster.
fn moved(output: &Output) -> bool {
    let stdout = String::from_utf8_lossy(&output.stdout);
    let signs =
        ["(fetch first)", "(non-fast-forward)", "cannot lock ref", "failed to update ref", "reference already exists"];
    signs.iter().any(|sign| stdout.contains(sign) || output.stderr.contains(sign))
}
