//! Sigma correlations: whether the matches of the referred rules fulfil a condition within a timespan.
//!
//! Input: the matches of one group (the values of `group-by`) after the other, each group in order of time. Output: which
//! match completes the correlation, and which matches are its evidence. Reads no events and resolves no rules.
//!
//! Follows version 2.1 of the specification of correlation rules (github.com/SigmaHQ/sigma-specification). Where that is
//! silent:
//! - A window ends at a match and begins `timespan` before it. Both ends are inclusive, as in the Athena and SQLite
//!   backends of pySigma and in rsigma. A time without a match is never evaluated, so `lt` needs at least one match.
//! - Matches of the same time are added one by one. With `lt`, `lte`, `eq` and `neq` the answer depends on their order:
//!   sort them by a stable key.
//! - `event_count` and the numeric types count an event once, even if several of the rules match it.
//! - `value_*` ignores a match without a value, and the numeric types also ignore text that is not a finite number. Such
//!   a match never completes a correlation and is never evidence.
//! - `temporal` without a condition needs every rule, as in pySigma. `rsigma-parser` reports a missing condition as
//!   `gte: 1`, so an explicit `gte: 1` also needs every rule.
//! - `temporal_ordered` counts the rules of the longest sequence of matches that follows the order of `rules`.
//! - A condition in words (`a and not b`) is pySigma's extension. `not b` means: no match of `b` up to now.
//! - A percentile is interpolated linearly between the two nearest values, as in PostgreSQL's `percentile_cont`, rsigma
//!   and the SQLite backend. `value_percentile` requires `percentile`: the specification has no default.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use rsigma_parser::{
    ConditionExpr, ConditionOperator, CorrelationCondition, CorrelationRule, CorrelationType, Quantifier,
    SelectorPattern, WindowMode, detection_name_matches,
};

/// A correlation whose rules are known.
#[derive(Debug, Clone)]
pub struct Correlation {
    /// Ids of the rules that it refers to, in order.
    pub rules: Vec<String>,
    /// Fields whose values are counted or aggregated. The numeric types have one.
    pub value_field: Option<Vec<String>>,
    timespan_us: i64,
    kind: Kind,
    condition: Condition,
}

#[derive(Debug, Clone)]
enum Kind {
    EventCount,
    ValueCount,
    ValueSum,
    ValueAvg,
    ValuePercentile(u64),
    Temporal,
    /// The place of each rule in the sequence; `None` for a rule that the condition does not name.
    TemporalOrdered(Vec<Option<usize>>),
}

#[derive(Debug, Clone)]
enum Condition {
    /// Holds if all comparisons hold.
    Thresholds(Vec<(ConditionOperator, f64)>),
    Expression(Expression),
}

/// A condition over the rules that match within the window. `and`, `or` and `N of` are all an `AtLeast`.
#[derive(Debug, Clone)]
enum Expression {
    Rule(usize),
    Not(Box<Expression>),
    AtLeast(u64, Vec<Expression>),
}

impl Correlation {
    /// Checks a parsed correlation. `rules` are the ids of the rules that `parsed.rules` names, in the same order.
    ///
    /// # Errors
    /// What is missing, invalid or not supported.
    pub fn of(parsed: &CorrelationRule, rules: Vec<String>) -> Result<Correlation, String> {
        if parsed.window != WindowMode::Sliding {
            return Err(format!("window `{}` is not in the Sigma specification", parsed.window.as_str()));
        }
        if rules.is_empty() {
            return Err("no rules: list the rules to correlate in `rules`".to_owned());
        }
        if rules.len() != parsed.rules.len() {
            return Err(format!("only {} of {} rules are known", rules.len(), parsed.rules.len()));
        }
        let timespan_us = i64::try_from(parsed.timespan.seconds).unwrap_or(i64::MAX).saturating_mul(1_000_000);
        if timespan_us == 0 {
            return Err(format!("invalid timespan `{}`: expected more than zero", parsed.timespan));
        }
        let (kind, condition) = match &parsed.condition {
            CorrelationCondition::Extended(expression) => in_words(parsed, expression, &rules)?,
            CorrelationCondition::Threshold { .. } => (kind(parsed)?, thresholds(parsed)?),
        };
        let value_field = if kind.has_values() { value_field(parsed)? } else { None };
        Ok(Correlation { rules, value_field, timespan_us, kind, condition })
    }

    /// Length of a window in microseconds. Both ends belong to the window.
    pub fn timespan_us(&self) -> i64 {
        self.timespan_us
    }
}

fn kind(parsed: &CorrelationRule) -> Result<Kind, String> {
    Ok(match parsed.correlation_type {
        CorrelationType::EventCount => Kind::EventCount,
        CorrelationType::ValueCount => Kind::ValueCount,
        CorrelationType::ValueSum => Kind::ValueSum,
        CorrelationType::ValueAvg => Kind::ValueAvg,
        CorrelationType::ValueMedian => Kind::ValuePercentile(50),
        CorrelationType::ValuePercentile => Kind::ValuePercentile(percentile(parsed)?),
        CorrelationType::Temporal => Kind::Temporal,
        CorrelationType::TemporalOrdered => Kind::TemporalOrdered((0..parsed.rules.len()).map(Some).collect()),
    })
}

