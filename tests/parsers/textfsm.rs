//! TextFSM: recorded vectors of its own test suite, its examples, and hostile templates.

use std::collections::BTreeMap;

use reconverge::domain::parse::ParseError;
use reconverge::domain::parse::textfsm::Template;
use reconverge::domain::parse::textfsm::index::Index;
use serde_json::{Value, json};

use super::{Score, read};
use crate::support::conformance;

fn rows(template: &str, text: &str) -> Vec<Vec<Value>> {
    Template::read("t", template).unwrap().parse(text).unwrap().rows
}

fn refusal(template: &str) -> String {
    Template::read("t", template).unwrap_err().to_string()
}

#[test]
fn recorded_vectors_come_out_the_same() {
    let Some(folder) = conformance() else { return };
    let mut score = Score::default();
    for (number, line) in read(&folder.join("textfsm/vectors.jsonl")).lines().enumerate() {
        let case: Value = serde_json::from_str(line).unwrap();
        score.add(&format!("{} in line {}", case["test"], number + 1), replay(&case));
    }
    score.settle("TextFSM vectors", 100.0);
}

fn replay(case: &Value) -> Result<(), String> {
    let template = match Template::read("t", case["template"].as_str().unwrap()) {
        Ok(template) if case.get("template_error").is_none() => template,
        Ok(_) => return Err("the template was accepted".to_owned()),
        Err(_) if case.get("template_error").is_some() => return Ok(()),
        Err(error) => return Err(error.to_string()),
    };
    let feeds = case["feeds"].as_array().unwrap();
    let parts: Vec<(&str, bool)> =
        feeds.iter().map(|feed| (feed["text"].as_str().unwrap(), feed["eof"].as_bool().unwrap())).collect();
    match template.parse_parts(&parts) {
        Err(ParseError::Output { message, .. }) if case.get("error").is_some() => {
            let words = case["message"].as_str().unwrap_or_default();
            let known = words.contains(&message) || words.starts_with("State Error raised");
            if known { Ok(()) } else { Err(format!("other words: {message}")) }
        }
        Ok(table) if case.get("error").is_none() => {
            let same = json!(table.rows) == case["rows"] && json!(table.header) == case["header"];
            if same { Ok(()) } else { Err(format!("{:?} {}", table.header, json!(table.rows))) }
        }
        other => Err(format!("{other:?}")),
    }
}

#[test]
fn the_index_of_the_examples_leads_to_templates_that_read_them() {
    let Some(folder) = conformance() else { return };
    let examples = folder.join("textfsm/examples");
    let index = Index::read("index", &read(&examples.join("index"))).unwrap();
    for (vendor, command, output, rows) in [
        ("Cisco", "sho ver", "cisco_version_example", 1),
        ("Cisco", "show ip bgp summary", "cisco_bgp_summary_example", 0),
        ("Juniper", "sh bg su", "juniper_bgp_summary_example", 0),
        ("Force10", "sh ver", "f10_version_example", 1),
    ] {
        let attributes = BTreeMap::from([("Vendor", vendor), ("Command", command), ("Hostname", "x")]);
        let name = &index.templates(&attributes).unwrap()[0];
        let table =
            Template::read(name, &read(&examples.join(name))).unwrap().parse(&read(&examples.join(output))).unwrap();
        assert!(table.rows.len() > rows || (rows == 1 && table.rows.len() == 1), "{name}: {} rows", table.rows.len());
    }
    assert_eq!(index.templates(&BTreeMap::from([("Vendor", "Nobody"), ("Command", "sh ver")])), None);
}

#[test]
fn options_fill_down_and_up_and_gather() {
    let template = "Value Filldown A (a\\d)\nValue Fillup B (b\\d)\nValue List C (c\\d)\nValue Required D (d\\d)\n\n\
                    Start\n  ^$A\n  ^$B\n  ^$C -> Continue\n  ^$D -> Record\n  ^clear -> Clearall\n";
    assert_eq!(
        json!(rows(template, "a1\nc1\nc2\nd1\nd2\nb1\nc3\nd3\nclear\nd4\nc9\n")),
        json!([
            ["a1", "b1", ["c1", "c2"], "d1"],
            ["a1", "b1", [], "d2"],
            ["a1", "b1", ["c3"], "d3"],
            ["", "", [], "d4"]
        ])
    );
}

