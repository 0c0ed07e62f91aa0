//! Fetches a group of objects and decodes it.

use bytes::Bytes;
use futures::stream::{self, StreamExt};

use super::Group;
use crate::decode::{Decoded, Decoder, Pool};
use crate::error::Result;
use crate::source::{Location, LogObject};

/// Requests for objects in flight at once within a group.
const FETCHES_MAX: usize = 16;

/// A group of objects, decoded.
pub(super) struct Fetched {
    pub decoded: Decoded,
    /// Objects that were asked for.
    pub objects: u64,
    /// Stored bytes read.
    pub bytes: u64,
    /// URL and reason of each object that could not be read.
    pub failed: Vec<(String, String)>,
}

/// Local files are read one after the other on the decoding thread; objects of a bucket many at a time, before decoding.
///
/// An object of more than `bytes_max` stored bytes is not read.
pub(super) async fn fetch_and_decode(source: &Location, group: Group, bytes_max: u64, pool: &Pool) -> Result<Fetched> {
    if source.is_file_system() {
        let source = source.clone();
        return pool
            .decode(move |decoder| {
                let got = |object: LogObject| {
                    let got = source.bytes_of_file(&object.path, bytes_max);
                    (object, got)
                };
                decoded(decoder, group.objects.into_iter().map(got))
            })
            .await;
    }
    let fetches = group.objects.into_iter().map(|object| async move {
        let got = source.bytes_within(&object.path, bytes_max).await;
        (object, got)
    });
    let fetched: Vec<_> = stream::iter(fetches).buffered(FETCHES_MAX).collect().await;
    pool.decode(move |decoder| decoded(decoder, fetched)).await
}

fn decoded(decoder: &mut Decoder, got: impl IntoIterator<Item = (LogObject, Result<Bytes>)>) -> Fetched {
    let (mut objects, mut failed, mut bytes) = (Vec::<(LogObject, Bytes)>::new(), Vec::new(), 0);
    for (object, got) in got {
        match got {
            Ok(stored) => {
                // The size of an hour of event history is unknown until it has been fetched.
                let size_bytes = stored.len() as u64;
                bytes += size_bytes;
                objects.push((LogObject { size_bytes, ..object }, stored));
            }
            Err(e) => failed.push((object.url, e.to_string())),
        }
    }
    let asked = (objects.len() + failed.len()) as u64;
    Fetched { objects: asked, decoded: decoder.decode(objects), bytes, failed }
}
