//! Sigma rules: read from files, changed by pipelines, compiled to conditions on events, and evaluated all at once.
//!
//! `load` reads files, `pipeline` renames fields and fills in placeholders, `rule` compiles a rule with the help of `field`
//! (where a member of the record is) and `value` (what it is compared with), `correlation` evaluates rules over rules,
//! `matches` all of them in a session, and `convert` writes a rule as a detector. [`Sigma`] is the whole set. A rule that cannot run is [`Rejected`], with its place and the reason.

mod convert;
mod correlation;
mod field;
mod load;
mod matches;
mod pipeline;
mod rule;
mod value;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::path::{Path, PathBuf};

use rsigma_ir::IrRuleMetadata;
use rsigma_ir::lower::lower_correlation;
use rsigma_parser::{CorrelationRule, FilterRule, FilterRuleTarget, Level, LogSource, SigmaRule, Status};

use self::correlation::Correlation;
use self::load::{Document, Source};
use self::pipeline::Pipeline;
use crate::engine::{Condition, Rule};
use crate::error::{Error, Result};
use crate::sha256;
use crate::wording::counted;

/// What a rule says about itself.
#[derive(Debug, Clone)]
pub struct About {
    /// Its `id`, or its name, or its file's name: unique.
    pub id: String,
    /// `sigma_` and the file's name: the id of its detector. Unique as well.
    pub name: String,
    /// Its title.
    pub title: String,
    /// The name that its author gave it, for correlations and filters.
    given_name: Option<String>,
    /// How well it was tested.
    status: Option<Status>,
    /// Its level.
    pub level: Option<Level>,
    /// Its description.
    pub description: String,
    /// Known reasons for matches that are harmless.
    pub false_positives: Vec<String>,
    /// Where to read more.
    pub references: Vec<String>,
    /// Its tags, such as `attack.t1098`.
    pub tags: Vec<String>,
    /// The file.
    pub path: PathBuf,
    /// The document.
    pub text: String,
    /// False for a rule that only serves correlations.
    pub is_reported: bool,
}

/// A rule about single events.
#[derive(Debug, Clone)]
pub struct SigmaDetection {
    /// What it says about itself.
    pub about: About,
    /// The events it matches, filters included.
    pub condition: Condition,
}

/// A rule about several events.
#[derive(Debug, Clone)]
pub struct SigmaCorrelation {
    /// What it says about itself.
    pub about: About,
    /// Its rules, window and condition.
    correlation: Correlation,
    /// SQL of each field of `group-by`, over the matches of its rules.
    group_by: Vec<String>,
    /// SQL of the value that is counted or summed.
    value: Option<String>,
}

/// A document that cannot run.
#[derive(Debug, Clone)]
pub struct Rejected {
    /// The file.
    pub path: PathBuf,
    /// Line of what is wrong, from 1.
    pub line: usize,
    /// The rule's title, if it could be read.
    pub title: String,
    /// What is wrong.
    pub reason: String,
}

/// One line: file, line, title, reason.
impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.path.display(), self.line)?;
        if !self.title.is_empty() {
            write!(f, "{}: ", self.title)?;
        }
        f.write_str(&self.reason)
    }
}

/// A set of Sigma rules.
#[derive(Debug, Default)]
pub struct Sigma {
    /// Rules about single events.
    pub rules: Vec<SigmaDetection>,
    /// Rules about several events, each after those it refers to.
    pub correlations: Vec<SigmaCorrelation>,
    /// What cannot run.
    pub rejected: Vec<Rejected>,
    /// Documents that another file contains word for word.
    pub repeated: usize,
}

/// The rules while they are read.
#[derive(Default)]
struct Loading {
    sigma: Sigma,
    ids: HashMap<String, (PathBuf, String)>,
    names: HashSet<String>,
    /// Log sources by id, before pipelines changed them.
    log_sources: HashMap<String, LogSource>,
}

