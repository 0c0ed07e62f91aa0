//! Connections between the processes of a cluster: their addresses, TLS, and the token that all of them share.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use datafusion::common::{DataFusionError, Result as Planned};
use datafusion_distributed::{ChannelResolver, GetWorkerInfoRequest, WorkerChannel, grpc};
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request};
use tonic::body::Body;
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint};
use url::Url;

use super::Workers;
use crate::error::{Error, Result, one_line};

/// A connection that is not made within this time fails.
const CONNECTED: Duration = Duration::from_secs(5);
/// A worker that does not answer within this time is lost. A busy one can take seconds.
const ANSWER: Duration = Duration::from_secs(30);
/// A connection is asked for a sign of life this often, and lost after [`ANSWER`].
pub(super) const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// What lets processes of a cluster talk to each other.
#[derive(Clone, Default)]
pub struct Access {
    /// The certificate of the authority that signed those of the workers, in PEM. Without it, connections are not encrypted.
    pub authority: Option<Vec<u8>>,
    /// The name in the workers' certificates, if it is not the host in their addresses.
    pub name: Option<String>,
    /// The token.
    pub token: Option<String>,
}

/// The certificate of a worker and its key, in PEM.
#[derive(Clone)]
pub struct Identity {
    /// The certificate, and those between it and the authority's.
    pub certificate: Vec<u8>,
    /// The private key.
    pub key: Vec<u8>,
}

impl Access {
    /// Connections are encrypted, and only processes with the token get an answer.
    pub fn is_protected(&self) -> bool {
        self.authority.is_some() && self.token.is_some()
    }

    /// The header that proves that the sender knows the token.
    pub(super) fn header(&self) -> Option<String> {
        self.token.as_ref().map(|token| format!("Bearer {token}"))
    }
}

/// Without the token.
impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").field("is_protected", &self.is_protected()).field("name", &self.name).finish()
    }
}

/// Without the key.
impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity")
    }
}

/// The URLs of the workers.
pub(super) async fn urls(workers: &Workers) -> Result<Vec<Url>> {
    let scheme = if workers.access.authority.is_some() { "https" } else { "http" };
    let mut urls = Vec::new();
    for address in &workers.addresses {
        let wrong = |reason: String| Error::Usage(format!("--workers {address}: {reason}"));
        let address = address.trim();
        let expected = || wrong("expected HOST:PORT, or dns:HOST:PORT for all addresses of a host".into());
        let parsed = |address: &str| {
            let url = Url::parse(&format!("{scheme}://{address}")).map_err(|_| expected())?;
            let is_plain = url.path() == "/" && url.host().is_some() && !address.contains(['@', '?', '#', '/']);
            if is_plain && address.contains(':') { Ok(url) } else { Err(expected()) }
        };
        match address.strip_prefix("dns:") {
            None => urls.push(parsed(address)?),
            Some(host) => {
                parsed(host)?;
                let found = tokio::net::lookup_host(host).await.map_err(|e| wrong(e.to_string()))?;
                let found = found.map(|address| parsed(&address.to_string()));
                urls.extend(found.collect::<Result<Vec<_>>>()?);
            }
        }
    }
    urls.sort_unstable();
    urls.dedup();
    let is_open = |url: &&Url| !is_local(url) && !workers.access.is_protected();
    if let Some(open) = urls.iter().find(is_open) {
        let next = "give --cluster-ca and --cluster-token-file: only workers on this machine are used without them";
        return Err(Error::Usage(format!(
            "--workers {}: {next}",
            &open[url::Position::BeforeHost..url::Position::AfterPort]
        )));
    }
    Ok(urls)
}

/// The innermost cause, with what to do about it.
fn reason(error: &DataFusionError, is_encrypted: bool) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let text = match cause.downcast_ref::<tonic::Status>() {
        Some(status) => status.message().to_owned(),
        None => cause.to_string(),
    };
    let next = match is_encrypted {
        _ if text.contains("refused") => "is `trailhunt worker` running there?",
        _ if text.contains("wrong token") => "give the --cluster-token-file of the worker",
        true if text.contains("InvalidContentType") => "it does not use TLS: start it with --cert and --key",
        true => "check --cluster-ca, and the name in its certificate or --cluster-name",
        // What a worker with TLS answers is no HTTP; where that is noticed depends on the moment.
        false => "it may use TLS: give --cluster-ca",
    };
    one_line(&format!("{text}; {next}"))
}

fn is_local(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(ip)) => IpAddr::V4(ip).is_loopback(),
        Some(url::Host::Ipv6(ip)) => IpAddr::V6(ip).is_loopback(),
        None => false,
    }
}

