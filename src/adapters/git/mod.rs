//! Git: one bare mirror per repository, read from its object database, never checked out.
//!
//! Architecture invariant: no work tree, no hook, no filter and no setting of the repository ever runs or decides anything.

mod assembly;
mod command;
mod create;
mod error;
mod folder;
mod merge;
mod notes;
mod source;
mod tree;

use std::collections::BTreeMap;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Mutex;

pub use create::create_repository;
pub use error::{GitError, GitProblem, NextMove};
pub use folder::snapshot_of_folder;
pub use merge::{CommitInfo, MergeResult};
pub use notes::NotePush;
pub use source::{Credential, Source};

use self::command::{Call, Git};
use crate::domain::diagnostic::Diagnostic;
use crate::domain::revision::{Change, ObjectId, Revision};
use crate::domain::snapshot::{Digest, Snapshot};

/// Where the branches of the source stand in the mirror.
const BRANCHES: &str = "refs/remotes/origin/";
/// A lock file older than this belongs to a process that died: no call of ours lives so long.
const LOCK_AGE_MAX: Duration = Duration::from_secs(900);

/// A bare copy of one repository elsewhere. Cheap to clone; clones share the copy.
#[derive(Clone, Debug)]
pub struct Mirror {
    shared: Arc<Shared>,
}

struct Shared {
    /// Without a login.
    local: Git,
    /// With the login of the source.
    remote: Git,
    source: Source,
    folder: PathBuf,
    version: (u32, u32),
    /// Fetches and pushes of one mirror never overlap.
    writing: Mutex<()>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} in {}", self.source, self.folder.display())
    }
}

