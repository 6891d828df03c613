//! Turns the entries of a tree or a folder into the files of a snapshot; what cannot be read becomes a diagnostic.
//!
//! Paths and contents come from strangers: every name is checked, every amount is bounded, no link leaves the tree.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::diagnostic::Diagnostic;
use crate::domain::limits::{FILE_BYTES_MAX, PATH_BYTES_MAX, TREE_BYTES_MAX, TREE_ENTRIES_MAX};
use crate::domain::snapshot::is_intent;

/// How often a symbolic link may lead to another one.
const LINK_HOPS_MAX: usize = 8;
/// How a Git LFS pointer begins (git-lfs specification, "The Pointer").
const LFS_POINTER: &str = "version https://git-lfs.github.com/spec/v1";

/// What an entry is, before its content is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A plain file and its size in bytes.
    File(u64),
    /// A symbolic link.
    Link,
    /// A submodule (gitlink).
    Submodule,
    /// A socket, a pipe, a device.
    Other,
}

/// The files of a snapshot while they are collected.
#[derive(Default)]
pub(super) struct Assembly {
    files: BTreeMap<String, Arc<str>>,
    links: BTreeMap<String, String>,
    entries: usize,
    bytes: u64,
    /// Why the tree as a whole cannot be used.
    refused: Option<Diagnostic>,
    diagnostics: Vec<Diagnostic>,
}

impl Assembly {
    /// Looks at an entry; returns its path when its content is wanted.
    pub(super) fn wants(&mut self, path: &[u8], kind: Kind) -> Option<String> {
        self.entries += 1;
        if self.entries > TREE_ENTRIES_MAX {
            self.refuse(
                format!("the repository has more than {TREE_ENTRIES_MAX} files"),
                "move what is not intent elsewhere",
            );
        }
        if self.refused.is_some() {
            return None;
        }
        let path = match checked(path) {
            Ok(path) if is_left_out(path) => return None,
            Ok(path) => path,
            Err(why) => {
                let shown = printable(&String::from_utf8_lossy(path));
                self.complain(&shown, format!("the name of the file {why}"), "rename it");
                return None;
            }
        };
        match kind {
            Kind::Link => Some(path.to_owned()),
            Kind::Submodule => {
                self.complain(
                    path,
                    "is a submodule, which is not read".into(),
                    "put the files themselves into the repository",
                );
                None
            }
            Kind::Other => {
                self.complain(path, "is neither a file nor a folder".into(), "remove it");
                None
            }
            Kind::File(size) if size > FILE_BYTES_MAX as u64 => {
                self.complain(
                    path,
                    format!("has {size} bytes, more than the {FILE_BYTES_MAX} of one file"),
                    "split it, or generate it in a template",
                );
                None
            }
            Kind::File(size) => self.has_room(size).then(|| path.to_owned()),
        }
    }

    /// Takes the content of a wanted file.
    pub(super) fn add_file(&mut self, path: String, content: &[u8]) {
        let text = match std::str::from_utf8(content) {
            Ok(text) if text.contains('\0') => {
                return self.complain(&path, "contains a NUL byte".into(), "store text, not binary data");
            }
            Ok(text) => text,
            Err(error) => {
                let line = content[..error.valid_up_to()].iter().filter(|&&b| b == b'\n').count() + 1;
                return self.complain(&path, format!("is not UTF-8 text (line {line})"), "save the file as UTF-8");
            }
        };
        if text.starts_with(LFS_POINTER) {
            return self.complain(
                &path,
                "is a Git LFS pointer, not the file itself".into(),
                "take it out of Git LFS: git lfs migrate export",
            );
        }
        self.files.insert(path, text.into());
    }

    /// Takes the target of a wanted symbolic link.
    pub(super) fn add_link(&mut self, path: String, target: &[u8]) {
        match std::str::from_utf8(target) {
            Ok(target) if target.len() <= PATH_BYTES_MAX && !target.contains(char::is_control) => {
                self.links.insert(path, target.to_owned());
            }
            Ok(_) | Err(_) => self.complain(&path, "is a symbolic link with an unreadable target".into(), LINK_HINT),
        }
    }

    /// Resolves the links and hands everything over; a tree over its limits has no files and an error.
    pub(super) fn finish(mut self) -> (BTreeMap<String, Arc<str>>, Vec<Diagnostic>) {
        if let Some(refused) = self.refused {
            return (BTreeMap::new(), vec![refused]);
        }
        let mut aliases = BTreeMap::new();
        for link in self.links.keys().cloned().collect::<Vec<_>>() {
            match self.resolve(&link) {
                Ok(target) => self.alias(&link, &target, &mut aliases),
                Err(why) => self.complain(&link, format!("is a symbolic link that {why}"), LINK_HINT),
            }
            if self.files.len() + aliases.len() > TREE_ENTRIES_MAX {
                self.complain(&link, format!("symbolic links lead to more than {TREE_ENTRIES_MAX} files"), LINK_HINT);
                break;
            }
        }
        self.files.extend(aliases);
        (self.files, self.diagnostics)
    }

    fn has_room(&mut self, size: u64) -> bool {
        self.bytes += size;
        if self.bytes > TREE_BYTES_MAX as u64 {
            self.refuse(
                format!("the files of the repository have more than {TREE_BYTES_MAX} bytes"),
                "move what is not intent elsewhere",
            );
        }
        self.refused.is_none()
    }

    fn refuse(&mut self, message: String, hint: &str) {
        self.refused.get_or_insert_with(|| Diagnostic::error(message).hint(hint));
    }

    /// Reports an entry inside the intent; elsewhere nobody needs it.
    fn complain(&mut self, path: &str, message: String, hint: &str) {
        if is_intent(path) {
            self.diagnostics.push(Diagnostic::error(message).at(path, 0, 0).hint(hint));
        }
    }

