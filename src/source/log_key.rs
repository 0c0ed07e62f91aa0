//! Parses the key of an object: its kind, account, region and day of delivery.
//!
//! - CloudTrail:
//!   `[prefix/]AWSLogs/[o-orgid/]<account>/CloudTrail/<region>/YYYY/MM/DD/<account>_CloudTrail_<region>_<time>_<id>.json.gz`
//! - Security Lake:
//!   `[prefix/]aws/CLOUD_TRAIL_MGMT/2.0/region=<region>/accountId=<account>/eventDay=YYYYMMDD/<hash>.gz.parquet`
//!
//! For a copy without folders, the file name is parsed. The day is the day of delivery, not of the events.

use chrono::NaiveDate;

/// Kind of an object, according to its key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum ObjectKind {
    /// CloudTrail event log.
    Log,
    /// CloudTrail network activity events, the same record format.
    NetworkActivity,
    /// Digest of the logs of an hour.
    Digest,
    /// CloudTrail Insights events, the same file format.
    Insight,
    /// CloudTrail aggregated events.
    Aggregated,
    /// Delivered by another service, such as Config or vpcflowlogs.
    Service(String),
    /// The key does not contain the kind; the content of a file that may be a log is examined.
    Unknown,
}

impl ObjectKind {
    fn from_folder(name: &str) -> ObjectKind {
        match name {
            "CloudTrail" => ObjectKind::Log,
            "CloudTrail-NetworkActivity" => ObjectKind::NetworkActivity,
            "CloudTrail-Digest" => ObjectKind::Digest,
            "CloudTrail-Insight" => ObjectKind::Insight,
            "CloudTrail-Aggregated" => ObjectKind::Aggregated,
            other => ObjectKind::Service(other.into()),
        }
    }

    /// From the name of a Security Lake source. Security Lake does not collect network activity.
    fn from_security_lake(name: &str) -> Option<ObjectKind> {
        match name {
            "CLOUD_TRAIL_MGMT" | "S3_DATA" | "LAMBDA_EXECUTION" => Some(ObjectKind::Log),
            "VPC_FLOW" | "ROUTE53" | "SH_FINDINGS" | "EKS_AUDIT" | "WAF" => Some(ObjectKind::Service(name.into())),
            _ => None,
        }
    }

    /// The folder name that AWS uses; "other files" for an unknown kind.
    pub fn name(&self) -> &str {
        match self {
            ObjectKind::Log => "CloudTrail",
            ObjectKind::NetworkActivity => "CloudTrail-NetworkActivity",
            ObjectKind::Digest => "CloudTrail-Digest",
            ObjectKind::Insight => "CloudTrail-Insight",
            ObjectKind::Aggregated => "CloudTrail-Aggregated",
            ObjectKind::Service(name) => name,
            ObjectKind::Unknown => "other files",
        }
    }

    /// True when objects of this kind contain CloudTrail records for the events table.
    pub fn has_events(&self) -> bool {
        matches!(self, ObjectKind::Log | ObjectKind::NetworkActivity | ObjectKind::Insight)
    }
}

/// A parsed key or key prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogKey {
    /// Kind of object.
    pub kind: ObjectKind,
    /// 12-digit account.
    pub account_id: Option<String>,
    /// Region of delivery.
    pub region: Option<String>,
    /// Year, month and day, as far as the key has them.
    pub date: (Option<i32>, Option<u32>, Option<u32>),
}

impl LogKey {
    /// Parses a key or a folder of it.
    pub fn parse(path: &str) -> LogKey {
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        LogKey::from_security_lake(&parts)
            .or_else(|| LogKey::from_folders(&parts))
            .or_else(|| LogKey::from_file_name(parts.last()?))
            .unwrap_or(LogKey::unknown())
    }

    fn unknown() -> LogKey {
        LogKey { kind: ObjectKind::Unknown, account_id: None, region: None, date: (None, None, None) }
    }

    /// A Security Lake source, or a folder with the same partitions: a custom source below `ext/`, a copy.
    fn from_security_lake(parts: &[&str]) -> Option<LogKey> {
        if parts.contains(&"AWSLogs") {
            return None;
        }
        let mut key = LogKey::unknown();
        for (name, value) in parts.iter().filter_map(|part| part.split_once('=')) {
            match name.to_ascii_lowercase().as_str() {
                "region" if is_region(value) => key.region = Some(value.into()),
                "accountid" if is_account(value) => key.account_id = Some(value.into()),
                "eventday" => key.date = day(value).unwrap_or(key.date),
                _ => {}
            }
        }
        let source = (1..parts.len()).find_map(|at| {
            let kind = ObjectKind::from_security_lake(parts[at])?;
            // Names such as WAF are too common, so the folder before or after must match too.
            let is_version = |part: &&str| part.starts_with(|c: char| c.is_ascii_digit()) && part.contains('.');
            (parts[at - 1] == "aws" || parts.get(at + 1).is_some_and(is_version)).then_some((at, kind))
        });
        let Some((at, kind)) = source else {
            return (key != LogKey::unknown()).then_some(key);
        };
        // Version 2 is an Iceberg table.
        let is_metadata = parts[at + 1..].contains(&"metadata");
        key.kind = if is_metadata { ObjectKind::Service("Iceberg metadata".into()) } else { kind };
        Some(key)
    }

