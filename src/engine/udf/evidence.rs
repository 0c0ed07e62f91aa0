//! `evidence(event_id, event_time[, side])`: the first events of a finding, up to a limit, from every side of it.

use std::collections::{BTreeMap, BinaryHeap};
use std::mem::size_of;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Field, FieldRef, Int64Type, TimeUnit, TimestampMicrosecondType};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDFImpl, Signature, Volatility};

use super::function::AggregateFunction;

/// Maximum number of events per finding. Detectors count the rest.
pub const EVIDENCE_MAX: usize = 50;

/// The aggregate: a list of the earliest `event_id`s, at most [`EVIDENCE_MAX`], by time and then by id. With a `side`, such
/// as an address or a region, the sides take turns, so that many events of one do not leave the others out.
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
        let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        match given.len() {
            2 => Ok(vec![DataType::Utf8, time]),
            3 => Ok(vec![DataType::Utf8, time, DataType::Utf8]),
            _ => datafusion::common::plan_err!(
                "evidence takes 2 or 3 arguments: evidence(event_id, event_time) or evidence(event_id, event_time, side)"
            ),
        }
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(texts())
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let field = |part: &str, data_type| Arc::new(Field::new(format!("{}[{part}]", args.name), data_type, true));
        Ok(vec![field("ids", texts()), field("times", numbers()), field("sides", texts())])
    }

    fn accumulator(&self, _: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Earliest::default()))
    }
}

/// The earliest events so far of each side; the latest of them is on top of its heap and is replaced first.
#[derive(Debug, Default)]
struct Earliest(BTreeMap<String, BinaryHeap<(i64, String)>>);

impl Earliest {
    fn add(&mut self, time: i64, id: &str, side: &str) {
        if !self.0.contains_key(side) {
            self.0.insert(side.to_owned(), BinaryHeap::new());
        }
        if let Some(events) = self.0.get_mut(side) {
            if events.len() < EVIDENCE_MAX || events.peek().is_some_and(|last| (time, id) < (last.0, last.1.as_str())) {
                events.push((time, id.to_owned()));
            }
            if events.len() > EVIDENCE_MAX {
                events.pop();
            }
        }
        // Of more sides than events are kept, those with the earliest events are kept, one event each.
        if self.0.len() > EVIDENCE_MAX {
            let first = |events: &BinaryHeap<(i64, String)>| events.iter().min().cloned();
            let latest = self.0.iter().max_by_key(|(_, events)| first(events)).map(|(side, _)| side.clone());
            latest.and_then(|side| self.0.remove(&side));
        }
    }

    /// Time, id and side of the events, by time.
    fn sorted(&self) -> Vec<(i64, String, &str)> {
        let mut turns: Vec<(usize, (i64, String), &str)> = Vec::new();
        for (side, events) in &self.0 {
            let events = events.clone().into_sorted_vec().into_iter().enumerate();
            turns.extend(events.map(|(turn, event)| (turn, event, side.as_str())));
        }
        turns.sort_unstable();
        turns.truncate(EVIDENCE_MAX);
        let mut events: Vec<_> = turns.into_iter().map(|(_, (time, id), side)| (time, id, side)).collect();
        events.sort_unstable();
        events
    }
}

