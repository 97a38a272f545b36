//! Operations: one file each, with attributes, type rule, meaning, equation and source.

use crate::diag::{Diagnostic, Result};
use crate::graph::{Level, NodeId};
use crate::shape::{Elem, IntType, Shape, Type};
use crate::tensor::{Tensor, Value};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub mod expand;
pub mod window;

/// What a type rule may look at.
pub struct InferCx<'a> {
    /// Level of the graph.
    pub level: Level,
    /// Timesteps of the graph.
    pub timesteps: usize,
    /// Node name, for diagnostics.
    pub name: &'a str,
    /// Operand types.
    pub inputs: &'a [&'a Type],
    /// Constants of the graph.
    pub tensors: &'a BTreeMap<String, Tensor>,
}

impl<'a> InferCx<'a> {
    /// A refusal at this node.
    pub fn refuse(&self, message: impl Into<String>, help: impl Into<String>) -> Diagnostic {
        Diagnostic::new("E0201", format!("node `{}`", self.name), message, help)
    }
    /// The operands, if there are exactly N.
    pub fn operands<const N: usize>(&self) -> Result<[&'a Type; N]> {
        <[&Type; N]>::try_from(self.inputs.to_vec()).map_err(|v| {
            self.refuse(
                format!("takes {N} input(s) and has {}", v.len()),
                "connect exactly the inputs this op takes",
            )
        })
    }
    /// A tensor by name with this shape; `None` in the pattern accepts any size.
    pub fn tensor(&self, name: &str, shape: &[Option<usize>]) -> Result<&'a Tensor> {
        let place = format!("node `{}`, tensor `{name}`", self.name);
        let t = self.tensors.get(name).ok_or_else(|| {
            Diagnostic::new(
                "E0103",
                &place,
                "this tensor is missing from the weights",
                "export the model again, or correct the name",
            )
        })?;
        let fits =
            t.shape.len() == shape.len() && t.shape.iter().zip(shape).all(|(&a, b)| b.is_none_or(|b| a == b));
        if !fits {
            let want: Vec<String> =
                shape.iter().map(|d| d.map_or("any".to_owned(), |d| d.to_string())).collect();
            return Err(Diagnostic::new(
                "E0104",
                &place,
                format!("shape {:?} where [{}] is needed", t.shape, want.join(", ")),
                "the weights do not belong to this graph; export both together",
            ));
        }
        let real = t.as_real().is_some();
        if real != (self.level == Level::Trained) {
            return Err(Diagnostic::new(
                "E0202",
                &place,
                "real and integer parameters are mixed",
                "quantise the whole graph",
            ));
        }
        Ok(t)
    }
    /// Refuses an op that this level does not have.
    pub fn only(&self, level: Level) -> Result<()> {
        if self.level == level {
            return Ok(());
        }
        Err(self.refuse(
            format!("this op does not exist at level `{}`", self.level),
            "run the pass that lowers it (`pulvinar passes`)",
        ))
    }
    /// Result type of an elementwise or linear op: real, or an integer range with scale.
    pub fn int_or_real(&self, shape: Shape, int: impl FnOnce() -> Result<IntType>) -> Result<Type> {
        match self.level {
            Level::Trained => Ok(Type::real(shape)),
            Level::Flow => {
                let int = int()?;
                if int.bits() > 48 {
                    return Err(self.refuse(
                        format!(
                            "a value here can need {} bits, more than the 48 of the widest register",
                            int.bits()
                        ),
                        "use fewer weight bits or a smaller layer",
                    ));
                }
                Ok(Type::int(int, shape))
            }
        }
    }
}

/// What an evaluation may look at.
pub struct EvalCx<'a> {
    /// Operand values.
    pub inputs: &'a [&'a Value],
    /// Operand types.
    pub types: &'a [&'a Type],
    /// Result type.
    pub ty: &'a Type,
    /// Constants of the graph.
    pub tensors: &'a BTreeMap<String, Tensor>,
}

