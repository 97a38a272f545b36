//! One operation of the micro-program and its bits.

/// What an operation does with its operands; the discriminant is the code in the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// bias + Σ weight · x.
    Mac = 0,
    /// Σ x (with one element: a copy).
    Sum = 1,
    /// Largest x.
    Max = 2,
    /// max(0, x).
    Relu = 3,
    /// table[x].
    Table = 4,
    /// round(x · factor / 2^shift), clamped; the factor is y or a constant.
    Scale = 5,
    /// x + y.
    Add = 6,
    /// max(x, y).
    Larger = 7,
    /// Σ x · y.
    Product = 8,
    /// 1 if fewer y than the limit are larger than x, or equal and before it (row and column exist); else 0.
    Rank = 9,
}

/// An affine function of output and reduction digits.
#[derive(Debug, Clone, Copy, Default)]
pub struct Affine {
    /// Value at all digits 0.
    pub base: i64,
    /// Stride of each output digit, the fastest first.
    pub outputs: [i64; 5],
    /// Stride of each reduction digit, the fastest first.
    pub folds: [i64; 4],
}

impl Affine {
    /// Largest magnitude it takes.
    fn reach(&self, sizes: &[usize; 5], folds: &[usize; 4]) -> i64 {
        let span = |strides: &[i64], sizes: &[usize]| -> i64 {
            strides.iter().zip(sizes).map(|(s, &n)| s.abs() * n as i64).sum()
        };
        self.base.abs() + span(&self.outputs, sizes) + span(&self.folds, folds)
    }

    /// What a block adds: always, and for each of the four lower digits that carries.
    fn steps(&self, sizes: &[usize; 5], grow: &[usize; 5]) -> [i64; 5] {
        let always = self.outputs.iter().zip(grow).map(|(s, &g)| s * g as i64).sum();
        let carry = |k: usize| self.outputs[k + 1] - sizes[k] as i64 * self.outputs[k];
        [always, carry(0), carry(1), carry(2), carry(3)]
    }

    /// What the next element of a reduction adds, by the highest digit that moves.
    fn moves(&self, folds: &[usize; 4]) -> [i64; 4] {
        let back = |k: usize| (0..k).map(|j| (folds[j] as i64 - 1) * self.folds[j]).sum::<i64>();
        [0, 1, 2, 3].map(|k| self.folds[k] - back(k))
    }

    fn at(&self, digits: &[usize; 5]) -> i64 {
        self.base + self.outputs.iter().zip(digits).map(|(s, &d)| s * d as i64).sum::<i64>()
    }
}

/// An operation.
#[derive(Debug, Clone)]
pub struct Operation {
    /// What it does.
    pub kind: Kind,
    /// x comes from the slice's own statistics: number of the tap over all passes.
    pub statistics: Option<usize>,
    /// y comes from the arrived statistics.
    pub arrivals: bool,
    /// The factor is `multiplier`.
    pub constant: bool,
    /// First word of the result in the operand memory, if it is kept there.
    pub keep: Option<usize>,
    /// First word of the result in the gate memory, if it is handed on.
    pub hand: Option<usize>,
    /// Bits dropped after a product.
    pub shift: u32,
    /// Sizes of the output digits, the fastest first.
    pub sizes: [usize; 5],
    /// Sizes of the reduction digits, the fastest first.
    pub folds: [usize; 4],
    /// Address of x.
    pub x: Affine,
    /// Address of y.
    pub y: Affine,
    /// Row (or channel) of x, which exists below the bound.
    pub row: (Affine, usize),
    /// Column (or row) of x, which exists below the bound.
    pub column: (Affine, usize),
    /// Address of the first weight word and its strides.
    pub weight: Affine,
    /// Address of the bias word and its strides.
    pub bias: Affine,
    /// Weights (and biases) follow each other block by block instead.
    pub streamed: bool,
    /// Added to x to give the table's address.
    pub table: i64,
    /// Constant factor.
    pub multiplier: i64,
    /// Limits of the result.
    pub limits: [i64; 2],
    /// First round in which it has something to do, and how many there are, where attention goes along with the steps.
    pub rounds: Option<[usize; 2]>,
}

impl Operation {
    /// A copy of `x` of these sizes.
    pub fn new(kind: Kind, sizes: [usize; 5], x: Affine) -> Self {
        let anywhere = (Affine::default(), 1);
        Operation {
            kind,
            statistics: None,
            arrivals: false,
            constant: false,
            keep: None,
            hand: None,
            shift: 0,
            sizes,
            folds: [1; 4],
            x,
            y: Affine::default(),
            row: anywhere,
            column: anywhere,
            weight: Affine::default(),
            bias: Affine::default(),
            streamed: false,
            table: 0,
            multiplier: 0,
            limits: [i64::MIN, i64::MAX],
            rounds: None,
        }
    }

    /// Outputs.
    pub fn outputs(&self) -> usize {
        self.sizes.iter().product()
    }

    /// Elements of one output's reduction.
    pub fn reduction(&self) -> usize {
        self.folds.iter().product()
    }

