//! Device output as data: recorded vectors of the template languages, and whole template collections.
//!
//! The cases of other projects are read from the folder that `RECONVERGE_CONFORMANCE` names, the templates of `ntc-templates` from
//! the folder that `RECONVERGE_NTC_TEMPLATES` names (`tests/lab/ntc-templates.sh` installs them).

mod command_line;
mod ntc_templates;
mod textfsm;

use std::path::{Path, PathBuf};

/// Returns the files below a folder whose names end so, sorted.
pub(crate) fn files_below(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in folder.read_dir().unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.to_string_lossy().ends_with(ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Reads a text file that may hold anything.
pub(crate) fn read(path: &Path) -> String {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Counts cases and keeps the names of those that came out otherwise.
#[derive(Debug, Default)]
pub(crate) struct Score {
    pub(crate) right: usize,
    pub(crate) misses: Vec<String>,
}

impl Score {
    pub(crate) fn add(&mut self, name: &str, result: Result<(), String>) {
        match result {
            Ok(()) => self.right += 1,
            Err(why) => self.misses.push(format!("missed {name}: {why}")),
        }
    }

    pub(crate) fn total(&self) -> usize {
        self.right + self.misses.len()
    }

    /// Says the figures, prints the misses, and fails below a floor in per cent.
    #[expect(clippy::cast_precision_loss, reason = "counts of test cases are small")]
    pub(crate) fn settle(&self, what: &str, percent_min: f64) {
        let percent = 100.0 * self.right as f64 / self.total().max(1) as f64;
        crate::support::say(&format!("{what}: {} of {} cases right ({percent:.1} %)", self.right, self.total()));
        for miss in &self.misses {
            println!("{miss}");
        }
        assert!(self.total() > 0, "{what}: no case was read");
        assert!(percent >= percent_min, "{what}: {percent:.1} %, floor {percent_min} %");
    }
}
