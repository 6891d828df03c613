//! Text and trees to tries: blocks, lines of commands, documents. Whatever form it came in, the same paths come out.

use super::super::dialect::Dialect;
use super::super::tree::{ConfigTree, Node};
use super::apply::{self, Verb};
use super::page::Terminator;
use super::token::{Token, Tokens, Word, words};
use super::trie::{Flag, Id, Mark, ROOT, Trie};
use crate::domain::limits::CONFIG_DEPTH_MAX;

/// Longest path of a block, in bytes: every line of a flat print repeats it.
const BLOCK_PATH_BYTES_MAX: usize = 1024;

/// How a text is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Blocks,
    Lines,
    Document,
}

/// Recognises the form by the first line that means something.
pub(super) fn form(dialect: &Dialect, text: &str) -> Form {
    let mut lines = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !dialect.is_comment(line) && !line.starts_with("/*"));
    let Some(first) = lines.next() else { return Form::Blocks };
    if !first.ends_with('{') && (apply::verb(dialect, first).is_some() || is_rooted_path(dialect, first)) {
        return Form::Lines;
    }
    if dialect.page.flat.document {
        return if first.starts_with(['{', '[', '-']) || first.ends_with(':') || first.contains(": ") {
            Form::Document
        } else {
            Form::Lines
        };
    }
    Form::Blocks
}

fn is_rooted_path(dialect: &Dialect, line: &str) -> bool {
    let root = &dialect.page.flat.root;
    !root.is_empty()
        && line.trim_start_matches('/').strip_prefix(root.as_str()).is_some_and(|rest| rest.starts_with(' '))
}

/// Reads a configuration.
pub(super) fn text(dialect: &Dialect, text: &str) -> Trie {
    let mut trie = Trie::new();
    match form(dialect, text) {
        Form::Blocks => Blocks::new(dialect, &mut trie).read(text),
        Form::Document => super::document::read(text, &mut trie),
        Form::Lines => {
            for node in lines(dialect, text) {
                apply::line(dialect, &mut trie, &node.text, node.line);
            }
        }
    }
    without_dropped(dialect, &mut trie);
    trie
}

/// Takes away what the page declares to be no configuration.
fn without_dropped(dialect: &Dialect, trie: &mut Trie) {
    for id in trie.children(ROOT).collect::<Vec<_>>() {
        if dialect.page.flat.skip.iter().any(|skip| **skip == *trie.key(id)) {
            trie.cut(id);
        }
    }
    if dialect.drop.is_empty() {
        return;
    }
    for leaf in trie.leaves(ROOT) {
        let text = trie.text(leaf);
        if dialect.drop.iter().any(|regex| regex.is_match(&text)) {
            trie.remove(leaf);
        }
    }
}

/// Cuts a text into command lines; a quoted value may hold line breaks.
pub(super) fn lines(dialect: &Dialect, text: &str) -> Vec<Node> {
    let mut out = Vec::new();
    let mut current = String::new();
    let mut first_line = 0;
    let mut tokens = Tokens::lines(dialect, text);
    while let Some(token) = tokens.next() {
        let word = match &token {
            Token::Word(word) => word.shown(),
            Token::ListOpen => "[",
            Token::ListClose => "]",
            Token::End => {
                if !current.is_empty() {
                    out.push(Node::leaf(std::mem::take(&mut current), first_line));
                }
                continue;
            }
            Token::Open | Token::Close => continue,
        };
        if current.is_empty() {
            first_line = tokens.line();
        } else {
            current.push(' ');
        }
        current.push_str(word);
    }
    out
}

struct Blocks<'a> {
    dialect: &'a Dialect,
    trie: &'a mut Trie,
    /// The open blocks, innermost last, with the bytes of their paths.
    open: Vec<(Id, usize)>,
    /// How many blocks around everything are open; they do not count.
    around: usize,
}

