//! Checks: a command whose output proves that a device works, and what the output must look like.

use std::fmt;

use regex::{Regex, RegexBuilder};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::diagnostic::{Diagnostic, Severity};
use super::inventory::Selector;
use super::limits::REGEX_BYTES_MAX;
use super::schedule::Interval;
use super::secret::{PLACEHOLDER_CLOSE, PLACEHOLDER_OPEN};
use super::yaml::{Content, Mark, Node, typed};

/// The folder of the checks.
pub const FOLDER: &str = "checks/";
/// Longest excerpt of a device's output in a result, in lines.
pub const EXCERPT_LINES_MAX: usize = 20;
const EXCERPT_CHARS_MAX: usize = 200;
const COMMAND_BYTES_MAX: usize = 1024;
/// A device is not asked more often than this.
const EVERY_MIN: Interval = Interval::milliseconds(100);

/// One check with its place. Texts may still hold template expressions; `render::checks` fills them per device.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// What it is called in runs.
    pub name: String,
    /// The devices that it is for.
    pub select: Selector,
    /// The command to run, read only.
    pub command: String,
    /// What the output must look like.
    pub expect: Expect,
    /// How long it may take until the output is right; the command is repeated until then.
    pub within: Interval,
    /// The pause between two tries.
    pub every: Interval,
    /// Whether a failure fails the deployment (error) or is only told (warning).
    pub severity: Severity,
    /// Where it is written.
    pub mark: Mark,
}

/// One check as people write it: `checks/*.yaml`, one check or a list of them.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckFile {
    /// What it is called in runs; the name of the file when it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The devices that it is for; all when it is not given.
    #[serde(default = "Selector::all")]
    pub select: Selector,
    /// The command to run. `{{ }}` expressions over the data of the device are filled in.
    pub command: String,
    /// What the output must look like. Everything that is given must hold.
    pub expect: Expect,
    /// How long it may take until the output is right, for example `15s`; one try when it is not given.
    #[serde(default = "within_default")]
    pub within: Interval,
    /// The pause between two tries.
    #[serde(default = "every_default")]
    pub every: Interval,
    /// `error` fails the deployment, `warning` is only told.
    #[serde(default)]
    pub severity: CheckSeverity,
}

/// What a failed check means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckSeverity {
    /// The deployment fails and is rolled back.
    #[default]
    Error,
    /// It is told, nothing more.
    Warning,
}

/// What an output must look like. Patterns are regular expressions; `^` and `$` stand for the ends of a line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Expect {
    /// A pattern that must be found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matches: Option<String>,
    /// A pattern that must not be found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_matches: Option<String>,
    /// A pattern that must be found so many times.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<Count>,
}

/// How many times a pattern must be found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Count {
    /// The pattern.
    pub pattern: String,
    /// Exactly so many times.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub equals: Option<Amount>,
    /// So many times or more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least: Option<Amount>,
    /// So many times or less.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most: Option<Amount>,
}

/// A number, or an expression that gives one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Amount {
    /// A number.
    Number(u64),
    /// A template expression such as `{{ bgp.neighbors | length }}`.
    Expression(String),
}

