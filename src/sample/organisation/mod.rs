//! The fictional organisation: accounts, offices, people, workloads, pipelines, programs with access keys, a vendor.
//!
//! Input: the settings. Output: an `Organisation`, the same for the same settings. Look-alikes modify it before the
//! days are generated (a person joins, a VPN exit moves); after that it does not change.

pub(crate) mod accounts;
pub(crate) mod clusters;
pub(crate) mod jobs;
pub(crate) mod key_users;
pub(crate) mod occasional_tasks;
pub(crate) mod people;
pub(crate) mod pipelines;
pub(crate) mod regions;
pub(crate) mod sites;
pub(crate) mod workloads;

use crate::sample::calendar::Day;
use crate::sample::cloudtrail::calls::{CallId, Catalogue};
use crate::sample::environment::Egress;
use crate::sample::networks::{self, Address};
use crate::sample::organisation::accounts::{Account, account_id, create_account};
use crate::sample::organisation::clusters::{Cluster, create_cluster};
use crate::sample::organisation::key_users::{KeyUser, create_key_users};
use crate::sample::organisation::people::{Person, create_people};
use crate::sample::organisation::pipelines::{Pipeline, create_pipelines};
use crate::sample::organisation::regions::{HOME_REGION, RegionNames};
use crate::sample::organisation::sites::{Site, create_sites, regions_of};
use crate::sample::organisation::workloads::{Workload, create_workloads};
use crate::sample::random::{Purpose, hex, one_of, rng_for};
use crate::sample::settings::SampleSettings;

/// The organisation.
pub(crate) struct Organisation {
    /// Name of the company.
    pub(crate) company: &'static str,
    /// Names of the regions, by index.
    pub(crate) regions: RegionNames,
    /// Its AWS accounts.
    pub(crate) accounts: Vec<Account>,
    /// Index of the security account, which also runs Identity Center.
    pub(crate) security: usize,
    /// Id of the Identity Center directory.
    pub(crate) directory: String,
    /// The type of portal sign-ins is `Unknown`.
    pub(crate) has_unknown_sign_ins: bool,
    /// Where people work.
    pub(crate) sites: Vec<Site>,
    /// The people.
    pub(crate) people: Vec<Person>,
    /// The services.
    pub(crate) workloads: Vec<Workload>,
    /// Clusters; look-alikes add more.
    pub(crate) clusters: Vec<Cluster>,
    /// From this day on the audit scanner makes new calls, which belong to this incident at first.
    pub(crate) scanner_update: Option<(u32, Vec<CallId>, u16)>,
    /// Hours by which the day begins earlier than in Hamburg.
    pub(crate) hours_earlier: i64,
    /// The build pipelines.
    pub(crate) pipelines: Vec<Pipeline>,
    /// IAM users of programs.
    pub(crate) key_users: Vec<KeyUser>,
    /// The monitoring vendor's account id.
    pub(crate) vendor_account_id: String,
    /// The monitoring vendor's addresses.
    pub(crate) vendor_addresses: Vec<Address>,
}

impl Organisation {
    /// Creates the organisation for these settings.
    pub(crate) fn new(settings: &SampleSettings, catalogue: &mut Catalogue) -> Self {
        let mut rng = rng_for(settings.seed, Purpose::Organisation, &[]);
        let environment = settings.environment();
        let regions = regions_of(environment.continent);
        let company = *one_of(&mut rng, &COMPANIES);
        let mut accounts: Vec<_> = (0..settings.accounts.max(1) as usize)
            .map(|index| create_account(&mut rng, company, &regions, index))
            .collect();
        let security = accounts.len().min(3) - 1;
        let workload_count = scaled(settings, 22.0, 0.6, 8).max(accounts.len());
        let workloads = create_workloads(&mut rng, catalogue, company, &regions, &mut accounts, workload_count);
        let sites = create_sites(&mut rng, environment);
        if let (Egress::Shared, Some(office)) = (environment.egress, &sites[0].office) {
            for account in &mut accounts {
                account.nat[HOME_REGION] = office.clone();
            }
        }
        let hours_earlier = sites[0].utc_offset - 1;
        let pipelines = create_pipelines(&mut rng, catalogue, company, &workloads, environment);
        let people_count = settings.people.map_or(scaled(settings, 36.0, 0.75, 12), |people| people.max(1) as usize);
        let programs = match settings.environment {
            None => (people_count / 4).max(6),
            Some(_) => (people_count as f64 * environment.programs).round() as usize,
        };
        let key_users = create_key_users(&mut rng, catalogue, &sites, &workloads, programs, settings.days);
        for user in &key_users {
            accounts[user.account].users.push(user.name.clone());
        }
        let people =
            create_people(&mut rng, catalogue, settings, &sites, &mut accounts, security, company, people_count);
        let start = Day::new(settings.start, 0).midnight;
        let mut clusters = Vec::new();
        for index in 0..environment.clusters {
            let account = index % accounts.len();
            let cluster = create_cluster(&mut rng, &clusters, &accounts, account, regions[HOME_REGION], start, 0);
            clusters.push(cluster);
        }
        let vendor_addresses = (0..4).map(|_| networks::VENDOR.address(&mut rng)).collect();
        Self {
            company,
            regions,
            security,
            directory: format!("d-{}", hex(&mut rng, 10)),
            has_unknown_sign_ins: environment.has_unknown_sign_ins,
            sites,
            people,
            clusters,
            scanner_update: None,
            hours_earlier,
            workloads,
            pipelines,
            key_users,
            vendor_account_id: account_id(&mut rng),
            vendor_addresses,
            accounts,
        }
    }
}

/// A number that grows with traffic, but more slowly: ten times the traffic does not need ten times the people.
fn scaled(settings: &SampleSettings, at_5000_a_day: f64, power: f64, least: usize) -> usize {
    let grown = at_5000_a_day * (f64::from(settings.events_per_day) / 5_000.0).powf(power);
    (grown.round() as usize).max(least)
}

const COMPANIES: [&str; 8] =
    ["nordhafen", "birkwald", "lumafield", "tidewright", "corvella", "ostmark-labs", "meridium", "halvorsen"];
