//! The command line as people and scripts meet it: the built program, its names, flags, exit codes and JSON.

mod broken;
mod configs;
mod help;
mod repositories;

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::folder;
use crate::support::program::{Finished, Program};

/// A folder with the files of the template, outside git.
struct Repository {
    folder: tempfile::TempDir,
}

impl Repository {
    fn new() -> Self {
        let repository = Self { folder: folder() };
        copy(&template(), repository.path());
        repository
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.path().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("the folder is made");
        std::fs::write(path, text).expect("the file is written");
    }

    fn append(&self, path: &str, text: &str) {
        self.write(path, self.read(path) + text);
    }

    /// Replaces the only occurrence of a text.
    fn replace(&self, path: &str, from: &str, to: &str) {
        let text = self.read(path);
        assert_eq!(text.matches(from).count(), 1, "{from:?} in {path}");
        self.write(path, text.replacen(from, to, 1));
    }

    fn run(&self, arguments: &[&str]) -> Finished {
        Program::reconverge(self.path(), arguments).finish()
    }

    /// Runs it with `--output json` and returns what it printed.
    fn json(&self, arguments: &[&str], code: i32) -> Value {
        let finished = self.run(&[arguments, &["--output", "json"]].concat());
        finished.expect_code(code);
        serde_json::from_str(&finished.stdout).unwrap_or_else(|error| panic!("{error}: {}", finished.stdout))
    }
}

fn template() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("intent-repo-template")
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap_or_else(|error| panic!("{}: {error}", from.display())) {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            std::fs::create_dir_all(&target).expect("the folder is made");
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).expect("the file is copied");
        }
    }
}

/// The paths of all files below a folder, in order, without those of git.
fn files(root: &Path) -> Vec<String> {
    fn walk(root: &Path, folder: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.strip_prefix(root).expect("below the root").to_string_lossy().into_owned();
            match path.is_dir() {
                true if name == ".git" => {}
                true => walk(root, &path, found),
                false => found.push(name),
            }
        }
    }
    let mut found = Vec::new();
    walk(root, root, &mut found);
    found.sort();
    found
}

/// The names of the keys of an object, in the order in which they are printed.
fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap_or_else(|| panic!("not an object: {value}")).keys().map(String::as_str).collect()
}
