//! Filters about lists and maps, with the names and meanings of Ansible.

use minijinja::value::{Kwargs, Rest, Value, ValueKind};
use minijinja::{Environment, Error};

use super::environment::{names, wrong};
use crate::domain::limits::YAML_DEPTH_MAX;

/// Adds the filters.
pub(super) fn add(env: &mut Environment<'static>) {
    for name in names("combine") {
        env.add_filter(name, combine);
    }
    for name in names("dict2items") {
        env.add_filter(name, dict2items);
    }
    for name in names("items2dict") {
        env.add_filter(name, items2dict);
    }
    env.add_filter("ternary", ternary);
    env.add_filter("mandatory", mandatory);
    env.add_filter("flatten", flatten);
    env.add_filter("difference", |a: &Value, b: &Value| keep(a, b, false));
    env.add_filter("intersect", |a: &Value, b: &Value| keep(a, b, true));
    env.add_filter("union", |a: &Value, b: &Value| Ok::<_, Error>(distinct(list(a)?.into_iter().chain(list(b)?))));
    env.add_filter("symmetric_difference", |a: &Value, b: &Value| {
        let mut both = keep(a, b, false)?;
        both.extend(keep(b, a, false)?);
        Ok::<_, Error>(both)
    });
    env.add_filter("product", product);
    env.add_test("subset", |a: &Value, b: &Value| Ok::<_, Error>(keep(a, b, false)?.is_empty()));
    env.add_test("superset", |a: &Value, b: &Value| Ok::<_, Error>(keep(b, a, false)?.is_empty()));
    env.add_test("contains", |a: &Value, b: &Value| Ok::<_, Error>(list(a)?.contains(b)));
}

fn list(value: &Value) -> Result<Vec<Value>, Error> {
    match value.kind() {
        ValueKind::Seq | ValueKind::Iterable => Ok(value.try_iter()?.collect()),
        kind => Err(wrong(format!("a list is needed, not a {kind}"))),
    }
}

fn pairs(value: &Value) -> Result<Vec<(Value, Value)>, Error> {
    if value.kind() != ValueKind::Map {
        return Err(wrong(format!("a map is needed, not a {}", value.kind())));
    }
    value.try_iter()?.map(|key| Ok((key.clone(), value.get_item(&key)?))).collect()
}

fn distinct(items: impl Iterator<Item = Value>) -> Vec<Value> {
    let mut found: Vec<Value> = Vec::new();
    for item in items {
        if !found.contains(&item) {
            found.push(item);
        }
    }
    found
}

/// Returns the items of `a` that are in `b`, or those that are not.
fn keep(a: &Value, b: &Value, inside: bool) -> Result<Vec<Value>, Error> {
    let other = list(b)?;
    Ok(distinct(list(a)?.into_iter().filter(|item| other.contains(item) == inside)))
}

/// Merges maps, the last one wins; `recursive=true` merges maps inside maps; `list_merge` is `replace`, `append` or `keep`.
fn combine(value: &Value, others: Rest<Value>, kwargs: Kwargs) -> Result<Value, Error> {
    let recursive = kwargs.get::<Option<bool>>("recursive")?.unwrap_or(false);
    let lists = kwargs.get::<Option<String>>("list_merge")?.unwrap_or_else(|| "replace".to_owned());
    kwargs.assert_all_used()?;
    if !matches!(lists.as_str(), "replace" | "append" | "keep") {
        return Err(wrong(format!("list_merge={lists:?} is not known; known are replace, append, keep")));
    }
    let mut maps = Vec::new();
    for map in std::iter::once(value).chain(others.iter()) {
        match map.kind() {
            ValueKind::Seq | ValueKind::Iterable => maps.extend(map.try_iter()?),
            _ => maps.push(map.clone()),
        }
    }
    let mut result = Vec::new();
    for map in &maps {
        result = merge(result, map, (recursive, &lists), 0)?;
    }
    Ok(Value::from_pairs(result))
}

type Pairs = Vec<(Value, Value)>;

