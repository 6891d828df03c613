//! The template language: what engineers' templates rely on, and what no template can do.

use std::collections::BTreeMap;

use reconverge::domain::diagnostic::Diagnostic;
use reconverge::domain::intent::{self, Intent};
use reconverge::domain::render;

use crate::intents::{platforms, snapshot};

/// One device `r1` with these data and this main template.
fn repository(data: &str, template: &str, more: &[(&str, &str)]) -> (Intent, Vec<Diagnostic>) {
    let mut files = BTreeMap::from([
        ("reconverge.yaml".to_owned(), String::new()),
        (
            "inventory/devices.yaml".to_owned(),
            "r1: {platform: frr, address: 192.0.2.1, labels: {role: edge, rack: 7}}\n".to_owned(),
        ),
        ("data/global.yaml".to_owned(), data.to_owned()),
        ("templates/frr/main.j2".to_owned(), template.to_owned()),
    ]);
    files.extend(more.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())));
    intent::load(&snapshot(files), &platforms())
}

fn result(data: &str, template: &str, more: &[(&str, &str)]) -> Result<String, String> {
    let (intent, findings) = repository(data, template, more);
    assert_eq!(
        findings.iter().filter(|f| f.is_error()).map(ToString::to_string).collect::<Vec<_>>(),
        Vec::<String>::new()
    );
    let rendered = render::render(&intent, &"r1".parse().expect("a name"));
    rendered
        .map(|config| config.text)
        .map_err(|found| found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

fn expression(text: &str) -> Result<String, String> {
    let data = "n: 7\nwords: [a, b, a]\nmap: {a: 1, b: {c: 2}}\nports: [Ethernet10, Ethernet2]\nempty: null\n";
    result(data, &format!("x {{{{ {text} }}}}\n"), &[])
        .map(|line| line.trim_end().trim_start_matches('x').trim().to_owned())
}

/// Expressions and what they print.
const FILTERS: &[(&str, &str)] = &[
    ("'192.0.2.9/24' | ipaddr('address')", "192.0.2.9"),
    ("'192.0.2.9/24' | ipaddr('network')", "192.0.2.0"),
    ("'192.0.2.9/24' | ipaddr('netmask')", "255.255.255.0"),
    ("'192.0.2.9/24' | ansible.utils.ipaddr('prefix')", "24"),
    ("'192.0.2.9/24' | ipaddr('hostmask')", "0.0.0.255"),
    ("'192.0.2.9/24' | ipaddr('wildcard')", "0.0.0.255"),
    ("'192.0.2.9/24' | ipaddr('subnet')", "192.0.2.0/24"),
    ("'192.0.2.9/24' | ipaddr('broadcast')", "192.0.2.255"),
    ("'192.0.2.0/24' | ipaddr('1')", "192.0.2.1/24"),
    ("'192.0.2.0/24' | ipaddr(-2) | ipaddr('address')", "192.0.2.254"),
    ("'192.0.2.0/24' | ipaddr('last_usable')", "192.0.2.254"),
    ("'192.0.2.4/31' | ipaddr('peer')", "192.0.2.5"),
    ("'192.0.2.6/30' | ipaddr('peer')", "192.0.2.5"),
    ("'192.0.2.1 255.255.255.252' | ipaddr('prefix')", "30"),
    ("'2001:db8::1/64' | ipaddr('network/prefix')", "2001:db8::/64"),
    ("'2001:db8::/64' | ipaddr(5)", "2001:db8::5/64"),
    ("'2001:db8::1' | ipwrap", "[2001:db8::1]"),
    ("'nonsense' | ipaddr", "False"),
    ("['192.0.2.1', '2001:db8::1', 'x'] | ipv4 | join(',')", "192.0.2.1"),
    ("['192.0.2.1', '2001:db8::1', 'x'] | ipv6('address') | join(',')", "2001:db8::1"),
    ("'10.0.0.0/16' | ipsubnet(24)", "256"),
    ("'10.0.0.0/16' | ipsubnet(24, 1)", "10.0.1.0/24"),
    ("'10.0.0.0/16' | ipsubnet(24, -1)", "10.0.255.0/24"),
    ("'10.0.3.7/24' | ipsubnet(16)", "10.0.0.0/16"),
    ("'10.0.0.255' | ipmath(2)", "10.0.1.1"),
    ("'10.0.0.0/8' | network_in_network('10.3.0.0/16')", "True"),
    ("['10.0.0.0/25', '10.0.0.128/25'] | cidr_merge | join(' ')", "10.0.0.0/24"),
    ("'AABB.CCDD.EEFF' | hwaddr", "aa:bb:cc:dd:ee:ff"),
    ("'aa:bb:cc:dd:ee:ff' | hwaddr('cisco')", "aabb.ccdd.eeff"),
    ("'Ethernet[1-2]/[1-2]' | range_expand | join(' ')", "Ethernet1/1 Ethernet1/2 Ethernet2/1 Ethernet2/2"),
    ("'10-12,20' | range_expand | join(' ')", "10 11 12 20"),
    ("'leaf-01-03' | range_expand | join(' ')", "leaf-01 leaf-02 leaf-03"),
    ("['Ethernet1-2', 'Vlan7'] | range_expand | join(' ')", "Ethernet1 Ethernet2 Vlan7"),
    ("ports | natural_sort | join(' ')", "Ethernet2 Ethernet10"),
    ("'ge-0/0/1' | regex_search('[0-9]+$')", "1"),
    ("'ge-0/0/1' | regex_search('(\\w+)-(\\d)', '\\\\2', '\\\\1') | join(' ')", "0 ge"),
    ("'a1b22' | regex_findall('[0-9]+') | join(' ')", "1 22"),
    ("'Ethernet1' | regex_replace('^Eth\\w*?(\\d+)$', 'et-\\\\1')", "et-1"),
    ("'cost $5' | regex_replace('5', '$1')", "cost $$1"),
    ("'a.b' | regex_escape", "a\\.b"),
    ("map | combine({'b': {'d': 3}}, recursive=true) | to_json", "{\"a\":1,\"b\":{\"c\":2,\"d\":3}}"),
    ("map | combine({'a': 9}) | to_json", "{\"a\":9,\"b\":{\"c\":2}}"),
    ("map | dict2items | map(attribute='key') | join(' ')", "a b"),
    ("[{'key': 'x', 'value': 1}] | items2dict | to_json", "{\"x\":1}"),
    ("(n > 5) | ternary('many', 'few')", "many"),
    ("'{\"k\": [1]}' | from_json | to_json", "{\"k\":[1]}"),
    ("'ab' | b64encode | b64decode", "ab"),
    ("('ab' | hash('sha256'))[:8]", "fb8e20fc"),
    ("words | unique | join(' ')", "a b"),
    ("words | difference(['a']) | join(' ')", "b"),
    ("words | intersect(['a', 'c']) | join(' ')", "a"),
    ("words | union(['c']) | join(' ')", "a b c"),
    ("['a'] | symmetric_difference(['b']) | join(' ')", "a b"),
    ("['a', 'b'] | zip([1, 2]) | map('join') | join(' ')", "a1 b2"),
    ("['a', 'b'] | product([1, 2]) | map('join') | join(' ')", "a1 a2 b1 b2"),
    ("[1, [2, [3]]] | flatten | join(' ')", "1 2 3"),
    ("[1, [2, [3]]] | flatten(levels=1) | length", "3"),
    ("'/a/b.cfg' | splitext | last", ".cfg"),
    ("'/a/b.cfg' | basename", "b.cfg"),
    ("'yes' | bool", "True"),
    ("'no' | bool", "False"),
    ("'r1' is match('r[0-9]')", "True"),
    ("'xr1' is match('r[0-9]')", "False"),
    ("'xr1' is search('r[0-9]')", "True"),
    ("'192.0.2.1' is ip_address", "True"),
    ("'x'.upper() ~ 'a b'.split()[1]", "Xb"),
    ("missing | default('none')", "none"),
    ("device.name ~ device.labels.rack", "r17"),
    ("'a' if n == 0", ""),
];

#[test]
fn filters_do_what_engineers_expect() {
    for (text, expected) in FILTERS {
        assert_eq!(expression(text).as_deref(), Ok(*expected), "{text}");
    }
}

#[test]
fn mistakes_are_named() {
    let cases = [
        ("bpg.asn", "templates/frr/main.j2:1:6: error: r1: `bpg.asn` is undefined"),
        ("map.b.x", "`map.b.x` is undefined"),
        ("map.b.cc", "define map.b.cc in one of data/global.yaml, data/role/edge.yaml"),
        ("wrods", "`wrods` is undefined (did you mean \"words\"?)"),
        ("device.nmae", "device has name, platform"),
        ("empty", "`empty`: the value is null"),
        ("'x' | ipaddr('address')", "\"x\" is not an address"),
        ("'x' | nofilter", "unknown filter"),
        ("'x' | regex_search('(')", "is not a pattern"),
        ("'1-99999999' | range_expand", "more than 65536 items"),
        ("'x' | hash('md4')", "the hash \"md4\" is not known"),
        ("secret('hunter2')", "secret(…) needs a reference"),
    ];
    for (text, expected) in cases {
        let error = expression(text).expect_err(text);
        assert!(error.contains(expected), "{text}: {error}");
        assert!(!error.contains("hunter2") || !text.starts_with("secret"), "{error}");
    }
}

#[test]
fn values_stay_in_their_line() {
    let data = "text: \"x\\n shutdown\"\ntab: \"a\\tb\"\nbell: \"a\\ab\"\nturn: \"a\\u202eb\"\nforged: \"⟦secret://env/A⟧\"\n\
                items: [\"a\\nb\"]\nkey: secret://env/KEY\npart: \"x secret://env/KEY\"\n";
    let refused = [
        ("d {{ text }}", "templates/frr/main.j2:1:6: error: r1: `text`: the value has a line break"),
        ("d {{ text }}", "the value is in data/global.yaml:1"),
        ("d {{ text | upper }}", "line break"),
        ("d {{ 'a' ~ text }}", "line break"),
        ("d {{ text | trim | replace('x', 'y') }}", "line break"),
        ("d {{ text | safe }}", "line break"),
        ("d {{ text | e }}", "line break"),
        ("d {{ text | escape | string }}", "line break"),
        ("d {{ items | join(',') }}", "line break"),
        ("d {{ items | join }}", "line break"),
        ("d {{ '%s' | format(text) }}", "line break"),
        ("d {{ '{}'.format(text) }}", "line break"),
        ("{% macro m(x) %}{{ x }}{% endmacro %}d {{ m(text) }}", "line break"),
        ("{% set x %}{{ text }}{% endset %}d {{ x }}", "line break"),
        ("{% set ok %}a{% endset %}d {{ ok | replace('a', text) }}", "line break"),
        ("{% set ok %}a{% endset %}d {{ [ok, text] | join }}", "line break"),
        ("{% set ok %}%s{% endset %}d {{ ok | format(text) }}", "line break"),
        ("{% set ok %}{}{% endset %}d {{ ok.format(text) }}", "line break"),
        ("{% set ok %}a{% endset %}d {{ ok.replace('a', text) }}", "line break"),
        ("{% set ok %}-{% endset %}d {{ ok.join(items) }}", "line break"),
        ("{% set ok %}a{% endset %}d {{ ok ~ text }}", "line break"),
        ("{% filter upper %}{{ text }}{% endfilter %}", "line break"),
        ("{% for x in [text] %}{{ x }}{% endfor %}", "line break"),
        ("{% autoescape 'html' %}{{ text | escape }}{% endautoescape %}", "autoescape has no meaning"),
        ("d {{ tab }}", "tab"),
        ("d {{ bell }}", "control character U+0007"),
        ("d {{ turn }}", "control character U+202E"),
        ("d {{ forged }}", "only secret(…) may write"),
        ("d {{ 'password ' ~ secret(key) }}", "only secret(…) may write"),
        ("d {{ part }}", "reference to a secret"),
        ("{{ bell | raw_lines }}", "control character"),
        ("{{ forged | raw_lines }}", "only secret(…) may write"),
    ];
    for (template, expected) in refused {
        let error = result(data, &format!("{template}\n"), &[]).expect_err(template);
        assert!(error.contains(expected), "{template}: {error}");
    }
    let allowed = [
        ("{{ text | raw_lines }}", "x\n shutdown\n"),
        ("{% macro m(x) %}a {{ x }}\nb{% endmacro %}{{ m('1') }}", "a 1\nb\n"),
        ("{% macro m(x) %}a\nb{% endmacro %}{{ m('1') | indent(2) }}", "a\n  b\n"),
        ("{% filter indent(2) %}a\nb{% endfilter %}", "a\n  b\n"),
        ("{% set x %}a\nb{% endset %}{{ x | upper }}", "A\nB\n"),
        ("p {{ key }}", "p ⟦secret://env/KEY⟧\n"),
        ("p {{ secret(key) }} {{ secret('secret://vault/a#b@3') }}", "p ⟦secret://env/KEY⟧ ⟦secret://vault/a#b@3⟧\n"),
        ("{{ items | to_json }}", "[\"a\\nb\"]\n"),
    ];
    for (template, expected) in allowed {
        assert_eq!(result(data, &format!("{template}\n"), &[]).as_deref(), Ok(expected), "{template}");
    }
}

#[test]
fn includes_stay_inside_and_keep_their_lines() {
    let more = [
        ("templates/_lib/ntp.j2", "ntp {{ server }}\n"),
        ("templates/frr/part.j2", "part\n{% include '../_lib/ntp.j2' %}\n"),
        ("templates/frr/base.j2", "begin\n{% block body %}{% endblock %}\nend\n"),
    ];
    let cases = [
        ("a\n{% include '_lib/ntp.j2' %}\nb\n", "a\nntp s1\nb\n"),
        ("{% if true %}\n  {% include './part.j2' %}\n{% endif %}\nz\n", "part\nntp s1\nz\n"),
        ("{% extends 'frr/base.j2' %}{% block body %}x\n{% endblock %}", "begin\nx\nend\n"),
        ("{% for i in [1, 2, 3] %}\n{% if i == 2 %}{% continue %}{% endif %}\nl {{ i }}\n{% endfor %}\n", "l 1\nl 3\n"),
        ("{% raw %}{{ x }}{% endraw %}\n\n\n", "{{ x }}\n"),
    ];
    for (template, expected) in cases {
        assert_eq!(result("server: s1\n", template, &more).as_deref(), Ok(expected), "{template}");
    }
    for path in ["../../etc/passwd", "/etc/passwd", "../reconverge.yaml", "frr/none.j2"] {
        let error = result("server: s1\n", &format!("{{% include '{path}' %}}\n"), &more).expect_err(path);
        assert!(error.contains("template not found"), "{error}");
    }
    let error = result("x: 1\n", "a\n{% include './part.j2' %}\n", &more).expect_err("undefined");
    assert!(error.starts_with("templates/_lib/ntp.j2:1:8: error: r1: `server` is undefined"), "{error}");
}

#[test]
fn everything_has_a_bound() {
    let cases = [
        (
            "{% for i in range(90000) %}{% for j in range(90000) %}{% endfor %}{% endfor %}x\n",
            "more than 50000000 steps",
        ),
        ("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}\n", "recursion"),
        ("{% include 'frr/main.j2' %}\n", "recursion"),
        (
            "{% for i in range(1000) %}{% for j in range(1000) %}0123456789012345678901234567890123456789{% endfor %}{% endfor %}\n",
            "larger than 16777216 bytes",
        ),
        ("{{ now() }}\n", "unknown"),
        ("{{ debug() }}\n", "unknown"),
        ("{{ [1] | random }}\n", "unknown filter"),
        ("{# nothing #}\n", "empty config"),
        ("{% if %}\n", "templates/frr/main.j2:1"),
    ];
    for (template, expected) in cases {
        let error = result("x: 1\n", template, &[]).expect_err(template);
        assert!(error.contains(expected), "{template}: {error}");
    }
}

#[test]
fn the_same_input_gives_the_same_text() {
    let (intent, _) =
        repository("m: {z: 1, a: 2, k: [3]}\n", "{% for k, v in m.items() %}\n{{ k }} {{ v }}\n{% endfor %}\n", &[]);
    let text = |intent| render::render(intent, &"r1".parse().expect("a name")).expect("a config").text;
    assert_eq!(text(&intent), "z 1\na 2\nk [3]\n");
    assert_eq!(text(&intent), text(&intent));
}
