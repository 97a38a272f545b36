//! One operation of a graph: its arguments by name.

use super::file::Scope;
use crate::traced::program::{mismatch, Id};
use pulvinar_ir::{Diagnostic, Result};
use serde_json::Value;
use std::collections::BTreeMap;

/// An argument.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Arg {
    Tensor(Id),
    Tensors(Vec<Id>),
    Int(i64),
    Ints(Vec<i64>),
    Real(f64),
    Bool(bool),
    Text(String),
    /// None, and what has no meaning for values: devices, layouts, types.
    Nothing,
}

/// An operation.
pub(super) struct Call {
    /// `conv2d.default`, `sj_lif.forward` ...
    pub target: String,
    /// Name in the network: the path of its module, or its own.
    pub name: String,
    /// Arguments.
    pub args: BTreeMap<String, Arg>,
    /// All tensors among them.
    pub tensors: Vec<Id>,
    /// Names of its results.
    pub results: Vec<String>,
}

/// `prefix,path,class;...` of the innermost module that has a path.
fn path(node: &Value) -> Option<String> {
    let stack = node["metadata"]["nn_module_stack"].as_str()?;
    let entry = stack.rsplit(';').next()?;
    let path = entry.split(',').nth(1)?;
    (!path.is_empty()).then(|| path.to_owned())
}

impl Call {
    /// Reads a node of the graph.
    pub fn read(scope: &Scope, node: &Value) -> Result<Self> {
        let target = node["target"].as_str().unwrap_or("");
        let target = target.trim_start_matches("torch.ops.");
        let target = target.strip_prefix("aten.").unwrap_or(target).to_owned();
        let own = node["name"].as_str().or_else(|| node["outputs"][0]["as_tensor"]["name"].as_str());
        let name = path(node).or_else(|| own.map(str::to_owned)).unwrap_or_else(|| target.clone());
        let mut call = Call { target, name, args: BTreeMap::new(), tensors: Vec::new(), results: Vec::new() };
        for input in node["inputs"].as_array().into_iter().flatten() {
            let key = input["name"].as_str().unwrap_or("").to_owned();
            let arg = call.arg(scope, &input["arg"])?;
            call.args.insert(key, arg);
        }
        for output in node["outputs"].as_array().into_iter().flatten() {
            if let Some(name) = output["as_tensor"]["name"].as_str() {
                call.results.push(name.to_owned());
            }
            for tensor in output["as_tensors"].as_array().into_iter().flatten() {
                call.results.extend(tensor["name"].as_str().map(str::to_owned));
            }
        }
        Ok(call)
    }

    fn arg(&mut self, scope: &Scope, arg: &Value) -> Result<Arg> {
        let Some((kind, value)) = arg.as_object().and_then(|o| o.iter().next()) else {
            return Ok(Arg::Nothing);
        };
        let tensor = |v: &Value| {
            let name = v["name"].as_str().unwrap_or("");
            scope.values.get(name).copied().ok_or_else(|| {
                Diagnostic::new(
                    "E0513",
                    format!("node `{}`", self.name),
                    format!("it takes `{name}`, which no node before it makes"),
                    "trace the network again with `torch.export.export`",
                )
            })
        };
        Ok(match kind.as_str() {
            "as_tensor" => {
                let id = tensor(value)?;
                self.tensors.push(id);
                Arg::Tensor(id)
            }
            "as_tensors" => {
                let ids = value.as_array().into_iter().flatten().map(tensor).collect::<Result<Vec<_>>>()?;
                self.tensors.extend(&ids);
                Arg::Tensors(ids)
            }
            "as_optional_tensor" | "as_optional_tensors" => self.arg(scope, value)?,
            "as_int" => value.as_i64().map_or(Arg::Nothing, Arg::Int),
            "as_ints" => {
                Arg::Ints(value.as_array().into_iter().flatten().filter_map(Value::as_i64).collect())
            }
            "as_sym_int" => value["as_int"].as_i64().map_or(Arg::Nothing, Arg::Int),
            "as_sym_ints" => Arg::Ints(
                value.as_array().into_iter().flatten().filter_map(|v| v["as_int"].as_i64()).collect(),
            ),
            "as_float" => value.as_f64().map_or(Arg::Nothing, Arg::Real),
            "as_bool" => value.as_bool().map_or(Arg::Nothing, Arg::Bool),
            "as_string" => value.as_str().map_or(Arg::Nothing, |s| Arg::Text(s.to_owned())),
            _ => Arg::Nothing,
        })
    }

