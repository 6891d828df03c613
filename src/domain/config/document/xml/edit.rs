//! What an `edit-config` does to a document, with the default operation `merge` (RFC 6241 section 7.2).

use super::super::page::XmlPage;
use super::lists::{Repeated, is_same_thing, key};
use crate::domain::xml::{Attribute, Element};

/// The attribute that says what happens to an element.
pub(super) const OPERATION: &str = "operation";

/// Returns the element with an operation.
pub(super) fn with_operation(element: &Element, operation: &str) -> Element {
    let mut own = element.clone();
    let attribute = Attribute { local: OPERATION.into(), value: operation.into(), ..Attribute::default() };
    own.attributes.insert(0, attribute);
    own
}

/// Applies one element of an edit to the elements beside which it stands.
pub(super) fn apply(page: &XmlPage, repeated: &Repeated, elements: &mut Vec<Element>, edit: &Element) {
    apply_inside(page, repeated, "", elements, edit);
}

fn apply_inside(page: &XmlPage, repeated: &Repeated, parent: &str, elements: &mut Vec<Element>, edit: &Element) {
    let operation = edit.attribute(OPERATION).unwrap_or("merge");
    let is_value = edit.children.is_empty() && !edit.text.is_empty();
    let is_list = repeated.is_list(page, parent, edit);
    let position = elements.iter().position(|own| {
        let by_value = is_value && (is_list || matches!(operation, "delete" | "remove"));
        if by_value { own.same_name(edit) && own.same_value(edit) } else { is_same_thing(page, own, edit) }
    });
    match (operation, position) {
        ("delete" | "remove", Some(at)) => {
            elements.remove(at);
        }
        ("delete" | "remove", None) => {}
        ("create", _) | (_, None) => elements.push(without_operations(edit)),
        ("replace", Some(at)) => elements[at] = without_operations(edit),
        (_, Some(at)) if edit.children.is_empty() => {
            elements[at].text = edit.text.clone();
            elements[at].bindings = edit.bindings.clone();
        }
        (_, Some(_)) if is_list && key(page, edit).is_none() => {
            let new = without_operations(edit);
            if !elements.contains(&new) {
                elements.push(new);
            }
        }
        (_, Some(at)) => {
            let own = &mut elements[at];
            own.text = "".into();
            for child in &edit.children {
                apply_inside(page, repeated, &edit.local, &mut own.children, child);
            }
        }
    }
}

/// What an edit creates: only what it does not delete.
fn without_operations(edit: &Element) -> Element {
    let mut own = Element { children: Vec::new(), ..edit.clone() };
    own.attributes.retain(|attribute| !(attribute.namespace.is_empty() && *attribute.local == *OPERATION));
    let stays = |child: &&Element| !matches!(child.attribute(OPERATION), Some("delete" | "remove"));
    own.children = edit.children.iter().filter(stays).map(without_operations).collect();
    own
}