fn percentile(parsed: &CorrelationRule) -> Result<u64, String> {
    match &parsed.condition {
        CorrelationCondition::Threshold { percentile: Some(percentile @ 0..=100), .. } => Ok(*percentile),
        _ => Err("value_percentile needs `percentile` in its condition: a whole number from 0 to 100".to_owned()),
    }
}

fn thresholds(parsed: &CorrelationRule) -> Result<Condition, String> {
    let CorrelationCondition::Threshold { predicates, .. } = &parsed.condition else {
        return Ok(Condition::Thresholds(Vec::new()));
    };
    let is_temporal = matches!(parsed.correlation_type, CorrelationType::Temporal | CorrelationType::TemporalOrdered);
    if is_temporal && predicates.as_slice() == [(ConditionOperator::Gte, 1)] {
        return Ok(Condition::Thresholds(vec![(ConditionOperator::Gte, parsed.rules.len() as f64)]));
    }
    // The parser turns a negative number into a very large one.
    if predicates.iter().any(|(_, value)| i64::try_from(*value).is_err()) {
        return Err("negative or too large number in the condition: expected 0 to 2^63".to_owned());
    }
    Ok(Condition::Thresholds(predicates.iter().map(|(operator, value)| (*operator, *value as f64)).collect()))
}

fn value_field(parsed: &CorrelationRule) -> Result<Option<Vec<String>>, String> {
    let name = parsed.correlation_type.as_str();
    match &parsed.condition {
        CorrelationCondition::Threshold { field: Some(fields), .. } if !fields.is_empty() => {
            if fields.len() > 1 && parsed.correlation_type != CorrelationType::ValueCount {
                return Err(format!("{name} needs one `field` in its condition, but has {}", fields.len()));
            }
            Ok(Some(fields.clone()))
        }
        _ => Err(format!("{name} needs `field` in its condition")),
    }
}

fn in_words(parsed: &CorrelationRule, words: &ConditionExpr, ids: &[String]) -> Result<(Kind, Condition), String> {
    let expression = Expression::of(words, &parsed.rules, ids)?;
    match parsed.correlation_type {
        CorrelationType::Temporal => Ok((Kind::Temporal, Condition::Expression(expression))),
        CorrelationType::TemporalOrdered => {
            let named = expression.conjunction().ok_or("temporal_ordered supports only `and` in its condition")?;
            let mut length = 0;
            let ranks = (0..ids.len()).map(|rule| {
                length += usize::from(named.contains(&rule));
                named.contains(&rule).then(|| length - 1)
            });
            let kind = Kind::TemporalOrdered(ranks.collect());
            Ok((kind, Condition::Thresholds(vec![(ConditionOperator::Gte, length as f64)])))
        }
        other => Err(format!("{} needs a number in its condition, such as `gte: 10`", other.as_str())),
    }
}

impl Kind {
    fn has_values(&self) -> bool {
        !matches!(self, Kind::EventCount | Kind::Temporal | Kind::TemporalOrdered(_))
    }
}

impl Expression {
    fn of(words: &ConditionExpr, names: &[String], ids: &[String]) -> Result<Expression, String> {
        let each = |part: &ConditionExpr| Expression::of(part, names, ids);
        let all = |parts: &[ConditionExpr]| parts.iter().map(each).collect::<Result<Vec<_>, String>>();
        Ok(match words {
            ConditionExpr::Identifier(name) => {
                let rule = (0..names.len()).find(|&rule| names[rule] == *name || ids.get(rule) == Some(name));
                Expression::Rule(rule.ok_or_else(|| format!("the condition names `{name}`, which is not in `rules`"))?)
            }
            ConditionExpr::Not(part) => Expression::Not(Box::new(Expression::of(part, names, ids)?)),
            ConditionExpr::Or(parts) => Expression::AtLeast(1, all(parts)?),
            ConditionExpr::And(parts) => Expression::AtLeast(parts.len() as u64, all(parts)?),
            ConditionExpr::Selector { quantifier, pattern } => {
                let selects = |name: &str| match pattern {
                    SelectorPattern::Them => true,
                    SelectorPattern::Pattern(pattern) => detection_name_matches(pattern, name),
                };
                let selected = (0..names.len()).filter(|&rule| selects(&names[rule]));
                let selected: Vec<_> = selected.map(Expression::Rule).collect();
                if selected.is_empty() {
                    return Err(format!("the condition names `{pattern}`, which is not in `rules`"));
                }
                let least = match quantifier {
                    Quantifier::Any => 1,
                    Quantifier::All => selected.len() as u64,
                    Quantifier::Count(least) => *least,
                };
                Expression::AtLeast(least, selected)
            }
        })
    }

    /// `matches` has the number of matches of each rule.
    fn holds(&self, matches: &[usize]) -> bool {
        match self {
            Expression::Rule(rule) => matches.get(*rule).is_some_and(|&count| count > 0),
            Expression::Not(part) => !part.holds(matches),
            Expression::AtLeast(least, parts) => {
                parts.iter().filter(|part| part.holds(matches)).count() as u64 >= *least
            }
        }
    }

    /// The rules that must all match, if the expression says nothing else.
    fn conjunction(&self) -> Option<HashSet<usize>> {
        match self {
            Expression::Rule(rule) => Some(HashSet::from([*rule])),
            Expression::AtLeast(least, parts) if *least == parts.len() as u64 => {
                let rules: Option<Vec<_>> = parts.iter().map(Expression::conjunction).collect();
                Some(rules?.into_iter().flatten().collect())
            }
            _ => None,
        }
    }
}

