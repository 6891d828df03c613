//! The edit that turns one document into another.
//!
//! Where the document does not say what names an entry, the section around it is replaced as a whole: coarse, never wrong.

use std::collections::{BTreeMap, BTreeSet};

use super::super::super::command::{Command, Kind, Remediation};
use super::super::super::dialect::{Dialect, Rule};
use super::super::super::page::Risk;
use super::super::super::remediate::Scope;
use super::super::page::XmlPage;
use super::edit::{apply, with_operation};
use super::header;
use super::lists::{Repeated, is_ordered, key, key_count};
use crate::domain::xml::{Element, one_line};

/// One part of an edit.
enum Edit {
    /// The element stays; something inside changes.
    Inside { element: Element, edits: Vec<Self> },
    /// It was not there.
    Add(Element),
    /// One more value of a list of values.
    Value(Element),
    /// A leaf with another value.
    Set { new: Element, old: Element },
    /// It goes away.
    Delete(Element),
    /// It is written anew as a whole.
    Replace { new: Element, old: Element },
}

/// The section around has to be written anew.
struct Coarse;

/// Computes the edit within the scope.
pub(super) fn remediate(dialect: &Dialect, running: &[Element], intended: &[Element], scope: &Scope) -> Remediation {
    let page = &dialect.page.xml;
    let repeated = Repeated::of([running, intended]);
    let mut result = Remediation::default();
    let wanted = match scope {
        Scope::Replace => intended.to_vec(),
        Scope::Merge => {
            let mut wanted = running.to_vec();
            intended.iter().for_each(|element| apply(page, &repeated, &mut wanted, element));
            wanted
        }
        Scope::Owned(sections) => {
            let paths: Vec<Vec<&str>> = sections.iter().map(|section| words(section)).collect();
            let is_foreign = |element: &&Element| !paths.iter().any(|path| path.first() == Some(&&*element.local));
            result.foreign = running.iter().filter(is_foreign).map(|element| header(dialect, element, "")).collect();
            owned(running, intended, &paths)
        }
    };
    let diff = Diff { page, repeated: &repeated };
    let mut edits = Vec::new();
    for (old, new) in by_name(running, &wanted) {
        match diff.siblings("", &old, &new) {
            Ok(found) => edits.extend(found),
            Err(Coarse) => result.unproved.extend(new.iter().chain(&old).map(|element| header(dialect, element, ""))),
        }
    }
    let mut path = Vec::new();
    result.commands = edits.iter().map(|edit| command(dialect, edit, "", &mut path)).collect();
    result
}

/// Tells whether two documents mean the same.
pub(super) fn same(dialect: &Dialect, a: &[Element], b: &[Element]) -> bool {
    let repeated = Repeated::of([a, b]);
    let diff = Diff { page: &dialect.page.xml, repeated: &repeated };
    by_name(a, b).iter().all(|(old, new)| diff.siblings("", old, new).is_ok_and(|edits| edits.is_empty()))
}

/// The elements of two levels, name by name, in the order in which the names come.
fn by_name<'a>(running: &'a [Element], wanted: &'a [Element]) -> Vec<(Vec<&'a Element>, Vec<&'a Element>)> {
    let mut places: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let mut groups: Vec<(Vec<&Element>, Vec<&Element>)> = Vec::new();
    for (is_new, element) in running.iter().map(|e| (false, e)).chain(wanted.iter().map(|e| (true, e))) {
        let place = *places.entry((&element.namespace, &element.local)).or_insert_with(|| {
            groups.push((Vec::new(), Vec::new()));
            groups.len() - 1
        });
        let side = if is_new { &mut groups[place].1 } else { &mut groups[place].0 };
        side.push(element);
    }
    groups
}

/// What two documents differ by.
struct Diff<'a> {
    page: &'a XmlPage,
    repeated: &'a Repeated,
}

