//! Evaluates many rules over events in one pass: `rules_of(columns...)` returns the ids of the rules that a row fulfils.
//!
//! Rules share predicates, so each predicate is computed once per batch, and only for the rows that need it. What needs it
//! follows from service and API: predicates over these two columns are computed once per distinct pair. With their values,
//! every rule either cannot hold, holds, or depends on fewer predicates (partial evaluation). Rows with the same remaining
//! rules are evaluated together.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex};

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, ListArray, RecordBatch, RecordBatchOptions, StringViewArray, UInt32Array,
};
use arrow::buffer::OffsetBuffer;
use arrow::compute::{cast, take};
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use datafusion::common::{DFSchema, Result, plan_err};
use datafusion::logical_expr::{ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use datafusion::physical_plan::PhysicalExpr;
use datafusion::prelude::SessionContext;

use foldhash::fast::RandomState;

use super::Condition;

/// The columns whose values decide which rules can hold.
const KEY: [&str; 2] = ["event_source", "event_name"];

/// Equal texts are looked for in a column if a predicate needs at least this part of a batch's rows: one in so many.
const FEW: usize = 8;
/// Pairs of service and API whose rules are remembered, at most. AWS has about 20,000.
const PAIRS_MAX: usize = 50_000;

/// A rule: the events that fulfil its condition match.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Unique among the rules.
    pub id: String,
    /// Over the columns of `events`.
    pub condition: Condition,
}

/// A condition whose predicates are numbers.
#[derive(Debug, Clone, PartialEq)]
enum Tree {
    Constant(bool),
    Predicate(usize),
    Not(Box<Tree>),
    All(Vec<Tree>),
    Any(Vec<Tree>),
}

impl Tree {
    fn of(condition: &Condition, number: &mut impl FnMut(&str) -> Result<usize>) -> Result<Tree> {
        let mut parts =
            |parts: &[Condition]| parts.iter().map(|part| Tree::of(part, number)).collect::<Result<Vec<_>>>();
        Ok(match condition {
            Condition::Constant(holds) => Tree::Constant(*holds),
            Condition::Sql(sql) => Tree::Predicate(number(sql)?),
            Condition::Not(inner) => Tree::Not(Box::new(Tree::of(inner, number)?)),
            Condition::All(all) => Tree::All(parts(all)?),
            Condition::Any(any) => Tree::Any(parts(any)?),
        })
    }

    /// What remains when `known` predicates have values.
    fn with(&self, known: &impl Fn(usize) -> Option<bool>) -> Tree {
        match self {
            Tree::Constant(holds) => Tree::Constant(*holds),
            Tree::Predicate(at) => known(*at).map_or_else(|| self.clone(), Tree::Constant),
            Tree::Not(inner) => match inner.with(known) {
                Tree::Constant(holds) => Tree::Constant(!holds),
                inner => Tree::Not(Box::new(inner)),
            },
            Tree::All(parts) => Tree::joined(parts, known, false, Tree::All),
            Tree::Any(parts) => Tree::joined(parts, known, true, Tree::Any),
        }
    }

    /// `decides`: the value of one part that decides the whole.
    fn joined(
        parts: &[Tree],
        known: &impl Fn(usize) -> Option<bool>,
        decides: bool,
        join: fn(Vec<Tree>) -> Tree,
    ) -> Tree {
        let mut left = Vec::new();
        for part in parts {
            match part.with(known) {
                Tree::Constant(holds) if holds == decides => return Tree::Constant(decides),
                Tree::Constant(_) => {}
                part => left.push(part),
            }
        }
        match left.len() {
            0 => Tree::Constant(!decides),
            1 => left.remove(0),
            _ => join(left),
        }
    }

    fn holds(&self, is_true: &impl Fn(usize) -> bool) -> bool {
        match self {
            Tree::Constant(holds) => *holds,
            Tree::Predicate(at) => is_true(*at),
            Tree::Not(inner) => !inner.holds(is_true),
            Tree::All(parts) => parts.iter().all(|part| part.holds(is_true)),
            Tree::Any(parts) => parts.iter().any(|part| part.holds(is_true)),
        }
    }

