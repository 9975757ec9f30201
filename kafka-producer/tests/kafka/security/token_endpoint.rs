//! A token endpoint that answers what a test wants, on a port of its own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

/// Answers every request like this until the tests end; returns where.
pub(super) fn answering(status: &'static str, body: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            // A client that gives up concerns only itself.
            let _ = stream.and_then(|stream| answer(stream, status, &body));
        }
    });
    format!("http://{address}/token")
}

fn answer(mut stream: TcpStream, status: &str, body: &str) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut line, mut length) = (String::new(), 0);
    while reader.read_line(&mut line)? > 2 {
        let header = line.to_ascii_lowercase();
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        line.clear();
    }
    reader.read_exact(&mut vec![0; length])?;
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nConnection: close\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// An address where nobody answers.
pub(super) fn down() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}/token", listener.local_addr().unwrap())
}

/// An endpoint whose tokens, not signed, have expired a minute ago.
pub(super) fn of_expired_tokens() -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let claims = format!(
        "{{\"sub\":\"alice\",\"iat\":{},\"exp\":{}}}",
        now - 3600,
        now - 60
    );
    let token = format!("{}.{}.", base64("{\"alg\":\"none\"}"), base64(&claims));
    let body =
        format!("{{\"access_token\":\"{token}\",\"token_type\":\"Bearer\",\"expires_in\":60}}");
    answering("200 OK", body)
}

/// As web tokens have it: no padding, and fit for an address.
fn base64(text: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut encoded = String::new();
    for chunk in text.as_bytes().chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..=chunk.len() {
            let digit = bits >> (18 - 6 * at) & 63;
            encoded.push(char::from(DIGITS[digit as usize]));
        }
    }
    encoded
}
