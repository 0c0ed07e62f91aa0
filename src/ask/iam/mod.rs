//! Least privilege: the IAM policy that covers what an identity did, and what a policy grants that it never did.
//!
//! `usage` reads the calls, `event_actions` names the IAM actions of a call, `catalogue` knows the actions that exist and
//! the resources they support.

mod catalogue;
mod event_actions;
mod policy;
mod unused;
mod usage;

pub use policy::PolicyOfUse;
pub use unused::{GrantedPolicy, Unused};
pub use usage::{Usage, usage};