    fn predicates(&self, into: &mut BTreeSet<usize>) {
        match self {
            Tree::Constant(_) => {}
            Tree::Predicate(at) => drop(into.insert(*at)),
            Tree::Not(inner) => inner.predicates(into),
            Tree::All(parts) | Tree::Any(parts) => parts.iter().for_each(|part| part.predicates(into)),
        }
    }
}

/// A predicate over some of the function's arguments.
#[derive(Debug)]
struct Predicate {
    expression: Arc<dyn PhysicalExpr>,
    /// The arguments it reads, by index.
    columns: Vec<usize>,
    /// These columns, in this order.
    schema: SchemaRef,
}

/// The rows of a batch, and which of them have the same text in a column.
struct Batch<'a> {
    rows: &'a RecordBatch,
    distinct: Vec<OnceCell<Option<Distinct>>>,
}

/// The different texts of a column: a row that has each, and which of them each row has.
struct Distinct {
    firsts: Vec<u32>,
    of_row: Vec<u32>,
}

/// What rows with the same text have in common.
enum Ids<'b> {
    Distinct(&'b Distinct),
    /// Each row is different, or nothing is known.
    Rows,
}

impl Ids<'_> {
    fn of(&self, row: usize) -> u32 {
        match self {
            Ids::Distinct(distinct) => distinct.of_row[row],
            Ids::Rows => row as u32,
        }
    }
}

impl<'a> Batch<'a> {
    fn new(rows: &'a RecordBatch) -> Batch<'a> {
        Batch { rows, distinct: rows.columns().iter().map(|_| OnceCell::new()).collect() }
    }

    /// The different texts of a column of texts. Parquet's dictionaries make equal texts equal views, so views are compared
    /// and not texts: equal texts with different views count as different, which costs time only.
    fn distinct(&self, column: usize) -> Option<&Distinct> {
        let find = || {
            let texts = self.rows.column(column).as_string_view_opt()?;
            let (mut known, mut firsts) = (HashMap::with_hasher(RandomState::default()), Vec::new());
            let of_row = texts.views().iter().enumerate().map(|(row, view)| {
                *known.entry(texts.is_valid(row).then_some(*view)).or_insert_with(|| {
                    firsts.push(row as u32);
                    firsts.len() as u32 - 1
                })
            });
            let of_row = of_row.collect();
            Some(Distinct { firsts, of_row })
        };
        self.distinct[column].get_or_init(find).as_ref()
    }

    fn ids_of(&self, column: usize) -> Ids<'_> {
        self.distinct(column).map_or(Ids::Rows, Ids::Distinct)
    }
}

/// The rules that can still hold for some pairs of service and API.
#[derive(Debug)]
struct Remaining {
    rules: Vec<(u32, Tree)>,
    predicates: Vec<usize>,
}

/// The function over the rules of a session.
pub struct RulesOf {
    signature: Signature,
    ids: StringViewArray,
    trees: Vec<Tree>,
    predicates: Vec<Predicate>,
    /// Those predicates that read nothing but the key.
    of_key: Vec<usize>,
    columns: SchemaRef,
    /// By the values of the predicates `of_key`.
    remaining: Mutex<HashMap<Vec<bool>, Arc<Remaining>, RandomState>>,
    /// By service and API.
    of_pairs: Mutex<HashMap<Pair, Arc<Remaining>, RandomState>>,
}

/// Service and API.
type Pair = [Option<Box<str>>; 2];

/// Name of the function in SQL.
pub const RULES_OF: &str = "rules_of";

