//! Every platform page compiles, and the platforms' own cases come out right.

use reconverge::domain::platform::Platform;

#[test]
fn every_page_compiles() {
    for name in Platform::names() {
        Platform::built_in(name).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}
