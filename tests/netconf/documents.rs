//! XML configurations as documents: what is sent, what it leads to, what people see.

use proptest::prelude::*;
use reconverge::domain::config::dialect::Dialect;
use reconverge::domain::config::remediate::Scope;
use reconverge::domain::config::tree::ConfigTree;
use reconverge::domain::platform::Platform;

fn dialect() -> Dialect {
    Platform::built_in("netconf").unwrap().dialect
}

/// The commands, and what the model says that they lead to.
fn change(running: &str, intended: &str, scope: &Scope) -> (String, ConfigTree) {
    let dialect = dialect();
    let (running, intended) = (dialect.parse(running), dialect.parse(intended));
    let made = dialect.remediate(&running, &intended, scope);
    assert!(made.unproved.is_empty(), "{:?}", made.unproved);
    let text = dialect.commands_text(&made);
    let predicted = dialect.predict(&running, &made.tree());
    // what people see and may save is the same edit
    assert_eq!(dialect.predict(&running, &dialect.parse_commands(&text)), predicted);
    if *scope == Scope::Replace {
        assert!(dialect.same(&predicted, &intended), "{text}\n{}", dialect.text_diff(&predicted, &intended));
    }
    (text, predicted)
}

const INTERFACES: &str = "<interfaces xmlns=\"urn:ietf:params:xml:ns:yang:ietf-interfaces\">";

fn interfaces(inside: &str) -> String {
    format!("{INTERFACES}{inside}</interfaces>")
}

#[test]
fn entries_are_changed_by_their_keys() {
    let running = interfaces(
        "<interface><name>eth0</name><description>a</description><enabled>true</enabled></interface>\
         <interface><name>eth1</name><type xmlns:i='urn:if'>i:eth</type></interface>",
    );
    let intended = interfaces(
        "<interface><name>eth2</name><mtu>1500</mtu></interface>\
         <interface><name>eth0</name><description>b &lt; c</description></interface>",
    );
    let (edit, _) = change(&running, &intended, &Scope::Replace);
    assert_eq!(
        edit,
        format!(
            "{INTERFACES}\n  <interface operation=\"delete\"><name>eth1</name></interface>\n\
             \x20 <interface><name>eth2</name>\n    <mtu>1500</mtu>\n  </interface>\n\
             \x20 <interface><name>eth0</name>\n    <description>b &lt; c</description>\n\
             \x20   <enabled operation=\"delete\">true</enabled>\n  </interface>\n</interfaces>\n"
        )
    );
}

#[test]
fn prefixes_and_order_of_entries_are_no_difference() {
    let a = interfaces(
        "<interface><name>a</name><type xmlns:x='urn:if'>x:eth</type></interface><interface><name>b</name></interface>",
    );
    let b = "<data xmlns='urn:ietf:params:xml:ns:netconf:base:1.0'><if:interfaces xmlns:if='urn:ietf:params:xml:ns:yang:ietf-interfaces'>\
             <if:interface><if:name>b</if:name></if:interface>\
             <if:interface><if:name>a</if:name><if:type xmlns:y='urn:if'>y:eth</if:type></if:interface></if:interfaces></data>";
    let dialect = dialect();
    assert!(dialect.same(&dialect.parse(&a), &dialect.parse(b)));
    let (edit, _) = change(&a, b, &Scope::Replace);
    assert_eq!(edit, "");
}

#[test]
fn lists_of_values_are_changed_value_by_value() {
    let dns = |inside: &str| format!("<dns xmlns='urn:x'>{inside}</dns>");
    let (edit, _) = change(
        &dns("<name-server>192.0.2.1</name-server>"),
        &dns("<name-server>192.0.2.2</name-server><name-server>192.0.2.3</name-server>"),
        &Scope::Replace,
    );
    assert_eq!(edit.matches("operation=\"create\"").count(), 2, "{edit}");
    assert!(edit.contains("<name-server operation=\"delete\">192.0.2.1</name-server>"), "{edit}");
    // learnt from the other document: it must be a list
    let (edit, _) = change(&dns("<v>1</v>"), &dns("<v>1</v><v>2</v>"), &Scope::Replace);
    assert!(edit.contains("<v operation=\"create\">2</v>") && !edit.contains("delete"), "{edit}");
}

#[test]
fn entries_without_a_known_key_are_replaced_with_what_is_around_them() {
    let list = |inside: &str| format!("<top xmlns='urn:x'><rows>{inside}</rows><other>1</other></top>");
    let row = |a: u8, b: u8| format!("<row><left>{a}</left><right>{b}</right></row>");
    let (edit, _) = change(&list(&(row(1, 1) + &row(2, 2))), &list(&(row(1, 1) + &row(2, 3))), &Scope::Replace);
    assert!(edit.contains("<rows operation=\"replace\">") && !edit.contains("other"), "{edit}");
    let (edit, _) = change(&list(&(row(1, 1) + &row(2, 2))), &list(&(row(2, 2) + &row(1, 1))), &Scope::Replace);
    assert_eq!(edit, "");
    // a container with a name cannot be told from an entry of a list
    let (edit, _) = change(&list("<c><name>a</name></c>"), &list("<c><name>b</name></c>"), &Scope::Replace);
    assert!(edit.contains("<rows operation=\"replace\">"), "{edit}");
}

#[test]
fn the_order_of_filter_entries_counts() {
    let list = |inside: &str| format!("<acls xmlns='urn:x'><aces>{inside}</aces></acls>");
    let (edit, _) = change(
        &list("<ace><name>a</name></ace><ace><name>b</name></ace>"),
        &list("<ace><name>b</name></ace><ace><name>a</name></ace>"),
        &Scope::Replace,
    );
    assert!(edit.contains("<aces operation=\"replace\">"), "{edit}");
}

