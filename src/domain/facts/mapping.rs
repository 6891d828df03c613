//! The way from data to shape, as pages write it: expressions, fixed members, loops.
//!
//! A text is an expression. A list is several parts that are merged. An object has fixed members, unless it has `for`: then it makes a
//! list, an object (`key`), or an object of lists (`group`). `let` names expressions; with `value` and without `for` it stands alone.

use std::collections::BTreeMap;

use minijinja::value::ValueKind;
use minijinja::{Environment, Value as Dynamic};
use serde_json::{Map, Value};

use crate::domain::parse::excerpt;

/// The names that expressions see.
pub(super) type Context = BTreeMap<String, Dynamic>;

/// Where it failed and why.
pub(super) type Finding = (String, String);

/// Deepest nesting of a mapping.
const DEPTH_MAX: usize = 16;

/// One part of a mapping.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Expression(String),
    Constant(Value),
    Members(Vec<(String, Self)>),
    Merged(Vec<Self>),
    Loop(Box<Loop>),
    /// A loop without `for`: names for expressions, and one value.
    Scope(Box<Loop>),
}

/// A comprehension.
#[derive(Clone, Debug)]
pub(super) struct Loop {
    /// Names and what they run through, outermost first.
    over: Vec<(Vec<String>, String)>,
    /// Names for expressions, in their order.
    names: Vec<(String, String)>,
    /// What must hold.
    condition: Option<String>,
    key: Key,
    value: Node,
}

#[derive(Clone, Debug)]
enum Key {
    None,
    One(String),
    Group(String),
}

impl Node {
    /// Reads a mapping.
    pub(super) fn read(yaml: &serde_yaml::Value) -> Result<Self, String> {
        read(yaml, 0)
    }
}

fn read(yaml: &serde_yaml::Value, depth: usize) -> Result<Node, String> {
    if depth > DEPTH_MAX {
        return Err(format!("a mapping is deeper than {DEPTH_MAX}"));
    }
    match yaml {
        serde_yaml::Value::String(text) => Ok(Node::Expression(text.clone())),
        serde_yaml::Value::Sequence(parts) if parts.is_empty() => Ok(Node::Constant(Value::Array(Vec::new()))),
        serde_yaml::Value::Sequence(parts) => {
            parts.iter().map(|part| read(part, depth + 1)).collect::<Result<_, _>>().map(Node::Merged)
        }
        serde_yaml::Value::Mapping(members) if members.contains_key("for") => {
            read_loop(members, depth).map(|inner| Node::Loop(Box::new(inner)))
        }
        serde_yaml::Value::Mapping(members) if members.contains_key("let") && members.contains_key("value") => {
            read_loop(members, depth).map(|inner| Node::Scope(Box::new(inner)))
        }
        serde_yaml::Value::Mapping(members) => {
            let member =
                |(name, inner): (&serde_yaml::Value, &serde_yaml::Value)| Ok((text_of(name)?, read(inner, depth + 1)?));
            members.iter().map(member).collect::<Result<_, String>>().map(Node::Members)
        }
        other => serde_json::to_value(other).map(Node::Constant).map_err(|error| error.to_string()),
    }
}

fn text_of(yaml: &serde_yaml::Value) -> Result<String, String> {
    yaml.as_str().map(str::to_owned).ok_or_else(|| format!("expected a text, found {yaml:?}"))
}

fn read_loop(members: &serde_yaml::Mapping, depth: usize) -> Result<Loop, String> {
    let known = ["for", "let", "if", "key", "group", "value"];
    if let Some((name, _)) = members.iter().find(|(name, _)| !name.as_str().is_some_and(|name| known.contains(&name))) {
        return Err(format!("unknown part of a loop: {name:?}"));
    }
    let text = |name: &str| members.get(name).map(text_of).transpose();
    let over = match members.get("for") {
        Some(serde_yaml::Value::Sequence(parts)) => parts.iter().map(|part| one_loop(&text_of(part)?)).collect(),
        Some(one) => Ok(vec![one_loop(&text_of(one)?)?]),
        None => Ok(Vec::new()),
    };
    let names = match members.get("let") {
        Some(serde_yaml::Value::Mapping(names)) => {
            names.iter().map(|(name, text)| Ok((text_of(name)?, text_of(text)?))).collect::<Result<_, String>>()?
        }
        Some(_) => return Err("`let` needs names and expressions".to_owned()),
        None => Vec::new(),
    };
    let key = match (text("key")?, text("group")?) {
        (None, None) => Key::None,
        (Some(key), None) => Key::One(key),
        (None, Some(key)) => Key::Group(key),
        (Some(_), Some(_)) => return Err("`key` and `group` exclude each other".to_owned()),
    };
    let value = members.get("value").ok_or("a loop needs `value`")?;
    Ok(Loop { over: over?, names, condition: text("if")?, key, value: read(value, depth + 1)? })
}

