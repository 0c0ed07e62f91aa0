//! One event as CloudTrail writes it: JSON text, members in AWS's order.
//!
//! In: the world, a session, an event. Out: the record appended to a text. Parameters come from the call's templates;
//! resources are those of the session's workload, or of one that the event picks.

use std::fmt::Write;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::calendar::{HOUR, push_long_date, push_timestamp};
use super::calls::{Call, Catalogue, Kind, Piece, Slot};
use super::day::{Event, Fate, account_and_region};
use super::dice::{self, Uuid, mix};
use super::identity::{Channel, Session};
use super::organisation::{Account, Organisation, REGIONS, Workload};

/// Values that one event gives to slots, before the session's.
pub(super) type Values = [(Slot, String)];

/// Appends the record of an event and says its event id.
pub(super) fn push(
    out: &mut String,
    catalogue: &Catalogue,
    organisation: &Organisation,
    session: &Session,
    event: &Event,
    values: &Values,
) -> Uuid {
    let (account, region) = account_and_region(event.stream);
    let account_of_record = &organisation.accounts[account];
    let workload = match session.workload {
        Some(workload) => &organisation.workloads[workload],
        None => {
            &organisation.workloads
                [account_of_record.workloads[event.pick as usize % account_of_record.workloads.len()]]
        }
    };
    let mut frame = Frame {
        organisation,
        account: account_of_record,
        workload,
        session,
        region: REGIONS[region],
        event,
        values,
        rng: ChaCha8Rng::seed_from_u64(event.seed),
    };
    frame.push_record(out, catalogue.call(event.call))
}

/// All that slots can stand for within one record.
struct Frame<'a> {
    organisation: &'a Organisation,
    account: &'a Account,
    workload: &'a Workload,
    session: &'a Session,
    region: &'static str,
    event: &'a Event,
    values: &'a Values,
    rng: ChaCha8Rng,
}

