//! Every platform page compiles, and the platforms' own cases come out right.

use reconverge::domain::config::remediate::Scope;
use reconverge::domain::platform::Platform;

#[test]
fn every_page_compiles() {
    for name in Platform::names() {
        Platform::built_in(name).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

/// Returns the fenced block of a kind in the guide.
fn block(kind: &str) -> &'static str {
    const GUIDE: &str = include_str!("../docs/platforms.md");
    let (_, rest) = GUIDE.split_once(&format!("```{kind}\n")).unwrap();
    rest.split_once("```").unwrap().0
}

#[test]
fn the_guide_adds_a_platform() {
    let dialect = Platform::from_page(block("yaml")).unwrap().dialect;
    let (running, intended) = (dialect.parse(block("running")), dialect.parse(block("intended")));
    let remediation = dialect.remediate(&running, &intended, &Scope::Replace);
    assert_eq!(dialect.commands_text(&remediation), block("commands"));
    assert!(remediation.unproved.is_empty());
    assert!(dialect.same(&dialect.predict(&running, &remediation.tree()), &intended));
    let back = dialect.remediate(&intended, &running, &Scope::Replace);
    assert!(dialect.same(&dialect.predict(&intended, &back.tree()), &running));
}