/// Reads `name in expression` or `key, name in expression`.
fn one_loop(text: &str) -> Result<(Vec<String>, String), String> {
    let (names, over) = text.split_once(" in ").ok_or_else(|| format!("expected `name in expression`: {text:?}"))?;
    let names: Vec<String> = names.split(',').map(|name| name.trim().to_owned()).collect();
    if names.len() > 2 {
        return Err(format!("at most two names: {text:?}"));
    }
    Ok((names, over.to_owned()))
}

/// Compiles every expression once, so that a page with an error is found when it is read.
pub(super) fn check(node: &Node) -> Result<(), String> {
    let environment = super::filters::environment();
    let compiles = |text: &String| {
        environment.compile_expression(text).map(drop).map_err(|error| format!("expression {text:?}: {error}"))
    };
    match node {
        Node::Expression(text) => compiles(text),
        Node::Constant(_) => Ok(()),
        Node::Members(members) => members.iter().try_for_each(|(_, inner)| check(inner)),
        Node::Merged(parts) => parts.iter().try_for_each(check),
        Node::Loop(inner) | Node::Scope(inner) => {
            inner.over.iter().try_for_each(|(_, over)| compiles(over))?;
            inner.names.iter().try_for_each(|(_, text)| compiles(text))?;
            inner.condition.iter().try_for_each(compiles)?;
            if let Key::One(key) | Key::Group(key) = &inner.key {
                compiles(key)?;
            }
            check(&inner.value)
        }
    }
}

/// Evaluates a mapping.
pub(super) fn evaluate(environment: &Environment<'_>, node: &Node, context: &Context) -> Result<Value, Finding> {
    match node {
        Node::Constant(value) => Ok(value.clone()),
        Node::Expression(text) => {
            let value = expression(environment, text, context)?;
            if value.is_undefined() {
                return Err((String::new(), format!("the device says nothing about {text}")));
            }
            serde_json::to_value(&value).map_err(|error| (String::new(), error.to_string()))
        }
        Node::Members(members) => {
            let mut object = Map::new();
            for (name, inner) in members {
                object.insert(name.clone(), evaluate(environment, inner, context).map_err(inside(name))?);
            }
            Ok(Value::Object(object))
        }
        Node::Merged(parts) => {
            let mut whole = Value::Null;
            for part in parts {
                merge(&mut whole, evaluate(environment, part, context)?);
            }
            Ok(whole)
        }
        Node::Scope(inner) => {
            let mut out = Value::Array(Vec::new());
            run(environment, inner, 0, context, &mut out)?;
            out.get_mut(0).map(Value::take).ok_or_else(|| (String::new(), "a condition without a loop".to_owned()))
        }
        Node::Loop(inner) => {
            let mut out = match inner.key {
                Key::None => Value::Array(Vec::new()),
                _ => Value::Object(Map::new()),
            };
            run(environment, inner, 0, context, &mut out)?;
            Ok(out)
        }
    }
}

fn inside(name: &str) -> impl Fn(Finding) -> Finding {
    move |(at, reason)| {
        let at = if at.is_empty() { name.to_owned() } else { format!("{name}.{at}") };
        (at, reason)
    }
}

fn expression(environment: &Environment<'_>, text: &str, context: &Context) -> Result<Dynamic, Finding> {
    let failed = |error: minijinja::Error| {
        let detail = error.detail().map_or_else(|| error.to_string(), str::to_owned);
        (String::new(), format!("{text}: {}", excerpt(&detail)))
    };
    environment.compile_expression(text).map_err(failed)?.eval(context).map_err(failed)
}

/// Runs the loops from one level on.
fn run(
    environment: &Environment<'_>,
    inner: &Loop,
    level: usize,
    context: &Context,
    out: &mut Value,
) -> Result<(), Finding> {
    let Some((names, over)) = inner.over.get(level) else { return body(environment, inner, context, out) };
    let collection = expression(environment, over, context)?;
    for (key, item) in items(over, &collection, names.len() == 2)? {
        let mut scope = context.clone();
        match names.as_slice() {
            [one] => scope.insert(one.clone(), item),
            [first, second, ..] => {
                scope.insert(first.clone(), key);
                scope.insert(second.clone(), item)
            }
            [] => None,
        };
        run(environment, inner, level + 1, &scope, out)?;
    }
    Ok(())
}

