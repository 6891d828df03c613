//! XML answers of devices as JSON values, so that one way of naming fields serves both.

use quick_xml::events::{BytesStart, Event};
use serde_json::{Map, Value};

use super::excerpt;
use crate::domain::limits::{CONFIG_DEPTH_MAX, PARSER_CELLS_MAX};

/// Why a text is not the XML that was expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum XmlError {
    /// It is not well formed, or ends too early.
    #[error("not well-formed XML: {0}")]
    Malformed(String),
    /// It is deeper or larger than anything a device has to say.
    #[error("{limit} is the limit of {what}")]
    Limit {
        /// What is bounded.
        what: &'static str,
        /// The bound.
        limit: usize,
    },
}

/// An element that is still open.
#[derive(Default)]
struct Open {
    name: String,
    members: Map<String, Value>,
    text: String,
}

/// Reads a document: an element becomes an object of its children, a leaf its text, repeated children a list, an attribute a
/// member whose name begins with `@`. Prefixes of namespaces, comments and processing instructions are left out.
///
/// # Errors
/// When the text is not well-formed XML with one outermost element, or a bound trips.
pub fn read(text: &str) -> Result<Value, XmlError> {
    let mut reader = quick_xml::Reader::from_str(text.trim());
    let malformed = |error: String| XmlError::Malformed(excerpt(&error));
    let mut open = vec![Open::default()];
    let mut nodes = 0;
    loop {
        nodes += 1;
        if nodes > PARSER_CELLS_MAX {
            return Err(XmlError::Limit { what: "elements of one document", limit: PARSER_CELLS_MAX });
        }
        match reader.read_event().map_err(|error| malformed(error.to_string()))? {
            Event::Start(start) => {
                if open.len() > CONFIG_DEPTH_MAX {
                    return Err(XmlError::Limit { what: "nested elements", limit: CONFIG_DEPTH_MAX });
                }
                open.push(element(&start)?);
            }
            Event::Empty(start) => {
                let leaf = element(&start)?;
                close(&mut open, leaf);
            }
            Event::End(_) => {
                let inner = open.pop().ok_or_else(|| malformed("an end without a start".to_owned()))?;
                close(&mut open, inner);
            }
            Event::Text(text) => append(&mut open, &text.xml10_content()),
            Event::CData(text) => append(&mut open, &text),
            Event::GeneralRef(reference) => {
                let name: &str = &reference;
                let letter = match reference.resolve_char_ref() {
                    Ok(Some(letter)) => letter.to_string(),
                    _ => quick_xml::escape::resolve_predefined_entity(name)
                        .ok_or_else(|| malformed(format!("unknown entity {name}")))?
                        .to_owned(),
                };
                append(&mut open, &letter);
            }
            Event::Eof => break,
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
    let root =
        open.pop().filter(|_| open.is_empty()).ok_or_else(|| malformed("an element is not closed".to_owned()))?;
    if root.members.len() != 1 || !root.text.trim().is_empty() {
        return Err(malformed("not exactly one outermost element".to_owned()));
    }
    Ok(Value::Object(root.members))
}

fn local(name: &str) -> String {
    name.rsplit(':').next().unwrap_or(name).to_owned()
}

fn element(start: &BytesStart<'_>) -> Result<Open, XmlError> {
    let mut members = Map::new();
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| XmlError::Malformed(error.to_string()))?;
        if attribute.key.as_ref().starts_with("xmlns") {
            continue;
        }
        let value = attribute.value.to_string();
        let value = quick_xml::escape::unescape(&value).map_or_else(|_| value.clone(), std::borrow::Cow::into_owned);
        members.insert(format!("@{}", local(attribute.key.as_ref())), Value::from(value));
    }
    Ok(Open { name: local(start.name().as_ref()), members, text: String::new() })
}

fn append(open: &mut [Open], text: &str) {
    if let Some(last) = open.last_mut() {
        last.text.push_str(text);
    }
}

/// Puts a finished element into the one around it.
fn close(open: &mut [Open], inner: Open) {
    let text = inner.text.trim();
    let has_children = inner.members.keys().any(|name| !name.starts_with('@'));
    let value = if inner.members.is_empty() {
        Value::from(text)
    } else {
        let mut members = inner.members;
        if !has_children {
            members.insert("#text".to_owned(), Value::from(text));
        }
        Value::Object(members)
    };
    let Some(outer) = open.last_mut() else { return };
    match outer.members.get_mut(&inner.name) {
        None => {
            outer.members.insert(inner.name, value);
        }
        Some(Value::Array(items)) => items.push(value),
        Some(first) => *first = Value::Array(vec![first.take(), value]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn elements_become_objects() {
        let text = "<?xml version='1.0'?><r:a xmlns:r='x'><b k='1'>t &lt; &#65;</b><c><d/></c><c>2</c></r:a>";
        assert_eq!(read(text).unwrap(), json!({"a": {"b": {"@k": "1", "#text": "t < A"}, "c": [{"d": ""}, "2"]}}));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "no xml", "<a><b></a>", "<a>", "<a/><b/>", "<a>&odd;</a>"] {
            assert!(matches!(read(text), Err(XmlError::Malformed(_))), "{text}");
        }
        assert!(matches!(read(&"<a>".repeat(100)), Err(XmlError::Limit { .. })));
    }
}