    /// Follows a link by its text alone, inside the tree.
    fn resolve(&self, link: &str) -> Result<String, &'static str> {
        let mut at = link.to_owned();
        for _ in 0..LINK_HOPS_MAX {
            let Some(target) = self.links.get(&at) else { return self.existing(at) };
            at = joined(&at, target)?;
        }
        Err("leads to too many other links")
    }

    fn existing(&self, path: String) -> Result<String, &'static str> {
        let folder = format!("{path}/");
        let is_folder =
            path.is_empty() || self.files.range(folder.clone()..).next().is_some_and(|(p, _)| p.starts_with(&folder));
        if is_folder || self.files.contains_key(&path) {
            Ok(path)
        } else {
            Err("leads to no readable file or folder of the repository")
        }
    }

    /// Gives the file, or every file of the folder, a second name. Only real files have aliases, so this ends.
    fn alias(&self, link: &str, target: &str, aliases: &mut BTreeMap<String, Arc<str>>) {
        if let Some(text) = self.files.get(target) {
            aliases.insert(link.to_owned(), text.clone());
            return;
        }
        let folder = if target.is_empty() { String::new() } else { format!("{target}/") };
        let below = self.files.range(folder.clone()..).take_while(|(path, _)| path.starts_with(&folder));
        for (path, text) in below.take(TREE_ENTRIES_MAX.saturating_sub(aliases.len()) + 1) {
            let alias = format!("{link}/{}", &path[folder.len()..]);
            if alias.len() <= PATH_BYTES_MAX {
                aliases.insert(alias, text.clone());
            }
        }
    }
}

const LINK_HINT: &str = "let it point, with a relative path, to a plain file or folder of the same repository";

/// Joins a link's target to the folder of the link, without looking at any file system.
fn joined(link: &str, target: &str) -> Result<String, &'static str> {
    if target.starts_with('/') {
        return Err("leads to an absolute path");
    }
    let mut parts: Vec<&str> = link.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop().ok_or("leads out of the repository")?;
            }
            name => parts.push(name),
        }
    }
    Ok(parts.join("/"))
}

/// Accepts a path that every later user can print and compare.
fn checked(path: &[u8]) -> Result<&str, &'static str> {
    let text = std::str::from_utf8(path).map_err(|_| "is not UTF-8")?;
    if text.len() > PATH_BYTES_MAX {
        return Err("is too long");
    }
    if text.contains(char::is_control) {
        return Err("has control characters");
    }
    let odd = |part: &str| matches!(part, "" | "." | "..") || part.eq_ignore_ascii_case(".git");
    if text.split('/').any(odd) { Err("is empty, '.', '..' or '.git'") } else { Ok(text) }
}

fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).take(PATH_BYTES_MAX).collect()
}

/// Tells whether a file lies in a hidden folder or among build products; the same for folders and commits.
pub(super) fn is_left_out(path: &str) -> bool {
    path.rsplit_once('/').is_some_and(|(folder, _)| is_left_out_folder(folder))
}

/// Tells the same of a folder's own path.
pub(super) fn is_left_out_folder(folder: &str) -> bool {
    folder == "target" || folder.starts_with("target/") || folder.split('/').any(|part| part.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(links: &[(&str, &str)]) -> (Vec<String>, Vec<String>) {
        let mut assembly = Assembly::default();
        for path in ["data/a.yaml", "common/b.j2", "common/deep/c.j2"] {
            assembly.add_file(path.into(), path.as_bytes());
        }
        for (link, target) in links {
            assembly.add_link((*link).into(), target.as_bytes());
        }
        let (files, diagnostics) = assembly.finish();
        (files.into_keys().collect(), diagnostics.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn links_inside_the_tree_are_second_names() {
        let (files, findings) =
            links(&[("templates/x", "../common"), ("data/z.yaml", "./a.yaml"), ("data/y", "z.yaml")]);
        assert_eq!(findings, Vec::<String>::new());
        for path in ["templates/x/b.j2", "templates/x/deep/c.j2", "data/z.yaml", "data/y"] {
            assert!(files.contains(&path.to_owned()), "{path} in {files:?}");
        }
    }

    #[test]
    fn links_that_leave_the_tree_or_turn_in_circles_are_errors() {
        let hostile = [
            ("data/a1", "/etc/passwd"),
            ("data/a2", "../../x"),
            ("data/a3", "a4"),
            ("data/a4", "a3"),
            ("data/a5", "no"),
        ];
        let (files, findings) = links(&hostile);
        assert_eq!((files.len(), findings.len()), (3, 5), "{findings:?}");
        assert!(findings.iter().any(|text| text.contains("absolute path")));
        assert_eq!(links(&[("docs/x", "/etc/passwd")]).1.len(), 0, "nobody reads docs/");
    }

    #[test]
    fn names_and_amounts_are_checked() {
        let mut assembly = Assembly::default();
        for bad in [&b"data/\xff"[..], b"data/a\nb", b"data/../x", b"data/.GIT/x", b"data//x"] {
            assert_eq!(assembly.wants(bad, Kind::File(1)), None);
        }
        assert_eq!(assembly.wants(b"data/x", Kind::File(2 << 20)), None);
        assert_eq!(assembly.diagnostics.len(), 6);
        for left_out in [&b"target/debug/x"[..], b".github/x", b"data/.cache/x"] {
            assert_eq!(assembly.wants(left_out, Kind::File(1)), None);
        }
        for _ in 0..300 {
            assembly.wants(b"data/x", Kind::File(1 << 20));
        }
        let (files, findings) = assembly.finish();
        assert!(files.is_empty() && findings[0].message.contains("more than 268435456 bytes"), "{findings:?}");
    }
}
