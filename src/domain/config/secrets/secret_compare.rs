//! An unchanged secret is never drift: the running spelling is verified against the intended secret and taken over.
//!
//! A secret that cannot be verified is write-only: it is listed, and the caller decides by the version it sent last.

use std::collections::BTreeMap;
use std::ops::Range;

use super::crypt::{Form, cisco7_decode, form_of, reveal, salt_of, same_bytes, verify};
use super::dialect::Dialect;
use super::secret_line::Context;
use super::secret_tokens::tokens;
use super::tree::{ConfigTree, Node};
use crate::domain::secret::{MASK, Secret};

/// Most slow hashes that one comparison of trees computes; the rest cannot be told.
const VERIFICATIONS_MAX: usize = 64;

/// What is known about two spellings of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Both are the same secret.
    Same,
    /// They are different secrets.
    Different,
    /// Nobody but the device can tell.
    CannotTell,
}

/// A secret as it stands in a line. `Debug` does not show it.
#[derive(Clone, Copy)]
pub struct Spelling<'a> {
    /// How it is spelled.
    pub form: Form,
    /// The text.
    pub text: &'a str,
}

impl std::fmt::Debug for Spelling<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} {MASK}", self.form)
    }
}

/// Words before a value that tell its form; they are no part of what names the line.
const FORM_WORDS: &[&str] = &[
    "0", "4", "5", "6", "7", "8", "9", "sha512", "sha256", "encrypted", "unencrypted", "clear", "cleartext", "plain",
    "plaintext", "plain-text", "simple", "cipher", "ciphertext", "irreversible-cipher", "hash", "ENC", "ascii-text",
    "text", "bcrypt",
];
/// Of these, the words that announce a spelling which is no clear text.
const SEALED_WORDS: &[&str] = &[
    "4", "5", "6", "7", "8", "9", "sha512", "sha256", "encrypted", "cipher", "ciphertext", "irreversible-cipher",
    "hash", "ENC", "bcrypt",
];
/// Words after a value that tell its form.
const FORM_ENDS: &[&str] = &["encrypted", "pbkdf2", "nt-encrypted", "mschap", "hash", "hash2", "localizedkey"];
/// Names of one thing: the clear text is typed under the first, the device shows the second.
const TWINS: &[(&str, &str)] =
    &[("plaintext-password", "encrypted-password"), ("plain-text-password-value", "encrypted-password")];

impl<'a> Spelling<'a> {
    /// Reads the form of a secret from its shape and from the words around it.
    pub fn read(line: &'a str, range: Range<usize>) -> Self {
        let text = &line[range.clone()];
        let before =
            line[..range.start].trim_end_matches(['"', '\'']).split_ascii_whitespace().next_back().unwrap_or_default();
        let after =
            line[range.end..].trim_start_matches(['"', '\'', ';']).split_ascii_whitespace().next().unwrap_or_default();
        Self { form: form_in(before, text, after), text }
    }
}

fn form_in(before: &str, text: &str, after: &str) -> Form {
    if let Some(form) = form_of(text) {
        return form;
    }
    let sealed = SEALED_WORDS.contains(&before) || FORM_ENDS.contains(&after) || after == "7";
    let device_only =
        ["{", "%^%#", "%@%@", "%$%$", "-AQ==", "$", "encrypted:", "0x"].iter().any(|start| text.starts_with(start));
    match before {
        // XR says `encrypted` where IOS says 7.
        "7" | "encrypted" if cisco7_decode(text).is_some() => Form::Cisco7,
        _ if after == "7" && cisco7_decode(text).is_some() => Form::Cisco7,
        "4" if text.len() == 43 => Form::Cisco4,
        "encrypted-password" | "hashed-password" => Form::Opaque,
        _ if sealed || device_only => Form::Opaque,
        _ => Form::Clear,
    }
}

