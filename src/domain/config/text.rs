//! The text of one line: a slice of the text it was read from, so that reading and copying a tree does not copy its lines.

use std::borrow::Borrow;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A piece of text that shares its characters with others. It compares, prints and is written as those characters only.
#[derive(Clone, Default)]
pub struct Text {
    source: Arc<str>,
    start: u32,
    end: u32,
}

impl Text {
    /// Returns `part` as a slice of `source`; a part that does not lie in the source is copied.
    pub fn within(source: &Arc<str>, part: &str) -> Self {
        let start = part.as_ptr().addr().wrapping_sub(source.as_ptr().addr());
        let lies_within = start.checked_add(part.len()).is_some_and(|end| end <= source.len());
        match (u32::try_from(start), u32::try_from(start.wrapping_add(part.len()))) {
            (Ok(start), Ok(end)) if lies_within => Self { source: Arc::clone(source), start, end },
            _ => part.into(),
        }
    }

    /// Returns the characters.
    pub fn as_str(&self) -> &str {
        &self.source[self.start as usize..self.end as usize]
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for Text {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl Borrow<str> for Text {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl From<Arc<str>> for Text {
    fn from(source: Arc<str>) -> Self {
        let end = u32::try_from(source.len()).expect("configurations are bounded far below 4 GiB");
        Self { source, start: 0, end }
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Arc::<str>::from(text).into()
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Arc::<str>::from(text).into()
    }
}

impl From<Box<str>> for Text {
    fn from(text: Box<str>) -> Self {
        Arc::<str>::from(text).into()
    }
}

impl From<Text> for String {
    fn from(text: Text) -> Self {
        text.as_str().into()
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Text {}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Text {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(String::deserialize(deserializer)?.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_share_their_source_and_show_nothing_else() {
        let source: Arc<str> = "one two three".into();
        let two = Text::within(&source, &source[4..7]);
        assert!(Arc::ptr_eq(&two.source, &source));
        assert_eq!((two.as_str(), format!("{two} {two:?}").as_str()), ("two", "two \"two\""));
        let other = Text::within(&source, "two");
        assert!(!Arc::ptr_eq(&other.source, &source));
        assert_eq!(two, other);
        assert_eq!(serde_json::to_string(&two).unwrap(), "\"two\"");
        assert_eq!(Text::default().as_str(), "");
    }
}
