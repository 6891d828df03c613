//! Reads a tree straight from the object database: no work tree, no checkout, no filter, no hook.

use std::collections::BTreeMap;

use super::assembly::{Assembly, Kind};
use super::command::{Call, Git};
use super::error::{GitError, GitProblem};
use crate::domain::diagnostic::Diagnostic;
use crate::domain::limits::TREE_BYTES_MAX;
use crate::domain::revision::{ObjectId, Revision};
use crate::domain::snapshot::Snapshot;

/// One line of `git ls-tree -r -z -l`.
struct Entry<'a> {
    path: &'a [u8],
    kind: Kind,
    id: &'a str,
}

/// Reads the files of a tree.
///
/// # Errors
/// When the tree is not there or git fails; bad content is a diagnostic.
pub(super) async fn read(
    git: &Git,
    tree: &ObjectId,
    revision: Revision,
) -> Result<(Snapshot, Vec<Diagnostic>), GitError> {
    let doing = format!("reading tree {}", tree.short());
    let listing = git.output(Call::local(&doing, &["ls-tree", "-r", "-z", "-l", "--full-tree", tree.as_str()])).await?;
    let mut assembly = Assembly::default();
    let mut wanted = Vec::new();
    for record in listing.split(|&b| b == 0).filter(|record| !record.is_empty()) {
        let entry = parse(record).ok_or_else(|| unexpected(git, &doing))?;
        if let Some(path) = assembly.wants(entry.path, entry.kind) {
            wanted.push((path, entry.kind, entry.id));
        }
    }
    let blobs = Blobs::read(git, &doing, wanted.iter().map(|(_, _, id)| *id)).await?;
    for (path, kind, id) in wanted {
        let content = blobs.content(id).ok_or_else(|| missing(git, &doing, id))?;
        match kind {
            Kind::Link => assembly.add_link(path, content),
            Kind::File(_) | Kind::Submodule | Kind::Other => assembly.add_file(path, content),
        }
    }
    let (files, diagnostics) = assembly.finish();
    Ok((Snapshot { revision, files }, diagnostics))
}

/// Reads `<mode> <type> <id> <size>\t<path>` (git-ls-tree(1), "OUTPUT FORMAT").
fn parse(record: &[u8]) -> Option<Entry<'_>> {
    let tab = record.iter().position(|&b| b == b'\t')?;
    let head = std::str::from_utf8(&record[..tab]).ok()?;
    let mut words = head.split_ascii_whitespace();
    let (mode, _, id, size) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let kind = match mode {
        "120000" => Kind::Link,
        "160000" => Kind::Submodule,
        _ if mode.starts_with("100") => Kind::File(size.parse().ok()?),
        _ => Kind::Other,
    };
    Some(Entry { path: &record[tab + 1..], kind, id })
}

/// The contents of many objects, as one `git cat-file --batch` printed them.
struct Blobs {
    output: Vec<u8>,
    /// Object id to the range of its content.
    places: BTreeMap<String, std::ops::Range<usize>>,
}

impl Blobs {
    async fn read(git: &Git, doing: &str, ids: impl Iterator<Item = &str>) -> Result<Self, GitError> {
        let ids: std::collections::BTreeSet<&str> = ids.collect();
        if ids.is_empty() {
            return Ok(Self { output: Vec::new(), places: BTreeMap::new() });
        }
        let mut input = String::new();
        for id in &ids {
            input.push_str(id);
            input.push('\n');
        }
        // Every object has a line before and an end after it; links are short and not counted by the listing.
        let stdout_bytes_max = TREE_BYTES_MAX + ids.len() * 5_000;
        let call = Call::local(doing, &["cat-file", "--batch", "--buffer"]);
        let output = git.output(Call { input: Some(input.into_bytes()), stdout_bytes_max, ..call }).await?;
        let places = places(&output).ok_or_else(|| unexpected(git, doing))?;
        Ok(Self { output, places })
    }

    fn content(&self, id: &str) -> Option<&[u8]> {
        self.places.get(id).map(|place| &self.output[place.clone()])
    }
}

/// Reads `<id> <type> <size>\n<content>\n` over and over (git-cat-file(1), "BATCH OUTPUT"); skips `<id> missing\n`.
fn places(output: &[u8]) -> Option<BTreeMap<String, std::ops::Range<usize>>> {
    let mut places = BTreeMap::new();
    let mut at = 0;
    while at < output.len() {
        let end = at + output[at..].iter().position(|&b| b == b'\n')?;
        let head = std::str::from_utf8(&output[at..end]).ok()?;
        at = end + 1;
        let mut words = head.split(' ');
        let (id, _, size) = (words.next()?, words.next()?, words.next());
        if let Some(size) = size {
            let size: usize = size.parse().ok()?;
            let stop = at.checked_add(size).filter(|&stop| output.get(stop) == Some(&b'\n'))?;
            places.insert(id.to_owned(), at..stop);
            at = stop + 1;
        }
    }
    Some(places)
}

fn missing(git: &Git, doing: &str, id: &str) -> GitError {
    let message = format!("{}: object {id} is missing", git.doing(doing));
    GitError::give_up(
        GitProblem::Corrupt,
        message,
        "remove the mirror's folder in the state directory; the next fetch builds it again",
    )
}

/// git answered in a form that no known version uses.
pub(super) fn unexpected(git: &Git, doing: &str) -> GitError {
    let message = format!("{}: git answered in an unknown form", git.doing(doing));
    GitError::give_up(GitProblem::Other, message, "check which git is installed: git --version")
}
