//! The kinds of look-alike: normal work that resembles an attack.
//!
//! Some kinds change the organisation, and normal traffic then produces the events (a trip, a release); the others run
//! steps of their own. To add a kind, write a constant and its function in the file of its theme, and list the constant
//! in `KINDS`. Kinds that change the organisation come before kinds that use a person's session.

mod administration;
pub(crate) mod changes;
mod operations;
mod people;

use crate::sample::incidents::kind::Kind;

/// All kinds of look-alike; each happens at least once per sample.
pub(crate) static KINDS: &[Kind] = &[
    people::CONFERENCE_TRIP,
    people::NEW_JOINER,
    operations::RELEASE_DAY,
    people::VPN_EXIT_MOVED,
    operations::NEW_SERVICE,
    people::PRIVATE_VPN,
    administration::KEY_ROTATION,
    administration::ONBOARDING,
    administration::RESPONDER_SWEEP,
    administration::ROOT_YEARLY,
    operations::DENIED_JOB,
    operations::NIGHT_REPAIR,
    operations::WEEKEND_REPAIR,
    operations::BUCKET_MIGRATION,
    operations::RECOVERY_TEST,
    administration::AUDITOR_VISIT,
    operations::SNAPSHOT_LENT,
    administration::SECRET_ROTATION,
    administration::SERVICE_LAUNCH,
    administration::LOG_CLEANUP,
    administration::KEY_RETIRED,
    operations::PATCH_RUN,
    operations::HOTFIX_BY_HAND,
    people::FORGOTTEN_PASSWORD,
    people::HOLIDAY_LOGIN,
    administration::BREAK_GLASS_DRILL,
];
