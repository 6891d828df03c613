//! `reconverge init`: a new intent repository from the template inside the binary.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use include_dir::{Dir, DirEntry, include_dir};
use serde_json::json;

use super::super::outcome::Exit;
use super::super::{Cli, Output, assemble};
use crate::adapters::git::{self, GitProblem};
use crate::domain::report::count;
use crate::domain::revision::ObjectId;

/// The template repository.
static TEMPLATE: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/intent-repo-template");

/// Arguments of `init`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  reconverge init my-network && cd my-network && reconverge validate")]
pub struct Args {
    /// The folder; it must not exist yet, or be empty.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Makes no git repository.
    #[arg(long)]
    no_git: bool,
}

/// Runs the command.
pub(in super::super) fn run(cli: &Cli, args: &Args) -> anyhow::Result<Exit> {
    refuse_full(&args.folder)?;
    std::fs::create_dir_all(&args.folder).with_context(|| format!("making the folder {}", args.folder.display()))?;
    let mut files = Vec::new();
    write(&TEMPLATE, &args.folder, &mut files)?;
    files.sort();
    let commit = if args.no_git { None } else { commit(&args.folder)? };
    match cli.output {
        Output::Json => {
            let value = json!({"folder": args.folder, "files": files, "commit": commit});
            println!("{}", serde_json::to_string_pretty(&value)?);
        }
        Output::Text => print!("{}", next_steps(&args.folder, files.len(), commit.as_ref())),
    }
    Ok(Exit::Done)
}

/// Nothing of anybody is overwritten. The `.git` of a fresh clone is no content.
fn refuse_full(folder: &Path) -> anyhow::Result<()> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).with_context(|| format!("reading the folder {}", folder.display())),
    };
    for entry in entries {
        let name = entry.with_context(|| format!("reading the folder {}", folder.display()))?.file_name();
        if name != ".git" {
            bail!(
                "the folder {} is not empty: it has {} (name a new or an empty folder)",
                folder.display(),
                name.display()
            );
        }
    }
    Ok(())
}

fn write(from: &Dir<'_>, to: &Path, files: &mut Vec<String>) -> anyhow::Result<()> {
    for entry in from.entries() {
        let path = to.join(entry.path());
        match entry {
            DirEntry::Dir(folder) => {
                std::fs::create_dir_all(&path).with_context(|| format!("making the folder {}", path.display()))?;
                write(folder, to, files)?;
            }
            DirEntry::File(file) => {
                std::fs::write(&path, file.contents()).with_context(|| format!("writing {}", path.display()))?;
                files.push(file.path().display().to_string());
            }
        }
    }
    Ok(())
}

/// Makes the repository and its first commit; without git the files alone are a good start.
fn commit(folder: &Path) -> anyhow::Result<Option<ObjectId>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match runtime.block_on(git::create_repository(folder, "The intent of our network")) {
        Ok(commit) => Ok(Some(commit)),
        Err(error) if error.problem == GitProblem::Missing => {
            eprintln!("git is not installed: the files are there, but no repository and no commit");
            Ok(None)
        }
        Err(error) => {
            Err(assemble::git_error(error)).with_context(|| format!("the files are in {}, but", folder.display()))
        }
    }
}

fn next_steps(folder: &Path, files: usize, commit: Option<&ObjectId>) -> String {
    let shown = folder.display().to_string();
    let quoted = if shown.contains(char::is_whitespace) { format!("'{shown}'") } else { shown };
    let mut text = format!("{} written to {quoted}", count(files, "file"));
    match commit {
        Some(commit) => {
            text.push_str(&format!(", commit {} on branch main\n", commit.short()));
            text.push_str("(the author is reconverge@localhost; `git commit --amend --reset-author` makes it yours)\n");
        }
        None => text.push('\n'),
    }
    text.push_str(&format!(
        "\nTry it, no device is needed:\n  cd {quoted}\n  reconverge validate\n  reconverge render r1\n  \
         reconverge plan --running-from running\n\nThen write your own devices into inventory/devices.yaml; README.md says \
         what is where.\n"
    ));
    text
}
