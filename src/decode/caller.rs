//! Parses a record's `userIdentity`, once for all calls of a batch with the same one.

use std::borrow::Cow;
use std::sync::LazyLock;

use super::actor::{Identity, actor};
use super::event::slot;
use super::{json, scan};
use crate::schema::{Column, EVENTS, Origin};

/// A parsed `userIdentity`.
#[derive(Debug)]
pub struct Caller<'a> {
    raw: &'a str,
    /// Slots of the columns for its members, with their raw JSON text.
    pub members: Vec<(usize, &'a str)>,
    /// The identity used for baselines.
    pub actor: Option<String>,
    /// Name of the role session.
    pub session: Option<String>,
    /// `accountId`.
    pub account_id: Option<Cow<'a, str>>,
}

impl<'a> Caller<'a> {
    /// Parses the JSON text of a `userIdentity` of a call in `region`.
    pub fn parse(raw: &'a str, region: Option<Cow<'a, str>>) -> Caller<'a> {
        let mut caller = Caller { raw, members: Vec::new(), actor: None, session: None, account_id: None };
        find_members(raw, &mut Vec::with_capacity(3), &mut caller.members);
        let identity = Identity { region, ..caller.identity() };
        let (actor, session) = actor(&identity);
        (caller.actor, caller.session) = (actor.map(Cow::into_owned), session.map(str::to_owned));
        caller.account_id = identity.account_id;
        caller
    }

    fn identity(&self) -> Identity<'a> {
        let raw = |slot: usize| self.members.iter().find(|(known, _)| *known == slot).map(|(_, raw)| *raw);
        let text = |slot: usize| raw(slot).and_then(json::text);
        let kind = text(const { slot("user_identity_type") });
        let on_behalf_of =
            matches!(kind.as_deref(), Some("IdentityCenterUser" | "Unknown")).then(|| on_behalf_of(self.raw)).flatten();
        Identity {
            kind,
            on_behalf_of,
            arn: text(const { slot("user_identity_arn") }),
            principal_id: text(const { slot("user_identity_principal_id") }),
            account_id: text(const { slot("user_identity_account_id") }),
            user_name: text(const { slot("user_identity_user_name") }),
            invoked_by: text(const { slot("invoked_by") }),
            issuer_arn: text(const { slot("session_issuer_arn") }),
            region: None,
        }
    }
}

/// Finds the members with a column, up to three levels deep. The first of repeated members counts.
fn find_members<'a>(object: &'a str, path: &mut Vec<Cow<'a, str>>, members: &mut Vec<(usize, &'a str)>) {
    let mut found = |name: Cow<'a, str>, raw: &'a str| {
        path.push(name);
        match identity_slot(path) {
            Some(slot) if members.iter().all(|(known, _)| *known != slot) => members.push((slot, raw)),
            Some(_) => {}
            None if raw.starts_with('{') && path.len() < 3 => find_members(raw, path, members),
            None => {}
        }
        path.pop();
    };
    match scan::members(object) {
        Some((scanned, length)) if length == object.len() => {
            scanned.into_iter().for_each(|(name, raw)| found(Cow::Borrowed(name), raw));
        }
        // An identity that is not an object is only kept in the column `user_identity`.
        _ => drop(json::members(object, found)),
    }
}

static IDENTITY_MEMBERS: LazyLock<Vec<(&[&str], usize)>> = LazyLock::new(|| {
    let member = |(slot, column): (usize, &Column)| match column.from {
        Origin::Identity(path) => Some((path, slot)),
        _ => None,
    };
    EVENTS.iter().enumerate().filter_map(member).collect()
});

fn identity_slot(path: &[Cow<str>]) -> Option<usize> {
    IDENTITY_MEMBERS.iter().find(|(member, _)| member.iter().eq(path.iter())).map(|(_, slot)| *slot)
}

/// `onBehalfOf.userId`: the Identity Center user on whose behalf the call was made.
fn on_behalf_of(identity: &str) -> Option<Cow<'_, str>> {
    let mut user = None;
    let mut behalf = None;
    json::members(identity, |name, raw| {
        if name == "onBehalfOf" {
            behalf = Some(raw);
        }
    })
    .ok()?;
    json::members(behalf?, |name, raw| {
        if name == "userId" {
            user = json::text(raw);
        }
    })
    .ok()?;
    user
}
