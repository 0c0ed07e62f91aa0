//! Examples at the end of each command's help. `tests/docs.rs` parses them.

/// The examples of each command, by its name. Lines of at most 98 columns stay in one piece in the help.
const EXAMPLES: &[(&str, &[&str])] = &[
    (
        "trailhunt",
        &[
            "trailhunt demo",
            "trailhunt run s3://acme-trail/AWSLogs --lake s3://acme-lake/cloudtrail --from 2d --to today",
            "trailhunt entity arn:aws:iam::111122223333:user/maria --lake lake",
        ],
    ),
    ("demo", &["trailhunt demo", "trailhunt demo --dir /tmp/demo"]),
    ("sample", &["trailhunt sample --out sample --days 14", "trailhunt sample --out sample --environment 7"]),
    (
        "ingest",
        &[
            "trailhunt ingest AWSLogs --lake lake",
            "trailhunt ingest s3://acme-trail/AWSLogs --lake s3://acme-lake/cloudtrail --from 2024-03-01",
            "trailhunt ingest AWSLogs --lake lake --account 111122223333,444455556666 --region eu-west-1",
            "trailhunt ingest cloudtrail://eu-west-1 --lake lake --from 7d",
            "trailhunt ingest s3://acme-trail/AWSLogs --lake s3://acme-lake/cloudtrail --shard 2/8",
        ],
    ),
    (
        "hunt",
        &[
            "trailhunt hunt --lake lake --report report.html",
            "trailhunt hunt --lake lake --from 7d --detector new_place,impossible_travel",
            "trailhunt hunt --lake lake --from 2d --to today --fail-on high --quiet",
            "trailhunt hunt --lake s3://acme-lake/cloudtrail --prepare --shard 2/8",
        ],
    ),
    (
        "backtest",
        &[
            "trailhunt backtest --lake lake --from 90d",
            "trailhunt backtest --lake lake --detector call_rate --alerts-per-day 0.5",
        ],
    ),
    (
        "run",
        &[
            "trailhunt run AWSLogs --lake lake --report report.html",
            "trailhunt run AWSLogs --lake lake --from 2d --to today --fail-on high --quiet   # each night",
        ],
    ),
    (
        "worker",
        &[
            "trailhunt worker --listen 127.0.0.1:7411",
            "trailhunt worker --cert w.pem --key w.key --cluster-ca ca.pem --cluster-token-file token",
        ],
    ),
    ("mcp", &["trailhunt mcp --lake lake", "trailhunt mcp --lake lake --listen 127.0.0.1:7412 --token-file token"]),
    ("baseline diff", &["trailhunt baseline diff 2024-03-01 2024-03-31 --lake lake"]),
    ("runs", &["trailhunt runs --lake lake --last 7"]),
    (
        "explain",
        &[
            "trailhunt explain 3f2a91c0 --lake lake",
            "trailhunt explain 3f2a91c0 --format md --lake lake",
            "trailhunt explain 3f2a91c0 --detector-dir mine --lake lake",
        ],
    ),
    (
        "verdict",
        &["trailhunt verdict 3f2a91c0 benign --note \"backup job\" --lake lake", "trailhunt verdict --lake lake"],
    ),
    ("evidence", &["trailhunt evidence last --lake lake --out case.tar.gz"]),
    (
        "verify",
        &[
            "trailhunt verify --lake lake",
            "trailhunt verify report.html --lake lake",
            "trailhunt verify --again 3f2a91c0 --sample 0 --lake lake",
        ],
    ),
    (
        "query",
        &[
            "trailhunt query key_timeline --param key=AKIAIOSFODNN7EXAMPLE --lake lake",
            "trailhunt query --finding 3f2a91c0 --lake lake",
            "trailhunt query 'SELECT actor, count(*) FROM calls GROUP BY actor' --out calls.csv --lake lake",
            "trailhunt query --describe calls --lake lake",
        ],
    ),
    ("queries", &["trailhunt queries", "trailhunt queries key_timeline"]),
    (
        "entity",
        &[
            "trailhunt entity arn:aws:iam::111122223333:user/maria --lake lake",
            "trailhunt entity 198.51.100.7 --from 7d --format md --lake lake",
            "trailhunt entity arn:aws:iam::111122223333:role/etl --policy --from 90d --lake lake",
        ],
    ),
    (
        "indicators",
        &[
            "trailhunt indicators feed.csv bundle.json --lake lake",
            "trailhunt indicators feed.csv --from 90d --format json --lake lake",
        ],
    ),
    ("shell", &["trailhunt shell --lake lake"]),
    ("detectors", &["trailhunt detectors list --severity high"]),
    (
        "detectors list",
        &[
            "trailhunt detectors list",
            "trailhunt detectors list --tactic credential-access",
            "trailhunt detectors list --reads s3.amazonaws.com",
        ],
    ),
    ("detectors show", &["trailhunt detectors show root_use"]),
    ("detectors new", &["trailhunt detectors new trail_stopped --detector-dir mine"]),
    ("detectors check", &["trailhunt detectors check --detector-dir mine", "trailhunt detectors check --sigma rules"]),
    ("detectors import", &["trailhunt detectors import rules/aws_root_usage.yml --detector-dir mine"]),
    ("detectors export", &["trailhunt detectors export trail_tampering --sigma"]),
    ("detectors test", &["trailhunt detectors test trail_stopped --detector-dir mine"]),
    ("detectors explain", &["trailhunt detectors explain new_place --lake lake --from 7d"]),
    ("lake status", &["trailhunt lake status --lake lake"]),
    ("lake rejects", &["trailhunt lake rejects --lake lake"]),
    ("lake compact", &["trailhunt lake compact --lake lake"]),
    ("lake vacuum", &["trailhunt lake vacuum --lake lake --retain-hours 720"]),
    (
        "lake verify-digests",
        &["trailhunt lake verify-digests s3://acme-trail/AWSLogs --public-keys keys.json --from 7d"],
    ),
    ("config show", &["trailhunt config show", "trailhunt config show --config nightly.toml"]),
    (
        "completions",
        &[
            "trailhunt completions bash > /etc/bash_completion.d/trailhunt",
            "trailhunt completions zsh > ~/.zfunc/_trailhunt",
            "trailhunt completions fish > ~/.config/fish/completions/trailhunt.fish",
        ],
    ),
    ("man", &["trailhunt man query | man -l -", "trailhunt man --out /usr/local/share/man/man1"]),
];

/// The command with the examples after its help, and those of its subcommands after theirs.
pub(super) fn with_examples(command: clap::Command) -> clap::Command {
    let name = command.get_name().to_owned();
    let command = ending(command, &name);
    command.mut_subcommands(|command| below(command, ""))
}

fn below(command: clap::Command, path: &str) -> clap::Command {
    let name = format!("{path}{}", command.get_name());
    let command = ending(command, &name);
    command.mut_subcommands(|command| below(command, &format!("{name} ")))
}

fn ending(command: clap::Command, name: &str) -> clap::Command {
    let Some((_, lines)) = EXAMPLES.iter().find(|(of, _)| *of == name) else { return command };
    let before = command.get_after_help().map(|text| format!("{text}\n\n")).unwrap_or_default();
    command.after_help(format!("{before}Examples:\n  {}", lines.join("\n  ")))
}
