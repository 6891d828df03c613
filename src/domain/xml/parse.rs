//! Reads XML into the tree.

use std::sync::Arc;

use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::{Attribute, Element, XmlError, prefix_in};
use crate::domain::limits::{CONFIG_BYTES_MAX, CONFIG_DEPTH_MAX, XML_ELEMENTS_MAX};

/// The namespace of `xml:lang` (Namespaces in XML 1.0 section 3).
const XML_NAMESPACE: &str = "http://www.w3.org/XML/1998/namespace";

/// The namespaces that one element declares.
type Scope = Vec<(Box<str>, Arc<str>)>;

/// An element whose end was not read yet.
struct Open {
    element: Element,
    text: String,
    scope: Scope,
    raw_name: Box<str>,
}

#[derive(Default)]
struct Parser {
    open: Vec<Open>,
    done: Vec<Element>,
    count: usize,
}

/// Reads the elements at the top of a text.
///
/// # Errors
/// Says what is wrong; nothing of the text is evaluated, and every bound is kept.
pub fn parse(text: &str) -> Result<Vec<Element>, XmlError> {
    if text.len() > CONFIG_BYTES_MAX {
        return Err(XmlError::Bytes(CONFIG_BYTES_MAX));
    }
    let mut reader = Reader::from_str(text);
    reader.config_mut().check_end_names = false;
    let mut parser = Parser::default();
    loop {
        let at = reader.buffer_position();
        let event = reader.read_event().map_err(|error| syntax(reader.error_position(), &error))?;
        match event {
            Event::Start(tag) => parser.start(&tag, at)?,
            Event::Empty(tag) => {
                parser.start(&tag, at)?;
                parser.end(None, at)?;
            }
            Event::End(tag) => parser.end(Some(tag.name().0), at)?,
            Event::Text(text) => parser.text(&text.xml10_content(), at)?,
            Event::CData(text) => parser.text(&text.xml10_content(), at)?,
            Event::GeneralRef(reference) => parser.reference(&reference, at)?,
            Event::DocType(_) => return Err(XmlError::DocumentType),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            Event::Eof => break,
        }
    }
    match parser.open.last() {
        None => Ok(parser.done),
        Some(open) => Err(wrong(reader.buffer_position(), &format!("the element {} has no end", open.raw_name))),
    }
}

/// Reads a text with exactly one element at the top.
///
/// # Errors
/// As [`parse`], and when there are none or several.
pub fn parse_one(text: &str) -> Result<Element, XmlError> {
    let mut all = parse(text)?;
    match (all.pop(), all.len()) {
        (Some(element), 0) => Ok(element),
        (None, _) => Err(XmlError::Roots(0)),
        (Some(_), more) => Err(XmlError::Roots(more + 1)),
    }
}

fn syntax(at: u64, error: &impl std::fmt::Display) -> XmlError {
    wrong(at, &error.to_string())
}

fn wrong(at: u64, reason: &str) -> XmlError {
    XmlError::Syntax { at, reason: reason.to_owned() }
}

fn split(name: &str) -> (&str, &str) {
    name.split_once(':').unwrap_or(("", name))
}

