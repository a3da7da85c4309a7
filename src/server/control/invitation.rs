//! How a browser gets the control token: by a link with a code that works once, and not for long.
//!
//! The code stands behind the `#` of the link, which no server and no `Referer` is told. The page trades it for the token, by
//! `POST /api/session`, and keeps that to its tab. A link passes through the arguments of the browser's process, where other users of
//! the machine can read it: what they send is told apart by whose socket it came from.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    Json,
    extract::{Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use rustix::process::geteuid;
use serde::{Deserialize, Serialize};

use super::ControlRooms;
use crate::{
    reload::Token,
    server::{
        converse::Connection,
        open::order,
        reply::{head, refuse},
    },
};

/// How long a code works: a browser may have to start.
const LIFE: Duration = Duration::from_secs(60);

/// The code that stands; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct ControlLinks(Arc<Mutex<Option<(Token, Instant)>>>);

impl ControlLinks {
    /// A code, in place of the one before.
    ///
    /// # Errors
    /// When the system has no random source.
    pub fn issue(&self) -> Result<Token, getrandom::Error> {
        let code = Token::new()?;
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((code.clone(), Instant::now()));
        Ok(code)
    }

    /// Whether this is the code; from then on it is none.
    fn redeem(&self, given: &str, now: Instant) -> bool {
        let mut standing = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_it = standing.as_ref().is_some_and(|(code, since)| now.duration_since(*since) < LIFE && code.matches(given));
        if is_it {
            *standing = None;
        }
        is_it
    }
}

/// What a page says.
#[derive(Deserialize)]
struct Code {
    code: String,
}

/// What it is told.
#[derive(Serialize)]
struct Session {
    token: String,
    project: String,
    url: String,
}

/// Trades a code for the token.
pub(super) async fn session(State(rooms): State<ControlRooms>, request: Request) -> Response {
    let headers = head(&request);
    let connection: Option<Connection> = request.extensions().get().copied();
    let Code { code } = match order(request).await {
        Ok(code) => code,
        Err((status, why)) => return refuse(&headers, status, why),
    };
    if let Some(Connection { local, remote, .. }) = connection
        && is_another_user(remote, local).await
    {
        return refuse(&headers, StatusCode::FORBIDDEN, "this is another user's project");
    }
    if !rooms.invitations.redeem(&code, Instant::now()) {
        return refuse(&headers, StatusCode::UNAUTHORIZED, "this link was used before, or is too old; press `i` in the terminal");
    }
    rooms.recorder.look();
    let (token, url) = (rooms.token.reveal().to_owned(), rooms.app.url.clone());
    Json(Session { token, project: rooms.project, url }).into_response()
}

/// Whether the other end of a connection is the socket of somebody else than us and root. A system that does not tell whose it is
/// tells no arguments of other users' processes either, or there are no other users.
pub(in crate::server) async fn is_another_user(remote: SocketAddr, local: SocketAddr) -> bool {
    let Ok(table) = tokio::fs::read_to_string("/proc/net/tcp").await else { return false };
    owner(&table, remote, local).is_some_and(|user| user != 0 && user != geteuid().as_raw())
}

/// Whose the socket at `near` is that is connected to `far`, by the kernel's table (`proc_net_tcp.txt` of its documentation).
fn owner(table: &str, near: SocketAddr, far: SocketAddr) -> Option<u32> {
    let (near, far) = (in_hex(near)?, in_hex(far)?);
    table.lines().find_map(|line| {
        let mut columns = line.split_ascii_whitespace().skip(1);
        let is_it = columns.next() == Some(&near) && columns.next() == Some(&far);
        if is_it { columns.nth(4)?.parse().ok() } else { None }
    })
}

fn in_hex(address: SocketAddr) -> Option<String> {
    let SocketAddr::V4(address) = address else { return None };
    Some(format!("{:08X}:{:04X}", u32::from_ne_bytes(address.ip().octets()), address.port()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_works_once_and_not_for_long() {
        let (codes, now) = (ControlLinks::default(), Instant::now());
        assert!(!codes.redeem("", now));
        let first = codes.issue().unwrap();
        let second = codes.issue().unwrap();
        assert!(!codes.redeem(first.reveal(), now), "there is one at a time");
        assert!(!codes.redeem(&second.reveal()[1..], now));
        assert!(!codes.redeem(second.reveal(), now + LIFE + LIFE), "it is too old");
        assert!(codes.redeem(second.reveal(), now));
        assert!(!codes.redeem(second.reveal(), now), "it was used");
    }

    #[test]
    fn the_kernel_tells_whose_a_socket_is() {
        let line = |near: SocketAddr, far: SocketAddr, user: u32| {
            let [near, far] = [near, far].map(|address| in_hex(address).unwrap());
            format!("   0: {near} {far} 01 00000000:00000000 00:00000000 00000000  {user}        0 12345 1 0000000000000000\n")
        };
        let [near, far, other] = ["127.0.0.1:50000", "127.0.0.1:4748", "127.0.0.1:50001"].map(|text| text.parse().unwrap());
        let table = format!("  sl  local_address rem_address\n{}{}", line(far, near, 7), line(near, far, 1000));
        assert_eq!(owner(&table, near, far), Some(1000));
        assert_eq!(owner(&table, far, near), Some(7));
        assert_eq!(owner(&table, other, far), None);
        assert_eq!(owner("", near, far), None);
    }

    #[tokio::test]
    async fn our_own_sockets_are_ours() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let near = tokio::net::TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        assert!(!is_another_user(near.local_addr().unwrap(), near.peer_addr().unwrap()).await);
        if cfg!(target_os = "linux") {
            let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
            let found = owner(&table, near.local_addr().unwrap(), near.peer_addr().unwrap());
            assert_eq!(found, Some(geteuid().as_raw()));
        }
    }
}
