//! Questions about commits and trees of a mirror: merge results, ancestry, changed paths, authors.

use std::collections::BTreeSet;

use super::Mirror;
use super::command::{Call, Output};
use super::error::{GitError, GitProblem};
use super::tree::unexpected;
use crate::domain::revision::ObjectId;

/// What merging two commits gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MergeResult {
    /// The tree that a merge commit would have.
    Tree(ObjectId),
    /// Somebody has to resolve it in the branch.
    Conflict {
        /// The files in conflict; empty when the two have no common history.
        paths: BTreeSet<String>,
        /// git's own words, one per line.
        message: String,
    },
}

/// What people want to know of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitInfo {
    /// The author's name, as written in the commit.
    pub author: String,
    /// The author's mail address, as written in the commit; nobody verified it.
    pub email: String,
    /// When it was committed, in seconds since the epoch.
    pub committed_at_s: i64,
    /// The first paragraph of the message as one line.
    pub subject: String,
    /// The commits it follows.
    pub parents: Vec<ObjectId>,
    /// The tree of its files.
    pub tree: ObjectId,
}

/// Most bytes of git's messages about a conflict.
const CONFLICT_BYTES_MAX: usize = 8 << 10;
/// Longest subject, author or address that is kept, in characters.
const SUBJECT_CHARS_MAX: usize = 500;

impl Mirror {
    /// Merges in the object database (git-merge-tree(1)), as the forge would do it; needs git 2.38.
    ///
    /// # Errors
    /// With [`GitProblem::TooOld`] when git cannot do this, or with what git said.
    pub async fn merge_tree(&self, base: &ObjectId, head: &ObjectId) -> Result<MergeResult, GitError> {
        let (major, minor) = self.shared.version;
        if (major, minor) < (2, 38) {
            let message = format!("repository {}: git {major}.{minor} cannot merge without a work tree", self.url());
            return Err(GitError::give_up(GitProblem::TooOld, message, "install git 2.38 or newer"));
        }
        let doing = format!("merging {} into {}", head.short(), base.short());
        let arguments = ["merge-tree", "--write-tree", "-z", "--name-only", "--messages", base.as_str(), head.as_str()];
        let output = self.shared.local.run(Call::local(&doing, &arguments)).await?;
        match output.status.code() {
            Some(0) => first_id(&output).map(MergeResult::Tree).ok_or_else(|| unexpected(&self.shared.local, &doing)),
            Some(1) => Ok(conflict(&output.stdout)),
            _ if output.stderr.contains("unrelated histories") => Ok(MergeResult::Conflict {
                paths: BTreeSet::new(),
                message: "the branch and its base have no common history".into(),
            }),
            _ => Err(self.shared.local.failure(&self.shared.local.doing(&doing), &output)),
        }
    }

    /// Returns the tree of a commit.
    ///
    /// # Errors
    /// With [`GitProblem::NotFound`] when the mirror has no such commit.
    pub async fn tree_of(&self, commit: &ObjectId) -> Result<ObjectId, GitError> {
        let doing = format!("looking for commit {}", commit.short());
        let tree = format!("{commit}^{{tree}}");
        let text =
            self.shared.local.line(Call::local(&doing, &["rev-parse", "--verify", "--end-of-options", &tree])).await?;
        text.parse().map_err(|_| unexpected(&self.shared.local, &doing))
    }

    /// Returns the newest commit that both contain, if any.
    ///
    /// # Errors
    /// With what git said.
    pub async fn merge_base(&self, one: &ObjectId, other: &ObjectId) -> Result<Option<ObjectId>, GitError> {
        let doing = format!("comparing {} with {}", one.short(), other.short());
        let output = self.shared.local.run(Call::local(&doing, &["merge-base", one.as_str(), other.as_str()])).await?;
        match output.status.code() {
            Some(0) => first_id(&output).map(Some).ok_or_else(|| unexpected(&self.shared.local, &doing)),
            Some(1) if output.stderr.is_empty() => Ok(None),
            _ => Err(self.shared.local.failure(&self.shared.local.doing(&doing), &output)),
        }
    }

