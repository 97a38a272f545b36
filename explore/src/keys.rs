//! Names of keys: dotted paths into a [`Config`], what they hold, and the nearest right name of a wrong one.

use crate::config::Config;
use crate::scalar::{Scalar, Settings};
use pulvinar_ir::{Diagnostic, Result};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// Keys that follow from others and are not set by hand.
const DERIVED: [&str; 2] = ["quantise.direct", "map.expected_events"];

/// Keys followed by the name of a layer.
const BY_LAYER: [&str; 2] = ["map.strategies", "map.max_channels"];

/// What can be said of single layers of the quantiser: `quantise.layers.NAME.FIELD`.
const LAYER_FIELDS: [&str; 3] = ["weight_bits", "gate_bits", "stat_bits"];

/// Path of a key from the root of a configuration; names of layers may hold dots.
fn steps(key: &str) -> Vec<&str> {
    for table in BY_LAYER {
        if let Some(layer) = key.strip_prefix(table).and_then(|rest| rest.strip_prefix('.')) {
            return table.split('.').chain([layer]).collect();
        }
    }
    if let Some((layer, field)) = key.strip_prefix("quantise.layers.").and_then(|rest| rest.rsplit_once('.'))
    {
        return vec!["quantise", "layers", layer, field];
    }
    key.split('.').collect()
}

/// The layer a key speaks of, if it speaks of one.
pub fn layer_of(key: &str) -> Option<&str> {
    let steps = steps(key);
    let named = matches!(steps[..], ["map", "strategies" | "max_channels", _] | ["quantise", "layers", _, _]);
    named.then(|| steps[2])
}

/// Keys of the chip, those that a file may leave out among them; true for those of real numbers.
fn chip() -> &'static BTreeMap<String, bool> {
    static KEYS: OnceLock<BTreeMap<String, bool>> = OnceLock::new();
    KEYS.get_or_init(|| {
        let schema: Json = serde_json::from_str(&pulvinar_ir::Arch::schema()).unwrap_or_default();
        let mut keys = BTreeMap::new();
        for (table, link) in schema["properties"].as_object().into_iter().flatten() {
            let definition = link["$ref"].as_str().and_then(|r| r.rsplit('/').next()).unwrap_or_default();
            for (name, field) in schema["$defs"][definition]["properties"].as_object().into_iter().flatten() {
                keys.insert(format!("{table}.{name}"), field["type"].to_string().contains("number"));
            }
        }
        keys
    })
}

/// All keys but those of single layers.
pub fn all() -> Vec<String> {
    let mut keys = Vec::new();
    let base = Config::base(pulvinar_ir::Arch::default_chip());
    walk(&base.json(), "", &mut |key, value| {
        // An empty table holds layers.
        if !value.is_object() && !DERIVED.contains(&key) {
            keys.push(key.to_owned());
        }
    });
    keys.extend(chip().keys().cloned());
    keys.sort();
    keys.dedup();
    keys
}

/// Every leaf and every empty table.
fn walk(value: &Json, path: &str, look: &mut impl FnMut(&str, &Json)) {
    match value {
        Json::Object(fields) if !fields.is_empty() => {
            for (name, field) in fields {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                walk(field, &path, look);
            }
        }
        leaf => look(path, leaf),
    }
}

/// All settings of a configuration, flat; what is none is left out.
pub fn flat(config: &Json) -> Settings {
    let mut settings = Settings::new();
    walk(config, "", &mut |key, value| {
        if let Some(value) = Scalar::of_json(value) {
            settings.insert(key.to_owned(), value);
        }
    });
    DERIVED.iter().for_each(|key| drop(settings.remove(*key)));
    settings
}

/// Refuses a name that is no key (E0902).
pub fn check(key: &str, place: &str) -> Result<()> {
    check_among(key, &[], place)
}

/// Refuses a name that is neither a key nor a metric (E0902).
pub fn check_or_metric(name: &str, place: &str) -> Result<()> {
    let metrics: Vec<&str> = crate::metrics::METRICS.iter().map(|m| m.name).collect();
    check_among(name, &metrics, place)
}

fn check_among(key: &str, others: &[&str], place: &str) -> Result<()> {
    let base = Config::base(pulvinar_ir::Arch::default_chip()).json();
    let known = match layer_of(key) {
        Some(_) if key.starts_with("quantise.layers.") => LAYER_FIELDS.contains(&steps(key)[3]),
        Some(layer) => !layer.is_empty(),
        None if chip().contains_key(key) => true,
        None => get(&base, key).is_some_and(|v| !v.is_object()) && !DERIVED.contains(&key),
    };
    if known || others.contains(&key) {
        return Ok(());
    }
    let mut names = all();
    names.extend(others.iter().map(|o| (*o).to_owned()));
    let rest = key.splitn(3, '.').nth(2).unwrap_or("LAYER");
    names.extend(BY_LAYER.iter().map(|t| format!("{t}.{rest}")));
    let layer = rest.rsplit_once('.').map_or("LAYER", |(layer, _)| layer);
    names.extend(LAYER_FIELDS.iter().map(|f| format!("quantise.layers.{layer}.{f}")));
    let what = if others.is_empty() { "key" } else { "key or metric" };
    Err(unknown(what, key, names.iter().map(String::as_str), place))
}