    fn bad(&self, key: &str) -> Diagnostic {
        Diagnostic::new(
            "E0511",
            format!("node `{}`", self.name),
            format!("argument `{key}` of `{}` is missing or of another type", self.target),
            "trace the network again with `torch.export.export`",
        )
    }

    /// A tensor; a number stands for a constant.
    pub fn tensor(&self, program: &mut crate::traced::program::Program, key: &str) -> Result<Id> {
        match self.args.get(key) {
            Some(Arg::Tensor(id)) => Ok(*id),
            Some(Arg::Int(_) | Arg::Real(_) | Arg::Bool(_)) => Ok(program.scalar(self.real(key)?)),
            _ => Err(self.bad(key)),
        }
    }

    /// A tensor, if there is one.
    pub fn maybe(&self, key: &str) -> Option<Id> {
        match self.args.get(key) {
            Some(Arg::Tensor(id)) => Some(*id),
            _ => None,
        }
    }

    /// A list of tensors.
    pub fn list(&self, key: &str) -> Result<&[Id]> {
        match self.args.get(key) {
            Some(Arg::Tensors(ids)) => Ok(ids),
            _ => Err(self.bad(key)),
        }
    }

    /// A number.
    pub fn real(&self, key: &str) -> Result<f64> {
        let value = match self.args.get(key) {
            Some(Arg::Real(v)) => *v,
            Some(Arg::Int(v)) => *v as f64,
            Some(Arg::Bool(v)) => f64::from(u8::from(*v)),
            _ => return Err(self.bad(key)),
        };
        if value.is_finite() {
            Ok(value)
        } else {
            Err(self.bad(key))
        }
    }

    /// A number, if there is one.
    pub fn real_or(&self, key: &str, default: f64) -> Result<f64> {
        match self.args.get(key) {
            None | Some(Arg::Nothing) => Ok(default),
            _ => self.real(key),
        }
    }

    /// A whole number.
    pub fn int(&self, key: &str) -> Result<i64> {
        match self.args.get(key) {
            Some(Arg::Int(v)) => Ok(*v),
            _ => Err(self.bad(key)),
        }
    }

    /// A whole number, or a default.
    pub fn int_or(&self, key: &str, default: i64) -> Result<i64> {
        match self.args.get(key) {
            None | Some(Arg::Nothing) => Ok(default),
            _ => self.int(key),
        }
    }

    /// Whole numbers.
    pub fn ints(&self, key: &str) -> Result<Vec<i64>> {
        match self.args.get(key) {
            Some(Arg::Ints(v)) => Ok(v.clone()),
            Some(Arg::Int(v)) => Ok(vec![*v]),
            _ => Err(self.bad(key)),
        }
    }

    /// Rows and columns; one number stands for both.
    pub fn pair(&self, key: &str, default: Option<[usize; 2]>) -> Result<[usize; 2]> {
        let given = match (self.args.get(key), default) {
            (None | Some(Arg::Nothing), Some(d)) => return Ok(d),
            (Some(Arg::Ints(v)), Some(d)) if v.is_empty() => return Ok(d),
            _ => self.ints(key)?,
        };
        let size = |v: i64| usize::try_from(v).ok().filter(|v| *v <= 1 << 20);
        let sizes: Option<Vec<usize>> = given.into_iter().map(size).collect();
        match sizes.as_deref() {
            Some([both]) => Ok([*both; 2]),
            Some([rows, columns]) => Ok([*rows, *columns]),
            _ => Err(mismatch(&self.name, format!("argument `{key}` is not one or two sizes"))),
        }
    }

    /// A switch.
    pub fn flag(&self, key: &str, default: bool) -> Result<bool> {
        match self.args.get(key) {
            None | Some(Arg::Nothing) => Ok(default),
            Some(Arg::Bool(v)) => Ok(*v),
            _ => Err(self.bad(key)),
        }
    }
}