impl Parser {
    fn start(&mut self, tag: &BytesStart<'_>, at: u64) -> Result<(), XmlError> {
        self.count += 1;
        if self.count > XML_ELEMENTS_MAX {
            return Err(XmlError::Elements(XML_ELEMENTS_MAX));
        }
        if self.open.len() >= CONFIG_DEPTH_MAX {
            return Err(XmlError::Depth(CONFIG_DEPTH_MAX));
        }
        let (mut scope, mut plain) = (Scope::new(), Vec::new());
        for attribute in tag.attributes() {
            let attribute = attribute.map_err(|error| syntax(at, &error))?;
            let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|error| syntax(at, &error))?;
            match split(attribute.key.0) {
                ("", "xmlns") => scope.push(("".into(), Arc::from(&*value))),
                ("xmlns", prefix) => scope.push((prefix.into(), Arc::from(&*value))),
                (prefix, local) => plain.push((prefix.to_owned(), local.to_owned(), value.into_owned())),
            }
        }
        let raw_name = tag.name().0;
        let (prefix, local) = split(raw_name);
        if local.is_empty() || local.contains(':') {
            return Err(wrong(at, &format!("{raw_name:?} is not a name")));
        }
        let mut element = Element { local: local.into(), ..Element::default() };
        self.open.push(Open { element: Element::default(), text: String::new(), scope, raw_name: raw_name.into() });
        element.namespace = match (self.namespace(prefix), prefix) {
            (Some(namespace), _) => namespace,
            (None, "") => Arc::default(),
            (None, prefix) => return Err(XmlError::Prefix(prefix.to_owned())),
        };
        for (prefix, local, value) in plain {
            let namespace = match prefix.as_str() {
                "" => Arc::default(),
                prefix => self.namespace(prefix).ok_or_else(|| XmlError::Prefix(prefix.to_owned()))?,
            };
            element.attributes.push(Attribute { namespace, local: local.into(), value: value.into() });
        }
        if let Some(open) = self.open.last_mut() {
            open.element = element;
        }
        Ok(())
    }

    fn namespace(&self, prefix: &str) -> Option<Arc<str>> {
        if prefix == "xml" {
            return Some(XML_NAMESPACE.into());
        }
        let mut scopes = self.open.iter().rev().flat_map(|open| open.scope.iter().rev());
        scopes.find(|(own, _)| **own == *prefix).map(|(_, namespace)| Arc::clone(namespace))
    }

    fn text(&mut self, text: &str, at: u64) -> Result<(), XmlError> {
        match self.open.last_mut() {
            Some(open) => open.text.push_str(text),
            None if text.trim().trim_start_matches('\u{feff}').is_empty() => {}
            None => return Err(wrong(at, "text outside of every element")),
        }
        Ok(())
    }

    fn reference(&mut self, reference: &BytesRef<'_>, at: u64) -> Result<(), XmlError> {
        let name = reference.xml10_content();
        let character = match (&*name, reference.resolve_char_ref()) {
            (_, Ok(Some(character))) => character,
            (_, Err(error)) => return Err(syntax(at, &error)),
            ("lt", _) => '<',
            ("gt", _) => '>',
            ("amp", _) => '&',
            ("apos", _) => '\'',
            ("quot", _) => '"',
            (other, _) => return Err(XmlError::Entity(other.chars().take(64).collect())),
        };
        match self.open.last_mut() {
            Some(open) => open.text.push(character),
            None => return Err(wrong(at, "text outside of every element")),
        }
        Ok(())
    }

    fn end(&mut self, name: Option<&str>, at: u64) -> Result<(), XmlError> {
        let Some(open) = self.open.last() else { return Err(wrong(at, "an end without a start")) };
        if name.is_some_and(|name| name.trim_end() != &*open.raw_name) {
            return Err(wrong(at, &format!("the element {} is not ended first", open.raw_name)));
        }
        let is_blank = open.text.trim().is_empty();
        if !is_blank && !open.element.children.is_empty() {
            return Err(XmlError::Mixed(open.raw_name.to_string()));
        }
        let allowed = |c: char| c >= ' ' && !matches!(c, '\u{fffe}' | '\u{ffff}') || matches!(c, '\t' | '\n' | '\r');
        if !open.text.chars().all(allowed) {
            return Err(XmlError::Character(open.raw_name.to_string()));
        }
        let bindings = if is_blank { Vec::new() } else { self.bindings(&open.text) };
        let Some(mut open) = self.open.pop() else { return Ok(()) };
        if !is_blank {
            open.element.text = open.text.into();
            open.element.bindings = bindings;
        }
        match self.open.last_mut() {
            Some(parent) => parent.element.children.push(open.element),
            None => self.done.push(open.element),
        }
        Ok(())
    }

    /// The prefixes of a text that are bound where it stands, each once.
    fn bindings(&self, text: &str) -> Scope {
        let mut found = Scope::new();
        let mut rest = text;
        while let Some((from, colon)) = prefix_in(rest) {
            let prefix = &rest[from..colon];
            if !found.iter().any(|(own, _)| **own == *prefix)
                && let Some(namespace) = self.namespace(prefix)
            {
                found.push((prefix.into(), namespace));
            }
            rest = &rest[colon + 1..];
        }
        found
    }
}