impl<'a> EvalCx<'a> {
    /// A tensor the type rule has already found.
    pub fn tensor(&self, name: &str) -> &'a Tensor {
        self.tensors.get(name).expect("the verifier has found every tensor")
    }
    /// True at level `trained`.
    pub fn is_real(&self) -> bool {
        self.ty.elem == Elem::Real
    }
    /// Applies an elementwise function for the level at hand.
    pub fn map(&self, real: impl Fn(f64) -> f64, int: impl Fn(i64) -> i64) -> Value {
        let x = self.inputs[0];
        if self.is_real() {
            Value::real(x.shape, x.reals().iter().map(|&v| real(v)).collect())
        } else {
            Value::int(x.shape, x.ints().iter().map(|&v| int(v)).collect())
        }
    }
    /// Applies a broadcasting binary function for the level at hand.
    pub fn zip(&self, real: impl Fn(f64, f64) -> f64, int: impl Fn(i64, i64) -> i64) -> Value {
        let (a, b, shape) = (self.inputs[0], self.inputs[1], self.ty.shape);
        if self.is_real() {
            Value::real(shape, zip(shape, (a.shape, a.reals()), (b.shape, b.reals()), real))
        } else {
            Value::int(shape, zip(shape, (a.shape, a.ints()), (b.shape, b.ints()), int))
        }
    }
}

/// A binary function of two values that are broadcast to a shape.
fn zip<T: Copy>(shape: Shape, (a, x): (Shape, &[T]), (b, y): (Shape, &[T]), f: impl Fn(T, T) -> T) -> Vec<T> {
    if a == shape && b == shape {
        return x.iter().zip(y).map(|(&x, &y)| f(x, y)).collect();
    }
    let mut out = Vec::with_capacity(shape.len());
    for row in shape.rows() {
        let ((i, di), (j, dj)) = (a.broadcast_row(row), b.broadcast_row(row));
        out.extend((0..shape.w).map(|w| f(x[i + w * di], y[j + w * dj])));
    }
    out
}

