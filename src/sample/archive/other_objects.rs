//! Objects of other kinds that real buckets contain beside log objects: digests and a configuration snapshot.

use std::path::Path;
use std::{fs, io};

use crate::sample::archive::objects::write_gzip;
use crate::sample::calendar::{Day, HOUR, timestamp};
use crate::sample::organisation::regions::HOME_REGION;
use crate::sample::random::{Purpose, Uuid, hex, rng_for};
use crate::sample::traffic::world::World;

/// Writes digests and a configuration snapshot. They are placeholders: the digests list no log files.
pub(crate) fn write_other_objects(out: &Path, world: &World<'_>) -> io::Result<()> {
    let rng = &mut rng_for(world.settings.seed, Purpose::Archive, &[u64::MAX]);
    let region = world.organisation.regions[HOME_REGION];
    for account in &world.organisation.accounts {
        for index in 0..world.settings.days.min(2) {
            let day = Day::new(world.settings.start, index);
            let (date, id) = (day.date.format("%Y/%m/%d").to_string(), &account.id);
            let (begin, end) = (timestamp(day.midnight + HOUR), timestamp(day.midnight + 2 * HOUR));
            let folder = out.join("AWSLogs").join(id).join("CloudTrail-Digest").join(region).join(&date);
            fs::create_dir_all(&folder)?;
            let name = format!(
                "{id}_CloudTrail-Digest_{region}_{}_{region}_{}.json.gz",
                account.trail,
                end.replace(['-', ':'], "")
            );
            let digest = format!(
                r#"{{"awsAccountId":"{id}","digestStartTime":"{begin}","digestEndTime":"{end}","digestS3Bucket":"{}","digestS3Object":"AWSLogs/{id}/CloudTrail-Digest/{region}/{date}/{name}","digestPublicKeyFingerprint":"{}","digestSignatureAlgorithm":"SHA256withRSA","newestEventTime":"{end}","oldestEventTime":"{begin}","previousDigestS3Bucket":null,"previousDigestS3Object":null,"previousDigestHashValue":null,"logFiles":[]}}"#,
                account.log_bucket,
                hex(rng, 32),
            );
            write_gzip(&folder.join(name), digest.as_bytes())?;
        }
    }
    let account = &world.organisation.accounts[0];
    let day = Day::new(world.settings.start, 0);
    let folder = out
        .join("AWSLogs")
        .join(&account.id)
        .join("Config")
        .join(region)
        .join(day.date.format("%Y/%-m/%-d").to_string());
    let folder = folder.join("ConfigSnapshot");
    fs::create_dir_all(&folder)?;
    let id = Uuid::draw(rng);
    let moment = timestamp(day.midnight + 3 * HOUR);
    let name = format!("{}_Config_{region}_ConfigSnapshot_{}_{id}.json.gz", account.id, moment.replace(['-', ':'], ""));
    let snapshot = format!(
        r#"{{"fileVersion":"1.0","configSnapshotId":"{id}","configurationItems":[{{"configurationItemVersion":"1.3","configurationItemCaptureTime":"{moment}","awsAccountId":"{}","awsRegion":"{region}","resourceType":"AWS::EC2::VPC","resourceId":"{}","configurationItemStatus":"OK","relationships":[],"configuration":{{"state":"available"}}}}]}}"#,
        account.id, account.vpc
    );
    write_gzip(&folder.join(name), snapshot.as_bytes())?;
    Ok(())
}