impl<'a> Blocks<'a> {
    fn new(dialect: &'a Dialect, trie: &'a mut Trie) -> Self {
        Self { dialect, trie, open: vec![(ROOT, 0)], around: 0 }
    }

    fn top(&self) -> (Id, usize) {
        self.open.last().copied().unwrap_or((ROOT, 0))
    }

    fn read(mut self, text: &str) {
        let mut tokens = Tokens::blocks(self.dialect, text);
        let mut statement: Vec<Word> = Vec::new();
        let mut list: Option<Vec<Word>> = None;
        let mut in_list = false;
        while let Some(token) = tokens.next() {
            let line = tokens.line();
            match token {
                Token::Word(word) => match &mut list {
                    Some(list) if in_list => list.push(word),
                    _ => statement.push(word),
                },
                Token::ListOpen => {
                    in_list = true;
                    list.get_or_insert_default();
                }
                Token::ListClose => in_list = false,
                Token::End if in_list && self.dialect.page.flat.terminator == Terminator::Newline => {}
                Token::End => {
                    in_list = false;
                    self.statement(&std::mem::take(&mut statement), list.take(), line);
                }
                Token::Open => {
                    in_list = false;
                    list = None;
                    self.block(&std::mem::take(&mut statement), line);
                }
                Token::Close => {
                    in_list = false;
                    self.statement(&std::mem::take(&mut statement), list.take(), line);
                    if self.open.len() > 1 {
                        self.open.pop();
                    }
                }
            }
        }
    }

    fn block(&mut self, words: &[Word], line: u32) {
        let (at, bytes) = self.top();
        let (words, flags) = flags(self.dialect, words);
        let page = &self.dialect.page.flat;
        let is_name = |word: &Word| page.around.iter().any(|name| **name == *word.key);
        let is_root = at == ROOT
            && words.len() == 1
            && (*words[0].key == *page.root && self.open.len() == 1 || is_name(&words[0]) && self.open.len() < 8);
        self.around += usize::from(is_root);
        if words.is_empty() || is_root {
            self.open.push((at, bytes));
            return;
        }
        let longer = bytes + words.iter().map(|word| word.shown().len() + 1).sum::<usize>();
        let id = self.end(at, words, line);
        self.set_flags(id, flags);
        let fits = self.open.len() < CONFIG_DEPTH_MAX + self.around
            && longer <= BLOCK_PATH_BYTES_MAX
            && !self.trie.is_deep(id);
        self.open.push(if fits { (id, longer) } else { (at, bytes) });
    }

    /// Adds a path that ends here.
    fn end(&mut self, at: Id, words: &[Word], line: u32) -> Id {
        let id = self.trie.add_path(at, words, line);
        self.mark_inside(at, id);
        self.trie.set_mark(id, Mark::End);
        id
    }

    fn mark_inside(&mut self, from: Id, to: Id) {
        let mut up = self.trie.parent(to);
        while up != from && up != ROOT && up != super::trie::NONE {
            self.trie.set_mark(up, Mark::Inside);
            up = self.trie.parent(up);
        }
    }

    fn set_flags(&mut self, id: Id, (inactive, protected): (bool, bool)) {
        for (flag, on) in [(Flag::Inactive, inactive), (Flag::Protected, protected)] {
            if on {
                self.trie.set_flag(id, flag, true);
            }
        }
    }