impl Accumulator for Earliest {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let times = values[1].as_primitive::<TimestampMicrosecondType>();
        let sides = values.get(2).map(|sides| sides.as_string::<i32>());
        for (row, (id, time)) in values[0].as_string::<i32>().iter().zip(times).enumerate() {
            let side = sides.filter(|sides| sides.is_valid(row)).map_or("", |sides| sides.value(row));
            if let Some(id) = id {
                self.add(time.unwrap_or(i64::MAX), id, side);
            }
        }
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let [ids, times, sides] = [&states[0], &states[1], &states[2]].map(|state| state.as_list::<i32>());
        for ((ids, times), sides) in ids.iter().zip(times.iter()).zip(sides.iter()) {
            let (Some(ids), Some(times), Some(sides)) = (ids, times, sides) else { continue };
            let (times, sides) = (times.as_primitive::<Int64Type>(), sides.as_string::<i32>());
            for ((id, time), side) in ids.as_string::<i32>().iter().zip(times).zip(sides) {
                self.add(time.unwrap_or(i64::MAX), id.unwrap_or_default(), side.unwrap_or_default());
            }
        }
        Ok(())
    }

    /// All events, not only those of a first choice: other parts of the input may have fewer sides.
    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let (mut ids, mut times, mut sides) = (Vec::new(), Vec::new(), Vec::new());
        for (side, events) in &self.0 {
            for (time, id) in events {
                ids.push(ScalarValue::Utf8(Some(id.clone())));
                times.push(ScalarValue::Int64(Some(*time)));
                sides.push(ScalarValue::Utf8(Some(side.clone())));
            }
        }
        let list = |values: &[ScalarValue], of| ScalarValue::List(ScalarValue::new_list_nullable(values, of));
        Ok(vec![list(&ids, &DataType::Utf8), list(&times, &DataType::Int64), list(&sides, &DataType::Utf8)])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let ids: Vec<_> = self.sorted().into_iter().map(|(_, id, _)| ScalarValue::Utf8(Some(id))).collect();
        Ok(ScalarValue::List(ScalarValue::new_list_nullable(&ids, &DataType::Utf8)))
    }

    fn size(&self) -> usize {
        let events = self.0.values().flatten();
        let events = events.map(|(_, id)| id.capacity() + size_of::<(i64, String)>()).sum::<usize>();
        size_of::<Self>() + events + self.0.keys().map(|side| side.capacity() + 64).sum::<usize>()
    }
}

/// Declaration.
pub fn function() -> AggregateFunction {
    AggregateFunction::new(
        "evidence(event_id, event_time[, side])",
        "the earliest event ids of a finding, at most 50; with a side, such as an address, some of every side",
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
            earliest.add(time, &format!("e{time:03}"), "");
        }
        let kept: Vec<_> = earliest.sorted().into_iter().map(|(time, ..)| time).collect();
        assert_eq!(kept, (0..EVIDENCE_MAX as i64).collect::<Vec<_>>());
    }

    #[test]
    fn many_events_of_one_side_do_not_leave_out_another() {
        let kept = |order: &mut dyn Iterator<Item = i64>| {
            let (mut first, mut second) = (Earliest::default(), Earliest::default());
            for time in order {
                let side = if time == 199 { "elsewhere" } else { "home" };
                let part = if time % 2 == 0 { &mut first } else { &mut second };
                part.add(time, &format!("e{time:03}"), side);
            }
            let states: Vec<_> = second.state().unwrap().iter().map(|state| state.to_array().unwrap()).collect();
            first.merge_batch(&states).unwrap();
            first.sorted().into_iter().map(|(time, _, side)| (time, side.to_owned())).collect::<Vec<_>>()
        };
        let forward = kept(&mut (0..200));
        assert_eq!(forward.len(), EVIDENCE_MAX);
        assert_eq!(forward.last(), Some(&(199, "elsewhere".to_owned())));
        assert_eq!(forward, kept(&mut (0..200).rev()));
    }

    #[test]
    fn of_very_many_sides_the_earliest_are_kept() {
        let kept = |order: &mut dyn Iterator<Item = i64>| {
            let mut earliest = Earliest::default();
            order.for_each(|time| earliest.add(time, &format!("e{time:03}"), &format!("side {}", time % 100)));
            earliest.sorted().into_iter().map(|(time, ..)| time).collect::<Vec<_>>()
        };
        assert_eq!(kept(&mut (0..400)), (0..EVIDENCE_MAX as i64).collect::<Vec<_>>());
        assert_eq!(kept(&mut (0..400).rev()), (0..EVIDENCE_MAX as i64).collect::<Vec<_>>());
    }
}