    /// Blocks of `lanes` outputs.
    pub fn blocks(&self, lanes: usize) -> usize {
        self.outputs().div_ceil(lanes)
    }

    /// Largest number that one of its fields, or an address made from them, must hold.
    pub fn largest(&self, lanes: usize) -> i64 {
        let affine = [&self.x, &self.y, &self.row.0, &self.column.0, &self.weight, &self.bias];
        let reach = affine.iter().map(|a| a.reach(&self.sizes, &self.folds)).max().unwrap_or(0);
        let places = [self.keep, self.hand].map(|p| p.unwrap_or(0) + self.outputs() + lanes);
        let counts = self.sizes.iter().chain(&self.folds).chain(&places).chain([&self.row.1, &self.column.1]);
        let rounds = self.rounds.map_or(0, |[from, span]| from + span);
        let counts = counts.copied().max().unwrap_or(0).max(rounds) as i64;
        // A weight address runs on through the reduction.
        (reach + (self.blocks(lanes) * self.reduction()) as i64).max(counts).max(self.table.abs())
    }

    /// Bits of the header: kind, sources and destinations, last of its pass, shift, tap.
    fn header(&self, stop: bool, word: &mut Word) {
        word.push(self.kind as i64, 4);
        let flags = [
            self.statistics.is_some(),
            self.arrivals,
            self.constant,
            self.keep.is_some(),
            self.hand.is_some(),
            stop,
        ];
        flags.iter().for_each(|&f| word.push(f.into(), 1));
        word.push(self.shift.into(), 6);
        word.push(self.statistics.unwrap_or(0) as i64, 5);
    }

    /// The word of the program memory: header, fields, limits and multiplier, first values of every lane.
    pub fn encode(&self, lanes: usize, field: u32, width: u32, stop: bool) -> String {
        let mut word = Word::default();
        self.header(stop, &mut word);
        let grow = digits(lanes, &self.sizes);
        let (blocks, last) = (self.blocks(lanes), self.outputs() - (self.blocks(lanes) - 1) * lanes);
        let counts = self.sizes[..4].iter().chain(&grow[..4]).copied().chain([blocks - 1, last]);
        counts.chain(self.folds.map(|n| n - 1)).for_each(|n| word.push(n as i64, field));
        let steps = |a: &Affine, word: &mut Word| {
            a.steps(&self.sizes, &grow).iter().for_each(|&v| word.push(v, field));
        };
        let moves = |a: &Affine, word: &mut Word| {
            a.moves(&self.folds).iter().for_each(|&v| word.push(v, field));
        };
        steps(&self.x, &mut word);
        moves(&self.x, &mut word);
        steps(&self.y, &mut word);
        moves(&self.y, &mut word);
        for (place, bound) in [&self.row, &self.column] {
            steps(place, &mut word);
            moves(place, &mut word);
            word.push(*bound as i64, field);
        }
        // Word 0 of the biases is the zero of operations without a bias.
        for (address, block) in [(&self.weight, self.reduction() as i64), (&self.bias, self.bias.base.min(1))]
        {
            word.push(address.base, field);
            if self.streamed {
                [block, 0, 0, 0, 0].iter().for_each(|&v| word.push(v, field));
            } else {
                steps(address, &mut word);
            }
        }
        let places = [self.keep, self.hand].map(|p| p.unwrap_or(0) as i64);
        places.into_iter().chain([self.table]).for_each(|v| word.push(v, field));
        self.rounds.iter().flatten().for_each(|&v| word.push(v as i64, field));
        self.limits.iter().for_each(|&v| word.push(v, width));
        word.push(self.multiplier, 16);
        for lane in 0..lanes {
            let at = digits(lane, &self.sizes);
            at[..4].iter().for_each(|&d| word.push(d as i64, field));
            let addresses = [&self.x, &self.y, &self.row.0, &self.column.0];
            addresses.iter().for_each(|a| word.push(a.at(&at), field));
        }
        word.hexadecimal()
    }
}

/// Digits of an output number; the last digit has no bound.
fn digits(mut n: usize, sizes: &[usize; 5]) -> [usize; 5] {
    let mut out = [0; 5];
    for k in 0..4 {
        out[k] = n % sizes[k];
        n /= sizes[k];
    }
    out[4] = n;
    out
}

/// Bits of a memory word, lowest first.
#[derive(Debug, Default)]
pub struct Word {
    bits: Vec<bool>,
}

impl Word {
    /// Appends the low `width` bits of a number in two's complement.
    pub fn push(&mut self, value: i64, width: u32) {
        self.bits.extend((0..width).map(|i| value >> i.min(63) & 1 == 1));
    }

    /// Hexadecimal digits, highest first.
    pub fn hexadecimal(&self) -> String {
        let digit = |bits: &[bool]| bits.iter().rev().fold(0, |a, &b| 2 * a + u32::from(b));
        self.bits.chunks(4).rev().map(|b| char::from_digit(digit(b), 16).unwrap_or('0')).collect()
    }
}
