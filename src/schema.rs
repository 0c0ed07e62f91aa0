//! The events table: one documented line per column. Decode writes the table, the lake stores it, SQL queries it.
//!
//! Columns have CloudTrail's field names in snake_case. Members with objects stay JSON text ([`Kind::Json`]). A member whose
//! value has an unexpected type, and every member not listed here, goes to `extra`.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// UTF-8 text.
    Text,
    /// JSON text exactly as delivered.
    Json,
    /// True or false.
    Bool,
    /// 64-bit signed integer.
    Integer,
    /// Microseconds since 1970-01-01 UTC.
    Time,
    /// Day in UTC; the partition column, not stored in the files.
    Day,
}

/// Where a column's value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A top-level member of the record.
    Record(&'static str),
    /// A member of `userIdentity`, as a path.
    Identity(&'static [&'static str]),
    /// Computed by decode.
    Derived,
}

/// One column of the events table.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Name in SQL.
    pub name: &'static str,
    /// Type.
    pub kind: Kind,
    /// Origin in the record.
    pub from: Origin,
    /// Its meaning, for `query --describe` and the documentation.
    pub doc: &'static str,
}

const fn column(name: &'static str, kind: Kind, from: Origin, doc: &'static str) -> Column {
    Column { name, kind, from, doc }
}

use Kind::{Bool, Day, Integer, Json, Text, Time};
use Origin::{Derived, Identity, Record};

/// Every column, in table order. The partition column comes first.
#[rustfmt::skip]
pub const EVENTS: &[Column] = &[
    column("event_date", Day, Derived, "UTC day of event_time; the lake is partitioned by it"),
    column("event_time", Time, Record("eventTime"), "when the call was made, UTC"),
    column("account_id", Text, Derived, "account the call was made in: recipientAccountId, else the caller's account, else the account in the object's key"),
    column("aws_region", Text, Record("awsRegion"), "region that served the call"),
    column("event_source", Text, Record("eventSource"), "service that was called, such as iam.amazonaws.com"),
    column("event_name", Text, Record("eventName"), "API that was called"),
    column("actor", Text, Derived, "the identity used for baselines: user ARN, role ARN behind a session, root ARN, service principal, person behind an Identity Center or SAML session"),
    column("session_name", Text, Derived, "role session name, the last part of an assumed-role ARN"),
    column("access_key_id", Text, Identity(&["accessKeyId"]), "access key that signed the call"),
    column("source_ip_address", Text, Record("sourceIPAddress"), "IPv4 or IPv6 address, DNS name of a service, or AWS Internal"),
    column("user_agent", Text, Record("userAgent"), "client, as it identifies itself"),
    column("error_code", Text, Record("errorCode"), "the service's error code, null when the call succeeded"),
    column("error_message", Text, Record("errorMessage"), "the service's error message"),
    column("read_only", Bool, Record("readOnly"), "true when the call changes nothing"),
    column("management_event", Bool, Record("managementEvent"), "true for management (control plane) events"),
    column("event_category", Text, Record("eventCategory"), "Management, Data, NetworkActivity, Insight or Aggregated; null in older records, except for the last two"),
    column("event_type", Text, Record("eventType"), "AwsApiCall, AwsServiceEvent, AwsConsoleSignIn, ..."),
    column("event_version", Text, Record("eventVersion"), "version of the record format"),
    column("event_id", Text, Record("eventID"), "id of the event, as written; records with the same GUID are kept once, unless they state different calls"),
    column("request_id", Text, Record("requestID"), "the service's id of the request"),
    column("shared_event_id", Text, Record("sharedEventID"), "shared by the records of one action in several accounts"),
    column("recipient_account_id", Text, Record("recipientAccountId"), "account that received the record"),
    column("api_version", Text, Record("apiVersion"), "version of the called API"),
    column("user_identity_type", Text, Identity(&["type"]), "Root, IAMUser, AssumedRole, AWSService, ..."),
    column("user_identity_principal_id", Text, Identity(&["principalId"]), "unique id of the caller"),
    column("user_identity_arn", Text, Identity(&["arn"]), "ARN of the caller, with the session of a role"),
    column("user_identity_account_id", Text, Identity(&["accountId"]), "account of the caller"),
    column("user_identity_user_name", Text, Identity(&["userName"]), "friendly name of the caller"),
    column("invoked_by", Text, Identity(&["invokedBy"]), "service that made the call on behalf of the caller"),
    column("session_issuer_type", Text, Identity(&["sessionContext", "sessionIssuer", "type"]), "Role, User or Root that issued the session"),
    column("session_issuer_arn", Text, Identity(&["sessionContext", "sessionIssuer", "arn"]), "ARN of the role or user that issued the session"),
    column("session_creation_time", Time, Identity(&["sessionContext", "attributes", "creationDate"]), "when the session's credentials were issued, UTC"),
    column("mfa_authenticated", Bool, Identity(&["sessionContext", "attributes", "mfaAuthenticated"]), "true when the session was authenticated with MFA"),
    column("source_identity", Text, Identity(&["sessionContext", "sourceIdentity"]), "source identity, set when the first role was assumed"),
    column("federated_provider", Text, Identity(&["sessionContext", "webIdFederationData", "federatedProvider"]), "identity provider behind a web identity session"),
    column("vpc_endpoint_id", Text, Record("vpcEndpointId"), "VPC endpoint the call came through"),
    column("vpc_endpoint_account_id", Text, Record("vpcEndpointAccountId"), "owner of that endpoint"),
    column("session_credential_from_console", Bool, Record("sessionCredentialFromConsole"), "true when the console made the call"),
    column("user_identity", Json, Record("userIdentity"), "complete userIdentity"),
    column("request_parameters", Json, Record("requestParameters"), "parameters of the request"),
    column("response_elements", Json, Record("responseElements"), "response of a call that changes something"),
    column("additional_event_data", Json, Record("additionalEventData"), "MFAUsed, bytesTransferredOut, SignatureVersion, ..."),
    column("resources", Json, Record("resources"), "list of {ARN, accountId, type}"),
    column("service_event_details", Json, Record("serviceEventDetails"), "details of an event caused by a service itself"),
    column("insight_details", Json, Record("insightDetails"), "statistics of an Insights event"),
    column("tls_details", Json, Record("tlsDetails"), "TLS version, cipher and host name"),
    column("edge_device_details", Json, Record("edgeDeviceDetails"), "details of a Snowball Edge device"),
    column("addendum", Json, Record("addendum"), "why a record was delivered late or again; `\"repeats\":true` is added if the lake already had its event: `calls` leaves the row out"),
    column("event_context", Json, Record("eventContext"), "tags and condition keys of enriched events"),
    column("extra", Json, Derived, "members of the record without a column, or with a value of another type"),
    column("source_object", Text, Derived, "URL of the object the record was read from"),
    column("source_record", Integer, Derived, "index of the record in its object, from 0"),
];

