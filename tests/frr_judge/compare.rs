//! Two outputs of `show running-config` as text, without knowledge of our engine: the same lines in the same sections.

/// Lines that say nothing about the configuration.
fn is_noise(line: &str) -> bool {
    let text = line.trim();
    text.is_empty()
        || text == "!"
        || text == "end"
        || text == "exit"
        || text.starts_with("exit-")
        || ["Building configuration", "Current configuration", "frr version", "frr defaults"]
            .iter()
            .any(|start| text.starts_with(start))
}

/// Returns every line with the headers around it, in the order of printing.
pub(crate) fn lines(running: &str) -> Vec<String> {
    let mut open: Vec<(usize, &str)> = Vec::new();
    let mut out = Vec::new();
    for line in running.lines().filter(|line| !is_noise(line)) {
        let text = line.trim();
        let indent = line.len() - line.trim_start().len();
        while open.last().is_some_and(|(other, _)| *other >= indent) {
            open.pop();
        }
        let path: Vec<&str> = open.iter().map(|(_, header)| *header).chain([text]).collect();
        out.push(path.join(" > "));
        open.push((indent, text));
    }
    out
}

/// Returns what differs, `-` for lines that should be there and `+` for lines that should not; order does not count.
pub(crate) fn differences(got: &str, wanted: &str) -> Vec<String> {
    let (mut got, mut wanted) = (lines(got), lines(wanted));
    got.sort();
    wanted.sort();
    let mut out = Vec::new();
    let (mut left, mut right) = (got.into_iter().peekable(), wanted.into_iter().peekable());
    loop {
        match (left.peek(), right.peek()) {
            (Some(a), Some(b)) if a == b => {
                left.next();
                right.next();
            }
            (Some(a), Some(b)) if a < b => out.push(format!("+ {}", left.next().unwrap())),
            (Some(_), Some(_)) | (None, Some(_)) => out.push(format!("- {}", right.next().unwrap())),
            (Some(_), None) => out.push(format!("+ {}", left.next().unwrap())),
            (None, None) => return out,
        }
    }
}
