//! Attention on statistics: scalar factors, complements, squares and the choice of the largest.

use super::Quantiser;
use pulvinar_ir::op::requantise::Requantise;
use pulvinar_ir::op::table::Table;
use pulvinar_ir::{Diagnostic, NodeId, Result, Tensor};

impl Quantiser<'_> {
    /// `mul · x + add` of a statistic: a positive factor is a change of scale, else a table holds what the values of x give.
    pub(super) fn affine(&mut self, id: NodeId, mul: f64, add: f64) -> Result<NodeId> {
        let x = self.mapped(self.old.node(id).inputs[0]);
        if !self.facts.statistic[id.index()] {
            return Err(self.without_integer_form(id));
        }
        if add != 0.0 || mul <= 0.0 {
            let table = self.tabulate(id, "affine", |v| mul * v + add)?;
            let table = table.ok_or_else(|| self.without_integer_form(id))?;
            return self.counterpart(id, table, &[x]);
        }
        let int = self.int(x);
        let unit = int.single_scale(&self.old.node(id).name)?;
        let op = Requantise { mul: 1, shift: 0, lo: int.lo, hi: int.hi, scale: unit * mul };
        self.counterpart(id, op, &[x])
    }

    /// A product; the square of a statistic with few whole values is a table.
    pub(super) fn product(&mut self, id: NodeId) -> Result<NodeId> {
        let [a, b] = self.old.node(id).inputs[..] else {
            unreachable!("the verifier has counted the operands")
        };
        if a == b && self.facts.statistic[id.index()] {
            if let Some(table) = self.tabulate(id, "square", |v| v * v)? {
                return self.counterpart(id, table, &[self.mapped(a)]);
            }
        }
        match self.mask(id)? {
            Some(masked) => Ok(masked),
            None => self.mul(id),
        }
    }

    /// A function of a statistic with few values, if all results are whole numbers.
    fn tabulate(&mut self, id: NodeId, function: &str, f: impl Fn(f64) -> f64) -> Result<Option<Table>> {
        let x = self.mapped(self.old.node(id).inputs[0]);
        let int = self.int(x);
        let unit = int.single_scale(&self.old.node(id).name)?;
        if int.hi - int.lo >= self.cx.options.table_entries as i64 {
            return Ok(None);
        }
        let results: Vec<f64> = (int.lo..=int.hi).map(|v| f(v as f64 * unit)).collect();
        if results.iter().any(|r| r.fract() != 0.0 || r.abs() > f64::from(i16::MAX)) {
            return Ok(None);
        }
        let entries: Vec<i32> = results.iter().map(|&r| r as i32).collect();
        let tensor = Tensor::int(vec![entries.len()], entries, 16, vec![1.0]);
        let table = self.table(function, tensor);
        Ok(Some(Table { table, lo: int.lo, function: function.to_owned() }))
    }

    /// The largest along an axis: only their order counts.
    pub(super) fn top_k(&mut self, id: NodeId) -> Result<NodeId> {
        let node = self.old.node(id);
        let x = self.narrow(node.inputs[0], &node.name, self.cx.options.stat_bits_of(&node.name))?;
        self.counterpart(id, node.op.clone(), &[x])
    }

    pub(super) fn without_integer_form(&self, id: NodeId) -> Diagnostic {
        let node = self.old.node(id);
        Diagnostic::new(
            "E0310",
            format!("node `{}`", node.name),
            format!("op `{}` has no integer form", node.op.name()),
            "run the passes before the quantiser first (`lower`); an op that they leave runs in reals only, not on the chip",
        )
    }
}
