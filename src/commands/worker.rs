//! `trailhunt worker`: runs parts of the queries of other processes, until it is ended.

use super::Outcome;
use crate::engine::cluster;
use crate::error::Result;
use crate::request::WorkerRequest;
use crate::terminal::Out;

pub async fn worker(request: WorkerRequest, out: &mut Out) -> Result<Outcome> {
    let geo = request.geo()?;
    let settings = request.settings;
    let protected = match settings.identity.is_some() && settings.access.is_protected() {
        true => "with TLS and token",
        false => "for processes of this machine",
    };
    let listening = |address| writeln!(out, "listening at {address}, {protected}");
    cluster::serve(settings, geo, listening).await?;
    Ok(Outcome::Done)
}
