//! What every function's declaration has in common.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, FieldRef, TimeUnit};
use datafusion::common::Result;
use datafusion::common::plan_err;
use datafusion::logical_expr::function::{PartitionEvaluatorArgs, WindowUDFFieldArgs};
use datafusion::logical_expr::{
    AggregateUDF, AggregateUDFImpl, ColumnarValue, PartitionEvaluator, ScalarFunctionArgs, ScalarUDFImpl, Signature,
    Volatility, WindowUDFImpl,
};

/// An argument's name and type; values of related types are cast to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Argument {
    /// Any of the string types; passed as Utf8.
    Text(&'static str),
    /// A list of strings; passed as a list of Utf8.
    Texts(&'static str),
    /// Any number; passed as Float64.
    Float(&'static str),
    /// Any whole number; passed as Int64.
    Integer(&'static str),
    /// A time; passed as microseconds UTC.
    Time(&'static str),
    /// True, false or null.
    Boolean(&'static str),
}

impl Argument {
    /// Name in the documentation.
    pub fn name(self) -> &'static str {
        match self {
            Argument::Text(name) | Argument::Texts(name) => name,
            Argument::Float(name) | Argument::Integer(name) => name,
            Argument::Time(name) | Argument::Boolean(name) => name,
        }
    }

    fn data_type(self) -> DataType {
        match self {
            Argument::Text(_) => DataType::Utf8,
            Argument::Texts(_) => DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true))),
            Argument::Float(_) => DataType::Float64,
            Argument::Integer(_) => DataType::Int64,
            Argument::Time(_) => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Argument::Boolean(_) => DataType::Boolean,
        }
    }
}

/// SQL of one expression, and its value as text.
pub type Example = (&'static str, &'static str);

/// The logic over columns: arguments as declared, number of rows, to one column.
pub type Body = Arc<dyn Fn(&[ArrayRef], usize) -> Result<ArrayRef> + Send + Sync>;

/// A function of one row.
pub struct Function {
    /// Name in SQL.
    pub name: &'static str,
    /// What it returns; formula, source and units where it computes something.
    pub doc: &'static str,
    /// Arguments in order.
    pub arguments: &'static [Argument],
    /// Type of the result.
    pub returns: DataType,
    /// Examples, run as tests.
    pub examples: &'static [Example],
    /// The logic.
    pub body: Body,
    /// Set by [`Function::new`].
    signature: Signature,
}

impl Function {
    /// A function of one row.
    pub fn new(
        name: &'static str,
        doc: &'static str,
        arguments: &'static [Argument],
        returns: DataType,
        examples: &'static [Example],
        body: impl Fn(&[ArrayRef], usize) -> Result<ArrayRef> + Send + Sync + 'static,
    ) -> Function {
        let signature = Signature::user_defined(Volatility::Immutable);
        Function { name, doc, arguments, returns, examples, body: Arc::new(body), signature }
    }
}

impl ScalarUDFImpl for Function {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        coerce(self.name, self.arguments, given)
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.returns.clone())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let constant = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let rows = if constant { 1 } else { args.number_rows };
        let arrays = args.args.iter().map(|arg| arg.to_array(rows)).collect::<Result<Vec<_>>>()?;
        let result = (self.body)(&arrays, rows)?;
        if constant {
            return Ok(ColumnarValue::Scalar(datafusion::common::ScalarValue::try_from_array(&result, 0)?));
        }
        Ok(ColumnarValue::Array(result))
    }
}

/// A function over an entity's rows in order: one value per row, computed from that row and earlier rows.
pub struct WindowFunction {
    /// Name in SQL.
    pub name: &'static str,
    /// What it returns; formula, source and units where it computes something.
    pub doc: &'static str,
    /// Arguments in order.
    pub arguments: &'static [Argument],
    /// Type of the result.
    pub returns: DataType,
    /// The logic, over one partition.
    pub body: Body,
    signature: Signature,
}

impl WindowFunction {
    /// A function over the rows of a partition.
    pub fn new(
        name: &'static str,
        doc: &'static str,
        arguments: &'static [Argument],
        returns: DataType,
        body: impl Fn(&[ArrayRef], usize) -> Result<ArrayRef> + Send + Sync + 'static,
    ) -> WindowFunction {
        let signature = Signature::user_defined(Volatility::Immutable);
        WindowFunction { name, doc, arguments, returns, body: Arc::new(body), signature }
    }
}

