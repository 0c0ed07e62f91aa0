//! Finds the identities that a typed name means: a short name, an e-mail address, a role, or an ARN.

use std::collections::BTreeSet;

use super::Kind;
use crate::engine::{Parameters, Session};
use crate::error::{Error, Result};
use crate::wording::{counted, nearest, short_name};

/// Identities that one name may mean. More are an error that lists the first of them.
const MEANT_MAX: usize = 10;

/// All identities of the lake, and who is behind their sessions.
const NAMES: &str = "SELECT DISTINCT actor AS name FROM daily_activity \
                     UNION SELECT DISTINCT origin AS name FROM credential_origins WHERE origin <> 'unknown'";

/// The ARN, access key or address itself; for another name, every identity that has it as its name, as the last part of
/// its name, or as its short name, whatever the case.
///
/// # Errors
/// [`Error::Usage`] with similar names when no identity or too many have the name.
pub async fn find(typed: &str, session: &Session) -> Result<Vec<String>> {
    if Kind::of(typed) != Kind::Actor || typed.starts_with("arn:") {
        return Ok(vec![typed.to_owned()]);
    }
    let batches = session.query("identities", NAMES, &Parameters::new()).await?.collect().await?;
    let rows = crate::detect::rows(&batches).map_err(|e| Error::query("identities", e))?;
    let names: Vec<&str> = rows.iter().filter_map(|row| row.get("name")?.as_str()).collect();
    meant(typed, &names)
}

fn meant(typed: &str, names: &[&str]) -> Result<Vec<String>> {
    let wanted = typed.to_lowercase();
    let found: BTreeSet<&str> = names.iter().copied().filter(|name| forms(name).contains(&wanted)).collect();
    match found.len() {
        0 => {
            let forms: Vec<(String, &str)> =
                names.iter().flat_map(|name| forms(name).into_iter().map(move |form| (form, *name))).collect();
            let near = nearest(&wanted, forms.iter().map(|(form, _)| form.as_str()));
            let near = near.and_then(|near| forms.iter().find(|(form, _)| form == near));
            let hint = match near {
                Some((_, name)) => format!("did you mean {name}?"),
                None => "`trailhunt query calls_by_identity` lists the identities in the lake".into(),
            };
            Err(Error::Usage(format!("no identity {typed} in the lake; {hint}")))
        }
        n if n > MEANT_MAX => {
            let some: Vec<&str> = found.into_iter().take(3).collect();
            let count = counted(n as u64, "identity");
            Err(Error::Usage(format!("{typed} is the name of {count}, such as {}; give an ARN", some.join(", "))))
        }
        _ => Ok(found.into_iter().map(str::to_owned).collect()),
    }
}

/// What people call an identity, in lower case: all of its name, its short name, its resource with and without the type,
/// its last part, and of an e-mail address the part before the `@`.
fn forms(name: &str) -> [String; 6] {
    let resource = name.splitn(6, ':').nth(5).unwrap_or(name).to_lowercase();
    let without_type = resource.split_once('/').map_or(resource.as_str(), |(_, rest)| rest).to_owned();
    let last = resource.rsplit('/').next().unwrap_or_default().to_owned();
    let person = last.split('@').next().unwrap_or_default().to_owned();
    [name.to_lowercase(), short_name(name).to_lowercase(), resource, without_type, last, person]
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 5] = [
        "arn:aws:iam::111122223333:user/eng/maria",
        "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Admin_0123456789abcdef/maria@example.com",
        "arn:aws:iam::111122223333:role/deploy",
        "arn:aws:iam::444455556666:role/deploy",
        "maria@example.com",
    ];

    #[test]
    fn a_short_name_an_e_mail_address_and_a_role_are_found_in_any_case() {
        let found = |typed: &str| meant(typed, &NAMES).unwrap();
        assert_eq!(found("Maria"), [NAMES[0], NAMES[1], NAMES[4]]);
        assert_eq!(found("user/eng/maria"), [NAMES[0]]);
        assert_eq!(found("maria@Example.com"), [NAMES[1], NAMES[4]]);
        assert_eq!(found("maria@example.com as Admin"), [NAMES[1]]);
        assert_eq!(found("deploy"), [NAMES[2], NAMES[3]]);
        assert_eq!(found("role/deploy"), [NAMES[2], NAMES[3]]);
    }

    #[test]
    fn an_unknown_or_too_common_name_is_an_error_with_similar_names() {
        let error = |typed: &str, names: &[&str]| meant(typed, names).unwrap_err().to_string();
        assert_eq!(error("marai", &NAMES), format!("no identity marai in the lake; did you mean {}?", NAMES[0]));
        assert!(error("zzzzzzzzzzzz", &NAMES).ends_with("lists the identities in the lake"));
        let many: Vec<String> = (0..11).map(|n| format!("arn:aws:iam::{n:012}:role/deploy")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert!(
            error("deploy", &many)
                .starts_with("deploy is the name of 11 identities, such as arn:aws:iam::000000000000")
        );
    }
}
