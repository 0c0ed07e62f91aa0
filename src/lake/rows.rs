//! Rows that wait, in the batches they came in, and are sorted into row groups together.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, DictionaryArray, RecordBatch, StringArray, StringBuilder, UInt32Array, new_null_array,
};
use arrow::compute::{concat, interleave, take};
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
pub type Place = (usize, usize);

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

    /// The rows in the order of [`SORT`].
    ///
    /// # Errors
    /// Only when batches are of different schemas, which is a defect.
    pub fn sorted(&self) -> Result<Sorted<'_>> {
        let columns = self.columns()?;
        let order = self.order(&columns)?;
        Ok(Sorted::new(columns, order))
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
    /// The keys of all rows in the dictionaries of the columns that have one, by columns; columns of one thing have them in
    /// common.
    keys: Vec<Arc<[u32]>>,
}

impl<'a> Sorted<'a> {
    fn new(columns: Vec<Column<'a>>, order: Vec<Place>) -> Sorted<'a> {
        let mut keys: Vec<Arc<[u32]>> = Vec::with_capacity(columns.len());
        let mut gathered: Vec<(&[Keys], Arc<[u32]>)> = Vec::new();
        for column in &columns {
            let Column::Shared { parts, .. } = column else {
                keys.push(Arc::new([]));
                continue;
            };
            let known = gathered.iter().find(|(known, _)| known.iter().zip(parts).all(|(a, b)| a.is_same(b)));
            let of_column = match known {
                Some((_, keys)) => Arc::clone(keys),
                None => {
                    let keys: Arc<[u32]> = order.iter().map(|(at, row)| parts[*at].of(*row)).collect();
                    gathered.push((parts, Arc::clone(&keys)));
                    keys
                }
            };
            keys.push(of_column);
        }
        drop(gathered);
        Sorted { columns, order, keys }
    }

    /// The rows in groups of at most so many.
    pub fn groups(&self, rows_max: usize) -> impl Iterator<Item = Group<'_>> {
        let begins = (0..self.order.len()).step_by(rows_max);
        begins.map(move |from| Group { sorted: self, rows: from..self.order.len().min(from + rows_max) })
    }
}

/// Some rows in order. They are taken column by column: what a column holds of some ten thousand rows stays in the caches.
pub struct Group<'a> {
    sorted: &'a Sorted<'a>,
    rows: Range<usize>,
}

impl<'a> Group<'a> {
    /// The values of the column at a place in the schema, which is of some type, a few thousand at a time.
    ///
    /// # Errors
    /// Only for a column that is not there, or one whose texts rows share, which is a defect.
    pub fn column(&self, at: usize, data_type: &DataType) -> impl Iterator<Item = Result<ArrayRef>> {
        let column = self.sorted.columns.get(at);
        let copied = move |places| column.ok_or_else(|| defect("no such column"))?.copied(places, data_type);
        self.sorted.order[self.rows.clone()].chunks(COPIED_ROWS).map(copied)
    }

    /// The texts of the column at a place in the schema.
    ///
    /// # Errors
    /// Only for a column that is not there, or one of no texts, which is a defect.
    pub fn texts(&self, at: usize) -> Result<Texts<'a>> {
        let Sorted { columns, order, keys } = self.sorted;
        match columns.get(at) {
            Some(Column::Nothing) => Ok(Texts::Nothing(self.rows.len())),
            Some(Column::Texts(arrays)) => Ok(Texts::Each { arrays, places: &order[self.rows.clone()] }),
            Some(Column::Shared { values, .. }) => Ok(Texts::Shared { values, keys: &keys[at][self.rows.clone()] }),
            Some(Column::Others(_)) | None => Err(defect("no such column of texts")),
        }
    }
}

