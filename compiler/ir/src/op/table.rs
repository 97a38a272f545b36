//! `y = table[x − lo(x)]`: a function of a saturated fixed-point input as a look-up.

use super::{EvalCx, InferCx, OpRule};
use crate::diag::Result;
use crate::graph::Level;
use crate::shape::{IntType, Type};
use crate::tensor::Value;
use serde::{Deserialize, Serialize};

/// Attributes of `table`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// Entries `[n]`, for inputs `lo ..= lo + n − 1`.
    pub table: String,
    /// Input of the first entry.
    pub lo: i64,
    /// The function, for reports (`sigmoid`).
    pub function: String,
}

impl OpRule for Table {
    fn infer(&self, cx: &InferCx<'_>) -> Result<Type> {
        cx.only(Level::Flow)?;
        let [x] = cx.operands()?;
        let table = cx.tensor(&self.table, &[None])?;
        let int = x.as_int(cx.name)?;
        if int.lo < self.lo || int.hi.saturating_sub(self.lo) >= table.len() as i64 {
            return Err(cx.refuse(
                format!("inputs {}..{} leave the table's {} entries from {}", int.lo, int.hi, table.len(), self.lo),
                "saturate the input with a requantise first",
            ));
        }
        let used = &table.as_int().expect("the tensor rule has checked the level")[(int.lo - self.lo) as usize..=(int.hi - self.lo) as usize];
        let (lo, hi) = (used.iter().min().copied().unwrap_or(0), used.iter().max().copied().unwrap_or(0));
        Ok(Type::int(IntType { lo: lo.into(), hi: hi.into(), scale: table.scale().to_vec() }, x.shape))
    }

    fn eval(&self, cx: &EvalCx<'_>) -> Value {
        let table = cx.tensor(&self.table).as_int().expect("level flow");
        cx.map(|v| v, |v| i64::from(table[(v - self.lo) as usize]))
    }

    fn tensors(&self) -> Vec<&str> {
        vec![&self.table]
    }
}
