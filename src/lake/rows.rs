//! Unsorted rows, kept in the batches they arrived in, and sorted together into row groups.

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

/// Rows of a column that are copied at once.
const COPIED_ROWS: usize = 8_192;

/// A column is sparse when at most one in this many rows has a value.
const SPARSE_ROWS: usize = 6;

/// Rows to be sorted together. They stay in their batches until they are encoded.
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

/// The position of a row: the index of its part, and its index in that part.
pub type Position = (usize, usize);

impl Rows {
    /// Adds some rows of a batch, by their indexes; all batches have the same schema. The batch itself is kept unless the
    /// rows are less than half of it: a few late events of a day should not keep a whole batch in memory.
    ///
    /// # Errors
    /// For an index beyond the batch, which is a bug.
    pub fn push(&mut self, batch: &RecordBatch, rows: Vec<u32>) -> Result<()> {
        let part = if rows.len() * 2 < batch.num_rows() {
            let all = 0..rows.len() as u32;
            Part { batch: picked(batch, &UInt32Array::from(rows))?, rows: all.collect() }
        } else {
            Part { batch: batch.clone(), rows }
        };
        self.count += part.rows.len();
        self.bytes += part.batch.get_array_memory_size();
        self.parts.push(part);
        Ok(())
    }

    /// Number of rows.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Memory they take.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The rows, sorted by [`SORT`].
    ///
    /// # Errors
    /// When batches have different schemas, which is a bug.
    pub fn sorted(&self) -> Result<Sorted<'_>> {
        let columns = self.columns()?;
        let order = self.order(&columns)?;
        Ok(Sorted::new(columns, order))
    }

    fn columns(&self) -> Result<Vec<Column<'_>>> {
        let count = self.parts.first().map_or(0, |part| part.batch.num_columns());
        (0..count).map(|at| Column::new(self.parts.iter().map(|part| part.batch.column(at)).collect())).collect()
    }

    fn positions(&self) -> impl Iterator<Item = Position> {
        self.parts.iter().enumerate().flat_map(|(at, part)| part.rows.iter().map(move |row| (at, *row as usize)))
    }

    /// Replaces texts by ranks before sorting: tens of thousands of rows have only hundreds of distinct sources, names and
    /// actors, and numbers compare ten times faster.
    fn order(&self, columns: &[Column]) -> Result<Vec<Position>> {
        let Some(part) = self.parts.first() else { return Ok(Vec::new()) };
        let schema = part.batch.schema();
        let mut keys = vec![[0; SORT.len()]; self.count];
        for (part, name) in SORT.iter().enumerate() {
            let column = &columns[schema.index_of(name).map_err(bug)?];
            let ranks = column.ranks(self.positions())?;
            keys.iter_mut().zip(ranks).for_each(|(key, rank)| key[part] = rank);
        }
        let mut order: Vec<_> = keys.into_iter().zip(self.positions()).collect();
        order.sort_unstable();
        Ok(order.into_iter().map(|(_, position)| position).collect())
    }
}

/// Sorted rows.
pub struct Sorted<'a> {
    columns: Vec<Column<'a>>,
    order: Vec<Position>,
    /// For each column with a dictionary, the keys of all rows. Columns that describe the same thing share their keys.
    keys: Vec<Arc<[u32]>>,
}

impl<'a> Sorted<'a> {
    fn new(columns: Vec<Column<'a>>, order: Vec<Position>) -> Sorted<'a> {
        let mut keys: Vec<Arc<[u32]>> = Vec::with_capacity(columns.len());
        let mut gathered: Vec<(&[Keys], Arc<[u32]>)> = Vec::new();
        for column in &columns {
            let Column::Dictionary { parts, .. } = column else {
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

    /// The rows in groups of at most `rows_max`.
    pub fn groups(&self, rows_max: usize) -> impl Iterator<Item = Group<'_>> {
        let begins = (0..self.order.len()).step_by(rows_max);
        begins.map(move |from| Group { sorted: self, rows: from..self.order.len().min(from + rows_max) })
    }
}

/// Some of the sorted rows. They are read column by column: the data of one column of such a group fits into the CPU caches.
pub struct Group<'a> {
    sorted: &'a Sorted<'a>,
    rows: Range<usize>,
}

impl<'a> Group<'a> {
    /// The values of the column with index `at`, some thousands at a time.
    ///
    /// # Errors
    /// For a column that does not exist or that has a dictionary, which is a bug.
    pub fn column(&self, at: usize, data_type: &DataType) -> impl Iterator<Item = Result<ArrayRef>> {
        let column = self.sorted.columns.get(at);
        let copied = move |positions| column.ok_or_else(|| bug("no such column"))?.copied(positions, data_type);
        self.sorted.order[self.rows.clone()].chunks(COPIED_ROWS).map(copied)
    }

    /// The texts of the column with index `at`.
    ///
    /// # Errors
    /// For a column that does not exist or that holds no texts, which is a bug.
    pub fn texts(&self, at: usize) -> Result<Texts<'a>> {
        let Sorted { columns, order, keys } = self.sorted;
        match columns.get(at) {
            Some(Column::Empty) => Ok(Texts::Empty(self.rows.len())),
            Some(Column::Texts(arrays)) => Ok(Texts::Plain { arrays, positions: &order[self.rows.clone()] }),
            Some(Column::Dictionary { values, .. }) => {
                Ok(Texts::Dictionary { values, keys: &keys[at][self.rows.clone()] })
            }
            Some(Column::Others(_)) | None => Err(bug("no such column of texts")),
        }
    }
}

/// The texts of one column, in sorted order.
#[derive(Debug, Clone, Copy)]
pub enum Texts<'a> {
    /// This many rows, all null.
    Empty(usize),
    /// For each row, the position of its text in the arrays.
    Plain { arrays: &'a [&'a StringArray], positions: &'a [Position] },
    /// For each row, the key of its text in a dictionary.
    Dictionary { values: &'a StringArray, keys: &'a [u32] },
}