impl Amount {
    /// Returns the number; an expression that was not filled in has none.
    fn number(&self) -> Result<u64, String> {
        match self {
            Self::Number(number) => Ok(*number),
            Self::Expression(text) => text.trim().parse().map_err(|_| format!("{text:?} is not a number")),
        }
    }
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckResult {
    /// Whether everything that is expected holds.
    pub passed: bool,
    /// What holds, or what does not.
    pub why: String,
    /// The lines of the output that show it.
    pub excerpt: String,
}

fn within_default() -> Interval {
    Interval::seconds(0)
}

fn every_default() -> Interval {
    Interval::seconds(1)
}

/// Reads one file of `checks/`.
pub fn load(path: &str, root: &Node, findings: &mut Vec<Diagnostic>) -> Vec<Check> {
    let stem = path[path.rfind('/').map_or(0, |slash| slash + 1)..].trim_end_matches(".yaml").trim_end_matches(".yml");
    let nodes: &[Node] = match &root.content {
        Content::List(nodes) => nodes,
        Content::Map(_) => std::slice::from_ref(root),
        Content::Scalar(value) if value.is_null() => &[],
        Content::Scalar(_) => {
            findings.push(root.mark.on(Diagnostic::error("a file of checks is one check or a list of checks")));
            &[]
        }
    };
    let mut checks = Vec::new();
    for (index, node) in nodes.iter().enumerate() {
        let Some(file) = typed::read::<CheckFile>(node, findings) else { continue };
        let numbered = || if nodes.len() == 1 { stem.to_owned() } else { format!("{stem}-{}", index + 1) };
        let check = Check {
            name: file.name.clone().unwrap_or_else(numbered),
            select: file.select,
            command: file.command,
            expect: file.expect,
            within: file.within,
            every: file.every,
            severity: match file.severity {
                CheckSeverity::Error => Severity::Error,
                CheckSeverity::Warning => Severity::Warning,
            },
            mark: node.mark.clone(),
        };
        if let Some(problem) = check.problem(false) {
            findings.push(node.mark.on(Diagnostic::error(format!("the check {:?}: {problem}", check.name))));
            continue;
        }
        checks.push(check);
    }
    checks
}

impl Check {
    /// Returns the check with its expressions filled in by the function.
    ///
    /// # Errors
    /// Says which text cannot be filled in, or what is wrong with the result.
    pub fn fill(&self, fill: &mut impl FnMut(&str) -> Result<String, Diagnostic>) -> Result<Self, Diagnostic> {
        let mut check = self.clone();
        check.command = fill(&self.command)?;
        let texts = [&mut check.expect.matches, &mut check.expect.not_matches];
        for text in texts.into_iter().flatten() {
            *text = fill(text)?;
        }
        if let Some(count) = &mut check.expect.count {
            count.pattern = fill(&count.pattern)?;
            for amount in [&mut count.equals, &mut count.at_least, &mut count.at_most].into_iter().flatten() {
                if let Amount::Expression(text) = amount {
                    *text = fill(text)?;
                    let number = Self::number(&self.name, amount).map_err(|finding| self.mark.on(finding))?;
                    *amount = Amount::Number(number);
                }
            }
        }
        match check.problem(true) {
            Some(problem) => Err(self.mark.on(Diagnostic::error(format!("the check {:?}: {problem}", self.name)))),
            None => Ok(check),
        }
    }

    fn number(name: &str, amount: &Amount) -> Result<u64, Diagnostic> {
        amount.number().map_err(|problem| Diagnostic::error(format!("the check {name:?}: {problem}")))
    }

    /// Returns what makes the check meaningless. Texts with expressions are looked at when they are filled in.
    fn problem(&self, filled: bool) -> Option<String> {
        let command = self.command.trim();
        if command.is_empty() || self.command.len() > COMMAND_BYTES_MAX || self.command.contains(char::is_control) {
            return Some(format!("its command must be one line of at most {COMMAND_BYTES_MAX} bytes"));
        }
        if command.contains([PLACEHOLDER_OPEN, PLACEHOLDER_CLOSE]) {
            return Some("its command cannot hold a secret".to_owned());
        }
        if self.every < EVERY_MIN {
            return Some(format!("every must be at least {EVERY_MIN}"));
        }
        let expect = &self.expect;
        if expect.matches.is_none() && expect.not_matches.is_none() && expect.count.is_none() {
            return Some("it expects nothing: add matches, not_matches or count".to_owned());
        }
        let patterns = [&expect.matches, &expect.not_matches].into_iter().flatten();
        for text in patterns.chain(expect.count.iter().map(|count| &count.pattern)) {
            let is_template = text.contains("{{") || text.contains("{%");
            if (filled || !is_template)
                && let Err(problem) = pattern(text)
            {
                return Some(problem);
            }
        }
        let count = expect.count.as_ref()?;
        let bounded = count.equals.is_some() || count.at_least.is_some() || count.at_most.is_some();
        (!bounded).then(|| "count needs equals, at_least or at_most".to_owned())
    }
}

fn pattern(text: &str) -> Result<Regex, String> {
    let built = RegexBuilder::new(text).multi_line(true).size_limit(REGEX_BYTES_MAX).build();
    built.map_err(|error| {
        let words = error.to_string();
        let reason = words.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
        format!("{text:?} is not a regular expression: {reason}")
    })
}

/// Compares an output with what is expected. A check that cannot be evaluated has not passed.
pub fn evaluate(check: &Check, output: &str) -> CheckResult {
    let output = output.replace("\r\n", "\n");
    match compare(&check.expect, &output) {
        Ok(result) => result,
        Err(problem) => CheckResult { passed: false, why: problem, excerpt: excerpt(output.lines()) },
    }
}

fn compare(expect: &Expect, output: &str) -> Result<CheckResult, String> {
    let mut holds = Vec::new();
    let failed = |why: String, excerpt: String| Ok(CheckResult { passed: false, why, excerpt });
    let mut shown = String::new();
    if let Some(text) = &expect.matches {
        let found = lines_with(&pattern(text)?, output);
        if found.is_empty() {
            return failed(format!("{text:?} is not in the output"), excerpt(output.lines()));
        }
        holds.push(format!("{text:?} is in the output"));
        shown = excerpt(found.into_iter());
    }
    if let Some(text) = &expect.not_matches {
        let found = lines_with(&pattern(text)?, output);
        if !found.is_empty() {
            return failed(format!("{text:?} is in the output and must not be"), excerpt(found.into_iter()));
        }
        holds.push(format!("{text:?} is not in the output"));
    }
    if let Some(count) = &expect.count {
        let pattern = pattern(&count.pattern)?;
        let number = pattern.find_iter(output).count() as u64;
        let limits = [("exactly", &count.equals), ("at least", &count.at_least), ("at most", &count.at_most)];
        for (words, amount) in limits {
            let Some(amount) = amount else { continue };
            let wanted = amount.number()?;
            let right = match words {
                "exactly" => number == wanted,
                "at least" => number >= wanted,
                _ => number <= wanted,
            };
            if !right {
                let why = format!("`{}` is {number} times in the output, not {words} {wanted} times", count.pattern);
                return failed(why, excerpt(output.lines()));
            }
        }
        holds.push(format!("`{}` is {number} times in the output", count.pattern));
        shown = excerpt(lines_with(&pattern, output).into_iter());
    }
    if holds.is_empty() {
        return Err("the check expects nothing".to_owned());
    }
    Ok(CheckResult { passed: true, why: holds.join(", "), excerpt: shown })
}

/// Returns the lines that a match touches; a match may span lines.
fn lines_with<'a>(pattern: &Regex, output: &'a str) -> Vec<&'a str> {
    let mut found: Vec<&str> = Vec::new();
    let mut shown_until = 0;
    for hit in pattern.find_iter(output) {
        let start = output[..hit.start()].rfind('\n').map_or(0, |newline| newline + 1).max(shown_until);
        let end = output[hit.end()..].find('\n').map_or(output.len(), |newline| hit.end() + newline);
        if start < end || found.is_empty() {
            found.extend(output.get(start..end).unwrap_or_default().lines());
            if found.is_empty() {
                found.push("");
            }
            shown_until = end;
        }
    }
    found
}