/// Tells whether two spellings are the same secret.
pub fn compare(running: Spelling<'_>, intended: Spelling<'_>) -> Verdict {
    let verdict = |same: Option<bool>| match same {
        Some(true) => Verdict::Same,
        Some(false) => Verdict::Different,
        None => Verdict::CannotTell,
    };
    if running.form == intended.form && same_bytes(running.text.as_bytes(), intended.text.as_bytes()) {
        return Verdict::Same;
    }
    match (reveal(running.form, running.text), reveal(intended.form, intended.text)) {
        (Some(a), Some(b)) => verdict(Some(same_bytes(a.as_bytes(), b.as_bytes()))),
        (None, Some(clear)) => verdict(verify(running.form, running.text, &clear)),
        (Some(clear), None) => verdict(verify(intended.form, intended.text, &clear)),
        (None, None) => {
            let comparable = running.form == intended.form && running.form != Form::Opaque;
            let salt = salt_of(running.text);
            verdict((comparable && salt.is_some() && salt == salt_of(intended.text)).then_some(false))
        }
    }
}

/// A secret that only the device can read.
#[derive(Clone, Debug)]
pub struct WriteOnly {
    /// The sections around the line, masked.
    pub path: Vec<String>,
    /// The intended line, masked.
    pub line: String,
    place: Vec<usize>,
    running: Secret,
}

/// The intention in the spelling of the device.
#[derive(Clone, Debug, Default)]
pub struct Reconciled {
    /// The intended tree; a secret that verified as unchanged stands in the running spelling.
    pub intended: ConfigTree,
    /// How many lines took the running spelling.
    pub verified: usize,
    /// Lines of which nobody can tell whether the secret is the intended one; they still stand as intended.
    pub write_only: Vec<WriteOnly>,
}

impl Reconciled {
    /// Returns the intended tree with the running spelling also for those write-only lines that `unchanged` vouches for,
    /// because the version that was sent last is the version that is intended now.
    pub fn with_unchanged(&self, unchanged: impl Fn(&WriteOnly) -> bool) -> ConfigTree {
        let mut tree = self.intended.clone();
        for line in self.write_only.iter().filter(|line| unchanged(line)) {
            let Some((last, sections)) = line.place.split_last() else { continue };
            let section = sections
                .iter()
                .try_fold(&mut tree.children, |nodes, at| nodes.get_mut(*at).map(|node| &mut node.children));
            if let Some(node) = section.and_then(|nodes| nodes.get_mut(*last)) {
                node.text = line.running.expose().into();
            }
        }
        tree
    }
}

/// Gives intended lines that differ from the running line of the same name only in the spelling of an unchanged secret
/// the running spelling. Both trees are normalised; the intended tree holds its secrets resolved.
///
/// A running secret in clear does not replace an intended hash: the device can keep the hash.
pub fn reconcile_secrets(dialect: &Dialect, running: &ConfigTree, intended: &ConfigTree) -> Reconciled {
    let mut walk =
        Walk { dialect, left: VERIFICATIONS_MAX, out: Reconciled::default(), path: Vec::new(), place: Vec::new() };
    let mut tree = intended.clone();
    walk.level(Context::default(), &running.children, &mut tree.children);
    walk.out.intended = tree;
    walk.out
}

struct Walk<'a> {
    dialect: &'a Dialect,
    left: usize,
    out: Reconciled,
    path: Vec<String>,
    place: Vec<usize>,
}

/// A running line with secrets, and where they stand.
type Holder<'a> = (&'a Node, Vec<Range<usize>>);

