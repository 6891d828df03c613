//! Which elements are entries of a list, and what names them.

use std::collections::BTreeSet;

use super::super::page::XmlPage;
use crate::domain::xml::Element;

/// The elements that occur several times side by side somewhere: they are lists wherever they stand.
#[derive(Debug, Default)]
pub(super) struct Repeated(BTreeSet<(Box<str>, Box<str>, Box<str>)>);

impl Repeated {
    /// Learns from documents.
    pub(super) fn of<const N: usize>(documents: [&[Element]; N]) -> Self {
        let mut own = Self::default();
        for elements in documents {
            own.learn("", elements);
        }
        own
    }

    fn learn(&mut self, parent: &str, elements: &[Element]) {
        let mut seen: BTreeSet<(&str, &str)> = BTreeSet::new();
        for element in elements {
            if !seen.insert((&element.namespace, &element.local)) {
                self.0.insert((parent.into(), (*element.namespace).into(), element.local.clone()));
            }
            self.learn(&element.local, &element.children);
        }
    }

    /// Tells whether an element is an entry of a list for sure.
    pub(super) fn is_list(&self, page: &XmlPage, parent: &str, element: &Element) -> bool {
        let named = |names: &[String]| names.iter().any(|name| **name == *element.local);
        named(&page.leaf_lists)
            || named(&page.ordered)
            || !element.children.is_empty() && page.lists.contains_key(&*element.local)
            || self.0.contains(&(parent.into(), (*element.namespace).into(), element.local.clone()))
    }
}

/// Tells whether the order of such entries means something.
pub(super) fn is_ordered(page: &XmlPage, element: &Element) -> bool {
    page.ordered.iter().any(|name| **name == *element.local)
}

/// How many of the first children name an element; 0 when nothing does. Keys come first (RFC 7950 section 7.8.5).
pub(super) fn key_count(page: &XmlPage, element: &Element) -> usize {
    let is_leaf = |child: &Element| child.children.is_empty() && !child.text.is_empty();
    if let Some(names) = page.lists.get(&*element.local) {
        let fits = element.children.iter().zip(names).all(|(child, name)| *child.local == **name && is_leaf(child));
        return if fits && element.children.len() >= names.len() { names.len() } else { 0 };
    }
    let first = element.children.first().filter(|child| is_leaf(child));
    usize::from(first.is_some_and(|child| page.keys.iter().any(|name| **name == *child.local)))
}

/// What names an entry of a list.
pub(super) fn key(page: &XmlPage, element: &Element) -> Option<Vec<String>> {
    let count = key_count(page, element);
    (count > 0).then(|| element.children[..count].iter().map(Element::expanded).collect())
}

/// Tells whether two elements of one name are the same thing: by their keys, or because there is only one.
pub(super) fn is_same_thing(page: &XmlPage, a: &Element, b: &Element) -> bool {
    a.same_name(b) && key(page, a) == key(page, b)
}