impl Sigma {
    /// Reads the rules of files and folders, changed by pipelines.
    ///
    /// # Errors
    /// When a path cannot be read, or a pipeline is invalid. Rules that cannot run are in [`Sigma::rejected`].
    pub fn load(paths: &[PathBuf], pipelines: &[PathBuf]) -> Result<Sigma> {
        let pipeline = Pipeline::combine(pipelines.iter().map(|path| read_pipeline(path)).collect::<Result<Vec<_>>>()?);
        let (documents, rejected) = load::documents(paths)?;
        let mut loading = Loading { sigma: Sigma { rejected, ..Sigma::default() }, ..Loading::default() };
        let (mut correlations, mut filters) = (Vec::new(), Vec::new());
        for (source, document) in documents {
            match document {
                Document::Rule(rule) => loading.add_rule(source, *rule, &pipeline),
                Document::Correlation(rule) => correlations.push((source, *rule)),
                Document::Filter(filter) => filters.push((source, *filter)),
            }
        }
        for (source, filter) in filters {
            loading.add_filter(&source, filter, &pipeline);
        }
        loading.add_correlations(correlations, &pipeline);
        Ok(loading.sigma)
    }

    /// True if no rule was read, not even one that cannot run.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty() && self.correlations.is_empty() && self.rejected.is_empty()
    }

    /// `848 Sigma rules (5 correlations), 3 cannot run, 55 repeated`.
    pub fn counted(&self) -> String {
        let mut text = counted((self.rules.len() + self.correlations.len()) as u64, "Sigma rule");
        if !self.correlations.is_empty() {
            text.push_str(&format!(" ({})", counted(self.correlations.len() as u64, "correlation")));
        }
        text.push_str(&format!(", {} cannot run", self.rejected.len()));
        if self.repeated > 0 {
            text.push_str(&format!(", {} repeated", self.repeated));
        }
        text
    }

    /// What every rule says about itself.
    pub fn about(&self) -> impl Iterator<Item = &About> {
        self.rules.iter().map(|rule| &rule.about).chain(self.correlations.iter().map(|rule| &rule.about))
    }

    /// For each rule, what changes when its matches may change: a hash of its document, its condition, and those of its rules.
    pub fn fingerprints(&self) -> HashMap<&str, String> {
        let mut known: HashMap<&str, String> = HashMap::new();
        for SigmaDetection { about, condition } in &self.rules {
            known.insert(&about.id, fingerprint(&[&about.text, &condition.to_string()]));
        }
        for rule in &self.correlations {
            let ids = rule.correlation.rules.iter();
            let parts: Vec<&str> = ids.filter_map(|id| known.get(id.as_str())).map(String::as_str).collect();
            let sql = rule.group_by.join(",");
            let own = [rule.about.text.as_str(), &sql];
            let hash = fingerprint(&[&own[..], &parts].concat());
            known.insert(&rule.about.id, hash);
        }
        known
    }

    /// The rules about single events, for [`Session::add_rules`](crate::engine::Session::add_rules).
    pub fn engine_rules(&self) -> Vec<Rule> {
        let rule = |rule: &SigmaDetection| Rule { id: rule.about.id.clone(), condition: rule.condition.clone() };
        self.rules.iter().map(rule).collect()
    }
}

impl Loading {
    fn reject(&mut self, source: &Source, title: &str, reason: &str) {
        self.sigma.rejected.push(source.rejected(title, reason));
    }

