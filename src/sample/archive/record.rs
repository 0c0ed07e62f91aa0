//! One record as CloudTrail writes it: JSON text, members in AWS's order.
//!
//! Input: the catalogue, the organisation, a session and an event. Output: the record, appended to a string. Parameters
//! come from the call's templates; resources are those of the session's workload, or of a workload chosen by the event.

use std::fmt::Write;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::sample::calendar::{HOUR, push_long_date, push_timestamp};
use crate::sample::cloudtrail::calls::{Call, Catalogue, RecordKind};
use crate::sample::cloudtrail::identity::{Channel, Session};
use crate::sample::cloudtrail::template::{Piece, Slot};
use crate::sample::organisation::Organisation;
use crate::sample::organisation::accounts::Account;
use crate::sample::organisation::workloads::Workload;
use crate::sample::random::{self, Uuid, mix};
use crate::sample::traffic::plan::{Event, Outcome};

/// Values of placeholders in one record; they take precedence over the session's.
pub(crate) type Values = [(Slot, String)];

/// Appends the record of an event and returns its event id.
pub(crate) fn push(
    out: &mut String,
    catalogue: &Catalogue,
    organisation: &Organisation,
    session: &Session,
    event: &Event,
    values: &Values,
) -> Uuid {
    let (account, region) = event.stream.account_and_region();
    let account_of_record = &organisation.accounts[account];
    let workload = match session.workload {
        Some(workload) => &organisation.workloads[workload],
        None => {
            &organisation.workloads
                [account_of_record.workloads[event.pick as usize % account_of_record.workloads.len()]]
        }
    };
    let mut writer = RecordWriter {
        organisation,
        account: account_of_record,
        workload,
        session,
        region: organisation.regions[region],
        event,
        values,
        rng: ChaCha8Rng::seed_from_u64(event.seed),
    };
    writer.push_record(out, catalogue.call(event.call))
}

/// Everything that one record is written from.
struct RecordWriter<'a> {
    organisation: &'a Organisation,
    account: &'a Account,
    workload: &'a Workload,
    session: &'a Session,
    region: &'static str,
    event: &'a Event,
    values: &'a Values,
    rng: ChaCha8Rng,
}

