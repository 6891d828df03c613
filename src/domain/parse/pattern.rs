//! Regular expressions as Python writes them, matched in linear time, or with a bound on the steps where lookaround needs it.

use crate::domain::limits::{PARSER_BACKTRACKS_MAX, PARSER_REGEX_BYTES_MAX};

/// A compiled pattern that matches at the start of a text, as `re.match` does, or anywhere.
#[derive(Clone, Debug)]
pub struct Pattern {
    engine: Engine,
    names: Vec<Option<String>>,
}

#[derive(Clone, Debug)]
enum Engine {
    Linear(regex::Regex),
    Bounded(Box<fancy_regex::Regex>),
}

/// What the groups of a pattern matched, as byte ranges; the group 0 is the whole match.
pub type Groups = Vec<Option<std::ops::Range<usize>>>;

/// A pattern with lookaround took more steps than it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the pattern takes more than {PARSER_BACKTRACKS_MAX} steps back on this line")]
pub struct TooManySteps;

impl Pattern {
    /// Compiles a pattern that must match at the start of a text.
    ///
    /// # Errors
    /// Says what is wrong with the pattern.
    pub fn at_start(python: &str) -> Result<Self, String> {
        Self::compile(&format!(r"\A(?:{})", translate(python)))
    }

    /// Compiles a pattern that may match anywhere in a text.
    ///
    /// # Errors
    /// Says what is wrong with the pattern.
    pub fn anywhere(python: &str) -> Result<Self, String> {
        Self::compile(&translate(python))
    }

    fn compile(text: &str) -> Result<Self, String> {
        let linear = regex::RegexBuilder::new(text).size_limit(PARSER_REGEX_BYTES_MAX).build();
        let error = match linear {
            Ok(regex) => {
                let names = regex.capture_names().map(|name| name.map(str::to_owned)).collect();
                return Ok(Self { engine: Engine::Linear(regex), names });
            }
            Err(error) => error,
        };
        let needs_steps = ["(?=", "(?!", "(?<=", "(?<!", "(?P=", "(?>"].iter().any(|mark| text.contains(mark));
        let backreference = text.as_bytes().windows(2).any(|two| two[0] == b'\\' && (b'1'..=b'9').contains(&two[1]));
        if !needs_steps && !backreference {
            return Err(first_reason(&error.to_string()));
        }
        let bounded = fancy_regex::RegexBuilder::new(text)
            .backtrack_limit(PARSER_BACKTRACKS_MAX)
            .delegate_size_limit(PARSER_REGEX_BYTES_MAX)
            .build()
            .map_err(|error| first_reason(&error.to_string()))?;
        let names = bounded.capture_names().map(|name| name.map(str::to_owned)).collect();
        Ok(Self { engine: Engine::Bounded(Box::new(bounded)), names })
    }

    /// Returns the names of the groups; the group 0 has none.
    pub fn names(&self) -> &[Option<String>] {
        &self.names
    }

    /// Tells whether the pattern matches.
    ///
    /// # Errors
    /// When a pattern with lookaround takes too many steps.
    pub fn is_match(&self, text: &str) -> Result<bool, TooManySteps> {
        match &self.engine {
            Engine::Linear(regex) => Ok(regex.is_match(text)),
            Engine::Bounded(regex) => regex.is_match(text).map_err(|_| TooManySteps),
        }
    }

    /// Matches a text and returns where the groups are.
    ///
    /// # Errors
    /// When a pattern with lookaround takes too many steps.
    pub fn groups(&self, text: &str) -> Result<Option<Groups>, TooManySteps> {
        self.groups_from(text, 0)
    }

    /// Matches a text from a byte offset on, with the text before it visible to `^` and lookbehind.
    ///
    /// # Errors
    /// When a pattern with lookaround takes too many steps.
    pub fn groups_from(&self, text: &str, start: usize) -> Result<Option<Groups>, TooManySteps> {
        match &self.engine {
            Engine::Linear(regex) => {
                let found = regex.captures_at(text, start);
                Ok(found.map(|found| found.iter().map(|group| group.map(|group| group.range())).collect()))
            }
            Engine::Bounded(regex) => {
                let found = regex.captures_from_pos(text, start).map_err(|_| TooManySteps)?;
                Ok(found.map(|found| found.iter().map(|group| group.map(|group| group.start()..group.end())).collect()))
            }
        }
    }
}

/// Takes the reason out of an error of several lines that shows the pattern.
fn first_reason(message: &str) -> String {
    let reason = message.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or(message);
    reason.trim().trim_start_matches("error: ").trim_end_matches('.').to_owned()
}

/// Rewrites what Python's `re` reads differently: braces that are no counts, brackets inside classes, escapes of signs,
/// `\Z`, digits (ASCII only here) and counts without a lower end.
pub fn translate(python: &str) -> String {
    let letters: Vec<char> = python.chars().collect();
    let mut out = String::with_capacity(python.len() + 16);
    let mut at = 0;
    while at < letters.len() {
        at = match letters[at] {
            '\\' => escape(&letters, at, false, &mut out),
            '[' => class(&letters, at, &mut out),
            '{' => count(&letters, at, &mut out),
            '}' => {
                out.push_str(r"\}");
                at + 1
            }
            letter => {
                out.push(letter);
                at + 1
            }
        };
    }
    out
}

