//! The laws of the engine: what we send leads to the intention, and back, for every pair of configurations.
//!
//! `RECONVERGE_LAW_PAIRS` is the number of generated pairs for each platform, `RECONVERGE_LAW_PLATFORM` names platforms.

mod cases;
pub(crate) mod pairs;

use proptest::collection::vec;
use proptest::prelude::*;
use reconverge::domain::config::dialect::Dialect;
use reconverge::domain::config::page::Family;
use reconverge::domain::config::remediate::Scope;
use reconverge::domain::config::tree::{ConfigTree, Node};
use reconverge::domain::platform::Platform;

/// One change of a configuration: what, where, with what.
type Mutation = (u8, u16, u16);

fn holds(law: bool, what: &str, detail: impl FnOnce() -> String) -> Result<(), String> {
    if law { Ok(()) } else { Err(format!("{what}\n{}", detail())) }
}

/// One direction: the model and the text route both reach the intention.
fn reaches(dialect: &Dialect, running: &ConfigTree, intended: &ConfigTree) -> Result<(), String> {
    let remediation = dialect.remediate(running, intended, &Scope::Replace);
    let text = dialect.commands_text(&remediation);
    let show = |reached: &ConfigTree| {
        format!(
            "commands:\n{text}\nunproved: {:?}\nleft to do:\n{}\ndifference:\n{}",
            remediation.unproved,
            dialect.commands_text(&dialect.remediate(reached, intended, &Scope::Replace)),
            dialect.text_diff(running, intended)
        )
    };
    holds(remediation.unproved.is_empty(), "unproved", || show(running))?;
    let reached = dialect.predict(running, &remediation.tree());
    holds(dialect.same(&reached, intended), "the commands do not lead to the intention", || show(&reached))?;
    let reached = dialect.predict(running, &dialect.parse_commands(&text));
    holds(dialect.same(&reached, intended), "the commands as text do not lead to the intention", || show(&reached))
}

/// Tells whether sections are lines with lines below them, so that changed lines are a configuration again. Trees of other families
/// have a schema that such changes break; their laws stand beside their own tests.
fn is_nested(dialect: &Dialect) -> bool {
    matches!(dialect.page.family, Family::Indented | Family::Context | Family::Fortios)
}

fn laws(dialect: &Dialect, running: &ConfigTree, intended: &ConfigTree) -> Result<(), String> {
    reaches(dialect, running, intended)?;
    reaches(dialect, intended, running)?;
    let nothing = dialect.remediate(intended, intended, &Scope::Replace);
    holds(nothing.is_empty(), "a configuration differs from itself", || dialect.commands_text(&nothing))?;
    let again = dialect.parse(&dialect.print(intended));
    let exact = !is_nested(dialect) || again.lines() == intended.lines();
    holds(exact && dialect.same(&again, intended), "printing and reading changes a configuration", || {
        dialect.print(intended)
    })
}

fn change_word(text: &str, with: u16) -> String {
    if text.contains('\n') {
        return text.to_owned();
    }
    let mut words: Vec<String> = text.split(' ').map(str::to_owned).collect();
    let digits: Vec<usize> =
        (0..words.len()).filter(|i| words[*i].bytes().next_back().is_some_and(|b| b.is_ascii_digit())).collect();
    let index = digits.get(usize::from(with) % digits.len().max(1)).copied().unwrap_or(words.len() - 1);
    match words[index].pop() {
        Some(last) if last.is_ascii_digit() => {
            let other = (last.to_digit(10).unwrap_or(0) + 1 + u32::from(with) % 8) % 10;
            words[index].push_str(&other.to_string());
        }
        Some(last) => {
            words[index].push(last);
            words[index].push('x');
        }
        None => {}
    }
    words.join(" ")
}

/// Applies a change at the n-th line of a tree.
fn mutate(negation: &str, nodes: &mut Vec<Node>, at: &mut usize, (op, _, with): Mutation) -> bool {
    for index in 0..nodes.len() {
        if *at == 0 {
            let other = usize::from(with) % nodes.len();
            match op % 7 {
                0 => {
                    nodes.remove(index);
                }
                1 => {
                    // A copy under another name: a line or a section more.
                    let mut copy = nodes[index].clone();
                    copy.text = change_word(&copy.text, with).into();
                    nodes.insert(other, copy);
                }
                2 => nodes[index].text = change_word(&nodes[index].text, with).into(),
                3 => {
                    let node = nodes.remove(index);
                    nodes.insert(other.min(nodes.len()), node);
                }
                4 => nodes.swap(index, other),
                5 => {
                    // A line or section of a neighbour moves over here.
                    let moved = nodes[other].children.first().cloned();
                    nodes[index].children.extend(moved);
                }
                _ => {
                    let negated = nodes[index].text.strip_prefix(negation).map(str::to_owned);
                    let text = negated.unwrap_or_else(|| format!("{negation}{}", nodes[index].text));
                    if nodes[index].children.is_empty() && !text.contains('\n') {
                        nodes[index].text = text.into();
                    }
                }
            }
            return true;
        }
        *at -= 1;
        if mutate(negation, &mut nodes[index].children, at, (op, 0, with)) {
            return true;
        }
    }
    false
}

fn mutated(dialect: &Dialect, base: &ConfigTree, mutations: &[Mutation]) -> ConfigTree {
    let mut tree = base.clone();
    for mutation in mutations {
        let mut at = usize::from(mutation.1) % tree.count().max(1);
        mutate(&dialect.page.negation, &mut tree.children, &mut at, *mutation);
    }
    dialect.parse(&dialect.print(&tree))
}

/// The platforms whose lines nest; the flat ones have laws of their own in `laws_flat`.
fn nested() -> impl Iterator<Item = &'static str> {
    use reconverge::domain::config::page::Family;
    let nests = |family| matches!(family, Family::Indented | Family::Context | Family::Fortios);
    Platform::names().into_iter().filter(move |name| nests(Platform::built_in(name).unwrap().page.dialect.family))
}

#[test]
fn own_corpora_keep_the_laws() {
    let mut broken = Vec::new();
    for name in nested() {
        let dialect = Platform::built_in(name).unwrap().dialect;
        let mut trees: Vec<ConfigTree> = pairs::own(name).iter().map(|text| dialect.parse(text)).collect();
        trees.push(ConfigTree::default());
        for running in &trees {
            for intended in &trees {
                if let Err(error) = laws(&dialect, running, intended) {
                    broken.push(format!("{name}: {error}"));
                }
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n\n"));
}

#[test]
fn generated_pairs_keep_the_laws() {
    let mut broken = Vec::new();
    for name in nested().filter(|name| !pairs::is_left_out(name)) {
        let dialect = Platform::built_in(name).unwrap().dialect;
        let own = pairs::bases(&dialect, &pairs::own(name));
        assert!(!own.is_empty(), "{name} has no configuration in tests/platforms");
        let bases: Vec<ConfigTree> = own.into_iter().chain(pairs::bases(&dialect, &pairs::foreign(name))).collect();
        let changes = || vec(any::<Mutation>(), 0..24);
        let strategy = (any::<u16>(), changes(), changes());
        let outcome = pairs::run(name, &strategy, |(base, one, two)| {
            let base = &bases[usize::from(*base) % bases.len()];
            laws(&dialect, &mutated(&dialect, base, one), &mutated(&dialect, base, two))
        });
        broken.extend(outcome.err());
    }
    assert!(broken.is_empty(), "{}", broken.join("\n\n"));
}
