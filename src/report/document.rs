//! The report's types: what every format is written from, and the members of `report.json` (docs/report.schema.json).

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::compliance::Framework;
use super::coverage::Coverage;
use super::detector_summary::DetectorSummary;
use super::matrix::Matrix;
use super::recommendation::Recommendation;
use super::records::Records;
use super::sections::{Row, events_in_window};
use crate::detect::risk::Entity;
use crate::detect::suppression::{Suppressed, Use};
use crate::detect::{Finding, SigmaMatches, Window};
use crate::indicators::Search;
use crate::timeline::Timeline;

/// Version of the report's format. Adding a member keeps it; changing or removing one increases it.
pub const FORMAT_VERSION: u32 = 1;

/// The result of a run.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Report {
    /// Version of this format.
    pub format_version: u32,
    /// What was run, on which data.
    pub run: Run,
    /// What was read, and what could not be read.
    pub coverage: Coverage,
    /// Events by day, hour, actor, source address, country, network, service, API and region.
    pub statistics: BTreeMap<String, Vec<Row>>,
    /// What is normal for each identity.
    pub baselines: Vec<Row>,
    /// Days on which an identity was far more active than before, with or without a finding.
    pub deviations: Vec<Row>,
    /// Findings, most important first.
    pub findings: Vec<Finding>,
    /// Findings of the previous run that this run evaluated again, with events present, and no longer found.
    pub resolved: Vec<Finding>,
    /// The indicators that the history was searched for, and their events. Null when no file was given.
    pub indicators: Option<Search>,
    /// Findings that a suppression accepts. Nothing else in the report counts them.
    pub suppressed: Vec<Suppressed>,
    /// Every entry of the suppressions file, and what it matched.
    pub suppressions: Vec<Use>,
    /// Short names of the identities in this report; two identities never have the same.
    pub names: BTreeMap<String, String>,
    /// Entities that findings are about, highest risk first.
    pub entities: Vec<Entity>,
    /// What the riskiest identities did, in order of time, on the days of their heaviest findings.
    pub timelines: Vec<Timeline>,
    /// Detectors of this run, and how many findings each has.
    pub detectors: Vec<DetectorSummary>,
    /// ATT&CK techniques that detectors look for, and those found.
    pub attack: Matrix,
    /// Compliance controls that the detectors support, by framework.
    pub compliance: Vec<Framework>,
    /// Calls per day of the identities that findings are about, from before the window to its end.
    pub daily_calls: Vec<Row>,
    /// Counts per hour or day over time, of what detectors with a chart count.
    pub series: Vec<Row>,
    /// Addresses of the riskiest identities.
    pub identity_addresses: Vec<Row>,
    /// Access keys and temporary credentials of the riskiest identities.
    pub identity_keys: Vec<Row>,
    /// Records of the first events of each finding.
    pub records: Records,
    /// Calls that change permissions, credentials, sharing or logging.
    pub sensitive_api_calls: Vec<Row>,
    /// Failed calls by service and kind of error.
    pub error_rates: Vec<Row>,
    /// Recommended actions, most urgent first.
    pub recommendations: Vec<Recommendation>,
}

/// What was run, on which data.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Run {
    /// Unique id; ids sort by time.
    pub id: String,
    /// Program and version.
    pub tool: String,
    /// When the run ended, UTC.
    #[serde(serialize_with = "milliseconds")]
    #[cfg_attr(test, schemars(with = "String"))]
    pub finished_at: DateTime<Utc>,
    /// The window that was evaluated.
    pub window: Window,
    /// URL of the lake.
    pub lake: String,
    /// Delta version of the lake.
    pub lake_version: u64,
    /// SHA-256 over names and sizes of the lake's data files. File names are never reused, so this identifies the data.
    pub data_files_sha256: String,
    /// SHA-256 of every detector that ran, by id.
    pub detectors: BTreeMap<String, String>,
    /// Detectors that failed, with the reason.
    pub detectors_failed: Vec<String>,
    /// What Sigma rules matched, if there were any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sigma: Option<SigmaMatches>,
    /// Detector parameters that were set, by detector.
    pub settings: BTreeMap<String, BTreeMap<String, String>>,
    /// Alerts of unusual behaviour a day that the severities of the findings are set for.
    pub alerts_per_day: f64,
    /// GeoIP databases that were used.
    pub geography: Vec<String>,
    /// Attribution of the GeoIP data.
    pub attribution: String,
    /// Id of the run this one is compared with. If null, every finding is new.
    pub compared_with: Option<String>,
    /// SHA-256 of the newest record in the lake's chain of runs when this run began; null if there was none. The record of
    /// this run is added after the report is written.
    pub previous_record_sha256: Option<String>,
    /// How risk is computed.
    pub risk_formula: &'static str,
}

fn milliseconds<S: serde::Serializer>(time: &DateTime<Utc>, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.serialize_str(&time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true))
}

impl Report {
    /// Events within the window.
    pub fn events_in_window(&self) -> u64 {
        events_in_window(&self.statistics)
    }
}
