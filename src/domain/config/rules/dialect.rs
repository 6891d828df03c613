//! A dialect ready for use: compiled patterns and rules of one platform page.

use std::collections::BTreeMap;

use regex::{Regex, RegexSet};

use super::flat::page::FlatRules;
use super::page::{Change, DialectPage, Family, Ordered, RangePage, Risk, RulePage};
use super::pattern::{Pattern, fill};
use super::starts::Starts;

/// Index of a rule in its dialect.
pub type RuleId = u32;

/// The rules that apply inside one kind of section.
#[derive(Clone, Debug, Default)]
pub struct RuleSet {
    by_word: BTreeMap<Box<str>, SecondWords>,
    any_word: Vec<RuleId>,
    /// Rules whose removal command does not follow the platform's usual form.
    negations: Vec<(Pattern, RuleId)>,
}

/// The rules of one first word, by their second word.
#[derive(Clone, Debug, Default)]
struct SecondWords {
    by_word: BTreeMap<Box<str>, Vec<RuleId>>,
    any_word: Vec<RuleId>,
}

/// One compiled rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The line pattern.
    pub pattern: Pattern,
    /// The page's own words.
    pub page: RulePage,
    /// Rules for the lines inside.
    pub inside: RuleSet,
}

/// One platform's configuration text, ready to be parsed, compared and predicted.
#[derive(Clone, Debug)]
pub struct Dialect {
    /// The page it was made from.
    pub page: DialectPage,
    /// Lines to drop.
    pub drop: Vec<Regex>,
    /// Equivalent spellings.
    pub replace: Vec<(Regex, String)>,
    /// Prefixes to be written in their canonical form.
    pub prefixes: Vec<Regex>,
    /// Numbers that are also written as four bytes.
    pub(super) dotted: Vec<Regex>,
    /// Sets of words.
    pub(super) word_sets: Vec<Regex>,
    /// Sections and lines that belong elsewhere.
    pub(super) moves: Vec<(Regex, Regex)>,
    /// Lists that the device numbers by itself.
    pub sequences: Vec<(Regex, u32)>,
    /// Starts of delimited texts; group 1 is the delimiter.
    pub delimited: Vec<Regex>,
    /// Verbatim blocks.
    pub blocks: Vec<(Regex, Regex)>,
    /// Wrongly indented parts.
    pub outdents: Vec<(Regex, Regex)>,
    /// Secret values; group 1 is the secret.
    pub secrets: Vec<Regex>,
    /// The same expressions, asked first.
    pub secret_set: RegexSet,
    /// Everything above that looks at a single line, asked first because most lines are plain.
    special: RegexSet,
    special_starts: Option<Starts>,
    /// Whether any section also stands in a list of numbers.
    pub(super) has_lists: bool,
    /// Whether any rule moves lines into another section, or has several lines shown for one.
    pub(super) has_homes: bool,
    /// Whether lines can stand in each other's way.
    pub(super) has_occupied: bool,
    /// Whether a rule knows lines that leave the open sections.
    pub(super) has_leaving: bool,
    rules: Vec<Rule>,
    top: RuleSet,
    anywhere: RuleSet,
    /// What is known about paths.
    pub(crate) flat: FlatRules,
}

/// What a rule says about a line, together with what is inside.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The rules of the section; nothing when the section is unknown.
    pub rules: Option<&'a RuleSet>,
    /// The rule of the section's header.
    pub header: Option<&'a Rule>,
}

impl Dialect {
    /// Compiles a page; the error names the rule or expression that is wrong.
    pub fn new(page: DialectPage) -> Result<Self, String> {
        let mut rules = Vec::new();
        let top = compile(&page.rules, &mut rules)?;
        let anywhere = compile(&page.anywhere, &mut rules)?;
        let pairs = |start: &str, end: &str| Ok::<_, String>((regex(start)?, regex(end)?));
        let special = page.drop.iter().chain(page.replace.iter().map(|r| &r.pattern)).chain(&page.delimited);
        let special = special.chain(page.blocks.iter().map(|b| &b.start)).chain(&page.prefixes);
        let special: Vec<&String> = special.chain(&page.dotted).chain(&page.word_sets).collect();
        Ok(Self {
            special_starts: Starts::of(&special),
            special: RegexSet::new(special).map_err(|error| error.to_string())?,
            drop: page.drop.iter().map(|text| regex(text)).collect::<Result<_, _>>()?,
            replace: page
                .replace
                .iter()
                .map(|r| Ok::<_, String>((regex(&r.pattern)?, r.with.clone())))
                .collect::<Result<_, _>>()?,
            prefixes: page.prefixes.iter().map(|text| regex(text)).collect::<Result<_, _>>()?,
            dotted: page.dotted.iter().map(|text| regex(text)).collect::<Result<_, _>>()?,
            word_sets: page.word_sets.iter().map(|text| regex(text)).collect::<Result<_, _>>()?,
            moves: page.moves.iter().map(|m| pairs(&m.from, &m.line)).collect::<Result<_, _>>()?,
            sequences: page
                .sequences
                .iter()
                .map(|s| Ok::<_, String>((regex(&s.pattern)?, s.step)))
                .collect::<Result<_, _>>()?,
            delimited: page.delimited.iter().map(|text| regex(text)).collect::<Result<_, _>>()?,
            blocks: page.blocks.iter().map(|b| pairs(&b.start, &b.end)).collect::<Result<_, _>>()?,
            outdents: page.outdents.iter().map(|o| pairs(&o.start, &o.end)).collect::<Result<_, _>>()?,
            secret_set: RegexSet::new(&page.secrets).map_err(|error| error.to_string())?,
            secrets: page.secrets.iter().map(|text| regex(text)).collect::<Result<_, _>>()?,
            has_lists: rules.iter().any(|rule| rule.page.listed_in.is_some()),
            has_homes: rules.iter().any(|rule| rule.page.belongs.is_some() || !rule.page.stands_for.is_empty()),
            has_occupied: rules.iter().any(|rule| !rule.page.occupies.is_empty()),
            has_leaving: rules.iter().any(|rule| rule.page.leaves),
            rules,
            top,
            anywhere,
            flat: FlatRules::new(&page.flat)?,
            page,
        })
    }