#[test]
fn lists_with_named_groups_gather_objects() {
    let template = "Value List L ((?P<x>\\d)(?P<y>[a-z])?)\n\nStart\n  ^$L\n";
    assert_eq!(json!(rows(template, "1a\n2\n")), json!([[[{"x": "1", "y": "a"}, {"x": "2", "y": null}]]]));
}

#[test]
fn states_change_and_end() {
    let template = "Value A (\\w)\n\nStart\n  ^go -> Inside\n\nInside\n  ^back -> Start\n  ^stop -> End\n  ^$A$$ -> Record\n\nEOF\n";
    assert_eq!(json!(rows(template, "x\ngo\ny\nback\nz\ngo\nv\nstop\nw\n")), json!([["y"], ["v"]]));
}

#[test]
fn errors_name_the_rule_and_the_line() {
    let template =
        Template::read("show_x", "Value A (\\w)\n\nStart\n  ^$A$$ -> Record\n  ^. -> Error \"not known\"\n").unwrap();
    assert_eq!(
        template.parse("a\nb\nc d\n").unwrap_err().to_string(),
        "show_x:5: \"not known\": line 3 of the output: \"c d\""
    );
}

#[test]
fn broken_templates_name_their_line() {
    for (template, expected) in [
        ("Start\n", "t:1: no value definitions: \"Start\""),
        ("Value A (x)\nStart\n", "t:2: expected a blank line after the last value: \"Start\""),
        ("Value A (x)\nValue A (y)\n\nStart\n", "t:2: the value A is declared twice"),
        ("Value Odd A (x)\n\nStart\n", "t:1: unknown option of a value: \"Odd\""),
        ("Value List,List A (x)\n\nStart\n", "t:1: the option List is given twice"),
        ("Value A x)\n\nStart\n", "t:1: unknown option of a value: \"A\""),
        ("Value A (x)\n\nOther\n", "t: the state Start is missing"),
        (
            "Value A (x)\n\nStart\n  ^$B\n",
            "t:4: duplicate or invalid variable substitution in \"^$B\" (a dollar sign itself is `$$`)",
        ),
        (
            "Value A (x)\n\nStart\n  ^$A$\n",
            "t:4: duplicate or invalid variable substitution in \"^$A$\" (a dollar sign itself is `$$`)",
        ),
        (
            "Value A (x)\n\nStart\n  ^$A -> Continue Start\n",
            "t:4: action Continue with the new state Start (a loop would be possible)",
        ),
        ("Value A (x)\n\nStart\n  ^$A -> Jump.Record\n", "t:4: badly formatted action \"Jump.Record\""),
        ("Value A (x)\n\nStart\n  ^$A -> Nowhere\n", "t:4: the state Nowhere does not exist"),
        ("Value A (x)\n\nStart\n  ^$A\n\nEnd\n  ^$A\n", "t:7: the state End must be empty"),
        ("Value A (x)\n\nStart\n   ^$A\n", "t:4: a rule begins with one or two spaces and `^`"),
        ("Value A (x)\n\nStart\n  ^$A -> \"words\"\n", "t:4: letters and digits only in names of states: \"words\""),
    ] {
        assert_eq!(refusal(template).replace("t:0:", "t:"), expected, "{template}");
    }
}

#[test]
fn hostile_templates_and_outputs_hit_a_bound() {
    let slow =
        Template::read("t", "Value A (((x+)+)+)\n\nStart\n  ^(?=x)(?:(?!y)(x+x+)+)+\\1z -> Record\n  ^$A\n").unwrap();
    let error = slow.parse(&"x".repeat(60)).unwrap_err().to_string();
    assert!(error.starts_with("t:4: the pattern takes more than "), "{error}");
    let greedy = Template::read(
        "t",
        "Value List,Filldown A (\\w+)\nValue B (\\w)\n\nStart\n  ^$A -> Continue\n  ^$B -> Record\n",
    )
    .unwrap();
    let error = greedy.parse(&"x\n".repeat(20_000)).unwrap_err().to_string();
    assert_eq!(error, "t: 5000000 is the limit of values of one output");
    assert!(refusal("Value A ((?:\\w{1000}){1000})\n\nStart\n").contains("size"), "a pattern that explodes is refused");
}
