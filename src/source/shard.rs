//! The part of a job that one of several processes does. The processes do not know of each other.

use std::fmt;

use chrono::{Datelike, NaiveDate};
use sha2::{Digest, Sha256};

/// One of `count` parts. Every process that gets the same `count` divides in the same way, on any machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// From 0.
    index: u32,
    count: u32,
}

impl Shard {
    /// Part `number` of `count`, counted from 1.
    ///
    /// # Errors
    /// What is wrong with the numbers.
    pub fn new(number: u32, count: u32) -> Result<Shard, String> {
        match number.checked_sub(1).filter(|index| *index < count) {
            Some(index) => Ok(Shard { index, count }),
            None if count == 0 => Err("there must be at least one shard".into()),
            None => {
                Err(format!("shard {number} of {count} does not exist: the shards are 1/{count} to {count}/{count}"))
            }
        }
    }

    /// The number of parts.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// True for its days: successive days go to successive parts.
    pub fn has_day(&self, day: NaiveDate) -> bool {
        day.num_days_from_ce().rem_euclid(self.count as i32) as u32 == self.index
    }

    /// True for its keys, by their hash.
    pub fn has_key(&self, key: &str) -> bool {
        let hash = Sha256::digest(key);
        let first = hash.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte));
        first % u64::from(self.count) == u64::from(self.index)
    }
}

/// `2/8`, counted from 1.
impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index + 1, self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_and_every_key_belongs_to_one_shard() {
        let shards: Vec<_> = (1..=7).map(|number| Shard::new(number, 7).unwrap()).collect();
        let days: Vec<_> = NaiveDate::from_ymd_opt(2023, 12, 20).unwrap().iter_days().take(70).collect();
        let keys: Vec<_> = (0..700).map(|n| format!("AWSLogs/{n:012}/CloudTrail/eu-west-1/2024/01/01/")).collect();
        for day in &days {
            assert_eq!(shards.iter().filter(|shard| shard.has_day(*day)).count(), 1, "{day}");
        }
        for key in &keys {
            assert_eq!(shards.iter().filter(|shard| shard.has_key(key)).count(), 1, "{key}");
        }
        for shard in shards {
            assert_eq!(days.iter().filter(|day| shard.has_day(**day)).count(), 10, "{shard}");
            // 100 on average; seven standard deviations of a binomial distribution are 65.
            let of_keys = keys.iter().filter(|key| shard.has_key(key)).count();
            assert!((35..=165).contains(&of_keys), "{shard}: {of_keys}");
        }
    }

    #[test]
    fn shards_are_counted_from_1() {
        assert_eq!(Shard::new(8, 8).unwrap().to_string(), "8/8");
        for wrong in [(0, 8), (9, 8), (1, 0), (0, 0)] {
            assert!(Shard::new(wrong.0, wrong.1).is_err(), "{wrong:?}");
        }
    }
}
