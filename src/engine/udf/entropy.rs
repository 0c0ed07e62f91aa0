//! `entropy(x)`: how evenly a column's values are spread, as an aggregate and over a window's frame.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::mem::size_of;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::{DataType, Field, FieldRef, UInt64Type};
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDFImpl, Signature, Volatility};

use super::function::AggregateFunction;

/// Shannon's entropy in bits, `Σ p log2(1 / p)` over the shares of the values; 0 for a single value.
pub fn entropy(counts: impl Iterator<Item = u64>) -> f64 {
    let mut counts: Vec<_> = counts.collect();
    // Sorted, so that the sum is the same to the last bit whatever the order of the rows.
    counts.sort_unstable();
    let total = counts.iter().sum::<u64>() as f64;
    counts.iter().map(|count| *count as f64 / total).map(|part| part * (1.0 / part).log2()).sum()
}

/// The aggregate: entropy in bits of the frequencies of a column's values as text; null for none.
///
/// From 0 (one value) to log2 of the number of distinct values (all equally frequent). Stores a 64-bit hash of each
/// value: 16 bytes and some overhead per distinct value and group, however long the values.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Entropy {
    signature: Signature,
}

impl Default for Entropy {
    fn default() -> Entropy {
        Entropy { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

fn numbers() -> DataType {
    DataType::List(Arc::new(Field::new_list_field(DataType::UInt64, true)))
}

impl AggregateUDFImpl for Entropy {
    fn name(&self) -> &str {
        "entropy"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        if given.len() != 1 {
            return plan_err!("entropy takes 1 argument: entropy(x)");
        }
        Ok(vec![DataType::Utf8])
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let field = |part: &str| Arc::new(Field::new(format!("{}[{part}]", args.name), numbers(), true));
        Ok(vec![field("values"), field("counts")])
    }

    fn accumulator(&self, _: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Frequencies::default()))
    }
}

/// How often each value occurs, by its hash.
#[derive(Debug, Default)]
struct Frequencies(HashMap<u64, u64>);

fn hashes(values: &ArrayRef) -> impl Iterator<Item = u64> {
    values.as_string::<i32>().iter().flatten().map(|value| {
        // The same in every thread and run, because `merge_batch` joins the parts of a group.
        let mut hasher = DefaultHasher::new();
        value.hash(&mut hasher);
        hasher.finish()
    })
}

impl Accumulator for Frequencies {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for hash in hashes(&values[0]) {
            *self.0.entry(hash).or_default() += 1;
        }
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for hash in hashes(&values[0]) {
            let left = self.0.get(&hash).map_or(0, |count| count - 1);
            if left == 0 {
                self.0.remove(&hash);
            } else {
                self.0.insert(hash, left);
            }
        }
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let (hashes, counts) = (states[0].as_list::<i32>(), states[1].as_list::<i32>());
        for (hashes, counts) in hashes.iter().zip(counts.iter()) {
            let (Some(hashes), Some(counts)) = (hashes, counts) else { continue };
            let rows = hashes.as_primitive::<UInt64Type>().iter().zip(counts.as_primitive::<UInt64Type>());
            for (hash, count) in rows.filter_map(|(hash, count)| hash.zip(count)) {
                *self.0.entry(hash).or_default() += count;
            }
        }
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let list = |numbers: &mut dyn Iterator<Item = &u64>| {
            let numbers: Vec<_> = numbers.map(|number| ScalarValue::UInt64(Some(*number))).collect();
            ScalarValue::List(ScalarValue::new_list_nullable(&numbers, &DataType::UInt64))
        };
        Ok(vec![list(&mut self.0.keys()), list(&mut self.0.values())])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let known = !self.0.is_empty();
        Ok(ScalarValue::Float64(known.then(|| entropy(self.0.values().copied()))))
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.0.capacity() * (size_of::<(u64, u64)>() + 1)
    }
}

/// Declaration.
pub fn function() -> AggregateFunction {
    AggregateFunction::new(
        "entropy(x)",
        "Shannon entropy of the values of x, in bits: 0 for one value, log2(n) for n equally frequent values",
        Entropy::default(),
    )
}

#[cfg(test)]
mod tests {
    use arrow::array::{ListArray, StringArray};

    use super::*;

    fn batch(values: &[Option<&str>]) -> [ArrayRef; 1] {
        [Arc::new(StringArray::from(values.to_vec()))]
    }

    #[test]
    fn entropy_agrees_with_an_independent_computation() {
        // scipy.stats.entropy(counts, base=2) 1.17.1.
        for (counts, expected) in EXPECTED {
            let found = entropy(counts.iter().copied());
            assert!((found - expected).abs() < 1e-14, "{counts:?}: {found}, not {expected}");
        }
    }

    const EXPECTED: [(&[u64], f64); 6] = [
        (&[7], 0.0),
        (&[1, 1], 1.0),
        (&[1, 1, 1, 1, 1, 1], 2.584_962_500_721_156),
        (&[9, 1], 0.468_995_593_589_281_17),
        (&[1, 2, 3, 4, 5], 2.149_255_397_168_5),
        (&[1_000_000, 1], 2.137_424_295_738_942_2e-5),
    ];

    #[test]
    fn parts_of_a_group_are_joined_and_nulls_are_ignored() {
        let (mut left, mut right) = (Frequencies::default(), Frequencies::default());
        assert_eq!(left.evaluate().unwrap(), ScalarValue::Float64(None));
        left.update_batch(&batch(&[Some("a"), Some("b"), None])).unwrap();
        right.update_batch(&batch(&[Some("c"), Some("a"), Some("d"), Some("a")])).unwrap();
        let state: Vec<ArrayRef> = right.state().unwrap().iter().map(|part| part.to_array().unwrap()).collect();
        assert_eq!(state[0].as_any().downcast_ref::<ListArray>().unwrap().value_length(0), 3);
        left.merge_batch(&state).unwrap();
        assert_eq!(left.evaluate().unwrap(), ScalarValue::Float64(Some(entropy([3, 1, 1, 1].into_iter()))));
        left.retract_batch(&batch(&[Some("a"), Some("c"), Some("a"), None])).unwrap();
        assert_eq!(left.evaluate().unwrap(), ScalarValue::Float64(Some(entropy([1, 1, 1].into_iter()))));
    }
}
