//! `peer_group(actor)`: whose daily work is like this identity's.

use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray};
use arrow::datatypes::DataType;

use super::function::{Argument, Function, texts};

/// Hexadecimal digits that Identity Center puts behind a permission set's name, of an account each.
const SUFFIX_DIGITS: usize = 16;

/// The role that a person wears, whichever account it is in; any other identity is its own group.
pub fn peer_group(actor: &str) -> &str {
    let Some((_, session)) = actor.split_once(":assumed-role/") else { return actor };
    let role = session.split('/').next().unwrap_or(session);
    match role.rsplit_once('_') {
        Some((set, suffix))
            if set.starts_with("AWSReservedSSO_")
                && suffix.len() == SUFFIX_DIGITS
                && suffix.bytes().all(|byte| byte.is_ascii_hexdigit()) =>
        {
            set
        }
        _ => role,
    }
}

/// Declaration.
pub fn function() -> Function {
    Function::new(
        "peer_group",
        "The peers of an actor, whose work is like its own: people who wear one role share its name, and those of one Identity Center permission set its name without the suffix that differs by account. A user, a role or a service is its own group.",
        &[Argument::Text("actor")],
        DataType::Utf8,
        &[
            (
                "peer_group('arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Data_09ac413027b43853/anna')",
                "AWSReservedSSO_Data",
            ),
            ("peer_group('arn:aws:sts::111122223333:assumed-role/on_call/anna@example.org')", "on_call"),
            ("peer_group('arn:aws:iam::111122223333:user/anna')", "arn:aws:iam::111122223333:user/anna"),
        ],
        |args, _| {
            let groups = texts(&args[0]).iter().map(|actor| actor.map(peer_group));
            Ok(Arc::new(groups.collect::<StringArray>()) as ArrayRef)
        },
    )
}