    /// The id and the name of a document; `None` if the document is known already, or its id is used by another one.
    fn identify(&mut self, source: &Source, said: &IrRuleMetadata) -> Option<(String, String)> {
        let stem = source.path.file_stem().unwrap_or_default().to_string_lossy().to_lowercase();
        let id = said.id.as_ref().or(said.name.as_ref()).cloned().unwrap_or_else(|| stem.clone());
        if let Some((path, text)) = self.ids.get(&id) {
            if text.trim() == source.text.trim() {
                self.sigma.repeated += 1;
            } else {
                let reason =
                    format!("its id {id} is also that of another rule in {}; only that one runs", path.display());
                self.reject(source, &said.title, &reason);
            }
            return None;
        }
        self.ids.insert(id.clone(), (source.path.clone(), source.text.clone()));
        let in_name = |c: char| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '_' };
        let stem: String = stem.chars().map(in_name).collect();
        let short: String = id.to_lowercase().chars().take(8).map(in_name).collect();
        let name = format!("sigma_{stem}");
        let name = if self.names.contains(&name) { format!("{name}_{short}") } else { name };
        self.names.insert(name.clone());
        Some((id, name))
    }

    fn add_rule(&mut self, source: Source, mut rule: SigmaRule, pipeline: &Pipeline) {
        let log_source = rule.logsource.clone();
        let changed = pipeline.apply(&mut rule);
        let (said, condition) = match changed.and_then(|()| rule::compile(&rule)) {
            Ok(compiled) => compiled,
            Err(reason) => return self.reject(&source, &rule.title, &reason),
        };
        let Some((id, name)) = self.identify(&source, &said) else { return };
        self.log_sources.insert(id.clone(), log_source);
        self.sigma.rules.push(SigmaDetection { about: About::of(source, id, name, said), condition });
    }

    /// Adds a filter's condition to the rules that it names.
    fn add_filter(&mut self, source: &Source, mut filter: FilterRule, pipeline: &Pipeline) {
        let changed = pipeline.apply_to_filter(&mut filter);
        let condition = match changed.and_then(|()| rule::filter_condition(&filter.detection)) {
            Ok(condition) => condition,
            Err(reason) => return self.reject(source, &filter.title, &reason),
        };
        let applies = |about: &About| match &filter.rules {
            FilterRuleTarget::Any => true,
            FilterRuleTarget::Specific(named) => named.iter().any(|name| about.is_called(name)),
        };
        let mut filtered = 0;
        for rule in self.sigma.rules.iter_mut().filter(|rule| applies(&rule.about)) {
            rule.condition = Condition::all([rule.condition.clone(), condition.clone()]);
            filtered += 1;
        }
        if filtered == 0 {
            self.reject(source, &filter.title, "this filter names no rule that was read; add the rules to --sigma");
        }
    }

    /// Adds correlations, each after those it refers to.
    fn add_correlations(&mut self, mut waiting: Vec<(Source, CorrelationRule)>, pipeline: &Pipeline) {
        loop {
            let unresolved = |(_, rule): &(Source, CorrelationRule)| {
                let is_waiting = |name: &String| waiting.iter().any(|(_, other)| is_called(other, name));
                rule.rules.iter().any(is_waiting)
            };
            let Some(at) = waiting.iter().position(|one| !unresolved(one)) else { break };
            let (source, mut rule) = waiting.remove(at);
            let log_sources = self.log_sources(&rule, &source.path);
            let changed = pipeline.apply_to_correlation(&mut rule, &log_sources);
            if let Err(reason) = changed.and_then(|()| self.add_correlation(&source, &rule)) {
                self.reject(&source, &rule.title, &reason);
            }
        }
        for (source, rule) in waiting {
            self.reject(&source, &rule.title, "its rules refer to each other in a circle");
        }
    }

    /// The rule that a correlation in this file means. A title may be that of several rules; one in the same file is meant.
    fn referred(&self, name: &str, file: &Path) -> Result<&About, String> {
        let mut called: Vec<_> = self.sigma.about().filter(|about| about.is_called(name)).collect();
        if called.iter().any(|about| about.path == file) {
            called.retain(|about| about.path == file);
        }
        match called.as_slice() {
            [one] => Ok(one),
            [] => Err(format!("`{name}` is not a rule that was read and can run; add its file to --sigma")),
            several => Err(format!("{} rules are called `{name}`; refer to one by its id", several.len())),
        }
    }

    /// The log sources of the rules that a correlation refers to, as they were read.
    fn log_sources(&self, rule: &CorrelationRule, file: &Path) -> Vec<LogSource> {
        let of = |name: &String| {
            let about = self.referred(name, file).ok()?;
            self.log_sources.get(&about.id).cloned()
        };
        rule.rules.iter().filter_map(of).collect()
    }

    fn add_correlation(&mut self, source: &Source, rule: &CorrelationRule) -> Result<(), String> {
        let said = lower_correlation(rule).map_err(|e| e.to_string())?.metadata;
        let mut ids = Vec::new();
        for name in &rule.rules {
            ids.push(self.referred(name, &source.path)?.id.clone());
        }
        let (correlation, group_by, value) = compiled(rule, &ids)?;
        let Some((id, name)) = self.identify(source, &said) else { return Ok(()) };
        let about = About::of(source.clone(), id, name, said);
        self.sigma.correlations.push(SigmaCorrelation { about, correlation, group_by, value });
        if !rule.generate {
            let serves = |about: &&mut About| ids.contains(&about.id);
            let rules = self.sigma.rules.iter_mut().map(|rule| &mut rule.about);
            let all = rules.chain(self.sigma.correlations.iter_mut().map(|rule| &mut rule.about));
            all.filter(serves).for_each(|about| about.is_reported = false);
        }
        Ok(())
    }
}