/// One match of a referred rule.
#[derive(Debug, Clone)]
pub struct Match {
    /// Identifies the event. Matches of several rules with the same row and time are one event.
    pub row: u64,
    /// Time of the event, in microseconds.
    pub time_us: i64,
    /// Index of the rule in [`Correlation::rules`].
    pub rule: usize,
    /// The values of [`Correlation::value_field`] as one text; `None` if one of them is null. Numbers are parsed from it.
    pub value: Option<String>,
}

/// The window of one group at a time. It holds the matches of one timespan; take those that left it with
/// [`Windows::take_done`].
#[derive(Debug)]
pub struct Windows<'a> {
    correlation: &'a Correlation,
    state: State,
    /// Matches within the timespan, oldest first.
    inside: VecDeque<Inside>,
    added: u64,
    last_completed: Option<u64>,
    /// Time of the newest match, and the rows that were counted at that time.
    now_us: i64,
    rows_now: HashSet<u64>,
    done: Vec<(u64, bool, bool)>,
}

#[derive(Debug)]
struct Inside {
    row: u64,
    time_us: i64,
    part: Part,
    completes: bool,
}

/// What a match adds to the window.
#[derive(Debug)]
enum Part {
    Ignored,
    /// The event is already counted, for another rule.
    Repeated,
    Event,
    Text(Arc<str>),
    Number(f64),
    /// Index of the rule, for `temporal_ordered` its place in the sequence.
    Rule(usize),
}

impl<'a> Windows<'a> {
    /// An empty window.
    pub fn new(correlation: &'a Correlation) -> Self {
        Windows {
            correlation,
            state: State::new(correlation),
            inside: VecDeque::new(),
            added: 0,
            last_completed: None,
            now_us: i64::MIN,
            rows_now: HashSet::new(),
            done: Vec::new(),
        }
    }

    /// Adds the next match of the group, in order of time. Returns whether it completes the correlation: whether the
    /// condition holds for the matches within the timespan up to and including this one.
    pub fn add(&mut self, next: Match) -> bool {
        let oldest_us = next.time_us.saturating_sub(self.correlation.timespan_us);
        while self.inside.front().is_some_and(|first| first.time_us < oldest_us) {
            self.leave();
        }
        let part = self.part(&next);
        self.state.add(&part, next.time_us);
        let completes = !matches!(part, Part::Ignored) && self.state.fulfils(&self.correlation.condition, oldest_us);
        if completes {
            self.last_completed = Some(self.added);
        }
        self.added += 1;
        self.inside.push_back(Inside { row: next.row, time_us: next.time_us, part, completes });
        completes
    }

    /// The matches that left the window since the last call, oldest first: the row, whether it is part of a window that
    /// fulfilled the condition, and whether it completes one.
    pub fn take_done(&mut self) -> Vec<(u64, bool, bool)> {
        std::mem::take(&mut self.done)
    }

    /// Ends the group: its remaining matches are done.
    pub fn end_group(&mut self) {
        while !self.inside.is_empty() {
            self.leave();
        }
        let done = self.take_done();
        *self = Windows { done, ..Windows::new(self.correlation) };
    }

    fn leave(&mut self) {
        let position = self.added - self.inside.len() as u64;
        if let Some(Inside { row, part, completes, .. }) = self.inside.pop_front() {
            self.state.remove(&part);
            // It was in every window since its own, so the newest completed window decides.
            let is_evidence = !matches!(part, Part::Ignored) && self.last_completed >= Some(position);
            self.done.push((row, is_evidence, completes));
        }
    }

    fn part(&mut self, next: &Match) -> Part {
        let counted = match &self.correlation.kind {
            _ if next.rule >= self.correlation.rules.len() => return Part::Ignored,
            Kind::Temporal => return Part::Rule(next.rule),
            Kind::TemporalOrdered(ranks) => return ranks[next.rule].map_or(Part::Ignored, Part::Rule),
            Kind::ValueCount => return next.value.as_deref().map_or(Part::Ignored, |text| self.state.text(text)),
            Kind::EventCount => Part::Event,
            Kind::ValueSum | Kind::ValueAvg | Kind::ValuePercentile(_) => {
                match next.value.as_deref().and_then(number) {
                    Some(number) => Part::Number(number),
                    None => return Part::Ignored,
                }
            }
        };
        if self.is_repeated(next) { Part::Repeated } else { counted }
    }

    fn is_repeated(&mut self, next: &Match) -> bool {
        if self.correlation.rules.len() < 2 {
            return false;
        }
        if self.now_us != next.time_us {
            self.now_us = next.time_us;
            // Not `clear`, which costs as much as the largest set so far.
            self.rows_now = HashSet::new();
        }
        !self.rows_now.insert(next.row)
    }
}

fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|number: &f64| number.is_finite())
}

/// What the window adds up to. Each change costs O(log matches) or, for the temporal types, depends on the rules alone.
#[derive(Debug)]
enum State {
    Count(usize),
    /// Matches of each value.
    Values(HashMap<Arc<str>, usize>),
    /// Matches of each rule.
    Rules(Vec<usize>),
    Sequence(Sequence),
    Sum(Sum),
    Average(Sum),
    Percentile(Percentile),
}

