//! The page about an identity, a key or an address: one section per file in `sql/entity`.

use std::net::IpAddr;

use include_dir::{Dir, include_dir};
use serde_json::Value;

use super::Question;
use super::answer::columns_of;
use crate::detect::{Window, rows};
use crate::engine::Session;
use crate::error::{Error, Result};
use crate::terminal::Column;

static SECTIONS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/sql/entity");

/// The kind of an entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An identity, by ARN or service name.
    Actor,
    /// An access key.
    AccessKey,
    /// An address.
    Address,
}

impl Kind {
    /// The kind of a typed entity.
    pub fn of(entity: &str) -> Kind {
        // https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
        let is_key = (entity.starts_with("AKIA") || entity.starts_with("ASIA"))
            && entity.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
        match (is_key, entity.parse::<IpAddr>()) {
            (true, _) => Kind::AccessKey,
            (false, Ok(_)) => Kind::Address,
            (false, Err(_)) => Kind::Actor,
        }
    }

    /// The noun in texts.
    pub fn noun(self) -> &'static str {
        match self {
            Kind::Actor => "identity",
            Kind::AccessKey => "access key",
            Kind::Address => "address",
        }
    }

    /// The name in findings.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Actor => "actor",
            Kind::AccessKey => "access_key",
            Kind::Address => "ip",
        }
    }
}

/// A section of the page: a table of values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Section {
    /// Headline.
    pub title: String,
    /// Columns.
    pub columns: Vec<Column>,
    /// The values of each row, in the order of the columns.
    pub rows: Vec<Vec<Value>>,
}

/// All sections, in the order of the file names.
///
/// # Errors
/// When a section's query fails.
pub async fn sections(entity: &str, session: &Session, window: Window) -> Result<Vec<Section>> {
    let mut files: Vec<_> = SECTIONS.files().collect();
    files.sort_by_key(|file| file.path());
    let mut sections = Vec::new();
    for file in files {
        let name = file.path().display().to_string();
        let question = Question::parse(&name, file.contents_utf8().unwrap_or_default())?;
        let parameters = question.parameters(&[("entity".to_owned(), entity.to_owned())], Some(window))?;
        let query = session.query_parsed(&name, &question.sql, &parameters).await?;
        let columns = columns_of(&query.schema());
        let rows = rows(&query.collect().await?).map_err(|e| Error::query(&*name, e))?;
        let values = |mut row: serde_json::Map<String, Value>| {
            columns.iter().map(|column| row.remove(&column.name).unwrap_or_default()).collect()
        };
        let rows = rows.into_iter().map(values).collect();
        sections.push(Section { title: question.title, columns, rows });
    }
    Ok(sections)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_is_recognised_from_the_text() {
        assert_eq!(Kind::of("AKIAIOSFODNN7EXAMPLE"), Kind::AccessKey);
        assert_eq!(Kind::of("198.51.100.7"), Kind::Address);
        assert_eq!(Kind::of("2001:db8::1"), Kind::Address);
        assert_eq!(Kind::of("arn:aws:iam::111122223333:user/maria"), Kind::Actor);
        assert_eq!(Kind::of("AKIA/maria"), Kind::Actor);
    }
}
