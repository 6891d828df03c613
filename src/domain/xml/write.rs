//! Writes the tree as XML: default namespaces only where they change, no line ends inside, always the same bytes.

use super::{Element, NETCONF_BASE};

/// Writes a text so that it can stand between tags or in quotes, on one line.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            // Also keeps the end mark of NETCONF 1.0 out of every message.
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            '\r' => out.push_str("&#13;"),
            '\t' => out.push_str("&#9;"),
            other => out.push(other),
        }
    }
    out
}

/// Writes an element with everything inside on one line; `around` is the namespace in which it stands.
pub fn one_line(element: &Element, around: &str) -> String {
    let mut out = String::new();
    push(element, around, &mut out);
    out
}

/// Writes the tag with which an element begins, without its last character.
pub fn open_tag(element: &Element, around: &str) -> String {
    let mut out = format!("<{}", element.local);
    if *element.namespace != *around {
        out.push_str(&format!(" xmlns=\"{}\"", escaped(&element.namespace)));
    }
    for (prefix, namespace) in &element.bindings {
        out.push_str(&format!(" xmlns:{prefix}=\"{}\"", escaped(namespace)));
    }
    for (number, attribute) in element.attributes.iter().enumerate() {
        let (name, value) = (&attribute.local, escaped(&attribute.value));
        let prefix = match &*attribute.namespace {
            "" => String::new(),
            NETCONF_BASE => "nc".to_owned(),
            _ => format!("a{number}"),
        };
        if prefix.is_empty() {
            out.push_str(&format!(" {name}=\"{value}\""));
        } else {
            let declaration = format!(" xmlns:{prefix}=\"{}\"", escaped(&attribute.namespace));
            if !out.contains(&declaration) {
                out.push_str(&declaration);
            }
            out.push_str(&format!(" {prefix}:{name}=\"{value}\""));
        }
    }
    out
}

fn push(element: &Element, around: &str, out: &mut String) {
    out.push_str(&open_tag(element, around));
    if element.children.is_empty() && element.text.is_empty() {
        out.push_str("/>");
        return;
    }
    out.push('>');
    // Quotes need no escape between tags, where people read them.
    out.push_str(&escaped(&element.text).replace("&quot;", "\""));
    for child in &element.children {
        push(child, &element.namespace, out);
    }
    out.push_str(&format!("</{}>", element.local));
}
