//! Which AWS services a query names: itself, in the views it reads, and through API lists.

use super::sql::Sql;
use super::udf::service_in_list;
use crate::lake::views;

/// True when `text`, parsed as `sql`, contains `service` as a text, or reads a view or an API list that does.
pub fn names_service(text: &str, sql: &Sql, service: &str) -> bool {
    let quoted = format!("'{service}'");
    let by_list = |text: &str| service_in_list(text, service);
    let by_view = || views().into_iter().any(|(view, body)| sql.reads(view) && body.contains(&quoted));
    text.contains(&quoted) || by_list(text) || by_view()
}
