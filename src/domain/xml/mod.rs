//! XML as a small tree: namespaces resolved, no mixed content, no document type, everything bounded.
//!
//! Enough for configurations that are modelled in YANG and for the messages that carry them (RFC 6241, RFC 7950).

mod parse;
mod write;

use std::sync::Arc;

pub use parse::{parse, parse_one};
pub use write::{escaped, one_line, open_tag};

/// The namespace of the messages and of `operation` (RFC 6241 section 3.1).
pub const NETCONF_BASE: &str = "urn:ietf:params:xml:ns:netconf:base:1.0";

/// One element.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Element {
    /// The namespace; empty when the element has none.
    pub namespace: Arc<str>,
    /// The name without a prefix.
    pub local: Box<str>,
    /// The attributes, without declarations of namespaces.
    pub attributes: Vec<Attribute>,
    /// The elements inside; empty when there is a text.
    pub children: Vec<Self>,
    /// The text of an element without children.
    pub text: Box<str>,
    /// The namespaces of the prefixes that occur in the text: a value may be a qualified name (RFC 7950 section 9.10.3).
    pub bindings: Vec<(Box<str>, Arc<str>)>,
}

/// One attribute.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attribute {
    /// The namespace; empty when the attribute has no prefix.
    pub namespace: Arc<str>,
    /// The name without a prefix.
    pub local: Box<str>,
    /// The value.
    pub value: Box<str>,
}

/// A text that is not taken as XML.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum XmlError {
    /// It is not well formed.
    #[error("not well-formed XML at byte {at}: {reason}")]
    Syntax {
        /// Where, in bytes from the start.
        at: u64,
        /// What is wrong.
        reason: String,
    },
    /// It has a document type, which may hold entities that explode.
    #[error("a document type declaration is not accepted")]
    DocumentType,
    /// It uses an entity other than the five of XML itself.
    #[error("the entity &{0}; is not accepted")]
    Entity(String),
    /// It is nested too deeply.
    #[error("XML is nested deeper than {0} elements (limit CONFIG_DEPTH_MAX)")]
    Depth(usize),
    /// It has too many elements.
    #[error("XML has more than {0} elements (limit XML_ELEMENTS_MAX)")]
    Elements(usize),
    /// It has more bytes than any configuration.
    #[error("XML has more than {0} bytes (limit CONFIG_BYTES_MAX)")]
    Bytes(usize),
    /// An element has both text and elements.
    #[error("the element {0} holds text beside elements")]
    Mixed(String),
    /// A prefix without a namespace.
    #[error("the prefix {0} is bound to no namespace")]
    Prefix(String),
    /// A character that XML does not have.
    #[error("the element {0} holds a character that XML does not allow")]
    Character(String),
    /// There is not exactly one element at the top.
    #[error("one element was expected at the top, not {0}")]
    Roots(usize),
}

impl Element {
    /// Makes an element without content.
    pub fn new(namespace: &Arc<str>, local: &str) -> Self {
        Self { namespace: Arc::clone(namespace), local: local.into(), ..Self::default() }
    }

    /// Tells whether this is the element of that name in the namespace of NETCONF.
    pub fn is_base(&self, local: &str) -> bool {
        *self.local == *local && *self.namespace == *NETCONF_BASE
    }

    /// Returns the first child of that name, in any namespace.
    pub fn child(&self, local: &str) -> Option<&Self> {
        self.children.iter().find(|child| *child.local == *local)
    }

    /// Returns the text of the first child of that name, without white space around it; empty when there is none.
    pub fn child_text(&self, local: &str) -> &str {
        self.child(local).map_or("", |child| child.text.trim())
    }

