//! Rows that wait, in the batches they came in, and are sorted into row groups together.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, DictionaryArray, RecordBatch, StringArray, StringBuilder, UInt32Array, new_null_array,
};
use arrow::compute::{cast, concat, interleave, take};
use arrow::datatypes::{DataType, TimestampMicrosecondType, UInt32Type};
use foldhash::fast::RandomState;

use crate::error::{Error, Result};
use crate::schema::SORT;

/// Rows of a column copied at a time from where they wait.
const COPIED_ROWS: usize = 8_192;

/// A column is sparse when one row of so many has a value, or fewer.
const SPARSE_ROWS: usize = 6;

/// Rows that wait to be sorted together. They stay in their batches until they are encoded.
#[derive(Default)]
pub struct Rows {
    parts: Vec<Part>,
    count: usize,
    bytes: usize,
}

struct Part {
    batch: RecordBatch,
    rows: Vec<u32>,
}

/// A row: its part, and its place there.
type Place = (usize, usize);

impl Rows {
    /// Adds some rows of a batch, by their places in it; all batches have one schema. The batch is kept, unless they are
    /// the smaller part of it: a few late events of a day must not hold what came with them.
    ///
    /// # Errors
    /// Only for a place beyond the batch, which is a defect.
    pub fn push(&mut self, batch: &RecordBatch, rows: Vec<u32>) -> Result<()> {
        let part = if rows.len() * 2 < batch.num_rows() {
            let places = 0..rows.len() as u32;
            Part { batch: picked(batch, &UInt32Array::from(rows))?, rows: places.collect() }
        } else {
            Part { batch: batch.clone(), rows }
        };
        self.count += part.rows.len();
        self.bytes += part.batch.get_array_memory_size();
        self.parts.push(part);
        Ok(())
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Bytes they hold.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The values of some columns as plain texts and numbers, part by part, in the order they came in.
    ///
    /// # Errors
    /// Only for a column that is not there, which is a defect.
    pub fn plain(&self, names: &'static [&'static str]) -> impl Iterator<Item = Result<RecordBatch>> {
        self.parts.iter().map(|part| {
            let is_whole = part.rows.len() == part.batch.num_rows();
            let rows = (!is_whole).then(|| UInt32Array::from(part.rows.clone()));
            let column = |name: &&'static str| {
                let column = part.batch.column_by_name(name).ok_or_else(|| defect(format!("no {name}")))?;
                let some = match &rows {
                    Some(rows) => take(column, rows, None).map_err(defect)?,
                    None => Arc::clone(column),
                };
                let plain = match some.data_type() {
                    DataType::Dictionary(_, of_values) => cast(&some, of_values).map_err(defect)?,
                    _ => some,
                };
                Ok((*name, plain, true))
            };
            let columns = names.iter().map(column).collect::<Result<Vec<_>>>()?;
            RecordBatch::try_from_iter_with_nullable(columns).map_err(defect)
        })
    }

    /// The rows in the order of [`SORT`].
    ///
    /// # Errors
    /// Only when batches are of different schemas, which is a defect.
    pub fn sorted(&self) -> Result<Sorted<'_>> {
        let columns = self.columns()?;
        let order = self.order(&columns)?;
        Ok(Sorted { columns, order })
    }

    fn columns(&self) -> Result<Vec<Column<'_>>> {
        let count = self.parts.first().map_or(0, |part| part.batch.num_columns());
        (0..count).map(|at| Column::new(self.parts.iter().map(|part| part.batch.column(at)).collect())).collect()
    }

    fn places(&self) -> impl Iterator<Item = Place> {
        self.parts.iter().enumerate().flat_map(|(at, part)| part.rows.iter().map(move |row| (at, *row as usize)))
    }

    /// Texts are ranked first: there are hundreds of sources, names and actors among tens of thousands of rows, and
    /// numbers compare in a tenth of the time.
    fn order(&self, columns: &[Column]) -> Result<Vec<Place>> {
        let Some(part) = self.parts.first() else { return Ok(Vec::new()) };
        let schema = part.batch.schema();
        let mut keys = vec![[0; SORT.len()]; self.count];
        for (part, name) in SORT.iter().enumerate() {
            let column = &columns[schema.index_of(name).map_err(defect)?];
            let ranks = column.ranks(self.places())?;
            keys.iter_mut().zip(ranks).for_each(|(key, rank)| key[part] = rank);
        }
        let mut order: Vec<_> = keys.into_iter().zip(self.places()).collect();
        order.sort_unstable();
        Ok(order.into_iter().map(|(_, place)| place).collect())
    }
}

