//! The app under load. POST_LOG gets a line for each POST that was done, APP_PORT is a port to insist on.

use std::{
    env,
    fs::{File, OpenOptions},
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    thread,
};

const VERSION: &str = "v0";

fn main() {
    let port = env::var("APP_PORT").or_else(|_| env::var("PORT")).expect("a port");
    let log = OpenOptions::new().append(true).create(true).open(env::var("POST_LOG").expect("a log")).expect("the log opens");
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).expect("a free port");
    for stream in listener.incoming().flatten() {
        let log = log.try_clone().expect("a descriptor");
        thread::spawn(move || drop(serve(stream, log)));
    }
}

fn serve(stream: TcpStream, mut log: File) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut writer = stream;
    loop {
        let (mut first, mut length, mut is_last) = (String::new(), 0, false);
        reader.read_line(&mut first).ok().filter(|read| *read > 0)?;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
            let line = line.trim().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(text) = line.strip_prefix("content-length:") {
                length = text.trim().parse().ok()?;
            }
            is_last |= line == "connection: close";
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        if first.starts_with("POST ") {
            body.push(b'\n');
            log.write_all(&body).ok()?;
        }
        let page = format!("<!doctype html><html><head></head><body>[{VERSION}]</body></html>");
        let head = format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\r\n", page.len());
        writer.write_all((head + &page).as_bytes()).ok()?;
        if is_last {
            return None;
        }
    }
}