    fn from_folders(parts: &[&str]) -> Option<LogKey> {
        // The kind follows the account. Without AWSLogs, only CloudTrail's own folder names are specific enough.
        let kind_at = match parts.iter().position(|part| *part == "AWSLogs") {
            Some(root) => {
                let organisation = usize::from(parts.get(root + 1).is_some_and(|part| part.starts_with("o-")));
                root + 1 + organisation + 1
            }
            None => parts.iter().position(|part| *part == "CloudTrail" || part.starts_with("CloudTrail-"))?,
        };
        let account_id = kind_at.checked_sub(1).and_then(|at| parts.get(at)).filter(|part| is_account(part));
        let mut key = LogKey { account_id: account_id.map(|part| part.to_string()), ..LogKey::unknown() };
        let Some(kind) = parts.get(kind_at) else { return Some(key) };
        key.kind = ObjectKind::from_folder(kind);
        key.region = parts.get(kind_at + 1).filter(|part| is_region(part)).map(|part| part.to_string());
        let number = |at: usize, digits: usize| {
            parts.get(at).filter(|part| (1..=digits).contains(&part.len())).and_then(|part| part.parse::<u32>().ok())
        };
        if let Some(year) = number(kind_at + 2, 4) {
            key.date.0 = Some(year as i32);
            key.date.1 = number(kind_at + 3, 2);
            key.date.2 = key.date.1.and_then(|_| number(kind_at + 4, 2));
        }
        Some(key)
    }

    fn from_file_name(name: &str) -> Option<LogKey> {
        let mut parts = name.split('_');
        let account = parts.next().filter(|part| is_account(part))?;
        let kind = parts.next().filter(|part| part.starts_with("CloudTrail"))?;
        let region = parts.next().filter(|part| is_region(part))?;
        let time = parts.find(|part| part.len() >= 8 && part.as_bytes()[..8].iter().all(u8::is_ascii_digit))?;
        Some(LogKey {
            kind: ObjectKind::from_folder(kind),
            account_id: Some(account.into()),
            region: Some(region.into()),
            date: day(&time[..8])?,
        })
    }

    /// True when the object at `path`, with this key, should be read: its kind has events, or its kind is unknown and
    /// its name is one that archives and exports of CloudTrail use.
    pub fn may_have_events(&self, path: &str) -> bool {
        // Parquet files belong to other tables unless they are partitioned like Security Lake.
        let is_partition = self.date.0.is_some() && path.ends_with(".parquet");
        self.kind.has_events() || (self.kind == ObjectKind::Unknown && (is_partition || may_be_a_log(path)))
    }

    /// Day of delivery, UTC, when the key has year, month and day.
    pub fn day(&self) -> Option<NaiveDate> {
        match self.date {
            (Some(year), Some(month), Some(day)) => NaiveDate::from_ymd_opt(year, month, day),
            _ => None,
        }
    }

    /// First day and day after the last that keys with this prefix can have; `None` when the key has no year.
    pub fn days(&self) -> Option<(NaiveDate, NaiveDate)> {
        let (year, month, day) = self.date;
        let year = year?;
        let first = NaiveDate::from_ymd_opt(year, month.unwrap_or(1), day.unwrap_or(1))?;
        let end = match (month, day) {
            (Some(_), Some(_)) => first.succ_opt()?,
            (Some(12), None) | (None, _) => NaiveDate::from_ymd_opt(year + 1, 1, 1)?,
            (Some(month), None) => NaiveDate::from_ymd_opt(year, month + 1, 1)?,
        };
        Some((first, end))
    }
}

/// `YYYYMMDD`.
fn day(text: &str) -> Option<(Option<i32>, Option<u32>, Option<u32>)> {
    use chrono::Datelike;
    let date = NaiveDate::parse_from_str(text, "%Y%m%d").ok()?;
    Some((Some(date.year()), Some(date.month()), Some(date.day())))
}

/// Extensions of logs, exports and archives of them. Firehose objects have no extension but a time.
fn may_be_a_log(path: &str) -> bool {
    const EXTENSIONS: &[&str] =
        &[".gz", ".json", ".jsonl", ".ndjson", ".log", ".csv", ".zip", ".tar", ".tgz", ".gz.parquet"];
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    // macOS archives contain a `._name` with file attributes for each file.
    !name.starts_with("._") && (EXTENSIONS.iter().any(|extension| name.ends_with(extension)) || is_firehose(&name))
}