/// The texts of a column of some rows, in order.
#[derive(Debug, Clone, Copy)]
pub enum Texts<'a> {
    /// So many rows, none of which has one.
    Nothing(usize),
    /// Of each row, the array that has its text, and the place in it.
    Each { arrays: &'a [&'a StringArray], places: &'a [Place] },
    /// Of each row, the place among texts that rows share.
    Shared { values: &'a StringArray, keys: &'a [u32] },
}

impl<'a> Texts<'a> {
    /// How many rows there are.
    pub fn count(&self) -> usize {
        match self {
            Texts::Nothing(rows) => *rows,
            Texts::Each { places, .. } => places.len(),
            Texts::Shared { keys, .. } => keys.len(),
        }
    }

    /// The text of a row.
    pub fn text(&self, row: usize) -> Option<&'a str> {
        match self {
            Texts::Nothing(_) => None,
            Texts::Each { arrays, places } => text(arrays[places[row].0], places[row].1),
            Texts::Shared { values, keys } => text(values, keys[row] as usize),
        }
    }
}

/// The text at a place of an array.
pub fn text(texts: &StringArray, at: usize) -> Option<&str> {
    texts.is_valid(at).then(|| texts.value(at))
}

/// A column of all parts.
enum Column<'a> {
    /// No row has a value.
    Nothing,
    /// A text a row.
    Texts(Vec<&'a StringArray>),
    /// A value a row.
    Others(Vec<&'a dyn Array>),
    /// One dictionary out of those of the parts.
    Shared { values: StringArray, parts: Vec<Keys<'a>> },
}

/// The keys of a part's rows in a dictionary that the parts have in common.
struct Keys<'a> {
    /// Where the part's own dictionary begins in it.
    begins: u32,
    /// In the part's own.
    of_rows: &'a [u32],
}

impl Keys<'_> {
    fn of(&self, row: usize) -> u32 {
        self.begins + self.of_rows[row]
    }

    fn is_same(&self, other: &Keys) -> bool {
        self.begins == other.begins && std::ptr::eq(self.of_rows, other.of_rows)
    }
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
        let texts = arrays.iter().map(|array| array.as_string_opt::<i32>());
        if let Some(texts) = texts.collect::<Option<Vec<_>>>() {
            return Ok(Column::Texts(texts));
        }
        let shared = arrays.iter().map(|array| array.as_dictionary_opt::<UInt32Type>());
        let Some(shared) = shared.collect::<Option<Vec<_>>>() else {
            return Ok(Column::Others(arrays.into_iter().map(|array| array.as_ref()).collect()));
        };
        if shared.iter().any(|array| array.keys().null_count() > 0) {
            return Err(defect("a dictionary has a null among its keys"));
        }
        let values: Vec<_> = shared.iter().map(|array| array.values().as_ref()).collect();
        let values = concat(&values).map_err(defect)?;
        let values = values.as_string_opt::<i32>().ok_or_else(|| defect("a dictionary of no texts"))?.clone();
        let mut first = 0;
        let parts = shared.iter().map(|array| {
            let begins = first;
            first += array.values().len() as u32;
            Keys { begins, of_rows: &array.keys().values()[..] }
        });
        Ok(Column::Shared { parts: parts.collect(), values })
    }

    /// The values at some places.
    fn copied(&self, places: &[Place], data_type: &DataType) -> Result<ArrayRef> {
        match self {
            Column::Nothing => Ok(new_null_array(data_type, places.len())),
            Column::Texts(texts) => match sparse(texts, places) {
                Some(array) => Ok(array),
                None => {
                    let arrays: Vec<_> = texts.iter().map(|texts| *texts as &dyn Array).collect();
                    interleave(&arrays, places).map_err(defect)
                }
            },
            Column::Others(arrays) => interleave(arrays, places).map_err(defect),
            Column::Shared { .. } => Err(defect("shared texts are not copied")),
        }
    }

    /// A number for each place that orders as its value does.
    fn ranks(&self, places: impl Iterator<Item = Place>) -> Result<Vec<i64>> {
        match self {
            Column::Nothing => Ok(places.map(|_| 0).collect()),
            Column::Shared { values, parts } => {
                let of_value = ranks(values.iter());
                let of_value: Vec<i64> = values.iter().map(|value| of_value[&value]).collect();
                Ok(places.map(|(at, row)| of_value[parts[at].of(row) as usize]).collect())
            }
            Column::Texts(texts) => {
                let values: Vec<_> = places.map(|(at, row)| text(texts[at], row)).collect();
                let of_value = ranks(values.iter().copied());
                Ok(values.iter().map(|value| of_value[value]).collect())
            }
            Column::Others(arrays) => {
                let times = arrays.iter().map(|array| array.as_primitive_opt::<TimestampMicrosecondType>());
                let times = times.collect::<Option<Vec<_>>>().ok_or_else(|| defect("a column that has no order"))?;
                Ok(places.map(|(at, row)| times[at].value(row)).collect())
            }
        }
    }
}