impl RulesOf {
    /// Compiles `rules` for events with these columns.
    ///
    /// # Errors
    /// The first predicate that does not plan, which the compiler of the rules excludes.
    pub fn new(context: &SessionContext, rules: &[Rule], events: &Schema) -> Result<RulesOf> {
        let (mut numbers, mut texts) = (HashMap::new(), Vec::new());
        let mut number = |sql: &str| {
            Ok(*numbers.entry(sql.to_owned()).or_insert_with(|| {
                texts.push(sql.to_owned());
                texts.len() - 1
            }))
        };
        let trees = rules.iter().map(|rule| Tree::of(&rule.condition, &mut number)).collect::<Result<Vec<_>>>()?;
        let (state, all) = (context.state(), DFSchema::try_from(events.clone())?);
        let logical = texts.iter().map(|sql| state.create_logical_expr(sql, &all)).collect::<Result<Vec<_>>>()?;
        let used: BTreeSet<String> =
            logical.iter().flat_map(|expr| expr.column_refs()).map(|column| column.name.clone()).collect();
        let is_used = |name: &str| KEY.contains(&name) || used.contains(name);
        let fields = events.fields().iter().filter(|field| is_used(field.name())).cloned();
        let columns = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let plan = |expr: Expr| {
            let read = expr.column_refs();
            let is_read = |at: &usize| read.iter().any(|column| column.name == *columns.field(*at).name());
            let indices: Vec<usize> = (0..columns.fields().len()).filter(is_read).collect();
            let schema = Arc::new(columns.project(&indices)?);
            let expression = state.create_physical_expr(expr, &DFSchema::try_from(schema.as_ref().clone())?)?;
            Ok(Predicate { expression, columns: indices, schema })
        };
        let predicates = logical.into_iter().map(plan).collect::<Result<Vec<Predicate>>>()?;
        let key: Vec<usize> = KEY.iter().map(|name| columns.index_of(name)).collect::<Result<_, _>>()?;
        if let Some(at) = key.iter().find(|at| *columns.field(**at).data_type() != DataType::Utf8View) {
            return plan_err!("{} is not a text view", columns.field(*at).name());
        }
        let reads_key = |at: &usize| predicates[*at].columns.iter().all(|column| key.contains(column));
        Ok(RulesOf {
            signature: Signature::any(columns.fields().len(), Volatility::Immutable),
            ids: rules.iter().map(|rule| Some(rule.id.as_str())).collect(),
            of_key: (0..predicates.len()).filter(reads_key).collect(),
            trees,
            predicates,
            columns,
            remaining: Mutex::default(),
            of_pairs: Mutex::default(),
        })
    }

    /// The call in SQL.
    pub fn call(&self) -> String {
        let names: Vec<_> = self.columns.fields().iter().map(|field| field.name().as_str()).collect();
        format!("{RULES_OF}({})", names.join(", "))
    }

    /// The value of a predicate for each row of a batch, of which only `rows` matter.
    fn evaluate(&self, predicate: usize, batch: &Batch<'_>, rows: &[u32]) -> Result<Vec<bool>> {
        let mut of_rows = vec![false; batch.rows.num_rows()];
        let is_true = |values: &BooleanArray, at: usize| values.is_valid(at) && values.value(at);
        // Service, user agent, error code and the like have few values, so each is compared once.
        if let [column] = self.predicates[predicate].columns[..]
            && rows.len() >= batch.rows.num_rows() / FEW
            && let Some(distinct) = batch.distinct(column)
            && distinct.firsts.len() < rows.len()
        {
            let values = self.evaluate_rows(predicate, batch, &distinct.firsts)?;
            let values: Vec<bool> = (0..distinct.firsts.len()).map(|at| is_true(&values, at)).collect();
            rows.iter().for_each(|row| of_rows[*row as usize] = values[distinct.of_row[*row as usize] as usize]);
            return Ok(of_rows);
        }
        let values = self.evaluate_rows(predicate, batch, rows)?;
        rows.iter().enumerate().for_each(|(at, row)| of_rows[*row as usize] = is_true(&values, at));
        Ok(of_rows)
    }

    /// The value of a predicate for each of these rows.
    fn evaluate_rows(&self, predicate: usize, batch: &Batch<'_>, rows: &[u32]) -> Result<BooleanArray> {
        let Predicate { expression, columns, schema } = &self.predicates[predicate];
        let indices = UInt32Array::from(rows.to_vec());
        let taken = columns.iter().map(|at| take(batch.rows.column(*at), &indices, None));
        let taken = taken.collect::<arrow::error::Result<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
        let selected = RecordBatch::try_new_with_options(Arc::clone(schema), taken, &options)?;
        let values = expression.evaluate(&selected)?.into_array(rows.len())?;
        Ok(cast(&values, &DataType::Boolean)?.as_boolean().clone())
    }