impl<'a> Texts<'a> {
    /// Number of rows.
    pub fn count(&self) -> usize {
        match self {
            Texts::Empty(rows) => *rows,
            Texts::Plain { positions, .. } => positions.len(),
            Texts::Dictionary { keys, .. } => keys.len(),
        }
    }

    /// The text of a row.
    pub fn text(&self, row: usize) -> Option<&'a str> {
        match self {
            Texts::Empty(_) => None,
            Texts::Plain { arrays, positions } => text(arrays[positions[row].0], positions[row].1),
            Texts::Dictionary { values, keys } => text(values, keys[row] as usize),
        }
    }
}

/// The text at an index of an array.
pub fn text(texts: &StringArray, at: usize) -> Option<&str> {
    texts.is_valid(at).then(|| texts.value(at))
}

/// A column of all parts.
enum Column<'a> {
    /// All rows are null.
    Empty,
    /// Plain texts.
    Texts(Vec<&'a StringArray>),
    /// Values of another type.
    Others(Vec<&'a dyn Array>),
    /// The dictionaries of all parts, joined into one.
    Dictionary { values: StringArray, parts: Vec<Keys<'a>> },
}

/// The keys of a part's rows in the joined dictionary.
struct Keys<'a> {
    /// Where the part's own dictionary begins in the joined one.
    begins: u32,
    /// Keys in the part's own dictionary.
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
            return Ok(Column::Empty);
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
            return Err(bug("a dictionary has a null among its keys"));
        }
        let values: Vec<_> = shared.iter().map(|array| array.values().as_ref()).collect();
        let values = concat(&values).map_err(bug)?;
        let values = values.as_string_opt::<i32>().ok_or_else(|| bug("a dictionary that holds no texts"))?.clone();
        let mut first = 0;
        let parts = shared.iter().map(|array| {
            let begins = first;
            first += array.values().len() as u32;
            Keys { begins, of_rows: &array.keys().values()[..] }
        });
        Ok(Column::Dictionary { parts: parts.collect(), values })
    }

    /// The values at some positions.
    fn copied(&self, positions: &[Position], data_type: &DataType) -> Result<ArrayRef> {
        match self {
            Column::Empty => Ok(new_null_array(data_type, positions.len())),
            Column::Texts(texts) => match sparse(texts, positions) {
                Some(array) => Ok(array),
                None => {
                    let arrays: Vec<_> = texts.iter().map(|texts| *texts as &dyn Array).collect();
                    interleave(&arrays, positions).map_err(bug)
                }
            },
            Column::Others(arrays) => interleave(arrays, positions).map_err(bug),
            Column::Dictionary { .. } => Err(bug("texts of a dictionary are not copied")),
        }
    }

    /// A number for each position, in the same order as the values.
    fn ranks(&self, positions: impl Iterator<Item = Position>) -> Result<Vec<i64>> {
        match self {
            Column::Empty => Ok(positions.map(|_| 0).collect()),
            Column::Dictionary { values, parts } => {
                let of_value = ranks(values.iter());
                let of_value: Vec<i64> = values.iter().map(|value| of_value[&value]).collect();
                Ok(positions.map(|(at, row)| of_value[parts[at].of(row) as usize]).collect())
            }
            Column::Texts(texts) => {
                let values: Vec<_> = positions.map(|(at, row)| text(texts[at], row)).collect();
                let of_value = ranks(values.iter().copied());
                Ok(values.iter().map(|value| of_value[value]).collect())
            }
            Column::Others(arrays) => {
                let times = arrays.iter().map(|array| array.as_primitive_opt::<TimestampMicrosecondType>());
                let times =
                    times.collect::<Option<Vec<_>>>().ok_or_else(|| bug("a column that cannot be sorted by"))?;
                Ok(positions.map(|(at, row)| times[at].value(row)).collect())
            }
        }
    }
}