/// Rows in order.
pub struct Sorted<'a> {
    columns: Vec<Column<'a>>,
    order: Vec<Place>,
}

impl Sorted<'_> {
    /// The rows in groups of at most so many.
    pub fn groups(&self, rows_max: usize) -> impl Iterator<Item = Group<'_>> {
        self.order.chunks(rows_max).map(|order| Group { columns: &self.columns, order })
    }
}

/// Some rows in order. They are copied column by column: what a column holds of some ten thousand rows stays in the caches.
pub struct Group<'a> {
    columns: &'a [Column<'a>],
    order: &'a [Place],
}

impl Group<'_> {
    /// The values of the column at a place in the schema, which is of some type or a dictionary of it, a few thousand at a
    /// time. Texts that rows share stay dictionaries.
    ///
    /// # Errors
    /// Only for a column that is not there, which is a defect.
    pub fn column(&self, at: usize, data_type: &DataType) -> impl Iterator<Item = Result<ArrayRef>> {
        let column = self.columns.get(at);
        let copied = move |places| column.ok_or_else(|| defect("no such column"))?.copied(places, data_type);
        self.order.chunks(COPIED_ROWS).map(copied)
    }
}

/// A column of all parts.
enum Column<'a> {
    /// No row has a value.
    Nothing,
    /// A value a row.
    Each(Vec<&'a dyn Array>),
    /// One dictionary out of those of the parts.
    Shared {
        values: ArrayRef,
        /// Where the dictionary of each part begins in it, and the keys of its rows.
        parts: Vec<(u32, &'a [u32])>,
    },
}

impl<'a> Column<'a> {
    fn new(arrays: Vec<&'a ArrayRef>) -> Result<Column<'a>> {
        let is_empty = |array: &&ArrayRef| match array.as_any_dictionary_opt() {
            Some(shared) => shared.values().null_count() == shared.values().len(),
            None => array.null_count() == array.len(),
        };
        if arrays.iter().all(is_empty) {
            return Ok(Column::Nothing);
        }
        let shared = arrays.iter().map(|array| array.as_dictionary_opt::<UInt32Type>());
        let Some(shared) = shared.collect::<Option<Vec<_>>>() else {
            return Ok(Column::Each(arrays.into_iter().map(|array| array.as_ref()).collect()));
        };
        if shared.iter().any(|array| array.keys().null_count() > 0) {
            return Err(defect("a dictionary has a null among its keys"));
        }
        let values: Vec<_> = shared.iter().map(|array| array.values().as_ref()).collect();
        let values = concat(&values).map_err(defect)?;
        let mut first = 0;
        let parts = shared.iter().map(|array| {
            let begins = first;
            first += array.values().len() as u32;
            (begins, &array.keys().values()[..])
        });
        Ok(Column::Shared { parts: parts.collect(), values })
    }

    /// The values at some places.
    fn copied(&self, places: &[Place], data_type: &DataType) -> Result<ArrayRef> {
        match self {
            Column::Nothing => Ok(new_null_array(data_type, places.len())),
            Column::Each(arrays) => match sparse(arrays, places) {
                Some(array) => Ok(array),
                None => interleave(arrays, places).map_err(defect),
            },
            Column::Shared { values, parts } => {
                let keys = places.iter().map(|(at, row)| parts[*at].0 + parts[*at].1[*row]);
                let keys = UInt32Array::from_iter_values(keys);
                let array = DictionaryArray::<UInt32Type>::try_new(keys, values.clone()).map_err(defect)?;
                Ok(Arc::new(array))
            }
        }
    }

    /// A number for each place that orders as its value does.
    fn ranks(&self, places: impl Iterator<Item = Place>) -> Result<Vec<i64>> {
        match self {
            Column::Nothing => Ok(places.map(|_| 0).collect()),
            Column::Shared { values, parts } => {
                let values = values.as_string_opt::<i32>().ok_or_else(|| defect("a dictionary of no texts"))?;
                let of_value = ranks(values.iter());
                let of_value: Vec<i64> = values.iter().map(|value| of_value[&value]).collect();
                Ok(places.map(|(at, row)| of_value[(parts[at].0 + parts[at].1[row]) as usize]).collect())
            }
            Column::Each(arrays) => {
                let texts = arrays.iter().map(|array| array.as_string_opt::<i32>());
                if let Some(texts) = texts.collect::<Option<Vec<&StringArray>>>() {
                    let values: Vec<Option<&str>> =
                        places.map(|(at, row)| texts[at].is_valid(row).then(|| texts[at].value(row))).collect();
                    let of_value = ranks(values.iter().copied());
                    return Ok(values.iter().map(|value| of_value[value]).collect());
                }
                let times = arrays.iter().map(|array| array.as_primitive_opt::<TimestampMicrosecondType>());
                let times = times.collect::<Option<Vec<_>>>().ok_or_else(|| defect("a column that has no order"))?;
                Ok(places.map(|(at, row)| times[at].value(row)).collect())
            }
        }
    }
}

/// The texts at some places of a column that few rows have one of: to step from one to the next is quicker than to copy what
/// is not there. Nothing for any other column.
fn sparse(arrays: &[&dyn Array], places: &[Place]) -> Option<ArrayRef> {
    let rows: usize = arrays.iter().map(|array| array.len()).sum();
    let nulls: usize = arrays.iter().map(|array| array.null_count()).sum();
    if nulls < rows - rows / SPARSE_ROWS {
        return None;
    }
    let texts = arrays.iter().map(|array| array.as_string_opt::<i32>()).collect::<Option<Vec<&StringArray>>>()?;
    let mut builder = StringBuilder::with_capacity(places.len(), 0);
    let mut behind = 0;
    for (at, row) in places {
        if texts[*at].is_valid(*row) {
            builder.append_nulls(std::mem::take(&mut behind));
            builder.append_value(texts[*at].value(*row));
        } else {
            behind += 1;
        }
    }
    builder.append_nulls(behind);
    Some(Arc::new(builder.finish()))
}

/// The place of each distinct text among all, nothing first.
fn ranks<'t>(texts: impl Iterator<Item = Option<&'t str>>) -> HashMap<Option<&'t str>, i64, RandomState> {
    let mut ranks: HashMap<_, _, RandomState> = texts.map(|text| (text, 0)).collect();
    let mut distinct: Vec<_> = ranks.keys().copied().collect();
    distinct.sort_unstable();
    ranks.extend(distinct.into_iter().zip(0..));
    ranks
}

