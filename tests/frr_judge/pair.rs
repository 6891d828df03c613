//! One couple of configurations, judged both ways on fresh routers.

use std::sync::Mutex;

use reconverge::domain::config::command::SendLine;
use reconverge::domain::config::remediate::Scope;
use reconverge::domain::platform::Platform;
use reconverge::domain::platform::session::Session;

use super::choices::{Again, Choices};
use super::router::{Lab, Router};
use super::{compare, generator};

/// The parts of a configuration, by the names of their choices.
const PARTS: [&str; 13] = [
    "bgp/main", "bgp/RED", "bgp", "filters", "filters/rm", "ospf", "isis", "ports", "static", "vrf", "bfd", "pim",
    "ospf6",
];

/// Most passes that `frr-reload.py` gets.
const RELOADS_MAX: usize = 3;

/// Most times that a file is corrected.
const REFUSALS_MAX: usize = 4;

/// What became of one pair.
#[derive(Clone, Debug)]
pub(crate) struct Verdict {
    /// Seed and direction.
    pub(crate) name: String,
    /// What was not right; empty means that everything was.
    pub(crate) misses: Vec<String>,
    /// Whether the router prints the lines in the same order as a fresh one.
    pub(crate) same_order: bool,
    /// After how many passes `frr-reload.py` was there.
    pub(crate) reload_passes: Option<usize>,
    /// How many commands we sent.
    pub(crate) commands: usize,
    /// How many lines the fresh router shows.
    pub(crate) lines: usize,
    /// Whether our single pass led to the intended configuration, whatever else was wrong.
    pub(crate) reached: bool,
}

impl Verdict {
    /// Tells whether FRR's own tool gets where we do not.
    pub(crate) fn is_worse(&self) -> bool {
        !self.reached && self.reload_passes.is_some()
    }
}

/// Everything that is needed to judge.
pub(crate) struct Judge {
    lab: Lab,
    platform: Platform,
    session: Session,
    refused: Mutex<Vec<String>>,
}

/// One configuration: the file, and what a router shows that was started from it.
struct Side<'a> {
    file: &'a str,
    shown: &'a str,
}

impl Judge {
    /// Prepares the judge.
    pub(crate) fn new(lab: Lab) -> Self {
        let platform = Platform::built_in("frr").expect("the page is good");
        let session = platform.page.session.clone().expect("the page says how to talk to FRR");
        Self { lab, platform, session, refused: Mutex::default() }
    }

    /// Returns what routers refused of the generated files.
    pub(crate) fn refused(&self) -> Vec<String> {
        self.refused.lock().unwrap().clone()
    }

    /// Judges the two directions of one couple; nothing when they are the same or a router
    /// cannot be started from one of them.
    pub(crate) fn couple(&self, seed: u64, worker: u64) -> Vec<Verdict> {
        let (one, two) = (self.lab.router(format!("j{worker}a")), self.lab.router(format!("j{worker}b")));
        let (a, b) = files(seed);
        if a == b {
            return Vec::new();
        }
        let files = (self.accepted(seed, &one, a), self.accepted(seed, &two, b));
        let shown = (files.0.as_ref().map(|_| one.running()), files.1.as_ref().map(|_| two.running()));
        let is_same =
            shown.0.as_ref().zip(shown.1.as_ref()).is_some_and(|(a, b)| compare::differences(a, b).is_empty());
        // a couple that shows the same is no pair: nothing would be judged
        let out = if let ((Some(a), Some(b)), (Some(shown_a), Some(shown_b)), false) = (&files, &shown, is_same) {
            let (a, b) = (Side { file: a, shown: shown_a }, Side { file: b, shown: shown_b });
            vec![
                self.direction(&format!("{seed:05}>"), &one, &a, &b),
                self.direction(&format!("{seed:05}<"), &two, &b, &a),
            ]
        } else {
            Vec::new()
        };
        one.stop();
        two.stop();
        out
    }

    /// Starts a router from a file and returns the file without the lines that the router refuses.
    fn accepted(&self, seed: u64, router: &Router, mut file: String) -> Option<String> {
        for _ in 0..REFUSALS_MAX {
            let Err(refused) = router.start(&file, false) else { return Some(file) };
            let said: Vec<&str> = refused.words.lines().filter(|line| line.starts_with("line ")).collect();
            self.refused.lock().unwrap().push(format!("{seed}: {}", said.join(" / ")));
            if refused.has_crashed {
                self.refused.lock().unwrap().push(format!("{seed}: a daemon ended: {}", refused.words));
                return None;
            }
            if refused.lines.is_empty() {
                self.refused.lock().unwrap().push(format!("{seed}: lines together with others: {}", refused.words));
                return None;
            }
            let kept = file.lines().enumerate().filter(|(index, _)| !refused.lines.contains(&(index + 1)));
            file = kept.map(|(_, line)| format!("{line}\n")).collect();
        }
        None
    }