/// The value at a key; none for a key that leads nowhere.
pub fn get<'a>(config: &'a Json, key: &str) -> Option<&'a Json> {
    steps(key).into_iter().try_fold(config, |at, step| at.get(step))
}

/// The same configuration with other values.
///
/// # Errors
/// E0903 for a value of the wrong type; keys have been checked.
pub fn with(base: &Json, settings: &Settings) -> Result<Config> {
    let mut json = base.clone();
    for (key, value) in settings {
        put(&mut json, key, value);
    }
    serde_json::from_value(json).map_err(|e| {
        let place = settings.iter().map(|(k, v)| format!("{k} = {v}")).collect::<Vec<_>>().join(", ");
        Diagnostic::new(
            "E0903",
            place,
            format!("this is no value of the key: {e}"),
            "give a value of the key's type (`pulvinar arch --schema` lists those of the chip)",
        )
    })
}

/// Puts a value where a key points; whole numbers become reals where a real is.
fn put(config: &mut Json, key: &str, value: &Scalar) {
    let mut at = config;
    for step in steps(key) {
        if !at.is_object() {
            *at = Json::Object(serde_json::Map::new());
        }
        at = at
            .as_object_mut()
            .expect("it has just been made an object")
            .entry(step.to_owned())
            .or_insert(Json::Null);
    }
    *at = value.json();
}

/// True if a key takes real numbers.
pub fn is_real(base: &Json, key: &str) -> bool {
    chip().get(key).copied().unwrap_or(key == "input.rate" || get(base, key).is_some_and(Json::is_f64))
}

/// A value in the type of its key: whole numbers become reals where a real is.
pub fn fitted(base: &Json, key: &str, value: Scalar) -> Scalar {
    let real = is_real(base, key);
    match value {
        Scalar::Int(v) if real => Scalar::Real(v as f64),
        other => other,
    }
}

/// The refusal of a wrong name (E0902), with the nearest right one.
pub fn unknown<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str>, place: &str) -> Diagnostic {
    let known: Vec<&str> = known.collect();
    let nearest = known.iter().min_by_key(|k| (distance(name, k), **k));
    let help = match nearest {
        Some(nearest) if known.len() > 12 => format!("the nearest {what} is `{nearest}`"),
        Some(nearest) => format!("the nearest {what} is `{nearest}`; there are {}", known.join(", ")),
        None => format!("there is no {what} at all"),
    };
    Diagnostic::new("E0902", place, format!("there is no {what} `{name}`"), help)
}

/// Edits (insert, delete, replace, swap of neighbours) from one word to another; a word without dots is taken for the last
/// part of the other.
fn distance(name: &str, known: &str) -> usize {
    let last = known.rsplit('.').next().unwrap_or_default();
    let short = if name.contains('.') { usize::MAX } else { edits(name, last) };
    edits(name, known).min(short)
}

fn edits(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replace = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replace.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulvinar_ir::Arch;

    #[test]
    fn every_key_of_the_chip_and_the_options_is_there() {
        let keys = all();
        for key in
            ["core.lanes", "technology.voltage_v", "quantise.weight_bits", "map.placement", "input.rate"]
        {
            assert!(keys.iter().any(|k| k == key), "{key} of {keys:?}");
        }
        assert!(!keys.iter().any(|k| k == "quantise.direct" || k.starts_with("map.strategies")));
        keys.iter().for_each(|k| check(k, "here").unwrap());
    }

    #[test]
    fn a_wrong_key_names_the_nearest() {
        for (wrong, right) in [
            ("core.lane", "core.lanes"),
            ("lanes", "core.lanes"),
            ("quantize.weight_bits", "quantise.weight_bits"),
            ("map.strategy.neuron1", "map.strategies.neuron1"),
            ("quantise.layers.fc1.bits", "quantise.layers.fc1."),
            ("quantise.direct", "quantise."),
        ] {
            let refusal = check(wrong, "here").unwrap_err();
            assert_eq!(refusal.code, "E0902");
            assert!(refusal.help.contains(right), "{wrong}: {refusal}");
        }
    }

    #[test]
    fn values_are_put_where_keys_point() {
        let base = Config::base(Arch::default_chip()).json();
        let settings = Settings::from([
            ("core.lanes".to_owned(), Scalar::Int(4)),
            ("map.strategies.conv0.spikes".to_owned(), Scalar::Text("recompute".to_owned())),
            ("quantise.layers.conv0.spikes.weight_bits".to_owned(), Scalar::Int(4)),
            ("quantise.state_fraction_bits".to_owned(), Scalar::Int(4)),
            ("technology.clock_mhz".to_owned(), fitted(&base, "technology.clock_mhz", Scalar::Int(100))),
        ]);
        let config = with(&base, &settings).unwrap();
        assert_eq!(config.core.lanes, 4);
        assert_eq!(config.map.strategies["conv0.spikes"], pulvinar_ir::Strategy::Recompute);
        assert_eq!(config.quantise.layers["conv0.spikes"].weight_bits, Some(4));
        let flat = flat(&config.json());
        assert!(settings.iter().all(|(k, v)| flat.get(k) == Some(v)), "{flat:?}");
        let wrong = Settings::from([("noc.routing".to_owned(), Scalar::Text("north".to_owned()))]);
        assert_eq!(with(&base, &wrong).unwrap_err().code, "E0903");
    }
}
