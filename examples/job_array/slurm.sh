#!/bin/bash
#SBATCH --job-name=trailhunt-ingest
#SBATCH --array=1-8
#SBATCH --cpus-per-task=2
#SBATCH --mem=4G
# For the summaries, submit the same array with: trailhunt hunt --lake "$LAKE" --prepare --shard auto
set -euo pipefail
ARCHIVE="${ARCHIVE:-s3://acme-trail/AWSLogs}"
LAKE="${LAKE:-s3://acme-lake/cloudtrail}"
exec trailhunt ingest "$ARCHIVE" --lake "$LAKE" --shard auto
