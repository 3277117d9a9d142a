//! The live page: a server of one page, made anew for every request, for browsers on this machine.
//!
//! It answers `GET /` and nothing else. While it listens on this machine only, it answers only those who call it by this
//! machine's name: otherwise a page of others could read it through a name of its own that leads here.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use anyhow::Context;

use super::Subject;
use crate::exit::{sentence, usage};

/// How long a caller may take to ask.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest question.
const LONGEST: usize = 16 * 1024;

/// Serves the report of a subject for as long as the program runs: there is nothing to put in order when Ctrl-C ends it.
/// `ready` is told where, once callers are heard.
///
/// # Errors
/// If nobody can be heard at the address.
pub fn serve(subject: &Subject, at: SocketAddr, ready: &mut dyn FnMut(SocketAddr)) -> anyhow::Result<()> {
    let listener = TcpListener::bind(at).map_err(|e| {
        usage(format!("cannot listen on {at} ({e}); give another address, as in --serve 127.0.0.1:8080"))
    })?;
    let here = listener.local_addr().context("cannot learn the address")?;
    ready(here);
    loop {
        // A caller that is gone again is no error, and who comes next is heard.
        if let Ok((caller, _)) = listener.accept() {
            let subject = subject.clone();
            // A thread each: browsers open connections ahead and leave them silent.
            std::thread::spawn(move || answer(caller, here, &subject));
        }
    }
}

/// Hears a caller and answers. One that is gone or silent is no error.
fn answer(mut caller: TcpStream, here: SocketAddr, subject: &Subject) {
    if caller.set_read_timeout(Some(PATIENCE)).and_then(|()| caller.set_write_timeout(Some(PATIENCE))).is_err() {
        return;
    }
    let Some(question) = hear(&mut caller) else { return };
    let (status, kind, body) = reply(&question, here, subject);
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}; charset=utf-8\r\nContent-Length: {}\r\nCache-Control: no-store\r\n\
         X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let body = if question.starts_with("HEAD ") { "" } else { &body };
    let _ = caller.write_all(head.as_bytes()).and_then(|()| caller.write_all(body.as_bytes()));
}

/// The head of a question, to its empty line.
fn hear(caller: &mut impl Read) -> Option<String> {
    let (mut question, mut part) = (Vec::new(), [0; 1024]);
    while !question.windows(4).any(|end| end == b"\r\n\r\n") {
        let read = caller.read(&mut part).ok().filter(|read| *read > 0)?;
        question.extend_from_slice(&part[..read]);
        if question.len() > LONGEST {
            return None;
        }
    }
    String::from_utf8(question).ok()
}

/// Status, type and body.
fn reply(question: &str, here: SocketAddr, subject: &Subject) -> (&'static str, &'static str, String) {
    let mut words = question.lines().next().unwrap_or_default().split(' ');
    let (way, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let plain = "text/plain";
    if !matches!(way, "GET" | "HEAD") {
        return ("405 Method Not Allowed", plain, "only GET is answered here\n".into());
    }
    if here.ip().is_loopback() && !host(question).is_some_and(is_here) {
        return ("403 Forbidden", plain, "call this machine by 127.0.0.1 or localhost\n".into());
    }
    if path.split('?').next() != Some("/") {
        return ("404 Not Found", plain, "there is one page here: /\n".into());
    }
    let page = subject.page().and_then(|mut page| {
        page.live = !page.unfinished.is_empty();
        page.to_html()
    });
    match page {
        Ok(html) => ("200 OK", "text/html", html),
        Err(error) => ("500 Internal Server Error", plain, format!("{}\n", sentence(&error))),
    }
}

/// What the caller calls this machine, without the port.
fn host(question: &str) -> Option<&str> {
    let value = question.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("host").then(|| value.trim())
    })?;
    // The last colon of an address in brackets may be its own.
    let port = value.rfind(':').filter(|at| value[*at..].chars().skip(1).all(|c| c.is_ascii_digit()));
    Some(port.map_or(value, |at| &value[..at]))
}

fn is_here(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || address.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_those_who_call_this_machine_by_its_name_are_answered() {
        let subject = Subject::Bench("nowhere.json".into());
        let here = "127.0.0.1:8080".parse().unwrap();
        let status = |question: &str| reply(question, here, &subject).0;
        for host in ["127.0.0.1:8080", "localhost", "[::1]:8080", "LOCALHOST:1"] {
            assert!(status(&format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n")).starts_with("500"), "{host}");
        }
        for host in ["evil.example", "127.0.0.1.evil.example:8080", ""] {
            assert!(status(&format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n")).starts_with("403"), "{host}");
        }
        assert!(status("GET / HTTP/1.1\r\n\r\n").starts_with("403"), "nobody is named");
        assert!(status("POST / HTTP/1.1\r\nHost: localhost\r\n\r\n").starts_with("405"));
        assert!(status("GET /../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n").starts_with("404"));
        // Whoever opens it to others knows by what name they call.
        let open = "0.0.0.0:80".parse().unwrap();
        assert!(reply("GET /?x HTTP/1.1\r\nHost: box\r\n\r\n", open, &subject).0.starts_with("500"));
    }

    #[test]
    fn a_question_without_an_end_is_not_heard() {
        assert_eq!(hear(&mut &b"GET / HTTP/1.1\r\n\r\n"[..]).as_deref(), Some("GET / HTTP/1.1\r\n\r\n"));
        assert_eq!(hear(&mut &b"GET /"[..]), None);
        assert_eq!(hear(&mut &vec![b'a'; 3 * LONGEST][..]), None);
    }
}
