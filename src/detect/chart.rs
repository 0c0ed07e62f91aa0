//! What the chart of a finding shows: the member `chart` of a detector's header.

use serde::{Deserialize, Serialize};

/// The chart of a detector's findings. Without one a finding has no chart: a chart of anything else would mislead.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Chart {
    /// What the detector counts, over time.
    #[serde(default)]
    pub series: Option<Series>,
    /// Column with what the detector counted.
    #[serde(default)]
    pub observed: Option<String>,
    /// Columns `baseline_*` with what it compared that with, without `baseline_`.
    #[serde(default)]
    pub usual: Vec<String>,
}

/// A series of sql/report/series.sql, about an identity or an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum Series {
    /// Calls of an identity that succeeded.
    #[serde(rename = "successful calls per hour")]
    SuccessfulCallsPerHour,
    /// Different APIs that were denied to an identity.
    #[serde(rename = "denied APIs per hour")]
    DeniedApisPerHour,
    /// Different error codes that an identity got.
    #[serde(rename = "error codes per hour")]
    ErrorCodesPerHour,
    /// Different secrets that an identity read.
    #[serde(rename = "secrets per hour")]
    SecretsPerHour,
    /// Changes in an account.
    #[serde(rename = "changes per hour")]
    ChangesPerHour,
    /// Failed calls of an identity.
    #[serde(rename = "failures per day")]
    FailuresPerDay,
    /// Regions in which an identity was active.
    #[serde(rename = "regions per day")]
    RegionsPerDay,
}

impl Series {
    /// Its name, as in the header.
    pub fn name(self) -> &'static str {
        match self {
            Series::SuccessfulCallsPerHour => "successful calls per hour",
            Series::DeniedApisPerHour => "denied APIs per hour",
            Series::ErrorCodesPerHour => "error codes per hour",
            Series::SecretsPerHour => "secrets per hour",
            Series::ChangesPerHour => "changes per hour",
            Series::FailuresPerDay => "failures per day",
            Series::RegionsPerDay => "regions per day",
        }
    }
}

impl Chart {
    /// The columns that it names.
    pub fn columns(&self) -> impl Iterator<Item = String> {
        self.observed.iter().cloned().chain(self.usual.iter().map(|name| format!("baseline_{name}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_series_is_the_one_in_the_header() {
        let all = [
            Series::SuccessfulCallsPerHour,
            Series::DeniedApisPerHour,
            Series::ErrorCodesPerHour,
            Series::SecretsPerHour,
            Series::ChangesPerHour,
            Series::FailuresPerDay,
            Series::RegionsPerDay,
        ];
        for series in all {
            assert_eq!(serde_json::to_value(series).expect("a text"), series.name());
        }
    }
}
