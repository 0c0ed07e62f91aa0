//! `trailhunt shell`: interactive SQL.

use super::Outcome;
use crate::error::Result;
use crate::request::{LakeRequest, Period};
use crate::terminal::Out;
use crate::{ask, hunt, open};

pub async fn shell(request: &LakeRequest, out: &mut Out) -> Result<Outcome> {
    let (snapshot, session) = open::session(request).await?;
    let window = snapshot.days().map(|_| hunt::window(&snapshot, &Period::default())).transpose()?;
    ask::shell(&snapshot, &session, window, out).await?;
    Ok(Outcome::Done)
}