impl State {
    fn new(correlation: &Correlation) -> State {
        match &correlation.kind {
            Kind::EventCount => State::Count(0),
            Kind::ValueCount => State::Values(HashMap::new()),
            Kind::ValueSum => State::Sum(Sum::default()),
            Kind::ValueAvg => State::Average(Sum::default()),
            Kind::ValuePercentile(percentile) => State::Percentile(Percentile::new(*percentile)),
            Kind::Temporal => State::Rules(vec![0; correlation.rules.len()]),
            Kind::TemporalOrdered(ranks) => State::Sequence(Sequence::new(ranks.iter().flatten().count())),
        }
    }

    /// Equal texts share their memory.
    fn text(&self, text: &str) -> Part {
        let known = if let State::Values(values) = self { values.get_key_value(text) } else { None };
        Part::Text(known.map_or_else(|| text.into(), |(known, _)| known.clone()))
    }

    fn add(&mut self, part: &Part, time_us: i64) {
        match (self, part) {
            (State::Count(count), Part::Event) => *count += 1,
            (State::Values(values), Part::Text(text)) => *values.entry(text.clone()).or_default() += 1,
            (State::Rules(matches), Part::Rule(rule)) => matches[*rule] += 1,
            (State::Sequence(sequence), Part::Rule(rank)) => sequence.add(*rank, time_us),
            (State::Sum(sum) | State::Average(sum), Part::Number(number)) => sum.add(*number),
            (State::Percentile(percentile), Part::Number(number)) => percentile.add(*number),
            _ => {}
        }
    }

    /// Removes the oldest match.
    fn remove(&mut self, part: &Part) {
        match (self, part) {
            (State::Count(count), Part::Event) => *count -= 1,
            (State::Rules(matches), Part::Rule(rule)) => matches[*rule] -= 1,
            (State::Sum(sum) | State::Average(sum), Part::Number(_)) => sum.remove_oldest(),
            (State::Percentile(percentile), Part::Number(number)) => percentile.remove(*number),
            (State::Values(values), Part::Text(text)) => {
                if let Some(count) = values.get_mut(text) {
                    *count -= 1;
                    if *count == 0 {
                        values.remove(text);
                    }
                }
            }
            _ => {}
        }
    }

    fn fulfils(&self, condition: &Condition, oldest_us: i64) -> bool {
        match (condition, self) {
            (Condition::Expression(expression), State::Rules(matches)) => expression.holds(matches),
            (Condition::Expression(_), _) => false,
            (Condition::Thresholds(thresholds), _) => self.measure(oldest_us).is_some_and(|value| {
                thresholds.iter().all(|(operator, limit)| match operator {
                    ConditionOperator::Lt => value < *limit,
                    ConditionOperator::Lte => value <= *limit,
                    ConditionOperator::Gt => value > *limit,
                    ConditionOperator::Gte => value >= *limit,
                    ConditionOperator::Eq => value == *limit,
                    ConditionOperator::Neq => value != *limit,
                })
            }),
        }
    }

    /// The number that the condition compares; `None` if the window has no values.
    fn measure(&self, oldest_us: i64) -> Option<f64> {
        match self {
            State::Count(count) => Some(*count as f64),
            State::Values(values) => Some(values.len() as f64),
            State::Rules(matches) => Some(matches.iter().filter(|count| **count > 0).count() as f64),
            State::Sequence(sequence) => Some(sequence.longest(oldest_us) as f64),
            State::Sum(sum) => (sum.len() > 0).then(|| sum.total()),
            State::Average(sum) => (sum.len() > 0).then(|| sum.total() / sum.len() as f64),
            State::Percentile(percentile) => percentile.value(),
        }
    }
}

/// Sequences of matches that follow the order of the rules. Of all sequences with the same number of rules only the one
/// that begins last matters: it is the last to leave the window.
#[derive(Debug)]
struct Sequence {
    /// `[n][rank]`: the latest begin of a sequence of n + 1 matches that ends with this rule or an earlier one.
    begins_us: Vec<Vec<i64>>,
    /// Time of the latest match of each rule.
    latest_us: Vec<i64>,
}

impl Sequence {
    fn new(rules: usize) -> Sequence {
        Sequence { begins_us: vec![vec![i64::MIN; rules]; rules], latest_us: vec![i64::MIN; rules] }
    }

    /// CloudTrail records whole seconds, so the order within a second is unknown. Matches of the same time therefore
    /// count as in order: each later rule that matched at this time may follow the new match.
    fn add(&mut self, rank: usize, time_us: i64) {
        self.latest_us[rank] = time_us;
        self.extend(rank, time_us);
        for later in rank + 1..self.latest_us.len() {
            if self.latest_us[later] == time_us {
                self.extend(later, time_us);
            }
        }
    }

    fn extend(&mut self, rank: usize, time_us: i64) {
        for length in 0..=rank {
            let begin_us = if length == 0 { time_us } else { self.begins_us[length - 1][rank - 1] };
            for known_us in self.begins_us[length][rank..].iter_mut().take_while(|known_us| **known_us < begin_us) {
                *known_us = begin_us;
            }
        }
    }

