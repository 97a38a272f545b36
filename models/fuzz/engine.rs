//! Deterministic mutation fuzzer: input k of a target is a pure function of the target's seeds and k.

/// Counter-based random numbers (SplitMix64).
pub struct Rng(u64);

impl Rng {
    /// The stream of one input.
    pub fn new(stream: u64) -> Self {
        let mut rng = Rng(stream.wrapping_mul(0xd134_2543_de82_ef95));
        rng.next();
        rng
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let x = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    /// Uniform in `0..n`, 0 for an empty range.
    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }
}

/// Numbers that break arithmetic.
const NUMBERS: [&str; 20] = [
    "0",
    "1",
    "-1",
    "2",
    "3",
    "7",
    "255",
    "256",
    "65536",
    "65537",
    "1048576",
    "2147483648",
    "4294967296",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551615",
    "99999999999999999999",
    "1e308",
    "-0.5",
    "NaN",
];

/// A mutated copy of a seed: one to four edits.
pub fn mutate(rng: &mut Rng, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = seeds[rng.below(seeds.len())].clone();
    for _ in 0..=rng.below(4) {
        let at = rng.below(bytes.len());
        match rng.below(12) {
            0 => bytes.iter_mut().skip(at).take(1).for_each(|b| *b ^= 1 << (at % 8)),
            1 => bytes.iter_mut().skip(at).take(1).for_each(|b| *b = rng.next() as u8),
            2 => bytes.truncate(at),
            3 => {
                let end = (at + 1 + rng.below(40)).min(bytes.len());
                bytes.drain(at.min(end)..end);
            }
            4 => {
                let part: Vec<u8> = bytes.iter().skip(at).take(1 + rng.below(40)).copied().collect();
                let to = rng.below(bytes.len());
                bytes.splice(to..to, part);
            }
            5 => {
                let other = &seeds[rng.below(seeds.len())];
                let from = rng.below(other.len());
                let part: Vec<u8> = other.iter().skip(from).take(1 + rng.below(200)).copied().collect();
                let end = (at + rng.below(200)).min(bytes.len());
                bytes.splice(at.min(end)..end, part);
            }
            6..=8 => replace_token(
                rng,
                &mut bytes,
                |b| b.is_ascii_digit() || b"-.".contains(&b),
                |_, rng| NUMBERS[rng.below(NUMBERS.len())].as_bytes().to_vec(),
            ),
            _ => replace_token(
                rng,
                &mut bytes,
                |b| b.is_ascii_alphanumeric() || b"_.".contains(&b),
                |tokens, rng| tokens[rng.below(tokens.len())].clone(),
            ),
        }
    }
    bytes
}

/// Replaces one maximal run of bytes of a class.
fn replace_token(
    rng: &mut Rng,
    bytes: &mut Vec<u8>,
    class: impl Fn(u8) -> bool,
    by: impl Fn(&[Vec<u8>], &mut Rng) -> Vec<u8>,
) {
    let mut runs = Vec::new();
    let mut i = 0;
    while i < bytes.len() {
        let from = i;
        while i < bytes.len() && class(bytes[i]) {
            i += 1;
        }
        if i > from {
            runs.push(from..i);
        }
        i += 1;
    }
    if runs.is_empty() {
        return;
    }
    let tokens: Vec<Vec<u8>> = runs.iter().map(|r| bytes[r.clone()].to_vec()).collect();
    let new = by(&tokens, rng);
    bytes.splice(runs[rng.below(runs.len())].clone(), new);
}
