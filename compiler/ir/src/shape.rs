//! Shapes, axes and element types. Every value is a sequence tensor `[T, C, H, W]` of one sample.

use crate::diag::{Diagnostic, Result};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Shape of one sample's value over time; a reduced axis has size 1, a vector is `[T, C, 1, 1]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Shape {
    /// Timesteps.
    pub t: usize,
    /// Channels.
    pub c: usize,
    /// Rows.
    pub h: usize,
    /// Columns.
    pub w: usize,
}

impl Shape {
    /// A shape from its four sizes.
    pub fn new(t: usize, c: usize, h: usize, w: usize) -> Self {
        Shape { t, c, h, w }
    }
    /// Sizes in the order t, c, h, w.
    pub fn dims(self) -> [usize; 4] {
        [self.t, self.c, self.h, self.w]
    }
    /// Number of elements.
    pub fn len(self) -> usize {
        self.t * self.c * self.h * self.w
    }
    /// True if any axis is empty.
    pub fn is_empty(self) -> bool {
        self.dims().contains(&0)
    }
    /// Number of elements if there are 1 to 2³¹, the most a value may have.
    pub fn bounded_len(self) -> Option<usize> {
        let n = self.dims().into_iter().try_fold(1usize, usize::checked_mul)?;
        (1..=1 << 31).contains(&n).then_some(n)
    }
    /// Elements of one timestep.
    pub fn step_len(self) -> usize {
        self.c * self.h * self.w
    }
    /// Row-major index.
    #[inline]
    pub fn index(self, t: usize, c: usize, h: usize, w: usize) -> usize {
        ((t * self.c + c) * self.h + h) * self.w + w
    }
    /// The shape after reducing `axes` to size 1.
    pub fn reduced(self, axes: Axes) -> Self {
        let one = |axis, n| if axes.has(axis) { 1 } else { n };
        Shape::new(one(Axis::T, self.t), one(Axis::C, self.c), one(Axis::H, self.h), one(Axis::W, self.w))
    }
    /// The broadcast of two shapes: sizes agree or one of them is 1.
    pub fn broadcast(self, other: Self) -> Option<Self> {
        let mut out = [0; 4];
        for (i, (a, b)) in self.dims().into_iter().zip(other.dims()).enumerate() {
            out[i] = match (a, b) {
                (a, b) if a == b => a,
                (1, b) => b,
                (a, 1) => a,
                _ => return None,
            };
        }
        Some(Shape::new(out[0], out[1], out[2], out[3]))
    }
    /// Index into a value of shape `self` that is broadcast to a larger one.
    #[inline]
    pub fn broadcast_index(self, t: usize, c: usize, h: usize, w: usize) -> usize {
        let pick = |n: usize, i: usize| if n == 1 { 0 } else { i };
        self.index(pick(self.t, t), pick(self.c, c), pick(self.h, h), pick(self.w, w))
    }
    /// First index and step along the columns of a row of a value of shape `self` that is broadcast to a larger one.
    #[inline]
    pub fn broadcast_row(self, (t, c, h): (usize, usize, usize)) -> (usize, usize) {
        (self.broadcast_index(t, c, h, 0), usize::from(self.w != 1))
    }
    /// Timestep, channel and row of every row, in row-major order.
    pub fn rows(self) -> impl Iterator<Item = (usize, usize, usize)> {
        (0..self.t).flat_map(move |t| (0..self.c).flat_map(move |c| (0..self.h).map(move |h| (t, c, h))))
    }
    /// All coordinates in row-major order.
    pub fn coords(self) -> impl Iterator<Item = (usize, usize, usize, usize)> {
        self.rows().flat_map(move |(t, c, h)| (0..self.w).map(move |w| (t, c, h, w)))
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{},{},{},{}]", self.t, self.c, self.h, self.w)
    }
}

/// One axis of a sequence tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Axis {
    /// Time.
    T,
    /// Channel.
    C,
    /// Row.
    H,
    /// Column.
    W,
}

impl Axis {
    /// All four.
    pub const ALL: [Axis; 4] = [Axis::T, Axis::C, Axis::H, Axis::W];
}

/// A set of axes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(from = "Vec<Axis>", into = "Vec<Axis>")]
pub struct Axes(u8);

