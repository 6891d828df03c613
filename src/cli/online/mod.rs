//! Commands that talk to devices or to the store.

pub(super) mod apply;
pub(super) mod plan;
pub(super) mod serve;
pub(super) mod serving;
pub(super) mod show;
pub(super) mod trust;

use crate::domain::diagnostic::Diagnostic;

/// Prints findings where logs go.
fn tell(findings: &[Diagnostic]) {
    for finding in findings {
        eprintln!("{finding}");
    }
}

/// Turns findings into one error.
fn refuse(findings: &[Diagnostic]) -> anyhow::Error {
    tell(findings);
    let errors = findings.iter().filter(|finding| finding.is_error()).count();
    anyhow::anyhow!("the repository has {}", crate::domain::report::count(errors, "error"))
}