/// Connections by URL. Workers use them too, to talk to each other.
#[derive(Debug, Clone)]
pub(super) struct Channels {
    access: Arc<Access>,
    open: Arc<Mutex<HashMap<Url, grpc::BoxCloneSyncChannel>>>,
}

impl Channels {
    pub fn new(access: Access) -> Channels {
        Channels { access: Arc::new(access), open: Arc::default() }
    }

    /// The version of a worker, or why it does not answer.
    pub async fn version(&self, url: &Url) -> std::result::Result<String, String> {
        let asked = async {
            let mut client = grpc::create_worker_client(self.channel(url)?);
            client.get_worker_info(GetWorkerInfoRequest {}).await
        };
        match tokio::time::timeout(ANSWER, asked).await {
            Ok(Ok(answer)) => Ok(answer.version),
            Ok(Err(e)) => Err(reason(&e, self.access.authority.is_some())),
            Err(_) => Err(format!("no answer within {} seconds", ANSWER.as_secs())),
        }
    }

    fn channel(&self, url: &Url) -> Planned<grpc::BoxCloneSyncChannel> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = open.get(url) {
            return Ok(known.clone());
        }
        let external = |e: tonic::transport::Error| DataFusionError::External(Box::new(e));
        let mut endpoint = Endpoint::from_shared(url.as_str().to_owned())
            .map_err(external)?
            .connect_timeout(CONNECTED)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(KEEP_ALIVE)
            .keep_alive_timeout(ANSWER)
            .keep_alive_while_idle(true);
        if let Some(authority) = &self.access.authority {
            let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(authority));
            let tls = match &self.access.name {
                Some(name) => tls.domain_name(name),
                None => tls,
            };
            endpoint = endpoint.tls_config(tls).map_err(external)?;
        }
        let header = self.access.header().map(|header| {
            HeaderValue::try_from(header).map(|mut header| {
                header.set_sensitive(true);
                header
            })
        });
        let header = header.transpose().map_err(|e| DataFusionError::External(Box::new(e)))?;
        let with_token = move |mut request: Request<Body>| {
            if let Some(header) = &header {
                request.headers_mut().insert(AUTHORIZATION, header.clone());
            }
            request
        };
        // It connects at the first request, and again after it was lost.
        let channel = tower::util::MapRequest::new(endpoint.connect_lazy(), with_token);
        let channel = grpc::BoxCloneSyncChannel::new(channel);
        open.insert(url.clone(), channel.clone());
        Ok(channel)
    }
}

#[async_trait]
impl ChannelResolver for Channels {
    async fn get_worker_client_for_url(&self, url: &Url) -> Planned<Box<dyn WorkerChannel>, DataFusionError> {
        Ok(grpc::create_worker_client(self.channel(url)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn urls_of(addresses: &[&str], is_protected: bool) -> std::result::Result<Vec<String>, String> {
        let access = match is_protected {
            true => Access { authority: Some(Vec::new()), token: Some("t".into()), name: None },
            false => Access::default(),
        };
        let addresses = addresses.iter().map(|address| (*address).to_owned()).collect();
        let workers = Workers { addresses, access, task_bytes: 1 };
        let found = urls(&workers).await.map_err(|e| e.to_string())?;
        Ok(found.into_iter().map(|url| url.to_string()).collect())
    }

    #[tokio::test]
    async fn without_tls_and_token_only_local_workers_are_used() {
        let local = ["127.0.0.1:7411", "localhost:7412", "[::1]:7413", "127.0.0.1:7411"];
        let urls = urls_of(&local, false).await.unwrap();
        assert_eq!(urls, ["http://127.0.0.1:7411/", "http://[::1]:7413/", "http://localhost:7412/"]);
        assert!(
            urls_of(&["10.0.0.1:7411"], false)
                .await
                .unwrap_err()
                .contains("--workers 10.0.0.1:7411: give --cluster-ca")
        );
        assert_eq!(urls_of(&["10.0.0.1:7411"], true).await.unwrap(), ["https://10.0.0.1:7411/"]);
        assert_eq!(urls_of(&["dns:127.0.0.1:7411"], false).await.unwrap(), ["http://127.0.0.1:7411/"]);
    }

    #[tokio::test]
    async fn a_wrong_address_is_named() {
        for wrong in
            ["", "host", "http://host:7411", "host:7411/path", "host:x", "dns:", ":7411", "u:p@host:1", "host:1?x"]
        {
            let error = urls_of(&[wrong], true).await.unwrap_err();
            assert!(error.contains("expected HOST:PORT"), "{wrong}: {error}");
        }
    }
}