impl About {
    fn of(source: Source, id: String, name: String, said: IrRuleMetadata) -> About {
        About {
            id,
            name,
            title: said.title,
            given_name: said.name,
            status: said.status,
            level: said.level,
            description: said.description.unwrap_or_default(),
            false_positives: said.falsepositives,
            references: said.references,
            tags: said.tags,
            path: source.path,
            text: source.text,
            is_reported: true,
        }
    }

    /// Whether a correlation or a filter means this rule: by its id, its name or its title.
    fn is_called(&self, name: &str) -> bool {
        self.id == name || self.title == name || self.given_name.as_deref() == Some(name)
    }

    /// The rejection of the rule as a whole.
    pub fn rejected(&self, reason: &str) -> Rejected {
        Rejected { path: self.path.clone(), line: 1, title: self.title.clone(), reason: reason.to_owned() }
    }
}

fn is_called(rule: &CorrelationRule, name: &String) -> bool {
    rule.id.as_ref() == Some(name) || rule.name.as_ref() == Some(name) || rule.title == *name
}

/// A correlation, and the SQL of its groups and of its value. `ids` are those of its rules.
fn compiled(rule: &CorrelationRule, ids: &[String]) -> Result<(Correlation, Vec<String>, Option<String>), String> {
    let correlation = Correlation::of(rule, ids.to_vec())?;
    // An alias is another field in each rule.
    let field = |name: &String| -> Result<String, String> {
        let Some(alias) = rule.aliases.iter().find(|alias| alias.alias == *name) else {
            return Ok(field::of(name)?.as_text());
        };
        let mut cases = BTreeMap::new();
        for (referred, field) in &alias.mapping {
            let at = rule.rules.iter().position(|name| name == referred);
            let id = at
                .map(|at| &ids[at])
                .ok_or_else(|| format!("alias {name} names {referred}, which is not among its rules"))?;
            cases.insert(id, field::of(field)?.as_text());
        }
        let cases: String = cases.iter().map(|(id, sql)| format!(" WHEN {} THEN {sql}", field::quoted(id))).collect();
        Ok(format!("CASE rule{cases} END"))
    };
    let group_by = rule.group_by.iter().map(field).collect::<Result<Vec<_>, _>>()?;
    let value = match &correlation.value_field {
        None => None,
        Some(fields) => {
            let fields = fields.iter().map(field).collect::<Result<Vec<_>, _>>()?;
            Some(match fields.as_slice() {
                [one] => one.clone(),
                // Values of several fields are counted together; a value that is missing makes the whole one missing.
                several => several.join(" || chr(31) || "),
            })
        }
    };
    Ok((correlation, group_by, value))
}

fn fingerprint(parts: &[&str]) -> String {
    sha256::hex(parts.join("\u{1f}").as_bytes())[..16].to_owned()
}

fn read_pipeline(path: &Path) -> Result<Pipeline> {
    let text = std::fs::read_to_string(path).map_err(|source| Error::File { path: path.to_path_buf(), source })?;
    Pipeline::parse(&text).map_err(|(line, reason)| Error::Usage(format!("{}:{line}: {reason}", path.display())))
}