/// The partition column.
pub const PARTITION: &str = "event_date";

/// Columns with minimum, maximum and null count per file, for pruning.
pub const STATISTICS: &[&str] = &[
    "event_time",
    "account_id",
    "aws_region",
    "event_source",
    "event_name",
    "actor",
    "access_key_id",
    "source_ip_address",
    "error_code",
    "event_id",
];

/// Sort order of the rows in a file: columns that hunts filter by come first, so that row groups and pages can be skipped.
pub const SORT: &[&str] = &["event_source", "event_name", "actor", "event_time"];

/// Columns with a Bloom filter: looked up by exact value, with too many distinct values for min/max to help.
pub const BLOOM: &[&str] = &["event_id", "access_key_id", "source_ip_address"];

/// Columns in which values rarely repeat.
pub const UNIQUE: &[&str] = &["event_id", "request_id", "shared_event_id"];

/// Columns of the event with values that repeat in many rows; decode builds them as dictionaries.
pub const SHARED: &[&str] = &[
    "account_id",
    "aws_region",
    "event_source",
    "event_name",
    "source_ip_address",
    "user_agent",
    "error_code",
    "event_category",
    "event_type",
    "event_version",
    "recipient_account_id",
    "api_version",
    "vpc_endpoint_id",
    "vpc_endpoint_account_id",
    "tls_details",
];

impl Kind {
    /// The Arrow type of a column of this kind.
    pub fn data_type(self) -> DataType {
        match self {
            Kind::Text | Kind::Json => DataType::Utf8,
            Kind::Bool => DataType::Boolean,
            Kind::Integer => DataType::Int64,
            Kind::Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Kind::Day => DataType::Date32,
        }
    }
}

/// Schema of the data files: every column except the partition column.
pub fn file_schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> =
        LazyLock::new(|| Arc::new(Schema::new(fields(EVENTS.iter().filter(|c| c.name != PARTITION)))));
    Arc::clone(&SCHEMA)
}

/// Schema of the table: every column, the partition column first.
pub fn table_schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| Arc::new(Schema::new(fields(EVENTS.iter()))));
    Arc::clone(&SCHEMA)
}

fn fields<'a>(columns: impl Iterator<Item = &'a Column>) -> Vec<Field> {
    columns.map(|c| Field::new(c.name, c.kind.data_type(), true)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_in_the_lists_exists() {
        let names: Vec<_> = EVENTS.iter().map(|c| c.name).collect();
        for name in STATISTICS.iter().chain(SORT).chain(BLOOM).chain(UNIQUE).chain(SHARED) {
            assert!(names.contains(name), "{name}");
        }
        assert_eq!(EVENTS[0].name, PARTITION);
    }

    #[test]
    fn every_column_is_documented_once() {
        let mut names: Vec<_> = EVENTS.iter().map(|c| c.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), EVENTS.len());
        assert!(EVENTS.iter().all(|c| !c.doc.is_empty()));
    }
}
