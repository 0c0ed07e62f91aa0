//! Environments: what distinguishes one organisation from another, drawn at random.
//!
//! Thresholds that fit one generated organisation may fit no other. An environment therefore varies everything that
//! detectors may come to rely on. Each property is drawn by a generator of its own, so that a new property leaves the
//! others unchanged. Input: a seed. Output: the properties; `organisation` and `traffic` follow them. The ranges are
//! wide on purpose and taken from no detector.

use std::fmt;

use rand::Rng;

use crate::sample::random::{Purpose, hash_text, one_of, rng_for};

/// The properties of an organisation that are not its size.
#[derive(Clone, Debug, PartialEq)]
pub struct Environment {
    /// Where most people work, and the home region of the accounts.
    pub continent: Continent,
    /// Number of offices, one to three.
    pub offices: usize,
    /// How people sign in.
    pub sign_in: SignIn,
    /// Sign-ins at the access portal are logged with the type `Unknown`, as since 2025, not as `IdentityCenterUser`;
    /// in half of the environments.
    pub has_unknown_sign_ins: bool,
    /// Through which addresses people reach AWS.
    pub egress: Egress,
    /// Share of all events that people cause, 0.05 to 0.5; machines and AWS services cause the others.
    pub people_share: f64,
    /// Share of people who open a page of the console that is new to them on a quarter of their days, up to half.
    pub active: f64,
    /// Share of people who only ever repeat the same calls, up to half.
    pub quiet: f64,
    /// How often people work from a hotel, a library or abroad, as a share of their days, up to 0.05.
    pub elsewhere: f64,
    /// Programs with long-lived access keys for every person: 0.02 to 0.15 with Identity Center alone, else 0.1 to 0.4.
    pub programs: f64,
    /// Number of clusters whose operators read all secrets of their account, none to three.
    pub clusters: usize,
    /// Share of workloads that a pipeline deploys, 0.1 to 0.6.
    pub pipelines: f64,
    /// Pipelines run on machines of the organisation, not on those of a provider; in three of ten environments.
    pub has_own_runners: bool,
    /// What changes while the archive is written; each change in three of five environments.
    pub changes: Vec<Change>,
}

/// Where an organisation works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Continent {
    /// Hamburg, Dublin, and colleagues in Boston and Bengaluru.
    Europe,
    /// San Francisco, Chicago, Toronto, Boston.
    NorthAmerica,
    /// São Paulo, Buenos Aires, Santiago, Medellín.
    SouthAmerica,
    /// Tokyo, Singapore, Sydney, Bengaluru.
    AsiaPacific,
}

/// How people sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignIn {
    /// All through IAM Identity Center; their sessions are named by mail address.
    IdentityCenter,
    /// All as IAM users, with an access key for the CLI.
    IamUsers,
    /// One in eight as an IAM user, the others through IAM Identity Center.
    Both,
}

/// Through which addresses people reach AWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Egress {
    /// Everybody works at an office and leaves through its line.
    Office,
    /// Offices, homes and phones.
    HomeAndOffice,
    /// Everybody leaves through a few addresses of a VPN provider.
    Vpn,
    /// Everybody leaves through a security service with exits in several countries; addresses change daily.
    Sase,
    /// Everybody works at an office, and machines leave through its line, too.
    Shared,
}

/// A change of habits, networks or identities that looks like an attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// A new cluster, whose operator reads all secrets in its first hour.
    NewCluster,
    /// Everybody comes out of another network.
    ProxyRollout,
    /// The people of a permission set become sessions of a new role.
    PermissionSetRecreated,
    /// The posture scanner is denied by services that it never called.
    ScannerUpdate,
    /// Several people start on the same day.
    NewColleagues,
    /// A platform engineer rotates all keys of an account.
    AllKeysRotated,
    /// People start to use CloudShell.
    CloudShell,
}

impl Change {
    /// All changes; those that change people and networks come before those that use a person's session.
    pub(crate) const ALL: [Self; 7] = [
        Self::ProxyRollout,
        Self::CloudShell,
        Self::NewColleagues,
        Self::PermissionSetRecreated,
        Self::ScannerUpdate,
        Self::NewCluster,
        Self::AllKeysRotated,
    ];
}