fn excerpt<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    let lines: Vec<String> =
        lines.take(EXCERPT_LINES_MAX).map(|l| l.chars().take(EXCERPT_CHARS_MAX).collect()).collect();
    lines.join("\n")
}

impl fmt::Display for CheckResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", if self.passed { "passed" } else { "failed" }, self.why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::yaml;

    fn check(expect: &str) -> (Option<Check>, Vec<Diagnostic>) {
        let mut findings = Vec::new();
        let node = yaml::parse("checks/c.yaml", &format!("command: show x\nexpect: {expect}\n")).0.expect("YAML");
        (load("checks/c.yaml", &node, &mut findings).pop(), findings)
    }

    #[test]
    fn outputs_are_compared() {
        let output = "a up\r\nb down\r\nc up\r\n";
        let cases = [
            ("{matches: '^b down$'}", true, "b down"),
            ("{matches: '^d'}", false, "a up\nb down\nc up"),
            ("{not_matches: 'down'}", false, "b down"),
            ("{not_matches: 'lost'}", true, ""),
            ("{count: {pattern: 'up$', equals: 2}}", true, "a up\nc up"),
            ("{count: {pattern: 'up$', equals: 3}}", false, "a up\nb down\nc up"),
            ("{count: {pattern: 'up$', at_least: 2, at_most: 2}}", true, "a up\nc up"),
            ("{count: {pattern: 'up$', at_most: 1}}", false, "a up\nb down\nc up"),
            ("{matches: 'up', not_matches: 'down'}", false, "b down"),
            ("{count: {pattern: 'up', equals: '{{ x }}'}}", false, "a up\nb down\nc up"),
        ];
        for (expect, passed, shown) in cases {
            let (check, findings) = check(expect);
            assert_eq!(findings, Vec::new(), "{expect}");
            let result = evaluate(&check.expect("a check"), output);
            assert_eq!((result.passed, result.excerpt.as_str()), (passed, shown), "{expect}: {result}");
        }
    }

    #[test]
    fn meaningless_checks_are_findings() {
        for expect in ["{}", "{matches: '('}", "{count: {pattern: x}}", "{match: x}"] {
            assert!(!check(expect).1.is_empty(), "{expect}");
        }
        let filled = check("{count: {pattern: up, equals: '{{ n }}'}}").0.expect("a check");
        assert!(filled.fill(&mut |_| Ok("2".to_owned())).is_ok());
        assert!(filled.fill(&mut |_| Ok("two".to_owned())).is_err());
    }
}