    /// The rules that remain for the rows of a batch: each with its rows, in order.
    fn groups(&self, batch: &Batch<'_>) -> Result<Vec<(Arc<Remaining>, Vec<u32>)>> {
        let count = batch.rows.num_rows();
        let mut key = Vec::new();
        for name in KEY {
            key.push(self.columns.index_of(name)?);
        }
        let ids = [batch.ids_of(key[0]), batch.ids_of(key[1])];
        let (mut pairs, mut firsts, mut of_row) =
            (HashMap::with_hasher(RandomState::default()), Vec::new(), Vec::new());
        for row in 0..count {
            let pair = *pairs.entry((ids[0].of(row), ids[1].of(row))).or_insert_with(|| {
                firsts.push(row as u32);
                firsts.len() - 1
            });
            of_row.push(pair);
        }
        let mut groups: Vec<(Arc<Remaining>, Vec<u32>)> = Vec::new();
        let of_pair: Vec<usize> = self
            .remaining_of(batch, &firsts, &key)?
            .into_iter()
            .map(|remaining| {
                let known = groups.iter().position(|(other, _)| Arc::ptr_eq(other, &remaining));
                known.unwrap_or_else(|| {
                    groups.push((remaining, Vec::new()));
                    groups.len() - 1
                })
            })
            .collect();
        of_row.iter().enumerate().for_each(|(row, pair)| groups[of_pair[*pair]].1.push(row as u32));
        groups.retain(|(remaining, _)| !remaining.rules.is_empty());
        Ok(groups)
    }

    /// The rules that remain for each of these rows, whose pairs of service and API differ. Few pairs of a batch are new.
    fn remaining_of(&self, batch: &Batch<'_>, rows: &[u32], key: &[usize]) -> Result<Vec<Arc<Remaining>>> {
        let texts = |row: &u32| {
            [key[0], key[1]].map(|column| {
                let texts = batch.rows.column(column).as_string_view();
                texts.is_valid(*row as usize).then(|| Box::from(texts.value(*row as usize)))
            })
        };
        let pairs: Vec<Pair> = rows.iter().map(texts).collect();
        let mut found: Vec<Option<Arc<Remaining>>> = {
            let known = self.of_pairs.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            pairs.iter().map(|pair| known.get(pair).cloned()).collect()
        };
        let new: Vec<usize> = (0..rows.len()).filter(|at| found[*at].is_none()).collect();
        if new.is_empty() {
            return Ok(found.into_iter().flatten().collect());
        }
        let new_rows: Vec<u32> = new.iter().map(|at| rows[*at]).collect();
        let of_key = self.of_key.iter().map(|at| self.evaluate_rows(*at, batch, &new_rows));
        let of_key = of_key.collect::<Result<Vec<_>>>()?;
        let mut known = self.of_pairs.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for (nth, at) in new.into_iter().enumerate() {
            let values = of_key.iter().map(|values| values.is_valid(nth) && values.value(nth)).collect();
            let remaining = self.remaining_with(values);
            if known.len() < PAIRS_MAX {
                known.insert(pairs[at].clone(), Arc::clone(&remaining));
            }
            found[at] = Some(remaining);
        }
        Ok(found.into_iter().flatten().collect())
    }

    fn remaining_with(&self, values: Vec<bool>) -> Arc<Remaining> {
        // A thread that panicked left a complete map: entries are only added.
        let mut remaining = self.remaining.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(known) = remaining.get(&values) {
            return Arc::clone(known);
        }
        let known = |at: usize| self.of_key.binary_search(&at).ok().map(|at| values[at]);
        let trees = self.trees.iter().enumerate().map(|(rule, tree)| (rule as u32, tree.with(&known)));
        let rules: Vec<_> = trees.filter(|(_, tree)| *tree != Tree::Constant(false)).collect();
        let mut predicates = BTreeSet::new();
        rules.iter().for_each(|(_, tree)| tree.predicates(&mut predicates));
        let found = Arc::new(Remaining { rules, predicates: predicates.into_iter().collect() });
        remaining.insert(values, Arc::clone(&found));
        found
    }

