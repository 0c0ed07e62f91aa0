//! The contract: the columns that every detector returns.

use arrow::datatypes::{DataType, Schema};

/// Columns of every detector, with their types. Other columns become the finding's details.
pub const CONTRACT: &[(&str, &str)] = &[
    ("first_time", "timestamp"),
    ("last_time", "timestamp"),
    ("entity_type", "text"),
    ("entity", "text"),
    ("account_id", "text"),
    ("region", "text"),
    ("score", "number"),
    ("summary", "text"),
    ("evidence", "list"),
];

/// Checks a detector's columns against the contract.
///
/// # Errors
/// The first column that is missing or has another type, and what is wrong with it.
pub fn check_contract(schema: &Schema) -> Result<(), (&'static str, String)> {
    for (name, kind) in CONTRACT {
        let Ok(field) = schema.field_with_name(name) else {
            let names: Vec<_> = CONTRACT.iter().map(|(name, _)| *name).collect();
            return Err((name, format!("no column {name}; a detector returns {}", names.join(", "))));
        };
        let fits = match *kind {
            "timestamp" => matches!(field.data_type(), DataType::Timestamp(..)),
            "text" => {
                matches!(field.data_type(), DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 | DataType::Null)
            }
            "number" => field.data_type().is_numeric(),
            _ => matches!(field.data_type(), DataType::List(_)),
        };
        if !fits {
            return Err((name, format!("column {name} is {}, expected a {kind}", field.data_type())));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::Field;

    use super::*;

    #[test]
    fn a_missing_or_mistyped_column_is_named() {
        let schema = Schema::new(vec![Field::new("first_time", DataType::Utf8, true)]);
        assert_eq!(check_contract(&schema).unwrap_err().1, "column first_time is Utf8, expected a timestamp");
        let missing = check_contract(&Schema::empty()).unwrap_err().1;
        assert!(missing.starts_with("no column first_time; a detector returns first_time, last_time,"), "{missing}");
    }
}
