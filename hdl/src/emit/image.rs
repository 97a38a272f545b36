//! Memory images for `$readmemh`.

use crate::netlist::Bits;

/// One word, lowest part first, as hexadecimal digits.
pub fn hexadecimal(parts: &[Bits]) -> String {
    let width: u32 = parts.iter().map(Bits::width).sum();
    let mut digits = vec![0u8; width.div_ceil(4).max(1) as usize];
    let mut at = 0;
    for part in parts {
        let value = part.constant().expect("invariant: images hold constants");
        for bit in 0..part.width() {
            if bit < 128 && value >> bit & 1 == 1 {
                digits[((at + bit) / 4) as usize] |= 1 << ((at + bit) % 4);
            }
        }
        at += part.width();
    }
    digits.iter().rev().map(|d| char::from_digit(u32::from(*d), 16).unwrap_or('0')).collect()
}

#[cfg(test)]
mod tests {
    use super::hexadecimal;
    use crate::netlist::Bits;

    #[test]
    fn words_are_written_highest_digit_first() {
        let word = [Bits::signed(-1, 3), Bits::unsigned(0, 2), Bits::unsigned(5, 3)];
        assert_eq!(hexadecimal(&word), "a7");
    }
}