    fn longest(&self, oldest_us: i64) -> usize {
        let is_inside = |begins_us: &Vec<i64>| begins_us.last().is_some_and(|begin_us| *begin_us >= oldest_us);
        self.begins_us.iter().rposition(is_inside).map_or(0, |length| length + 1)
    }
}

/// The sum of a queue of numbers. It never subtracts, which would leave rounding errors behind.
#[derive(Debug, Default)]
struct Sum {
    /// Sums from one of the older numbers to the last of them; the oldest number is the last element.
    older: Vec<f64>,
    newer: Vec<f64>,
    newer_total: f64,
}

impl Sum {
    fn add(&mut self, number: f64) {
        self.newer.push(number);
        self.newer_total += number;
    }

    fn remove_oldest(&mut self) {
        if self.older.is_empty() {
            let mut total = 0.0;
            while let Some(number) = self.newer.pop() {
                total += number;
                self.older.push(total);
            }
            self.newer_total = 0.0;
        }
        self.older.pop();
    }

    fn len(&self) -> usize {
        self.older.len() + self.newer.len()
    }

    fn total(&self) -> f64 {
        self.older.last().copied().unwrap_or(0.0) + self.newer_total
    }
}

/// Numbers split at the percentile: `low` ends with the value at or just below it, `high` begins with the next one.
#[derive(Debug)]
struct Percentile {
    percentile: u64,
    low: Numbers,
    high: Numbers,
}

impl Percentile {
    fn new(percentile: u64) -> Percentile {
        Percentile { percentile, low: Numbers::default(), high: Numbers::default() }
    }

    fn add(&mut self, number: f64) {
        let key = ordered(number);
        let is_low = self.low.last().is_some_and(|last| key <= last);
        if is_low {
            self.low.insert(key)
        } else {
            self.high.insert(key)
        }
        self.balance();
    }

    fn remove(&mut self, number: f64) {
        let key = ordered(number);
        if !self.low.remove(key) {
            self.high.remove(key);
        }
        self.balance();
    }

    /// Position of the percentile in the sorted numbers, in hundredths.
    fn position(&self) -> Option<u64> {
        (self.low.len + self.high.len).checked_sub(1).map(|last| self.percentile * last)
    }

    /// Moves at most two numbers, because a change of one number moves the position by at most one.
    fn balance(&mut self) {
        let low_len = self.position().map_or(0, |position| position / 100 + 1);
        while self.low.len < low_len
            && let Some(first) = self.high.first()
        {
            self.high.remove(first);
            self.low.insert(first);
        }
        while self.low.len > low_len
            && let Some(last) = self.low.last()
        {
            self.low.remove(last);
            self.high.insert(last);
        }
    }

    fn value(&self) -> Option<f64> {
        let fraction = (self.position()? % 100) as f64 / 100.0;
        let below = from_ordered(self.low.last()?);
        let above = self.high.first().map_or(below, from_ordered);
        Some(below + (above - below) * fraction)
    }
}

/// A sorted list of numbers, by the keys of [`ordered`].
#[derive(Debug, Default)]
struct Numbers {
    counts: BTreeMap<i64, u64>,
    len: u64,
}

impl Numbers {
    fn insert(&mut self, key: i64) {
        *self.counts.entry(key).or_default() += 1;
        self.len += 1;
    }

    fn remove(&mut self, key: i64) -> bool {
        let Entry::Occupied(mut count) = self.counts.entry(key) else { return false };
        *count.get_mut() -= 1;
        if *count.get() == 0 {
            count.remove();
        }
        self.len -= 1;
        true
    }

    fn first(&self) -> Option<i64> {
        self.counts.first_key_value().map(|(key, _)| *key)
    }

    fn last(&self) -> Option<i64> {
        self.counts.last_key_value().map(|(key, _)| *key)
    }
}

/// An integer that sorts as the number does: IEEE 754 numbers sort by their bits, negative ones in reverse.
fn ordered(number: f64) -> i64 {
    let bits = number.to_bits().cast_signed();
    if bits < 0 { bits ^ i64::MAX } else { bits }
}

