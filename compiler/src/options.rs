//! Choices of the passes and the quantiser, as data.

use pulvinar_ir::{Diagnostic, Graph, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Choices of the pipeline; missing fields take their defaults.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// Every frame of every input is the same (direct coding of still images): what does not change is made once. With
    /// other inputs the answer is another.
    pub direct: bool,
    /// Fold an average pool into the convolution next to it where that is exact.
    pub fold_pool: bool,
    /// Bits of a weight on spikes or counts, 2..=16.
    pub weight_bits: u32,
    /// Bits of a weight on statistics (the small layers of attention), 2..=16.
    pub attention_weight_bits: u32,
    /// Bits g of a gate, unsigned with scale 2^−g, 2..=16.
    pub gate_bits: u32,
    /// Most bits a product of gates keeps, 2..=16; it is rounded once if it has more.
    pub gate_product_bits: u32,
    /// Bits of a statistic where it enters small arithmetic, 4..=16.
    pub stat_bits: u32,
    /// Fraction bits a current gains at its first gate, 0..=8.
    pub current_fraction_bits: u32,
    /// Entries of a sigmoid table, a power of two from 16 to 65536.
    pub table_entries: usize,
    /// The table covers −`table_range` to `table_range`, above 0.
    pub table_range: f64,
    /// Fraction bits of a leak that is not exact in fewer, 4..=16; more where 1 % would be lost.
    pub leak_bits: u32,
    /// Fraction bits of the membrane beyond its input, 0..=16; none lets the threshold decide.
    pub state_fraction_bits: Option<u32>,
    /// A statistic saturates at this factor times its calibrated range, at least 1.
    pub stat_margin: f64,
    /// Exceptions by node name; an entry for `a` also holds for `a.b`.
    pub layers: BTreeMap<String, LayerOptions>,
}

/// Exceptions for one layer; none keeps the general choice.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LayerOptions {
    /// Bits of its weights, whatever they work on.
    pub weight_bits: Option<u32>,
    /// Bits of its gates.
    pub gate_bits: Option<u32>,
    /// Bits of its statistics.
    pub stat_bits: Option<u32>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            direct: false,
            fold_pool: true,
            weight_bits: 8,
            attention_weight_bits: 8,
            gate_bits: 8,
            gate_product_bits: 16,
            stat_bits: 12,
            current_fraction_bits: 3,
            table_entries: 256,
            table_range: 8.0,
            leak_bits: 8,
            state_fraction_bits: None,
            stat_margin: 1.25,
            layers: BTreeMap::new(),
        }
    }
}

impl Options {
    /// Refuses values out of range.
    pub fn check(&self) -> Result<()> {
        in_range("weight_bits", self.weight_bits, 2, 16)?;
        in_range("attention_weight_bits", self.attention_weight_bits, 2, 16)?;
        in_range("gate_bits", self.gate_bits, 2, 16)?;
        in_range("gate_product_bits", self.gate_product_bits, 2, 16)?;
        in_range("stat_bits", self.stat_bits, 4, 16)?;
        in_range("current_fraction_bits", self.current_fraction_bits, 0, 8)?;
        in_range("leak_bits", self.leak_bits, 4, 16)?;
        in_range("state_fraction_bits", self.state_fraction_bits.unwrap_or(0), 0, 16)?;
        if !self.table_entries.is_power_of_two() || !(16..=65536).contains(&self.table_entries) {
            return Err(refuse(
                "table_entries",
                format!("{} entries", self.table_entries),
                "give a power of two from 16 to 65536",
            ));
        }
        if !(self.table_range > 0.0 && self.table_range <= 64.0) {
            return Err(refuse(
                "table_range",
                format!("{}", self.table_range),
                "give a range above 0 and at most 64",
            ));
        }
        if !(self.stat_margin >= 1.0 && self.stat_margin <= 1024.0) {
            return Err(refuse(
                "stat_margin",
                format!("{}", self.stat_margin),
                "give a factor from 1 to 1024",
            ));
        }
        for (name, layer) in &self.layers {
            in_range(&format!("layers.{name}.weight_bits"), layer.weight_bits.unwrap_or(2), 2, 16)?;
            in_range(&format!("layers.{name}.gate_bits"), layer.gate_bits.unwrap_or(2), 2, 16)?;
            in_range(&format!("layers.{name}.stat_bits"), layer.stat_bits.unwrap_or(4), 4, 16)?;
        }
        Ok(())
    }

    /// Refuses an exception that names no node.
    pub(crate) fn check_names(&self, graph: &Graph) -> Result<()> {
        let known = |name: &str| graph.nodes.iter().any(|n| covers(name, &n.name));
        match self.layers.keys().find(|name| !known(name)) {
            Some(name) => Err(refuse(
                &format!("layers.{name}"),
                "no node has this name".to_owned(),
                "name a node of the lowered graph (`--emit move-relu`)",
            )),
            None => Ok(()),
        }
    }

    /// The most specific exception that says something about this node.
    fn exception<T>(&self, node: &str, pick: impl Fn(&LayerOptions) -> Option<T>) -> Option<T> {
        let fits = self.layers.iter().filter(|(name, _)| covers(name, node));
        fits.filter_map(|(name, layer)| pick(layer).map(|v| (name.len(), v)))
            .max_by_key(|(n, _)| *n)
            .map(|(_, v)| v)
    }

    /// Bits of this node's weights.
    pub(crate) fn weight_bits_of(&self, node: &str, on_statistics: bool) -> u32 {
        let general = if on_statistics { self.attention_weight_bits } else { self.weight_bits };
        self.exception(node, |l| l.weight_bits).unwrap_or(general)
    }

    /// Bits of this node's gates.
    pub(crate) fn gate_bits_of(&self, node: &str) -> u32 {
        self.exception(node, |l| l.gate_bits).unwrap_or(self.gate_bits)
    }

    /// Bits of this node's statistics.
    pub(crate) fn stat_bits_of(&self, node: &str) -> u32 {
        self.exception(node, |l| l.stat_bits).unwrap_or(self.stat_bits)
    }
}

/// True if an entry for `name` holds for `node`.
fn covers(name: &str, node: &str) -> bool {
    node.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn refuse(field: &str, what: String, help: &str) -> Diagnostic {
    Diagnostic::new("E0308", format!("compiler option `{field}`"), what, help)
}

fn in_range(field: &str, value: u32, lo: u32, hi: u32) -> Result<()> {
    if (lo..=hi).contains(&value) {
        return Ok(());
    }
    Err(refuse(field, format!("{value} is out of range"), &format!("give a value from {lo} to {hi}")))
}
