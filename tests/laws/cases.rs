//! Single cases that the laws, or configurations of other people, showed: small enough to be read.

use reconverge::domain::config::dialect::Dialect;
use reconverge::domain::config::remediate::Scope;
use reconverge::domain::platform::Platform;

fn dialect(platform: &str) -> Dialect {
    Platform::built_in(platform).unwrap().dialect
}

/// Returns the commands from one text to the other; nothing may be left unproved.
fn commands(platform: &str, running: &str, intended: &str) -> Vec<String> {
    let dialect = dialect(platform);
    let (running, intended) = (dialect.parse(running), dialect.parse(intended));
    let remediation = dialect.remediate(&running, &intended, &Scope::Replace);
    assert_eq!(remediation.unproved, Vec::<String>::new());
    assert!(dialect.same(&dialect.predict(&running, &remediation.tree()), &intended));
    dialect.commands_text(&remediation).lines().map(|line| line.trim().to_owned()).collect()
}

#[test]
fn firewall_policies_move_and_are_not_typed_again() {
    let policies = |ids: &[u32]| {
        let entry =
            |id: &u32| format!("    edit {id}\n        set name \"p{id}\"\n        set action accept\n    next\n");
        format!("config firewall policy\n{}end\n", ids.iter().map(entry).collect::<String>())
    };
    let moved = |from: &[u32], to: &[u32]| commands("fortinet_fortios", &policies(from), &policies(to));
    assert_eq!(moved(&[1, 2, 3], &[3, 1, 2]), ["config firewall policy", "move 3 before 1", "end"]);
    assert_eq!(moved(&[1, 2, 3, 4], &[2, 3, 1, 4]), ["config firewall policy", "move 1 after 3", "end"]);
    let inserted = moved(&[1, 2], &[1, 7, 2]);
    assert_eq!(inserted.iter().filter(|line| line.starts_with("move ")).count(), 1, "{inserted:?}");
    assert!(!inserted.iter().any(|line| line.starts_with("delete ") || line == "edit 1" || line == "edit 2"));
    assert_eq!(moved(&[1, 2], &[2]), ["config firewall policy", "delete 1", "end"]);
}

#[test]
fn lines_between_separators_stand_at_the_top() {
    let text = "#\n version 7.1.070\n#\n sysname core\n#\n telnet server enable\n#\ninterface Vlan-interface10\n description users\n#\n dns domain example.net\n#\nreturn\n";
    let tree = dialect("hpe_comware").parse(text);
    let tops: Vec<&str> = tree.children.iter().map(|node| node.text.as_ref()).collect();
    assert_eq!(tops, ["sysname core", "telnet server enable", "interface Vlan-interface10", "dns domain example.net"]);
    assert_eq!(&*tree.children[2].children[0].text, "description users");
}

#[test]
fn blocks_around_a_firewall_are_no_part_of_its_paths() {
    let blocks = "config {\n  devices {\n    localhost.localdomain {\n      deviceconfig {\n        system {\n          hostname fw1;\n        }\n      }\n    }\n  }\n}\n";
    assert_eq!(commands("paloalto_panos", blocks, "set deviceconfig system hostname fw1\n"), Vec::<String>::new());
    let changed = commands("paloalto_panos", blocks, "set deviceconfig system hostname fw2\n");
    assert!(changed.contains(&"set deviceconfig system hostname fw2".to_owned()), "{changed:?}");
    assert!(!changed.iter().any(|line| line.contains("localhost")), "{changed:?}");
}

#[test]
fn texts_of_several_lines_are_one_value() {
    let note = "/system note\nset note=\"first\\\\\\n\\\n    second\n    third\" show-at-login=yes\n";
    let tree = dialect("mikrotik_routeros").parse(note);
    assert_eq!(tree.children.len(), 1);
    assert_eq!(tree.children[0].children.len(), 1, "{tree:?}");
}

#[test]
fn spaces_between_the_words_of_a_name_do_not_count() {
    let line = "ip prefix-list P  seq 30 permit 10.0.0.0/8\n";
    assert_eq!(commands("arista_eos", line, ""), ["no ip prefix-list P seq 30"]);
    assert_eq!(commands("arista_eos", line, &line.replace("  ", " ")), Vec::<String>::new());
}

#[test]
fn the_last_value_of_a_single_key_word_counts() {
    let running = "configure {\n    router \"Base\" {\n        autonomous-system 64500\n    }\n}\n";
    let intended =
        "/configure router \"Base\" autonomous-system 64500\n/configure router \"Base\" autonomous-system 64501\n";
    assert_eq!(commands("nokia_sros", running, intended), ["/configure router \"Base\" autonomous-system 64501"]);
}

#[test]
fn a_negation_beside_what_it_denies_is_brought_about() {
    let running = "spanning-tree\nspanning-tree priority 0\n";
    let intended = "no spanning-tree\nspanning-tree forward-delay 5\n";
    let sent = commands("aruba_aoscx", running, intended);
    let last_negation = sent.iter().rposition(|line| line == "no spanning-tree").unwrap();
    let value = sent.iter().position(|line| line == "spanning-tree forward-delay 5").unwrap();
    assert!(last_negation < value, "{sent:?}");
}
