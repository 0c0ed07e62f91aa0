//! `any_like`, `any_in`, `any_regexp`, `any_in_cidr`, `any_number`: whether a value of a list fulfils a condition.
//!
//! The conditions are those of SQL, computed by the same kernels; the list is flattened for them.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, ListArray, StringArray};
use arrow::compute::kernels::regexp::regexp_is_match_scalar;
use arrow::datatypes::DataType;
use datafusion::common::{Result, exec_err};
use ipnet::IpNet;

use super::function::{Argument, Function, floats, texts};

/// Whether the condition is true for one of the values of each list; null for a null list. Without rows, there are no
/// arguments to make a condition of.
fn any(list: &ListArray, of_value: impl FnOnce(&StringArray) -> Result<BooleanArray>) -> Result<ArrayRef> {
    if list.is_empty() {
        return Ok(Arc::new(BooleanArray::new_null(0)));
    }
    let is_true = of_value(list.values().as_string())?;
    let row = |row: usize| {
        let offsets = list.value_offsets();
        let mut values = offsets[row] as usize..offsets[row + 1] as usize;
        list.is_valid(row).then(|| values.any(|at| is_true.is_valid(at) && is_true.value(at)))
    };
    Ok(Arc::new((0..list.len()).map(row).collect::<BooleanArray>()))
}

/// Applies a test to each value.
fn each(values: &StringArray, test: impl Fn(&str) -> bool) -> BooleanArray {
    values.iter().map(|value| value.map(&test)).collect()
}

/// An argument that is the same in all rows.
fn constant<'a>(function: &str, array: &'a ArrayRef) -> Result<&'a str> {
    match texts(array).iter().next().flatten() {
        Some(text) => Ok(text),
        None => exec_err!("{function}: the second argument must be a text"),
    }
}

/// Declaration of `any_like`.
pub fn like() -> Function {
    Function::new(
        "any_like",
        "True when a text of the list is LIKE the pattern; null for a null list. The pattern is the same in all rows.",
        &[Argument::Texts("values"), Argument::Text("pattern")],
        DataType::Boolean,
        &[("any_like(make_array('ab', 'c'), 'a%')", "true"), ("any_like(make_array('ab', 'c'), 'b%')", "false")],
        |args, _| {
            any(args[0].as_list(), |values| {
                let pattern = StringArray::new_scalar(constant("any_like", &args[1])?);
                Ok(arrow::compute::like(values, &pattern)?)
            })
        },
    )
}

/// Declaration of `any_in`.
pub fn is_in() -> Function {
    Function::new(
        "any_in",
        "True when a text of the list is one of the wanted ones; null for a null list. The wanted ones are the same in all rows.",
        &[Argument::Texts("values"), Argument::Texts("wanted")],
        DataType::Boolean,
        &[("any_in(make_array('a', 'b'), make_array('b', 'c'))", "true")],
        |args, _| {
            any(args[0].as_list(), |values| {
                let wanted = args[1].as_list::<i32>().value(0);
                let wanted: HashSet<&str> = texts(&wanted).iter().flatten().collect();
                Ok(each(values, |value| wanted.contains(value)))
            })
        },
    )
}

/// Declaration of `any_regexp`.
pub fn regexp() -> Function {
    Function::new(
        "any_regexp",
        "True when a text of the list contains a match of the regular expression; null for a null list. Flags such as (?i) are \
         part of the expression, which is the same in all rows.",
        &[Argument::Texts("values"), Argument::Text("expression")],
        DataType::Boolean,
        &[("any_regexp(make_array('ab', 'c'), '^a.$')", "true")],
        |args, _| {
            any(args[0].as_list(), |values| {
                Ok(regexp_is_match_scalar(values, constant("any_regexp", &args[1])?, None)?)
            })
        },
    )
}

/// Declaration of `any_in_cidr`.
pub fn in_cidr() -> Function {
    Function::new(
        "any_in_cidr",
        "True when a text of the list is an address in the network, IPv4 or IPv6; null for a null list.",
        &[Argument::Texts("values"), Argument::Text("network")],
        DataType::Boolean,
        &[("any_in_cidr(make_array('10.1.2.3', 'x'), '10.0.0.0/8')", "true")],
        |args, _| {
            any(args[0].as_list(), |values| {
                let network = constant("any_in_cidr", &args[1])?;
                let Ok(network) = network.parse::<IpNet>() else { return exec_err!("invalid network {network}") };
                let is_inside = |value: &str| value.parse::<IpAddr>().is_ok_and(|address| network.contains(&address));
                Ok(each(values, is_inside))
            })
        },
    )
}

/// Declaration of `any_number`.
pub fn number() -> Function {
    Function::new(
        "any_number",
        "True when a text of the list is a number that is =, <, <=, > or >= the other; null for a null list.",
        &[Argument::Texts("values"), Argument::Text("operator"), Argument::Float("number")],
        DataType::Boolean,
        &[("any_number(make_array('x', '22'), '<=', 22)", "true")],
        |args, _| {
            any(args[0].as_list(), |values| {
                let (operator, number) = (constant("any_number", &args[1])?, floats(&args[2]).value(0));
                let compare: fn(&f64, &f64) -> bool = match operator {
                    "=" => f64::eq,
                    "<" => f64::lt,
                    "<=" => f64::le,
                    ">" => f64::gt,
                    ">=" => f64::ge,
                    other => return exec_err!("any_number: unknown operator {other}; expected =, <, <=, > or >="),
                };
                let holds = |value: &str| value.parse::<f64>().is_ok_and(|value| compare(&value, &number));
                Ok(each(values, holds))
            })
        },
    )
}