    /// Tells whether a commit is part of the history of another one, or is that commit.
    ///
    /// # Errors
    /// With what git said.
    pub async fn is_ancestor(&self, ancestor: &ObjectId, of: &ObjectId) -> Result<bool, GitError> {
        let doing = format!("looking for {} in {}", ancestor.short(), of.short());
        let arguments = ["merge-base", "--is-ancestor", ancestor.as_str(), of.as_str()];
        let output = self.shared.local.run(Call::local(&doing, &arguments)).await?;
        match output.status.code() {
            Some(0) => Ok(true),
            Some(1) if output.stderr.is_empty() => Ok(false),
            _ => Err(self.shared.local.failure(&self.shared.local.doing(&doing), &output)),
        }
    }

    /// Returns every path whose content differs between two trees or commits; a renamed file counts under both names.
    ///
    /// # Errors
    /// With what git said.
    pub async fn changed_paths(&self, one: &ObjectId, other: &ObjectId) -> Result<BTreeSet<String>, GitError> {
        let doing = format!("comparing {} with {}", one.short(), other.short());
        let arguments = ["diff-tree", "-r", "-z", "--name-only", "--no-renames", one.as_str(), other.as_str()];
        let output = self.shared.local.output(Call::local(&doing, &arguments)).await?;
        Ok(output.split(|&b| b == 0).filter(|path| !path.is_empty()).map(text_of).collect())
    }

    /// Returns who wrote a commit, when, and what for.
    ///
    /// # Errors
    /// With [`GitProblem::NotFound`] when the mirror has no such commit.
    pub async fn commit_info(&self, commit: &ObjectId) -> Result<CommitInfo, GitError> {
        let doing = format!("reading commit {}", commit.short());
        let format = "--format=%an%x00%ae%x00%ct%x00%P%x00%T%x00%s";
        let arguments =
            ["log", "-1", "--no-mailmap", "--encoding=UTF-8", format, "--end-of-options", commit.as_str(), "--"];
        let output = self.shared.local.output(Call::local(&doing, &arguments)).await?;
        parse_info(&output).ok_or_else(|| unexpected(&self.shared.local, &doing))
    }
}

fn parse_info(output: &[u8]) -> Option<CommitInfo> {
    let mut fields = output.split(|&b| b == 0).map(text_of);
    let short = |text: String| text.trim_end().chars().filter(|c| !c.is_control()).take(SUBJECT_CHARS_MAX).collect();
    let (author, email) = (short(fields.next()?), short(fields.next()?));
    let committed_at_s = fields.next()?.parse().ok()?;
    let parents = fields.next()?.split_ascii_whitespace().map(str::parse).collect::<Result<_, _>>().ok()?;
    let tree = fields.next()?.parse().ok()?;
    Some(CommitInfo { author, email, committed_at_s, subject: short(fields.next()?), parents, tree })
}

fn first_id(output: &Output) -> Option<ObjectId> {
    let end = output.stdout.iter().position(|&b| b == 0 || b == b'\n').unwrap_or(output.stdout.len());
    std::str::from_utf8(&output.stdout[..end]).ok()?.parse().ok()
}

/// Reads `<tree> NUL (<path> NUL)* NUL (<count> NUL <path>{count} NUL <kind> NUL <message> NUL)*`.
fn conflict(stdout: &[u8]) -> MergeResult {
    let mut fields = stdout.split(|&b| b == 0).map(text_of).skip(1);
    let paths = fields.by_ref().take_while(|path| !path.is_empty()).collect();
    let mut message = String::new();
    while let Some(count) = fields.next().and_then(|count| count.parse::<usize>().ok()) {
        let words = fields.by_ref().skip(count).nth(1).unwrap_or_default();
        if words.starts_with("CONFLICT") && message.len() + words.len() < CONFLICT_BYTES_MAX {
            message.push_str(words.trim_end());
            message.push('\n');
        }
    }
    MergeResult::Conflict { paths, message: message.trim_end().to_owned() }
}

fn text_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