fn escape(letters: &[char], at: usize, in_class: bool, out: &mut String) -> usize {
    let Some(letter) = letters.get(at + 1) else {
        out.push('\\');
        return at + 1;
    };
    match letter {
        'Z' if !in_class => out.push_str(r"\z"),
        'd' => out.push_str(if in_class { "0-9" } else { "[0-9]" }),
        'D' => out.push_str("[^0-9]"),
        'b' if in_class => out.push_str(r"\x08"),
        letter if letter.is_ascii_alphanumeric() => out.extend(['\\', *letter]),
        letter => literal(*letter, out),
    }
    at + 2
}

/// Writes one sign that stands for itself, inside and outside of classes.
fn literal(letter: char, out: &mut String) {
    if regex_syntax_sign(letter) {
        out.push('\\');
    }
    out.push(letter);
}

fn regex_syntax_sign(letter: char) -> bool {
    matches!(
        letter,
        '\\' | '.' | '+' | '*' | '?' | '(' | ')' | '|' | '[' | ']' | '{' | '}' | '^' | '$' | '#' | '&' | '-' | '~'
    )
}

/// Copies a class; brackets and doubled signs inside it are plain letters in Python.
fn class(letters: &[char], start: usize, out: &mut String) -> usize {
    let mut at = start + 1;
    out.push('[');
    if letters.get(at) == Some(&'^') {
        out.push('^');
        at += 1;
    }
    let first = at;
    while at < letters.len() {
        match letters[at] {
            ']' if at > first => {
                out.push(']');
                return at + 1;
            }
            '\\' => {
                at = escape(letters, at, true, out);
                continue;
            }
            '-' if at > first && letters.get(at + 1).is_some_and(|next| *next != ']') && !after_class(letters, at) => {
                out.push('-');
            }
            letter => literal(letter, out),
        }
        at += 1;
    }
    at
}

/// Tells whether the sign before this place is a class such as `\w`, behind which a hyphen is a plain letter.
fn after_class(letters: &[char], at: usize) -> bool {
    let before = at >= 2 && letters[at - 2] == '\\' && matches!(letters[at - 1], 'w' | 'W' | 's' | 'S' | 'd' | 'D');
    let behind = letters.get(at + 1) == Some(&'\\')
        && letters.get(at + 2).is_some_and(|letter| matches!(letter, 'w' | 'W' | 's' | 'S' | 'd' | 'D'));
    before || behind
}

/// Copies a count such as `{2,}`; any other brace is a plain letter.
fn count(letters: &[char], at: usize, out: &mut String) -> usize {
    let inner: String = letters[at + 1..].iter().take_while(|letter| **letter != '}').take(12).collect();
    let end = at + 1 + inner.chars().count();
    let digits = |text: &str| text.chars().all(|letter| letter.is_ascii_digit());
    let (low, high) = inner.split_once(',').map_or((inner.as_str(), None), |(low, high)| (low, Some(high)));
    let is_count = letters.get(end) == Some(&'}')
        && digits(low)
        && high.is_none_or(digits)
        && (!low.is_empty() || high.is_some_and(|high| !high.is_empty()));
    if !is_count {
        out.push_str(r"\{");
        return at + 1;
    }
    let low = if low.is_empty() { "0" } else { low };
    match high {
        None => out.push_str(&format!("{{{low}}}")),
        Some(high) => out.push_str(&format!("{{{low},{high}}}")),
    }
    end + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(pattern: &str, text: &str) -> Option<String> {
        let groups = Pattern::at_start(pattern).unwrap().groups(text).unwrap()?;
        groups[0].clone().map(|range| text[range].to_owned())
    }

    #[test]
    fn patterns_of_python_keep_their_meaning() {
        for (pattern, text, expected) in [
            (r"a{b", "a{b", Some("a{b")),
            (r"a{,2}", "aaa", Some("aa")),
            (r"[[]x[]]", "[x]", Some("[x]")),
            (r"[^]]+", "ab]", Some("ab")),
            (r"\<a\>", "<a>", Some("<a>")),
            (r"[\w-]+", "a-b c", Some("a-b")),
            (r"[a-c&&~~]+", "a&~b", Some("a&~b")),
            (r"\#\/\-\_\ x", "#/-_ x", Some("#/-_ x")),
            (r"a|b", "cb", None),
            (r"x\Z", "x", Some("x")),
            (r"[\s\-\.]+", " -.", Some(" -.")),
        ] {
            assert_eq!(found(pattern, text).as_deref(), expected, "{pattern}");
        }
    }

    #[test]
    fn lookaround_works_and_is_bounded() {
        assert_eq!(found(r"(?!b)\w+", "abc").as_deref(), Some("abc"));
        let hostile = Pattern::at_start(r"(?=(x+x+)+y)(\w+)+$").unwrap();
        assert!(hostile.groups(&"x".repeat(5000)).is_err() || hostile.groups("xy").is_ok());
        assert_eq!(
            Pattern::at_start(r"(((x+)+)+)\1$").unwrap().groups(&format!("{}!", "x".repeat(40))),
            Err(TooManySteps)
        );
    }

    #[test]
    fn broken_patterns_are_explained() {
        assert!(Pattern::at_start("(a").unwrap_err().contains("unclosed group"));
        assert!(Pattern::at_start("(?:x{1000}){1000}").unwrap_err().contains("size"));
    }
}
