//! A Sigma rule as a detector of our own: one file of SQL with a header.

use rsigma_parser::{Level, Status};

use super::{About, Sigma, SigmaCorrelation, SigmaDetection};

/// Severity of a rule without a level.
const NO_LEVEL: &str = "low";

impl SigmaDetection {
    /// The file of a detector that finds the same events. It needs no Sigma rule to run.
    pub fn detector(&self, techniques: &[String]) -> String {
        let condition = self.condition.to_string().replace('\n', "\n    ");
        format!("{}{}", header(&self.about, techniques), QUERY.replace("{condition}", &condition))
    }
}

impl SigmaCorrelation {
    /// The file of a detector that reads the matches of this correlation.
    fn detector(&self, techniques: &[String], fingerprint: &str) -> String {
        let id = super::field::quoted(&self.about.id);
        let header = header(&self.about, techniques);
        format!("{header}-- Of rules with the hash {fingerprint}\n{}", OF_CORRELATION.replace("{id}", &id))
    }
}

/// The query of a converted rule. Novelty is that of the APIs for the identity: days before on which it called one of them.
const QUERY: &str = "WITH matched AS (
  SELECT *
  FROM events
  WHERE event_time >= $from AND event_time < $to
    AND ({condition})
),
daily AS (
  SELECT
    event_date, actor, account_id,
    min(event_time) AS first_time,
    max(event_time) AS last_time,
    count(*) AS events,
    count(*) FILTER (WHERE error_code IS NOT NULL) AS failures,
    array_distinct(array_agg(event_name ORDER BY event_time, event_id)) AS apis,
    evidence(event_id, event_time, '') AS evidence
  FROM matched
  GROUP BY event_date, actor, account_id
),
before AS (
  SELECT d.event_date, d.actor, count(DISTINCT u.event_date) AS days
  FROM daily AS d
  JOIN daily_api_use AS u
    ON u.actor = d.actor AND u.event_date < d.event_date AND array_has(d.apis, u.api)
  GROUP BY d.event_date, d.actor
)
SELECT
  d.first_time,
  d.last_time,
  CASE WHEN d.actor IS NULL THEN 'account' ELSE 'actor' END AS entity_type,
  coalesce(d.actor, d.account_id, 'unknown') AS entity,
  d.account_id,
  CAST(NULL AS VARCHAR) AS region,
  1.0 / (1.0 + coalesce(b.days, 0)) AS score,
  coalesce(d.actor, d.account_id, 'somebody') || CASE WHEN d.failures = d.events THEN ' tried ' ELSE ' called ' END
    || listed(d.apis, 5) || also_failed(d.failures, d.events)
    || '; called before on ' || counted(coalesce(b.days, 0), 'day', 'days') AS summary,
  d.evidence,
  d.events,
  d.apis,
  coalesce(b.days, 0) AS baseline_days_before
FROM daily AS d
LEFT JOIN before AS b ON b.event_date = d.event_date AND b.actor = d.actor
";

/// The query of a correlation: its matches are computed with those of its rules.
const OF_CORRELATION: &str = "SELECT
  min(event_time) AS first_time,
  max(event_time) AS last_time,
  'actor' AS entity_type,
  coalesce(actor, account_id, 'unknown') AS entity,
  account_id,
  CAST(NULL AS VARCHAR) AS region,
  0.5 AS score,
  coalesce(actor, account_id, 'somebody') || ' matched the correlation' AS summary,
  evidence(event_id, event_time, '') AS evidence
FROM sigma_correlated
WHERE rule = {id} AND event_time >= $from AND event_time < $to
GROUP BY event_date, actor, account_id
";

fn header(about: &About, techniques: &[String]) -> String {
    let level = about.level.map_or(NO_LEVEL, |level: Level| level.as_str());
    // Status says how well a rule was tested, which is what confidence is.
    let confidence = match about.status {
        Some(Status::Stable) => "high",
        Some(Status::Test) => "medium",
        _ => "low",
    };
    let list = |texts: &[String]| texts.iter().map(|text| toml_text(text)).collect::<Vec<_>>().join(", ");
    let respond = ["Compare what was called with what the identity does otherwise".to_owned()];
    let one_line = |text: &str| text.replace(['\n', '\r'], " ");
    let references: String = about.references.iter().map(|text| format!("-- {}\n", one_line(text))).collect();
    format!(
        "/*\ntitle      = {}\nseverity   = \"{level}\"\nconfidence = \"{confidence}\"\nkind       = \"behaviour\"\nattack     = \
         [{}]\nwhy        = {}\nbenign     = [{}]\nrespond    = [{}]\n*/\n-- Sigma rule {}\n{references}",
        toml_text(&about.title),
        list(techniques),
        toml_text(if about.description.is_empty() { &about.title } else { &about.description }),
        list(&about.false_positives),
        list(&respond),
        one_line(&about.id),
    )
}

/// A text of the header, on one line; it cannot end the comment that the header is in.
fn toml_text(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    toml::Value::String(line.replace("*/", "* /")).to_string()
}

impl About {
    /// Ids of ATT&CK techniques among the tags, such as T1098.003.
    pub fn techniques(&self) -> Vec<String> {
        let technique = |tag: &String| {
            let id = tag.to_ascii_lowercase();
            let id = id.strip_prefix("attack.t").filter(|id| id.starts_with(|c: char| c.is_ascii_digit()))?;
            Some(format!("T{id}"))
        };
        self.tags.iter().filter_map(technique).collect()
    }
}

impl Sigma {
    /// Id, name and detector file of each rule, with its techniques as far as `is_technique` knows them.
    pub fn detectors(&self, is_technique: impl Fn(&String) -> bool) -> Vec<(&About, String)> {
        let known = |about: &About| about.techniques().into_iter().filter(&is_technique).collect::<Vec<_>>();
        let rules = self.rules.iter().map(|rule| (&rule.about, rule.detector(&known(&rule.about))));
        let prints = self.fingerprints();
        let correlations = self.correlations.iter().map(|rule| {
            let print = prints.get(rule.about.id.as_str()).map_or("", String::as_str);
            (&rule.about, rule.detector(&known(&rule.about), print))
        });
        rules.chain(correlations).collect()
    }
}
