//! Patterns over the words of one line: which words name a thing (key) and which are its value.
//!
//! ```text
//! ip address _ _          literal words, two value words
//! neighbor * description ...   one key word, the rest is the value
//! ip route **             everything is key
//! # ...                   a number as key (sequence), the rest is the value
//! ip route * * _/tag|[0-9]+/ ...   a value word of a certain form
//! <tagged|untagged> *     one of these words, part of the key
//! ```

use std::borrow::Cow;

use regex::Regex;

/// One word of a pattern.
#[derive(Clone, Debug)]
enum Word {
    Literal(Box<str>),
    OneOf(Vec<Box<str>>),
    Key,
    Number,
    Value,
    Matching(Regex),
    ValueMatching(Regex),
}

impl Word {
    fn is_value(&self) -> bool {
        matches!(self, Self::Value | Self::ValueMatching(_))
    }
}

/// What may follow the words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tail {
    Nothing,
    Key,
    Value,
}

/// A compiled line pattern.
#[derive(Clone, Debug)]
pub struct Pattern {
    source: Box<str>,
    words: Vec<Word>,
    tail: Tail,
    has_value: bool,
}

impl Pattern {
    /// Compiles a pattern; the error says which word is wrong.
    pub fn new(source: &str) -> Result<Self, String> {
        let mut words = Vec::new();
        let mut tail = Tail::Nothing;
        for word in source.split_whitespace() {
            if tail != Tail::Nothing {
                return Err(format!("pattern {source:?}: nothing may follow `...` or `**`"));
            }
            match word {
                "..." => tail = Tail::Value,
                "**" => tail = Tail::Key,
                "*" => words.push(Word::Key),
                "_" => words.push(Word::Value),
                "#" => words.push(Word::Number),
                _ => words.push(Self::word(word).map_err(|error| format!("pattern {source:?}: {error}"))?),
            }
        }
        if words.is_empty() && tail == Tail::Nothing {
            return Err("an empty pattern matches nothing".into());
        }
        let has_value = tail == Tail::Value || words.iter().any(Word::is_value);
        Ok(Self { source: source.into(), words, tail, has_value })
    }

    fn word(word: &str) -> Result<Word, String> {
        if let Some(inner) = word.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')) {
            return Ok(Word::OneOf(inner.split('|').map(Into::into).collect()));
        }
        if let Some(inner) = word.strip_prefix("_/").and_then(|rest| rest.strip_suffix('/')) {
            return Regex::new(&format!("^(?:{inner})$")).map(Word::ValueMatching).map_err(|error| error.to_string());
        }
        if let Some(inner) = word.strip_prefix('/').and_then(|rest| rest.strip_suffix('/'))
            && !inner.is_empty()
        {
            return Regex::new(&format!("^(?:{inner})$")).map(Word::Matching).map_err(|error| error.to_string());
        }
        Ok(Word::Literal(word.into()))
    }

    /// Returns the pattern as it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Tells whether any part of a matching line is a value.
    pub fn has_value(&self) -> bool {
        self.has_value
    }

    /// Returns the words that a matching line can have at a place, or nothing when any word can stand there.
    pub fn words_at(&self, index: usize) -> Vec<&str> {
        match self.words.get(index) {
            Some(Word::Literal(word)) => vec![word],
            Some(Word::OneOf(words)) => words.iter().map(AsRef::as_ref).collect(),
            _ => Vec::new(),
        }
    }

    /// Tells whether a line matches.
    pub fn matches(&self, line: &str) -> bool {
        self.matches_after(0, line)
    }

    /// Tells whether a line matches of which the first `known` words are known to match and are left out.
    pub(super) fn matches_after(&self, known: usize, rest: &str) -> bool {
        let mut rest = Words(rest);
        for word in self.words.get(known..).unwrap_or_default() {
            if !rest.next().is_some_and(|text| word.accepts(text)) {
                return false;
            }
        }
        match self.tail {
            Tail::Nothing => rest.next().is_none(),
            Tail::Key => rest.next().is_some(),
            Tail::Value => true,
        }
    }

    /// Returns what names the thing: the line without its value words. Two lines with the same key replace each other.
    pub fn key<'a>(&self, line: &'a str) -> Cow<'a, str> {
        if !self.has_value {
            return Cow::Borrowed(line);
        }
        let mut key = String::with_capacity(line.len());
        self.write_key(line, &mut key);
        Cow::Owned(key)
    }

    /// Appends the key of a line to a text.
    pub(super) fn write_key(&self, line: &str, key: &mut String) {
        if !self.has_value {
            key.push_str(line);
            return;
        }
        let from = key.len();
        let mut rest = Words(line);
        for word in &self.words {
            let text = rest.next().unwrap_or_default();
            if key.len() > from {
                key.push(' ');
            }
            match word {
                Word::Value => key.push('_'),
                // values of different forms are different things
                Word::ValueMatching(regex) => key.push_str(regex.as_str()),
                _ => key.push_str(text),
            }
        }
    }

    /// Returns the part of the line before its first value word.
    pub fn head<'a>(&self, line: &'a str) -> &'a str {
        if !self.has_value {
            return line;
        }
        let count = self.words.iter().position(Word::is_value).unwrap_or(self.words.len());
        words_prefix(line, count)
    }

    /// Returns the words (and the tail) that are not literal, in order, for templates `{1}`, `{2}`, ….
    pub fn captures<'a>(&self, line: &'a str) -> Vec<&'a str> {
        let mut out = Vec::new();
        let mut rest = line.trim_start();
        for word in &self.words {
            let (text, after) = rest.split_once(|c: char| c.is_ascii_whitespace()).unwrap_or((rest, ""));
            if !matches!(word, Word::Literal(_)) {
                out.push(text);
            }
            rest = after.trim_start();
        }
        if self.tail != Tail::Nothing {
            out.push(rest);
        }
        out
    }
}