impl Axes {
    /// A set from its members.
    pub fn of(axes: &[Axis]) -> Self {
        Axes(axes.iter().fold(0, |set, &a| set | 1 << a as u8))
    }
    /// Membership.
    pub fn has(self, axis: Axis) -> bool {
        self.0 & 1 << axis as u8 != 0
    }
    /// Members in order t, c, h, w.
    pub fn members(self) -> Vec<Axis> {
        Axis::ALL.into_iter().filter(|&a| self.has(a)).collect()
    }
}

impl From<Vec<Axis>> for Axes {
    fn from(v: Vec<Axis>) -> Self {
        Axes::of(&v)
    }
}

impl From<Axes> for Vec<Axis> {
    fn from(a: Axes) -> Self {
        a.members()
    }
}

/// Proven range and scale of an integer stream: real value = integer × scale.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IntType {
    /// Smallest value that can occur.
    pub lo: i64,
    /// Largest value that can occur.
    pub hi: i64,
    /// Real value of one unit: one entry, or one a channel.
    pub scale: Vec<f64>,
}

impl IntType {
    /// A type with one scale.
    pub fn new(lo: i64, hi: i64, scale: f64) -> Self {
        IntType { lo, hi, scale: vec![scale] }
    }
    /// Bits that hold the range: two's complement when negative values occur, else unsigned.
    pub fn bits(&self) -> u32 {
        let unsigned = |v: i64| 64 - v.max(0).leading_zeros();
        if self.lo < 0 {
            1 + unsigned(self.hi).max(unsigned(-(self.lo + 1)))
        } else {
            unsigned(self.hi).max(1)
        }
    }
    /// Scale of channel `c`.
    pub fn scale_of(&self, c: usize) -> f64 {
        if self.scale.len() == 1 {
            self.scale[0]
        } else {
            self.scale[c]
        }
    }
    /// The single scale, or a diagnostic naming the node that needs one.
    pub fn single_scale(&self, place: &str) -> Result<f64> {
        match self.scale.as_slice() {
            [s] => Ok(*s),
            _ => Err(Diagnostic::new(
                "E0205",
                place,
                "this node mixes channels whose scales differ",
                "quantise the producing layer per tensor",
            )),
        }
    }
    /// True for 0/1 streams.
    pub fn is_binary(&self) -> bool {
        self.lo >= 0 && self.hi <= 1
    }
}

/// Element type of a value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Elem {
    /// Real numbers (level `trained`).
    Real,
    /// Integers (level `flow`).
    Int(IntType),
}

/// Type of a value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Type {
    /// Elements.
    pub elem: Elem,
    /// Shape.
    pub shape: Shape,
}

impl Type {
    /// A real tensor.
    pub fn real(shape: Shape) -> Self {
        Type { elem: Elem::Real, shape }
    }
    /// An integer tensor.
    pub fn int(int: IntType, shape: Shape) -> Self {
        Type { elem: Elem::Int(int), shape }
    }
    /// Refuses what no value may be: empty or above 2³¹ elements, wider than 48 bits, a scale that is not
    /// finite or neither one nor one a channel.
    pub fn check(&self, place: &str) -> Result<()> {
        let refuse = |message: String| {
            Err(Diagnostic::new("E0204", place, message, "use smaller layers and fewer bits"))
        };
        if self.shape.bounded_len().is_none() {
            return refuse(format!("shape {} is empty or absurdly large", self.shape));
        }
        let Elem::Int(i) = &self.elem else { return Ok(()) };
        if i.lo > i.hi || i.bits() > 48 {
            return refuse(format!("range {}..{} is empty or needs more than 48 bits", i.lo, i.hi));
        }
        if ![1, self.shape.c].contains(&i.scale.len()) || i.scale.iter().any(|s| !s.is_finite()) {
            return refuse(format!(
                "{} scales for {} channels, or one is not finite",
                i.scale.len(),
                self.shape.c
            ));
        }
        Ok(())
    }
    /// The integer part, or a diagnostic.
    pub fn as_int(&self, place: &str) -> Result<&IntType> {
        match &self.elem {
            Elem::Int(i) => Ok(i),
            Elem::Real => Err(Diagnostic::new(
                "E0202",
                place,
                "an integer value is needed here and this one is real",
                "run the quantiser first (`pulvinar compile --emit quantise` shows its output)",
            )),
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.elem {
            Elem::Real => write!(f, "real{}", self.shape),
            Elem::Int(i) => {
                let scale: Vec<String> = i.scale.iter().map(|s| format!("{s:?}")).collect();
                write!(f, "int({}..{})*({}){}", i.lo, i.hi, scale.join(","), self.shape)
            }
        }
    }
}
