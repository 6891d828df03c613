//! What is left on a commit in git, for whoever has the repository and not the service: plans, what became of them, drift.

use super::super::Context;
use super::records::stored_plan;
use crate::domain::limits::NOTE_BYTES_MAX;
use crate::domain::report;
use crate::domain::revision::ObjectId;
use crate::domain::run::{Run, RunKind, RunOutcome};

/// Most runs that are looked at for those of one commit.
const RUNS_LOOKED_AT: usize = 100;
/// Most runs that one note tells of.
const RUNS_TOLD: usize = 6;
const SHORTENED: &str = "\n… the rest is in `reconverge show`\n";

impl Context {
    /// Composes the note of a commit from what is stored about it, in the order in which it happened.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn note(&self, commit: &ObjectId) -> anyhow::Result<String> {
        let runs = self.runs(RUNS_LOOKED_AT).await?;
        let newest_drift = runs.iter().find(|run| run.kind == RunKind::Drift).map(|run| run.id.clone());
        let told = |run: &&Run| {
            let is_about = run.revision.commit.as_ref() == Some(commit) && run.finished.is_some();
            is_about && (run.kind != RunKind::Drift || newest_drift.as_ref() == Some(&run.id))
        };
        let mut parts: Vec<String> = Vec::new();
        let mut plans = Vec::new();
        let told: Vec<&Run> = runs.iter().filter(told).take(RUNS_TOLD).collect();
        for run in told.into_iter().rev() {
            let outcome = run.finished.as_ref().map(|finish| finish.outcome);
            if run.kind == RunKind::Drift && outcome == Some(RunOutcome::InSync) {
                continue;
            }
            if let Some(id) = run.plan.as_ref().filter(|id| !plans.contains(id)) {
                plans.push(id);
                parts.push(report::plan_text(&stored_plan(self, id).await?));
            }
            if !matches!(outcome, Some(RunOutcome::Planned | RunOutcome::Drifted)) || run.kind == RunKind::Deploy {
                parts.push(report::run_text(run));
            }
        }
        Ok(shortened(parts.join("\n")))
    }
}

fn shortened(mut text: String) -> String {
    if text.len() > NOTE_BYTES_MAX {
        text.truncate(text.floor_char_boundary(NOTE_BYTES_MAX - SHORTENED.len()));
        text.push_str(SHORTENED);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_that_is_too_long_says_so() {
        let text = shortened("ä".repeat(NOTE_BYTES_MAX));
        assert!(text.len() <= NOTE_BYTES_MAX && text.ends_with(SHORTENED));
        assert_eq!(shortened("short".into()), "short");
    }
}