/// The words of a line, and what is left of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Words<'a>(pub(super) &'a str);

impl<'a> Iterator for Words<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let bytes = self.0.as_bytes();
        let start = bytes.iter().position(|byte| !byte.is_ascii_whitespace())?;
        let end = bytes[start..].iter().position(u8::is_ascii_whitespace).map_or(bytes.len(), |length| start + length);
        let word = &self.0[start..end];
        self.0 = &self.0[end..];
        Some(word)
    }
}

impl Word {
    fn accepts(&self, text: &str) -> bool {
        match self {
            Self::Literal(word) => **word == *text,
            Self::OneOf(words) => words.iter().any(|word| **word == *text),
            Self::Key | Self::Value => true,
            Self::Number => text.bytes().all(|b| b.is_ascii_digit()),
            Self::Matching(regex) | Self::ValueMatching(regex) => regex.is_match(text),
        }
    }
}

/// Returns the first `count` words of a line.
pub fn words_prefix(line: &str, count: usize) -> &str {
    let mut seen = 0;
    let mut in_word = false;
    let mut end = 0;
    for (at, byte) in line.bytes().enumerate() {
        if byte.is_ascii_whitespace() {
            in_word = false;
        } else {
            if !in_word {
                if seen == count {
                    break;
                }
                seen += 1;
                in_word = true;
            }
            end = at + 1;
        }
    }
    if count == 0 { "" } else { &line[..end] }
}

/// Tells whether the words of `line` begin with all words of `prefix`.
pub fn has_words_prefix(line: &str, prefix: &str) -> bool {
    line.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\n']))
}

/// Fills `{1}`…, `{line}` and `{head}` of a template; `{}` stays for numbers.
pub fn fill(template: &str, line: &str, pattern: &Pattern) -> String {
    let captures = pattern.captures(line);
    let mut out = String::with_capacity(template.len() + line.len());
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        out.push_str(&rest[..open]);
        let Some(close) = rest[open..].find('}').map(|at| open + at) else {
            rest = &rest[open..];
            break;
        };
        match &rest[open + 1..close] {
            "line" => out.push_str(line),
            "head" => out.push_str(pattern.head(line)),
            "" => out.push_str("{}"),
            number => {
                let index = number.parse::<usize>().ok().and_then(|n| n.checked_sub(1));
                out.push_str(index.and_then(|n| captures.get(n).copied()).unwrap_or_default());
            }
        }
        rest = &rest[close + 1..];
    }
    out.push_str(rest);
    out.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(source: &str) -> Pattern {
        Pattern::new(source).unwrap()
    }

    #[test]
    fn keys_leave_the_value_out() {
        assert_eq!(pattern("description ...").key("description a b"), "description");
        assert_eq!(
            pattern("neighbor * remote-as _").key("neighbor 1.1.1.1 remote-as 5"),
            "neighbor 1.1.1.1 remote-as _"
        );
        assert_eq!(pattern("ip route **").key("ip route a b c"), "ip route a b c");
        assert_eq!(pattern("route-map * _ #").key("route-map X permit 10"), "route-map X _ 10");
        assert_eq!(
            pattern("neighbor * remote-as _").head("neighbor 1.1.1.1 remote-as 5"),
            "neighbor 1.1.1.1 remote-as"
        );
    }

    #[test]
    fn matching_counts_words() {
        assert!(pattern("ip address _ _").matches("ip address 1.1.1.1 255.0.0.0"));
        assert!(!pattern("ip address _ _").matches("ip address 1.1.1.1 255.0.0.0 secondary"));
        assert!(pattern("# ...").matches("10 permit ip any any"));
        assert!(!pattern("# ...").matches("permit ip any any"));
        assert!(pattern("<a|b> /x.*/").matches("b xyz"));
        assert!(!pattern("ip route **").matches("ip route"));
    }

    #[test]
    fn templates_are_filled() {
        let p = pattern("username * ...");
        assert_eq!(fill("no username {1}", "username bob secret 5 x", &p), "no username bob");
        assert_eq!(fill("no {head}", "username bob secret 5 x", &p), "no username bob");
        assert_eq!(fill("no {line}", "username bob x", &p), "no username bob x");
        assert_eq!(fill("x {9} {", "username bob x", &p), "x  {");
    }
}