impl Mirror {
    /// Opens the mirror of a source below the state directory and makes it when it is not there. Fetches nothing.
    ///
    /// # Errors
    /// When git is missing or the state directory cannot be written.
    pub async fn open(state: &Path, source: Source) -> Result<Self, GitError> {
        let folder = std::path::absolute(state)
            .map_err(|error| GitError::io("state directory", &error))?
            .join("mirrors")
            .join(folder_name(source.url()));
        let writable = || format!("mirror folder {}", folder.display());
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .map_err(|error| GitError::io(&writable(), &error))?;
        let local = Git::bare(Path::new("git"), &folder, source.url());
        let version = version(&local).await?;
        let known = local.run(Call::local("opening the mirror", &["rev-parse", "--is-bare-repository"])).await?;
        if !known.status.success() {
            local.output(Call::local("making the mirror", &["init", "--quiet", "--bare", "--template="])).await?;
        }
        let remote = local.with_login(&source);
        let shared = Shared { local, remote, source, folder, version, writing: Mutex::new(()) };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Returns the address of the source, for people.
    pub fn url(&self) -> &str {
        self.shared.source.url()
    }

    /// Copies all branches of the source and forgets those that it no longer has. `now` tells how old a lock file is.
    ///
    /// # Errors
    /// With what the server or git said.
    pub async fn fetch(&self, now: Timestamp) -> Result<(), GitError> {
        let _writing = self.shared.writing.lock().await;
        match self.fetch_once().await {
            Err(error) if error.problem == GitProblem::Locked && self.removed_dead_lock(&error.message, now) => {
                self.fetch_once().await
            }
            result => result,
        }
    }

    async fn fetch_once(&self) -> Result<(), GitError> {
        let refspec = format!("+refs/heads/*:{BRANCHES}*");
        let arguments = [
            "fetch",
            "--quiet",
            "--prune",
            "--force",
            "--no-tags",
            "--no-write-fetch-head",
            "--no-auto-maintenance",
            "--no-recurse-submodules",
            "--no-show-forced-updates",
            "--",
            self.url(),
            &refspec,
        ];
        self.shared.remote.output(Call::network("fetching", &arguments)).await.map(drop)
    }

    /// Removes the lock file that git complained about when its owner must be dead.
    fn removed_dead_lock(&self, message: &str, now: Timestamp) -> bool {
        let Some(path) = message.split('\'').find(|part| part.ends_with(".lock")).map(PathBuf::from) else {
            return false;
        };
        let modified = std::fs::metadata(&path).and_then(|metadata| metadata.modified()).ok();
        let Some(modified) = modified.and_then(|time| Timestamp::try_from(time).ok()) else { return false };
        let is_old = now.duration_since(modified).unsigned_abs() > LOCK_AGE_MAX && now > modified;
        let is_ours = path.starts_with(&self.shared.folder) && !path.components().any(|part| part.as_os_str() == "..");
        if is_old && is_ours {
            tracing::warn!(repo.name = self.url(), path = %path.display(), "removing the lock of a dead git process");
        }
        is_old && is_ours && std::fs::remove_file(&path).is_ok()
    }

    /// Packs the mirror's objects. Worth doing once a day; never needed for correctness.
    ///
    /// # Errors
    /// With what git said.
    pub async fn maintain(&self) -> Result<(), GitError> {
        let _writing = self.shared.writing.lock().await;
        let call = Call::network("packing", &["gc", "--quiet", "--no-detach", "--prune=2.weeks.ago"]);
        self.shared.local.output(call).await.map(drop)
    }

    /// Returns every branch of the last fetch with its newest commit.
    ///
    /// # Errors
    /// With what git said.
    pub async fn branches(&self) -> Result<BTreeMap<String, ObjectId>, GitError> {
        self.references(&[]).await
    }

    /// Returns the newest commit of a branch.
    ///
    /// # Errors
    /// With [`GitProblem::NotFound`] when the source has no such branch; the hint names those that exist.
    pub async fn base(&self, branch: &str) -> Result<ObjectId, GitError> {
        let mut branches = self.branches().await?;
        if let Some(commit) = branches.remove(branch) {
            return Ok(commit);
        }
        let known = branches.into_keys().take(10).collect::<Vec<_>>().join(", ");
        let hint = if known.is_empty() { "the repository has no branch yet".into() } else { format!("it has {known}") };
        let message = format!("repository {}: there is no branch {branch:?}", self.url());
        Err(GitError::give_up(GitProblem::NotFound, message, &hint))
    }

    /// Returns the branches below a prefix (for example `change/`) whose head is not part of the base yet.
    ///
    /// A branch that was merged by squashing or rebasing stays until somebody deletes it; its merge result equals the base.
    ///
    /// # Errors
    /// With what git said.
    pub async fn changes(&self, prefix: &str, base: &ObjectId) -> Result<Vec<Change>, GitError> {
        let unmerged = format!("--no-merged={base}");
        let branches = self.references(&[&unmerged]).await?;
        let below = branches.into_iter().filter(|(name, _)| name.starts_with(prefix));
        Ok(below.map(|(name, head)| Change { name, head }).collect())
    }

    async fn references(&self, options: &[&str]) -> Result<BTreeMap<String, ObjectId>, GitError> {
        let mut arguments = vec!["for-each-ref", "--format=%(objectname) %(objecttype) %(refname)"];
        arguments.extend_from_slice(options);
        arguments.push(BRANCHES);
        let listing = self.shared.local.output(Call::local("listing branches", &arguments)).await?;
        let mut branches = BTreeMap::new();
        for line in listing.split(|&b| b == b'\n').filter(|line| !line.is_empty()) {
            let Ok(line) = std::str::from_utf8(line) else {
                tracing::warn!(repo.name = self.url(), "a branch whose name is not UTF-8 is left out");
                continue;
            };
            let mut words = line.splitn(3, ' ');
            let (id, kind, name) = (words.next(), words.next(), words.next());
            let name = name.and_then(|name| name.strip_prefix(BRANCHES));
            let id = id.and_then(|id| id.parse::<ObjectId>().ok());
            if let (Some(id), Some("commit"), Some(name)) = (id, kind, name) {
                branches.insert(name.to_owned(), id);
            }
        }
        Ok(branches)
    }

    /// Reads the files of a commit. `branch` only names it for people.
    ///
    /// # Errors
    /// When the commit is not in the mirror or git fails; bad content is a diagnostic.
    pub async fn snapshot(&self, commit: &ObjectId, branch: &str) -> Result<(Snapshot, Vec<Diagnostic>), GitError> {
        let tree = self.tree_of(commit).await?;
        let revision = Revision { commit: Some(commit.clone()), tree: Some(tree.clone()), branch: branch.to_owned() };
        tree::read(&self.shared.local, &tree, revision).await
    }

    /// Reads the files of a tree that no commit has yet, for example a merge result.
    ///
    /// # Errors
    /// As [`Self::snapshot`].
    pub async fn snapshot_of_tree(
        &self,
        tree: &ObjectId,
        branch: &str,
    ) -> Result<(Snapshot, Vec<Diagnostic>), GitError> {
        let revision = Revision { commit: None, tree: Some(tree.clone()), branch: branch.to_owned() };
        tree::read(&self.shared.local, tree, revision).await
    }
}

/// Returns the version of the `git` program.
async fn version(git: &Git) -> Result<(u32, u32), GitError> {
    let text = git.line(Call::local("asking for git's version", &["version"])).await?;
    let numbers = text.strip_prefix("git version ").unwrap_or_default();
    let mut parts = numbers.split(['.', ' ']).map(str::parse::<u32>);
    match (parts.next(), parts.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => Ok((major, minor)),
        _ => Err(tree::unexpected(git, "asking for git's version")),
    }
}

/// Names a mirror's folder so that people recognise it and no two addresses share one.
fn folder_name(url: &str) -> String {
    let last = url.trim_end_matches('/').rsplit(['/', ':']).next().unwrap_or_default();
    let kept: String = last.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).take(40).collect();
    format!("{kept}-{}.git", Digest::of(url).short())
}