/// Takes a collection apart: the entries of an object when two names are given, otherwise the items of a list or the thing itself.
fn items(over: &str, collection: &Dynamic, pairs: bool) -> Result<Vec<(Dynamic, Dynamic)>, Finding> {
    let failed = |error: minijinja::Error| (String::new(), format!("{over}: {error}"));
    match collection.kind() {
        ValueKind::Undefined => Err((String::new(), format!("the device says nothing about {over}"))),
        ValueKind::None => Ok(Vec::new()),
        ValueKind::Map if pairs => {
            let keys = collection.try_iter().map_err(failed)?;
            keys.map(|key| Ok((key.clone(), collection.get_item(&key).map_err(failed)?))).collect()
        }
        ValueKind::Seq | ValueKind::Iterable => {
            let entries = collection.try_iter().map_err(failed)?;
            Ok(entries.enumerate().map(|(index, item)| (Dynamic::from(index), item)).collect())
        }
        _ if pairs => Err((String::new(), format!("{over} is not an object"))),
        _ => Ok(vec![(Dynamic::from(0), collection.clone())]),
    }
}

fn body(environment: &Environment<'_>, inner: &Loop, context: &Context, out: &mut Value) -> Result<(), Finding> {
    let mut scope = context.clone();
    for (name, text) in &inner.names {
        let value = expression(environment, text, &scope)?;
        scope.insert(name.clone(), value);
    }
    if let Some(condition) = &inner.condition
        && !expression(environment, condition, &scope)?.is_true()
    {
        return Ok(());
    }
    let key = match &inner.key {
        Key::None => None,
        Key::One(key) | Key::Group(key) => {
            let value = expression(environment, key, &scope)?;
            let is_name =
                matches!(value.kind(), ValueKind::String | ValueKind::Number) && !value.to_string().is_empty();
            if !is_name {
                return Err((String::new(), format!("the device says nothing about the name {key}")));
            }
            Some(value.to_string())
        }
    };
    let value = evaluate(environment, &inner.value, &scope).map_err(inside(key.as_deref().unwrap_or("item")))?;
    match (&inner.key, key, out) {
        (Key::One(_), Some(key), Value::Object(object)) => merge(object.entry(key).or_insert(Value::Null), value),
        (Key::Group(_), Some(key), Value::Object(object)) => {
            merge(object.entry(key).or_insert(Value::Null), Value::Array(vec![value]));
        }
        (_, _, Value::Array(list)) => list.push(value),
        _ => {}
    }
    Ok(())
}

/// Puts one value into another: members into objects, items behind items, anything else takes the place.
fn merge(whole: &mut Value, part: Value) {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => {
            for (name, value) in part {
                merge(whole.entry(name).or_insert(Value::Null), value);
            }
        }
        (Value::Array(whole), Value::Array(part)) => whole.extend(part),
        (whole, part) => *whole = part,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn mapped(mapping: &str, data: Value) -> Result<Value, Finding> {
        let node = Node::read(&serde_yaml::from_str(mapping).unwrap()).unwrap();
        check(&node).unwrap();
        let context = Context::from([("data".to_owned(), Dynamic::from(minijinja::value::Serde(&data)))]);
        evaluate(&super::super::filters::environment(), &node, &context)
    }

    #[test]
    fn loops_make_lists_objects_and_groups() {
        let data = json!({"vrfs": {"a": [{"i": "x", "n": 1}, {"i": "y", "n": 2}], "b": {"i": "x", "n": 3}}});
        let each = "for: ['vrf, rows in data.vrfs', 'row in rows']\n";
        assert_eq!(mapped(&format!("{each}value: row.n"), data.clone()).unwrap(), json!([1, 2, 3]));
        assert_eq!(
            mapped(&format!("{each}group: row.i\nif: row.n != 2\nvalue: {{n: row.n, vrf: vrf, k: 7}}"), data.clone())
                .unwrap(),
            json!({"x": [{"n": 1, "vrf": "a", "k": 7}, {"n": 3, "vrf": "b", "k": 7}]})
        );
        assert_eq!(
            mapped("- {a: {b: data.vrfs.b.n}}\n- {a: {c: \"'text'\"}}", data).unwrap(),
            json!({"a": {"b": 3, "c": "text"}})
        );
    }

    #[test]
    fn what_is_not_there_is_an_error_with_its_place() {
        let error = mapped("a: {for: 'x, y in data', key: x, value: {n: y.m}}", json!({"p": {"n": 1}})).unwrap_err();
        assert_eq!(error, ("a.p.n".to_owned(), "the device says nothing about y.m".to_owned()));
        assert!(mapped("for: 'x in data.none'\nvalue: x", json!({})).is_err());
        assert_eq!(mapped("for: 'x in data.none | many'\nvalue: x", json!({})).unwrap(), json!([]));
        assert_eq!(
            mapped("let: {x: data.a}\nvalue: {b: x, c: []}", json!({"a": 1})).unwrap(),
            json!({"b": 1, "c": []})
        );
    }
}