    /// Tells whether any expression of the page can say something about a line; most lines are plain.
    pub(super) fn is_special(&self, line: &str) -> bool {
        self.page.single_spaces && line.contains("  ")
            || self.page.short_ipv6 && line.bytes().filter(|byte| *byte == b':').count() > 1
            || self.special_starts.as_ref().is_none_or(|starts| starts.begin(line)) && self.special.is_match(line)
    }

    /// Tells whether a line (without indentation) is a comment.
    pub fn is_comment(&self, line: &str) -> bool {
        self.page.comments.iter().any(|start| line.starts_with(start.as_str()))
            && !self.page.kept.iter().any(|start| line.starts_with(start.as_str()))
    }

    /// Returns the place of the lines at the top.
    pub fn top(&self) -> Place<'_> {
        Place { rules: Some(&self.top), header: None }
    }

    /// Returns the place of the lines inside a section whose header matched `rule`.
    pub fn inside<'a>(&'a self, rule: Option<&'a Rule>) -> Place<'a> {
        Place { rules: rule.map(|rule| &rule.inside), header: rule }
    }

    /// Returns the rule of a line (without negation) at a place.
    pub fn rule<'a>(&'a self, place: Place<'a>, line: &str) -> Option<&'a Rule> {
        place.rules.and_then(|set| self.find(set, line)).or_else(|| self.find(&self.anywhere, line))
    }

    fn find<'a>(&'a self, set: &'a RuleSet, line: &str) -> Option<&'a Rule> {
        let mut words = line.split_ascii_whitespace();
        let first = words.next()?;
        let hit = |ids: &[RuleId]| ids.iter().copied().find(|id| self.rules[*id as usize].pattern.matches(line));
        let mut best = hit(&set.any_word);
        if let Some(second) = set.by_word.get(first) {
            let named = words.next().and_then(|word| second.by_word.get(word)).and_then(|ids| hit(ids));
            for id in [named, hit(&second.any_word)].into_iter().flatten() {
                best = Some(best.map_or(id, |other| other.min(id)));
            }
        }
        best.map(|id| &self.rules[id as usize])
    }

    /// Splits a line into its positive form and whether it was negated.
    pub fn positive<'l>(&self, line: &'l str) -> (&'l str, bool) {
        match line.strip_prefix(self.page.negation.as_str()) {
            Some(rest) if !self.page.negation.is_empty() && !rest.is_empty() => (rest, true),
            _ => (line, false),
        }
    }

    /// Returns the command that removes a line.
    pub fn negate(&self, rule: Option<&Rule>, line: &str) -> String {
        let (positive, negated) = self.positive(line);
        if negated {
            let default = rule
                .and_then(|rule| rule.page.default.as_deref().map(|default| fill(default, positive, &rule.pattern)));
            return default.filter(|default| !self.positive(default).1).unwrap_or_else(|| positive.to_owned());
        }
        // A text of several lines is removed by its first one.
        let line = line.lines().next().unwrap_or_default();
        match rule.and_then(|rule| rule.page.negate.as_ref().map(|template| (rule, template))) {
            Some((rule, template)) => fill(template, line, &rule.pattern),
            None => format!("{}{line}", self.page.negation),
        }
    }

    /// Finds the rules whose own removal command this line is, with the key words it names.
    pub fn removed_by<'a>(&'a self, place: Place<'a>, command: &str) -> Vec<(&'a Rule, &'a Pattern)> {
        let sets = place.rules.into_iter().chain([&self.anywhere]);
        sets.flat_map(|set| &set.negations)
            .filter(|(pattern, _)| pattern.matches(command))
            .map(|(pattern, id)| (&self.rules[*id as usize], pattern))
            .collect()
    }

    /// Tells whether the commands of this family are flat `set` and `delete` lines.
    pub fn is_flat(&self) -> bool {
        matches!(self.page.family, Family::Braces | Family::Set)
    }
}

