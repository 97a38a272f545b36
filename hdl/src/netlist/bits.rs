//! Bit vectors: a net, or a constant.

use std::rc::Rc;

/// A vector of `width` bits: a net by name, or a constant of up to 128 bits.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Bits {
    /// A net.
    Net {
        /// Name in the module.
        name: Rc<str>,
        /// Bits.
        width: u32,
    },
    /// A constant; bits above 128 are zero.
    Const {
        /// Value, below 2^width.
        value: u128,
        /// Bits.
        width: u32,
    },
}

/// The lowest `width` bits of a value.
pub fn masked(value: u128, width: u32) -> u128 {
    if width >= 128 {
        value
    } else {
        value & ((1 << width) - 1)
    }
}

impl Bits {
    /// An unsigned constant.
    pub fn unsigned(value: u64, width: u32) -> Bits {
        Bits::Const { value: masked(u128::from(value), width), width }
    }
    /// A two's complement constant.
    pub fn signed(value: i64, width: u32) -> Bits {
        Bits::Const { value: masked(i128::from(value) as u128, width), width }
    }
    /// One bit that is set.
    pub fn one() -> Bits {
        Bits::unsigned(1, 1)
    }
    /// One bit that is clear.
    pub fn zero() -> Bits {
        Bits::unsigned(0, 1)
    }
    /// Number of bits.
    pub fn width(&self) -> u32 {
        match self {
            Bits::Net { width, .. } | Bits::Const { width, .. } => *width,
        }
    }
    /// Value of a constant.
    pub fn constant(&self) -> Option<u128> {
        match self {
            Bits::Const { value, .. } => Some(*value),
            Bits::Net { .. } => None,
        }
    }
    /// Value of a constant read as two's complement.
    pub fn signed_constant(&self) -> Option<i128> {
        let (value, width) = (self.constant()?, self.width());
        let top = width.min(128) - 1;
        Some(if value >> top & 1 == 1 && top < 127 {
            value as i128 - (1i128 << (top + 1))
        } else {
            value as i128
        })
    }
}

/// Bits that hold the values `0..n` (at least one).
pub fn index_bits(n: usize) -> u32 {
    (usize::BITS - n.saturating_sub(1).leading_zeros()).max(1)
}
