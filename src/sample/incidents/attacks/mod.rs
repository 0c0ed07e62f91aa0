//! The kinds of attack, by theme.
//!
//! To add a kind, write a constant and its function in the file of its theme (or in a new file), and list the constant
//! in `KINDS`. The function asks the scenario for a victim, a time and an address, then runs the steps; `.key()` marks
//! those that reveal the attack. Names and clients are those of normal traffic: only behaviour reveals an attack.
//! A kind in the middle of the list moves the later ones: the same seed then gives another sample.

mod compute;
mod credentials;
mod defences;
mod exfiltration;
mod persistence;
mod privileges;
mod secrets;

use crate::sample::incidents::kind::Kind;

/// All kinds of attack. A sample plants them in this order, starting again at the first, until it has enough.
pub(crate) static KINDS: &[Kind] = &[
    credentials::STOLEN_PASSWORD,
    credentials::SESSION_ELSEWHERE,
    credentials::LEAKED_KEY,
    privileges::PRIVILEGE_ESCALATION,
    defences::DEFENCE_EVASION,
    exfiltration::SHARED_OUTSIDE,
    exfiltration::INSTANCE_CREDENTIALS_ABROAD,
    credentials::POISONED_PIPELINE,
    defences::KEYS_DESTROYED,
    compute::INSTANCES_ELSEWHERE,
    credentials::QUIET_KEY,
    credentials::DORMANT_KEY,
    credentials::GUESSED_PASSWORD,
    credentials::ROOT_LOGIN,
    persistence::BACKDOOR_KEY,
    persistence::LOGIN_PROFILE,
    persistence::FOREIGN_TRUST,
    persistence::IDENTITY_PROVIDER,
    persistence::ROLES_ANYWHERE,
    persistence::FEDERATION_TOKEN,
    persistence::SECOND_FACTOR_REMOVED,
    privileges::OLDER_VERSION,
    privileges::JOINED_GROUP,
    privileges::INSTANCE_TAKEOVER,
    privileges::SCHEDULED_FUNCTION,
    defences::DETECTOR_SUSPENDED,
    defences::BLIND_SPOTS,
    defences::ORGANISATION_LEFT,
    defences::OBJECTS_RANSOMED,
    defences::KEY_POLICY_TAKEN,
    defences::BACKUPS_DELETED,
    exfiltration::BUCKET_DRAINED,
    exfiltration::SLOW_READ,
    exfiltration::SNAPSHOT_GIVEN_AWAY,
    exfiltration::BUCKET_LENT,
    secrets::SECRETS_HARVESTED,
    secrets::PARAMETERS_FROM_MACHINE,
    secrets::STARTUP_SECRETS,
    compute::COMMANDS_SENT,
    compute::FUNCTION_REPLACED,
    compute::IMAGE_REPLACED,
    compute::MAIL_PROBED,
    compute::MODELS_ABUSED,
];