impl Rule {
    /// Whether lines of this kind replace each other (same key, other value).
    pub fn has_value(&self) -> bool {
        self.pattern.has_value()
    }

    /// Whether executing a line of this kind changes other lines.
    pub fn has_side_effects(&self) -> bool {
        !self.page.removes.is_empty() || !self.page.resets.is_empty()
    }

    /// Whether a device can show the negation of a line: of something it can switch, not of one value among many.
    pub fn shows_negation(&self, positive: &str) -> bool {
        let is_bare = self.pattern.head(positive) == positive;
        !self.page.section && (is_bare || self.page.toggle && self.page.default_head)
    }

    /// Whether a line says only what the device has anyway.
    pub fn is_default(&self, line: &str) -> bool {
        let is_default = |default: &str| match default.contains('{') {
            true => fill(default, line, &self.pattern) == line,
            false => default == line,
        };
        self.page.default.as_deref().is_some_and(is_default)
            || self.page.default_head && self.pattern.head(line) == line
    }

    /// How a different value is sent.
    pub fn change(&self) -> Change {
        self.page.change
    }

    /// How the lines inside are ordered.
    pub fn ordered(&self) -> Option<Ordered> {
        self.page.ordered
    }

    /// Whether typing the section replaces what stands in it.
    pub fn is_rewritten(&self) -> bool {
        matches!(self.page.ordered, Some(Ordered::Rewrite | Ordered::RemoveAndRewrite))
    }

    /// The set of numbers that the value is.
    pub fn range(&self) -> Option<&RangePage> {
        self.page.range.as_ref()
    }

    /// The risk of touching it.
    pub fn risk(&self) -> Option<Risk> {
        self.page.risk
    }

    /// The name of the rule for reports: its pattern.
    pub fn name(&self) -> &str {
        self.pattern.source()
    }

    /// Returns word prefixes from templates, filled with the words of a line.
    pub fn prefixes(&self, templates: &[String], line: &str) -> Vec<String> {
        templates.iter().map(|template| fill(template, line, &self.pattern)).collect()
    }
}

fn regex(text: &str) -> Result<Regex, String> {
    Regex::new(text).map_err(|error| format!("expression {text:?}: {error}"))
}

fn compile(pages: &[RulePage], rules: &mut Vec<Rule>) -> Result<RuleSet, String> {
    let mut set = RuleSet::default();
    for page in pages {
        let pattern = Pattern::new(&page.line)?;
        let id = RuleId::try_from(rules.len()).map_err(|_| "too many rules".to_owned())?;
        rules.push(Rule { pattern: pattern.clone(), page: page.clone(), inside: RuleSet::default() });
        let (first_words, second_words) = (pattern.words_at(0), pattern.words_at(1));
        if first_words.is_empty() {
            set.any_word.push(id);
        }
        for word in first_words {
            let second = set.by_word.entry(word.into()).or_default();
            if second_words.is_empty() {
                second.any_word.push(id);
            }
            for word in &second_words {
                second.by_word.entry((*word).into()).or_default().push(id);
            }
        }
        let gone = page.options.iter().flat_map(|options| &options.parts).filter_map(|part| part.gone.as_deref());
        for template in page.negate.as_deref().into_iter().chain(gone).filter(|template| !template.is_empty()) {
            if let Some(pattern) = negation_pattern(template, &pattern) {
                set.negations.push((Pattern::new(&pattern)?, id));
            }
        }
        let inside: Vec<RulePage> = page.rules.iter().chain(&page.shared_rules).cloned().collect();
        rules[id as usize].inside = compile(&inside, rules)?;
    }
    Ok(set)
}

/// Turns a removal template into a pattern that recognises it; `{line}` and `{head}` become the pattern's own words.
fn negation_pattern(template: &str, pattern: &Pattern) -> Option<String> {
    let words: Vec<&str> = pattern.source().split_whitespace().collect();
    let slots: Vec<&str> = words.iter().copied().filter(|word| is_slot(word)).collect();
    let head_words =
        words.iter().position(|word| matches!(*word, "_" | "...") || word.starts_with("_/")).unwrap_or(words.len());
    let mut out = template.replace("{line}", &words.join(" ")).replace("{head}", &words[..head_words].join(" "));
    for (index, slot) in slots.iter().enumerate() {
        let slot = match *slot {
            "_" => "*",
            "..." => "**",
            other => other.strip_prefix('_').unwrap_or(other),
        };
        out = out.replace(&format!("{{{}}}", index + 1), slot);
    }
    (!out.contains('{')).then_some(out)
}

/// Tells whether a word of a pattern stands for other words.
pub(super) fn is_slot(word: &str) -> bool {
    matches!(word, "*" | "_" | "#" | "..." | "**")
        || (word.starts_with('<') && word.ends_with('>'))
        || (word.len() > 2 && (word.starts_with('/') || word.starts_with("_/")) && word.ends_with('/'))
}
