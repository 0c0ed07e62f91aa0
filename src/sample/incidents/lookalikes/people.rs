//! Benign changes in how and from where people sign in.

use rand::Rng;

use crate::sample::incidents::kind::Kind;
use crate::sample::incidents::scenario::{Scenario, step};
use crate::sample::networks::GUEST_NETWORKS;
use crate::sample::organisation::people::{Login, Mark, Trip};
use crate::sample::organisation::sites::{Site, office_abroad};
use crate::sample::random::one_of;

/// A person works from a conference abroad for some days.
pub(crate) const CONFERENCE_TRIP: Kind = Kind {
    name: "conference_trip",
    technique: "Somebody works from a conference abroad for some days",
    mitre: &[],
    description: "New country, network and hours, but the same second factor and habits, and a day without work on either side.",
    plant: conference_trip,
};

fn conference_trip(scenario: &mut Scenario<'_>) -> Option<()> {
    let from = scenario.weekday().index;
    let is_usual = scenario.usual_login();
    let traveller = scenario.take_person(|person| person.trip.is_none() && is_usual(person))?;
    let home = scenario.organisation.people[traveller].home.country;
    let network = loop {
        let network = one_of(&mut scenario.rng, &GUEST_NETWORKS);
        if network.country() != home {
            break network;
        }
    };
    let address = network.address(&mut scenario.rng);
    let utc_offset = match address.country {
        "US" => -8,
        "JP" => 9,
        "CH" => 1,
        _ => 0,
    };
    let to = from + scenario.rng.random_range(2..5);
    let person = &mut scenario.organisation.people[traveller];
    person.trip = Some(Trip { from, to, address, utc_offset });
    person.marks.push(Mark { from, to, incident: scenario.number, is_office_only: false });
    Some(())
}

/// A new colleague's first days.
pub(crate) const NEW_JOINER: Kind = Kind {
    name: "new_joiner",
    technique: "A new colleague's first days",
    mitre: &[],
    description: "Everything is done for the first time, from a new address, with the team's role.",
    plant: new_joiner,
};

fn new_joiner(scenario: &mut Scenario<'_>) -> Option<()> {
    let day = scenario.weekday().index;
    let is_usual = scenario.usual_login();
    let joiner = scenario.take_person(|person| person.trip.is_none() && is_usual(person))?;
    let person = &mut scenario.organisation.people[joiner];
    person.joined = day;
    person.marks.push(Mark { from: day, to: day + 3, incident: scenario.number, is_office_only: false });
    Some(())
}

/// An office's VPN exit moves to another country.
pub(crate) const VPN_EXIT_MOVED: Kind = Kind {
    name: "vpn_exit_moved",
    technique: "The exit of the office's VPN moves to another country",
    mitre: &[],
    description: "Everybody in one office changes country at once; provider, clients and habits stay the same.",
    plant: vpn_exit_moved,
};

fn vpn_exit_moved(scenario: &mut Scenario<'_>) -> Option<()> {
    let day = scenario.weekday().index;
    // At most two offices move within a sample.
    let sites = &scenario.organisation.sites;
    if sites.iter().filter(|site| site.new_exit.is_some()).count() == 2 {
        return None;
    }
    let is_direct = |site: &Site| site.office.is_some() && site.new_exit.is_none() && site.proxy.is_none();
    let site = sites.iter().position(is_direct)?;
    let exit = office_abroad(scenario.settings.environment().continent).address(&mut scenario.rng);
    scenario.organisation.sites[site].new_exit = Some((day, exit, scenario.number));
    let mark = Mark { from: day, to: day + 4, incident: scenario.number, is_office_only: true };
    for person in scenario.organisation.people.iter_mut().filter(|person| person.site == site) {
        person.marks.push(mark);
    }
    Some(())
}

/// A person works through a consumer VPN for some days.
pub(crate) const PRIVATE_VPN: Kind = Kind {
    name: "private_vpn",
    technique: "Somebody works through a consumer VPN for some days",
    mitre: &[],
    description: "A rented server's network as the exit, the usual client and habits.",
    plant: private_vpn,
};

fn private_vpn(scenario: &mut Scenario<'_>) -> Option<()> {
    let from = scenario.weekday().index;
    let person = scenario.take_person(|person| person.trip.is_none())?;
    let address = scenario.hosting_address();
    let to = from + scenario.rng.random_range(1..6);
    let user = &mut scenario.organisation.people[person];
    let utc_offset = scenario.organisation.sites[user.site].utc_offset;
    user.trip = Some(Trip { from, to, address, utc_offset });
    user.marks.push(Mark { from, to, incident: scenario.number, is_office_only: false });
    Some(())
}

/// A user types a wrong password several times before signing in.
pub(crate) const FORGOTTEN_PASSWORD: Kind = Kind {
    name: "forgotten_password",
    technique: "Somebody types a wrong password many times, then remembers",
    mitre: &[],
    description: "Failures and a success from the usual place.",
    plant: forgotten_password,
};

fn forgotten_password(scenario: &mut Scenario<'_>) -> Option<()> {
    let person = scenario.take_person(|person| person.login != Login::IdentityCenter)?;
    let day = scenario.weekday();
    let user = &scenario.organisation.people[person];
    let (home, browser) = (scenario.home_of(person, day), user.browser);
    let local = 9 - scenario.organisation.sites[user.site].utc_offset;
    scenario.start_at(day, local);
    scenario.pace = (6, 40);
    let page = scenario.sign_in_page(person, &home, browser);
    for _ in 0..scenario.rng.random_range(4..11) {
        scenario.run(&page, step("signin:ConsoleLogin").denied());
    }
    let session = scenario.sign_in_from(person, &home, browser);
    scenario.run_all(&session, "health:DescribeEventAggregates");
    Some(())
}

/// A user without MFA signs in from abroad.
pub(crate) const HOLIDAY_LOGIN: Kind = Kind {
    name: "holiday_login",
    technique: "Somebody without MFA signs in from a holiday",
    mitre: &[],
    description: "A new country and no second factor; the usual browser and the usual calls.",
    plant: holiday_login,
};

fn holiday_login(scenario: &mut Scenario<'_>) -> Option<()> {
    let person = scenario.take_person(|person| person.login != Login::IdentityCenter)?;
    let day = scenario.any_day();
    let (address, browser) = (
        one_of(&mut scenario.rng, &GUEST_NETWORKS).address(&mut scenario.rng),
        scenario.organisation.people[person].browser,
    );
    let hour = scenario.rng.random_range(6..21);
    scenario.start_at(day, hour);
    let session = scenario.sign_in_from(person, &address, browser);
    scenario.pace = (10, 120);
    let looks =
        "health:DescribeEventAggregates logs:StartQuery logs:GetQueryResults monitoring:GetMetricData s3:ListBuckets";
    let count = scenario.rng.random_range(3..15);
    scenario.run_random(&session, looks, count, 0.02);
    Some(())
}
