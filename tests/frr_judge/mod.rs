//! The device as the judge: on a real FRR router our commands lead to exactly what a router shows that was started from the
//! intended file, in one pass, and back; `frr-reload.py` does the same pairs beside us.
//!
//! `FRR_JUDGE_PAIRS` is the number of pairs (default 24), `FRR_JUDGE_SEED` the first seed (default 1), `FRR_JUDGE_WORKERS` how
//! many are judged at the same time (default 3). Everything about a pair that missed is kept under `misses` in the lab folder.

mod choices;
mod compare;
mod generator;
mod pair;
mod router;
mod sessions;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use pair::{Judge, Verdict};
use router::Lab;

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable)
        .ok()
        .map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{variable} is not a number: {text}")))
}

/// Judges couples of configurations, both ways, until there are enough pairs.
fn verdicts(judge: &Judge, pairs: u64, first_seed: u64) -> Vec<Verdict> {
    let next = AtomicU64::new(first_seed);
    let found = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for worker in 0..number("FRR_JUDGE_WORKERS", 3) {
            let (next, found) = (&next, &found);
            scope.spawn(move || {
                let is_enough = || u64::try_from(found.lock().unwrap().len()).unwrap() >= pairs;
                while !is_enough() {
                    let couple = judge.couple(next.fetch_add(1, Ordering::Relaxed), worker);
                    found.lock().unwrap().extend(couple);
                }
            });
        }
    });
    let mut found = found.into_inner().unwrap();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

fn percent(part: usize, whole: usize) -> String {
    #[expect(clippy::cast_precision_loss, reason = "counts of some hundred")]
    let value = 100.0 * part as f64 / whole.max(1) as f64;
    format!("{value:.1} %")
}

/// The figures of both tools in one line, and a line for each remark.
fn report(verdicts: &[Verdict]) -> String {
    let all = verdicts.len();
    let reached = verdicts.iter().filter(|v| v.reached).count();
    let clean = verdicts.iter().filter(|v| v.misses.is_empty()).count();
    let after =
        |passes: usize| verdicts.iter().filter(|v| v.reload_passes.is_some_and(|needed| needed <= passes)).count();
    let worse = verdicts.iter().filter(|v| v.is_worse()).count();
    let same_order = verdicts.iter().filter(|v| v.reached && v.same_order).count();
    let (commands, shown): (usize, usize) =
        (verdicts.iter().map(|v| v.commands).sum(), verdicts.iter().map(|v| v.lines).sum());
    let mut text = format!(
        "frr judge: {all} pairs (mean {} lines, {} commands) | reconverge: {reached} in one pass ({}), {same_order} in the same \
         order, {clean} without any remark on messages, prediction and way back ({}) | frr-reload.py: {} in one pass ({}), {} in \
         two, {} in three | worse than frr-reload.py: {worse}\n",
        shown / all.max(1),
        commands / all.max(1),
        percent(reached, all),
        percent(clean, all),
        after(1),
        percent(after(1), all),
        after(2),
        after(3),
    );
    for verdict in verdicts.iter().filter(|v| !v.misses.is_empty()) {
        for miss in &verdict.misses {
            text.push_str(&format!("  {} {}: {miss}\n", if verdict.reached { "remark" } else { "MISS" }, verdict.name));
        }
    }
    text
}

#[test]
fn one_pass_reaches_what_a_fresh_router_shows() {
    let Some(lab) = Lab::take() else { return };
    let pairs = number("FRR_JUDGE_PAIRS", 24);
    let judge = Judge::new(lab);
    let found = verdicts(&judge, pairs, number("FRR_JUDGE_SEED", 1));
    let text = report(&found);
    crate::support::say(&text);
    let refused = judge.refused();
    if std::env::var_os("FRR_JUDGE_VERBOSE").is_some() {
        crate::support::say(&refused.join("\n"));
    }
    let lost = refused.iter().filter(|words| words.contains("a daemon ended")).count();
    assert!(lost * 20 <= found.len(), "too many generated files end a daemon:\n{}", refused.join("\n"));
    let missed = found.iter().filter(|v| !v.reached).count();
    assert!(missed * 100 <= found.len(), "less than 99 % of the pairs are right\n{text}");
    let with_remarks = found.iter().filter(|v| !v.misses.is_empty()).count();
    assert!(with_remarks * 20 <= found.len(), "more than 5 % of the pairs have a remark\n{text}");
    assert!(!found.iter().any(Verdict::is_worse), "worse than frr-reload.py\n{text}");
}