    fn direction(&self, name: &str, router: &Router, from: &Side<'_>, to: &Side<'_>) -> Verdict {
        let dialect = &self.platform.dialect;
        let exit = &dialect.page.exit;
        let (running, intended) = (dialect.parse(from.shown), dialect.parse(to.file));
        let change = dialect.remediate(&running, &intended, &Scope::Replace);
        let predicted = dialect.predict(&running, &change.tree());
        let back = dialect.remediate(&predicted, &running, &Scope::Replace);
        let mut misses: Vec<String> = change.unproved.iter().map(|line| format!("unproved: {line}")).collect();
        let lines = self.typed(change.send_lines(exit));
        misses.extend(router.type_lines(&lines, &self.session).into_iter().map(|words| format!("refused: {words}")));
        let reached = router.running();
        let after = dialect.parse(&reached);
        let differences = compare::differences(&reached, to.shown);
        misses.extend(limited("differs", &differences));
        if differences.is_empty() {
            let rest = dialect.remediate(&after, &intended, &Scope::Replace);
            misses.extend(limited(
                "still planned",
                &dialect.commands_text(&rest).lines().map(str::to_owned).collect::<Vec<_>>(),
            ));
            if !dialect.same(&predicted, &after) {
                misses.extend(limited(
                    "predicted",
                    &compare::differences(&dialect.print(&predicted), &dialect.print(&after)),
                ));
            }
            let undo = self.typed(back.send_lines(exit));
            misses.extend(
                router.type_lines(&undo, &self.session).into_iter().map(|words| format!("undo refused: {words}")),
            );
            misses.extend(limited("undo differs", &compare::differences(&router.running(), from.shown)));
        }
        let reload_passes = self.reload(router, from, to);
        let verdict = Verdict {
            name: name.to_owned(),
            same_order: compare::lines(&reached) == compare::lines(to.shown),
            reload_passes,
            commands: lines.len(),
            lines: to.shown.lines().count(),
            reached: differences.is_empty(),
            misses,
        };
        if !verdict.misses.is_empty() {
            let texts = [dialect.commands_text(&change), dialect.commands_text(&back), verdict.misses.join("\n")];
            self.lab.keep(
                name,
                &[
                    ("from.conf", from.file),
                    ("to.conf", to.file),
                    ("from.shown", from.shown),
                    ("to.shown", to.shown),
                    ("reached", &reached),
                    ("commands", &texts[0]),
                    ("undo", &texts[1]),
                    ("misses", &texts[2]),
                ],
            );
        }
        verdict
    }

    /// Leaves sections without lines at once, as the driver does.
    fn typed(&self, lines: Vec<SendLine>) -> Vec<SendLine> {
        let dialect = &self.platform.dialect;
        let mut places = vec![dialect.top()];
        let mut out = Vec::with_capacity(lines.len());
        for line in lines {
            let (positive, negated) = dialect.positive(&line.text);
            places.truncate(line.depth + 1);
            let rule = places
                .last()
                .and_then(|place| dialect.rule(*place, positive))
                .filter(|rule| rule.page.section && !negated);
            let leave = SendLine { text: dialect.page.exit.clone(), depth: line.depth + 1, enters: false };
            let is_empty = rule.is_some() && !line.enters;
            if line.enters {
                places.push(dialect.inside(rule));
            }
            out.push(line);
            out.extend(is_empty.then_some(leave));
        }
        out
    }

    /// Returns after how many passes `frr-reload.py` is there.
    fn reload(&self, router: &Router, from: &Side<'_>, to: &Side<'_>) -> Option<usize> {
        if std::env::var_os("FRR_JUDGE_ALONE").is_some() {
            return None;
        }
        router.start(from.file, false).expect("it was accepted before");
        (1..=RELOADS_MAX).find(|_| {
            router.reload(to.file);
            compare::differences(&router.running(), to.shown).is_empty()
        })
    }
}

fn limited(what: &str, lines: &[String]) -> Vec<String> {
    let mut out: Vec<String> = lines.iter().take(6).map(|line| format!("{what}: {line}")).collect();
    if lines.len() > 6 {
        out.push(format!("{what}: … and {} more", lines.len() - 6));
    }
    out
}

/// Returns the two files of a couple: some are independent, some differ in one part, some in a few places.
fn files(seed: u64) -> (String, String) {
    let other = seed.wrapping_mul(7919).wrapping_add(13);
    let part = PARTS[usize::try_from(seed / 5).unwrap() % PARTS.len()];
    let again = match seed % 5 {
        0 => Again::Everywhere,
        1 => Again::Sometimes(15),
        2 => Again::Sometimes(80),
        3 => Again::Within(part),
        _ => Again::SometimesWithin(part, 250),
    };
    let file = |again| generator::config(&Choices::new(seed, other, again));
    (file(Again::Never), file(again))
}

#[test]
fn files_are_the_same_every_time_and_differ_within_a_couple() {
    let couples: Vec<_> = (1..40).map(files).collect();
    assert_eq!(couples, (1..40).map(files).collect::<Vec<_>>());
    assert!(couples.iter().filter(|(a, b)| a != b).count() > 30);
}