/// Some rows of a batch, with no more in its dictionaries than they need.
fn picked(batch: &RecordBatch, rows: &UInt32Array) -> Result<RecordBatch> {
    let column = |column: &ArrayRef| -> Result<ArrayRef> {
        let Some(shared) = column.as_dictionary_opt::<UInt32Type>() else {
            return take(column, rows, None).map_err(defect);
        };
        let mut places = HashMap::new();
        let mut needed = Vec::new();
        let keys = rows.values().iter().map(|row| {
            let key = shared.keys().value(*row as usize);
            *places.entry(key).or_insert_with(|| {
                needed.push(key);
                needed.len() as u32 - 1
            })
        });
        let keys = UInt32Array::from_iter_values(keys);
        let values = take(shared.values(), &UInt32Array::from(needed), None).map_err(defect)?;
        Ok(Arc::new(DictionaryArray::<UInt32Type>::try_new(keys, values).map_err(defect)?))
    };
    let columns = batch.columns().iter().map(column).collect::<Result<_>>()?;
    RecordBatch::try_new(batch.schema(), columns).map_err(defect)
}

fn defect(reason: impl ToString) -> Error {
    Error::Internal(format!("rows that wait: {}", reason.to_string()))
}

#[cfg(test)]
mod tests {
    use arrow::array::{StringArray, TimestampMicrosecondArray};

    use super::*;

