//! What CloudTrail knows: API calls with their parameters, and the identities that make them.

pub(crate) mod calls;
pub(crate) mod identity;
pub(crate) mod template;
