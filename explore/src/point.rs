//! Points and their keys. Equal keys mean equal results, whoever computes them, where and when.

use crate::config::Config;
use crate::network::Identity;
use crate::scalar::Settings;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// Version of the numbers. It is raised whenever any metric of any point may change: the quantiser, the mapper, the
/// simulator, prices. It is part of every key, so that older results stay what they are and are not taken for new ones.
pub const SEMANTICS: u32 = 4;

/// First 128 bits of the SHA-256 of a point's canonical record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(pub u128);

impl Key {
    /// Key of a configuration whose names stand for these contents.
    ///
    /// The record is JSON with sorted keys: the configuration with content hashes in place of names and paths.
    /// Host, time, threads, attempts and file names are not in it.
    pub fn of(config: &Config, identity: &Identity) -> Self {
        let mut record = config.json();
        let fields = record.as_object_mut().expect("a configuration is an object");
        for settled in ["model", "timesteps", "seed", "input"] {
            // What these lead to is in the hashes.
            fields.remove(settled);
        }
        let derived = [("quantise", "direct"), ("map", "expected_events")];
        for (table, name) in derived {
            fields.get_mut(table).and_then(|t| t.as_object_mut()).map(|t| t.remove(name));
        }
        fields.insert("model".to_owned(), identity.model.clone().into());
        fields.insert("workload".to_owned(), identity.workload.clone().into());
        fields.insert("simulate".to_owned(), config.input.simulate.into());
        fields.insert("semantics".to_owned(), SEMANTICS.into());
        let hash = pulvinar_models::sha256_hex(record.to_string().as_bytes());
        Key(u128::from_str_radix(&hash[..32], 16).expect("a hash is hexadecimal"))
    }

    /// The shard of `count` that holds this key.
    pub fn shard(self, count: u32) -> u32 {
        u32::try_from(self.0 % u128::from(count)).expect("a rest is below what it is the rest of")
    }

    /// True if shard `index` of `count` holds this key.
    pub fn is_in(self, index: u32, count: u32) -> bool {
        self.shard(count) == index
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl FromStr for Key {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let key = (text.len() == 32).then(|| u128::from_str_radix(text, 16).ok()).flatten();
        key.map(Key).ok_or_else(|| format!("`{text}` is no key of 32 hexadecimal digits"))
    }
}

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A point of a plan: what it sets beyond the plan's base.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Point {
    /// Its key.
    pub key: Key,
    /// What it sets.
    pub set: Settings,
}