fn from_ordered(key: i64) -> f64 {
    f64::from_bits((if key < 0 { key ^ i64::MAX } else { key }).cast_unsigned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND_US: i64 = 1_000_000;

    /// The members of `correlation`, in YAML's flow style. Rule `x` has the id `id-x`.
    fn read(members: &str) -> Result<Correlation, String> {
        let text = format!("title: test\ncorrelation: {{group-by: [user], {members}}}\n");
        let parsed = rsigma_parser::parse_sigma_yaml(&text).unwrap();
        let rule = &parsed.correlations[0];
        Correlation::of(rule, rule.rules.iter().map(|name| format!("id-{name}")).collect())
    }

    /// Matches as (second, rule, value), one event each. Returns the seconds at which a match completes the correlation.
    fn completed_at(members: &str, matches: &[(i64, usize, &str)]) -> Vec<i64> {
        let correlation = read(members).unwrap();
        let mut windows = Windows::new(&correlation);
        let mut completed = Vec::new();
        for (row, (second, rule, value)) in (0..).zip(matches) {
            let value = (!value.is_empty()).then(|| (*value).to_owned());
            if windows.add(Match { row, time_us: second * SECOND_US, rule: *rule, value }) {
                completed.push(*second);
            }
        }
        completed
    }

    #[test]
    fn event_count_includes_the_match_exactly_one_timespan_ago() {
        let three = "type: event_count, rules: [a], timespan: 10s, condition: {gte: 3}";
        assert_eq!(completed_at(three, &[(0, 0, ""), (5, 0, ""), (10, 0, "")]), [10]);
        assert_eq!(completed_at(three, &[(0, 0, ""), (5, 0, ""), (11, 0, "")]), [0; 0]);
        assert_eq!(completed_at(three, &[(0, 0, ""), (0, 0, ""), (0, 0, ""), (0, 0, "")]), [0, 0]);
    }

    #[test]
    fn range_and_lower_limits_hold_within_their_bounds_only() {
        let seconds: Vec<_> = (0..6).map(|second| (second, 0, "")).collect();
        let with = |condition| {
            completed_at(&format!("type: event_count, rules: [a], timespan: 1h, condition: {{{condition}}}"), &seconds)
        };
        assert_eq!(with("gt: 2, lte: 4"), [2, 3]);
        assert_eq!(with("lt: 3"), [0, 1]);
        assert_eq!(with("eq: 4"), [3]);
        assert_eq!(with("neq: 4"), [0, 1, 2, 4, 5]);
    }

    #[test]
    fn an_event_that_two_rules_match_counts_once() {
        let correlation = read("type: event_count, rules: [a, b], timespan: 10s, condition: {gte: 2}").unwrap();
        let mut windows = Windows::new(&correlation);
        let mut add = |row, rule| windows.add(Match { row, time_us: 0, rule, value: None });
        assert_eq!([add(1, 0), add(1, 1), add(2, 0), add(2, 1)], [false, false, true, true]);
        windows.end_group();
        let expected = [(1, true, false), (1, true, false), (2, true, true), (2, true, true)];
        assert_eq!(windows.take_done(), expected);
    }

    #[test]
    fn value_count_counts_different_values_and_ignores_null() {
        let two = "type: value_count, rules: [a], timespan: 10s, condition: {field: x, gte: 2}";
        let matches = [(0, 0, "p"), (1, 0, "p"), (2, 0, ""), (9, 0, "q"), (10, 0, ""), (12, 0, "q"), (13, 0, "p")];
        assert_eq!(completed_at(two, &matches), [9, 13]);
    }

    #[test]
    fn sum_average_median_and_percentile_ignore_text_that_is_not_a_number() {
        let matches = [(0, 0, "10"), (1, 0, "inf"), (2, 0, "many"), (3, 0, " 20 "), (4, 0, ""), (5, 0, "60.5")];
        let with = |kind, condition| {
            let members = format!("type: {kind}, rules: [a], timespan: 1m, condition: {{field: x, {condition}}}");
            completed_at(&members, &matches)
        };
        assert_eq!(with("value_sum", "gt: 90"), [5]);
        assert_eq!(with("value_avg", "eq: 15"), [3]);
        assert_eq!(with("value_median", "gte: 15, lte: 20"), [3, 5]);
        assert_eq!(with("value_percentile", "percentile: 75, gt: 40"), [5]);
        assert_eq!(with("value_percentile", "percentile: 0, lte: 10"), [0, 3, 5]);
        assert_eq!(with("value_percentile", "percentile: 100, gt: 60"), [5]);
    }

    #[test]
    fn a_large_number_that_leaves_the_window_leaves_no_rounding_error() {
        let sum = "type: value_sum, rules: [a], timespan: 10s, condition: {field: x, eq: 3}";
        assert_eq!(completed_at(sum, &[(0, 0, "1e300"), (5, 0, "1"), (11, 0, "2")]), [11]);
    }

    #[test]
    fn temporal_without_a_condition_needs_every_rule() {
        let both = "type: temporal, rules: [a, b], timespan: 10s";
        assert_eq!(completed_at(both, &[(0, 1, ""), (10, 0, ""), (11, 0, ""), (12, 1, "")]), [10, 12]);
        let two_of_three = "type: temporal, rules: [a, b, c], timespan: 10s, condition: {gte: 2}";
        assert_eq!(completed_at(two_of_three, &[(0, 2, ""), (1, 2, ""), (2, 0, "")]), [2]);
    }

    #[test]
    fn temporal_ordered_needs_the_order_of_the_rules() {
        let ordered = "type: temporal_ordered, rules: [a, b, c], timespan: 10s";
        assert_eq!(completed_at(ordered, &[(0, 0, ""), (1, 1, ""), (10, 2, ""), (11, 2, "")]), [10]);
        assert_eq!(completed_at(ordered, &[(0, 0, ""), (1, 2, ""), (2, 1, "")]), [0; 0]);
        assert_eq!(completed_at(ordered, &[(0, 0, ""), (5, 0, ""), (6, 1, ""), (12, 2, "")]), [12]);
        let two_of_three = "type: temporal_ordered, rules: [a, b, c], timespan: 10s, condition: {gte: 2}";
        assert_eq!(completed_at(two_of_three, &[(0, 1, ""), (1, 0, ""), (2, 2, "")]), [2]);
    }

    #[test]
    fn matches_of_the_same_second_are_in_order_whichever_comes_first() {
        let ordered = "type: temporal_ordered, rules: [a, b, c], timespan: 10s";
        assert_eq!(completed_at(ordered, &[(3, 2, ""), (3, 1, ""), (3, 0, "")]), [3]);
        assert_eq!(completed_at(ordered, &[(0, 0, ""), (3, 2, ""), (3, 1, "")]), [3]);
        assert_eq!(completed_at(ordered, &[(3, 2, ""), (3, 1, ""), (4, 0, "")]), [0; 0]);
    }

    #[test]
    fn condition_in_words_is_evaluated_on_the_rules_within_the_window() {
        let with = |condition, matches: &[usize]| {
            let members = format!("type: temporal, rules: [a_1, a_2, b], timespan: 1m, condition: {condition}");
            let matches: Vec<_> = (0..).zip(matches).map(|(second, rule)| (second, *rule, "")).collect();
            completed_at(&members, &matches)
        };
        assert_eq!(with("a_1 and (a_2 or b)", &[0, 0, 2]), [2]);
        assert_eq!(with("a_1 and not b", &[0, 1, 2]), [0, 1]);
        assert_eq!(with("1 of a_*", &[2, 1]), [1]);
        assert_eq!(with("all of a_*", &[0, 2, 1]), [2]);
        assert_eq!(with("2 of them", &[0, 0, 2]), [2]);
        assert_eq!(with("all of them", &[0, 1, 2]), [2]);
        assert_eq!(with("id-b", &[0, 1, 2]), [2]);
        let ordered = "type: temporal_ordered, rules: [a, b, c], timespan: 1m, condition: c and a";
        assert_eq!(completed_at(ordered, &[(0, 2, ""), (1, 0, ""), (2, 1, ""), (3, 2, "")]), [3]);
    }

    #[test]
    fn every_match_of_a_fulfilled_window_is_evidence() {
        let correlation = read("type: value_count, rules: [a], timespan: 10s, condition: {field: x, gte: 2}").unwrap();
        let mut windows = Windows::new(&correlation);
        let matches = [(0, "p"), (5, "p"), (8, ""), (12, "q"), (40, "p")];
        for (row, (second, value)) in (0..).zip(matches) {
            let value = (!value.is_empty()).then(|| value.to_owned());
            windows.add(Match { row, time_us: second * SECOND_US, rule: 0, value });
        }
        let expected = [(0, false, false), (1, true, false), (2, false, false), (3, true, true)];
        assert_eq!(windows.take_done(), expected);
        windows.end_group();
        assert_eq!(windows.take_done(), [(4, false, false)]);
        assert!(!windows.add(Match { row: 5, time_us: 40 * SECOND_US, rule: 0, value: Some("q".to_owned()) }));
    }

    #[test]
    fn invalid_correlations_have_a_reason() {
        let reason = |members: &str| read(members).unwrap_err();
        let numeric = "value_sum needs one `field` in its condition, but has 2";
        let percentile = "value_percentile needs `percentile` in its condition: a whole number from 0 to 100";
        for (members, expected) in [
            (
                "type: event_count, timespan: 1m, condition: {gte: 1}",
                "no rules: list the rules to correlate in `rules`",
            ),
            ("type: temporal, rules: [a], timespan: 0s", "invalid timespan `0s`: expected more than zero"),
            (
                "type: value_count, rules: [a], timespan: 1m, condition: {gte: 1}",
                "value_count needs `field` in its condition",
            ),
            ("type: value_sum, rules: [a], timespan: 1m, condition: {gte: 1, field: [x, y]}", numeric),
            (
                "type: value_percentile, rules: [a], timespan: 1m, condition: {gte: 1, field: x, percentile: 101}",
                percentile,
            ),
            ("type: value_percentile, rules: [a], timespan: 1m, condition: {gte: 1, field: x}", percentile),
            (
                "type: temporal, rules: [a], timespan: 1m, window: tumbling",
                "window `tumbling` is not in the Sigma specification",
            ),
            (
                "type: temporal, rules: [a], timespan: 1m, condition: a and b",
                "the condition names `b`, which is not in `rules`",
            ),
            (
                "type: temporal, rules: [a], timespan: 1m, condition: 1 of b*",
                "the condition names `b*`, which is not in `rules`",
            ),
            (
                "type: temporal_ordered, rules: [a, b], timespan: 1m, condition: a or b",
                "temporal_ordered supports only `and` in its condition",
            ),
            (
                "type: event_count, rules: [a], timespan: 1m, condition: a",
                "event_count needs a number in its condition, such as `gte: 10`",
            ),
            (
                "type: event_count, rules: [a], timespan: 1m, condition: {gte: -1}",
                "negative or too large number in the condition: expected 0 to 2^63",
            ),
        ] {
            assert_eq!(reason(members), expected, "{members}");
        }
    }

    /// Marsaglia's xorshift generator.
    struct Random(u64);

    impl Random {
        fn below(&mut self, limit: u64) -> u64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            self.0 % limit
        }

        /// Matches of rules 0 to 2, some at the same time, some of the same event, some without a number.
        fn matches(&mut self, count: u64) -> Vec<Match> {
            let (mut row, mut time_us) = (0, 0);
            let mut matches = Vec::new();
            for _ in 0..count {
                if self.below(4) > 0 {
                    row += 1;
                    time_us += self.below(3) as i64 * SECOND_US;
                }
                let value = match self.below(8) {
                    0 => None,
                    1 => Some("text".to_owned()),
                    _ => Some((self.below(9) as i64 - 2).to_string()),
                };
                matches.push(Match { row, time_us, rule: self.below(3) as usize, value });
            }
            matches
        }
    }

    /// The measure of a window by its definition.
    fn naive_measure(kind: &Kind, window: &[Match]) -> Option<f64> {
        let mut events = HashSet::new();
        let mut numbers: Vec<f64> = Vec::new();
        for one in window {
            if let Some(number) = one.value.as_deref().and_then(number)
                && events.insert(one.row)
            {
                numbers.push(number);
            }
        }
        numbers.sort_by(f64::total_cmp);
        let distinct = |count: usize| Some(count as f64);
        match kind {
            Kind::EventCount => distinct(window.iter().map(|one| one.row).collect::<HashSet<_>>().len()),
            Kind::ValueCount => {
                distinct(window.iter().filter_map(|one| one.value.as_ref()).collect::<HashSet<_>>().len())
            }
            Kind::Temporal => distinct(window.iter().map(|one| one.rule).collect::<HashSet<_>>().len()),
            Kind::TemporalOrdered(_) => {
                let mut in_order: Vec<_> = window.iter().map(|one| (one.time_us, one.rule)).collect();
                in_order.sort_unstable();
                let mut longest = [0; 3];
                for (_, rule) in in_order {
                    longest[rule] = longest[..rule].iter().max().unwrap_or(&0) + 1;
                }
                longest.iter().max().map(|length| f64::from(*length))
            }
            _ if numbers.is_empty() => None,
            Kind::ValueSum => Some(numbers.iter().sum()),
            Kind::ValueAvg => Some(numbers.iter().sum::<f64>() / numbers.len() as f64),
            Kind::ValuePercentile(percentile) => {
                let position = *percentile as f64 / 100.0 * (numbers.len() - 1) as f64;
                let (below, above) = (numbers[position.floor() as usize], numbers[position.ceil() as usize]);
                Some(below + (above - below) * position.fract())
            }
        }
    }

    /// Correlations of every kind over three rules.
    fn every_kind(timespan: &str) -> Vec<Correlation> {
        let kinds = [
            ("event_count", "gte: 4"),
            ("event_count", "gt: 2, lte: 5"),
            ("value_count", "field: x, eq: 3"),
            ("value_sum", "field: x, gt: 9"),
            ("value_avg", "field: x, lt: 3"),
            ("value_median", "field: x, lte: 2"),
            ("value_percentile", "field: x, percentile: 90, gte: 5"),
            ("value_percentile", "field: x, percentile: 33, neq: 1"),
            ("temporal", "gte: 3"),
            ("temporal_ordered", "gte: 3"),
            ("temporal_ordered", "gte: 2"),
        ];
        let read = |(kind, condition)| {
            read(&format!("type: {kind}, rules: [a, b, c], timespan: {timespan}, condition: {{{condition}}}")).unwrap()
        };
        kinds.into_iter().map(read).collect()
    }

    fn assert_measure(windows: &Windows<'_>, window: &[Match]) {
        let kind = &windows.correlation.kind;
        let actual = windows.state.measure(window[0].time_us);
        let expected = naive_measure(kind, window);
        let is_close = actual.zip(expected).is_some_and(|(actual, expected)| (actual - expected).abs() < 1e-6);
        assert!(is_close || actual == expected, "{kind:?}: {actual:?}, expected {expected:?}: {window:?}");
    }

    #[test]
    fn small_random_groups_give_the_naive_answers() {
        let mut random = Random(0x2545_F491_4F6C_DD1D);
        for correlation in every_kind("4s") {
            let mut windows = Windows::new(&correlation);
            for _ in 0..40 {
                let matches = random.matches(60);
                let mut expected: Vec<_> = matches.iter().map(|one| (one.row, false, false)).collect();
                for last in 0..matches.len() {
                    let oldest_us = matches[last].time_us - correlation.timespan_us();
                    let first = matches.iter().position(|one| one.time_us >= oldest_us).unwrap();
                    expected[last].2 = windows.add(matches[last].clone());
                    assert_measure(&windows, &matches[first..=last]);
                    let counts = |one: &Match| match correlation.kind {
                        Kind::ValueCount => one.value.is_some(),
                        _ => !correlation.kind.has_values() || one.value.as_deref().and_then(number).is_some(),
                    };
                    let holds = windows.state.fulfils(&correlation.condition, oldest_us);
                    assert_eq!(expected[last].2, holds && counts(&matches[last]));
                    if expected[last].2 {
                        (first..=last).for_each(|part| expected[part].1 |= counts(&matches[part]));
                    }
                }
                windows.end_group();
                assert_eq!(windows.take_done(), expected, "{:?}", correlation.kind);
            }
        }
    }

    #[test]
    fn one_window_with_200_000_matches_takes_no_rescans() {
        let matches = Random(0x9E37_79B9_7F4A_7C15).matches(200_000);
        for correlation in every_kind("365d") {
            let mut windows = Windows::new(&correlation);
            for (last, next) in matches.iter().enumerate() {
                windows.add(next.clone());
                if last % 66_666 == 0 {
                    assert_measure(&windows, &matches[..=last]);
                }
            }
            windows.end_group();
            assert_eq!(windows.take_done().len(), matches.len());
        }
    }
}