/// The texts at some positions of a sparse column; `None` for any other column. Appending runs of nulls is faster than
/// copying each null.
fn sparse(texts: &[&StringArray], positions: &[Position]) -> Option<ArrayRef> {
    let rows: usize = texts.iter().map(|texts| texts.len()).sum();
    let nulls: usize = texts.iter().map(|texts| texts.null_count()).sum();
    if nulls < rows - rows / SPARSE_ROWS {
        return None;
    }
    let mut builder = StringBuilder::with_capacity(positions.len(), 0);
    let mut nulls = 0;
    for (at, row) in positions {
        match text(texts[*at], *row) {
            Some(text) => {
                builder.append_nulls(std::mem::take(&mut nulls));
                builder.append_value(text);
            }
            None => nulls += 1,
        }
    }
    builder.append_nulls(nulls);
    Some(Arc::new(builder.finish()))
}

/// The rank of each distinct text; null comes first.
fn ranks<'t>(texts: impl Iterator<Item = Option<&'t str>>) -> HashMap<Option<&'t str>, i64, RandomState> {
    let mut ranks: HashMap<_, _, RandomState> = texts.map(|text| (text, 0)).collect();
    let mut distinct: Vec<_> = ranks.keys().copied().collect();
    distinct.sort_unstable();
    ranks.extend(distinct.into_iter().zip(0..));
    ranks
}

/// Some rows of a batch; its dictionaries are reduced to the values that the rows use.
fn picked(batch: &RecordBatch, rows: &UInt32Array) -> Result<RecordBatch> {
    let column = |column: &ArrayRef| -> Result<ArrayRef> {
        let Some(shared) = column.as_dictionary_opt::<UInt32Type>() else {
            return take(column, rows, None).map_err(bug);
        };
        let mut new_keys = HashMap::new();
        let mut needed = Vec::new();
        let keys = rows.values().iter().map(|row| {
            let key = shared.keys().value(*row as usize);
            *new_keys.entry(key).or_insert_with(|| {
                needed.push(key);
                needed.len() as u32 - 1
            })
        });
        let keys = UInt32Array::from_iter_values(keys);
        let values = take(shared.values(), &UInt32Array::from(needed), None).map_err(bug)?;
        Ok(Arc::new(DictionaryArray::<UInt32Type>::try_new(keys, values).map_err(bug)?))
    };
    let columns = batch.columns().iter().map(column).collect::<Result<_>>()?;
    RecordBatch::try_new(batch.schema(), columns).map_err(bug)
}

fn bug(reason: impl ToString) -> Error {
    Error::Internal(format!("sorting rows: {}", reason.to_string()))
}

#[cfg(test)]
mod tests {
    use arrow::array::TimestampMicrosecondArray;
    use arrow::datatypes::TimeUnit;

    use super::*;

    /// Events of one source with a name, a time, and one of two actors or none; one column is always null.
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
    fn rows_of_several_batches_are_sorted_together() {
        let mut rows = Rows::default();
        rows.push(&batch(&[("b", Some(0), 5), ("a", Some(0), 9), ("a", None, 8)]), vec![0, 1, 2]).unwrap();
        rows.push(&batch(&[("a", Some(1), 7), ("a", Some(0), 3)]), vec![0, 1]).unwrap();
        let some = |values: &[&str]| values.iter().map(|v| Some((*v).to_owned())).collect::<Vec<_>>();
        assert_eq!(column(&rows, 1), some(&["a", "a", "a", "a", "b"]));
        assert_eq!(column(&rows, 2)[0], None, "null comes first");
        assert_eq!(column(&rows, 2)[1..], some(&["anna", "maria", "maria", "maria"]));
        assert_eq!(column(&rows, 4), vec![None; 5]);
        assert_eq!(times(&rows, 3), [8, 7, 3, 9, 5]);
    }

    #[test]
    fn a_few_rows_keep_neither_their_batch_nor_its_dictionary() {
        let many: Vec<_> = (0..1000).map(|n| ("a", Some(usize::from(n == 500)), n)).collect();
        let whole = batch(&many);
        let mut rows = Rows::default();
        rows.push(&whole, vec![500, 501]).unwrap();
        assert!(rows.bytes() * 10 < whole.get_array_memory_size());
        assert_eq!(rows.parts[0].batch.column(2).as_dictionary::<UInt32Type>().values().len(), 2);
        assert_eq!(column(&rows, 2), [Some("anna".to_owned()), Some("maria".to_owned())]);
    }

    #[test]
    fn sparse_columns_are_copied_like_any_other() {
        let texts =
            |every: usize| StringArray::from_iter((0..100).map(|n| (n % every == 0).then(|| format!("text {n}"))));
        for every in [1, 2, 5, 10, 99, 100] {
            let (one, other) = (texts(every), texts(100));
            let positions: Vec<Position> =
                (0..100).rev().flat_map(|row| [(0, row), (1, row)]).chain([(0, 0), (0, 0)]).collect();
            let copied = Column::Texts(vec![&one, &other]).copied(&positions, &DataType::Utf8).unwrap();
            assert_eq!(&copied, &interleave(&[&one as &dyn Array, &other], &positions).unwrap());
            assert_eq!(sparse(&[&one, &other], &positions).is_some(), every > 2);
        }
    }

    #[test]
    fn no_rows_make_no_groups() {
        assert_eq!(Rows::default().sorted().unwrap().groups(1).count(), 0);
    }
}