/// `<stream>-<version>-YYYY-MM-DD-hh-mm-ss-<uuid>`.
fn is_firehose(name: &str) -> bool {
    let parts: Vec<&str> = name.split('-').collect();
    let number = |part: &str, digits: usize| part.len() == digits && part.bytes().all(|b| b.is_ascii_digit());
    let time = |parts: &[&str]| parts.iter().zip([4, 2, 2, 2, 2, 2]).all(|(part, digits)| number(part, digits));
    !name.contains('.') && parts.windows(6).any(time)
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

/// True for text with the form of a region name.
pub(super) fn is_region(text: &str) -> bool {
    let parts: Vec<_> = text.split('-').collect();
    parts.len() >= 3
        && parts.last().is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
        && parts.iter().all(|part| part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> Option<NaiveDate> {
        text.parse().ok()
    }

    #[test]
    fn a_key_of_an_organisation_trail_with_a_prefix_is_parsed() {
        let key = LogKey::parse(
            "audit/prod/AWSLogs/o-abc123/111122223333/CloudTrail/eu-west-1/2024/02/29/111122223333_CloudTrail_eu-west-1_20240229T1205Z_aaaaaaaaaaaaaaaa.json.gz",
        );
        assert_eq!(key.kind, ObjectKind::Log);
        assert_eq!(key.account_id.as_deref(), Some("111122223333"));
        assert_eq!(key.region.as_deref(), Some("eu-west-1"));
        assert_eq!(key.day(), date("2024-02-29"));
    }

    #[test]
    fn other_objects_in_the_bucket_have_their_own_kind() {
        let kind = |folder: &str| LogKey::parse(&format!("AWSLogs/111122223333/{folder}/us-east-1/2024/1/2/x.gz")).kind;
        assert_eq!(kind("CloudTrail-Digest"), ObjectKind::Digest);
        assert_eq!(kind("CloudTrail-Insight"), ObjectKind::Insight);
        assert_eq!(kind("Config"), ObjectKind::Service("Config".into()));
        assert!(!kind("CloudTrail-Digest").has_events());
        assert!(kind("CloudTrail-Insight").has_events());
        assert!(kind("CloudTrail-NetworkActivity").has_events());
    }

    #[test]
    fn a_key_of_security_lake_has_kind_region_account_and_day() {
        let partitions = "region=eu-west-1/accountId=111122223333/eventDay=20240507/0a1b.gz.parquet";
        for (source, kind) in [
            ("aws/CLOUD_TRAIL_MGMT/2.0", ObjectKind::Log),
            ("prefix/aws/S3_DATA/1.0", ObjectKind::Log),
            ("copy/LAMBDA_EXECUTION/2.0/data", ObjectKind::Log),
            ("aws/VPC_FLOW/2.0", ObjectKind::Service("VPC_FLOW".into())),
            ("ext/somebody/1.0", ObjectKind::Unknown),
        ] {
            let path = format!("{source}/{partitions}");
            let key = LogKey::parse(&path);
            assert_eq!(key.kind, kind, "{source}");
            assert_eq!((key.account_id.as_deref(), key.region.as_deref()), (Some("111122223333"), Some("eu-west-1")));
            assert_eq!(key.day(), date("2024-05-07"));
            assert_eq!(key.may_have_events(&path), source != "aws/VPC_FLOW/2.0", "{source}");
        }
        assert_eq!(LogKey::parse("aws/SH_FINDINGS").kind, ObjectKind::Service("SH_FINDINGS".into()));
        assert!(!LogKey::parse("aws/CLOUD_TRAIL_MGMT/2.0/metadata/0.avro").kind.has_events());
        assert_eq!(LogKey::parse("exports/WAF/may").kind, ObjectKind::Unknown, "the name alone is not enough");
        let lake = "lake/event_date=2024-05-07/part-0.parquet";
        assert!(!LogKey::parse(lake).may_have_events(lake), "a file of another table");
    }

    #[test]
    fn without_folders_the_file_name_is_parsed() {
        let key = LogKey::parse("downloads/111122223333_CloudTrail_us-gov-west-1_20240102T0000Z_abc.json.gz");
        assert_eq!((key.kind.clone(), key.day()), (ObjectKind::Log, date("2024-01-02")));
        assert_eq!(LogKey::parse("downloads/notes.json").kind, ObjectKind::Unknown);
    }

    #[test]
    fn a_file_of_unknown_kind_is_read_when_its_name_may_be_a_log() {
        let may = |path: &str| LogKey::parse(path).may_have_events(path);
        for name in ["a.json", "x/000000.gz", "b.tar.gz", "c.ZIP", "d.csv", "trail-1-2024-01-02-03-04-05-0a1b-2c3d"] {
            assert!(may(name), "{name}");
        }
        for name in ["note.txt", "README", "._a.json", "photo-2024-01.jpg", "AWSLogs/111122223333/Config/x/y.json.gz"] {
            assert!(!may(name), "{name}");
        }
    }

    #[test]
    fn a_folder_limits_the_days_of_its_objects() {
        let days = |path: &str| LogKey::parse(path).days();
        assert_eq!(days("AWSLogs/111122223333/CloudTrail/us-east-1"), None);
        assert_eq!(days("AWSLogs/111122223333/CloudTrail/us-east-1/2023").unwrap().1, date("2024-01-01").unwrap());
        assert_eq!(days("AWSLogs/111122223333/CloudTrail/us-east-1/2023/12").unwrap().1, date("2024-01-01").unwrap());
        assert_eq!(days("AWSLogs/111122223333/CloudTrail/us-east-1/2023/02").unwrap().1, date("2023-03-01").unwrap());
    }
}