impl RecordWriter<'_> {
    fn push_record(&mut self, out: &mut String, call: &Call) -> Uuid {
        let session = self.session;
        let is_old = session.version == "1.05";
        let is_service_event = call.kind == RecordKind::ServiceEvent;
        let _ =
            write!(out, r#"{{"eventVersion":"{}","userIdentity":{},"eventTime":""#, session.version, session.identity);
        push_timestamp(out, self.event.at);
        let _ = write!(
            out,
            r#"","eventSource":"{}.amazonaws.com","eventName":"{}","awsRegion":"{}","sourceIPAddress":"{}","userAgent":"#,
            call.service, call.name, self.region, session.source
        );
        push_quoted(out, &session.agent);
        self.push_outcome(out, call);
        if !call.additional.is_empty() {
            out.push_str(r#","additionalEventData":"#);
            self.push_template(out, &call.additional);
        }
        // Sign-in events and service events have no request id.
        if matches!(call.kind, RecordKind::Management | RecordKind::Data) {
            out.push_str(r#","requestID":""#);
            if call.service == "s3" {
                random::push_upper(out, &mut self.rng, 16);
            } else {
                Uuid::draw(&mut self.rng).push_to(out);
            }
            out.push('"');
        }
        let id = Uuid::draw(&mut self.rng);
        let rarity = self.rng.random_range(0..1000u32);
        out.push_str(r#","eventID":""#);
        id.push_to(out);
        let _ = write!(out, r#"","readOnly":{}"#, call.read_only);
        if !call.resources.is_empty() && self.event.outcome != Outcome::Denied {
            out.push_str(r#","resources":"#);
            self.push_template(out, &call.resources);
        }
        let event_type = match call.kind {
            RecordKind::Management | RecordKind::Data => "AwsApiCall",
            RecordKind::SignIn => "AwsConsoleSignIn",
            RecordKind::ServiceEvent => "AwsServiceEvent",
        };
        let _ = write!(out, r#","eventType":"{event_type}""#);
        if !is_old {
            let _ = write!(out, r#","managementEvent":{}"#, call.kind != RecordKind::Data);
        }
        let _ = write!(out, r#","recipientAccountId":"{}""#, self.account.id);
        if is_service_event {
            out.push_str(r#","serviceEventDetails":"#);
            self.push_template(out, &call.response);
        }
        if self.event.is_shared {
            out.push_str(r#","sharedEventID":""#);
            // The same in every account that logs the call.
            let shared = mix(u64::from(self.event.pick) ^ self.event.at as u64);
            Uuid::draw(&mut ChaCha8Rng::seed_from_u64(shared)).push_to(out);
            out.push('"');
        }
        if let Some(endpoint) = &session.endpoint {
            let _ = write!(out, r#","vpcEndpointId":"{endpoint}""#);
            if session.version == "1.11" {
                let _ = write!(out, r#","vpcEndpointAccountId":"{}""#, self.account.id);
            }
        }
        if !is_old {
            let category = if call.kind == RecordKind::Data { "Data" } else { "Management" };
            let _ = write!(out, r#","eventCategory":"{category}""#);
            if session.channel != Channel::Service {
                self.push_tls(out, call);
            }
            if session.channel == Channel::Console && call.kind != RecordKind::SignIn {
                out.push_str(r#","sessionCredentialFromConsole":"true""#);
            }
        }
        self.push_rare_members(out, rarity);
        out.push('}');
        id
    }

    /// Error, request and response.
    fn push_outcome(&mut self, out: &mut String, call: &Call) {
        let outcome = self.event.outcome;
        if call.kind == RecordKind::SignIn && outcome != Outcome::Success {
            out.push_str(r#","errorMessage":"Failed authentication","requestParameters":null,"responseElements":{"ConsoleLogin":"Failure"}"#);
            return;
        }
        match outcome {
            Outcome::Success => {}
            Outcome::Denied => self.push_denial(out, call),
            Outcome::NotFound => {
                let (code, message) = not_found(call);
                let _ = write!(out, r#","errorCode":"{code}","errorMessage":"{message}""#);
            }
            Outcome::Throttled => {
                let (code, message) = match call.service.as_str() {
                    "ec2" => ("Client.RequestLimitExceeded", "Request limit exceeded."),
                    "s3" => ("SlowDown", "Please reduce your request rate."),
                    _ => ("ThrottlingException", "Rate exceeded"),
                };
                let _ = write!(out, r#","errorCode":"{code}","errorMessage":"{message}""#);
            }
        }
        out.push_str(r#","requestParameters":"#);
        self.push_template(out, &call.request);
        out.push_str(r#","responseElements":"#);
        if outcome == Outcome::Success && call.kind != RecordKind::ServiceEvent {
            self.push_template(out, &call.response);
        } else {
            out.push_str("null");
        }
    }

    fn push_denial(&self, out: &mut String, call: &Call) {
        let code = match call.service.as_str() {
            "ec2" => "Client.UnauthorizedOperation",
            "s3"
            | "iam"
            | "sts"
            | "cloudformation"
            | "sns"
            | "sqs"
            | "rds"
            | "monitoring"
            | "autoscaling"
            | "elasticloadbalancing"
            | "ce"
            | "organizations" => "AccessDenied",
            _ => "AccessDeniedException",
        };
        let who = if self.session.arn.is_empty() { &self.session.name } else { &self.session.arn };
        let (service, action) = (iam_prefix(&call.service), action(&call.name));
        let lead = if call.service == "ec2" { "You are not authorized to perform this operation. " } else { "" };
        let _ = write!(
            out,
            r#","errorCode":"{code}","errorMessage":"{lead}User: {who} is not authorized to perform: {service}:{action} because no identity-based policy allows the {service}:{action} action""#
        );
    }

    fn push_tls(&mut self, out: &mut String, call: &Call) {
        // A client always uses the same protocol version.
        let (version, cipher) = match random::hash_text(&self.session.agent) % 4 {
            0 => ("TLSv1.2", "ECDHE-RSA-AES128-GCM-SHA256"),
            _ => ("TLSv1.3", "TLS_AES_128_GCM_SHA256"),
        };
        let _ = write!(
            out,
            r#","tlsDetails":{{"tlsVersion":"{version}","cipherSuite":"{cipher}","clientProvidedHostHeader":""#
        );
        match call.service.as_str() {
            "s3" if call.name != "ListBuckets" => {
                self.push_slot(out, Slot::Bucket);
                let _ = write!(out, ".s3.{}.amazonaws.com", self.region);
            }
            "signin" => out.push_str("signin.aws.amazon.com"),
            "iam" | "organizations" => {
                let _ = write!(out, "{}.amazonaws.com", call.service);
            }
            service => {
                let _ = write!(out, "{service}.{}.amazonaws.com", self.region);
            }
        }
        out.push_str(r#""}"#);
    }

    /// Rare members, found in one or two of a hundred records.
    fn push_rare_members(&mut self, out: &mut String, rarity: u32) {
        match rarity {
            // An undocumented member.
            0..2 => out.push_str(r#","previewFeature":true"#),
            2..7 => out.push_str(r#","apiVersion":"2015-03-31""#),
            7..10 => {
                out.push_str(
                    r#","addendum":{"reason":"DELIVERY_DELAY","updatedFields":"eventID","originalRequestID":""#,
                );
                Uuid::draw(&mut self.rng).push_to(out);
                out.push_str(r#""}"#);
            }
            10..14 => {
                let _ = write!(
                    out,
                    r#","eventContext":{{"requestContext":{{"aws:SourceAccount":"{}"}},"tagContext":{{}}}}"#,
                    self.account.id
                );
            }
            14..16 => out.push_str(r#","edgeDeviceDetails":{"type":"snow"}"#),
            _ => {}
        }
    }

    fn push_template(&mut self, out: &mut String, pieces: &[Piece]) {
        for piece in pieces {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Slot(_, slot) => self.push_slot(out, *slot),
            }
        }
    }

    fn push_slot(&mut self, out: &mut String, slot: Slot) {
        let given = self.values.iter().chain(&self.session.values).find(|(given, _)| *given == slot);
        match given {
            Some((_, value)) => out.push_str(value),
            None => self.push_default(out, slot),
        }
    }

    fn push_default(&mut self, out: &mut String, slot: Slot) {
        let (workload, account, at) = (self.workload, self.account, self.event.at);
        // Stable for the same `pick`; each kind of value has its own number.
        let stable = |kind: u64| mix(u64::from(self.event.pick) ^ kind << 40);
        let rng = &mut self.rng;
        let _ = match slot {
            Slot::Hex(count) => return random::push_hex(out, rng, count),
            Slot::Upper(count) => return random::push_upper(out, rng, count),
            Slot::New => return random::push_hex(out, &mut ChaCha8Rng::seed_from_u64(mix(self.event.seed)), 17),
            Slot::Uuid => return Uuid::draw(rng).push_to(out),
            Slot::Base64 => {
                random::push_base62(out, rng, 55);
                write!(out, "=")
            }
            Slot::Account => write!(out, "{}", account.id),
            Slot::Region => write!(out, "{}", self.region),
            Slot::Me => write!(out, "{}", self.session.name),
            Slot::Session => write!(out, "session-{}", at),
            Slot::SessionKey => write!(out, "{}", random::iam_id("ASIA", rng)),
            Slot::NewKey => write!(out, "{}", random::iam_id("AKIA", rng)),
            Slot::OldKey => {
                let mut stable = ChaCha8Rng::seed_from_u64(stable(1));
                write!(out, "{}", random::iam_id("AKIA", &mut stable))
            }
            Slot::CopyKey => write!(out, "arn:aws:kms:{}:{}:key/{}", self.region, account.id, workload.kms),
            Slot::Status => write!(out, "Enabled"),
            Slot::Mfa => write!(out, "No"),
            Slot::Credential => write!(out, "PASSWORD"),
            Slot::Saml | Slot::External => Ok(()),
            Slot::Directory => write!(out, "{}", self.organisation.directory),
            Slot::Bucket => write!(out, "{}", workload.bucket),
            Slot::Key => {
                let (folder, part) = (rng.random_range(0..400), rng.random_range(0..100_000));
                let kind =
                    ["events", "uploads", "exports", "cache", "img"][random::hash_text(&workload.service) as usize % 5];
                write!(out, "{kind}/{folder:03}/part-{part:05}.json.gz")
            }
            Slot::Prefix => write!(out, "{}/", ["events", "uploads", "exports", "cache"][stable(2) as usize % 4]),
            Slot::Table => write!(out, "{}", workload.table),
            Slot::Function => write!(out, "{}", workload.function),
            Slot::Role => write!(out, "{}", workload.role),
            Slot::NewRole => {
                let _ = write!(out, "{}-", workload.service);
                return random::push_hex(out, rng, 8);
            }
            Slot::Trust => {
                write!(out, r#"\"Principal\":{{\"Service\":\"lambda.amazonaws.com\"}},\"Action\":\"sts:AssumeRole\""#)
            }
            Slot::RoleId => write!(out, "{}", workload.role_id),
            Slot::Policy => write!(out, "{}", workload.policy),
            Slot::PolicyArn => write!(out, "arn:aws:iam::{}:policy/{}", account.id, workload.policy),
            Slot::User => match account.users.get(stable(3) as usize % account.users.len().max(1)) {
                Some(user) => write!(out, "{user}"),
                None => write!(out, "break-glass"),
            },
            Slot::GroupName => write!(out, "developers"),
            Slot::Secret => write!(out, "{}", workload.secret),
            Slot::Parameter => {
                let name = ["db/host", "db/password", "api/key", "feature/flags"][stable(4) as usize % 4];
                write!(out, "/{}/{name}", workload.service)
            }
            Slot::Queue => write!(out, "{}", workload.queue),
            Slot::Topic => write!(out, "{}-updates", workload.service),
            Slot::LogGroup => write!(out, "/aws/lambda/{}", workload.function),
            Slot::Instance => write!(out, "{}", workload.instances[stable(5) as usize % workload.instances.len()]),
            Slot::InstanceType => {
                write!(out, "{}", ["t3.medium", "t3.large", "m5.large", "c6i.large"][stable(6) as usize % 4])
            }
            Slot::PrivateIp => write!(out, "10.{}.{}.{}", workload.account, stable(7) % 250, stable(8) % 240 + 10),
            Slot::Volume => write!(out, "vol-{:017x}", stable(9) >> 4),
            Slot::Snapshot => write!(out, "snap-{:017x}", stable(10) >> 4),
            Slot::Image => write!(out, "ami-{:017x}", random::hash_text(&workload.service) >> 4),
            Slot::Group => write!(out, "{}", workload.group),
            Slot::Subnet => write!(out, "{}", workload.subnet),
            Slot::Vpc => write!(out, "{}", account.vpc),
            Slot::Kms => write!(out, "{}", workload.kms),
            Slot::Stack => write!(out, "{}", workload.stack),
            Slot::Cluster => write!(out, "{}", workload.cluster),
            Slot::Repo => write!(out, "{}", workload.repo),
            Slot::Database => write!(out, "{}", workload.database),
            Slot::Alarm => write!(out, "{}-5xx", workload.service),
            Slot::Trail => write!(out, "{}", account.trail),
            Slot::Detector => write!(out, "{}", account.detector),
            Slot::Service => write!(out, "{}", workload.service),
            Slot::Peer => write!(out, "{}", self.organisation.vendor_account_id),
            Slot::PermissionSet => write!(out, "ReadOnlyAccess"),
            Slot::Grantee => write!(out, r#"{{"AWS":"arn:aws:iam::{}:root"}}"#, account.id),
            Slot::Actions => write!(out, "s3:GetObject"),
            Slot::Locked => write!(out, "true"),
            Slot::Cidr => write!(out, "10.{}.0.0/16", workload.account),
            Slot::Port => write!(out, "{}", [443, 5432, 8080, 6379][stable(11) as usize % 4]),
            Slot::Days => write!(out, "365"),
            Slot::Count => write!(out, "{}", rng.random_range(2..90)),
            Slot::CountSmall => write!(out, "{}", 1 + stable(12) % 3),
            Slot::Bytes => write!(out, "{}", 1u64 << rng.random_range(6..20) | rng.random_range(0..64)),
            Slot::Millis => write!(out, "{}", at * 1000),
            Slot::NowMillis => {
                push_timestamp(out, at);
                out.truncate(out.len() - 1);
                write!(out, ".000+0000")
            }
            Slot::Long => {
                push_long_date(out, at);
                Ok(())
            }
            Slot::Expiry => {
                push_long_date(out, at + HOUR);
                Ok(())
            }
            Slot::DayPath => {
                let mut day = String::with_capacity(20);
                push_timestamp(&mut day, at);
                write!(out, "{}", day[..10].replace('-', "/"))
            }
            Slot::Subject => write!(out, "system:serviceaccount:{0}:{0}", workload.service),
            Slot::Provider => write!(out, "oidc.eks.{}.amazonaws.com", self.region),
        };
    }
}

/// Appends a JSON string.
fn push_quoted(out: &mut String, text: &str) {
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' | '\\' => out.extend(['\\', letter]),
            control if control < ' ' => {
                let _ = write!(out, "\\u{:04x}", u32::from(control));
            }
            _ => out.push(letter),
        }
    }
    out.push('"');
}

/// The IAM action: the event name without the version that some services append.
fn action(event_name: &str) -> &str {
    event_name.find("20").map_or(event_name, |version| &event_name[..version])
}

/// The prefix of a service's actions in IAM policies.
fn iam_prefix(service: &str) -> &str {
    match service {
        "monitoring" => "cloudwatch",
        "tagging" => "tag",
        _ => service,
    }
}

/// Error code and message when the resource does not exist (or a condition fails).
fn not_found(call: &Call) -> (&'static str, &'static str) {
    match (call.service.as_str(), call.name.as_str()) {
        ("iam", _) => ("NoSuchEntityException", "The specified entity cannot be found."),
        ("s3", "GetObject" | "HeadObject" | "DeleteObject") => ("NoSuchKey", "The specified key does not exist."),
        ("s3", "GetBucketPolicy") => ("NoSuchBucketPolicy", "The bucket policy does not exist"),
        ("s3", "GetBucketTagging") => ("NoSuchTagSet", "The TagSet does not exist"),
        ("s3", "GetBucketPublicAccessBlock") => {
            ("NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found")
        }
        ("s3", _) => ("NoSuchBucket", "The specified bucket does not exist"),
        ("ec2", _) => ("Client.InvalidInstanceID.NotFound", "The instance ID does not exist"),
        ("dynamodb", "PutItem" | "UpdateItem") => ("ConditionalCheckFailedException", "The conditional request failed"),
        ("ssm", _) => ("ParameterNotFound", "Parameter not found."),
        ("cloudformation", _) => ("ValidationException", "Stack does not exist"),
        ("ecr", _) => ("ImageNotFoundException", "The image does not exist within the repository"),
        ("rds", _) => ("DBInstanceNotFound", "DBInstance not found."),
        ("kms", _) => ("NotFoundException", "Key does not exist"),
        ("sqs", _) => ("AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist."),
        _ => ("ResourceNotFoundException", "Requested resource not found"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_text_is_json() {
        let mut out = String::new();
        push_quoted(&mut out, "a\"b\\c\n");
        assert_eq!(serde_json::from_str::<String>(&out).unwrap(), "a\"b\\c\n");
    }

    #[test]
    fn action_drops_the_version() {
        assert_eq!(action("UpdateFunctionCode20150331v2"), "UpdateFunctionCode");
        assert_eq!(action("GetObject"), "GetObject");
    }
}