    /// Events of one source, each with a name, a time, and one of two actors or none; some column nobody fills.
    fn batch(rows: &[(&str, Option<usize>, i64)]) -> RecordBatch {
        let texts = |values: Vec<Option<&str>>| Arc::new(StringArray::from(values)) as ArrayRef;
        let keys = UInt32Array::from_iter_values(rows.iter().map(|row| row.1.map_or(0, |actor| actor as u32 + 1)));
        let actors = texts(vec![None, Some("maria"), Some("anna")]);
        let times = TimestampMicrosecondArray::from_iter_values(rows.iter().map(|row| row.2));
        RecordBatch::try_from_iter_with_nullable([
            ("event_source", texts(vec![Some("iam"); rows.len()]), true),
            ("event_name", texts(rows.iter().map(|row| Some(row.0)).collect()), true),
            ("actor", Arc::new(DictionaryArray::<UInt32Type>::try_new(keys, actors).unwrap()), true),
            ("event_time", Arc::new(times), true),
            ("error_code", texts(vec![None; rows.len()]), true),
        ])
        .unwrap()
    }

    /// A column in order, as texts.
    fn column(rows: &Rows, at: usize) -> Vec<Option<String>> {
        let text = DataType::Utf8;
        let sorted = rows.sorted().unwrap();
        let values = sorted.groups(2).flat_map(|group| group.column(at, &text).collect::<Vec<_>>());
        let values: Vec<_> = values.map(|some| cast(&some.unwrap(), &text).unwrap()).collect();
        assert!(values.iter().all(|group| group.len() <= 2));
        values.iter().flat_map(|some| some.as_string::<i32>().iter().map(|v| v.map(str::to_owned))).collect()
    }

    #[test]
    fn rows_of_several_batches_are_put_into_one_order() {
        let mut rows = Rows::default();
        rows.push(&batch(&[("b", Some(0), 5), ("a", Some(0), 9), ("a", None, 8)]), vec![0, 1, 2]).unwrap();
        rows.push(&batch(&[("a", Some(1), 7), ("a", Some(0), 3)]), vec![0, 1]).unwrap();
        let some = |values: &[&str]| values.iter().map(|v| Some((*v).to_owned())).collect::<Vec<_>>();
        assert_eq!(column(&rows, 1), some(&["a", "a", "a", "a", "b"]));
        assert_eq!(column(&rows, 2)[0], None, "nobody stands first");
        assert_eq!(column(&rows, 2)[1..], some(&["anna", "maria", "maria", "maria"]));
        assert_eq!(column(&rows, 4), vec![None; 5]);
        let times: Vec<_> = column(&rows, 3).into_iter().flatten().map(|time| time[23..].to_owned()).collect();
        assert_eq!(times, ["008", "007", "003", "009", "005"]);
    }

    #[test]
    fn a_few_rows_hold_neither_their_batch_nor_its_dictionary() {
        let many: Vec<_> = (0..1000).map(|n| ("a", Some(usize::from(n == 500)), n)).collect();
        let whole = batch(&many);
        let mut rows = Rows::default();
        rows.push(&whole, vec![500, 501]).unwrap();
        assert!(rows.bytes() * 10 < whole.get_array_memory_size());
        assert_eq!(rows.parts[0].batch.column(2).as_dictionary::<UInt32Type>().values().len(), 2);
        assert_eq!(column(&rows, 2), [Some("anna".to_owned()), Some("maria".to_owned())]);
        let plain: Vec<_> = rows.plain(&["actor"]).map(|part| part.unwrap()).collect();
        assert_eq!(plain[0].column(0).as_string::<i32>().value(0), "anna");
    }

    #[test]
    fn what_few_rows_have_is_copied_as_everything_is() {
        let texts =
            |every: usize| StringArray::from_iter((0..100).map(|n| (n % every == 0).then(|| format!("text {n}"))));
        for every in [1, 2, 5, 10, 99, 100] {
            let (one, other) = (texts(every), texts(100));
            let arrays: [&dyn Array; 2] = [&one, &other];
            let places: Vec<Place> =
                (0..100).rev().flat_map(|row| [(0, row), (1, row)]).chain([(0, 0), (0, 0)]).collect();
            let copied = Column::Each(arrays.to_vec()).copied(&places, &DataType::Utf8).unwrap();
            assert_eq!(&copied, &interleave(&arrays, &places).unwrap());
            assert_eq!(sparse(&arrays, &places).is_some(), every > 2);
        }
    }

    #[test]
    fn no_rows_are_no_rows() {
        assert_eq!(Rows::default().sorted().unwrap().groups(1).count(), 0);
    }
}