impl Environment {
    /// The organisation of a sample that draws no environment.
    pub(crate) const STANDARD: Self = Self {
        continent: Continent::Europe,
        offices: 4,
        sign_in: SignIn::Both,
        has_unknown_sign_ins: false,
        egress: Egress::HomeAndOffice,
        people_share: 0.22,
        active: 0.0,
        quiet: 0.0,
        elsewhere: 0.02,
        programs: 0.25,
        clusters: 0,
        pipelines: 1.0 / 3.0,
        has_own_runners: false,
        changes: Vec::new(),
    };

    /// The environment of this seed.
    pub(crate) fn draw(seed: u64) -> Self {
        use Continent::{AsiaPacific, Europe, NorthAmerica, SouthAmerica};
        let rng = |property: &str| rng_for(seed, Purpose::Environment, &[hash_text(property)]);
        let share = |property, from: f64, to: f64| rng(property).random_range(from..to);
        let sign_in = *one_of(&mut rng("sign-in"), &[SignIn::IdentityCenter, SignIn::IamUsers, SignIn::Both]);
        Self {
            continent: *one_of(&mut rng("continent"), &[Europe, NorthAmerica, SouthAmerica, AsiaPacific]),
            offices: rng("offices").random_range(1..=3),
            sign_in,
            has_unknown_sign_ins: rng("sign-in records").random_bool(0.5),
            egress: *one_of(
                &mut rng("egress"),
                &[Egress::Office, Egress::HomeAndOffice, Egress::Vpn, Egress::Sase, Egress::Shared],
            ),
            people_share: share("people share", 0.05, 0.5),
            active: share("active", 0.0, 0.5),
            quiet: share("quiet", 0.0, 0.5),
            elsewhere: share("elsewhere", 0.0, 0.05),
            programs: match sign_in {
                SignIn::IdentityCenter => share("programs", 0.02, 0.15),
                _ => share("programs", 0.1, 0.4),
            },
            clusters: rng("clusters").random_range(0..=3),
            pipelines: share("pipelines", 0.1, 0.6),
            has_own_runners: rng("runners").random_bool(0.3),
            changes: Change::ALL
                .into_iter()
                .filter(|change| rng(&format!("{change:?}")).random_bool(CHANGE_SHARE))
                .collect(),
        }
    }
}

/// Probability of each change.
const CHANGE_SHARE: f64 = 0.6;

impl fmt::Display for Environment {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |share: f64| format!("{:.0} %", share * 100.0);
        write!(
            out,
            "{:?}, offices: {}, sign-in: {:?}{}, egress: {:?}, events by people: {}, active: {}, quiet: {}, days \
             elsewhere: {:.1} %, programs: {} of people, clusters: {}, pipelines: {} of workloads{}, changes: {:?}",
            self.continent,
            self.offices,
            self.sign_in,
            if self.has_unknown_sign_ins { " (logged as Unknown)" } else { "" },
            self.egress,
            percent(self.people_share),
            percent(self.active),
            percent(self.quiet),
            self.elsewhere * 100.0,
            percent(self.programs),
            self.clusters,
            percent(self.pipelines),
            if self.has_own_runners { " (own runners)" } else { "" },
            self.changes
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_environment_is_drawn() {
        let drawn: Vec<_> = (0..200).map(Environment::draw).collect();
        for sign_in in [SignIn::IdentityCenter, SignIn::IamUsers, SignIn::Both] {
            assert!(drawn.iter().any(|it| it.sign_in == sign_in), "{sign_in:?}");
        }
        for egress in [Egress::Office, Egress::HomeAndOffice, Egress::Vpn, Egress::Sase, Egress::Shared] {
            assert!(drawn.iter().any(|it| it.egress == egress), "{egress:?}");
        }
        for change in Change::ALL {
            let count = drawn.iter().filter(|it| it.changes.contains(&change)).count();
            assert!((80..160).contains(&count), "{change:?} in {count} of 200");
        }
    }
}
