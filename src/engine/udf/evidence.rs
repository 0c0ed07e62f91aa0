//! `evidence(event_id, event_time)`: the first events of a finding, up to a limit.

use std::collections::BinaryHeap;
use std::mem::size_of;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::{DataType, Field, FieldRef, Int64Type, TimeUnit, TimestampMicrosecondType};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDFImpl, Signature, Volatility};

use super::function::AggregateFunction;

/// Maximum number of events per finding. Detectors count the rest.
pub const EVIDENCE_MAX: usize = 50;

/// The aggregate: a list of the earliest `event_id`s, at most [`EVIDENCE_MAX`], by time and then by id.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Evidence {
    signature: Signature,
}

impl Default for Evidence {
    fn default() -> Evidence {
        Evidence { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

fn texts() -> DataType {
    DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true)))
}

fn numbers() -> DataType {
    DataType::List(Arc::new(Field::new_list_field(DataType::Int64, true)))
}

impl AggregateUDFImpl for Evidence {
    fn name(&self) -> &str {
        "evidence"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        if given.len() != 2 {
            return datafusion::common::plan_err!("evidence takes 2 arguments: evidence(event_id, event_time)");
        }
        Ok(vec![DataType::Utf8, DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))])
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(texts())
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let field = |part: &str, data_type| Arc::new(Field::new(format!("{}[{part}]", args.name), data_type, true));
        Ok(vec![field("ids", texts()), field("times", numbers())])
    }

    fn accumulator(&self, _: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Earliest::default()))
    }
}

/// The earliest events so far; the latest of them is on top and is replaced first.
#[derive(Debug, Default)]
struct Earliest(BinaryHeap<(i64, String)>);

impl Earliest {
    fn add(&mut self, time: i64, id: &str) {
        if self.0.len() == EVIDENCE_MAX {
            if self.0.peek().is_some_and(|last| (last.0, last.1.as_str()) <= (time, id)) {
                return;
            }
            self.0.pop();
        }
        self.0.push((time, id.to_owned()));
    }

    fn sorted(&self) -> Vec<(i64, String)> {
        self.0.clone().into_sorted_vec()
    }
}

impl Accumulator for Earliest {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let times = values[1].as_primitive::<TimestampMicrosecondType>();
        for (id, time) in values[0].as_string::<i32>().iter().zip(times) {
            if let Some(id) = id {
                self.add(time.unwrap_or(i64::MAX), id);
            }
        }
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let (ids, times) = (states[0].as_list::<i32>(), states[1].as_list::<i32>());
        for (ids, times) in ids.iter().zip(times.iter()) {
            let (Some(ids), Some(times)) = (ids, times) else { continue };
            for (id, time) in ids.as_string::<i32>().iter().zip(times.as_primitive::<Int64Type>()) {
                self.add(time.unwrap_or(i64::MAX), id.unwrap_or_default());
            }
        }
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let (times, ids): (Vec<_>, Vec<_>) = self.sorted().into_iter().unzip();
        let ids: Vec<_> = ids.into_iter().map(|id| ScalarValue::Utf8(Some(id))).collect();
        let times: Vec<_> = times.into_iter().map(|time| ScalarValue::Int64(Some(time))).collect();
        Ok(vec![
            ScalarValue::List(ScalarValue::new_list_nullable(&ids, &DataType::Utf8)),
            ScalarValue::List(ScalarValue::new_list_nullable(&times, &DataType::Int64)),
        ])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let ids: Vec<_> = self.sorted().into_iter().map(|(_, id)| ScalarValue::Utf8(Some(id))).collect();
        Ok(ScalarValue::List(ScalarValue::new_list_nullable(&ids, &DataType::Utf8)))
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.0.iter().map(|(_, id)| id.capacity() + size_of::<(i64, String)>()).sum::<usize>()
    }
}

/// Declaration.
pub fn function() -> AggregateFunction {
    AggregateFunction::new(
        "evidence(event_id, event_time)",
        "the earliest event ids of a finding, at most 50",
        Evidence::default(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_events_are_kept_in_any_input_order() {
        let mut earliest = Earliest::default();
        for time in (0..200).rev() {
            earliest.add(time, &format!("e{time:03}"));
        }
        let kept: Vec<_> = earliest.sorted().into_iter().map(|(time, _)| time).collect();
        assert_eq!(kept, (0..EVIDENCE_MAX as i64).collect::<Vec<_>>());
    }
}
