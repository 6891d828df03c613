//! The literal texts with which the matches of anchored expressions begin: a cheap question before an expression is asked.

/// Sorted beginnings, of which none begins with another one, and the bytes with which they begin.
#[derive(Clone, Debug)]
pub(super) struct Starts(Vec<String>, [bool; 256]);

impl Starts {
    /// Reads the beginnings off; nothing when a match of one expression can begin in any way.
    pub(super) fn of(expressions: &[&String]) -> Option<Self> {
        let mut all: Vec<String> = Vec::new();
        for expression in expressions {
            all.extend(beginnings(expression)?);
        }
        all.sort_unstable();
        let mut out: Vec<String> = Vec::with_capacity(all.len());
        for start in all {
            if !out.last().is_some_and(|last| start.starts_with(last.as_str())) {
                out.push(start);
            }
        }
        let mut first_bytes = [false; 256];
        out.iter().filter_map(|start| start.bytes().next()).for_each(|byte| first_bytes[usize::from(byte)] = true);
        Some(Self(out, first_bytes))
    }

    /// Tells whether a line begins with one of them.
    pub(super) fn begin(&self, line: &str) -> bool {
        if !line.bytes().next().is_some_and(|byte| self.1[usize::from(byte)]) {
            return false;
        }
        let after = self.0.partition_point(|start| start.as_str() <= line);
        after.checked_sub(1).is_some_and(|at| line.starts_with(self.0[at].as_str()))
    }
}

/// Reads `^literal`, `^(?:one|two)` and their like; nothing for everything that is not anchored to a literal.
fn beginnings(expression: &str) -> Option<Vec<String>> {
    let rest = expression.strip_prefix('^').filter(|rest| !has_alternatives(rest))?;
    let group = rest.strip_prefix("(?:").or_else(|| rest.strip_prefix('('));
    let Some(group) = group else { return with_option(rest).or_else(|| literal(rest).map(|start| vec![start])) };
    let mut depth = 0;
    let mut alternatives = Vec::new();
    let mut from = 0;
    for (at, byte) in group.bytes().enumerate() {
        match byte {
            b'\\' | b'[' => return None,
            b'(' => depth += 1,
            b')' if depth > 0 => depth -= 1,
            b'|' if depth == 0 => {
                alternatives.push(&group[from..at]);
                from = at + 1;
            }
            b')' => {
                if group[at + 1..].starts_with(['?', '*', '{']) {
                    return None;
                }
                alternatives.push(&group[from..at]);
                return alternatives.into_iter().map(literal).collect();
            }
            _ => {}
        }
    }
    None
}

/// Reads `literal(?:literal)?literal`: the beginnings with and without the part in the middle.
fn with_option(expression: &str) -> Option<Vec<String>> {
    let (before, rest) = expression.split_once("(?:")?;
    let (option, after) = rest.split_once(")?")?;
    let plain = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    if before.is_empty() || !plain(before) || !plain(option) || after.starts_with('?') {
        return None;
    }
    let after = literal(after).unwrap_or_default();
    Some(vec![format!("{before}{after}"), format!("{before}{option}{after}")])
}

/// Tells whether an expression is several ones, so that an anchor belongs to the first one only.
fn has_alternatives(expression: &str) -> bool {
    let mut depth = 0_usize;
    let mut escaped = false;
    for byte in expression.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            b'|' if depth == 0 => return true,
            _ => {}
        }
    }
    false
}

/// Returns the literal text with which an expression begins; nothing when there is none.
fn literal(expression: &str) -> Option<String> {
    let mut out = String::new();
    let mut chars = expression.chars().peekable();
    while let Some(next) = chars.next() {
        let plain = match next {
            '\\' => match chars.next() {
                Some(escaped) if escaped.is_ascii_punctuation() => escaped,
                _ => break,
            },
            '(' | '[' | '.' | '^' | '$' | '|' | ')' => break,
            other => other,
        };
        if matches!(chars.peek(), Some('?' | '*' | '{')) {
            break;
        }
        out.push(plain);
        if chars.next_if(|next| *next == '+').is_some() {
            break;
        }
    }
    (!out.is_empty()).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn starts(expressions: &[&str]) -> Option<Starts> {
        let owned: Vec<String> = expressions.iter().map(|text| (*text).to_owned()).collect();
        Starts::of(&owned.iter().collect::<Vec<_>>())
    }

    #[test]
    fn anchored_expressions_have_beginnings() {
        let starts = starts(&[
            "^Building configuration", r"^(?:boot-start|boot-end)-marker$", r"^ip(?:v6)? route (\S+)", r"^\[V\d+R",
            "^a(?:b)?x?",
        ])
        .unwrap();
        for line in
            ["Building configuration...", "boot-end-marker", "ip route 1", "ipv6 route 2", "[V200R005]", "a", "abx"]
        {
            assert!(starts.begin(line), "{line}");
        }
        for line in ["interface a", "Build", "boot", "version", "ip router", "ipv4 route", "ip", ""] {
            assert!(!starts.begin(line), "{line}");
        }
    }

    #[test]
    fn others_have_none() {
        for expression in [r"\ble \d+", "^.*x", "^a?b", r"^(?:a|\S+) x", "^(a)?b", "a", "^a|b", "^(a)|b"] {
            assert!(starts(&[expression]).is_none(), "{expression}");
        }
    }
}
