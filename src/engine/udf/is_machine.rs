//! `is_machine(actor)`: whether the identity is a role that workloads assume.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray};
use arrow::datatypes::DataType;

use super::function::{Argument, Function, texts};

/// True for a role; a person who assumes a role is an actor of their own, `...:assumed-role/ROLE/PERSON`.
pub fn is_machine(actor: &str) -> bool {
    actor.contains(":role/")
}

/// Declaration.
pub fn function() -> Function {
    Function::new(
        "is_machine",
        "True when the actor is a role that workloads assume. False for users and for people who assume a role, because each person is an actor.",
        &[Argument::Text("actor")],
        DataType::Boolean,
        &[
            ("is_machine('arn:aws:iam::111122223333:role/build')", "true"),
            ("is_machine('arn:aws:sts::111122223333:assumed-role/on_call/anna')", "false"),
            ("is_machine('arn:aws:iam::111122223333:user/anna')", "false"),
        ],
        |args, _| {
            let machines = texts(&args[0]).iter().map(|actor| actor.map(is_machine));
            Ok(Arc::new(machines.collect::<BooleanArray>()) as ArrayRef)
        },
    )
}
