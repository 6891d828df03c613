//! The words of a line as the search for secrets sees them: without quotes, both sides of an equals sign apart.

use std::borrow::Cow;
use std::ops::Range;

/// One word of a line, without its quotes.
#[derive(Clone, Debug)]
pub(super) struct Token<'a> {
    /// Where it begins, in bytes.
    pub(super) start: usize,
    /// Where it ends.
    pub(super) end: usize,
    /// The word.
    pub(super) text: &'a str,
    /// The word in lower case, without punctuation at its end.
    pub(super) lower: Cow<'a, str>,
    /// Whether it stood in quotes.
    pub(super) quoted: bool,
    /// Whether it is the right side of an equals sign.
    pub(super) assigned: bool,
}

/// Splits a line into words; text in quotes is one word, and both sides of an equals sign are words.
pub(super) fn tokens(line: &str) -> Vec<Token<'_>> {
    let bytes = line.as_bytes();
    let mut out = Vec::new();
    let mut at = 0;
    let mut assigned = false;
    let mut quotes = Quotes { line, open_ended: [false; 2] };
    while at < bytes.len() {
        if bytes[at].is_ascii_whitespace() {
            at += 1;
            assigned = false;
            continue;
        }
        if let Some(close) = quotes.close(at) {
            out.push(token(line, at + 1..close, true, assigned));
            at = close + 1;
            assigned = bytes.get(at) == Some(&b'=');
            while at < bytes.len() && matches!(bytes[at], b':' | b'=' | b',' | b';' | b'}' | b']' | b')') {
                at += 1;
            }
            continue;
        }
        if matches!(bytes[at], b'{' | b'[' | b'(' | b',') && quotes.close(at + 1).is_some() {
            at += 1;
            continue;
        }
        let end = line[at..].find(char::is_whitespace).map_or(line.len(), |length| at + length);
        match line[at..end].find('=').map(|offset| at + offset) {
            Some(equals) if !assigned && is_name(&line[at..equals]) && line[equals..end].bytes().any(|b| b != b'=') => {
                out.push(token(line, at..equals, false, false));
                at = equals + 1;
                assigned = true;
            }
            _ => {
                out.push(token(line, at..end, false, assigned));
                at = end;
            }
        }
    }
    out
}

fn token(line: &str, range: Range<usize>, quoted: bool, assigned: bool) -> Token<'_> {
    let text = &line[range.clone()];
    let trimmed = if quoted { text } else { text.trim_end_matches([';', ':', ',']) };
    let trimmed = if trimmed.is_empty() { text } else { trimmed };
    let lower = if trimmed.bytes().any(|b| b.is_ascii_uppercase()) {
        Cow::Owned(trimmed.to_ascii_lowercase())
    } else {
        Cow::Borrowed(trimmed)
    };
    Token { start: range.start, end: range.end, text, lower, quoted, assigned }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

/// Finds closing quotes; what was searched for in vain is not searched for again.
struct Quotes<'a> {
    line: &'a str,
    open_ended: [bool; 2],
}

impl Quotes<'_> {
    /// Returns where the quotes that open at `at` close: before white space, the end or punctuation.
    fn close(&mut self, at: usize) -> Option<usize> {
        let bytes = self.line.as_bytes();
        let quote = *bytes.get(at).filter(|b| matches!(b, b'"' | b'\''))?;
        let open_ended = &mut self.open_ended[usize::from(quote == b'"')];
        if *open_ended {
            return None;
        }
        let mut index = at + 1;
        while index < bytes.len() {
            match bytes[index] {
                b'\\' => index += 1,
                b if b == quote
                    && bytes.get(index + 1).is_none_or(|b| b.is_ascii_whitespace() || b";,:}])>=".contains(b)) =>
                {
                    return Some(index);
                }
                _ => {}
            }
            index += 1;
        }
        *open_ended = true;
        None
    }
}
