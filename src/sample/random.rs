//! Reproducible randomness: every person, machine, day and incident has its own random generator, so that changing one
//! leaves the others unchanged and days can be generated in any order.
//!
//! Input: the sample's seed and the numbers that identify a generator. Output: a generator, and random identifiers in
//! AWS's formats (event ids, access keys, resource ids). Never reads the clock or the system's entropy.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// What a generator is for. The numbers are part of the seed: changing one changes every sample.
#[derive(Clone, Copy)]
pub(crate) enum Purpose {
    /// The organisation itself.
    Organisation = 1,
    /// One day of a person.
    Person,
    /// One day of a workload or a program.
    Machine,
    /// One day of a pipeline.
    Pipeline,
    /// One day of AWS services, or of the vendor and the audit scanner.
    Service,
    /// Credentials of a machine.
    MachineKey,
    /// The number of events of a day.
    DayTotal,
    /// Names and sizes of a day's objects.
    Archive,
    /// One attack.
    Attack,
    /// One look-alike.
    Lookalike,
    /// An address of a home connection.
    HomeAddress,
    /// A property of a drawn environment.
    Environment,
    /// A person's habits in a drawn environment.
    Habits,
    /// A person's address behind a proxy on one day.
    Exit,
    /// One day of a cluster.
    Cluster,
}

/// The generator for a purpose, identified further by `parts` (for example a person's index and a day).
pub(crate) fn rng_for(seed: u64, purpose: Purpose, parts: &[u64]) -> ChaCha8Rng {
    let name = parts.iter().fold(mix(seed ^ ((purpose as u64) << 56)), |name, part| mix(name ^ mix(*part)));
    ChaCha8Rng::seed_from_u64(name)
}

/// The finaliser of SplitMix64 (Steele, Lea, Flood 2014): a hash whose results for neighbouring numbers are unrelated.
pub(crate) fn mix(number: u64) -> u64 {
    let a = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let b = (a ^ (a >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let c = (b ^ (b >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    c ^ (c >> 31)
}

/// A hash of a text (FNV-1a), for seeds and for choices that depend on a name.
pub(crate) fn hash_text(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

const HEX: &[u8; 16] = b"0123456789abcdef";
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const UPPER36: &[u8; 36] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const BASE62: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

fn push_letters(out: &mut String, rng: &mut impl Rng, letters: &[u8], count: usize) {
    for _ in 0..count {
        out.push(char::from(letters[rng.random_range(0..letters.len())]));
    }
}

/// Appends `count` lower-case hex digits; one random number gives sixteen of them.
pub(crate) fn push_hex(out: &mut String, rng: &mut impl Rng, count: usize) {
    let mut bits = 0u64;
    for position in 0..count {
        if position % 16 == 0 {
            bits = rng.random();
        }
        out.push(char::from(HEX[(bits & 15) as usize]));
        bits >>= 4;
    }
}

/// Appends `count` decimal digits; the first is not zero.
pub(crate) fn push_digits(out: &mut String, rng: &mut impl Rng, count: usize) {
    for position in 0..count {
        out.push(char::from(b'0' + rng.random_range(u8::from(position == 0)..10)));
    }
}

/// Appends `count` capital letters and digits, as in an S3 request id.
pub(crate) fn push_upper(out: &mut String, rng: &mut impl Rng, count: usize) {
    push_letters(out, rng, UPPER36, count);
}

/// Appends `count` letters and digits.
pub(crate) fn push_base62(out: &mut String, rng: &mut impl Rng, count: usize) {
    push_letters(out, rng, BASE62, count);
}

/// A random UUID (version 4), the format of CloudTrail's event ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Uuid(u128);

impl Uuid {
    /// A new random UUID.
    pub(crate) fn draw(rng: &mut impl Rng) -> Self {
        let random: u128 = rng.random();
        Self((random & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62))
    }

    /// Appends its 36 characters.
    pub(crate) fn push_to(self, out: &mut String) {
        for position in 0..32 {
            if matches!(position, 8 | 12 | 16 | 20) {
                out.push('-');
            }
            out.push(char::from(HEX[((self.0 >> (124 - 4 * position)) & 15) as usize]));
        }
    }
}

impl std::fmt::Display for Uuid {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = String::with_capacity(36);
        self.push_to(&mut text);
        out.write_str(&text)
    }
}

/// An IAM identifier: a four-letter prefix (`AKIA`, `ASIA`, `AROA`, `AIDA`) and sixteen more characters.
pub(crate) fn iam_id(kind: &str, rng: &mut impl Rng) -> String {
    let mut id = String::with_capacity(20);
    id.push_str(kind);
    push_letters(&mut id, rng, BASE32, 16);
    id
}

/// A string of `count` hex digits.
pub(crate) fn hex(rng: &mut impl Rng, count: usize) -> String {
    let mut text = String::with_capacity(count);
    push_hex(&mut text, rng, count);
    text
}

/// One of `choices`, all equally likely.
pub(crate) fn one_of<'a, T>(rng: &mut impl Rng, choices: &'a [T]) -> &'a T {
    &choices[rng.random_range(0..choices.len())]
}

/// One of some fixed texts, all equally likely.
pub(crate) fn one_text(rng: &mut impl Rng, texts: &[&'static str]) -> &'static str {
    texts[rng.random_range(0..texts.len())]
}

/// A roughly normal number with this mean and standard deviation: the sum of four uniform numbers, scaled.
pub(crate) fn normal(rng: &mut impl Rng, mean: f64, spread: f64) -> f64 {
    let sum: f64 = (0..4).map(|_| rng.random::<f64>()).sum();
    // Four uniform numbers sum to 2 on average, with a variance of 4/12.
    mean + (sum - 2.0) * spread * 3f64.sqrt()
}

/// Rounds up with the probability of the fraction, so that the average stays `amount`.
pub(crate) fn round_at_random(rng: &mut impl Rng, amount: f64) -> u32 {
    let floor = amount.max(0.0).floor();
    floor as u32 + u32::from(rng.random::<f64>() < amount - floor)
}

/// One of `choices`, with a probability proportional to its weight; `total` is the sum of the weights.
pub(crate) fn weighted_choice<'a, T>(
    rng: &mut impl Rng,
    choices: &'a [T],
    total: f64,
    weight: impl Fn(&T) -> f64,
) -> Option<&'a T> {
    let mut rest = rng.random::<f64>() * total;
    choices
        .iter()
        .find(|choice| {
            rest -= weight(choice);
            rest < 0.0
        })
        .or(choices.last())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generators_are_reproducible_and_differ() {
        let draw = |parts: &[u64]| rng_for(7, Purpose::Person, parts).random::<u64>();
        assert_eq!(draw(&[1, 2]), draw(&[1, 2]));
        assert_ne!(draw(&[1, 2]), draw(&[2, 1]));
    }

    #[test]
    fn uuid_is_version_4() {
        let text = Uuid::draw(&mut rng_for(1, Purpose::DayTotal, &[])).to_string();
        assert_eq!(text.len(), 36);
        assert_eq!(&text[14..15], "4");
        assert!("89ab".contains(&text[19..20]));
    }

    #[test]
    fn rounding_keeps_the_mean() {
        let mut rng = rng_for(1, Purpose::DayTotal, &[]);
        let sum: u32 = (0..4000).map(|_| round_at_random(&mut rng, 1.25)).sum();
        assert!((4800..5200).contains(&sum), "{sum}");
    }
}
