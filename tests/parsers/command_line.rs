//! `parse`: the output of a device in, JSON out.

use crate::support::folder;
use crate::support::program::{Finished, Program};

const TEMPLATE: &str =
    "Value Key NAME (\\S+)\nValue STATE (up|down)\n\nStart\n  ^${NAME} is ${STATE}$$ -> Record\n  ^. -> Error\n";
const MORE: &str = "Value Key NAME (\\S+)\nValue LETTER (\\w)\n\nStart\n  ^${NAME} is (?=${LETTER}) -> Record\n";

fn run(output: &str, arguments: &[&str]) -> Finished {
    let folder = folder();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("written");
    write("one.textfsm", TEMPLATE);
    write("two.textfsm", MORE);
    write(
        "index",
        "Template, Platform, Command\none.textfsm:two.textfsm, box, sh[[ow]] links\n../secret, box, show secret\n",
    );
    write("output.txt", output);
    Program::reconverge(folder.path(), &[&["parse"], arguments, &["output.txt"]].concat()).finish()
}

#[test]
fn a_template_makes_objects() {
    let finished = run("e1 is up\r\ne2 is down\r\n", &["--template", "one.textfsm"]);
    finished.expect_code(0);
    let value: serde_json::Value = serde_json::from_str(&finished.stdout).expect("JSON");
    assert_eq!(value, serde_json::json!([{"NAME": "e1", "STATE": "up"}, {"NAME": "e2", "STATE": "down"}]));
}

#[test]
fn an_index_finds_the_templates_and_their_rows_are_joined() {
    let finished = run("e1 is up\n", &["--platform", "box", "--command", "sho links", "--templates", "."]);
    finished.expect_code(0);
    let value: serde_json::Value = serde_json::from_str(&finished.stdout).expect("JSON");
    assert_eq!(value, serde_json::json!([{"NAME": "e1", "STATE": "up", "LETTER": "u"}]));
}

#[test]
fn what_cannot_be_read_is_an_error_with_its_place() {
    let cases: [(&[&str], &str); 4] = [
        (&["--template", "one.textfsm"], "one.textfsm:6: the template does not accept this line: line 2 of the output"),
        (
            &["--platform", "box", "--command", "show odd", "--templates", "."],
            "no template for the command \"show odd\"",
        ),
        (&["--platform", "box", "--command", "show secret", "--templates", "."], "outside of its folder"),
        (&["--template", "index"], "index:1: no value definitions"),
    ];
    for (arguments, words) in cases {
        let finished = run("e1 is up\nodd\n", arguments);
        finished.expect_code(1);
        assert_eq!(finished.stdout, "", "{arguments:?}");
        assert!(finished.stderr.contains(words), "{words}: {}", finished.stderr);
    }
}
