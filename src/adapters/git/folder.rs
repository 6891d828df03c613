//! Reads the files of a folder for the command line; a clean work tree is read as the commit that it shows.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::assembly::{Assembly, Kind, is_left_out_folder};
use super::command::{Call, Git};
use super::error::{GitError, GitProblem};
use super::tree;
use crate::domain::diagnostic::Diagnostic;
use crate::domain::limits::{FILE_BYTES_MAX, PATH_BYTES_MAX};
use crate::domain::revision::{ObjectId, Revision};
use crate::domain::snapshot::Snapshot;

/// Reads a folder. A clean git work tree gives exactly the files of its commit (ignored files are not part of it), with
/// the ids; anything else gives the files as they lie there.
///
/// # Errors
/// When the folder cannot be read; bad content is a diagnostic.
pub async fn snapshot_of_folder(path: &Path) -> Result<(Snapshot, Vec<Diagnostic>), GitError> {
    let shown = path.display().to_string();
    let folder = std::fs::canonicalize(path).map_err(|error| unreadable(&shown, &error))?;
    if !folder.is_dir() {
        let message = format!("{shown} is not a folder");
        return Err(GitError::give_up(GitProblem::NotFound, message, "name the folder of the intent repository"));
    }
    let git = Git::work_tree(Path::new("git"), &folder, &shown);
    if let Some((tree, revision)) = clean_revision(&git).await
        && let Ok(read) = tree::read(&git, &tree, revision).await
    {
        return Ok(read);
    }
    let walk = tokio::task::spawn_blocking(move || walk(&folder));
    let (files, diagnostics) = match walk.await {
        Ok(result) => result.map_err(|error| unreadable(&shown, &error))?,
        Err(_) => {
            return Err(GitError::give_up(GitProblem::Io, format!("reading {shown} was cancelled"), "start again"));
        }
    };
    Ok((Snapshot { revision: Revision::folder(), files }, diagnostics))
}

fn unreadable(shown: &str, error: &std::io::Error) -> GitError {
    GitError::io(&format!("folder {shown}"), error)
}

/// Returns the tree below this folder and its commit, if every file is as committed. No git, no commit: no revision.
async fn clean_revision(git: &Git) -> Option<(ObjectId, Revision)> {
    let ask = async |arguments: &[&str]| git.line(Call::local("looking at the work tree", arguments)).await.ok();
    let commit: ObjectId = ask(&["rev-parse", "--verify", "--quiet", "HEAD^{commit}"]).await?.parse().ok()?;
    let status = [
        "status", "--porcelain", "-z", "--untracked-files=normal", "--ignore-submodules=none", "--no-renames", "--",
        ".",
    ];
    if !ask(&status).await?.is_empty() {
        return None;
    }
    let tree: ObjectId = ask(&["rev-parse", "--verify", "--quiet", "HEAD:./"]).await?.parse().ok()?;
    let branch = ask(&["symbolic-ref", "--short", "--quiet", "HEAD"]).await.unwrap_or_else(|| "(detached)".into());
    Some((tree.clone(), Revision { commit: Some(commit), tree: Some(tree), branch }))
}

type Files = (std::collections::BTreeMap<String, std::sync::Arc<str>>, Vec<Diagnostic>);

/// Walks the folder without following any link.
fn walk(root: &Path) -> std::io::Result<Files> {
    let mut assembly = Assembly::default();
    let mut open = vec![PathBuf::new()];
    while let Some(folder) = open.pop() {
        let full = root.join(&folder);
        for entry in std::fs::read_dir(&full).map_err(|error| named(&full, &error))? {
            let entry = entry.map_err(|error| named(&full, &error))?;
            let path = folder.join(entry.file_name());
            let kind = entry.file_type().map_err(|error| named(&path, &error))?;
            let is_folder = kind.is_dir() && path.as_os_str().len() <= PATH_BYTES_MAX;
            if is_folder && !path.to_str().is_some_and(is_left_out_folder) {
                open.push(path);
            } else if !is_folder {
                take(&mut assembly, root, &path, kind).map_err(|error| named(&path, &error))?;
            }
        }
    }
    Ok(assembly.finish())
}

fn take(assembly: &mut Assembly, root: &Path, path: &Path, kind: std::fs::FileType) -> std::io::Result<()> {
    let full = root.join(path);
    let kind = match () {
        () if kind.is_symlink() => Kind::Link,
        () if kind.is_file() => Kind::File(full.symlink_metadata()?.len()),
        () => Kind::Other,
    };
    let Some(name) = assembly.wants(path.as_os_str().as_bytes(), kind) else { return Ok(()) };
    match kind {
        Kind::Link => assembly.add_link(name, std::fs::read_link(&full)?.as_os_str().as_bytes()),
        Kind::File(_) | Kind::Submodule | Kind::Other => {
            let mut content = Vec::new();
            File::open(&full)?.take(FILE_BYTES_MAX as u64).read_to_end(&mut content)?;
            assembly.add_file(name, &content);
        }
    }
    Ok(())
}

fn named(path: &Path, error: &std::io::Error) -> std::io::Error {
    std::io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
