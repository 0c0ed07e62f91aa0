//! The archive on disk: records, log objects in CloudTrail's folders, and the other objects found beside them.

pub(crate) mod objects;
pub(crate) mod other_objects;
pub(crate) mod record;
