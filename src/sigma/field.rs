//! Fields of Sigma rules as SQL: members of a CloudTrail record, by their path.

use crate::schema::{Column, EVENTS, Kind, Origin};
use crate::wording::nearest;

/// Where values are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Values {
    /// SQL of one text.
    One(String),
    /// SQL of a list of texts.
    Many(String),
}

impl Values {
    /// The SQL.
    pub fn sql(&self) -> &str {
        match self {
            Values::One(sql) | Values::Many(sql) => sql,
        }
    }

    /// SQL of one text, for grouping: the only value of a list, or all of them in order.
    pub fn as_text(&self) -> String {
        match self {
            Values::One(sql) => sql.clone(),
            Values::Many(sql) => format!("array_to_string({sql}, ',')"),
        }
    }
}

/// A field. A member with an object is its JSON text, and also every value in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// The field itself.
    pub own: Values,
    /// Other places where a value that is looked for may be.
    pub inner: Vec<Values>,
}

impl Field {
    /// SQL of one text, for grouping.
    pub fn as_text(&self) -> String {
        self.own.as_text()
    }
}

impl From<Values> for Field {
    fn from(own: Values) -> Field {
        Field { own, inner: Vec::new() }
    }
}

/// Members that CloudTrail documents and that have no column.
const IN_EXTRA: &[&str] = &["annotation", "metadata"];

/// A field by its name, such as `eventName` or `requestParameters.ipPermissions.items.toPort`.
///
/// # Errors
/// What is wrong with the name: it is not a member of CloudTrail's records.
pub fn of(field: &str) -> Result<Field, String> {
    let (member, path) = field.split_once('.').map_or((field, None), |(member, path)| (member, Some(path)));
    if member.contains(['[', ']']) || path.is_some_and(|path| path.contains(['[', ']'])) {
        return Err(format!("field {field}: selecting elements of an array with [] is not in the Sigma specification"));
    }
    let of_record = |column: &&Column| column.from == Origin::Record(member_name(column));
    let column = EVENTS.iter().filter(of_record).find(|column| member_name(column) == member);
    match (column, path) {
        (Some(column), None) if column.kind == Kind::Json => {
            Ok(Field { own: whole(column), inner: vec![every_inner_value(column.name)] })
        }
        (Some(column), None) => Ok(whole(column).into()),
        (Some(column), Some(path)) if column.kind == Kind::Json => Ok(inside(column, path).into()),
        (Some(column), Some(path)) => {
            Err(format!("field {field}: {} is a text and has no member {path}", member_name(column)))
        }
        // Text members that are not in the schema are kept under their own names.
        (None, _) if IN_EXTRA.contains(&member) => Ok(Values::Many(json_values("extra", field)).into()),
        (None, _) => Err(unknown(field, member)),
    }
}

/// All values of a record, as one field.
pub fn every_value() -> Field {
    let of_record = EVENTS.iter().filter(|column| matches!(column.from, Origin::Record(_)));
    let of_column = |column: &Column| match column.kind {
        Kind::Json => every_inner_value(column.name),
        _ => whole(column),
    };
    Field { own: every_inner_value("extra"), inner: of_record.map(of_column).collect() }
}

/// Every value in a column of JSON, at any depth.
fn every_inner_value(column: &str) -> Values {
    Values::Many(json_values(column, ""))
}

/// A text in SQL.
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn member_name(column: &Column) -> &'static str {
    match column.from {
        Origin::Record(member) => member,
        Origin::Identity(_) | Origin::Derived => "",
    }
}

/// The value of a column as text.
fn whole(column: &Column) -> Values {
    let name = column.name;
    Values::One(match column.kind {
        Kind::Text | Kind::Json => name.to_owned(),
        Kind::Time => format!("to_char({name}, '%Y-%m-%dT%H:%M:%SZ')"),
        Kind::Bool | Kind::Integer | Kind::Day => format!("CAST({name} AS VARCHAR)"),
    })
}

/// The values at a path of a column of JSON. A text of `userIdentity` may have a column of its own.
fn inside(column: &Column, path: &str) -> Values {
    let of_identity = |of: &&Column| matches!(of.from, Origin::Identity(names) if names.join(".") == path);
    let own = EVENTS.iter().filter(|_| column.name == "user_identity").find(of_identity);
    match own.filter(|own| own.kind == Kind::Text) {
        Some(own) => Values::One(own.name.to_owned()),
        None => Values::Many(json_values(column.name, path)),
    }
}

fn json_values(column: &str, path: &str) -> String {
    format!("json_values({column}, {})", quoted(path))
}

fn unknown(field: &str, member: &str) -> String {
    let members = EVENTS.iter().map(member_name).filter(|name| !name.is_empty());
    let hint = nearest(member, members).map(|near| format!("did you mean {near}? ")).unwrap_or_default();
    format!("field {field} is not a member of CloudTrail's records; {hint}--sigma-pipeline renames fields")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_columns_or_paths_of_json() {
        let sql = |field: &str| of(field).map(|field| field.own.sql().to_owned());
        assert_eq!(sql("eventName").unwrap(), "event_name");
        assert_eq!(sql("userIdentity.type").unwrap(), "user_identity_type");
        assert_eq!(sql("readOnly").unwrap(), "CAST(read_only AS VARCHAR)");
        assert_eq!(sql("requestParameters").unwrap(), "request_parameters");
        let mfa = "userIdentity.sessionContext.attributes.mfaAuthenticated";
        let json = "json_values(user_identity, 'sessionContext.attributes.mfaAuthenticated')";
        assert_eq!(sql(mfa).unwrap(), json);
        assert_eq!(sql("requestParameters.it's").unwrap(), "json_values(request_parameters, 'it''s')");
        assert_eq!(sql("annotation").unwrap(), "json_values(extra, 'annotation')");
    }

    #[test]
    fn an_unknown_field_is_an_error_that_names_a_similar_one() {
        let error = |field: &str| of(field).unwrap_err();
        assert!(error("EventName").contains("did you mean eventName?"), "{}", error("EventName"));
        assert!(error("src_ip").ends_with("--sigma-pipeline renames fields"));
        assert!(error("eventName.x").contains("eventName is a text"));
        assert!(error("resources[0].ARN").contains("not in the Sigma specification"));
    }

    #[test]
    fn every_value_covers_every_member() {
        let every = every_value();
        assert_eq!(every.inner.len() + 1, EVENTS.iter().filter(|c| matches!(c.from, Origin::Record(_))).count() + 1);
    }
}
