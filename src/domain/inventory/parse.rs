//! The grammar of selectors: words, then terms by recursive descent.
//!
//! ```text
//! or     = and { "or" and }
//! and    = not { ["and"] not }
//! not    = ("!" | "not") not | "(" or ")" | "all" | "suspended" | field test
//! test   = ("=" | "==" | "!=") value | ("~" | "!~") pattern | ["not"] "in" "(" value { "," value } ")"
//! ```

use std::collections::BTreeSet;

use regex::RegexBuilder;

use super::selector::{SelectorError, Term};
use crate::domain::limits::{REGEX_BYTES_MAX, SELECTOR_BYTES_MAX};

const DEPTH_MAX: usize = 50;

/// Reads a selector.
pub(super) fn parse(text: &str) -> Result<Term, SelectorError> {
    let error = |column: usize, problem: String| SelectorError { text: text.to_owned(), column, problem };
    if text.len() > SELECTOR_BYTES_MAX {
        let short: String = text.chars().take(40).collect();
        return Err(SelectorError { text: short, ..error(1, format!("it is longer than {SELECTOR_BYTES_MAX} bytes")) });
    }
    let words = words(text).map_err(|(column, problem)| error(column, problem))?;
    let end = text.chars().count() + 1;
    let mut parser = Parser { words, next: 0, end, depth: 0 };
    let term = parser.or().map_err(|(column, problem)| error(column, problem))?;
    match parser.words.get(parser.next) {
        Some((column, word)) => Err(error(*column, format!("{} does not belong here", word.shown()))),
        None => Ok(term),
    }
}

type Problem = (usize, String);

#[derive(Clone, Debug, PartialEq)]
enum Word {
    Plain(String),
    Quoted(String),
    Sign(&'static str),
}

impl Word {
    fn shown(&self) -> String {
        match self {
            Self::Plain(text) | Self::Quoted(text) => format!("{text:?}"),
            Self::Sign(sign) => format!("'{sign}'"),
        }
    }
}

const SIGNS: [&str; 9] = ["==", "!=", "!~", "=", "~", "!", "(", ")", ","];

fn words(text: &str) -> Result<Vec<(usize, Word)>, Problem> {
    let chars: Vec<char> = text.chars().collect();
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(&first) = chars.get(at) {
        if first.is_whitespace() {
            at += 1;
            continue;
        }
        let column = at + 1;
        if first == '\'' || first == '"' {
            let length = chars[at + 1..].iter().position(|c| *c == first);
            let length = length.ok_or((column, "the quote is not closed".to_owned()))?;
            found.push((column, Word::Quoted(chars[at + 1..=at + length].iter().collect())));
            at += length + 2;
            continue;
        }
        let sign = SIGNS.iter().find(|sign| sign.chars().enumerate().all(|(i, c)| chars.get(at + i) == Some(&c)));
        if let Some(sign) = sign {
            found.push((column, Word::Sign(sign)));
            at += sign.len();
            continue;
        }
        let length = chars[at..].iter().take_while(|c| is_word(**c)).count();
        if length == 0 {
            return Err((column, format!("'{first}' is not allowed here; quote values with special characters")));
        }
        found.push((column, Word::Plain(chars[at..at + length].iter().collect())));
        at += length;
    }
    Ok(found)
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | ':' | '/' | '*' | '+' | '@')
}

struct Parser {
    words: Vec<(usize, Word)>,
    next: usize,
    end: usize,
    depth: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Word> {
        self.words.get(self.next).map(|(_, word)| word)
    }

    fn column(&self) -> usize {
        self.words.get(self.next).map_or(self.end, |(column, _)| *column)
    }

    fn takes(&mut self, expected: &Word) -> bool {
        let found = self.peek() == Some(expected);
        self.next += usize::from(found);
        found
    }

    fn keyword(&mut self, word: &str) -> bool {
        self.takes(&Word::Plain(word.to_owned()))
    }

    fn or(&mut self) -> Result<Term, Problem> {
        let mut terms = vec![self.and()?];
        while self.keyword("or") {
            terms.push(self.and()?);
        }
        Ok(if terms.len() == 1 { terms.remove(0) } else { Term::Or(terms) })
    }

