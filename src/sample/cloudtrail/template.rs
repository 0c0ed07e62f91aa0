//! JSON templates with placeholders: `$bucket`, `$region`, `$hex17`.
//!
//! Input: the text of a template. Output: its pieces, which `archive::record` fills in. Never random.

/// Splits a template at its placeholders. An unknown `$name` (`$LATEST`) stays text; `$regiona` is a placeholder and
/// the letter `a`, as in the name of an availability zone.
pub(crate) fn parse(template: &'static str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = template;
    let mut searched = 0;
    while let Some(found) = rest[searched..].find('$').map(|offset| searched + offset) {
        let name = &rest[found + 1..];
        let longest = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(name.len());
        let slot = (1..=longest).rev().find_map(|length| Some((length, Slot::named(&name[..length])?)));
        let Some((length, slot)) = slot else {
            searched = found + 1;
            continue;
        };
        if found > 0 {
            pieces.push(Piece::Text(&rest[..found]));
        }
        pieces.push(Piece::Slot(&name[..length], slot));
        rest = &name[length..];
        searched = 0;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest));
    }
    pieces
}

/// A piece of a template.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Text, copied as it is.
    Text(&'static str),
    /// A placeholder, with its name as written.
    Slot(&'static str, Slot),
}

/// A placeholder, written as `$name` in a template. A number at the end (`$hex17`) is the length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    Hex(usize),
    Upper(usize),
    /// The id of the created resource: seventeen hex digits, the same throughout a record.
    New,
    Uuid,
    Base64,
    Account,
    Region,
    Me,
    Session,
    SessionKey,
    Mfa,
    Saml,
    External,
    Credential,
    Directory,
    Bucket,
    Key,
    Prefix,
    Table,
    Function,
    Role,
    NewRole,
    Trust,
    RoleId,
    Policy,
    PolicyArn,
    User,
    GroupName,
    Secret,
    Parameter,
    Queue,
    Topic,
    LogGroup,
    Instance,
    InstanceType,
    PrivateIp,
    Volume,
    Snapshot,
    Image,
    Group,
    Subnet,
    Vpc,
    Kms,
    Stack,
    Cluster,
    Repo,
    Database,
    Alarm,
    Trail,
    Detector,
    Service,
    Peer,
    PermissionSet,
    Grantee,
    Actions,
    Locked,
    Cidr,
    Port,
    Days,
    Count,
    CountSmall,
    Bytes,
    Millis,
    NowMillis,
    Long,
    Expiry,
    DayPath,
    NewKey,
    OldKey,
    CopyKey,
    Status,
    Subject,
    Provider,
}

impl Slot {
    /// The placeholder with that name, if there is one.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let sized = |prefix: &str| name.strip_prefix(prefix).and_then(|count| count.parse().ok());
        Some(match name {
            "new17" => Self::New,
            "uuid" => Self::Uuid,
            "b64" => Self::Base64,
            "account" => Self::Account,
            "region" => Self::Region,
            "me" => Self::Me,
            "session" => Self::Session,
            "session_key" => Self::SessionKey,
            "mfa" => Self::Mfa,
            "saml" => Self::Saml,
            "external" => Self::External,
            "credential" => Self::Credential,
            "directory" => Self::Directory,
            "bucket" => Self::Bucket,
            "key" => Self::Key,
            "prefix" => Self::Prefix,
            "table" => Self::Table,
            "function" => Self::Function,
            "role" => Self::Role,
            "new_role" => Self::NewRole,
            "trust" => Self::Trust,
            "role_id" => Self::RoleId,
            "policy" => Self::Policy,
            "policy_arn" => Self::PolicyArn,
            "user" => Self::User,
            "group_name" => Self::GroupName,
            "secret" => Self::Secret,
            "parameter" => Self::Parameter,
            "queue" => Self::Queue,
            "topic" => Self::Topic,
            "log_group" => Self::LogGroup,
            "instance" => Self::Instance,
            "instance_type" => Self::InstanceType,
            "private_ip" => Self::PrivateIp,
            "volume" => Self::Volume,
            "snapshot" => Self::Snapshot,
            "image" => Self::Image,
            "group" => Self::Group,
            "subnet" => Self::Subnet,
            "vpc" => Self::Vpc,
            "kms" => Self::Kms,
            "stack" => Self::Stack,
            "cluster" => Self::Cluster,
            "repo" => Self::Repo,
            "database" => Self::Database,
            "alarm" => Self::Alarm,
            "trail" => Self::Trail,
            "detector" => Self::Detector,
            "service" => Self::Service,
            "peer" => Self::Peer,
            "permission_set" => Self::PermissionSet,
            "grantee" => Self::Grantee,
            "actions" => Self::Actions,
            "locked" => Self::Locked,
            "cidr" => Self::Cidr,
            "port" => Self::Port,
            "days" => Self::Days,
            "count" => Self::Count,
            "count_small" => Self::CountSmall,
            "bytes" => Self::Bytes,
            "millis" => Self::Millis,
            "now_ms" => Self::NowMillis,
            "long" => Self::Long,
            "expiry" => Self::Expiry,
            "day" => Self::DayPath,
            "new_key" => Self::NewKey,
            "old_key" => Self::OldKey,
            "copy_key" => Self::CopyKey,
            "status" => Self::Status,
            "subject" => Self::Subject,
            "provider" => Self::Provider,
            _ => return sized("hex").map(Self::Hex).or_else(|| sized("upper").map(Self::Upper)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn template_is_split_at_known_names_only() {
        assert_eq!(
            parse("a$regiona [$LATEST]$hex8"),
            [
                Piece::Text("a"),
                Piece::Slot("region", Slot::Region),
                Piece::Text("a [$LATEST]"),
                Piece::Slot("hex8", Slot::Hex(8)),
            ]
        );
        assert_eq!(parse("$session_key"), [Piece::Slot("session_key", Slot::SessionKey)]);
    }
}