impl Walk<'_> {
    fn level(&mut self, context: Context, running: &[Node], intended: &mut [Node]) {
        let by_text: BTreeMap<&str, &Node> = running.iter().map(|node| (node.text.as_ref(), node)).collect();
        let mut holders: Option<BTreeMap<String, Vec<Holder<'_>>>> = None;
        for (at, node) in intended.iter_mut().enumerate() {
            self.place.push(at);
            let mut twin = by_text.get(node.text.as_ref()).copied();
            if twin.is_none() {
                let ranges = self.dialect.secret_ranges(context, &node.text);
                if !ranges.is_empty() {
                    let holders = holders.get_or_insert_with(|| self.holders(context, running));
                    let candidates = holders.get(&name(&node.text, &ranges)).map_or(&[][..], Vec::as_slice);
                    twin = self.settle(context, candidates, node, &ranges);
                }
            }
            if let Some(twin) = twin.filter(|twin| !twin.children.is_empty() && !node.children.is_empty()) {
                self.path.push(self.dialect.mask_command(&self.path, &node.text));
                self.level(context.below(&node.text), &twin.children, &mut node.children);
                self.path.pop();
            }
            self.place.pop();
        }
    }

    fn holders<'n>(&self, context: Context, running: &'n [Node]) -> BTreeMap<String, Vec<Holder<'n>>> {
        let mut out: BTreeMap<String, Vec<Holder<'n>>> = BTreeMap::new();
        for node in running {
            let ranges = self.dialect.secret_ranges(context, &node.text);
            if !ranges.is_empty() {
                out.entry(name(&node.text, &ranges)).or_default().push((node, ranges));
            }
        }
        out
    }

    /// Decides about one intended line; returns the running line that it is about.
    fn settle<'n>(
        &mut self,
        context: Context,
        candidates: &[Holder<'n>],
        node: &mut Node,
        ranges: &[Range<usize>],
    ) -> Option<&'n Node> {
        let mut unknown = None;
        for (running, places) in candidates {
            match self.lines(&running.text, places, &node.text, ranges) {
                Some(Verdict::Same) => {
                    node.text = running.text.clone();
                    self.out.verified += 1;
                    return Some(running);
                }
                Some(Verdict::CannotTell) if unknown.is_none() => unknown = Some(*running),
                _ => {}
            }
        }
        if let Some(running) = unknown {
            self.out.write_only.push(WriteOnly {
                path: self.path.clone(),
                line: self.dialect.masked_in(context, &node.text),
                place: self.place.clone(),
                running: Secret::new(running.text.as_ref()),
            });
        }
        candidates.first().map(|(running, _)| *running)
    }

    /// Compares all secrets of two lines; nothing when the line has to change in any case.
    fn lines(
        &mut self,
        running: &str,
        places: &[Range<usize>],
        intended: &str,
        ranges: &[Range<usize>],
    ) -> Option<Verdict> {
        if places.len() != ranges.len() {
            return None;
        }
        let mut verdict = Verdict::Same;
        for (place, range) in places.iter().zip(ranges) {
            let (has, wants) = (Spelling::read(running, place.clone()), Spelling::read(intended, range.clone()));
            let open = |form: Form| matches!(form, Form::Clear | Form::Cisco7 | Form::Junos9);
            if has.form == Form::Clear && wants.form != Form::Clear
                || !open(has.form) && !open(wants.form) && has.form != Form::Opaque
            {
                // The intended spelling is one that the device keeps as it is written.
                if has.form != wants.form || has.text != wants.text {
                    return None;
                }
                continue;
            }
            if !open(has.form) {
                let Some(left) = self.left.checked_sub(1) else {
                    verdict = Verdict::CannotTell;
                    continue;
                };
                self.left = left;
            }
            match compare(has, wants) {
                Verdict::Same => {}
                Verdict::Different => return Some(Verdict::Different),
                Verdict::CannotTell => verdict = Verdict::CannotTell,
            }
        }
        Some(verdict)
    }
}

/// Returns what names a line: its words without the secrets and without the words that tell their form.
fn name(line: &str, ranges: &[Range<usize>]) -> String {
    let mut marked = String::with_capacity(line.len());
    let mut from = 0;
    for range in ranges {
        marked.push_str(line[from..range.start].trim_end_matches(['"', '\'']));
        marked.push_str(" \u{0} ");
        from = range.end;
        from += usize::from(line[from..].starts_with(['"', '\'']));
    }
    marked.push_str(&line[from..]);
    let mut out: Vec<&str> = Vec::new();
    let mut after_secret = false;
    for token in tokens(&marked) {
        let word = token.text;
        if word == "\u{0}" {
            while out.last().is_some_and(|last| FORM_WORDS.contains(last)) {
                out.pop();
            }
            if let Some(last) = out.last_mut()
                && let Some((_, shown)) = TWINS.iter().find(|(typed, _)| typed == last)
            {
                *last = shown;
            }
        } else if after_secret
            && (FORM_ENDS.contains(&word) || word == "7" && out.len() > 1 && out[out.len() - 2] == "md5")
        {
            continue;
        }
        after_secret = word == "\u{0}";
        out.push(word);
    }
    out.join(" ")
}
