//! Words of paths: quotes, comments, braces and lists, in one pass over the text.

use std::borrow::Cow;

use super::super::dialect::Dialect;
use super::page::Terminator;

/// One word of a path: what it means, and how it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    /// The meaning, by which words are compared.
    pub(super) key: Box<str>,
    /// How it is typed; nothing when that is the key itself.
    pub(super) raw: Option<Box<str>>,
}

impl Word {
    /// Returns how the word is typed.
    pub(super) fn shown(&self) -> &str {
        self.raw.as_deref().unwrap_or(&self.key)
    }
}

/// A piece of text that means something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Word(Word),
    Open,
    Close,
    ListOpen,
    ListClose,
    /// A statement ends.
    End,
}

/// Cuts text into tokens. Never fails: a quote or comment that does not end is plain text.
pub(super) struct Tokens<'a> {
    dialect: &'a Dialect,
    text: &'a str,
    at: usize,
    line: u32,
    /// Whether only newlines end statements and braces mean nothing.
    plain_lines: bool,
    at_start: bool,
    no_comment_end: bool,
    in_list: bool,
}

impl<'a> Tokens<'a> {
    /// Reads blocks and statements.
    pub(super) fn blocks(dialect: &'a Dialect, text: &'a str) -> Self {
        Self {
            dialect,
            text,
            at: 0,
            line: 1,
            plain_lines: false,
            at_start: true,
            no_comment_end: false,
            in_list: false,
        }
    }

    /// Reads one statement per line.
    pub(super) fn lines(dialect: &'a Dialect, text: &'a str) -> Self {
        Self { plain_lines: true, ..Self::blocks(dialect, text) }
    }

