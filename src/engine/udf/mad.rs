//! `mad(x)`: median absolute deviation from the median, as an aggregate and over a window's frame.

use std::collections::VecDeque;
use std::mem::size_of;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::{DataType, Field, FieldRef, Float64Type};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDFImpl, Signature, Volatility};

use super::function::AggregateFunction;

/// Median of some numbers; `None` for none. Reorders them.
pub fn median(values: &mut [f64]) -> Option<f64> {
    if values.is_empty() {
        return None;
    }
    let (middle, odd) = (values.len() / 2, values.len() % 2 == 1);
    let (below, upper, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    let upper = *upper;
    Some(if odd {
        upper
    } else {
        let lower = below.iter().copied().max_by(f64::total_cmp).unwrap_or(upper);
        (lower + upper) / 2.0
    })
}

/// `median(|x - median(x)|)`.
pub fn mad(values: &[f64]) -> Option<f64> {
    let mut values = values.to_vec();
    let center = median(&mut values)?;
    values.iter_mut().for_each(|value| *value = (*value - center).abs());
    median(&mut values)
}

/// The aggregate: `median(|x - median(x)|)` in the unit of `x`, not scaled to a standard deviation.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Mad {
    signature: Signature,
}

impl Default for Mad {
    fn default() -> Mad {
        Mad { signature: Signature::coercible(vec![float()], Volatility::Immutable) }
    }
}

fn float() -> datafusion::logical_expr::Coercion {
    use datafusion::common::types::{NativeType, logical_float64};
    use datafusion::logical_expr::{Coercion, TypeSignatureClass};
    Coercion::new_implicit(
        TypeSignatureClass::Native(logical_float64()),
        vec![TypeSignatureClass::Numeric],
        NativeType::Float64,
    )
}

impl AggregateUDFImpl for Mad {
    fn name(&self) -> &str {
        "mad"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let item = Field::new_list_field(DataType::Float64, true);
        Ok(vec![Arc::new(Field::new(args.name, DataType::List(Arc::new(item)), true))])
    }

    fn accumulator(&self, _: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Values::default()))
    }
}

/// The values; a sliding frame removes them from the front.
#[derive(Debug, Default)]
struct Values(VecDeque<f64>);

impl Accumulator for Values {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.0.extend(values[0].as_primitive::<Float64Type>().iter().flatten());
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let gone = values[0].len() - values[0].null_count();
        self.0.drain(..gone.min(self.0.len()));
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for values in states[0].as_list::<i32>().iter().flatten() {
            self.update_batch(&[values])?;
        }
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let values: Vec<_> = self.0.iter().map(|value| ScalarValue::Float64(Some(*value))).collect();
        Ok(vec![ScalarValue::List(ScalarValue::new_list_nullable(&values, &DataType::Float64))])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::Float64(mad(self.0.make_contiguous())))
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.0.capacity() * size_of::<f64>()
    }
}

/// Declaration.
pub fn function() -> AggregateFunction {
    AggregateFunction::new("mad(x)", "median(|x - median(x)|), in the unit of x", Mad::default())
}

#[cfg(test)]
mod tests {
    use arrow::array::Float64Array;

    use super::*;

    #[test]
    fn odd_even_and_empty_series() {
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&mut [4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(&mut []), None);
        // The classic example: deviations of 1, 1, 2, 2, 4, 6, 9 from 2 are 1, 1, 0, 0, 2, 4, 7.
        assert_eq!(mad(&[1.0, 1.0, 2.0, 2.0, 4.0, 6.0, 9.0]), Some(1.0));
        assert_eq!(mad(&[5.0]), Some(0.0));
    }

    #[test]
    fn a_sliding_frame_drops_old_values() {
        let mut values = Values::default();
        let array = |v: &[f64]| -> ArrayRef { Arc::new(Float64Array::from(v.to_vec())) };
        values.update_batch(&[array(&[100.0, 1.0, 1.0, 2.0, 2.0, 4.0, 6.0, 9.0])]).unwrap();
        values.retract_batch(&[array(&[100.0])]).unwrap();
        assert_eq!(values.evaluate().unwrap(), ScalarValue::Float64(Some(1.0)));
    }
}
