//! A hermetic git repository in a temporary folder.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use reconverge::domain::revision::ObjectId;

/// A work tree with its repository; gone when dropped.
pub(crate) struct Repository {
    folder: tempfile::TempDir,
}

impl Repository {
    /// An empty repository whose branch is `main`.
    pub(crate) fn new() -> Self {
        let repository = Self { folder: tempfile::tempdir().unwrap() };
        repository.git(&["init", "--quiet", "--initial-branch=main"]);
        repository
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn url(&self) -> String {
        format!("file://{}", self.path().display())
    }

    /// Runs git and returns what it printed, without the last line end.
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        self.git_with(arguments, b"")
    }

    /// Runs git with an input.
    pub(crate) fn git_with(&self, arguments: &[&str], input: &[u8]) -> String {
        let mut child = command(self.path()).args(arguments).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    /// Writes files and returns their paths.
    pub(crate) fn write(&self, files: &[(&str, &str)]) {
        for (path, text) in files {
            let path: PathBuf = self.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
    }

    /// Writes files and commits everything.
    pub(crate) fn commit(&self, subject: &str, files: &[(&str, &str)]) -> ObjectId {
        self.write(files);
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "-m", subject]);
        self.head()
    }

    /// Commits a tree that no work tree could hold: mode, type, content or id, path.
    pub(crate) fn commit_tree(&self, entries: &[(&str, &[u8], &[u8])]) -> ObjectId {
        let mut listing = Vec::new();
        for (mode, content, name) in entries {
            let (kind, id) = match *mode {
                "160000" | "040000" => {
                    (if *mode == "160000" { "commit" } else { "tree" }, String::from_utf8(content.to_vec()).unwrap())
                }
                _ => ("blob", self.git_with(&["hash-object", "-w", "--stdin"], content)),
            };
            listing.extend_from_slice(format!("{mode} {kind} {id}\t").as_bytes());
            listing.extend_from_slice(name);
            listing.push(0);
        }
        let tree = self.git_with(&["mktree", "-z", "--missing"], &listing);
        self.git(&["commit-tree", &tree, "-m", "odd"]).parse().unwrap()
    }

    pub(crate) fn head(&self) -> ObjectId {
        self.git(&["rev-parse", "HEAD"]).parse().unwrap()
    }
}

fn command(folder: &Path) -> Command {
    let mut command = Command::new("git");
    command.current_dir(folder).env_clear().env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", "/dev/null");
    command.envs([("GIT_CONFIG_NOSYSTEM", "1"), ("GIT_CONFIG_GLOBAL", "/dev/null"), ("LC_ALL", "C")]);
    for role in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{role}_NAME"), "Ann Author").env(format!("GIT_{role}_EMAIL"), "ann@example.net");
        command.env(format!("GIT_{role}_DATE"), "1790000000 +0000");
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}