/// Type rule and meaning of one operation.
pub trait OpRule {
    /// Type of the result, or why there is none.
    fn infer(&self, cx: &InferCx<'_>) -> Result<Type>;
    /// Value of the result; operands and tensors are as the type rule saw them. That of a module is its expansion's.
    fn eval(&self, cx: &EvalCx<'_>) -> Value {
        expand::eval(self, cx)
    }
    /// Later steps of an operand of shape `x` that a step of the result depends on; a module's is its expansion's.
    fn look_ahead(&self, _x: Shape) -> usize {
        0
    }
    /// Names of the tensors in the attributes.
    fn tensors(&self) -> Vec<&str> {
        Vec::new()
    }
    /// The op written as others, if it is a module; gives the node with its value.
    fn expand(&self, _: &mut expand::Expand<'_>) -> Option<Result<NodeId>> {
        None
    }
}

fn attrs_of<T: Serialize>(attrs: &T) -> serde_json::Value {
    serde_json::to_value(attrs).expect("attributes are plain data")
}

fn parse_attrs<T: DeserializeOwned>(op: &str, attrs: serde_json::Value) -> Result<T> {
    serde_json::from_value(attrs).map_err(|e| {
        Diagnostic::new(
            "E0102",
            format!("op `{op}`"),
            format!("attributes do not parse: {e}"),
            "see the JSON Schema of the model format",
        )
    })
}

macro_rules! ops {
    ($($variant:ident = $module:ident, $text:literal, $levels:expr, $doc:literal;)+) => {
        $(pub mod $module;)+

        /// An operation with its attributes.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        pub enum Op { $(#[doc = $doc] $variant($module::$variant),)+ }

        $(impl From<$module::$variant> for Op {
            fn from(attrs: $module::$variant) -> Self { Op::$variant(attrs) }
        })+

        /// Name, levels and one line of every operation.
        pub const OPS: &[(&str, &[Level], &str)] = &[$(($text, $levels, $doc)),+];

        impl Op {
            /// Name in files and text.
            pub fn name(&self) -> &'static str { match self { $(Op::$variant(_) => $text),+ } }
            /// Attributes as JSON.
            pub fn attrs(&self) -> serde_json::Value { match self { $(Op::$variant(a) => attrs_of(a)),+ } }
            /// Type rule and meaning.
            pub fn rule(&self) -> &dyn OpRule { match self { $(Op::$variant(a) => a),+ } }
            /// Levels at which the op exists.
            pub fn levels(&self) -> &'static [Level] { match self { $(Op::$variant(_) => $levels),+ } }
            /// The op with this name and these attributes.
            pub fn from_parts(name: &str, attrs: serde_json::Value) -> Result<Op> {
                match name {
                    $($text => parse_attrs::<$module::$variant>(name, attrs).map(Op::$variant),)+
                    _ => Err(Diagnostic::new(
                        "E0101",
                        format!("op `{name}`"),
                        "this op is not known",
                        format!("ops known here: {}", OPS.iter().map(|o| o.0).collect::<Vec<_>>().join(", ")),
                    )),
                }
            }
        }
    };
}

const TRAINED: &[Level] = &[Level::Trained];
const FLOW: &[Level] = &[Level::Flow];
const BOTH: &[Level] = &[Level::Trained, Level::Flow];

ops! {
    Input = input, "input", BOTH, "The network's input stream.";
    Conv2d = conv2d, "conv2d", BOTH, "2-D convolution, one per timestep.";
    Linear = linear, "linear", BOTH, "Fully connected layer, one per timestep.";
    BatchNorm = batch_norm, "batch_norm", TRAINED, "Batch normalisation with running statistics.";
    AvgPool = avg_pool, "avg_pool", BOTH, "Average over windows (a sum at level flow).";
    MaxPool = max_pool, "max_pool", BOTH, "Maximum over windows.";
    Flatten = flatten, "flatten", BOTH, "Channels, rows and columns into one axis.";
    Add = add, "add", BOTH, "Sum of two values.";
    Mul = mul, "mul", TRAINED, "Broadcasting product of two values.";
    Gate = gate, "gate", FLOW, "Broadcasting fixed-point product with one rounding.";
    Reduce = reduce, "reduce", BOTH, "Mean, sum or maximum over axes.";
    Dense = dense, "dense", BOTH, "Linear map along one axis of a small tensor.";
    Conv1d = conv1d, "conv1d", BOTH, "1-D convolution along t or c that mixes the other.";
    TopK = top_k, "top_k", BOTH, "1 for the k largest along an axis, else 0.";
    Affine = affine, "affine", TRAINED, "Scalar multiply and add.";
    Relu = relu, "relu", BOTH, "max(0, x).";
    Sigmoid = sigmoid, "sigmoid", TRAINED, "Logistic function.";
    Requantise = requantise, "requantise", FLOW, "Fixed-point rescaling with saturation.";
    Table = table, "table", FLOW, "Look-up of a function in a table.";
    Concat = concat, "concat", BOTH, "Concatenation along the channels.";
    Emit = emit, "emit", FLOW, "A value of the attention engine as a stream.";
    Delay = delay, "delay", BOTH, "The value of the previous timestep.";
    MaAttention = ma_attention, "ma_attention", TRAINED, "Temporal, channel and spatial attention of MA-SNN's code.";
    TAttention = t_attention, "t_attention", TRAINED, "Temporal-wise attention.";
    StepAttention = step_attention, "step_attention", TRAINED, "Channel and spatial attention of every step by itself.";
    MaNeuron = ma_neuron, "ma_neuron", TRAINED, "Spiking neuron that gates its membrane before it fires.";
    TaSnn = ta_snn, "ta_snn", TRAINED, "Temporal attention from the mean alone, with biases.";
    SqueezeExcite = squeeze_excite, "squeeze_excite", TRAINED, "Channel attention of every step from the mean alone.";
    Stsc = stsc, "stsc", TRAINED, "Temporal filter and gate of the spikes before a layer.";
    Matmul = matmul, "matmul", BOTH, "Product of two values per head, over tokens or channels.";
    SpikingAttention = spiking_attention, "spiking_attention", TRAINED, "Spiking self-attention of query, key and value.";
    Fsta = fsta, "fsta", TRAINED, "Frequency-based spatial-temporal attention.";
    Tcja = tcja, "tcja", TRAINED, "Temporal-channel joint attention on spikes.";
    Gac = gac, "gac", TRAINED, "Gated attention coding: the gate of an encoder's spikes.";
    Asa = asa, "asa", TRAINED, "Advance spatial attention: two spatial gates under a mask.";
    Neuron = neuron, "neuron", TRAINED, "Spiking neuron.";
    Lif = lif, "lif", FLOW, "Spiking neuron in integers.";
    Membrane = membrane, "membrane", TRAINED, "What a neuron that fires at its operand carries on of it.";
    Carry = carry, "carry", FLOW, "What a neuron carries on of its membrane, in integers.";
    Readout = readout, "readout", BOTH, "Mean or sum over time.";
    Pulse = pulse, "pulse", FLOW, "The first timestep, then zeros.";
    Hold = hold, "hold", FLOW, "The first timestep in every step.";
    Sparse = sparse, "sparse", FLOW, "Linear layer over stored connections only.";
    Scale = scale, "scale", TRAINED, "A constant factor per channel.";
    ConvTranspose2d = conv_transpose2d, "conv_transpose2d", BOTH, "Transpose of a 2-D convolution, one per timestep.";
    Accumulate = accumulate, "accumulate", BOTH, "Sum over time, given out at the last step.";
    Radix = radix, "radix", TRAINED, "Sums of a window to trains of bits in the next one.";
    RadixCode = radix_code, "radix_code", FLOW, "Sums of a window to trains of bits, in integers.";
    Upsample = upsample, "upsample", BOTH, "Nearest-neighbour upsampling of rows and columns.";
}

impl Op {
    /// Weights and bias of a layer, by the names of their tensors.
    pub fn weights(&self) -> Option<(&str, Option<&str>)> {
        let (weight, bias) = match self {
            Op::Conv1d(l) => (&l.weight, &l.bias),
            Op::Conv2d(l) => (&l.weight, &l.bias),
            Op::ConvTranspose2d(l) => (&l.weight, &l.bias),
            Op::Linear(l) => (&l.weight, &l.bias),
            Op::Dense(l) => (&l.weight, &l.bias),
            _ => return None,
        };
        Some((weight, bias.as_deref()))
    }

    /// The same layer with other weights and bias; ops without are unchanged.
    #[must_use]
    pub fn with_weights(&self, new_weight: String, new_bias: Option<String>) -> Op {
        let mut op = self.clone();
        let (weight, bias) = match &mut op {
            Op::Conv1d(l) => (&mut l.weight, &mut l.bias),
            Op::Conv2d(l) => (&mut l.weight, &mut l.bias),
            Op::ConvTranspose2d(l) => (&mut l.weight, &mut l.bias),
            Op::Linear(l) => (&mut l.weight, &mut l.bias),
            Op::Dense(l) => (&mut l.weight, &mut l.bias),
            _ => return op,
        };
        (*weight, *bias) = (new_weight, new_bias);
        op
    }
}

/// `round_half_up(v / 2^shift)`: ties go towards +infinity; exact for any `i64` in range.
#[inline]
pub fn round_shift(v: i64, shift: u32) -> i64 {
    if shift == 0 {
        v
    } else {
        (v + (1 << (shift - 1))) >> shift
    }
}