    /// Numbers of the rules that each row fulfils, row after row, and how many each row has.
    fn matches(&self, batch: &Batch<'_>) -> Result<(Vec<u32>, Vec<usize>)> {
        let groups = self.groups(batch)?;
        let mut needed: BTreeMap<usize, Vec<u32>> = BTreeMap::new();
        for (remaining, rows) in &groups {
            remaining.predicates.iter().for_each(|at| needed.entry(*at).or_default().extend(rows));
        }
        let mut values: Vec<Vec<bool>> = vec![Vec::new(); self.predicates.len()];
        for (predicate, rows) in needed {
            values[predicate] = self.evaluate(predicate, batch, &rows)?;
        }
        let mut counts = vec![0; batch.rows.num_rows()];
        let mut matched: Vec<(u32, Vec<u32>)> = Vec::new();
        for (remaining, rows) in &groups {
            for (rule, tree) in &remaining.rules {
                let is_true = |row: &u32| tree.holds(&|predicate| values[predicate][*row as usize]);
                let rows: Vec<u32> = match tree {
                    Tree::Constant(_) => rows.clone(),
                    _ => rows.iter().copied().filter(is_true).collect(),
                };
                rows.iter().for_each(|row| counts[*row as usize] += 1);
                matched.push((*rule, rows));
            }
        }
        // The rules of a row are those of its group, in order.
        let mut next: Vec<usize> = Vec::with_capacity(counts.len());
        let total = counts.iter().fold(0, |start, count| {
            next.push(start);
            start + count
        });
        let mut rules = vec![0; total];
        for (rule, rows) in matched {
            for row in rows {
                rules[next[row as usize]] = rule;
                next[row as usize] += 1;
            }
        }
        Ok((rules, counts))
    }
}

/// An id in the list of a row.
fn id_field() -> FieldRef {
    Arc::new(Field::new_list_field(DataType::Utf8View, true))
}

/// Every session registers its own function.
impl PartialEq for RulesOf {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Eq for RulesOf {}

impl Hash for RulesOf {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.call().hash(state);
    }
}

impl fmt::Debug for RulesOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(RULES_OF)
    }
}

impl ScalarUDFImpl for RulesOf {
    fn name(&self) -> &str {
        RULES_OF
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::List(id_field()))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = args.args.iter().zip(self.columns.fields()).map(|(argument, field)| {
            let array = argument.to_array(args.number_rows)?;
            cast(&array, field.data_type()).map_err(Into::into)
        });
        let arrays = arrays.collect::<Result<Vec<ArrayRef>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(args.number_rows));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.columns), arrays, &options)?;
        let (rules, lengths) = self.matches(&Batch::new(&batch))?;
        let ids = take(&self.ids, &UInt32Array::from(rules), None)?;
        let lists = ListArray::try_new(id_field(), OffsetBuffer::from_lengths(lengths), ids, None)?;
        Ok(ColumnarValue::Array(Arc::new(lists)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(condition: &Condition) -> Tree {
        Tree::of(condition, &mut |sql| Ok(sql.parse().unwrap())).unwrap()
    }

    /// Predicates are named by their numbers.
    fn predicate(number: usize) -> Condition {
        Condition::Sql(number.to_string())
    }

    #[test]
    fn a_partly_known_condition_means_the_same_as_the_whole() {
        let p = predicate;
        let conditions = [
            Condition::all([p(0), Condition::any([p(1), p(2)]).negated()]),
            Condition::any([Condition::all([p(0), p(1)]), Condition::all([p(2), p(3).negated()])]),
            Condition::all([p(0).negated(), Condition::any([p(1).negated(), Condition::all([p(2), p(3)])])]),
        ];
        for condition in &conditions {
            let whole = tree(condition);
            for values in 0..16_usize {
                let value = |at: usize| values >> at & 1 == 1;
                for known in 0..16_usize {
                    let rest = whole.with(&|at| (known >> at & 1 == 1).then(|| value(at)));
                    let mut left = BTreeSet::new();
                    rest.predicates(&mut left);
                    assert!(left.iter().all(|at| known >> at & 1 == 0), "{rest:?} still has what is known");
                    assert_eq!(rest.holds(&value), whole.holds(&value), "{condition} with {values:b}, {known:b} known");
                }
            }
            let all = whole.with(&|_| Some(true));
            assert!(matches!(all, Tree::Constant(_)));
        }
    }
}