fn merge(mut below: Pairs, above: &Value, how: (bool, &str), depth: usize) -> Result<Pairs, Error> {
    if depth > YAML_DEPTH_MAX {
        return Err(wrong(format!("the maps are nested deeper than {YAML_DEPTH_MAX} levels")));
    }
    for (key, value) in pairs(above)? {
        let Some((_, old)) = below.iter_mut().find(|(name, _)| *name == key) else {
            below.push((key, value));
            continue;
        };
        *old = match (old.kind(), value.kind()) {
            (ValueKind::Map, ValueKind::Map) if how.0 => Value::from_pairs(merge(pairs(old)?, &value, how, depth + 1)?),
            (ValueKind::Seq, ValueKind::Seq) if how.1 == "append" => old.try_iter()?.chain(value.try_iter()?).collect(),
            (ValueKind::Seq, ValueKind::Seq) if how.1 == "keep" => old.clone(),
            _ => value,
        };
    }
    Ok(below)
}

fn key_names(kwargs: &Kwargs) -> Result<(String, String), Error> {
    let key = kwargs.get::<Option<String>>("key_name")?.unwrap_or_else(|| "key".to_owned());
    let value = kwargs.get::<Option<String>>("value_name")?.unwrap_or_else(|| "value".to_owned());
    kwargs.assert_all_used()?;
    Ok((key, value))
}

fn dict2items(value: &Value, kwargs: Kwargs) -> Result<Vec<Value>, Error> {
    let (key_name, value_name) = key_names(&kwargs)?;
    let item = |(key, value)| Value::from_pairs([(key_name.clone(), key), (value_name.clone(), value)]);
    Ok(pairs(value)?.into_iter().map(item).collect())
}

fn items2dict(value: &Value, kwargs: Kwargs) -> Result<Value, Error> {
    let (key_name, value_name) = key_names(&kwargs)?;
    let mut found = Vec::new();
    for item in list(value)? {
        let (key, value) = (item.get_attr(&key_name)?, item.get_attr(&value_name)?);
        if key.is_undefined() || value.is_undefined() {
            return Err(wrong(format!("an item without {key_name:?} or {value_name:?}")));
        }
        found.push((key, value));
    }
    Ok(Value::from_pairs(found))
}

fn ternary(value: &Value, yes: Value, no: Value, none: Option<Value>) -> Value {
    match none {
        Some(none) if value.is_none() => none,
        _ if value.is_true() => yes,
        _ => no,
    }
}

fn mandatory(value: Value, message: Option<String>) -> Result<Value, Error> {
    match value.is_undefined() {
        true => Err(wrong(message.unwrap_or_else(|| "a mandatory value is undefined".to_owned()))),
        false => Ok(value),
    }
}

fn flatten(value: &Value, levels: Option<usize>, kwargs: Kwargs) -> Result<Vec<Value>, Error> {
    let levels = match levels {
        Some(levels) => levels,
        None => kwargs.get::<Option<usize>>("levels")?.unwrap_or(YAML_DEPTH_MAX),
    };
    let _ = kwargs.get::<Option<bool>>("skip_nulls")?;
    kwargs.assert_all_used()?;
    let mut found = Vec::new();
    flat(&list(value)?, levels.min(YAML_DEPTH_MAX), &mut found)?;
    Ok(found)
}

fn flat(items: &[Value], levels: usize, found: &mut Vec<Value>) -> Result<(), Error> {
    for item in items {
        match item.kind() {
            ValueKind::Seq if levels > 0 => flat(&list(item)?, levels - 1, found)?,
            ValueKind::None => {}
            _ => found.push(item.clone()),
        }
    }
    Ok(())
}

fn product(value: &Value, others: Rest<Value>) -> Result<Vec<Value>, Error> {
    let mut rows: Vec<Vec<Value>> = list(value)?.into_iter().map(|item| vec![item]).collect();
    for other in others.iter() {
        let items = list(other)?;
        if rows.len().saturating_mul(items.len()) > crate::domain::limits::RANGE_ITEMS_MAX {
            return Err(wrong("the product is too large"));
        }
        let longer = |row: &Vec<Value>, item: &Value| row.iter().chain([item]).cloned().collect::<Vec<Value>>();
        rows = rows.iter().flat_map(|row| items.iter().map(|item| longer(row, item)).collect::<Vec<_>>()).collect();
    }
    Ok(rows.into_iter().map(|row| row.into_iter().collect()).collect())
}
