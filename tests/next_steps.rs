//! The next steps of findings: the commands of a whole hunt over a detector's fixture, with the names of its events.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::collections::BTreeSet;

use trailhunt::cli;
use trailhunt::detect::{Finding, Library, Settings, expand, run};
use trailhunt::response::add_next_steps;
use trailhunt::workbench::fixture::session;

const LAKE: &str = "/srv/it's a lake";

/// The findings of a detector on its fixture.
async fn findings(id: &str) -> Vec<Finding> {
    let library = Library::load(&[]).unwrap();
    let records = expand(Library::fixture(id).unwrap()).unwrap();
    let (session, window) = session(&records).await.unwrap();
    let detectors = [library.get(id).unwrap()];
    let mut hunt = run(&detectors, &session, window, &Settings::default(), |_, _| {}).await.unwrap();
    assert!(hunt.failed.is_empty(), "{:?}", hunt.failed);
    add_next_steps(&session, &mut hunt.findings, LAKE).await.unwrap();
    hunt.findings
}

fn about<'a>(findings: &'a [Finding], name: &str) -> &'a Finding {
    findings.iter().find(|finding| finding.entity.ends_with(name)).unwrap()
}

/// The commands of a finding that change something.
fn changes(finding: &Finding) -> Vec<&str> {
    let steps = finding.next_steps.iter().filter(|step| step.changes);
    steps.filter_map(|step| step.command.as_deref()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_weakened_is_restored_and_a_failed_attempt_needs_no_undo() {
    let findings = findings("trail_tampering").await;
    let region = "--region=us-east-1";
    let of_anna = changes(about(&findings, "user/anna"));
    for expected in [
        "aws cloudtrail start-logging --name=arn:aws:cloudtrail:us-east-1:111122223333:trail/main",
        "aws guardduty update-detector --detector-id=12abc34d567e8fa901bc2d34e56789f0 --enable",
        "aws configservice start-configuration-recorder --configuration-recorder-name=default",
    ] {
        assert!(of_anna.contains(&&*format!("{expected} {region}")), "{expected} is not among {of_anna:#?}");
    }
    let of_guest = changes(about(&findings, "user/guest"));
    assert!(!of_guest.is_empty() && of_guest.iter().all(|command| command.starts_with("aws iam ")), "{of_guest:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sharing_permissions_and_keys_are_taken_back() {
    let findings = findings("sensitive_api").await;
    let all: Vec<&str> = findings.iter().flat_map(changes).collect();
    for expected in [
        "aws iam detach-user-policy --user-name=anna --policy-arn=",
        "aws iam delete-role-policy --role-name=shop --policy-name=",
        "aws s3api delete-bucket-policy --bucket=acme-customers",
        "aws ec2 modify-snapshot-attribute --snapshot-id=snap-0a1b2c3d --attribute=createVolumePermission",
        "aws kms cancel-key-deletion --key-id=",
    ] {
        assert!(all.iter().any(|command| command.starts_with(expected)), "{expected} is not among {all:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_look_is_a_command_of_this_program_about_the_right_lake() {
    for id in ["trail_tampering", "login_failures", "key_from_two_networks", "account_silence"] {
        for finding in findings(id).await {
            let looks = finding.next_steps.iter().filter(|step| !step.changes).filter_map(|step| step.command.as_ref());
            let looks: Vec<_> = looks.filter(|command| command.starts_with("trailhunt ")).collect();
            assert!(looks.len() >= 2 && looks[0].ends_with(&finding.id), "{id}: {looks:#?}");
            for command in looks {
                let words = shlex::split(command).unwrap();
                assert!(words.contains(&format!("--lake={LAKE}")), "{command}");
                let parsed = cli::command().try_get_matches_from(&words);
                assert!(parsed.is_ok(), "{command}: {parsed:?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finding_about_two_places_has_evidence_from_both() {
    for (id, entity, places) in [
        ("impossible_travel", "user/anna", ["195.186.1.111", "200.160.2.3"]),
        ("impossible_travel", "user/greta", ["195.186.1.111", "200.160.2.3"]),
        ("key_from_two_networks", "AKIAC5A72D2A04B5", ["195.186.1.111", "200.160.2.3"]),
        ("credentials_outside_aws", "role/web-shop", ["52.94.76.1", "200.160.2.3"]),
    ] {
        let findings = findings(id).await;
        let evidence =
            about(&findings, entity).evidence.events.iter().filter_map(|event| event.source_ip_address.as_deref());
        assert_eq!(evidence.collect::<BTreeSet<_>>(), BTreeSet::from(places), "{id}: {entity}");
    }
}
