//! The network engineer of the demonstration: a clone of the intent repository, edited and pushed with plain git.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::process::Command;

/// Longest time of one git command; all of them are local.
const GIT_TIMEOUT: Duration = Duration::from_secs(20);

/// A person with a clone.
pub(super) struct Engineer {
    /// The bare repository that everybody pushes to.
    pub(super) bare: PathBuf,
    /// The clone.
    pub(super) clone: PathBuf,
}

impl Engineer {
    /// Makes the bare repository and an empty clone of it below a folder.
    ///
    /// # Errors
    /// When git is missing or fails.
    pub(super) async fn begin(folder: &Path) -> anyhow::Result<Self> {
        let (bare, clone) = (folder.join("network.git"), folder.join("network"));
        std::fs::create_dir(&bare).context("making the bare repository")?;
        std::fs::create_dir(&clone).context("making the clone")?;
        git(&bare, &["init", "--quiet", "--bare", "--template=", "--initial-branch=main"]).await?;
        git(&clone, &["init", "--quiet", "--template=", "--initial-branch=main"]).await?;
        let engineer = Self { bare, clone };
        let address = engineer.bare.display().to_string();
        engineer.git(&["remote", "add", "origin", &address]).await?;
        // In the clone itself, so that whoever looks around can commit too.
        engineer.git(&["config", "user.name", "Ada Lovelace"]).await?;
        engineer.git(&["config", "user.email", "ada@example.net"]).await?;
        Ok(engineer)
    }

    /// Runs git in the clone and returns what it printed.
    ///
    /// # Errors
    /// With git's own message.
    pub(super) async fn git(&self, arguments: &[&str]) -> anyhow::Result<String> {
        git(&self.clone, arguments).await
    }

    /// Reads a file of the clone.
    pub(super) fn read(&self, path: &str) -> anyhow::Result<String> {
        std::fs::read_to_string(self.clone.join(path)).with_context(|| format!("reading {path}"))
    }

    /// Writes a file of the clone.
    pub(super) fn write(&self, path: &str, text: &str) -> anyhow::Result<()> {
        std::fs::write(self.clone.join(path), text).with_context(|| format!("writing {path}"))
    }

    /// Replaces one text of a file, which must be there exactly once.
    pub(super) fn edit(&self, path: &str, from: &str, to: &str) -> anyhow::Result<()> {
        let text = self.read(path)?;
        let times = text.matches(from).count();
        anyhow::ensure!(times == 1, "{path} has {from:?} {times} times, not once");
        self.write(path, &text.replace(from, to))
    }

    /// Commits everything, pushes the branch and returns the commit.
    pub(super) async fn commit(&self, branch: &str, message: &str) -> anyhow::Result<String> {
        self.git(&["add", "--all"]).await?;
        self.git(&["commit", "--quiet", "--message", message]).await?;
        self.push(branch).await
    }

    /// Merges a branch into main with a merge commit, pushes main and returns the merge commit.
    pub(super) async fn merge(&self, branch: &str) -> anyhow::Result<String> {
        self.git(&["checkout", "--quiet", "main"]).await?;
        self.git(&["merge", "--quiet", "--no-ff", "--message", &format!("Merge {branch}"), branch]).await?;
        self.push("main").await
    }

    async fn push(&self, branch: &str) -> anyhow::Result<String> {
        self.git(&["push", "--quiet", "origin", branch]).await?;
        Ok(self.git(&["rev-parse", "HEAD"]).await?.trim().to_owned())
    }
}

/// Runs git without any setting of this machine or its user.
async fn git(folder: &Path, arguments: &[&str]) -> anyhow::Result<String> {
    let mut command = Command::new("git");
    command
        .args(["-c", "core.hooksPath=/dev/null", "-c", "gc.auto=0"])
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", folder)
        .env("LC_ALL", "C")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_TERMINAL_PROMPT", "0")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let doing = format!("git {}", arguments.join(" "));
    let output = tokio::time::timeout(GIT_TIMEOUT, command.output()).await;
    let output = output.with_context(|| format!("{doing}: no end after {} s", GIT_TIMEOUT.as_secs()))?;
    let output = output.with_context(|| format!("{doing}: git cannot be run; install git 2.38 or newer"))?;
    if !output.status.success() {
        bail!("{doing}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
