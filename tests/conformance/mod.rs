//! Cases that nobody on this project wrote: recorded remediations and predictions of other tools.
//!
//! They are read from the folder that `RECONVERGE_CONFORMANCE` names; without it these tests say so and do nothing.

mod annet;
mod hier_config;
mod netutils;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use reconverge::domain::config::dialect::Dialect;
use reconverge::domain::config::remediate::Scope;
use reconverge::domain::config::tree::ConfigTree;

use crate::support::say;

/// Returns a folder of the corpus, or says that there is none.
pub(crate) fn corpus(name: &str) -> Option<PathBuf> {
    let Some(root) = std::env::var_os("RECONVERGE_CONFORMANCE") else {
        eprintln!("conformance {name}: skipped, RECONVERGE_CONFORMANCE is not set");
        return None;
    };
    let folder = PathBuf::from(root).join(name);
    assert!(folder.is_dir(), "RECONVERGE_CONFORMANCE has no folder {name}");
    Some(folder)
}

/// Commands as a tree without order and framing, so that two ways of writing the same commands are equal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Canonical(BTreeMap<String, Self>);

impl Canonical {
    /// Reads indented commands and leaves out the words that only open and close.
    pub(crate) fn read(text: &str) -> Self {
        let mut root = Self::default();
        let mut path: Vec<(usize, String)> = Vec::new();
        for line in text.lines() {
            let indent = line.len() - line.trim_start().len();
            let words: Vec<&str> = line.split_whitespace().collect();
            let command = words.join(" ");
            if command.is_empty() || is_framing(&command) || (indent == 0 && is_top_framing(&command)) {
                continue;
            }
            while path.last().is_some_and(|(open, _)| *open >= indent) {
                path.pop();
            }
            let mut at = &mut root;
            for (_, header) in &path {
                at = at.0.entry(header.clone()).or_default();
            }
            at.0.entry(command.clone()).or_default();
            path.push((indent, command));
        }
        root
    }

    /// Counts the commands.
    pub(crate) fn count(&self) -> usize {
        self.0.values().map(|inner| 1 + inner.count()).sum()
    }

    fn write(&self, depth: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (text, inner) in &self.0 {
            writeln!(f, "{:1$}{text}", "", depth * 2)?;
            inner.write(depth + 1, f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Canonical {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(1, f)
    }
}

fn is_framing(command: &str) -> bool {
    matches!(command, "exit" | "quit" | "next" | "end" | "endif" | "q" | "!" | "#" | "root")
        || command.starts_with("exit-")
        || command.starts_with("end-")
}

fn is_top_framing(command: &str) -> bool {
    const WORDS: &[&str] = &[
        "conf t", "conf s", "system-view", "commit", "save", "save force", "write memory", "write", "return",
        "configure exclusive", "configure terminal", "configure private", "commit show-error",
        "copy running-config startup-config", "commit comment",
    ];
    WORDS.contains(&command)
}

/// Returns every configuration of one platform that the recorded cases compare.
pub(crate) fn configurations(root: &Path, platform: &str) -> Vec<String> {
    let mut out = annet::configurations(&root.join("annet"), platform);
    out.extend(hier_config::configurations(&root.join("hier_config"), platform));
    out
}

/// Tells whether the model reaches the intention after our commands.
fn is_proved(dialect: &Dialect, running: &ConfigTree, intended: &ConfigTree) -> bool {
    let remediation = dialect.remediate(running, intended, &Scope::Replace);
    remediation.unproved.is_empty() && dialect.same(&dialect.predict(running, &remediation.tree()), intended)
}

/// Leaves out what a tool types around the commands themselves.
fn without_framing(text: &str) -> String {
    text.lines()
        .filter(|line| !is_top_framing(line.trim()) && !matches!(line.trim(), "q" | "exit" | "end"))
        .fold(String::new(), |out, line| out + line + "\n")
}

/// How many cases came out how.
#[derive(Debug, Default)]
pub(crate) struct Score {
    same: usize,
    shorter: usize,
    longer: usize,
    skipped: usize,
    misses: Vec<String>,
}

impl Score {
    /// Returns cases with the same commands, and those with other commands and, as the model proves, the same result.
    pub(crate) fn figures(&self) -> (usize, usize, usize) {
        (self.same, self.same + self.shorter + self.longer, self.same + self.shorter + self.longer + self.misses.len())
    }

    /// Prints one line of figures and every case that is not the same.
    pub(crate) fn report(&self, name: &str) {
        let (same, reached, total) = self.figures();
        say(&format!(
            "conformance {name}: {total} cases, {same} the same commands, {} fewer and {} other commands with the same result, {} missed, {} skipped; \
             {:.1} % same, {:.1} % same or same result",
            self.shorter,
            self.longer,
            total - reached,
            self.skipped,
            percent(same, total),
            percent(reached, total),
        ));
        for miss in &self.misses {
            println!("{miss}");
        }
    }

    /// Asserts floors in per cent.
    pub(crate) fn assert(&self, same_min: f64, reached_min: f64) {
        let (same, reached, total) = self.figures();
        assert!(total > 0, "no case was read");
        assert!(percent(same, total) >= same_min, "only {:.1} % the same commands", percent(same, total));
        assert!(
            percent(reached, total) >= reached_min,
            "only {:.1} % the same or the same result",
            percent(reached, total)
        );
    }

    /// Judges one remediation against what another tool sent.
    pub(crate) fn judge(
        &mut self,
        name: &str,
        dialect: &Dialect,
        (running, intended): (&str, &str),
        theirs_text: &str,
    ) {
        let (running, intended) = (dialect.parse(running), dialect.parse(intended));
        let remediation = dialect.remediate(&running, &intended, &Scope::Replace);
        let ours = Canonical::read(&dialect.commands_text(&remediation));
        let theirs = Canonical::read(theirs_text);
        let both_ways = is_proved(dialect, &running, &intended) && is_proved(dialect, &intended, &running);
        if ours == theirs && both_ways {
            self.same += 1;
            return;
        }
        let reached = |commands: &ConfigTree| dialect.same(&dialect.predict(&running, commands), &intended);
        if both_ways && reached(&dialect.parse_commands(&without_framing(theirs_text))) {
            if ours.count() <= theirs.count() {
                self.shorter += 1;
            } else {
                self.longer += 1;
            }
            if std::env::var_os("CONFORMANCE_ALL").is_some() {
                println!("other {name}\n ours:\n{ours} theirs:\n{theirs}");
            }
            return;
        }
        self.misses.push(format!(
            "missed {name}{}\n ours:\n{ours} theirs:\n{theirs}",
            if both_ways { "" } else { " (UNPROVED)" }
        ));
    }

    /// Counts a case that does not apply.
    pub(crate) fn skip(&mut self) {
        self.skipped += 1;
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of test cases are small")]
fn percent(part: usize, total: usize) -> f64 {
    if total == 0 { 0.0 } else { 100.0 * part as f64 / total as f64 }
}
