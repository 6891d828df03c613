//! What the demonstration says: headings, commands, quoted output, progress and proofs; coloured only on a terminal.

use std::io::{IsTerminal as _, Write as _};

use tokio::time::Instant;

/// The narrator.
pub(super) struct Voice {
    is_coloured: bool,
    started: Instant,
}

/// How something is shown on a terminal.
#[derive(Clone, Copy)]
enum Style {
    Plain,
    Bold,
    Dim,
    Green,
    Red,
    Yellow,
    Cyan,
}

impl Style {
    fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Bold => "1",
            Self::Dim => "2",
            Self::Green => "32",
            Self::Red => "31",
            Self::Yellow => "33",
            Self::Cyan => "36",
        }
    }

    /// How a line of a plan, a diff or a run is shown.
    fn of_quoted(line: &str) -> Self {
        match line.trim_start().chars().next() {
            Some('✗') => Self::Red,
            Some('●' | '◌') => Self::Bold,
            Some('+') => Self::Green,
            Some('-') => Self::Red,
            Some('~') => Self::Yellow,
            Some('@') => Self::Cyan,
            _ => Self::Plain,
        }
    }
}

impl Voice {
    /// A voice that knows whether standard output is a terminal. `NO_COLOR` is respected (no-color.org).
    pub(super) fn new() -> Self {
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { is_coloured: std::io::stdout().is_terminal() && !unwanted, started: Instant::now() }
    }

    fn styled(&self, style: Style, text: &str) -> String {
        match style.code() {
            "" => text.to_owned(),
            _ if !self.is_coloured => text.to_owned(),
            code => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
        }
    }

    fn line(&self, text: &str) {
        println!("{text}");
    }

    /// Begins a step.
    pub(super) fn heading(&self, text: &str) {
        self.line("");
        self.line(&self.styled(Style::Bold, text));
    }

    /// Says something.
    pub(super) fn say(&self, text: &str) {
        for line in text.lines() {
            self.line(&format!("   {line}"));
        }
    }

    /// Shows a command before it is run. `who` types it.
    pub(super) fn command(&self, who: &str, command: &str) {
        let prompt = self.styled(Style::Dim, who);
        self.line(&format!("   {prompt} {}", self.styled(Style::Cyan, command)));
    }

    /// Shows what something printed.
    pub(super) fn quote(&self, text: &str) {
        for line in text.trim_end().lines() {
            let line = format!("     │ {}", self.styled(Style::of_quoted(line), line));
            self.line(line.trim_end());
        }
    }

    /// Tells progress, with the seconds since the start.
    pub(super) fn progress(&self, text: &str) {
        let time = self.styled(Style::Dim, &format!("{:6.1} s", self.started.elapsed().as_secs_f64()));
        self.line(&format!("  {time}  {text}"));
    }

    /// Tells progress in the wrong direction.
    pub(super) fn setback(&self, text: &str) {
        self.progress(&self.styled(Style::Red, text));
    }

    /// Says what was checked and holds.
    pub(super) fn proved(&self, text: &str) {
        self.line(&self.styled(Style::Green, &format!("   ✓ {text}")));
    }

    /// Says that the demonstration failed, and what was seen.
    pub(super) fn failed(&self, error: &anyhow::Error, seen: &str) {
        let _ = std::io::stdout().flush();
        eprintln!("\n{}", self.styled(Style::Red, &format!("✗ the demonstration failed: {error:#}")));
        if !seen.is_empty() {
            eprintln!("\nwhat was seen:\n{seen}");
        }
    }

    /// How long it took until now, in seconds.
    pub(super) fn elapsed_s(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }
}
