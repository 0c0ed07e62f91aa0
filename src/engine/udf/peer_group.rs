//! `peer_group(actor)`: identities with similar work.

use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray};
use arrow::datatypes::DataType;

use super::function::{Argument, Function, texts};

/// Hexadecimal digits that Identity Center appends to the name of a permission set; they differ by account.
const SUFFIX_DIGITS: usize = 16;

/// The name of the role that a person assumes, in any account; any other identity is its own group.
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
        "The group of identities with similar work: for a person, the name of the assumed role or of the Identity Center permission set (without the suffix that differs by account). A user, a role or a service is its own group.",
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
