//! Keys that object_store cannot represent: `a//b`, `/a`, `a/`, `a/./b`, and keys with control characters.
//!
//! object_store fails a whole page of a listing for one such key. [`KeyConnector`] marks the unusual parts of keys in
//! list responses, so that the page is accepted; [`restored`] turns a marked path into the real key where a request for
//! it is possible. All other keys pass unchanged.

use async_trait::async_trait;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService, ReqwestConnector,
};
use object_store::path::{Path, PathPart};
use object_store::{ClientOptions, Result};

use super::level::Unlisted;

/// Stands before each unusual part of a key. A private-use character that no real key has.
const MARK: char = '\u{f8ff}';

/// Connects with reqwest, and marks the unusual keys in list responses.
#[derive(Debug, Default)]
pub(super) struct KeyConnector;

impl HttpConnector for KeyConnector {
    fn connect(&self, options: &ClientOptions) -> Result<HttpClient> {
        Ok(HttpClient::new(MarkedKeys(ReqwestConnector::default().connect(options)?)))
    }
}

#[derive(Debug)]
struct MarkedKeys(HttpClient);

#[async_trait]
impl HttpService for MarkedKeys {
    async fn call(&self, request: HttpRequest) -> std::result::Result<HttpResponse, HttpError> {
        let is_list = request.uri().query().is_some_and(|query| query.contains("list-type=2"));
        let response = self.0.execute(request).await?;
        if !is_list || !response.status().is_success() {
            return Ok(response);
        }
        let (head, body) = response.into_parts();
        let body = body.bytes().await?;
        let body = match std::str::from_utf8(&body) {
            Ok(text) => marked(text).into(),
            Err(e) => return Err(HttpError::new(HttpErrorKind::Decode, e)),
        };
        Ok(HttpResponse::from_parts(head, body))
    }
}

/// A list response whose unusual keys and prefixes are marked.
fn marked(xml: &str) -> String {
    let mut out = String::with_capacity(xml.len());
    let mut rest = xml;
    loop {
        let tags = [("<Key>", "</Key>"), ("<Prefix>", "</Prefix>")];
        let found = tags.iter().filter_map(|(open, close)| Some((rest.find(open)?, open, close))).min();
        let Some((at, open, close)) = found else { break };
        let start = at + open.len();
        let Some(length) = rest[start..].find(close) else { break };
        out.push_str(&rest[..start]);
        out.push_str(&marked_key(&rest[start..start + length], *open == "<Prefix>"));
        rest = &rest[start + length..];
    }
    out.push_str(rest);
    out
}

/// A key as it is written in XML, with its unusual parts marked. The slash at the end of a prefix belongs to it.
fn marked_key(key: &str, is_prefix: bool) -> String {
    if key.is_empty() {
        return String::new();
    }
    let (key, end) = match key.strip_suffix('/') {
        Some(key) if is_prefix => (key, "/"),
        _ => (key, ""),
    };
    let parts = key.split('/').map(|part| match part {
        "" | "." | ".." => format!("{MARK}{part}"),
        // What has no way back is only named: it must not contain what object_store refuses.
        _ if has_control(part) => {
            format!("{MARK}{}", part.replace(|c: char| c.is_ascii_control(), "\u{fffd}").replace("&#", "&amp;#"))
        }
        _ => part.to_owned(),
    });
    parts.collect::<Vec<_>>().join("/") + end
}

/// Whether XML text has a control character, as itself or as a reference such as `&#10;` or `&#xA;`.
fn has_control(text: &str) -> bool {
    let is_control = |reference: &str| {
        let digits = reference.split(';').next().unwrap_or_default();
        let code = match digits.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16),
            None => digits.parse(),
        };
        code.is_ok_and(|code| code < 0x20 || code == 0x7f)
    };
    text.chars().any(|c| c.is_ascii_control()) || text.split("&#").skip(1).any(is_control)
}

/// The path of the real key; `None` when no request for it is possible.
pub(super) fn restored(path: &Path) -> Option<Path> {
    if !path.as_ref().contains(MARK) {
        return Some(path.clone());
    }
    let mut restored = Path::ROOT;
    for part in path.as_ref().split('/') {
        let part = match part.strip_prefix(MARK) {
            // A path cannot start with an empty part.
            Some("") if restored.is_root() => return None,
            Some("") => "",
            Some(_) => return None,
            None => part,
        };
        restored = restored.join(PathPart::parse(part).ok()?);
    }
    Some(restored)
}

/// A key that no request is possible for. `end` is the slash of a prefix.
pub(super) fn unlisted(path: &Path, end: &str) -> Unlisted {
    let reason =
        "its key starts with a slash, or has a part that is `.`, `..` or not printable; copy it to another key";
    Unlisted { path: path.as_ref().replace(MARK, "") + end, is_folder: true, reason: reason.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The path that object_store makes of a key in a list response.
    fn accepted(key: &str, is_prefix: bool) -> Path {
        Path::parse(marked_key(key, is_prefix)).unwrap()
    }

    #[test]
    fn a_key_with_empty_parts_is_restored() {
        for key in ["a//b.json.gz", "a/b", "a///b", "folder/", "it&#39;s/b"] {
            assert_eq!(restored(&accepted(key, false)).unwrap().as_ref(), key);
        }
        assert_eq!(restored(&accepted("a//", true)).unwrap().as_ref(), "a/", "object_store adds the slash of a prefix");
        assert_eq!(restored(&accepted("a/b/", true)).unwrap().as_ref(), "a/b");
    }

    #[test]
    fn a_key_without_a_way_back_is_named() {
        for (key, name) in
            [("/a/b.gz", "/a/b.gz"), ("a/../b", "a/../b"), ("a/./b", "a/./b"), ("a/b\n.gz", "a/b\u{fffd}.gz")]
        {
            let path = accepted(key, false);
            assert_eq!(restored(&path), None, "{key}");
            assert_eq!(unlisted(&path, "").path, name);
        }
        assert_eq!(restored(&accepted("/", true)), None);
        assert_eq!(marked_key("a/&#10;b", false), format!("a/{MARK}&amp;#10;b"));
    }

    #[test]
    fn only_keys_and_prefixes_of_a_response_are_marked() {
        let xml = "<R><Prefix>p/</Prefix><Delimiter>/</Delimiter><Contents><Key>p//x</Key><ETag>//</ETag></Contents>\
                   <CommonPrefixes><Prefix>p//</Prefix></CommonPrefixes></R>";
        let expected =
            xml.replace("p//x", &format!("p/{MARK}/x")).replace("<Prefix>p//<", &format!("<Prefix>p/{MARK}/<"));
        assert_eq!(marked(xml), expected);
    }
}