    fn statement(&mut self, words: &[Word], list: Option<Vec<Word>>, line: u32) {
        let (at, _) = self.top();
        let (words, flags) = flags(self.dialect, words);
        if let Some((verb, rest)) = flag_statement(self.dialect, words) {
            let from = self.trie.add_path(at, rest, line);
            apply::set_flag(self.trie, from, verb);
            return;
        }
        let Some(last) = words.last() else { return };
        if let Some(list) = list {
            let key = self.trie.add_path(at, words, line);
            self.mark_inside(at, key);
            self.trie.set_mark(key, if list.is_empty() { Mark::End } else { Mark::List });
            for value in &list {
                self.end(key, std::slice::from_ref(value), line);
            }
            self.set_flags(key, flags);
            return;
        }
        if let Some(key) = apply::oneliner(self.dialect, self.trie, at, words, line) {
            self.mark_inside(at, key);
            self.trie.set_mark(key, Mark::Inside);
            self.set_flags(key, flags);
            return;
        }
        let is_value = self.dialect.page.flat.leaf_values && words.len() == 2;
        let key = self.trie.add_path(at, &words[..words.len() - 1], line);
        if words.len() > 1 && (is_value || self.trie.is_single(key, self.dialect)) {
            if is_value {
                self.trie.set_mark(key, Mark::Single);
            }
            self.trie.clear(key);
        }
        let id = self.end(key, std::slice::from_ref(last), line);
        self.mark_inside(at, id);
        let single = words.len() > 1 && self.trie.is_single(key, self.dialect);
        self.set_flags(if single { key } else { id }, flags);
    }
}

/// Takes `inactive:`, `protect:` and `replace:` off a statement.
fn flags<'w>(dialect: &Dialect, words: &'w [Word]) -> (&'w [Word], (bool, bool)) {
    let (mut words, mut inactive, mut protected) = (words, false, false);
    if !dialect.page.flat.flags {
        return (words, (false, false));
    }
    while let Some((first, rest)) = words.split_first() {
        match &*first.key {
            "inactive:" => inactive = true,
            "protect:" => protected = true,
            "replace:" => {}
            _ => break,
        }
        words = rest;
    }
    (words, (inactive, protected))
}

/// Recognises `deactivate a b` among the statements of a block.
fn flag_statement<'w>(dialect: &Dialect, words: &'w [Word]) -> Option<(Verb, &'w [Word])> {
    let (first, rest) = words.split_first()?;
    let verb = match &*first.key {
        "deactivate" if dialect.page.flat.flags => Verb::Flag(Flag::Inactive, true),
        "protect" if dialect.page.flat.flags => Verb::Flag(Flag::Protected, true),
        _ => return None,
    };
    (!rest.is_empty()).then_some((verb, rest))
}

/// Reads a tree that this family made.
pub(super) fn tree(dialect: &Dialect, tree: &ConfigTree) -> Trie {
    let mut trie = Trie::new();
    if is_nested(tree) {
        let mut blocks = Blocks::new(dialect, &mut trie);
        for node in &tree.children {
            blocks.node(node);
        }
    } else {
        for node in &tree.children {
            let line = words(dialect, &node.text);
            match flag_statement(dialect, &line) {
                Some((verb, rest)) => {
                    if let Some(id) = trie.find(rest) {
                        apply::set_flag(&mut trie, id, verb);
                    }
                }
                None => apply::set(dialect, &mut trie, &line, node.line),
            }
        }
    }
    trie
}

/// Tells whether a tree came from blocks.
pub(super) fn is_nested(tree: &ConfigTree) -> bool {
    tree.children.iter().any(|node| !node.children.is_empty() || node.text.ends_with(" {}"))
}

impl Blocks<'_> {
    fn node(&mut self, node: &Node) {
        let (text, empty_block) = match node.text.strip_suffix(" {}") {
            Some(text) => (text, true),
            None => (&*node.text, false),
        };
        let line = words(self.dialect, text);
        if !node.children.is_empty() || empty_block {
            self.block(&line, node.line);
            for child in &node.children {
                self.node(child);
            }
            self.open.pop();
            return;
        }
        let bracket = |text: &str| line.iter().position(|word| word.raw.is_none() && *word.key == *text);
        match (bracket("["), bracket("]")) {
            (Some(from), Some(to)) if from < to => {
                self.statement(&line[..from], Some(line[from + 1..to].to_vec()), node.line);
            }
            _ => self.statement(&line, None, node.line),
        }
    }
}
