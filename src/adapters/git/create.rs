//! Makes a folder a git repository with a first commit.

use std::path::Path;

use super::command::{Call, Git};
use super::error::GitError;
use crate::domain::revision::ObjectId;

/// Makes the folder a repository whose branch is `main`, unless it is one, and commits everything in it.
///
/// # Errors
/// When git is missing, or with what git said.
pub async fn create_repository(folder: &Path, subject: &str) -> Result<ObjectId, GitError> {
    let shown = folder.display().to_string();
    let folder = std::fs::canonicalize(folder).map_err(|error| GitError::io(&format!("folder {shown}"), &error))?;
    let git = Git::work_tree(Path::new("git"), &folder, &shown);
    let run = async |doing: &str, arguments: &[&str]| git.line(Call::local(doing, arguments)).await;
    if !folder.join(".git").exists() {
        run("making the repository", &["-c", "init.defaultBranch=main", "init", "--quiet"]).await?;
    }
    run("adding the files", &["add", "--all", "--", "."]).await?;
    run("making the first commit", &["commit", "--quiet", "-m", subject]).await?;
    let commit = run("reading the first commit", &["rev-parse", "--verify", "HEAD"]).await?;
    commit.parse().map_err(|error: String| {
        GitError::give_up(super::GitProblem::Other, error, "look at the repository with git log")
    })
}
