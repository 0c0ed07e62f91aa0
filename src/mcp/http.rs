//! HTTP on an address of this machine, for clients with the token.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::AUTHORIZATION;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use tokio::net::TcpListener;

use super::server::Server;
use crate::error::{Error, Result};
use crate::sha256;

/// Path of the protocol.
pub const PATH: &str = "/mcp";

/// Serves until the program is stopped. Only names of this machine are accepted as the host, and no request from a page of
/// a browser, so that a website cannot reach it through one (DNS rebinding).
pub async fn serve(
    server: Server,
    listen: SocketAddr,
    token: &str,
    listening: impl FnOnce(SocketAddr) -> Result<()>,
) -> Result<()> {
    let failed = |e: std::io::Error| Error::Usage(format!("--listen {listen}: {e}"));
    let listener = TcpListener::bind(listen).await.map_err(failed)?;
    let config = StreamableHttpServerConfig::default().enforce_origin_validation();
    let sessions = Arc::new(LocalSessionManager::default());
    let service = StreamableHttpService::new(move || Ok(server.clone()), sessions, config);
    let expected = Arc::new(sha256::hex(token.as_bytes()));
    let with_token = middleware::from_fn(move |request: Request, next: Next| {
        let expected = Arc::clone(&expected);
        async move { if has_token(&request, &expected) { next.run(request).await } else { refused() } }
    });
    let router = Router::new().nest_service(PATH, service).layer(with_token);
    listening(listener.local_addr().map_err(failed)?)?;
    axum::serve(listener, router).await.map_err(failed)
}

/// Compares hashes, so that the time it takes tells nothing about the token.
fn has_token(request: &Request, expected_sha256: &str) -> bool {
    let header = request.headers().get(AUTHORIZATION).and_then(|header| header.to_str().ok());
    let given = header.and_then(|header| header.split_once(' '));
    given.is_some_and(|(scheme, token)| {
        scheme.eq_ignore_ascii_case("bearer") && sha256::hex(token.trim().as_bytes()) == expected_sha256
    })
}

fn refused() -> Response {
    (StatusCode::UNAUTHORIZED, [("www-authenticate", "Bearer")], "send the token as Authorization: Bearer ...\n")
        .into_response()
}