impl Diff<'_> {
    /// Compares the elements of one name inside one parent.
    fn siblings(&self, parent: &str, old: &[&Element], new: &[&Element]) -> Result<Vec<Edit>, Coarse> {
        let Some(first) = old.first().or(new.first()) else { return Ok(Vec::new()) };
        let is_list = self.repeated.is_list(self.page, parent, first);
        let mut all = old.iter().chain(new);
        if all.clone().all(|element| element.children.is_empty()) {
            return if is_list { self.values(old, new) } else { Ok(leaf(old, new)) };
        }
        if all.all(|element| key(self.page, element).is_some()) {
            return self.entries(parent.is_empty() || is_list, old, new);
        }
        match (old, new) {
            ([old], [new]) if !is_list => Ok(self.inside(old, new).into_iter().collect()),
            ([old], []) if !is_list => Ok(vec![Edit::Delete((*old).clone())]),
            ([], [new]) => Ok(vec![Edit::Add((*new).clone())]),
            // entries without a name: equal or not
            _ if is_ordered(self.page, first) => {
                if self.equal(old, new) {
                    Ok(Vec::new())
                } else {
                    Err(Coarse)
                }
            }
            _ => {
                let mut left: Vec<&Element> = new.to_vec();
                for own in old {
                    let found = left.iter().position(|other| self.equal(&[own], &[other])).ok_or(Coarse)?;
                    left.remove(found);
                }
                if left.is_empty() { Ok(Vec::new()) } else { Err(Coarse) }
            }
        }
    }

    fn equal(&self, old: &[&Element], new: &[&Element]) -> bool {
        old.len() == new.len() && old.iter().zip(new).all(|(old, new)| self.inside(old, new).is_none())
    }

    /// Compares two elements that are the same thing.
    fn inside(&self, old: &Element, new: &Element) -> Option<Edit> {
        let replace = || Some(Edit::Replace { new: new.clone(), old: old.clone() });
        if old.attributes != new.attributes || old.children.is_empty() && !old.text.is_empty() || !new.text.is_empty() {
            let is_same = old.children.is_empty()
                && new.children.is_empty()
                && old.same_value(new)
                && old.attributes == new.attributes;
            return if is_same { None } else { replace() };
        }
        let mut edits = Vec::new();
        for (old, new_ones) in by_name(&old.children, &new.children) {
            match self.siblings(&new.local, &old, &new_ones) {
                Ok(found) => edits.extend(found),
                Err(Coarse) => return replace(),
            }
        }
        let keys = new.children[..key_count(self.page, new)].to_vec();
        let element = Element { children: keys, ..new.clone() };
        (!edits.is_empty()).then_some(Edit::Inside { element, edits })
    }

    /// A list of values.
    fn values(&self, old: &[&Element], new: &[&Element]) -> Result<Vec<Edit>, Coarse> {
        let has = |all: &[&Element], one: &Element| all.iter().any(|own| own.same_value(one));
        let distinct = |all: &[&Element]| all.iter().map(|e| e.expanded()).collect::<BTreeSet<_>>().len() == all.len();
        if !distinct(old) || !distinct(new) {
            return if self.equal(old, new) { Ok(Vec::new()) } else { Err(Coarse) };
        }
        if new.first().or(old.first()).is_some_and(|first| is_ordered(self.page, first)) {
            let kept = old.iter().filter(|own| has(new, own));
            let after: Vec<&Element> = kept.copied().chain(new.iter().filter(|own| !has(old, own)).copied()).collect();
            if !after.iter().zip(new).all(|(a, b)| a.same_value(b)) {
                return Err(Coarse);
            }
        }
        let gone = old.iter().filter(|own| !has(new, own)).map(|own| Edit::Delete((*own).clone()));
        let come = new.iter().filter(|own| !has(old, own)).map(|own| Edit::Value((*own).clone()));
        Ok(gone.chain(come).collect())
    }

    /// A list of entries with names.
    fn entries(&self, is_list: bool, old: &[&Element], new: &[&Element]) -> Result<Vec<Edit>, Coarse> {
        let keyed = |all: &[&Element]| -> BTreeMap<Vec<String>, usize> {
            all.iter().enumerate().filter_map(|(at, own)| Some((key(self.page, own)?, at))).collect()
        };
        let (places_old, places_new) = (keyed(old), keyed(new));
        if places_old.len() != old.len() || places_new.len() != new.len() {
            return if self.equal(old, new) { Ok(Vec::new()) } else { Err(Coarse) };
        }
        let in_old = |own: &Element| key(self.page, own).and_then(|key| places_old.get(&key).copied());
        let in_new = |own: &Element| key(self.page, own).and_then(|key| places_new.get(&key).copied());
        // One thing with another name: a new entry of a list, or a container that has a name. Only its parent is sure.
        if let ([old], [new]) = (old, new)
            && !is_list
            && in_new(old).is_none()
        {
            return if old.same_name(new) { Err(Coarse) } else { Ok(Vec::new()) };
        }
        if new.first().or(old.first()).is_some_and(|first| is_ordered(self.page, first)) {
            let kept = old.iter().filter_map(|own| in_new(own));
            let come = (0..new.len()).filter(|at| in_old(new[*at]).is_none());
            if !kept.chain(come).eq(0..new.len()) {
                return Err(Coarse);
            }
        }
        let gone = old.iter().filter(|own| in_new(own).is_none()).map(|own| Edit::Delete((*own).clone()));
        let mut edits: Vec<Edit> = gone.collect();
        for own in new {
            match in_old(own) {
                Some(at) => edits.extend(self.inside(old[at], own)),
                None => edits.push(Edit::Add((*own).clone())),
            }
        }
        Ok(edits)
    }
}

/// A leaf that occurs once at most.
fn leaf(old: &[&Element], new: &[&Element]) -> Vec<Edit> {
    match (old.first(), new.first()) {
        (Some(old), Some(new)) if old.same_value(new) && old.attributes == new.attributes => Vec::new(),
        (Some(old), Some(new)) => vec![Edit::Set { new: (*new).clone(), old: (*old).clone() }],
        (Some(old), None) => vec![Edit::Delete((*old).clone())],
        (None, Some(new)) => vec![Edit::Add((*new).clone())],
        (None, None) => Vec::new(),
    }
}

