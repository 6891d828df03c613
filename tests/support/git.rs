//! Git repositories that depend on nothing of this machine: no user configuration, fixed author and time.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A repository with a work tree, or a bare one.
pub(crate) struct Repository {
    folder: PathBuf,
}

impl Repository {
    /// Makes an empty repository whose branch is `main`.
    pub(crate) fn new(folder: &Path) -> Self {
        Self::init(folder, &["init", "--quiet", "--initial-branch=main", "."])
    }

    /// Makes an empty bare repository whose branch is `main`.
    pub(crate) fn bare(folder: &Path) -> Self {
        Self::init(folder, &["init", "--quiet", "--bare", "--initial-branch=main", "."])
    }

    fn init(folder: &Path, arguments: &[&str]) -> Self {
        std::fs::create_dir_all(folder).expect("the folder can be made");
        let repository = Self { folder: folder.to_owned() };
        repository.git(arguments);
        repository
    }

    /// Returns where it is.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Runs git in it and returns what it printed, without the last line end. Fails when git does.
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        let output = Self::command(&self.folder, arguments).output().expect("git can be run");
        super::successful(&format!("git {}", arguments.join(" ")), &output).trim_end().to_owned()
    }

    /// Returns git with a clean environment in a folder.
    pub(crate) fn command(folder: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new("git");
        command
            .args(arguments)
            .current_dir(folder)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", folder)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("LC_ALL", "C");
        for who in ["AUTHOR", "COMMITTER"] {
            command
                .env(format!("GIT_{who}_NAME"), "Ada Lovelace")
                .env(format!("GIT_{who}_EMAIL"), "ada@example.net")
                .env(format!("GIT_{who}_DATE"), "2026-01-02T03:04:05Z");
        }
        command
    }

    /// Writes a file of the work tree, with its folders.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.folder.join(path);
        std::fs::create_dir_all(path.parent().expect("a file has a folder")).expect("the folder can be made");
        std::fs::write(path, text).expect("the file can be written");
    }

    /// Commits everything and returns the id of the commit.
    pub(crate) fn commit(&self, message: &str) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", message]);
        self.head()
    }

    /// Returns the id of the checked-out commit.
    pub(crate) fn head(&self) -> String {
        self.git(&["rev-parse", "HEAD"])
    }

    /// Makes a branch from the current commit and checks it out.
    pub(crate) fn branch(&self, name: &str) {
        self.git(&["checkout", "--quiet", "-b", name]);
    }

    /// Checks out a branch.
    pub(crate) fn checkout(&self, name: &str) {
        self.git(&["checkout", "--quiet", name]);
    }

    /// Merges a branch into the checked-out one with a merge commit and returns its id.
    pub(crate) fn merge(&self, branch: &str) -> String {
        self.git(&["merge", "--quiet", "--no-ff", "--message", &format!("Merge {branch}"), branch]);
        self.head()
    }
}

#[test]
fn commits_depend_on_their_content_only() {
    let make = || {
        let folder = super::folder();
        let repository = Repository::new(folder.path());
        repository.write("data/r1.yaml", "prefixes: []\n");
        repository.commit("data: first");
        repository.branch("change/second");
        repository.write("data/r1.yaml", "prefixes: [192.0.2.0/24]\n");
        repository.commit("data: second");
        repository.checkout("main");
        repository.merge("change/second")
    };
    assert_eq!(make(), make());
}

#[test]
fn a_bare_repository_takes_a_push() {
    let folder = super::folder();
    let bare = Repository::bare(&folder.path().join("bare"));
    let work = Repository::new(&folder.path().join("work"));
    let head = work.commit("first");
    work.git(&["push", "--quiet", bare.folder().to_str().unwrap(), "main"]);
    assert_eq!(bare.git(&["rev-parse", "main"]), head);
}