impl Frame<'_> {
    fn push_record(&mut self, out: &mut String, call: &Call) -> Uuid {
        let session = self.session;
        let is_old = session.version == "1.05";
        let is_service_event = call.kind == Kind::ServiceEvent;
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
        // Sign-in pages and AWS itself make no requests.
        if matches!(call.kind, Kind::Management | Kind::Data) {
            out.push_str(r#","requestID":""#);
            if call.service == "s3" {
                dice::push_upper(out, &mut self.rng, 16);
            } else {
                Uuid::draw(&mut self.rng).push_to(out);
            }
            out.push('"');
        }
        let id = Uuid::draw(&mut self.rng);
        let oddity = self.rng.random_range(0..1000u32);
        out.push_str(r#","eventID":""#);
        id.push_to(out);
        let _ = write!(out, r#"","readOnly":{}"#, call.read_only);
        if !call.resources.is_empty() && self.event.fate != Fate::Denied {
            out.push_str(r#","resources":"#);
            self.push_template(out, &call.resources);
        }
        let event_type = match call.kind {
            Kind::Management | Kind::Data => "AwsApiCall",
            Kind::SignIn => "AwsConsoleSignIn",
            Kind::ServiceEvent => "AwsServiceEvent",
        };
        let _ = write!(out, r#","eventType":"{event_type}""#);
        if !is_old {
            let _ = write!(out, r#","managementEvent":{}"#, call.kind != Kind::Data);
        }
        let _ = write!(out, r#","recipientAccountId":"{}""#, self.account.id);
        if is_service_event {
            out.push_str(r#","serviceEventDetails":"#);
            self.push_template(out, &call.response);
        }
        if self.event.is_shared {
            out.push_str(r#","sharedEventID":""#);
            // The same for every account that is told about the call.
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
            let category = if call.kind == Kind::Data { "Data" } else { "Management" };
            let _ = write!(out, r#","eventCategory":"{category}""#);
            if session.channel != Channel::Service {
                self.push_tls(out, call);
            }
            if session.channel == Channel::Console && call.kind != Kind::SignIn {
                out.push_str(r#","sessionCredentialFromConsole":"true""#);
            }
        }
        self.push_oddity(out, oddity);
        out.push('}');
        id
    }

    /// Error, request and response.
    fn push_outcome(&mut self, out: &mut String, call: &Call) {
        let fate = self.event.fate;
        if call.kind == Kind::SignIn && fate != Fate::Done {
            out.push_str(r#","errorMessage":"Failed authentication","requestParameters":null,"responseElements":{"ConsoleLogin":"Failure"}"#);
            return;
        }
        match fate {
            Fate::Done => {}
            Fate::Denied => self.push_denial(out, call),
            Fate::NotFound => {
                let (code, message) = not_found(call);
                let _ = write!(out, r#","errorCode":"{code}","errorMessage":"{message}""#);
            }
            Fate::Throttled => {
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
        if fate == Fate::Done && call.kind != Kind::ServiceEvent {
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
        // One client, one protocol version.
        let (version, cipher) = match dice::number_of(&self.session.agent) % 4 {
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

    /// Members that one or two records in a hundred have beyond the usual.
    fn push_oddity(&mut self, out: &mut String, oddity: u32) {
        match oddity {
            // CloudTrail writes members before it documents them.
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
        // Things that stay the same for the same pick, one number for each kind of thing.
        let steady = |kind: u64| mix(u64::from(self.event.pick) ^ kind << 40);
        let rng = &mut self.rng;
        let _ = match slot {
            Slot::Hex(count) => return dice::push_hex(out, rng, count),
            Slot::Upper(count) => return dice::push_upper(out, rng, count),
            Slot::New => return dice::push_hex(out, &mut ChaCha8Rng::seed_from_u64(mix(self.event.seed)), 17),
            Slot::Uuid => return Uuid::draw(rng).push_to(out),
            Slot::Base64 => {
                dice::push_base62(out, rng, 55);
                write!(out, "=")
            }
            Slot::Account => write!(out, "{}", account.id),
            Slot::Region => write!(out, "{}", self.region),
            Slot::Me => write!(out, "{}", self.session.name),
            Slot::Session => write!(out, "session-{}", at),
            Slot::SessionKey => write!(out, "{}", dice::iam_id("ASIA", rng)),
            Slot::NewKey => write!(out, "{}", dice::iam_id("AKIA", rng)),
            Slot::OldKey => {
                let mut steady = ChaCha8Rng::seed_from_u64(steady(1));
                write!(out, "{}", dice::iam_id("AKIA", &mut steady))
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
                    ["events", "uploads", "exports", "cache", "img"][dice::number_of(&workload.service) as usize % 5];
                write!(out, "{kind}/{folder:03}/part-{part:05}.json.gz")
            }
            Slot::Prefix => write!(out, "{}/", ["events", "uploads", "exports", "cache"][steady(2) as usize % 4]),
            Slot::Table => write!(out, "{}", workload.table),
            Slot::Function => write!(out, "{}", workload.function),
            Slot::Role => write!(out, "{}", workload.role),
            Slot::RoleId => write!(out, "{}", workload.role_id),
            Slot::Policy => write!(out, "{}", workload.policy),
            Slot::PolicyArn => write!(out, "arn:aws:iam::{}:policy/{}", account.id, workload.policy),
            Slot::User => match account.users.get(steady(3) as usize % account.users.len().max(1)) {
                Some(user) => write!(out, "{user}"),
                None => write!(out, "break-glass"),
            },
            Slot::GroupName => write!(out, "developers"),
            Slot::Secret => write!(out, "{}", workload.secret),
            Slot::Parameter => {
                let name = ["db/host", "db/password", "api/key", "feature/flags"][steady(4) as usize % 4];
                write!(out, "/{}/{name}", workload.service)
            }
            Slot::Queue => write!(out, "{}", workload.queue),
            Slot::Topic => write!(out, "{}-updates", workload.service),
            Slot::LogGroup => write!(out, "/aws/lambda/{}", workload.function),
            Slot::Instance => write!(out, "{}", workload.instances[steady(5) as usize % workload.instances.len()]),
            Slot::InstanceType => {
                write!(out, "{}", ["t3.medium", "t3.large", "m5.large", "c6i.large"][steady(6) as usize % 4])
            }
            Slot::PrivateIp => write!(out, "10.{}.{}.{}", workload.account, steady(7) % 250, steady(8) % 240 + 10),
            Slot::Volume => write!(out, "vol-{:017x}", steady(9) >> 4),
            Slot::Snapshot => write!(out, "snap-{:017x}", steady(10) >> 4),
            Slot::Image => write!(out, "ami-{:017x}", dice::number_of(&workload.service) >> 4),
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
            Slot::Port => write!(out, "{}", [443, 5432, 8080, 6379][steady(11) as usize % 4]),
            Slot::Days => write!(out, "365"),
            Slot::Count => write!(out, "{}", rng.random_range(2..90)),
            Slot::CountSmall => write!(out, "{}", 1 + steady(12) % 3),
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

/// The action's name without the version that some services put into the event name.
fn action(event_name: &str) -> &str {
    event_name.find("20").map_or(event_name, |version| &event_name[..version])
}

/// The prefix that policies use for a service.
fn iam_prefix(service: &str) -> &str {
    match service {
        "monitoring" => "cloudwatch",
        "tagging" => "tag",
        _ => service,
    }
}

/// What a service says when the thing is not there (or no longer as the caller thought).
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