    fn and(&mut self) -> Result<Term, Problem> {
        let mut terms = vec![self.not()?];
        loop {
            let explicit = self.keyword("and");
            let ends = match self.peek() {
                None | Some(Word::Sign(")" | ",")) => true,
                Some(Word::Plain(word)) => word == "or",
                Some(_) => false,
            };
            if ends && !explicit {
                return Ok(if terms.len() == 1 { terms.remove(0) } else { Term::And(terms) });
            }
            terms.push(self.not()?);
        }
    }

    fn not(&mut self) -> Result<Term, Problem> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err((self.column(), format!("it is nested deeper than {DEPTH_MAX} levels")));
        }
        let term = self.single();
        self.depth -= 1;
        term
    }

    fn single(&mut self) -> Result<Term, Problem> {
        if self.takes(&Word::Sign("!")) || self.keyword("not") {
            return Ok(Term::Not(Box::new(self.not()?)));
        }
        if self.takes(&Word::Sign("(")) {
            let term = self.or()?;
            return match self.takes(&Word::Sign(")")) {
                true => Ok(term),
                false => Err((self.column(), "a ')' is missing".to_owned())),
            };
        }
        let column = self.column();
        match self.peek().cloned() {
            Some(Word::Plain(word)) if word != "and" && word != "or" && word != "in" => {
                self.next += 1;
                self.test(word, column)
            }
            Some(word) => Err((column, format!("a field name is expected, not {}", word.shown()))),
            None => Err((column, "a condition such as role=leaf is expected".to_owned())),
        }
    }

    fn test(&mut self, field: String, column: usize) -> Result<Term, Problem> {
        for (sign, negated) in [("=", false), ("==", false), ("!=", true)] {
            if self.takes(&Word::Sign(sign)) {
                return Ok(negate(negated, Term::Is(field, BTreeSet::from([self.value()?]))));
            }
        }
        for (sign, negated) in [("~", false), ("!~", true)] {
            if self.takes(&Word::Sign(sign)) {
                return Ok(negate(negated, self.pattern(field)?));
            }
        }
        let is_not = self.peek() == Some(&Word::Plain("not".into()))
            && self.words.get(self.next + 1).is_some_and(|(_, word)| *word == Word::Plain("in".into()));
        self.next += usize::from(is_not);
        if self.keyword("in") {
            return Ok(negate(is_not, Term::Is(field, self.values()?)));
        }
        match field.as_str() {
            "all" | "*" => Ok(Term::All),
            "suspended" => Ok(Term::Suspended),
            _ => Err((
                column,
                format!("{field:?} alone says nothing; write name={field}, role={field} or group={field}"),
            )),
        }
    }

    fn value(&mut self) -> Result<String, Problem> {
        let column = self.column();
        match self.peek().cloned() {
            Some(Word::Plain(text) | Word::Quoted(text)) => {
                self.next += 1;
                Ok(text)
            }
            Some(word) => Err((column, format!("a value is expected, not {}", word.shown()))),
            None => Err((column, "a value is missing".to_owned())),
        }
    }

    fn values(&mut self) -> Result<BTreeSet<String>, Problem> {
        if !self.takes(&Word::Sign("(")) {
            return Err((self.column(), "a '(' is expected after in".to_owned()));
        }
        let mut values = BTreeSet::from([self.value()?]);
        while self.takes(&Word::Sign(",")) {
            values.insert(self.value()?);
        }
        match self.takes(&Word::Sign(")")) {
            true => Ok(values),
            false => Err((self.column(), "a ')' or ',' is missing".to_owned())),
        }
    }

    fn pattern(&mut self, field: String) -> Result<Term, Problem> {
        let column = self.column();
        let text = self.value()?;
        let pattern = RegexBuilder::new(&text).size_limit(REGEX_BYTES_MAX).build();
        let pattern = pattern.map_err(|_| (column, format!("{text:?} is not a regular expression")))?;
        Ok(Term::Matches(field, pattern))
    }
}

fn negate(negated: bool, term: Term) -> Term {
    if negated { Term::Not(Box::new(term)) } else { term }
}
