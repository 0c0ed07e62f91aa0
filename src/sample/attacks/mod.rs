//! The attacks: one row and one function a kind.
//!
//! To add a kind, write its function in the file of its theme (or a new one) and its row here. The function asks the
//! scene for a victim that fits, a time and a place, and tells the acts; acts that give the attack away are marked with
//! `key`. Clients and names look like everybody else's: nothing but behaviour tells an attack from work.

mod compute;
mod credentials;
mod defences;
mod exfiltration;
mod privileges;

use super::incident::Kind;

/// All kinds; each is planted at least once.
pub(super) static KINDS: &[Kind] = &[
    Kind {
        name: "stolen_password",
        technique: "Console login from a country never seen for this person, without MFA, then browsing",
        mitre: &["T1078.004", "T1087.004", "T1580"],
        description: "A stolen password is tried, works, and somebody looks around for half an hour.",
        plant: credentials::stolen_password,
    },
    Kind {
        name: "session_elsewhere",
        technique: "A session's key is used from another continent while its owner works",
        mitre: &["T1550.001", "T1078.004", "T1530"],
        description: "Temporary credentials copied from a laptop; owner and thief call at the same time from places hours of flight apart.",
        plant: credentials::session_elsewhere,
    },
    Kind {
        name: "leaked_key",
        technique: "A leaked access key tries read calls over many services and regions",
        mitre: &["T1078.004", "T1580", "T1526", "T1087.004"],
        description: "A long-lived key from a repository; hundreds of calls in minutes from a hosting provider, most of them denied.",
        plant: credentials::leaked_key,
    },
    Kind {
        name: "privilege_escalation",
        technique: "A user gives itself administrator rights",
        mitre: &["T1098.003", "T1548.005", "T1078.004"],
        description: "After looking at its own permissions and one denied try: a policy version that allows everything, the administrator policy attached, or a function with a stronger role.",
        plant: privileges::privilege_escalation,
    },
    Kind {
        name: "defence_evasion",
        technique: "Trail, detector and flow logs switched off or blinded",
        mitre: &["T1562.008", "T1562.001", "T1070"],
        description: "A platform engineer's stolen login stops logging, narrows event selectors, suspends the detector, shortens the log bucket's life.",
        plant: defences::defence_evasion,
    },
    Kind {
        name: "shared_outside",
        technique: "Snapshot, image and bucket opened to an outside account or to everyone",
        mitre: &["T1537", "T1530"],
        description: "Data leaves by sharing instead of by reading: no volume to see, a few attribute changes only.",
        plant: exfiltration::shared_outside,
    },
    Kind {
        name: "instance_credentials_abroad",
        technique: "Credentials of an instance role used outside AWS to read a bucket out",
        mitre: &["T1552.005", "T1078.004", "T1530"],
        description: "The role session named after the instance appears at a hosting provider and reads far faster than it ever did.",
        plant: exfiltration::instance_credentials_abroad,
    },
    Kind {
        name: "poisoned_pipeline",
        technique: "A CI role reads every secret, then creates a user with a key",
        mitre: &["T1195.002", "T1555.006", "T1136.003", "T1098.001"],
        description: "A manipulated build step, from a usual runner at a usual time, makes calls that the role never made.",
        plant: credentials::poisoned_pipeline,
    },
    Kind {
        name: "keys_destroyed",
        technique: "KMS keys disabled and scheduled for deletion, then a burst of failing deletes",
        mitre: &["T1485", "T1486", "T1490"],
        description: "Key after key is switched off; deletes of buckets, snapshots and databases follow and are mostly denied.",
        plant: defences::keys_destroyed,
    },
    Kind {
        name: "instances_elsewhere",
        technique: "Large instances launched in regions that were never used",
        mitre: &["T1496", "T1535", "T1578.002", "T1562.007"],
        description: "A stolen key tries quotas region by region, opens a security group to the world and launches GPU instances.",
        plant: compute::instances_elsewhere,
    },
];
