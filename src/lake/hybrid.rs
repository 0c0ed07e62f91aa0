//! Parquet's hybrid encoding of runs and packed bits, used for dictionary keys and definition levels.
//!
//! <https://parquet.apache.org/docs/file-format/data-pages/encodings/#RLE>

/// Values are packed in groups of this many.
const GROUP: usize = 8;

/// Writes `values`; each must fit into `bits` bits.
pub fn put(out: &mut Vec<u8>, values: &[u32], bits: u32) {
    if bits == 0 && !values.is_empty() {
        return put_run(out, values.len(), 0, bits);
    }
    // The values from `begin` to `at` are to be packed.
    let mut begin = 0;
    let mut at = 0;
    while at < values.len() {
        let value = values[at];
        let run = values[at..].iter().take_while(|other| **other == value).count();
        // Packed values come in whole groups, so the start of the run fills the last group.
        let fill = (at - begin).next_multiple_of(GROUP) - (at - begin);
        if run >= fill + GROUP {
            put_packed(out, &values[begin..at + fill], bits);
            put_run(out, run - fill, value, bits);
            begin = at + run;
        }
        at += run;
    }
    put_packed(out, &values[begin..], bits);
}

/// Writes one value `count` times.
pub fn put_run(out: &mut Vec<u8>, count: usize, value: u32, bits: u32) {
    put_number(out, count << 1);
    out.extend_from_slice(&value.to_le_bytes()[..bits.div_ceil(u8::BITS) as usize]);
}

/// Writes values as packed bits; zeros fill the last group.
fn put_packed(out: &mut Vec<u8>, values: &[u32], bits: u32) {
    if values.is_empty() {
        return;
    }
    put_number(out, values.len().div_ceil(GROUP) << 1 | 1);
    let end = out.len() + values.len().div_ceil(GROUP) * bits as usize;
    let (mut word, mut filled) = (0u64, 0);
    for value in values {
        word |= u64::from(*value) << filled;
        filled += bits;
        if filled >= u32::BITS {
            out.extend_from_slice(&(word as u32).to_le_bytes());
            word >>= u32::BITS;
            filled -= u32::BITS;
        }
    }
    out.extend_from_slice(&word.to_le_bytes()[..filled.div_ceil(u8::BITS) as usize]);
    out.resize(end, 0);
}

/// LEB128.
fn put_number(out: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A simple decoder, written from the format's description.
    fn read(mut bytes: &[u8], bits: u32, count: usize) -> Vec<u32> {
        let mut values = Vec::new();
        let number = |bytes: &mut &[u8]| {
            let (mut number, mut shift) = (0, 0);
            loop {
                let byte = bytes[0];
                *bytes = &bytes[1..];
                number |= usize::from(byte & 0x7f) << shift;
                shift += 7;
                if byte & 0x80 == 0 {
                    return number;
                }
            }
        };
        while values.len() < count {
            let header = number(&mut bytes);
            if header & 1 == 0 {
                let width = bits.div_ceil(8) as usize;
                let value = bytes[..width].iter().rev().fold(0, |value, byte| value << 8 | u32::from(*byte));
                values.extend(std::iter::repeat_n(value, header >> 1));
                bytes = &bytes[width..];
            } else {
                let bit = |at: usize| u32::from(bytes[at / 8] >> (at % 8) & 1);
                let value = |n: usize| (0..bits as usize).map(|b| bit(n * bits as usize + b) << b).sum::<u32>();
                values.extend((0..(header >> 1) * 8).map(value));
                bytes = &bytes[(header >> 1) * bits as usize..];
            }
        }
        assert!(bytes.is_empty(), "{} bytes too many", bytes.len());
        assert!(values[count..].iter().all(|value| *value == 0), "zeros fill the last group");
        values.truncate(count);
        values
    }

    #[test]
    fn values_are_read_as_they_were_written() {
        let runs: &[&[(u32, usize)]] = &[
            &[],
            &[(1, 1)],
            &[(0, 7), (1, 1)],
            &[(1, 8)],
            &[(1, 3), (0, 20), (1, 5), (0, 4), (1, 300)],
            &[(5, 1), (2, 15), (3, 16), (6, 17), (7, 1)],
            &[(70_000, 2), (1, 9), (99_999, 1000), (3, 1)],
        ];
        for runs in runs {
            let values: Vec<u32> = runs.iter().flat_map(|(value, times)| std::iter::repeat_n(*value, *times)).collect();
            let least = values.iter().max().map_or(0, |max| u32::BITS - max.leading_zeros());
            for bits in [least, least.max(1), least.max(8), 17, 31, 32].into_iter().filter(|bits| *bits >= least) {
                let mut out = Vec::new();
                put(&mut out, &values, bits);
                assert_eq!(read(&out, bits, values.len()), values, "{bits} bits");
            }
        }
    }

    #[test]
    fn packed_bits_match_the_example_of_the_format() {
        let mut out = Vec::new();
        put(&mut out, &[0, 1, 2, 3, 4, 5, 6, 7], 3);
        assert_eq!(out, [0b11, 0b1000_1000, 0b1100_0110, 0b1111_1010]);
    }

    #[test]
    fn long_runs_take_few_bytes() {
        let mut out = Vec::new();
        put(&mut out, &[7; 20_000], 5);
        assert!(out.len() <= 4, "{out:?}");
    }
}