impl WindowUDFImpl for WindowFunction {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        coerce(self.name, self.arguments, given)
    }

    fn field(&self, args: WindowUDFFieldArgs) -> Result<FieldRef> {
        Ok(Arc::new(Field::new(args.name(), self.returns.clone(), true)))
    }

    fn partition_evaluator(&self, _: PartitionEvaluatorArgs) -> Result<Box<dyn PartitionEvaluator>> {
        Ok(Box::new(WholePartition(Arc::clone(&self.body))))
    }
}

/// A function of a group of rows, or of a window's frame.
pub struct AggregateFunction {
    /// The call as documentation shows it, such as `mad(x)`.
    pub call: &'static str,
    /// What it returns; formula, source and units where it computes something.
    pub doc: &'static str,
    /// Its implementation for the engine.
    pub udaf: AggregateUDF,
}

impl AggregateFunction {
    /// A function of a group of rows.
    pub fn new(call: &'static str, doc: &'static str, udaf: impl AggregateUDFImpl + 'static) -> AggregateFunction {
        AggregateFunction { call, doc, udaf: AggregateUDF::new_from_impl(udaf) }
    }
}

struct WholePartition(Body);

impl PartitionEvaluator for WholePartition {
    fn evaluate_all(&mut self, values: &[ArrayRef], rows: usize) -> Result<ArrayRef> {
        (self.0)(values, rows)
    }
}

impl fmt::Debug for WholePartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WholePartition")
    }
}

fn coerce(name: &str, arguments: &[Argument], given: &[DataType]) -> Result<Vec<DataType>> {
    if arguments.len() != given.len() {
        let names: Vec<_> = arguments.iter().map(|argument| argument.name()).collect();
        return plan_err!("{name} takes {} arguments: {name}({})", arguments.len(), names.join(", "));
    }
    Ok(arguments.iter().map(|argument| argument.data_type()).collect())
}

/// Functions with the same name are equal: each is registered once.
macro_rules! by_name {
    ($function:ty) => {
        impl PartialEq for $function {
            fn eq(&self, other: &Self) -> bool {
                self.name == other.name
            }
        }

        impl Eq for $function {}

        impl Hash for $function {
            fn hash<H: Hasher>(&self, state: &mut H) {
                self.name.hash(state);
            }
        }

        impl fmt::Debug for $function {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name)
            }
        }
    };
}
by_name!(Function);
by_name!(WindowFunction);

/// A text argument's values.
pub fn texts(array: &ArrayRef) -> &StringArray {
    array.as_string()
}

/// A numeric argument's values.
pub fn floats(array: &ArrayRef) -> &Float64Array {
    array.as_primitive()
}

/// A whole-number argument's values.
pub fn integers(array: &ArrayRef) -> &Int64Array {
    array.as_primitive()
}

/// A time argument's values, microseconds UTC.
pub fn times(array: &ArrayRef) -> &TimestampMicrosecondArray {
    array.as_primitive()
}

/// Applies a numeric formula row by row; null where an argument is null, or where the formula has no result.
pub fn of_numbers<const N: usize>(
    args: &[ArrayRef],
    rows: usize,
    formula: impl Fn([f64; N]) -> Option<f64>,
) -> Result<ArrayRef> {
    let columns: [&Float64Array; N] = std::array::from_fn(|at| floats(&args[at]));
    let row = |row: usize| {
        let known = columns.iter().all(|column| column.is_valid(row));
        known.then(|| formula(columns.map(|column| column.value(row)))).flatten()
    };
    Ok(Arc::new((0..rows).map(row).collect::<Float64Array>()))
}

/// A whole-number argument that has to be the same in every row, such as a number of days.
pub fn constant(name: &str, array: &ArrayRef) -> Result<i64> {
    let values = integers(array);
    if values.is_empty() || values.is_null(0) {
        return plan_err!("{name} must be a whole number");
    }
    Ok(values.value(0))
}

/// A positive number that has to be the same in every row, such as a half-life.
pub fn positive_constant(name: &str, array: &ArrayRef) -> Result<f64> {
    match floats(array).iter().next().flatten() {
        Some(value) if value > 0.0 && value.is_finite() => Ok(value),
        _ => plan_err!("{name} must be a positive number"),
    }
}