fn words(section: &str) -> Vec<&str> {
    section.split(|c: char| c.is_whitespace() || c == '/').filter(|word| !word.is_empty()).collect()
}

/// What is owned is as intended, the rest as it runs.
fn owned(running: &[Element], intended: &[Element], paths: &[Vec<&str>]) -> Vec<Element> {
    let is_owned = |element: &Element| paths.iter().any(|path| path.len() == 1 && *path[0] == *element.local);
    let below = |element: &Element| -> Vec<Vec<&str>> {
        let inside = paths.iter().filter(|path| path.len() > 1 && *path[0] == *element.local);
        inside.map(|path| path[1..].to_vec()).collect()
    };
    let mut out: Vec<Element> = Vec::new();
    for own in running.iter().filter(|own| !is_owned(own)) {
        let paths = below(own);
        let other = intended.iter().find(|other| other.same_name(own)).filter(|_| !paths.is_empty());
        let children = match (other, paths.is_empty()) {
            (_, true) => own.children.clone(),
            (other, false) => self::owned(&own.children, other.map_or(&[], |other| &other.children), &paths),
        };
        out.push(Element { children, ..own.clone() });
    }
    for other in intended {
        let paths = below(other);
        if is_owned(other) {
            out.push(other.clone());
        } else if !paths.is_empty() && !running.iter().any(|own| own.same_name(other)) {
            let children = self::owned(&[], &other.children, &paths);
            out.push(Element { children, ..other.clone() });
        }
    }
    out
}

/// Makes the command of a part of the edit. `path` are the words by which the page's rules know the place.
fn command(dialect: &Dialect, edit: &Edit, around: &str, path: &mut Vec<String>) -> Command {
    let page = &dialect.page.xml;
    let subject = match edit {
        Edit::Inside { element, .. } | Edit::Add(element) | Edit::Value(element) | Edit::Delete(element) => element,
        Edit::Set { new, .. } | Edit::Replace { new, .. } => new,
    };
    let length = path.len();
    path.push(subject.local.to_string());
    path.extend(subject.children[..key_count(page, subject)].iter().map(|key| key.text.to_string()));
    let rule = dialect.rule(dialect.top(), &path.join(" "));
    let mut made = made(dialect, edit, around, path);
    made.risk = rule.and_then(Rule::risk).unwrap_or(Risk::ServiceAffecting);
    if matches!(edit, Edit::Delete(element) if !element.children.is_empty()) {
        made.risk = made.risk.max(Risk::Destructive);
    }
    made.rule = rule.map(|rule| rule.name().to_owned());
    path.truncate(length);
    made
}

fn made(dialect: &Dialect, edit: &Edit, around: &str, path: &mut Vec<String>) -> Command {
    match edit {
        Edit::Inside { element, edits } => {
            let children: Vec<Command> =
                edits.iter().map(|edit| command(dialect, edit, &element.namespace, path)).collect();
            // The header of an entry ends with its keys; its end tag is typed behind the children.
            let text = one_line(element, around);
            let end = format!("</{}>", element.local);
            let open = text.strip_suffix("/>").map(|tag| format!("{tag}>"));
            let text = open.unwrap_or_else(|| text.strip_suffix(&end).unwrap_or(&text).to_owned());
            Command { exit: Some(end), children, ..plain(text, Kind::Enter) }
        }
        Edit::Add(element) => section(dialect, element, around, (Kind::Add, Kind::Add)),
        Edit::Value(element) => plain(one_line(&with_operation(element, "create"), around), Kind::Add),
        Edit::Set { new, old } => {
            Command { old: Some(one_line(old, around)), ..plain(one_line(new, around), Kind::Change) }
        }
        Edit::Delete(element) => {
            let keys = element.children[..key_count(&dialect.page.xml, element)].to_vec();
            let named = Element { children: keys, ..element.clone() };
            let text = one_line(&with_operation(&named, "delete"), around);
            Command { old: Some(header(dialect, element, around)), ..plain(text, Kind::Remove) }
        }
        Edit::Replace { new, old } => {
            let new = with_operation(new, "replace");
            let made = section(dialect, &new, around, (Kind::Change, Kind::Enter));
            Command { old: Some(header(dialect, old, around)), ..made }
        }
    }
}

/// An element with everything inside as commands.
fn section(dialect: &Dialect, element: &Element, around: &str, kinds: (Kind, Kind)) -> Command {
    let text = header(dialect, element, around);
    let keys = key_count(&dialect.page.xml, element);
    if element.children.len() <= keys {
        return plain(text, kinds.0);
    }
    let inside = element.children[keys..].iter();
    let children = inside.map(|child| section(dialect, child, &element.namespace, (kinds.1, kinds.1))).collect();
    Command { exit: Some(format!("</{}>", element.local)), children, ..plain(text, kinds.0) }
}

fn plain(text: String, kind: Kind) -> Command {
    let risk = Risk::ServiceAffecting;
    Command { text, kind, old: None, rule: None, risk, exit: None, weight: 0, children: Vec::new() }
}