/// The texts at some places of a column that few rows have one of: to step from one to the next is quicker than to copy what
/// is not there. Nothing for any other column.
fn sparse(texts: &[&StringArray], places: &[Place]) -> Option<ArrayRef> {
    let rows: usize = texts.iter().map(|texts| texts.len()).sum();
    let nulls: usize = texts.iter().map(|texts| texts.null_count()).sum();
    if nulls < rows - rows / SPARSE_ROWS {
        return None;
    }
    let mut builder = StringBuilder::with_capacity(places.len(), 0);
    let mut behind = 0;
    for (at, row) in places {
        match text(texts[*at], *row) {
            Some(text) => {
                builder.append_nulls(std::mem::take(&mut behind));
                builder.append_value(text);
            }
            None => behind += 1,
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
    use arrow::array::TimestampMicrosecondArray;
    use arrow::datatypes::TimeUnit;

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

    /// A column of texts in order.
    fn column(rows: &Rows, at: usize) -> Vec<Option<String>> {
        let sorted = rows.sorted().unwrap();
        let groups: Vec<_> = sorted.groups(2).map(|group| group.texts(at).unwrap()).collect();
        assert!(groups.iter().all(|texts| texts.count() <= 2));
        let texts = groups.iter().flat_map(|texts| (0..texts.count()).map(|row| texts.text(row)));
        texts.map(|text| text.map(str::to_owned)).collect()
    }

    /// A column of times in order, in microseconds.
    fn times(rows: &Rows, at: usize) -> Vec<i64> {
        let data_type = DataType::Timestamp(TimeUnit::Microsecond, None);
        let sorted = rows.sorted().unwrap();
        let groups = sorted.groups(2).flat_map(|group| group.column(at, &data_type).collect::<Vec<_>>());
        groups.flat_map(|times| times.unwrap().as_primitive::<TimestampMicrosecondType>().values().to_vec()).collect()
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
        assert_eq!(times(&rows, 3), [8, 7, 3, 9, 5]);
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
    }

    #[test]
    fn what_few_rows_have_is_copied_as_everything_is() {
        let texts =
            |every: usize| StringArray::from_iter((0..100).map(|n| (n % every == 0).then(|| format!("text {n}"))));
        for every in [1, 2, 5, 10, 99, 100] {
            let (one, other) = (texts(every), texts(100));
            let places: Vec<Place> =
                (0..100).rev().flat_map(|row| [(0, row), (1, row)]).chain([(0, 0), (0, 0)]).collect();
            let copied = Column::Texts(vec![&one, &other]).copied(&places, &DataType::Utf8).unwrap();
            assert_eq!(&copied, &interleave(&[&one as &dyn Array, &other], &places).unwrap());
            assert_eq!(sparse(&[&one, &other], &places).is_some(), every > 2);
        }
    }

    #[test]
    fn no_rows_are_no_rows() {
        assert_eq!(Rows::default().sorted().unwrap().groups(1).count(), 0);
    }
}
