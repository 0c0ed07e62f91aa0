//! A bucket on a loopback port: as much of S3 as reading an archive needs.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

/// The server; it runs until the test ends.
pub struct Bucket {
    port: u16,
}

struct Content {
    objects: Vec<(String, Vec<u8>)>,
    /// Prefixes that may not be listed.
    forbidden: Vec<String>,
}

impl Bucket {
    /// Serves the objects in every bucket.
    pub fn serve(objects: &[(String, Vec<u8>)], forbidden: &[&str]) -> Bucket {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let forbidden = forbidden.iter().map(|prefix| prefix.to_string()).collect();
        let content = Arc::new(Content { objects: objects.to_vec(), forbidden });
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let content = Arc::clone(&content);
                std::thread::spawn(move || content.answer(stream));
            }
        });
        Bucket { port }
    }

    /// The environment that reads from this server.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{}", self.port)),
            ("NO_PROXY", "127.0.0.1".into()),
            ("AWS_REGION", "us-east-1".into()),
            ("AWS_ACCESS_KEY_ID", "invented".into()),
            ("AWS_SECRET_ACCESS_KEY", "invented".into()),
        ]
    }
}

impl Content {
    /// Answers one request per connection.
    fn answer(&self, mut stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().expect("a socket"));
        let mut request = String::new();
        let _ = reader.read_line(&mut request);
        let mut line = String::new();
        while reader.read_line(&mut line).is_ok_and(|n| n > 2) {
            line.clear();
        }
        let mut parts = request.split(' ');
        let (method, target) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let (status, body) = if query.contains("list-type=2") { self.list(query) } else { self.object(path) };
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Length: {}\r\nETag: \"1\"\r\nConnection: close\r\n\
             Last-Modified: Mon, 06 May 2024 07:15:00 GMT\r\n\r\n",
            body.len()
        );
        let _ = stream.write_all(head.as_bytes());
        if method != "HEAD" {
            let _ = stream.write_all(&body);
        }
    }

    fn object(&self, path: &str) -> (&'static str, Vec<u8>) {
        // The first part is the bucket.
        let key = decoded(path.get(1..).and_then(|path| path.split_once('/')).map_or("", |(_, key)| key));
        match self.objects.iter().find(|(known, _)| *known == key) {
            Some((_, bytes)) => ("200 OK", bytes.clone()),
            None => ("404 Not Found", Vec::new()),
        }
    }

    fn list(&self, query: &str) -> (&'static str, Vec<u8>) {
        let parameter = |name: &str| query.split('&').find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
        let prefix = decoded(parameter("prefix").unwrap_or_default());
        if self.forbidden.contains(&prefix) {
            return ("403 Forbidden", b"<Error><Code>AccessDenied</Code><Message>no</Message></Error>".to_vec());
        }
        let mut folders: BTreeSet<String> = BTreeSet::new();
        let mut xml = "<ListBucketResult>".to_owned();
        let forbidden = self.forbidden.iter().map(|prefix| (format!("{prefix}x"), 1));
        for (key, size) in self.objects.iter().map(|(key, bytes)| (key.clone(), bytes.len())).chain(forbidden) {
            let Some(rest) = key.strip_prefix(&prefix) else { continue };
            match rest.split_once('/').filter(|_| parameter("delimiter").is_some()) {
                Some((folder, _)) => drop(folders.insert(format!("{prefix}{folder}/"))),
                None => {
                    let time = "2024-05-06T07:15:00.000Z";
                    xml += &format!(
                        "<Contents><Key>{key}</Key><Size>{size}</Size><LastModified>{time}</LastModified><ETag>1</ETag></Contents>"
                    );
                }
            }
        }
        folders.iter().for_each(|name| xml += &format!("<CommonPrefixes><Prefix>{name}</Prefix></CommonPrefixes>"));
        ("200 OK", (xml + "</ListBucketResult>").into_bytes())
    }
}

/// Removes percent encoding.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let hex = |byte: u8| char::from(byte).to_digit(16).expect("two digits after a percent sign") as u8;
        bytes.push(match byte {
            b'%' => hex(rest.next().expect("a digit")) * 16 + hex(rest.next().expect("a digit")),
            b'+' => b' ',
            byte => byte,
        });
    }
    String::from_utf8(bytes).expect("keys are UTF-8")
}
