//! Parses the key of an object: its kind, account, region and day of delivery.
//!
//! - CloudTrail:
//!   `[prefix/]AWSLogs/[o-orgid/]<account>/CloudTrail/<region>/YYYY/MM/DD/<account>_CloudTrail_<region>_<time>_<id>.json.gz`
//! - Security Lake:
//!   `[prefix/]aws/CLOUD_TRAIL_MGMT/2.0/region=<region>/accountId=<account>/eventDay=YYYYMMDD/<hash>.gz.parquet`
//!
//! The file name decides: folders are hints, and copies of archives have other ones. The day is the day of delivery, not
//! of the events.

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
    /// CloudTrail aggregated events: five-minute summaries of data events.
    Aggregated,
    /// Delivered by another service, such as Config or vpcflowlogs.
    Service(String),
    /// The key does not contain the kind; the content of a file that may be a log is examined.
    Unknown,
}

impl ObjectKind {
    /// From one of CloudTrail's own folder names.
    fn from_name(name: &str) -> Option<ObjectKind> {
        match name {
            "CloudTrail" => Some(ObjectKind::Log),
            "CloudTrail-NetworkActivity" => Some(ObjectKind::NetworkActivity),
            "CloudTrail-Digest" => Some(ObjectKind::Digest),
            "CloudTrail-Insight" => Some(ObjectKind::Insight),
            "CloudTrail-Aggregated" => Some(ObjectKind::Aggregated),
            _ => None,
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
        matches!(self, ObjectKind::Log | ObjectKind::NetworkActivity | ObjectKind::Insight | ObjectKind::Aggregated)
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
        let folders = LogKey::from_lake(&parts)
            .or_else(|| LogKey::from_security_lake(&parts))
            .or_else(|| LogKey::from_folders(&parts))
            .unwrap_or(LogKey::unknown());
        parts.last().and_then(|name| LogKey::from_file_name(name)).unwrap_or(folders)
    }

    /// Parses a key below `source`, the folder that the user named.
    ///
    /// What a source itself lies in never hides anything: only the part below it is parsed, unless the source is a
    /// folder of CloudTrail's own layout that has logs below it, such as `AWSLogs/<account>` or
    /// `AWSLogs/<account>/CloudTrail/<region>`.
    pub fn below(source: &str, path: &str) -> LogKey {
        let is_layout = source.split('/').any(|part| part == "AWSLogs") && {
            let key = LogKey::parse(source);
            key.kind == ObjectKind::Unknown || (key.kind.has_events() && key.account_id.is_some())
        };
        let below = path.strip_prefix(source).filter(|_| !is_layout);
        LogKey::parse(below.filter(|below| !below.is_empty()).unwrap_or(path))
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

    /// A lake inside an archive.
    fn from_lake(parts: &[&str]) -> Option<LogKey> {
        let is_lake = parts.iter().any(|part| matches!(*part, "_delta_log" | "_trailhunt"));
        is_lake.then(|| LogKey { kind: ObjectKind::Service("files of a lake".into()), ..LogKey::unknown() })
    }

    /// `AWSLogs/[...]<account>/<kind>/...`, or a folder with one of CloudTrail's own names.
    fn from_folders(parts: &[&str]) -> Option<LogKey> {
        let root = parts.iter().rposition(|part| *part == "AWSLogs").map_or(0, |at| at + 1);
        let has_root = root > 0;
        // Between AWSLogs and the account there may be the organisation and folders of a team.
        let account_at = parts[root..].iter().position(|part| is_account(part)).map(|at| root + at);
        let named = parts[root..].iter().rposition(|part| ObjectKind::from_name(part).is_some()).map(|at| root + at);
        let (kind_at, kind) = match (named, account_at) {
            (Some(at), _) => (at, ObjectKind::from_name(parts[at])?),
            // Other services have their own folder in an account. A log there is not a folder.
            (None, Some(account)) if has_root && parts.get(account + 1).is_some_and(|part| !may_be_a_log(part)) => {
                (account + 1, ObjectKind::Service(parts[account + 1].into()))
            }
            (None, Some(account)) if has_root => (account + 1, ObjectKind::Unknown),
            (None, _) => return None,
        };
        let before = kind_at.checked_sub(1).filter(|at| is_account(parts[*at]));
        let account_id = before.or(account_at.filter(|at| has_root && *at < kind_at)).map(|at| parts[at].to_owned());
        let region = parts.get(kind_at + 1).filter(|part| is_region(part)).map(|part| part.to_string());
        let date = date_of_folders(parts.get(kind_at + 1 + usize::from(region.is_some())..).unwrap_or_default());
        Some(LogKey { kind, account_id, region, date })
    }

    fn from_file_name(name: &str) -> Option<LogKey> {
        let mut parts = name.split('_');
        let account = parts.next().filter(|part| is_account(part))?;
        let kind = ObjectKind::from_name(parts.next()?)?;
        let region = parts.next().filter(|part| is_region(part))?;
        // The name of a trail, in that of a digest, can look like a day; the time comes after it.
        let is_time = |part: &&str| {
            part.len() >= 8 && part.as_bytes()[..8].iter().all(u8::is_ascii_digit) && part[8..].starts_with(['T', '.'])
        };
        let time = parts.rfind(is_time)?;
        Some(LogKey { kind, account_id: Some(account.into()), region: Some(region.into()), date: day(&time[..8])? })
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

/// Year, month and day, as far as the first folders are numbers of a date. CloudTrail began in 2013, S3 in 2006: a
/// smaller number is not a year.
fn date_of_folders(parts: &[&str]) -> (Option<i32>, Option<u32>, Option<u32>) {
    let number = |at: usize, digits: std::ops::RangeInclusive<usize>, values: std::ops::RangeInclusive<u32>| {
        let part = parts.get(at).filter(|part| digits.contains(&part.len()))?;
        part.parse::<u32>().ok().filter(|number| values.contains(number))
    };
    let year = number(0, 4..=4, 2006..=9998);
    let month = year.and_then(|_| number(1, 1..=2, 1..=12));
    let day = month.and_then(|_| number(2, 1..=2, 1..=31));
    (year.map(|year| year as i32), month, day)
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

/// True for 12 digits.
pub fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

/// True for text with the form of a region name.
pub fn is_region(text: &str) -> bool {
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
        assert!(kind("CloudTrail-Aggregated").has_events());
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
    fn folders_around_the_layout_hide_nothing() {
        let log = "111122223333_CloudTrail_us-east-1_20240506T0710Z_aaaaaaaaaaaaaaaa.json.gz";
        let day = "111122223333/CloudTrail/us-east-1/2024/05/06";
        for folder in [
            format!("CloudTrail-backup/AWSLogs/{day}"),
            format!("AWSLogs/AWSLogs/{day}"),
            format!("AWSLogs/o-abc/AWSLogs/o-abc/{day}"),
            format!("AWSLogs/security-team/{day}"),
            "AWSLogs/111122223333/backup/CloudTrail/us-east-1/2024/05/06".into(),
        ] {
            for path in [folder.clone(), format!("{folder}/{log}")] {
                let key = LogKey::parse(&path);
                assert_eq!((key.kind.clone(), key.day()), (ObjectKind::Log, date("2024-05-06")), "{path}");
                assert_eq!(key.account_id.as_deref(), Some("111122223333"), "{path}");
                assert_eq!(key.region.as_deref(), Some("us-east-1"), "{path}");
            }
        }
        for folder in ["AWSLogs/may-2024", "CloudTrail-Digest", "AWSLogs/111122223333/Config", "AWSLogs/111122223333"] {
            assert_eq!(LogKey::parse(&format!("{folder}/{log}")).kind, ObjectKind::Log, "{folder}");
        }
        for path in ["CloudTrail-Logs", "CloudTrail-Logs/2024-05/events.json", "AWSLogs/111122223333/events.json"] {
            assert_eq!(LogKey::parse(path).kind, ObjectKind::Unknown, "{path}");
        }
    }

    #[test]
    fn a_date_of_folders_has_a_year() {
        let days = |path: &str| LogKey::parse(path).days();
        assert_eq!(LogKey::parse("CloudTrail/2024/05/06/07/audit").day(), date("2024-05-06"));
        assert_eq!(days("CloudTrail/05/06/07/audit"), None);
        assert_eq!(days("CloudTrail/us-east-1/05/06/07/audit"), None);
        assert_eq!(days("CloudTrail/2024/13/06"), LogKey::parse("CloudTrail/2024").days());
    }

    #[test]
    fn the_folders_that_a_source_lies_in_hide_nothing() {
        let below = |source: &str, path: &str| LogKey::below(source, &format!("{source}/{path}"));
        for source in
            ["x/CloudTrail-Digest", "AWSLogs/111122223333/Config", "x/CloudTrail/1999", "AWSLogs/111122223333/a"]
        {
            assert_eq!(below(source, "events.json").kind, ObjectKind::Unknown, "{source}");
        }
        let key = below("AWSLogs/111122223333/CloudTrail/us-east-1", "2024/05/06/x.json.gz");
        assert_eq!((key.account_id.as_deref(), key.region.as_deref()), (Some("111122223333"), Some("us-east-1")));
        assert_eq!(key.day(), date("2024-05-06"));
        assert_eq!(below("AWSLogs/111122223333", "Config/x.json.gz").kind, ObjectKind::Service("Config".into()));
        assert_eq!(below("AWSLogs", "111122223333/Config/x.json.gz").kind, ObjectKind::Service("Config".into()));
        let digest = "CloudTrail/us-east-1/2024/05/06/111122223333_CloudTrail-Digest_us-east-1_t_us-east-1_20240506T100000Z.json.gz";
        assert_eq!(below("AWSLogs/111122223333", digest).kind, ObjectKind::Digest);
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
