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

/// Writes the number of an area in one way: the router keeps the spelling in which it first heard of it, and changing the
/// spelling alone would take adjacencies down.
fn spelled(text: &str) -> String {
    let mut words: Vec<String> = text.split(' ').map(str::to_owned).collect();
    for at in 1..words.len() {
        if words[at - 1] == "area"
            && let Ok(number) = words[at].parse::<u32>()
        {
            words[at] = std::net::Ipv4Addr::from(number).to_string();
        }
    }
    words.join(" ")
}

/// Tells whether a block that holds nothing says nothing: a port that exists cannot be taken away again.
fn is_empty_block(line: &str) -> bool {
    line.starts_with("interface ") && !line.contains(" > ") || line == "line vty"
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
        out.push(spelled(&path.join(" > ")));
        open.push((indent, text));
    }
    let is_inside = |inner: &str, outer: &str| inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with(" > "));
    let lines = out.clone();
    let mut next = lines.iter().skip(1);
    out.retain(|line| {
        let has_lines = next.next().is_some_and(|after| is_inside(after, line));
        has_lines || !is_empty_block(line)
    });
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
            (Some(_) | None, Some(_)) => out.push(format!("- {}", right.next().unwrap())),
            (Some(_), None) => out.push(format!("+ {}", left.next().unwrap())),
            (None, None) => return out,
        }
    }
}