    /// Returns the value of an attribute without a prefix.
    pub fn attribute(&self, local: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|own| *own.local == *local && own.namespace.is_empty());
        found.map(|own| &*own.value)
    }

    /// Tells whether two elements have the same qualified name.
    pub fn same_name(&self, other: &Self) -> bool {
        self.local == other.local && self.namespace == other.namespace
    }

    /// Tells whether two values mean the same: prefixes count by what they are bound to.
    pub fn same_value(&self, other: &Self) -> bool {
        if self.text == other.text {
            let differs = |(prefix, namespace): &(Box<str>, Arc<str>)| {
                other.bindings.iter().any(|(own, bound)| own == prefix && bound != namespace)
            };
            return !self.bindings.iter().any(differs);
        }
        (!self.bindings.is_empty() || !other.bindings.is_empty()) && self.expanded() == other.expanded()
    }

    /// The text with every bound prefix replaced by its namespace.
    pub fn expanded(&self) -> String {
        if self.bindings.is_empty() {
            return self.text.to_string();
        }
        let mut out = String::new();
        let mut rest = &*self.text;
        while let Some((from, end)) = prefix_in(rest) {
            let prefix = &rest[from..end];
            out.push_str(&rest[..from]);
            match self.bindings.iter().find(|(own, _)| **own == *prefix) {
                Some((_, namespace)) => out.push_str(&format!("{{{namespace}}}")),
                None => out.push_str(&rest[from..=end]),
            }
            rest = &rest[end + 1..];
        }
        out + rest
    }

    /// Counts the element and everything below it.
    pub fn count(&self) -> usize {
        1 + self.children.iter().map(Self::count).sum::<usize>()
    }
}

/// Finds the next name before a colon: where it begins and where the colon is.
fn prefix_in(text: &str) -> Option<(usize, usize)> {
    let mut from = 0;
    while let Some(colon) = text[from..].find(':').map(|at| at + from) {
        let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
        let name = text[from..colon].trim_end_matches(is_name).len() + from;
        let starts = text[name..colon].starts_with(|c: char| c.is_alphabetic() || c == '_');
        if starts {
            return Some((name, colon));
        }
        from = colon + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_compared_by_what_their_prefixes_mean() {
        let one = |text: &str| parse_one(text).expect("XML");
        let a = one("<t xmlns:a='urn:if'>a:ethernet</t>");
        let b = one("<t xmlns:b='urn:if'>b:ethernet</t>");
        let c = one("<t xmlns:a='urn:other'>a:ethernet</t>");
        let plain = one("<t>a:ethernet</t>");
        assert!(a.same_value(&b) && !a.same_value(&c) && !b.same_value(&plain));
        // a text that only looks like a name is a text
        assert!(a.same_value(&plain) && plain.same_value(&plain));
        assert_eq!(b.expanded(), "{urn:if}ethernet");
        assert_eq!(
            one("<t xmlns:i='urn:if'>/i:a/i:b[i:c='http://x']:</t>").expanded(),
            "/{urn:if}a/{urn:if}b[{urn:if}c='http://x']:"
        );
    }

    #[test]
    fn what_is_dangerous_is_refused() {
        let bomb = "<!DOCTYPE x [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;'>]><x>&b;</x>";
        assert_eq!(parse(bomb), Err(XmlError::DocumentType));
        assert_eq!(parse("<x>&b;</x>"), Err(XmlError::Entity("b".into())));
        assert!(matches!(parse("<x y='&b;'/>"), Err(XmlError::Syntax { .. })));
        assert!(matches!(parse(&"<x>".repeat(100)), Err(XmlError::Depth(_))));
        assert!(matches!(parse("<x>&#1;</x>"), Err(XmlError::Character(_))));
        assert!(matches!(parse("<x>a<y/></x>"), Err(XmlError::Mixed(_))));
        assert!(matches!(parse("<a:x/>"), Err(XmlError::Prefix(_))));
        assert!(matches!(parse("<x a='1' a='2'/>"), Err(XmlError::Syntax { .. })));
        for broken in ["<x>", "<x></y>", "</x>", "<x", "text", "<x/>text", "<x><![CDATA[", "&amp;", "<x>&#x110000;</x>"]
        {
            assert!(parse(broken).is_err(), "{broken}");
        }
    }

    #[test]
    fn a_document_comes_back_from_its_own_text() {
        let text = "<?xml version='1.0'?><!-- c --><a xmlns='urn:a'><b> &lt;x&gt; &#38;&#10;y </b><c:d xmlns:c='urn:c' e='&quot;1'/><f xmlns=''><![CDATA[<&]]></f></a>";
        let element = parse_one(text).expect("XML");
        let line = one_line(&element, "");
        assert_eq!(parse_one(&line).expect("own text"), element);
        assert_eq!(
            line,
            "<a xmlns=\"urn:a\"><b> &lt;x&gt; &amp;&#10;y </b><d xmlns=\"urn:c\" e=\"&quot;1\"/><f xmlns=\"\">&lt;&amp;</f></a>"
        );
    }
}