#[test]
fn what_is_not_owned_stays() {
    let dialect = dialect();
    let running =
        "<a xmlns='urn:x'><b>1</b></a><system xmlns='urn:s'><ntp><s>1</s></ntp><hostname>x</hostname></system>";
    let intended = "<system xmlns='urn:s'><ntp><s>2</s></ntp><hostname>y</hostname></system>";
    let (edit, predicted) = change(running, intended, &Scope::Owned(vec!["system/ntp".into()]));
    assert!(edit.contains("<s>2</s>") && !edit.contains("hostname") && !edit.contains("urn:x"), "{edit}");
    assert!(dialect.print(&predicted).contains("<hostname>x</hostname>"));
    let (edit, predicted) = change(running, intended, &Scope::Merge);
    assert!(!edit.contains("delete") && dialect.print(&predicted).contains("<b>1</b>"), "{edit}");
    let made =
        dialect.remediate(&dialect.parse(running), &dialect.parse(intended), &Scope::Owned(vec!["system".into()]));
    assert_eq!(made.foreign, ["<a xmlns=\"urn:x\">"]);
}

#[test]
fn a_broken_document_is_never_an_empty_one() {
    let dialect = dialect();
    let running = dialect.parse(&interfaces("<interface><name>a</name></interface>"));
    for broken in ["<interfaces", "<!DOCTYPE x><x/>", "hello", "<a>x<b/></a>", "<x>&unknown;</x>"] {
        let tree = dialect.parse(broken);
        assert!(!tree.is_empty(), "{broken}");
        let made = dialect.remediate(&running, &tree, &Scope::Replace);
        assert!(made.commands.is_empty() && !made.unproved.is_empty(), "{broken}");
        assert!(!dialect.same(&running, &tree));
    }
}

#[test]
fn secrets_are_masked_wherever_the_document_is_shown() {
    let dialect = dialect();
    let running = "<system xmlns='urn:s'><user><name>ann</name><password>$6$old</password></user>\
                   <radius><server><name>r</name><udp><shared-secret>s3cret</shared-secret></udp></server></radius></system>";
    let intended = running.replace("$6$old", "hunter2").replace("s3cret", "other9");
    let made = dialect.remediate(&dialect.parse(running), &dialect.parse(&intended), &Scope::Replace);
    let shown = [
        dialect.mask(&dialect.commands_text(&made)),
        dialect.mask(&dialect.text_diff(&dialect.parse(running), &dialect.parse(&intended))),
        format!("{:?}", dialect.mask_operations(&made.operations())),
    ];
    for text in shown {
        for secret in ["hunter2", "$6$old", "s3cret", "other9"] {
            assert!(!text.contains(secret), "{text}");
        }
        assert!(text.contains("ann"), "{text}");
    }
}

/// Documents with keyed lists, lists of values, containers, leaves and rows without keys.
fn document() -> impl Strategy<Value = String> {
    let leaf = (0..4_u8, 0..4_u8).prop_map(|(name, value)| format!("<leaf{name}>{value}</leaf{name}>"));
    let value = (0..5_u8).prop_map(|value| format!("<name-server>{value}</name-server>"));
    let row = (0..3_u8, 0..3_u8).prop_map(|(a, b)| format!("<row><left>{a}</left><right>{b}</right></row>"));
    let ace = (0..4_u8, 0..2_u8)
        .prop_map(|(name, action)| format!("<ace><name>{name}</name><action>{action}</action></ace>"));
    let distinct = |items: Vec<String>, key: fn(&str) -> String| {
        let mut seen = std::collections::BTreeSet::new();
        items.into_iter().filter(|item| seen.insert(key(item))).collect::<Vec<_>>().concat()
    };
    let name = |item: &str| item.split("</name>").next().unwrap_or_default().to_owned();
    let tag = |item: &str| item.split('>').next().unwrap_or_default().to_owned();
    let leaves = prop::collection::vec(leaf, 0..4).prop_map(move |items| distinct(items, tag));
    let inside = (
        leaves,
        prop::collection::vec(value, 0..4).prop_map(move |items| distinct(items, |item| item.to_owned())),
        prop::collection::vec(row, 0..3).prop_map(|rows| rows.concat()),
        prop::collection::vec(ace, 0..4).prop_map(move |items| distinct(items, name)),
    );
    let inside = inside
        .prop_map(|(leaves, values, rows, aces)| format!("{leaves}<c>{values}</c><d>{rows}</d><aces>{aces}</aces>"));
    let entry = (0..4_u8, inside).prop_map(|(name, inside)| format!("<entry><name>{name}</name>{inside}</entry>"));
    let entries = prop::collection::vec(entry, 0..4).prop_map(move |items| distinct(items, name));
    prop::collection::vec((0..3_u8, entries), 0..3).prop_map(|tops| {
        let mut seen = std::collections::BTreeSet::new();
        let tops = tops.into_iter().filter(|(name, _)| seen.insert(*name));
        tops.map(|(name, entries)| format!("<top{name} xmlns='urn:t{name}'><list>{entries}</list></top{name}>"))
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_sent_leads_to_what_is_intended_and_back(running in document(), intended in document()) {
        let (_, _) = change(&running, &intended, &Scope::Replace);
        let (_, _) = change(&intended, &running, &Scope::Replace);
        let dialect = dialect();
        let (a, b) = (dialect.parse(&running), dialect.parse(&intended));
        prop_assert!(dialect.same(&a, &a));
        prop_assert_eq!(dialect.same(&a, &b), dialect.remediate(&a, &b, &Scope::Replace).is_empty());
        prop_assert_eq!(dialect.parse(&dialect.print(&a)), a);
    }
}
