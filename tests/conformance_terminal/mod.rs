//! Prompts and recorded terminals of other projects, played against our terminal reader with our pages.
//!
//! The misses are explained in `docs/conformance-terminal.md`.

mod oxidized;
mod prompts;
mod recorded;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use reconverge::domain::platform::Platform;
use reconverge::domain::platform::session::SessionPage;

use crate::support::say;

/// The page that speaks to a platform, by our name, an alias or the name of another project.
fn page(name: &str) -> Option<SessionPage> {
    static PAGES: LazyLock<BTreeMap<String, SessionPage>> = LazyLock::new(|| {
        let mut pages = BTreeMap::new();
        for (name, platform) in Platform::all().unwrap() {
            let names = platform.page.aliases.iter().cloned().chain([name.to_string()]);
            let names: Vec<String> = names.collect();
            let Some(session) = platform.session() else { continue };
            pages.extend(names.into_iter().map(|name| (name, session.clone())));
        }
        pages
    });
    PAGES.get(name).cloned()
}

/// Prints what was reached and fails below the goal; `misses` name the cases.
fn judge(what: &str, cases: usize, misses: &[String], goal_percent: usize) {
    let good = cases - misses.len();
    say(&format!("conformance: {what}: {good} of {cases}"));
    for miss in misses {
        say(&format!("  miss: {miss}"));
    }
    assert!(good * 100 >= cases * goal_percent, "{what}: {good} of {cases} is less than {goal_percent} %");
}
