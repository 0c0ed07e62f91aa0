//! The result of a function over earlier rows: their number and some statistics, as a struct.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Float64Builder, Int64Builder, StructArray};
use arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::Result;

/// The struct's type: `n`, then the numbers by their names.
pub fn fields<const K: usize>(numbers: [&str; K]) -> Fields {
    let n = Field::new("n", DataType::Int64, true);
    std::iter::once(n).chain(numbers.map(|name| Field::new(name, DataType::Float64, true))).collect()
}

/// One struct per row; null where there are no earlier rows.
pub fn summaries<const K: usize>(
    numbers: [&str; K],
    rows: impl ExactSizeIterator<Item = Option<(i64, [f64; K])>>,
) -> Result<ArrayRef> {
    // Exactly the partition's rows: each identity's columns would keep a default capacity.
    let mut n = Int64Builder::with_capacity(rows.len());
    let mut builders: [Float64Builder; K] = std::array::from_fn(|_| Float64Builder::with_capacity(rows.len()));
    for row in rows {
        n.append_option(row.map(|(n, _)| n));
        for (at, builder) in builders.iter_mut().enumerate() {
            builder.append_option(row.map(|(_, values)| values[at]));
        }
    }
    let mut columns: Vec<ArrayRef> = vec![Arc::new(n.finish())];
    columns.extend(builders.iter_mut().map(|builder| Arc::new(builder.finish()) as ArrayRef));
    let nulls = columns[0].logical_nulls();
    Ok(Arc::new(StructArray::try_new(fields(numbers), columns, nulls)?))
}