    /// Returns the line number of the last token, counting from 1.
    pub(super) fn line(&self) -> u32 {
        self.line
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn by_newline(&self) -> bool {
        self.plain_lines || self.dialect.page.flat.terminator == Terminator::Newline
    }

    fn skip(&mut self, bytes: usize) {
        let passed = &self.text.as_bytes()[self.at..self.at + bytes];
        let newlines = passed.iter().filter(|byte| **byte == b'\n').count();
        self.line = self.line.saturating_add(u32::try_from(newlines).unwrap_or(u32::MAX));
        self.at += bytes;
    }

    fn to_line_end(&self) -> usize {
        self.rest().find('\n').unwrap_or(self.rest().len())
    }

    /// Passes white space and comments; tells whether a line ended.
    fn pass_blank(&mut self) -> bool {
        let mut ended = false;
        loop {
            let rest = self.rest();
            let blank = rest.len() - rest.trim_start().len();
            ended |= rest[..blank].contains('\n');
            self.skip(blank);
            let rest = self.rest();
            let start = self.at_start || ended && self.by_newline();
            if !start || rest.is_empty() {
                return ended;
            }
            if rest.starts_with("/*") && !self.no_comment_end {
                match rest.find("*/") {
                    Some(end) => {
                        self.skip(end + 2);
                        continue;
                    }
                    None => self.no_comment_end = true,
                }
            }
            if !self.dialect.is_comment(rest) {
                return ended;
            }
            let end = self.to_line_end();
            self.skip(end);
        }
    }

    fn quoted(&mut self) -> Option<Word> {
        let rest = self.rest();
        let quote = rest.chars().next()?;
        if quote != '"' && !(quote == '\'' && self.dialect.page.flat.single_quotes) {
            return None;
        }
        let mut content = String::new();
        let mut chars = rest.char_indices().skip(1);
        let end = loop {
            let (at, c) = chars.next()?;
            match c {
                '\\' if quote == '"' => match chars.next()?.1 {
                    c @ ('"' | '\\') => content.push(c),
                    other => content.extend(['\\', other]),
                },
                '\n' if quote == '\'' => return None,
                c if c == quote => break at + 1,
                c => content.push(c),
            }
        };
        let raw = self.shell_safe(&content, &rest[..end]);
        self.skip(end);
        let raw = (*raw != *content).then(|| raw.into());
        Some(Word { key: content.into(), raw })
    }

    fn shell_safe<'t>(&self, content: &str, raw: &'t str) -> Cow<'t, str> {
        let special = |c: char| "$`\\!&|;<>()*?~#\"".contains(c);
        if self.dialect.page.flat.shell && content.contains(special) && !content.contains('\'') {
            Cow::Owned(format!("'{content}'"))
        } else {
            Cow::Borrowed(raw)
        }
    }

    fn bare(&mut self) -> Word {
        let rest = self.rest();
        let by_semicolon = !self.by_newline();
        let in_list = self.in_list;
        let ends = |c: char| c.is_whitespace() || by_semicolon && matches!(c, ';' | '{' | '}') || in_list && c == ']';
        let end = rest.find(ends).unwrap_or(rest.len()).max(rest.chars().next().map_or(0, char::len_utf8));
        let text = &rest[..end];
        self.skip(end);
        self.word(text)
    }

    fn word(&self, text: &str) -> Word {
        if self.dialect.page.flat.ipv6
            && let Some(short) = short_ipv6(text)
            && short != text
        {
            return Word { key: short.into(), raw: Some(text.into()) };
        }
        if text.starts_with('"') || text.starts_with('\'') && self.dialect.page.flat.single_quotes {
            // A quote that does not end here must not be ended by what is printed behind it.
            return Word { key: text.into(), raw: Some(quoted(text).into()) };
        }
        let raw = self.shell_safe(text, text);
        Word { key: text.into(), raw: (*raw != *text).then(|| raw.into()) }
    }

    fn special(&mut self) -> Option<Token> {
        let rest = self.rest();
        let first = rest.chars().next()?;
        let alone = rest[first.len_utf8()..].chars().next().is_none_or(char::is_whitespace);
        let token = match first {
            ';' if !self.by_newline() || alone && !self.plain_lines => Token::End,
            '{' if !self.plain_lines && (alone || !self.by_newline() || rest.starts_with("{}")) => Token::Open,
            '}' if !self.plain_lines && (alone || !self.by_newline()) => Token::Close,
            '[' if alone || rest.starts_with("[\"") || self.dialect.page.flat.leaf_values => Token::ListOpen,
            ']' if alone || self.in_list => Token::ListClose,
            _ => return None,
        };
        self.in_list = token == Token::ListOpen || self.in_list && token == Token::End && self.by_newline();
        self.skip(1);
        Some(token)
    }
}

impl Iterator for Tokens<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        let ended = self.pass_blank();
        if ended && self.by_newline() && !self.at_start {
            self.at_start = true;
            return Some(Token::End);
        }
        if self.rest().is_empty() {
            let open = !self.at_start;
            self.at_start = true;
            return open.then_some(Token::End);
        }
        if let Some(token) = self.special() {
            self.at_start = !matches!(token, Token::ListOpen | Token::ListClose);
            return Some(token);
        }
        self.at_start = false;
        let word = match self.quoted() {
            Some(word) => word,
            None => self.bare(),
        };
        Some(Token::Word(word))
    }
}

/// Puts a text into quotes.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn short_ipv6(text: &str) -> Option<String> {
    if !text.contains(':') || !text.bytes().all(|b| b.is_ascii_hexdigit() || matches!(b, b':' | b'.' | b'/')) {
        return None;
    }
    match text.split_once('/') {
        None => text.parse::<core::net::Ipv6Addr>().ok().map(|address| address.to_string()),
        Some((address, length)) => Some(format!("{}/{length}", address.parse::<core::net::Ipv6Addr>().ok()?)),
    }
}

/// Cuts one path, as it stands in a line, into words; brackets are words of their own.
pub(super) fn words(dialect: &Dialect, line: &str) -> Vec<Word> {
    Tokens::lines(dialect, line)
        .filter_map(|token| match token {
            Token::Word(word) => Some(word),
            Token::ListOpen => Some(Word { key: "[".into(), raw: None }),
            Token::ListClose => Some(Word { key: "]".into(), raw: None }),
            _ => None,
        })
        .collect()
}
